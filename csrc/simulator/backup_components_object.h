// The object that CreateVssBackupComponents gives. Its methods stand in files by subject.
#pragma once

#include <algorithm>
#include <iterator>

#include "session.h"

namespace vsspy::simulator {

class backup_components_object final : public service_object<IVssBackupComponentsEx4> {
 public:
  explicit backup_components_object(std::shared_ptr<simulator::session> session)
      : service_object(session->machine, session->id, "IVssBackupComponents"), session_(std::move(session)) {
    session_->object = static_cast<IVssBackupComponents*>(this);
  }

  // backup_components_session.cpp: initialising, context, state, the end
  HRESULT STDMETHODCALLTYPE InitializeForBackup(BSTR xml) override;
  HRESULT STDMETHODCALLTYPE SetContext(LONG context) override;
  HRESULT STDMETHODCALLTYPE SetBackupState(bool select_components, bool bootable_system_state, VSS_BACKUP_TYPE type,
                                           bool partial_file_support) override;
  HRESULT STDMETHODCALLTYPE AbortBackup() override;
  HRESULT STDMETHODCALLTYPE BackupComplete(IVssAsync** async) override;
  HRESULT STDMETHODCALLTYPE SaveAsXML(BSTR* xml) override;
  HRESULT STDMETHODCALLTYPE GetSessionId(VSS_ID* id) override;

  // backup_components_writers.cpp: writers, their metadata and status, and their components
  HRESULT STDMETHODCALLTYPE DisableWriterClasses(const VSS_ID* classes, UINT count) override;
  HRESULT STDMETHODCALLTYPE EnableWriterClasses(const VSS_ID* classes, UINT count) override;
  HRESULT STDMETHODCALLTYPE DisableWriterInstances(const VSS_ID* instances, UINT count) override;
  HRESULT STDMETHODCALLTYPE GatherWriterMetadata(IVssAsync** async) override;
  HRESULT STDMETHODCALLTYPE GetWriterMetadataCount(UINT* count) override;
  HRESULT STDMETHODCALLTYPE GetWriterMetadata(UINT index, VSS_ID* instance,
                                              IVssExamineWriterMetadata** metadata) override;
  HRESULT STDMETHODCALLTYPE GetWriterMetadataEx(UINT index, VSS_ID* instance,
                                                IVssExamineWriterMetadataEx** metadata) override;
  HRESULT STDMETHODCALLTYPE FreeWriterMetadata() override;
  HRESULT STDMETHODCALLTYPE GatherWriterStatus(IVssAsync** async) override;
  HRESULT STDMETHODCALLTYPE GetWriterStatusCount(UINT* count) override;
  HRESULT STDMETHODCALLTYPE GetWriterStatus(UINT index, VSS_ID* instance, VSS_ID* writer, BSTR* name,
                                            VSS_WRITER_STATE* state, HRESULT* failure) override;
  HRESULT STDMETHODCALLTYPE GetWriterStatusEx(UINT index, VSS_ID* instance, VSS_ID* writer, BSTR* name,
                                              VSS_WRITER_STATE* state, HRESULT* failure, HRESULT* application,
                                              BSTR* message) override;
  HRESULT STDMETHODCALLTYPE FreeWriterStatus() override;
  HRESULT STDMETHODCALLTYPE PrepareForBackup(IVssAsync** async) override;

  // backup_components_document.cpp: the Backup Components Document
  HRESULT STDMETHODCALLTYPE AddComponent(VSS_ID instance, VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                         LPCWSTR name) override;
  HRESULT STDMETHODCALLTYPE SetBackupSucceeded(VSS_ID instance, VSS_ID writer, VSS_COMPONENT_TYPE type,
                                               LPCWSTR logical_path, LPCWSTR name, bool succeeded) override;
  HRESULT STDMETHODCALLTYPE SetBackupOptions(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path, LPCWSTR name,
                                             LPCWSTR options) override;
  HRESULT STDMETHODCALLTYPE SetPreviousBackupStamp(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                   LPCWSTR name, LPCWSTR stamp) override;
  HRESULT STDMETHODCALLTYPE GetWriterComponentsCount(UINT* count) override;
  HRESULT STDMETHODCALLTYPE GetWriterComponents(UINT index, IVssWriterComponentsExt** components) override;

