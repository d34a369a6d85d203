// What crosses between Python and C++ in every binding: ids as uuid.UUID, text as UTF-16. All need the GIL.
#pragma once

#include <pybind11/gil_safe_call_once.h>
#include <pybind11/pybind11.h>

#include <bit>
#include <cstring>
#include <string>
#include <string_view>

#include "../abi/vss_abi.h"
#include "../com/text.h"

namespace vsspy::bindings {

namespace py = pybind11;

static_assert(std::endian::native == std::endian::little, "a GUID in memory must be what uuid.UUID calls bytes_le");

inline const py::object& uuid_class() {
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::object> stored;
  return stored.call_once_and_store_result([] { return py::object(py::module_::import("uuid").attr("UUID")); })
      .get_stored();
}

inline py::object to_python(const GUID& id) {
  return uuid_class()(py::arg("bytes_le") = py::bytes(reinterpret_cast<const char*>(&id), sizeof id));
}

// Raises TypeError for anything but a uuid.UUID.
inline GUID guid_from_python(py::handle value) {
  if (!py::isinstance(value, uuid_class())) {
    throw py::type_error("expected a uuid.UUID, got " + py::cast<std::string>(py::str(py::type::handle_of(value))));
  }
  const auto bytes = py::cast<py::bytes>(value.attr("bytes_le"));
  const std::string_view content = bytes;
  GUID id{};
  if (content.size() != sizeof id) throw py::type_error("a uuid.UUID must have 16 bytes");
  std::memcpy(&id, content.data(), sizeof id);
  return id;
}

// Lone surrogates come through as they are: names on NTFS may hold them.
inline py::str to_python(std::u16string_view text) {
  int byte_order = -1;
  PyObject* made =
      PyUnicode_DecodeUTF16(reinterpret_cast<const char*>(text.data()),
                            static_cast<Py_ssize_t>(text.size() * sizeof(char16_t)), "surrogatepass", &byte_order);
  if (!made) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(made);
}

inline std::u16string u16_from_python(const py::str& text) {
  PyObject* object = text.ptr();
  const Py_ssize_t length = PyUnicode_GET_LENGTH(object);
  const auto kind = PyUnicode_KIND(object);
  const void* data = PyUnicode_DATA(object);
  std::u16string out;
  out.reserve(static_cast<std::size_t>(length));
  for (Py_ssize_t i = 0; i < length; ++i) com::append_utf16(out, PyUnicode_READ(kind, data, i));
  return out;
}

}  // namespace vsspy::bindings
