// What an object gives needs the same platform, whose capsule the object keeps.
#pragma once

#include <pybind11/pybind11.h>

namespace vsspy::bindings {

// The result keeps the first argument. pybind11 3.1 would do it with keep_alive<0, 1>, which takes the mark of
// arguments that do not fit for a result, and crashes.
struct keeps_platform {};

}  // namespace vsspy::bindings

namespace pybind11::detail {

template <>
struct process_attribute<vsspy::bindings::keeps_platform> : process_attribute_default<vsspy::bindings::keeps_platform> {
  static void postcall(function_call& call, handle result) {
    if (result && result.ptr() != PYBIND11_TRY_NEXT_OVERLOAD) keep_alive_impl(result, call.args[0]);
  }
};

}  // namespace pybind11::detail
