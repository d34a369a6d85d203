#include "session.h"
#include "session_key.h"

namespace vsspy::requester {

void session::set_selected_for_restore(const component_key& component, bool selected) {
  constexpr const char* operation = "IVssBackupComponents::SetSelectedForRestore";
  call(
      operation,
      [&](auto& object) {
        return object.SetSelectedForRestore(component.writer_id, component.type, path_of(component, operation),
                                            name_of(component, operation), selected);
      },
      named_key{component, "componentType"}, with("bSelectedForRestore", selected));
}

void session::set_selected_for_restore_ex(const component_key& component, bool selected, const GUID& instance_id) {
  constexpr const char* operation = "IVssBackupComponentsEx::SetSelectedForRestoreEx";
  call<IVssBackupComponentsEx>(
      operation,
      [&](auto& object) {
        return object.SetSelectedForRestoreEx(component.writer_id, component.type, path_of(component, operation),
                                              name_of(component, operation), selected, instance_id);
      },
      named_key{component, "componentType"}, with("bSelectedForRestore", selected), with("instanceId", instance_id));
}

void session::set_restore_options(const component_key& component, const std::u16string& options) {
  constexpr const char* operation = "IVssBackupComponents::SetRestoreOptions";
  call(
      operation,
      [&](auto& object) {
        return object.SetRestoreOptions(component.writer_id, component.type, path_of(component, operation),
                                        name_of(component, operation),
                                        terminated(options, "restore_options", operation));
      },
      named_key{component, "componentType"}, with("wszRestoreOptions", options));
}

void session::set_additional_restores(const component_key& component, bool additional_restores) {
  constexpr const char* operation = "IVssBackupComponents::SetAdditionalRestores";
  call(
      operation,
      [&](auto& object) {
        return object.SetAdditionalRestores(component.writer_id, component.type, path_of(component, operation),
                                            name_of(component, operation), additional_restores);
      },
      named_key{component, "componentType"}, with("bAdditionalRestores", additional_restores));
}

void session::add_alternative_location_mapping(const component_key& component, const std::u16string& path,
                                               const std::u16string& filespec, bool recursive,
                                               const std::u16string& destination) {
  constexpr const char* operation = "IVssBackupComponents::AddAlternativeLocationMapping";
  call(
      operation,
      [&](auto& object) {
        return object.AddAlternativeLocationMapping(component.writer_id, component.type, path_of(component, operation),
                                                    name_of(component, operation), terminated(path, "path", operation),
                                                    terminated(filespec, "filespec", operation), recursive,
                                                    terminated(destination, "destination", operation));
      },
      named_key{component, "componentType"}, with("wszPath", path), with("wszFilespec", filespec),
      with("bRecursive", recursive), with("wszDestination", destination));
}

void session::add_restore_subcomponent(const component_key& component, const std::u16string& logical_path,
                                       const std::u16string& name, bool repair) {
  constexpr const char* operation = "IVssBackupComponents::AddRestoreSubcomponent";
  call(
      operation,
      [&](auto& object) {
        return object.AddRestoreSubcomponent(component.writer_id, component.type, path_of(component, operation),
                                             name_of(component, operation),
                                             terminated(logical_path, "sub_component_logical_path", operation),
                                             terminated(name, "sub_component_name", operation), repair);
      },
      named_key{component, "componentType"}, with("wszSubComponentLogicalPath", logical_path),
      with("wszSubComponentName", name), with("bRepair", repair));
}

void session::set_file_restore_status(const component_key& component, std::int32_t status) {
  constexpr const char* operation = "IVssBackupComponents::SetFileRestoreStatus";
  call(
      operation,
      [&](auto& object) {
        return object.SetFileRestoreStatus(component.writer_id, component.type, path_of(component, operation),
                                           name_of(component, operation), static_cast<VSS_FILE_RESTORE_STATUS>(status));
      },
      named_key{component, "componentType"}, with("status", status));
}

void session::add_new_target(const component_key& component, const std::u16string& path,
                             const std::u16string& file_name, bool recursive, const std::u16string& alternate_path) {
  constexpr const char* operation = "IVssBackupComponents::AddNewTarget";
  call(
      operation,
      [&](auto& object) {
        return object.AddNewTarget(component.writer_id, component.type, path_of(component, operation),
                                   name_of(component, operation), terminated(path, "path", operation),
                                   terminated(file_name, "file_name", operation), recursive,
                                   terminated(alternate_path, "alternate_path", operation));
      },
      named_key{component, "componentType"}, with("wszPath", path), with("wszFileName", file_name),
      with("bRecursive", recursive), with("wszAlternatePath", alternate_path));
}

void session::set_ranges_file_path(const component_key& component, std::uint32_t partial_file,
                                   const std::u16string& ranges_file) {
  constexpr const char* operation = "IVssBackupComponents::SetRangesFilePath";
  call(
      operation,
      [&](auto& object) {
        return object.SetRangesFilePath(component.writer_id, component.type, path_of(component, operation),
                                        name_of(component, operation), partial_file,
                                        terminated(ranges_file, "ranges_file", operation));
      },
      named_key{component, "componentType"}, with("iPartialFile", partial_file), with("wszRangesFile", ranges_file));
}

void session::set_authoritative_restore(const component_key& component, bool authoritative) {
  constexpr const char* operation = "IVssBackupComponentsEx2::SetAuthoritativeRestore";
  call<IVssBackupComponentsEx2>(
      operation,
      [&](auto& object) {
        return object.SetAuthoritativeRestore(component.writer_id, component.type, path_of(component, operation),
                                              name_of(component, operation), authoritative);
      },
      named_key{component, "componentType"}, with("bAuth", authoritative));
}

void session::set_roll_forward(const component_key& component, std::int32_t type, const optional_text& point) {
  constexpr const char* operation = "IVssBackupComponentsEx2::SetRollForward";
  call<IVssBackupComponentsEx2>(
      operation,
      [&](auto& object) {
        return object.SetRollForward(component.writer_id, component.type, path_of(component, operation),
                                     name_of(component, operation), static_cast<VSS_ROLLFORWARD_TYPE>(type),
                                     terminated(point, "roll_forward_point", operation));
      },
      named_key{component, "componentType"}, with("rollType", type), with("wszRollForwardPoint", point));
}

void session::set_restore_name(const component_key& component, const std::u16string& name) {
  constexpr const char* operation = "IVssBackupComponentsEx2::SetRestoreName";
  call<IVssBackupComponentsEx2>(
      operation,
      [&](auto& object) {
        return object.SetRestoreName(component.writer_id, component.type, path_of(component, operation),
                                     name_of(component, operation), terminated(name, "restore_name", operation));
      },
      named_key{component, "componentType"}, with("wszRestoreName", name));
}

std::shared_ptr<async_operation> session::pre_restore() {
  return start(
      "IVssBackupComponents::PreRestore", [](auto& object, IVssAsync** async) { return object.PreRestore(async); },
      changes::document);
}

std::shared_ptr<async_operation> session::post_restore() {
  return start(
      "IVssBackupComponents::PostRestore", [](auto& object, IVssAsync** async) { return object.PostRestore(async); },
      changes::document);
}

}  // namespace vsspy::requester
