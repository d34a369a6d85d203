// How a writer's event reaches Python: on one of the service's threads, with the GIL taken for the callback.
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "../../com/process.h"
#include "../../com/text.h"
#include "../../documents/backup_components.h"
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
    return with_released(std::forward<Call>(call));
  }

  // Where the GIL is given up already.
  template <class Call>
  HRESULT with_released(Call&& call) {
    std::lock_guard lock(mutex_);
    return event_ ? call(*event_) : VSS_E_BAD_STATE;
  }

 private:
  std::mutex mutex_;
  const vsspy_writer_event* event_;
};

py::str python_text(std::u16string_view text) { return simulator::python_text(com::to_utf8(text)); }

py::object to_python(const std::optional<std::u16string>& text) {
  return text ? py::object(python_text(*text)) : py::none();
}
py::object to_python(const std::optional<documents::writer_data>& data) {
  return data ? py::object(python_text(data->metadata)) : py::none();
}
template <class Value>
py::object to_python(const std::optional<Value>& value) {
  return value ? py::cast(*value) : py::none();
}

template <class Item, class Convert>
py::tuple tuple_of(const std::vector<Item>& items, Convert&& convert) {
  py::tuple made(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) made[i] = convert(items[i]);
  return made;
}

py::tuple moved(const documents::moved_files& each) {
  return py::make_tuple(python_text(each.path), python_text(each.filespec), each.recursive,
                        python_text(each.alternate_path));
}

py::dict to_python(const documents::backup_component& component) {
  py::dict values;
  values["logical_path"] = to_python(component.logical_path);
  values["name"] = python_text(component.name);
  values["type"] = static_cast<int>(component.type);
  values["backup_succeeded"] = to_python(component.backup_succeeded);
  values["backup_options"] = to_python(component.backup_options);
  values["backup_stamp"] = to_python(component.backup_stamp);
  values["previous_backup_stamp"] = to_python(component.previous_backup_stamp);
  values["backup_metadata"] = to_python(component.backup_metadata);
  values["prepare_for_backup_failure_message"] = to_python(component.prepare_for_backup_failure_message);
  values["post_snapshot_failure_message"] = to_python(component.post_snapshot_failure_message);
  values["selected_for_restore"] = component.selected_for_restore.value_or(false);
  values["additional_restores"] = to_python(component.additional_restores);
  values["restore_options"] = to_python(component.restore_options);
  values["restore_metadata"] = to_python(component.restore_metadata);
  values["restore_target"] = static_cast<int>(component.restore_target.value_or(VSS_RT_ORIGINAL));
  values["restore_name"] = to_python(component.restore_name);
  values["authoritative_restore"] = component.authoritative_restore.value_or(false);
  values["roll_forward"] = py::make_tuple(static_cast<int>(component.roll_forward_type.value_or(VSS_RF_UNDEFINED)),
                                          to_python(component.roll_forward_point));
  values["file_restore_status"] = static_cast<int>(component.file_restore_status.value_or(VSS_RS_UNDEFINED));
  values["pre_restore_failure_message"] = to_python(component.pre_restore_failure_message);
  values["post_restore_failure_message"] = to_python(component.post_restore_failure_message);
  values["failure"] = py::make_tuple(static_cast<std::uint32_t>(component.failure.value_or(S_OK)),
                                     static_cast<std::uint32_t>(component.application_failure.value_or(S_OK)),
                                     to_python(component.application_message));
  values["partial_files"] = tuple_of(component.partial_files, [](const documents::partial_file& each) {
    return py::make_tuple(python_text(each.path), python_text(each.filespec), python_text(each.ranges),
                          python_text(each.metadata));
  });
  values["differenced_files"] = tuple_of(component.differenced_files, [](const documents::differenced_file& each) {
    return py::make_tuple(python_text(each.path), python_text(each.filespec), each.recursive,
                          each.lsn.empty() ? py::object(py::none()) : py::object(python_text(each.lsn)),
                          each.last_modify_time);
  });
  values["alternate_location_mappings"] = tuple_of(component.alternate_location_mappings, moved);
  values["new_targets"] = tuple_of(component.new_targets, moved);
  values["directed_targets"] = tuple_of(component.directed_targets, [](const documents::directed_target& each) {
    return py::make_tuple(python_text(each.source_path), python_text(each.source_filespec),
                          python_text(each.source_ranges), python_text(each.target_path),
                          python_text(each.target_filespec), python_text(each.target_ranges));
  });
  values["restore_subcomponents"] =
      tuple_of(component.restore_subcomponents, [](const documents::restore_subcomponent& each) {
        return py::make_tuple(python_text(each.logical_path), python_text(each.name), each.repair);
      });
  return values;
}

