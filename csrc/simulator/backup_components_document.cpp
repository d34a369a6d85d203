// IVssBackupComponents: the Backup Components Document.
#include "backup_components_object.h"

namespace vsspy::simulator {

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
                if (!s.for_backup() || s.aborted || !s.with_writers() || s.gather != progress::done ||
                    !s.backup_state_set || !s.document.select_components || s.prepare != progress::none) {
                  return VSS_E_BAD_STATE;
                }
                documents::writer_components* of = nullptr;
                for (documents::writer_components& each : s.document.writers) {
                  if (each.instance_id == instance && each.writer_id == writer) of = &each;
                }
                const std::u16string path(com::view(logical_path));
                const std::u16string text(com::view(name));
                if (of) {
                  for (const documents::backup_component& each : of->components) {
                    if (each.logical_path.value_or(u"") == path && each.name == text)
                      return VSS_E_OBJECT_ALREADY_EXISTS;
                  }
                } else {
                  // whether it exists is not checked (semantics R7)
                  documents::writer_components added;
                  added.instance_id = instance;
                  added.writer_id = writer;
                  if (const attendance* known = s.find_writer(instance)) {
                    added.instance_name = known->writer->metadata->instance_name;
                    added.backup_schema = known->writer->metadata->backup_schema;
                  }
                  of = &s.document.writers.emplace_back(std::move(added));
                }
                documents::backup_component component;
                if (!path.empty()) component.logical_path = path;
                component.name = text;
                component.type = type;
                of->components.push_back(std::move(component));
                return S_OK;
              });
}

HRESULT backup_components_object::SetBackupSucceeded(VSS_ID instance, VSS_ID writer, VSS_COMPONENT_TYPE type,
                                                     LPCWSTR logical_path, LPCWSTR name, bool succeeded) {
  return call("IVssBackupComponents::SetBackupSucceeded",
              {{"instanceId", instance},
               {"writerId", writer},
               {"ct", type},
               {"wszLogicalPath", logical_path},
               {"wszComponentName", name},
               {"bSucceded", succeeded}},
              [&](outputs&) -> HRESULT {
                if (!is_component_type(type) || !name || !*name) return E_INVALIDARG;
                std::lock_guard lock(machine_->mutex);
                if (!session_->may_complete() || !session_->document.select_components ||
                    session_->complete != progress::none) {
                  return VSS_E_BAD_STATE;
                }
                const found_component found =
                    session_->find_component(&instance, writer, type, com::view(logical_path), com::view(name));
                if (!found) return VSS_E_OBJECT_NOT_FOUND;
                found->backup_succeeded = succeeded;
                return S_OK;
              });
}

HRESULT backup_components_object::set_component_text(
    const char* method, const char* argument, const VSS_ID& writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
    LPCWSTR component, LPCWSTR text, std::optional<std::u16string> documents::backup_component::* field) {
  return call(method,
              {{"writerId", writer},
               {"ct", type},
               {"wszLogicalPath", logical_path},
               {"wszComponentName", component},
               {argument, text}},
              [&](outputs&) -> HRESULT {
                if (!is_component_type(type) || !component || !*component || !text) return E_INVALIDARG;
                if (!is_storable(text)) return VSS_E_INVALID_XML_DOCUMENT;
                std::lock_guard lock(machine_->mutex);
                if (!session_->for_backup() || session_->aborted || session_->gather != progress::done ||
                    session_->prepare != progress::none) {
                  return VSS_E_BAD_STATE;
                }
                const found_component found =
                    session_->find_component(nullptr, writer, type, com::view(logical_path), com::view(component));
                if (!found) return VSS_E_OBJECT_NOT_FOUND;
                found.component->*field = std::u16string(com::view(text));
                return S_OK;
              });
}

HRESULT backup_components_object::SetBackupOptions(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                   LPCWSTR name, LPCWSTR options) {
  return set_component_text("IVssBackupComponents::SetBackupOptions", "wszBackupOptions", writer, type, logical_path,
                            name, options, &documents::backup_component::backup_options);
}

HRESULT backup_components_object::SetPreviousBackupStamp(VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR logical_path,
                                                         LPCWSTR name, LPCWSTR stamp) {
  return set_component_text("IVssBackupComponents::SetPreviousBackupStamp", "wszPreviousBackupStamp", writer, type,
                            logical_path, name, stamp, &documents::backup_component::previous_backup_stamp);
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
