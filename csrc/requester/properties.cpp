#include "properties.h"

#include "../com/text.h"

namespace vsspy::requester {

namespace {

std::optional<std::u16string> text(const WCHAR* source) {
  return source ? std::optional<std::u16string>(com::view(source)) : std::nullopt;
}

}  // namespace

snapshot_properties copy_of(const VSS_SNAPSHOT_PROP& from) {
  return {from.m_SnapshotId,
          from.m_SnapshotSetId,
          static_cast<std::int32_t>(from.m_lSnapshotsCount),
          text(from.m_pwszSnapshotDeviceObject),
          text(from.m_pwszOriginalVolumeName),
          text(from.m_pwszOriginatingMachine),
          text(from.m_pwszServiceMachine),
          text(from.m_pwszExposedName),
          text(from.m_pwszExposedPath),
          from.m_ProviderId,
          static_cast<std::uint32_t>(from.m_lSnapshotAttributes),
          from.m_tsCreationTimestamp,
          static_cast<std::int32_t>(from.m_eStatus)};
}

provider_properties copy_of(const VSS_PROVIDER_PROP& from) {
  return {from.m_ProviderId,
          text(from.m_pwszProviderName),
          static_cast<std::int32_t>(from.m_eProviderType),
          text(from.m_pwszProviderVersion),
          from.m_ProviderVersionId,
          from.m_ClassId};
}

volume_properties copy_of(const VSS_VOLUME_PROP& from) {
  return {text(from.m_pwszVolumeName), text(from.m_pwszVolumeDisplayName)};
}

diff_volume_properties copy_of(const VSS_DIFF_VOLUME_PROP& from) {
  return {text(from.m_pwszVolumeName), text(from.m_pwszVolumeDisplayName), from.m_llVolumeFreeSpace,
          from.m_llVolumeTotalSpace};
}

diff_area_properties copy_of(const VSS_DIFF_AREA_PROP& from) {
  return {text(from.m_pwszVolumeName), text(from.m_pwszDiffAreaVolumeName), from.m_llMaximumDiffSpace,
          from.m_llAllocatedDiffSpace, from.m_llUsedDiffSpace};
}

}  // namespace vsspy::requester
