#include "named_volumes.h"

#include <algorithm>

namespace vsspy::simulator {

bool names_volume(machine& machine, const argument_list& arguments, const volume& asked) {
  std::lock_guard lock(machine.mutex);
  return std::ranges::any_of(arguments, [&](const argument& each) {
    const std::u16string text = com::to_utf16(each.text);
    if (machine.find_volume(text) == &asked) return true;
    GUID id{};
    if (!com::parse_guid(text, id)) return false;
    return std::ranges::any_of(machine.shadow_copies, [&](const auto& copy) {
      return copy->volume == &asked && (copy->id == id || copy->set_id == id);
    });
  });
}

}  // namespace vsspy::simulator
