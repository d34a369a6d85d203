// Passes over the volume's folders. The first copies everything; each later one looks at every entry again and copies
// what changed. A pass that finds nothing changed proves that at its start the volume was what the shadow copy is.
#ifndef _WIN32

#include "provider_posix_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_map>

#include "../com/hresult.h"

namespace vsspy::simulator::provider {

namespace {

constexpr std::size_t chunk = 64;  // files per task

std::size_t thread_count(unsigned wanted) {
  if (wanted > 0) return wanted;
  return std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
}

bool is_shortage(int error) noexcept { return error == EMFILE || error == ENFILE || error == ENOMEM; }

}  // namespace

tree_copy::tree_copy(setting setting) : setting_(std::move(setting)) {
  if (!read_state(setting_.source, "", volume_)) throw_system(errno, "could not read the volume");
  volume_.mount_root = false;  // the volume may be one itself
  const std::size_t count = thread_count(setting_.threads);
  for (std::size_t index = 0; index < count; ++index) copiers_.emplace_back(common_);
  workers_ = std::make_unique<workers>(count, common_.stop, [this] { poll(); });
  folders_.emplace_back();
}

void tree_copy::poll() {
  if (setting_.cancelled && setting_.cancelled()) throw com::vss_error(E_ABORT, "folder provider", "cancelled");
}

void tree_copy::copy() {
  do {
    ++pass_;
    changes_ = 0;
    pass();
  } while (pass_ == 1 || (changes_ > 0 && pass_ < last_pass));
  workers_.reset();
}

void tree_copy::pass() {
  struct level {
    folder_record* folder;
    std::size_t next;
  };
  std::vector<level> levels{{&folders_[0], 0}};
  folder_pair root;
  root.source = open_source(setting_.source, ".", O_DIRECTORY);
  if (!root.source) throw_system(errno, "could not open the volume");
  root.target = open_folder(setting_.target, ".");
  if (!root.target) throw_system(errno, "could not open the shadow copy");
  stack_.push(std::move(root));
  visit(folders_[0]);
  while (!levels.empty()) {
    poll();
    level& top = levels.back();
    std::vector<entry_record>& entries = top.folder->entries;
    while (top.next < entries.size() && entries[top.next].type != entry_record::kind::folder) ++top.next;
    if (top.next == entries.size()) {
      levels.pop_back();
      stack_.pop();
      continue;
    }
    entry_record& entry = entries[top.next++];
    if (!enter(*top.folder, entry)) continue;
    levels.push_back({&folders_[entry.folder], 0});
    visit(folders_[entry.folder]);
  }
  workers_->finish();
}

// A folder that was listed but is not (or no longer) what it was. The parent is listed again in the next pass.
void tree_copy::lose(folder_record& parent, entry_record& entry, const char* text, int error) {
  if (is_shortage(error)) throw_system(error, "could not open a folder of the volume");
  remove(entry, stack_.top()->target.get());
  entry.notes.assign(1, note{error ? reason(text, error) : text});
  parent.listed = false;
  ++changes_;
}

bool tree_copy::enter(folder_record& parent, entry_record& entry) {
  const std::shared_ptr<folder_pair> above = stack_.top();
  const int source = above->source.get(), target = above->target.get();
  const char* name = entry.name.c_str();
  entry_state now;
  if (!above->source || !read_state(source, name, now) || !now.is(S_IFDIR)) {
    lose(parent, entry, rule::gone, 0);
    return false;
  }
  entry.notes.clear();
  const auto is_among = [&](const std::vector<entry_state>& folders) {
    return std::any_of(folders.begin(), folders.end(),
                       [&](const entry_state& folder) { return is_same_entry(folder, now); });
  };
  if (is_among(setting_.leave_out)) {
    remove(entry, target);
    entry.notes.push_back({rule::own_folder});
    return false;
  }
  if (!entry.copied) {
    if (::mkdirat(target, name, 0700) != 0) {
      if (!refused(entry, errno)) throw_system(errno, "could not make a folder");
      return false;
    }
    if (pass_ > 1) ++changes_;
    entry.copied = true;
    entry.folder = folders_.size();
    folders_.emplace_back();
  }
  folder_record& folder = folders_[entry.folder];
  folder_pair pair;
  // Never opened where it is another mount: opening could wake an automounter or hang on a dead server.
  if (is_other_mount(now, volume_)) {
    entry.notes.push_back({rule::mount});
  } else if (!is_among(setting_.leave_empty)) {
    pair.source = open_source(source, name, O_DIRECTORY);
    if (!pair.source && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) {
      lose(parent, entry, rule::gone, 0);
      return false;
    }
    if (!pair.source && is_shortage(errno)) throw_system(errno, "could not open a folder of the volume");
    if (!pair.source) entry.notes.push_back({reason(rule::unreadable, errno)});
    if (pair.source && read_state(pair.source.get(), "", now) && is_other_mount(now, volume_)) {
      pair.source = descriptor();
      entry.notes.push_back({rule::mount});
    }
  }
  if (!pair.source) {  // kept empty, with its own metadata
    if (!folder.listed || !same(folder.state, now)) {
      for (entry_record& below : folder.entries) below.copied = false;
      if (!folder.entries.empty()) {
        remove(entry, target);
        if (::mkdirat(target, name, 0700) != 0) throw_system(errno, "could not make a folder");
        entry.copied = true;
      }
      folder.entries.clear();
      folder.state = now;
      folder.listed = true;
    }
    return false;
  }
  pair.target = open_folder(target, name);
  if (!pair.target) throw_system(errno, "could not open a folder of the shadow copy");
  stack_.push(std::move(pair));
  return true;
}

void tree_copy::visit(folder_record& folder) {
  const std::shared_ptr<folder_pair> pair = stack_.top();
  entry_state now;
  if (!pair->source || !read_state(pair->source.get(), "", now)) {
    ++changes_;
    return;
  }
  const bool changed = !folder.listed || !same(folder.state, now);
  if (changed || is_racy(folder.state, folder.looked)) {
    if (pass_ > 1 && changed) ++changes_;
    list(folder, pair->source.get(), pair->target.get(), now);
    folder.looked = time_now();
  }
  folder.late = changed && pass_ > 1;
  std::vector<std::size_t> files;
  const auto send = [&] {
    if (files.empty()) return;
    workers_->add([this, pair, &folder, files = std::move(files)](std::size_t worker) {
      for (const std::size_t index : files) {
        if (common_.stop) return;
        look_at(folder.entries[index], *pair, copiers_[worker]);
      }
    });
    files.clear();
  };
  for (std::size_t index = 0; index < folder.entries.size(); ++index) {
    if (folder.entries[index].type != entry_record::kind::file) continue;
    files.push_back(index);
    if (files.size() == chunk) send();
  }
  send();
}

// Lists a folder (again): entries that are still there keep what is known of them, others leave the shadow copy.
void tree_copy::list(folder_record& folder, int source, int target, const entry_state& now) {
  folder.state = now;
  folder.listed = true;
  folder.notes.clear();
  folder.attributes = read_attributes(source, "", folder.notes);
  std::vector<listed> names;
  if (const int error = list_folder(source, names); error != 0) {
    if (is_shortage(error)) throw_system(error, "could not list a folder of the volume");
    folder.notes.push_back({reason(rule::unreadable, error)});
  }
  std::unordered_map<std::string, entry_record> known;
  for (entry_record& entry : folder.entries) {
    std::string name = entry.name;
    known.emplace(std::move(name), std::move(entry));
  }
  folder.entries.clear();
  folder.entries.reserve(names.size());
  for (listed& item : names) {
    if (item.type == DT_UNKNOWN) {
      entry_state state;
      if (!read_state(source, item.name.c_str(), state)) continue;
      item.type = state.is(S_IFDIR) ? DT_DIR : DT_REG;
    }
    const auto type = item.type == DT_DIR ? entry_record::kind::folder : entry_record::kind::file;
    entry_record entry;
    if (const auto found = known.find(item.name); found != known.end()) {
      entry = std::move(found->second);
      known.erase(found);
      if (entry.type != type) {
        remove(entry, target);
        entry = entry_record();
      }
    }
    entry.name = std::move(item.name);
    entry.type = type;
    folder.entries.push_back(std::move(entry));
  }
  for (auto& [name, entry] : known) remove(entry, target);
}

void tree_copy::remove(entry_record& entry, int target) {
  if (!entry.copied) return;
  if (pass_ > 1) ++changes_;
  drop_failures failures;
  drop_entry(target, entry.name.c_str(), failures);
  if (!failures.first.empty()) throw com::vss_error(VSS_E_PROVIDER_VETO, "folder provider", failures.first);
  entry.copied = false;
  entry.links.reset();
}

// Names that the shadow copy's file system does not take are noted, any other failure is fatal.
bool tree_copy::refused(entry_record& entry, int error) {
  if (error != EINVAL && error != EILSEQ && error != ENAMETOOLONG) return false;
  entry.notes.push_back({reason(rule::unnameable, error)});
  return true;
}

}  // namespace vsspy::simulator::provider

#endif
