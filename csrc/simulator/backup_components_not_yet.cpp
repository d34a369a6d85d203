// IVssBackupComponents: what the simulator does not do. Arguments and state are checked, then the answer is E_NOTIMPL.
#include "backup_components_object.h"

namespace vsspy::simulator {

HRESULT backup_components_object::SetRestoreState(VSS_RESTORE_TYPE type) {
  return not_yet("IVssBackupComponents::SetRestoreState", {{"restoreType", type}},
                 type >= VSS_RTYPE_UNDEFINED && type <= VSS_RTYPE_OTHER, session::purpose::restore);
}

HRESULT backup_components_object::SetSelectedForRestore(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                        LPCWSTR name, bool selected) {
  return not_yet("IVssBackupComponents::SetSelectedForRestore",
                 {{"writerId", writer},
                  {"ct", type},
                  {"wszLogicalPath", logical_path},
                  {"wszComponentName", name},
                  {"bSelectedForRestore", selected}},
                 is_component_type(type) && name, session::purpose::restore);
}

HRESULT backup_components_object::SetRestoreOptions(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                    LPCWSTR name, LPCWSTR options) {
  return not_yet("IVssBackupComponents::SetRestoreOptions",
                 {{"writerId", writer},
                  {"ct", type},
                  {"wszLogicalPath", logical_path},
                  {"wszComponentName", name},
                  {"wszRestoreOptions", options}},
                 is_component_type(type) && name && options, session::purpose::restore);
}

HRESULT backup_components_object::SetAdditionalRestores(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                        LPCWSTR name, bool additional) {
  return not_yet("IVssBackupComponents::SetAdditionalRestores",
                 {{"writerId", writer},
                  {"ct", type},
                  {"wszLogicalPath", logical_path},
                  {"wszComponentName", name},
                  {"bAdditionalRestores", additional}},
                 is_component_type(type) && name, session::purpose::restore);
}

HRESULT backup_components_object::AddAlternativeLocationMapping(VSS_ID writer, VSS_COMPONENT_TYPE type,
                                                                LPCWSTR logical_path, LPCWSTR name, LPCWSTR path,
                                                                LPCWSTR filespec, bool recursive, LPCWSTR destination) {
  return not_yet("IVssBackupComponents::AddAlternativeLocationMapping",
                 {{"writerId", writer},
                  {"componentType", type},
                  {"wszLogicalPath", logical_path},
                  {"wszComponentName", name},
                  {"wszPath", path},
                  {"wszFilespec", filespec},
                  {"bRecursive", recursive},
                  {"wszDestination", destination}},
                 is_component_type(type) && name && path && filespec && destination, session::purpose::restore);
}

HRESULT backup_components_object::AddRestoreSubcomponent(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                         LPCWSTR name, LPCWSTR sub_path, LPCWSTR sub_name,
                                                         bool repair) {
  return not_yet("IVssBackupComponents::AddRestoreSubcomponent",
                 {{"writerId", writer},
                  {"componentType", type},
                  {"wszLogicalPath", logical_path},
                  {"wszComponentName", name},
                  {"wszSubComponentLogicalPath", sub_path},
                  {"wszSubComponentName", sub_name},
                  {"bRepair", repair}},
                 is_component_type(type) && name && sub_path && sub_name, session::purpose::restore);
}

HRESULT backup_components_object::SetFileRestoreStatus(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                       LPCWSTR name, VSS_FILE_RESTORE_STATUS status) {
  return not_yet("IVssBackupComponents::SetFileRestoreStatus",
                 {{"writerId", writer},
                  {"ct", type},
                  {"wszLogicalPath", logical_path},
                  {"wszComponentName", name},
                  {"status", status}},
                 is_component_type(type) && name && status > VSS_RS_UNDEFINED && status <= VSS_RS_FAILED,
                 session::purpose::restore);
}

HRESULT backup_components_object::AddNewTarget(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                               LPCWSTR name, LPCWSTR path, LPCWSTR file_name, bool recursive,
                                               LPCWSTR alternate_path) {
  return not_yet("IVssBackupComponents::AddNewTarget",
                 {{"writerId", writer},
                  {"ct", type},
                  {"wszLogicalPath", logical_path},
                  {"wszComponentName", name},
                  {"wszPath", path},
                  {"wszFileName", file_name},
                  {"bRecursive", recursive},
                  {"wszAlternatePath", alternate_path}},
                 is_component_type(type) && name && path && file_name && alternate_path, session::purpose::restore);
}

HRESULT backup_components_object::SetRangesFilePath(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                    LPCWSTR name, UINT partial_file, LPCWSTR ranges_file) {
  return not_yet("IVssBackupComponents::SetRangesFilePath",
                 {{"writerId", writer},
                  {"ct", type},
                  {"wszLogicalPath", logical_path},
                  {"wszComponentName", name},
                  {"iPartialFile", partial_file},
                  {"wszRangesFile", ranges_file}},
                 is_component_type(type) && name && ranges_file, session::purpose::restore);
}

HRESULT backup_components_object::PreRestore(IVssAsync** async) {
  return not_yet("IVssBackupComponents::PreRestore", {}, async, session::purpose::restore);
}

HRESULT backup_components_object::PostRestore(IVssAsync** async) {
  return not_yet("IVssBackupComponents::PostRestore", {}, async, session::purpose::restore);
}

HRESULT backup_components_object::ImportSnapshots(IVssAsync** async) {
  return not_yet("IVssBackupComponents::ImportSnapshots", {}, async, session::purpose::none);
}

HRESULT backup_components_object::BreakSnapshotSet(VSS_ID set) {
  return not_yet("IVssBackupComponents::BreakSnapshotSet", {{"SnapshotSetId", set}}, true, session::purpose::none);
}

HRESULT backup_components_object::ExposeSnapshot(VSS_ID id, VSS_PWSZ path_from_root, LONG attributes, VSS_PWSZ expose,
                                                 VSS_PWSZ* exposed) {
  return not_yet(
      "IVssBackupComponents::ExposeSnapshot",
      {{"SnapshotId", id}, {"wszPathFromRoot", path_from_root}, {"lAttributes", attributes}, {"wszExpose", expose}},
      exposed, session::purpose::none);
}

HRESULT backup_components_object::RevertToSnapshot(VSS_ID id, BOOL force_dismount) {
  return not_yet("IVssBackupComponents::RevertToSnapshot", {{"SnapshotId", id}, {"bForceDismount", force_dismount}},
                 true, session::purpose::none);
}

HRESULT backup_components_object::QueryRevertStatus(VSS_PWSZ volume, IVssAsync** async) {
  return not_yet("IVssBackupComponents::QueryRevertStatus", {{"pwszVolume", volume}}, volume && async,
                 session::purpose::none);
}

HRESULT backup_components_object::SetSelectedForRestoreEx(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                          LPCWSTR name, bool selected, VSS_ID instance) {
  return not_yet("IVssBackupComponentsEx::SetSelectedForRestoreEx",
                 {{"writerId", writer},
                  {"ct", type},
                  {"wszLogicalPath", logical_path},
                  {"wszComponentName", name},
                  {"bSelectedForRestore", selected},
                  {"instanceId", instance}},
                 is_component_type(type) && name, session::purpose::restore);
}

HRESULT backup_components_object::UnexposeSnapshot(VSS_ID id) {
  return not_yet("IVssBackupComponentsEx2::UnexposeSnapshot", {{"snapshotId", id}}, true, session::purpose::none);
}

HRESULT backup_components_object::SetAuthoritativeRestore(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                          LPCWSTR name, bool authoritative) {
  return not_yet("IVssBackupComponentsEx2::SetAuthoritativeRestore",
                 {{"writerId", writer},
                  {"ct", type},
                  {"wszLogicalPath", logical_path},
                  {"wszComponentName", name},
                  {"bAuth", authoritative}},
                 is_component_type(type) && name, session::purpose::restore);
}

HRESULT backup_components_object::SetRollForward(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                 LPCWSTR name, VSS_ROLLFORWARD_TYPE roll_type, LPCWSTR point) {
  return not_yet("IVssBackupComponentsEx2::SetRollForward",
                 {{"writerId", writer},
                  {"ct", type},
                  {"wszLogicalPath", logical_path},
                  {"wszComponentName", name},
                  {"rollType", roll_type},
                  {"wszRollForwardPoint", point}},
                 is_component_type(type) && name && roll_type > VSS_RF_UNDEFINED && roll_type <= VSS_RF_PARTIAL,
                 session::purpose::restore);
}

HRESULT backup_components_object::SetRestoreName(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                 LPCWSTR name, LPCWSTR restore_name) {
  return not_yet("IVssBackupComponentsEx2::SetRestoreName",
                 {{"writerId", writer},
                  {"ct", type},
                  {"wszLogicalPath", logical_path},
                  {"wszComponentName", name},
                  {"wszRestoreName", restore_name}},
                 is_component_type(type) && name && restore_name, session::purpose::restore);
}

HRESULT backup_components_object::BreakSnapshotSetEx(VSS_ID set, DWORD flags, IVssAsync** async) {
  return not_yet("IVssBackupComponentsEx2::BreakSnapshotSetEx", {{"SnapshotSetID", set}, {"dwBreakFlags", flags}},
                 async, session::purpose::none);
}

HRESULT backup_components_object::PreFastRecovery(VSS_ID set, DWORD flags, IVssAsync** async) {
  return not_yet("IVssBackupComponentsEx2::PreFastRecovery",
                 {{"SnapshotSetID", set}, {"dwPreFastRecoveryFlags", flags}}, async, session::purpose::none);
}

HRESULT backup_components_object::FastRecovery(VSS_ID set, DWORD flags, IVssAsync** async) {
  return not_yet("IVssBackupComponentsEx2::FastRecovery", {{"SnapshotSetID", set}, {"dwFastRecoveryFlags", flags}},
                 async, session::purpose::none);
}

HRESULT backup_components_object::AddSnapshotToRecoverySet(VSS_ID id, DWORD flags, VSS_PWSZ destination) {
  return not_yet("IVssBackupComponentsEx3::AddSnapshotToRecoverySet",
                 {{"snapshotId", id}, {"dwFlags", flags}, {"pwszDestinationVolume", destination}}, destination,
                 session::purpose::restore);
}

HRESULT backup_components_object::RecoverSet(DWORD flags, IVssAsync** async) {
  return not_yet("IVssBackupComponentsEx3::RecoverSet", {{"dwFlags", flags}}, async, session::purpose::restore);
}

HRESULT backup_components_object::GetRootAndLogicalPrefixPaths(VSS_PWSZ path, VSS_PWSZ* root, VSS_PWSZ* prefix,
                                                               BOOL normalize) {
  return not_yet("IVssBackupComponentsEx4::GetRootAndLogicalPrefixPaths",
                 {{"pwszFilePath", path}, {"bNormalizeFQDNforRootPath", normalize}}, path && root && prefix,
                 session::purpose::none);
}

}  // namespace vsspy::simulator
