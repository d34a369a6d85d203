// A call's arguments as text, for traces: the same text on both sides of the calls.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "text.h"

namespace vsspy::com {

inline std::string argument_text(bool value) { return value ? "true" : "false"; }
inline std::string argument_text(std::int32_t value) { return std::to_string(value); }
inline std::string argument_text(std::uint32_t value) { return std::to_string(value); }
inline std::string argument_text(std::int64_t value) { return std::to_string(value); }
inline std::string argument_text(const GUID& value) { return to_utf8(guid_text(value)); }
inline std::string argument_text(const WCHAR* value) { return value ? to_utf8(view(value)) : "NULL"; }
#ifdef _WIN32  // there LONG and DWORD are types of their own
inline std::string argument_text(long value) { return std::to_string(value); }
inline std::string argument_text(unsigned long value) { return std::to_string(value); }
#endif
inline std::string argument_text(const std::u16string& value) { return to_utf8(value); }
inline std::string argument_text(const std::optional<std::u16string>& value) {
  return value ? to_utf8(*value) : "NULL";
}
template <class Value>
  requires std::is_enum_v<Value>
std::string argument_text(Value value) {
  return argument_text(static_cast<std::int32_t>(value));
}

inline std::string argument_text(const GUID* values, std::size_t count) {
  if (!values) return "NULL";
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += (i ? "," : "") + argument_text(values[i]);
  return text;
}

}  // namespace vsspy::com
