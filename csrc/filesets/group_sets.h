// Sets of groups (a group is all file sets of one component), each kept once: equal sets have equal numbers, and what
// was computed of two is remembered. A walk over a million files then computes next to nothing.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

namespace vsspy::filesets {

using group = std::uint32_t;
using set_id = std::uint32_t;
inline constexpr set_id no_groups = 0;

class group_sets {
 public:
  group_sets() { of({}); }
  group_sets(const group_sets& other) { *this = other; }
  group_sets& operator=(const group_sets& other);
  group_sets(group_sets&&) = default;
  group_sets& operator=(group_sets&&) = default;
  ~group_sets() = default;

  set_id of(std::vector<group> members);  // in any order, also twice
  set_id both(set_id one, set_id other);
  set_id without(set_id from, set_id what);
  set_id common(set_id one, set_id other) { return without(one, without(one, other)); }
  const std::vector<group>& members(set_id id) const { return *sets_.at(id); }

 private:
  std::map<std::vector<group>, set_id> ids_;
  std::vector<const std::vector<group>*> sets_;  // the keys of ids_
  std::unordered_map<std::uint64_t, set_id> unions_, differences_;
};

}  // namespace vsspy::filesets
