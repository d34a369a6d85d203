// One entry that is no folder: looked at, kept or copied again. On a worker's thread.
#ifndef _WIN32

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../com/hresult.h"
#include "provider_posix_tree.h"

namespace vsspy::simulator::provider {

namespace {

const char* special(const entry_state& state) noexcept {
  if (state.is(S_IFIFO)) return rule::fifo;
  if (state.is(S_IFSOCK)) return rule::socket;
  return rule::device;
}

// A name of at most `size` bytes and then some, for readlink: the size that lstat gives may be out of date, or 0.
bool read_link(int folder, const char* name, std::string& text) {
  for (std::size_t size = 256;; size *= 2) {
    text.resize(size);
    const ssize_t length = ::readlinkat(folder, name, text.data(), size);
    if (length < 0) return false;
    if (static_cast<std::size_t>(length) < size) {
      text.resize(static_cast<std::size_t>(length));
      return true;
    }
  }
}

}  // namespace

void tree_copy::look_at(entry_record& entry, const folder_pair& folder, file_copier& copier) {
  entry_state now;
  const bool there = folder.source && read_state(folder.source.get(), entry.name.c_str(), now);
  if (!there || now.is(S_IFDIR)) {  // the folder's own time tells the next pass to list it again
    const int error = there || !folder.source ? ENOENT : errno;
    if (pass_ == 1 || entry.copied || error == ENOENT) ++changes_;
    remove(entry, folder.target.get());
    entry.notes.assign(1, error == ENOENT ? note{rule::gone} : note{reason(rule::unreadable, error)});
    return;
  }
  const bool known = entry.looked.tv_sec != 0 && same(entry.state, now);
  entry.late = false;
  const bool linked = now.links > 1 && now.is(S_IFREG);
  if (known && !linked && !is_racy(entry.state, entry.looked)) return;
  if (!linked) {
    if (pass_ > 1) ++changes_;
    entry.late = pass_ > 1 && !known;
    remove(entry, folder.target.get());
    entry.links.reset();
  }
  entry.notes.clear();
  entry.state = now;
  if (linked) {
    copy_linked(entry, folder, now, copier);
  } else if (now.is(S_IFREG)) {
    copy_file(entry, folder, now, copier);
  } else if (now.is(S_IFLNK)) {
    copy_link(entry, folder, now);
  } else {
    entry.notes.push_back({special(now)});
  }
  // At the end: what is written before a copy's last reading is in it, whatever its time says.
  entry.looked = time_now();
}

void tree_copy::copy_file(entry_record& entry, const folder_pair& folder, const entry_state& now, file_copier& copier) {
  entry.state = now;
  entry.copied = copy_inode(folder.source.get(), entry.name.c_str(), folder.target.get(), entry.name.c_str(),
                            entry.state, entry.notes, copier);
}

// False where the source could not be read or the name not be made: noted, and nothing is left.
bool tree_copy::copy_inode(int source, const char* name, int target, const char* target_name, entry_state& state,
                           std::vector<note>& notes, file_copier& copier) {
  const descriptor in = open_source(source, name, 0);
  entry_state opened;
  if (!in && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) throw_system(errno, "could not open a file");
  if (!in && errno != ENOENT && errno != ELOOP && errno != ENXIO) {
    notes.push_back({reason(rule::unreadable, errno)});
    return false;
  }
  if (!in || !read_state(in.get(), "", opened) || !opened.is(S_IFREG) || is_other_mount(opened, volume_)) {
    if (in && opened.is(S_IFREG) && is_other_mount(opened, volume_)) {
      notes.push_back({rule::mount});
    } else {  // swapped since it was looked at
      notes.push_back({rule::gone});
      state.changed = {};
      ++changes_;
    }
    return false;
  }
  state = opened;
  const descriptor out(
      ::openat(target, target_name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!out) {
    if (errno != EINVAL && errno != EILSEQ && errno != ENAMETOOLONG) throw_system(errno, "could not make a file");
    notes.push_back({reason(rule::unnameable, errno)});
    return false;
  }
  bool cloned = false;
  if (!copier.copy(in.get(), out.get(), state, cloned, notes)) {
    if (::unlinkat(target, target_name, 0) != 0) throw_system(errno, "could not remove half a file");
    return false;
  }
  if (cloned) ++common_.cloned;
  write_metadata(out.get(), "", state, read_attributes(in.get(), "", notes), notes);
  return true;
}

void tree_copy::copy_link(entry_record& entry, const folder_pair& folder, const entry_state& now) {
  const char* name = entry.name.c_str();
  std::string text;
  if (!read_link(folder.source.get(), name, text)) {
    if (errno == ENOENT || errno == EINVAL) {
      entry.state.changed = {};  // not what was looked at
      ++changes_;
      entry.notes.push_back({rule::gone});
    } else {
      entry.notes.push_back({reason(rule::unreadable, errno)});
    }
    return;
  }
  if (::symlinkat(text.c_str(), folder.target.get(), name) != 0) {
    if (!refused(entry, errno)) throw_system(errno, "could not make a symbolic link");
    return;
  }
  entry.copied = true;
  write_metadata(folder.target.get(), name, now, read_attributes(folder.source.get(), name, entry.notes), entry.notes);
}

void tree_copy::copy_linked(entry_record& entry, const folder_pair& folder, const entry_state& now,
                            file_copier& copier) {
  std::shared_ptr<link_group> group;
  {
    const std::lock_guard lock(groups_mutex_);
    std::shared_ptr<link_group>& slot = groups_[{now.device, now.number}];
    if (!slot) {
      slot = std::make_shared<link_group>();
      slot->name = std::to_string(groups_.size());
    }
    group = slot;
  }
  const std::lock_guard lock(group->mutex);
  if (group->pass != pass_) {
    group->pass = pass_;
    const bool known = group->looked.tv_sec != 0 && same(group->state, now);
    group->late = pass_ > 1 && !known;
    if (!known || is_racy(group->state, group->looked)) {
      if (pass_ > 1) ++changes_;
      if (group->copied && ::unlinkat(setting_.links, group->name.c_str(), 0) != 0) {
        throw_system(errno, "could not replace a file");
      }
      group->notes.clear();
      group->state = now;
      ++group->version;
      group->copied = copy_inode(folder.source.get(), entry.name.c_str(), setting_.links, group->name.c_str(),
                                 group->state, group->notes, copier);
      group->looked = time_now();
    }
  }
  if (entry.links == group && entry.copied && entry.link_version == group->version) {
    entry.notes = group->notes;
    entry.late = group->late;
    return;
  }
  remove(entry, folder.target.get());
  entry.links = group;
  entry.link_version = group->version;
  entry.late = group->late;
  entry.notes = group->notes;
  if (!group->copied) return;
  if (::linkat(setting_.links, group->name.c_str(), folder.target.get(), entry.name.c_str(), 0) == 0) {
    entry.copied = true;
  } else if (errno == EMLINK) {
    entry.notes.assign(1, note{rule::links, true});
    entry.links.reset();
    copy_file(entry, folder, now, copier);
  } else if (!refused(entry, errno)) {
    throw_system(errno, "could not make a hard link");
  }
}

}  // namespace vsspy::simulator::provider

#endif
