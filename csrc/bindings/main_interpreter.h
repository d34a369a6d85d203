// The one interpreter that the modules work in.
#pragma once

#include <pybind11/pybind11.h>

namespace vsspy::bindings {

// Callbacks and the hook at exit belong to the main interpreter. The check stands before anything of pybind11, whose
// first step takes the interpreter's lock in a way that hangs in a sub-interpreter of CPython 3.11.
inline PyObject* in_main_interpreter(PyObject* (*initialise)(), const char* name) noexcept {
  if (PyInterpreterState_Get() == PyInterpreterState_Main()) return initialise();
  PyErr_Format(PyExc_ImportError, "module %s does not support loading in subinterpreters", name);
  return nullptr;
}

}  // namespace vsspy::bindings
