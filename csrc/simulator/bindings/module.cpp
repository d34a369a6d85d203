// The table of contents of vsspy._simulator.
#include <pybind11/pybind11.h>

#include "../../bindings/main_interpreter.h"
#include "register.h"
#ifndef _WIN32
#include "register_provider.h"
#endif

PYBIND11_MODULE(vsspy_simulator, module, pybind11::mod_gil_not_used()) {
  vsspy::bindings::require_main_interpreter("vsspy._simulator");
  module.doc() = "The simulator's control table; vsspy.simulator is its public face.";
  vsspy::simulator::register_events(module);
  vsspy::simulator::register_machine(module);
  vsspy::simulator::register_probe(module);
#ifndef _WIN32  // there the provider is inside vssapi.dll
  vsspy::simulator::register_provider_testing(module);
#endif
}

// NOLINTNEXTLINE(bugprone-reserved-identifier): CPython's name for it
extern "C" PYBIND11_EXPORT PyObject* PyInit__simulator() {
  return vsspy::bindings::in_main_interpreter(PyInit_vsspy_simulator, "vsspy._simulator");
}
