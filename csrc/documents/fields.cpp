#include "fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "../com/hresult.h"
#include "../com/text.h"
#include "xml_characters.h"

namespace vsspy::documents {

namespace {

constexpr std::u16string_view base64_digits = u"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 128> base64_values = [] {
  std::array<std::int8_t, 128> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < base64_digits.size(); ++i) values[base64_digits[i]] = static_cast<std::int8_t>(i);
  return values;
}();

// Digits alone: no sign, no blanks, nothing behind them.
std::optional<std::uint64_t> parse_number(std::u16string_view text, std::uint64_t limit, int base = 10) {
  if (text.empty() || text.size() > 64) return std::nullopt;
  std::array<char, 64> digits;
  for (std::size_t i = 0; i < text.size(); ++i) digits[i] = text[i] < 0x80 ? static_cast<char>(text[i]) : '?';
  std::uint64_t value = 0;
  const char* end = digits.data() + text.size();
  const auto result = std::from_chars(digits.data(), end, value, base);
  if (result.ec != std::errc() || result.ptr != end || value > limit) return std::nullopt;
  return value;
}

// White space between the digits is let through: long values are often written in lines.
std::optional<std::vector<std::uint8_t>> parse_base64(std::u16string_view text) {
  std::vector<std::uint8_t> bytes;
  std::uint32_t bits = 0;
  int digits = 0;
  int padding = 0;
  for (const char16_t unit : text) {
    if (xml::is_space(unit)) continue;
    if (unit == u'=') {
      if (++padding > 2) return std::nullopt;
      continue;
    }
    if (padding > 0 || unit >= 0x80 || base64_values[unit] < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(base64_values[unit]);
    if (++digits == 4) {
      for (const int shift : {16, 8, 0}) bytes.push_back(static_cast<std::uint8_t>(bits >> shift));
      bits = 0;
      digits = 0;
    }
  }
  if ((digits + padding) % 4 != 0 || digits == 1) return std::nullopt;
  if (digits >= 2) bytes.push_back(static_cast<std::uint8_t>(bits >> (digits == 2 ? 4 : 10)));
  if (digits == 3) bytes.push_back(static_cast<std::uint8_t>(bits >> 2));
  return bytes;
}

std::u16string ascii(std::string_view text) { return {text.begin(), text.end()}; }

}  // namespace

std::string element_reader::quoted(std::u16string_view name) {
  constexpr std::size_t shown = 80;
  return "'" + com::to_utf8(name.substr(0, shown)) + (name.size() > shown ? "...'" : "'");
}

element_reader element_reader::root(const xml::document& document, schema::name name, schema::name space,
                                    const char* operation) {
  const element_reader root(document, 0, operation);
  if (root.name() != name) root.refuse("the root element is " + quoted(root.name()) + ", not " + quoted(name));
  const std::u16string_view found = document.namespaces[root.node().space];
  if (found != space) root.refuse("the root's namespace is " + quoted(found) + ", not " + quoted(space));
  const std::u16string_view version = root.require(schema::version).value;
  if (!version.starts_with(u"1.") || !parse_number(version.substr(2), std::numeric_limits<std::uint32_t>::max())) {
    root.refuse_value(schema::version, "is not 1 with a minor number");
  }
  return root;
}

void element_reader::refuse(const std::string& what) const {
  const auto offset = static_cast<std::size_t>(node().text.data() - document_.source.data());
  xml::refuse(document_.source, offset, what, operation_);
}

void element_reader::refuse_value(schema::name name, const char* what) const {
  const xml::attribute* found = find(name);
  refuse(com::to_utf8(name) + "=" + quoted(found ? found->value : std::u16string_view()) + " of " +
         quoted(this->name()) + " " + what);
}

const xml::attribute* element_reader::find(schema::name name) const noexcept {
  const xml::attribute* first = document_.attributes.data() + node().first_attribute;
  const xml::attribute* end = first + node().attribute_count;
  const auto* found =
      std::find_if(first, end, [&](const auto& each) { return each.space == xml::no_namespace && each.name == name; });
  return found == end ? nullptr : found;
}

const xml::attribute& element_reader::require(schema::name name) const {
  if (const auto* found = find(name)) return *found;
  refuse("the attribute " + quoted(name) + " of " + quoted(this->name()) + " is missing");
}

std::u16string element_reader::text(schema::name name) const { return std::u16string(require(name).value); }

std::optional<std::u16string> element_reader::optional_text(schema::name name) const {
  const auto* found = find(name);
  return found ? std::optional(std::u16string(found->value)) : std::nullopt;
}

bool element_reader::yes_no(schema::name name) const {
  require(name);
  return optional_yes_no(name).value();
}

