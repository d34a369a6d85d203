// The texts of a component's key as VSS takes them.
#pragma once

#include "session.h"

namespace vsspy::requester {

inline const WCHAR* path_of(const component_key& component, const char* operation) {
  return terminated(component.logical_path, "logical_path", operation);
}

inline const WCHAR* name_of(const component_key& component, const char* operation) {
  return terminated(component.name, "component_name", operation);
}

}  // namespace vsspy::requester
