// How an event reaches a writer, and what a writer may do to its part of the document meanwhile.
#include "session.h"

namespace vsspy::simulator {

namespace {

bool carries_components(writer_event_kind kind) {  // semantics 4.1
  return kind == writer_event_kind::prepare_backup || kind == writer_event_kind::post_snapshot ||
         kind == writer_event_kind::backup_complete;
}

vsspy_text text_of(const std::string& text) { return {text.data(), text.size()}; }
std::u16string wide_text(vsspy_text text) { return com::to_utf16({text.data, text.size}); }

thread_local const void* calling_for = nullptr;

class callback_mark {
 public:
  explicit callback_mark(const void* object) : before_(std::exchange(calling_for, object)) {}
  ~callback_mark() { calling_for = before_; }
  callback_mark(const callback_mark&) = delete;
  callback_mark& operator=(const callback_mark&) = delete;

 private:
  const void* const before_;
};

}  // namespace

const void* object_in_callback() noexcept { return calling_for; }

// One event under way. Its component list is a copy from when the event was sent; changes go to the document.
class event_context {
 public:
  event_context(session& of, const attendance& to, writer_event_kind kind, std::size_t entry)
      : session_(of), kind_(kind), entry_(entry) {
    std::lock_guard lock(session_.machine->mutex);
    set_id_ = session_.snapshot == progress::done || session_.snapshot == progress::running ? session_.set_id : GUID{};
    writer_id_ = to.writer_id();
    instance_id_ = to.instance_id();
    if (!carries_components(kind)) return;
    for (const documents::writer_components& writer : session_.document.writers) {
      if (!(writer.instance_id == instance_id_)) continue;
      for (const documents::backup_component& each : writer.components) components_.push_back(snapshot_of(each));
    }
  }

  HRESULT call(const writer& writer) {
    const vsspy_writer_event event{.context = this,
                                   .name = {event_name(kind_), std::string_view(event_name(kind_)).size()},
                                   .writer = text_of(writer.name),
                                   .writer_id = writer_id_,
                                   .instance_id = instance_id_,
                                   .session_id = session_.id,
                                   .snapshot_set_id = set_id_,
                                   .component_count = static_cast<std::uint32_t>(components_.size()),
                                   .component = component,
                                   .set_component_text = set_component_text,
                                   .set_component_failure = set_component_failure,
                                   .set_application_failure = set_application_failure,
                                   .note = note};
    return writer.call(event);
  }

 private:
  struct copied {
    documents::backup_component original;
    std::optional<std::string> logical_path, options, stamp, previous_stamp, metadata;
    std::string name;
  };

  static std::optional<std::string> narrow(const std::optional<std::u16string>& text) {
    return text ? std::optional(com::to_utf8(*text)) : std::nullopt;
  }
  static vsspy_text text_of_optional(const std::optional<std::string>& text) {
    return text ? vsspy_text{text->data(), text->size()} : vsspy_text{nullptr, 0};
  }
  static copied snapshot_of(const documents::backup_component& component) {
    return {component,
            narrow(component.logical_path),
            narrow(component.backup_options),
            narrow(component.backup_stamp),
            narrow(component.previous_backup_stamp),
            narrow(component.backup_metadata),
            com::to_utf8(component.name)};
  }

  static event_context& self(void* context) { return *static_cast<event_context*>(context); }

  static HRESULT component(void* context, std::uint32_t index, vsspy_event_component* told) {
    event_context& event = self(context);
    if (index >= event.components_.size()) return VSS_E_OBJECT_NOT_FOUND;
    const copied& each = event.components_[index];
    const auto& succeeded = each.original.backup_succeeded;
    *told = {.logical_path = text_of_optional(each.logical_path),
             .name = text_of(each.name),
             .type = each.original.type,
             .backup_succeeded = succeeded ? *succeeded : -1,
             .backup_options = text_of_optional(each.options),
             .backup_stamp = text_of_optional(each.stamp),
             .previous_backup_stamp = text_of_optional(each.previous_stamp),
             .backup_metadata = text_of_optional(each.metadata)};
    return S_OK;
  }

