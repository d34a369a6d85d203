#include "volumes.h"

#include "../com/apartment.h"
#include "arguments.h"
#include "call_trace.h"
#include "lifetime.h"

namespace vsspy::requester {

volume_snapshotted is_volume_snapshotted(const vsspy_platform& platform, const std::u16string& volume) {
  constexpr const char* operation = "IsVolumeSnapshotted";
  VSS_PWSZ name = terminated_pwsz(volume, "volume", operation);
  enter(platform, operation);
  BOOL present = 0;
  LONG capability = 0;
  com::check(
      com::on_mta(platform,
                  [&] {
                    return traced(
                        operation,
                        [&] { return platform.is_volume_snapshotted(platform.context, name, &present, &capability); },
                        with("pwszVolumeName", volume));
                  }),
      operation);
  return {present != 0, static_cast<std::int32_t>(capability)};
}

bool should_block_revert(const vsspy_platform& platform, const std::u16string& volume) {
  constexpr const char* operation = "ShouldBlockRevert";
  const WCHAR* name = terminated(volume, "volume", operation);
  enter(platform, operation);
  bool block = false;
  com::check(com::on_mta(platform,
                         [&] {
                           return traced(
                               operation, [&] { return platform.should_block_revert(platform.context, name, &block); },
                               with("wszVolumeName", volume));
                         }),
             operation);
  return block;
}

}  // namespace vsspy::requester
