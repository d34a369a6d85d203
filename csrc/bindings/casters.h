// GUIDs and UTF-16 text as arguments and results, by the rules of conversions.h.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>

#include "conversions.h"

namespace vsspy::bindings {

// A text that VSS takes, lone surrogates included. That there is no NUL in it is for the core to see, which knows what
// the argument is called: requester/arguments.h.
struct wide_text : std::u16string {
  using std::u16string::u16string;
  explicit wide_text(std::u16string text) : std::u16string(std::move(text)) {}
};

}  // namespace vsspy::bindings

namespace pybind11::detail {

template <>
struct type_caster<GUID> {
  PYBIND11_TYPE_CASTER(GUID, const_name("uuid.UUID"));

  bool load(handle source, bool /*convert*/) {
    if (!isinstance(source, vsspy::bindings::uuid_class())) return false;
    value = vsspy::bindings::guid_from_python(source);
    return true;
  }
  static handle cast(const GUID& id, return_value_policy, handle) { return vsspy::bindings::to_python(id).release(); }
};

template <>
struct type_caster<vsspy::bindings::wide_text> {
  PYBIND11_TYPE_CASTER(vsspy::bindings::wide_text, const_name("str"));

  bool load(handle source, bool /*convert*/) {
    if (!PyUnicode_Check(source.ptr())) return false;
    value = vsspy::bindings::wide_text(vsspy::bindings::u16_from_python(reinterpret_borrow<str>(source)));
    return true;
  }
  static handle cast(const std::u16string& text, return_value_policy, handle) {
    return vsspy::bindings::to_python(text).release();
  }
};

}  // namespace pybind11::detail