std::optional<bool> element_reader::optional_yes_no(schema::name name) const {
  const auto* found = find(name);
  if (!found) return std::nullopt;
  if (found->value == u"yes") return true;
  if (found->value == u"no") return false;
  refuse_value(name, "is neither yes nor no");
}

std::uint32_t element_reader::number(schema::name name) const {
  require(name);
  return optional_number(name).value();
}

std::optional<std::uint32_t> element_reader::optional_number(schema::name name) const {
  const auto* found = find(name);
  if (!found) return std::nullopt;
  const auto value = parse_number(found->value, std::numeric_limits<std::uint32_t>::max());
  if (!value) refuse_value(name, "is not a number of 32 bits");
  return static_cast<std::uint32_t>(*value);
}

std::optional<std::uint64_t> element_reader::optional_long_number(schema::name name) const {
  const auto* found = find(name);
  if (!found) return std::nullopt;
  const auto value = parse_number(found->value, std::numeric_limits<std::uint64_t>::max());
  if (!value) refuse_value(name, "is not a number of 64 bits");
  return value;
}

std::optional<HRESULT> element_reader::optional_hresult(schema::name name) const {
  const auto* found = find(name);
  if (!found) return std::nullopt;
  std::u16string_view digits = found->value;
  if (digits.starts_with(u"0x") || digits.starts_with(u"0X")) digits.remove_prefix(2);
  const auto value = parse_number(digits, std::numeric_limits<std::uint32_t>::max(), 16);
  if (!value) refuse_value(name, "is not a hexadecimal HRESULT");
  return static_cast<HRESULT>(static_cast<std::uint32_t>(*value));
}

GUID element_reader::guid(schema::name name) const {
  require(name);
  return *optional_guid(name);
}

std::optional<GUID> element_reader::optional_guid(schema::name name) const {
  const auto* found = find(name);
  if (!found) return std::nullopt;
  GUID id{};
  if (!com::parse_guid(found->value, id)) refuse_value(name, "is not a GUID");
  return id;
}

std::vector<std::uint8_t> element_reader::optional_base64(schema::name name) const {
  const auto* found = find(name);
  if (!found) return {};
  auto bytes = parse_base64(found->value);
  if (!bytes) refuse_value(name, "is not base64");
  return *std::move(bytes);
}

int element_reader::word_value(schema::name name, std::span<const schema::word> words) const {
  const std::u16string_view text = require(name).value;
  const auto found = std::find_if(words.begin(), words.end(), [&](const auto& each) { return each.text == text; });
  if (found == words.end()) refuse_value(name, "is not a word that is known there");
  return found->value;
}

other_attributes element_reader::others(std::span<const schema::name> known) const {
  other_attributes kept;
  for (std::uint32_t i = 0; i < node().attribute_count; ++i) {
    const xml::attribute& each = document_.attributes[node().first_attribute + i];
    if (each.space == xml::no_namespace && std::find(known.begin(), known.end(), each.name) != known.end()) continue;
    kept.emplace_back(xml::full_name(document_, each), each.value);
  }
  return kept;
}

std::u16string element_reader::tree(xml::node_id element, std::u16string_view around) const {
  xml::writer out(operation_);
  xml::write_tree(out, document_, element, around);
  return out.take();
}

void element_writer::number(schema::name name, std::uint64_t value) { text(name, ascii(std::to_string(value))); }

void element_writer::guid(schema::name name, const GUID& value) { text(name, com::guid_text(value)); }

void element_writer::hresult(schema::name name, std::optional<HRESULT> value) {
  if (!value) return;
  std::u16string digits = u"0x";
  for (int shift = 28; shift >= 0; shift -= 4) {
    digits += u"0123456789abcdef"[static_cast<std::uint32_t>(*value) >> shift & 15];
  }
  text(name, digits);
}

void element_writer::base64(schema::name name, std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return;
  std::u16string digits;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) bits = bits << 8 | (i < count ? bytes[at + i] : 0U);
    for (std::size_t i = 0; i < 4; ++i) digits += i <= count ? base64_digits[bits >> (18 - 6 * i) & 63] : u'=';
  }
  text(name, digits);
}

void element_writer::word(schema::name name, int value, std::span<const schema::word> words) {
  const auto found = std::find_if(words.begin(), words.end(), [&](const auto& each) { return each.value == value; });
  if (found == words.end()) {
    throw com::vss_error(VSS_E_INVALID_XML_DOCUMENT, out_.operation(),
                         com::to_utf8(name) + ": the value " + std::to_string(value) + " has no word");
  }
  text(name, found->text);
}

void element_writer::others(const other_attributes& attributes) {
  int prefixes = 0;
  for (const auto& [name, value] : attributes) xml::write_attribute(out_, name, value, prefixes);
}

}  // namespace vsspy::documents
