// The folder provider on Windows: plain files and folders, with their attributes and times. Not kept: hard links (each
// name becomes a file, noted), alternate streams, access control lists, holes. Reparse points are noted and left out. A
// file that another program keeps from being read is noted. Each file is copied as on POSIX, read twice and looked at
// before and after; there are no passes over the whole volume.
#ifdef _WIN32

#include "provider_windows.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "../com/hresult.h"
#include "../com/text.h"
#include "provider_notes.h"

namespace vsspy::simulator::provider {

namespace {

constexpr DWORD buffer_size = 512 * 1024;
constexpr int attempts = 5;
constexpr DWORD kept_attributes = FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM |
                                  FILE_ATTRIBUTE_ARCHIVE | FILE_ATTRIBUTE_NOT_CONTENT_INDEXED;
constexpr DWORD share_all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

std::string utf8(const std::filesystem::path& path) {
  return com::to_utf8(com::view(reinterpret_cast<const WCHAR*>(path.c_str())));
}

std::uint64_t join_words(DWORD high, DWORD low) noexcept { return (std::uint64_t{high} << 32) | low; }
std::uint64_t number(const FILETIME& time) noexcept { return join_words(time.dwHighDateTime, time.dwLowDateTime); }

class listing {
 public:
  explicit listing(const std::filesystem::path& folder) {
    handle_ = ::FindFirstFileW(long_path(folder / L"*").c_str(), &data);
    error = handle_ == INVALID_HANDLE_VALUE ? ::GetLastError() : ERROR_SUCCESS;
    if (error == ERROR_SUCCESS && is_dot()) next();
  }
  ~listing() {
    if (handle_ != INVALID_HANDLE_VALUE) ::FindClose(handle_);
  }
  listing(const listing&) = delete;
  listing& operator=(const listing&) = delete;
  bool there() const noexcept { return error == ERROR_SUCCESS; }
  void next() {
    do {
      if (!::FindNextFileW(handle_, &data)) error = ::GetLastError();
    } while (there() && is_dot());
  }
  bool failed() const noexcept { return error != ERROR_SUCCESS && error != ERROR_NO_MORE_FILES; }
  bool is_folder() const noexcept { return data.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY; }
  bool is_reparse_point() const noexcept { return data.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT; }

  WIN32_FIND_DATAW data{};
  DWORD error;

 private:
  bool is_dot() const noexcept {
    return ::lstrcmpW(data.cFileName, L".") == 0 || ::lstrcmpW(data.cFileName, L"..") == 0;
  }
  HANDLE handle_;
};

std::uint64_t fingerprint(const WIN32_FIND_DATAW& data) noexcept {
  const bool folder = data.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY;
  return mix(data.dwFileAttributes, folder ? 0 : join_words(data.nFileSizeHigh, data.nFileSizeLow),
             number(data.ftCreationTime), number(data.ftLastWriteTime));
}

// Everything below a folder; folders come before what they hold.
template <typename Visit>
void walk(const std::filesystem::path& top, Visit visit) {
  std::vector<std::filesystem::path> folders{{}};
  for (std::size_t index = 0; index < folders.size(); ++index) {
    const std::filesystem::path folder = folders[index];
    listing names(folder.empty() ? top : top / folder);
    for (; names.there(); names.next()) {
      const std::filesystem::path path = folder / names.data.cFileName;
      if (visit(path, names) && names.is_folder() && !names.is_reparse_point()) folders.push_back(path);
    }
  }
}

std::string slashed(const std::filesystem::path& path) { return utf8(std::filesystem::path(path.generic_wstring())); }

bool drop_all(const std::filesystem::path& top, const std::wstring& except, std::string& first) {
  std::vector<std::filesystem::path> folders;
  const auto failed = [&](const std::filesystem::path& path) {
    const DWORD error = ::GetLastError();
    if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND) return;
    if (first.empty()) first = slashed(path) + ": " + windows_reason("could not be removed", error);
  };
  walk(top, [&](const std::filesystem::path& path, const listing& item) {
    if (path.native() == except) return false;
    const std::wstring name = long_path(top / path);
    if (item.data.dwFileAttributes & FILE_ATTRIBUTE_READONLY) ::SetFileAttributesW(name.c_str(), FILE_ATTRIBUTE_NORMAL);
    if (item.is_folder() && !item.is_reparse_point()) {
      folders.push_back(path);
    } else if (!(item.is_folder() ? ::RemoveDirectoryW(name.c_str()) : ::DeleteFileW(name.c_str()))) {
      failed(path);
    }
    return true;
  });
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    if (!::RemoveDirectoryW(long_path(top / *folder).c_str())) failed(*folder);
  }
  return first.empty();
}

