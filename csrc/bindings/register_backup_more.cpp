// The rest of _core.Session: shadow copies, and restores.
#include "property_tuples.h"
#include "session_binding.h"

namespace vsspy::bindings {

using requester::session;

namespace {

void define_creation(session_class& type) {
  type.def("start_snapshot_set", &session::start_snapshot_set, crosses())
      .def(
          "add_to_snapshot_set",
          [](session& self, const wide_text& volume_name, const GUID& provider_id) {
            return self.add_to_snapshot_set(volume_name, provider_id);
          },
          py::arg("volume_name"), py::arg("provider_id"), crosses())
      .def(
          "is_volume_supported",
          [](session& self, const wide_text& volume_name, const GUID& provider_id) {
            return self.is_volume_supported(volume_name, provider_id);
          },
          py::arg("volume_name"), py::arg("provider_id"), crosses())
      .def("do_snapshot_set", &session::do_snapshot_set, crosses(), keeps_platform())
      .def(
          "get_snapshot_properties",
          [](session& self, const GUID& snapshot_id) {
            return as_tuple(crossing([&] { return self.get_snapshot_properties(snapshot_id); }));
          },
          py::arg("snapshot_id"))
      .def("query", &session::query, py::arg("queried_object_id"), py::arg("queried_object_type"),
           py::arg("returned_objects_type"), crosses(), keeps_platform())
      .def(
          "delete_snapshots",
          [](session& self, const GUID& source_object_id, std::int32_t source_object_type, bool force_delete) {
            const auto outcome =
                crossing([&] { return self.delete_snapshots(source_object_id, source_object_type, force_delete); });
            return py::make_tuple(static_cast<std::uint32_t>(outcome.result), outcome.deleted, outcome.nondeleted_id);
          },
          py::arg("source_object_id"), py::arg("source_object_type"), py::arg("force_delete"));
}

void define_use(session_class& type) {
  type.def("import_snapshots", &session::import_snapshots, crosses(), keeps_platform())
      .def("break_snapshot_set", &session::break_snapshot_set, py::arg("snapshot_set_id"), crosses())
      .def("break_snapshot_set_ex", &session::break_snapshot_set_ex, py::arg("snapshot_set_id"), py::arg("flags"),
           crosses(), keeps_platform())
      .def(
          "expose_snapshot",
          [](session& self, const GUID& snapshot_id, const nullable_text& path_from_root, std::int32_t attributes,
             const nullable_text& expose) {
            return text_or_none(
                crossing([&] { return self.expose_snapshot(snapshot_id, path_from_root, attributes, expose); }));
          },
          py::arg("snapshot_id"), py::arg("path_from_root"), py::arg("attributes"), py::arg("expose"))
      .def("unexpose_snapshot", &session::unexpose_snapshot, py::arg("snapshot_id"), crosses())
      .def("revert_to_snapshot", &session::revert_to_snapshot, py::arg("snapshot_id"), py::arg("force_dismount"),
           crosses())
      .def(
          "query_revert_status",
          [](session& self, const wide_text& volume_name) { return self.query_revert_status(volume_name); },
          py::arg("volume_name"), crosses(), keeps_platform());
}

void define_recovery(session_class& type) {
  type.def("pre_fast_recovery", &session::pre_fast_recovery, py::arg("snapshot_set_id"), py::arg("flags"), crosses(),
           keeps_platform())
      .def("fast_recovery", &session::fast_recovery, py::arg("snapshot_set_id"), py::arg("flags"), crosses(),
           keeps_platform())
      .def(
          "add_snapshot_to_recovery_set",
          [](session& self, const GUID& snapshot_id, std::uint32_t flags, const nullable_text& destination_volume) {
            self.add_snapshot_to_recovery_set(snapshot_id, flags, destination_volume);
          },
          py::arg("snapshot_id"), py::arg("flags"), py::arg("destination_volume"), crosses())
      .def("recover_set", &session::recover_set, py::arg("flags"), crosses(), keeps_platform());
}

}  // namespace

void define_snapshots(session_class& type) {
  define_creation(type);
  define_use(type);
  define_recovery(type);
}

void define_restore(session_class& type) {
  define_on_component(type, "set_selected_for_restore", &session::set_selected_for_restore,
                      py::arg("selected_for_restore"));
  define_on_component(type, "set_selected_for_restore_ex", &session::set_selected_for_restore_ex,
                      py::arg("selected_for_restore"), py::arg("instance_id"));
  define_on_component(type, "set_restore_options", &session::set_restore_options, py::arg("restore_options"));
  define_on_component(type, "set_additional_restores", &session::set_additional_restores,
                      py::arg("additional_restores"));
  define_on_component(type, "add_alternative_location_mapping", &session::add_alternative_location_mapping,
                      py::arg("path"), py::arg("filespec"), py::arg("recursive"), py::arg("destination"));
  define_on_component(type, "add_restore_subcomponent", &session::add_restore_subcomponent,
                      py::arg("sub_component_logical_path"), py::arg("sub_component_name"), py::arg("repair"));
  define_on_component(type, "set_file_restore_status", &session::set_file_restore_status, py::arg("status"));
  define_on_component(type, "add_new_target", &session::add_new_target, py::arg("path"), py::arg("file_name"),
                      py::arg("recursive"), py::arg("alternate_path"));
  define_on_component(type, "set_ranges_file_path", &session::set_ranges_file_path, py::arg("partial_file"),
                      py::arg("ranges_file"));
  define_on_component(type, "set_authoritative_restore", &session::set_authoritative_restore, py::arg("authoritative"));
  define_on_component(type, "set_roll_forward", &session::set_roll_forward, py::arg("roll_type"),
                      py::arg("roll_forward_point"));
  define_on_component(type, "set_restore_name", &session::set_restore_name, py::arg("restore_name"));
  type.def("pre_restore", &session::pre_restore, crosses(), keeps_platform())
      .def("post_restore", &session::post_restore, crosses(), keeps_platform());
}

}  // namespace vsspy::bindings
