// IVssEnumObject and IVssEnumMgmtObject as _core.EnumObject and _core.EnumMgmtObject. An element is the tuple of its
// fields; the number of fields says which structure it is.
#include "../requester/enumeration.h"
#include "casters.h"
#include "gil_policy.h"
#include "keeps_platform.h"
#include "property_tuples.h"
#include "register.h"

namespace vsspy::bindings {

py::object text_or_none(const std::optional<std::u16string>& from) {
  return from ? py::object(to_python(*from)) : py::none();
}

py::tuple as_tuple(const requester::snapshot_properties& from) {
  return py::make_tuple(from.snapshot_id, from.snapshot_set_id, from.snapshots_count, text_or_none(from.device_object),
                        text_or_none(from.original_volume), text_or_none(from.originating_machine),
                        text_or_none(from.service_machine), text_or_none(from.exposed_name),
                        text_or_none(from.exposed_path), from.provider_id, from.attributes, from.creation_time,
                        from.state);
}

py::tuple as_tuple(const requester::provider_properties& from) {
  return py::make_tuple(from.provider_id, text_or_none(from.name), from.type, text_or_none(from.version),
                        from.version_id, from.class_id);
}

py::tuple as_tuple(const requester::volume_properties& from) {
  return py::make_tuple(text_or_none(from.volume_name), text_or_none(from.display_name));
}

py::tuple as_tuple(const requester::diff_volume_properties& from) {
  return py::make_tuple(text_or_none(from.volume_name), text_or_none(from.display_name), from.free_space,
                        from.total_space);
}

py::tuple as_tuple(const requester::diff_area_properties& from) {
  return py::make_tuple(text_or_none(from.volume_name), text_or_none(from.diff_area_volume_name), from.maximum_space,
                        from.allocated_space, from.used_space);
}

namespace {

template <class Value>
py::tuple element(const Value& value) {
  return std::visit([](const auto& properties) { return as_tuple(properties); }, value);
}

template <class Enumeration>
void define(py::module_& module, const char* name) {
  py::class_<Enumeration, std::shared_ptr<Enumeration>>(module, name, py::module_local(), releases_object())
      .def(
          "next",
          [](Enumeration& self, std::uint32_t count) {
            py::list elements;
            for (const auto& value : crossing([&] { return self.next(count); })) elements.append(element(value));
            return elements;
          },
          py::arg("count"))
      .def("next_one",
           [](Enumeration& self) {
             const auto value = crossing([&] { return self.next_one(); });
             return value ? py::object(element(*value)) : py::none();
           })
      .def("skip", &Enumeration::skip, py::arg("count"), crosses())
      .def("reset", &Enumeration::reset, crosses())
      .def("clone", &Enumeration::clone, crosses(), keeps_platform())
      .def("close", &Enumeration::close_or_throw, crosses());
}

}  // namespace

void register_enumeration(py::module_& module) {
  define<requester::object_enumeration>(module, "EnumObject");
  define<requester::management_enumeration>(module, "EnumMgmtObject");
}

}  // namespace vsspy::bindings