struct identity {
  DWORD volume, high, low;
  bool operator==(const identity&) const = default;
};

bool identify(const std::filesystem::path& folder, identity& id) {
  const windows_handle handle(::CreateFileW(long_path(folder).c_str(), 0, share_all, nullptr, OPEN_EXISTING,
                                            FILE_FLAG_BACKUP_SEMANTICS, nullptr));
  BY_HANDLE_FILE_INFORMATION info;
  if (!handle || !::GetFileInformationByHandle(handle.get(), &info)) return false;
  id = {info.dwVolumeSerialNumber, info.nFileIndexHigh, info.nFileIndexLow};
  return true;
}

class tree_copy {
 public:
  tree_copy(const std::filesystem::path& volume, const std::filesystem::path& target, const copy_options& options)
      : volume_(volume),
        target_(target),
        options_(options),
        buffer_(new char[buffer_size]),
        second_(new char[buffer_size]) {
    std::vector<std::filesystem::path> folders = options.leave_out;
    folders.push_back(target);
    for (const auto& folder : folders) {
      if (identity id{}; identify(folder, id)) leave_out_.push_back(id);
    }
    for (const auto& folder : options.leave_empty) {
      if (identity id{}; identify(folder, id)) leave_empty_.push_back(id);
    }
  }

  void copy(copy_report& report) {
    std::vector<std::pair<std::filesystem::path, WIN32_FIND_DATAW>> folders{{{}, {}}};
    for (std::size_t index = 0; index < folders.size(); ++index) {
      const std::filesystem::path folder = folders[index].first;
      poll();
      if (identity id{}; !folder.empty() && identify(volume_ / folder, id) &&
                         std::find(leave_empty_.begin(), leave_empty_.end(), id) != leave_empty_.end()) {
        continue;
      }
      listing names(folder.empty() ? volume_ : volume_ / folder);
      for (; names.there(); names.next()) {
        poll();
        const std::filesystem::path path = folder / names.data.cFileName;
        identity id{};
        if (names.is_reparse_point()) {
          book_.add(slashed(path), {rule::reparse});
        } else if (!names.is_folder()) {
          copy_file(path, report);
        } else if (identify(volume_ / path, id) &&
                   std::find(leave_out_.begin(), leave_out_.end(), id) != leave_out_.end()) {
          book_.add(slashed(path), {rule::own_folder});
        } else {
          if (!::CreateDirectoryW(long_path(target_ / path).c_str(), nullptr)) {
            throw_windows(::GetLastError(), "could not make a folder");
          }
          ++report.folders;
          folders.emplace_back(path, names.data);
        }
      }
      if (names.failed() && names.error != ERROR_FILE_NOT_FOUND) {
        book_.add(slashed(folder), {windows_reason(rule::unreadable, names.error)});
      }
    }
    for (auto folder = folders.rbegin(); folder + 1 != folders.rend(); ++folder) {  // what is within stamps them
      const auto& data = folder->second;
      set_metadata(folder->first, data.dwFileAttributes, data.ftCreationTime, data.ftLastAccessTime,
                   data.ftLastWriteTime);
    }
    BY_HANDLE_FILE_INFORMATION info;
    const windows_handle root(::CreateFileW(long_path(volume_).c_str(), FILE_READ_ATTRIBUTES, share_all, nullptr,
                                            OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr));
    if (root && ::GetFileInformationByHandle(root.get(), &info)) {
      set_metadata({}, info.dwFileAttributes, info.ftCreationTime, info.ftLastAccessTime, info.ftLastWriteTime);
    }
    report.notes = book_.lines();
  }

 private:
  enum class outcome { whole, changed, unreadable };

  void poll() const {
    if (options_.cancelled && options_.cancelled()) throw com::vss_error(E_ABORT, "folder provider", "cancelled");
  }

  void set_metadata(const std::filesystem::path& path, DWORD attributes, const FILETIME& created,
                    const FILETIME& accessed, const FILETIME& written) {
    const std::wstring name = long_path(path.empty() ? target_ : target_ / path);
    {
      const windows_handle handle(::CreateFileW(name.c_str(), FILE_WRITE_ATTRIBUTES, share_all, nullptr, OPEN_EXISTING,
                                                FILE_FLAG_BACKUP_SEMANTICS, nullptr));
      if (!handle || !::SetFileTime(handle.get(), &created, &accessed, &written)) {
        book_.add(slashed(path), {windows_reason(rule::times, ::GetLastError()), true});
      }
    }
    if ((attributes & kept_attributes) && !::SetFileAttributesW(name.c_str(), attributes & kept_attributes)) {
      book_.add(slashed(path), {windows_reason(rule::mode, ::GetLastError()), true});
    }
  }

