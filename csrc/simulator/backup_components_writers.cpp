// IVssBackupComponents: writers, their metadata and their status.
#include "backup_components_object.h"

namespace vsspy::simulator {

HRESULT backup_components_object::change_filter(const char* name, const char* argument, const VSS_ID* ids, UINT count,
                                                filter_change prepare, filter_change each) {
  return call(name, {{argument, argument_text(ids, count)}, {"count", count}}, [&](outputs&) -> HRESULT {
    if (!ids && count) return E_INVALIDARG;
    std::lock_guard lock(machine_->mutex);
    if (!session_->initialised()) return VSS_E_BAD_STATE;
    if (session_->gather != progress::none) return S_OK;  // without effect then, not an error (semantics 2.2)
    if (prepare) prepare(session_->filter, GUID{});
    for (UINT i = 0; i < count; ++i) each(session_->filter, ids[i]);
    return S_OK;
  });
}

HRESULT backup_components_object::DisableWriterClasses(const VSS_ID* classes, UINT count) {
  return change_filter("IVssBackupComponents::DisableWriterClasses", "rgWriterClassId", classes, count, nullptr,
                       [](writer_filter& filter, const VSS_ID& id) {
                         if (filter.only) {
                           filter.classes.erase(id);
                         } else {
                           filter.classes.insert(id);
                         }
                       });
}

HRESULT backup_components_object::EnableWriterClasses(const VSS_ID* classes, UINT count) {
  return change_filter(
      "IVssBackupComponents::EnableWriterClasses", "rgWriterClassId", classes, count,
      [](writer_filter& filter, const VSS_ID&) {
        if (!filter.only) filter.classes.clear();
        filter.only = true;
      },
      [](writer_filter& filter, const VSS_ID& id) { filter.classes.insert(id); });
}

HRESULT backup_components_object::DisableWriterInstances(const VSS_ID* instances, UINT count) {
  return change_filter("IVssBackupComponents::DisableWriterInstances", "rgWriterInstanceId", instances, count, nullptr,
                       [](writer_filter& filter, const VSS_ID& id) { filter.excluded_instances.insert(id); });
}

HRESULT backup_components_object::GatherWriterMetadata(IVssAsync** async) {
  return start_operation(
      "IVssBackupComponents::GatherWriterMetadata", async,
      {.work = &session::do_gather,
       .allowed = [](const session& s) { return s.initialised() && !s.aborted && s.gather == progress::none; },
       .begun =
           [](session& s) {
             s.gather = progress::running;
             s.context_fixed = true;
           },
       .settled =
           [](session& s, HRESULT result) {
             s.gather = result == VSS_S_ASYNC_FINISHED ? progress::done : progress::failed;
           }});
}

HRESULT backup_components_object::GetWriterMetadataCount(UINT* count) {
  return call("IVssBackupComponents::GetWriterMetadataCount", {}, [&](outputs&) -> HRESULT {
    if (!count) return E_INVALIDARG;
    std::lock_guard lock(machine_->mutex);
    if (session_->gather != progress::done || session_->metadata_freed) return VSS_E_BAD_STATE;
    *count = static_cast<UINT>(session_->writers.size());
    return S_OK;
  });
}

namespace {

template <class Interface>
HRESULT get_metadata(session& session, outputs& out, UINT index, VSS_ID* instance, Interface** metadata) {
  if (!instance || !metadata) return E_INVALIDARG;
  *metadata = nullptr;
  std::shared_ptr<const documents::writer_metadata> found;
  {
    std::lock_guard lock(session.machine->mutex);
    if (session.gather != progress::done || session.metadata_freed) return VSS_E_BAD_STATE;
    if (index >= session.writers.size()) return VSS_E_OBJECT_NOT_FOUND;
    found = session.writers[index].metadata;
  }
  *instance = found->instance_id;
  out.outcome([&] { return documents::document_outcome("writer_metadata", documents::write_writer_metadata(*found)); });
  out.object(metadata, static_cast<Interface*>(make_examine_metadata(session.machine, session.id, found)));
  return S_OK;
}

}  // namespace

HRESULT backup_components_object::GetWriterMetadata(UINT index, VSS_ID* instance,
                                                    IVssExamineWriterMetadata** metadata) {
  return call("IVssBackupComponents::GetWriterMetadata", {{"iWriter", index}},
              [&](outputs& out) { return get_metadata(*session_, out, index, instance, metadata); });
}

HRESULT backup_components_object::GetWriterMetadataEx(UINT index, VSS_ID* instance,
                                                      IVssExamineWriterMetadataEx** metadata) {
  return call("IVssBackupComponentsEx::GetWriterMetadataEx", {{"iWriter", index}},
              [&](outputs& out) { return get_metadata(*session_, out, index, instance, metadata); });
}

HRESULT backup_components_object::FreeWriterMetadata() {
  return call("IVssBackupComponents::FreeWriterMetadata", {}, [&](outputs&) -> HRESULT {
    std::lock_guard lock(machine_->mutex);
    if (session_->gather != progress::done || session_->metadata_freed) return VSS_E_BAD_STATE;
    session_->metadata_freed = true;
    return S_OK;
  });
}

HRESULT backup_components_object::GatherWriterStatus(IVssAsync** async) {
  return start_operation("IVssBackupComponents::GatherWriterStatus", async,
                         {.work = &session::do_gather_status,
                          .allowed = [](const session& s) { return s.initialised(); },
                          .begun = [](session& s) { s.status = progress::running; },
                          .settled =
                              [](session& s, HRESULT result) {
                                s.status = result == VSS_S_ASYNC_FINISHED ? progress::done : progress::failed;
                              }});
}

HRESULT backup_components_object::GetWriterStatusCount(UINT* count) {
  return call("IVssBackupComponents::GetWriterStatusCount", {}, [&](outputs&) -> HRESULT {
    if (!count) return E_INVALIDARG;
    std::lock_guard lock(machine_->mutex);
    if (session_->status != progress::done) return VSS_E_BAD_STATE;
    *count = static_cast<UINT>(session_->statuses.size());
    return S_OK;
  });
}

HRESULT backup_components_object::FreeWriterStatus() {
  return call("IVssBackupComponents::FreeWriterStatus", {}, [&](outputs&) -> HRESULT {
    std::lock_guard lock(machine_->mutex);
    if (session_->status != progress::done) return VSS_E_BAD_STATE;
    session_->status = progress::none;
    session_->statuses.clear();
    return S_OK;
  });
}

namespace {

HRESULT get_status(session& session, UINT index, writer_status& found) {
  std::lock_guard lock(session.machine->mutex);
  if (session.status != progress::done) return VSS_E_BAD_STATE;
  if (index >= session.statuses.size()) return VSS_E_OBJECT_NOT_FOUND;
  found = session.statuses[index];
  return S_OK;
}

}  // namespace

HRESULT backup_components_object::GetWriterStatus(UINT index, VSS_ID* instance, VSS_ID* writer, BSTR* name,
                                                  VSS_WRITER_STATE* state, HRESULT* failure) {
  return call("IVssBackupComponents::GetWriterStatus", {{"iWriter", index}}, [&](outputs& out) -> HRESULT {
    if (!instance || !writer || !name || !state || !failure) return E_INVALIDARG;
    *name = nullptr;
    writer_status found;
    const HRESULT hr = get_status(*session_, index, found);
    if (FAILED(hr)) return hr;
    out.text(name, std::u16string_view(found.name));
    *instance = found.instance_id;
    *writer = found.writer_id;
    *state = found.state;
    // a partial failure is a thing of GetWriterStatusEx (semantics 4.5); a requester that cannot ask for the parts has
    // to take it for the whole
    const bool partial = found.failure == VSS_E_WRITERERROR_PARTIAL_FAILURE;
    *failure = partial ? VSS_E_WRITERERROR_NONRETRYABLE : found.failure;
    out.outcome([&] {
      return documents::status_outcome_text(
          {found.instance_id, found.writer_id, found.name, static_cast<std::int32_t>(*state), *failure, {}, {}});
    });
    return S_OK;
  });
}

HRESULT backup_components_object::GetWriterStatusEx(UINT index, VSS_ID* instance, VSS_ID* writer, BSTR* name,
                                                    VSS_WRITER_STATE* state, HRESULT* failure, HRESULT* application,
                                                    BSTR* message) {
  return call("IVssBackupComponentsEx3::GetWriterStatusEx", {{"iWriter", index}}, [&](outputs& out) -> HRESULT {
    if (message) *message = nullptr;
    if (!instance || !writer || !name || !state || !failure) return E_INVALIDARG;
    *name = nullptr;
    writer_status found;
    const HRESULT hr = get_status(*session_, index, found);
    if (FAILED(hr)) return hr;
    out.text(name, std::u16string_view(found.name));
    if (message) out.text(message, found.application_message);
    *instance = found.instance_id;
    *writer = found.writer_id;
    *state = found.state;
    *failure = found.failure;
    if (application) *application = found.application_failure;
    out.outcome([&] {
      return documents::status_outcome_text({found.instance_id, found.writer_id, found.name,
                                             static_cast<std::int32_t>(*state), *failure, found.application_failure,
                                             found.application_message});
    });
    return S_OK;
  });
}

HRESULT backup_components_object::PrepareForBackup(IVssAsync** async) {
  return start_operation("IVssBackupComponents::PrepareForBackup", async,
                         {.work = &session::do_prepare,
                          .allowed =
                              [](const session& s) {
                                return s.for_backup() && !s.aborted && s.with_writers() && s.backup_state_set &&
                                       s.gather == progress::done && s.prepare == progress::none &&
                                       s.snapshot == progress::none;
                              },
                          .begun =
                              [](session& s) {
                                s.prepare = progress::running;
                                ++s.generation;
                              },
                          .settled =
                              [](session& s, HRESULT result) {
                                s.prepare = result == VSS_S_ASYNC_FINISHED ? progress::done : progress::failed;
                                ++s.generation;
                              }});
}

}  // namespace vsspy::simulator
