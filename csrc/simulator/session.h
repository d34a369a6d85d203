// A requester's session: everything behind one IVssBackupComponents. The object that the requester holds can be gone
// while an operation still runs; the session lives as long as either. All of it is guarded by the machine's mutex.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "../documents/backup_components.h"
#include "hardware.h"
#include "operation.h"
#include "writer.h"

namespace vsspy::simulator {

// What a session has done of something that is done once.
enum class progress { none, running, done, failed };

// Where a component stands in the document. No component is added or removed while views of it are good.
struct component_place {
  std::size_t writer = 0;
  std::size_t index = 0;
};

// A writer that answered Identify, and where it stands in this session's backup (semantics 4.3).
struct attendance {
  std::shared_ptr<simulator::writer> writer;
  std::shared_ptr<const documents::writer_metadata> metadata;  // as this session gathered it
  bool takes_part = false;                                     // receives the events from PrepareBackup on
  bool frozen = false;
  bool failed = false;         // its state is kept; it gets Abort and BackupShutdown only
  bool partly_failed = false;  // its state is kept
  std::uint64_t frozen_since = 0;
  VSS_WRITER_STATE state = VSS_WS_STABLE;
  HRESULT failure = S_OK;
  HRESULT application_failure = S_OK;
  std::optional<std::u16string> application_message{};
  std::vector<component_place> restores{};  // its components, from PreRestore on

  const GUID& instance_id() const { return writer->instance_id; }
  const GUID& writer_id() const { return writer->writer_id; }
};

struct writer_status {
  GUID instance_id{};
  GUID writer_id{};
  std::u16string name;
  VSS_WRITER_STATE state = VSS_WS_UNKNOWN;
  HRESULT failure = S_OK;
  HRESULT application_failure = S_OK;
  std::optional<std::u16string> application_message{};
};

// Which events of a restore a writer wants (semantics 11.2); a writer that does not say gets them all [?].
VSS_WRITERRESTORE_ENUM wants_restore(const attendance& whom);

// Semantics 13.
struct writer_filter {
  bool only = false;
  std::set<GUID, guid_order> classes;  // the included ones with `only`, the excluded ones without
  std::set<GUID, guid_order> excluded_instances;

  bool lets_through(const documents::writer_metadata& metadata) const {
    return !excluded_instances.contains(metadata.instance_id) && classes.contains(metadata.writer_id) == only;
  }
};

// The attributes that a requester may add to a context (semantics 6).
inline constexpr LONG addable_attributes = VSS_VOLSNAP_ATTR_TRANSPORTABLE | VSS_VOLSNAP_ATTR_NO_AUTORECOVERY |
                                           VSS_VOLSNAP_ATTR_NOT_TRANSACTED | VSS_VOLSNAP_ATTR_DIFFERENTIAL |
                                           VSS_VOLSNAP_ATTR_PLEX | VSS_VOLSNAP_ATTR_ROLLBACK_RECOVERY |
                                           VSS_VOLSNAP_ATTR_TXF_RECOVERY;
bool is_context(LONG context);  // one context, with nothing else than these

struct planned_shadow_copy {
  GUID id{};
  const simulator::volume* volume = nullptr;
  bool hardware = false;  // made by the hardware provider
};

// A shadow copy that RecoverSet writes to a volume.
struct planned_recovery {
  described_copy from{};
  const simulator::volume* to = nullptr;
};

// A component of the document, and the writer's part that it stands in; both null where there is none.
struct found_component {
  documents::writer_components* of = nullptr;
  documents::backup_component* component = nullptr;

  explicit operator bool() const { return component != nullptr; }
  documents::backup_component* operator->() const { return component; }
};

class freeze_watch;

class session : public std::enable_shared_from_this<session> {
 public:
  explicit session(std::shared_ptr<simulator::machine> machine) : machine(std::move(machine)) {}
  ~session();
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  const std::shared_ptr<simulator::machine> machine;
  const GUID id = new_guid();
  const void* object = nullptr;  // the requester's IVssBackupComponents: its address, to be compared only

  enum class purpose { none, backup, restore };
  purpose kind = purpose::none;
  LONG context = VSS_CTX_BACKUP;
  bool context_fixed = false;
  bool backup_state_set = false;
  writer_filter filter;
  documents::backup_components document;
  bool document_loaded = false;  // InitializeForBackup was given one, for ImportSnapshots
  unsigned generation = 0;       // of the document: views of an older one are stale (semantics 2.6)

