// Who holds the interpreter's lock, written once and applied by kind:
//   crosses          calls that reach the service, waits and releases run without it; the arguments are C++ values
//   or crossing      before, the result becomes a Python value after, and so does an HRESULT that was thrown as
//                    vss_error
//   releases_object  a destructor that may be the last Release, on whatever thread the collector runs
//   check_signals    what a wait does between its slices
// Everything else only copies values and keeps the lock. No lock of ours is ever taken with this one held.
#pragma once

#include <pybind11/pybind11.h>

#include "../requester/lifetime.h"

namespace vsspy::bindings {

namespace py = pybind11;

class without_interpreter {
 public:
  without_interpreter() = default;

 private:
  requester::running_call running_;  // first: the end of the interpreter waits until the lock is back
  py::gil_scoped_release released_;
};

// fn() without the interpreter's lock, where the result is made into Python values by hand.
template <class Fn>
auto crossing(Fn fn) {
  const without_interpreter released;
  return fn();
}

using crosses = py::call_guard<without_interpreter>;
using releases_object = py::release_gil_before_calling_cpp_dtor;

// Lets a signal handler run where this is the main thread: Ctrl-C leaves as KeyboardInterrupt.
inline void check_signals() {
  const py::gil_scoped_acquire acquired;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

}  // namespace vsspy::bindings
