// Where a path lies: on which of a machine's volumes, and where below its root. Text only; nothing is looked up.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "machine.h"

namespace vsspy::simulator {

struct place {
  const simulator::volume* volume = nullptr;
  std::size_t prefix = 0;                  // how much of the path names the volume
  std::vector<std::u16string> elements{};  // below the volume's root
};

// With the machine's mutex held. Nothing for a path on none of the volumes, and for one with "..".
std::optional<place> locate(const machine& machine, std::u16string_view path);

// A writer's path with each %Name% replaced; a variable that the machine does not have stays as it is.
std::u16string expand_variables(const machine& machine, std::u16string_view path);

}  // namespace vsspy::simulator
