// IVssWriterComponentsExt and IVssComponentEx2 as a requester gets them: views of the Backup Components Document. They
// go stale when writers may have changed it, and then answer VSS_E_BAD_STATE (semantics 2.6; the code is not
// documented).
#include "backup_components_object.h"
#include "file_description.h"

namespace vsspy::simulator {

namespace {

using documents::backup_component;

class component_view final : public service_object<IVssComponentEx2> {
 public:
  component_view(std::shared_ptr<session> session, unsigned generation, std::size_t writer, std::size_t index)
      : service_object(session->machine, session->id, "IVssComponent"),
        session_(std::move(session)),
        generation_(generation),
        writer_(writer),
        index_(index) {}

  HRESULT STDMETHODCALLTYPE GetLogicalPath(BSTR* path) override {
    return text("IVssComponent::GetLogicalPath", path, &backup_component::logical_path);
  }
  HRESULT STDMETHODCALLTYPE GetComponentType(VSS_COMPONENT_TYPE* type) override {
    return value("IVssComponent::GetComponentType", type, [](const backup_component& c) { return c.type; });
  }
  HRESULT STDMETHODCALLTYPE GetComponentName(BSTR* name) override {
    return read("IVssComponent::GetComponentName", {}, name, [&](outputs& out, const backup_component& c) -> HRESULT {
      *name = nullptr;
      out.text(name, std::u16string_view(c.name));
      return S_OK;
    });
  }
  HRESULT STDMETHODCALLTYPE GetBackupSucceeded(bool* succeeded) override {
    return value("IVssComponent::GetBackupSucceeded", succeeded,
                 [](const backup_component& c) { return c.backup_succeeded.value_or(false); });
  }
  HRESULT STDMETHODCALLTYPE GetAlternateLocationMappingCount(UINT* count) override {
    return value("IVssComponent::GetAlternateLocationMappingCount", count, [](const backup_component&) { return 0U; });
  }
  HRESULT STDMETHODCALLTYPE GetAlternateLocationMapping(UINT index, IVssWMFiledesc** file) override {
    return nothing_there("IVssComponent::GetAlternateLocationMapping", "iMapping", index, file);
  }
  HRESULT STDMETHODCALLTYPE GetBackupMetadata(BSTR* data) override {
    return text("IVssComponent::GetBackupMetadata", data, &backup_component::backup_metadata);
  }
  HRESULT STDMETHODCALLTYPE GetPartialFileCount(UINT* count) override {
    return value("IVssComponent::GetPartialFileCount", count,
                 [](const backup_component& c) { return static_cast<UINT>(c.partial_files.size()); });
  }
  HRESULT STDMETHODCALLTYPE GetPartialFile(UINT index, BSTR* path, BSTR* name, BSTR* ranges, BSTR* metadata) override {
    const bool all = path && name && ranges && metadata;
    return read("IVssComponent::GetPartialFile", {{"iPartialFile", index}}, all ? path : nullptr,
                [&](outputs& out, const backup_component& c) -> HRESULT {
                  *path = *name = *ranges = *metadata = nullptr;
                  if (index >= c.partial_files.size()) return VSS_E_OBJECT_NOT_FOUND;
                  const documents::partial_file& file = c.partial_files[index];
                  out.text(path, std::u16string_view(file.path));
                  out.text(name, std::u16string_view(file.filespec));
                  out.text(ranges, std::u16string_view(file.ranges));
                  out.text(metadata, std::u16string_view(file.metadata));
                  return S_OK;
                });
  }
  HRESULT STDMETHODCALLTYPE IsSelectedForRestore(bool* selected) override {
    return in_restore("IVssComponent::IsSelectedForRestore", selected);
  }
  HRESULT STDMETHODCALLTYPE GetAdditionalRestores(bool* additional) override {
    return not_yet("IVssComponent::GetAdditionalRestores", additional);
  }
  HRESULT STDMETHODCALLTYPE GetNewTargetCount(UINT* count) override {
    return value("IVssComponent::GetNewTargetCount", count, [](const backup_component&) { return 0U; });
  }
  HRESULT STDMETHODCALLTYPE GetNewTarget(UINT index, IVssWMFiledesc** file) override {
    return nothing_there("IVssComponent::GetNewTarget", "iNewTarget", index, file);
  }
  HRESULT STDMETHODCALLTYPE GetDirectedTargetCount(UINT* count) override {
    return value("IVssComponent::GetDirectedTargetCount", count, [](const backup_component&) { return 0U; });
  }
  HRESULT STDMETHODCALLTYPE GetDirectedTarget(UINT index, BSTR* source_path, BSTR* source_name, BSTR* source_ranges,
                                              BSTR* path, BSTR* name, BSTR* ranges) override {
    const bool all = source_path && source_name && source_ranges && path && name && ranges;
    return nothing_there("IVssComponent::GetDirectedTarget", "iDirectedTarget", index, all ? source_path : nullptr);
  }
  HRESULT STDMETHODCALLTYPE GetRestoreMetadata(BSTR* data) override {
    return not_yet("IVssComponent::GetRestoreMetadata", data);
  }
  HRESULT STDMETHODCALLTYPE GetRestoreTarget(VSS_RESTORE_TARGET* target) override {
    return not_yet("IVssComponent::GetRestoreTarget", target);
  }
  HRESULT STDMETHODCALLTYPE GetPreRestoreFailureMsg(BSTR* message) override {
    return not_yet("IVssComponent::GetPreRestoreFailureMsg", message);
  }
  HRESULT STDMETHODCALLTYPE GetPostRestoreFailureMsg(BSTR* message) override {
    return not_yet("IVssComponent::GetPostRestoreFailureMsg", message);
  }
  HRESULT STDMETHODCALLTYPE GetBackupStamp(BSTR* stamp) override {
    return text("IVssComponent::GetBackupStamp", stamp, &backup_component::backup_stamp);
  }
  HRESULT STDMETHODCALLTYPE GetPreviousBackupStamp(BSTR* stamp) override {
    return text("IVssComponent::GetPreviousBackupStamp", stamp, &backup_component::previous_backup_stamp);
  }
  HRESULT STDMETHODCALLTYPE GetBackupOptions(BSTR* options) override {
    return text("IVssComponent::GetBackupOptions", options, &backup_component::backup_options);
  }
  HRESULT STDMETHODCALLTYPE GetRestoreOptions(BSTR* options) override {
    return not_yet("IVssComponent::GetRestoreOptions", options);
  }
  HRESULT STDMETHODCALLTYPE GetRestoreSubcomponentCount(UINT* count) override {
    return value("IVssComponent::GetRestoreSubcomponentCount", count, [](const backup_component&) { return 0U; });
  }
  HRESULT STDMETHODCALLTYPE GetRestoreSubcomponent(UINT index, BSTR* path, BSTR* name, bool* repair) override {
    const bool all = path && name && repair;
    return nothing_there("IVssComponent::GetRestoreSubcomponent", "iComponent", index, all ? path : nullptr);
  }
  HRESULT STDMETHODCALLTYPE GetFileRestoreStatus(VSS_FILE_RESTORE_STATUS* status) override {
    return in_restore("IVssComponent::GetFileRestoreStatus", status);
  }
  HRESULT STDMETHODCALLTYPE GetDifferencedFilesCount(UINT* count) override {
    return value("IVssComponent::GetDifferencedFilesCount", count,
                 [](const backup_component& c) { return static_cast<UINT>(c.differenced_files.size()); });
  }
  HRESULT STDMETHODCALLTYPE GetDifferencedFile(UINT index, BSTR* path, BSTR* filespec, BOOL* recursive, BSTR* lsn,
                                               FILETIME* modified) override {
    const bool all = path && filespec && recursive && lsn && modified;
    return read("IVssComponent::GetDifferencedFile", {{"iDifferencedFile", index}}, all ? path : nullptr,
                [&](outputs& out, const backup_component& c) -> HRESULT {
                  *path = *filespec = *lsn = nullptr;
                  if (index >= c.differenced_files.size()) return VSS_E_OBJECT_NOT_FOUND;
                  const documents::differenced_file& file = c.differenced_files[index];
                  out.text(path, std::u16string_view(file.path));
                  out.text(filespec, std::u16string_view(file.filespec));
                  if (!file.lsn.empty()) out.text(lsn, std::u16string_view(file.lsn));
                  *recursive = file.recursive;
                  modified->dwLowDateTime = static_cast<DWORD>(file.last_modify_time);
                  modified->dwHighDateTime = static_cast<DWORD>(file.last_modify_time >> 32);
                  return S_OK;
                });
  }
  HRESULT STDMETHODCALLTYPE GetPrepareForBackupFailureMsg(BSTR* message) override {
    return text("IVssComponentEx::GetPrepareForBackupFailureMsg", message,
                &backup_component::prepare_for_backup_failure_message);
  }
  HRESULT STDMETHODCALLTYPE GetPostSnapshotFailureMsg(BSTR* message) override {
    return text("IVssComponentEx::GetPostSnapshotFailureMsg", message,
                &backup_component::post_snapshot_failure_message);
  }
  HRESULT STDMETHODCALLTYPE GetAuthoritativeRestore(bool* authoritative) override {
    return not_yet("IVssComponentEx::GetAuthoritativeRestore", authoritative);
  }
  HRESULT STDMETHODCALLTYPE GetRollForward(VSS_ROLLFORWARD_TYPE* type, BSTR* point) override {
    return not_yet("IVssComponentEx::GetRollForward", point ? type : nullptr);
  }
  HRESULT STDMETHODCALLTYPE GetRestoreName(BSTR* name) override {
    return not_yet("IVssComponentEx::GetRestoreName", name);
  }
  HRESULT STDMETHODCALLTYPE GetFailure(HRESULT* failure, HRESULT* application, BSTR* message,
                                       DWORD* reserved) override {
    const bool all = failure && application && message && reserved;
    return read("IVssComponentEx2::GetFailure", {}, all ? message : nullptr,
                [&](outputs& out, const backup_component& c) -> HRESULT {
                  *message = nullptr;
                  out.text(message, c.application_message);
                  *failure = c.failure.value_or(S_OK);
                  *application = c.application_failure.value_or(S_OK);
                  *reserved = 0;
                  return S_OK;
                });
  }

