// VSS_SNAPSHOT_PROP and VSS_PROVIDER_PROP as plain values; their memory is given back while they are read.
#pragma once

#include <optional>
#include <string>
#include <vector>

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

// A structure that VSS fills, freed with VssFreeSnapshotProperties.
class filled_snapshot {
 public:
  explicit filled_snapshot(const vsspy_platform& platform) noexcept : platform_(platform) {}
  filled_snapshot(const filled_snapshot&) = delete;
  filled_snapshot& operator=(const filled_snapshot&) = delete;
  ~filled_snapshot() { platform_.free_snapshot_properties(platform_.context, &properties_); }

  VSS_SNAPSHOT_PROP* get() noexcept { return &properties_; }
  snapshot_properties copy() const;

 private:
  const vsspy_platform& platform_;
  VSS_SNAPSHOT_PROP properties_{};
};

// Everything that an enumerator has; objects of another type are an error of the service and give E_UNEXPECTED.
std::vector<snapshot_properties> read_snapshots(const vsspy_platform& platform, IVssEnumObject& objects);
std::vector<provider_properties> read_providers(const vsspy_platform& platform, IVssEnumObject& objects);

}  // namespace vsspy::requester
