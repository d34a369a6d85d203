// Where a simulated machine keeps its shadow copies: one folder per machine below a root that is one per user. A lock
// inside the folder is held as long as its process lives, so the next one to open the root can tell what a killed
// process left, and removes exactly that.
#pragma once

#include <filesystem>
#include <memory>

namespace vsspy::simulator {

class state_folder {
 public:
  // Opens (and makes) the root, removes what dead processes left in it, and makes this machine's folder. An empty root
  // is default_root(). Throws vss_error: E_ACCESSDENIED where the root is a link, belongs to somebody else or others
  // may write to it; VSS_E_INSUFFICIENT_STORAGE; VSS_E_PROVIDER_VETO for anything else (see detail()).
  explicit state_folder(const std::filesystem::path& root = {});
  ~state_folder();  // close(), errors dropped: the next opener cleans
  state_folder(const state_folder&) = delete;
  state_folder& operator=(const state_folder&) = delete;

  const std::filesystem::path& root() const noexcept { return root_; }
  const std::filesystem::path& path() const noexcept { return path_; }  // absolute; for this process alone (0700)

  // Removes the folder and lets the lock go; again is nothing. In a child after a fork it removes nothing. Throws
  // vss_error VSS_E_PROVIDER_VETO when something could not be removed (the lock is gone all the same).
  void close();

  static std::filesystem::path default_root();  // TEMP/vsspy-simulator-USER

 private:
  struct lock;
  std::filesystem::path root_;
  std::filesystem::path path_;
  std::unique_ptr<lock> lock_;
};

}  // namespace vsspy::simulator
