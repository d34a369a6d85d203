// The operations that call writers, but for DoSnapshotSet.
#include <algorithm>

#include "session.h"

namespace vsspy::simulator {

namespace {

// How many backups an old system's writer can have open whose status nobody gathered. The number is not documented.
constexpr unsigned session_slots = 64;

// A fault on the operation's result, with its work left out.
std::optional<HRESULT> fails_at_once(const operation& operation) {
  const auto& failure = operation.suffers.at_result;
  return failure && !failure->after ? std::optional(failure->code) : std::nullopt;
}

HRESULT result_of(operation& operation) {
  if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
  return operation.suffers.at_result ? operation.suffers.at_result->code : S_OK;
}

// A restore by a method that replaces files has not put them where they belong. What the requester says of the files is
// all that the service knows.
bool could_not_replace(const attendance& whom, const documents::backup_component& component) {
  const VSS_RESTOREMETHOD_ENUM method = whom.metadata->restore->method;
  if (method != VSS_RME_RESTORE_IF_NOT_THERE && method != VSS_RME_RESTORE_IF_CAN_REPLACE) return false;
  const auto status = component.file_restore_status.value_or(VSS_RS_UNDEFINED);
  return status == VSS_RS_FAILED || (status == VSS_RS_NONE && component.selected_for_restore.value_or(false));
}

}  // namespace

HRESULT session::do_gather(operation& operation) {
  if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
  if (const auto failure = fails_at_once(operation)) return *failure;
  std::vector<attendance> asked;
  {
    std::lock_guard lock(machine->mutex);
    for (const auto& each : machine->writers) {
      if (filter.lets_through(*each->metadata)) asked.push_back({.writer = each, .metadata = each->metadata});
    }
  }
  std::vector<attendance> answered;
  for (attendance& each : asked) {
    if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
    // a writer that fails here is missing from the list, and from the status (semantics 4.2)
    if (SUCCEEDED(deliver(each, writer_event_kind::identify))) answered.push_back(std::move(each));
  }
  const HRESULT result = result_of(operation);
  if (result == S_OK || FAILED(result)) {
    std::lock_guard lock(machine->mutex);
    writers = std::move(answered);
    for (const attendance& each : writers) {
      each.writer->last_state = each.writer->open_sessions ? VSS_WS_WAITING_FOR_BACKUP_COMPLETE : VSS_WS_STABLE;
      each.writer->last_failure = S_OK;
    }
  }
  return result;
}

HRESULT session::do_prepare(operation& operation) {
  if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
  if (const auto failure = fails_at_once(operation)) return *failure;
  {
    std::lock_guard lock(machine->mutex);
    for (attendance& each : writers) {
      each.takes_part = !is_surplus(each) && (!document.select_components || !components_of(each).empty());
    }
  }
  for (attendance& each : writers) {
    if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
    if (!each.takes_part) continue;
    send(each, writer_event_kind::prepare_backup, VSS_WS_STABLE, VSS_WS_FAILED_AT_PREPARE_BACKUP);
  }
  return result_of(operation);
}

HRESULT session::do_complete(operation& operation) {
  if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
  if (const auto failure = fails_at_once(operation)) return *failure;
  for (attendance& each : writers) {
    if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
    if (!each.takes_part || each.failed) continue;
    send(each, writer_event_kind::backup_complete, VSS_WS_STABLE, VSS_WS_FAILED_AT_BACKUP_COMPLETE);
  }
  const HRESULT result = result_of(operation);
  if (result == S_OK && !machine->at_least(system_level::seven)) {
    std::lock_guard lock(machine->mutex);
    status_due = true;
    for (attendance& each : writers) {
      if (each.takes_part && !each.failed) ++each.writer->open_sessions;
    }
  }
  return result;
}

HRESULT session::do_pre_restore(operation& operation) {
  if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
  if (const auto failure = fails_at_once(operation)) return *failure;
  {
    std::lock_guard lock(machine->mutex);
    route_restore();
    for (attendance& each : writers) {
      each.takes_part = wants_restore(each) != VSS_WRE_NEVER && !is_surplus(each) &&
                        (!document.select_components || !components_of(each).empty());
    }
  }
  for (attendance& each : writers) {
    if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
    if (!each.takes_part) continue;
    send(each, writer_event_kind::pre_restore, VSS_WS_STABLE, VSS_WS_FAILED_AT_PRE_RESTORE);
  }
  return result_of(operation);
}

HRESULT session::do_post_restore(operation& operation) {
  if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
  if (const auto failure = fails_at_once(operation)) return *failure;
  for (attendance& each : writers) {
    if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
    if (!each.takes_part || each.failed) continue;
    if (wants_restore(each) == VSS_WRE_IF_REPLACE_FAILS) {
      std::lock_guard lock(machine->mutex);
      const auto places = components_of(each);
      if (std::ranges::none_of(places,
                               [&](const component_place& place) { return could_not_replace(each, at(place)); }))
        continue;
    }
    send(each, writer_event_kind::post_restore, VSS_WS_STABLE, VSS_WS_FAILED_AT_POST_RESTORE);
  }
  return result_of(operation);
}

// What a fault in a writer's "Status" says instead of it.
std::map<const writer*, HRESULT> session::ask_statuses(operation& operation) {
  std::vector<std::shared_ptr<writer>> asked;
  {
    std::lock_guard lock(machine->mutex);
    if (gather == progress::done) {
      for (const attendance& each : writers) asked.push_back(each.writer);
    } else {
      asked = machine->writers;
    }
  }
  std::map<const writer*, HRESULT> silent;
  for (const auto& each : asked) {
    const affliction suffers =
        machine->faults.next(each->name + "::Status", [this](const volume& volume) { return is_planned(volume); });
    if (suffers.delay) {
      std::unique_lock lock(machine->mutex);
      machine->clock.wait(lock, machine->changed, suffers.delay,
                          [&] { return machine->closed || operation.stopping(); });
    }
    if (suffers.dies) remove_writer(*machine, each->instance_id);
    if (suffers.at_call) silent[each.get()] = suffers.at_call->code;
  }
  return silent;
}

HRESULT session::do_gather_status(operation& operation) {
  if (operation.cancelled()) return VSS_S_ASYNC_CANCELLED;
  if (const auto failure = fails_at_once(operation)) return *failure;
  const std::map<const writer*, HRESULT> silent = ask_statuses(operation);
  {
    std::lock_guard lock(machine->mutex);
    if (status_due && complete == progress::done) {
      status_due = false;
      for (attendance& each : writers) {
        if (each.takes_part && !each.failed && each.writer->open_sessions) --each.writer->open_sessions;
      }
    }
    statuses.clear();
    const auto tell = [&](const writer& writer, VSS_WRITER_STATE state, HRESULT failure) -> writer_status& {
      if (writer.gone) {
        state = VSS_WS_UNKNOWN;
        failure = VSS_E_WRITER_NOT_RESPONDING;
      } else if (const auto found = silent.find(&writer); found != silent.end()) {
        state = VSS_WS_UNKNOWN;
        failure = found->second;
      } else if (writer.open_sessions >= session_slots) {
        state = VSS_WS_UNKNOWN;
        failure = VSS_E_WRITER_STATUS_NOT_AVAILABLE;
      }
      statuses.push_back({writer.instance_id, writer.writer_id, writer.metadata->name, state, failure, S_OK, {}});
      return statuses.back();
    };
    if (gather == progress::done) {
      for (const attendance& each : writers) {
        const bool of_old = !each.takes_part && each.writer->open_sessions;
        writer_status& told =
            tell(*each.writer, of_old ? VSS_WS_WAITING_FOR_BACKUP_COMPLETE : each.state, each.failure);
        told.application_failure = each.application_failure;
        told.application_message = each.application_message;
      }
    } else {
      for (const auto& each : machine->writers) {
        if (filter.lets_through(*each->metadata)) tell(*each, each->last_state, each->last_failure);
      }
    }
  }
  return result_of(operation);
}

}  // namespace vsspy::simulator
