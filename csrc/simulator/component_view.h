// IVssComponentEx2, a view of one component of the Backup Components Document, as a requester and as a writer have it.
// A requester's goes stale when writers may have changed the document, and then answers VSS_E_BAD_STATE (semantics 2.6;
// the code is not documented); it cannot change anything. A writer's is good for one event, and may change what that
// event is for (semantics 2.5).
#pragma once

#include <initializer_list>

#include "session.h"

namespace vsspy::simulator {

// A writer's event, as far as the views that it gave out depend on it. Guarded by the machine's mutex.
struct event_scope {
  const writer_event_kind kind;
  bool over = false;
};

class component_view final : public service_object<IVssComponentEx2> {
 public:
  component_view(std::shared_ptr<session> session, unsigned generation, const component_place& place)
      : service_object(session->machine, session->id, "IVssComponent"),
        session_(std::move(session)),
        generation_(generation),
        place_(place) {}
  component_view(std::shared_ptr<session> session, std::shared_ptr<const event_scope> event,
                 const component_place& place)
      : service_object(session->machine, session->id, "IVssComponent"),
        session_(std::move(session)),
        event_(std::move(event)),
        place_(place) {}

  // What QueryInterface gives, without a reference of its own.
  HRESULT lend(REFIID iid, void** object) {
    const HRESULT hr = QueryInterface(iid, object);
    if (SUCCEEDED(hr)) Release();
    return hr;
  }

  // component_view_getters.cpp
  HRESULT STDMETHODCALLTYPE GetLogicalPath(BSTR* path) override;
  HRESULT STDMETHODCALLTYPE GetComponentType(VSS_COMPONENT_TYPE* type) override;
  HRESULT STDMETHODCALLTYPE GetComponentName(BSTR* name) override;
  HRESULT STDMETHODCALLTYPE GetBackupSucceeded(bool* succeeded) override;
  HRESULT STDMETHODCALLTYPE GetAlternateLocationMappingCount(UINT* count) override;
  HRESULT STDMETHODCALLTYPE GetAlternateLocationMapping(UINT index, IVssWMFiledesc** file) override;
  HRESULT STDMETHODCALLTYPE GetBackupMetadata(BSTR* data) override;
  HRESULT STDMETHODCALLTYPE GetPartialFileCount(UINT* count) override;
  HRESULT STDMETHODCALLTYPE GetPartialFile(UINT index, BSTR* path, BSTR* name, BSTR* ranges, BSTR* metadata) override;
  HRESULT STDMETHODCALLTYPE IsSelectedForRestore(bool* selected) override;
  HRESULT STDMETHODCALLTYPE GetAdditionalRestores(bool* additional) override;
  HRESULT STDMETHODCALLTYPE GetNewTargetCount(UINT* count) override;
  HRESULT STDMETHODCALLTYPE GetNewTarget(UINT index, IVssWMFiledesc** file) override;
  HRESULT STDMETHODCALLTYPE GetDirectedTargetCount(UINT* count) override;
  HRESULT STDMETHODCALLTYPE GetDirectedTarget(UINT index, BSTR* source_path, BSTR* source_name, BSTR* source_ranges,
                                              BSTR* path, BSTR* name, BSTR* ranges) override;
  HRESULT STDMETHODCALLTYPE GetRestoreMetadata(BSTR* data) override;
  HRESULT STDMETHODCALLTYPE GetRestoreTarget(VSS_RESTORE_TARGET* target) override;
  HRESULT STDMETHODCALLTYPE GetPreRestoreFailureMsg(BSTR* message) override;
  HRESULT STDMETHODCALLTYPE GetPostRestoreFailureMsg(BSTR* message) override;
  HRESULT STDMETHODCALLTYPE GetBackupStamp(BSTR* stamp) override;
  HRESULT STDMETHODCALLTYPE GetPreviousBackupStamp(BSTR* stamp) override;
  HRESULT STDMETHODCALLTYPE GetBackupOptions(BSTR* options) override;
  HRESULT STDMETHODCALLTYPE GetRestoreOptions(BSTR* options) override;
  HRESULT STDMETHODCALLTYPE GetRestoreSubcomponentCount(UINT* count) override;
  HRESULT STDMETHODCALLTYPE GetRestoreSubcomponent(UINT index, BSTR* path, BSTR* name, bool* repair) override;
  HRESULT STDMETHODCALLTYPE GetFileRestoreStatus(VSS_FILE_RESTORE_STATUS* status) override;
  HRESULT STDMETHODCALLTYPE GetDifferencedFilesCount(UINT* count) override;
  HRESULT STDMETHODCALLTYPE GetDifferencedFile(UINT index, BSTR* path, BSTR* filespec, BOOL* recursive, BSTR* lsn,
                                               FILETIME* modified) override;
  HRESULT STDMETHODCALLTYPE GetPrepareForBackupFailureMsg(BSTR* message) override;
  HRESULT STDMETHODCALLTYPE GetPostSnapshotFailureMsg(BSTR* message) override;
  HRESULT STDMETHODCALLTYPE GetAuthoritativeRestore(bool* authoritative) override;
  HRESULT STDMETHODCALLTYPE GetRollForward(VSS_ROLLFORWARD_TYPE* type, BSTR* point) override;
  HRESULT STDMETHODCALLTYPE GetRestoreName(BSTR* name) override;
  HRESULT STDMETHODCALLTYPE GetFailure(HRESULT* failure, HRESULT* application, BSTR* message, DWORD* reserved) override;

