#ifndef _WIN32

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "folder.h"

namespace vsspy::filesets {

namespace {

struct close_directory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

error_code last_error() noexcept { return static_cast<error_code>(errno); }

bool is_dots(std::string_view name) noexcept { return name == "." || name == ".."; }

void take(const struct stat& from, std::uint64_t volume, status& to) noexcept {
  to.what = S_ISREG(from.st_mode)   ? status::kind::file
            : S_ISDIR(from.st_mode) ? status::kind::folder
            : S_ISLNK(from.st_mode) ? status::kind::link
                                    : status::kind::other;
  to.is_elsewhere = static_cast<std::uint64_t>(from.st_dev) != volume;
  to.size = static_cast<std::uint64_t>(from.st_size);
#ifdef __APPLE__
  const timespec& modified = from.st_mtimespec;
#else
  const timespec& modified = from.st_mtim;
#endif
  to.modified = std::int64_t{modified.tv_sec} * 1'000'000'000 + modified.tv_nsec;
}

status::kind listed_kind(const dirent& entry) noexcept {
#ifdef _DIRENT_HAVE_D_TYPE
  switch (entry.d_type) {
    case DT_REG:
      return status::kind::file;
    case DT_DIR:
      return status::kind::folder;
    case DT_LNK:
      return status::kind::link;
    case DT_UNKNOWN:
      return status::kind::unknown;
    default:
      return status::kind::other;
  }
#else
  return status::kind::unknown;
#endif
}

constexpr int open_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

}  // namespace

bool means_missing(error_code error) noexcept { return error == ENOENT || error == ENOTDIR; }

struct folder::listing {
  std::unique_ptr<DIR, close_directory> directory;
};

folder::folder() noexcept = default;
folder::folder(folder&& other) noexcept { *this = std::move(other); }
folder& folder::operator=(folder&& other) noexcept {
  std::swap(listing_, other.listing_);
  std::swap(handle_, other.handle_);
  std::swap(device_, other.device_);
  std::swap(number_, other.number_);
  std::swap(volume_, other.volume_);
  return *this;
}
folder::~folder() { park(); }

error_code folder::open_root(const std::string& path) {
  if (path.find('\0') != std::string::npos) return ENOENT;
  const int handle = ::open(path.c_str(), open_flags);
  if (handle < 0) return last_error();
  struct stat found{};
  if (::fstat(handle, &found) != 0) {
    const error_code error = last_error();
    ::close(handle);
    return error;
  }
  handle_ = handle;
  volume_ = device_ = static_cast<std::uint64_t>(found.st_dev);
  number_ = static_cast<std::uint64_t>(found.st_ino);
  return 0;
}

error_code folder::open_below(const folder& parent, const std::string& name) {
  const int handle = ::openat(parent.handle_, name.c_str(), open_flags | O_NOFOLLOW);
  if (handle < 0) return errno == ELOOP ? ENOTDIR : last_error();  // it was a folder, and is a link now
  struct stat found{};
  const bool known = ::fstat(handle, &found) == 0;
  // Something was mounted there since it was looked at.
  if (!known || static_cast<std::uint64_t>(found.st_dev) != parent.volume_) {
    const error_code error = known ? EXDEV : last_error();
    ::close(handle);
    return error;
  }
  handle_ = handle;
  volume_ = parent.volume_;
  device_ = static_cast<std::uint64_t>(found.st_dev);
  number_ = static_cast<std::uint64_t>(found.st_ino);
  return 0;
}

error_code folder::open_again(const folder& parent, const std::string& name) {
  folder found;
  const error_code error = found.open_below(parent, name);
  if (error) return error;
  if (found.device_ != device_ || found.number_ != number_) return ENOENT;
  std::swap(handle_, found.handle_);
  return 0;
}

void folder::park() noexcept {
  listing_.reset();
  if (handle_ >= 0) ::close(handle_);
  handle_ = -1;
}

bool folder::is_parked() const noexcept { return handle_ < 0; }

error_code folder::look_up(const std::string& name, std::string& real, status& found) const {
  if (name.empty() || is_dots(name) || name.find('\0') != std::string::npos || name.find('/') != std::string::npos) {
    return ENOENT;
  }
  const error_code error = look_at(name, found);
  if (error) return error == ENAMETOOLONG || error == EINVAL || error == EILSEQ ? ENOENT : error;
  real = name;
  return 0;
}

error_code folder::look_at(const std::string& name, status& found) const {
  struct stat told{};
  if (::fstatat(handle_, name.c_str(), &told, AT_SYMLINK_NOFOLLOW) != 0) return last_error();
  take(told, volume_, found);
  return 0;
}

error_code folder::list(std::string& name, status& known) {
  name.clear();
  if (!listing_) {
    const int handle = ::openat(handle_, ".", open_flags);  // with a position of its own
    if (handle < 0) return last_error();
    listing_ = std::make_unique<listing>();
    listing_->directory.reset(::fdopendir(handle));
    if (!listing_->directory) {
      const error_code error = last_error();
      ::close(handle);
      return error;
    }
  }
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(listing_->directory.get());
    if (!entry) return last_error();
    if (is_dots(entry->d_name)) continue;
    name = entry->d_name;
    known = {};
    known.what = listed_kind(*entry);
    return 0;
  }
}

void folder::end_list() noexcept { listing_.reset(); }

}  // namespace vsspy::filesets

#endif
