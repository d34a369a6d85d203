// The one translator: a failed HRESULT becomes the class that vsspy.errors has for it.
#include <pybind11/gil_safe_call_once.h>

#include "../com/hresult.h"
#include "register.h"

namespace vsspy::bindings {

namespace py = pybind11;

namespace {

const py::object& error_factory() {
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::object> stored;
  return stored
      .call_once_and_store_result([] { return py::object(py::module_::import("vsspy.errors").attr("from_hresult")); })
      .get_stored();
}

py::str utf8(const std::string& text) {
  PyObject* made = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
  if (!made) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(made);
}

void raise(const com::vss_error& failure) {
  const py::object error =
      error_factory()(static_cast<std::uint32_t>(failure.hresult()), utf8(failure.operation()), utf8(failure.detail()));
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
}

}  // namespace

void register_errors(py::module_&) {
  // NOLINTNEXTLINE(performance-unnecessary-value-param): the signature is pybind11's
  py::register_local_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const com::vss_error& failure) {
      try {
        raise(failure);
      } catch (py::error_already_set& error) {
        error.restore();
      }
    }
  });
}

}  // namespace vsspy::bindings
