// IVssBackupComponents to Ex4 as _core.Session. Enumerations pass as numbers: vsspy.enums has their names.
#include "documents.h"
#include "platform_capsule.h"
#include "property_tuples.h"
#include "register.h"
#include "session_binding.h"

namespace vsspy::bindings {

using requester::session;

namespace {

py::tuple as_tuple(const requester::writer_status& from) {
  py::object application = py::none();
  if (from.application_failure) application = py::int_(static_cast<std::uint32_t>(*from.application_failure));
  return py::make_tuple(from.instance_id, from.writer_id, to_python(from.name), from.state,
                        static_cast<std::uint32_t>(from.failure), application, text_or_none(from.application_message));
}

void define_preparation(session_class& type) {
  type.def(
          "initialize_for_backup", [](session& self, const nullable_text& xml) { self.initialize_for_backup(xml); },
          py::arg("xml"), crosses())
      .def(
          "initialize_for_restore", [](session& self, const wide_text& xml) { self.initialize_for_restore(xml); },
          py::arg("xml"), crosses())
      .def("set_context", &session::set_context, py::arg("context"), crosses())
      .def("set_backup_state", &session::set_backup_state, py::arg("select_components"),
           py::arg("bootable_system_state"), py::arg("backup_type"), py::arg("partial_file_support"), crosses())
      .def("set_restore_state", &session::set_restore_state, py::arg("restore_type"), crosses())
      .def("enable_writer_classes", &session::enable_writer_classes, py::arg("ids"), crosses())
      .def("disable_writer_classes", &session::disable_writer_classes, py::arg("ids"), crosses())
      .def("disable_writer_instances", &session::disable_writer_instances, py::arg("ids"), crosses())
      .def("gather_writer_metadata", &session::gather_writer_metadata, crosses(), keeps_platform())
      .def("writer_metadata",
           [](session& self) {
             py::list writers;
             for (auto& writer : crossing([&] { return self.writer_metadata(); })) {
               writers.append(wrap_writer_document(std::move(writer)));
             }
             return writers;
           })
      .def("free_writer_metadata", &session::free_writer_metadata, crosses());
}

void define_components(session_class& type) {
  define_on_instance(type, "add_component", &session::add_component);
  define_on_component(type, "set_backup_options", &session::set_backup_options, py::arg("backup_options"));
  define_on_component(type, "set_previous_backup_stamp", &session::set_previous_backup_stamp,
                      py::arg("previous_backup_stamp"));
  define_on_instance(type, "set_backup_succeeded", &session::set_backup_succeeded, py::arg("succeeded"));
}

void define_completion(session_class& type) {
  type.def("prepare_for_backup", &session::prepare_for_backup, crosses(), keeps_platform())
      .def("gather_writer_status", &session::gather_writer_status, crosses(), keeps_platform())
      .def("writer_statuses",
           [](session& self) {
             py::list writers;
             for (const auto& status : crossing([&] { return self.writer_statuses(); })) {
               writers.append(as_tuple(status));
             }
             return writers;
           })
      .def("free_writer_status", &session::free_writer_status, crosses())
      .def("backup_complete", &session::backup_complete, crosses(), keeps_platform())
      .def("abort_backup", &session::abort_backup, crosses())
      .def("last_operation", &session::last_operation, crosses(), keeps_platform())
      .def("save_as_xml", [](session& self) { return to_python(crossing([&] { return self.save_as_xml(); })); })
      .def("get_session_id", &session::get_session_id, crosses())
      .def(
          "get_root_and_logical_prefix_paths",
          [](session& self, const wide_text& file_path, bool normalize) {
            const auto paths = crossing([&] { return self.get_root_and_logical_prefix_paths(file_path, normalize); });
            return py::make_tuple(text_or_none(paths.root_path), text_or_none(paths.logical_prefix));
          },
          py::arg("file_path"), py::arg("normalize_fqdn_for_root_path"))
      .def("close", &session::close_or_throw, crosses());
}

}  // namespace

void register_backup(py::module_& module) {
  session_class type(module, "Session", py::module_local(), releases_object());
  type.def(py::init([](const py::capsule& platform) {
             const vsspy_platform& table = platform_of(platform);
             return crossing([&] { return session::open(table); });
           }),
           py::arg("platform"), py::keep_alive<1, 2>());
  define_preparation(type);
  define_components(type);
  define_writer_components(type);
  define_snapshots(type);
  define_restore(type);
  define_completion(type);
}

}  // namespace vsspy::bindings
