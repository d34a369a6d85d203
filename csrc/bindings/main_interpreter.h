// The one interpreter that the modules work in.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace vsspy::bindings {

inline bool is_main_interpreter() noexcept { return PyInterpreterState_Get() == PyInterpreterState_Main(); }

inline std::string refusal_of_others(const char* name) {
  return std::string("module ") + name + " does not support loading in subinterpreters";
}

// Callbacks and the hook at exit belong to the main interpreter. The check stands before anything of pybind11, whose
// first step takes the interpreter's lock in a way that hangs in a sub-interpreter of CPython 3.11.
inline PyObject* in_main_interpreter(PyObject* (*initialise)(), const char* name) noexcept {
  if (is_main_interpreter()) return initialise();
  PyErr_SetString(PyExc_ImportError, refusal_of_others(name).c_str());
  return nullptr;
}

// The same at the beginning of the module: CPython 3.13 runs what stands before in the main interpreter first.
inline void require_main_interpreter(const char* name) {
  if (!is_main_interpreter()) throw pybind11::import_error(refusal_of_others(name));
}

}  // namespace vsspy::bindings
