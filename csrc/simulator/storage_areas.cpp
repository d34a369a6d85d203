#include "storage_areas.h"

#include <algorithm>

#include "machine.h"

namespace vsspy::simulator {

namespace {

constexpr std::int64_t megabyte = 1024 * 1024;
constexpr std::int64_t small_volume = 500 * megabyte;

// Bytes that do not fit come from file systems that do not know (all ones).
std::int64_t bytes(std::uintmax_t count) {
  constexpr std::uintmax_t most = INT64_MAX;
  return static_cast<std::int64_t>(std::min(count, most));
}

}  // namespace

storage_area* storage_areas::find(const volume* of) noexcept {
  const auto found = std::ranges::find(areas, of, &storage_area::of);
  return found == areas.end() ? nullptr : &*found;
}

storage_area* storage_areas::find(const volume* of, const volume* on) noexcept {
  storage_area* found = find(of);
  return found && found->on == on ? found : nullptr;
}

// What is behind a share stores by itself [?].
bool storage_areas::can_store(const volume* on) const { return qualities_of(on).ntfs && !is_share(on->name); }

volume_qualities storage_areas::qualities_of(const volume* of) const {
  const auto found = qualities.find(of);
  return found == qualities.end() ? volume_qualities{} : found->second;
}

void storage_areas::dismount(const volume* dismounted) {
  for (storage_area& each : areas) {
    if (each.of == dismounted || each.on == dismounted) each.until_dismount.reset();
  }
}

copy_list stored_copies(const machine& machine, const volume* of) {
  copy_list found;
  for (const auto& each : machine.shadow_copies) {
    if (each->volume == of && !each->is_hardware()) found.push_back(each);
  }
  return found;
}

std::int64_t used_space(const copy_list& copies) {
  std::int64_t used = 0;
  for (const auto& each : copies) used += bytes(each->report.bytes);
  return used;
}

copy_list displaced_by(std::int64_t limit, const copy_list& copies) {
  copy_list displaced;
  if (limit == no_storage_limit) return displaced;
  std::int64_t used = used_space(copies);
  for (const auto& oldest : copies) {
    if (used <= limit) break;
    used -= bytes(oldest->report.bytes);
    displaced.push_back(oldest);
  }
  return displaced;
}

std::int64_t minimum_storage(const machine& machine) {
  constexpr std::uint32_t step = 32;
  if (const std::uint32_t set = machine.storage.registry_megabytes) {
    return (std::int64_t{set} + step - 1) / step * step * megabyte;
  }
  if (machine.at_least(system_level::seven)) return 320 * megabyte;
  return (machine.at_least(system_level::vista) ? 300 : 100) * megabyte;
}

std::int64_t minimum_storage(const machine& machine, const volume_space& space) {
  // the volume that stores is meant, not the one that is stored [?]
  const bool small = machine.at_least(system_level::seven) && space.total < small_volume;
  return small && !machine.storage.registry_megabytes ? 32 * megabyte : minimum_storage(machine);
}

volume_space space_of(machine& machine, const volume& volume) {
  volume_qualities wanted;
  {
    std::lock_guard lock(machine.mutex);
    const auto found = machine.storage.qualities.find(&volume);
    if (found != machine.storage.qualities.end()) wanted = found->second;
  }
  volume_space space;
  if (!wanted.total || !wanted.free) {
    std::error_code failed;
    const std::filesystem::space_info info = std::filesystem::space(volume.folder, failed);
    if (!failed) space = {bytes(info.capacity), bytes(info.available)};
  }
  space.total = wanted.total.value_or(space.total);
  space.free = std::min(wanted.free.value_or(space.free), space.total);
  return space;
}

HRESULT reserve_storage(machine& machine, const copy_list& made, copy_list& displaced) {
  for (const auto& each : made) {
    if (each->is_hardware() || is_share(each->volume->name)) continue;
    // A volume without storage gets it on itself, without a limit [?]: what the service chooses is not documented.
    if (!machine.storage.find(each->volume)) machine.storage.areas.push_back({each->volume, each->volume});
    const std::int64_t limit = machine.storage.find(each->volume)->limit();
    copy_list stored = stored_copies(machine, each->volume);
    std::erase(stored, each);
    stored.push_back(each);
    const copy_list older = displaced_by(limit, stored);
    const bool kept = machine.storage.protection[each->volume].level == VSS_PROTECTION_LEVEL_SNAPSHOT;
    if (!older.empty() && (kept || older.back() == each)) return VSS_E_INSUFFICIENT_STORAGE;
    displaced.insert(displaced.end(), older.begin(), older.end());
  }
  return S_OK;
}

void limit_client_accessible(const machine& machine, const copy_list& made, copy_list& displaced) {
  for (const auto& each : made) {
    if (!(each->attributes & VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE)) continue;
    copy_list accessible = stored_copies(machine, each->volume);
    std::erase_if(accessible, [&](const auto& other) {
      return !(other->attributes & VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE) || other == each ||
             std::ranges::count(displaced, other) != 0;
    });
    const std::size_t allowed = machine.storage.client_accessible;
    for (std::size_t i = 0; accessible.size() - i + 1 > allowed; ++i) displaced.push_back(accessible[i]);
  }
}

copy_list fail_storage(machine& machine, const volume* of, VSS_PROTECTION_FAULT fault, std::int32_t status) {
  volume_protection& protection = machine.storage.protection[of];
  if (protection.level == VSS_PROTECTION_LEVEL_SNAPSHOT) {
    protection.offline = true;
    protection.fault = fault;
    protection.failure_status = status;
    machine.storage.dismount(of);
    return {};
  }
  copy_list lost = stored_copies(machine, of);
  // the files that held them stay behind [?], until DeleteUnusedDiffAreas
  const storage_area* area = machine.storage.find(of);
  if (area && !lost.empty()) machine.storage.protection[area->on].has_unused_area = true;
  return lost;
}

}  // namespace vsspy::simulator
