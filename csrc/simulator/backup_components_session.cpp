// IVssBackupComponents: initialising, context and state, operations, the end.
#include "backup_components_object.h"

namespace vsspy::simulator {

bool is_context(LONG context) {
  if (context == VSS_CTX_ALL) return true;
  constexpr LONG both = VSS_VOLSNAP_ATTR_DIFFERENTIAL | VSS_VOLSNAP_ATTR_PLEX;
  if ((context & both) == both) return false;
  switch (context & ~addable_attributes) {
    case VSS_CTX_BACKUP:
    case VSS_CTX_FILE_SHARE_BACKUP:
    case VSS_CTX_NAS_ROLLBACK:
    case VSS_CTX_APP_ROLLBACK:
    case VSS_CTX_CLIENT_ACCESSIBLE:
    case VSS_CTX_CLIENT_ACCESSIBLE_WRITERS:
      return true;
    default:
      return false;
  }
}

bool backup_components_object::answers(REFIID iid) const {
  const auto has = [&]<class Interface>(Interface*, system_level level) {
    return iid == abi::iid_of<Interface>::value && machine_->at_least(level);
  };
  return has(static_cast<IVssBackupComponents*>(nullptr), system_level::server_2003) ||
         has(static_cast<IVssBackupComponentsEx*>(nullptr), system_level::vista) ||
         has(static_cast<IVssBackupComponentsEx2*>(nullptr), system_level::vista) ||
         has(static_cast<IVssBackupComponentsEx3*>(nullptr), system_level::seven) ||
         has(static_cast<IVssBackupComponentsEx4*>(nullptr), system_level::eight);
}

HRESULT backup_components_object::InitializeForBackup(BSTR xml) {
  return call("IVssBackupComponents::InitializeForBackup", {{"bstrXML", xml}}, [&](outputs&) -> HRESULT {
    documents::backup_components loaded;
    if (xml) loaded = documents::read_backup_components({com::view(xml).data(), allocator::bstr_length(xml)});
    std::lock_guard lock(machine_->mutex);
    if (session_->initialised()) return VSS_E_BAD_STATE;
    session_->kind = session::purpose::backup;
    if (xml) session_->document = std::move(loaded);
    session_->document_loaded = xml != nullptr;
    return S_OK;
  });
}

HRESULT backup_components_object::SetContext(LONG context) {
  return call("IVssBackupComponents::SetContext", {{"lContext", context}}, [&](outputs&) -> HRESULT {
    if (!is_context(context)) return E_INVALIDARG;
    std::lock_guard lock(machine_->mutex);
    if (!session_->for_backup() || session_->context_fixed) return VSS_E_BAD_STATE;
    session_->context = context;
    session_->context_fixed = true;
    return S_OK;
  });
}

HRESULT backup_components_object::SetBackupState(bool select_components, bool bootable_system_state,
                                                 VSS_BACKUP_TYPE type, bool partial_file_support) {
  return call("IVssBackupComponents::SetBackupState",
              {{"bSelectComponents", select_components},
               {"bBackupBootableSystemState", bootable_system_state},
               {"backupType", type},
               {"bPartialFileSupport", partial_file_support}},
              [&](outputs&) -> HRESULT {
                if (type <= VSS_BT_UNDEFINED || type > VSS_BT_OTHER) return E_INVALIDARG;
                std::lock_guard lock(machine_->mutex);
                if (!session_->for_backup() || session_->prepare != progress::none || session_->aborted) {
                  return VSS_E_BAD_STATE;
                }
                session_->backup_state_set = true;
                session_->document.select_components = select_components;
                session_->document.bootable_system_state = bootable_system_state;
                session_->document.backup_type = type;
                session_->document.partial_file_support = partial_file_support;
                return S_OK;
              });
}

HRESULT backup_components_object::start_operation(const char* name, IVssAsync** async, const operation_plan& plan) {
  return start(name, plan.arguments, [&](outputs& out, const affliction& suffers) -> HRESULT {
    if (async) *async = nullptr;
    if (!async || !plan.in_order) return E_INVALIDARG;
    std::shared_ptr<simulator::operation> operation;
    {
      std::lock_guard lock(machine_->mutex);
      if (session_->running || !plan.allowed(*session_)) return VSS_E_BAD_STATE;
      const HRESULT refusal = plan.refusal ? plan.refusal(*session_) : S_OK;
      if (FAILED(refusal)) return refusal;
      // made first, started below: what it will call is the session, which must know it by then
      operation = session_->running = std::make_shared<simulator::operation>(machine_, session_->id, name, suffers);
      plan.begun(*session_);
    }
    const auto settle = [session = session_, settled = plan.settled](HRESULT result) {
      session->running = nullptr;
      settled(*session, result);
    };
    try {
      out.object(async, make_async(operation));
      operation->begin(
          [session = session_, work = plan.work](simulator::operation& mine) { return work(*session, mine); }, settle,
          [session = session_] { session->operation_ended(); });
    } catch (...) {
      std::lock_guard lock(machine_->mutex);
      settle(E_OUTOFMEMORY);
      throw;
    }
    return S_OK;
  });
}

HRESULT backup_components_object::BackupComplete(IVssAsync** async) {
  return start_operation("IVssBackupComponents::BackupComplete", async,
                         {.work = &session::do_complete,
                          .allowed = [](const session& s) { return s.may_complete() && s.complete == progress::none; },
                          .begun =
                              [](session& s) {
                                s.complete = progress::running;
                                ++s.generation;
                              },
                          .settled =
                              [](session& s, HRESULT result) {
                                s.complete = result == VSS_S_ASYNC_FINISHED ? progress::done : progress::failed;
                                ++s.generation;
                              }});
}

HRESULT backup_components_object::AbortBackup() {
  return call("IVssBackupComponents::AbortBackup", {}, [&](outputs&) -> HRESULT {
    bool writers = false;
    {
      std::unique_lock lock(machine_->mutex);
      if (!session_->initialised()) return VSS_E_BAD_STATE;
      if (!session_->under_way()) return S_OK;
      if (session_->running) {
        if (session_->running->on_this_thread()) return VSS_E_BAD_STATE;  // it would wait for itself
        session_->running->cancel();
        machine_->wait(lock, [&] { return !session_->running; });
        if (machine_->closed) return disconnected;
        if (!session_->under_way()) return S_OK;
      }
      session_->aborted = true;
      session_->leave_set();
      writers = session_->prepare != progress::none;
    }
    if (writers) machine_->run([&] { session_->send_abort_to_all(); });
    return S_OK;
  });
}

HRESULT backup_components_object::SaveAsXML(BSTR* xml) {
  return call("IVssBackupComponents::SaveAsXML", {}, [&](outputs& out) -> HRESULT {
    if (!xml) return E_INVALIDARG;
    *xml = nullptr;
    std::u16string text;
    {
      std::lock_guard lock(machine_->mutex);
      // without writers nothing is prepared: there the document is complete with the shadow copies
      const progress needed = session_->with_writers() ? session_->prepare : session_->snapshot;
      if (!session_->initialised() || (session_->for_backup() && needed != progress::done)) return VSS_E_BAD_STATE;
      text = documents::write_backup_components(session_->document);
    }
    out.outcome([&] { return documents::document_outcome("backup_components", text); });
    out.text(xml, std::u16string_view(text));
    return S_OK;
  });
}

HRESULT backup_components_object::GetSessionId(VSS_ID* id) {
  return call("IVssBackupComponentsEx3::GetSessionId", {}, [&](outputs&) -> HRESULT {
    if (!id) return E_INVALIDARG;
    std::lock_guard lock(machine_->mutex);
    if (!session_->initialised()) return VSS_E_BAD_STATE;
    *id = session_->id;
    return S_OK;
  });
}

}  // namespace vsspy::simulator
