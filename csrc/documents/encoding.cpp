// From the bytes of a file to UTF-16.
#include <algorithm>

#include "../com/hresult.h"
#include "../com/text.h"
#include "xml.h"

namespace vsspy::documents::xml {

namespace {

using namespace std::string_view_literals;

std::u16string from_utf16(std::string_view bytes, bool big_endian, const char* operation) {
  if (bytes.size() % 2 != 0) {
    throw com::vss_error(VSS_E_INVALID_XML_DOCUMENT, operation, "half a character at the end of UTF-16 text");
  }
  std::u16string text(bytes.size() / 2, u'\0');
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(bytes[2 * i]);
    const auto second = static_cast<unsigned char>(bytes[2 * i + 1]);
    text[i] = static_cast<char16_t>(big_endian ? first << 8 | second : second << 8 | first);
  }
  return text;
}

std::u16string from_utf8(std::string_view bytes, const char* operation) {
  std::u16string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t start = at;
    const char32_t value = com::next_code_point(bytes, at);
    if (value == com::bad_code_point || (value >= 0xD800 && value <= 0xDFFF)) {
      throw com::vss_error(VSS_E_INVALID_XML_DOCUMENT, operation, "byte " + std::to_string(start) + " is not UTF-8");
    }
    com::append_utf16(text, value);
  }
  return text;
}

// The name in encoding="..." of the XML declaration, in lower case; the parser checks the declaration itself.
std::string declared_encoding(std::u16string_view text) {
  if (!text.starts_with(u"<?xml")) return {};
  text = text.substr(0, text.find(u"?>"));
  const auto place = text.find(u"encoding");
  if (place == text.npos) return {};
  text.remove_prefix(place);
  const auto start = text.find_first_of(u"\"'");
  if (start == text.npos) return {};
  const auto end = text.find(text[start], start + 1);
  if (end == text.npos) return {};
  std::string name = com::to_utf8(text.substr(start + 1, end - start - 1));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return name;
}

}  // namespace

std::u16string decode_document(std::string_view bytes, const char* operation) {
  // Before anything is allocated; no encoding takes more than three bytes for a UTF-16 unit.
  if (bytes.size() > 3 * max_text) throw com::vss_error(VSS_E_INVALID_XML_DOCUMENT, operation, "too long");
  std::u16string text;
  if (bytes.starts_with("\xEF\xBB\xBF"sv)) {
    text = from_utf8(bytes.substr(3), operation);
  } else if (bytes.starts_with("\xFF\xFE"sv) || bytes.starts_with("\xFE\xFF"sv)) {
    text = from_utf16(bytes.substr(2), bytes[0] == '\xFE', operation);
  } else if (bytes.size() >= 2 && (bytes[0] == '\0') != (bytes[1] == '\0')) {
    text = from_utf16(bytes, bytes[0] == '\0', operation);  // a document starts with an ASCII character
  } else {
    text = from_utf8(bytes, operation);
  }
  // A name of the other family is let through: text of the API (UTF-16) is often saved as UTF-8 with its declaration
  // unchanged.
  const std::string name = declared_encoding(text);
  if (!name.empty() && name != "utf-8" && name != "utf-16" && name != "us-ascii" && name != "utf-16le" &&
      name != "utf-16be") {
    throw com::vss_error(VSS_E_INVALID_XML_DOCUMENT, operation,
                         "the encoding " + name + " is not read, only UTF-8 and UTF-16");
  }
  return text;
}

}  // namespace vsspy::documents::xml
