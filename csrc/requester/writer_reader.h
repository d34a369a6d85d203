// Reads a writer's whole metadata, as IVssExamineWriterMetadata (to Ex2) has it, into one value.
#pragma once

#include "../com/com_ptr.h"
#include "../documents/writer_metadata.h"

namespace vsspy::requester {

// `instance_id` is the one that IVssBackupComponents::GetWriterMetadata gave: AddComponent wants that. A stored
// document has only its own. To be called where objects of the MTA may be used.
documents::writer_metadata read_writer(const com::com_ptr<IVssExamineWriterMetadata>& writer,
                                       const std::optional<GUID>& instance_id);

}  // namespace vsspy::requester
