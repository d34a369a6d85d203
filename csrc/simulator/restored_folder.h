// Writing a shadow copy back to a volume.
#pragma once

#include "machine.h"

namespace vsspy::simulator {

// Gives the volume's folder the content of the shadow copy's; its own mode and times stay. A complete copy is made
// beside, inside the volume, before anything is touched; then entry by entry the old one moves out of the way and the
// new one in, and what moved out is removed in the end. Whoever is killed meanwhile leaves everything there, in part in
// folders .vsspy-restored-ID and .vsspy-replaced-ID. The simulator's own folder and exposed shadow copies stay, and
// other volumes' folders inside this one unless `over_other_volumes`. What could not be replaced becomes a note that
// begins with `what`. Without the mutex; an error, but for VSS_E_REVERT_VOLUME_LOST, leaves the volume as it was.
HRESULT write_back(machine& machine, const shadow_copy& copy, const volume& to, const char* what,
                   bool over_other_volumes);

// Whether a file on the volume is open in this process, as far as the system tells: Windows tells nobody. With the
// mutex.
bool has_open_files(const machine& machine, const volume& volume);

// Other volumes of the machine whose folders lie inside this one's. With the mutex.
std::vector<const volume*> volumes_inside(const machine& machine, const volume& volume);

}  // namespace vsspy::simulator