  // Writers' own (semantics 2.5)
  HRESULT STDMETHODCALLTYPE SetBackupMetadata(LPCWSTR data) override {
    return writers_only("IVssComponent::SetBackupMetadata", data);
  }
  HRESULT STDMETHODCALLTYPE AddPartialFile(LPCWSTR path, LPCWSTR name, LPCWSTR ranges, LPCWSTR) override {
    return writers_only("IVssComponent::AddPartialFile", path && name ? ranges : nullptr);
  }
  HRESULT STDMETHODCALLTYPE AddDirectedTarget(LPCWSTR source_path, LPCWSTR source_name, LPCWSTR source_ranges,
                                              LPCWSTR path, LPCWSTR name, LPCWSTR ranges) override {
    const bool all = source_path && source_name && source_ranges && path && name && ranges;
    return writers_only("IVssComponent::AddDirectedTarget", all ? path : nullptr);
  }
  HRESULT STDMETHODCALLTYPE SetRestoreMetadata(LPCWSTR data) override {
    return writers_only("IVssComponent::SetRestoreMetadata", data);
  }
  HRESULT STDMETHODCALLTYPE SetRestoreTarget(VSS_RESTORE_TARGET target) override {
    return writers_only("IVssComponent::SetRestoreTarget", target > VSS_RT_UNDEFINED ? this : nullptr);
  }
  HRESULT STDMETHODCALLTYPE SetPreRestoreFailureMsg(LPCWSTR message) override {
    return writers_only("IVssComponent::SetPreRestoreFailureMsg", message);
  }
  HRESULT STDMETHODCALLTYPE SetPostRestoreFailureMsg(LPCWSTR message) override {
    return writers_only("IVssComponent::SetPostRestoreFailureMsg", message);
  }
  HRESULT STDMETHODCALLTYPE SetBackupStamp(LPCWSTR stamp) override {
    return writers_only("IVssComponent::SetBackupStamp", stamp);
  }
  HRESULT STDMETHODCALLTYPE AddDifferencedFilesByLastModifyTime(LPCWSTR path, LPCWSTR filespec, BOOL,
                                                                FILETIME) override {
    return writers_only("IVssComponent::AddDifferencedFilesByLastModifyTime", path ? filespec : nullptr);
  }
  HRESULT STDMETHODCALLTYPE AddDifferencedFilesByLastModifyLSN(LPCWSTR, LPCWSTR, BOOL, BSTR) override {
    return call("IVssComponent::AddDifferencedFilesByLastModifyLSN", {},
                [](outputs&) -> HRESULT { return E_NOTIMPL; });  // reserved
  }
  HRESULT STDMETHODCALLTYPE SetPrepareForBackupFailureMsg(LPCWSTR message) override {
    return writers_only("IVssComponentEx::SetPrepareForBackupFailureMsg", message);
  }
  HRESULT STDMETHODCALLTYPE SetPostSnapshotFailureMsg(LPCWSTR message) override {
    return writers_only("IVssComponentEx::SetPostSnapshotFailureMsg", message);
  }
  HRESULT STDMETHODCALLTYPE SetFailure(HRESULT, HRESULT, LPCWSTR, DWORD) override {
    return writers_only("IVssComponentEx2::SetFailure", this);
  }

