#include "writer.h"

#include <algorithm>

#include "../com/text.h"

namespace vsspy::simulator {

writer::writer(const vsspy_writer& description)
    : metadata(std::make_shared<documents::writer_metadata>(
          documents::read_writer_metadata(com::to_utf16({description.metadata.data, description.metadata.size})))),
      writer_id(metadata->writer_id),
      instance_id(metadata->instance_id),
      name(com::to_utf8(metadata->name)),
      level(description.level),
      freeze_timeout(description.freeze_timeout),
      events_(description.events),
      subscription_(description.subscription),
      user_(description.user),
      on_event_(description.on_event),
      release_(description.release) {}

writer::~writer() {
  if (release_) release_(user_);
}

bool writer::subscribed(writer_event_kind kind) const noexcept {
  switch (kind) {
    case writer_event_kind::prepare_backup:
    case writer_event_kind::backup_complete:
      return subscription_ & VSS_SM_BACKUP_EVENTS_FLAG;
    case writer_event_kind::pre_restore:
    case writer_event_kind::post_restore:
      return subscription_ & VSS_SM_RESTORE_EVENTS_FLAG;
    case writer_event_kind::post_snapshot:
      // its flag is reserved, and writers with the usual mask do get the event (reference page of the mask) [?]
      return subscription_ & (VSS_SM_BACKUP_EVENTS_FLAG | VSS_SM_POST_SNAPSHOT_FLAG);
    default:
      return true;  // no flag declines these
  }
}

bool remove_writer(machine& machine, const GUID& instance_id) {
  std::shared_ptr<writer> removed;  // its end calls its owner: not under the mutex
  std::lock_guard lock(machine.mutex);
  const auto found = std::ranges::find(machine.writers, instance_id,
                                       [](const auto& each) -> const GUID& { return each->instance_id; });
  if (found == machine.writers.end()) return false;
  removed = std::move(*found);
  machine.writers.erase(found);
  removed->gone = true;
  return true;
}

}  // namespace vsspy::simulator
