// Volumes that several computers share (cluster shared volumes, shares of scale-out file servers): at most one snapshot
// set of all these computers, which here are machines of one process, may be under creation with such a volume in it.
#pragma once

#include <filesystem>

namespace vsspy::simulator {

class session;

// False: another session's set has it. Takes no lock but its own.
bool enter_shared_volume(const std::filesystem::path& folder, const session* session);
void leave_shared_volumes(const session* session) noexcept;

}  // namespace vsspy::simulator
