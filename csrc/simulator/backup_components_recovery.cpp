// IVssBackupComponents: recovery sets, which write shadow copies of a hardware provider back to volumes. They are a
// restore's, and the shadow copies are those of the document that it was initialised with.
#include <algorithm>

#include "backup_components_object.h"
#include "restored_folder.h"

namespace vsspy::simulator {

namespace {

constexpr DWORD recovery_flags = VSS_RECOVERY_REVERT_IDENTITY_ALL | VSS_RECOVERY_NO_VOLUME_CHECK;

// The volume that a shadow copy was made of, if this machine has it.
const volume* original_volume(const machine& machine, const described_copy& described) {
  const storage_array::reader source(described.id, described.lun);
  return source.copy ? machine.find_volume(source.copy->volume->guid_path) : nullptr;
}

// Volumes that the set does not hold lie on what it would write to.
bool would_overwrite_others(const session& s) {
  return std::ranges::any_of(s.recovery_set, [&](const planned_recovery& each) {
    return std::ranges::any_of(volumes_inside(*s.machine, *each.to), [&](const volume* inside) {
      return !std::ranges::count(s.recovery_set, inside, &planned_recovery::to);
    });
  });
}

}  // namespace

HRESULT backup_components_object::AddSnapshotToRecoverySet(VSS_ID id, DWORD flags, VSS_PWSZ destination) {
  return call("IVssBackupComponentsEx3::AddSnapshotToRecoverySet",
              {{"snapshotId", id}, {"dwFlags", flags}, {"pwszDestinationVolume", destination}},
              [&](outputs&) -> HRESULT {
                if (flags != 0 || (destination && !is_volume_name(com::view(destination)))) return E_INVALIDARG;
                described_copy described;
                {
                  std::lock_guard lock(machine_->mutex);
                  const session& s = *session_;
                  if (s.kind != session::purpose::restore || s.recovery != progress::none ||
                      machine_->chosen.hardware == hardware_provider::none) {
                    return VSS_E_BAD_STATE;
                  }
                  if (machine_->chosen.hardware == hardware_provider::legacy) return VSS_E_LEGACY_PROVIDER;
                  if (machine_->resynchronising) return VSS_E_RESYNC_IN_PROGRESS;
                  const std::vector<described_copy> known = described_copies(s.document);
                  const auto found = std::ranges::find(known, id, &described_copy::id);
                  if (found == known.end()) return VSS_E_SNAPSHOT_NOT_IN_SET;
                  if (std::ranges::count(s.recovery_set, id, [](const auto& each) { return each.from.id; })) {
                    return VSS_E_OBJECT_ALREADY_EXISTS;  // [?]
                  }
                  described = *found;
                }
                // without the mutex: another machine may have the shadow copy
                const volume* original = original_volume(*machine_, described);
                std::lock_guard lock(machine_->mutex);
                if (destination && machine_->find_exposed(com::view(destination))) return VSS_E_VOLUME_NOT_SUPPORTED;
                const volume* to = destination ? machine_->find_volume(com::view(destination)) : original;
                if (!to) return VSS_E_OBJECT_NOT_FOUND;
                // another thread may have started meanwhile what reads the set without the mutex
                if (session_->recovery != progress::none) return VSS_E_BAD_STATE;
                session_->recovery_set.push_back({described, to});
                return S_OK;
              });
}

HRESULT backup_components_object::RecoverSet(DWORD flags, IVssAsync** async) {
  return start_operation("IVssBackupComponentsEx3::RecoverSet", async,
                         {.work = [flags](session& s, operation& operation) { return s.do_recover(operation, flags); },
                          .allowed =
                              [](const session& s) {
                                return s.kind == session::purpose::restore && s.recovery == progress::none &&
                                       s.machine->chosen.hardware != hardware_provider::none;
                              },
                          .begun =
                              [](session& s) {
                                s.recovery = progress::running;
                                s.machine->resynchronising = &s;
                              },
                          .settled =
                              [](session& s, HRESULT result) {
                                s.recovery = result == VSS_S_ASYNC_FINISHED ? progress::done : progress::failed;
                                s.machine->resynchronising = nullptr;
                              },
                          .arguments = {{"dwFlags", flags}},
                          .in_order = !(flags & ~recovery_flags),
                          .refusal = [flags](session& s) -> HRESULT {
                            if (s.machine->chosen.hardware == hardware_provider::legacy) return VSS_E_LEGACY_PROVIDER;
                            if (s.recovery_set.empty()) return VSS_E_BAD_STATE;
                            if (s.machine->resynchronising) return VSS_E_RESYNC_IN_PROGRESS;
                            const bool checked = !(flags & VSS_RECOVERY_NO_VOLUME_CHECK);
                            return checked && would_overwrite_others(s) ? VSS_E_UNSELECTED_VOLUME : S_OK;
                          }});
}

HRESULT session::do_recover(operation& operation, DWORD flags) {
  const auto& failure = operation.suffers.at_result;
  if (failure && !failure->after) return failure->code;
  std::vector<storage_array::reader> sources;
  for (const planned_recovery& each : recovery_set) {
    sources.emplace_back(each.from.id, each.from.lun);
    const shadow_copy* copy = sources.back().copy.get();
    if (!copy) return VSS_E_PROVIDER_VETO;  // its LUN has gone meanwhile
    // the original volume is there and has the identity that another one is to get
    const bool identity = flags & VSS_RECOVERY_REVERT_IDENTITY_ALL;
    std::lock_guard lock(machine->mutex);
    const volume* original = machine->find_volume(copy->volume->guid_path);
    if (identity && original && original != each.to) return VSS_E_CANNOT_REVERT_DISKID;
  }
  if (!operation.commit()) return VSS_S_ASYNC_CANCELLED;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const HRESULT hr =
        write_back(*machine, *sources[i].copy, *recovery_set[i].to, "recovery", flags & VSS_RECOVERY_NO_VOLUME_CHECK);
    if (FAILED(hr)) return hr;
  }
  return failure ? failure->code : S_OK;
}

HRESULT backup_components_object::PreFastRecovery(VSS_ID set, DWORD flags, IVssAsync** async) {
  return reserved("IVssBackupComponentsEx2::PreFastRecovery",
                  {{"SnapshotSetID", set}, {"dwPreFastRecoveryFlags", flags}}, async);
}

HRESULT backup_components_object::FastRecovery(VSS_ID set, DWORD flags, IVssAsync** async) {
  return reserved("IVssBackupComponentsEx2::FastRecovery", {{"SnapshotSetID", set}, {"dwFastRecoveryFlags", flags}},
                  async);
}

// No codes are documented: the argument, then E_NOTIMPL [?].
HRESULT backup_components_object::reserved(const char* name, argument_list arguments, IVssAsync** async) {
  return call(name, std::move(arguments), [&](outputs&) -> HRESULT {
    if (!async) return E_INVALIDARG;
    *async = nullptr;
    std::lock_guard lock(machine_->mutex);
    return session_->initialised() ? E_NOTIMPL : VSS_E_BAD_STATE;
  });
}

}  // namespace vsspy::simulator
