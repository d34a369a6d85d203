#include "restored_folder.h"

#include <algorithm>
#include <system_error>

#include "native_path.h"
#include "object.h"
#include "persistent_state.h"

namespace vsspy::simulator {

namespace fs = std::filesystem;

namespace {

// The path without links on the way; its last element stays what it is.
fs::path resolved(const fs::path& path) {
  std::error_code error;
  const fs::path above = fs::weakly_canonical(path.parent_path(), error);
  return error ? path : above / path.filename();
}

bool is_within(const fs::path& path, const fs::path& folder) {
  const auto [in_path, in_folder] = std::mismatch(path.begin(), path.end(), folder.begin(), folder.end());
  return in_folder == folder.end();
}

std::vector<fs::path> names_of(const fs::path& folder) {
  std::vector<fs::path> names;
  std::error_code error;
  for (fs::directory_iterator each(folder, error), end; !error && each != end; each.increment(error)) {
    names.push_back(each->path().filename());
  }
  std::ranges::sort(names);
  return names;
}

class exchange {
 public:
  explicit exchange(std::vector<fs::path> spared) : spared_(std::move(spared)) {}

  std::vector<std::string> notes;
  bool stranded = false;  // something that moved out could neither be replaced nor moved back

  void folder(const fs::path& volume, const fs::path& fresh, const fs::path& old, const fs::path& below) {
    const bool has_new = is_folder(fresh);  // a link leads to what is not this volume's
    for (const fs::path& name : names_of(volume)) {
      const fs::path here = volume / name;
      if (is_on_the_way(here)) {
        descend(here, fresh / name, old / name, below / name);
      } else if (!is_spared(here) && moved(here, old / name, below / name) && has_new && is_there(fresh / name) &&
                 !moved(fresh / name, here, below / name)) {
        stranded = !moved(old / name, here, below / name) || stranded;
      }
    }
    if (!has_new) return;
    for (const fs::path& name : names_of(fresh)) {
      if (!is_there(volume / name)) moved(fresh / name, volume / name, below / name);
    }
  }

 private:
  static bool is_there(const fs::path& path) {
    std::error_code error;
    return fs::exists(fs::symlink_status(path, error));
  }
  static bool is_folder(const fs::path& path) {
    std::error_code error;
    return fs::is_directory(fs::symlink_status(path, error));
  }
  bool is_spared(const fs::path& path) const { return std::ranges::find(spared_, path) != spared_.end(); }
  bool is_on_the_way(const fs::path& path) const {
    return !is_spared(path) &&
           std::ranges::any_of(spared_, [&](const fs::path& each) { return is_within(each, path); });
  }

  void descend(const fs::path& volume, const fs::path& fresh, const fs::path& old, const fs::path& below) {
    std::error_code error;
    fs::create_directory(old, error);
    if (is_there(fresh) && !is_folder(fresh)) {
      notes.push_back(path_text(below) + ": could not be replaced (something that stays lies in it)");
    }
    folder(volume, fresh, old, below);
  }

  bool moved(const fs::path& from, const fs::path& to, const fs::path& below) {
    std::error_code error;
    fs::rename(from, to, error);
    if (error) notes.push_back(path_text(below) + ": could not be replaced (" + error.message() + ")");
    return !error;
  }

