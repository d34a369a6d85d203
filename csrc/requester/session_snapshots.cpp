#include "session.h"

namespace vsspy::requester {

GUID session::start_snapshot_set() {
  GUID id{};
  constexpr const char* operation = "IVssBackupComponents::StartSnapshotSet";
  call(operation, [&](auto& object) {
    const HRESULT hr = object.StartSnapshotSet(&id);
    if (SUCCEEDED(hr)) {
      trace_outcome(last_call(), operation, [&] { return documents::id_outcome("snapshot_set_id", id); });
    }
    return hr;
  });
  return id;
}

GUID session::add_to_snapshot_set(const std::u16string& volume, const GUID& provider_id) {
  constexpr const char* operation = "IVssBackupComponents::AddToSnapshotSet";
  GUID id{};
  call(
      operation,
      [&](auto& object) {
        const HRESULT hr = object.AddToSnapshotSet(terminated_pwsz(volume, "volume_name", operation), provider_id, &id);
        if (SUCCEEDED(hr)) {
          trace_outcome(last_call(), operation, [&] { return documents::id_outcome("snapshot_id", id); });
        }
        return hr;
      },
      with("pwszVolumeName", volume), with("ProviderId", provider_id));
  return id;
}

bool session::is_volume_supported(const std::u16string& volume, const GUID& provider_id) {
  constexpr const char* operation = "IVssBackupComponents::IsVolumeSupported";
  BOOL supported = FALSE;
  call(
      operation,
      [&](auto& object) {
        return object.IsVolumeSupported(provider_id, terminated_pwsz(volume, "volume_name", operation), &supported);
      },
      with("ProviderId", provider_id), with("pwszVolumeName", volume));
  return supported != FALSE;
}

std::shared_ptr<async_operation> session::do_snapshot_set() {
  return start(
      "IVssBackupComponents::DoSnapshotSet",
      [](auto& object, IVssAsync** async) { return object.DoSnapshotSet(async); }, changes::document);
}

snapshot_properties session::get_snapshot_properties(const GUID& snapshot_id) {
  filled_snapshot properties(platform_);
  constexpr const char* operation = "IVssBackupComponents::GetSnapshotProperties";
  call(
      operation,
      [&](auto& object) {
        const HRESULT hr = object.GetSnapshotProperties(snapshot_id, properties.get());
        if (SUCCEEDED(hr)) {
          trace_outcome(last_call(), operation, [&] { return documents::snapshot_outcome(*properties.get()); });
        }
        return hr;
      },
      with("SnapshotId", snapshot_id));
  return properties.copy();
}

// Nothing to list comes as S_FALSE, as NULL or, for a query of everything, as VSS_E_OBJECT_NOT_FOUND.
std::shared_ptr<object_enumeration> session::query(const GUID& id, std::int32_t id_type, std::int32_t returned_type) {
  constexpr const char* operation = "IVssBackupComponents::Query";
  com::com_ptr<IVssEnumObject> objects;
  exclusively(operation, [&](interfaces& object) {
    const HRESULT hr = traced(
        operation,
        [&] {
          return object.base->Query(id, static_cast<VSS_OBJECT_TYPE>(id_type),
                                    static_cast<VSS_OBJECT_TYPE>(returned_type), objects.put(platform_));
        },
        with("QueriedObjectId", id), with("eQueriedObjectType", id_type), with("eReturnedObjectsType", returned_type));
    if (hr != VSS_E_OBJECT_NOT_FOUND || id != GUID{}) com::check(hr, operation);
  });
  return object_enumeration::adopt(platform_, std::move(objects));
}

deletion session::delete_snapshots(const GUID& id, std::int32_t type, bool force) {
  return exclusively("IVssBackupComponents::DeleteSnapshots", [&](interfaces& object) {
    LONG deleted = 0;
    deletion outcome;
    const BOOL forced = force ? TRUE : FALSE;
    outcome.result = traced(
        "IVssBackupComponents::DeleteSnapshots",
        [&] {
          return object.base->DeleteSnapshots(id, static_cast<VSS_OBJECT_TYPE>(type), forced, &deleted,
                                              &outcome.nondeleted_id);
        },
        with("SourceObjectId", id), with("eSourceObjectType", type), with("bForceDelete", forced));
    outcome.deleted = static_cast<std::int32_t>(deleted);
    return outcome;
  });
}

std::shared_ptr<async_operation> session::import_snapshots() {
  return start("IVssBackupComponents::ImportSnapshots",
               [](auto& object, IVssAsync** async) { return object.ImportSnapshots(async); });
}

void session::break_snapshot_set(const GUID& set_id) {
  call(
      "IVssBackupComponents::BreakSnapshotSet", [&](auto& object) { return object.BreakSnapshotSet(set_id); },
      with("SnapshotSetId", set_id));
}

std::shared_ptr<async_operation> session::break_snapshot_set_ex(const GUID& set_id, std::uint32_t flags) {
  return start<IVssBackupComponentsEx2>(
      "IVssBackupComponentsEx2::BreakSnapshotSetEx",
      [&](auto& object, IVssAsync** async) { return object.BreakSnapshotSetEx(set_id, flags, async); },
      changes::nothing, with("SnapshotSetID", set_id), with("dwBreakFlags", flags));
}

optional_text session::expose_snapshot(const GUID& snapshot_id, const optional_text& path_from_root,
                                       std::int32_t attributes, const optional_text& expose) {
  constexpr const char* operation = "IVssBackupComponents::ExposeSnapshot";
  com::unique_task_string exposed(platform_);
  call(
      operation,
      [&](auto& object) {
        return object.ExposeSnapshot(snapshot_id, terminated_pwsz(path_from_root, "path_from_root", operation),
                                     attributes, terminated_pwsz(expose, "expose", operation), exposed.put());
      },
      with("SnapshotId", snapshot_id), with("wszPathFromRoot", path_from_root), with("lAttributes", attributes),
      with("wszExpose", expose));
  return exposed.optional_text();
}

void session::unexpose_snapshot(const GUID& snapshot_id) {
  call<IVssBackupComponentsEx2>(
      "IVssBackupComponentsEx2::UnexposeSnapshot", [&](auto& object) { return object.UnexposeSnapshot(snapshot_id); },
      with("snapshotId", snapshot_id));
}

void session::revert_to_snapshot(const GUID& snapshot_id, bool force_dismount) {
  const BOOL forced = force_dismount ? TRUE : FALSE;
  call(
      "IVssBackupComponents::RevertToSnapshot",
      [&](auto& object) { return object.RevertToSnapshot(snapshot_id, forced); }, with("SnapshotId", snapshot_id),
      with("bForceDismount", forced));
}

std::shared_ptr<async_operation> session::query_revert_status(const std::u16string& volume) {
  constexpr const char* operation = "IVssBackupComponents::QueryRevertStatus";
  return start(
      operation,
      [&](auto& object, IVssAsync** async) {
        return object.QueryRevertStatus(terminated_pwsz(volume, "volume_name", operation), async);
      },
      changes::nothing, with("pwszVolume", volume));
}

std::shared_ptr<async_operation> session::pre_fast_recovery(const GUID& set_id, std::uint32_t flags) {
  return start<IVssBackupComponentsEx2>(
      "IVssBackupComponentsEx2::PreFastRecovery",
      [&](auto& object, IVssAsync** async) { return object.PreFastRecovery(set_id, flags, async); }, changes::nothing,
      with("SnapshotSetID", set_id), with("dwPreFastRecoveryFlags", flags));
}

std::shared_ptr<async_operation> session::fast_recovery(const GUID& set_id, std::uint32_t flags) {
  return start<IVssBackupComponentsEx2>(
      "IVssBackupComponentsEx2::FastRecovery",
      [&](auto& object, IVssAsync** async) { return object.FastRecovery(set_id, flags, async); }, changes::nothing,
      with("SnapshotSetID", set_id), with("dwFastRecoveryFlags", flags));
}

void session::add_snapshot_to_recovery_set(const GUID& snapshot_id, std::uint32_t flags,
                                           const optional_text& destination_volume) {
  constexpr const char* operation = "IVssBackupComponentsEx3::AddSnapshotToRecoverySet";
  call<IVssBackupComponentsEx3>(
      operation,
      [&](auto& object) {
        return object.AddSnapshotToRecoverySet(snapshot_id, flags,
                                               terminated_pwsz(destination_volume, "destination_volume", operation));
      },
      with("snapshotId", snapshot_id), with("dwFlags", flags), with("pwszDestinationVolume", destination_volume));
}

std::shared_ptr<async_operation> session::recover_set(std::uint32_t flags) {
  return start<IVssBackupComponentsEx3>(
      "IVssBackupComponentsEx3::RecoverSet",
      [&](auto& object, IVssAsync** async) { return object.RecoverSet(flags, async); }, changes::nothing,
      with("dwFlags", flags));
}

}  // namespace vsspy::requester