  // backup_components_snapshots.cpp: shadow copies
  HRESULT STDMETHODCALLTYPE StartSnapshotSet(VSS_ID* id) override;
  HRESULT STDMETHODCALLTYPE AddToSnapshotSet(VSS_PWSZ volume, VSS_ID provider, VSS_ID* id) override;
  HRESULT STDMETHODCALLTYPE IsVolumeSupported(VSS_ID provider, VSS_PWSZ volume, BOOL* supported) override;
  HRESULT STDMETHODCALLTYPE DoSnapshotSet(IVssAsync** async) override;
  HRESULT STDMETHODCALLTYPE GetSnapshotProperties(VSS_ID id, VSS_SNAPSHOT_PROP* properties) override;
  HRESULT STDMETHODCALLTYPE Query(VSS_ID queried, VSS_OBJECT_TYPE queried_type, VSS_OBJECT_TYPE returned_type,
                                  IVssEnumObject** result) override;
  HRESULT STDMETHODCALLTYPE DeleteSnapshots(VSS_ID source, VSS_OBJECT_TYPE type, BOOL force, LONG* deleted,
                                            VSS_ID* not_deleted) override;

  // backup_components_hardware.cpp: importing and breaking
  HRESULT STDMETHODCALLTYPE ImportSnapshots(IVssAsync** async) override;
  HRESULT STDMETHODCALLTYPE BreakSnapshotSet(VSS_ID set) override;
  HRESULT STDMETHODCALLTYPE BreakSnapshotSetEx(VSS_ID set, DWORD flags, IVssAsync** async) override;

  // backup_components_recovery.cpp: recovery sets
  HRESULT STDMETHODCALLTYPE AddSnapshotToRecoverySet(VSS_ID id, DWORD flags, VSS_PWSZ destination) override;
  HRESULT STDMETHODCALLTYPE RecoverSet(DWORD flags, IVssAsync** async) override;
  HRESULT STDMETHODCALLTYPE PreFastRecovery(VSS_ID set, DWORD flags, IVssAsync** async) override;
  HRESULT STDMETHODCALLTYPE FastRecovery(VSS_ID set, DWORD flags, IVssAsync** async) override;

  // backup_components_revert.cpp: reverts
  HRESULT STDMETHODCALLTYPE RevertToSnapshot(VSS_ID id, BOOL force_dismount) override;
  HRESULT STDMETHODCALLTYPE QueryRevertStatus(VSS_PWSZ volume, IVssAsync** async) override;

  // backup_components_expose.cpp: exposing shadow copies, and where paths lie
  HRESULT STDMETHODCALLTYPE ExposeSnapshot(VSS_ID id, VSS_PWSZ path_from_root, LONG attributes, VSS_PWSZ expose,
                                           VSS_PWSZ* exposed) override;
  HRESULT STDMETHODCALLTYPE UnexposeSnapshot(VSS_ID id) override;
  HRESULT STDMETHODCALLTYPE GetRootAndLogicalPrefixPaths(VSS_PWSZ path, VSS_PWSZ* root, VSS_PWSZ* prefix,
                                                         BOOL normalize) override;

  // backup_components_restore.cpp: restores
  HRESULT STDMETHODCALLTYPE InitializeForRestore(BSTR xml) override;
  HRESULT STDMETHODCALLTYPE SetRestoreState(VSS_RESTORE_TYPE type) override;
  HRESULT STDMETHODCALLTYPE SetSelectedForRestore(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                  LPCWSTR name, bool selected) override;
  HRESULT STDMETHODCALLTYPE SetRestoreOptions(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                              LPCWSTR name, LPCWSTR options) override;
  HRESULT STDMETHODCALLTYPE SetAdditionalRestores(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                  LPCWSTR name, bool additional) override;
  HRESULT STDMETHODCALLTYPE AddAlternativeLocationMapping(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                          LPCWSTR name, LPCWSTR path, LPCWSTR filespec, bool recursive,
                                                          LPCWSTR destination) override;
  HRESULT STDMETHODCALLTYPE AddRestoreSubcomponent(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                   LPCWSTR name, LPCWSTR sub_path, LPCWSTR sub_name,
                                                   bool repair) override;
  HRESULT STDMETHODCALLTYPE SetFileRestoreStatus(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                 LPCWSTR name, VSS_FILE_RESTORE_STATUS status) override;
  HRESULT STDMETHODCALLTYPE AddNewTarget(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path, LPCWSTR name,
                                         LPCWSTR path, LPCWSTR file_name, bool recursive,
                                         LPCWSTR alternate_path) override;
  HRESULT STDMETHODCALLTYPE SetRangesFilePath(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                              LPCWSTR name, UINT partial_file, LPCWSTR ranges_file) override;
  HRESULT STDMETHODCALLTYPE PreRestore(IVssAsync** async) override;
  HRESULT STDMETHODCALLTYPE PostRestore(IVssAsync** async) override;
  HRESULT STDMETHODCALLTYPE SetSelectedForRestoreEx(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                    LPCWSTR name, bool selected, VSS_ID instance) override;
  HRESULT STDMETHODCALLTYPE SetAuthoritativeRestore(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                    LPCWSTR name, bool authoritative) override;
  HRESULT STDMETHODCALLTYPE SetRollForward(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path, LPCWSTR name,
                                           VSS_ROLLFORWARD_TYPE roll_type, LPCWSTR point) override;
  HRESULT STDMETHODCALLTYPE SetRestoreName(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path, LPCWSTR name,
                                           LPCWSTR restore_name) override;

