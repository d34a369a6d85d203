#include "group_sets.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace vsspy::filesets {

namespace {

std::uint64_t key(set_id one, set_id other) noexcept { return std::uint64_t{one} << 32 | other; }

}  // namespace

group_sets& group_sets::operator=(const group_sets& other) {
  if (this == &other) return *this;
  ids_ = other.ids_;
  sets_.assign(other.sets_.size(), nullptr);
  for (const auto& [members, id] : ids_) sets_[id] = &members;
  unions_ = other.unions_;
  differences_ = other.differences_;
  return *this;
}

set_id group_sets::of(std::vector<group> members) {
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  const auto [found, is_new] = ids_.try_emplace(std::move(members), static_cast<set_id>(sets_.size()));
  if (is_new) sets_.push_back(&found->first);
  return found->second;
}

set_id group_sets::both(set_id one, set_id other) {
  if (one == other || other == no_groups) return one;
  if (one == no_groups) return other;
  if (one > other) std::swap(one, other);
  const auto known = unions_.find(key(one, other));
  if (known != unions_.end()) return known->second;
  std::vector<group> members;
  std::set_union(sets_[one]->begin(), sets_[one]->end(), sets_[other]->begin(), sets_[other]->end(),
                 std::back_inserter(members));
  return unions_[key(one, other)] = of(std::move(members));
}

set_id group_sets::without(set_id from, set_id what) {
  if (from == what) return no_groups;
  if (from == no_groups || what == no_groups) return from;
  const auto known = differences_.find(key(from, what));
  if (known != differences_.end()) return known->second;
  std::vector<group> members;
  std::set_difference(sets_[from]->begin(), sets_[from]->end(), sets_[what]->begin(), sets_[what]->end(),
                      std::back_inserter(members));
  return differences_[key(from, what)] = of(std::move(members));
}

}  // namespace vsspy::filesets
