#include "snapshot_steps.h"

namespace vsspy::simulator {

HRESULT take_step(session& of, operation& during, const snapshot_step& step) {
  machine& machine = *of.machine;
  const affliction suffers = machine.faults.next(step.name, [&](const volume& asked) { return of.is_planned(asked); });
  if (suffers.delay) {
    const bool too_long = step.limit >= 0 && (suffers.delay < 0 || suffers.delay > step.limit);
    std::unique_lock lock(machine.mutex);
    machine.clock.wait(lock, machine.changed, too_long ? step.limit : suffers.delay,
                       [&] { return machine.closed || during.cancel_requested(); });
    if (machine.closed) return disconnected;
    if (during.stopping()) return VSS_S_ASYNC_CANCELLED;
    if (too_long) return step.too_long;
  }
  return suffers.at_call ? suffers.at_call->code : S_OK;
}

}  // namespace vsspy::simulator
