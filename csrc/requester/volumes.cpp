#include "volumes.h"

#include "../com/apartment.h"
#include "arguments.h"
#include "lifetime.h"

namespace vsspy::requester {

namespace {

void enter(const vsspy_platform& platform, const char* operation) {
  if (platform.version != vsspy_platform_version) {
    throw com::vss_error(E_INVALIDARG, operation, "the platform table has another version");
  }
  refuse_after_end(operation);
  com::enter_mta(platform);
}

}  // namespace

volume_snapshotted is_volume_snapshotted(const vsspy_platform& platform, const std::u16string& volume) {
  constexpr const char* operation = "IsVolumeSnapshotted";
  VSS_PWSZ name = terminated_pwsz(volume, "volume", operation);
  enter(platform, operation);
  BOOL present = 0;
  LONG capability = 0;
  com::check(com::on_mta(platform,
                         [&] { return platform.is_volume_snapshotted(platform.context, name, &present, &capability); }),
             operation);
  return {present != 0, static_cast<std::int32_t>(capability)};
}

bool should_block_revert(const vsspy_platform& platform, const std::u16string& volume) {
  constexpr const char* operation = "ShouldBlockRevert";
  const WCHAR* name = terminated(volume, "volume", operation);
  enter(platform, operation);
  bool block = false;
  com::check(com::on_mta(platform, [&] { return platform.should_block_revert(platform.context, name, &block); }),
             operation);
  return block;
}

}  // namespace vsspy::requester
