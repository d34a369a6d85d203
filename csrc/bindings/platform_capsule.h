// The platform table in its capsule.
#pragma once

#include <pybind11/pybind11.h>

#include "../com/platform.h"

namespace vsspy::bindings {

namespace py = pybind11;

inline constexpr const char* platform_capsule_name = "vsspy.platform";

inline const vsspy_platform& platform_of(const py::capsule& capsule) {
  void* address = PyCapsule_GetPointer(capsule.ptr(), platform_capsule_name);
  if (!address) throw py::error_already_set();
  return *static_cast<const vsspy_platform*>(address);
}

}  // namespace vsspy::bindings
