#include "snapshot_management.h"

#include "../com/bstr.h"
#include "arguments.h"

namespace vsspy::requester {

namespace {

using differential = IVssDifferentialSoftwareSnapshotMgmt;
using differential2 = IVssDifferentialSoftwareSnapshotMgmt2;
using differential3 = IVssDifferentialSoftwareSnapshotMgmt3;

}  // namespace

std::shared_ptr<snapshot_management> snapshot_management::open(const vsspy_platform& platform) {
  std::shared_ptr<snapshot_management> made(new snapshot_management(platform));
  made->service_object::open(
      "CoCreateInstance",
      [&](const IID* iid, void** out) {
        return platform.create_instance(platform.context, &abi::clsid_snapshot_management, iid, out);
      },
      with("rclsid", abi::clsid_snapshot_management), with("riid", abi::iid_of<IVssSnapshotMgmt>::value));
  return made;
}

template <class Fn, class... Arguments>
HRESULT snapshot_management::first(const char* operation, Fn fn, const Arguments&... arguments) {
  return call<IVssSnapshotMgmt>(operation, "IVssSnapshotMgmt", fn, arguments...);
}

std::shared_ptr<differential_management> snapshot_management::get_provider_mgmt_interface(const GUID& provider_id) {
  constexpr const char* operation = "IVssSnapshotMgmt::GetProviderMgmtInterface";
  IUnknown* object = nullptr;
  first(
      operation,
      [&](IVssSnapshotMgmt& management) {
        return management.GetProviderMgmtInterface(provider_id, abi::iid_of<differential>::value, &object);
      },
      with("ProviderId", provider_id), with("InterfaceId", abi::iid_of<differential>::value));
  std::shared_ptr<differential_management> made(new differential_management(platform_));
  made->adopt(object, operation);
  return made;
}

std::shared_ptr<management_enumeration> snapshot_management::query_volumes_supported_for_snapshots(
    const GUID& provider_id, std::int32_t context) {
  com::com_ptr<IVssEnumMgmtObject> found;
  first(
      "IVssSnapshotMgmt::QueryVolumesSupportedForSnapshots",
      [&](IVssSnapshotMgmt& management) {
        return management.QueryVolumesSupportedForSnapshots(provider_id, context, found.put(platform_));
      },
      with("ProviderId", provider_id), with("lContext", context));
  return management_enumeration::adopt(platform_, std::move(found));
}

std::shared_ptr<object_enumeration> snapshot_management::query_snapshots_by_volume(const std::u16string& volume,
                                                                                   const GUID& provider_id) {
  constexpr const char* operation = "IVssSnapshotMgmt::QuerySnapshotsByVolume";
  com::com_ptr<IVssEnumObject> found;
  first(
      operation,
      [&](IVssSnapshotMgmt& management) {
        return management.QuerySnapshotsByVolume(terminated_pwsz(volume, "volume_name", operation), provider_id,
                                                 found.put(platform_));
      },
      with("pwszVolumeName", volume), with("ProviderId", provider_id));
  return object_enumeration::adopt(platform_, std::move(found));
}

std::int64_t snapshot_management::get_min_diff_area_size() {
  LONGLONG size = 0;
  call<IVssSnapshotMgmt2>("IVssSnapshotMgmt2::GetMinDiffAreaSize", "IVssSnapshotMgmt2",
                          [&](IVssSnapshotMgmt2& management) { return management.GetMinDiffAreaSize(&size); });
  return size;
}

std::shared_ptr<differential_management> differential_management::open(const vsspy_platform& platform,
                                                                       const GUID& provider_id) {
  std::shared_ptr<differential_management> made(new differential_management(platform));
  made->service_object::open(
      "GetProviderMgmtInterface",
      [&](const IID* iid, void** out) {
        IUnknown* object = nullptr;
        const HRESULT hr = platform.get_provider_mgmt_interface(platform.context, &provider_id, iid, &object);
        *out = object;
        return hr;
      },
      with("ProviderId", provider_id), with("InterfaceId", abi::iid_of<differential>::value));
  return made;
}

template <class Fn, class... Arguments>
HRESULT differential_management::first(const char* operation, Fn fn, const Arguments&... arguments) {
  return call<differential>(operation, "IVssDifferentialSoftwareSnapshotMgmt", fn, arguments...);
}

template <class Fn, class... Arguments>
HRESULT differential_management::second(const char* operation, Fn fn, const Arguments&... arguments) {
  return call<differential2>(operation, "IVssDifferentialSoftwareSnapshotMgmt2", fn, arguments...);
}

template <class Fn, class... Arguments>
HRESULT differential_management::third(const char* operation, Fn fn, const Arguments&... arguments) {
  return call<differential3>(operation, "IVssDifferentialSoftwareSnapshotMgmt3", fn, arguments...);
}

template <class Fn, class... Arguments>
std::shared_ptr<management_enumeration> differential_management::query(const char* operation, Fn fn,
                                                                       const Arguments&... arguments) {
  com::com_ptr<IVssEnumMgmtObject> found;
  first(operation, [&](differential& management) { return fn(management, found.put(platform_)); }, arguments...);
  return management_enumeration::adopt(platform_, std::move(found));
}

void differential_management::add_diff_area(const std::u16string& volume, const std::u16string& storage,
                                            std::int64_t maximum) {
  constexpr const char* operation = "IVssDifferentialSoftwareSnapshotMgmt::AddDiffArea";
  first(
      operation,
      [&](differential& management) {
        return management.AddDiffArea(terminated_pwsz(volume, "volume_name", operation),
                                      terminated_pwsz(storage, "diff_area_volume_name", operation), maximum);
      },
      with("pwszVolumeName", volume), with("pwszDiffAreaVolumeName", storage), with("llMaximumDiffSpace", maximum));
}

void differential_management::change_diff_area_maximum_size(const std::u16string& volume, const std::u16string& storage,
                                                            std::int64_t maximum) {
  constexpr const char* operation = "IVssDifferentialSoftwareSnapshotMgmt::ChangeDiffAreaMaximumSize";
  first(
      operation,
      [&](differential& management) {
        return management.ChangeDiffAreaMaximumSize(terminated_pwsz(volume, "volume_name", operation),
                                                    terminated_pwsz(storage, "diff_area_volume_name", operation),
                                                    maximum);
      },
      with("pwszVolumeName", volume), with("pwszDiffAreaVolumeName", storage), with("llMaximumDiffSpace", maximum));
}

std::shared_ptr<management_enumeration> differential_management::query_volumes_supported_for_diff_areas(
    const std::u16string& volume) {
  constexpr const char* operation = "IVssDifferentialSoftwareSnapshotMgmt::QueryVolumesSupportedForDiffAreas";
  return query(
      operation,
      [&](differential& management, IVssEnumMgmtObject** found) {
        return management.QueryVolumesSupportedForDiffAreas(terminated_pwsz(volume, "original_volume_name", operation),
                                                            found);
      },
      with("pwszOriginalVolumeName", volume));
}

std::shared_ptr<management_enumeration> differential_management::query_diff_areas_for_volume(
    const std::u16string& volume) {
  constexpr const char* operation = "IVssDifferentialSoftwareSnapshotMgmt::QueryDiffAreasForVolume";
  return query(
      operation,
      [&](differential& management, IVssEnumMgmtObject** found) {
        return management.QueryDiffAreasForVolume(terminated_pwsz(volume, "volume_name", operation), found);
      },
      with("pwszVolumeName", volume));
}

std::shared_ptr<management_enumeration> differential_management::query_diff_areas_on_volume(
    const std::u16string& volume) {
  constexpr const char* operation = "IVssDifferentialSoftwareSnapshotMgmt::QueryDiffAreasOnVolume";
  return query(
      operation,
      [&](differential& management, IVssEnumMgmtObject** found) {
        return management.QueryDiffAreasOnVolume(terminated_pwsz(volume, "volume_name", operation), found);
      },
      with("pwszVolumeName", volume));
}

std::shared_ptr<management_enumeration> differential_management::query_diff_areas_for_snapshot(
    const GUID& snapshot_id) {
  return query(
      "IVssDifferentialSoftwareSnapshotMgmt::QueryDiffAreasForSnapshot",
      [&](differential& management, IVssEnumMgmtObject** found) {
        return management.QueryDiffAreasForSnapshot(snapshot_id, found);
      },
      with("SnapshotId", snapshot_id));
}

void differential_management::change_diff_area_maximum_size_ex(const std::u16string& volume,
                                                               const std::u16string& storage, std::int64_t maximum,
                                                               bool is_volatile) {
  constexpr const char* operation = "IVssDifferentialSoftwareSnapshotMgmt2::ChangeDiffAreaMaximumSizeEx";
  const BOOL volatile_area = is_volatile ? TRUE : FALSE;
  second(
      operation,
      [&](differential2& management) {
        return management.ChangeDiffAreaMaximumSizeEx(terminated_pwsz(volume, "volume_name", operation),
                                                      terminated_pwsz(storage, "diff_area_volume_name", operation),
                                                      maximum, volatile_area);
      },
      with("pwszVolumeName", volume), with("pwszDiffAreaVolumeName", storage), with("llMaximumDiffSpace", maximum),
      with("bVolatile", volatile_area));
}

void differential_management::migrate_diff_areas(const std::u16string& volume, const std::u16string& storage,
                                                 const std::u16string& to) {
  constexpr const char* operation = "IVssDifferentialSoftwareSnapshotMgmt2::MigrateDiffAreas";
  second(
      operation,
      [&](differential2& management) {
        return management.MigrateDiffAreas(terminated_pwsz(volume, "volume_name", operation),
                                           terminated_pwsz(storage, "diff_area_volume_name", operation),
                                           terminated_pwsz(to, "new_diff_area_volume_name", operation));
      },
      with("pwszVolumeName", volume), with("pwszDiffAreaVolumeName", storage), with("pwszNewDiffAreaVolumeName", to));
}

std::shared_ptr<async_operation> differential_management::query_migration_status(const std::u16string& volume,
                                                                                 const std::u16string& storage) {
  constexpr const char* operation = "IVssDifferentialSoftwareSnapshotMgmt2::QueryMigrationStatus";
  com::com_ptr<IVssAsync> async;
  call_id begun;
  second(
      operation,
      [&](differential2& management) {
        begun = last_call();
        return management.QueryMigrationStatus(terminated_pwsz(volume, "volume_name", operation),
                                               terminated_pwsz(storage, "diff_area_volume_name", operation),
                                               async.put(platform_));
      },
      with("pwszVolumeName", volume), with("pwszDiffAreaVolumeName", storage));
  if (!async) throw com::vss_error(E_UNEXPECTED, operation, "no IVssAsync came with the success code");
  return async_operation::adopt(std::move(async), operation, nullptr, begun);
}

void differential_management::set_snapshot_priority(const GUID& snapshot_id, std::uint8_t priority) {
  second(
      "IVssDifferentialSoftwareSnapshotMgmt2::SetSnapshotPriority",
      [&](differential2& management) { return management.SetSnapshotPriority(snapshot_id, priority); },
      with("idSnapshot", snapshot_id), with("priority", std::int32_t{priority}));
}

void differential_management::set_volume_protect_level(const std::u16string& volume, std::int32_t level) {
  constexpr const char* operation = "IVssDifferentialSoftwareSnapshotMgmt3::SetVolumeProtectLevel";
  third(
      operation,
      [&](differential3& management) {
        return management.SetVolumeProtectLevel(terminated_pwsz(volume, "volume_name", operation),
                                                static_cast<VSS_PROTECTION_LEVEL>(level));
      },
      with("pwszVolumeName", volume), with("protectionLevel", level));
}

protection_info differential_management::get_volume_protect_level(const std::u16string& volume) {
  constexpr const char* operation = "IVssDifferentialSoftwareSnapshotMgmt3::GetVolumeProtectLevel";
  VSS_VOLUME_PROTECTION_INFO info{};
  third(
      operation,
      [&](differential3& management) {
        return management.GetVolumeProtectLevel(terminated_pwsz(volume, "volume_name", operation), &info);
      },
      with("pwszVolumeName", volume));
  return {static_cast<std::int32_t>(info.m_protectionLevel), info.m_volumeIsOfflineForProtection != FALSE,
          static_cast<std::int32_t>(info.m_protectionFault), static_cast<std::uint32_t>(info.m_failureStatus),
          info.m_volumeHasUnusedDiffArea != FALSE};
}

void differential_management::clear_volume_protect_fault(const std::u16string& volume) {
  constexpr const char* operation = "IVssDifferentialSoftwareSnapshotMgmt3::ClearVolumeProtectFault";
  third(
      operation,
      [&](differential3& management) {
        return management.ClearVolumeProtectFault(terminated_pwsz(volume, "volume_name", operation));
      },
      with("pwszVolumeName", volume));
}

void differential_management::delete_unused_diff_areas(const std::u16string& storage) {
  constexpr const char* operation = "IVssDifferentialSoftwareSnapshotMgmt3::DeleteUnusedDiffAreas";
  third(
      operation,
      [&](differential3& management) {
        return management.DeleteUnusedDiffAreas(terminated_pwsz(storage, "diff_area_volume_name", operation));
      },
      with("pwszDiffAreaVolumeName", storage));
}

delta_bitmap differential_management::query_snapshot_delta_bitmap(const GUID& older, const GUID& younger) {
  ULONG block_size = 0;
  ULONG length = 0;
  com::unique_task_memory<BYTE> bitmap(platform_);
  third(
      "IVssDifferentialSoftwareSnapshotMgmt3::QuerySnapshotDeltaBitmap",
      [&](differential3& management) {
        return management.QuerySnapshotDeltaBitmap(older, younger, &block_size, &length, bitmap.put());
      },
      with("idSnapshotOlder", older), with("idSnapshotYounger", younger));
  delta_bitmap result{static_cast<std::uint32_t>(block_size), static_cast<std::uint32_t>(length), {}};
  // The unit of the length is not documented. Counted in bits nothing is read that was not given.
  if (bitmap.get()) result.bits.assign(bitmap.get(), bitmap.get() + (std::size_t{length} + 7) / 8);
  return result;
}

}  // namespace vsspy::requester
