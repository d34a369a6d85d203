#include "faults.h"

namespace vsspy::simulator {

void faults::add(fault added) {
  std::lock_guard lock(mutex_);
  faults_.push_back({std::move(added)});
  any_ = true;
}

affliction faults::next(std::string_view where) {
  affliction found;
  if (!any_) return found;
  std::lock_guard lock(mutex_);
  for (counted& each : faults_) {
    if (each.where != where) continue;
    ++each.calls;
    if (each.nth && each.nth != each.calls) continue;
    if (each.delay < 0 || found.delay < 0) {
      found.delay = -1;
    } else {
      found.delay += each.delay;
    }
    auto& failure = each.at_result ? found.at_result : found.at_call;
    if (each.code && !failure) failure = affliction::failure{*each.code, each.after};
  }
  return found;
}

}  // namespace vsspy::simulator
