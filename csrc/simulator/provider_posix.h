// Inside the folder provider on POSIX systems: descriptors, what an entry is, and the steps that a copy is made of. All
// names are relative to an open folder, so that paths may be of any length and a swapped link leads nowhere.
#pragma once

#ifndef _WIN32

#include <sys/types.h>
#include <time.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "provider_notes.h"

namespace vsspy::simulator::provider {

class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor();
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

struct entry_state {
  std::uint64_t device = 0, number = 0, mount = 0, size = 0, blocks = 0;
  timespec accessed{}, modified{}, changed{};
  std::uint32_t mode = 0, links = 0, owner = 0, group = 0;
  bool mount_root = false;

  bool is(mode_t kind) const noexcept { return (mode & 0170000) == kind; }
};

// The entry `name` of an open folder, no link followed; name "" is the open thing itself. False leaves errno.
bool read_state(int folder, const char* name, entry_state& state);
bool same(const entry_state& a, const entry_state& b) noexcept;  // nothing that can be seen was changed in between
bool is_same_entry(const entry_state& a, const entry_state& b) noexcept;  // the same inode
bool is_other_mount(const entry_state& folder, const entry_state& volume) noexcept;
std::uint64_t fingerprint(const entry_state& state) noexcept;
timespec time_now() noexcept;
// Changed so shortly before it was looked at that a second change may carry the same time.
bool is_racy(const entry_state& state, const timespec& looked) noexcept;

std::string reason(const char* text, int error);                       // "could not be read (Permission denied)"
[[noreturn]] void throw_system(int error, const std::string& detail);  // what the target's side failed with

descriptor open_folder(int parent, const char* name);             // no link followed; invalid with errno
descriptor open_source(int parent, const char* name, int flags);  // for reading, its access time left alone if allowed

struct listed {
  std::string name;
  unsigned char type;  // d_type
};
int list_folder(int folder, std::vector<listed>& names);  // without "." and ".."; 0 or errno

// The folders from a root down to the one that is worked on. Descriptors of far ancestors are closed and opened again
// through "..", so that depth is not bounded by the number of descriptors a process may have.
struct folder_pair {
  descriptor source;  // invalid where there is none (or it was moved away meanwhile)
  descriptor target;
};
class folder_stack {
 public:
  bool empty() const noexcept { return levels_.empty(); }
  const std::shared_ptr<folder_pair>& top() const noexcept { return levels_.back().pair; }
  void push(folder_pair pair);
  std::shared_ptr<folder_pair> pop();  // the folder that was left, still open

 private:
  static constexpr std::size_t open_levels = 32;
  struct level {
    std::shared_ptr<folder_pair> pair;
    entry_state source;
  };
  std::vector<level> levels_;
};

// Extended attributes. `name` "" means the open thing, else a link in the open folder.
using attribute_list = std::vector<std::pair<std::string, std::string>>;
attribute_list read_attributes(int fd, const char* name, std::vector<note>& notes);

// Gives an open file or folder (or the link `name` in an open folder) the owner, attributes, mode and times.
void write_metadata(int fd, const char* name, const entry_state& state, const attribute_list& attributes,
                    std::vector<note>& notes);

// Copies of files' data, one object per thread.
class file_copier {
 public:
  struct shared {
    std::atomic<bool> stop{false};      // set by whoever gives the whole copy up
    std::atomic<bool> can_clone{true};  // until the file system says that it cannot
    std::atomic<std::uint64_t> cloned{0};
  };
  explicit file_copier(shared& common);

  // Makes `target` a copy of the open `source`, whose state was `seen`; `seen` becomes the state that the copy has.
  // Returns false (with a note) when the source could not be read. Throws vss_error for the target's failures and
  // E_ABORT.
  bool copy(int source, int target, entry_state& seen, bool& cloned, std::vector<note>& notes);

 private:
  enum class outcome { whole, changed, unreadable };
  outcome copy_data(int source, int target, const entry_state& state, bool& cloned);
  outcome copy_range(int source, int target, std::uint64_t start, std::uint64_t end);
  outcome compare_data(int source, int target, const entry_state& state);
  bool next_range(int source, const entry_state& state, std::uint64_t position, std::uint64_t& start,
                  std::uint64_t& end);

  shared& common_;
  std::unique_ptr<char[]> buffer_, second_;
};

// Removal. Names that cannot go are collected; the first is what drop_folder reports.
struct drop_failures {
  std::string first;
  void add(const std::string& path, int error);
};
void drop_entry(int parent, const char* name, drop_failures& failures);       // a file or a whole folder
void drop_contents(int folder, const char* except, drop_failures& failures);  // all but the entry `except`

}  // namespace vsspy::simulator::provider

#endif
