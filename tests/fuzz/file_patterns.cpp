// Wildcards: csrc/filesets/names.h. Whatever the bytes are, a name matches where a plain reading of the rules says so,
// and folding changes nothing that is folded.
#include <string>
#include <vector>

#include "../../csrc/filesets/names.h"
#include "property.h"

using namespace vsspy;

namespace {

// Each element tried at each place: what matches from where.
bool matches(const std::string& filespec, const std::string& name) {
  if (filespec == "*" || filespec == "*.*") return true;
  const std::size_t last_dot = name.rfind('.');
  std::vector<char> here(name.size() + 1, 0);
  here[0] = 1;
  for (std::size_t i = 0; i < filespec.size(); ++i) {
    const bool wild_next = i + 1 < filespec.size() && (filespec[i + 1] == '*' || filespec[i + 1] == '?');
    if (filespec[i] == '.' && i + 1 == filespec.size() && i > 0 && filespec[i - 1] == '*') continue;
    const bool no_extension = filespec[i] == '*' && i + 2 == filespec.size() && filespec[i + 1] == '.';
    std::vector<char> next(name.size() + 1, 0);
    for (std::size_t at = 0; at <= name.size(); ++at) {
      if (!here[at]) continue;
      const bool at_end = at == name.size();
      const bool at_dot = !at_end && name[at] == '.';
      if (no_extension) {
        if (last_dot == std::string::npos || last_dot < at || last_dot + 1 == name.size()) next[name.size()] = 1;
      } else if (filespec[i] == '*') {
        for (std::size_t to = at; to < name.size(); to += filesets::character_length(name, to)) next[to] = 1;
        next[name.size()] = 1;
      } else if (filespec[i] == '?') {
        next[at_end || at_dot ? at : at + filesets::character_length(name, at)] = 1;
      } else if (filespec[i] == '.' && wild_next) {
        if (at_end || at_dot) next[at_end ? at : at + 1] = 1;
      } else if (!at_end && name[at] == filespec[i]) {
        next[at + 1] = 1;
      }
    }
    here.swap(next);
  }
  return here[name.size()] != 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size < 512 ? size : 512);
  const std::size_t cut = bytes.find('\n');
  const std::string filespec(bytes.substr(0, cut));
  const std::string name = filesets::folded(cut == std::string_view::npos ? bytes : bytes.substr(cut + 1));
  fuzz::expect(filesets::folded(name) == name, "what is folded stays so");
  const filesets::pattern pattern(filespec);
  fuzz::expect(pattern.text() == filesets::folded(filespec), "a pattern is folded");
  fuzz::expect(pattern.matches(name) == matches(pattern.text(), name), "a name matches by the rules");
  return 0;
}
