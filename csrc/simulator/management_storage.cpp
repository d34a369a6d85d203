// IVssDifferentialSoftwareSnapshotMgmt to 3: the system provider's storage areas.
#include "management.h"
#include "persistent_state.h"

namespace vsspy::simulator {

namespace {

bool is_volume(const WCHAR* name) { return name && is_volume_name(com::view(name)); }

// A limit in bytes, or none; which numbers are too small depends on the volume.
bool is_limit(LONGLONG maximum) { return maximum == no_storage_limit || maximum > 0; }

class differential_management final : public service_object<IVssDifferentialSoftwareSnapshotMgmt3> {
 public:
  explicit differential_management(std::shared_ptr<machine> machine)
      : service_object(std::move(machine), guid_null, "IVssDifferentialSoftwareSnapshotMgmt") {}

  HRESULT STDMETHODCALLTYPE AddDiffArea(VSS_PWSZ volume_name, VSS_PWSZ storage_name, LONGLONG maximum) override {
    return call("IVssDifferentialSoftwareSnapshotMgmt::AddDiffArea", named(volume_name, storage_name, maximum),
                [&](outputs&) { return add(volume_name, storage_name, maximum); });
  }

  HRESULT STDMETHODCALLTYPE ChangeDiffAreaMaximumSize(VSS_PWSZ volume_name, VSS_PWSZ storage_name,
                                                      LONGLONG maximum) override {
    return call("IVssDifferentialSoftwareSnapshotMgmt::ChangeDiffAreaMaximumSize",
                named(volume_name, storage_name, maximum),
                [&](outputs&) { return change(volume_name, storage_name, maximum, false); });
  }

  HRESULT STDMETHODCALLTYPE QueryVolumesSupportedForDiffAreas(VSS_PWSZ original, IVssEnumMgmtObject** result) override {
    return list("IVssDifferentialSoftwareSnapshotMgmt::QueryVolumesSupportedForDiffAreas", "pwszOriginalVolumeName",
                original, result, [&](const volume*) {
                  listed_management found;
                  for (const volume* each : suitable()) {
                    const volume_space space = space_of(*machine_, *each);
                    std::lock_guard lock(machine_->mutex);
                    if (space.total < minimum_storage(*machine_, space)) continue;
                    found.emplace_back(listed_diff_volume{each->guid_path, each->name, space});
                  }
                  return found;
                });
  }

  HRESULT STDMETHODCALLTYPE QueryDiffAreasForVolume(VSS_PWSZ volume_name, IVssEnumMgmtObject** result) override {
    return list("IVssDifferentialSoftwareSnapshotMgmt::QueryDiffAreasForVolume", "pwszVolumeName", volume_name, result,
                [&](const volume* of) { return areas([&](const storage_area& each) { return each.of == of; }); });
  }

  HRESULT STDMETHODCALLTYPE QueryDiffAreasOnVolume(VSS_PWSZ volume_name, IVssEnumMgmtObject** result) override {
    return list("IVssDifferentialSoftwareSnapshotMgmt::QueryDiffAreasOnVolume", "pwszVolumeName", volume_name, result,
                [&](const volume* on) { return areas([&](const storage_area& each) { return each.on == on; }); });
  }

  HRESULT STDMETHODCALLTYPE QueryDiffAreasForSnapshot(VSS_ID id, IVssEnumMgmtObject** result) override {
    return call("IVssDifferentialSoftwareSnapshotMgmt::QueryDiffAreasForSnapshot", {{"SnapshotId", id}},
                [&](outputs& out) -> HRESULT {
                  if (!result) return E_INVALIDARG;
                  *result = nullptr;
                  const volume* of = nullptr;
                  machine_->refresh();
                  {
                    std::lock_guard lock(machine_->mutex);
                    const std::shared_ptr<shadow_copy> copy = machine_->find_shadow_copy(id);
                    if (!copy || copy->state != VSS_SS_CREATED) return VSS_E_OBJECT_NOT_FOUND;
                    if (!copy->is_hardware()) of = copy->volume;
                  }
                  listed_management found = areas([&](const storage_area& each) { return each.of == of; });
                  out.object(result, make_management_enumeration(machine_, std::move(found)));
                  return S_OK;
                });
  }

