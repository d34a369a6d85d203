// IVssEnumObject, and the structures that describe shadow copies and providers.
#include "backup_components_object.h"
#include "enumerator.h"

namespace vsspy::simulator {

namespace {

constexpr std::u16string_view machine_name = u"SIMULATOR";
constexpr GUID provider_version = {0x6b1f3d0a, 0x52c7, 0x4e0e, {0x9a, 0x55, 0x21, 0x7c, 0x03, 0x5e, 0x8d, 0x10}};

void fill_provider(machine& machine, bool hardware, VSS_PROVIDER_PROP& properties) {
  properties.m_ProviderId = hardware ? hardware_provider_id : abi::system_provider_id;
  properties.m_eProviderType = hardware ? VSS_PROV_HARDWARE : VSS_PROV_SYSTEM;
  properties.m_ProviderVersionId = provider_version;
  properties.m_pwszProviderName = machine.allocator.task_text(hardware ? u"vsspy simulated hardware provider"
                                                                       : u"vsspy simulated shadow copy provider");
  properties.m_pwszProviderVersion = machine.allocator.task_text(u"1.0.0");
}

struct listed_objects : enumerated_objects {
  using interface_type = IVssEnumObject;
  using element = VSS_OBJECT_PROP;
  static constexpr const char* name = "IVssEnumObject";
  static constexpr const char* next = "IVssEnumObject::Next";
  static constexpr const char* skip = "IVssEnumObject::Skip";
  static constexpr const char* reset = "IVssEnumObject::Reset";
  static constexpr const char* clone = "IVssEnumObject::Clone";

  std::size_t size() const { return providers ? providers : copies.size(); }

  void fill(machine& machine, std::size_t index, VSS_OBJECT_PROP& element) const {
    if (providers) {
      element.Type = VSS_OBJECT_PROVIDER;
      fill_provider(machine, index != 0, element.Obj.Prov);
    } else {
      element.Type = VSS_OBJECT_SNAPSHOT;
      fill_properties(machine, *copies[index], element.Obj.Snap);
    }
  }

  static void free_element(machine& machine, VSS_OBJECT_PROP& element) noexcept {
    if (element.Type == VSS_OBJECT_PROVIDER) {
      machine.allocator.free_task_memory(element.Obj.Prov.m_pwszProviderName);
      machine.allocator.free_task_memory(element.Obj.Prov.m_pwszProviderVersion);
      element.Obj.Prov.m_pwszProviderName = element.Obj.Prov.m_pwszProviderVersion = nullptr;
    } else if (element.Type == VSS_OBJECT_SNAPSHOT) {
      free_properties(machine, element.Obj.Snap);
    }
  }
};

}  // namespace

void fill_properties(machine& machine, const shadow_copy& copy, VSS_SNAPSHOT_PROP& properties) {
  std::lock_guard lock(machine.mutex);  // it may be exposed at this moment
  properties.m_SnapshotId = copy.id;
  properties.m_SnapshotSetId = copy.set_id;
  properties.m_lSnapshotsCount = copy.set_size;
  properties.m_ProviderId = copy.is_hardware() ? hardware_provider_id : abi::system_provider_id;
  properties.m_lSnapshotAttributes = copy.attributes;
  properties.m_tsCreationTimestamp = copy.created;
  properties.m_eStatus = copy.state;
  if (!copy.device.empty()) properties.m_pwszSnapshotDeviceObject = machine.allocator.task_text(copy.device);
  // a share has no GUID path to show [?]
  const std::u16string& original = is_share(copy.volume->name) ? copy.volume->name : copy.volume->guid_path;
  properties.m_pwszOriginalVolumeName = machine.allocator.task_text(original);
  properties.m_pwszOriginatingMachine = machine.allocator.task_text(machine_name);
  properties.m_pwszServiceMachine = machine.allocator.task_text(machine_name);
  if (!copy.exposed) return;
  properties.m_pwszExposedName = machine.allocator.task_text(copy.exposed->name);
  if (copy.exposed->path) properties.m_pwszExposedPath = machine.allocator.task_text(*copy.exposed->path);
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
  return new enumerator<listed_objects>(std::move(machine), session, {std::move(objects)}, 0);
}

}  // namespace vsspy::simulator
