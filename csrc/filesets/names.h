// Names of files as file sets mean them: compared without regard to case, matched by Windows' wildcards.
//
// A name is the system's own bytes: what POSIX has, be it UTF-8 or not, and WTF-8 (com/text.h) on Windows.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace vsspy::filesets {

// The upper case of a character where that is one character, too (semantics 9.1.4), by the Unicode data of
// fold_table.h.
char32_t fold(char32_t character) noexcept;

// The length in bytes of the character at text[at]; a byte that is no UTF-8 is one.
std::size_t character_length(std::string_view text, std::size_t at) noexcept;

// A name for comparison; bytes that are no UTF-8 stay as they are.
void fold_into(std::string_view name, std::string& folded);
std::string folded(std::string_view name);

// A file specification, matched against long names only: no short (8.3) names are asked for.
//
// What a wildcard means stands in "FsRtlIsNameInExpression" of the Windows driver documentation and in
// [MS-FSA] 2.1.4.4; which of them a program's `*`, `?` and `.` become, in the documentation and the public source of
// .NET's FileSystemName.TranslateWin32Expression:
//   *        zero or more characters
//   ?        DOS_QM: one character that is no period; nothing before a period or at the end of the name
//   .        before `*` or `?` DOS_DOT: a period, or nothing at the end of the name; otherwise a period
//   *. last  DOS_STAR: the rest of the name up to its last period, which then is its end: names without an extension
//   *.*      as `*`
class pattern {
 public:
  explicit pattern(std::string_view filespec);

  bool matches_everything() const noexcept { return everything_; }
  bool has_wildcards() const noexcept { return wildcards_; }
  const std::string& text() const noexcept { return text_; }  // folded
  bool matches(std::string_view folded_name) const noexcept;

 private:
  enum class kind : unsigned char { literal, star, question, dot_or_end, no_extension };
  struct element {
    kind what;
    std::size_t begin, length;  // of a literal, in text_
  };

  // Where `what` leads from `at`; npos where it does not match.
  std::size_t after(const element& what, std::string_view name, std::size_t at) const noexcept;

  std::string text_;
  std::vector<element> elements_;
  bool everything_ = false;
  bool wildcards_ = false;
};

bool has_wildcards(std::string_view filespec) noexcept;

}  // namespace vsspy::filesets
