// IVssBackupComponents: reverting a volume to a shadow copy (semantics 7.6).
#include <algorithm>

#include "backup_components_object.h"
#include "restored_folder.h"

namespace vsspy::simulator {

namespace {

constexpr const char* revert_method = "IVssBackupComponents::RevertToSnapshot";
constexpr const char* status_method = "IVssBackupComponents::QueryRevertStatus";

const std::shared_ptr<volume_revert>* find_revert(const machine& machine, const volume* of) {
  const auto found = std::ranges::find(machine.reverts, of, [](const auto& each) { return each->of; });
  return found == machine.reverts.end() ? nullptr : &*found;
}

// What keeps VSS from locking a volume: a snapshot set under creation [?], or an open file.
bool is_in_use(const machine& machine, const volume& of) {
  if (machine.set_owner) {
    const auto& planned = static_cast<const session*>(machine.set_owner)->planned;
    if (std::ranges::count(planned, &of, &planned_shadow_copy::volume)) return true;
  }
  return has_open_files(machine, of);
}

// On a service thread. A revert cannot be cancelled; only the machine's end stops it.
void run_revert(machine& machine, const std::shared_ptr<shadow_copy>& copy,
                const std::shared_ptr<volume_revert>& revert, const GUID& session, std::int64_t delay) {
  std::size_t entry = 0;
  bool traced = false;
  HRESULT result = guarded([&]() -> HRESULT {
    entry = machine.trace.begin({.name = revert_method, .kind = trace_kind::result, .session = session});
    traced = true;
    if (delay) {
      std::unique_lock lock(machine.mutex);
      machine.clock.wait(lock, machine.changed, delay, [&] { return machine.closed; });
      if (machine.closed) return disconnected;
    }
    return write_back(machine, *copy, *revert->of, "revert", false);
  });
  result = result == S_OK ? VSS_S_ASYNC_FINISHED : as_level_says(machine, result);
  if (traced) machine.trace.end(entry, result);
  std::lock_guard lock(machine.mutex);
  --copy->readers;
  revert->over = true;
  revert->result = result;
  std::erase(machine.reverts, revert);
  machine.changed.notify_all();
}

}  // namespace

HRESULT backup_components_object::RevertToSnapshot(VSS_ID id, BOOL force_dismount) {
  // It returns once the revert is under way, else QueryRevertStatus had nothing to tell [?]. So a delay is the
  // revert's.
  return start(revert_method, {{"SnapshotId", id}, {"bForceDismount", force_dismount}},
               [&](outputs&, const affliction& suffers) -> HRESULT {
                 if (id == guid_null) return E_INVALIDARG;  // no shadow copy has it [?]
                 machine_->refresh();
                 std::shared_ptr<shadow_copy> copy;
                 auto revert = std::make_shared<volume_revert>();
                 {
                   std::lock_guard lock(machine_->mutex);
                   // Server 2003 has it from Service Pack 1 on
                   if (!machine_->at_least(system_level::vista)) return E_NOTIMPL;
                   if (!session_->initialised()) return VSS_E_BAD_STATE;
                   session_->context_fixed = true;
                   copy = machine_->find_shadow_copy(id);
                   if (!copy || copy->state != VSS_SS_CREATED || copy->going || !session_->reaches(*copy)) {
                     return VSS_E_OBJECT_NOT_FOUND;
                   }
                   if (!(copy->attributes & VSS_VOLSNAP_ATTR_PERSISTENT)) return VSS_E_UNSUPPORTED_CONTEXT;
                   revert->of = machine_->find_volume(copy->volume->guid_path);
                   if (!revert->of) return VSS_E_VOLUME_NOT_SUPPORTED;  // imported from another computer
                   if (copy->is_hardware()) return E_NOTIMPL;           // that provider recovers sets instead
                   if (find_revert(*machine_, revert->of)) return VSS_E_REVERT_IN_PROGRESS;
                   if (!force_dismount && is_in_use(*machine_, *revert->of)) return VSS_E_VOLUME_IN_USE;
                   machine_->reverts.push_back(revert);
                   ++copy->readers;
                 }
                 try {
                   machine_->start([machine = machine_, copy, revert, session = session_id_, delay = suffers.delay] {
                     run_revert(*machine, copy, revert, session, delay);
                   });
                 } catch (...) {
                   std::lock_guard lock(machine_->mutex);
                   --copy->readers;
                   std::erase(machine_->reverts, revert);
                   machine_->changed.notify_all();
                   throw;
                 }
                 return S_OK;
               });
}

HRESULT backup_components_object::QueryRevertStatus(VSS_PWSZ volume_name, IVssAsync** async) {
  return start(status_method, {{"pwszVolume", volume_name}}, [&](outputs& out, const affliction& suffers) -> HRESULT {
    if (async) *async = nullptr;
    if (!volume_name || !async) return E_POINTER;
    if (!is_volume_name(com::view(volume_name))) return E_INVALIDARG;
    std::shared_ptr<volume_revert> revert;
    {
      std::lock_guard lock(machine_->mutex);
      if (!machine_->at_least(system_level::vista)) return E_NOTIMPL;
      if (!session_->initialised()) return VSS_E_BAD_STATE;
      if (machine_->find_exposed(com::view(volume_name))) return VSS_E_VOLUME_NOT_SUPPORTED;
      const volume* found = machine_->find_volume(com::view(volume_name));
      const auto* running = found ? find_revert(*machine_, found) : nullptr;
      if (!running) return VSS_E_OBJECT_NOT_FOUND;
      revert = *running;
    }
    // Not the session's operation: it neither keeps others from starting nor ends with the session.
    auto operation = std::make_shared<simulator::operation>(machine_, session_->id, status_method, suffers);
    out.object(async, make_async(operation));
    operation->begin(
        [revert](simulator::operation& mine) -> HRESULT {
          const auto& failure = mine.suffers.at_result;
          if (failure && !failure->after) return failure->code;
          std::unique_lock lock(mine.machine->mutex);
          mine.machine->wait(lock, [&] { return revert->over || mine.machine->closed; });
          if (!revert->over) return disconnected;
          return failure ? failure->code : revert->result;
        },
        [](HRESULT) {}, [] {});
    return S_OK;
  });
}

}  // namespace vsspy::simulator
