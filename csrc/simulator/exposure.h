// The links that stand in the place of mounted folders where shadow copies are exposed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vsspy::simulator {

struct exposure;

enum class link_result { made, no_empty_folder, impossible };

// Puts a link to `target` in the place of the empty folder that is `elements` below `volume`. No link is followed on
// the way, so that it cannot lead out of the volume. `link` becomes its path.
link_result make_link(const std::filesystem::path& volume, const std::vector<std::u16string>& elements,
                      const std::filesystem::path& target, std::filesystem::path& link);

// Removes it and puts the empty folder back. False, and nothing is done, when something else stands there by now.
bool remove_link(const exposure& exposed, const std::filesystem::path& target);

// The folder that is `elements` below `root`; empty where there is none, or where a link is on the way.
std::filesystem::path folder_below(const std::filesystem::path& root, const std::vector<std::u16string>& elements);

}  // namespace vsspy::simulator