  HRESULT STDMETHODCALLTYPE ChangeDiffAreaMaximumSizeEx(VSS_PWSZ volume_name, VSS_PWSZ storage_name, LONGLONG maximum,
                                                        BOOL is_volatile) override {
    argument_list arguments = named(volume_name, storage_name, maximum);
    arguments.emplace_back("bVolatile", is_volatile);
    return call("IVssDifferentialSoftwareSnapshotMgmt2::ChangeDiffAreaMaximumSizeEx", std::move(arguments),
                [&](outputs&) { return change(volume_name, storage_name, maximum, is_volatile != FALSE); });
  }

  // The next three are reserved: "not supported" is all that their pages say. E_NOTIMPL is the likely answer [?].

  HRESULT STDMETHODCALLTYPE MigrateDiffAreas(VSS_PWSZ volume_name, VSS_PWSZ storage_name, VSS_PWSZ to_name) override {
    return call("IVssDifferentialSoftwareSnapshotMgmt2::MigrateDiffAreas",
                {{"pwszVolumeName", volume_name},
                 {"pwszDiffAreaVolumeName", storage_name},
                 {"pwszNewDiffAreaVolumeName", to_name}},
                [&](outputs&) -> HRESULT {
                  const bool in_order = is_volume(volume_name) && is_volume(storage_name) && is_volume(to_name);
                  return in_order ? E_NOTIMPL : E_INVALIDARG;
                });
  }

  HRESULT STDMETHODCALLTYPE QueryMigrationStatus(VSS_PWSZ volume_name, VSS_PWSZ storage_name,
                                                 IVssAsync** async) override {
    return call("IVssDifferentialSoftwareSnapshotMgmt2::QueryMigrationStatus",
                {{"pwszVolumeName", volume_name}, {"pwszDiffAreaVolumeName", storage_name}}, [&](outputs&) -> HRESULT {
                  if (!async) return E_INVALIDARG;
                  *async = nullptr;
                  return is_volume(volume_name) && is_volume(storage_name) ? E_NOTIMPL : E_INVALIDARG;
                });
  }

  HRESULT STDMETHODCALLTYPE SetSnapshotPriority(VSS_ID id, BYTE priority) override {
    return call("IVssDifferentialSoftwareSnapshotMgmt2::SetSnapshotPriority",
                {{"idSnapshot", id}, {"priority", std::uint32_t{priority}}},
                [](outputs&) -> HRESULT { return E_NOTIMPL; });
  }

  HRESULT STDMETHODCALLTYPE SetVolumeProtectLevel(VSS_PWSZ volume_name, VSS_PROTECTION_LEVEL level) override {
    return on_volume("IVssDifferentialSoftwareSnapshotMgmt3::SetVolumeProtectLevel",
                     {{"pwszVolumeName", volume_name}, {"protectionLevel", level}}, volume_name,
                     level == VSS_PROTECTION_LEVEL_ORIGINAL_VOLUME || level == VSS_PROTECTION_LEVEL_SNAPSHOT,
                     [&](volume_protection& protection) { protection.level = level; });
  }

  HRESULT STDMETHODCALLTYPE GetVolumeProtectLevel(VSS_PWSZ volume_name, VSS_VOLUME_PROTECTION_INFO* info) override {
    return on_volume("IVssDifferentialSoftwareSnapshotMgmt3::GetVolumeProtectLevel", {{"pwszVolumeName", volume_name}},
                     volume_name, info != nullptr, [&](const volume_protection& protection) {
                       *info = {.m_protectionLevel = protection.level,
                                .m_volumeIsOfflineForProtection = protection.offline ? TRUE : FALSE,
                                .m_protectionFault = protection.fault,
                                .m_failureStatus = protection.failure_status,
                                .m_volumeHasUnusedDiffArea = protection.has_unused_area ? TRUE : FALSE,
                                .m_reserved = 0};
                     });
  }

  HRESULT STDMETHODCALLTYPE ClearVolumeProtectFault(VSS_PWSZ volume_name) override {
    return on_volume("IVssDifferentialSoftwareSnapshotMgmt3::ClearVolumeProtectFault",
                     {{"pwszVolumeName", volume_name}}, volume_name, true, [](volume_protection& protection) {
                       protection.offline = false;  // S_OK without a fault, too [?]
                       protection.fault = VSS_PROTECTION_FAULT_NONE;
                       protection.failure_status = 0;
                     });
  }

  HRESULT STDMETHODCALLTYPE DeleteUnusedDiffAreas(VSS_PWSZ storage_name) override {
    return on_volume("IVssDifferentialSoftwareSnapshotMgmt3::DeleteUnusedDiffAreas",
                     {{"pwszDiffAreaVolumeName", storage_name}}, storage_name, true,
                     [](volume_protection& protection) { protection.has_unused_area = false; });
  }

