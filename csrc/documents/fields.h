// Typed access to elements: what both documents' readers and writers need beyond XML.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema.h"
#include "xml.h"

namespace vsspy::documents {

using other_attributes = std::vector<std::pair<std::u16string, std::u16string>>;

// One element under reading. Every refusal is VSS_E_INVALID_XML_DOCUMENT and names the element's place.
class element_reader {
 public:
  element_reader(const xml::document& document, xml::node_id id, const char* operation)
      : document_(document), id_(id), operation_(operation) {}

  // The root, after its name, namespace and version were checked.
  static element_reader root(const xml::document& document, schema::name name, schema::name space,
                             const char* operation);

  std::u16string_view name() const noexcept { return node().name; }
  bool declares_default_namespace() const noexcept { return node().declares_default; }

  std::u16string text(schema::name name) const;
  std::optional<std::u16string> optional_text(schema::name name) const;
  bool yes_no(schema::name name) const;
  std::optional<bool> optional_yes_no(schema::name name) const;
  std::uint32_t number(schema::name name) const;
  std::optional<std::uint32_t> optional_number(schema::name name) const;
  std::optional<std::uint64_t> optional_long_number(schema::name name) const;
  std::optional<HRESULT> optional_hresult(schema::name name) const;  // hexadecimal, with or without 0x
  GUID guid(schema::name name) const;
  std::optional<GUID> optional_guid(schema::name name) const;
  std::vector<std::uint8_t> optional_base64(schema::name name) const;
  template <typename Enum>
  Enum word(schema::name name, std::span<const schema::word> words) const {
    return static_cast<Enum>(word_value(name, words));
  }
  template <typename Enum>
  std::optional<Enum> optional_word(schema::name name, std::span<const schema::word> words) const {
    return find(name) ? std::optional(word<Enum>(name, words)) : std::nullopt;
  }

  // Calls child(element_reader) for the children in the root's namespace or in none (Windows makes some of those,
  // vss_xml.md 3.5), and other(node_id) for the rest. Text has no place in any element that is known.
  template <typename Child, typename Other>
  void children(Child&& child, Other&& other) const {
    for (xml::node_id next = node().first_child; next != xml::none; next = document_.nodes[next].next) {
      const xml::node& each = document_.nodes[next];
      if (each.is_text()) refuse("text in " + quoted(name()) + ", which has only elements");
      if (each.space == document_.nodes[0].space || each.space == xml::no_namespace) {
        child(element_reader(document_, next, operation_));
      } else {
        other(next);
      }
    }
  }

  // What the reader does not know, to be written back; `around` is the default namespace of the place that it goes to.
  other_attributes others(std::span<const schema::name> known) const;
  std::u16string tree(xml::node_id element, std::u16string_view around) const;
  std::u16string tree(std::u16string_view around) const { return tree(id_, around); }

  [[noreturn]] void refuse(const std::string& what) const;
  [[noreturn]] void refuse_value(schema::name name, const char* what) const;
  static std::string quoted(std::u16string_view name);

 private:
  const xml::node& node() const noexcept { return document_.nodes[id_]; }
  const xml::attribute* find(schema::name name) const noexcept;
  const xml::attribute& require(schema::name name) const;
  int word_value(schema::name name, std::span<const schema::word> words) const;

  const xml::document& document_;
  xml::node_id id_;
  const char* operation_;
};

// One element under writing: attributes by type.
class element_writer {
 public:
  explicit element_writer(xml::writer& out) : out_(out) {}

  void text(schema::name name, std::u16string_view value) { out_.attribute(name, value); }
  void optional_text(schema::name name, const std::optional<std::u16string>& value) {
    if (value) out_.attribute(name, *value);
  }
  void yes_no(schema::name name, bool value) { out_.attribute(name, value ? u"yes" : u"no"); }
  void number(schema::name name, std::uint64_t value);
  void guid(schema::name name, const GUID& value);
  void hresult(schema::name name, std::optional<HRESULT> value);
  void base64(schema::name name, std::span<const std::uint8_t> bytes);  // nothing for no bytes
  void word(schema::name name, int value, std::span<const schema::word> words);
  void others(const other_attributes& attributes);

 private:
  xml::writer& out_;
};

}  // namespace vsspy::documents
