#include "state_folder.h"

#include <cstdio>
#include <random>
#include <string>
#include <system_error>

#include "../com/hresult.h"
#include "exposure.h"
#include "provider.h"
#include "provider_notes.h"

#ifdef _WIN32
#include "provider_windows.h"
#else
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider_posix.h"
#endif

// The protocol. A machine folder is made, then the file "lock" in it is opened (made if it is not there) and locked, by
// its maker as by anybody who cleans; after that both look whether the names still mean what they hold. Whoever holds
// the lock owns the folder; its content goes first, then the lock, then the folder. So a process may be killed at any
// moment, and a maker that loses against a cleaner (between its first two steps) takes another name.
namespace vsspy::simulator {

using namespace provider;

namespace {

constexpr const char* lock_name = "lock";
constexpr std::string_view prefix = "machine-";

std::string random_name() {
  std::random_device source;
  char text[33];
  std::snprintf(text, sizeof text, "%08x%08x%08x%08x", source(), source(), source(), source());
  return std::string(prefix) + text;
}

[[noreturn]] void refuse(const std::filesystem::path& root, const char* why) {
  const std::u8string text = root.u8string();
  throw com::vss_error(E_ACCESSDENIED, "folder provider", std::string(text.begin(), text.end()) + " " + why);
}

}  // namespace

#ifndef _WIN32

struct state_folder::lock {
  descriptor root, folder, file;
  std::string name;
  pid_t owner = ::getpid();

