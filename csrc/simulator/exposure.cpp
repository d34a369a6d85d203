#include "exposure.h"

#include <system_error>

#include "machine.h"
#include "native_path.h"
#include "persistent_files.h"

namespace vsspy::simulator {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view note_prefix = "link-";

fs::path note_of(const fs::path& machine, const GUID& copy) {
  return machine / (std::string(note_prefix) + com::to_utf8(com::guid_text(copy)));
}

}  // namespace

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

fs::path link_place(const fs::path& volume, const std::vector<std::u16string>& elements) {
  fs::path folder = elements.empty() ? fs::path() : folder_below(volume, elements);
  std::error_code error;
  if (folder.empty() || !fs::is_empty(folder, error) || error) return {};
  return folder;
}

link_result make_link(const fs::path& link, const fs::path& target) {
  std::error_code error;
  const fs::file_status before = fs::symlink_status(link, error);
  const bool folder = fs::is_directory(before);
  if (folder && (!fs::remove(link, error) || error)) return link_result::impossible;
  fs::create_directory_symlink(target, link, error);
  if (!error) return link_result::made;
  // Windows wants a privilege for links, and Wine makes none
  if (folder && fs::create_directory(link, error)) fs::permissions(link, before.permissions(), error);
  return link_result::impossible;
}

void note_link(const fs::path& machine, const GUID& copy, const fs::path& link, const fs::path& target) {
  files::replace(note_of(machine, copy), path_text(link) + '\0' + path_text(target));
}

void forget_link(const fs::path& machine, const GUID& copy) noexcept {
  try {
    files::remove(note_of(machine, copy));
  } catch (...) {
    // then it goes with the machine's folder
  }
}

void remove_noted_links(const fs::path& machine) noexcept {
  try {
    for (const fs::path& name : files::names_of(machine)) {
      const std::string text = path_text(name);
      if (!text.starts_with(note_prefix) || text.ends_with(files::unfinished)) continue;
      const std::string note = files::read(machine / name).value_or("");
      const std::size_t end = note.find('\0');
      if (end == note.npos) continue;
      const exposure exposed{.name = {}, .link = native_path(note.substr(0, end))};
      remove_link(exposed, native_path(note.substr(end + 1)));
      std::error_code error;  // killed between the folder's end and the link's begin
      fs::create_directory(exposed.link, error);
    }
  } catch (...) {
    // what cannot be read says nothing
  }
}

bool remove_link(const exposure& exposed, const fs::path& target) {
  if (exposed.link.empty()) return true;
  std::error_code error;
  const fs::file_type found = fs::symlink_status(exposed.link, error).type();
  if (found == fs::file_type::not_found) return true;
  if (found != fs::file_type::symlink || fs::read_symlink(exposed.link, error) != target || error) return false;
  if (!fs::remove(exposed.link, error)) return false;
  if (fs::create_directory(exposed.link, error) || !error) return true;
  fs::create_directory_symlink(target, exposed.link, error);  // no place for a folder: as it was
  return false;
}

}  // namespace vsspy::simulator
