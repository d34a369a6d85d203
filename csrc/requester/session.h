// IVssBackupComponents to Ex4 as one object: every method in C++ terms, one call at a time.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "../com/bstr.h"
#include "../com/com_ptr.h"
#include "../documents/writer_metadata.h"
#include "async_operation.h"
#include "lifetime.h"
#include "properties.h"

namespace vsspy::requester {

using optional_text = std::optional<std::u16string>;

// A component of the Backup Components Document, by the whole of its key.
struct component_key {
  GUID writer_id{};
  VSS_COMPONENT_TYPE type = VSS_CT_FILEGROUP;
  optional_text logical_path;
  std::u16string name;
};

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

class session final : public live_object {
 public:
  static std::shared_ptr<session> open(const vsspy_platform& platform);
  ~session() override;

  // Gives the object back; its last Release can take seconds and reach writers, so no lock is held over it.
  void close() noexcept override;
  // The same for a caller that may be told no: throws VSSPY_E_REENTERED and VSSPY_E_FORKED.
  void close_or_throw();

  void initialize_for_backup(const optional_text& xml);
  void set_context(std::int32_t context);
  void set_backup_state(bool select_components, bool bootable_system_state, std::int32_t backup_type,
                        bool partial_file_support);
  void enable_writer_classes(const std::vector<GUID>& ids);
  void disable_writer_classes(const std::vector<GUID>& ids);
  void disable_writer_instances(const std::vector<GUID>& ids);
  std::shared_ptr<async_operation> gather_writer_metadata();
  std::vector<std::shared_ptr<const documents::writer_metadata>> writer_metadata();
  void free_writer_metadata();

  void add_component(const GUID& instance_id, const component_key& component);
  void set_backup_options(const component_key& component, const std::u16string& options);
  void set_previous_backup_stamp(const component_key& component, const std::u16string& stamp);
  void set_backup_succeeded(const GUID& instance_id, const component_key& component, bool succeeded);

  GUID start_snapshot_set();
  GUID add_to_snapshot_set(const std::u16string& volume, const GUID& provider_id);
  bool is_volume_supported(const std::u16string& volume, const GUID& provider_id);
  std::shared_ptr<async_operation> prepare_for_backup();
  std::shared_ptr<async_operation> do_snapshot_set();
  snapshot_properties get_snapshot_properties(const GUID& snapshot_id);
  std::vector<snapshot_properties> query_snapshots();
  std::vector<provider_properties> query_providers();
  deletion delete_snapshots(const GUID& id, std::int32_t type, bool force);

  std::shared_ptr<async_operation> gather_writer_status();
  std::vector<writer_status> writer_statuses();
  void free_writer_status();
  std::shared_ptr<async_operation> backup_complete();
  void abort_backup();
  std::u16string save_as_xml();
  GUID get_session_id();

 private:
  explicit session(const vsspy_platform& platform) : platform_(platform) {}

  // What the service has of the object; empty when closed.
  struct interfaces {
    com::com_ptr<IVssBackupComponents> base;
    com::com_ptr<IVssBackupComponentsEx> ex;
    com::com_ptr<IVssBackupComponentsEx3> ex3;
    bool asked_ex = false;
    bool asked_ex3 = false;
  };

  void refuse_reentry(const char* operation) const;

  // fn(interfaces) with the object to itself, where objects of the MTA may be used.
  template <class Fn>
  auto exclusively(const char* operation, Fn fn);
  // The HRESULT of fn(IVssBackupComponents&), checked.
  template <class Fn>
  HRESULT call(const char* operation, Fn fn);
  template <class Fn>
  std::shared_ptr<async_operation> start(const char* operation, Fn fn);
  template <class Read>
  void query(VSS_OBJECT_TYPE type, Read read);

  // Null where the service does not have it, which is asked once.
  IVssBackupComponentsEx* ex(interfaces& object);
  IVssBackupComponentsEx3* ex3(interfaces& object);

  const vsspy_platform& platform_;
  const void* identity_ = nullptr;  // the object's address, to be compared and never used
  std::mutex mutex_;                // one call at a time
  std::atomic<std::thread::id> caller_{};
  interfaces object_;
};

}  // namespace vsspy::requester
