// The table of contents of vsspy._core.
#include <pybind11/pybind11.h>

#include "documents.h"
#include "register.h"

PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
  module.doc() = "The requester side of VSS; vsspy's Python modules are its public face.";
  vsspy::bindings::register_errors(module);
  vsspy::bindings::register_platform(module);
  vsspy::bindings::register_documents(module);
  vsspy::bindings::register_async(module);  // before what returns it
  vsspy::bindings::register_backup(module);
}
