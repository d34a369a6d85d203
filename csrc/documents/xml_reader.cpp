#include <algorithm>
#include <array>
#include <unordered_map>

#include "../com/hresult.h"
#include "xml.h"
#include "xml_characters.h"

namespace vsspy::documents::xml {

namespace {

constexpr std::u16string_view declaration_namespace = u"http://www.w3.org/2000/xmlns/";

std::string quoted(std::u16string_view name) {
  constexpr std::size_t shown = 80;
  std::string text = com::to_utf8(name.substr(0, shown));
  return "'" + text + (name.size() > shown ? "...'" : "'");
}

class parser {
 public:
  parser(std::u16string_view text, const char* operation) : text_(text), operation_(operation) { out_.source = text; }

  document run() {
    if (text_.size() > max_text) fail("the text is too long", 0);
    intern({});
    intern(xml_namespace);
    if (!text_.empty() && text_[0] == 0xFEFF) ++at_;
    if (looking_at(u"<?xml") && at_ + 5 < text_.size() && is_space(text_[at_ + 5])) declaration();
    miscellaneous();
    if (at_ >= text_.size()) fail("there is no root element");
    if (text_[at_] != u'<') fail("text outside of the root element");
    start_tag();
    while (!open_.empty()) content();
    miscellaneous();
    if (at_ < text_.size()) fail("text after the root element");
    return std::move(out_);
  }

 private:
  struct name_parts {
    std::u16string_view whole, prefix, local;
  };
  struct raw_attribute {
    name_parts name;
    std::u16string_view value;
  };
  struct binding {
    namespace_id space;
    std::size_t element;  // number of the element that declares it
  };
  struct open_element {
    node_id id;
    node_id last_child;
    std::u16string_view name;
    std::size_t declared;            // how many prefix declarations were in force outside of it
    namespace_id default_namespace;  // for its children
  };

  [[noreturn]] void fail(const std::string& what) { fail(what, at_); }
  [[noreturn]] void fail(const std::string& what, std::size_t offset) { refuse(text_, offset, what, operation_); }

  bool looking_at(std::u16string_view what) const noexcept { return text_.substr(at_).starts_with(what); }

  bool take(std::u16string_view what) noexcept {
    if (!looking_at(what)) return false;
    at_ += what.size();
    return true;
  }

  bool skip_space() noexcept {
    const std::size_t start = at_;
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    return at_ != start;
  }

  static bool is_plain(char16_t unit) noexcept { return unit >= 0x20 && unit < 0xD800 && unit != u'<' && unit != u'&'; }

  // Moves over one character of the text.
  void step() {
    const char16_t unit = text_[at_];
    if (unit >= 0x20 && unit < 0xD800) {
      ++at_;
      return;
    }
    const character c = character_at(text_, at_);
    if (!is_character(c.value)) fail("a character that XML does not allow");
    at_ += c.units;
  }

  // Moves behind `end` and gives what stood before it.
  std::u16string_view until(std::u16string_view end, const char* what) {
    const std::size_t start = at_;
    while (at_ < text_.size()) {
      if (text_[at_] == end[0] && looking_at(end)) {
        at_ += end.size();
        return text_.substr(start, at_ - end.size() - start);
      }
      step();
    }
    fail(std::string(what) + " has no end", start);
  }

  std::u16string_view simple_name(const char* what) {
    const std::size_t start = at_;
    while (at_ < text_.size()) {
      const character c = character_at(text_, at_);
      if (!(at_ == start ? starts_name(c.value) : continues_name(c.value))) break;
      at_ += c.units;
    }
    if (at_ == start) fail(std::string("expected ") + what);
    return text_.substr(start, at_ - start);
  }

  name_parts qualified_name(const char* what) {
    const std::size_t start = at_;
    name_parts name;
    name.local = simple_name(what);
    if (at_ < text_.size() && text_[at_] == u':') {
      ++at_;
      name.prefix = name.local;
      name.local = simple_name("a name after the colon");
    }
    name.whole = text_.substr(start, at_ - start);
    return name;
  }

