// The simulated hardware provider. Its shadow copies lie in a storage array that all machines of the process reach, so
// that one of them can import what another one made (semantics 7.6).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../documents/backup_components.h"
#include "machine.h"

namespace vsspy::simulator {

inline constexpr GUID hardware_provider_id = {
    0x4a1d7c6e, 0x90b2, 0x4f35, {0x8c, 0x1e, 0x5d, 0x02, 0xf6, 0x7a, 0x33, 0xb4}};

namespace storage_array {

// Which machine has a LUN: at most one.
void present(const GUID& lun, const std::shared_ptr<machine>& to);
std::shared_ptr<machine> holder(const GUID& lun);
void forget(const GUID& lun);

// Takes a shadow copy from the machine that has it: for the asker, who alone has it then. Null when it is not there.
std::shared_ptr<shadow_copy> take(const GUID& id, const GUID& lun);

// A shadow copy that cannot go as long as this object lives; `copy` is null where there is none.
class reader {
 public:
  reader(const GUID& id, const GUID& lun);
  reader(reader&&) noexcept = default;
  reader& operator=(reader&&) = delete;
  ~reader();

  std::shared_ptr<shadow_copy> copy;

 private:
  std::shared_ptr<machine> machine_;
};

}  // namespace storage_array

// What a Backup Components Document says of the LUNs of a transportable set (vss_xml.md 3.8).
struct described_copy {
  GUID id{};
  GUID lun{};
};
std::u16string describe_set(const GUID& set, const std::vector<described_copy>& copies);
std::vector<described_copy> described_copies(const documents::backup_components& document);  // throws vss_error

}  // namespace vsspy::simulator
