#ifndef _WIN32

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "provider_posix.h"

namespace vsspy::simulator::provider {

namespace {

// Links have no descriptor that the attribute calls take; this path leads to the open folder whatever its own path is.
std::string link_path(int folder, const char* name) { return "/proc/self/fd/" + std::to_string(folder) + "/" + name; }

// Calls a "give me the size or fill the buffer" function until its answer fits. -1 leaves errno.
template <typename Function>
ssize_t read_all(std::string& value, Function call) {
  value.resize(256);
  for (;;) {
    const ssize_t length = call(value.data(), value.size());
    if (length >= 0) {
      value.resize(static_cast<std::size_t>(length));
      return length;
    }
    if (errno != ERANGE) return -1;
    const ssize_t wanted = call(nullptr, 0);
    if (wanted < 0) return -1;
    value.resize(static_cast<std::size_t>(wanted) + 256);
  }
}

void note_attribute(std::vector<note>& notes, const std::string& name, int error) {
  notes.push_back({reason((std::string(rule::attribute) + ", " + printable(name)).c_str(), error), true});
}

}  // namespace

attribute_list read_attributes(int fd, const char* name, std::vector<note>& notes) {
  attribute_list attributes;
  const std::string path = *name ? link_path(fd, name) : std::string();
  std::string names;
  const ssize_t length = read_all(names, [&](char* buffer, std::size_t size) {
    return *name ? ::llistxattr(path.c_str(), buffer, size) : ::flistxattr(fd, buffer, size);
  });
  if (length < 0) {
    if (errno != ENOTSUP && errno != ENOENT) notes.push_back({reason(rule::attribute, errno), true});
    return attributes;
  }
  for (std::size_t start = 0; start < names.size();) {
    const std::string attribute = names.c_str() + start;
    start += attribute.size() + 1;
    std::string value;
    const ssize_t got = read_all(value, [&](char* buffer, std::size_t size) {
      return *name ? ::lgetxattr(path.c_str(), attribute.c_str(), buffer, size)
                   : ::fgetxattr(fd, attribute.c_str(), buffer, size);
    });
    if (got >= 0) {
      attributes.emplace_back(attribute, std::move(value));
    } else if (errno != ENODATA) {
      note_attribute(notes, attribute, errno);
    }
  }
  return attributes;
}

void write_metadata(int fd, const char* name, const entry_state& state, const attribute_list& attributes,
                    std::vector<note>& notes) {
  const int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);
  mode_t mode = state.mode & 07777;
  // The owner first: a change of owner takes the set-id bits and security.capability away.
  if (::fchownat(fd, name, state.owner, state.group, flags) != 0) {
    notes.push_back({reason(rule::owner, errno), true});
    entry_state now;
    const bool group_kept = ::fchownat(fd, name, static_cast<uid_t>(-1), state.group, flags) == 0;
    if (!read_state(fd, name, now) || now.owner != state.owner) mode &= ~static_cast<mode_t>(S_ISUID);
    if (!group_kept && !state.is(S_IFDIR)) mode &= ~static_cast<mode_t>(S_ISGID);
    if (mode != (state.mode & 07777))
      notes.push_back({std::string(rule::mode) + " (set-id bits of another owner)", true});
  }
  const std::string path = *name && !attributes.empty() ? link_path(fd, name) : std::string();
  for (const auto& [attribute, value] : attributes) {
    const int result = *name ? ::lsetxattr(path.c_str(), attribute.c_str(), value.data(), value.size(), 0)
                             : ::fsetxattr(fd, attribute.c_str(), value.data(), value.size(), 0);
    if (result == 0) continue;
    if (errno == ENOSPC || errno == EDQUOT) throw_system(errno, "could not write an extended attribute");
    note_attribute(notes, attribute, errno);
  }
  if (!*name && ::fchmod(fd, mode) != 0) notes.push_back({reason(rule::mode, errno), true});
  const timespec times[2] = {state.accessed, state.modified};
  const int result = *name ? ::utimensat(fd, name, times, AT_SYMLINK_NOFOLLOW) : ::futimens(fd, times);
  if (result != 0) notes.push_back({reason(rule::times, errno), true});
}

}  // namespace vsspy::simulator::provider

#endif
