// The one interpreter that the modules work in.
#pragma once

#include <pybind11/pybind11.h>

namespace vsspy::bindings {

// The core's callbacks and its exit hook belong to the main interpreter. Isolated sub-interpreters are refused by CPython
// from 3.12 on, since pybind11 declares no support for them; those of 3.11, and later ones that share the interpreter's
// lock, are refused here.
inline void refuse_sub_interpreter(const pybind11::module_& module) {
  if (PyInterpreterState_Get() == PyInterpreterState_Main()) return;
  const auto name = pybind11::cast<std::string>(module.attr("__name__"));
  throw pybind11::import_error("module " + name + " does not support loading in subinterpreters");
}

}  // namespace vsspy::bindings