  void copy_file(const std::filesystem::path& path, copy_report& report) {
    const windows_handle source(::CreateFileW(long_path(volume_ / path).c_str(), GENERIC_READ, share_all, nullptr,
                                              OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr));
    if (!source) {
      const DWORD error = ::GetLastError();
      const bool gone = error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND;
      book_.add(slashed(path), {gone ? rule::gone : windows_reason(rule::unreadable, error)});
      return;
    }
    const std::wstring name = long_path(target_ / path);
    windows_handle target(
        ::CreateFileW(name.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, CREATE_NEW, 0, nullptr));
    if (!target) throw_windows(::GetLastError(), "could not make a file");
    BY_HANDLE_FILE_INFORMATION before{}, after{};
    outcome result = outcome::changed;
    for (int attempt = 0; attempt < attempts && result == outcome::changed; ++attempt) {
      if (!::GetFileInformationByHandle(source.get(), &before)) {
        result = outcome::unreadable;
        break;
      }
      result = copy_data(source.get(), target.get());
      if (result == outcome::whole &&
          (!::GetFileInformationByHandle(source.get(), &after) ||
           number(before.ftLastWriteTime) != number(after.ftLastWriteTime) ||
           before.nFileSizeHigh != after.nFileSizeHigh || before.nFileSizeLow != after.nFileSizeLow)) {
        result = outcome::changed;
      }
    }
    if (result == outcome::unreadable) {
      book_.add(slashed(path), {windows_reason(rule::unreadable, ::GetLastError())});
      target = windows_handle();
      ::DeleteFileW(name.c_str());
      return;
    }
    if (result == outcome::changed) book_.add(slashed(path), {rule::torn});
    if (before.nNumberOfLinks > 1) book_.add(slashed(path), {rule::links, true});
    LARGE_INTEGER size{};
    ::GetFileSizeEx(target.get(), &size);
    ++report.files;
    report.bytes += static_cast<std::uint64_t>(size.QuadPart);
    target = windows_handle();
    set_metadata(path, before.dwFileAttributes, before.ftCreationTime, before.ftLastAccessTime, before.ftLastWriteTime);
  }

  // Copies from the start to the end of file, then reads the source again and compares.
  outcome copy_data(HANDLE source, HANDLE target) {
    const LARGE_INTEGER start{};
    if (!::SetFilePointerEx(source, start, nullptr, FILE_BEGIN)) return outcome::unreadable;
    if (!::SetFilePointerEx(target, start, nullptr, FILE_BEGIN)) throw_windows(::GetLastError(), "could not seek");
    DWORD count = 0, done = 0;
    do {
      poll();
      if (!::ReadFile(source, buffer_.get(), buffer_size, &count, nullptr)) return outcome::unreadable;
      if (count > 0 && !::WriteFile(target, buffer_.get(), count, &done, nullptr)) {
        throw_windows(::GetLastError(), "could not write to the shadow copy");
      }
    } while (count > 0);
    if (!::SetEndOfFile(target)) throw_windows(::GetLastError(), "could not set a file's size");
    if (!::SetFilePointerEx(source, start, nullptr, FILE_BEGIN)) return outcome::unreadable;
    if (!::SetFilePointerEx(target, start, nullptr, FILE_BEGIN)) throw_windows(::GetLastError(), "could not seek");
    do {
      poll();
      if (!::ReadFile(source, second_.get(), buffer_size, &count, nullptr)) return outcome::unreadable;
      if (!::ReadFile(target, buffer_.get(), buffer_size, &done, nullptr)) {
        throw_windows(::GetLastError(), "could not read the shadow copy");
      }
      if (count != done || std::memcmp(buffer_.get(), second_.get(), count) != 0) return outcome::changed;
    } while (count > 0);
    return outcome::whole;
  }

  std::filesystem::path volume_, target_;
  const copy_options& options_;
  std::unique_ptr<char[]> buffer_, second_;
  std::vector<identity> leave_out_;
  std::vector<identity> leave_empty_;
  note_book book_;
};

shadow_seal look(const std::filesystem::path& shadow) {
  shadow_seal seal;
  walk(shadow, [&](const std::filesystem::path& path, const listing& item) {
    seal.entries.push_back({slashed(path), fingerprint(item.data)});
    return true;
  });
  sort(seal);
  return seal;
}

}  // namespace

