// The Writer Metadata Document: its content as plain values, its reader and its writer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../abi/vss_abi.h"

namespace vsspy::documents {

struct file_set {
  std::u16string path;
  std::u16string filespec;
  bool recursive = false;
  std::optional<std::u16string> alternate_path;
  std::uint32_t backup_type_mask = 0xF0F;

  bool operator==(const file_set&) const = default;
};

struct dependency {
  GUID writer_id{};
  std::optional<std::u16string> logical_path;
  std::u16string component_name;

  bool operator==(const dependency&) const = default;
};

struct component_metadata {
  VSS_COMPONENT_TYPE type = VSS_CT_FILEGROUP;
  std::optional<std::u16string> logical_path;
  std::u16string name;
  std::optional<std::u16string> caption;
  std::vector<std::uint8_t> icon;
  bool restore_metadata = false;
  bool notify_on_backup_complete = false;
  bool selectable = false;
  bool selectable_for_restore = false;
  std::uint32_t flags = 0;
  std::vector<file_set> files;
  std::vector<file_set> database_files;
  std::vector<file_set> database_log_files;
  std::vector<dependency> dependencies;

  bool operator==(const component_metadata&) const = default;
};

struct restore_method {
  VSS_RESTOREMETHOD_ENUM method = VSS_RME_UNDEFINED;
  std::optional<std::u16string> service;
  std::optional<std::u16string> user_procedure;
  VSS_WRITERRESTORE_ENUM writer_restore = VSS_WRE_UNDEFINED;
  bool reboot_required = false;
  std::vector<file_set> alternate_location_mappings;

  bool operator==(const restore_method&) const = default;
};

struct writer_metadata {
  GUID instance_id{};
  GUID writer_id{};
  std::optional<std::u16string> instance_name;
  std::u16string name;
  VSS_USAGE_TYPE usage = VSS_UT_UNDEFINED;
  VSS_SOURCE_TYPE source = VSS_ST_UNDEFINED;
  std::uint32_t major_version = 0;
  std::uint32_t minor_version = 0;
  std::uint32_t backup_schema = 0;
  std::optional<documents::restore_method> restore;
  std::vector<file_set> exclude_files;
  std::vector<file_set> exclude_files_from_snapshot;
  std::vector<component_metadata> components;
  // RESTORE_METHOD stands behind what BACKUP_LOCATIONS holds: the writer's calls came in that order.
  bool restore_after_locations = false;
  std::u16string xml;  // the text that it was read from, or that IVssExamineWriterMetadata::SaveAsXML gave

  bool operator==(const writer_metadata&) const = default;
};

// Throws com::vss_error VSS_E_INVALID_XML_DOCUMENT (its detail says where and what) for anything that is not such a
// document.
writer_metadata read_writer_metadata(std::u16string_view xml);

// The canonical text of vss_xml.md section 2: of the locations first the components, then the exclusions. Throws
// com::vss_error VSS_E_INVALID_XML_DOCUMENT for what no document can hold: an undefined enumeration value, a control
// character in a name.
std::u16string write_writer_metadata(const writer_metadata& metadata);

}  // namespace vsspy::documents
