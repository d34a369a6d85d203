#include "../com/hresult.h"
#include "xml.h"
#include "xml_characters.h"

namespace vsspy::documents::xml {

void writer::open(std::u16string_view name) {
  begin_content();
  out_ += u'<';
  out_ += name;
  open_.emplace_back(name);
  in_tag_ = true;
}

void writer::attribute(std::u16string_view name, std::u16string_view value) {
  out_ += u' ';
  out_ += name;
  out_ += u"=\"";
  escape(value, true);
  out_ += u'"';
}

void writer::close() {
  if (in_tag_) {
    out_ += u"/>";
    in_tag_ = false;
  } else {
    out_ += u"</";
    out_ += open_.back();
    out_ += u'>';
  }
  open_.pop_back();
}

void writer::text(std::u16string_view content) {
  begin_content();
  // White space alone would be dropped by the reader, as a text between elements: the first character keeps the rest.
  if (!content.empty() && is_blank(content)) {
    out_ += content[0] == u' ' ? u"&#32;" : content[0] == u'\t' ? u"&#9;" : content[0] == u'\n' ? u"&#10;" : u"&#13;";
    content.remove_prefix(1);
  }
  escape(content, false);
}

void writer::raw(std::u16string_view elements) {
  if (elements.empty()) return;
  begin_content();
  out_ += elements;
}

void writer::begin_content() {
  if (in_tag_) out_ += u'>';
  in_tag_ = false;
}

void writer::escape(std::u16string_view value, bool in_attribute) {
  std::size_t copied = 0;
  for (std::size_t at = 0; at < value.size();) {
    const character c = character_at(value, at);
    if (!is_character(c.value)) {
      throw com::vss_error(VSS_E_INVALID_XML_DOCUMENT, operation_,
                           "character " + std::to_string(at + 1) + " of '" + com::to_utf8(value.substr(0, 80)) +
                               "' is one that XML does not allow");
    }
    const char16_t* reference = c.value == u'&'                   ? u"&amp;"
                                : c.value == u'<'                 ? u"&lt;"
                                : c.value == u'>'                 ? u"&gt;"
                                : c.value == u'"' && in_attribute ? u"&quot;"
                                                                  : nullptr;
    if (reference) {
      out_ += value.substr(copied, at - copied);
      out_ += reference;
      copied = at + 1;
    }
    at += c.units;
  }
  out_ += value.substr(copied);
}

std::u16string full_name(const document& from, const attribute& each) {
  std::u16string name;
  if (each.space != no_namespace) {
    name += u'{';
    name += from.namespaces[each.space];
    name += u'}';
  }
  name += each.name;
  return name;
}

void write_attribute(writer& out, std::u16string_view full_name, std::u16string_view value, int& prefixes) {
  const std::size_t end = full_name.starts_with(u'{') ? full_name.rfind(u'}') : full_name.npos;
  if (end == full_name.npos) return out.attribute(full_name, value);
  const std::u16string_view space = full_name.substr(1, end - 1);
  const std::u16string_view local = full_name.substr(end + 1);
  std::u16string prefix = u"xml";
  if (space != xml_namespace) {
    prefix = u"ns" + com::to_utf16(std::to_string(++prefixes));
    out.attribute(u"xmlns:" + prefix, space);
  }
  out.attribute(prefix + u':' + std::u16string(local), value);
}

// The reader bounds the depth, and with it this recursion.
void write_tree(writer& out, const document& from, node_id element, std::u16string_view around) {
  const node& top = from.nodes[element];
  std::u16string_view space = from.namespaces[top.space];
  if (space == xml_namespace) {  // may not be a default namespace
    out.open(u"xml:" + std::u16string(top.name));
    space = around;
  } else {
    out.open(top.name);
    if (space != around) out.attribute(u"xmlns", space);
  }
  int prefixes = 0;
  for (std::uint32_t i = 0; i < top.attribute_count; ++i) {
    const attribute& each = from.attributes[top.first_attribute + i];
    write_attribute(out, full_name(from, each), each.value, prefixes);
  }
  for (node_id child = top.first_child; child != none; child = from.nodes[child].next) {
    if (from.nodes[child].is_text()) {
      out.text(from.nodes[child].text);
    } else {
      write_tree(out, from, child, space);
    }
  }
  out.close();
}

}  // namespace vsspy::documents::xml
