// A writer of the machine, and the way an event reaches it.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "../documents/writer_metadata.h"
#include "control.h"
#include "machine.h"

namespace vsspy::simulator {

enum class writer_event_kind : unsigned {
  identify,
  prepare_backup,
  prepare_snapshot,
  freeze,
  thaw,
  post_snapshot,
  backup_complete,
  backup_shutdown,
  abort,
  pre_restore,
  post_restore,
};

inline const char* event_name(writer_event_kind kind) { return vsspy_event_names[static_cast<unsigned>(kind)]; }

class writer {
 public:
  explicit writer(const vsspy_writer& description);  // throws vss_error VSS_E_INVALID_XML_DOCUMENT
  ~writer();
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;

  // Guarded by the machine's mutex: what it last said of itself in Identify; at first what it was described by. What no
  // Identify changes stands below.
  std::shared_ptr<const documents::writer_metadata> metadata;

  const GUID writer_id;
  const GUID instance_id;
  const std::string name;  // UTF-8
  const std::int32_t level;
  const std::uint64_t freeze_timeout;

  // False: it declined the event when it subscribed (semantics 4.2).
  bool subscribed(writer_event_kind kind) const noexcept;
  bool wants(writer_event_kind kind) const noexcept {
    return on_event_ && (events_ & (1U << static_cast<unsigned>(kind))) != 0;
  }
  HRESULT call(const vsspy_writer_event& event) const { return on_event_(user_, &event); }
  void give_up_callback() noexcept { release_ = nullptr; }  // its owner has not been told yet

  std::atomic<bool> gone{false};  // taken from its machine: it answers nothing any more

  // Guarded by the machine's mutex: what is left of the last backup, which anybody's status shows (semantics 4.4).
  VSS_WRITER_STATE last_state = VSS_WS_STABLE;
  HRESULT last_failure = S_OK;
  unsigned open_sessions = 0;  // backups whose status nobody gathered after BackupComplete, on old systems

 private:
  const std::uint32_t events_;
  const std::uint32_t subscription_;
  void* const user_;
  HRESULT (*const on_event_)(void*, const vsspy_writer_event*);
  void (*release_)(void*);
};

// Takes a writer from its machine, also in the middle of a backup. False: there is none of that instance. Without the
// machine's mutex.
bool remove_writer(machine& machine, const GUID& instance_id);

}  // namespace vsspy::simulator