 private:
  bool answers(REFIID iid) const override {
    return iid == abi::iid_of<IVssComponent>::value ||
           (iid == abi::iid_of<IVssComponentEx>::value && machine_->at_least(system_level::vista)) ||
           (iid == abi::iid_of<IVssComponentEx2>::value && machine_->at_least(system_level::seven));
  }

  // The component as it is now; the document may not change any more as long as the view is good, but the mutex is held
  // all the same, since the session may go on at any time.
  template <class Read>
  HRESULT read(const char* name, argument_list arguments, const void* needed, Read&& read) {
    return call(name, std::move(arguments), [&](outputs& out) -> HRESULT {
      if (!needed) return E_INVALIDARG;
      backup_component copy;
      {
        std::lock_guard lock(machine_->mutex);
        if (session_->generation != generation_) return VSS_E_BAD_STATE;
        copy = session_->document.writers[writer_].components[index_];
      }
      return read(out, copy);
    });
  }
  template <class Value, class Get>
  HRESULT value(const char* name, Value* where, Get&& get) {
    return read(name, {}, where, [&](outputs&, const backup_component& component) -> HRESULT {
      *where = get(component);
      return S_OK;
    });
  }
  HRESULT text(const char* name, BSTR* where, std::optional<std::u16string> backup_component::* field) {
    return read(name, {}, where, [&](outputs& out, const backup_component& component) -> HRESULT {
      *where = nullptr;
      out.text(where, component.*field);
      return component.*field ? S_OK : S_FALSE;
    });
  }
  template <class Out>
  HRESULT nothing_there(const char* name, const char* argument, UINT index, Out* where) {
    return read(name, {{argument, index}}, where, [&](outputs&, const backup_component&) -> HRESULT {
      *where = {};
      return VSS_E_OBJECT_NOT_FOUND;
    });
  }
  template <class Out>
  HRESULT in_restore(const char* name, Out* where) {
    return read(name, {}, where, [&](outputs&, const backup_component&) -> HRESULT {
      std::lock_guard lock(machine_->mutex);
      return session_->for_backup() ? VSS_E_BAD_STATE : E_NOTIMPL;
    });
  }
  template <class Out>
  HRESULT not_yet(const char* name, Out* where) {
    return read(name, {}, where, [](outputs&, const backup_component&) -> HRESULT { return E_NOTIMPL; });
  }
  HRESULT writers_only(const char* name, const void* needed) {
    return call(name, {}, [&](outputs&) -> HRESULT { return needed ? VSS_E_BAD_STATE : E_INVALIDARG; });
  }

