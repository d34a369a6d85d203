// How an event reaches a writer, and what a writer may do to its part of the document meanwhile.
#include <tuple>

#include "component_view.h"
#include "session.h"

namespace vsspy::simulator {

namespace {

bool carries_components(writer_event_kind kind) {  // semantics 4.1
  return kind == writer_event_kind::prepare_backup || kind == writer_event_kind::post_snapshot ||
         kind == writer_event_kind::backup_complete || kind == writer_event_kind::pre_restore ||
         kind == writer_event_kind::post_restore;
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

struct view_release {
  void operator()(component_view* view) const { view->Release(); }
};

}  // namespace

const void* object_in_callback() noexcept { return calling_for; }

// One event under way. The writer reads the document that the event came with; what it changes goes to the session's.
class event_context {
 public:
  event_context(session& of, attendance& to, writer_event_kind kind, std::size_t entry)
      : session_(of), kind_(kind), entry_(entry), scope_(std::make_shared<event_scope>(event_scope{kind})) {
    std::lock_guard lock(session_.machine->mutex);
    set_id_ = session_.snapshot == progress::done || session_.snapshot == progress::running ? session_.set_id : GUID{};
    writer_id_ = to.writer_id();
    instance_id_ = to.instance_id();
    metadata_ = to.metadata;
    std::vector<component_place> places;
    if (carries_components(kind)) places = session_.components_of(to);
    views_.reserve(places.size());
    document_ = com::to_utf8(documents::write_backup_components(part_with(places)));
    for (const component_place& place : places) {
      views_.emplace_back(new component_view(session_.shared_from_this(), scope_, place));
    }
  }
  ~event_context() {
    const std::lock_guard lock(session_.machine->mutex);
    scope_->over = true;
  }
  event_context(const event_context&) = delete;
  event_context& operator=(const event_context&) = delete;

  HRESULT call(const writer& writer) {
    const vsspy_writer_event event{.context = this,
                                   .name = {event_name(kind_), std::string_view(event_name(kind_)).size()},
                                   .writer = text_of(writer.name),
                                   .writer_id = writer_id_,
                                   .instance_id = instance_id_,
                                   .session_id = session_.id,
                                   .snapshot_set_id = set_id_,
                                   .document = text_of(document_),
                                   .component = component,
                                   .set_application_failure = set_application_failure,
                                   .note = note,
                                   .set_metadata = set_metadata,
                                   .now = now,
                                   .sleep = sleep};
    return writer.call(event);
  }

  // What the writer is from now on; with the mutex held.
  const std::shared_ptr<const documents::writer_metadata>& metadata() const { return metadata_; }

 private:
  documents::backup_components part_with(const std::vector<component_place>& places) const {
    const documents::backup_components& whole = session_.document;
    documents::backup_components part;
    part.bootable_system_state = whole.bootable_system_state;
    part.select_components = whole.select_components;
    part.backup_type = whole.backup_type;
    part.partial_file_support = whole.partial_file_support;
    part.snapshot_set_id = whole.snapshot_set_id;
    part.restore_type = whole.restore_type;
    std::optional<std::size_t> last;
    for (const component_place& place : places) {
      const documents::writer_components& from = whole.writers[place.writer];
      if (last != place.writer) {
        documents::writer_components& to = part.writers.emplace_back();
        to.instance_id = from.instance_id;
        to.writer_id = from.writer_id;
        to.instance_name = from.instance_name;
        to.backup_schema = from.backup_schema;
        last = place.writer;
      }
      part.writers.back().components.push_back(from.components[place.index]);
    }
    return part;
  }

  static event_context& self(void* context) { return *static_cast<event_context*>(context); }

