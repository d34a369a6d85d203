#include "text.h"

#include <cstdint>

namespace vsspy::com {

namespace {

bool is_continuation(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

int hex_value(char16_t digit) noexcept {
  if (digit >= u'0' && digit <= u'9') return digit - u'0';
  if (digit >= u'a' && digit <= u'f') return digit - u'a' + 10;
  if (digit >= u'A' && digit <= u'F') return digit - u'A' + 10;
  return -1;
}

// Where the 16 bytes stand in the text, most significant first, and where its dashes are.
constexpr std::size_t guid_length = 36;
constexpr std::size_t byte_places[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};
constexpr std::size_t dash_places[4] = {8, 13, 18, 23};

}  // namespace

char32_t next_code_point(std::string_view text, std::size_t& at) noexcept {
  const auto lead = static_cast<unsigned char>(text[at++]);
  if (lead < 0x80) return lead;
  std::size_t more = 0;
  char32_t value = 0;
  char32_t least = 0;
  if ((lead & 0xE0) == 0xC0) {
    more = 1, value = lead & 0x1F, least = 0x80;
  } else if ((lead & 0xF0) == 0xE0) {
    more = 2, value = lead & 0x0F, least = 0x800;
  } else if ((lead & 0xF8) == 0xF0) {
    more = 3, value = lead & 0x07, least = 0x10000;
  } else {
    return bad_code_point;
  }
  if (text.size() - at < more) return bad_code_point;
  for (std::size_t i = 0; i < more; ++i) {
    if (!is_continuation(text[at + i])) return bad_code_point;
    value = value << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3F);
  }
  if (value < least || value > 0x10FFFF) return bad_code_point;
  at += more;
  return value;
}

void append_utf16(std::u16string& text, char32_t code_point) {
  if (code_point < 0x10000) {
    text.push_back(static_cast<char16_t>(code_point));
    return;
  }
  const char32_t offset = code_point - 0x10000;
  text.push_back(static_cast<char16_t>(0xD800 | offset >> 10));
  text.push_back(static_cast<char16_t>(0xDC00 | (offset & 0x3FF)));
}

std::string to_utf8(std::u16string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char32_t value = text[i];
    if (is_high_surrogate(text[i]) && i + 1 < text.size() && is_low_surrogate(text[i + 1])) {
      value = 0x10000 + ((value & 0x3FF) << 10 | (text[++i] & 0x3FF));
    }
    const auto tail = [&](int shift) { out.push_back(static_cast<char>(0x80 | (value >> shift & 0x3F))); };
    if (value < 0x80) {
      out.push_back(static_cast<char>(value));
    } else if (value < 0x800) {
      out.push_back(static_cast<char>(0xC0 | value >> 6));
      tail(0);
    } else if (value < 0x10000) {
      out.push_back(static_cast<char>(0xE0 | value >> 12));
      tail(6), tail(0);
    } else {
      out.push_back(static_cast<char>(0xF0 | value >> 18));
      tail(12), tail(6), tail(0);
    }
  }
  return out;
}

std::u16string to_utf16(std::string_view text) {
  std::u16string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char32_t value = next_code_point(text, at);
    append_utf16(out, value == bad_code_point ? 0xFFFD : value);
  }
  return out;
}

std::u16string guid_text(const GUID& id) {
  static constexpr char16_t digits[] = u"0123456789abcdef";
  const std::uint32_t first = id.Data1;
  std::uint8_t bytes[16] = {static_cast<std::uint8_t>(first >> 24),   static_cast<std::uint8_t>(first >> 16),
                            static_cast<std::uint8_t>(first >> 8),    static_cast<std::uint8_t>(first),
                            static_cast<std::uint8_t>(id.Data2 >> 8), static_cast<std::uint8_t>(id.Data2),
                            static_cast<std::uint8_t>(id.Data3 >> 8), static_cast<std::uint8_t>(id.Data3)};
  for (int i = 0; i < 8; ++i) bytes[8 + i] = id.Data4[i];
  std::u16string text(guid_length, u'-');
  for (int i = 0; i < 16; ++i) {
    text[byte_places[i]] = digits[bytes[i] >> 4];
    text[byte_places[i] + 1] = digits[bytes[i] & 15];
  }
  return text;
}

bool parse_guid(std::u16string_view text, GUID& id) {
  if (text.size() == guid_length + 2 && text.front() == u'{' && text.back() == u'}') text = text.substr(1, guid_length);
  if (text.size() != guid_length) return false;
  for (const std::size_t place : dash_places) {
    if (text[place] != u'-') return false;
  }
  std::uint8_t bytes[16];
  for (int i = 0; i < 16; ++i) {
    const int high = hex_value(text[byte_places[i]]);
    const int low = hex_value(text[byte_places[i] + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  id.Data1 = static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
             static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
  id.Data2 = static_cast<std::uint16_t>(bytes[4] << 8 | bytes[5]);
  id.Data3 = static_cast<std::uint16_t>(bytes[6] << 8 | bytes[7]);
  for (int i = 0; i < 8; ++i) id.Data4[i] = bytes[8 + i];
  return true;
}

}  // namespace vsspy::com
