// Paths: the system's own bytes off Windows, UTF-16 on it.
#pragma once

#include <filesystem>

#include "../com/text.h"

namespace vsspy::simulator {

inline std::filesystem::path native_path(std::string_view text) {
#ifdef _WIN32
  return std::filesystem::path(com::to_utf16(text));
#else
  return std::filesystem::path(text);
#endif
}

inline std::string path_text(const std::filesystem::path& path) {
#ifdef _WIN32
  return com::to_utf8(path.u16string());
#else
  return path.native();
#endif
}

}  // namespace vsspy::simulator
