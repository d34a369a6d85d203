#ifndef _WIN32

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../com/hresult.h"
#include "provider_posix.h"

namespace vsspy::simulator::provider {

namespace {

constexpr int deepest = 64;  // levels that are open at once

// A folder whose mode keeps its owner out is let in first. Its identity is checked before and after, so that a name
// that was swapped meanwhile is never entered.
descriptor open_to_empty(int parent, const char* name, const entry_state& state) {
  descriptor folder = open_folder(parent, name);
  if (!folder && errno == EACCES) {
    const descriptor handle(::openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    entry_state now;
    if (!handle || !read_state(handle.get(), "", now) || !is_same_entry(now, state)) return descriptor();
    // fchmod refuses such a handle; this path reaches the very inode. Without /proc: by name, where links have no mode.
    const std::string path = "/proc/self/fd/" + std::to_string(handle.get());
    if (::chmod(path.c_str(), 0700) != 0 && ::fchmodat(parent, name, 0700, 0) != 0) return descriptor();
    folder = open_folder(parent, name);
  } else if (folder && (state.mode & 0700) != 0700) {
    ::fchmod(folder.get(), 0700);  // what cannot be removed is reported below
  }
  return folder;
}

class dropper {
 public:
  dropper(int top, drop_failures& failures) : top_(top), failures_(failures) { read_state(top, "", volume_); }

  void contents(int folder, const std::string& path, const char* except, int depth) {
    std::vector<listed> names;
    if (const int error = list_folder(folder, names); error != 0) failures_.add(path, error);
    for (const listed& item : names) {
      if (except && item.name == except) continue;
      const std::string below = join(path, item.name);
      if (::unlinkat(folder, item.name.c_str(), 0) == 0 || errno == ENOENT) continue;
      const int error = errno;
      entry_state state;
      if (!read_state(folder, item.name.c_str(), state)) continue;  // gone by itself
      if (state.is(S_IFDIR)) {
        this->folder(folder, item.name, state, below, depth + 1);
      } else {
        failures_.add(below, error);
      }
    }
  }

  void folder(int parent, const std::string& name, const entry_state& state, const std::string& path, int depth) {
    if (is_other_mount(state, volume_)) {
      failures_.add(path, EBUSY);
      return;
    }
    if (depth > deepest && to_top(parent, name, state, path)) return;
    if (const descriptor opened = open_to_empty(parent, name.c_str(), state)) {
      entry_state now;
      if (!read_state(opened.get(), "", now) || !is_same_entry(now, state)) {
        failures_.add(path, ESTALE);
        return;
      }
      contents(opened.get(), path, nullptr, depth);
    } else if (errno != ENOENT) {
      failures_.add(path, errno);
    }
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) failures_.add(path, errno);
  }

  // What lay too deep was moved to the top, where it is as deep as its own content only.
  void moved() {
    for (std::size_t done = 0; done < moved_.size(); ++done) {
      const std::string name = moved_[done];
      entry_state state;
      if (read_state(top_, name.c_str(), state)) folder(top_, name, state, name, 1);
    }
  }

 private:
  bool to_top(int parent, const std::string& name, const entry_state& state, const std::string&) {
    if (!open_to_empty(parent, name.c_str(), state)) return false;  // moving a folder takes the right to write to it
    const std::string target = ".dropped-" + std::to_string(state.number) + "-" + std::to_string(moved_.size());
    if (::renameat(parent, name.c_str(), top_, target.c_str()) != 0) return false;
    moved_.push_back(target);
    return true;
  }

  int top_;
  drop_failures& failures_;
  entry_state volume_;
  std::vector<std::string> moved_;
};

}  // namespace

void drop_failures::add(const std::string& path, int error) {
  if (first.empty()) first = printable(path) + ": " + reason("could not be removed", error);
}

void drop_contents(int folder, const char* except, drop_failures& failures) {
  dropper work(folder, failures);
  work.contents(folder, "", except, 0);
  work.moved();
}

void drop_entry(int parent, const char* name, drop_failures& failures) {
  if (::unlinkat(parent, name, 0) == 0 || errno == ENOENT) return;
  const int error = errno;
  entry_state state, above;
  if (!read_state(parent, name, state)) return;
  if (!state.is(S_IFDIR) || !read_state(parent, "", above)) return failures.add(name, error);
  if (is_other_mount(state, above)) return failures.add(name, EBUSY);
  const descriptor folder = open_to_empty(parent, name, state);
  entry_state now;
  if (!folder || !read_state(folder.get(), "", now) || !is_same_entry(now, state)) return failures.add(name, errno);
  drop_contents(folder.get(), nullptr, failures);
  if (::unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT) failures.add(name, errno);
}

}  // namespace vsspy::simulator::provider

namespace vsspy::simulator {

void drop_folder(const std::filesystem::path& folder) {
  using namespace provider;
  const auto name = folder.filename();
  const auto above = folder.has_parent_path() ? folder.parent_path() : std::filesystem::path(".");
  const descriptor parent(::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (name.empty() || name == "." || name == "..") {
    throw com::vss_error(E_INVALIDARG, "folder provider",
                         "a folder to remove needs a name: " + printable(folder.native()));
  }
  if (!parent) {
    if (errno == ENOENT) return;
    throw_system(errno, "could not open the folder of a shadow copy");
  }
  drop_failures failures;
  drop_entry(parent.get(), name.c_str(), failures);
  if (!failures.first.empty()) throw com::vss_error(VSS_E_PROVIDER_VETO, "folder provider", failures.first);
}

}  // namespace vsspy::simulator

#endif
