// Which volumes a call concerns by its arguments: those that it names, and those of the shadow copies and sets that it
// names.
#pragma once

#include "machine.h"

namespace vsspy::simulator {

bool names_volume(machine& machine, const argument_list& arguments, const volume& asked);  // takes the machine's mutex

}  // namespace vsspy::simulator
