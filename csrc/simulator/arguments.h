// A call's arguments as text, for the trace.
#pragma once

#include <string>
#include <vector>

#include "../com/text.h"

namespace vsspy::simulator {

inline std::string argument_text(bool value) { return value ? "true" : "false"; }
inline std::string argument_text(std::int32_t value) { return std::to_string(value); }
inline std::string argument_text(std::uint32_t value) { return std::to_string(value); }
inline std::string argument_text(std::int64_t value) { return std::to_string(value); }
inline std::string argument_text(const GUID& value) { return com::to_utf8(com::guid_text(value)); }
inline std::string argument_text(const WCHAR* value) { return value ? com::to_utf8(com::view(value)) : "NULL"; }
#ifdef _WIN32  // there LONG and DWORD are types of their own
inline std::string argument_text(long value) { return std::to_string(value); }
inline std::string argument_text(unsigned long value) { return std::to_string(value); }
#endif
std::string argument_text(const GUID* values, UINT count);

struct argument {
  template <class Value>
  argument(const char* name_, const Value& value) : name(name_) {
    if constexpr (std::is_enum_v<Value>) {
      text = argument_text(static_cast<std::int32_t>(value));
    } else {
      text = argument_text(value);
    }
  }
  argument(const char* name_, std::string value) : name(name_), text(std::move(value)) {}

  const char* name;
  std::string text;
};

using argument_list = std::vector<argument>;

}  // namespace vsspy::simulator