// What the requester said of the whole: select_components, bootable_system_state, backup_type, partial_file_support and
// restore_type.
py::tuple settings_of(const documents::backup_components& document) {
  return py::make_tuple(document.select_components, document.bootable_system_state,
                        static_cast<int>(document.backup_type), document.partial_file_support,
                        static_cast<int>(document.restore_type));
}

py::list components_of(const documents::backup_components& document) {
  py::list components;
  for (const documents::writer_components& writer : document.writers) {
    for (const documents::backup_component& each : writer.components) components.append(to_python(each));
  }
  return components;
}

// A method of one of the event's components, with the texts that it takes; without the GIL.
template <class Interface, std::size_t count, class Call>
std::uint32_t on_component(event_handle& self, std::uint32_t index, const py::str (&texts)[count], Call&& call) {
  std::array<std::u16string, count> wide;
  for (std::size_t i = 0; i < count; ++i) {
    wide[i] = com::to_utf16(utf8(texts[i]));
    // whatever comes behind a NUL would be lost without a word
    if (wide[i].find(u'\0') != std::u16string::npos) return static_cast<std::uint32_t>(E_INVALIDARG);
  }
  return static_cast<std::uint32_t>(self.with([&](const vsspy_writer_event& event) -> HRESULT {
    void* lent = nullptr;
    const HRESULT hr = event.component(event.context, index, &abi::iid_of<Interface>::value, &lent);
    if (FAILED(hr)) return hr;
    std::array<const WCHAR*, count> given;
    std::ranges::transform(wide, given.begin(), [](const std::u16string& text) { return com::wide(text); });
    return call(*static_cast<Interface*>(lent), given);
  }));
}

template <class Interface>
auto text_setter(HRESULT (STDMETHODCALLTYPE Interface::*method)(LPCWSTR)) {
  return [method](event_handle& self, std::uint32_t index, const py::str& value) {
    return on_component<Interface>(self, index, {value}, [method](Interface& component, const auto& text) {
      return (component.*method)(text[0]);
    });
  };
}

}  // namespace