std::wstring long_path(const std::filesystem::path& path) {
  std::wstring text = std::filesystem::absolute(path).lexically_normal().make_preferred().native();
  if (text.starts_with(L"\\\\?\\") || text.starts_with(L"\\\\.\\")) return text;
  if (text.starts_with(L"\\\\")) return L"\\\\?\\UNC" + text.substr(1);
  return L"\\\\?\\" + text;
}

std::vector<std::filesystem::path> names_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> names;
  for (listing items(folder); items.there(); items.next()) names.emplace_back(items.data.cFileName);
  return names;
}

std::string windows_reason(const char* text, DWORD error) {
  return std::string(text) + " (Windows error " + std::to_string(error) + ")";
}

void throw_windows(DWORD error, const std::string& detail) {
  HRESULT code = VSS_E_PROVIDER_VETO;
  switch (error) {
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
    case 1295:  // ERROR_DISK_QUOTA_EXCEEDED, which MinGW-w64 does not name
    case ERROR_FILE_TOO_LARGE:
      code = VSS_E_INSUFFICIENT_STORAGE;
      break;
    case ERROR_ACCESS_DENIED:
    case ERROR_WRITE_PROTECT:
      code = E_ACCESSDENIED;
      break;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
      code = E_OUTOFMEMORY;
      break;
    default:
      break;
  }
  throw com::vss_error(code, "folder provider", windows_reason(detail.c_str(), error));
}

void drop_contents(const std::filesystem::path& folder, const std::string& except) {
  std::string first;
  if (!drop_all(folder, std::filesystem::path(except).native(), first)) {
    throw com::vss_error(VSS_E_PROVIDER_VETO, "folder provider", first);
  }
}

}  // namespace vsspy::simulator::provider

namespace vsspy::simulator {

using namespace provider;

copy_report snapshot_folder(const std::filesystem::path& volume, const std::filesystem::path& shadow,
                            const copy_options& options) {
  const DWORD attributes = ::GetFileAttributesW(long_path(volume).c_str());
  if (attributes == INVALID_FILE_ATTRIBUTES || !(attributes & FILE_ATTRIBUTE_DIRECTORY)) {
    throw com::vss_error(VSS_E_OBJECT_NOT_FOUND, "folder provider", utf8(volume));
  }
  if (::GetFileAttributesW(long_path(shadow).c_str()) != INVALID_FILE_ATTRIBUTES) {
    throw com::vss_error(VSS_E_OBJECT_ALREADY_EXISTS, "folder provider", utf8(shadow));
  }
  std::filesystem::path staging = shadow;
  staging += L".part";
  if (!::CreateDirectoryW(long_path(staging).c_str(), nullptr)) {
    const DWORD error = ::GetLastError();
    if (error == ERROR_ALREADY_EXISTS)
      throw com::vss_error(VSS_E_OBJECT_ALREADY_EXISTS, "folder provider", utf8(staging));
    throw_windows(error, "could not make a folder for the shadow copy");
  }
  copy_report report;
  try {
    tree_copy(volume, staging, options).copy(report);
    if (!::MoveFileExW(long_path(staging).c_str(), long_path(shadow).c_str(), 0)) {
      throw_windows(::GetLastError(), "could not name the shadow copy");
    }
    staging = shadow;
    report.seal = look(shadow);
  } catch (...) {
    try {
      drop_folder(staging);
    } catch (const com::vss_error&) {  // the first error is the one that counts; the next run cleans what is left
    }
    throw;
  }
  return report;
}

std::vector<std::string> check_untouched(const std::filesystem::path& shadow, const shadow_seal& seal) {
  return differences(seal, look(shadow), {});
}

void drop_folder(const std::filesystem::path& folder) {
  const std::wstring name = long_path(folder);
  const DWORD attributes = ::GetFileAttributesW(name.c_str());
  if (attributes == INVALID_FILE_ATTRIBUTES) return;
  std::string first;
  if (!(attributes & FILE_ATTRIBUTE_REPARSE_POINT)) drop_all(folder, {}, first);
  if (attributes & FILE_ATTRIBUTE_READONLY) ::SetFileAttributesW(name.c_str(), FILE_ATTRIBUTE_NORMAL);
  if (!::RemoveDirectoryW(name.c_str()) && first.empty()) {
    first = utf8(folder) + ": " + windows_reason("could not be removed", ::GetLastError());
  }
  if (!first.empty()) throw com::vss_error(VSS_E_PROVIDER_VETO, "folder provider", first);
}

}  // namespace vsspy::simulator

#endif
