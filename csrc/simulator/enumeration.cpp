// IVssEnumObject, and the structures that describe shadow copies and providers.
#include "backup_components_object.h"

namespace vsspy::simulator {

namespace {

constexpr std::u16string_view machine_name = u"SIMULATOR";
constexpr GUID provider_version = {0x6b1f3d0a, 0x52c7, 0x4e0e, {0x9a, 0x55, 0x21, 0x7c, 0x03, 0x5e, 0x8d, 0x10}};

void fill_provider(machine& machine, VSS_PROVIDER_PROP& properties) {
  properties.m_ProviderId = abi::system_provider_id;
  properties.m_eProviderType = VSS_PROV_SYSTEM;
  properties.m_ProviderVersionId = provider_version;
  properties.m_pwszProviderName = machine.allocator.task_text(u"vsspy simulated shadow copy provider");
  properties.m_pwszProviderVersion = machine.allocator.task_text(u"1.0.0");
}

void free_element(machine& machine, VSS_OBJECT_PROP& element) noexcept {
  if (element.Type == VSS_OBJECT_PROVIDER) {
    machine.allocator.free_task_memory(element.Obj.Prov.m_pwszProviderName);
    machine.allocator.free_task_memory(element.Obj.Prov.m_pwszProviderVersion);
    element.Obj.Prov.m_pwszProviderName = element.Obj.Prov.m_pwszProviderVersion = nullptr;
  } else if (element.Type == VSS_OBJECT_SNAPSHOT) {
    free_properties(machine, element.Obj.Snap);
  }
}

class enumeration final : public service_object<IVssEnumObject> {
 public:
  enumeration(std::shared_ptr<machine> machine, const GUID& session, enumerated_objects objects, std::size_t next)
      : service_object(std::move(machine), session, "IVssEnumObject"), objects_(std::move(objects)), next_(next) {}

  HRESULT STDMETHODCALLTYPE Next(ULONG count, VSS_OBJECT_PROP* elements, ULONG* fetched) override {
    struct filled {
      VSS_OBJECT_PROP* elements;
      ULONG count = 0;
    } given{elements};
    return call("IVssEnumObject::Next", {{"celt", count}}, [&](outputs& out) -> HRESULT {
      if (fetched) *fetched = 0;
      if (!elements || (!fetched && count != 1)) return E_POINTER;
      out.other(&given, [](machine& owner, void* slot) {
        auto& undone = *static_cast<filled*>(slot);
        for (ULONG i = 0; i < undone.count; ++i) free_element(owner, undone.elements[i]);
      });
      std::lock_guard lock(mutex_);
      while (given.count < count && next_ < size()) {
        VSS_OBJECT_PROP& element = elements[given.count++];
        element = {};
        fill(element);
        ++next_;
      }
      if (fetched) *fetched = given.count;
      return given.count == count ? S_OK : S_FALSE;
    });
  }

  HRESULT STDMETHODCALLTYPE Skip(ULONG count) override {
    return call("IVssEnumObject::Skip", {{"celt", count}}, [&](outputs&) -> HRESULT {
      std::lock_guard lock(mutex_);
      const std::size_t left = size() - next_;
      next_ += count < left ? count : left;
      return count <= left ? S_OK : S_FALSE;
    });
  }

  HRESULT STDMETHODCALLTYPE Reset() override {
    return call("IVssEnumObject::Reset", {}, [&](outputs&) -> HRESULT {
      std::lock_guard lock(mutex_);
      next_ = 0;
      return S_OK;
    });
  }

  HRESULT STDMETHODCALLTYPE Clone(IVssEnumObject** clone) override {
    return call("IVssEnumObject::Clone", {}, [&](outputs& out) -> HRESULT {
      if (!clone) return E_POINTER;
      *clone = nullptr;
      std::lock_guard lock(mutex_);
      IVssEnumObject* made = new enumeration(machine_, session_id_, objects_, next_);
      out.object(clone, made);
      return S_OK;
    });
  }

 private:
  bool answers(REFIID iid) const override { return iid == abi::iid_of<IVssEnumObject>::value; }
  std::size_t size() const { return objects_.providers ? 1 : objects_.copies.size(); }

  void fill(VSS_OBJECT_PROP& element) {
    if (objects_.providers) {
      element.Type = VSS_OBJECT_PROVIDER;
      fill_provider(*machine_, element.Obj.Prov);
    } else {
      element.Type = VSS_OBJECT_SNAPSHOT;
      fill_properties(*machine_, *objects_.copies[next_], element.Obj.Snap);
    }
  }

  const enumerated_objects objects_;
  std::mutex mutex_;
  std::size_t next_;
};

}  // namespace

void fill_properties(machine& machine, const shadow_copy& copy, VSS_SNAPSHOT_PROP& properties) {
  properties.m_SnapshotId = copy.id;
  properties.m_SnapshotSetId = copy.set_id;
  properties.m_lSnapshotsCount = copy.set_size;
  properties.m_ProviderId = abi::system_provider_id;
  properties.m_lSnapshotAttributes = copy.attributes;
  properties.m_tsCreationTimestamp = copy.created;
  properties.m_eStatus = copy.state;
  properties.m_pwszSnapshotDeviceObject = machine.allocator.task_text(copy.device);
  properties.m_pwszOriginalVolumeName = machine.allocator.task_text(copy.volume->guid_path);
  properties.m_pwszOriginatingMachine = machine.allocator.task_text(machine_name);
  properties.m_pwszServiceMachine = machine.allocator.task_text(machine_name);
}

void free_properties(machine& machine, VSS_SNAPSHOT_PROP& properties) noexcept {
  for (VSS_PWSZ* each : {&properties.m_pwszSnapshotDeviceObject, &properties.m_pwszOriginalVolumeName,
                         &properties.m_pwszOriginatingMachine, &properties.m_pwszServiceMachine,
                         &properties.m_pwszExposedName, &properties.m_pwszExposedPath}) {
    machine.allocator.free_task_memory(*each);
    *each = nullptr;
  }
}

IVssEnumObject* make_enumeration(std::shared_ptr<machine> machine, const GUID& session, enumerated_objects objects) {
  return new enumeration(std::move(machine), session, std::move(objects), 0);
}

}  // namespace vsspy::simulator