std::uint32_t sleep_in_slices(const std::function<HRESULT(std::uint64_t)>& sleep) {
  constexpr std::uint64_t slice = 50'000'000;
  for (;;) {
    HRESULT hr = S_OK;
    {
      const py::gil_scoped_release released;
      hr = sleep(slice);
    }
    if (hr != S_FALSE) return static_cast<std::uint32_t>(hr);
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (callbacks().stopping) return 0x80010108U;  // RPC_E_DISCONNECTED
  }
}

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
      const auto document =
          documents::read_backup_components(com::to_utf16({event->document.data, event->document.size}));
      const py::object answer = py::handle(static_cast<PyObject*>(user))(
          handle, python_text(event->name), python_text(event->writer), guid_bytes(event->writer_id),
          guid_bytes(event->instance_id), guid_bytes(event->session_id), guid_bytes(event->snapshot_set_id),
          settings_of(document), components_of(document));
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
  py::class_<event_handle, handle> events(module, "WriterEventHandle", py::module_local(),
                                          "A writer's event while its callback runs.");
  events.def("set_backup_metadata", text_setter(&IVssComponent::SetBackupMetadata), py::arg("index"), py::arg("text"))
      .def("set_backup_stamp", text_setter(&IVssComponent::SetBackupStamp), py::arg("index"), py::arg("text"))
      .def("set_restore_metadata", text_setter(&IVssComponent::SetRestoreMetadata), py::arg("index"), py::arg("text"))
      .def("set_pre_restore_failure_message", text_setter(&IVssComponent::SetPreRestoreFailureMsg), py::arg("index"),
           py::arg("text"))
      .def("set_post_restore_failure_message", text_setter(&IVssComponent::SetPostRestoreFailureMsg), py::arg("index"),
           py::arg("text"))
      .def("set_prepare_for_backup_failure_message", text_setter(&IVssComponentEx::SetPrepareForBackupFailureMsg),
           py::arg("index"), py::arg("text"))
      .def("set_post_snapshot_failure_message", text_setter(&IVssComponentEx::SetPostSnapshotFailureMsg),
           py::arg("index"), py::arg("text"))
      .def(
          "set_restore_target",
          [](event_handle& self, std::uint32_t index, int target) {
            return on_component<IVssComponent>(self, index, {py::str()}, [&](IVssComponent& component, const auto&) {
              return component.SetRestoreTarget(static_cast<VSS_RESTORE_TARGET>(target));
            });
          },
          py::arg("index"), py::arg("target"))
      .def(
          "add_partial_file",
          [](event_handle& self, std::uint32_t index, const py::str& path, const py::str& filename,
             const py::str& ranges, const py::str& metadata) {
            return on_component<IVssComponent>(self, index, {path, filename, ranges, metadata},
                                               [](IVssComponent& component, const auto& text) {
                                                 return component.AddPartialFile(text[0], text[1], text[2], text[3]);
                                               });
          },
          py::arg("index"), py::arg("path"), py::arg("filename"), py::arg("ranges"), py::arg("metadata"))
      .def(
          "add_directed_target",
          [](event_handle& self, std::uint32_t index, const py::str& source_path, const py::str& source_filename,
             const py::str& source_ranges, const py::str& destination_path, const py::str& destination_filename,
             const py::str& destination_ranges) {
            return on_component<IVssComponent>(self, index,
                                               {source_path, source_filename, source_ranges, destination_path,
                                                destination_filename, destination_ranges},
                                               [](IVssComponent& component, const auto& text) {
                                                 return component.AddDirectedTarget(text[0], text[1], text[2], text[3],
                                                                                    text[4], text[5]);
                                               });
          },
          py::arg("index"), py::arg("source_path"), py::arg("source_filename"), py::arg("source_ranges"),
          py::arg("destination_path"), py::arg("destination_filename"), py::arg("destination_ranges"))
      .def(
          "add_differenced_files_by_last_modify_time",
          [](event_handle& self, std::uint32_t index, const py::str& path, const py::str& filespec, bool recursive,
             std::uint64_t last_modify_time) {
            const FILETIME time{static_cast<DWORD>(last_modify_time), static_cast<DWORD>(last_modify_time >> 32)};
            return on_component<IVssComponent>(
                self, index, {path, filespec}, [&](IVssComponent& component, const auto& text) {
                  return component.AddDifferencedFilesByLastModifyTime(text[0], text[1], recursive ? 1 : 0, time);
                });
          },
          py::arg("index"), py::arg("path"), py::arg("filespec"), py::arg("recursive"), py::arg("last_modify_time"))
      .def(
          "set_failure",
          [](event_handle& self, std::uint32_t index, std::uint32_t failure, std::uint32_t application,
             const std::optional<py::str>& message) {
            return on_component<IVssComponentEx2>(
                self, index, {message.value_or(py::str())}, [&](IVssComponentEx2& component, const auto& text) {
                  return component.SetFailure(static_cast<HRESULT>(failure), static_cast<HRESULT>(application),
                                              message ? text[0] : nullptr, 0);
                });
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
          py::arg("failure"), py::arg("message"))
      .def(
          "set_metadata",
          [](event_handle& self, const py::str& document) {
            const std::string text = utf8(document);
            return static_cast<std::uint32_t>(self.with(
                [&](const vsspy_writer_event& event) { return event.set_metadata(event.context, text_of(text)); }));
          },
          py::arg("document"));
  events.def("now", [](event_handle& self) {
    std::uint64_t now = 0;
    const HRESULT hr = self.with([&](const vsspy_writer_event& event) {
      now = event.now(event.context);
      return S_OK;
    });
    return py::make_tuple(static_cast<std::uint32_t>(hr), now);
  });
  // in slices: the event's end waits for a call that is under way
  events.def(
      "sleep",
      [](event_handle& self, std::uint64_t until) {
        return sleep_in_slices([&](std::uint64_t longest) {
          return self.with_released(
              [&](const vsspy_writer_event& event) { return event.sleep(event.context, until, longest); });
        });
      },
      py::arg("until"));
  module.def(
      "stop_callbacks", &stop_callbacks, py::arg("limit"),
      "Refuses callbacks from now on and waits for those that run; false when some still do after `limit` seconds.");
}

}  // namespace vsspy::simulator
