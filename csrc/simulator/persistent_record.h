// What a persistent state keeps, as values and as XML: one record for each snapshot set, and one for the machine. Text
// and paths stand there as ASCII with %XX for every other byte, since names need not be Unicode.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../abi/vss_abi.h"
#include "provider.h"

namespace vsspy::simulator {

struct saved_exposure {
  std::u16string name;
  std::optional<std::u16string> path{};
  std::filesystem::path link{};

  bool operator==(const saved_exposure&) const = default;
};

struct saved_copy {
  GUID id{};
  GUID session_id{};
  GUID volume{};  // of its GUID path
  LONG context = 0;
  LONG attributes = 0;
  unsigned number = 0;  // of its device
  std::uint64_t files = 0, folders = 0, bytes = 0, cloned = 0;
  std::optional<saved_exposure> exposed{};

  bool operator==(const saved_copy&) const = default;
};

struct saved_set {
  GUID id{};
  std::int64_t created = 0;
  LONG size = 0;  // shadow copies when it was made
  std::vector<saved_copy> copies;

  bool operator==(const saved_set&) const = default;
};

struct saved_volume {
  GUID id{};
  std::u16string name;
  std::filesystem::path folder;    // absolute
  std::filesystem::path relative;  // to the state's folder: both may have been moved together
  std::uint32_t protection_level = 0;

  bool operator==(const saved_volume&) const = default;
};

struct saved_storage_area {
  GUID of{};
  GUID on{};
  std::int64_t maximum = 0;

  bool operator==(const saved_storage_area&) const = default;
};

struct saved_machine {
  std::vector<saved_volume> volumes;
  std::vector<saved_storage_area> areas;

  bool operator==(const saved_machine&) const = default;
};

// Reading throws vss_error VSS_E_PROVIDER_VETO for what no version of ours has written.
std::string write_record(const saved_set& set);
saved_set read_set(std::string_view record);
std::string write_record(const saved_machine& machine);
saved_machine read_machine(std::string_view record);

std::string write_seal(const shadow_seal& seal);
shadow_seal read_seal(std::string_view content);

}  // namespace vsspy::simulator
