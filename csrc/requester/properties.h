// The properties of shadow copies, providers, volumes and storage areas as plain values.
#pragma once

#include <optional>
#include <string>

#include "../com/com_ptr.h"

namespace vsspy::requester {

struct snapshot_properties {
  GUID snapshot_id{};
  GUID snapshot_set_id{};
  std::int32_t snapshots_count = 0;
  std::optional<std::u16string> device_object;
  std::optional<std::u16string> original_volume;
  std::optional<std::u16string> originating_machine;
  std::optional<std::u16string> service_machine;
  std::optional<std::u16string> exposed_name;
  std::optional<std::u16string> exposed_path;
  GUID provider_id{};
  std::uint32_t attributes = 0;
  std::int64_t creation_time = 0;  // 100 ns since 1601, UTC
  std::int32_t state = 0;
};

struct provider_properties {
  GUID provider_id{};
  std::optional<std::u16string> name;
  std::int32_t type = 0;
  std::optional<std::u16string> version;
  GUID version_id{};
  GUID class_id{};
};

struct volume_properties {
  std::optional<std::u16string> volume_name;
  std::optional<std::u16string> display_name;
};

struct diff_volume_properties {
  std::optional<std::u16string> volume_name;
  std::optional<std::u16string> display_name;
  std::int64_t free_space = 0;  // bytes
  std::int64_t total_space = 0;
};

struct diff_area_properties {
  std::optional<std::u16string> volume_name;
  std::optional<std::u16string> diff_area_volume_name;
  std::int64_t maximum_space = 0;  // bytes; VSS_ASSOC_NO_MAX_SPACE, -1, for no limit
  std::int64_t allocated_space = 0;
  std::int64_t used_space = 0;
};

snapshot_properties copy_of(const VSS_SNAPSHOT_PROP& from);
provider_properties copy_of(const VSS_PROVIDER_PROP& from);
volume_properties copy_of(const VSS_VOLUME_PROP& from);
diff_volume_properties copy_of(const VSS_DIFF_VOLUME_PROP& from);
diff_area_properties copy_of(const VSS_DIFF_AREA_PROP& from);

// A structure that VSS fills, freed with VssFreeSnapshotProperties.
class filled_snapshot {
 public:
  explicit filled_snapshot(const vsspy_platform& platform) noexcept : platform_(platform) {}
  filled_snapshot(const filled_snapshot&) = delete;
  filled_snapshot& operator=(const filled_snapshot&) = delete;
  ~filled_snapshot() { platform_.free_snapshot_properties(platform_.context, &properties_); }

  VSS_SNAPSHOT_PROP* get() noexcept { return &properties_; }
  snapshot_properties copy() const { return copy_of(properties_); }

 private:
  const vsspy_platform& platform_;
  VSS_SNAPSHOT_PROP properties_{};
};

}  // namespace vsspy::requester
