// One simulated machine: its volumes, writers and shadow copies, and what all its requesters share. Every object that a
// requester holds keeps the machine alive; after close() they are dead, but can still be released.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "allocator.h"
#include "faults.h"
#include "identity.h"
#include "live.h"
#include "provider.h"
#include "service_clock.h"
#include "state_folder.h"
#include "storage_areas.h"
#include "trace.h"

namespace vsspy::simulator {

class writer;
class persistent_state;
class kept_folder;

// Systems that differ for a requester. The numbers are those of vsspy_machine_options::level.
enum class system_level : std::uint32_t { server_2003 = 5, vista = 6, seven = 7, eight = 8 };

struct volume {
  std::u16string name;  // as the machine was told, with its final separator
  std::filesystem::path folder;
  std::u16string guid_path;  // \\?\Volume{...}\ .

  GUID id() const;  // the one in its GUID path
};

std::u16string guid_path(const GUID& volume);

// A volume name has its final separator: D:\, Y:\MountX\, \\?\Volume{...}\, and /srv/data/ here.
inline bool is_volume_name(std::u16string_view name) {
  return name.size() > 1 ? name.back() == u'\\' || name.back() == u'/' : name == u"/";
}

// The root of a share, \\server\share\ (semantics 7.1).
inline bool is_share(std::u16string_view name) {
  return name.starts_with(u"\\\\") && !name.starts_with(u"\\\\?\\") && !name.starts_with(u"\\\\.\\");
}

// How a shadow copy is exposed (semantics 7.5).
struct exposure {
  std::u16string name;                   // a drive or mounted folder with its final separator, or a share
  std::optional<std::u16string> path{};  // of a share: the folder below the shadow copy's root
  std::filesystem::path link{};          // what stands in place of the mounted folder; empty: nothing
};

struct shadow_copy {
  GUID id{};
  GUID set_id{};
  GUID session_id{};
  const simulator::volume* volume = nullptr;
  LONG context = 0;
  LONG attributes = 0;
  LONG set_size = 0;  // shadow copies in its set when it was made
  std::int64_t created = 0;
  VSS_SNAPSHOT_STATE state = VSS_SS_UNKNOWN;
  std::filesystem::path folder;
  std::u16string device;  // empty: no device until it is imported
  unsigned number = 0;    // of its device
  copy_report report;
  std::optional<exposure> exposed{};
  bool catalogued = false;              // a persistent one, which outlives the machine; its seal is in its folder
  std::shared_ptr<kept_folder> kept{};  // where it is on its way into the catalogue
  GUID lun{};  // what a hardware provider's storage array knows it by; all zero for a software one
  std::shared_ptr<state_folder> array{};  // the array, which holds `folder` longer than a machine may live
  unsigned readers = 0;                   // who copies from it now: it cannot go meanwhile
  bool going = false;                     // somebody is about to remove it
  bool gone = false;                      // removed, broken, or imported by somebody else

  bool is_hardware() const noexcept { return attributes & VSS_VOLSNAP_ATTR_HARDWARE_ASSISTED; }
};

// A revert of a volume. The machine's, not a session's: it goes on when the requester is gone.
struct volume_revert {
  const simulator::volume* of = nullptr;
  bool over = false;
  HRESULT result = S_OK;
};

// Which hardware provider a machine has. An old one knows no recovery sets.
enum class hardware_provider : std::uint32_t { none = 0, present = 1, legacy = 2 };

// Until when components can be added: the reference pages name different calls (semantics 2.3).
enum class component_deadline : std::uint32_t { prepare_for_backup = 0, start_snapshot_set = 1, do_snapshot_set = 2 };

// The name of a device, and of its folder.
std::string device_folder(unsigned number);

// Called on a dead machine's objects: what COM says of an object whose server is gone.
inline constexpr HRESULT disconnected = static_cast<HRESULT>(0x80010108U);  // RPC_E_DISCONNECTED

class machine : public std::enable_shared_from_this<machine> {
 public:
  struct options {
    std::filesystem::path state_root;
    system_level level = system_level::eight;
    bool global_device_names = false;
    hardware_provider hardware = hardware_provider::none;
    bool virtual_time = false;
    bool strict_components = false;  // AddComponent looks at the writers' metadata (semantics 8.2, R7)
    component_deadline components_until = component_deadline::prepare_for_backup;
    std::filesystem::path persistent_state{};  // empty: everything goes with the machine
  };

