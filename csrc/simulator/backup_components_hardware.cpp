// IVssBackupComponents: breaking and importing, which only shadow copies of hardware providers know (semantics 7.6).
#include <algorithm>

#include "backup_components_object.h"
#include "exposure.h"

namespace vsspy::simulator {

namespace {

constexpr DWORD break_flags = VSS_BREAKEX_FLAG_MASK_LUNS | VSS_BREAKEX_FLAG_MAKE_READ_WRITE |
                              VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL | VSS_BREAKEX_FLAG_REVERT_IDENTITY_NONE;
constexpr DWORD both_identities = VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL | VSS_BREAKEX_FLAG_REVERT_IDENTITY_NONE;

std::vector<std::shared_ptr<shadow_copy>> set_of(const session& s, const GUID& set) {
  std::vector<std::shared_ptr<shadow_copy>> found;
  for (const auto& each : s.machine->shadow_copies) {
    if (each->set_id == set && each->state == VSS_SS_CREATED && !each->going && s.reaches(*each)) found.push_back(each);
  }
  return found;
}

// Why a set cannot be broken (semantics 7.6).
HRESULT refuses_to_break(const std::vector<std::shared_ptr<shadow_copy>>& set) {
  if (set.empty()) return VSS_E_OBJECT_NOT_FOUND;
  const bool can = std::ranges::all_of(set, [](const auto& each) { return each->is_hardware() && !each->readers; });
  return can ? S_OK : VSS_E_PROVIDER_VETO;
}

// The volumes stay, and VSS forgets that they were shadow copies.
void break_set(machine& machine, const std::vector<std::shared_ptr<shadow_copy>>& set) {
  for (const auto& each : set) {
    if (each->exposed) remove_link(*each->exposed, each->folder);
    each->exposed.reset();
    each->gone = true;
    storage_array::forget(each->lun);
    std::erase(machine.shadow_copies, each);
    machine.broken.push_back(each);
  }
}

const volume* original_volume(machine& machine, const volume& of) {
  if (const volume* here = machine.find_volume(of.guid_path)) return here;
  for (const auto& each : machine.foreign_volumes) {
    if (each->guid_path == of.guid_path) return each.get();
  }
  return machine.foreign_volumes.emplace_back(std::make_unique<volume>(of)).get();
}

}  // namespace

HRESULT backup_components_object::BreakSnapshotSet(VSS_ID set) {
  return call("IVssBackupComponents::BreakSnapshotSet", {{"SnapshotSetId", set}}, [&](outputs&) -> HRESULT {
    if (set == guid_null) return E_INVALIDARG;  // no set has it [?]
    std::lock_guard lock(machine_->mutex);
    if (!session_->initialised()) return VSS_E_BAD_STATE;
    session_->context_fixed = true;
    const auto found = set_of(*session_, set);
    const HRESULT refusal = refuses_to_break(found);
    if (SUCCEEDED(refusal)) break_set(*machine_, found);
    return refusal;
  });
}

HRESULT backup_components_object::BreakSnapshotSetEx(VSS_ID set, DWORD flags, IVssAsync** async) {
  const auto work = [set, flags](session& s, operation& operation) -> HRESULT {
    const auto& failure = operation.suffers.at_result;
    if (failure && !failure->after) return failure->code;
    std::lock_guard lock(s.machine->mutex);
    if (operation.stopping() || s.machine->closed) return VSS_S_ASYNC_CANCELLED;
    const auto found = set_of(s, set);
    const HRESULT refusal = refuses_to_break(found);  // it may be gone by now
    if (FAILED(refusal)) return refusal;
    const auto is_here = [&](const auto& each) { return s.machine->find_volume(each->volume->guid_path) != nullptr; };
    if ((flags & VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL) && std::ranges::any_of(found, is_here)) {
      return VSS_E_BREAK_REVERT_ID_FAILED;  // and the set stays what it was [?]
    }
    break_set(*s.machine, found);
    return failure ? failure->code : S_OK;
  };
  return start_operation(
      "IVssBackupComponentsEx2::BreakSnapshotSetEx", async,
      {.work = work,
       .allowed = [](const session& s) { return s.initialised(); },
       .begun = [](session& s) { s.context_fixed = true; },
       .settled = [](session&, HRESULT) {},
       .arguments = {{"SnapshotSetID", set}, {"dwBreakFlags", flags}},
       .in_order = !(set == guid_null) && !(flags & ~break_flags) && (flags & both_identities) != both_identities,
       .refusal = [set](session& s) { return refuses_to_break(set_of(s, set)); }});
}

HRESULT backup_components_object::ImportSnapshots(IVssAsync** async) {
  const auto wanted = std::make_shared<std::vector<described_copy>>();
  return start_operation(
      "IVssBackupComponents::ImportSnapshots", async,
      {.work = [wanted](session& s, operation& operation) { return s.do_import(operation, *wanted); },
       .allowed =
           [](const session& s) {
             return s.for_backup() && !s.aborted && s.document_loaded && !s.set_started && s.imported == progress::none;
           },
       .begun =
           [](session& s) {
             s.imported = progress::running;
             s.context_fixed = true;
           },
       .settled =
           [](session& s, HRESULT result) {
             s.imported = SUCCEEDED(result) && result != VSS_S_ASYNC_CANCELLED ? progress::done : progress::failed;
           },
       .refusal = [wanted](session& s) -> HRESULT {
         *wanted = described_copies(s.document);
         return wanted->empty() ? VSS_E_NONTRANSPORTABLE_BCD : S_OK;  // vss_xml.md 3.8; when is not said [?]
       }});
}

HRESULT session::do_import(operation& operation, const std::vector<described_copy>& wanted) {
  const auto& failure = operation.suffers.at_result;
  if (failure && !failure->after) return failure->code;
  if (!operation.commit()) return VSS_S_ASYNC_CANCELLED;
  std::size_t imported = 0;
  for (const described_copy& each : wanted) {
    // without a hardware provider nobody here sees the array
    if (machine->chosen.hardware == hardware_provider::none) break;
    const std::shared_ptr<simulator::machine> source =
        storage_array::holder(each.lun);  // keeps what `volume` points to
    const std::shared_ptr<shadow_copy> taken = storage_array::take(each.id, each.lun);
    if (!taken) continue;
    {
      std::lock_guard lock(machine->mutex);
      taken->volume = original_volume(*machine, *taken->volume);
      taken->session_id = id;  // its end is the end of what is not to outlive it
      taken->attributes |= VSS_VOLSNAP_ATTR_IMPORTED;
      taken->device = machine->device_name(taken->folder, ++machine->last_device);
      machine->shadow_copies.push_back(taken);
    }
    storage_array::present(each.lun, machine);
    ++imported;
  }
  if (failure) return failure->code;
  if (imported == 0) return VSS_E_NO_SNAPSHOTS_IMPORTED;
  return imported == wanted.size() ? S_OK : VSS_S_SOME_SNAPSHOTS_NOT_IMPORTED;
}

}  // namespace vsspy::simulator
