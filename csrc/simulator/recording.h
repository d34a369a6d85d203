// A machine's trace as a file, which can be made into a machine again.
#pragma once

#include "machine.h"

namespace vsspy::simulator {

// Writes what ends from now on into a file ("-": the standard error stream) until trace::stop_recording is called with
// what this gives, or as long as the machine is there. Throws vss_error.
const documents::trace_file* start_recording(machine& machine, const std::filesystem::path& path);

}  // namespace vsspy::simulator
