#include "machine.h"

#include <algorithm>

#include "../com/hresult.h"
#include "../com/process.h"
#include "exposure.h"
#include "hardware.h"
#include "native_path.h"
#include "persistent_state.h"
#include "writer.h"

namespace vsspy::simulator {

namespace {

thread_local const machine* serving = nullptr;  // the machine that this service thread belongs to

constexpr std::u16string_view volume_prefix = u"\\\\?\\Volume";
constexpr std::size_t guid_size = 38;  // with its braces

char16_t upper(char16_t unit) { return unit >= u'a' && unit <= u'z' ? static_cast<char16_t>(unit - 32) : unit; }

// Names with backslashes are Windows names, where letter case does not count.
bool same_volume_name(std::u16string_view a, std::u16string_view b) {
  if (a == b) return true;
  if (a.size() != b.size() || a.empty() || a.back() != u'\\') return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (upper(a[i]) != upper(b[i])) return false;
  }
  return true;
}

}  // namespace

GUID volume::id() const {
  GUID id{};
  com::parse_guid(std::u16string_view(guid_path).substr(volume_prefix.size(), guid_size), id);
  return id;
}

std::u16string guid_path(const GUID& volume) {
  return std::u16string(volume_prefix) + u'{' + com::guid_text(volume) + u"}\\";
}

std::string device_folder(unsigned number) { return "HarddiskVolumeShadowCopy" + std::to_string(number); }

machine::machine(options given) : chosen(std::move(given)), state_(chosen.state_root), process_(com::process_id()) {
  if (chosen.hardware != hardware_provider::none) array_ = std::make_shared<state_folder>(chosen.state_root);
  if (!chosen.persistent_state.empty()) {
    persistent_ = std::make_unique<persistent_state>(*this, chosen.persistent_state);
  }
}

machine::~machine() {
  // What a service thread held can have been the last that kept the machine. That thread has done its work by then, and
  // cannot join itself.
  if (serving == this) {
    serving = nullptr;
    threads_.remove_if([](service_thread& each) {
      const bool mine = each.thread.get_id() == std::this_thread::get_id();
      if (mine) each.thread.detach();
      return mine;
    });
  }
  try {
    close();
  } catch (...) {
    // what could not be removed stays for the next machine to clean up
  }
}

const volume* machine::find_volume(std::u16string_view name) const {
  for (const auto& each : volumes) {
    if (same_volume_name(each->name, name) || same_volume_name(each->guid_path, name)) return each.get();
  }
  return nullptr;
}

shadow_copy* machine::find_exposed(std::u16string_view name) const {
  for (const auto& each : shadow_copies) {
    const bool local = each->exposed && each->attributes & VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY;
    if (local && same_volume_name(each->exposed->name, name)) return each.get();
  }
  return nullptr;
}

std::filesystem::path machine::folder_for(bool hardware, unsigned number) const {
  return (hardware ? array_->path() : state_.path()) / device_folder(number);
}

std::vector<std::filesystem::path> machine::own_folders() const {
  std::vector<std::filesystem::path> folders{state_.path().parent_path()};
  if (persistent_) folders.push_back(persistent_->folder());
  return folders;
}

void machine::refresh() {
  if (persistent_) persistent_->refresh();
}

unsigned machine::next_device() {
  return last_device = persistent_ ? persistent_->next_device(last_device) : last_device + 1;
}

bool machine::enter_set(const void* owner) {
  if (set_owner || (persistent_ && !persistent_->enter_set())) return false;
  set_owner = owner;
  return true;
}

void machine::leave_set(const void* owner) noexcept {
  if (set_owner != owner) return;
  set_owner = nullptr;
  if (persistent_) persistent_->leave_set();
}

std::u16string machine::device_name(const std::filesystem::path& folder, unsigned number) const {
  if (!chosen.global_device_names) return com::to_utf16(path_text(folder));
  return u"\\\\?\\GLOBALROOT\\Device\\" + com::to_utf16(device_folder(number));
}

std::shared_ptr<shadow_copy> machine::find_shadow_copy(const GUID& id) const {
  for (const auto& each : shadow_copies) {
    if (each->id == id) return each;
  }
  return nullptr;
}

bool machine::drop(const std::shared_ptr<shadow_copy>& copy) {
  {
    std::unique_lock lock(mutex);
    wait(lock, [&] { return !copy->going && !copy->readers; });
    if (copy->gone) return false;
    copy->going = true;
  }
  bool removed = false;
  try {
    removed = copy->catalogued ? persistent_->remove(copy) : remove(copy);
  } catch (...) {
    std::lock_guard lock(mutex);
    copy->going = false;  // somebody may try again
    changed.notify_all();
    throw;
  }
  std::lock_guard lock(mutex);
  copy->going = false;
  changed.notify_all();
  return removed;
}