  // Finds the component in the document of now and lets `change` loose on it.
  template <class Change>
  static HRESULT change(void* context, std::uint32_t index, Change&& change) {
    return guarded([&]() -> HRESULT {
      event_context& event = self(context);
      if (index >= event.components_.size()) return VSS_E_OBJECT_NOT_FOUND;
      if (event.kind_ == writer_event_kind::backup_complete) return VSS_E_BAD_STATE;  // too late for all of them
      const documents::backup_component& key = event.components_[index].original;
      std::lock_guard lock(event.session_.machine->mutex);
      documents::backup_component* found = event.session_.find_component(
          &event.instance_id_, event.writer_id_, key.type, key.logical_path.value_or(u""), key.name);
      return found ? change(*found, event.kind_) : VSS_E_OBJECT_NOT_FOUND;
    });
  }

  static HRESULT set_component_text(void* context, std::uint32_t index, vsspy_component_field field, vsspy_text value) {
    return change(context, index, [&](documents::backup_component& component, writer_event_kind kind) -> HRESULT {
      switch (field) {
        case VSSPY_BACKUP_STAMP:
          component.backup_stamp = wide_text(value);
          return S_OK;
        case VSSPY_BACKUP_METADATA:
          if (component.backup_metadata) return VSS_E_OBJECT_ALREADY_EXISTS;
          component.backup_metadata = wide_text(value);
          return S_OK;
        case VSSPY_PREPARE_FAILURE_MESSAGE:
          if (kind != writer_event_kind::prepare_backup) return VSS_E_BAD_STATE;
          component.prepare_for_backup_failure_message = wide_text(value);
          return S_OK;
        case VSSPY_POST_SNAPSHOT_FAILURE_MESSAGE:
          if (kind != writer_event_kind::post_snapshot) return VSS_E_BAD_STATE;
          component.post_snapshot_failure_message = wide_text(value);
          return S_OK;
      }
      return E_INVALIDARG;
    });
  }

  static HRESULT set_component_failure(void* context, std::uint32_t index, HRESULT failure, HRESULT application,
                                       vsspy_text message) {
    return change(context, index, [&](documents::backup_component& component, writer_event_kind) -> HRESULT {
      component.failure = failure;
      component.application_failure = application;
      if (message.data) component.application_message = wide_text(message);
      return S_OK;
    });
  }

  static void set_application_failure(void* context, HRESULT failure, vsspy_text message) {
    guarded([&]() -> HRESULT {
      event_context& event = self(context);
      std::lock_guard lock(event.session_.machine->mutex);
      if (attendance* found = event.session_.find_writer(event.instance_id_)) {
        found->application_failure = failure;
        if (message.data) found->application_message = wide_text(message);
      }
      return S_OK;
    });
  }

  static void note(void* context, vsspy_text text) {
    guarded([&]() -> HRESULT {
      self(context).session_.machine->trace.note(self(context).entry_, {text.data, text.size});
      return S_OK;
    });
  }

  session& session_;
  const writer_event_kind kind_;
  const std::size_t entry_;
  GUID set_id_{}, writer_id_{}, instance_id_{};
  std::vector<copied> components_;
};

HRESULT session::deliver(const attendance& to, writer_event_kind kind) {
  const writer& receiver = *to.writer;
  std::string name = receiver.name + "::" + event_name(kind);
  const affliction suffers = machine->faults.next(name);
  const std::size_t entry = machine->trace.begin(
      {.name = std::move(name), .kind = trace_kind::event, .session = id, .writer = receiver.name});
  HRESULT hr = guarded([&]() -> HRESULT {
    if (suffers.delay) {
      // a writer that hangs in Freeze is not waited for longer than its window (semantics 5)
      const auto window = static_cast<std::int64_t>(receiver.freeze_timeout);
      const bool too_long = kind == writer_event_kind::freeze && (suffers.delay < 0 || suffers.delay > window);
      std::unique_lock lock(machine->mutex);
      machine->clock.wait(lock, machine->changed, too_long ? window : suffers.delay,
                          [&] { return machine->closed || (running && running->stopping()); });
      if (machine->closed) return disconnected;
      if (too_long) return VSS_E_WRITERERROR_TIMEOUT;
    }
    if (suffers.at_call && !suffers.at_call->after) return suffers.at_call->code;
    if (receiver.wants(kind)) {
      const callback_mark mark(object);
      const HRESULT answer = event_context(*this, to, kind, entry).call(receiver);
      if (FAILED(answer)) return answer;
    }
    return suffers.at_call ? suffers.at_call->code : S_OK;
  });
  machine->trace.end(entry, hr);
  return hr;
}

}  // namespace vsspy::simulator
