// snapshot_folder on POSIX systems: the names beside the shadow copy, and what is left of them on each way out.
#ifndef _WIN32

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../com/hresult.h"
#include "provider_posix_tree.h"

namespace vsspy::simulator {

using namespace provider;

namespace {

// A folder that goes away with its object.
class passing_folder {
 public:
  passing_folder(int parent, std::string name) : parent_(parent), name_(std::move(name)) {
    if (::mkdirat(parent_, name_.c_str(), 0700) != 0) {
      if (errno == EEXIST) throw com::vss_error(VSS_E_OBJECT_ALREADY_EXISTS, "folder provider", printable(name_));
      throw_system(errno, "could not make a folder for the shadow copy");
    }
    folder_ = open_folder(parent_, name_.c_str());
    if (!folder_ || !read_state(folder_.get(), "", state_)) {
      const int error = errno;
      ::unlinkat(parent_, name_.c_str(), AT_REMOVEDIR);
      throw_system(error, "could not open a folder for the shadow copy");
    }
    // What the folder above hands down would get onto every entry below.
    ::fremovexattr(folder_.get(), "system.posix_acl_default");
    ::fremovexattr(folder_.get(), "system.posix_acl_access");
  }
  ~passing_folder() {
    if (name_.empty()) return;
    drop_failures failures;  // the next run cleans what is left
    drop_entry(parent_, name_.c_str(), failures);
  }
  int get() const noexcept { return folder_.get(); }
  const entry_state& state() const noexcept { return state_; }
  void rename(const std::string& name);
  void keep() noexcept { name_.clear(); }

 private:
  int parent_;
  std::string name_;
  descriptor folder_;
  entry_state state_;
};

void passing_folder::rename(const std::string& name) {
  int result = ::renameat2(parent_, name_.c_str(), parent_, name.c_str(), RENAME_NOREPLACE);
  if (result != 0 && errno == EEXIST)
    throw com::vss_error(VSS_E_OBJECT_ALREADY_EXISTS, "folder provider", printable(name));
  if (result != 0 && errno == EINVAL) result = ::renameat(parent_, name_.c_str(), parent_, name.c_str());
  if (result != 0) throw_system(errno, "could not name the shadow copy");
  name_ = name;
}

}  // namespace

copy_report snapshot_folder(const std::filesystem::path& volume, const std::filesystem::path& shadow,
                            const copy_options& options) {
  const descriptor source(::open(volume.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK));
  if (!source) {
    const HRESULT code = errno == EACCES ? E_ACCESSDENIED : VSS_E_OBJECT_NOT_FOUND;
    throw com::vss_error(code, "folder provider", reason(printable(volume.native()).c_str(), errno));
  }
  const auto above = shadow.has_parent_path() ? shadow.parent_path() : std::filesystem::path(".");
  const descriptor parent(::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent) throw_system(errno, "could not open the folder of the shadow copies");
  const std::string name = shadow.filename().native();
  if (name.empty() || name == "." || name == "..") throw com::vss_error(E_INVALIDARG, "folder provider", "no name");
  entry_state state;
  if (read_state(parent.get(), name.c_str(), state)) {
    throw com::vss_error(VSS_E_OBJECT_ALREADY_EXISTS, "folder provider", printable(name));
  }
  copy_report report;
  passing_folder target(parent.get(), name + ".part");
  passing_folder links(parent.get(), name + ".links");
  std::vector<entry_state> leave_out{target.state(), links.state()};  // the volume may hold even them
  for (const auto& folder : options.leave_out) {
    if (read_state(AT_FDCWD, folder.c_str(), state)) leave_out.push_back(state);
  }
  std::vector<entry_state> leave_empty;
  for (const auto& folder : options.leave_empty) {
    if (read_state(AT_FDCWD, folder.c_str(), state)) leave_empty.push_back(state);
  }
  tree_copy tree({source.get(), target.get(), links.get(), options.threads, std::move(leave_out),
                  std::move(leave_empty), options.cancelled});
  tree.copy();
  drop_failures failures;
  drop_contents(links.get(), nullptr, failures);  // before the seal: it changes link counts and times
  tree.finish(report);
  target.rename(name);
  tree.seal_root(report);
  target.keep();
  return report;
}

}  // namespace vsspy::simulator

#endif
