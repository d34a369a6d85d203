#include "component_view.h"

#include "../com/bstr.h"
#include "arguments.h"
#include "file_sets.h"

namespace vsspy::requester {

using com::check;
using com::unique_bstr;

template <class Interface>
Interface& component_view::as(const char* operation) {
  const auto later = [&](auto& pointer, const char* name) -> Interface& {
    if (!pointer) pointer = object_.try_query<Interface>();
    if (!pointer) throw com::vss_error(E_NOINTERFACE, operation, name);
    return *pointer;
  };
  if constexpr (std::is_same_v<Interface, IVssComponentEx>) {
    return later(ex_, "IVssComponentEx");
  } else if constexpr (std::is_same_v<Interface, IVssComponentEx2>) {
    return later(ex2_, "IVssComponentEx2");
  } else {
    return *object_;
  }
}

template <class Interface, class Fn, class... Arguments>
HRESULT component_view::call(const char* operation, Fn fn, const Arguments&... arguments) {
  return read(operation, [&] {
    Interface& object = as<Interface>(operation);
    return check(traced(operation, [&] { return fn(object); }, arguments...), operation);
  });
}

template <class Interface>
optional_text component_view::text(const char* operation, HRESULT (STDMETHODCALLTYPE Interface::*get)(BSTR*)) {
  return read(operation, [&]() -> optional_text {
    unique_bstr text(object_.platform());
    Interface& object = as<Interface>(operation);
    if (check(traced(operation, [&] { return (object.*get)(text.put()); }), operation) == S_FALSE) return std::nullopt;
    return text.optional_text();
  });
}

template <class Interface>
void component_view::set_text(const char* operation, HRESULT (STDMETHODCALLTYPE Interface::*set)(LPCWSTR),
                              const std::u16string& text, const char* name, const char* parameter) {
  const WCHAR* given = terminated(text, name, operation);
  call<Interface>(operation, [&](Interface& object) { return (object.*set)(given); }, with(parameter, text));
}

template <class Interface, class Value>
std::optional<Value> component_view::value(const char* operation, HRESULT (STDMETHODCALLTYPE Interface::*get)(Value*)) {
  Value found{};
  const HRESULT hr = call<Interface>(operation, [&](Interface& object) { return (object.*get)(&found); });
  return hr == S_FALSE ? std::nullopt : std::optional(found);
}

template <class Item, class Read>
std::vector<Item> component_view::collection(const char* operation,
                                             HRESULT (STDMETHODCALLTYPE IVssComponent::*count)(UINT*), Read read_item) {
  return read(operation, [&] {
    UINT number = 0;
    check(traced(operation, [&] { return (*object_.*count)(&number); }), operation);
    std::vector<Item> items;
    for (UINT i = 0; i < number; ++i) items.push_back(read_item(i));
    return items;
  });
}

std::vector<documents::file_set> component_view::file_sets(
    const char* count_operation, HRESULT (STDMETHODCALLTYPE IVssComponent::*count)(UINT*), const char* operation,
    const char* index_name, HRESULT (STDMETHODCALLTYPE IVssComponent::*get)(UINT, IVssWMFiledesc**)) {
  return read(count_operation, [&] {
    UINT number = 0;
    check(traced(count_operation, [&] { return (*object_.*count)(&number); }), count_operation);
    return read_file_sets(object_.platform(), number, operation, index_name,
                          [&](UINT i, IVssWMFiledesc** item) { return (*object_.*get)(i, item); });
  });
}

optional_text component_view::logical_path() {
  return text("IVssComponent::GetLogicalPath", &IVssComponent::GetLogicalPath);
}

std::int32_t component_view::type() {
  return value("IVssComponent::GetComponentType", &IVssComponent::GetComponentType).value_or(VSS_CT_UNDEFINED);
}

std::u16string component_view::name() {
  return text("IVssComponent::GetComponentName", &IVssComponent::GetComponentName).value_or(std::u16string());
}

std::optional<bool> component_view::backup_succeeded() {
  return value("IVssComponent::GetBackupSucceeded", &IVssComponent::GetBackupSucceeded);
}

optional_text component_view::backup_metadata() {
  return text("IVssComponent::GetBackupMetadata", &IVssComponent::GetBackupMetadata);
}

bool component_view::selected_for_restore() {
  return value("IVssComponent::IsSelectedForRestore", &IVssComponent::IsSelectedForRestore).value_or(false);
}

std::optional<bool> component_view::additional_restores() {
  return value("IVssComponent::GetAdditionalRestores", &IVssComponent::GetAdditionalRestores);
}

optional_text component_view::restore_metadata() {
  return text("IVssComponent::GetRestoreMetadata", &IVssComponent::GetRestoreMetadata);
}

std::int32_t component_view::restore_target() {
  return value("IVssComponent::GetRestoreTarget", &IVssComponent::GetRestoreTarget).value_or(VSS_RT_UNDEFINED);
}

optional_text component_view::pre_restore_failure_message() {
  return text("IVssComponent::GetPreRestoreFailureMsg", &IVssComponent::GetPreRestoreFailureMsg);
}

optional_text component_view::post_restore_failure_message() {
  return text("IVssComponent::GetPostRestoreFailureMsg", &IVssComponent::GetPostRestoreFailureMsg);
}

optional_text component_view::backup_stamp() {
  return text("IVssComponent::GetBackupStamp", &IVssComponent::GetBackupStamp);
}

optional_text component_view::previous_backup_stamp() {
  return text("IVssComponent::GetPreviousBackupStamp", &IVssComponent::GetPreviousBackupStamp);
}

optional_text component_view::backup_options() {
  return text("IVssComponent::GetBackupOptions", &IVssComponent::GetBackupOptions);
}

optional_text component_view::restore_options() {
  return text("IVssComponent::GetRestoreOptions", &IVssComponent::GetRestoreOptions);
}

std::int32_t component_view::file_restore_status() {
  return value("IVssComponent::GetFileRestoreStatus", &IVssComponent::GetFileRestoreStatus).value_or(VSS_RS_UNDEFINED);
}

optional_text component_view::prepare_for_backup_failure_message() {
  return text("IVssComponentEx::GetPrepareForBackupFailureMsg", &IVssComponentEx::GetPrepareForBackupFailureMsg);
}

optional_text component_view::post_snapshot_failure_message() {
  return text("IVssComponentEx::GetPostSnapshotFailureMsg", &IVssComponentEx::GetPostSnapshotFailureMsg);
}

bool component_view::authoritative_restore() {
  return value("IVssComponentEx::GetAuthoritativeRestore", &IVssComponentEx::GetAuthoritativeRestore).value_or(false);
}

roll_forward_info component_view::roll_forward() {
  constexpr const char* operation = "IVssComponentEx::GetRollForward";
  return read(operation, [&] {
    VSS_ROLLFORWARD_TYPE type = VSS_RF_UNDEFINED;
    unique_bstr point(object_.platform());
    IVssComponentEx& object = as<IVssComponentEx>(operation);
    check(traced(operation, [&] { return object.GetRollForward(&type, point.put()); }), operation);
    return roll_forward_info{static_cast<std::int32_t>(type), point.optional_text()};
  });
}

optional_text component_view::restore_name() {
  return text("IVssComponentEx::GetRestoreName", &IVssComponentEx::GetRestoreName);
}

component_failure_info component_view::failure() {
  constexpr const char* operation = "IVssComponentEx2::GetFailure";
  return read(operation, [&] {
    component_failure_info found;
    unique_bstr message(object_.platform());
    DWORD reserved = 0;  // may not be left out
    IVssComponentEx2& object = as<IVssComponentEx2>(operation);
    check(
        traced(operation,
               [&] { return object.GetFailure(&found.failure, &found.application_failure, message.put(), &reserved); }),
        operation);
    found.application_message = message.optional_text();
    return found;
  });
}

std::vector<documents::file_set> component_view::alternate_location_mappings() {
  return file_sets("IVssComponent::GetAlternateLocationMappingCount", &IVssComponent::GetAlternateLocationMappingCount,
                   "IVssComponent::GetAlternateLocationMapping", "iMapping",
                   &IVssComponent::GetAlternateLocationMapping);
}

std::vector<documents::file_set> component_view::new_targets() {
  return file_sets("IVssComponent::GetNewTargetCount", &IVssComponent::GetNewTargetCount, "IVssComponent::GetNewTarget",
                   "iNewTarget", &IVssComponent::GetNewTarget);
}

std::vector<partial_file_info> component_view::partial_files() {
  return collection<partial_file_info>(
      "IVssComponent::GetPartialFileCount", &IVssComponent::GetPartialFileCount, [&](UINT i) {
        const vsspy_platform& platform = object_.platform();
        unique_bstr path(platform), filename(platform), ranges(platform), metadata(platform);
        check(traced(
                  "IVssComponent::GetPartialFile",
                  [&] { return object_->GetPartialFile(i, path.put(), filename.put(), ranges.put(), metadata.put()); },
                  with("iPartialFile", i)),
              "IVssComponent::GetPartialFile");
        return partial_file_info{path.text(), filename.text(), ranges.text(), metadata.text()};
      });
}

std::vector<differenced_file_info> component_view::differenced_files() {
  return collection<differenced_file_info>(
      "IVssComponent::GetDifferencedFilesCount", &IVssComponent::GetDifferencedFilesCount, [&](UINT i) {
        const vsspy_platform& platform = object_.platform();
        unique_bstr path(platform), filespec(platform), lsn(platform);
        BOOL recursive = FALSE;
        FILETIME time{};
        check(traced(
                  "IVssComponent::GetDifferencedFile",
                  [&] {
                    return object_->GetDifferencedFile(i, path.put(), filespec.put(), &recursive, lsn.put(), &time);
                  },
                  with("iDifferencedFile", i)),
              "IVssComponent::GetDifferencedFile");
        return differenced_file_info{path.text(), filespec.text(), recursive != FALSE, lsn.optional_text(),
                                     std::uint64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime};
      });
}

std::vector<directed_target_info> component_view::directed_targets() {
  return collection<directed_target_info>(
      "IVssComponent::GetDirectedTargetCount", &IVssComponent::GetDirectedTargetCount, [&](UINT i) {
        const vsspy_platform& platform = object_.platform();
        unique_bstr source_path(platform), source_filename(platform), source_ranges(platform);
        unique_bstr path(platform), filename(platform), ranges(platform);
        check(traced(
                  "IVssComponent::GetDirectedTarget",
                  [&] {
                    return object_->GetDirectedTarget(i, source_path.put(), source_filename.put(), source_ranges.put(),
                                                      path.put(), filename.put(), ranges.put());
                  },
                  with("iDirectedTarget", i)),
              "IVssComponent::GetDirectedTarget");
        return directed_target_info{source_path.text(), source_filename.text(), source_ranges.text(),
                                    path.text(),        filename.text(),        ranges.text()};
      });
}

std::vector<restore_subcomponent_info> component_view::restore_subcomponents() {
  return collection<restore_subcomponent_info>(
      "IVssComponent::GetRestoreSubcomponentCount", &IVssComponent::GetRestoreSubcomponentCount, [&](UINT i) {
        unique_bstr path(object_.platform()), name(object_.platform());
        bool repair = false;
        check(traced(
                  "IVssComponent::GetRestoreSubcomponent",
                  [&] { return object_->GetRestoreSubcomponent(i, path.put(), name.put(), &repair); },
                  with("iComponent", i)),
              "IVssComponent::GetRestoreSubcomponent");
        return restore_subcomponent_info{path.optional_text(), name.text(), repair};
      });
}

void component_view::set_backup_metadata(const std::u16string& data) {
  set_text("IVssComponent::SetBackupMetadata", &IVssComponent::SetBackupMetadata, data, "data", "wszData");
}

void component_view::set_restore_metadata(const std::u16string& data) {
  set_text("IVssComponent::SetRestoreMetadata", &IVssComponent::SetRestoreMetadata, data, "data", "wszRestoreMetadata");
}

void component_view::set_restore_target(std::int32_t target) {
  call<IVssComponent>(
      "IVssComponent::SetRestoreTarget",
      [&](IVssComponent& object) { return object.SetRestoreTarget(static_cast<VSS_RESTORE_TARGET>(target)); },
      with("target", target));
}

void component_view::set_backup_stamp(const std::u16string& stamp) {
  set_text("IVssComponent::SetBackupStamp", &IVssComponent::SetBackupStamp, stamp, "stamp", "wszBackupStamp");
}

void component_view::set_pre_restore_failure_message(const std::u16string& message) {
  set_text("IVssComponent::SetPreRestoreFailureMsg", &IVssComponent::SetPreRestoreFailureMsg, message, "message",
           "wszPreRestoreFailureMsg");
}

void component_view::set_post_restore_failure_message(const std::u16string& message) {
  set_text("IVssComponent::SetPostRestoreFailureMsg", &IVssComponent::SetPostRestoreFailureMsg, message, "message",
           "wszPostRestoreFailureMsg");
}

void component_view::set_prepare_for_backup_failure_message(const std::u16string& message) {
  set_text("IVssComponentEx::SetPrepareForBackupFailureMsg", &IVssComponentEx::SetPrepareForBackupFailureMsg, message,
           "message", "wszFailureMsg");
}

void component_view::set_post_snapshot_failure_message(const std::u16string& message) {
  set_text("IVssComponentEx::SetPostSnapshotFailureMsg", &IVssComponentEx::SetPostSnapshotFailureMsg, message,
           "message", "wszFailureMsg");
}

void component_view::set_failure(const component_failure_info& failure) {
  constexpr const char* operation = "IVssComponentEx2::SetFailure";
  const WCHAR* message = terminated(failure.application_message, "application_message", operation);
  call<IVssComponentEx2>(
      operation,
      [&](IVssComponentEx2& object) {
        return object.SetFailure(failure.failure, failure.application_failure, message, 0);
      },
      with("hr", failure.failure), with("hrApplication", failure.application_failure),
      with("wszApplicationMessage", failure.application_message), with("dwReserved", 0));
}

void component_view::add_partial_file(const partial_file_info& file) {
  constexpr const char* operation = "IVssComponent::AddPartialFile";
  const auto text = [](const std::u16string& from, const char* name) { return terminated(from, name, operation); };
  const WCHAR* path = text(file.path, "path");
  const WCHAR* filename = text(file.filename, "filename");
  const WCHAR* ranges = text(file.ranges, "ranges");
  const WCHAR* metadata = text(file.metadata, "metadata");
  call<IVssComponent>(
      operation, [&](IVssComponent& object) { return object.AddPartialFile(path, filename, ranges, metadata); },
      with("wszPath", file.path), with("wszFilename", file.filename), with("wszRanges", file.ranges),
      with("wszMetadata", file.metadata));
}

void component_view::add_directed_target(const directed_target_info& target) {
  constexpr const char* operation = "IVssComponent::AddDirectedTarget";
  const auto text = [](const std::u16string& from, const char* name) { return terminated(from, name, operation); };
  const WCHAR* source_path = text(target.source_path, "source_path");
  const WCHAR* source_filename = text(target.source_filename, "source_filename");
  const WCHAR* source_ranges = text(target.source_ranges, "source_ranges");
  const WCHAR* path = text(target.destination_path, "destination_path");
  const WCHAR* filename = text(target.destination_filename, "destination_filename");
  const WCHAR* ranges = text(target.destination_ranges, "destination_ranges");
  call<IVssComponent>(
      operation,
      [&](IVssComponent& object) {
        return object.AddDirectedTarget(source_path, source_filename, source_ranges, path, filename, ranges);
      },
      with("wszSourcePath", target.source_path), with("wszSourceFilename", target.source_filename),
      with("wszSourceRangeList", target.source_ranges), with("wszDestinationPath", target.destination_path),
      with("wszDestinationFilename", target.destination_filename),
      with("wszDestinationRangeList", target.destination_ranges));
}

void component_view::add_differenced_files_by_last_modify_time(const differenced_file_info& files) {
  constexpr const char* operation = "IVssComponent::AddDifferencedFilesByLastModifyTime";
  const WCHAR* path = terminated(files.path, "path", operation);
  const WCHAR* filespec = terminated(files.filespec, "filespec", operation);
  FILETIME time{};
  time.dwLowDateTime = static_cast<DWORD>(files.last_modify_time);
  time.dwHighDateTime = static_cast<DWORD>(files.last_modify_time >> 32);
  const BOOL recursive = files.recursive ? TRUE : FALSE;
  const auto last = static_cast<std::int64_t>(files.last_modify_time);
  call<IVssComponent>(
      operation,
      [&](IVssComponent& object) {
        return object.AddDifferencedFilesByLastModifyTime(path, filespec, recursive, time);
      },
      with("wszPath", files.path), with("wszFilespec", files.filespec), with("bRecursive", recursive),
      with("ftLastModifyTime", last));
}

void component_view::add_differenced_files_by_last_modify_lsn(const differenced_file_info& files) {
  constexpr const char* operation = "IVssComponent::AddDifferencedFilesByLastModifyLSN";
  const WCHAR* path = terminated(files.path, "path", operation);
  const WCHAR* filespec = terminated(files.filespec, "filespec", operation);
  const std::u16string lsn = files.lsn.value_or(std::u16string());
  const BOOL recursive = files.recursive ? TRUE : FALSE;
  call<IVssComponent>(
      operation,
      [&](IVssComponent& object) {
        const unique_bstr text(object_.platform(), without_nul(lsn, "lsn", operation));
        return object.AddDifferencedFilesByLastModifyLSN(path, filespec, recursive, text.get());
      },
      with("wszPath", files.path), with("wszFilespec", files.filespec), with("bRecursive", recursive),
      with("bstrLsnString", files.lsn));
}

writer_info writer_components_view::info() {
  constexpr const char* operation = "IVssWriterComponents::GetWriterInfo";
  return read(operation, [&] {
    writer_info found;
    check(traced(operation, [&] { return object_->GetWriterInfo(&found.instance_id, &found.writer_id); }), operation);
    return found;
  });
}

std::vector<std::shared_ptr<component_view>> writer_components_view::components() {
  constexpr const char* operation = "IVssWriterComponents::GetComponent";
  return read(operation, [&](view_list& views) {
    UINT count = 0;
    check(traced("IVssWriterComponents::GetComponentCount", [&] { return object_->GetComponentCount(&count); }),
          "IVssWriterComponents::GetComponentCount");
    std::vector<std::shared_ptr<component_view>> found;
    for (UINT i = 0; i < count; ++i) {
      auto component = fetch<IVssComponent>(
          object_.platform(), operation, [&](IVssComponent** item) { return object_->GetComponent(i, item); },
          with("iComponent", i));
      found.push_back(std::make_shared<component_view>(owner(), generation(), std::move(component)));
    }
    views.add(found);
    return found;
  });
}

}  // namespace vsspy::requester
