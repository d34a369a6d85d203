// One simulated machine: its volumes, writers and shadow copies, and what all its requesters share. Every object that a
// requester holds keeps the machine alive; after close() they are dead, but can still be released.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
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
#include "trace.h"

namespace vsspy::simulator {

class writer;

// Systems that differ for a requester. The numbers are those of vsspy_machine_options::level.
enum class system_level : std::uint32_t { server_2003 = 5, vista = 6, seven = 7, eight = 8 };

struct volume {
  std::u16string name;  // as the machine was told, with its final separator
  std::filesystem::path folder;
  std::u16string guid_path;  // \\?\Volume{...}\ .
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
  std::u16string device;
  copy_report report;
};

// Called on a dead machine's objects: what COM says of an object whose server is gone.
inline constexpr HRESULT disconnected = static_cast<HRESULT>(0x80010108U);  // RPC_E_DISCONNECTED

class machine : public std::enable_shared_from_this<machine> {
 public:
  struct options {
    std::filesystem::path state_root;
    system_level level = system_level::eight;
    bool global_device_names = false;
  };

  explicit machine(options chosen);
  ~machine();

  const options chosen;
  service_clock clock;
  simulator::trace trace{clock};
  simulator::faults faults;
  simulator::allocator allocator;
  live_objects live;

  // Guards everything below and all that belongs to this machine's sessions and operations. It is never held while a
  // writer is called or files are copied.
  std::mutex mutex;
  std::condition_variable changed;  // an operation ended or is to end, or the machine closes

  bool closed = false;
  std::vector<std::unique_ptr<volume>> volumes;  // they stay where they are as long as the machine
  std::vector<std::shared_ptr<writer>> writers;
  std::vector<std::shared_ptr<shadow_copy>> shadow_copies;
  std::vector<std::string> notes;
  std::map<std::string, std::string> environment;
  const void* set_owner = nullptr;  // the session whose snapshot set is under creation: one at a time (semantics 5)
  unsigned last_device = 0;

  bool at_least(system_level level) const noexcept { return chosen.level >= level; }
  std::filesystem::path state_path() const { return state_.path(); }

  const volume* find_volume(std::u16string_view name) const;  // with the mutex held
  std::shared_ptr<shadow_copy> find_shadow_copy(const GUID& id) const;

  // Takes a shadow copy from the machine and removes its files; what somebody had changed in it becomes a note. Called
  // with no lock. Throws vss_error.
  void drop(const std::shared_ptr<shadow_copy>& copy);
  // The same where nobody can be told of a failure: it becomes a note.
  void drop_or_note(const std::vector<std::shared_ptr<shadow_copy>>& copies);

  // Service threads. They are joined by close().
  void start(std::function<void()> work);
  void run(const std::function<void()>& work);  // ... and wait for it; on one of them simply does it

  void close();
  bool is_of_this_process() const noexcept;  // not in a child after a fork

 private:
  struct service_thread {
    std::thread thread;
    bool over = false;
  };

  state_folder state_;
  std::list<service_thread> threads_;
  std::mutex closing_;  // one close at a time
  const std::uint64_t process_;
};

}  // namespace vsspy::simulator