  std::vector<fs::path> spared_;
};

std::vector<std::string> restore_folder(const fs::path& copy, const fs::path& volume,
                                        const std::vector<fs::path>& spared, const copy_options& options) {
  std::error_code error;
  const fs::path root = fs::canonical(volume, error);
  if (error) throw com::vss_error(VSS_E_REVERT_VOLUME_LOST, "revert", path_text(volume) + " is gone");
  const std::string id = com::to_utf8(com::guid_text(new_guid()));
  const fs::path fresh = root / (".vsspy-restored-" + id);
  const fs::path old = root / (".vsspy-replaced-" + id);
  std::vector<fs::path> stays{fresh, old};
  for (const fs::path& each : spared) {
    if (fs::path there = resolved(each); is_within(there, root)) stays.push_back(std::move(there));
  }
  copy_report report = snapshot_folder(copy, fresh, options);
  fs::permissions(fresh, fs::perms::owner_all, fs::perm_options::add, error);
  exchange work(std::move(stays));
  if (fs::create_directory(old, error)) {
    work.folder(root, fresh, old, {});
  } else {
    work.notes.push_back("nothing could be replaced (" + error.message() + ")");
  }
  if (work.stranded) work.notes.push_back(path_text(old.filename()) + " has what could not be moved back");
  for (const fs::path& each : {fresh, old}) {
    if (work.stranded && each == old) continue;
    try {
      drop_folder(each);
    } catch (const com::vss_error& failed) {
      work.notes.push_back(failed.detail());
    }
  }
  report.notes.insert(report.notes.end(), work.notes.begin(), work.notes.end());
  return std::move(report.notes);
}

// What a revert does not touch.
std::vector<fs::path> spared_paths(const machine& machine, const volume& of, bool over_other_volumes) {
  std::vector<fs::path> spared = machine.own_folders();
  if (!over_other_volumes) {
    for (const volume* each : volumes_inside(machine, of)) {
      spared.push_back(each->folder);
      std::error_code error;
      spared.push_back(fs::weakly_canonical(each->folder, error));  // a link may stand for it
    }
  }
  for (const auto& each : machine.shadow_copies) {
    if (each->exposed && !each->exposed->link.empty()) spared.push_back(each->exposed->link);
  }
  return spared;
}

// One at a time: each would take the other's folders for content of the volume.
class turn {
 public:
  explicit turn(machine& machine) : machine_(machine) {
    std::unique_lock lock(machine_.mutex);
    machine_.wait(lock, [&] { return !machine_.writing_back; });
    machine_.writing_back = true;
  }
  ~turn() {
    std::lock_guard lock(machine_.mutex);
    machine_.writing_back = false;
    machine_.changed.notify_all();
  }
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;

 private:
  machine& machine_;
};

}  // namespace

HRESULT write_back(machine& machine, const shadow_copy& copy, const volume& to, const char* what,
                   bool over_other_volumes) {
  return guarded([&]() -> HRESULT {
    const turn mine(machine);
    const std::unique_ptr<file_lock> among_processes =
        machine.persistent() ? machine.persistent()->writing_back() : nullptr;
    const std::unique_ptr<file_lock> reading =
        copy.catalogued ? machine.persistent()->reading(copy) : nullptr;  // nobody deletes it meanwhile
    std::vector<fs::path> spared;
    {
      std::lock_guard lock(machine.mutex);
      spared = spared_paths(machine, to, over_other_volumes);
    }
    const service_clock::standstill standstill(machine.clock);
    copy_options options;
    options.leave_out = machine.own_folders();
    options.cancelled = [&machine] {
      std::lock_guard lock(machine.mutex);
      return machine.closed;
    };
    const std::vector<std::string> notes = restore_folder(copy.folder, to.folder, spared, options);
    std::lock_guard lock(machine.mutex);
    for (const std::string& each : notes) {
      machine.notes.push_back(std::string(what) + " of " + com::to_utf8(to.name) + ": " + each);
    }
    return S_OK;
  });
}

bool has_open_files(const machine& machine, const volume& volume) {
  std::error_code error;
  const fs::path root = fs::canonical(volume.folder, error);
  if (error) return false;
  std::vector<fs::path> elsewhere;
  for (const fs::path& each : spared_paths(machine, volume, false)) elsewhere.push_back(resolved(each));
  for (fs::directory_iterator each("/proc/self/fd", error), end; !error && each != end; each.increment(error)) {
    std::error_code unreadable;
    const fs::path open = fs::read_symlink(each->path(), unreadable);
    const auto holds = [&](const fs::path& folder) { return is_within(open, folder); };
    if (!unreadable && holds(root) && std::ranges::none_of(elsewhere, holds)) return true;
  }
  return false;
}

std::vector<const volume*> volumes_inside(const machine& machine, const volume& volume) {
  std::vector<const simulator::volume*> found;
  std::error_code error;
  const fs::path root = fs::weakly_canonical(volume.folder, error);
  for (const auto& each : machine.volumes) {
    if (each.get() != &volume && is_within(fs::weakly_canonical(each->folder, error), root))
      found.push_back(each.get());
  }
  return found;
}

}  // namespace vsspy::simulator
