// A machine folder: machine.xml, which says what a simulated machine is like, next to what it names by relative paths
// (docs/other-languages.md has every element and attribute), and the machine's own state.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control.h"

namespace vsspy::simulator {

// What machine.xml says, attribute by attribute as the tables in machine_folder.cpp list them. Text is UTF-8; paths are
// absolute; a time is in nanoseconds, negative where it never ends.
struct folder_time {
  std::int64_t nanoseconds = 0;
};
struct folder_code {
  std::string name;
  HRESULT value = S_OK;
};

enum class folder_level : std::uint32_t { xp = 5, vista = 6, seven = 7, eight = 8 };
enum class folder_device_names : std::uint32_t { folder = 0, nt = 1 };
enum class folder_hardware : std::uint32_t { no = 0, yes = 1, legacy = 2 };
enum class folder_application_level : std::int32_t {};
enum class folder_place : std::uint32_t { call, result };
enum class folder_effect : std::uint32_t { before, after };
enum class folder_deadline : std::uint32_t { prepare = 0, start = 1, snapshot = 2 };
struct folder_subscription {
  std::uint32_t mask = 0;
};

struct machine_settings {
  folder_level level = folder_level::eight;
  folder_device_names device_names = folder_device_names::folder;
  folder_hardware hardware_provider = folder_hardware::no;
  std::optional<std::uint64_t> minimum_storage{};  // megabytes
  bool virtual_time = false;
  bool strict_components = false;
  folder_deadline components_until = folder_deadline::prepare;
  std::filesystem::path state{};
};

struct volume_settings {
  std::size_t at = 0;  // where it stands in machine.xml
  std::string name{};
  std::filesystem::path folder{};
  std::optional<std::uint64_t> total_space{};
  std::optional<std::uint64_t> free_space{};
  std::optional<bool> ntfs{};
};

struct variable_settings {
  std::size_t at = 0;
  std::string name{};
  std::string value{};
};

struct writer_settings {
  std::size_t at = 0;
  std::filesystem::path document{};
  folder_application_level level{VSS_APP_SYSTEM};
  folder_time freeze_timeout{60'000'000'000};  // semantics 5
  folder_subscription subscription{VSS_SM_BACKUP_EVENTS_FLAG | VSS_SM_RESTORE_EVENTS_FLAG};
  std::string metadata{};  // what the document holds
};

struct fault_settings {
  std::size_t at = 0;
  std::string where{};
  std::optional<folder_code> code{};
  std::optional<std::uint64_t> nth{};
  folder_time delay{};
  std::optional<folder_place> place{};
  folder_effect effect = folder_effect::before;
  std::optional<std::string> volume{};
  std::optional<double> probability{};
  std::optional<std::uint64_t> seed{};
  bool dies = false;
  std::optional<folder_code> application{};
  std::optional<std::string> message{};
};

struct blocking_settings {
  std::size_t at = 0;
  GUID writer_id{};
};

class machine_folder {
 public:
  // Reads FOLDER/machine.xml and the writers' documents. Throws vss_error, whose detail names the file, the line and
  // what to do: VSS_E_OBJECT_NOT_FOUND, E_ACCESSDENIED, VSS_E_INVALID_XML_DOCUMENT.
  explicit machine_folder(const std::filesystem::path& folder);

  // The machine; the caller destroys it. Throws as above, and what the control table's functions say.
  vsspy_machine* open() const;

  // Every setting in force, those that are not in machine.xml too: an element's name, its number among those of that
  // name, an attribute's name and its value.
  using visitor =
      std::function<void(std::string_view element, std::uint32_t index, std::string_view name, std::string_view value)>;
  void describe(const visitor& visit) const;

 private:
  friend class machine_folder_reader;
  void find_writers();
  void read_document(writer_settings& writer) const;
  [[noreturn]] void refuse(std::size_t at, const std::string& what, HRESULT code = VSS_E_INVALID_XML_DOCUMENT) const;

  std::filesystem::path folder_;
  std::u16string source_;
  machine_settings machine_;
  std::vector<volume_settings> volumes_;
  std::vector<variable_settings> environment_;
  std::vector<writer_settings> writers_;
  std::vector<fault_settings> faults_;
  std::vector<blocking_settings> blocking_;
};

}  // namespace vsspy::simulator
