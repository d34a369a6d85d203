#include "session.h"

namespace vsspy::requester {

std::shared_ptr<session> session::open(const vsspy_platform& platform) {
  constexpr const char* operation = "CreateVssBackupComponents";
  enter(platform, operation);
  std::shared_ptr<session> made(new session(platform));
  auto& base = made->object_.base;
  com::check(com::on_mta(platform,
                         [&] {
                           const session_mark mark(made->number_);
                           return traced(operation, [&] {
                             return platform.create_backup_components(platform.context, base.put(platform));
                           });
                         }),
             operation);
  if (!base) throw com::vss_error(E_UNEXPECTED, operation, "no object came with the success code");
  made->identity_ = base.get();
  enlist(made);
  return made;
}

session::~session() {
  if (!abandoned()) return;  // the pointers give themselves back
  object_.base.detach();
  std::apply([](auto&... each) { (each.object.detach(), ...); }, object_.extensions);
}

void session::refuse_reentry(const char* operation) const {
  gate_.refuse_reentry(operation);
  if (platform_.in_callback && platform_.in_callback(platform_.context, identity_)) {
    throw com::vss_error(com::VSSPY_E_REENTERED, operation);
  }
}

void session::close() noexcept {
  if (forked()) return;
  interfaces last;
  const auto latest = latest_.end();
  const auto lock = gate_.lock();
  std::swap(last, object_);
}

void session::close_or_throw() {
  if (forked()) throw com::vss_error(com::VSSPY_E_FORKED, "IUnknown::Release");
  refuse_reentry("IUnknown::Release");
  close();
}

void session::initialize_for_backup(const optional_text& xml) {
  constexpr const char* operation = "IVssBackupComponents::InitializeForBackup";
  com::unique_bstr text(platform_);
  if (xml) com::unique_bstr(platform_, without_nul(*xml, "xml", operation)).swap(text);
  call(operation, [&](auto& object) { return object.InitializeForBackup(text.get()); }, with("bstrXML", xml));
}

void session::initialize_for_restore(const std::u16string& xml) {
  constexpr const char* operation = "IVssBackupComponents::InitializeForRestore";
  const com::unique_bstr text(platform_, without_nul(xml, "xml", operation));
  call(operation, [&](auto& object) { return object.InitializeForRestore(text.get()); }, with("bstrXML", xml));
}

void session::set_context(std::int32_t context) {
  call(
      "IVssBackupComponents::SetContext", [&](auto& object) { return object.SetContext(context); },
      with("lContext", context));
}

void session::set_backup_state(bool select_components, bool bootable_system_state, std::int32_t backup_type,
                               bool partial_file_support) {
  call(
      "IVssBackupComponents::SetBackupState",
      [&](auto& object) {
        return object.SetBackupState(select_components, bootable_system_state,
                                     static_cast<VSS_BACKUP_TYPE>(backup_type), partial_file_support);
      },
      with("bSelectComponents", select_components), with("bBackupBootableSystemState", bootable_system_state),
      with("backupType", backup_type), with("bPartialFileSupport", partial_file_support));
}

void session::set_restore_state(std::int32_t restore_type) {
  call(
      "IVssBackupComponents::SetRestoreState",
      [&](auto& object) { return object.SetRestoreState(static_cast<VSS_RESTORE_TYPE>(restore_type)); },
      with("restoreType", restore_type));
}

void session::enable_writer_classes(const std::vector<GUID>& ids) {
  call(
      "IVssBackupComponents::EnableWriterClasses",
      [&](auto& object) { return object.EnableWriterClasses(ids.data(), static_cast<UINT>(ids.size())); },
      with_ids("rgWriterClassId", ids));
}

void session::disable_writer_classes(const std::vector<GUID>& ids) {
  call(
      "IVssBackupComponents::DisableWriterClasses",
      [&](auto& object) { return object.DisableWriterClasses(ids.data(), static_cast<UINT>(ids.size())); },
      with_ids("rgWriterClassId", ids));
}

void session::disable_writer_instances(const std::vector<GUID>& ids) {
  call(
      "IVssBackupComponents::DisableWriterInstances",
      [&](auto& object) { return object.DisableWriterInstances(ids.data(), static_cast<UINT>(ids.size())); },
      with_ids("rgWriterInstanceId", ids));
}

void session::abort_backup() {
  call("IVssBackupComponents::AbortBackup", [](auto& object) { return object.AbortBackup(); });
}

std::shared_ptr<async_operation> session::last_operation() {
  constexpr const char* operation = "IVssAsync";
  require_usable(operation);
  auto latest = latest_.get(operation);
  return latest && !latest->closed() ? latest : nullptr;
}

std::u16string session::save_as_xml() {
  com::unique_bstr xml(platform_);
  call("IVssBackupComponents::SaveAsXML", [&](auto& object) {
    const HRESULT hr = object.SaveAsXML(xml.put());
    if (SUCCEEDED(hr)) {
      trace_outcome(last_call(), "IVssBackupComponents::SaveAsXML",
                    [&] { return documents::document_outcome("backup_components", xml.text()); });
    }
    return hr;
  });
  return xml.text();
}

GUID session::get_session_id() {
  GUID id{};
  call<IVssBackupComponentsEx3>("IVssBackupComponentsEx3::GetSessionId",
                                [&](auto& object) { return object.GetSessionId(&id); });
  return id;
}

root_and_prefix session::get_root_and_logical_prefix_paths(const std::u16string& file_path, bool normalize_fqdn) {
  constexpr const char* operation = "IVssBackupComponentsEx4::GetRootAndLogicalPrefixPaths";
  com::unique_task_string root(platform_);
  com::unique_task_string prefix(platform_);
  call<IVssBackupComponentsEx4>(
      operation,
      [&](auto& object) {
        return object.GetRootAndLogicalPrefixPaths(terminated_pwsz(file_path, "file_path", operation), root.put(),
                                                   prefix.put(), normalize_fqdn ? TRUE : FALSE);
      },
      with("pwszFilePath", file_path), with("bNormalizeFQDNforRootPath", normalize_fqdn));
  return {root.optional_text(), prefix.optional_text()};
}

}  // namespace vsspy::requester
