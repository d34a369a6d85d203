// A Backup Components Document as plain values: dictionaries whose keys are the fields of vsspy.backup_document,
// structures as tuples in the order of theirs, enumerations as numbers.
#include "../documents/backup_components.h"
#include "../documents/xml.h"
#include "casters.h"
#include "gil_policy.h"
#include "property_tuples.h"
#include "register.h"

namespace vsspy::bindings {

namespace {

using documents::backup_component;
using documents::writer_components;

py::object plain(const std::optional<std::u16string>& value) { return text_or_none(value); }
py::object plain(const std::optional<GUID>& value) { return value ? to_python(*value) : py::none(); }
py::object plain(const std::optional<documents::writer_data>& value) {
  return value ? py::object(to_python(value->metadata)) : py::none();
}
py::object plain(const std::optional<bool>& value) { return value ? py::object(py::bool_(*value)) : py::none(); }
template <typename Enum>
  requires std::is_enum_v<Enum>
py::object plain(const std::optional<Enum>& value) {
  return value ? py::object(py::int_(static_cast<int>(*value))) : py::none();
}

py::tuple as_tuple(const documents::partial_file& from) {
  return py::make_tuple(to_python(from.path), to_python(from.filespec), to_python(from.ranges),
                        to_python(from.metadata));
}
py::tuple as_tuple(const documents::differenced_file& from) {
  return py::make_tuple(to_python(from.path), to_python(from.filespec), from.recursive,
                        from.lsn.empty() ? py::object(py::none()) : py::object(to_python(from.lsn)),
                        from.last_modify_time);
}
py::tuple as_tuple(const documents::moved_files& from) {
  return py::make_tuple(to_python(from.path), to_python(from.filespec), from.recursive, to_python(from.alternate_path));
}
py::tuple as_tuple(const documents::directed_target& from) {
  return py::make_tuple(to_python(from.source_path), to_python(from.source_filespec), to_python(from.source_ranges),
                        to_python(from.target_path), to_python(from.target_filespec), to_python(from.target_ranges));
}
py::tuple as_tuple(const documents::restore_subcomponent& from) {
  return py::make_tuple(from.logical_path.empty() ? py::object(py::none()) : py::object(to_python(from.logical_path)),
                        to_python(from.name), from.repair);
}
py::tuple failure(const backup_component& from) {
  return py::make_tuple(static_cast<std::uint32_t>(from.failure.value_or(S_OK)),
                        static_cast<std::uint32_t>(from.application_failure.value_or(S_OK)),
                        plain(from.application_message));
}

py::str as_item(const std::u16string& xml) { return to_python(xml); }
template <typename Structure>
auto as_item(const Structure& from) {
  return as_tuple(from);
}
template <typename Item>
py::list list_of(const std::vector<Item>& items) {
  py::list made;
  for (const Item& item : items) made.append(as_item(item));
  return made;
}

py::dict as_dict(const backup_component& from) {
  py::dict made;
  made["logical_path"] = plain(from.logical_path);
  made["name"] = to_python(from.name);
  made["type"] = static_cast<int>(from.type);
  made["backup_succeeded"] = plain(from.backup_succeeded);
  made["backup_stamp"] = plain(from.backup_stamp);
  made["previous_backup_stamp"] = plain(from.previous_backup_stamp);
  made["backup_options"] = plain(from.backup_options);
  made["backup_metadata"] = plain(from.backup_metadata);
  made["partial_files"] = list_of(from.partial_files);
  made["differenced_files"] = list_of(from.differenced_files);
  made["prepare_for_backup_failure_message"] = plain(from.prepare_for_backup_failure_message);
  made["post_snapshot_failure_message"] = plain(from.post_snapshot_failure_message);
  made["failure"] = failure(from);
  made["selected_for_restore"] = plain(from.selected_for_restore);
  made["restore_instance_id"] = plain(from.restore_instance_id);
  made["additional_restores"] = plain(from.additional_restores);
  made["restore_options"] = plain(from.restore_options);
  made["restore_metadata"] = plain(from.restore_metadata);
  made["restore_target"] = plain(from.restore_target);
  made["restore_name"] = plain(from.restore_name);
  made["authoritative_restore"] = plain(from.authoritative_restore);
  made["roll_forward_type"] = plain(from.roll_forward_type);
  made["roll_forward_point"] = plain(from.roll_forward_point);
  made["file_restore_status"] = plain(from.file_restore_status);
  made["alternate_location_mappings"] = list_of(from.alternate_location_mappings);
  made["new_targets"] = list_of(from.new_targets);
  made["directed_targets"] = list_of(from.directed_targets);
  made["restore_subcomponents"] = list_of(from.restore_subcomponents);
  made["pre_restore_failure_message"] = plain(from.pre_restore_failure_message);
  made["post_restore_failure_message"] = plain(from.post_restore_failure_message);
  return made;
}

py::dict as_dict(const writer_components& from) {
  py::list components;
  for (const backup_component& component : from.components) components.append(as_dict(component));
  py::dict made;
  made["writer_id"] = to_python(from.writer_id);
  made["instance_id"] = to_python(from.instance_id);
  made["instance_name"] = plain(from.instance_name);
  made["backup_schema"] = from.backup_schema;
  made["components"] = std::move(components);
  return made;
}

py::dict as_dict(const documents::backup_components& from) {
  py::list writers;
  for (const writer_components& writer : from.writers) writers.append(as_dict(writer));
  py::dict made;
  made["bootable_system_state"] = from.bootable_system_state;
  made["select_components"] = from.select_components;
  made["backup_type"] = static_cast<int>(from.backup_type);
  made["partial_file_support"] = from.partial_file_support;
  made["snapshot_set_id"] = plain(from.snapshot_set_id);
  made["restore_type"] = static_cast<int>(from.restore_type);
  made["writers"] = std::move(writers);
  made["other_elements"] = list_of(from.other_children);
  return made;
}

}  // namespace

void register_backup_document(py::module_& module) {
  module.def(
      "read_backup_components",
      [](const py::bytes& text) {
        const std::string_view bytes = text;
        return as_dict(crossing([&] {
          return documents::read_backup_components(documents::xml::decode_document(bytes, "read_backup_components"));
        }));
      },
      py::arg("text"), "Reads a Backup Components Document, a file's bytes or its text.");
  module.def(
      "read_backup_components",
      [](const py::str& text) {
        const std::u16string units = u16_from_python(text);
        return as_dict(crossing([&] { return documents::read_backup_components(units); }));
      },
      py::arg("text"));
}

}  // namespace vsspy::bindings
