// IVssSnapshotMgmt and IVssDifferentialSoftwareSnapshotMgmt, with their extensions, as _core.SnapshotManagement and
// _core.DifferentialSnapshotManagement. Enumerations pass as numbers: vsspy.enums has their names.
#include "../requester/snapshot_management.h"
#include "casters.h"
#include "gil_policy.h"
#include "keeps_platform.h"
#include "platform_capsule.h"
#include "register.h"

namespace vsspy::bindings {

using requester::differential_management;
using requester::snapshot_management;

namespace {

using differential_class = py::class_<differential_management, std::shared_ptr<differential_management>>;

void define_storage_areas(differential_class& type) {
  type.def(
          "add_diff_area",
          [](differential_management& self, const wide_text& volume_name, const wide_text& diff_area_volume_name,
             std::int64_t maximum_diff_space) {
            self.add_diff_area(volume_name, diff_area_volume_name, maximum_diff_space);
          },
          py::arg("volume_name"), py::arg("diff_area_volume_name"), py::arg("maximum_diff_space"), crosses())
      .def(
          "change_diff_area_maximum_size",
          [](differential_management& self, const wide_text& volume_name, const wide_text& diff_area_volume_name,
             std::int64_t maximum_diff_space) {
            self.change_diff_area_maximum_size(volume_name, diff_area_volume_name, maximum_diff_space);
          },
          py::arg("volume_name"), py::arg("diff_area_volume_name"), py::arg("maximum_diff_space"), crosses())
      .def(
          "change_diff_area_maximum_size_ex",
          [](differential_management& self, const wide_text& volume_name, const wide_text& diff_area_volume_name,
             std::int64_t maximum_diff_space, bool is_volatile) {
            self.change_diff_area_maximum_size_ex(volume_name, diff_area_volume_name, maximum_diff_space, is_volatile);
          },
          py::arg("volume_name"), py::arg("diff_area_volume_name"), py::arg("maximum_diff_space"), py::arg("volatile"),
          crosses())
      .def(
          "migrate_diff_areas",
          [](differential_management& self, const wide_text& volume_name, const wide_text& diff_area_volume_name,
             const wide_text& new_diff_area_volume_name) {
            self.migrate_diff_areas(volume_name, diff_area_volume_name, new_diff_area_volume_name);
          },
          py::arg("volume_name"), py::arg("diff_area_volume_name"), py::arg("new_diff_area_volume_name"), crosses())
      .def(
          "query_migration_status",
          [](differential_management& self, const wide_text& volume_name, const wide_text& diff_area_volume_name) {
            return self.query_migration_status(volume_name, diff_area_volume_name);
          },
          py::arg("volume_name"), py::arg("diff_area_volume_name"), crosses(), keeps_platform())
      .def("set_snapshot_priority", &differential_management::set_snapshot_priority, py::arg("snapshot_id"),
           py::arg("priority"), crosses());
}

void define_queries(differential_class& type) {
  type.def(
          "query_volumes_supported_for_diff_areas",
          [](differential_management& self, const wide_text& original_volume_name) {
            return self.query_volumes_supported_for_diff_areas(original_volume_name);
          },
          py::arg("original_volume_name"), crosses(), keeps_platform())
      .def(
          "query_diff_areas_for_volume",
          [](differential_management& self, const wide_text& volume_name) {
            return self.query_diff_areas_for_volume(volume_name);
          },
          py::arg("volume_name"), crosses(), keeps_platform())
      .def(
          "query_diff_areas_on_volume",
          [](differential_management& self, const wide_text& volume_name) {
            return self.query_diff_areas_on_volume(volume_name);
          },
          py::arg("volume_name"), crosses(), keeps_platform())
      .def("query_diff_areas_for_snapshot", &differential_management::query_diff_areas_for_snapshot,
           py::arg("snapshot_id"), crosses(), keeps_platform());
}

void define_protection(differential_class& type) {
  type.def(
          "set_volume_protect_level",
          [](differential_management& self, const wide_text& volume_name, std::int32_t protection_level) {
            self.set_volume_protect_level(volume_name, protection_level);
          },
          py::arg("volume_name"), py::arg("protection_level"), crosses())
      .def(
          "get_volume_protect_level",
          [](differential_management& self, const wide_text& volume_name) {
            const auto info = crossing([&] { return self.get_volume_protect_level(volume_name); });
            return py::make_tuple(info.level, info.offline, info.fault, info.failure_status, info.has_unused_area);
          },
          py::arg("volume_name"))
      .def(
          "clear_volume_protect_fault",
          [](differential_management& self, const wide_text& volume_name) {
            self.clear_volume_protect_fault(volume_name);
          },
          py::arg("volume_name"), crosses())
      .def(
          "delete_unused_diff_areas",
          [](differential_management& self, const wide_text& diff_area_volume_name) {
            self.delete_unused_diff_areas(diff_area_volume_name);
          },
          py::arg("diff_area_volume_name"), crosses())
      .def(
          "query_snapshot_delta_bitmap",
          [](differential_management& self, const GUID& older_snapshot_id, const GUID& younger_snapshot_id) {
            const auto bitmap =
                crossing([&] { return self.query_snapshot_delta_bitmap(older_snapshot_id, younger_snapshot_id); });
            return py::make_tuple(bitmap.block_size, bitmap.length,
                                  py::bytes(reinterpret_cast<const char*>(bitmap.bits.data()), bitmap.bits.size()));
          },
          py::arg("older_snapshot_id"), py::arg("younger_snapshot_id"));
}

}  // namespace

void register_management(py::module_& module) {
  differential_class differential(module, "DifferentialSnapshotManagement", py::module_local(), releases_object());
  differential
      .def(py::init([](const py::capsule& platform, const GUID& provider_id) {
             const vsspy_platform& table = platform_of(platform);
             return crossing([&] { return differential_management::open(table, provider_id); });
           }),
           py::arg("platform"), py::arg("provider_id"), py::keep_alive<1, 2>())
      .def("close", &differential_management::close_or_throw, crosses());
  define_storage_areas(differential);
  define_queries(differential);
  define_protection(differential);

  py::class_<snapshot_management, std::shared_ptr<snapshot_management>>(module, "SnapshotManagement",
                                                                        py::module_local(), releases_object())
      .def(py::init([](const py::capsule& platform) {
             const vsspy_platform& table = platform_of(platform);
             return crossing([&] { return snapshot_management::open(table); });
           }),
           py::arg("platform"), py::keep_alive<1, 2>())
      .def("get_provider_mgmt_interface", &snapshot_management::get_provider_mgmt_interface, py::arg("provider_id"),
           crosses(), keeps_platform())
      .def("query_volumes_supported_for_snapshots", &snapshot_management::query_volumes_supported_for_snapshots,
           py::arg("provider_id"), py::arg("context"), crosses(), keeps_platform())
      .def(
          "query_snapshots_by_volume",
          [](snapshot_management& self, const wide_text& volume_name, const GUID& provider_id) {
            return self.query_snapshots_by_volume(volume_name, provider_id);
          },
          py::arg("volume_name"), py::arg("provider_id"), crosses(), keeps_platform())
      .def("get_min_diff_area_size", &snapshot_management::get_min_diff_area_size, crosses())
      .def("close", &snapshot_management::close_or_throw, crosses());
}

}  // namespace vsspy::bindings