  static HRESULT component(void* context, std::uint32_t index, const IID* iid, void** component) {
    return guarded([&]() -> HRESULT {
      event_context& event = self(context);
      *component = nullptr;
      return index < event.views_.size() ? event.views_[index]->lend(*iid, component) : VSS_E_OBJECT_NOT_FOUND;
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

  // A writer makes its document anew in each Identify, but says who it is when it is initialised.
  static HRESULT set_metadata(void* context, vsspy_text document) {
    return guarded([&]() -> HRESULT {
      event_context& event = self(context);
      if (event.kind_ != writer_event_kind::identify) return VSS_E_BAD_STATE;
      auto made =
          std::make_shared<const documents::writer_metadata>(documents::read_writer_metadata(wide_text(document)));
      const auto identification = [](const documents::writer_metadata& of) {
        return std::tie(of.name, of.instance_name, of.usage, of.source, of.major_version, of.minor_version);
      };
      std::lock_guard lock(event.session_.machine->mutex);
      const bool same_writer = made->writer_id == event.writer_id_ && made->instance_id == event.instance_id_ &&
                               identification(*made) == identification(*event.metadata_);
      if (!same_writer) return E_INVALIDARG;
      event.metadata_ = std::move(made);
      return S_OK;
    });
  }

  static std::uint64_t now(void* context) { return self(context).session_.machine->clock.now(); }

  static HRESULT sleep(void* context, std::uint64_t until, std::uint64_t longest) {
    return self(context).session_.machine->sleep(until, longest);
  }

  session& session_;
  const writer_event_kind kind_;
  const std::size_t entry_;
  const std::shared_ptr<event_scope> scope_;
  GUID set_id_{}, writer_id_{}, instance_id_{};
  std::shared_ptr<const documents::writer_metadata> metadata_;
  std::string document_;
  std::vector<std::unique_ptr<component_view, view_release>> views_;
};

HRESULT session::deliver(attendance& to, writer_event_kind kind) {
  writer& receiver = *to.writer;
  if (receiver.gone) return VSS_E_WRITER_NOT_RESPONDING;
  std::string name = receiver.name + "::" + event_name(kind);
  const affliction suffers = machine->faults.next(name, [this](const volume& asked) { return is_planned(asked); });
  const std::size_t entry = machine->trace.begin(
      {.name = std::move(name), .kind = trace_kind::event, .session = id, .writer = receiver.name});
  HRESULT hr = guarded([&]() -> HRESULT {
    if (suffers.delay) {
      // a writer that hangs in Freeze is not waited for longer than its window (semantics 5)
      const auto window = static_cast<std::int64_t>(receiver.freeze_timeout);
      const bool too_long = kind == writer_event_kind::freeze && (suffers.delay < 0 || suffers.delay > window);
      std::unique_lock lock(machine->mutex);
      machine->clock.wait(lock, machine->changed, too_long ? window : suffers.delay,
                          [&] { return machine->closed || (running && running->cancel_requested()); });
      if (machine->closed) return disconnected;
      if (too_long) return VSS_E_WRITERERROR_TIMEOUT;
    }
    if (suffers.dies) {
      remove_writer(*machine, receiver.instance_id);
      machine->trace.note(entry, "the writer died");
      return VSS_E_WRITER_NOT_RESPONDING;
    }
    if (suffers.application) {
      std::lock_guard lock(machine->mutex);
      to.application_failure = suffers.application->failure;
      to.application_message = suffers.application->message;
    }
    if (suffers.at_call && !suffers.at_call->after) return suffers.at_call->code;
    if (receiver.wants(kind)) {
      const callback_mark mark(object);
      event_context event(*this, to, kind, entry);
      const HRESULT answer = event.call(receiver);
      if (FAILED(answer)) return answer;
      if (kind == writer_event_kind::identify) {
        std::lock_guard lock(machine->mutex);
        to.metadata = receiver.metadata = event.metadata();
      }
    }
    if (receiver.gone) return VSS_E_WRITER_NOT_RESPONDING;  // it vanished meanwhile
    return suffers.at_call ? suffers.at_call->code : S_OK;
  });
  machine->trace.end(entry, hr);
  return hr;
}

}  // namespace vsspy::simulator
