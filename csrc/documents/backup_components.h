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

  bool operator==(const unknown_content&) const = default;
};

struct partial_file {
  std::u16string path, filespec, ranges, metadata;  // ranges: a list, or the path of a ranges file (semantics 10)
  unknown_content unknown;

  bool operator==(const partial_file&) const = default;
};

struct differenced_file {
  std::u16string path, filespec;
  bool recursive = false;
  std::uint64_t last_modify_time = 0;  // FILETIME
  std::u16string lsn;
  unknown_content unknown;

  bool operator==(const differenced_file&) const = default;
};

// ALTERNATE_LOCATION_MAPPING and NEW_TARGET: where a file set went, or is to go, in a restore.
struct moved_files {
  std::u16string path, filespec;
  bool recursive = false;
  std::u16string alternate_path;
  unknown_content unknown;

  bool operator==(const moved_files&) const = default;
};

struct directed_target {
  std::u16string source_path, source_filespec, source_ranges;
  std::u16string target_path, target_filespec, target_ranges;
  unknown_content unknown;

  bool operator==(const directed_target&) const = default;
};

struct restore_subcomponent {
  std::u16string logical_path, name;
  bool repair = false;
  unknown_content unknown;

  bool operator==(const restore_subcomponent&) const = default;
};

// BACKUP_METADATA and RESTORE_METADATA
struct writer_data {
  std::u16string metadata;
  unknown_content unknown;

  bool operator==(const writer_data&) const = default;
};

// COMPONENT: one explicit component (vss_xml.md 3.4 and 3.5).
struct backup_component {
  std::optional<std::u16string> logical_path;
  std::u16string name;
  VSS_COMPONENT_TYPE type = VSS_CT_FILEGROUP;
  std::optional<bool> backup_succeeded;
  std::optional<bool> selected_for_restore;
  std::optional<bool> additional_restores;
  std::optional<bool> authoritative_restore;
  std::optional<VSS_FILE_RESTORE_STATUS> file_restore_status;
  std::optional<VSS_RESTORE_TARGET> restore_target;
  std::optional<VSS_ROLLFORWARD_TYPE> roll_forward_type;
  std::optional<HRESULT> failure;
  std::optional<HRESULT> application_failure;
  std::optional<GUID> restore_instance_id;  // the running instance that restores it; the document's own where not set
  std::optional<std::u16string> backup_stamp;
  std::optional<std::u16string> backup_options;
  std::optional<std::u16string> previous_backup_stamp;
  std::optional<std::u16string> restore_options;
  std::optional<std::u16string> prepare_for_backup_failure_message;
  std::optional<std::u16string> post_snapshot_failure_message;
  std::optional<std::u16string> pre_restore_failure_message;
  std::optional<std::u16string> post_restore_failure_message;
  std::optional<std::u16string> roll_forward_point;
  std::optional<std::u16string> restore_name;
  std::optional<std::u16string> application_message;
  std::optional<writer_data> backup_metadata;
  std::optional<writer_data> restore_metadata;
  std::vector<partial_file> partial_files;
  std::vector<differenced_file> differenced_files;
  std::vector<moved_files> alternate_location_mappings;
  std::vector<moved_files> new_targets;
  std::vector<directed_target> directed_targets;
  std::vector<restore_subcomponent> restore_subcomponents;
  std::vector<std::pair<std::u16string, std::u16string>> other_attributes;  // kept when written back
  std::vector<std::u16string> other_children;                               // canonical XML of each, kept likewise

  bool operator==(const backup_component&) const = default;
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

  bool operator==(const writer_components&) const = default;
};

struct backup_components {
  bool bootable_system_state = false;
  bool select_components = false;
  VSS_BACKUP_TYPE backup_type = VSS_BT_UNDEFINED;
  bool partial_file_support = false;
  std::optional<GUID> snapshot_set_id;
  VSS_RESTORE_TYPE restore_type = VSS_RTYPE_UNDEFINED;
  std::vector<writer_components> writers;
  std::vector<std::pair<std::u16string, std::u16string>> other_attributes;
  std::vector<std::u16string> other_children;

  bool operator==(const backup_components&) const = default;
};

// Whether a document can hold that text: XML has no place for most control characters and for lone surrogates.
bool is_storable(std::u16string_view text) noexcept;

// Throws com::vss_error VSS_E_INVALID_XML_DOCUMENT for anything that is not such a document.
backup_components read_backup_components(std::u16string_view xml);

// The canonical text of vss_xml.md section 3; what the reader did not know follows what it knew. Throws like
// write_writer_metadata.
std::u16string write_backup_components(const backup_components& document);

}  // namespace vsspy::documents
