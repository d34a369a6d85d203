#include "freeze_watch.h"

#include <algorithm>

namespace vsspy::simulator {

freeze_watch::freeze_watch(session& of, operation& during) : session_(of), operation_(during), machine_(*of.machine) {
  machine_.start([this] {
    guarded([this]() -> HRESULT {
      watch();
      return S_OK;
    });
    const std::lock_guard lock(machine_.mutex);
    operation_.only_on_its_thread();
    over_ = true;
    machine_.changed.notify_all();
  });
}

freeze_watch::~freeze_watch() {
  std::unique_lock lock(machine_.mutex);
  stop_ = true;
  machine_.changed.notify_all();
  machine_.wait(lock, [&] { return over_; });
}

bool freeze_watch::frozen(attendance& whom) {
  {
    const std::lock_guard lock(machine_.mutex);
    if (!is_over(whom, machine_.clock.now())) {
      frozen_.push_back(&whom);
      ++changes_;
      machine_.changed.notify_all();
      return true;
    }
  }
  expire(whom);  // its handler took too long
  return false;
}

bool freeze_watch::thaws(attendance& whom) {
  const std::lock_guard lock(machine_.mutex);
  ++changes_;
  machine_.changed.notify_all();
  return std::erase(frozen_, &whom) != 0;
}

void freeze_watch::expire(attendance& whom) {
  session_.fail(whom, VSS_WS_FAILED_AT_FREEZE, VSS_E_WRITERERROR_TIMEOUT);
  session_.send_abort(whom);
}

void freeze_watch::watch() {
  const auto end_of = [](const attendance* each) { return each->frozen_since + each->writer->freeze_timeout; };
  std::unique_lock lock(machine_.mutex);
  operation_.also_on_this_thread();
  while (!stop_ && !machine_.closed) {
    const unsigned seen = changes_;
    const std::uint64_t now = machine_.clock.now();
    std::vector<attendance*> late;
    std::ranges::copy_if(frozen_, std::back_inserter(late),
                         [&](const attendance* each) { return is_over(*each, now); });
    if (late.empty()) {
      const auto next = std::ranges::min_element(frozen_, {}, end_of);
      // the moment after its last: Thaw may come at that
      const std::int64_t left = next == frozen_.end() ? -1 : static_cast<std::int64_t>(end_of(*next) - now + 1);
      machine_.clock.wait(lock, machine_.changed, left, [&] { return stop_ || machine_.closed || changes_ != seen; });
      continue;
    }
    std::erase_if(frozen_, [&](const attendance* each) { return std::ranges::count(late, each) != 0; });
    lock.unlock();
    for (attendance* each : late) {
      guarded([&]() -> HRESULT {
        expire(*each);
        return S_OK;
      });
    }
    lock.lock();
  }
}

}  // namespace vsspy::simulator