  // component_view_setters.cpp
  HRESULT STDMETHODCALLTYPE SetBackupMetadata(LPCWSTR data) override;
  HRESULT STDMETHODCALLTYPE AddPartialFile(LPCWSTR path, LPCWSTR name, LPCWSTR ranges, LPCWSTR metadata) override;
  HRESULT STDMETHODCALLTYPE AddDirectedTarget(LPCWSTR source_path, LPCWSTR source_name, LPCWSTR source_ranges,
                                              LPCWSTR path, LPCWSTR name, LPCWSTR ranges) override;
  HRESULT STDMETHODCALLTYPE SetRestoreMetadata(LPCWSTR data) override;
  HRESULT STDMETHODCALLTYPE SetRestoreTarget(VSS_RESTORE_TARGET target) override;
  HRESULT STDMETHODCALLTYPE SetPreRestoreFailureMsg(LPCWSTR message) override;
  HRESULT STDMETHODCALLTYPE SetPostRestoreFailureMsg(LPCWSTR message) override;
  HRESULT STDMETHODCALLTYPE SetBackupStamp(LPCWSTR stamp) override;
  HRESULT STDMETHODCALLTYPE AddDifferencedFilesByLastModifyTime(LPCWSTR path, LPCWSTR filespec, BOOL recursive,
                                                                FILETIME modified) override;
  HRESULT STDMETHODCALLTYPE AddDifferencedFilesByLastModifyLSN(LPCWSTR path, LPCWSTR filespec, BOOL recursive,
                                                               BSTR lsn) override;
  HRESULT STDMETHODCALLTYPE SetPrepareForBackupFailureMsg(LPCWSTR message) override;
  HRESULT STDMETHODCALLTYPE SetPostSnapshotFailureMsg(LPCWSTR message) override;
  HRESULT STDMETHODCALLTYPE SetFailure(HRESULT failure, HRESULT application, LPCWSTR message, DWORD reserved) override;

 private:
  using component = documents::backup_component;
  using text_field = std::optional<std::u16string> component::*;
  using data_field = std::optional<documents::writer_data> component::*;

  bool answers(REFIID iid) const override;
  bool is_stale() const { return event_ ? event_->over : session_->generation != generation_; }  // with the mutex

  // The component as it is now.
  template <class Read>
  HRESULT read(const char* name, argument_list arguments, const void* needed, Read&& read);
  template <class Value, class Get>
  HRESULT value(const char* name, Value* where, Get&& get);
  template <class Value>
  HRESULT optional_value(const char* name, Value* where, std::optional<Value> component::* field);
  HRESULT text(const char* name, BSTR* where, text_field field);
  HRESULT data(const char* name, BSTR* where, data_field field);
  template <class List>
  HRESULT count(const char* name, UINT* where, List component::* list);
  HRESULT file(const char* name, const char* argument, UINT index, IVssWMFiledesc** where,
               std::vector<documents::moved_files> component::* list);

  // A change by a writer in one of `events`; `arguments` comes first.
  template <class Change>
  HRESULT change(const char* name, argument_list told, HRESULT arguments,
                 std::initializer_list<writer_event_kind> events, Change&& change);
  HRESULT set_text(const char* name, const char* argument, LPCWSTR text,
                   std::initializer_list<writer_event_kind> events, text_field field);
  HRESULT set_data(const char* name, const char* argument, LPCWSTR text,
                   std::initializer_list<writer_event_kind> events, data_field field);

  const std::shared_ptr<session> session_;
  const unsigned generation_ = 0;                   // a requester's
  const std::shared_ptr<const event_scope> event_;  // a writer's
  const component_place place_;
};

}  // namespace vsspy::simulator
