// What of a persistent state a machine shows: shadow copies of its own volumes, and what is stored where. The rest
// stays in the catalogue, for the machine whose volumes these are.
#include <algorithm>

#include "../com/hresult.h"
#include "exposure.h"
#include "native_path.h"
#include "persistent_state.h"

namespace vsspy::simulator {

namespace fs = std::filesystem;

namespace {

bool same_folder(const fs::path& a, const fs::path& b) {
  std::error_code error;
  return a == b || fs::equivalent(a, b, error);
}

// Wherever links on the way lead: what a record says is not to reach anything but the machine's volumes.
bool is_in_volume(const machine& machine, const fs::path& link) {
  std::error_code error;
  const fs::path folder = fs::weakly_canonical(link.parent_path(), error);
  if (error) return false;
  return std::ranges::any_of(machine.volumes, [&](const auto& each) {
    const fs::path root = fs::weakly_canonical(each->folder, error);
    return !error && std::mismatch(root.begin(), root.end(), folder.begin(), folder.end()).first == root.end();
  });
}

// A link that stood in a volume when its process was killed between the two steps that exposing takes, or unexposing.
void mend_link(const machine& machine, const exposure& exposed, const fs::path& target) {
  if (exposed.link.empty() || !is_in_volume(machine, exposed.link)) return;
  std::error_code error;
  const fs::file_status found = fs::symlink_status(exposed.link, error);
  if (found.type() == fs::file_type::not_found || (fs::is_directory(found) && fs::is_empty(exposed.link, error))) {
    make_link(exposed.link, target);
  }
}

}  // namespace

const volume* persistent_state::volume_of(const GUID& id) const {
  const auto found = std::ranges::find_if(machine_.volumes, [&](const auto& each) { return each->id() == id; });
  return found == machine_.volumes.end() ? nullptr : found->get();
}

void persistent_state::show() {
  const std::lock_guard lock(machine_.mutex);
  show_copies();
  show_storage();
  machine_.changed.notify_all();
}

void persistent_state::show_copies() {
  std::erase_if(machine_.shadow_copies, [&](const auto& each) {
    const bool deleted = each->catalogued && !find(each->set_id, each->id);
    each->gone = each->gone || deleted;
    return deleted;
  });
  for (const auto& [set_id, set] : sets_) {
    for (const saved_copy& saved : set.copies) {
      const volume* of = volume_of(saved.volume);
      if (!of) continue;
      std::shared_ptr<shadow_copy> copy = machine_.find_shadow_copy(saved.id);
      if (!copy) {
        copy = std::make_shared<shadow_copy>();
        copy->id = saved.id;
        copy->set_id = set_id;
        copy->session_id = saved.session_id;
        copy->volume = of;
        copy->context = saved.context;
        copy->set_size = set.size;
        copy->created = set.created;
        copy->state = VSS_SS_CREATED;
        copy->number = saved.number;
        copy->folder = copy_folder(saved.id) / device_folder(saved.number);
        copy->device = machine_.device_name(copy->folder, saved.number);
        copy->report.files = saved.files;
        copy->report.folders = saved.folders;
        copy->report.bytes = saved.bytes;
        copy->report.cloned = saved.cloned;
        copy->catalogued = true;
        machine_.last_device = std::max(machine_.last_device, saved.number);
        machine_.shadow_copies.push_back(copy);
      }
      copy->attributes = saved.attributes;
      copy->exposed.reset();
      if (saved.exposed) copy->exposed = exposure{saved.exposed->name, saved.exposed->path, saved.exposed->link};
      if (copy->exposed) mend_link(machine_, *copy->exposed, copy->folder);
    }
  }
  std::ranges::stable_sort(machine_.shadow_copies, {}, [](const auto& each) { return each->created; });
}

void persistent_state::show_storage() {
  std::vector<storage_area>& areas = machine_.storage.areas;
  const std::vector<storage_area> before = areas;
  std::erase_if(areas, &storage_area::kept);
  for (const saved_storage_area& saved : saved_.areas) {
    const volume* of = volume_of(saved.of);
    const volume* on = volume_of(saved.on);
    if (!of || !on) continue;
    storage_area shown{.of = of, .on = on, .maximum = saved.maximum, .kept = true};
    for (const storage_area& each : before) {
      if (each.of == of && each.on == on) shown.until_dismount = each.until_dismount;
    }
    std::erase_if(areas, [&](const storage_area& each) { return each.of == of; });
    areas.push_back(shown);
  }
  for (const saved_volume& saved : saved_.volumes) {
    if (const volume* of = volume_of(saved.id)) {
      machine_.storage.protection[of].level = static_cast<VSS_PROTECTION_LEVEL>(saved.protection_level);
    }
  }
}

void persistent_state::change::save_storage() {
  if (!state_) return;
  const machine& from = state_->machine_;
  saved_machine saved = state_->saved_;
  // associations with a volume that is not here are none of this machine's business
  std::erase_if(saved.areas,
                [&](const auto& each) { return state_->volume_of(each.of) && state_->volume_of(each.on); });
  for (const storage_area& each : from.storage.areas) {
    if (each.kept) saved.areas.push_back({each.of->id(), each.on->id(), each.maximum});
  }
  for (const auto& [of, protection] : from.storage.protection) {
    const auto found = std::ranges::find(saved.volumes, of->id(), &saved_volume::id);
    if (found != saved.volumes.end()) found->protection_level = static_cast<std::uint32_t>(protection.level);
  }
  state_->write(std::move(saved));
}

void persistent_state::adopt(volume& added) {
  std::error_code error;
  const fs::path folder = fs::weakly_canonical(added.folder, error);
  const change mine(this);
  saved_machine saved = saved_;
  // The same folder, by its own path or by the way to it from here; of several the one of that name.
  saved_volume* best = nullptr;
  int best_rank = 0;
  {
    const std::lock_guard lock(machine_.mutex);
    for (saved_volume& each : saved.volumes) {
      if (volume_of(each.id)) continue;
      const bool here = same_folder(each.folder, folder);
      if (!here && !same_folder(folder_ / each.relative, folder)) continue;
      const int rank = (here ? 3 : 1) + (each.name == added.name ? 1 : 0);
      if (rank > best_rank) best = &each;
      best_rank = std::max(best_rank, rank);
    }
  }
  if (!best) {
    best = &saved.volumes.emplace_back();
    best->id = new_guid();
    best->protection_level = VSS_PROTECTION_LEVEL_ORIGINAL_VOLUME;
  }
  best->name = added.name;
  best->folder = folder;
  best->relative = folder.lexically_relative(folder_);
  added.guid_path = guid_path(best->id);
  write(std::move(saved));
  stale_ = true;  // the machine will show more than it did
}

}  // namespace vsspy::simulator