  void declaration() {
    at_ += 5;
    constexpr std::array<std::u16string_view, 3> order = {u"version", u"encoding", u"standalone"};
    std::size_t next = 0;
    while (skip_space(), !take(u"?>")) {
      if (!is_space(text_[at_ - 1])) fail("a blank is missing in the XML declaration");
      const std::size_t start = at_;
      const std::u16string_view name = simple_name("an attribute of the XML declaration");
      const auto known = std::find(order.begin() + static_cast<std::ptrdiff_t>(next), order.end(), name);
      if (known == order.end() || (next == 0 && known != order.begin())) fail("the XML declaration is wrong", start);
      next = static_cast<std::size_t>(known - order.begin()) + 1;
      skip_space();
      if (!take(u"=")) fail("expected '='");
      skip_space();
      if (at_ >= text_.size() || (text_[at_] != u'"' && text_[at_] != u'\'')) fail("expected a quoted value");
      const char16_t quote[] = {text_[at_++], 0};
      const std::u16string_view value = until(quote, "the value");
      const bool good = next == 1   ? value.size() > 2 && value.starts_with(u"1.") &&
                                          value.find_first_not_of(u"0123456789", 2) == value.npos
                        : next == 2 ? !value.empty() && value.find_first_of(u"<&") == value.npos
                                    : value == u"yes" || value == u"no";
      if (!good) fail("the XML declaration is wrong", start);
    }
    if (next == 0) fail("the XML declaration has no version");
  }

  // Comments, processing instructions and white space, up to anything else.
  void miscellaneous() {
    while (skip_space(), at_ < text_.size()) {
      if (!skip_comment_or_instruction()) return;
    }
  }

  bool skip_comment_or_instruction() {
    if (take(u"<!--")) {
      until(u"--", "a comment");
      if (!take(u">")) fail("'--' inside a comment");
      return true;
    }
    if (take(u"<?")) {
      const std::size_t start = at_;
      const std::u16string_view target = simple_name("a name");
      if (target.size() == 3 && (target[0] | 32) == u'x' && (target[1] | 32) == u'm' && (target[2] | 32) == u'l') {
        fail("an XML declaration may only stand at the very start", start);
      }
      if (!looking_at(u"?>") && !skip_space()) fail("expected a blank");
      until(u"?>", "a processing instruction");
      return true;
    }
    if (looking_at(u"<!DOCTYPE")) fail("a document type declaration is not allowed");
    return false;
  }

  // Between the tags of an element: up to and over the next tag.
  void content() {
    while (true) {
      const std::size_t start = at_;
      while (at_ < text_.size() && text_[at_] != u'<' && text_[at_] != u'&') {
        if (text_[at_] == u']' && looking_at(u"]]>")) fail("']]>' in a text");
        step();
      }
      add_text(text_.substr(start, at_ - start));
      if (at_ >= text_.size()) fail("the element " + quoted(open_.back().name) + " is not closed");
      if (text_[at_] == u'&') {
        std::u16string one;
        reference(one);
        add_text(one, false);
        keep_blank_ = true;
      } else if (take(u"<![CDATA[")) {
        add_text(until(u"]]>", "a CDATA section"));
        keep_blank_ = true;
      } else if (take(u"</")) {
        end_text();
        end_tag();
        return;
      } else if (!skip_comment_or_instruction()) {
        end_text();
        start_tag();
        return;
      }
    }
  }

  // A text in pieces is put together in the pool; most are one piece of the source, and stay a view.
  void add_text(std::u16string_view piece, bool in_source = true) {
    if (piece.empty()) return;
    if (pending_.empty() && in_source) {
      pending_ = piece;
      return;
    }
    if (!joined_) {
      out_.pool.emplace_back(pending_);
      joined_ = true;
      joined_index_ = out_.pool.size() - 1;
    }
    std::u16string& all = out_.pool[joined_index_];
    all.append(piece);
    pending_ = all;
  }

  void end_text() {
    if (!pending_.empty() && (keep_blank_ || !is_blank(pending_))) {
      node made;
      made.text = pending_;
      add_node(made);
    }
    pending_ = {};
    joined_ = false;
    keep_blank_ = false;
  }

  node_id add_node(const node& made) {
    if (out_.nodes.size() >= max_nodes) fail("too many elements");
    const auto id = static_cast<node_id>(out_.nodes.size());
    if (!open_.empty()) {
      open_element& parent = open_.back();
      (parent.last_child == none ? out_.nodes[parent.id].first_child : out_.nodes[parent.last_child].next) = id;
      parent.last_child = id;
    }
    out_.nodes.push_back(made);
    return id;
  }

