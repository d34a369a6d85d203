// One function per subject, each in register_<subject>.cpp.
#pragma once

#include <pybind11/pybind11.h>

namespace vsspy::bindings {

void register_errors(pybind11::module_& module);
void register_platform(pybind11::module_& module);
void register_backup_document(pybind11::module_& module);
void register_filesets(pybind11::module_& module);
void register_async(pybind11::module_& module);
void register_enumeration(pybind11::module_& module);
void register_management(pybind11::module_& module);
void register_components(pybind11::module_& module);
void register_backup(pybind11::module_& module);

}  // namespace vsspy::bindings
