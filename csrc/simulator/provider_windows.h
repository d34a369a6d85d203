// Inside the folder provider on Windows.
#pragma once

#ifdef _WIN32

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "../abi/vss_abi.h"

namespace vsspy::simulator::provider {

class windows_handle {
 public:
  windows_handle() = default;
  explicit windows_handle(HANDLE handle) noexcept : handle_(handle) {}
  windows_handle(windows_handle&& other) noexcept : handle_(std::exchange(other.handle_, INVALID_HANDLE_VALUE)) {}
  windows_handle& operator=(windows_handle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~windows_handle() {
    if (*this) ::CloseHandle(handle_);
  }
  HANDLE get() const noexcept { return handle_; }
  explicit operator bool() const noexcept { return handle_ != INVALID_HANDLE_VALUE && handle_ != nullptr; }

 private:
  HANDLE handle_ = INVALID_HANDLE_VALUE;
};

std::wstring long_path(const std::filesystem::path& path);  // absolute, in the form that has no length limit
std::vector<std::filesystem::path> names_in(const std::filesystem::path& folder);  // none where it cannot be listed
std::string windows_reason(const char* text, DWORD error);
[[noreturn]] void throw_windows(DWORD error, const std::string& detail);

// Removes all in a folder but the entry `except`; throws VSS_E_PROVIDER_VETO with the first that cannot go.
void drop_contents(const std::filesystem::path& folder, const std::string& except);

}  // namespace vsspy::simulator::provider

#endif