  void start_tag() {
    const std::size_t start = at_;
    ++at_;
    if (open_.size() >= max_depth) fail("elements are too deep inside each other", start);
    const name_parts name = qualified_name("an element's name");
    raw_.clear();
    bool empty = false;
    while (true) {
      const bool blank = skip_space();
      if (take(u">")) break;
      if (take(u"/>")) {
        empty = true;
        break;
      }
      if (at_ >= text_.size()) fail("the tag of " + quoted(name.whole) + " has no end", start);
      if (!blank) fail("expected a blank, '>' or '/>'");
      raw_attribute& made = raw_.emplace_back();
      made.name = qualified_name("an attribute's name");
      skip_space();
      if (!take(u"=")) fail("expected '='");
      skip_space();
      made.value = attribute_value();
    }
    const std::size_t declared = declared_.size();
    node element;
    element.text = text_.substr(start, 0);
    element.name = name.local;
    namespace_id default_namespace = open_.empty() ? no_namespace : open_.back().default_namespace;
    element.declares_default = declare_namespaces(default_namespace);
    element.space = name.prefix.empty() ? default_namespace : resolve(name.prefix, start);
    if (open_.empty() || element.space != out_.nodes[open_.back().id].space) add_namespace(element.space, start);
    element.first_attribute = static_cast<std::uint32_t>(out_.attributes.size());
    for (const raw_attribute& each : raw_) {
      if (is_declaration(each.name)) continue;
      const namespace_id space = each.name.prefix.empty() ? no_namespace : resolve(each.name.prefix, start);
      add_namespace(space, start);
      out_.attributes.push_back({each.name.local, each.value, space});
    }
    element.attribute_count = static_cast<std::uint32_t>(out_.attributes.size() - element.first_attribute);
    refuse_duplicates(element, start);
    const node_id id = add_node(element);
    if (empty) {
      forget_prefixes(declared);
    } else {
      open_.push_back({id, none, name.whole, declared, default_namespace});
    }
  }

  void end_tag() {
    const std::size_t start = at_ - 2;
    const name_parts name = qualified_name("an element's name");
    skip_space();
    if (!take(u">")) fail("expected '>'");
    if (name.whole != open_.back().name) {
      fail(quoted(name.whole) + " is closed where " + quoted(open_.back().name) + " is open", start);
    }
    forget_prefixes(open_.back().declared);
    open_.pop_back();
  }

  std::u16string_view attribute_value() {
    if (at_ >= text_.size() || (text_[at_] != u'"' && text_[at_] != u'\'')) fail("expected a quoted value");
    const char16_t quote = text_[at_++];
    const std::size_t start = at_;
    std::size_t copied = start;
    std::u16string* decoded = nullptr;
    while (true) {
      std::size_t at = at_;  // most of a document's characters pass here
      while (at < text_.size() && is_plain(text_[at]) && text_[at] != quote) ++at;
      at_ = at;
      if (at_ >= text_.size()) fail("the value has no end", start - 1);
      const char16_t unit = text_[at_];
      if (unit == quote) break;
      if (unit == u'<') fail("'<' in a value");
      if (unit != u'&') {
        step();
        continue;
      }
      if (!decoded) decoded = &out_.pool.emplace_back();
      decoded->append(text_.substr(copied, at_ - copied));
      reference(*decoded);
      copied = at_;
    }
    const std::size_t end = at_++;
    if (!decoded) return text_.substr(start, end - start);
    decoded->append(text_.substr(copied, end - copied));
    return *decoded;
  }

  // Appends what a reference at '&' stands for.
  void reference(std::u16string& to) {
    const std::size_t start = at_++;
    if (take(u"#")) {
      const bool hexadecimal = take(u"x");
      const char32_t base = hexadecimal ? 16 : 10;
      char32_t value = 0;
      std::size_t digits = 0;
      for (; at_ < text_.size(); ++at_, ++digits) {
        const char16_t unit = text_[at_];
        const auto lower = static_cast<char16_t>(unit | 32);
        char32_t digit = 0;
        if (unit >= u'0' && unit <= u'9') {
          digit = unit - u'0';
        } else if (hexadecimal && lower >= u'a' && lower <= u'f') {
          digit = lower - u'a' + 10;
        } else {
          break;
        }
        value = std::min<char32_t>(value * base + digit, 0x110000);
      }
      if (digits == 0 || !take(u";") || !is_character(value)) fail("a character reference is wrong", start);
      com::append_utf16(to, value);
      return;
    }
    static constexpr std::array<std::pair<std::u16string_view, char16_t>, 5> entities = {
        {{u"amp;", u'&'}, {u"lt;", u'<'}, {u"gt;", u'>'}, {u"quot;", u'"'}, {u"apos;", u'\''}}};
    for (const auto& [name, unit] : entities) {
      if (take(name)) {
        to.push_back(unit);
        return;
      }
    }
    fail("only the five standard entities are known", start);
  }

  static bool is_declaration(const name_parts& name) noexcept {
    return name.prefix.empty() ? name.local == u"xmlns" : name.prefix == u"xmlns";
  }

