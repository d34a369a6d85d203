#include "real_names.h"

#include "folder.h"
#include "names.h"

namespace vsspy::filesets {

namespace {

// The entry that a name means: that very one if it is there, else the first that differs in letter case. Empty: none.
std::string real_name(folder& in, const std::string& name) {
  std::string real;
  status known;
  if (in.look_up(name, real, known) == 0) return real;
  const std::string wanted = folded(name);
  std::string first;
  std::string each;
  while (in.list(each, known) == 0 && !each.empty()) {
    if (folded(each) == wanted && (first.empty() || each < first)) first = each;
  }
  return first;
}

}  // namespace

std::vector<std::string> real_names(const std::string& root, const std::vector<std::string>& elements) {
  std::vector<std::string> found;
  std::string path = root;
  for (const std::string& element : elements) {
    folder in;
    if (in.open_root(path) != 0) break;
    std::string name = real_name(in, element);
    if (name.empty()) break;
    path += name + root.back();
    found.push_back(std::move(name));
  }
  return found;
}

}  // namespace vsspy::filesets
