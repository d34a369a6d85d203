#include "session.h"
#include "session_key.h"
#include "writer_reader.h"

namespace vsspy::requester {

namespace {

std::shared_ptr<const documents::writer_metadata> shared(documents::writer_metadata&& value) {
  return std::make_shared<const documents::writer_metadata>(std::move(value));
}

}  // namespace

std::shared_ptr<async_operation> session::gather_writer_metadata() {
  return start("IVssBackupComponents::GatherWriterMetadata",
               [](auto& object, IVssAsync** async) { return object.GatherWriterMetadata(async); });
}

std::vector<std::shared_ptr<const documents::writer_metadata>> session::writer_metadata() {
  return exclusively("IVssBackupComponents::GetWriterMetadata", [&](interfaces& object) {
    UINT count = 0;
    com::check(traced("IVssBackupComponents::GetWriterMetadataCount",
                      [&] { return object.base->GetWriterMetadataCount(&count); }),
               "IVssBackupComponents::GetWriterMetadataCount");
    std::vector<std::shared_ptr<const documents::writer_metadata>> writers;
    auto* extended = object.find<IVssBackupComponentsEx>();
    for (UINT i = 0; i < count; ++i) {
      GUID instance{};
      com::com_ptr<IVssExamineWriterMetadata> writer;
      if (extended) {
        com::com_ptr<IVssExamineWriterMetadataEx> found;
        constexpr const char* operation = "IVssBackupComponentsEx::GetWriterMetadataEx";
        com::check(traced(
                       operation, [&] { return extended->GetWriterMetadataEx(i, &instance, found.put(platform_)); },
                       with("iWriter", i)),
                   operation);
        writer = std::move(found);
      } else {
        constexpr const char* operation = "IVssBackupComponents::GetWriterMetadata";
        com::check(traced(
                       operation, [&] { return object.base->GetWriterMetadata(i, &instance, writer.put(platform_)); },
                       with("iWriter", i)),
                   operation);
      }
      const call_id got = last_call();
      if (!writer) throw com::vss_error(E_UNEXPECTED, "IVssBackupComponents::GetWriterMetadata", "no object came");
      writers.push_back(shared(read_writer(writer, instance)));
      trace_outcome(got, "IVssBackupComponents::GetWriterMetadata", [&] {
        return documents::document_outcome("writer_metadata", documents::write_writer_metadata(*writers.back()));
      });
    }
    return writers;
  });
}

void session::free_writer_metadata() {
  call("IVssBackupComponents::FreeWriterMetadata", [](auto& object) { return object.FreeWriterMetadata(); });
}

std::shared_ptr<async_operation> session::gather_writer_status() {
  return start("IVssBackupComponents::GatherWriterStatus",
               [](auto& object, IVssAsync** async) { return object.GatherWriterStatus(async); });
}

std::vector<writer_status> session::writer_statuses() {
  return exclusively("IVssBackupComponents::GetWriterStatus", [&](interfaces& object) {
    UINT count = 0;
    com::check(
        traced("IVssBackupComponents::GetWriterStatusCount", [&] { return object.base->GetWriterStatusCount(&count); }),
        "IVssBackupComponents::GetWriterStatusCount");
    auto* extended = object.find<IVssBackupComponentsEx3>();
    std::vector<writer_status> writers;
    for (UINT i = 0; i < count; ++i) {
      writer_status status;
      com::unique_bstr name(platform_);
      com::unique_bstr message(platform_);
      VSS_WRITER_STATE state = VSS_WS_UNKNOWN;
      if (extended) {
        HRESULT application = S_OK;
        constexpr const char* operation = "IVssBackupComponentsEx3::GetWriterStatusEx";
        com::check(traced(
                       operation,
                       [&] {
                         return extended->GetWriterStatusEx(i, &status.instance_id, &status.writer_id, name.put(),
                                                            &state, &status.failure, &application, message.put());
                       },
                       with("iWriter", i)),
                   operation);
        status.application_failure = application;
      } else {
        constexpr const char* operation = "IVssBackupComponents::GetWriterStatus";
        com::check(traced(
                       operation,
                       [&] {
                         return object.base->GetWriterStatus(i, &status.instance_id, &status.writer_id, name.put(),
                                                             &state, &status.failure);
                       },
                       with("iWriter", i)),
                   operation);
      }
      status.name = name.text();
      status.state = static_cast<std::int32_t>(state);
      status.application_message = message.optional_text();
      trace_outcome(last_call(), "IVssBackupComponents::GetWriterStatus", [&] {
        return documents::status_outcome_text({status.instance_id, status.writer_id, status.name, status.state,
                                               status.failure, status.application_failure, status.application_message});
      });
      writers.push_back(std::move(status));
    }
    return writers;
  });
}

void session::free_writer_status() {
  call("IVssBackupComponents::FreeWriterStatus", [](auto& object) { return object.FreeWriterStatus(); });
}

void session::add_component(const GUID& instance_id, const component_key& component) {
  constexpr const char* operation = "IVssBackupComponents::AddComponent";
  call(
      operation,
      [&](auto& object) {
        return object.AddComponent(instance_id, component.writer_id, component.type, path_of(component, operation),
                                   name_of(component, operation));
      },
      named_key{component, "ct", &instance_id});
}

void session::set_backup_options(const component_key& component, const std::u16string& options) {
  constexpr const char* operation = "IVssBackupComponents::SetBackupOptions";
  call(
      operation,
      [&](auto& object) {
        return object.SetBackupOptions(component.writer_id, component.type, path_of(component, operation),
                                       name_of(component, operation), terminated(options, "backup_options", operation));
      },
      named_key{component}, with("wszBackupOptions", options));
}

void session::set_previous_backup_stamp(const component_key& component, const std::u16string& stamp) {
  constexpr const char* operation = "IVssBackupComponents::SetPreviousBackupStamp";
  call(
      operation,
      [&](auto& object) {
        return object.SetPreviousBackupStamp(component.writer_id, component.type, path_of(component, operation),
                                             name_of(component, operation),
                                             terminated(stamp, "previous_backup_stamp", operation));
      },
      named_key{component}, with("wszPreviousBackupStamp", stamp));
}

void session::set_backup_succeeded(const GUID& instance_id, const component_key& component, bool succeeded) {
  constexpr const char* operation = "IVssBackupComponents::SetBackupSucceeded";
  call(
      operation,
      [&](auto& object) {
        return object.SetBackupSucceeded(instance_id, component.writer_id, component.type,
                                         path_of(component, operation), name_of(component, operation), succeeded);
      },
      named_key{component, "ct", &instance_id}, with("bSucceded", succeeded));
}

std::shared_ptr<async_operation> session::prepare_for_backup() {
  return start(
      "IVssBackupComponents::PrepareForBackup",
      [](auto& object, IVssAsync** async) { return object.PrepareForBackup(async); }, changes::document);
}

std::shared_ptr<async_operation> session::backup_complete() {
  return start(
      "IVssBackupComponents::BackupComplete",
      [](auto& object, IVssAsync** async) { return object.BackupComplete(async); }, changes::document);
}

}  // namespace vsspy::requester
