// DoSnapshotSet: PrepareSnapshot, Freeze, the shadow copies at one instant, Thaw, PostSnapshot; all or nothing.
#include <algorithm>

#include "freeze_watch.h"
#include "native_path.h"
#include "persistent_state.h"
#include "restored_folder.h"
#include "session.h"
#include "snapshot_steps.h"

namespace vsspy::simulator {

namespace {

// Freeze goes from the front end back to the system's own resource managers (semantics 4.2).
int freeze_rank(const attendance& attendance) {
  switch (attendance.writer->level) {
    case VSS_APP_FRONT_END:
      return 0;
    case VSS_APP_BACK_END:
      return 1;
    case VSS_APP_SYSTEM_RM:
      return 3;
    default:
      return 2;
  }
}

std::vector<attendance*> by_rank(std::vector<attendance>& writers) {
  std::vector<attendance*> sorted;
  for (attendance& each : writers) sorted.push_back(&each);
  std::ranges::stable_sort(sorted, {}, [](const attendance* each) { return freeze_rank(*each); });
  return sorted;
}

struct plan {
  std::shared_ptr<shadow_copy> copy;
  std::filesystem::path from;
};

// Volumes that are mounted below are not included on their own (semantics 7.1). A hardware provider copies whole LUNs.
std::vector<std::filesystem::path> mounted_below(machine& machine, const shadow_copy& copy) {
  std::vector<std::filesystem::path> folders;
  if (copy.is_hardware()) return folders;
  std::lock_guard lock(machine.mutex);
  for (const volume* each : volumes_inside(machine, *copy.volume)) {
    std::error_code error;
    if (!is_share(each->name)) folders.push_back(std::filesystem::weakly_canonical(each->folder, error));
  }
  return folders;
}

// Copies a volume; nobody else knows the shadow copy yet.
void take(machine& machine, const plan& plan, copy_options options) {
  shadow_copy& copy = *plan.copy;
  options.leave_empty = mounted_below(machine, copy);
  if (machine.persistent() && !copy.is_hardware() && copy.context & VSS_VOLSNAP_ATTR_PERSISTENT) {
    copy.kept = machine.persistent()->begin(copy.id);
    copy.folder = copy.kept->path / device_folder(copy.number);
  } else {
    copy.folder = machine.folder_for(copy.is_hardware(), copy.number);
  }
  const bool surfaced = !(copy.context & VSS_VOLSNAP_ATTR_TRANSPORTABLE);  // else on the computer that imports it
  if (surfaced) copy.device = machine.device_name(copy.folder, copy.number);
  try {
    copy.report = snapshot_folder(plan.from, copy.folder, options);
  } catch (...) {
    if (copy.kept) guarded([&]() -> HRESULT { return copy.kept->remove(), S_OK; });
    throw;
  }
}

}  // namespace

HRESULT session::do_snapshot_set(operation& operation) {
  const HRESULT result = guarded([&] { return snapshot_cycle(operation); });  // nobody stays frozen, whatever happens
  if (result != S_OK) {
    send_abort_to_all();
    std::vector<std::shared_ptr<shadow_copy>> unfinished;
    {
      std::lock_guard lock(machine->mutex);
      for (const auto& each : machine->shadow_copies) {
        if (each->set_id == set_id) unfinished.push_back(each);
      }
    }
    machine->drop_or_note(unfinished);
    return result;
  }
  return operation.suffers.at_result ? operation.suffers.at_result->code : S_OK;
}

HRESULT session::snapshot_cycle(operation& operation) {
  if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
  for (attendance& each : writers) {
    if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
    if (!each.takes_part || each.failed) continue;
    send(each, writer_event_kind::prepare_snapshot, VSS_WS_WAITING_FOR_FREEZE, VSS_WS_FAILED_AT_PREPARE_SNAPSHOT);
  }
  std::optional<freeze_watch> watch;
  if (std::ranges::any_of(writers, [](const attendance& each) { return each.takes_part && !each.failed; })) {
    watch.emplace(*this, operation);
  }
  freeze(operation, watch ? &*watch : nullptr);
  if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
  // where a real provider fails: writers are frozen by then, and are told with Abort (semantics 4.6)
  const auto& failure = operation.suffers.at_result;
  if (failure && !failure->after) return failure->code;
  const bool transacted = !(context & VSS_VOLSNAP_ATTR_NOT_TRANSACTED);
  HRESULT step = transacted ? take_step(*this, operation, freeze_transactions) : S_OK;
  if (step == S_OK) step = take_step(*this, operation, flush_writes);
  if (step == S_OK) step = take_step(*this, operation, hold_writes);
  copy_list displaced;
  if (step == S_OK) step = make_shadow_copies(operation, displaced);
  if (step == S_OK && transacted) step = take_step(*this, operation, thaw_transactions);
  if (step != S_OK) return step;
  thaw(watch ? &*watch : nullptr);
  watch.reset();
  for (attendance& each : writers) {
    if (!each.takes_part || each.failed) continue;
    // without open work a writer is stable again at once (semantics 4.3)
    const bool has_more = each.writer->subscribed(writer_event_kind::backup_complete);
    send(each, writer_event_kind::post_snapshot, has_more ? VSS_WS_WAITING_FOR_BACKUP_COMPLETE : VSS_WS_STABLE,
         VSS_WS_FAILED_AT_POST_SNAPSHOT);
  }
  commit();
  machine->drop_or_note(displaced);  // storage pressure (semantics 6)
  std::lock_guard lock(machine->mutex);
  std::vector<described_copy> described;
  for (const auto& each : machine->shadow_copies) {
    if (!(each->set_id == set_id)) continue;
    each->state = VSS_SS_CREATED;
    if (!(context & VSS_VOLSNAP_ATTR_TRANSPORTABLE)) continue;
    storage_array::present(each->lun, machine);
    described.push_back({each->id, each->lun});
  }
  // whoever gets the document can import the set, or write it back to the volumes (vss_xml.md 3.8)
  if (!described.empty()) document.other_children.push_back(describe_set(set_id, described));
  return S_OK;
}

void session::freeze(operation& operation, freeze_watch* watch) {
  for (attendance* each : by_rank(writers)) {
    if (operation.cancelled()) return;
    if (!each->takes_part || each->failed) continue;
    {
      std::lock_guard lock(machine->mutex);
      each->frozen = true;
      each->frozen_since = machine->clock.now();
    }
    if (!send(*each, writer_event_kind::freeze, VSS_WS_WAITING_FOR_THAW, VSS_WS_FAILED_AT_FREEZE)) {
      send_abort(*each);
    } else {
      watch->frozen(*each);
    }
  }
}

void session::thaw(freeze_watch* watch) {
  std::vector<attendance*> order = by_rank(writers);
  for (auto each = order.rbegin(); each != order.rend(); ++each) {
    attendance& writer = **each;
    if (!writer.takes_part || !watch || !watch->thaws(writer)) continue;
    if (!send(writer, writer_event_kind::thaw, VSS_WS_WAITING_FOR_POST_SNAPSHOT, VSS_WS_FAILED_AT_THAW)) {
      send_abort(writer);
      continue;
    }
    std::lock_guard lock(machine->mutex);
    writer.frozen = false;
  }
}

HRESULT session::make_shadow_copies(operation& operation, copy_list& displaced) {
  std::vector<plan> plans;
  copy_options options;
  options.leave_out = machine->own_folders();
  options.cancelled = [&operation] { return operation.cancelled(); };
  {
    std::lock_guard lock(machine->mutex);
    const std::int64_t created = machine->clock.file_time();  // one for the set (semantics 7.2)
    for (const planned_shadow_copy& each : planned) {
      auto copy = std::make_shared<shadow_copy>();
      copy->id = each.id;
      copy->set_id = set_id;
      copy->session_id = id;
      copy->volume = each.volume;
      copy->context = context;
      copy->attributes = context | VSS_VOLSNAP_ATTR_NOT_SURFACED;
      if (each.hardware) {
        copy->attributes |= VSS_VOLSNAP_ATTR_HARDWARE_ASSISTED;
        copy->lun = new_guid();
        copy->array = machine->array();
      }
      if (is_share(each.volume->name)) copy->attributes |= VSS_VOLSNAP_ATTR_FILE_SHARE;
      copy->set_size = static_cast<LONG>(planned.size());
      copy->created = created;
      copy->state = VSS_SS_PROCESSING_POSTCOMMIT;
      copy->number = machine->next_device();
      plans.push_back({copy, each.volume->folder});
    }
  }
  machine->refresh();  // what others made or deleted counts for the storage areas
  std::vector<std::shared_ptr<shadow_copy>> made;
  made.reserve(plans.size());
  HRESULT result = guarded([&]() -> HRESULT {
    const service_clock::standstill standstill(machine->clock);
    for (plan& each : plans) {
      if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
      take(*machine, each, options);
      made.push_back(each.copy);
    }
    return S_OK;
  });
  if (result == E_ABORT && operation.cancelled()) result = VSS_S_ASYNC_CANCELLED;
  if (result == S_OK) {
    std::lock_guard lock(machine->mutex);
    result = reserve_storage(*machine, made, displaced);
    if (result == S_OK) limit_client_accessible(*machine, made, displaced);
  }
  if (result == S_OK && !operation.commit()) result = VSS_S_ASYNC_CANCELLED;
  if (result != S_OK) {
    machine->drop_or_note(made);
    return result;
  }
  {
    std::lock_guard lock(machine->mutex);
    for (plan& each : plans) {
      machine->shadow_copies.push_back(each.copy);
      for (const std::string& note : each.copy->report.notes) {
        machine->notes.push_back("shadow copy of " + com::to_utf8(each.copy->volume->name) + ": " + note);
      }
    }
  }
  return S_OK;
}

void session::commit() {
  copy_list kept;
  {
    std::lock_guard lock(machine->mutex);
    for (const auto& each : machine->shadow_copies) {
      if (each->set_id == set_id && each->kept) kept.push_back(each);
    }
  }
  if (!kept.empty()) machine->persistent()->commit(kept);
}

}  // namespace vsspy::simulator
