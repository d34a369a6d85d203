// IVssSnapshotMgmt and IVssSnapshotMgmt2, the object of the class CLSID_VssSnapshotMgmt.
#include "management.h"

#include "backup_components_object.h"
#include "hardware.h"

namespace vsspy::simulator {

namespace {

// No provider's id stands for all of them.
bool is_provider(const machine& machine, const GUID& id) {
  return id == guid_null || id == abi::system_provider_id || is_hardware_provider(machine, id);
}

class snapshot_management final : public service_object<IVssSnapshotMgmt> {
 public:
  explicit snapshot_management(std::shared_ptr<machine> machine)
      : service_object(std::move(machine), guid_null, "IVssSnapshotMgmt"), second_(*this) {}

  HRESULT STDMETHODCALLTYPE QueryInterface(REFIID iid, void** object) override {
    const bool second = iid == abi::iid_of<IVssSnapshotMgmt2>::value && machine_->at_least(system_level::vista);
    if (!object || !second) return service_object::QueryInterface(iid, object);
    *object = &second_;
    AddRef();
    return S_OK;
  }

  HRESULT STDMETHODCALLTYPE GetProviderMgmtInterface(VSS_ID provider, REFIID iid, IUnknown** object) override {
    return call("IVssSnapshotMgmt::GetProviderMgmtInterface", {{"ProviderId", provider}, {"InterfaceId", iid}},
                [&](outputs& out) -> HRESULT {
                  if (!object) return E_INVALIDARG;
                  *object = nullptr;
                  void* made = nullptr;
                  const HRESULT hr = provider_management(machine_, provider, iid, &made);
                  if (SUCCEEDED(hr)) out.object(object, static_cast<IUnknown*>(made));
                  return hr;
                });
  }

  HRESULT STDMETHODCALLTYPE QueryVolumesSupportedForSnapshots(VSS_ID provider, LONG context,
                                                              IVssEnumMgmtObject** result) override {
    return call("IVssSnapshotMgmt::QueryVolumesSupportedForSnapshots",
                {{"ProviderId", provider}, {"lContext", context}}, [&](outputs& out) -> HRESULT {
                  if (!result) return E_INVALIDARG;
                  *result = nullptr;
                  if (!is_context(context)) return E_INVALIDARG;
                  if (!is_provider(*machine_, provider)) return VSS_E_PROVIDER_NOT_REGISTERED;
                  // persistent shadow copies want NTFS (semantics 6)
                  const bool persistent = context != VSS_CTX_ALL && (context & VSS_VOLSNAP_ATTR_PERSISTENT) != 0;
                  listed_management found;
                  {
                    std::lock_guard lock(machine_->mutex);
                    for (const auto& each : machine_->volumes) {
                      if (is_share(each->name) || (persistent && !machine_->storage.can_store(each.get()))) continue;
                      found.emplace_back(listed_volume{each->guid_path, each->name});
                    }
                  }
                  out.object(result, make_management_enumeration(machine_, std::move(found)));
                  return S_OK;
                });
  }

  HRESULT STDMETHODCALLTYPE QuerySnapshotsByVolume(VSS_PWSZ volume_name, VSS_ID provider,
                                                   IVssEnumObject** result) override {
    return call("IVssSnapshotMgmt::QuerySnapshotsByVolume", {{"pwszVolumeName", volume_name}, {"ProviderId", provider}},
                [&](outputs& out) -> HRESULT {
                  if (!result) return E_INVALIDARG;
                  *result = nullptr;
                  if (!volume_name || !is_volume_name(com::view(volume_name))) return E_INVALIDARG;
                  if (!is_provider(*machine_, provider)) return VSS_E_PROVIDER_NOT_REGISTERED;
                  machine_->refresh();
                  // whatever their context is [?]: this object has none
                  enumerated_objects found;
                  {
                    std::lock_guard lock(machine_->mutex);
                    const volume* of = machine_->find_volume(com::view(volume_name));
                    if (!of) return VSS_E_OBJECT_NOT_FOUND;
                    for (const auto& each : machine_->shadow_copies) {
                      const GUID& maker = each->is_hardware() ? hardware_provider_id : abi::system_provider_id;
                      const bool asked = provider == guid_null || provider == maker;
                      if (asked && each->volume == of && each->state == VSS_SS_CREATED) found.copies.push_back(each);
                    }
                  }
                  out.object(result, make_enumeration(machine_, session_id_, std::move(found)));
                  return S_OK;
                });
  }

 private:
  // The second interface, whose IUnknown is the object's.
  class second_interface final : public IVssSnapshotMgmt2 {
   public:
    explicit second_interface(snapshot_management& owner) : owner_(owner) {}
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID iid, void** object) override {
      return owner_.QueryInterface(iid, object);
    }
    ULONG STDMETHODCALLTYPE AddRef() override { return owner_.AddRef(); }
    ULONG STDMETHODCALLTYPE Release() override { return owner_.Release(); }
    HRESULT STDMETHODCALLTYPE GetMinDiffAreaSize(LONGLONG* size) override { return owner_.minimum_size(size); }

   private:
    snapshot_management& owner_;
  };

  bool answers(REFIID iid) const override { return iid == abi::iid_of<IVssSnapshotMgmt>::value; }

  HRESULT minimum_size(LONGLONG* size) {
    return call("IVssSnapshotMgmt2::GetMinDiffAreaSize", {}, [&](outputs&) -> HRESULT {
      if (!size) return E_INVALIDARG;
      std::lock_guard lock(machine_->mutex);
      *size = minimum_storage(*machine_);
      return S_OK;
    });
  }

  second_interface second_;
};

}  // namespace

bool is_hardware_provider(const machine& machine, const GUID& provider) {
  return machine.chosen.hardware != hardware_provider::none && provider == hardware_provider_id;
}

IUnknown* make_snapshot_management(std::shared_ptr<machine> machine) {
  return new snapshot_management(std::move(machine));
}

}  // namespace vsspy::simulator