  HRESULT STDMETHODCALLTYPE QuerySnapshotDeltaBitmap(VSS_ID older, VSS_ID younger, ULONG* block_size, ULONG* length,
                                                     BYTE** bitmap) override {
    return call("IVssDifferentialSoftwareSnapshotMgmt3::QuerySnapshotDeltaBitmap",
                {{"idSnapshotOlder", older}, {"idSnapshotYounger", younger}}, [&](outputs&) -> HRESULT {
                  if (!block_size || !length || !bitmap) return E_INVALIDARG;
                  *block_size = *length = 0;
                  *bitmap = nullptr;
                  return E_NOTIMPL;  // reserved, without a documented result [?]
                });
  }

 private:
  bool answers(REFIID iid) const override {
    const auto has = [&]<class Interface>(Interface*, system_level level) {
      return iid == abi::iid_of<Interface>::value && machine_->at_least(level);
    };
    return has(static_cast<IVssDifferentialSoftwareSnapshotMgmt*>(nullptr), system_level::server_2003) ||
           has(static_cast<IVssDifferentialSoftwareSnapshotMgmt2*>(nullptr), system_level::vista) ||
           has(static_cast<IVssDifferentialSoftwareSnapshotMgmt3*>(nullptr), system_level::vista);
  }

  static argument_list named(const WCHAR* volume_name, const WCHAR* storage_name, LONGLONG maximum) {
    return {{"pwszVolumeName", volume_name},
            {"pwszDiffAreaVolumeName", storage_name},
            {"llMaximumDiffSpace", std::int64_t{maximum}}};
  }

  // Both volumes of an association; VSS_E_OBJECT_NOT_FOUND is not among AddDiffArea's codes, but no other fits a volume
  // that is not there [?].
  struct pair {
    const volume* of = nullptr;
    const volume* on = nullptr;
  };
  HRESULT find(const WCHAR* volume_name, const WCHAR* storage_name, pair& found) {
    std::lock_guard lock(machine_->mutex);
    found = {machine_->find_volume(com::view(volume_name)), machine_->find_volume(com::view(storage_name))};
    return found.of && found.on ? S_OK : VSS_E_OBJECT_NOT_FOUND;
  }

  HRESULT add(const WCHAR* volume_name, const WCHAR* storage_name, LONGLONG maximum) {
    if (!is_volume(volume_name) || !is_volume(storage_name) || !is_limit(maximum)) return E_INVALIDARG;
    pair named;
    const HRESULT known = find(volume_name, storage_name, named);
    if (FAILED(known)) return known;
    const volume_space space = space_of(*machine_, *named.on);
    persistent_state::change change(machine_->persistent().get());
    std::lock_guard lock(machine_->mutex);
    const std::int64_t least = minimum_storage(*machine_, space);
    if (maximum != no_storage_limit && maximum < least) return E_INVALIDARG;  // [?], semantics 5
    if (const storage_area* area = machine_->storage.find(named.of)) {
      return area->on == named.on ? VSS_E_OBJECT_ALREADY_EXISTS : VSS_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED;
    }
    if (!machine_->storage.can_store(named.on) || space.free < least || maximum > space.total) {
      return VSS_E_VOLUME_NOT_SUPPORTED;
    }
    change.of_storage(*machine_, [&] {
      machine_->storage.areas.push_back({.of = named.of, .on = named.on, .maximum = maximum, .kept = true});
    });
    return S_OK;
  }

