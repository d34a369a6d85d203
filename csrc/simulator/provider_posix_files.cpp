#ifndef _WIN32

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <system_error>

#include "../com/hresult.h"
#include "provider_posix.h"

namespace vsspy::simulator::provider {

namespace {

timespec to_timespec(const struct statx_timestamp& time) noexcept {
  return {static_cast<time_t>(time.tv_sec), static_cast<long>(time.tv_nsec)};
}

bool equal(const timespec& a, const timespec& b) noexcept { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

}  // namespace

descriptor::~descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

bool read_state(int folder, const char* name, entry_state& state) {
  struct statx raw;
  const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name ? 0 : AT_EMPTY_PATH);
  if (::statx(folder, name, flags, STATX_BASIC_STATS | STATX_MNT_ID, &raw) != 0) return false;
  state.device = (std::uint64_t{raw.stx_dev_major} << 32) | raw.stx_dev_minor;
  state.number = raw.stx_ino;
  state.mount = raw.stx_mask & STATX_MNT_ID ? raw.stx_mnt_id : 0;
  state.mount_root = (raw.stx_attributes_mask & raw.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  state.size = raw.stx_size;
  state.blocks = raw.stx_blocks;
  state.accessed = to_timespec(raw.stx_atime);
  state.modified = to_timespec(raw.stx_mtime);
  state.changed = to_timespec(raw.stx_ctime);
  state.mode = raw.stx_mode;
  state.links = raw.stx_nlink;
  state.owner = raw.stx_uid;
  state.group = raw.stx_gid;
  return true;
}

bool is_same_entry(const entry_state& a, const entry_state& b) noexcept {
  return a.device == b.device && a.number == b.number;
}

bool same(const entry_state& a, const entry_state& b) noexcept {
  return is_same_entry(a, b) && a.mode == b.mode && a.size == b.size && a.owner == b.owner && a.group == b.group &&
         equal(a.modified, b.modified) && equal(a.changed, b.changed);
}

bool is_other_mount(const entry_state& folder, const entry_state& volume) noexcept {
  if (folder.mount_root) return true;
  // Mount numbers where the kernel has them: files of an overlay have other devices than its folders.
  return folder.mount && volume.mount ? folder.mount != volume.mount : folder.device != volume.device;
}

std::uint64_t fingerprint(const entry_state& state) noexcept {
  const bool folder = state.is(S_IFDIR);  // its size says nothing, and its time changes with its names
  return mix(state.number, state.mode, state.owner, state.group, folder ? 0 : state.size, state.modified.tv_sec,
             state.modified.tv_nsec, state.changed.tv_sec, state.changed.tv_nsec);
}

timespec time_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

bool is_racy(const entry_state& state, const timespec& looked) noexcept {
  constexpr std::int64_t step = 20'000'000;  // ns; the coarse clock of inode times ticks every 1 to 10 ms
  const std::int64_t seconds = looked.tv_sec - state.changed.tv_sec;
  if (seconds < -1 || seconds > 1) return false;
  const std::int64_t age = seconds * 1'000'000'000 + looked.tv_nsec - state.changed.tv_nsec;
  return age < step && age > -step;
}

std::string reason(const char* text, int error) {
  return std::string(text) + " (" + std::generic_category().message(error) + ")";
}

void throw_system(int error, const std::string& detail) {
  HRESULT code = VSS_E_PROVIDER_VETO;
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      code = VSS_E_INSUFFICIENT_STORAGE;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = E_ACCESSDENIED;
      break;
    case ENOMEM:
      code = E_OUTOFMEMORY;
      break;
    default:
      break;
  }
  throw com::vss_error(code, "folder provider", reason(detail.c_str(), error));
}

descriptor open_folder(int parent, const char* name) {
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  return descriptor(::openat(parent, name, flags));
}

descriptor open_source(int parent, const char* name, int flags) {
  flags |= O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  descriptor result(::openat(parent, name, flags | O_NOATIME));
  if (!result && errno == EPERM) result = descriptor(::openat(parent, name, flags));  // somebody else's
  return result;
}

int list_folder(int folder, std::vector<listed>& names) {
  const int copy = ::fcntl(folder, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return errno;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy), ::closedir);
  if (!stream) {
    const int error = errno;
    ::close(copy);
    return error;
  }
  ::rewinddir(stream.get());  // the copy shares its position with the original
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (!entry) return errno;
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back({std::move(name), entry->d_type});
  }
}

void folder_stack::push(folder_pair pair) {
  level next{std::make_shared<folder_pair>(std::move(pair)), {}};
  if (next.pair->source && !read_state(next.pair->source.get(), "", next.source)) next.pair->source = descriptor();
  levels_.push_back(std::move(next));
  if (levels_.size() > open_levels) levels_[levels_.size() - open_levels - 1].pair.reset();
}

std::shared_ptr<folder_pair> folder_stack::pop() {
  std::shared_ptr<folder_pair> left = std::move(levels_.back().pair);
  levels_.pop_back();
  if (levels_.empty() || levels_.back().pair) return left;
  level& above = levels_.back();
  above.pair = std::make_shared<folder_pair>();
  above.pair->target = open_folder(left->target.get(), "..");
  if (!above.pair->target) throw_system(errno, "could not go back to a folder of the shadow copy");
  if (left->source) {
    above.pair->source = open_folder(left->source.get(), "..");
    entry_state now;
    if (above.pair->source && (!read_state(above.pair->source.get(), "", now) || !is_same_entry(now, above.source))) {
      above.pair->source = descriptor();  // moved elsewhere: the next pass will see it
    }
  }
  return left;
}

}  // namespace vsspy::simulator::provider

#endif
