#include "faults.h"

#include <algorithm>

namespace vsspy::simulator {

namespace {

// Whether the nth call is met: by its own count alone, so that no order of threads changes it. The mix is SplitMix64's.
bool drawn(std::uint64_t seed, std::uint64_t call, double probability) {
  std::uint64_t bits = seed + call * 0x9E3779B97F4A7C15U;
  bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9U;
  bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBU;
  bits ^= bits >> 31;
  return static_cast<double>(bits >> 11) * 0x1p-53 < probability;
}

}  // namespace

void faults::add(fault added) {
  std::lock_guard lock(mutex_);
  std::vector<counted>& same = faults_[added.where];
  same.push_back({std::move(added)});
  any_ = true;
}

affliction faults::next(std::string_view where, const std::function<bool(const volume&)>& concerns) {
  affliction found;
  if (!any_) return found;
  std::vector<const volume*> asked;
  {
    std::lock_guard lock(mutex_);
    const auto all = faults_.find(where);
    if (all == faults_.end()) return found;
    for (const counted& each : all->second) {
      if (each.volume && !std::ranges::count(asked, each.volume)) asked.push_back(each.volume);
    }
  }
  std::erase_if(asked, [&](const volume* each) { return !concerns(*each); });
  std::lock_guard lock(mutex_);
  for (counted& each : faults_.find(where)->second) {
    if (each.volume && !std::ranges::count(asked, each.volume)) continue;
    ++each.calls;
    if (each.nth && each.nth != each.calls) continue;
    if (each.probability && !drawn(each.seed, each.calls, *each.probability)) continue;
    if (each.delay < 0 || found.delay < 0) {
      found.delay = -1;
    } else {
      found.delay += each.delay;
    }
    auto& failure = each.at_result ? found.at_result : found.at_call;
    if (each.code && !failure) {
      failure = affliction::failure{*each.code, each.after, each.volume};
      found.application = each.application;
    }
    found.dies = found.dies || each.dies;
  }
  return found;
}

}  // namespace vsspy::simulator
