// IVssBackupComponents: the Backup Components Document.
#include "backup_components_object.h"

namespace vsspy::simulator {

namespace {

// When calls are in order (semantics 2.2)
bool may_describe(const session& s) {
  return s.for_backup() && !s.aborted && s.gather == progress::done && s.prepare == progress::none;
}
bool may_add(const session& s) {
  if (!s.for_backup() || s.aborted || !s.with_writers() || s.gather != progress::done || !s.backup_state_set ||
      !s.document.select_components) {
    return false;
  }
  switch (s.machine->chosen.components_until) {
    case component_deadline::start_snapshot_set:
      return !s.set_started && s.prepare == progress::none;
    case component_deadline::do_snapshot_set:
      return !s.running && s.snapshot == progress::none && s.complete == progress::none;
    default:
      return s.prepare == progress::none;  // recommended (semantics 2.3)
  }
}
// What AddComponent takes in the strict mode.
bool is_in_metadata(session& s, const GUID& instance, const GUID& writer, const documents::backup_component& wanted) {
  const attendance* known = s.find_writer(instance);
  if (!known || !(known->writer_id() == writer)) return false;
  return std::ranges::any_of(known->metadata->components, [&](const documents::component_metadata& each) {
    return each.type == wanted.type && each.name == wanted.name &&
           each.logical_path.value_or(u"") == wanted.logical_path.value_or(u"");
  });
}
bool may_succeed(const session& s) {
  return s.may_complete() && s.document.select_components && s.complete == progress::none;
}

}  // namespace

HRESULT backup_components_object::AddComponent(VSS_ID instance, VSS_ID writer, VSS_COMPONENT_TYPE type,
                                               LPCWSTR logical_path, LPCWSTR name) {
  return call("IVssBackupComponents::AddComponent",
              {{"instanceId", instance},
               {"writerId", writer},
               {"ct", type},
               {"wszLogicalPath", logical_path},
               {"wszComponentName", name}},
              [&](outputs&) -> HRESULT {
                if (!is_component_type(type) || !name || !*name) return E_INVALIDARG;
                if (!is_storable(logical_path) || !is_storable(name)) return VSS_E_INVALID_XML_DOCUMENT;
                std::lock_guard lock(machine_->mutex);
                session& s = *session_;
                if (!may_add(s)) return VSS_E_BAD_STATE;
                documents::backup_component component;
                const std::u16string_view path = com::view(logical_path);
                if (!path.empty()) component.logical_path = path;
                component.name = com::view(name);
                component.type = type;
                // whether it exists is not checked otherwise (semantics 8.2, R7)
                if (machine_->chosen.strict_components && !is_in_metadata(s, instance, writer, component)) {
                  return VSS_E_OBJECT_NOT_FOUND;
                }
                documents::writer_components* of = nullptr;
                for (documents::writer_components& each : s.document.writers) {
                  if (each.instance_id == instance && each.writer_id == writer) of = &each;
                }
                if (of) {
                  for (const documents::backup_component& each : of->components) {
                    if (each.logical_path.value_or(u"") == path && each.name == component.name) {
                      return VSS_E_OBJECT_ALREADY_EXISTS;
                    }
                  }
                } else {
                  documents::writer_components added;
                  added.instance_id = instance;
                  added.writer_id = writer;
                  if (const attendance* known = s.find_writer(instance)) {
                    added.instance_name = known->metadata->instance_name;
                    added.backup_schema = known->metadata->backup_schema;
                  }
                  of = &s.document.writers.emplace_back(std::move(added));
                }
                of->components.push_back(std::move(component));
                return S_OK;
              });
}

HRESULT backup_components_object::SetBackupSucceeded(VSS_ID instance, VSS_ID writer, VSS_COMPONENT_TYPE type,
                                                     LPCWSTR logical_path, LPCWSTR name, bool succeeded) {
  return change_component("IVssBackupComponents::SetBackupSucceeded",
                          {writer, "ct", type, logical_path, name, &instance}, {{"bSucceded", succeeded}}, S_OK,
                          may_succeed, [&](const found_component& found) -> HRESULT {
                            found->backup_succeeded = succeeded;
                            return S_OK;
                          });
}

HRESULT backup_components_object::SetBackupOptions(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                   LPCWSTR name, LPCWSTR options) {
  return change_component("IVssBackupComponents::SetBackupOptions", {writer, "ct", type, logical_path, name},
                          {{"wszBackupOptions", options}}, document_texts({options}), may_describe,
                          [&](const found_component& found) -> HRESULT {
                            found->backup_options = com::view(options);
                            return S_OK;
                          });
}

HRESULT backup_components_object::SetPreviousBackupStamp(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                         LPCWSTR name, LPCWSTR stamp) {
  return change_component("IVssBackupComponents::SetPreviousBackupStamp", {writer, "ct", type, logical_path, name},
                          {{"wszPreviousBackupStamp", stamp}}, document_texts({stamp}), may_describe,
                          [&](const found_component& found) -> HRESULT {
                            found->previous_backup_stamp = com::view(stamp);
                            return S_OK;
                          });
}

HRESULT backup_components_object::GetWriterComponentsCount(UINT* count) {
  return call("IVssBackupComponents::GetWriterComponentsCount", {}, [&](outputs&) -> HRESULT {
    if (!count) return E_INVALIDARG;
    std::lock_guard lock(machine_->mutex);
    if (!session_->initialised()) return VSS_E_BAD_STATE;
    *count = static_cast<UINT>(session_->document.writers.size());
    return S_OK;
  });
}

HRESULT backup_components_object::GetWriterComponents(UINT index, IVssWriterComponentsExt** components) {
  return call("IVssBackupComponents::GetWriterComponents", {{"iWriter", index}}, [&](outputs& out) -> HRESULT {
    if (!components) return E_INVALIDARG;
    *components = nullptr;
    {
      std::lock_guard lock(machine_->mutex);
      if (!session_->initialised()) return VSS_E_BAD_STATE;
      if (index >= session_->document.writers.size()) return VSS_E_OBJECT_NOT_FOUND;
    }
    out.object(components, make_writer_components(session_, index));
    return S_OK;
  });
}

}  // namespace vsspy::simulator