  HRESULT change(const WCHAR* volume_name, const WCHAR* storage_name, LONGLONG maximum, bool is_volatile) {
    const bool removal = maximum == remove_storage;
    if (!is_volume(volume_name) || !is_volume(storage_name) || (!removal && !is_limit(maximum))) return E_INVALIDARG;
    pair named;
    const HRESULT known = find(volume_name, storage_name, named);
    if (FAILED(known)) return known;
    const volume_space space = space_of(*machine_, *named.on);
    copy_list displaced;
    {
      persistent_state::change change(machine_->persistent().get());
      std::lock_guard lock(machine_->mutex);
      const storage_area* area = machine_->storage.find(named.of, named.on);
      if (!area) return VSS_E_OBJECT_NOT_FOUND;
      const copy_list stored = stored_copies(*machine_, named.of);
      if (removal) {
        if (!stored.empty()) return VSS_E_VOLUME_IN_USE;
        change.of_storage(*machine_, [&] {
          std::erase_if(machine_->storage.areas, [&](const storage_area& each) { return each.of == named.of; });
        });
        return S_OK;
      }
      if (maximum != no_storage_limit && maximum < minimum_storage(*machine_, space)) return E_INVALIDARG;  // [?]
      if (maximum > space.total) return VSS_E_INSUFFICIENT_STORAGE;                                         // [?]
      displaced = displaced_by(maximum, stored);
      // a volume that has to keep its shadow copies cannot get a limit below what they take [?]
      const bool kept = machine_->storage.protection[named.of].level == VSS_PROTECTION_LEVEL_SNAPSHOT;
      if (kept && !displaced.empty()) return VSS_E_INSUFFICIENT_STORAGE;
    }
    for (const auto& each : displaced) machine_->drop(each);
    persistent_state::change change(machine_->persistent().get());
    std::lock_guard lock(machine_->mutex);
    storage_area* area = machine_->storage.find(named.of, named.on);
    if (!area) return VSS_E_OBJECT_NOT_FOUND;
    change.of_storage(*machine_, [&] {
      area->until_dismount.reset();
      if (is_volatile) {
        area->until_dismount = maximum;
      } else {
        area->maximum = maximum;
        area->kept = true;
      }
    });
    return S_OK;
  }

  std::vector<const volume*> suitable() {
    std::vector<const volume*> found;
    std::lock_guard lock(machine_->mutex);
    for (const auto& each : machine_->volumes) {
      if (machine_->storage.can_store(each.get())) found.push_back(each.get());
    }
    return found;
  }

  template <class Condition>
  listed_management areas(Condition condition) {
    listed_management found;
    std::lock_guard lock(machine_->mutex);
    for (const storage_area& each : machine_->storage.areas) {
      if (!condition(each)) continue;
      // what a copied folder takes is allocated when it is used
      const std::int64_t used = used_space(stored_copies(*machine_, each.of));
      found.emplace_back(listed_diff_area{each.of->guid_path, each.on->guid_path, each.limit(), used, used});
    }
    return found;
  }

  // A method that lists what `find` gives for a volume, without the mutex. An enumerator without elements for nothing.
  template <class Find>
  HRESULT list(const char* name, const char* argument, const WCHAR* volume_name, IVssEnumMgmtObject** result,
               Find find) {
    return call(name, {{argument, volume_name}}, [&](outputs& out) -> HRESULT {
      if (!result) return E_INVALIDARG;
      *result = nullptr;
      if (!is_volume(volume_name)) return E_INVALIDARG;
      const volume* named = nullptr;
      {
        std::lock_guard lock(machine_->mutex);
        named = machine_->find_volume(com::view(volume_name));
      }
      if (!named) return VSS_E_OBJECT_NOT_FOUND;  // not among the pages' codes [?], as in AddDiffArea
      machine_->refresh();
      out.object(result, make_management_enumeration(machine_, find(named)));
      return S_OK;
    });
  }

  // A method that reads or changes the protection of a volume; `in_order`: the other arguments.
  template <class Work>
  HRESULT on_volume(const char* name, argument_list arguments, const WCHAR* volume_name, bool in_order, Work work) {
    return call(name, std::move(arguments), [&](outputs&) -> HRESULT {
      if (!in_order || !is_volume(volume_name)) return E_INVALIDARG;
      persistent_state::change change(machine_->persistent().get());
      std::lock_guard lock(machine_->mutex);
      const volume* named = machine_->find_volume(com::view(volume_name));
      if (!named) return VSS_E_OBJECT_NOT_FOUND;
      change.of_storage(*machine_, [&] { work(machine_->storage.protection[named]); });
      return S_OK;
    });
  }
};

}  // namespace

HRESULT provider_management(const std::shared_ptr<machine>& machine, const GUID& provider, REFIID iid, void** object) {
  // The page names no failure codes [?]; only the system provider has such an interface (reference page).
  if (is_hardware_provider(*machine, provider)) return E_NOINTERFACE;
  if (!(provider == abi::system_provider_id)) return VSS_E_PROVIDER_NOT_REGISTERED;
  // NOLINTNEXTLINE(bugprone-unhandled-exception-at-new): the callers turn it into an HRESULT
  return hand_out(new differential_management(machine), iid, object);
}

}  // namespace vsspy::simulator
