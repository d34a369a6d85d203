// The files of a persistent state: each is replaced as a whole, so that whoever is killed leaves the old one or the new
// one, and a temporary one beside it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vsspy::simulator::files {

inline constexpr std::string_view unfinished = ".new";  // how the temporary names end

// All of them but is_folder throw vss_error: VSS_E_INSUFFICIENT_STORAGE, E_ACCESSDENIED, VSS_E_PROVIDER_VETO.
bool make_folder(const std::filesystem::path& folder);  // for this user alone; false: it was there
bool is_folder(const std::filesystem::path& path);      // and no link to one
std::optional<std::string> read(const std::filesystem::path& file);
void replace(const std::filesystem::path& file, std::string_view content);
void remove(const std::filesystem::path& file);  // no error when it is not there

// Everything that was written to the folder's file system is to be there after a power failure too. Where the system
// has nothing of the kind for users (Windows) it is not.
void flush_all(const std::filesystem::path& folder);

// Sorted; all of them or an error: what is not listed counts as removed. Of a folder that is not there: none.
std::vector<std::filesystem::path> names_of(const std::filesystem::path& folder);

}  // namespace vsspy::simulator::files
