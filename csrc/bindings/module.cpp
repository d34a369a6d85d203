// The table of contents of vsspy._core.
#include <pybind11/pybind11.h>

#include "documents.h"
#include "main_interpreter.h"
#include "register.h"

PYBIND11_MODULE(vsspy_core, module, pybind11::mod_gil_not_used()) {
  vsspy::bindings::require_main_interpreter("vsspy._core");
  module.doc() = "The requester side of VSS; vsspy's Python modules are its public face.";
  vsspy::bindings::register_errors(module);
  vsspy::bindings::register_platform(module);
  vsspy::bindings::register_documents(module);
  vsspy::bindings::register_backup_document(module);
  vsspy::bindings::register_filesets(module);
  vsspy::bindings::register_async(module);  // before what returns them
  vsspy::bindings::register_enumeration(module);
  vsspy::bindings::register_management(module);
  vsspy::bindings::register_components(module);
  vsspy::bindings::register_backup(module);
}

// NOLINTNEXTLINE(bugprone-reserved-identifier): CPython's name for it
extern "C" PYBIND11_EXPORT PyObject* PyInit__core() {
  return vsspy::bindings::in_main_interpreter(PyInit_vsspy_core, "vsspy._core");
}