bool machine::remove(const std::shared_ptr<shadow_copy>& copy) {
  {
    std::lock_guard lock(mutex);
    if (copy->exposed && remove_link(*copy->exposed, copy->folder)) {
      forget_link(state_.path(), copy->id);
    } else if (copy->exposed) {
      notes.push_back(path_text(copy->exposed->link) + ": where a shadow copy was exposed is something else now");
    }
    copy->exposed.reset();
  }
  std::vector<std::string> violations = check_untouched(copy->folder, copy->report.seal);
  if (copy->kept) {
    copy->kept->remove();
  } else {
    drop_folder(copy->folder);
  }
  storage_array::forget(copy->lun);
  std::shared_ptr<state_folder> array;  // its end, which may be now, is not to come under the mutex
  std::lock_guard lock(mutex);
  array = std::move(copy->array);
  for (const std::string& each : violations) {
    notes.push_back("shadow copy of " + com::to_utf8(copy->volume->name) + " was written to: " + each);
  }
  std::erase(shadow_copies, copy);
  copy->gone = true;
  return true;
}

void machine::drop_or_note(const std::vector<std::shared_ptr<shadow_copy>>& copies) {
  for (const auto& each : copies) {
    try {
      drop(each);
    } catch (const com::vss_error& error) {
      std::lock_guard lock(mutex);
      notes.push_back("a shadow copy could not be removed: " + error.detail());
    }
  }
}

void machine::start(std::function<void()> work) {
  std::list<service_thread> over;  // joined below, without the lock
  {
    std::lock_guard lock(mutex);
    if (closed) throw com::vss_error(disconnected, "a service thread");
    for (auto each = threads_.begin(); each != threads_.end();) {
      const auto next = std::next(each);
      if (each->over) over.splice(over.end(), threads_, each);
      each = next;
    }
    service_thread& mine = threads_.emplace_back();
    clock.begin_work();
    try {
      mine.thread = std::thread([this, &mine, work = std::move(work)] {
        serving = this;
        clock.enter_work();
        work();
        std::lock_guard ended(mutex);
        clock.end_work();
        mine.over = true;
      });
    } catch (...) {
      clock.call_off_work();
      threads_.pop_back();
      throw;
    }
  }
  for (service_thread& each : over) each.thread.join();
}

void machine::run(const std::function<void()>& work) {
  if (serving == this) return work();
  bool done = false;
  std::exception_ptr failure;
  start([&] {
    std::exception_ptr thrown;
    try {
      work();
    } catch (...) {
      thrown = std::current_exception();
    }
    std::lock_guard lock(mutex);
    failure = std::move(thrown);
    done = true;
    changed.notify_all();
  });
  {
    std::unique_lock lock(mutex);
    wait(lock, [&] { return done; });
  }
  if (failure) std::rethrow_exception(failure);
}

HRESULT machine::sleep(std::uint64_t until, std::uint64_t longest) noexcept {
  try {
    std::unique_lock lock(mutex);
    const bool over = clock.sleep_until(lock, until, longest, [&] { return closed; });
    return closed ? disconnected : over ? S_OK : S_FALSE;
  } catch (...) {
    return E_OUTOFMEMORY;
  }
}

bool machine::is_of_this_process() const noexcept { return com::process_id() == process_; }

void machine::close() {
  if (!is_of_this_process()) return;  // a fork's copy: threads and folders are the parent's
  if (serving == this) throw com::vss_error(VSS_E_BAD_STATE, "close", "a writer cannot close its own machine");
  std::lock_guard only_one(closing_);
  std::list<service_thread> threads;
  {
    std::lock_guard lock(mutex);
    closed = true;
    changed.notify_all();
    threads.swap(threads_);
  }
  for (service_thread& each : threads) each.thread.join();
  std::vector<std::shared_ptr<shadow_copy>> left, ordinary;
  std::vector<std::shared_ptr<writer>> dismissed;
  {
    std::lock_guard lock(mutex);
    std::ranges::copy_if(shadow_copies, std::back_inserter(left), [](const auto& each) { return !each->catalogued; });
    ordinary.swap(broken);
    dismissed.swap(writers);
  }
  drop_or_note(left);
  // Their end, which removes what is broken too, is not to come under the mutex.
  std::vector<std::shared_ptr<state_folder>> arrays;
  {
    std::lock_guard lock(mutex);
    for (const auto& each : ordinary) arrays.push_back(std::move(each->array));
    arrays.push_back(std::move(array_));
    shadow_copies.clear();
  }
  arrays.clear();
  if (persistent_) persistent_->close();
  state_.close();
}

}  // namespace vsspy::simulator
