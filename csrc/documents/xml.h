// A small XML reader and writer for the two documents of VSS: well-formedness and namespaces are checked strictly, DTDs
// are refused, and so is everything that a DTD could bring (entities of one's own, default attributes).
//
// One thing differs from the XML recommendation on purpose: line breaks and tabs are kept as they stand, inside
// attributes too. Windows writes them raw there (vss_xml.md section 1), and a normalising reader would lose them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vsspy::documents::xml {

// Limits on what is read, so that memory stays in proportion whatever the text is.
inline constexpr std::size_t max_text = 128 * 1024 * 1024;  // UTF-16 units: 256 MiB
inline constexpr std::size_t max_nodes = 16 * 1024 * 1024;  // elements and texts
inline constexpr std::size_t max_depth = 64;                // elements inside each other
// What the names of namespaces may add when a text is written in canonical form, where each element and attribute names
// its own: a prefix for a long one would make it grow with the square.
constexpr std::size_t added_by_namespaces(std::size_t text) noexcept { return 64 * 1024 + 16 * text; }

using node_id = std::uint32_t;
inline constexpr node_id none = 0xFFFFFFFF;

using namespace_id = std::uint32_t;
inline constexpr namespace_id no_namespace = 0;  // xmlns="", and every attribute without prefix
inline constexpr std::u16string_view xml_namespace = u"http://www.w3.org/XML/1998/namespace";

struct attribute {
  std::u16string_view name;  // without prefix
  std::u16string_view value;
  namespace_id space = no_namespace;
};

struct node {
  std::u16string_view name;  // of an element, without prefix; empty for a text
  std::u16string_view text;  // of a text; for an element where it begins in the source
  namespace_id space = no_namespace;
  node_id next = none;  // the next one under the same parent
  node_id first_child = none;
  std::uint32_t first_attribute = 0;
  std::uint32_t attribute_count = 0;
  bool declares_default = false;  // has an xmlns of its own, redundant or not

  bool is_text() const noexcept { return name.empty(); }
};

// A document as a tree. Views point into the text that it was read from, which must outlive it, or into `pool`.
// Comments, processing instructions, and texts of nothing but white space are not kept.
struct document {
  std::u16string_view source;
  std::vector<node> nodes;  // nodes[0] is the root element
  std::vector<attribute> attributes;
  std::vector<std::u16string_view> namespaces;  // by namespace_id
  std::deque<std::u16string> pool;              // values that had references in them

  document() = default;
  // NOLINTNEXTLINE(performance-noexcept-move-constructor): a deque may allocate when it is moved
  document(document&&) = default;
  // NOLINTNEXTLINE(performance-noexcept-move-constructor)
  document& operator=(document&&) = default;
};

// Reads a whole document. Throws com::vss_error(VSS_E_INVALID_XML_DOCUMENT, operation, "line L, column C: what").
document parse(std::u16string_view text, const char* operation);

// Raises the same error for a place in the text that a document was read from.
[[noreturn]] void refuse(std::u16string_view source, std::size_t offset, const std::string& what,
                         const char* operation);

// The text of a file: UTF-8 or UTF-16 of either byte order, with or without byte-order mark; the mark is taken off.
std::u16string decode_document(std::string_view bytes, const char* operation);

bool is_blank(std::u16string_view text) noexcept;

// Appends canonical XML: no white space between elements, double quotes, line breaks raw as Windows writes them, and a
// reference only for & < > ". Throws com::vss_error for characters that XML cannot hold. Names are taken as they are.
class writer {
 public:
  explicit writer(const char* operation) : operation_(operation) {}

  void open(std::u16string_view name);  // <name
  void attribute(std::u16string_view name, std::u16string_view value);
  void close();  // /> or </name>
  void text(std::u16string_view content);
  void raw(std::u16string_view elements);  // canonical XML of child elements, made before
  std::u16string take() noexcept { return std::move(out_); }
  const char* operation() const noexcept { return operation_; }

 private:
  void begin_content();
  void escape(std::u16string_view value, bool in_attribute);

  const char* operation_;
  std::u16string out_;
  std::vector<std::u16string> open_;
  bool in_tag_ = false;  // a start tag waits for its end
};

// An attribute's name as one string that keeps its namespace: "name", or "{namespace}name".
std::u16string full_name(const document& from, const attribute& each);

// Writes an attribute under such a name; `prefixes` counts the ones that were declared on this element.
void write_attribute(writer& out, std::u16string_view full_name, std::u16string_view value, int& prefixes);

// Copies an element with all that is in it; `around` is the default namespace of the place that it goes to.
void write_tree(writer& out, const document& from, node_id element, std::u16string_view around);

}  // namespace vsspy::documents::xml