  const std::shared_ptr<session> session_;
  const unsigned generation_;
  const std::size_t writer_;
  const std::size_t index_;
};

class writer_components_view final : public service_object<IVssWriterComponentsExt> {
 public:
  writer_components_view(std::shared_ptr<session> session, unsigned generation, std::size_t writer)
      : service_object(session->machine, session->id, "IVssWriterComponentsExt"),
        session_(std::move(session)),
        generation_(generation),
        writer_(writer) {}

  HRESULT STDMETHODCALLTYPE GetComponentCount(UINT* count) override {
    return call("IVssWriterComponents::GetComponentCount", {}, [&](outputs&) -> HRESULT {
      if (!count) return E_INVALIDARG;
      std::lock_guard lock(machine_->mutex);
      if (session_->generation != generation_) return VSS_E_BAD_STATE;
      *count = static_cast<UINT>(session_->document.writers[writer_].components.size());
      return S_OK;
    });
  }
  HRESULT STDMETHODCALLTYPE GetWriterInfo(VSS_ID* instance, VSS_ID* writer) override {
    return call("IVssWriterComponents::GetWriterInfo", {}, [&](outputs&) -> HRESULT {
      if (!instance || !writer) return E_INVALIDARG;
      std::lock_guard lock(machine_->mutex);
      if (session_->generation != generation_) return VSS_E_BAD_STATE;
      *instance = session_->document.writers[writer_].instance_id;
      *writer = session_->document.writers[writer_].writer_id;
      return S_OK;
    });
  }
  HRESULT STDMETHODCALLTYPE GetComponent(UINT index, IVssComponent** component) override {
    return call("IVssWriterComponents::GetComponent", {{"iComponent", index}}, [&](outputs& out) -> HRESULT {
      if (!component) return E_INVALIDARG;
      *component = nullptr;
      {
        std::lock_guard lock(machine_->mutex);
        if (session_->generation != generation_) return VSS_E_BAD_STATE;
        if (index >= session_->document.writers[writer_].components.size()) return VSS_E_OBJECT_NOT_FOUND;
      }
      IVssComponent* made = new component_view(session_, generation_, writer_, index);
      out.object(component, made);
      return S_OK;
    });
  }

 private:
  const std::shared_ptr<session> session_;
  const unsigned generation_;
  const std::size_t writer_;
};

}  // namespace

IVssWriterComponentsExt* make_writer_components(std::shared_ptr<session> session, std::size_t index) {
  unsigned generation = 0;
  {
    std::lock_guard lock(session->machine->mutex);
    generation = session->generation;
  }
  return new writer_components_view(std::move(session), generation, index);
}

}  // namespace vsspy::simulator
