#include "names.h"

#include <algorithm>
#include <iterator>

#include "../com/text.h"
#include "fold_table.h"

namespace vsspy::filesets {

namespace {

// Moves `at` behind the next character; bad_code_point for a byte that is none.
char32_t next_character(std::string_view text, std::size_t& at) noexcept {
  const std::size_t begin = at;
  const char32_t character = com::next_code_point(text, at);
#ifndef _WIN32
  if (character >= 0xD800 && character <= 0xDFFF) {  // no character of UTF-8; Windows' names have them
    at = begin + 1;
    return com::bad_code_point;
  }
#endif
  if (character == com::bad_code_point) at = begin + 1;
  return character;
}

void append_utf8(std::string& text, char32_t character) {
  const auto tail = [&](int shift) { text.push_back(static_cast<char>(0x80 | (character >> shift & 0x3F))); };
  if (character < 0x80) {
    text.push_back(static_cast<char>(character));
  } else if (character < 0x800) {
    text.push_back(static_cast<char>(0xC0 | character >> 6));
    tail(0);
  } else if (character < 0x10000) {
    text.push_back(static_cast<char>(0xE0 | character >> 12));
    tail(6), tail(0);
  } else {
    text.push_back(static_cast<char>(0xF0 | character >> 18));
    tail(12), tail(6), tail(0);
  }
}

}  // namespace

char32_t fold(char32_t character) noexcept {
  if (character < 0x80) return character >= U'a' && character <= U'z' ? character - 32 : character;
  const auto* const found = std::upper_bound(std::begin(fold_table), std::end(fold_table), character,
                                             [](char32_t value, const fold_run& run) { return value < run.first; });
  if (found == std::begin(fold_table)) return character;
  const fold_run& run = *(found - 1);
  if (character > run.last || (character - run.first) % run.step != 0) return character;
  return static_cast<char32_t>(static_cast<std::int64_t>(character) + run.offset);
}

std::size_t character_length(std::string_view text, std::size_t at) noexcept {
  const std::size_t begin = at;
  next_character(text, at);
  return at - begin;
}

void fold_into(std::string_view name, std::string& folded) {
  folded.clear();
  folded.reserve(name.size());
  for (std::size_t at = 0; at < name.size();) {
    if (static_cast<unsigned char>(name[at]) < 0x80) {
      folded.push_back(static_cast<char>(fold(static_cast<char32_t>(name[at++]))));
      continue;
    }
    const std::size_t begin = at;
    const char32_t character = next_character(name, at);
    const char32_t upper = character == com::bad_code_point ? character : fold(character);
    if (upper == character) {
      folded.append(name, begin, at - begin);
    } else {
      append_utf8(folded, upper);
    }
  }
}

std::string folded(std::string_view name) {
  std::string made;
  fold_into(name, made);
  return made;
}

bool has_wildcards(std::string_view filespec) noexcept {
  return filespec.find_first_of("*?") != std::string_view::npos;
}

pattern::pattern(std::string_view filespec) : text_(folded(filespec)), wildcards_(filesets::has_wildcards(filespec)) {
  if (text_ == "*" || text_ == "*.*") {
    everything_ = true;
    return;
  }
  for (std::size_t at = 0; at < text_.size(); ++at) {
    const bool is_last = at + 1 == text_.size();
    const auto add = [&](kind what) { elements_.push_back({what, at, 1}); };
    if (text_[at] == '?') {
      add(kind::question);
    } else if (text_[at] == '*' && text_.size() - at == 2 && text_[at + 1] == '.') {
      add(kind::no_extension);
      ++at;
    } else if (text_[at] == '*') {
      if (elements_.empty() || elements_.back().what != kind::star) add(kind::star);
    } else if (text_[at] == '.' && !is_last && (text_[at + 1] == '*' || text_[at + 1] == '?')) {
      add(kind::dot_or_end);
    } else if (!elements_.empty() && elements_.back().what == kind::literal) {
      ++elements_.back().length;
    } else {
      add(kind::literal);
    }
  }
}

std::size_t pattern::after(const element& what, std::string_view name, std::size_t at) const noexcept {
  const bool at_end = at == name.size();
  const bool at_dot = !at_end && name[at] == '.';
  switch (what.what) {
    case kind::literal:
      return name.compare(at, what.length, text_, what.begin, what.length) == 0 ? at + what.length
                                                                                : std::string_view::npos;
    case kind::question:
      return at_end || at_dot ? at : at + character_length(name, at);
    case kind::dot_or_end:
      return at_dot ? at + 1 : at_end ? at : std::string_view::npos;
    case kind::no_extension: {
      const std::size_t dot = name.find_last_of('.');
      return dot == std::string_view::npos || dot < at || dot + 1 == name.size() ? name.size() : std::string_view::npos;
    }
    case kind::star:
      break;
  }
  return std::string_view::npos;
}

// One place to go back to is enough: from a later start, what stands between two stars never ends earlier.
bool pattern::matches(std::string_view name) const noexcept {
  if (everything_) return true;
  std::size_t at = 0;
  std::size_t element = 0;
  std::size_t star = std::string_view::npos;  // the element behind the last star
  std::size_t star_at = 0;
  for (;;) {
    if (element == elements_.size() && at == name.size()) return true;
    if (element < elements_.size() && elements_[element].what == kind::star) {
      star = ++element;
      star_at = at;
      if (star == elements_.size()) return true;
      continue;
    }
    const std::size_t next = element < elements_.size() ? after(elements_[element], name, at) : std::string_view::npos;
    if (next != std::string_view::npos) {
      ++element;
      at = next;
    } else if (star == std::string_view::npos || star_at == name.size()) {
      return false;
    } else {
      star_at += character_length(name, star_at);
      at = star_at;
      element = star;
    }
  }
}

}  // namespace vsspy::filesets
