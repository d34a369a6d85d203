// _core.Session, which is defined in more than one file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "../requester/session.h"
#include "casters.h"
#include "gil_policy.h"
#include "keeps_platform.h"

namespace vsspy::bindings {

using nullable_text = std::optional<wide_text>;
using session_class = py::class_<requester::session, std::shared_ptr<requester::session>>;

// How a parameter of a session's method comes from Python.
template <class Parameter>
struct from_python {
  using type = Parameter;
};
template <>
struct from_python<const std::u16string&> {
  using type = const wide_text&;
};
template <>
struct from_python<const std::optional<std::u16string>&> {
  using type = const nullable_text&;
};

template <class Parameter>
using python_argument = from_python<Parameter>::type;

inline requester::component_key component_key(const GUID& writer_id, std::int32_t type,
                                              const nullable_text& logical_path, const wide_text& name) {
  return {writer_id, static_cast<VSS_COMPONENT_TYPE>(type), logical_path, name};
}

// A method on a component: the key's four parts, then what the method takes more.
template <class... More, class... Names>
void define_on_component(session_class& type, const char* name,
                         void (requester::session::*method)(const requester::component_key&, More...),
                         const Names&... names) {
  type.def(
      name,
      [method](requester::session& self, const GUID& writer_id, std::int32_t component_type,
               const nullable_text& logical_path, const wide_text& component_name, python_argument<More>... more) {
        (self.*method)(component_key(writer_id, component_type, logical_path, component_name), more...);
      },
      py::arg("writer_id"), py::arg("component_type"), py::arg("logical_path"), py::arg("component_name"), names...,
      crosses());
}

// The same for an included component of a certain instance of the writer.
template <class... More, class... Names>
void define_on_instance(session_class& type, const char* name,
                        void (requester::session::*method)(const GUID&, const requester::component_key&, More...),
                        const Names&... names) {
  type.def(
      name,
      [method](requester::session& self, const GUID& instance_id, const GUID& writer_id, std::int32_t component_type,
               const nullable_text& logical_path, const wide_text& component_name, python_argument<More>... more) {
        (self.*method)(instance_id, component_key(writer_id, component_type, logical_path, component_name), more...);
      },
      py::arg("instance_id"), py::arg("writer_id"), py::arg("component_type"), py::arg("logical_path"),
      py::arg("component_name"), names..., crosses());
}

void define_snapshots(session_class& type);
void define_restore(session_class& type);
void define_writer_components(session_class& type);

}  // namespace vsspy::bindings