  progress gather = progress::none;
  bool metadata_freed = false;
  std::vector<attendance> writers;

  progress prepare = progress::none;
  bool set_started = false;
  GUID set_id{};
  std::vector<planned_shadow_copy> planned;
  progress snapshot = progress::none;
  progress complete = progress::none;
  bool aborted = false;
  bool status_due = false;  // old systems want GatherWriterStatus after BackupComplete (semantics 12.3)

  progress imported = progress::none;
  std::vector<planned_recovery> recovery_set;
  progress recovery = progress::none;

  progress pre_restore = progress::none;
  progress post_restore = progress::none;

  progress status = progress::none;
  std::vector<writer_status> statuses;

  std::shared_ptr<operation> running;  // one at a time (semantics 3.8)
  bool finish_later = false;           // the requester let go inside a callback of the running operation

  bool for_backup() const { return kind == purpose::backup; }
  bool for_restore() const { return kind == purpose::restore; }
  bool initialised() const { return kind != purpose::none; }
  bool with_writers() const { return context != VSS_CTX_ALL && (context & VSS_VOLSNAP_ATTR_NO_WRITERS) == 0; }
  bool sees(const shadow_copy& copy) const;
  bool reaches(const shadow_copy& copy) const { return copy.session_id == id || sees(copy); }
  bool may_complete() const;                   // SetBackupSucceeded and BackupComplete are in order
  bool under_way() const;                      // there is something that AbortBackup ends
  bool is_planned(const volume& asked) const;  // in the snapshot set; takes the machine's mutex
  attendance* find_writer(const GUID& instance_id);
  found_component find_component(const GUID* instance_id, const GUID& writer_id, VSS_COMPONENT_TYPE type,
                                 std::u16string_view logical_path, std::u16string_view name);
  documents::backup_component& at(const component_place& place) {
    return document.writers[place.writer].components[place.index];
  }
  // The components that a writer's events carry.
  std::vector<component_place> components_of(const attendance& whom) const;
  // The running writer that a component is restored by; null: none of its class, or not the instance that was chosen.
  const attendance* restorer(const documents::writer_components& of,
                             const documents::backup_component& component) const;
  void route_restore();                           // with the mutex held: who restores what, from PreRestore on
  bool is_surplus(const attendance& whom) const;  // one instance too many of its class, on an old system
  void leave_set();                               // others may make a snapshot set again

  // The work of the operations (operations.cpp, snapshot_set.cpp); called on a service thread without the mutex.
  HRESULT do_gather(operation& operation);
  HRESULT do_prepare(operation& operation);
  HRESULT do_snapshot_set(operation& operation);
  HRESULT do_complete(operation& operation);
  HRESULT do_gather_status(operation& operation);
  HRESULT do_pre_restore(operation& operation);
  HRESULT do_post_restore(operation& operation);
  HRESULT do_import(operation& operation, const std::vector<described_copy>& wanted);
  HRESULT do_recover(operation& operation, DWORD flags);

  // Sends Abort; on a service thread, without the mutex.
  void send_abort(attendance& to);
  void send_abort_to_all();

  // The requester let go: ends what runs, BackupShutdown, auto-release. Without the mutex.
  void shut_down() noexcept;
  void operation_ended() noexcept;  // on its service thread

 private:
  friend class event_context;
  friend class freeze_watch;

  // Sends one event and keeps the books: the writer's state when it is well received, the failed state when not.
  // False when the writer vetoed, as a whole.
  bool send(attendance& to, writer_event_kind kind, VSS_WRITER_STATE good, VSS_WRITER_STATE bad);
  HRESULT deliver(attendance& to, writer_event_kind kind);
  void fail(attendance& whom, VSS_WRITER_STATE state, HRESULT failure);
  std::map<const writer*, HRESULT> ask_statuses(operation& operation);  // of the writers that do not answer

  // `displaced`: older shadow copies that have to give way, once the new ones are there to stay.
  HRESULT make_shadow_copies(operation& operation, copy_list& displaced);
  void commit();  // the persistent ones outlive the machine from now on; throws vss_error
  HRESULT snapshot_cycle(operation& operation);
  void freeze(operation& operation, freeze_watch* watch);
  void thaw(freeze_watch* watch);
  void finish();
  void release_shadow_copies();
};

// The IVssBackupComponents on whose behalf this thread runs a writer's callback; null: it runs none.
const void* object_in_callback() noexcept;

}  // namespace vsspy::simulator
