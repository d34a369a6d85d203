// WriterDocument and its parts: opaque handles on one document that was read, by us or by VSS, whose values are made
// when vsspy.metadata asks.
#include <string>
#include <utility>
#include <vector>

#include "../documents/backup_components.h"
#include "../documents/writer_metadata.h"
#include "../documents/xml.h"
#include "../requester/examine.h"
#include "casters.h"
#include "documents.h"
#include "gil_policy.h"
#include "platform_capsule.h"

namespace vsspy::bindings {

namespace {

using documents::component_metadata;
using documents::file_set;
using documents::writer_metadata;

// Each part shares the ownership of the whole document.
struct writer_document {
  std::shared_ptr<const writer_metadata> value;
};
struct component_document {
  std::shared_ptr<const component_metadata> value;
};
struct file_set_list {
  std::shared_ptr<const std::vector<file_set>> value;
};

py::object optional_text(const std::optional<std::u16string>& text) {
  return text ? py::object(to_python(*text)) : py::object(py::none());
}

template <typename Owner>
file_set_list sets_of(const std::shared_ptr<const Owner>& owner, const std::vector<file_set>& sets) {
  return {std::shared_ptr<const std::vector<file_set>>(owner, &sets)};
}

template <typename Item>
const Item& at(const std::vector<Item>& items, std::size_t index) {
  if (index >= items.size()) throw py::index_error("index out of range");
  return items[index];
}

py::tuple identity(const writer_document& document) {
  const writer_metadata& from = *document.value;
  return py::make_tuple(to_python(from.writer_id), to_python(from.instance_id), optional_text(from.instance_name),
                        to_python(from.name), static_cast<int>(from.usage), static_cast<int>(from.source),
                        from.major_version, from.minor_version, from.backup_schema);
}

py::object restore_method(const writer_document& document) {
  if (!document.value->restore) return py::none();
  const documents::restore_method& from = *document.value->restore;
  return py::make_tuple(static_cast<int>(from.method), optional_text(from.service), optional_text(from.user_procedure),
                        static_cast<int>(from.writer_restore), from.reboot_required,
                        sets_of(document.value, from.alternate_location_mappings));
}

py::tuple component_fields(const component_document& component) {
  const component_metadata& from = *component.value;
  return py::make_tuple(
      static_cast<int>(from.type), optional_text(from.logical_path), to_python(from.name), optional_text(from.caption),
      py::bytes(reinterpret_cast<const char*>(from.icon.data()), from.icon.size()), from.restore_metadata,
      from.notify_on_backup_complete, from.selectable, from.selectable_for_restore, from.flags);
}

py::tuple file_set_at(const file_set_list& list, std::size_t index) {
  const file_set& from = at(*list.value, index);
  return py::make_tuple(to_python(from.path), to_python(from.filespec), from.recursive,
                        optional_text(from.alternate_path), from.backup_type_mask);
}

py::tuple dependency_at(const component_document& component, std::size_t index) {
  const documents::dependency& from = at(component.value->dependencies, index);
  return py::make_tuple(to_python(from.writer_id), optional_text(from.logical_path), to_python(from.component_name));
}

std::shared_ptr<const writer_metadata> read(std::u16string_view text) {
  return std::make_shared<const writer_metadata>(documents::read_writer_metadata(text));
}

std::u16string rewrite_components(std::u16string_view text) {
  return documents::write_backup_components(documents::read_backup_components(text));
}

void register_parts(py::module_& module) {
  py::class_<file_set_list>(module, "FileSetList", py::module_local(), py::is_final(),
                            "The file sets of one kind, read when asked for.")
      .def("__len__", [](const file_set_list& self) { return self.value->size(); })
      .def("get", &file_set_at, py::arg("index"), "(path, filespec, recursive, alternate_path, backup_type)");

  const auto sets = [](const std::vector<file_set> component_metadata::* member) {
    return [member](const component_document& self) { return sets_of(self.value, (*self.value).*member); };
  };
  py::class_<component_document>(module, "ComponentDocument", py::module_local(), py::is_final(),
                                 "One component of a WriterDocument.")
      .def("fields", &component_fields,
           "(type, logical_path, name, caption, icon, restore_metadata, notify_on_backup_complete, selectable, "
           "selectable_for_restore, flags)")
      .def_property_readonly("files", sets(&component_metadata::files))
      .def_property_readonly("database_files", sets(&component_metadata::database_files))
      .def_property_readonly("database_log_files", sets(&component_metadata::database_log_files))
      .def_property_readonly("dependency_count",
                             [](const component_document& self) { return self.value->dependencies.size(); })
      .def("dependency", &dependency_at, py::arg("index"), "(writer_id, logical_path, component_name)");
}

void register_examination(py::module_& module) {
  using requester::examination;
  py::class_<examination, std::shared_ptr<examination>>(module, "ExamineWriterMetadata", py::module_local(),
                                                        py::is_final(), releases_object(),
                                                        "IVssExamineWriterMetadata, made from a stored document.")
      .def(py::init([](const py::capsule& platform, const wide_text& xml) {
             const vsspy_platform& table = platform_of(platform);
             return crossing([&] { return examination::create(table, xml); });
           }),
           py::arg("platform"), py::arg("xml"), py::keep_alive<1, 2>())
      .def(
          "load_from_xml", [](examination& self, const wide_text& xml) { return self.load_from_xml(xml); },
          py::arg("xml"), crosses())
      .def(
          "save_as_xml", [](examination& self) { return wide_text(self.save_as_xml()); }, crosses())
      .def("metadata", [](examination& self) { return writer_document{crossing([&] { return self.metadata(); })}; })
      .def("close", &examination::close_or_throw, crosses());
}

}  // namespace

py::object wrap_writer_document(std::shared_ptr<const documents::writer_metadata> document) {
  return py::cast(writer_document{std::move(document)});
}

void register_documents(py::module_& module) {
  register_parts(module);

  py::class_<writer_document>(module, "WriterDocument", py::module_local(), py::is_final(),
                              "A Writer Metadata Document that was read.")
      .def("identity", &identity,
           "(writer_id, instance_id, instance_name, name, usage, source, major_version, minor_version, backup_schema)")
      .def("restore_method", &restore_method,
           "None, or (method, service, user_procedure, writer_restore, reboot_required, alternate_location_mappings)")
      .def_property_readonly("component_count",
                             [](const writer_document& self) { return self.value->components.size(); })
      .def(
          "component",
          [](const writer_document& self, std::size_t index) {
            return component_document{
                std::shared_ptr<const component_metadata>(self.value, &at(self.value->components, index))};
          },
          py::arg("index"))
      .def_property_readonly("exclude_files",
                             [](const writer_document& self) { return sets_of(self.value, self.value->exclude_files); })
      .def_property_readonly(
          "exclude_files_from_snapshot",
          [](const writer_document& self) { return sets_of(self.value, self.value->exclude_files_from_snapshot); })
      .def(
          "xml", [](const writer_document& self) { return to_python(self.value->xml); },
          "The text that it was read from.")
      .def(
          "canonical_xml",
          [](const writer_document& self) {
            return to_python(crossing([&] { return documents::write_writer_metadata(*self.value); }));
          },
          "Its values written anew: no white space, attributes in the order in which Windows writes them.");

  module.def(
      "read_writer_metadata",
      [](const py::bytes& text) {
        const std::string_view bytes = text;
        return writer_document{
            crossing([&] { return read(documents::xml::decode_document(bytes, "read_writer_metadata")); })};
      },
      py::arg("text"), "Reads a Writer Metadata Document, a file's bytes or its text.");
  module.def(
      "read_writer_metadata",
      [](const py::str& text) {
        const std::u16string units = u16_from_python(text);
        return writer_document{crossing([&] { return read(units); })};
      },
      py::arg("text"));
  module.def(
      "rewrite_backup_components",
      [](const py::bytes& text) {
        const std::string_view bytes = text;
        return to_python(crossing(
            [&] { return rewrite_components(documents::xml::decode_document(bytes, "read_backup_components")); }));
      },
      py::arg("text"), "Reads a Backup Components Document and writes it anew, in canonical form.");
  module.def(
      "rewrite_backup_components",
      [](const py::str& text) {
        const std::u16string units = u16_from_python(text);
        return to_python(crossing([&] { return rewrite_components(units); }));
      },
      py::arg("text"));
  register_examination(module);
}

}  // namespace vsspy::bindings
