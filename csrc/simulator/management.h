// IVssSnapshotMgmt, IVssDifferentialSoftwareSnapshotMgmt and IVssEnumMgmtObject.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "object.h"

namespace vsspy::simulator {

// The elements of an IVssEnumMgmtObject, as they were when it was made.
struct listed_volume {
  std::u16string name;  // \\?\Volume{...}\ .
  std::u16string display_name;
};
struct listed_diff_volume {
  std::u16string name;
  std::u16string display_name;
  volume_space space;
};
struct listed_diff_area {
  std::u16string volume;
  std::u16string diff_area_volume;
  std::int64_t maximum = 0;
  std::int64_t allocated = 0;
  std::int64_t used = 0;
};
using listed_management = std::vector<std::variant<listed_volume, listed_diff_volume, listed_diff_area>>;
IVssEnumMgmtObject* make_management_enumeration(std::shared_ptr<machine> machine, listed_management objects);

// Of the class CLSID_VssSnapshotMgmt: IVssSnapshotMgmt and IVssSnapshotMgmt2.
IUnknown* make_snapshot_management(std::shared_ptr<machine> machine);

bool is_hardware_provider(const machine& machine, const GUID& provider);  // the one that the machine has, if any

// The interfaces of a provider for managing it; only the system provider has any. `object` is not NULL.
HRESULT provider_management(const std::shared_ptr<machine>& machine, const GUID& provider, REFIID iid, void** object);

}  // namespace vsspy::simulator
