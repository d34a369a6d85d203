// What module.cpp calls, and what its files share.
#pragma once

#include <pybind11/pybind11.h>

#include <functional>
#include <string>

#include "../control.h"

namespace vsspy::simulator {

namespace py = pybind11;

void register_events(py::module_& module);
void register_machine(py::module_& module);
void register_probe(py::module_& module);

// The linked simulator's table; on Windows that of the loaded vssapi.dll. Throws ImportError where that is another.
const vsspy_simulator_control& control();

// The callback of vsspy_writer: `user` is a PyObject* that is called with a WriterEventHandle and gives None or
// (HRESULT, note).
HRESULT call_python_writer(void* user, const vsspy_writer_event* event);
void release_python_writer(void* user);

// At the end, when a callback has not returned in time: whatever would wait for it is left to the process's end.
bool gave_up_on_callbacks();

// A sleep on the machine's clock, with the GIL and in slices of real time, so that Ctrl-C and the end are seen. `sleep`
// is called without the GIL, with how long it may take, and gives S_FALSE when it has to be called again.
std::uint32_t sleep_in_slices(const std::function<HRESULT(std::uint64_t)>& sleep);

inline vsspy_text text_of(std::string_view text) { return {text.data(), text.size()}; }

// Lone surrogates come as three-byte sequences; what is no text at all is shown as well as it can be.
inline py::str python_text(std::string_view text) {
  const auto size = static_cast<Py_ssize_t>(text.size());
  PyObject* decoded = PyUnicode_DecodeUTF8(text.data(), size, "surrogatepass");
  if (!decoded) {
    PyErr_Clear();
    decoded = PyUnicode_DecodeUTF8(text.data(), size, "replace");
  }
  if (!decoded) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(decoded);
}
inline py::str python_text(vsspy_text text) {
  return python_text(std::string_view(text.data ? text.data : "", text.size));
}
inline py::object optional_text(vsspy_text text) { return text.data ? py::object(python_text(text)) : py::none(); }

inline std::string utf8(const py::str& text) {
  PyObject* encoded = PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogatepass");
  if (!encoded) throw py::error_already_set();
  return std::string(py::reinterpret_steal<py::bytes>(encoded));
}

inline py::bytes guid_bytes(const GUID& id) { return py::bytes(reinterpret_cast<const char*>(&id), sizeof id); }

}  // namespace vsspy::simulator
