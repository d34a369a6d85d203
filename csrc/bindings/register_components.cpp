// The views of the Backup Components Document as _core.WriterComponents and _core.DocumentComponent. Structures pass as
// tuples in the order of their fields, enumerations as numbers.
#include <tuple>
#include <vector>

#include "../requester/component_view.h"
#include "register.h"
#include "session_binding.h"

namespace vsspy::bindings {

using requester::component_view;
using requester::writer_components_view;

namespace {

using component_class = py::class_<component_view, std::shared_ptr<component_view>>;

nullable_text nullable(requester::optional_text&& text) {
  return text ? nullable_text(wide_text(std::move(*text))) : std::nullopt;
}
wide_text wide(std::u16string&& text) { return wide_text(std::move(text)); }

auto as_tuple(documents::file_set&& from) {
  return std::make_tuple(wide(std::move(from.path)), wide(std::move(from.filespec)), from.recursive,
                         nullable(std::move(from.alternate_path)), from.backup_type_mask);
}
auto as_tuple(requester::partial_file_info&& from) {
  return std::make_tuple(wide(std::move(from.path)), wide(std::move(from.filename)), wide(std::move(from.ranges)),
                         wide(std::move(from.metadata)));
}
auto as_tuple(requester::differenced_file_info&& from) {
  return std::make_tuple(wide(std::move(from.path)), wide(std::move(from.filespec)), from.recursive,
                         nullable(std::move(from.lsn)), from.last_modify_time);
}
auto as_tuple(requester::directed_target_info&& from) {
  return std::make_tuple(wide(std::move(from.source_path)), wide(std::move(from.source_filename)),
                         wide(std::move(from.source_ranges)), wide(std::move(from.destination_path)),
                         wide(std::move(from.destination_filename)), wide(std::move(from.destination_ranges)));
}
auto as_tuple(requester::restore_subcomponent_info&& from) {
  return std::make_tuple(nullable(std::move(from.logical_path)), wide(std::move(from.component_name)), from.repair);
}
auto as_tuple(requester::roll_forward_info&& from) {
  return std::make_tuple(from.type, nullable(std::move(from.point)));
}
auto as_tuple(requester::component_failure_info&& from) {
  return std::make_tuple(static_cast<std::uint32_t>(from.failure), static_cast<std::uint32_t>(from.application_failure),
                         nullable(std::move(from.application_message)));
}

// What a getter of the view gives, in a form that pybind11 knows.
nullable_text plain(requester::optional_text&& text) { return nullable(std::move(text)); }
wide_text plain(std::u16string&& text) { return wide(std::move(text)); }
std::int32_t plain(std::int32_t value) { return value; }
bool plain(bool value) { return value; }
std::optional<bool> plain(std::optional<bool> value) { return value; }
template <class Item>
auto plain(std::vector<Item>&& items) {
  std::vector<decltype(as_tuple(std::declval<Item>()))> tuples;
  tuples.reserve(items.size());
  for (Item& item : items) tuples.push_back(as_tuple(std::move(item)));
  return tuples;
}
template <class Structure>
auto plain(Structure&& from) {
  return as_tuple(std::forward<Structure>(from));
}

// A getter that runs without the interpreter's lock.
template <class Result>
void get(component_class& type, const char* name, Result (component_view::*getter)()) {
  type.def(name, [getter](component_view& self) { return plain((self.*getter)()); }, crosses());
}

void set(component_class& type, const char* name, const char* argument,
         void (component_view::*setter)(const std::u16string&)) {
  type.def(
      name, [setter](component_view& self, const wide_text& text) { (self.*setter)(text); }, py::arg(argument),
      crosses());
}

void define_getters(component_class& type) {
  get(type, "logical_path", &component_view::logical_path);
  get(type, "type", &component_view::type);
  get(type, "name", &component_view::name);
  get(type, "backup_succeeded", &component_view::backup_succeeded);
  get(type, "backup_metadata", &component_view::backup_metadata);
  get(type, "backup_stamp", &component_view::backup_stamp);
  get(type, "previous_backup_stamp", &component_view::previous_backup_stamp);
  get(type, "backup_options", &component_view::backup_options);
  get(type, "prepare_for_backup_failure_message", &component_view::prepare_for_backup_failure_message);
  get(type, "post_snapshot_failure_message", &component_view::post_snapshot_failure_message);
  get(type, "failure", &component_view::failure);
  get(type, "partial_files", &component_view::partial_files);
  get(type, "differenced_files", &component_view::differenced_files);
  get(type, "selected_for_restore", &component_view::selected_for_restore);
  get(type, "additional_restores", &component_view::additional_restores);
  get(type, "restore_options", &component_view::restore_options);
  get(type, "restore_metadata", &component_view::restore_metadata);
  get(type, "restore_target", &component_view::restore_target);
  get(type, "restore_name", &component_view::restore_name);
  get(type, "authoritative_restore", &component_view::authoritative_restore);
  get(type, "roll_forward", &component_view::roll_forward);
  get(type, "file_restore_status", &component_view::file_restore_status);
  get(type, "pre_restore_failure_message", &component_view::pre_restore_failure_message);
  get(type, "post_restore_failure_message", &component_view::post_restore_failure_message);
  get(type, "alternate_location_mappings", &component_view::alternate_location_mappings);
  get(type, "new_targets", &component_view::new_targets);
  get(type, "directed_targets", &component_view::directed_targets);
  get(type, "restore_subcomponents", &component_view::restore_subcomponents);
}

void define_setters(component_class& type) {
  set(type, "set_backup_metadata", "data", &component_view::set_backup_metadata);
  set(type, "set_restore_metadata", "data", &component_view::set_restore_metadata);
  set(type, "set_backup_stamp", "stamp", &component_view::set_backup_stamp);
  set(type, "set_pre_restore_failure_message", "message", &component_view::set_pre_restore_failure_message);
  set(type, "set_post_restore_failure_message", "message", &component_view::set_post_restore_failure_message);
  set(type, "set_prepare_for_backup_failure_message", "message",
      &component_view::set_prepare_for_backup_failure_message);
  set(type, "set_post_snapshot_failure_message", "message", &component_view::set_post_snapshot_failure_message);
  type.def("set_restore_target", &component_view::set_restore_target, py::arg("target"), crosses())
      .def(
          "set_failure",
          [](component_view& self, std::uint32_t hresult, std::uint32_t application_hresult,
             const nullable_text& application_message) {
            self.set_failure(
                {static_cast<HRESULT>(hresult), static_cast<HRESULT>(application_hresult), application_message});
          },
          py::arg("hresult"), py::arg("application_hresult"), py::arg("application_message"), crosses())
      .def(
          "add_partial_file",
          [](component_view& self, const wide_text& path, const wide_text& filename, const wide_text& ranges,
             const wide_text& metadata) { self.add_partial_file({path, filename, ranges, metadata}); },
          py::arg("path"), py::arg("filename"), py::arg("ranges"), py::arg("metadata"), crosses())
      .def(
          "add_directed_target",
          [](component_view& self, const wide_text& source_path, const wide_text& source_filename,
             const wide_text& source_ranges, const wide_text& destination_path, const wide_text& destination_filename,
             const wide_text& destination_ranges) {
            self.add_directed_target({source_path, source_filename, source_ranges, destination_path,
                                      destination_filename, destination_ranges});
          },
          py::arg("source_path"), py::arg("source_filename"), py::arg("source_ranges"), py::arg("destination_path"),
          py::arg("destination_filename"), py::arg("destination_ranges"), crosses())
      .def(
          "add_differenced_files_by_last_modify_time",
          [](component_view& self, const wide_text& path, const wide_text& filespec, bool recursive,
             std::uint64_t last_modify_filetime) {
            self.add_differenced_files_by_last_modify_time(
                {path, filespec, recursive, std::nullopt, last_modify_filetime});
          },
          py::arg("path"), py::arg("filespec"), py::arg("recursive"), py::arg("last_modify_filetime"), crosses())
      .def(
          "add_differenced_files_by_last_modify_lsn",
          [](component_view& self, const wide_text& path, const wide_text& filespec, bool recursive,
             const wide_text& lsn) {
            self.add_differenced_files_by_last_modify_lsn({path, filespec, recursive, lsn, 0});
          },
          py::arg("path"), py::arg("filespec"), py::arg("recursive"), py::arg("lsn"), crosses());
}

}  // namespace

void define_writer_components(session_class& type) {
  type.def("writer_components", &requester::session::writer_components, crosses());
}

void register_components(py::module_& module) {
  component_class component(module, "DocumentComponent", py::module_local(), py::is_final(), releases_object());
  define_getters(component);
  define_setters(component);
  py::class_<writer_components_view, std::shared_ptr<writer_components_view>>(
      module, "WriterComponents", py::module_local(), py::is_final(), releases_object())
      .def(
          "info",
          [](writer_components_view& self) {
            const requester::writer_info found = self.info();
            return std::make_tuple(found.instance_id, found.writer_id);
          },
          crosses(), "(instance_id, writer_id)")
      .def("components", &writer_components_view::components, crosses());
}

}  // namespace vsspy::bindings
