// DoSnapshotSet: PrepareSnapshot, Freeze, the shadow copies at one instant, Thaw, PostSnapshot; all or nothing.
#include <algorithm>

#include "native_path.h"
#include "session.h"

namespace vsspy::simulator {

namespace {

constexpr std::uint64_t hold_limit = 10'000'000'000;  // writes are held for ten seconds at most (semantics 5)

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
  freeze(operation);
  if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
  // where a real provider fails: writers are frozen by then, and are told with Abort (semantics 4.6)
  const auto& failure = operation.suffers.at_result;
  if (failure && !failure->after) return failure->code;
  const HRESULT made = make_shadow_copies(operation);
  if (made != S_OK) return made;
  thaw();
  for (attendance& each : writers) {
    if (!each.takes_part || each.failed) continue;
    send(each, writer_event_kind::post_snapshot, VSS_WS_WAITING_FOR_BACKUP_COMPLETE, VSS_WS_FAILED_AT_POST_SNAPSHOT);
  }
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

void session::freeze(operation& operation) {
  for (attendance* each : by_rank(writers)) {
    if (operation.cancelled()) return;
    if (!each->takes_part || each->failed) continue;
    {
      std::lock_guard lock(machine->mutex);
      each->frozen = true;
      each->frozen_since = machine->clock.now();
    }
    if (!send(*each, writer_event_kind::freeze, VSS_WS_WAITING_FOR_THAW, VSS_WS_FAILED_AT_FREEZE)) send_abort(*each);
  }
}

void session::thaw() {
  std::vector<attendance*> order = by_rank(writers);
  for (auto each = order.rbegin(); each != order.rend(); ++each) {
    attendance& writer = **each;
    if (!writer.takes_part || writer.failed || !writer.frozen) continue;
    if (machine->clock.now() - writer.frozen_since > writer.writer->freeze_timeout) {
      fail(writer, VSS_WS_FAILED_AT_FREEZE, VSS_E_WRITERERROR_TIMEOUT);
      send_abort(writer);
      continue;
    }
    if (!send(writer, writer_event_kind::thaw, VSS_WS_WAITING_FOR_POST_SNAPSHOT, VSS_WS_FAILED_AT_THAW)) {
      send_abort(writer);
      continue;
    }
    std::lock_guard lock(machine->mutex);
    writer.frozen = false;
  }
}

HRESULT session::make_shadow_copies(operation& operation) {
  struct plan {
    std::shared_ptr<shadow_copy> copy;
    std::filesystem::path from;
  };
  std::vector<plan> plans;
  copy_options options;
  options.leave_out = {machine->state_path().parent_path()};
  options.cancelled = [&operation] { return operation.cancelled(); };
  {
    std::lock_guard lock(machine->mutex);
    const std::int64_t created = file_time_now();  // one for the set (semantics 7.2)
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
      copy->set_size = static_cast<LONG>(planned.size());
      copy->created = created;
      copy->state = VSS_SS_PROCESSING_POSTCOMMIT;
      const unsigned number = ++machine->last_device;
      copy->folder = machine->folder_for(each.hardware, number);
      const bool surfaced = !(context & VSS_VOLSNAP_ATTR_TRANSPORTABLE);  // else on the computer that imports it
      if (surfaced) copy->device = machine->device_name(copy->folder, number);
      plans.push_back({copy, each.volume->folder});
    }
  }
  const std::uint64_t held_since = machine->clock.now();
  std::vector<std::shared_ptr<shadow_copy>> made;
  made.reserve(plans.size());
  HRESULT result = guarded([&]() -> HRESULT {
    const service_clock::standstill standstill(machine->clock);
    for (plan& each : plans) {
      if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
      each.copy->report = snapshot_folder(each.from, each.copy->folder, options);
      made.push_back(each.copy);
    }
    return S_OK;
  });
  if (result == E_ABORT && operation.cancelled()) result = VSS_S_ASYNC_CANCELLED;
  if (result == S_OK && machine->clock.now() - held_since > hold_limit) result = VSS_E_HOLD_WRITES_TIMEOUT;
  copy_list displaced;
  if (result == S_OK) {
    std::lock_guard lock(machine->mutex);
    result = reserve_storage(*machine, made, displaced);
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
  machine->drop_or_note(displaced);  // storage pressure (semantics 6)
  return S_OK;
}

}  // namespace vsspy::simulator
