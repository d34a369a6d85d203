// IVssBackupComponents to Ex4 as one object: every method in C++ terms, one call at a time. Its parts are in
// session.cpp (the object, the beginning, the document), session_writers.cpp, session_components.cpp,
// session_snapshots.cpp and session_restore.cpp.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "../com/bstr.h"
#include "../com/com_ptr.h"
#include "../documents/writer_metadata.h"
#include "arguments.h"
#include "async_operation.h"
#include "call_gate.h"
#include "call_trace.h"
#include "document_view.h"
#include "enumeration.h"
#include "lifetime.h"
#include "properties.h"

namespace vsspy::requester {

class writer_components_view;

// A component of the Backup Components Document, by the whole of its key.
struct component_key {
  GUID writer_id{};
  VSS_COMPONENT_TYPE type = VSS_CT_FILEGROUP;
  optional_text logical_path;
  std::u16string name;
};

// Its texts under the names that the headers have; the type is not called the same everywhere.
struct named_key {
  const component_key& component;
  const char* type = "ct";
  const GUID* instance_id = nullptr;
};
inline void describe(traced_arguments& arguments, const named_key& key) {
  if (key.instance_id) arguments.emplace_back("instanceId", com::argument_text(*key.instance_id));
  arguments.emplace_back("writerId", com::argument_text(key.component.writer_id));
  arguments.emplace_back(key.type, com::argument_text(key.component.type));
  arguments.emplace_back("wszLogicalPath", com::argument_text(key.component.logical_path));
  arguments.emplace_back("wszComponentName", com::argument_text(key.component.name));
}

struct writer_status {
  GUID instance_id{};
  GUID writer_id{};
  std::u16string name;
  std::int32_t state = 0;
  HRESULT failure = S_OK;
  std::optional<HRESULT> application_failure;  // only where GetWriterStatusEx is there
  optional_text application_message;
};

struct deletion {
  HRESULT result = S_OK;
  std::int32_t deleted = 0;
  GUID nondeleted_id{};
};

struct root_and_prefix {
  optional_text root_path;
  optional_text logical_prefix;
};

// An interface that not every system has, asked for once.
template <class Interface>
struct extension {
  com::com_ptr<Interface> object;
  bool asked = false;
};

template <class Interface>
inline constexpr const char* interface_name = nullptr;
template <>
inline constexpr const char* interface_name<IVssBackupComponentsEx> = "IVssBackupComponentsEx";
template <>
inline constexpr const char* interface_name<IVssBackupComponentsEx2> = "IVssBackupComponentsEx2";
template <>
inline constexpr const char* interface_name<IVssBackupComponentsEx3> = "IVssBackupComponentsEx3";
template <>
inline constexpr const char* interface_name<IVssBackupComponentsEx4> = "IVssBackupComponentsEx4";

class session final : public live_object {
 public:
  static std::shared_ptr<session> open(const vsspy_platform& platform);
  ~session() override;

  // Gives the object back; its last Release can take seconds and reach writers, so no lock is held over it.
  void close() noexcept override;
  // The same for a caller that may be told no: throws VSSPY_E_REENTERED and VSSPY_E_FORKED.
  void close_or_throw();

  void initialize_for_backup(const optional_text& xml);
  void initialize_for_restore(const std::u16string& xml);
  void set_context(std::int32_t context);
  void set_backup_state(bool select_components, bool bootable_system_state, std::int32_t backup_type,
                        bool partial_file_support);
  void set_restore_state(std::int32_t restore_type);
  void enable_writer_classes(const std::vector<GUID>& ids);
  void disable_writer_classes(const std::vector<GUID>& ids);
  void disable_writer_instances(const std::vector<GUID>& ids);
  void abort_backup();
  // What was started last, over or not; null once it was closed. Takes no lock that a call holds.
  std::shared_ptr<async_operation> last_operation();
  std::u16string save_as_xml();
  GUID get_session_id();
  root_and_prefix get_root_and_logical_prefix_paths(const std::u16string& file_path, bool normalize_fqdn);

  std::shared_ptr<async_operation> gather_writer_metadata();
  std::vector<std::shared_ptr<const documents::writer_metadata>> writer_metadata();
  void free_writer_metadata();
  std::shared_ptr<async_operation> gather_writer_status();
  std::vector<writer_status> writer_statuses();
  void free_writer_status();
  void add_component(const GUID& instance_id, const component_key& component);
  void set_backup_options(const component_key& component, const std::u16string& options);
  void set_previous_backup_stamp(const component_key& component, const std::u16string& stamp);
  void set_backup_succeeded(const GUID& instance_id, const component_key& component, bool succeeded);
  std::shared_ptr<async_operation> prepare_for_backup();
  std::shared_ptr<async_operation> backup_complete();

  // What the document has of each writer.
  std::vector<std::shared_ptr<writer_components_view>> writer_components();

  GUID start_snapshot_set();
  GUID add_to_snapshot_set(const std::u16string& volume, const GUID& provider_id);
  bool is_volume_supported(const std::u16string& volume, const GUID& provider_id);
  std::shared_ptr<async_operation> do_snapshot_set();
  snapshot_properties get_snapshot_properties(const GUID& snapshot_id);
  std::shared_ptr<object_enumeration> query(const GUID& id, std::int32_t id_type, std::int32_t returned_type);
  deletion delete_snapshots(const GUID& id, std::int32_t type, bool force);
  std::shared_ptr<async_operation> import_snapshots();
  void break_snapshot_set(const GUID& set_id);
  std::shared_ptr<async_operation> break_snapshot_set_ex(const GUID& set_id, std::uint32_t flags);
  optional_text expose_snapshot(const GUID& snapshot_id, const optional_text& path_from_root, std::int32_t attributes,
                                const optional_text& expose);
  void unexpose_snapshot(const GUID& snapshot_id);
  void revert_to_snapshot(const GUID& snapshot_id, bool force_dismount);
  std::shared_ptr<async_operation> query_revert_status(const std::u16string& volume);
  std::shared_ptr<async_operation> pre_fast_recovery(const GUID& set_id, std::uint32_t flags);
  std::shared_ptr<async_operation> fast_recovery(const GUID& set_id, std::uint32_t flags);
  void add_snapshot_to_recovery_set(const GUID& snapshot_id, std::uint32_t flags,
                                    const optional_text& destination_volume);
  std::shared_ptr<async_operation> recover_set(std::uint32_t flags);

