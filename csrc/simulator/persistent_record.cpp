#include "persistent_record.h"

#include <charconv>
#include <cstring>

#include "../com/hresult.h"
#include "../documents/xml.h"
#include "native_path.h"

namespace vsspy::simulator {

namespace {

namespace xml = documents::xml;

constexpr const char* operation = "persistent state";
constexpr std::int64_t version = 1;

constexpr std::u16string_view set_element = u"SNAPSHOT_SET", copy_element = u"SNAPSHOT", exposed_element = u"EXPOSED";
constexpr std::u16string_view machine_element = u"MACHINE", volume_element = u"VOLUME", area_element = u"STORAGE_AREA";
constexpr std::string_view seal_begin = "vsspy seal 1\n";

[[noreturn]] void refuse(const std::string& what) {
  throw com::vss_error(VSS_E_PROVIDER_VETO, operation, "a record of the persistent state: " + what);
}

// Bytes as ASCII.
std::u16string armoured(std::string_view bytes) {
  constexpr char16_t digits[] = u"0123456789ABCDEF";
  std::u16string text;
  for (const char each : bytes) {
    const auto byte = static_cast<unsigned char>(each);
    if (byte >= 0x20 && byte < 0x7F && byte != '%') {
      text += static_cast<char16_t>(byte);
    } else {
      text += u'%';
      text += digits[byte >> 4];
      text += digits[byte & 15];
    }
  }
  return text;
}

int digit(char16_t unit) {
  if (unit >= u'0' && unit <= u'9') return unit - u'0';
  return unit >= u'A' && unit <= u'F' ? unit - u'A' + 10 : -1;
}

std::string bare(std::u16string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != u'%') {
      bytes += static_cast<char>(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? digit(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : digit(text[i + 2]);
    if (low < 0) refuse("% without two digits");
    bytes += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return bytes;
}

class element_writer {
 public:
  element_writer(xml::writer& out, std::u16string_view name) : out_(out) { out_.open(name); }
  void end() { out_.close(); }

  void id(std::u16string_view name, const GUID& value) { out_.attribute(name, com::guid_text(value)); }
  template <class Number>
  void number(std::u16string_view name, Number value) {
    out_.attribute(name, com::to_utf16(std::to_string(value)));
  }
  void text(std::u16string_view name, std::u16string_view value) {
    out_.attribute(name, armoured(com::to_utf8(value)));
  }
  void path(std::u16string_view name, const std::filesystem::path& value) {
    out_.attribute(name, armoured(path_text(value)));
  }

 private:
  xml::writer& out_;
};

class element_reader {
 public:
  element_reader(const xml::document& from, const xml::node& node) : from_(from), node_(node) {}

  std::optional<std::u16string_view> find(std::u16string_view name) const {
    for (std::uint32_t i = 0; i < node_.attribute_count; ++i) {
      const xml::attribute& each = from_.attributes[node_.first_attribute + i];
      if (each.name == name) return each.value;
    }
    return std::nullopt;
  }
  std::u16string_view get(std::u16string_view name) const {
    const auto found = find(name);
    if (!found) refuse(com::to_utf8(name) + " is missing");
    return *found;
  }
  GUID id(std::u16string_view name) const {
    GUID id{};
    if (!com::parse_guid(get(name), id)) refuse(com::to_utf8(name) + " is no GUID");
    return id;
  }
  template <class Number>
  Number number(std::u16string_view name) const {
    const std::string digits = com::to_utf8(get(name));
    Number value{};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) refuse(com::to_utf8(name) + " is no number");
    return value;
  }
  std::u16string text(std::u16string_view name) const { return com::to_utf16(bare(get(name))); }
  std::filesystem::path path(std::u16string_view name) const { return native_path(bare(get(name))); }

  template <class Visit>
  void each_child(std::u16string_view name, Visit&& visit) const {
    for (auto id = node_.first_child; id != xml::none; id = from_.nodes[id].next) {
      if (from_.nodes[id].name == name) visit(element_reader(from_, from_.nodes[id]));
    }
  }

 private:
  const xml::document& from_;
  const xml::node& node_;
};

// A record with one root element of that name, which carries the version.
template <class Read>
auto read_record(std::string_view record, std::u16string_view name, Read&& read) {
  try {
    const std::u16string text = xml::decode_document(record, operation);
    const xml::document parsed = xml::parse(text, operation);
    const element_reader root(parsed, parsed.nodes[0]);
    if (parsed.nodes[0].name != name) refuse("no " + com::to_utf8(name));
    if (root.number<std::int64_t>(u"version") > version) refuse("a later version of vsspy has written it");
    return read(root);
  } catch (const com::vss_error& error) {
    if (error.hresult() != VSS_E_INVALID_XML_DOCUMENT) throw;
    refuse(error.detail());
  }
}

void write_copy(xml::writer& out, const saved_copy& copy) {
  element_writer element(out, copy_element);
  element.id(u"snapshotId", copy.id);
  element.id(u"sessionId", copy.session_id);
  element.id(u"volume", copy.volume);
  element.number(u"context", copy.context);
  element.number(u"attributes", copy.attributes);
  element.number(u"device", copy.number);
  element.number(u"files", copy.files);
  element.number(u"folders", copy.folders);
  element.number(u"bytes", copy.bytes);
  element.number(u"cloned", copy.cloned);
  if (copy.exposed) {
    element_writer exposed(out, exposed_element);
    exposed.text(u"name", copy.exposed->name);
    if (copy.exposed->path) exposed.text(u"path", *copy.exposed->path);
    if (!copy.exposed->link.empty()) exposed.path(u"link", copy.exposed->link);
    exposed.end();
  }
  element.end();
}

saved_copy read_copy(const element_reader& element) {
  saved_copy copy{.id = element.id(u"snapshotId"),
                  .session_id = element.id(u"sessionId"),
                  .volume = element.id(u"volume"),
                  .context = element.number<LONG>(u"context"),
                  .attributes = element.number<LONG>(u"attributes"),
                  .number = element.number<unsigned>(u"device"),
                  .files = element.number<std::uint64_t>(u"files"),
                  .folders = element.number<std::uint64_t>(u"folders"),
                  .bytes = element.number<std::uint64_t>(u"bytes"),
                  .cloned = element.number<std::uint64_t>(u"cloned")};
  element.each_child(exposed_element, [&](const element_reader& exposed) {
    copy.exposed = saved_exposure{.name = exposed.text(u"name")};
    if (exposed.find(u"path")) copy.exposed->path = exposed.text(u"path");
    if (exposed.find(u"link")) copy.exposed->link = exposed.path(u"link");
  });
  return copy;
}

}  // namespace

std::string write_record(const saved_set& set) {
  xml::writer out(operation);
  element_writer root(out, set_element);
  root.number(u"version", version);
  root.id(u"snapshotSetId", set.id);
  root.number(u"created", set.created);
  root.number(u"count", set.size);
  for (const saved_copy& each : set.copies) write_copy(out, each);
  root.end();
  return com::to_utf8(out.take());
}

saved_set read_set(std::string_view record) {
  return read_record(record, set_element, [](const element_reader& root) {
    saved_set set{.id = root.id(u"snapshotSetId"),
                  .created = root.number<std::int64_t>(u"created"),
                  .size = root.number<LONG>(u"count"),
                  .copies = {}};
    root.each_child(copy_element, [&](const element_reader& each) { set.copies.push_back(read_copy(each)); });
    return set;
  });
}

std::string write_record(const saved_machine& machine) {
  xml::writer out(operation);
  element_writer root(out, machine_element);
  root.number(u"version", version);
  for (const saved_volume& each : machine.volumes) {
    element_writer element(out, volume_element);
    element.id(u"id", each.id);
    element.text(u"name", each.name);
    element.path(u"folder", each.folder);
    element.path(u"relative", each.relative);
    element.number(u"protectionLevel", each.protection_level);
    element.end();
  }
  for (const saved_storage_area& each : machine.areas) {
    element_writer element(out, area_element);
    element.id(u"volume", each.of);
    element.id(u"on", each.on);
    element.number(u"maximum", each.maximum);
    element.end();
  }
  root.end();
  return com::to_utf8(out.take());
}

saved_machine read_machine(std::string_view record) {
  return read_record(record, machine_element, [](const element_reader& root) {
    saved_machine machine;
    root.each_child(volume_element, [&](const element_reader& each) {
      machine.volumes.push_back({.id = each.id(u"id"),
                                 .name = each.text(u"name"),
                                 .folder = each.path(u"folder"),
                                 .relative = each.path(u"relative"),
                                 .protection_level = each.number<std::uint32_t>(u"protectionLevel")});
    });
    root.each_child(area_element, [&](const element_reader& each) {
      machine.areas.push_back({each.id(u"volume"), each.id(u"on"), each.number<std::int64_t>(u"maximum")});
    });
    return machine;
  });
}

// One line for each entry. It is as long as the shadow copy has files, so it is no XML.
std::string write_seal(const shadow_seal& seal) {
  std::string text(seal_begin);
  for (const shadow_seal::entry& each : seal.entries) {
    text += std::to_string(each.fingerprint) + ' ' + com::to_utf8(armoured(each.path)) + '\n';
  }
  return text;
}

shadow_seal read_seal(std::string_view content) {
  if (!content.starts_with(seal_begin)) refuse("no seal");
  content.remove_prefix(seal_begin.size());
  shadow_seal seal;
  while (!content.empty()) {
    std::uint64_t fingerprint = 0;
    const auto [end, error] = std::from_chars(content.data(), content.data() + content.size(), fingerprint);
    const std::size_t line = content.find('\n');
    const auto blank = static_cast<std::size_t>(end - content.data());
    if (error != std::errc() || line == content.npos || blank >= line) refuse("half a seal");
    seal.entries.push_back({bare(com::to_utf16(content.substr(blank + 1, line - blank - 1))), fingerprint});
    content.remove_prefix(line + 1);
  }
  return seal;
}

}  // namespace vsspy::simulator
