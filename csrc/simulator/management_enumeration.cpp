// IVssEnumMgmtObject: volumes, volumes for storage, and storage areas.
#include "enumerator.h"
#include "management.h"

namespace vsspy::simulator {

namespace {

struct listed_objects {
  using interface_type = IVssEnumMgmtObject;
  using element = VSS_MGMT_OBJECT_PROP;
  static constexpr const char* name = "IVssEnumMgmtObject";
  static constexpr const char* next = "IVssEnumMgmtObject::Next";
  static constexpr const char* skip = "IVssEnumMgmtObject::Skip";
  static constexpr const char* reset = "IVssEnumMgmtObject::Reset";
  static constexpr const char* clone = "IVssEnumMgmtObject::Clone";

  listed_management objects;

  std::size_t size() const { return objects.size(); }

  void fill(machine& machine, std::size_t index, VSS_MGMT_OBJECT_PROP& element) const {
    std::visit([&](const auto& from) { fill_from(machine, from, element); }, objects[index]);
  }

  static void fill_from(machine& machine, const listed_volume& from, VSS_MGMT_OBJECT_PROP& element) {
    element.Type = VSS_MGMT_OBJECT_VOLUME;
    VSS_VOLUME_PROP& volume = element.Obj.Vol;
    volume.m_pwszVolumeName = machine.allocator.task_text(from.name);
    volume.m_pwszVolumeDisplayName = machine.allocator.task_text(from.display_name);
  }

  static void fill_from(machine& machine, const listed_diff_volume& from, VSS_MGMT_OBJECT_PROP& element) {
    element.Type = VSS_MGMT_OBJECT_DIFF_VOLUME;
    VSS_DIFF_VOLUME_PROP& volume = element.Obj.DiffVol;
    volume.m_pwszVolumeName = machine.allocator.task_text(from.name);
    volume.m_pwszVolumeDisplayName = machine.allocator.task_text(from.display_name);
    volume.m_llVolumeFreeSpace = from.space.free;
    volume.m_llVolumeTotalSpace = from.space.total;
  }

  static void fill_from(machine& machine, const listed_diff_area& from, VSS_MGMT_OBJECT_PROP& element) {
    element.Type = VSS_MGMT_OBJECT_DIFF_AREA;
    VSS_DIFF_AREA_PROP& area = element.Obj.DiffArea;
    area.m_pwszVolumeName = machine.allocator.task_text(from.volume);
    area.m_pwszDiffAreaVolumeName = machine.allocator.task_text(from.diff_area_volume);
    area.m_llMaximumDiffSpace = from.maximum;
    area.m_llAllocatedDiffSpace = from.allocated;
    area.m_llUsedDiffSpace = from.used;
  }

  static void free_element(machine& machine, VSS_MGMT_OBJECT_PROP& element) noexcept {
    // `element` can be half filled: what is missing is NULL
    switch (element.Type) {
      case VSS_MGMT_OBJECT_VOLUME:
        free_texts(machine, element.Obj.Vol.m_pwszVolumeName, element.Obj.Vol.m_pwszVolumeDisplayName);
        break;
      case VSS_MGMT_OBJECT_DIFF_VOLUME:
        free_texts(machine, element.Obj.DiffVol.m_pwszVolumeName, element.Obj.DiffVol.m_pwszVolumeDisplayName);
        break;
      case VSS_MGMT_OBJECT_DIFF_AREA:
        free_texts(machine, element.Obj.DiffArea.m_pwszVolumeName, element.Obj.DiffArea.m_pwszDiffAreaVolumeName);
        break;
      default:
        break;
    }
  }

  static void free_texts(machine& machine, VSS_PWSZ& first, VSS_PWSZ& second) noexcept {
    for (VSS_PWSZ* each : {&first, &second}) machine.allocator.free_task_memory(std::exchange(*each, nullptr));
  }
};

}  // namespace

IVssEnumMgmtObject* make_management_enumeration(std::shared_ptr<machine> machine, listed_management objects) {
  return new enumerator<listed_objects>(std::move(machine), guid_null, {std::move(objects)}, 0);
}

}  // namespace vsspy::simulator
