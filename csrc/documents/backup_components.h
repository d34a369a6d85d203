// The Backup Components Document: a tree that keeps what it does not know, with names for what it does.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../abi/vss_abi.h"

namespace vsspy::documents {

// What a reader does not know, kept when written back. Attributes are named "name" or "{namespace}name".
struct unknown_content {
  std::vector<std::pair<std::u16string, std::u16string>> attributes;
  std::vector<std::u16string> children;  // canonical XML of each
};

struct partial_file {
  std::u16string path, filespec, ranges, metadata;
  unknown_content unknown;
};

struct differenced_file {
  std::u16string path, filespec;
  bool recursive = false;
  std::uint64_t last_modify_time = 0;  // FILETIME
  std::u16string lsn;
  unknown_content unknown;
};

// COMPONENT: one explicit component (vss_xml.md 3.4).
struct backup_component {
  std::optional<std::u16string> logical_path;
  std::u16string name;
  VSS_COMPONENT_TYPE type = VSS_CT_FILEGROUP;
  std::optional<bool> backup_succeeded;
  std::optional<std::u16string> backup_options;
  std::optional<std::u16string> backup_stamp;
  std::optional<std::u16string> previous_backup_stamp;
  std::optional<std::u16string> backup_metadata;
  unknown_content unknown_backup_metadata;  // beside it in BACKUP_METADATA
  std::optional<std::u16string> prepare_for_backup_failure_message;
  std::optional<std::u16string> post_snapshot_failure_message;
  std::optional<HRESULT> failure;
  std::optional<HRESULT> application_failure;
  std::optional<std::u16string> application_message;
  std::vector<partial_file> partial_files;
  std::vector<differenced_file> differenced_files;
  std::vector<std::pair<std::u16string, std::u16string>> other_attributes;  // kept when written back
  std::vector<std::u16string> other_children;                               // canonical XML of each, kept likewise
};

struct writer_components {
  GUID instance_id{};
  GUID writer_id{};
  std::optional<std::u16string> instance_name;
  std::uint32_t backup_schema = 0;
  std::vector<backup_component> components;
  bool repeats_namespace = false;  // an xmlns of its own: Windows writes it once the writer has changed its part
  std::vector<std::pair<std::u16string, std::u16string>> other_attributes;
  std::vector<std::u16string> other_children;
};

struct backup_components {
  bool bootable_system_state = false;
  bool select_components = false;
  VSS_BACKUP_TYPE backup_type = VSS_BT_UNDEFINED;
  bool partial_file_support = false;
  std::optional<GUID> snapshot_set_id;
  std::vector<writer_components> writers;
  std::vector<std::pair<std::u16string, std::u16string>> other_attributes;
  std::vector<std::u16string> other_children;
};

// Throws com::vss_error VSS_E_INVALID_XML_DOCUMENT for anything that is not such a document.
backup_components read_backup_components(std::u16string_view xml);

// The canonical text of vss_xml.md section 3; what the reader did not know follows what it knew. Throws like
// write_writer_metadata.
std::u16string write_backup_components(const backup_components& document);

}  // namespace vsspy::documents
