// The entry points of VssApi, for one machine; the platform table and the DLL's exports both lead here.
#pragma once

#include <memory>

#include "../com/platform.h"
#include "control.h"
#include "machine.h"

namespace vsspy::simulator {

HRESULT create_backup_components(const std::shared_ptr<machine>& machine, IVssBackupComponents** object) noexcept;
HRESULT create_examine_writer_metadata(const std::shared_ptr<machine>& machine, BSTR xml,
                                       IVssExamineWriterMetadata** object) noexcept;
HRESULT is_volume_snapshotted(const std::shared_ptr<machine>& machine, VSS_PWSZ volume, BOOL* present,
                              LONG* capability) noexcept;
void free_snapshot_properties(const std::shared_ptr<machine>& machine, VSS_SNAPSHOT_PROP* properties) noexcept;
HRESULT should_block_revert(const std::shared_ptr<machine>& machine, LPCWSTR volume, bool* block) noexcept;
HRESULT get_provider_mgmt_interface(const std::shared_ptr<machine>& machine, const GUID& provider, const GUID& iid,
                                    IUnknown** object) noexcept;
HRESULT create_instance(const std::shared_ptr<machine>& machine, const GUID& clsid, const GUID& iid,
                        void** object) noexcept;

// The machine of the DLL's entry points; none unless somebody made one current.
std::shared_ptr<machine> current_machine();
std::shared_ptr<machine> machine_of(vsspy_machine* handle);  // the control table's

// A platform table with the machine that it belongs to.
struct shared_platform : vsspy_platform {
  explicit shared_platform(std::shared_ptr<simulator::machine> machine);
  const std::shared_ptr<simulator::machine> machine;
};

}  // namespace vsspy::simulator
