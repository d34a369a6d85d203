// IVssSnapshotMgmt and IVssDifferentialSoftwareSnapshotMgmt with their extensions: every method in C++ terms, one call
// at a time to an object.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "async_operation.h"
#include "enumeration.h"
#include "service_object.h"

namespace vsspy::requester {

struct protection_info {
  std::int32_t level = 0;
  bool offline = false;
  std::int32_t fault = 0;
  std::uint32_t failure_status = 0;
  bool has_unused_area = false;
};

struct delta_bitmap {
  std::uint32_t block_size = 0;
  std::uint32_t length = 0;
  std::vector<std::uint8_t> bits;
};

class snapshot_management;

class differential_management final : public service_object<IVssDifferentialSoftwareSnapshotMgmt> {
 public:
  // By the entry point GetProviderMgmtInterface.
  static std::shared_ptr<differential_management> open(const vsspy_platform& platform, const GUID& provider_id);

  void add_diff_area(const std::u16string& volume, const std::u16string& storage, std::int64_t maximum);
  void change_diff_area_maximum_size(const std::u16string& volume, const std::u16string& storage, std::int64_t maximum);
  std::shared_ptr<management_enumeration> query_volumes_supported_for_diff_areas(const std::u16string& volume);
  std::shared_ptr<management_enumeration> query_diff_areas_for_volume(const std::u16string& volume);
  std::shared_ptr<management_enumeration> query_diff_areas_on_volume(const std::u16string& volume);
  std::shared_ptr<management_enumeration> query_diff_areas_for_snapshot(const GUID& snapshot_id);

  void change_diff_area_maximum_size_ex(const std::u16string& volume, const std::u16string& storage,
                                        std::int64_t maximum, bool is_volatile);
  void migrate_diff_areas(const std::u16string& volume, const std::u16string& storage, const std::u16string& to);
  std::shared_ptr<async_operation> query_migration_status(const std::u16string& volume, const std::u16string& storage);
  void set_snapshot_priority(const GUID& snapshot_id, std::uint8_t priority);

  void set_volume_protect_level(const std::u16string& volume, std::int32_t level);
  protection_info get_volume_protect_level(const std::u16string& volume);
  void clear_volume_protect_fault(const std::u16string& volume);
  void delete_unused_diff_areas(const std::u16string& storage);
  delta_bitmap query_snapshot_delta_bitmap(const GUID& older, const GUID& younger);

 private:
  friend class snapshot_management;
  explicit differential_management(const vsspy_platform& platform) : service_object(platform) {}

  template <class Fn, class... Arguments>
  HRESULT first(const char* operation, Fn fn, const Arguments&... arguments);
  template <class Fn, class... Arguments>
  HRESULT second(const char* operation, Fn fn, const Arguments&... arguments);
  template <class Fn, class... Arguments>
  HRESULT third(const char* operation, Fn fn, const Arguments&... arguments);
  template <class Fn, class... Arguments>
  std::shared_ptr<management_enumeration> query(const char* operation, Fn fn, const Arguments&... arguments);
};

class snapshot_management final : public service_object<IVssSnapshotMgmt> {
 public:
  static std::shared_ptr<snapshot_management> open(const vsspy_platform& platform);

  std::shared_ptr<differential_management> get_provider_mgmt_interface(const GUID& provider_id);
  std::shared_ptr<management_enumeration> query_volumes_supported_for_snapshots(const GUID& provider_id,
                                                                                std::int32_t context);
  std::shared_ptr<object_enumeration> query_snapshots_by_volume(const std::u16string& volume, const GUID& provider_id);
  std::int64_t get_min_diff_area_size();

 private:
  explicit snapshot_management(const vsspy_platform& platform) : service_object(platform) {}

  template <class Fn, class... Arguments>
  HRESULT first(const char* operation, Fn fn, const Arguments&... arguments);
};

}  // namespace vsspy::requester