  void set_selected_for_restore(const component_key& component, bool selected);
  void set_selected_for_restore_ex(const component_key& component, bool selected, const GUID& instance_id);
  void set_restore_options(const component_key& component, const std::u16string& options);
  void set_additional_restores(const component_key& component, bool additional_restores);
  void add_alternative_location_mapping(const component_key& component, const std::u16string& path,
                                        const std::u16string& filespec, bool recursive,
                                        const std::u16string& destination);
  void add_restore_subcomponent(const component_key& component, const std::u16string& logical_path,
                                const std::u16string& name, bool repair);
  void set_file_restore_status(const component_key& component, std::int32_t status);
  void add_new_target(const component_key& component, const std::u16string& path, const std::u16string& file_name,
                      bool recursive, const std::u16string& alternate_path);
  void set_ranges_file_path(const component_key& component, std::uint32_t partial_file,
                            const std::u16string& ranges_file);
  void set_authoritative_restore(const component_key& component, bool authoritative);
  void set_roll_forward(const component_key& component, std::int32_t type, const optional_text& point);
  void set_restore_name(const component_key& component, const std::u16string& name);
  std::shared_ptr<async_operation> pre_restore();
  std::shared_ptr<async_operation> post_restore();

  // What the service has of the object; empty when closed.
  struct interfaces {
    com::com_ptr<IVssBackupComponents> base;
    std::tuple<extension<IVssBackupComponentsEx>, extension<IVssBackupComponentsEx2>,
               extension<IVssBackupComponentsEx3>, extension<IVssBackupComponentsEx4>>
        extensions;
    view_list views;  // of the document; they go first

    // Null where the system does not have it.
    template <class Interface>
    Interface* find() {
      auto& wanted = std::get<extension<Interface>>(extensions);
      if (!wanted.asked) wanted.object = base.template try_query<Interface>();
      wanted.asked = true;  // not where the question failed: it may be answered another time
      return wanted.object.get();
    }
    // Throws E_NOINTERFACE with the interface's name, of which vsspy.errors knows the first system that has it.
    template <class Interface>
    Interface& need(const char* operation) {
      if constexpr (std::is_same_v<Interface, IVssBackupComponents>) {
        return *base;
      } else {
        if (Interface* found = find<Interface>()) return *found;
        throw com::vss_error(E_NOINTERFACE, operation, interface_name<Interface>);
      }
    }
  };

  // fn(interfaces&) with the object to itself, where objects of the MTA may be used.
  template <class Fn>
  auto exclusively(const char* operation, Fn fn) {
    require_usable(operation);
    refuse_reentry(operation);
    return gate_.pass(operation, [&] {
      if (!object_.base) throw com::vss_error(com::VSSPY_E_CLOSED, operation);
      return com::on_mta(platform_, [&] {
        const session_mark mark(number_);
        return fn(object_);
      });
    });
  }

  // How often the document was handed to the writers to change: PrepareForBackup, DoSnapshotSet, BackupComplete,
  // PreRestore and PostRestore make views of it stale (semantics 2.6). Changes only while the session has the object to
  // itself.
  std::uint64_t document_generation() const noexcept { return document_generation_.load(); }

  const vsspy_platform& platform() const noexcept { return platform_; }

 private:
  explicit session(const vsspy_platform& platform) : platform_(platform) {}

  void refuse_reentry(const char* operation) const;

  // The HRESULT of fn(Interface&), checked; `arguments` are for the trace.
  template <class Interface = IVssBackupComponents, class Fn, class... Arguments>
  HRESULT call(const char* operation, Fn fn, const Arguments&... arguments) {
    return exclusively(operation, [&](interfaces& object) {
      auto& asked = object.template need<Interface>(operation);
      return com::check(traced(operation, [&] { return fn(asked); }, arguments...), operation);
    });
  }

  // fn(Interface&, IVssAsync**); `changes` says that writers may change the document from then on.
  enum class changes : bool { nothing, document };
  template <class Interface = IVssBackupComponents, class Fn, class... Arguments>
  std::shared_ptr<async_operation> start(const char* operation, Fn fn, changes changed = changes::nothing,
                                         const Arguments&... arguments) {
    com::com_ptr<IVssAsync> async;
    call_id begun;
    exclusively(operation, [&](interfaces& object) {
      auto& asked = object.template need<Interface>(operation);
      com::check(traced(operation, [&] { return fn(asked, async.put(platform_)); }, arguments...), operation);
      begun = last_call();
      if (changed == changes::document) ++document_generation_;
    });
    if (!async) throw com::vss_error(E_UNEXPECTED, operation, "no IVssAsync came with the success code");
    auto started = async_operation::adopt(std::move(async), operation, identity_, begun);
    latest_.replace(started);
    return started;
  }

  const vsspy_platform& platform_;
  const std::uint64_t number_ = next_session_number();  // in traces
  const void* identity_ = nullptr;                      // the object's address, to be compared and never used
  call_gate gate_;
  std::atomic<std::uint64_t> document_generation_{0};
  interfaces object_;
  latest_operation latest_;
};

}  // namespace vsspy::requester