  // Brings the declarations among raw_ into force; says whether the default namespace is among them.
  bool declare_namespaces(namespace_id& default_namespace) {
    const std::size_t element = out_.nodes.size();
    bool declares_default = false;
    for (const raw_attribute& each : raw_) {
      if (!is_declaration(each.name)) continue;
      const std::size_t place = offset_of(each.name.whole);
      const std::u16string_view prefix = each.name.prefix.empty() ? each.name.prefix : each.name.local;
      if (prefix == u"xmlns" || each.value == declaration_namespace ||
          (prefix == u"xml") != (each.value == xml_namespace) || (each.value.empty() && !prefix.empty())) {
        fail("this namespace declaration is not allowed", place);
      }
      const auto twice = [&] { fail("the attribute " + quoted(each.name.whole) + " stands twice", place); };
      const namespace_id space = intern(each.value);
      if (prefix.empty()) {
        if (declares_default) twice();
        declares_default = true;
        default_namespace = space;
        continue;
      }
      std::vector<binding>& bound = prefixes_[prefix];
      if (!bound.empty() && bound.back().element == element) twice();
      bound.push_back({space, element});
      declared_.push_back(prefix);
    }
    return declares_default;
  }

  void forget_prefixes(std::size_t outside) {
    for (; declared_.size() > outside; declared_.pop_back()) {
      const auto place = prefixes_.find(declared_.back());
      place->second.pop_back();
      if (place->second.empty()) prefixes_.erase(place);
    }
  }

  namespace_id resolve(std::u16string_view prefix, std::size_t element) {
    if (prefix == u"xml") return xml_namespace_id;
    const auto place = prefixes_.find(prefix);
    if (place == prefixes_.end()) fail("the prefix " + quoted(prefix) + " is not declared", element);
    return place->second.back().space;
  }

  // Sorting above a handful keeps an element with very many attributes from taking quadratic time.
  void refuse_duplicates(const node& element, std::size_t start) {
    const attribute* first = out_.attributes.data() + element.first_attribute;
    const std::size_t count = element.attribute_count;
    const auto same = [](const attribute& a, const attribute& b) { return a.space == b.space && a.name == b.name; };
    const auto twice = [&](const attribute& each) {
      fail("the attribute " + quoted(each.name) + " stands twice", start);
    };
    if (count <= 12) {
      for (std::size_t i = 1; i < count; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
          if (same(first[i], first[j])) twice(first[i]);
        }
      }
      return;
    }
    std::vector<std::uint32_t> order(count);
    for (std::uint32_t i = 0; i < count; ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return first[a].space != first[b].space ? first[a].space < first[b].space : first[a].name < first[b].name;
    });
    for (std::size_t i = 1; i < count; ++i) {
      if (same(first[order[i]], first[order[i - 1]])) twice(first[order[i]]);
    }
  }

  void add_namespace(namespace_id space, std::size_t element) {
    added_ += out_.namespaces[space].size();
    if (added_ > added_by_namespaces(text_.size())) fail("the names of namespaces are too long", element);
  }

  namespace_id intern(std::u16string_view name) {
    const auto [place, is_new] = namespace_ids_.try_emplace(name, static_cast<namespace_id>(out_.namespaces.size()));
    if (is_new) out_.namespaces.push_back(name);
    return place->second;
  }

  std::size_t offset_of(std::u16string_view part) const noexcept {
    return static_cast<std::size_t>(part.data() - text_.data());
  }

  static constexpr namespace_id xml_namespace_id = 1;  // the second that run() interns

  std::u16string_view text_;
  const char* operation_;
  std::size_t at_ = 0;
  document out_;
  std::vector<open_element> open_;
  std::unordered_map<std::u16string_view, std::vector<binding>> prefixes_;  // those in force, the innermost last
  std::vector<std::u16string_view> declared_;                               // their order, to take them back
  std::vector<raw_attribute> raw_;
  std::unordered_map<std::u16string_view, namespace_id> namespace_ids_;
  std::size_t added_ = 0;
  std::u16string_view pending_;
  bool joined_ = false;
  bool keep_blank_ = false;  // white space that was written as a reference or in CDATA is meant
  std::size_t joined_index_ = 0;
};

}  // namespace

bool is_blank(std::u16string_view text) noexcept { return std::all_of(text.begin(), text.end(), is_space); }

void refuse(std::u16string_view source, std::size_t offset, const std::string& what, const char* operation) {
  std::size_t line = 1;
  std::size_t line_start = 0;
  offset = std::min(offset, source.size());
  for (std::size_t i = 0; i < offset; ++i) {
    if (source[i] == u'\n' || (source[i] == u'\r' && (i + 1 == source.size() || source[i + 1] != u'\n'))) {
      ++line;
      line_start = i + 1;
    }
  }
  throw com::vss_error(
      VSS_E_INVALID_XML_DOCUMENT, operation,
      "line " + std::to_string(line) + ", column " + std::to_string(offset - line_start + 1) + ": " + what);
}

document parse(std::u16string_view text, const char* operation) { return parser(text, operation).run(); }

}  // namespace vsspy::documents::xml
