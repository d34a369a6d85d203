// The properties that VSS reports, as tuples in the order of their fields. All need the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <vector>

#include "../requester/properties.h"

namespace vsspy::bindings {

namespace py = pybind11;

py::object text_or_none(const std::optional<std::u16string>& from);

py::tuple as_tuple(const requester::snapshot_properties& from);
py::tuple as_tuple(const requester::provider_properties& from);
py::tuple as_tuple(const requester::volume_properties& from);
py::tuple as_tuple(const requester::diff_volume_properties& from);
py::tuple as_tuple(const requester::diff_area_properties& from);

}  // namespace vsspy::bindings
