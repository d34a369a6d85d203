#ifdef _WIN32

#include "../com/text.h"
#include "folder.h"

namespace vsspy::filesets {

namespace {

constexpr std::int64_t ticks_until_1970 = 116'444'736'000'000'000;  // of 100 ns, since 1601

std::wstring utf16(std::string_view text) {
  const std::u16string units = com::to_utf16(text);
  return {reinterpret_cast<const wchar_t*>(units.data()), units.size()};
}

std::string utf8(const wchar_t* text) { return com::to_utf8(com::view(text)); }

// In the form that has no length limit. In it no "." and ".." are understood, which a root has none of.
std::wstring long_path(const std::string& path) {
  std::wstring made = utf16(path);
  for (wchar_t& unit : made) {
    if (unit == L'/') unit = L'\\';
  }
  if (made.starts_with(L"\\\\?\\") || made.starts_with(L"\\\\.\\")) return made;
  return made.starts_with(L"\\\\") ? L"\\\\?\\UNC\\" + made.substr(2) : L"\\\\?\\" + made;
}

bool is_dots(const wchar_t* name) noexcept {
  return name[0] == L'.' && (name[1] == 0 || (name[1] == L'.' && name[2] == 0));
}

void take(const WIN32_FIND_DATAW& from, status& to) noexcept {
  const bool is_reparse_point = from.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT;
  if (is_reparse_point && from.dwReserved0 == IO_REPARSE_TAG_SYMLINK) {
    to.what = status::kind::link;
  } else {
    to.what = from.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY ? status::kind::folder : status::kind::file;
  }
  to.is_elsewhere = is_reparse_point;
  to.size = to.what == status::kind::file ? std::uint64_t{from.nFileSizeHigh} << 32 | from.nFileSizeLow : 0;
  const auto ticks = static_cast<std::int64_t>(std::uint64_t{from.ftLastWriteTime.dwHighDateTime} << 32 |
                                               from.ftLastWriteTime.dwLowDateTime);
  to.modified = (ticks - ticks_until_1970) * 100;
}

class search {
 public:
  search() = default;
  search(const search&) = delete;
  search& operator=(const search&) = delete;
  ~search() { end(); }

  error_code first(const std::wstring& name, WIN32_FIND_DATAW& data) {
    end();
    // No short names are asked for, and many entries come at once.
    handle_ = ::FindFirstFileExW(name.c_str(), FindExInfoBasic, &data, FindExSearchNameMatch, nullptr,
                                 FIND_FIRST_EX_LARGE_FETCH);
    return handle_ == INVALID_HANDLE_VALUE ? ::GetLastError() : ERROR_SUCCESS;
  }
  error_code next(WIN32_FIND_DATAW& data) {
    return ::FindNextFileW(handle_, &data) ? error_code{ERROR_SUCCESS} : ::GetLastError();
  }

 private:
  void end() noexcept {
    if (handle_ != INVALID_HANDLE_VALUE) ::FindClose(handle_);
    handle_ = INVALID_HANDLE_VALUE;
  }
  HANDLE handle_ = INVALID_HANDLE_VALUE;
};

}  // namespace

bool means_missing(error_code error) noexcept {
  return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND || error == ERROR_DIRECTORY;
}

struct folder::listing {
  search entries;
};

folder::folder() noexcept = default;
folder::folder(folder&& other) noexcept = default;
folder& folder::operator=(folder&& other) noexcept = default;
folder::~folder() = default;

error_code folder::open_root(const std::string& path) {
  if (path.find('\0') != std::string::npos) return ERROR_PATH_NOT_FOUND;
  std::wstring root = long_path(path);
  if (!root.ends_with(L'\\')) root += L'\\';
  const DWORD attributes = ::GetFileAttributesW(root.c_str());
  if (attributes == INVALID_FILE_ATTRIBUTES) return ::GetLastError();
  if (!(attributes & FILE_ATTRIBUTE_DIRECTORY)) return ERROR_DIRECTORY;
  path_ = std::move(root);
  return 0;
}

error_code folder::open_below(const folder& parent, const std::string& name) {
  path_ = parent.path_ + utf16(name) + L'\\';
  return 0;
}

error_code folder::open_again(const folder&, const std::string&) { return 0; }
void folder::park() noexcept { listing_.reset(); }
bool folder::is_parked() const noexcept { return false; }

error_code folder::look_up(const std::string& name, std::string& real, status& found) const {
  // None of these can be in a name, and some of them would be taken for wildcards.
  static constexpr std::string_view forbidden("\0*?<>\"|:/\\", 10);
  if (name.empty() || name == "." || name == ".." || name.find_first_of(forbidden) != std::string::npos) {
    return ERROR_FILE_NOT_FOUND;
  }
  WIN32_FIND_DATAW data;
  search entries;
  const error_code error = entries.first(path_ + utf16(name), data);
  if (error) return error == ERROR_INVALID_NAME || error == ERROR_FILENAME_EXCED_RANGE ? ERROR_FILE_NOT_FOUND : error;
  take(data, found);
  real = utf8(data.cFileName);
  return 0;
}

error_code folder::look_at(const std::string& name, status& found) const {
  std::string real;
  return look_up(name, real, found);
}

error_code folder::list(std::string& name, status& known) {
  name.clear();
  WIN32_FIND_DATAW data;
  error_code error = ERROR_SUCCESS;
  if (!listing_) {
    listing_ = std::make_unique<listing>();
    error = listing_->entries.first(path_ + L'*', data);
    if (error == ERROR_FILE_NOT_FOUND) return 0;  // the root of a volume may have no entry at all
  } else {
    error = listing_->entries.next(data);
  }
  while (!error && is_dots(data.cFileName)) error = listing_->entries.next(data);
  if (error) return error == ERROR_NO_MORE_FILES ? 0 : error;
  known = {};
  take(data, known);
  name = utf8(data.cFileName);
  return 0;
}

void folder::end_list() noexcept { listing_.reset(); }

}  // namespace vsspy::filesets

#endif
