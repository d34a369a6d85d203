#include "machine.h"

#include "../com/hresult.h"
#include "../com/process.h"
#include "exposure.h"
#include "hardware.h"
#include "native_path.h"
#include "writer.h"

namespace vsspy::simulator {

namespace {

thread_local const machine* serving = nullptr;  // the machine that this service thread belongs to

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

machine::machine(options given) : chosen(std::move(given)), state_(chosen.state_root), process_(com::process_id()) {
  if (chosen.hardware != hardware_provider::none) array_ = std::make_shared<state_folder>(chosen.state_root);
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
  return (hardware ? array_->path() : state_.path()) / ("HarddiskVolumeShadowCopy" + std::to_string(number));
}

std::u16string machine::device_name(const std::filesystem::path& folder, unsigned number) const {
  if (!chosen.global_device_names) return com::to_utf16(path_text(folder));
  return u"\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy" + com::to_utf16(std::to_string(number));
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
    changed.wait(lock, [&] { return !copy->going && !copy->readers; });
    if (copy->gone) return false;
    copy->going = true;
  }
  try {
    remove(copy);
  } catch (...) {
    std::lock_guard lock(mutex);
    copy->going = false;  // somebody may try again
    changed.notify_all();
    throw;
  }
  return true;
}

void machine::remove(const std::shared_ptr<shadow_copy>& copy) {
  {
    std::lock_guard lock(mutex);
    if (copy->exposed && !remove_link(*copy->exposed, copy->folder)) {
      notes.push_back(path_text(copy->exposed->link) + ": where a shadow copy was exposed is something else now");
    }
    copy->exposed.reset();
  }
  std::vector<std::string> violations = check_untouched(copy->folder, copy->report.seal);
  drop_folder(copy->folder);
  storage_array::forget(copy->lun);
  std::shared_ptr<state_folder> array;  // its end, which may be now, is not to come under the mutex
  std::lock_guard lock(mutex);
  array = std::move(copy->array);
  for (const std::string& each : violations) {
    notes.push_back("shadow copy of " + com::to_utf8(copy->volume->name) + " was written to: " + each);
  }
  std::erase(shadow_copies, copy);
  copy->going = false;
  copy->gone = true;
  changed.notify_all();
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
    try {
      mine.thread = std::thread([this, &mine, work = std::move(work)] {
        serving = this;
        work();
        std::lock_guard ended(mutex);
        mine.over = true;
      });
    } catch (...) {
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
    changed.wait(lock, [&] { return done; });
  }
  if (failure) std::rethrow_exception(failure);
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
    left = shadow_copies;
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
  state_.close();
}

}  // namespace vsspy::simulator
