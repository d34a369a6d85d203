// What XML 1.0 (fifth edition) allows as a character and in a name.
#pragma once

#include <cstddef>
#include <string_view>

#include "../com/text.h"

namespace vsspy::documents::xml {

constexpr bool is_space(char16_t unit) noexcept {
  return unit == u' ' || unit == u'\t' || unit == u'\r' || unit == u'\n';
}

constexpr bool is_character(char32_t value) noexcept {
  return value >= 0x20 ? value < 0xD800 || (value > 0xDFFF && value < 0xFFFE) || (value >= 0x10000 && value <= 0x10FFFF)
                       : value == 9 || value == 10 || value == 13;
}

// The colon is left out: names are read part by part.
constexpr bool starts_name(char32_t c) noexcept {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  return (c >= 0xC0 && c <= 0x2FF && c != 0xD7 && c != 0xF7) || (c >= 0x370 && c <= 0x1FFF && c != 0x37E) ||
         c == 0x200C || c == 0x200D || (c >= 0x2070 && c <= 0x218F) || (c >= 0x2C00 && c <= 0x2FEF) ||
         (c >= 0x3001 && c <= 0xD7FF) || (c >= 0xF900 && c <= 0xFDCF) || (c >= 0xFDF0 && c <= 0xFFFD) ||
         (c >= 0x10000 && c <= 0xEFFFF);
}

constexpr bool continues_name(char32_t c) noexcept {
  if (c < 0x80) return starts_name(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
  return starts_name(c) || c == 0xB7 || (c >= 0x300 && c <= 0x36F) || c == 0x203F || c == 0x2040;
}

struct character {
  char32_t value;
  std::size_t units;
};

// The character at `at`, which must be inside; a lone surrogate is its own value, which is no character of XML.
constexpr character character_at(std::u16string_view text, std::size_t at) noexcept {
  const char16_t unit = text[at];
  if (com::is_high_surrogate(unit) && at + 1 < text.size() && com::is_low_surrogate(text[at + 1])) {
    return {0x10000 + (static_cast<char32_t>(unit & 0x3FF) << 10 | (text[at + 1] & 0x3FF)), 2};
  }
  return {unit, 1};
}

}  // namespace vsspy::documents::xml
