#include "component_view.h"
#include "file_description.h"

namespace vsspy::simulator {

bool component_view::answers(REFIID iid) const {
  return iid == abi::iid_of<IVssComponent>::value ||
         (iid == abi::iid_of<IVssComponentEx>::value && machine_->at_least(system_level::vista)) ||
         (iid == abi::iid_of<IVssComponentEx2>::value && machine_->at_least(system_level::seven));
}

template <class Read>
HRESULT component_view::read(const char* name, argument_list arguments, const void* needed, Read&& read) {
  return call(name, std::move(arguments), [&](outputs& out) -> HRESULT {
    if (!needed) return E_INVALIDARG;
    component copy;  // nothing is given out with the mutex held
    {
      std::lock_guard lock(machine_->mutex);
      if (is_stale()) return VSS_E_BAD_STATE;
      copy = session_->at(place_);
    }
    return read(out, copy);
  });
}

template <class Value, class Get>
HRESULT component_view::value(const char* name, Value* where, Get&& get) {
  return read(name, {}, where, [&](outputs&, const component& from) -> HRESULT {
    *where = get(from);
    return S_OK;
  });
}

template <class Value>
HRESULT component_view::optional_value(const char* name, Value* where, std::optional<Value> component::* field) {
  return read(name, {}, where, [&](outputs&, const component& from) -> HRESULT {
    *where = (from.*field).value_or(Value{});
    return from.*field ? S_OK : S_FALSE;
  });
}

HRESULT component_view::text(const char* name, BSTR* where, text_field field) {
  return read(name, {}, where, [&](outputs& out, const component& from) -> HRESULT {
    *where = nullptr;
    out.text(where, from.*field);
    return from.*field ? S_OK : S_FALSE;
  });
}

HRESULT component_view::data(const char* name, BSTR* where, data_field field) {
  return read(name, {}, where, [&](outputs& out, const component& from) -> HRESULT {
    *where = nullptr;
    if (!(from.*field)) return S_FALSE;
    out.text(where, std::u16string_view((from.*field)->metadata));
    return S_OK;
  });
}

template <class List>
HRESULT component_view::count(const char* name, UINT* where, List component::* list) {
  return value(name, where, [&](const component& from) { return static_cast<UINT>((from.*list).size()); });
}

HRESULT component_view::file(const char* name, const char* argument, UINT index, IVssWMFiledesc** where,
                             std::vector<documents::moved_files> component::* list) {
  return read(name, {{argument, index}}, where, [&](outputs& out, const component& from) -> HRESULT {
    const auto files = std::make_shared<std::vector<documents::file_set>>();
    for (const documents::moved_files& each : from.*list) {
      files->push_back({.path = each.path,
                        .filespec = each.filespec,
                        .recursive = each.recursive,
                        .alternate_path = each.alternate_path});
    }
    return give_file(*machine_, session_id_, out, files, *files, index, where);
  });
}

HRESULT component_view::GetLogicalPath(BSTR* path) {
  return text("IVssComponent::GetLogicalPath", path, &component::logical_path);
}

HRESULT component_view::GetComponentType(VSS_COMPONENT_TYPE* type) {
  return value("IVssComponent::GetComponentType", type, [](const component& c) { return c.type; });
}

HRESULT component_view::GetComponentName(BSTR* name) {
  return read("IVssComponent::GetComponentName", {}, name, [&](outputs& out, const component& from) -> HRESULT {
    *name = nullptr;
    out.text(name, std::u16string_view(from.name));
    return S_OK;
  });
}

HRESULT component_view::GetBackupSucceeded(bool* succeeded) {
  return optional_value("IVssComponent::GetBackupSucceeded", succeeded, &component::backup_succeeded);
}

HRESULT component_view::GetAlternateLocationMappingCount(UINT* count) {
  return this->count("IVssComponent::GetAlternateLocationMappingCount", count, &component::alternate_location_mappings);
}

HRESULT component_view::GetAlternateLocationMapping(UINT index, IVssWMFiledesc** file) {
  return this->file("IVssComponent::GetAlternateLocationMapping", "iMapping", index, file,
                    &component::alternate_location_mappings);
}

HRESULT component_view::GetBackupMetadata(BSTR* data) {
  return this->data("IVssComponent::GetBackupMetadata", data, &component::backup_metadata);
}

HRESULT component_view::GetPartialFileCount(UINT* count) {
  return this->count("IVssComponent::GetPartialFileCount", count, &component::partial_files);
}

HRESULT component_view::GetPartialFile(UINT index, BSTR* path, BSTR* name, BSTR* ranges, BSTR* metadata) {
  const bool all = path && name && ranges && metadata;
  return read("IVssComponent::GetPartialFile", {{"iPartialFile", index}}, all ? path : nullptr,
              [&](outputs& out, const component& from) -> HRESULT {
                *path = *name = *ranges = *metadata = nullptr;
                if (index >= from.partial_files.size()) return VSS_E_OBJECT_NOT_FOUND;
                const documents::partial_file& found = from.partial_files[index];
                out.text(path, std::u16string_view(found.path));
                out.text(name, std::u16string_view(found.filespec));
                out.text(ranges, std::u16string_view(found.ranges));
                out.text(metadata, std::u16string_view(found.metadata));
                return S_OK;
              });
}

HRESULT component_view::IsSelectedForRestore(bool* selected) {
  return read("IVssComponent::IsSelectedForRestore", {}, selected, [&](outputs&, const component& from) -> HRESULT {
    if (!session_->for_restore()) return VSS_E_BAD_STATE;
    *selected = from.selected_for_restore.value_or(false);
    return S_OK;
  });
}

HRESULT component_view::GetAdditionalRestores(bool* additional) {
  return optional_value("IVssComponent::GetAdditionalRestores", additional, &component::additional_restores);
}

HRESULT component_view::GetNewTargetCount(UINT* count) {
  return this->count("IVssComponent::GetNewTargetCount", count, &component::new_targets);
}

HRESULT component_view::GetNewTarget(UINT index, IVssWMFiledesc** file) {
  return this->file("IVssComponent::GetNewTarget", "iNewTarget", index, file, &component::new_targets);
}

HRESULT component_view::GetDirectedTargetCount(UINT* count) {
  return this->count("IVssComponent::GetDirectedTargetCount", count, &component::directed_targets);
}

HRESULT component_view::GetDirectedTarget(UINT index, BSTR* source_path, BSTR* source_name, BSTR* source_ranges,
                                          BSTR* path, BSTR* name, BSTR* ranges) {
  const bool all = source_path && source_name && source_ranges && path && name && ranges;
  return read("IVssComponent::GetDirectedTarget", {{"iDirectedTarget", index}}, all ? path : nullptr,
              [&](outputs& out, const component& from) -> HRESULT {
                *source_path = *source_name = *source_ranges = *path = *name = *ranges = nullptr;
                if (index >= from.directed_targets.size()) return VSS_E_OBJECT_NOT_FOUND;
                const documents::directed_target& found = from.directed_targets[index];
                out.text(source_path, std::u16string_view(found.source_path));
                out.text(source_name, std::u16string_view(found.source_filespec));
                out.text(source_ranges, std::u16string_view(found.source_ranges));
                out.text(path, std::u16string_view(found.target_path));
                out.text(name, std::u16string_view(found.target_filespec));
                out.text(ranges, std::u16string_view(found.target_ranges));
                return S_OK;
              });
}

HRESULT component_view::GetRestoreMetadata(BSTR* data) {
  return this->data("IVssComponent::GetRestoreMetadata", data, &component::restore_metadata);
}

// Writers say it in PreRestore: before that, and in a backup, there is none.
HRESULT component_view::GetRestoreTarget(VSS_RESTORE_TARGET* target) {
  return read("IVssComponent::GetRestoreTarget", {}, target, [&](outputs&, const component& from) -> HRESULT {
    *target = VSS_RT_UNDEFINED;
    std::lock_guard lock(machine_->mutex);
    const bool asked = session_->pre_restore == progress::running || session_->pre_restore == progress::done;
    if (!from.restore_target && !asked) return VSS_E_OBJECT_NOT_FOUND;
    *target = from.restore_target.value_or(VSS_RT_ORIGINAL);
    return S_OK;
  });
}

HRESULT component_view::GetPreRestoreFailureMsg(BSTR* message) {
  return text("IVssComponent::GetPreRestoreFailureMsg", message, &component::pre_restore_failure_message);
}

HRESULT component_view::GetPostRestoreFailureMsg(BSTR* message) {
  return text("IVssComponent::GetPostRestoreFailureMsg", message, &component::post_restore_failure_message);
}

HRESULT component_view::GetBackupStamp(BSTR* stamp) {
  return text("IVssComponent::GetBackupStamp", stamp, &component::backup_stamp);
}

HRESULT component_view::GetPreviousBackupStamp(BSTR* stamp) {
  return text("IVssComponent::GetPreviousBackupStamp", stamp, &component::previous_backup_stamp);
}

HRESULT component_view::GetBackupOptions(BSTR* options) {
  return text("IVssComponent::GetBackupOptions", options, &component::backup_options);
}

HRESULT component_view::GetRestoreOptions(BSTR* options) {
  return text("IVssComponent::GetRestoreOptions", options, &component::restore_options);
}

HRESULT component_view::GetRestoreSubcomponentCount(UINT* count) {
  return this->count("IVssComponent::GetRestoreSubcomponentCount", count, &component::restore_subcomponents);
}

HRESULT component_view::GetRestoreSubcomponent(UINT index, BSTR* path, BSTR* name, bool* repair) {
  const bool all = path && name && repair;
  return read("IVssComponent::GetRestoreSubcomponent", {{"iComponent", index}}, all ? path : nullptr,
              [&](outputs& out, const component& from) -> HRESULT {
                *path = *name = nullptr;
                if (index >= from.restore_subcomponents.size()) return VSS_E_OBJECT_NOT_FOUND;
                const documents::restore_subcomponent& found = from.restore_subcomponents[index];
                out.text(path, std::u16string_view(found.logical_path));
                out.text(name, std::u16string_view(found.name));
                *repair = found.repair;
                return S_OK;
              });
}

HRESULT component_view::GetFileRestoreStatus(VSS_FILE_RESTORE_STATUS* status) {
  return read("IVssComponent::GetFileRestoreStatus", {}, status, [&](outputs&, const component& from) -> HRESULT {
    if (!session_->for_restore()) return VSS_E_BAD_STATE;
    *status = from.file_restore_status.value_or(VSS_RS_UNDEFINED);
    return S_OK;
  });
}

HRESULT component_view::GetDifferencedFilesCount(UINT* count) {
  return this->count("IVssComponent::GetDifferencedFilesCount", count, &component::differenced_files);
}

HRESULT component_view::GetDifferencedFile(UINT index, BSTR* path, BSTR* filespec, BOOL* recursive, BSTR* lsn,
                                           FILETIME* modified) {
  const bool all = path && filespec && recursive && lsn && modified;
  return read("IVssComponent::GetDifferencedFile", {{"iDifferencedFile", index}}, all ? path : nullptr,
              [&](outputs& out, const component& from) -> HRESULT {
                *path = *filespec = *lsn = nullptr;
                if (index >= from.differenced_files.size()) return VSS_E_OBJECT_NOT_FOUND;
                const documents::differenced_file& found = from.differenced_files[index];
                out.text(path, std::u16string_view(found.path));
                out.text(filespec, std::u16string_view(found.filespec));
                if (!found.lsn.empty()) out.text(lsn, std::u16string_view(found.lsn));
                *recursive = found.recursive;
                modified->dwLowDateTime = static_cast<DWORD>(found.last_modify_time);
                modified->dwHighDateTime = static_cast<DWORD>(found.last_modify_time >> 32);
                return S_OK;
              });
}

HRESULT component_view::GetPrepareForBackupFailureMsg(BSTR* message) {
  return text("IVssComponentEx::GetPrepareForBackupFailureMsg", message,
              &component::prepare_for_backup_failure_message);
}

HRESULT component_view::GetPostSnapshotFailureMsg(BSTR* message) {
  return text("IVssComponentEx::GetPostSnapshotFailureMsg", message, &component::post_snapshot_failure_message);
}

HRESULT component_view::GetAuthoritativeRestore(bool* authoritative) {
  return value("IVssComponentEx::GetAuthoritativeRestore", authoritative,
               [](const component& from) { return from.authoritative_restore.value_or(false); });
}

HRESULT component_view::GetRollForward(VSS_ROLLFORWARD_TYPE* type, BSTR* point) {
  return read("IVssComponentEx::GetRollForward", {}, type && point ? type : nullptr,
              [&](outputs& out, const component& from) -> HRESULT {
                *point = nullptr;
                out.text(point, from.roll_forward_point);
                *type = from.roll_forward_type.value_or(VSS_RF_UNDEFINED);
                return S_OK;
              });
}

HRESULT component_view::GetRestoreName(BSTR* name) {
  return read("IVssComponentEx::GetRestoreName", {}, name, [&](outputs& out, const component& from) -> HRESULT {
    *name = nullptr;
    out.text(name, from.restore_name);
    return S_OK;
  });
}

HRESULT component_view::GetFailure(HRESULT* failure, HRESULT* application, BSTR* message, DWORD* reserved) {
  const bool all = failure && application && message && reserved;
  return read("IVssComponentEx2::GetFailure", {}, all ? message : nullptr,
              [&](outputs& out, const component& from) -> HRESULT {
                *message = nullptr;
                out.text(message, from.application_message);
                *failure = from.failure.value_or(S_OK);
                *application = from.application_failure.value_or(S_OK);
                *reserved = 0;
                return S_OK;
              });
}

}  // namespace vsspy::simulator
