// The links that stand in the place of mounted folders where shadow copies are exposed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "../abi/vss_abi.h"

namespace vsspy::simulator {

struct exposure;

enum class link_result { made, impossible };

// The empty folder that is `elements` below `volume`; empty where there is none. No link is followed on the way, so
// that it cannot lead out of the volume.
std::filesystem::path link_place(const std::filesystem::path& volume, const std::vector<std::u16string>& elements);

// Puts a link to `target` in the place of an empty folder, or of nothing.
link_result make_link(const std::filesystem::path& link, const std::filesystem::path& target);

// A note of such a link in the folder of a machine whose shadow copies go with it: who finds that machine dead takes
// the link away and puts the empty folder back. Throws vss_error.
void note_link(const std::filesystem::path& machine, const GUID& copy, const std::filesystem::path& link,
               const std::filesystem::path& target);
void forget_link(const std::filesystem::path& machine, const GUID& copy) noexcept;
void remove_noted_links(const std::filesystem::path& machine) noexcept;

// Removes it and puts the empty folder back. False, and nothing is done, when something else stands there by now, or no
// folder can be made.
bool remove_link(const exposure& exposed, const std::filesystem::path& target);

// The folder that is `elements` below `root`; empty where there is none, or where a link is on the way.
std::filesystem::path folder_below(const std::filesystem::path& root, const std::vector<std::u16string>& elements);

}  // namespace vsspy::simulator
