// The data of one file, in one piece.
//
// A reflink is atomic in the kernel: it writes dirty pages out and keeps writers and page faults away. A copy by
// reading is checked twice: the file's state (size, times) must be the same before and after, and the data, read once
// more, must equal the copy. The second reading finds what times do not show: stores through a shared mapping (a page
// that is already dirty is stamped no more, and tmpfs stamps none), and two writes within one step of the inode clock.
// If both hold, the copy is what the file was between the two readings (a writer that puts old bytes back in between
// apart).
#ifndef _WIN32

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "../com/hresult.h"
#include "provider_posix.h"

namespace vsspy::simulator::provider {

namespace {

constexpr std::size_t buffer_size = 512 * 1024;
constexpr int attempts = 5;

// Reads `size` bytes at `offset`, fewer at the end of the file; -1 leaves errno.
ssize_t read_at(int fd, char* buffer, std::size_t size, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count = ::pread(fd, buffer + done, size - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return static_cast<ssize_t>(done);
}

void write_at(int fd, const char* buffer, std::size_t size, std::uint64_t offset) {
  while (size > 0) {
    const ssize_t count = ::pwrite(fd, buffer, size, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw_system(count < 0 ? errno : ENOSPC, "could not write to the shadow copy");
    buffer += count;
    size -= static_cast<std::size_t>(count);
    offset += static_cast<std::uint64_t>(count);
  }
}

void truncate(int fd, std::uint64_t size) {
  while (::ftruncate(fd, static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) throw_system(errno, "could not set a file's size in the shadow copy");
  }
}

bool may_have_holes(const entry_state& state) noexcept { return state.blocks * 512 < state.size; }

}  // namespace

file_copier::file_copier(shared& common)
    : common_(common),
      buffer_(std::make_unique_for_overwrite<char[]>(buffer_size)),
      second_(std::make_unique_for_overwrite<char[]>(buffer_size)) {}

bool file_copier::copy(int source, int target, entry_state& seen, bool& cloned, std::vector<note>& notes) {
  cloned = false;
  outcome result = outcome::changed;
  for (int attempt = 0; attempt < attempts && result == outcome::changed; ++attempt) {
    if (attempt > 0) {
      truncate(target, 0);
      if (!read_state(source, "", seen)) result = outcome::unreadable;
    }
    if (result != outcome::unreadable) result = copy_data(source, target, seen, cloned);
    entry_state after;
    if (result == outcome::whole && (!read_state(source, "", after) || !same(seen, after))) result = outcome::changed;
  }
  if (result == outcome::unreadable) {
    notes.push_back({reason(rule::unreadable, errno)});
    return false;
  }
  // A clone is in one piece however often the file changes; only its times may be those of a moment before.
  if (result == outcome::changed && !cloned) {
    notes.push_back({rule::torn});
    seen.changed = {};  // like nothing that is there: the next pass copies again
  }
  return true;
}

file_copier::outcome file_copier::copy_data(int source, int target, const entry_state& state, bool& cloned) {
  cloned = false;
  if (state.size > 0 && common_.can_clone.load(std::memory_order_relaxed)) {
    if (::ioctl(target, FICLONE, source) == 0) {
      cloned = true;
      return outcome::whole;
    }
    if (errno == EXDEV || errno == EOPNOTSUPP || errno == ENOTTY || errno == ENOSYS) common_.can_clone = false;
  }
  std::uint64_t start = 0, end = 0;
  for (std::uint64_t position = 0; next_range(source, state, position, start, end); position = end) {
    const outcome result = copy_range(source, target, start, end);
    if (result != outcome::whole) return result;
  }
  if (may_have_holes(state)) truncate(target, state.size);
  return compare_data(source, target, state);
}

// The next stretch of data at or after `position`, as far as the size that was seen; holes lie between stretches.
bool file_copier::next_range(int source, const entry_state& state, std::uint64_t position, std::uint64_t& start,
                             std::uint64_t& end) {
  if (position >= state.size) return false;
  start = position;
  end = state.size;
  if (!may_have_holes(state)) return true;
  const off_t data = ::lseek(source, static_cast<off_t>(position), SEEK_DATA);
  if (data < 0) return errno != ENXIO;  // ENXIO: a hole up to the end; else the file system knows no holes
  start = static_cast<std::uint64_t>(data);
  if (start >= state.size) return false;
  const off_t hole = ::lseek(source, data, SEEK_HOLE);
  if (hole > data) end = std::min<std::uint64_t>(static_cast<std::uint64_t>(hole), state.size);
  return true;
}

file_copier::outcome file_copier::copy_range(int source, int target, std::uint64_t start, std::uint64_t end) {
  while (start < end) {
    if (common_.stop.load(std::memory_order_relaxed)) throw com::vss_error(E_ABORT, "folder provider");
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(end - start, buffer_size));
    const ssize_t count = read_at(source, buffer_.get(), wanted, start);
    if (count < 0) return outcome::unreadable;
    write_at(target, buffer_.get(), static_cast<std::size_t>(count), start);
    start += static_cast<std::uint64_t>(count);
    if (static_cast<std::size_t>(count) < wanted) return outcome::changed;  // truncated meanwhile
  }
  return outcome::whole;
}

file_copier::outcome file_copier::compare_data(int source, int target, const entry_state& state) {
  const bool buffered = !may_have_holes(state) && state.size <= buffer_size;  // the copy is in buffer_ still
  std::uint64_t start = 0, end = 0;
  for (std::uint64_t position = 0; next_range(source, state, position, start, end); position = end) {
    for (; start < end; start += buffer_size) {
      if (common_.stop.load(std::memory_order_relaxed)) throw com::vss_error(E_ABORT, "folder provider");
      const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(end - start, buffer_size));
      const ssize_t count = read_at(source, second_.get(), wanted, start);
      if (count < 0) return outcome::unreadable;
      if (static_cast<std::size_t>(count) < wanted) return outcome::changed;
      if (!buffered && read_at(target, buffer_.get(), wanted, start) != count) {
        throw_system(errno, "could not read the shadow copy");
      }
      if (std::memcmp(buffer_.get(), second_.get(), wanted) != 0) return outcome::changed;
    }
  }
  return outcome::whole;
}

}  // namespace vsspy::simulator::provider

#endif