  // Takes the folder `name` if nobody holds it.
  bool take(const std::string& wanted) {
    name = wanted;
    file = descriptor();
    folder = open_folder(root.get(), name.c_str());
    entry_state held, named;
    if (!folder || !read_state(folder.get(), "", held) || held.owner != ::geteuid()) return false;
    file = descriptor(::openat(folder.get(), lock_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return false;
    if (!read_state(root.get(), name.c_str(), named) || !is_same_entry(held, named)) return false;
    return read_state(file.get(), "", held) && read_state(folder.get(), lock_name, named) && is_same_entry(held, named);
  }

  void remove(drop_failures& failures) {
    drop_contents(folder.get(), lock_name, failures);
    if (!failures.first.empty()) return;  // the lock stays as long as there is something to clean
    if (::unlinkat(folder.get(), lock_name, 0) != 0 && errno != ENOENT) failures.add(lock_name, errno);
    // Not empty: somebody who cleans found it without a lock, made one, and removes it now.
    if (::unlinkat(root.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT && errno != ENOTEMPTY) {
      failures.add(name, errno);
    }
  }
};

namespace {

descriptor open_root(const std::filesystem::path& root) {
  std::error_code ignored;
  if (root.has_parent_path()) std::filesystem::create_directories(root.parent_path(), ignored);
  if (::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST)
    throw_system(errno, "could not make " + printable(root.native()));
  descriptor folder(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder && (errno == ELOOP || errno == ENOTDIR)) refuse(root, "is a link or no folder");
  entry_state state;
  if (!folder || !read_state(folder.get(), "", state))
    throw_system(errno, "could not open " + printable(root.native()));
  if (state.owner != ::geteuid()) refuse(root, "belongs to another user");
  if (state.mode & (S_IWGRP | S_IWOTH)) refuse(root, "can be written to by others");
  return folder;
}

}  // namespace

state_folder::state_folder(const std::filesystem::path& root) {
  root_ = std::filesystem::absolute(root.empty() ? default_root() : root).lexically_normal();
  if (!root_.has_filename()) root_ = root_.parent_path();
  const descriptor opened = open_root(root_);
  std::vector<listed> names;
  list_folder(opened.get(), names);
  for (const listed& item : names) {
    lock dead{open_folder(opened.get(), "."), {}, {}, {}};
    drop_failures left_to_the_next;
    if (!item.name.starts_with(prefix) || !dead.take(item.name)) continue;
    remove_noted_links(root_ / item.name);
    dead.remove(left_to_the_next);
  }
  for (int attempt = 0; attempt < 100 && !lock_; ++attempt) {
    const std::string name = random_name();
    if (::mkdirat(opened.get(), name.c_str(), 0700) != 0) {
      if (errno == EEXIST) continue;
      throw_system(errno, "could not make a folder in " + printable(root_.native()));
    }
    lock mine{open_folder(opened.get(), "."), {}, {}, {}};
    if (mine.take(name)) lock_ = std::make_unique<lock>(std::move(mine));
  }
  if (!lock_) throw com::vss_error(VSS_E_PROVIDER_VETO, "folder provider", "could not lock a folder for the machine");
  path_ = root_ / lock_->name;
}

void state_folder::close() {
  const std::unique_ptr<lock> held = std::move(lock_);
  if (!held || held->owner != ::getpid()) return;  // a child's copy after a fork: the folder is its parent's
  drop_failures failures;
  held->remove(failures);
  if (!failures.first.empty()) throw com::vss_error(VSS_E_PROVIDER_VETO, "folder provider", failures.first);
}

#else

struct state_folder::lock {
  windows_handle file;
  std::filesystem::path folder;

  // Nobody else can open the file while we hold it, so nobody can take its folder away either. A link is nobody's.
  bool take(const std::filesystem::path& wanted) {
    folder = wanted;
    const DWORD attributes = ::GetFileAttributesW(long_path(folder).c_str());
    if (attributes == INVALID_FILE_ATTRIBUTES || (attributes & FILE_ATTRIBUTE_REPARSE_POINT)) return false;
    file = windows_handle(::CreateFileW(long_path(folder / lock_name).c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr,
                                        OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr));
    return static_cast<bool>(file);
  }

  void remove() {
    drop_contents(folder, lock_name);
    file = windows_handle();
    // Somebody who cleans too may have the lock by now, and then removes the rest.
    if (::DeleteFileW(long_path(folder / lock_name).c_str())) ::RemoveDirectoryW(long_path(folder).c_str());
  }
};

state_folder::state_folder(const std::filesystem::path& root) {
  root_ = std::filesystem::absolute(root.empty() ? default_root() : root).lexically_normal();
  if (!root_.has_filename()) root_ = root_.parent_path();
  std::error_code ignored;
  std::filesystem::create_directories(root_, ignored);
  const DWORD attributes = ::GetFileAttributesW(long_path(root_).c_str());
  if (attributes == INVALID_FILE_ATTRIBUTES) throw_windows(::GetLastError(), "could not make the simulator's folder");
  if (!(attributes & FILE_ATTRIBUTE_DIRECTORY) || (attributes & FILE_ATTRIBUTE_REPARSE_POINT)) {
    refuse(root_, "is a link or no folder");
  }
  for (const std::filesystem::path& name : names_in(root_)) {
    lock dead;
    if (!name.u8string().starts_with(std::u8string(prefix.begin(), prefix.end())) || !dead.take(root_ / name)) continue;
    remove_noted_links(dead.folder);
    try {
      dead.remove();
    } catch (const com::vss_error&) {  // left to the next
    }
  }
  for (int attempt = 0; attempt < 100 && !lock_; ++attempt) {
    lock mine;
    const std::filesystem::path folder = root_ / random_name();
    if (!::CreateDirectoryW(long_path(folder).c_str(), nullptr)) {
      if (::GetLastError() == ERROR_ALREADY_EXISTS) continue;
      throw_windows(::GetLastError(), "could not make a machine's folder");
    }
    if (mine.take(folder)) lock_ = std::make_unique<lock>(std::move(mine));
  }
  if (!lock_) throw com::vss_error(VSS_E_PROVIDER_VETO, "folder provider", "could not lock a folder for the machine");
  path_ = lock_->folder;
}

void state_folder::close() {
  const std::unique_ptr<lock> held = std::move(lock_);
  if (held) held->remove();
}

#endif

state_folder::~state_folder() {
  try {
    close();
  } catch (const std::exception&) {  // the next opener cleans
  }
}

std::filesystem::path state_folder::default_root() {
  std::error_code error;
  const std::filesystem::path temporary = std::filesystem::temp_directory_path(error);
  if (error) throw com::vss_error(VSS_E_PROVIDER_VETO, "folder provider", "there is no folder for temporary files");
#ifdef _WIN32
  std::wstring user(256, L'\0');
  user.resize(::GetEnvironmentVariableW(L"USERNAME", user.data(), 256) % 256);
  for (wchar_t& letter : user) {
    if (letter < 32 || std::wstring_view(L"<>:\"/\\|?*").find(letter) != std::wstring_view::npos) letter = L'_';
  }
  return temporary / (L"vsspy-simulator-" + user);
#else
  return temporary / ("vsspy-simulator-" + std::to_string(::geteuid()));
#endif
}

}  // namespace vsspy::simulator
