// Any XML: csrc/documents/xml.h. A tree that is written and read again is the same tree.
#include <tuple>

#include "document_property.h"

using namespace vsspy;
namespace xml = documents::xml;

namespace {

struct tree {
  xml::document document;
  std::u16string_view source;

  bool operator==(const tree& other) const { return same(0, other, 0); }

 private:
  bool same(xml::node_id mine, const tree& other, xml::node_id theirs) const {
    const xml::node& a = document.nodes[mine];
    const xml::node& b = other.document.nodes[theirs];
    if (a.is_text() || b.is_text()) return a.is_text() && b.is_text() && a.text == b.text;
    if (a.name != b.name || a.attribute_count != b.attribute_count || space(a.space) != other.space(b.space))
      return false;
    for (std::uint32_t i = 0; i < a.attribute_count; ++i) {
      const xml::attribute& one = document.attributes[a.first_attribute + i];
      const xml::attribute& two = other.document.attributes[b.first_attribute + i];
      if (one.name != two.name || one.value != two.value || space(one.space) != other.space(two.space)) return false;
    }
    xml::node_id next = a.first_child;
    xml::node_id their_next = b.first_child;
    for (; next != xml::none && their_next != xml::none;
         next = document.nodes[next].next, their_next = other.document.nodes[their_next].next) {
      if (!same(next, other, their_next)) return false;
    }
    return next == their_next;
  }
  std::u16string_view space(xml::namespace_id id) const { return document.namespaces[id]; }
};

tree read(const std::u16string& text) { return {xml::parse(text, "fuzz"), text}; }

std::u16string write(const tree& tree) {
  xml::writer out("fuzz");
  xml::write_tree(out, tree.document, 0, u"");
  std::u16string text = out.take();
  // A character takes six at most ("&quot;"), a name is written twice, and the rest is what namespaces may add.
  fuzz::expect(text.size() <= 8 * tree.source.size() + 6 * xml::added_by_namespaces(tree.source.size()),
               "the text stays in proportion");
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::survives_rewriting(fuzz::text_of(data, size), read, write);
  return 0;
}
