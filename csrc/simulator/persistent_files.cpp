#include "persistent_files.h"

#include <algorithm>
#include <system_error>

#include "../com/hresult.h"
#include "native_path.h"

#ifdef _WIN32
#include "provider_windows.h"
#else
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider_posix.h"
#endif

namespace vsspy::simulator::files {

namespace fs = std::filesystem;
using namespace provider;

namespace {

std::string doing(const char* what, const fs::path& file) { return std::string(what) + " " + path_text(file); }

fs::path unfinished_name(const fs::path& file) {
  fs::path name = file;
  name += fs::path(std::string(unfinished));
  return name;
}

}  // namespace

std::vector<fs::path> names_of(const fs::path& folder) {
  std::vector<fs::path> names;
  std::error_code error;
  for (fs::directory_iterator each(folder, error), end; !error && each != end; each.increment(error)) {
    names.push_back(each->path().filename());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    const HRESULT hr = error == std::errc::permission_denied ? E_ACCESSDENIED : VSS_E_PROVIDER_VETO;
    throw com::vss_error(hr, "persistent state", doing("could not read", folder) + ": " + error.message());
  }
  std::ranges::sort(names);
  return names;
}

#ifndef _WIN32

namespace {

// Best effort: what was renamed or removed is so for every process, and cannot be taken back.
void flush_folder_of(const fs::path& file) {
  const descriptor folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) ::fsync(folder.get());
}

int write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t put = ::write(file, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return put < 0 ? errno : ENOSPC;
    content.remove_prefix(static_cast<std::size_t>(put));
  }
  return ::fsync(file) == 0 ? 0 : errno;
}

}  // namespace

bool make_folder(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0) {
    flush_folder_of(folder);
    return true;
  }
  const int error = errno;
  std::error_code ignored;
  if (error == EEXIST && fs::is_directory(folder, ignored)) return false;
  throw_system(error, doing("could not make", folder));
}

bool is_folder(const fs::path& path) {
  struct stat found{};
  return ::lstat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
}

std::optional<std::string> read(const fs::path& file) {
  const descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!opened && errno == ENOENT) return std::nullopt;
  if (!opened) throw_system(errno, doing("could not read", file));
  std::string content;
  char buffer[16 * 1024];
  for (;;) {
    const ssize_t got = ::read(opened.get(), buffer, sizeof buffer);
    if (got == 0) return content;
    if (got < 0 && errno != EINTR) throw_system(errno, doing("could not read", file));
    if (got > 0) content.append(buffer, static_cast<std::size_t>(got));
  }
}

void replace(const fs::path& file, std::string_view content) {
  const fs::path temporary = unfinished_name(file);
  int error = 0;
  {
    const descriptor made(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    error = made ? write_all(made.get(), content) : errno;
  }
  if (!error && ::rename(temporary.c_str(), file.c_str()) != 0) error = errno;
  if (error) {
    ::unlink(temporary.c_str());
    throw_system(error, doing("could not write", file));
  }
  flush_folder_of(file);
}

void remove(const fs::path& file) {
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) throw_system(errno, doing("could not remove", file));
  flush_folder_of(file);
}

void flush_all(const fs::path& folder) {
  const descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || ::syncfs(opened.get()) != 0) throw_system(errno, doing("could not flush", folder));
}

#else

bool make_folder(const fs::path& folder) {
  if (::CreateDirectoryW(long_path(folder).c_str(), nullptr)) return true;
  const DWORD error = ::GetLastError();
  std::error_code ignored;
  if (error == ERROR_ALREADY_EXISTS && fs::is_directory(folder, ignored)) return false;
  throw_windows(error, doing("could not make", folder));
}

bool is_folder(const fs::path& path) {
  const DWORD found = ::GetFileAttributesW(long_path(path).c_str());
  return found != INVALID_FILE_ATTRIBUTES && (found & FILE_ATTRIBUTE_DIRECTORY) &&
         !(found & FILE_ATTRIBUTE_REPARSE_POINT);
}

std::optional<std::string> read(const fs::path& file) {
  const windows_handle opened(::CreateFileW(long_path(file).c_str(), GENERIC_READ,
                                            FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                            OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!opened) {
    const DWORD error = ::GetLastError();
    if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND) return std::nullopt;
    throw_windows(error, doing("could not read", file));
  }
  std::string content;
  char buffer[16 * 1024];
  for (;;) {
    DWORD got = 0;
    if (!::ReadFile(opened.get(), buffer, sizeof buffer, &got, nullptr)) {
      throw_windows(::GetLastError(), doing("could not read", file));
    }
    if (got == 0) return content;
    content.append(buffer, got);
  }
}

void replace(const fs::path& file, std::string_view content) {
  const std::wstring temporary = long_path(unfinished_name(file));
  DWORD error = ERROR_SUCCESS;
  {
    const windows_handle made(
        ::CreateFileW(temporary.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr));
    if (!made) error = ::GetLastError();
    while (!error && !content.empty()) {
      DWORD put = 0;
      const auto size = static_cast<DWORD>(std::min<std::size_t>(content.size(), 1U << 30));
      if (!::WriteFile(made.get(), content.data(), size, &put, nullptr)) error = ::GetLastError();
      content.remove_prefix(put);
    }
    if (!error && !::FlushFileBuffers(made.get())) error = ::GetLastError();
  }
  constexpr DWORD flags = MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH;
  if (!error && !::MoveFileExW(temporary.c_str(), long_path(file).c_str(), flags)) error = ::GetLastError();
  if (error) {
    ::DeleteFileW(temporary.c_str());
    throw_windows(error, doing("could not write", file));
  }
}

void remove(const fs::path& file) {
  if (::DeleteFileW(long_path(file).c_str())) return;
  const DWORD error = ::GetLastError();
  if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND) return;
  throw_windows(error, doing("could not remove", file));
}

void flush_all(const fs::path&) {}  // a volume is flushed by administrators only

#endif

}  // namespace vsspy::simulator::files
