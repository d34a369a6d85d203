// Where the shadow copies of volumes are stored: storage areas (IVssDifferentialSoftwareSnapshotMgmt calls them diff
// areas), the space on volumes, and what protects it (semantics 5 and 6). The machine's mutex guards all of it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "../abi/vss_abi.h"

namespace vsspy::simulator {

class machine;
struct volume;
struct shadow_copy;

inline constexpr std::int64_t no_storage_limit = -1;  // VSS_ASSOC_NO_MAX_SPACE of the SDK's header
inline constexpr std::int64_t remove_storage = 0;     // VSS_ASSOC_REMOVE

// An association: the volume whose shadow copies are stored, and the volume that stores them.
struct storage_area {
  const volume* of = nullptr;
  const volume* on = nullptr;
  std::int64_t maximum = no_storage_limit;       // bytes
  std::optional<std::int64_t> until_dismount{};  // a maximum that holds until the volume is dismounted
  bool kept = false;                             // in the persistent state

  std::int64_t limit() const noexcept { return until_dismount.value_or(maximum); }
};

struct volume_protection {
  VSS_PROTECTION_LEVEL level = VSS_PROTECTION_LEVEL_ORIGINAL_VOLUME;
  bool offline = false;
  VSS_PROTECTION_FAULT fault = VSS_PROTECTION_FAULT_NONE;
  std::int32_t failure_status = 0;
  bool has_unused_area = false;  // storage files of shadow copies that are gone lie on it
};

struct volume_space {
  std::int64_t total = 0;  // bytes
  std::int64_t free = 0;
};

// What somebody wants a volume to be like, instead of what its folder is like.
struct volume_qualities {
  std::optional<std::int64_t> total{};
  std::optional<std::int64_t> free{};
  bool ntfs = true;
  bool nested = false;          // on virtual disks nested deeper than VSS supports
  bool cluster_shared = false;  // other computers have it, too
};

class storage_areas {
 public:
  std::vector<storage_area> areas;  // one for a volume at most [?]: AddDiffArea wants that there is none yet
  std::map<const volume*, volume_qualities> qualities;
  std::map<const volume*, volume_protection> protection;
  std::uint32_t registry_megabytes = 0;  // MinDiffAreaFileSize; 0: not set
  std::uint32_t client_accessible = 64;  // MaxShadowCopies: client-accessible shadow copies of a volume (semantics 5)

  storage_area* find(const volume* of) noexcept;
  storage_area* find(const volume* of, const volume* on) noexcept;
  bool can_store(const volume* on) const;  // storage areas want NTFS
  volume_qualities qualities_of(const volume* of) const;
  void dismount(const volume* dismounted);
};

using copy_list = std::vector<std::shared_ptr<shadow_copy>>;

// The shadow copies that a volume's storage area holds, the oldest first. Those of hardware providers need none.
copy_list stored_copies(const machine& machine, const volume* of);
std::int64_t used_space(const copy_list& copies);

// How much of them has to go, the oldest first, until the rest takes no more than `limit` bytes.
copy_list displaced_by(std::int64_t limit, const copy_list& copies);

// The least maximum of a storage area on a volume of that size (semantics 5), and GetMinDiffAreaSize's, which knows no
// volume.
std::int64_t minimum_storage(const machine& machine);
std::int64_t minimum_storage(const machine& machine, const volume_space& space);

// Asks the folder's file system for what nobody has set. Without the mutex.
volume_space space_of(machine& machine, const volume& volume);

// Finds room for shadow copies that are being made: gives volumes without a storage area one on themselves, and lets
// older shadow copies go, which the caller drops. VSS_E_INSUFFICIENT_STORAGE where that does not do.
HRESULT reserve_storage(machine& machine, const copy_list& made, copy_list& displaced);

// What is done with more client-accessible shadow copies than the registry allows is not documented; schedulers delete
// the oldest first, and so does the service here [?]. What has to go is added to `displaced`.
void limit_client_accessible(const machine& machine, const copy_list& made, copy_list& displaced);

// The storage of a volume's shadow copies fails. A volume at VSS_PROTECTION_LEVEL_SNAPSHOT goes offline, another loses
// its shadow copies, which the caller drops.
copy_list fail_storage(machine& machine, const volume* of, VSS_PROTECTION_FAULT fault, std::int32_t status);

}  // namespace vsspy::simulator
