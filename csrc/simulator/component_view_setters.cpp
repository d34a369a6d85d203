#include <algorithm>

#include "backup_components_object.h"
#include "component_view.h"

namespace vsspy::simulator {

namespace {

// Until PostSnapshot; in BackupComplete it is too late (reference pages).
constexpr auto in_backup = {writer_event_kind::prepare_backup, writer_event_kind::post_snapshot};
constexpr auto with_components = {writer_event_kind::prepare_backup, writer_event_kind::post_snapshot,
                                  writer_event_kind::backup_complete, writer_event_kind::pre_restore,
                                  writer_event_kind::post_restore};

HRESULT texts(std::initializer_list<LPCWSTR> all) {
  const bool in_order = std::ranges::all_of(all, [](LPCWSTR text) { return text && is_storable(text); });
  return in_order ? S_OK : E_INVALIDARG;
}

// What SetFailure takes (reference page).
bool is_component_failure(HRESULT hr) {
  const HRESULT known[] = {S_OK,
                           VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT,
                           VSS_E_WRITERERROR_OUTOFRESOURCES,
                           VSS_E_WRITERERROR_TIMEOUT,
                           VSS_E_WRITERERROR_RETRYABLE,
                           VSS_E_WRITERERROR_NONRETRYABLE};
  return std::ranges::count(known, hr) != 0;
}

}  // namespace

template <class Change>
HRESULT component_view::change(const char* name, argument_list told, HRESULT arguments,
                               std::initializer_list<writer_event_kind> events, Change&& change) {
  return call(name, std::move(told), [&](outputs&) -> HRESULT {
    if (FAILED(arguments)) return arguments;
    std::lock_guard lock(machine_->mutex);
    if (!event_ || event_->over || std::ranges::count(events, event_->kind) == 0) return VSS_E_BAD_STATE;
    const HRESULT hr = change(session_->at(place_));
    // the part is read and put in again as a fragment: it bears a namespace of its own then (vss_xml.md 3.3)
    if (SUCCEEDED(hr)) session_->document.writers[place_.writer].repeats_namespace = true;
    return hr;
  });
}

HRESULT component_view::set_text(const char* name, const char* argument, LPCWSTR text,
                                 std::initializer_list<writer_event_kind> events, text_field field) {
  return change(name, {{argument, text}}, texts({text}), events, [&](component& changed) -> HRESULT {
    changed.*field = com::view(text);
    return S_OK;
  });
}

HRESULT component_view::set_data(const char* name, const char* argument, LPCWSTR text,
                                 std::initializer_list<writer_event_kind> events, data_field field) {
  return change(name, {{argument, text}}, texts({text}), events, [&](component& changed) -> HRESULT {
    if (changed.*field) return VSS_E_OBJECT_ALREADY_EXISTS;
    (changed.*field).emplace().metadata = com::view(text);
    return S_OK;
  });
}

HRESULT component_view::SetBackupMetadata(LPCWSTR data) {
  return set_data("IVssComponent::SetBackupMetadata", "wszData", data, in_backup, &component::backup_metadata);
}

HRESULT component_view::AddPartialFile(LPCWSTR path, LPCWSTR name, LPCWSTR ranges, LPCWSTR metadata) {
  const bool extra = !metadata || is_storable(metadata);
  return change("IVssComponent::AddPartialFile",
                {{"wszPath", path}, {"wszFilename", name}, {"wszRanges", ranges}, {"wszMetadata", metadata}},
                extra ? texts({path, name, ranges}) : E_INVALIDARG, in_backup, [&](component& changed) -> HRESULT {
                  if (!session_->document.partial_file_support) return S_OK;  // ignored then
                  documents::partial_file& added = changed.partial_files.emplace_back();
                  added.path = com::view(path);
                  added.filespec = com::view(name);
                  added.ranges = com::view(ranges);
                  added.metadata = com::view(metadata);
                  return S_OK;
                });
}

HRESULT component_view::AddDirectedTarget(LPCWSTR source_path, LPCWSTR source_name, LPCWSTR source_ranges, LPCWSTR path,
                                          LPCWSTR name, LPCWSTR ranges) {
  return change("IVssComponent::AddDirectedTarget",
                {{"wszSourcePath", source_path},
                 {"wszSourceFilename", source_name},
                 {"wszSourceRangeList", source_ranges},
                 {"wszDestinationPath", path},
                 {"wszDestinationFilename", name},
                 {"wszDestinationRangeList", ranges}},
                texts({source_path, source_name, source_ranges, path, name, ranges}), {writer_event_kind::pre_restore},
                [&](component& changed) -> HRESULT {
                  documents::directed_target& added = changed.directed_targets.emplace_back();
                  added.source_path = com::view(source_path);
                  added.source_filespec = com::view(source_name);
                  added.source_ranges = com::view(source_ranges);
                  added.target_path = com::view(path);
                  added.target_filespec = com::view(name);
                  added.target_ranges = com::view(ranges);
                  return S_OK;
                });
}

HRESULT component_view::SetRestoreMetadata(LPCWSTR data) {
  return set_data("IVssComponent::SetRestoreMetadata", "wszRestoreMetadata", data, {writer_event_kind::pre_restore},
                  &component::restore_metadata);
}

HRESULT component_view::SetRestoreTarget(VSS_RESTORE_TARGET target) {
  // the last one is not known to Server 2003 (semantics 11.3)
  const bool has_original_location = machine_->at_least(system_level::vista);
  const bool known =
      target > VSS_RT_UNDEFINED && target <= (has_original_location ? VSS_RT_ORIGINAL_LOCATION : VSS_RT_DIRECTED);
  return change("IVssComponent::SetRestoreTarget", {{"target", target}}, known ? S_OK : E_INVALIDARG,
                {writer_event_kind::pre_restore}, [&](component& changed) -> HRESULT {
                  changed.restore_target = target;
                  return S_OK;
                });
}

HRESULT component_view::SetPreRestoreFailureMsg(LPCWSTR message) {
  return set_text("IVssComponent::SetPreRestoreFailureMsg", "wszPreRestoreFailureMsg", message,
                  {writer_event_kind::pre_restore}, &component::pre_restore_failure_message);
}

HRESULT component_view::SetPostRestoreFailureMsg(LPCWSTR message) {
  return set_text("IVssComponent::SetPostRestoreFailureMsg", "wszPostRestoreFailureMsg", message,
                  {writer_event_kind::post_restore}, &component::post_restore_failure_message);
}

HRESULT component_view::SetBackupStamp(LPCWSTR stamp) {
  return set_text("IVssComponent::SetBackupStamp", "wszBackupStamp", stamp, in_backup, &component::backup_stamp);
}

HRESULT component_view::AddDifferencedFilesByLastModifyTime(LPCWSTR path, LPCWSTR filespec, BOOL recursive,
                                                            FILETIME modified) {
  HRESULT arguments = path && filespec ? S_OK : E_INVALIDARG;
  if (SUCCEEDED(arguments) && FAILED(texts({path, filespec}))) arguments = VSS_E_INVALID_XML_DOCUMENT;
  const std::uint64_t time = std::uint64_t{modified.dwHighDateTime} << 32 | modified.dwLowDateTime;
  return change("IVssComponent::AddDifferencedFilesByLastModifyTime",
                {{"wszPath", path},
                 {"wszFilespec", filespec},
                 {"bRecursive", recursive},
                 {"ftLastModifyTime", std::to_string(time)}},
                arguments, in_backup, [&](component& changed) -> HRESULT {
                  documents::differenced_file& added = changed.differenced_files.emplace_back();
                  added.path = com::view(path);
                  added.filespec = com::view(filespec);
                  added.recursive = recursive != 0;
                  added.last_modify_time = time;
                  return S_OK;
                });
}

HRESULT component_view::AddDifferencedFilesByLastModifyLSN(LPCWSTR path, LPCWSTR filespec, BOOL recursive, BSTR) {
  return call("IVssComponent::AddDifferencedFilesByLastModifyLSN",
              {{"wszPath", path}, {"wszFilespec", filespec}, {"bRecursive", recursive}},
              [](outputs&) -> HRESULT { return E_NOTIMPL; });  // reserved
}

HRESULT component_view::SetPrepareForBackupFailureMsg(LPCWSTR message) {
  return set_text("IVssComponentEx::SetPrepareForBackupFailureMsg", "wszFailureMsg", message,
                  {writer_event_kind::prepare_backup}, &component::prepare_for_backup_failure_message);
}

HRESULT component_view::SetPostSnapshotFailureMsg(LPCWSTR message) {
  return set_text("IVssComponentEx::SetPostSnapshotFailureMsg", "wszFailureMsg", message,
                  {writer_event_kind::post_snapshot}, &component::post_snapshot_failure_message);
}

HRESULT component_view::SetFailure(HRESULT failure, HRESULT application, LPCWSTR message, DWORD reserved) {
  const bool in_order = is_component_failure(failure) && is_storable(message) && reserved == 0;
  return change("IVssComponentEx2::SetFailure",
                {{"hr", failure}, {"hrApplication", application}, {"wszApplicationMessage", message}},
                in_order ? S_OK : E_INVALIDARG, with_components, [&](component& changed) -> HRESULT {
                  changed.failure = failure;
                  changed.application_failure = application;
                  changed.application_message.reset();
                  if (message) changed.application_message = com::view(message);
                  return S_OK;
                });
}

}  // namespace vsspy::simulator
