// The binding of the two documents, for module.cpp and for the bulk reader of a session's writers.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "../documents/writer_metadata.h"

namespace vsspy::bindings {

namespace py = pybind11;

void register_documents(py::module_& module);

// A `_core.WriterDocument`; vsspy.metadata.WriterMetadata._from_document makes the public value of it. Needs the GIL.
py::object wrap_writer_document(std::shared_ptr<const documents::writer_metadata> document);

}  // namespace vsspy::bindings