 private:
  ~backup_components_object() override { session_->shut_down(); }
  bool answers(REFIID iid) const override;
  bool concerns(const volume& asked) const override { return session_->is_planned(asked); }

  HRESULT reserved(const char* name, argument_list arguments, IVssAsync** async);

  using filter_change = void (*)(writer_filter& filter, const VSS_ID& id);
  HRESULT change_filter(const char* name, const char* argument, const VSS_ID* ids, UINT count, filter_change prepare,
                        filter_change each);

  // Starts an operation once `state` allows it; `begun` and `settled` run with the machine's mutex held.
  struct operation_plan {
    std::function<HRESULT(session&, operation&)> work;
    bool (*allowed)(const session&);
    void (*begun)(session&);
    void (*settled)(session&, HRESULT result);
    argument_list arguments{};
    bool in_order = true;                        // the arguments
    std::function<HRESULT(session&)> refusal{};  // what else it may be refused with; with the mutex held
  };
  HRESULT start_operation(const char* name, IVssAsync** async, const operation_plan& plan);

  // A change of one component of the document, by a change that gives an HRESULT; `arguments` says whether what
  // comes beside the component's key is in order, and `allowed` when the call is.
  struct component_key {
    const VSS_ID& writer;
    const char* type_name;  // what the method calls the type
    VSS_COMPONENT_TYPE type;
    LPCWSTR logical_path;
    LPCWSTR name;
    const VSS_ID* instance = nullptr;  // of the writer, where the method names it
  };
  template <class Change>
  HRESULT change_component(const char* name, const component_key& key, argument_list more, HRESULT arguments,
                           bool (*allowed)(const session&), Change&& change);
  HRESULT select(const char* name, const component_key& key, argument_list more, bool selected, const VSS_ID& instance);
  void expect_schema(const char* name, const found_component& found, DWORD bit, const char* bit_name);

  const std::shared_ptr<simulator::session> session_;
};

// What no document can hold is refused where it is given, not when the document is written.
inline bool is_storable(LPCWSTR text) { return documents::is_storable(com::view(text)); }

// Texts that go into the document: none may be missing, and XML has to have a place for each.
inline HRESULT document_texts(std::initializer_list<LPCWSTR> all) {
  if (std::ranges::count(all, nullptr)) return E_INVALIDARG;
  return std::ranges::all_of(all, is_storable) ? S_OK : VSS_E_INVALID_XML_DOCUMENT;
}

inline bool is_component_type(VSS_COMPONENT_TYPE type) { return type == VSS_CT_DATABASE || type == VSS_CT_FILEGROUP; }

template <class Change>
HRESULT backup_components_object::change_component(const char* name, const component_key& key, argument_list more,
                                                   HRESULT arguments, bool (*allowed)(const session&),
                                                   Change&& change) {
  argument_list told;
  if (key.instance) told.emplace_back("instanceId", *key.instance);
  told.insert(told.end(), {{"writerId", key.writer},
                           {key.type_name, key.type},
                           {"wszLogicalPath", key.logical_path},
                           {"wszComponentName", key.name}});
  std::ranges::move(more, std::back_inserter(told));
  return call(name, std::move(told), [&](outputs&) -> HRESULT {
    if (!is_component_type(key.type) || !key.name || !*key.name) return E_INVALIDARG;
    if (FAILED(arguments)) return arguments;
    std::lock_guard lock(machine_->mutex);
    if (!allowed(*session_)) return VSS_E_BAD_STATE;
    const found_component found =
        session_->find_component(key.instance, key.writer, key.type, com::view(key.logical_path), com::view(key.name));
    return found ? change(found) : VSS_E_OBJECT_NOT_FOUND;
  });
}

// The other objects a session hands out.
IVssExamineWriterMetadataEx2* make_examine_metadata(std::shared_ptr<machine> machine, const GUID& session,
                                                    std::shared_ptr<const documents::writer_metadata> metadata);
IVssWriterComponentsExt* make_writer_components(std::shared_ptr<session> session, std::size_t index);

struct enumerated_objects {
  std::vector<std::shared_ptr<shadow_copy>> copies{};  // as they were when Query was called
  std::size_t providers = 0;  // how many the machine has, when they are listed: the system's first
};
IVssEnumObject* make_enumeration(std::shared_ptr<machine> machine, const GUID& session, enumerated_objects objects);

void fill_properties(machine& machine, const shadow_copy& copy, VSS_SNAPSHOT_PROP& properties);
void free_properties(machine& machine, VSS_SNAPSHOT_PROP& properties) noexcept;

}  // namespace vsspy::simulator
