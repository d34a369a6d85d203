// IVssWMFiledesc: one file set.
#pragma once

#include "../documents/writer_metadata.h"
#include "object.h"

namespace vsspy::simulator {

// `owner` keeps `files` alive.
HRESULT give_file(machine& machine, const GUID& session, outputs& out, std::shared_ptr<const void> owner,
                  const std::vector<documents::file_set>& files, UINT index, IVssWMFiledesc** file);

}  // namespace vsspy::simulator
