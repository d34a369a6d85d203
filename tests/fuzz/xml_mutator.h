// Changes to XML that keep it well-formed more often than changes to bytes do: attributes and elements come, go and
// change places. VSSPY_FUZZ_WORDS names a file of the names and values that are known, a line each.
#pragma once

#include <algorithm>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "property.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace vsspy::fuzz {

inline const std::vector<std::string>& words() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> made;
    const char* path = std::getenv("VSSPY_FUZZ_WORDS");  // NOLINT(concurrency-mt-unsafe): one thread
    std::ifstream file(path ? path : "");
    for (std::string line; std::getline(file, line);) made.push_back(line);
    for (const char* each : {"", "yes", "no", "0", "1", "0x80042306", "4294967295", "&#32;", "&amp;", "\t"}) {
      made.emplace_back(each);
    }
    return made;
  }();
  return all;
}

class xml_mutation {
 public:
  xml_mutation(std::string_view text, unsigned seed) : text_(text), random_(seed) {}

  // Nothing where the text has no element or attribute of the kind that was to change.
  std::optional<std::string> change() {
    switch (below(6)) {
      case 0:
        return with_attribute();
      case 1:
        return with_other_value();
      case 2:
        return without_attribute();
      case 3:
        return with_element();
      case 4:
        return with_copy();
      default:
        return without_element();
    }
  }

 private:
  struct range {
    std::size_t start, end;
  };

  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }
  const std::string& word() { return words()[below(words().size())]; }

  static bool in_name(char unit) {
    return (unit >= 'a' && unit <= 'z') || (unit >= 'A' && unit <= 'Z') || (unit >= '0' && unit <= '9') ||
           unit == '_' || unit == ':' || unit == '-' || unit == '.';
  }

  // Where names end in start tags.
  std::vector<std::size_t> tags() const {
    std::vector<std::size_t> found;
    for (std::size_t at = 0; at + 1 < text_.size(); ++at) {
      if (text_[at] != '<' || !in_name(text_[at + 1])) continue;
      while (at + 1 < text_.size() && in_name(text_[at + 1])) ++at;
      found.push_back(at + 1);
    }
    return found;
  }

  // name="value" with the blank before it.
  std::vector<range> attributes() const {
    std::vector<range> found;
    for (std::size_t at = text_.find("=\""); at != text_.npos; at = text_.find("=\"", at)) {
      std::size_t start = at;
      while (start > 0 && in_name(text_[start - 1])) --start;
      const std::size_t end = text_.find('"', at + 2);
      if (end == text_.npos) break;
      if (start > 0 && start < at) found.push_back({start - 1, end + 1});
      at = end + 1;
    }
    return found;
  }

  // A whole element, as far as that can be told without reading the XML.
  std::optional<range> element() {
    const std::vector<std::size_t> all = tags();
    if (all.empty()) return std::nullopt;
    const std::size_t named = all[below(all.size())];
    const std::size_t start = text_.rfind('<', named - 1);
    const std::size_t tag_end = text_.find('>', named);
    if (tag_end == text_.npos) return std::nullopt;
    if (text_[tag_end - 1] == '/') return range{start, tag_end + 1};
    const std::string closing = "</" + std::string(text_.substr(start + 1, named - start - 1)) + ">";
    const std::size_t end = text_.find(closing, tag_end);
    if (end == text_.npos) return std::nullopt;
    return range{start, end + closing.size()};
  }

  template <typename Choice>
  std::optional<Choice> one_of(const std::vector<Choice>& all) {
    return all.empty() ? std::nullopt : std::optional(all[below(all.size())]);
  }

  std::string replaced(range what, const std::string& by) const {
    return std::string(text_.substr(0, what.start)) + by + std::string(text_.substr(what.end));
  }

  std::optional<std::string> with_attribute() {
    const auto place = one_of(tags());
    if (!place) return std::nullopt;
    const auto other = one_of(attributes());
    if (other && below(2) == 0) {
      return replaced({*place, *place}, std::string(text_.substr(other->start, other->end - other->start)));
    }
    return replaced({*place, *place}, " " + word() + "=\"" + word() + "\"");
  }

  std::optional<std::string> with_other_value() {
    const auto all = attributes();
    const auto chosen = one_of(all);
    if (!chosen) return std::nullopt;
    const std::size_t quote = text_.find('"', chosen->start);
    const auto other = *one_of(all);
    const std::size_t other_quote = text_.find('"', other.start);
    const std::string value =
        below(2) == 0 ? word() : std::string(text_.substr(other_quote + 1, other.end - other_quote - 2));
    return replaced({quote + 1, chosen->end - 1}, value);
  }

  std::optional<std::string> without_attribute() {
    const auto chosen = one_of(attributes());
    return chosen ? std::optional(replaced(*chosen, "")) : std::nullopt;
  }

  std::optional<std::string> with_element() {
    const auto around = element();
    if (!around) return std::nullopt;
    const std::size_t place = below(2) == 0 ? around->start : around->end;
    return replaced({place, place}, "<" + word() + "/>");
  }

  std::optional<std::string> with_copy() {
    const auto from = element();
    const auto to = element();
    if (!from || !to) return std::nullopt;
    const std::size_t place = below(2) == 0 ? to->start : to->end;
    return replaced({place, place}, std::string(text_.substr(from->start, from->end - from->start)));
  }

  std::optional<std::string> without_element() {
    const auto chosen = element();
    return chosen ? std::optional(replaced(*chosen, "")) : std::nullopt;
  }

  std::string_view text_;
  std::mt19937 random_;
};

}  // namespace vsspy::fuzz

// Every other change is one of bytes.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  if (seed % 2 == 0) {
    const auto changed = vsspy::fuzz::xml_mutation(vsspy::fuzz::text_of(data, size), seed / 2).change();
    if (changed && changed->size() <= max_size) {
      std::copy(changed->begin(), changed->end(), data);
      return changed->size();
    }
  }
  return LLVMFuzzerMutate(data, size, max_size);
}
