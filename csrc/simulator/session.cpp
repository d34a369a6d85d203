#include "session.h"

#include "shared_volumes.h"

namespace vsspy::simulator {

bool session::sees(const shadow_copy& copy) const {
  return context == VSS_CTX_ALL || (copy.context & ~addable_attributes) == (context & ~addable_attributes);
}

bool session::may_complete() const {
  if (!for_backup() || aborted || !with_writers() || prepare != progress::done) return false;
  // a set may be left out, but one that was begun has to be made (semantics 2.2)
  return set_started ? snapshot == progress::done : true;
}

bool session::under_way() const {
  if (!for_backup() || aborted || complete == progress::done) return false;
  return prepare == progress::done || (set_started && snapshot != progress::done) || running;
}

attendance* session::find_writer(const GUID& instance_id) {
  for (attendance& each : writers) {
    if (each.instance_id() == instance_id) return &each;
  }
  return nullptr;
}

found_component session::find_component(const GUID* instance_id, const GUID& writer_id, VSS_COMPONENT_TYPE type,
                                        std::u16string_view logical_path, std::u16string_view name) {
  for (documents::writer_components& writer : document.writers) {
    if (!(writer.writer_id == writer_id) || (instance_id && !(writer.instance_id == *instance_id))) continue;
    for (documents::backup_component& each : writer.components) {
      if (each.type == type && each.logical_path.value_or(u"") == logical_path && each.name == name) {
        return {&writer, &each};
      }
    }
  }
  return {};
}

std::vector<component_place> session::components_of(const attendance& whom) const {
  if (for_restore()) return whom.restores;
  std::vector<component_place> places;
  for (std::size_t i = 0; i < document.writers.size(); ++i) {
    const documents::writer_components& writer = document.writers[i];
    if (!(writer.instance_id == whom.instance_id())) continue;
    for (std::size_t j = 0; j < writer.components.size(); ++j) places.push_back({i, j});
  }
  return places;
}

// Who restores what is settled once: a writer that vanishes afterwards has no heir.
void session::route_restore() {
  for (attendance& each : writers) each.restores.clear();
  for (std::size_t i = 0; i < document.writers.size(); ++i) {
    const documents::writer_components& writer = document.writers[i];
    for (std::size_t j = 0; j < writer.components.size(); ++j) {
      const attendance* chosen = restorer(writer, writer.components[j]);
      for (attendance& each : writers) {
        if (&each == chosen) each.restores.push_back({i, j});
      }
    }
  }
}

VSS_WRITERRESTORE_ENUM wants_restore(const attendance& whom) {
  const auto& restore = whom.metadata->restore;
  return restore ? restore->writer_restore : VSS_WRE_ALWAYS;
}

// Server 2003 cannot tell instances of a class apart in a restore: only one of them may want its events, for all of
// them to take part (semantics 4.2). Which one does otherwise is not told; here the first [?].
bool session::is_surplus(const attendance& whom) const {
  if (machine->at_least(system_level::vista) || wants_restore(whom) == VSS_WRE_NEVER) return false;
  for (const attendance& each : writers) {
    if (&each == &whom) return false;
    if (!each.writer->gone && each.writer_id() == whom.writer_id() && wants_restore(each) != VSS_WRE_NEVER) return true;
  }
  return false;
}

// The document's instance ids are those of the backup's day; today only the classes are sure to be the same (semantics
// 11.1.3). Of several instances nobody chose from, the same one comes first, then one of the same name.
const attendance* session::restorer(const documents::writer_components& of,
                                    const documents::backup_component& component) const {
  const bool by_instance = machine->at_least(system_level::vista);
  const attendance* best = nullptr;
  int best_rank = -1;
  for (const attendance& each : writers) {
    if (!(each.writer_id() == of.writer_id) || each.writer->gone) continue;
    if (!by_instance) {
      if (!best || (wants_restore(*best) == VSS_WRE_NEVER && wants_restore(each) != VSS_WRE_NEVER)) best = &each;
      continue;
    }
    if (component.restore_instance_id) {
      if (each.instance_id() == *component.restore_instance_id) return &each;
      continue;
    }
    const bool same_name = of.instance_name && each.metadata->instance_name == of.instance_name;
    const int rank = each.instance_id() == of.instance_id ? 2 : same_name ? 1 : 0;
    if (rank > best_rank) {
      best = &each;
      best_rank = rank;
    }
  }
  return best;
}

bool session::is_planned(const volume& asked) const {
  std::lock_guard lock(machine->mutex);
  for (const planned_shadow_copy& each : planned) {
    if (each.volume == &asked) return true;
  }
  return false;
}

session::~session() { leave_shared_volumes(this); }

void session::leave_set() {
  leave_shared_volumes(this);
  machine->leave_set(this);
}

void session::fail(attendance& whom, VSS_WRITER_STATE state, HRESULT failure) {
  std::lock_guard lock(machine->mutex);
  // a writer of which only some components failed goes on with the others [?]
  (failure == VSS_E_WRITERERROR_PARTIAL_FAILURE ? whom.partly_failed : whom.failed) = true;
  // a writer that nobody hears of is in no state that anybody knows (semantics 4.3)
  if (failure == VSS_E_WRITER_NOT_RESPONDING || failure == VSS_E_WRITER_STATUS_NOT_AVAILABLE) state = VSS_WS_UNKNOWN;
  whom.state = whom.writer->last_state = state;
  whom.failure = whom.writer->last_failure = failure;
}

bool session::send(attendance& to, writer_event_kind kind, VSS_WRITER_STATE good, VSS_WRITER_STATE bad) {
  const HRESULT hr = to.writer->subscribed(kind) ? deliver(to, kind) : S_OK;
  if (FAILED(hr)) {
    fail(to, bad, hr);
    return !to.failed;
  }
  std::lock_guard lock(machine->mutex);
  if (to.partly_failed) return true;
  to.state = to.writer->last_state = good;
  to.failure = to.writer->last_failure = S_OK;
  return true;
}

void session::send_abort(attendance& to) {
  const HRESULT hr = deliver(to, writer_event_kind::abort);
  static_cast<void>(hr);  // nobody is told how a writer took an Abort
  std::lock_guard lock(machine->mutex);
  to.frozen = false;
  if (!to.failed && !to.partly_failed) to.state = to.writer->last_state = VSS_WS_STABLE;
}

void session::send_abort_to_all() {
  for (attendance& each : writers) {
    if (each.takes_part) send_abort(each);
  }
}

void session::shut_down() noexcept {
  try {
    {
      std::unique_lock lock(machine->mutex);
      if (running) {
        running->cancel();
        // inside a callback of that very operation: the operation ends the session then
        finish_later = running->on_this_thread();
        if (finish_later) return;
        machine->wait(lock, [&] { return !running; });
      }
      if (machine->closed) return;
    }
    machine->run([this] { finish(); });
  } catch (...) {
    // no thread could be had: the machine's end removes what is left
  }
}

void session::operation_ended() noexcept {
  try {
    {
      std::lock_guard lock(machine->mutex);
      if (!std::exchange(finish_later, false)) return;
    }
    finish();
  } catch (...) {
    // as above
  }
}

void session::finish() {
  bool abort_first = false;
  {
    std::lock_guard lock(machine->mutex);
    if (machine->closed) return;
    leave_set();
    // dying between Freeze and Thaw leaves nobody frozen (semantics 4.7)
    for (const attendance& each : writers) abort_first = abort_first || each.frozen;
  }
  if (abort_first) send_abort_to_all();
  for (attendance& each : writers) {
    // a restore ends without an event (semantics 4.1)
    if (each.takes_part && for_backup())
      send(each, writer_event_kind::backup_shutdown, each.failed ? each.state : VSS_WS_STABLE,
           VSS_WS_FAILED_AT_BACKUPSHUTDOWN);
  }
  {
    std::lock_guard lock(machine->mutex);
    for (attendance& each : writers) {
      // an old system's writer waits on for a status that nobody will ask for (semantics 12.3)
      if (status_due && each.takes_part && !each.failed) each.writer->last_state = VSS_WS_WAITING_FOR_BACKUP_COMPLETE;
    }
  }
  release_shadow_copies();
}

void session::release_shadow_copies() {
  std::vector<std::shared_ptr<shadow_copy>> mine;
  {
    std::lock_guard lock(machine->mutex);
    for (const auto& each : machine->shadow_copies) {
      if (each->session_id == id && !(each->context & VSS_VOLSNAP_ATTR_NO_AUTO_RELEASE)) mine.push_back(each);
    }
  }
  machine->drop_or_note(mine);
}

}  // namespace vsspy::simulator
