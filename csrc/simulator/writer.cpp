#include "writer.h"

#include "../com/text.h"

namespace vsspy::simulator {

writer::writer(const vsspy_writer& description)
    : metadata(std::make_shared<documents::writer_metadata>(
          documents::read_writer_metadata(com::to_utf16({description.metadata.data, description.metadata.size})))),
      name(com::to_utf8(metadata->name)),
      level(description.level),
      freeze_timeout(description.freeze_timeout),
      events_(description.events),
      user_(description.user),
      on_event_(description.on_event),
      release_(description.release) {}

writer::~writer() {
  if (release_) release_(user_);
}

}  // namespace vsspy::simulator
