// How a writer's event reaches Python: on one of the service's threads, with the GIL taken for the callback.
#include <pybind11/stl.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "../../com/process.h"
#include "register.h"

namespace vsspy::simulator {

namespace {

// At the interpreter's end callbacks are refused, and those that run are waited for: a thread that wants the GIL
// afterwards is lost.
struct callback_book {
  std::atomic<bool> stopping{false};
  std::atomic<int> running{0};
};

// Those that run in the parent never return in a child after a fork.
callback_book& callbacks() {
  static com::per_process<callback_book> books;
  return books.get();
}

class callback_scope {
 public:
  callback_scope() : book_(callbacks()) { ++book_.running; }
  ~callback_scope() { --book_.running; }
  callback_scope(const callback_scope&) = delete;
  callback_scope& operator=(const callback_scope&) = delete;
  explicit operator bool() const { return !book_.stopping; }

 private:
  callback_book& book_;
};

bool stop_callbacks(double limit) {
  const py::gil_scoped_release released;
  callback_book& book = callbacks();
  book.stopping = true;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(limit);
  while (book.running && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return !book.running;
}

// An event that Python may keep: its functions work until the callback returns.
class event_handle {
 public:
  explicit event_handle(const vsspy_writer_event* event) : event_(event) {}

  // Without the GIL: waits for a call that is under way.
  void close() {
    std::lock_guard lock(mutex_);
    event_ = nullptr;
  }

  template <class Call>
  HRESULT with(Call&& call) {
    const py::gil_scoped_release released;
    std::lock_guard lock(mutex_);
    return event_ ? call(*event_) : VSS_E_BAD_STATE;
  }

 private:
  std::mutex mutex_;
  const vsspy_writer_event* event_;
};

py::list components_of(const vsspy_writer_event& event) {
  py::list components;
  for (std::uint32_t i = 0; i < event.component_count; ++i) {
    vsspy_event_component component{};
    if (FAILED(event.component(event.context, i, &component))) break;
    py::dict values;
    values["logical_path"] = optional_text(component.logical_path);
    values["name"] = python_text(component.name);
    values["type"] = component.type;
    values["backup_succeeded"] = component.backup_succeeded < 0
                                     ? py::object(py::none())
                                     : py::object(py::bool_(component.backup_succeeded != 0));
    values["backup_options"] = optional_text(component.backup_options);
    values["backup_stamp"] = optional_text(component.backup_stamp);
    values["previous_backup_stamp"] = optional_text(component.previous_backup_stamp);
    values["backup_metadata"] = optional_text(component.backup_metadata);
    components.append(std::move(values));
  }
  return components;
}

}  // namespace

bool gave_up_on_callbacks() {
  const callback_book& book = callbacks();
  return book.stopping && book.running;
}

HRESULT call_python_writer(void* user, const vsspy_writer_event* event) {
  const callback_scope scope;
  if (!scope) return VSS_E_WRITER_NOT_RESPONDING;
  HRESULT result = S_OK;
  const auto handle = std::make_shared<event_handle>(event);
  {
    const py::gil_scoped_acquire acquired;
    try {
      const py::object answer = py::handle(static_cast<PyObject*>(user))(
          handle, python_text(event->name), python_text(event->writer), guid_bytes(event->writer_id),
          guid_bytes(event->instance_id), guid_bytes(event->session_id), guid_bytes(event->snapshot_set_id),
          components_of(*event));
      if (!answer.is_none()) {
        const auto [code, note] = answer.cast<std::pair<std::uint32_t, py::str>>();
        result = static_cast<HRESULT>(code);
        event->note(event->context, text_of(utf8(note)));
      }
    } catch (py::error_already_set& error) {
      event->note(event->context, text_of(error.what()));
      error.discard_as_unraisable("a simulated writer");
      result = VSS_E_WRITERERROR_NONRETRYABLE;
    } catch (const std::exception& error) {
      event->note(event->context, text_of(error.what()));
      result = VSS_E_WRITERERROR_NONRETRYABLE;
    }
  }
  handle->close();
  return result;
}

void release_python_writer(void* user) {
  const callback_scope scope;
  if (!scope) return;  // the interpreter is going: the object stays with it
  const py::gil_scoped_acquire acquired;
  Py_DECREF(static_cast<PyObject*>(user));
}

void register_events(py::module_& module) {
  using handle = std::shared_ptr<event_handle>;
  py::class_<event_handle, handle>(module, "WriterEventHandle", py::module_local(),
                                   "A writer's event while its callback runs.")
      .def(
          "set_component_text",
          [](event_handle& self, std::uint32_t index, int field, const py::str& value) {
            const std::string text = utf8(value);
            return static_cast<std::uint32_t>(self.with([&](const vsspy_writer_event& event) {
              return event.set_component_text(event.context, index, static_cast<vsspy_component_field>(field),
                                              text_of(text));
            }));
          },
          py::arg("index"), py::arg("field"), py::arg("value"))
      .def(
          "set_component_failure",
          [](event_handle& self, std::uint32_t index, std::uint32_t failure, std::uint32_t application,
             const std::optional<py::str>& message) {
            const std::string text = message ? utf8(*message) : std::string();
            return static_cast<std::uint32_t>(self.with([&](const vsspy_writer_event& event) {
              return event.set_component_failure(event.context, index, static_cast<HRESULT>(failure),
                                                 static_cast<HRESULT>(application),
                                                 message ? text_of(text) : vsspy_text{nullptr, 0});
            }));
          },
          py::arg("index"), py::arg("failure"), py::arg("application"), py::arg("message"))
      .def(
          "set_application_failure",
          [](event_handle& self, std::uint32_t failure, const std::optional<py::str>& message) {
            const std::string text = message ? utf8(*message) : std::string();
            return static_cast<std::uint32_t>(self.with([&](const vsspy_writer_event& event) {
              event.set_application_failure(event.context, static_cast<HRESULT>(failure),
                                            message ? text_of(text) : vsspy_text{nullptr, 0});
              return S_OK;
            }));
          },
          py::arg("failure"), py::arg("message"));
  module.def(
      "stop_callbacks", &stop_callbacks, py::arg("limit"),
      "Refuses callbacks from now on and waits for those that run; false when some still do after `limit` seconds.");
}

}  // namespace vsspy::simulator
