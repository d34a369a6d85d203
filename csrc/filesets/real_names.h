// Paths whose letter case is not the disk's.
#pragma once

#include <string>
#include <vector>

namespace vsspy::filesets {

// The names that `elements` have below the folder `root` (with its final separator), up to the first that is not there.
std::vector<std::string> real_names(const std::string& root, const std::vector<std::string>& elements);

}  // namespace vsspy::filesets
