// The end of a copy: what could only be done once nothing is written any more, and the look back at release.
#ifndef _WIN32

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "../com/hresult.h"
#include "provider_posix_tree.h"

namespace vsspy::simulator::provider {

namespace {

// "late" says less than what is said already.
bool is_said(const std::vector<note>& notes) {
  return std::any_of(notes.begin(), notes.end(),
                     [](const note& what) { return what.text == rule::torn || what.text == rule::gone; });
}

}  // namespace

void tree_copy::finish(copy_report& report) {
  struct level {
    folder_record* folder;
    std::size_t next;
    std::string path;
  };
  std::vector<level> levels{{&folders_[0], 0, ""}};
  folder_pair root;
  root.target = open_folder(setting_.target, ".");
  if (!root.target) throw_system(errno, "could not open the shadow copy");
  stack_.push(std::move(root));
  while (!levels.empty()) {
    poll();
    level& top = levels.back();
    if (top.next == top.folder->entries.size()) {
      leave(*top.folder, top.path, report);
      levels.pop_back();
      continue;
    }
    const entry_record& entry = top.folder->entries[top.next++];
    std::string path = join(top.path, entry.name);
    for (const note& what : entry.notes) book_.add(path, what);
    if (entry.late && !is_said(entry.notes)) book_.add(path, {rule::late});
    if (!entry.copied) continue;
    if (entry.type == entry_record::kind::file) {
      finish_file(entry, stack_.top()->target.get(), path, report);
      continue;
    }
    ++report.folders;
    folder_pair pair;
    pair.target = open_folder(stack_.top()->target.get(), entry.name.c_str());
    if (!pair.target) throw_system(errno, "could not open a folder of the shadow copy");
    stack_.push(std::move(pair));
    levels.push_back({&folders_[entry.folder], 0, std::move(path)});
  }
  report.cloned = common_.cloned;
  report.notes = book_.lines();
}

void tree_copy::finish_file(const entry_record& entry, int target, const std::string& path, copy_report& report) {
  entry_state now;
  if (!read_state(target, entry.name.c_str(), now)) throw_system(errno, "could not read the shadow copy");
  report.seal.entries.push_back({path, fingerprint(now)});
  ++report.files;
  if (!now.is(S_IFREG)) return;
  if (!entry.links || !std::exchange(entry.links->counted, true)) report.bytes += now.size;
}

void tree_copy::leave(folder_record& folder, const std::string& path, copy_report& report) {
  const std::shared_ptr<folder_pair> pair = stack_.pop();  // first, since the mode may close the way back
  write_metadata(pair->target.get(), "", folder.state, folder.attributes, folder.notes);
  for (const note& what : folder.notes) book_.add(path, what);
  if (folder.late) book_.add(path, {rule::late});
  if (path.empty()) return;
  entry_state now;
  if (!read_state(pair->target.get(), "", now)) throw_system(errno, "could not read the shadow copy");
  report.seal.entries.push_back({path, fingerprint(now)});
}

void tree_copy::seal_root(copy_report& report) {
  entry_state now;
  if (!read_state(setting_.target, "", now)) throw_system(errno, "could not read the shadow copy");
  report.seal.entries.push_back({"", fingerprint(now)});
  sort(report.seal);
}

}  // namespace vsspy::simulator::provider

namespace vsspy::simulator {

using namespace provider;

std::vector<std::string> check_untouched(const std::filesystem::path& shadow, const shadow_seal& seal) {
  struct level {
    std::vector<listed> names;
    std::size_t next;
    std::string path;
  };
  shadow_seal found;
  std::vector<std::string> unseen;
  std::vector<level> levels;
  folder_stack stack;
  const auto enter = [&](int parent, const char* name, std::string path) {
    folder_pair pair;
    pair.target = open_source(parent, name, O_DIRECTORY);
    level next{{}, 0, std::move(path)};
    if (!pair.target || list_folder(pair.target.get(), next.names) != 0) {
      unseen.push_back(next.path);  // its mode keeps us out as it kept out others
      return;
    }
    stack.push(std::move(pair));
    levels.push_back(std::move(next));
  };
  entry_state state;
  if (read_state(AT_FDCWD, shadow.c_str(), state)) {
    found.entries.push_back({"", fingerprint(state)});
    enter(AT_FDCWD, shadow.c_str(), "");
  }
  while (!levels.empty()) {
    level& top = levels.back();
    if (top.next == top.names.size()) {
      levels.pop_back();
      stack.pop();
      continue;
    }
    const std::string& name = top.names[top.next++].name;
    std::string path = join(top.path, name);
    const int folder = stack.top()->target.get();
    if (!read_state(folder, name.c_str(), state)) continue;
    found.entries.push_back({path, fingerprint(state)});
    if (state.is(S_IFDIR)) enter(folder, std::string(name).c_str(), std::move(path));
  }
  sort(found);
  return differences(seal, found, unseen);
}

}  // namespace vsspy::simulator

#endif
