#include "persistent_state.h"

#include <algorithm>
#include <random>

#include "../com/hresult.h"
#include "exposure.h"
#include "native_path.h"
#include "persistent_files.h"

namespace vsspy::simulator {

namespace fs = std::filesystem;

namespace {

constexpr const char* operation = "persistent state";
constexpr auto patience = std::chrono::milliseconds(5);

std::string name_of(const GUID& id) { return com::to_utf8(com::guid_text(id)); }

// The folder itself, without links on the way: it is handed to others, and volumes' folders are told relative to it.
fs::path made(const fs::path& folder) {
  const fs::path absolute = fs::absolute(folder).lexically_normal();
  std::error_code error;
  fs::create_directories(absolute.parent_path(), error);
  files::make_folder(absolute.has_filename() ? absolute : absolute.parent_path());
  fs::path real = fs::canonical(absolute, error);
  return error ? absolute : real;
}

// Only what has a name of ours is ours to remove: the folder may hold other people's files.
bool is_id(const fs::path& name) {
  GUID id{};
  return com::parse_guid(com::to_utf16(path_text(name)), id) && name_of(id) == path_text(name);
}

bool is_unfinished(const fs::path& name) {
  const fs::path record = name.stem();
  const bool ours = record == "storage.xml" || (record.extension() == ".xml" && is_id(record.stem()));
  return ours && path_text(name).ends_with(files::unfinished);
}

}  // namespace

bool kept_folder::open(bool create) { return files::is_folder(path) && lock.open(path / "lock", create); }

void kept_folder::remove() {
  std::string first;
  for (const fs::path& name : files::names_of(path)) {
    if (name == "lock") continue;
    try {
      std::error_code error;
      if (fs::is_directory(fs::symlink_status(path / name, error))) {
        drop_folder(path / name);
      } else {
        files::remove(path / name);
      }
    } catch (const com::vss_error& error) {
      if (first.empty()) first = error.detail();
    }
  }
  if (!first.empty()) throw com::vss_error(VSS_E_PROVIDER_VETO, operation, first);
  lock.close();  // Windows removes nothing that is open
  std::error_code somebody_else_cleans;
  fs::remove(path / "lock", somebody_else_cleans);
  fs::remove(path, somebody_else_cleans);
}

persistent_state::persistent_state(machine& owner, const fs::path& folder) : machine_(owner), folder_(made(folder)) {
  for (const char* each : {"sets", "copies"}) files::make_folder(folder_ / each);
  catalogue_.open(folder_ / "lock", true);
  set_.open(folder_ / "set", true);
  std::vector<std::unique_ptr<kept_folder>> dead;
  {
    const file_lock::hold held(catalogue_, file_lock::kind::exclusive);
    // whoever writes a file holds this lock, so the writers of these are dead
    for (const fs::path& below : {folder_, folder_ / "sets"}) {
      for (const fs::path& name : files::names_of(below)) {
        if (is_unfinished(name)) files::remove(below / name);
      }
    }
    look();
    dead = abandoned();
  }
  for (const auto& each : dead) {
    try {
      each->remove();
    } catch (const com::vss_error& error) {
      machine_.notes.push_back("an unfinished shadow copy could not be removed: " + error.detail());
    }
  }
}

// Folders that no record lists, with nobody behind their locks; these are held from now on.
std::vector<std::unique_ptr<kept_folder>> persistent_state::abandoned() const {
  std::vector<std::unique_ptr<kept_folder>> dead;
  if (!legible_) return dead;  // whose they are is not known
  std::set<fs::path> listed;
  for (const auto& [id, set] : sets_) {
    for (const saved_copy& each : set.copies) listed.insert(copy_folder(each.id));
  }
  for (const fs::path& name : files::names_of(folder_ / "copies")) {
    auto folder = std::make_unique<kept_folder>(folder_ / "copies" / name);
    if (!is_id(name) || listed.contains(folder->path) || !folder->open(true)) continue;
    if (folder->lock.try_lock(file_lock::kind::exclusive)) dead.push_back(std::move(folder));
  }
  return dead;
}

void persistent_state::close() noexcept {
  try {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    catalogue_.close();
    const std::lock_guard machine_lock(machine_.mutex);
    set_.close();
  } catch (...) {
    // the process's end gives everything up
  }
}

fs::path persistent_state::record_of(const GUID& set) const { return folder_ / "sets" / (name_of(set) + ".xml"); }

fs::path persistent_state::copy_folder(const GUID& copy) const { return folder_ / "copies" / name_of(copy); }

saved_copy* persistent_state::find(const GUID& set, const GUID& copy) {
  const auto found = sets_.find(set);
  if (found == sets_.end()) return nullptr;
  const auto in_set = std::ranges::find(found->second.copies, copy, &saved_copy::id);
  return in_set == found->second.copies.end() ? nullptr : &*in_set;
}

void persistent_state::wait_for(file_lock& lock, file_lock::kind kind) {
  std::unique_lock machine_lock(machine_.mutex);
  while (!lock.try_lock(kind)) {
    if (machine_.closed) throw com::vss_error(disconnected, operation);
    machine_.changed.wait_for(machine_lock, patience);
  }
}

void persistent_state::refresh() {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  const file_lock::hold held(catalogue_, file_lock::kind::shared);
  look();
}

void persistent_state::look() {
  const file_lock::content now = catalogue_.read();
  if (now == seen_ && !stale_) return;
  load();
  show();
  seen_ = now;
  stale_ = !legible_;  // what cannot be read now can perhaps be read later
}

void persistent_state::load() {
  std::map<GUID, saved_set, guid_order> sets;
  legible_ = true;
  for (const fs::path& name : files::names_of(folder_ / "sets")) {
    if (name.extension() != ".xml") continue;
    try {
      const std::optional<std::string> record = files::read(folder_ / "sets" / name);
      saved_set set = read_set(record.value_or(""));
      const GUID id = set.id;
      if (record_of(id).filename() != name) throw com::vss_error(VSS_E_PROVIDER_VETO, operation, "a set's other name");
      sets.emplace(id, std::move(set));
    } catch (const com::vss_error& error) {
      legible_ = false;
      const std::lock_guard lock(machine_.mutex);
      std::string note = path_text(folder_ / "sets" / name) + ": " + error.detail();
      if (!std::ranges::count(machine_.notes, note)) machine_.notes.push_back(std::move(note));
    }
  }
  const std::optional<std::string> storage = files::read(folder_ / "storage.xml");
  saved_ = storage ? read_machine(*storage) : saved_machine{};
  sets_ = std::move(sets);
}

void persistent_state::touch() {
  // Half of it written is a new content too. Not a counter: one that was written by halves could come back.
  std::random_device source;
  file_lock::content content;
  for (unsigned char& each : content) each = static_cast<unsigned char>(source());
  stale_ = true;
  catalogue_.write(content);
  seen_ = content;
  stale_ = !legible_;
}

void persistent_state::write(saved_set set) {
  touch();
  if (set.copies.empty()) {
    files::remove(record_of(set.id));
    sets_.erase(set.id);
  } else {
    files::replace(record_of(set.id), write_record(set));
    const GUID id = set.id;
    sets_.insert_or_assign(id, std::move(set));
  }
}

void persistent_state::write(saved_machine machine) {
  if (machine == saved_) return;
  touch();
  files::replace(folder_ / "storage.xml", write_record(machine));
  saved_ = std::move(machine);
}

persistent_state::change::change(persistent_state* state) : state_(state) {
  if (!state_) return;
  std::unique_lock lock(state_->mutex_);
  if (state_->closed_) throw com::vss_error(disconnected, operation);
  state_->catalogue_.lock(file_lock::kind::exclusive);
  try {
    state_->look();
  } catch (...) {
    state_->catalogue_.unlock();
    throw;
  }
  lock.release();
}

persistent_state::change::~change() {
  if (!state_) return;
  state_->catalogue_.unlock();
  state_->mutex_.unlock();
}

void persistent_state::change::save(const shadow_copy& copy) {
  if (!state_ || !copy.catalogued) return;
  saved_set set = state_->sets_.at(copy.set_id);
  saved_copy& saved = *std::ranges::find(set.copies, copy.id, &saved_copy::id);
  saved.attributes = copy.attributes;
  saved.exposed.reset();
  if (copy.exposed) saved.exposed = saved_exposure{copy.exposed->name, copy.exposed->path, copy.exposed->link};
  state_->write(std::move(set));
}

bool persistent_state::enter_set() { return set_.try_lock(file_lock::kind::exclusive); }

void persistent_state::leave_set() noexcept { set_.unlock(); }

unsigned persistent_state::next_device(unsigned last) {
  file_lock::content content = set_.read();
  std::uint32_t saved = 0;
  for (std::size_t i = 0; i < sizeof saved; ++i) saved |= std::uint32_t{content[i]} << (8 * i);
  const std::uint32_t next = std::max<std::uint32_t>(saved, last) + 1;
  for (std::size_t i = 0; i < sizeof next; ++i) content[i] = static_cast<unsigned char>(next >> (8 * i));
  set_.write(content);
  return next;
}

std::shared_ptr<kept_folder> persistent_state::begin(const GUID& copy) {
  // whoever cleans holds the catalogue too, and so never sees the folder without its lock
  const change mine(this);
  auto folder = std::make_shared<kept_folder>(copy_folder(copy));
  files::make_folder(folder->path);
  try {
    if (!folder->open(true) || !folder->lock.try_lock(file_lock::kind::exclusive)) {
      throw com::vss_error(VSS_E_PROVIDER_VETO, operation, "a new folder's lock cannot be had");
    }
  } catch (...) {
    std::error_code error;
    fs::remove(folder->path / "lock", error);
    fs::remove(folder->path, error);
    throw;
  }
  return folder;
}

void persistent_state::commit(const copy_list& set) {
  for (const auto& each : set) files::replace(each->kept->seal(), write_seal(each->report.seal));
  files::flush_all(folder_);  // the data first: what a record lists is there
  change mine(this);
  const std::lock_guard lock(machine_.mutex);
  mine.of_storage(machine_, [&] {
    for (const auto& each : set) {
      if (storage_area* area = machine_.storage.find(each->volume)) area->kept = true;
    }
  });
  saved_set saved{
      .id = set.front()->set_id, .created = set.front()->created, .size = set.front()->set_size, .copies = {}};
  for (const auto& each : set) {
    saved.copies.push_back({.id = each->id,
                            .session_id = each->session_id,
                            .volume = each->volume->id(),
                            .context = each->context,
                            .attributes = each->attributes,
                            .number = each->number,
                            .files = each->report.files,
                            .folders = each->report.folders,
                            .bytes = each->report.bytes,
                            .cloned = each->report.cloned});
  }
  write(std::move(saved));
  for (const auto& each : set) {
    each->catalogued = true;
    each->state = VSS_SS_CREATED;
    each->report.seal = {};
    each->kept.reset();
  }
}

bool persistent_state::remove(const std::shared_ptr<shadow_copy>& copy) {
  kept_folder folder(copy_folder(copy->id));
  if (folder.open(true)) wait_for(folder.lock, file_lock::kind::exclusive);
  bool there = false;
  bool unlisted = false;  // from now on, if all records can be read
  {
    change mine(this);
    const std::lock_guard lock(machine_.mutex);
    there = find(copy->set_id, copy->id) != nullptr;
    if (there) {
      const std::optional<exposure> exposed = copy->exposed;
      if (exposed && !remove_link(*exposed, copy->folder)) {
        machine_.notes.push_back(path_text(exposed->link) + ": where a shadow copy was exposed is something else now");
      }
      try {
        saved_set set = sets_.at(copy->set_id);
        std::erase_if(set.copies, [&](const saved_copy& each) { return each.id == copy->id; });
        write(std::move(set));
      } catch (...) {
        if (exposed && !exposed->link.empty()) make_link(exposed->link, copy->folder);
        throw;
      }
    }
    unlisted = there || legible_;
    copy->exposed.reset();
    copy->gone = true;
    std::erase(machine_.shadow_copies, copy);
  }
  std::vector<std::string> notes;
  try {
    const std::optional<std::string> seal = there ? files::read(folder.seal()) : std::nullopt;
    if (seal) notes = check_untouched(copy->folder, read_seal(*seal));
    for (std::string& each : notes) each.insert(0, com::to_utf8(copy->volume->name) + " was written to: ");
    if (unlisted && folder.lock.is_open()) folder.remove();
  } catch (const com::vss_error& error) {
    // it is no shadow copy any more; the next to open the state removes the rest
    notes.push_back(com::to_utf8(copy->volume->name) + " is gone, but not its files: " + error.detail());
  }
  const std::lock_guard lock(machine_.mutex);
  for (const std::string& each : notes) machine_.notes.push_back("shadow copy of " + each);
  return there;
}

std::unique_ptr<file_lock> persistent_state::reading(const shadow_copy& copy) {
  auto lock = std::make_unique<file_lock>();
  if (lock->open(copy_folder(copy.id) / "lock", false)) {
    wait_for(*lock, file_lock::kind::shared);
    const change mine(this);
    if (find(copy.set_id, copy.id)) return lock;
  }
  throw com::vss_error(VSS_E_OBJECT_NOT_FOUND, operation, "another process has deleted the shadow copy");
}

std::unique_ptr<file_lock> persistent_state::writing_back() {
  auto lock = std::make_unique<file_lock>();
  lock->open(folder_ / "write-back", true);
  wait_for(*lock, file_lock::kind::exclusive);
  return lock;
}

}  // namespace vsspy::simulator