  explicit machine(options chosen);
  ~machine();

  const options chosen;

  // Guards everything below `live` and all that belongs to this machine's sessions and operations. It is never held
  // while a writer is called or files are copied.
  std::mutex mutex;
  std::condition_variable changed;  // an operation ended or is to end, the clock jumped, or the machine closes

  service_clock clock{chosen.virtual_time, changed};
  simulator::trace trace{clock};
  simulator::faults faults;
  simulator::allocator allocator;
  live_objects live;

  bool closed = false;
  std::vector<std::unique_ptr<volume>> volumes;          // they stay where they are as long as the machine
  std::vector<std::unique_ptr<volume>> foreign_volumes;  // of imported shadow copies: not volumes of this machine
  std::vector<std::shared_ptr<writer>> writers;
  std::vector<std::shared_ptr<shadow_copy>> shadow_copies;
  std::vector<std::shared_ptr<shadow_copy>> broken;  // volumes now, and no more business of VSS
  std::vector<std::shared_ptr<volume_revert>> reverts;
  std::set<GUID, guid_order> writers_blocking_revert;  // the registry's WritersBlockingRevert: writer classes
  const void* resynchronising = nullptr;               // the session whose recovery set is being written: one at a time
  bool writing_back = false;                           // a shadow copy to a volume: one at a time
  storage_areas storage;
  std::vector<std::string> notes;
  std::map<std::string, std::string> environment;
  const void* set_owner = nullptr;  // the session whose snapshot set is under creation: one at a time (semantics 5)
  unsigned last_device = 0;

  bool at_least(system_level level) const noexcept { return chosen.level >= level; }
  std::filesystem::path state_path() const { return state_.path(); }
  const std::unique_ptr<persistent_state>& persistent() const noexcept { return persistent_; }  // null: there is none
  std::vector<std::filesystem::path> own_folders() const;  // the simulator's: they get into no copy
  // Looks what other processes did with the persistent state. Without the mutex. Throws vss_error.
  void refresh();

  // With the mutex held:
  const volume* find_volume(std::u16string_view name) const;
  shadow_copy* find_exposed(std::u16string_view name) const;  // by a drive or mounted folder
  std::shared_ptr<shadow_copy> find_shadow_copy(const GUID& id) const;

  // Where a new shadow copy goes; a hardware provider's lie in its array.
  std::filesystem::path folder_for(bool hardware, unsigned number) const;
  unsigned next_device();             // by whoever makes a set
  bool enter_set(const void* owner);  // false: there is another one under creation
  void leave_set(const void* owner) noexcept;
  std::u16string device_name(const std::filesystem::path& folder, unsigned number) const;
  const std::shared_ptr<state_folder>& array() const noexcept { return array_; }

  // Takes a shadow copy from the machine and removes its files; what somebody had changed in it becomes a note. False:
  // it was gone already. Called with no lock, waits for those who read from it. Throws vss_error.
  bool drop(const std::shared_ptr<shadow_copy>& copy);
  // The same where nobody can be told of a failure: it becomes a note.
  void drop_or_note(const std::vector<std::shared_ptr<shadow_copy>>& copies);

  // Service threads. They are joined by close().
  void start(std::function<void()> work);
  // With the mutex held, given up meanwhile: until `done()`.
  template <class Done>
  void wait(std::unique_lock<std::mutex>& lock, Done done) {
    clock.wait(lock, changed, -1, std::move(done));
  }
  void run(const std::function<void()>& work);  // ... and wait for it; on one of them simply does it

  // Until the clock shows `until`, or for `longest` nanoseconds of real time: S_OK, else S_FALSE; an error when closed.
  HRESULT sleep(std::uint64_t until, std::uint64_t longest) noexcept;

  void close();
  bool is_of_this_process() const noexcept;  // not in a child after a fork

 private:
  struct service_thread {
    std::thread thread;
    bool over = false;
  };

  bool remove(const std::shared_ptr<shadow_copy>& copy);

  state_folder state_;
  std::shared_ptr<state_folder> array_;  // shared with the shadow copies that other machines imported from it
  std::unique_ptr<persistent_state> persistent_;
  std::list<service_thread> threads_;
  std::mutex closing_;  // one close at a time
  const std::uint64_t process_;
};

}  // namespace vsspy::simulator
