#include "exposure.h"

#include <system_error>

#include "machine.h"
#include "native_path.h"

namespace vsspy::simulator {

namespace fs = std::filesystem;

fs::path folder_below(const fs::path& root, const std::vector<std::u16string>& elements) {
  fs::path found = root;
  std::error_code error;
  if (!fs::is_directory(fs::symlink_status(found, error))) return {};
  for (const std::u16string& each : elements) {
    const fs::path element = native_path(com::to_utf8(each));
    if (element.has_root_path()) return {};  // D: would replace all before it
    found /= element;
    if (!fs::is_directory(fs::symlink_status(found, error))) return {};
  }
  return found;
}

link_result make_link(const fs::path& volume, const std::vector<std::u16string>& elements, const fs::path& target,
                      fs::path& link) {
  const fs::path folder = elements.empty() ? fs::path() : folder_below(volume, elements);
  std::error_code error;
  if (folder.empty() || !fs::is_empty(folder, error) || error) return link_result::no_empty_folder;
  const fs::perms mode = fs::status(folder, error).permissions();
  if (!fs::remove(folder, error) || error) return link_result::impossible;
  fs::create_directory_symlink(target, folder, error);
  if (!error) {
    link = folder;
    return link_result::made;
  }
  // Windows wants a privilege for links, and Wine makes none
  if (fs::create_directory(folder, error)) fs::permissions(folder, mode, error);
  return link_result::impossible;
}

bool remove_link(const exposure& exposed, const fs::path& target) {
  if (exposed.link.empty()) return true;
  std::error_code error;
  const fs::file_type found = fs::symlink_status(exposed.link, error).type();
  if (found == fs::file_type::not_found) return true;
  if (found != fs::file_type::symlink || fs::read_symlink(exposed.link, error) != target || error) return false;
  if (!fs::remove(exposed.link, error)) return false;
  fs::create_directory(exposed.link, error);
  return true;
}

}  // namespace vsspy::simulator
