// The names and words of both documents, in one place (vss_xml.md sections 2 and 3). The formats were never published:
// a name marked [A] has no public evidence and was formed from the API's own names; captures may correct it here.
#pragma once

#include <array>
#include <string_view>

#include "../abi/vss_abi.h"

namespace vsspy::documents::schema {

using name = std::u16string_view;

inline constexpr name writer_metadata_namespace = u"x-schema:#VssWriterMetadataInfo";
inline constexpr name backup_components_namespace = u"x-schema:#VssComponentMetadata";
inline constexpr name document_version = u"1.2";  // written; any 1.x is read [A]

// Elements of the Writer Metadata Document
inline constexpr name writer_metadata = u"WRITER_METADATA";
inline constexpr name identification = u"IDENTIFICATION";
inline constexpr name restore_method = u"RESTORE_METHOD";
inline constexpr name alternate_location_mapping = u"ALTERNATE_LOCATION_MAPPING";  // [A]
inline constexpr name backup_locations = u"BACKUP_LOCATIONS";
inline constexpr name file_group = u"FILE_GROUP";
inline constexpr name database = u"DATABASE";
inline constexpr name exclude_files = u"EXCLUDE_FILES";
inline constexpr name exclude_files_from_snapshot = u"EXCLUDE_FILES_FROM_SNAPSHOT";
inline constexpr name file_list = u"FILE_LIST";
inline constexpr name database_files = u"DATABASE_FILES";
inline constexpr name database_logfiles = u"DATABASE_LOGFILES";
inline constexpr name dependency = u"DEPENDENCY";  // [A], with its attributes

// Elements of the Backup Components Document
inline constexpr name backup_components = u"BACKUP_COMPONENTS";
inline constexpr name writer_components = u"WRITER_COMPONENTS";
inline constexpr name component = u"COMPONENT";
inline constexpr name backup_metadata = u"BACKUP_METADATA";
inline constexpr name partial_file = u"PARTIAL_FILE";                  // [A], with its attributes
inline constexpr name differenced_file = u"DIFFERENCED_FILE";          // [A], with its attributes
inline constexpr name restore_metadata_element = u"RESTORE_METADATA";  // [A]
inline constexpr name new_target = u"NEW_TARGET";                      // [A], with its attributes
inline constexpr name directed_target = u"DIRECTED_TARGET";            // [A], with its attributes
inline constexpr name restore_subcomponent = u"RESTORE_SUBCOMPONENT";  // [A], with its attributes

// Attributes
inline constexpr name additional_restores = u"additionalRestores";  // [A]
inline constexpr name alternate_path = u"alternatePath";
inline constexpr name application_failure = u"applicationFailure";      // [A]
inline constexpr name application_message = u"applicationMessage";      // [A]
inline constexpr name authoritative_restore = u"authoritativeRestore";  // [A]
inline constexpr name backup_options = u"backupOptions";                // [A]
inline constexpr name backup_schema = u"backupSchema";
inline constexpr name backup_stamp = u"backupStamp";
inline constexpr name backup_succeeded = u"backupSucceeded";  // [A]
inline constexpr name backup_type = u"backupType";
inline constexpr name bootable_system_state_backup = u"bootableSystemStateBackup";
inline constexpr name caption = u"caption";
inline constexpr name component_flags = u"componentFlags";
inline constexpr name component_name = u"componentName";
inline constexpr name component_type = u"componentType";
inline constexpr name data_source = u"dataSource";
inline constexpr name failure = u"failure";                        // [A]
inline constexpr name file_restore_status = u"fileRestoreStatus";  // [A]
inline constexpr name filespec = u"filespec";
inline constexpr name filespec_backup_type = u"filespecBackupType";
inline constexpr name friendly_name = u"friendlyName";
inline constexpr name icon = u"icon";  // [A]
inline constexpr name instance_id = u"instanceId";
inline constexpr name instance_name = u"instanceName";
inline constexpr name last_modify_time = u"lastModifyTime";  // [A]
inline constexpr name logical_path = u"logicalPath";
inline constexpr name lsn = u"lsn";  // [A]
inline constexpr name major_version = u"majorVersion";
inline constexpr name metadata = u"metadata";
inline constexpr name method = u"method";
inline constexpr name minor_version = u"minorVersion";
inline constexpr name notify_on_backup_complete = u"notifyOnBackupComplete";
inline constexpr name partial_file_support = u"partialFileSupport";
inline constexpr name path = u"path";
inline constexpr name post_restore_failure_message = u"postRestoreFailureMsg";             // [A]
inline constexpr name post_snapshot_failure_message = u"postSnapshotFailureMsg";           // [A]
inline constexpr name pre_restore_failure_message = u"preRestoreFailureMsg";               // [A]
inline constexpr name prepare_for_backup_failure_message = u"prepareForBackupFailureMsg";  // [A]
inline constexpr name previous_backup_stamp = u"previousBackupStamp";                      // [A]
inline constexpr name ranges = u"ranges";                                                  // [A]
inline constexpr name reboot_required = u"rebootRequired";
inline constexpr name recursive = u"recursive";
inline constexpr name repair = u"repair";                          // [A]
inline constexpr name restore_instance_id = u"restoreInstanceId";  // [A]
inline constexpr name restore_metadata = u"restoreMetadata";
inline constexpr name restore_name = u"restoreName";             // [A]
inline constexpr name restore_options = u"restoreOptions";       // [A]
inline constexpr name restore_target = u"restoreTarget";         // [A]
inline constexpr name restore_type = u"restoreType";             // [A]
inline constexpr name roll_forward_point = u"rollForwardPoint";  // [A]
inline constexpr name roll_forward_type = u"rollForwardType";    // [A]
inline constexpr name select_components = u"selectComponents";
inline constexpr name selectable = u"selectable";
inline constexpr name selectable_for_restore = u"selectableForRestore";
inline constexpr name selected_for_restore = u"selectedForRestore";  // [A]
inline constexpr name service = u"service";                          // [A]
inline constexpr name snapshot_set_id = u"snapshotSetId";
inline constexpr name source_filespec = u"sourceFilespec";  // [A]
inline constexpr name source_path = u"sourcePath";          // [A]
inline constexpr name source_ranges = u"sourceRanges";      // [A]
inline constexpr name target_filespec = u"targetFilespec";  // [A]
inline constexpr name target_path = u"targetPath";          // [A]
inline constexpr name target_ranges = u"targetRanges";      // [A]
inline constexpr name usage = u"usage";
inline constexpr name user_procedure = u"userProcedure";  // [A]
inline constexpr name version = u"version";
inline constexpr name writer_id = u"writerId";
inline constexpr name writer_restore = u"writerRestore";

// A word of a document and the value that it stands for. The first word of a value is the one that is written.
struct word {
  std::u16string_view text;
  int value;
};

inline constexpr std::array usage_words = {
    word{u"BOOTABLE_SYSTEM_STATE", VSS_UT_BOOTABLESYSTEMSTATE},
    word{u"SYSTEM_SERVICE", VSS_UT_SYSTEMSERVICE},
    word{u"USER_DATA", VSS_UT_USERDATA},
    word{u"OTHER", VSS_UT_OTHER},  // [A]
};

inline constexpr std::array data_source_words = {
    word{u"TRANSACTION_DB", VSS_ST_TRANSACTEDDB},
    word{u"NONTRANSACTED_DB", VSS_ST_NONTRANSACTEDDB},  // [A]
    word{u"OTHER", VSS_ST_OTHER},
};

// The documents' words differ from the API's; both are read.
inline constexpr std::array restore_method_words = {
    word{u"RESTORE_IF_NOT_THERE", VSS_RME_RESTORE_IF_NOT_THERE},  // [A]
    word{u"RESTORE_IF_CAN_BE_REPLACED", VSS_RME_RESTORE_IF_CAN_REPLACE},
    word{u"RESTORE_IF_CAN_REPLACE", VSS_RME_RESTORE_IF_CAN_REPLACE},                // API
    word{u"STOP_RESTORE_START", VSS_RME_STOP_RESTORE_START},                        // [A]
    word{u"RESTORE_TO_ALTERNATE_LOCATION", VSS_RME_RESTORE_TO_ALTERNATE_LOCATION},  // [A]
    word{u"REPLACE_AT_REBOOT", VSS_RME_RESTORE_AT_REBOOT},
    word{u"RESTORE_AT_REBOOT", VSS_RME_RESTORE_AT_REBOOT},  // API
    word{u"REPLACE_AT_REBOOT_IF_CANNOT_REPLACE", VSS_RME_RESTORE_AT_REBOOT_IF_CANNOT_REPLACE},
    word{u"RESTORE_AT_REBOOT_IF_CANNOT_REPLACE", VSS_RME_RESTORE_AT_REBOOT_IF_CANNOT_REPLACE},  // API
    word{u"CUSTOM", VSS_RME_CUSTOM},                                                            // [A]
    word{u"RESTORE_STOP_START", VSS_RME_RESTORE_STOP_START},                                    // [A]
};

inline constexpr std::array writer_restore_words = {
    word{u"never", VSS_WRE_NEVER},
    word{u"if_replace_fails", VSS_WRE_IF_REPLACE_FAILS},  // [A]
    word{u"always", VSS_WRE_ALWAYS},
};

inline constexpr std::array component_type_words = {
    word{u"database", VSS_CT_DATABASE},  // [A]
    word{u"filegroup", VSS_CT_FILEGROUP},
};

inline constexpr std::array backup_type_words = {
    word{u"undefined", VSS_BT_UNDEFINED},  // [A]: a document from before SetBackupState
    word{u"full", VSS_BT_FULL},
    word{u"incremental", VSS_BT_INCREMENTAL},    // [A]
    word{u"differential", VSS_BT_DIFFERENTIAL},  // [A]
    word{u"log", VSS_BT_LOG},                    // [A]
    word{u"copy", VSS_BT_COPY},                  // [A]
    word{u"other", VSS_BT_OTHER},                // [A]
};

inline constexpr std::array restore_type_words = {
    word{u"undefined", VSS_RTYPE_UNDEFINED},  // [A], read; not written
    word{u"by_copy", VSS_RTYPE_BY_COPY},      // [A]
    word{u"import", VSS_RTYPE_IMPORT},        // [A]
    word{u"other", VSS_RTYPE_OTHER},          // [A]
};

inline constexpr std::array restore_target_words = {
    word{u"original", VSS_RT_ORIGINAL},                    // [A]
    word{u"alternate", VSS_RT_ALTERNATE},                  // [A]
    word{u"directed", VSS_RT_DIRECTED},                    // [A]
    word{u"original_location", VSS_RT_ORIGINAL_LOCATION},  // [A]
};

inline constexpr std::array file_restore_status_words = {
    word{u"none", VSS_RS_NONE},      // [A]
    word{u"all", VSS_RS_ALL},        // [A]
    word{u"failed", VSS_RS_FAILED},  // [A]
};

inline constexpr std::array roll_forward_words = {
    word{u"none", VSS_RF_NONE},        // [A]
    word{u"all", VSS_RF_ALL},          // [A]
    word{u"partial", VSS_RF_PARTIAL},  // [A]
};

}  // namespace vsspy::documents::schema
