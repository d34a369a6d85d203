// IVssAsync as _core.AsyncOperation.
#include <pybind11/stl.h>

#include "../requester/async_operation.h"
#include "gil_policy.h"
#include "register.h"

namespace vsspy::bindings {

using requester::async_operation;

void register_async(py::module_& module) {
  py::class_<async_operation, std::shared_ptr<async_operation>>(module, "AsyncOperation", py::module_local(),
                                                                releases_object())
      .def_property_readonly("starter", &async_operation::starter)
      .def(
          "status", [](async_operation& self) { return static_cast<std::uint32_t>(self.status()); }, crosses(),
          "IVssAsync::QueryStatus")
      .def(
          "wait",
          [](async_operation& self, std::optional<double> timeout) { return self.wait(timeout, check_signals); },
          py::arg("timeout") = py::none(), crosses(), "IVssAsync::Wait; false when the time is over")
      .def(
          "cancel", [](async_operation& self) { return static_cast<std::uint32_t>(self.cancel()); }, crosses(),
          "IVssAsync::Cancel")
      .def("close", &async_operation::close, crosses());
}

}  // namespace vsspy::bindings
