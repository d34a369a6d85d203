// The two questions about a volume that VssApi answers without an object.
#pragma once

#include <cstdint>
#include <string>

#include "../com/platform.h"

namespace vsspy::requester {

struct volume_snapshotted {
  bool present = false;            // shadow copies of the volume exist
  std::int32_t compatibility = 0;  // VSS_SNAPSHOT_COMPATIBILITY
};

volume_snapshotted is_volume_snapshotted(const vsspy_platform& platform, const std::u16string& volume);
bool should_block_revert(const vsspy_platform& platform, const std::u16string& volume);

}  // namespace vsspy::requester
