#include "places.h"

#include <algorithm>

namespace vsspy::simulator {

namespace {

char16_t folded(char16_t unit) { return unit >= u'a' && unit <= u'z' ? static_cast<char16_t>(unit - 32) : unit; }

bool same(std::u16string_view a, std::u16string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (folded(a[i]) != folded(b[i])) return false;
  }
  return true;
}

// How much of `path` a volume's name is; the final separator may be missing at the path's end.
std::size_t match(std::u16string_view name, std::u16string_view path) {
  const bool windows = name.back() == u'\\';
  const auto begins = [&](std::u16string_view with) {
    const std::u16string_view head = path.substr(0, with.size());
    return windows ? same(head, with) : head == with;
  };
  if (begins(name)) return name.size();
  const std::u16string_view bare = name.substr(0, name.size() - 1);
  return !bare.empty() && path.size() == bare.size() && begins(bare) ? bare.size() : 0;
}

}  // namespace

std::optional<place> locate(const machine& machine, std::u16string_view path) {
  // \\?\C:\... is the same place as C:\...
  const std::size_t skipped = path.starts_with(u"\\\\?\\") && path.size() > 5 && path[5] == u':' ? 4 : 0;
  const std::u16string_view plain = path.substr(skipped);
  place found;
  std::u16string_view separators = u"/";
  for (const auto& each : machine.volumes) {
    for (const std::u16string& name : {each->name, each->guid_path}) {
      std::size_t length = match(name, plain);
      // the long form of a share has UNC in place of the first separator
      if (length == 0 && is_share(name) && path.size() > 8 && same(path.substr(0, 8), u"\\\\?\\UNC\\")) {
        const std::size_t behind = match(std::u16string_view(name).substr(1), path.substr(7));
        if (behind) length = behind + 7;
      }
      if (length == 0 || (found.volume && length + skipped <= found.prefix)) continue;
      found.volume = each.get();
      found.prefix = length + skipped;
      separators = name.back() == u'\\' ? u"\\/" : u"/";
    }
  }
  if (!found.volume) return std::nullopt;
  std::u16string_view rest = path.substr(found.prefix);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of(separators), rest.size());
    const std::u16string_view element = rest.substr(0, end);
    if (element == u"..") return std::nullopt;
    if (!element.empty() && element != u".") found.elements.emplace_back(element);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return found;
}

std::u16string expand_variables(const machine& machine, std::u16string_view path) {
  std::u16string expanded;
  while (!path.empty()) {
    const std::size_t begin = path.find(u'%');
    const std::size_t end = begin == path.npos ? path.npos : path.find(u'%', begin + 1);
    expanded += path.substr(0, end == path.npos ? path.npos : begin);
    if (end == path.npos) break;
    const std::u16string_view name = path.substr(begin + 1, end - begin - 1);
    std::u16string value(path.substr(begin, end - begin + 1));
    for (const auto& [variable, text] : machine.environment) {
      if (same(com::to_utf16(variable), name)) value = com::to_utf16(text);
    }
    expanded += value;
    path.remove_prefix(end + 1);
  }
  return expanded;
}

}  // namespace vsspy::simulator
