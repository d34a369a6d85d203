#include "session.h"

#include "writer_reader.h"

namespace vsspy::requester {

namespace {

const WCHAR* pointer(const optional_text& text) { return text ? com::wide(*text) : nullptr; }

std::shared_ptr<const documents::writer_metadata> shared(documents::writer_metadata&& value) {
  return std::make_shared<const documents::writer_metadata>(std::move(value));
}

}  // namespace

std::shared_ptr<session> session::open(const vsspy_platform& platform) {
  constexpr const char* operation = "CreateVssBackupComponents";
  if (platform.version != vsspy_platform_version) {
    throw com::vss_error(E_INVALIDARG, operation, "the platform table has another version");
  }
  std::shared_ptr<session> made(new session(platform));
  made->require_usable(operation);
  com::enter_mta(platform);
  auto& base = made->object_.base;
  com::check(
      com::on_mta(platform, [&] { return platform.create_backup_components(platform.context, base.put(platform)); }),
      operation);
  if (!base) throw com::vss_error(E_UNEXPECTED, operation, "no object came with the success code");
  made->identity_ = base.get();
  enlist(made);
  return made;
}

session::~session() {
  if (!abandoned()) return;  // the pointers give themselves back
  object_.base.detach();
  object_.ex.detach();
  object_.ex3.detach();
}

void session::refuse_reentry(const char* operation) const {
  if (caller_.load(std::memory_order_relaxed) == std::this_thread::get_id() ||
      (platform_.in_callback && platform_.in_callback(platform_.context, identity_))) {
    throw com::vss_error(com::VSSPY_E_REENTERED, operation);
  }
}

template <class Fn>
auto session::exclusively(const char* operation, Fn fn) {
  require_usable(operation);
  refuse_reentry(operation);
  std::lock_guard lock(mutex_);
  if (!object_.base) throw com::vss_error(com::VSSPY_E_CLOSED, operation);
  struct caller_mark {
    std::atomic<std::thread::id>& caller;
    explicit caller_mark(std::atomic<std::thread::id>& into) : caller(into) { caller = std::this_thread::get_id(); }
    ~caller_mark() { caller = std::thread::id(); }
  } const mark(caller_);
  return com::on_mta(platform_, [&] { return fn(object_); });
}

template <class Fn>
HRESULT session::call(const char* operation, Fn fn) {
  return com::check(exclusively(operation, [&](interfaces& object) { return fn(*object.base); }), operation);
}

template <class Fn>
std::shared_ptr<async_operation> session::start(const char* operation, Fn fn) {
  com::com_ptr<IVssAsync> async;
  call(operation, [&](IVssBackupComponents& object) { return fn(object, async.put(platform_)); });
  if (!async) throw com::vss_error(E_UNEXPECTED, operation, "no IVssAsync came with the success code");
  return async_operation::adopt(std::move(async), operation, identity_);
}

void session::close() noexcept {
  if (forked()) return;
  interfaces last;
  std::lock_guard lock(mutex_);
  std::swap(last, object_);
}

void session::close_or_throw() {
  if (forked()) throw com::vss_error(com::VSSPY_E_FORKED, "IUnknown::Release");
  refuse_reentry("IUnknown::Release");
  close();
}

IVssBackupComponentsEx* session::ex(interfaces& object) {
  if (!std::exchange(object.asked_ex, true)) object.ex = object.base.try_query<IVssBackupComponentsEx>();
  return object.ex.get();
}

IVssBackupComponentsEx3* session::ex3(interfaces& object) {
  if (!std::exchange(object.asked_ex3, true)) object.ex3 = object.base.try_query<IVssBackupComponentsEx3>();
  return object.ex3.get();
}

void session::initialize_for_backup(const optional_text& xml) {
  com::unique_bstr text(platform_);
  if (xml) com::unique_bstr(platform_, *xml).swap(text);
  call("IVssBackupComponents::InitializeForBackup",
       [&](IVssBackupComponents& object) { return object.InitializeForBackup(text.get()); });
}

void session::set_context(std::int32_t context) {
  call("IVssBackupComponents::SetContext", [&](IVssBackupComponents& object) { return object.SetContext(context); });
}

void session::set_backup_state(bool select_components, bool bootable_system_state, std::int32_t backup_type,
                               bool partial_file_support) {
  call("IVssBackupComponents::SetBackupState", [&](IVssBackupComponents& object) {
    return object.SetBackupState(select_components, bootable_system_state, static_cast<VSS_BACKUP_TYPE>(backup_type),
                                 partial_file_support);
  });
}

void session::enable_writer_classes(const std::vector<GUID>& ids) {
  call("IVssBackupComponents::EnableWriterClasses", [&](IVssBackupComponents& object) {
    return object.EnableWriterClasses(ids.data(), static_cast<UINT>(ids.size()));
  });
}

void session::disable_writer_classes(const std::vector<GUID>& ids) {
  call("IVssBackupComponents::DisableWriterClasses", [&](IVssBackupComponents& object) {
    return object.DisableWriterClasses(ids.data(), static_cast<UINT>(ids.size()));
  });
}

void session::disable_writer_instances(const std::vector<GUID>& ids) {
  call("IVssBackupComponents::DisableWriterInstances", [&](IVssBackupComponents& object) {
    return object.DisableWriterInstances(ids.data(), static_cast<UINT>(ids.size()));
  });
}

std::shared_ptr<async_operation> session::gather_writer_metadata() {
  return start("IVssBackupComponents::GatherWriterMetadata",
               [](IVssBackupComponents& object, IVssAsync** async) { return object.GatherWriterMetadata(async); });
}

std::vector<std::shared_ptr<const documents::writer_metadata>> session::writer_metadata() {
  return exclusively("IVssBackupComponents::GetWriterMetadata", [&](interfaces& object) {
    UINT count = 0;
    com::check(object.base->GetWriterMetadataCount(&count), "IVssBackupComponents::GetWriterMetadataCount");
    std::vector<std::shared_ptr<const documents::writer_metadata>> writers;
    IVssBackupComponentsEx* extended = ex(object);
    for (UINT i = 0; i < count; ++i) {
      GUID instance{};
      com::com_ptr<IVssExamineWriterMetadata> writer;
      if (extended) {
        com::com_ptr<IVssExamineWriterMetadataEx> found;
        com::check(extended->GetWriterMetadataEx(i, &instance, found.put(platform_)),
                   "IVssBackupComponentsEx::GetWriterMetadataEx");
        writer = std::move(found);
      } else {
        com::check(object.base->GetWriterMetadata(i, &instance, writer.put(platform_)),
                   "IVssBackupComponents::GetWriterMetadata");
      }
      if (!writer) throw com::vss_error(E_UNEXPECTED, "IVssBackupComponents::GetWriterMetadata", "no object came");
      writers.push_back(shared(read_writer(writer, instance)));
    }
    return writers;
  });
}

void session::free_writer_metadata() {
  call("IVssBackupComponents::FreeWriterMetadata",
       [](IVssBackupComponents& object) { return object.FreeWriterMetadata(); });
}

void session::add_component(const GUID& instance_id, const component_key& component) {
  call("IVssBackupComponents::AddComponent", [&](IVssBackupComponents& object) {
    return object.AddComponent(instance_id, component.writer_id, component.type, pointer(component.logical_path),
                               com::wide(component.name));
  });
}

void session::set_backup_options(const component_key& component, const std::u16string& options) {
  call("IVssBackupComponents::SetBackupOptions", [&](IVssBackupComponents& object) {
    return object.SetBackupOptions(component.writer_id, component.type, pointer(component.logical_path),
                                   com::wide(component.name), com::wide(options));
  });
}

void session::set_previous_backup_stamp(const component_key& component, const std::u16string& stamp) {
  call("IVssBackupComponents::SetPreviousBackupStamp", [&](IVssBackupComponents& object) {
    return object.SetPreviousBackupStamp(component.writer_id, component.type, pointer(component.logical_path),
                                         com::wide(component.name), com::wide(stamp));
  });
}

void session::set_backup_succeeded(const GUID& instance_id, const component_key& component, bool succeeded) {
  call("IVssBackupComponents::SetBackupSucceeded", [&](IVssBackupComponents& object) {
    return object.SetBackupSucceeded(instance_id, component.writer_id, component.type, pointer(component.logical_path),
                                     com::wide(component.name), succeeded);
  });
}

GUID session::start_snapshot_set() {
  GUID id{};
  call("IVssBackupComponents::StartSnapshotSet",
       [&](IVssBackupComponents& object) { return object.StartSnapshotSet(&id); });
  return id;
}

GUID session::add_to_snapshot_set(const std::u16string& volume, const GUID& provider_id) {
  GUID id{};
  call("IVssBackupComponents::AddToSnapshotSet", [&](IVssBackupComponents& object) {
    return object.AddToSnapshotSet(const_cast<VSS_PWSZ>(com::wide(volume)), provider_id, &id);
  });
  return id;
}

bool session::is_volume_supported(const std::u16string& volume, const GUID& provider_id) {
  BOOL supported = FALSE;
  call("IVssBackupComponents::IsVolumeSupported", [&](IVssBackupComponents& object) {
    return object.IsVolumeSupported(provider_id, const_cast<VSS_PWSZ>(com::wide(volume)), &supported);
  });
  return supported != FALSE;
}

std::shared_ptr<async_operation> session::prepare_for_backup() {
  return start("IVssBackupComponents::PrepareForBackup",
               [](IVssBackupComponents& object, IVssAsync** async) { return object.PrepareForBackup(async); });
}

std::shared_ptr<async_operation> session::do_snapshot_set() {
  return start("IVssBackupComponents::DoSnapshotSet",
               [](IVssBackupComponents& object, IVssAsync** async) { return object.DoSnapshotSet(async); });
}

snapshot_properties session::get_snapshot_properties(const GUID& snapshot_id) {
  filled_snapshot properties(platform_);
  call("IVssBackupComponents::GetSnapshotProperties",
       [&](IVssBackupComponents& object) { return object.GetSnapshotProperties(snapshot_id, properties.get()); });
  return properties.copy();
}

// Nothing to list comes as S_FALSE, as VSS_E_OBJECT_NOT_FOUND or as an empty enumerator.
template <class Read>
void session::query(VSS_OBJECT_TYPE type, Read read) {
  constexpr const char* operation = "IVssBackupComponents::Query";
  exclusively(operation, [&](interfaces& object) {
    com::com_ptr<IVssEnumObject> objects;
    const HRESULT hr = object.base->Query(GUID{}, VSS_OBJECT_NONE, type, objects.put(platform_));
    if (hr == VSS_E_OBJECT_NOT_FOUND) return;
    com::check(hr, operation);
    if (objects) read(*objects);
  });
}

std::vector<snapshot_properties> session::query_snapshots() {
  std::vector<snapshot_properties> found;
  query(VSS_OBJECT_SNAPSHOT, [&](IVssEnumObject& objects) { found = read_snapshots(platform_, objects); });
  return found;
}

std::vector<provider_properties> session::query_providers() {
  std::vector<provider_properties> found;
  query(VSS_OBJECT_PROVIDER, [&](IVssEnumObject& objects) { found = read_providers(platform_, objects); });
  return found;
}

deletion session::delete_snapshots(const GUID& id, std::int32_t type, bool force) {
  return exclusively("IVssBackupComponents::DeleteSnapshots", [&](interfaces& object) {
    LONG deleted = 0;
    deletion outcome;
    outcome.result = object.base->DeleteSnapshots(id, static_cast<VSS_OBJECT_TYPE>(type), force ? TRUE : FALSE,
                                                  &deleted, &outcome.nondeleted_id);
    outcome.deleted = static_cast<std::int32_t>(deleted);
    return outcome;
  });
}

std::shared_ptr<async_operation> session::gather_writer_status() {
  return start("IVssBackupComponents::GatherWriterStatus",
               [](IVssBackupComponents& object, IVssAsync** async) { return object.GatherWriterStatus(async); });
}

std::vector<writer_status> session::writer_statuses() {
  return exclusively("IVssBackupComponents::GetWriterStatus", [&](interfaces& object) {
    UINT count = 0;
    com::check(object.base->GetWriterStatusCount(&count), "IVssBackupComponents::GetWriterStatusCount");
    IVssBackupComponentsEx3* extended = ex3(object);
    std::vector<writer_status> writers;
    for (UINT i = 0; i < count; ++i) {
      writer_status status;
      com::unique_bstr name(platform_);
      com::unique_bstr message(platform_);
      VSS_WRITER_STATE state = VSS_WS_UNKNOWN;
      if (extended) {
        HRESULT application = S_OK;
        com::check(extended->GetWriterStatusEx(i, &status.instance_id, &status.writer_id, name.put(), &state,
                                               &status.failure, &application, message.put()),
                   "IVssBackupComponentsEx3::GetWriterStatusEx");
        status.application_failure = application;
      } else {
        com::check(object.base->GetWriterStatus(i, &status.instance_id, &status.writer_id, name.put(), &state,
                                                &status.failure),
                   "IVssBackupComponents::GetWriterStatus");
      }
      status.name = name.text();
      status.state = static_cast<std::int32_t>(state);
      status.application_message = message.optional_text();
      writers.push_back(std::move(status));
    }
    return writers;
  });
}

void session::free_writer_status() {
  call("IVssBackupComponents::FreeWriterStatus",
       [](IVssBackupComponents& object) { return object.FreeWriterStatus(); });
}

std::shared_ptr<async_operation> session::backup_complete() {
  return start("IVssBackupComponents::BackupComplete",
               [](IVssBackupComponents& object, IVssAsync** async) { return object.BackupComplete(async); });
}

void session::abort_backup() {
  call("IVssBackupComponents::AbortBackup", [](IVssBackupComponents& object) { return object.AbortBackup(); });
}

std::u16string session::save_as_xml() {
  com::unique_bstr xml(platform_);
  call("IVssBackupComponents::SaveAsXML", [&](IVssBackupComponents& object) { return object.SaveAsXML(xml.put()); });
  return xml.text();
}

GUID session::get_session_id() {
  constexpr const char* operation = "IVssBackupComponentsEx3::GetSessionId";
  return exclusively(operation, [&](interfaces& object) {
    IVssBackupComponentsEx3* extended = ex3(object);
    if (!extended) throw com::vss_error(E_NOINTERFACE, operation, "IVssBackupComponentsEx3");
    GUID id{};
    com::check(extended->GetSessionId(&id), operation);
    return id;
  });
}

}  // namespace vsspy::requester
