// IVssBackupComponents: restores.
#include <algorithm>

#include "backup_components_object.h"

namespace vsspy::simulator {

namespace {

// When calls are in order (semantics 2.4)
bool may_plan(const session& s) { return s.for_restore() && s.pre_restore == progress::none; }
bool may_select(const session& s) { return may_plan(s) && s.gather == progress::done; }
bool may_report(const session& s) { return s.pre_restore == progress::done && s.post_restore == progress::none; }
bool may_map(const session& s) { return may_plan(s) || may_report(s); }

HRESULT arguments(bool in_order) { return in_order ? S_OK : E_INVALIDARG; }

HRESULT file_texts(LPCWSTR path, LPCWSTR filespec, LPCWSTR destination) {
  const HRESULT hr = document_texts({path, filespec, destination});
  return SUCCEEDED(hr) && (!*path || !*filespec || !*destination) ? E_INVALIDARG : hr;
}

std::u16string full_name(std::u16string_view logical_path, std::u16string_view name) {
  std::u16string full(logical_path);
  if (!full.empty()) full += u'\\';
  return full += name;
}

bool is_below(std::u16string_view full, std::u16string_view root) {
  return full.size() > root.size() && full.starts_with(root) && full[root.size()] == u'\\';
}

std::u16string full_name_of(const documents::backup_component& component) {
  return full_name(component.logical_path.value_or(u""), component.name);
}

std::u16string full_name_of(const documents::component_metadata& component) {
  return full_name(component.logical_path.value_or(u""), component.name);
}

// A call that refers to a file set repeats it exactly (semantics 9.1.6), one of the component or of any below it (8.5).
// Only the running writer tells its file sets: of a component that it does not have any more nothing can be checked.
bool may_have_files(const session& s, const found_component& found, bool with_mappings,
                    const documents::moved_files& moved) {
  const attendance* whom = s.restorer(*found.of, *found.component);
  if (!whom) return true;
  const documents::writer_metadata& metadata = *whom->metadata;
  const auto same = [&](const documents::file_set& files) {
    return files.path == moved.path && files.filespec == moved.filespec && files.recursive == moved.recursive;
  };
  if (with_mappings && metadata.restore && std::ranges::any_of(metadata.restore->alternate_location_mappings, same)) {
    return true;
  }
  const std::u16string root = full_name_of(*found.component);
  bool known = false;
  for (const documents::component_metadata& each : metadata.components) {
    const std::u16string full = full_name_of(each);
    if (full != root && !is_below(full, root)) continue;
    known = known || full == root;
    if (std::ranges::any_of(each.files, same) || std::ranges::any_of(each.database_files, same) ||
        std::ranges::any_of(each.database_log_files, same)) {
      return true;
    }
  }
  return !known;
}

// An implicit component is restored alone where its writer allows it (semantics 8.4).
bool may_be_restored_alone(const session& s, const found_component& found, std::u16string_view full) {
  if (!is_below(full, full_name_of(*found.component))) return false;
  const attendance* whom = s.restorer(*found.of, *found.component);
  if (!whom) return true;
  const auto& components = whom->metadata->components;
  const auto known = std::ranges::find_if(components, [&](const auto& each) { return full_name_of(each) == full; });
  return known == components.end() || known->selectable_for_restore;
}

}  // namespace

HRESULT backup_components_object::InitializeForRestore(BSTR xml) {
  return call("IVssBackupComponents::InitializeForRestore", {{"bstrXML", xml}}, [&](outputs&) -> HRESULT {
    if (!xml) return VSS_E_INVALID_XML_DOCUMENT;  // E_INVALIDARG is not among its codes
    documents::backup_components loaded =
        documents::read_backup_components({com::view(xml).data(), allocator::bstr_length(xml)});
    std::lock_guard lock(machine_->mutex);
    if (session_->initialised()) return VSS_E_BAD_STATE;
    session_->kind = session::purpose::restore;
    session_->document = std::move(loaded);
    return S_OK;
  });
}

HRESULT backup_components_object::SetRestoreState(VSS_RESTORE_TYPE type) {
  return call("IVssBackupComponents::SetRestoreState", {{"restoreType", type}}, [&](outputs&) -> HRESULT {
    if (type < VSS_RTYPE_UNDEFINED || type > VSS_RTYPE_OTHER) return E_INVALIDARG;
    std::lock_guard lock(machine_->mutex);
    if (!may_plan(*session_)) return VSS_E_BAD_STATE;
    session_->document.restore_type = type;
    return S_OK;
  });
}

// What a writer's schema does not announce is up to the writer: no code is documented for it, so a note tells of it.
void backup_components_object::expect_schema(const char* name, const found_component& found, DWORD bit,
                                             const char* bit_name) {
  if (found.of->backup_schema & bit) return;
  machine_->notes.push_back(std::string(name) + ": the schema of writer " +
                            com::to_utf8(com::guid_text(found.of->writer_id)) + " lacks " + bit_name);
}

HRESULT backup_components_object::select(const char* name, const component_key& key, argument_list more, bool selected,
                                         const VSS_ID& instance) {
  return change_component(name, key, std::move(more), S_OK, may_select, [&](found_component found) -> HRESULT {
    const bool chosen = !(instance == guid_null);
    const bool runs = std::ranges::any_of(session_->writers, [&](const attendance& each) {
      return each.writer_id() == key.writer && (!chosen || each.instance_id() == instance) && !each.writer->gone;
    });
    if (!runs) return VSS_E_OBJECT_NOT_FOUND;
    if (chosen) {
      // several instances may have backed up a component of that name: first comes the instance's own
      const found_component own =
          session_->find_component(&instance, key.writer, key.type, com::view(key.logical_path), com::view(key.name));
      if (own) found = own;
    }
    found->selected_for_restore = selected;
    found->restore_instance_id.reset();
    if (!chosen) return S_OK;
    if (!(session_->restorer(*found.of, *found.component)->instance_id() == instance)) {
      expect_schema(name, found, VSS_BS_WRITER_SUPPORTS_RESTORE_WITH_MOVE, "VSS_BS_WRITER_SUPPORTS_RESTORE_WITH_MOVE");
    }
    found->restore_instance_id = instance;
    return S_OK;
  });
}

HRESULT backup_components_object::SetSelectedForRestore(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                        LPCWSTR name, bool selected) {
  return select("IVssBackupComponents::SetSelectedForRestore", {writer, "ct", type, logical_path, name},
                {{"bSelectedForRestore", selected}}, selected, guid_null);
}

HRESULT backup_components_object::SetSelectedForRestoreEx(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                          LPCWSTR name, bool selected, VSS_ID instance) {
  return select("IVssBackupComponentsEx::SetSelectedForRestoreEx", {writer, "ct", type, logical_path, name},
                {{"bSelectedForRestore", selected}, {"instanceId", instance}}, selected, instance);
}

HRESULT backup_components_object::SetRestoreOptions(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                    LPCWSTR name, LPCWSTR options) {
  return change_component("IVssBackupComponents::SetRestoreOptions", {writer, "ct", type, logical_path, name},
                          {{"wszRestoreOptions", options}}, document_texts({options}), may_plan,
                          [&](const found_component& found) -> HRESULT {
                            found->restore_options = com::view(options);
                            return S_OK;
                          });
}

HRESULT backup_components_object::SetAdditionalRestores(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                        LPCWSTR name, bool additional) {
  return change_component("IVssBackupComponents::SetAdditionalRestores", {writer, "ct", type, logical_path, name},
                          {{"bAdditionalRestores", additional}}, S_OK, may_plan,
                          [&](const found_component& found) -> HRESULT {
                            found->additional_restores = additional;
                            return S_OK;
                          });
}

HRESULT backup_components_object::AddAlternativeLocationMapping(VSS_ID writer, VSS_COMPONENT_TYPE type,
                                                                LPCWSTR logical_path, LPCWSTR name, LPCWSTR path,
                                                                LPCWSTR filespec, bool recursive, LPCWSTR destination) {
  return change_component(
      "IVssBackupComponents::AddAlternativeLocationMapping", {writer, "componentType", type, logical_path, name},
      {{"wszPath", path}, {"wszFilespec", filespec}, {"bRecursive", recursive}, {"wszDestination", destination}},
      file_texts(path, filespec, destination), may_map, [&](const found_component& found) -> HRESULT {
        documents::moved_files added;
        added.path = com::view(path);
        added.filespec = com::view(filespec);
        added.recursive = recursive;
        added.alternate_path = com::view(destination);
        if (!may_have_files(*session_, found, true, added)) return VSS_E_OBJECT_NOT_FOUND;
        found->alternate_location_mappings.push_back(std::move(added));
        return S_OK;
      });
}

HRESULT backup_components_object::AddRestoreSubcomponent(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                         LPCWSTR name, LPCWSTR sub_path, LPCWSTR sub_name,
                                                         bool repair) {
  HRESULT checked = document_texts({sub_path, sub_name});
  if (SUCCEEDED(checked) && !*sub_name) checked = E_INVALIDARG;
  return change_component(
      "IVssBackupComponents::AddRestoreSubcomponent", {writer, "componentType", type, logical_path, name},
      {{"wszSubComponentLogicalPath", sub_path}, {"wszSubComponentName", sub_name}, {"bRepair", repair}}, checked,
      may_select, [&](const found_component& found) -> HRESULT {
        if (!found->selected_for_restore.value_or(false)) return VSS_E_BAD_STATE;
        documents::restore_subcomponent added;
        added.logical_path = com::view(sub_path);
        added.name = com::view(sub_name);
        added.repair = repair;
        if (!may_be_restored_alone(*session_, found, full_name(added.logical_path, added.name))) {
          return VSS_E_OBJECT_NOT_FOUND;
        }
        found->restore_subcomponents.push_back(std::move(added));
        return S_OK;
      });
}

HRESULT backup_components_object::SetFileRestoreStatus(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                       LPCWSTR name, VSS_FILE_RESTORE_STATUS status) {
  return change_component("IVssBackupComponents::SetFileRestoreStatus", {writer, "ct", type, logical_path, name},
                          {{"status", status}}, arguments(status > VSS_RS_UNDEFINED && status <= VSS_RS_FAILED),
                          may_report, [&](const found_component& found) -> HRESULT {
                            found->file_restore_status = status;
                            return S_OK;
                          });
}

HRESULT backup_components_object::AddNewTarget(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                               LPCWSTR name, LPCWSTR path, LPCWSTR file_name, bool recursive,
                                               LPCWSTR alternate_path) {
  constexpr const char* method = "IVssBackupComponents::AddNewTarget";
  return change_component(
      method, {writer, "ct", type, logical_path, name},
      {{"wszPath", path}, {"wszFileName", file_name}, {"bRecursive", recursive}, {"wszAlternatePath", alternate_path}},
      file_texts(path, file_name, alternate_path), may_plan, [&](const found_component& found) -> HRESULT {
        documents::moved_files added;
        added.path = com::view(path);
        added.filespec = com::view(file_name);
        added.recursive = recursive;
        added.alternate_path = com::view(alternate_path);
        if (!may_have_files(*session_, found, false, added)) return VSS_E_OBJECT_NOT_FOUND;
        expect_schema(method, found, VSS_BS_WRITER_SUPPORTS_NEW_TARGET, "VSS_BS_WRITER_SUPPORTS_NEW_TARGET");
        found->new_targets.push_back(std::move(added));
        return S_OK;
      });
}

HRESULT backup_components_object::SetRangesFilePath(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                    LPCWSTR name, UINT partial_file, LPCWSTR ranges_file) {
  return change_component("IVssBackupComponents::SetRangesFilePath", {writer, "ct", type, logical_path, name},
                          {{"iPartialFile", partial_file}, {"wszRangesFile", ranges_file}},
                          document_texts({ranges_file}), may_plan, [&](const found_component& found) -> HRESULT {
                            if (partial_file >= found->partial_files.size()) return VSS_E_OBJECT_NOT_FOUND;
                            found->partial_files[partial_file].ranges = com::view(ranges_file);
                            return S_OK;
                          });
}

HRESULT backup_components_object::SetAuthoritativeRestore(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                          LPCWSTR name, bool authoritative) {
  constexpr const char* method = "IVssBackupComponentsEx2::SetAuthoritativeRestore";
  return change_component(method, {writer, "ct", type, logical_path, name}, {{"bAuth", authoritative}}, S_OK, may_plan,
                          [&](const found_component& found) -> HRESULT {
                            expect_schema(method, found, VSS_BS_AUTHORITATIVE_RESTORE, "VSS_BS_AUTHORITATIVE_RESTORE");
                            found->authoritative_restore = authoritative;
                            return S_OK;
                          });
}

HRESULT backup_components_object::SetRollForward(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                 LPCWSTR name, VSS_ROLLFORWARD_TYPE roll_type, LPCWSTR point) {
  constexpr const char* method = "IVssBackupComponentsEx2::SetRollForward";
  const bool needs_point = roll_type == VSS_RF_PARTIAL;
  return change_component(
      method, {writer, "ct", type, logical_path, name}, {{"rollType", roll_type}, {"wszRollForwardPoint", point}},
      arguments(roll_type > VSS_RF_UNDEFINED && roll_type <= VSS_RF_PARTIAL && is_storable(point) &&
                (!needs_point || (point && *point))),
      may_plan, [&](const found_component& found) -> HRESULT {
        expect_schema(method, found, VSS_BS_ROLLFORWARD_RESTORE, "VSS_BS_ROLLFORWARD_RESTORE");
        found->roll_forward_type = roll_type;
        found->roll_forward_point = needs_point ? std::optional(std::u16string(com::view(point))) : std::nullopt;
        return S_OK;
      });
}

HRESULT backup_components_object::SetRestoreName(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                 LPCWSTR name, LPCWSTR restore_name) {
  constexpr const char* method = "IVssBackupComponentsEx2::SetRestoreName";
  return change_component(method, {writer, "ct", type, logical_path, name}, {{"wszRestoreName", restore_name}},
                          arguments(restore_name && *restore_name && is_storable(restore_name)), may_plan,
                          [&](const found_component& found) -> HRESULT {
                            expect_schema(method, found, VSS_BS_RESTORE_RENAME, "VSS_BS_RESTORE_RENAME");
                            found->restore_name = com::view(restore_name);
                            return S_OK;
                          });
}

namespace {

// The page lists codes of providers and of objects that are not found, and names neither. A restore by import is the
// one that has such an object: the shadow copy set of its document [?].
HRESULT imported_set_is_gone(session& s) {
  if (s.document.restore_type != VSS_RTYPE_IMPORT || !s.document.snapshot_set_id) return S_OK;
  const auto& copies = s.machine->shadow_copies;
  const bool there = std::any_of(copies.begin(), copies.end(),
                                 [&](const auto& each) { return each->set_id == *s.document.snapshot_set_id; });
  return there ? S_OK : VSS_E_OBJECT_NOT_FOUND;
}

}  // namespace

HRESULT backup_components_object::PreRestore(IVssAsync** async) {
  return start_operation("IVssBackupComponents::PreRestore", async,
                         {.work = &session::do_pre_restore,
                          .allowed = may_select,
                          .begun =
                              [](session& s) {
                                s.pre_restore = progress::running;
                                ++s.generation;
                              },
                          .settled =
                              [](session& s, HRESULT result) {
                                s.pre_restore = result == VSS_S_ASYNC_FINISHED ? progress::done : progress::failed;
                                ++s.generation;
                              }});
}

HRESULT backup_components_object::PostRestore(IVssAsync** async) {
  guarded([&] { return machine_->refresh(), S_OK; });  // what it could not see it finds to be gone
  return start_operation("IVssBackupComponents::PostRestore", async,
                         {.work = &session::do_post_restore,
                          .allowed = may_report,
                          .begun =
                              [](session& s) {
                                s.post_restore = progress::running;
                                ++s.generation;
                              },
                          .settled =
                              [](session& s, HRESULT result) {
                                s.post_restore = result == VSS_S_ASYNC_FINISHED ? progress::done : progress::failed;
                                ++s.generation;
                              },
                          .refusal = imported_set_is_gone});
}

}  // namespace vsspy::simulator
