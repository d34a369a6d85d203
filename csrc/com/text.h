// Text at the edges: UTF-16 as VSS has it, UTF-8 for messages. WCHAR is wchar_t on Windows and char16_t elsewhere; both
// are 16 bits, and everything inside works on char16_t.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "../abi/vss_abi.h"

namespace vsspy::com {

inline std::u16string_view view(const WCHAR* text) noexcept {
  if (!text) return {};
  const auto* units = reinterpret_cast<const char16_t*>(text);
  return {units, std::char_traits<char16_t>::length(units)};
}

inline const WCHAR* wide(const char16_t* text) noexcept { return reinterpret_cast<const WCHAR*>(text); }
inline const WCHAR* wide(const std::u16string& text) noexcept { return wide(text.c_str()); }

constexpr bool is_high_surrogate(char16_t unit) noexcept { return (unit & 0xFC00) == 0xD800; }
constexpr bool is_low_surrogate(char16_t unit) noexcept { return (unit & 0xFC00) == 0xDC00; }

// Takes one code point from text[at...] and moves `at` behind it. A surrogate as a three-byte sequence is let through;
// bytes that are no UTF-8 give `bad_code_point` and move `at` by one.
inline constexpr char32_t bad_code_point = 0xFFFFFFFF;
char32_t next_code_point(std::string_view text, std::size_t& at) noexcept;
void append_utf16(std::u16string& text, char32_t code_point);

// Lone surrogates survive as three-byte sequences (WTF-8): names on NTFS may hold them. Bytes that are no UTF-8 become
// U+FFFD.
std::string to_utf8(std::u16string_view text);
std::u16string to_utf16(std::string_view text);

std::u16string guid_text(const GUID& id);             // lower case, no braces
bool parse_guid(std::u16string_view text, GUID& id);  // with or without braces, any case

}  // namespace vsspy::com
