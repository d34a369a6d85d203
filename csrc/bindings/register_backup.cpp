// IVssBackupComponents to Ex4 as _core.Session. Enumerations pass as numbers: vsspy.enums has their names.
#include "../requester/session.h"
#include "casters.h"
#include "documents.h"
#include "gil_policy.h"
#include "platform_capsule.h"
#include "register.h"

namespace vsspy::bindings {

using requester::component_key;
using requester::session;

namespace {

using nullable_text = std::optional<wide_text>;

component_key key(const GUID& writer_id, std::int32_t type, const nullable_text& logical_path, const wide_text& name) {
  return {writer_id, static_cast<VSS_COMPONENT_TYPE>(type), logical_path, name};
}

py::object text(const requester::optional_text& from) { return from ? py::object(to_python(*from)) : py::none(); }

py::tuple as_tuple(const requester::snapshot_properties& from) {
  return py::make_tuple(from.snapshot_id, from.snapshot_set_id, from.snapshots_count, text(from.device_object),
                        text(from.original_volume), text(from.originating_machine), text(from.service_machine),
                        text(from.exposed_name), text(from.exposed_path), from.provider_id, from.attributes,
                        from.creation_time, from.state);
}

py::tuple as_tuple(const requester::provider_properties& from) {
  return py::make_tuple(from.provider_id, text(from.name), from.type, text(from.version), from.version_id,
                        from.class_id);
}

py::tuple as_tuple(const requester::writer_status& from) {
  py::object application = py::none();
  if (from.application_failure) application = py::int_(static_cast<std::uint32_t>(*from.application_failure));
  return py::make_tuple(from.instance_id, from.writer_id, to_python(from.name), from.state,
                        static_cast<std::uint32_t>(from.failure), application, text(from.application_message));
}

template <class Value>
py::list as_tuples(const std::vector<Value>& values) {
  py::list list;
  for (const Value& value : values) list.append(as_tuple(value));
  return list;
}

// fn() without the interpreter's lock, for methods that have to build their result by hand.
template <class Fn>
auto crossing(Fn fn) {
  const without_interpreter released;
  return fn();
}

using session_class = py::class_<session, std::shared_ptr<session>>;
using keeps_platform = py::keep_alive<0, 1>;  // an operation needs its session's platform

void define_preparation(session_class& type) {
  type.def(
          "initialize_for_backup", [](session& self, const nullable_text& xml) { self.initialize_for_backup(xml); },
          py::arg("xml"), crosses())
      .def("set_context", &session::set_context, py::arg("context"), crosses())
      .def("set_backup_state", &session::set_backup_state, py::arg("select_components"),
           py::arg("bootable_system_state"), py::arg("backup_type"), py::arg("partial_file_support"), crosses())
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
  type.def(
          "add_component",
          [](session& self, const GUID& instance_id, const GUID& writer_id, std::int32_t component_type,
             const nullable_text& logical_path, const wide_text& component_name) {
            self.add_component(instance_id, key(writer_id, component_type, logical_path, component_name));
          },
          py::arg("instance_id"), py::arg("writer_id"), py::arg("component_type"), py::arg("logical_path"),
          py::arg("component_name"), crosses())
      .def(
          "set_backup_options",
          [](session& self, const GUID& writer_id, std::int32_t component_type, const nullable_text& logical_path,
             const wide_text& component_name, const wide_text& backup_options) {
            self.set_backup_options(key(writer_id, component_type, logical_path, component_name), backup_options);
          },
          py::arg("writer_id"), py::arg("component_type"), py::arg("logical_path"), py::arg("component_name"),
          py::arg("backup_options"), crosses())
      .def(
          "set_previous_backup_stamp",
          [](session& self, const GUID& writer_id, std::int32_t component_type, const nullable_text& logical_path,
             const wide_text& component_name, const wide_text& stamp) {
            self.set_previous_backup_stamp(key(writer_id, component_type, logical_path, component_name), stamp);
          },
          py::arg("writer_id"), py::arg("component_type"), py::arg("logical_path"), py::arg("component_name"),
          py::arg("previous_backup_stamp"), crosses())
      .def(
          "set_backup_succeeded",
          [](session& self, const GUID& instance_id, const GUID& writer_id, std::int32_t component_type,
             const nullable_text& logical_path, const wide_text& component_name, bool succeeded) {
            self.set_backup_succeeded(instance_id, key(writer_id, component_type, logical_path, component_name),
                                      succeeded);
          },
          py::arg("instance_id"), py::arg("writer_id"), py::arg("component_type"), py::arg("logical_path"),
          py::arg("component_name"), py::arg("succeeded"), crosses());
}

void define_snapshots(session_class& type) {
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
      .def("prepare_for_backup", &session::prepare_for_backup, crosses(), keeps_platform())
      .def("do_snapshot_set", &session::do_snapshot_set, crosses(), keeps_platform())
      .def(
          "get_snapshot_properties",
          [](session& self, const GUID& snapshot_id) {
            return as_tuple(crossing([&] { return self.get_snapshot_properties(snapshot_id); }));
          },
          py::arg("snapshot_id"))
      .def("query_snapshots", [](session& self) { return as_tuples(crossing([&] { return self.query_snapshots(); })); })
      .def("query_providers", [](session& self) { return as_tuples(crossing([&] { return self.query_providers(); })); })
      .def(
          "delete_snapshots",
          [](session& self, const GUID& source_object_id, std::int32_t source_object_type, bool force_delete) {
            const auto outcome =
                crossing([&] { return self.delete_snapshots(source_object_id, source_object_type, force_delete); });
            return py::make_tuple(static_cast<std::uint32_t>(outcome.result), outcome.deleted, outcome.nondeleted_id);
          },
          py::arg("source_object_id"), py::arg("source_object_type"), py::arg("force_delete"));
}

void define_completion(session_class& type) {
  type.def("gather_writer_status", &session::gather_writer_status, crosses(), keeps_platform())
      .def("writer_statuses", [](session& self) { return as_tuples(crossing([&] { return self.writer_statuses(); })); })
      .def("free_writer_status", &session::free_writer_status, crosses())
      .def("backup_complete", &session::backup_complete, crosses(), keeps_platform())
      .def("abort_backup", &session::abort_backup, crosses())
      .def("save_as_xml", [](session& self) { return to_python(crossing([&] { return self.save_as_xml(); })); })
      .def("get_session_id", &session::get_session_id, crosses())
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
  define_snapshots(type);
  define_completion(type);
}

}  // namespace vsspy::bindings
