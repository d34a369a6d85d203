// The folder provider and state folders, for tests alone: vsspy._simulator._testing.
#pragma once

#include <pybind11/pybind11.h>

namespace vsspy::simulator {

// Adds to `module`._testing: ProviderError (arguments: HRESULT, detail), CopyReport, snapshot_folder, check_untouched,
// drop_folder, StateFolder, default_state_root.
void register_provider_testing(pybind11::module_& module);

}  // namespace vsspy::simulator
