// A simulated machine, through the control table.
#include <pybind11/stl.h>

#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "../plain_server.h"
#include "register.h"

namespace vsspy::simulator {

#ifdef _WIN32

const vsspy_simulator_control& control() {
  static const vsspy_simulator_control* const table = [] {
    HMODULE library = LoadLibraryExA("vssapi.dll", nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
    using get_table = const vsspy_simulator_control* (*)();
    const auto get =
        library
            ? reinterpret_cast<get_table>(reinterpret_cast<void*>(GetProcAddress(library, "vsspy_simulator_control")))
            : nullptr;
    return get ? get() : nullptr;
  }();
  if (!table || table->version != vsspy_simulator_control_version) {
    throw py::import_error("the vssapi.dll of this system is not the simulator, or another version of it");
  }
  return *table;
}

#else

const vsspy_simulator_control& control() { return *vsspy_simulator_control_table(); }

#endif

namespace {

constexpr const char* platform_capsule = "vsspy.platform";

// What a failing function of the table had to say, as a RuntimeError with (HRESULT, text): vsspy.simulator makes the
// typed error of it.
class complaint {
 public:
  const vsspy_complaint* get() const { return &table_; }
  void check(HRESULT hr) const {
    if (SUCCEEDED(hr)) return;
    const py::tuple arguments = py::make_tuple(static_cast<std::uint32_t>(hr), python_text(message_));
    PyErr_SetObject(PyExc_RuntimeError, arguments.ptr());
    throw py::error_already_set();
  }

 private:
  std::string message_;
  const vsspy_complaint table_{
      &message_, [](void* user, vsspy_text text) { static_cast<std::string*>(user)->assign(text.data, text.size); }};
};

struct trace_entry {
  vsspy_trace_entry entry;
  std::string name, writer, note;
  std::vector<std::pair<std::string, std::string>> arguments;
};
struct shadow_copy_entry {
  vsspy_shadow_copy entry;
  std::string volume, volume_path, device, folder;
  std::optional<std::string> exposed_name, exposed_path;
};

std::string string_of(vsspy_text text) { return {text.data ? text.data : "", text.size}; }
std::optional<std::string> optional_string_of(vsspy_text text) {
  return text.data ? std::optional(string_of(text)) : std::nullopt;
}
GUID guid_of(const py::bytes& value) {
  const auto bytes = static_cast<std::string_view>(value);
  GUID id{};
  if (bytes.size() != sizeof id) throw py::value_error("a GUID has 16 bytes");
  std::memcpy(&id, bytes.data(), sizeof id);
  return id;
}
py::object optional_text(const std::optional<std::string>& text) {
  return text ? py::object(python_text(*text)) : py::object(py::none());
}

// The functions of the table take the machine's locks: they run without the GIL, results become Python's afterwards.
class machine_handle {
 public:
  machine_handle(const std::string& state, std::uint32_t level, bool global_device_names,
                 std::uint32_t hardware_provider, bool virtual_time, bool strict_components,
                 std::uint32_t components_until, const std::string& persistent_state) {
    const vsspy_simulator_control& table = control();
    const vsspy_machine_options options{.state_root = text_of(state),
                                        .level = level,
                                        .global_device_names = global_device_names,
                                        .hardware_provider = hardware_provider,
                                        .virtual_time = virtual_time,
                                        .persistent_state = text_of(persistent_state),
                                        .strict_components = strict_components,
                                        .components_until = components_until};
    const complaint told;
    HRESULT hr = S_OK;
    {
      const py::gil_scoped_release released;
      hr = table.create(&options, &machine_, told.get());
    }
    told.check(hr);
    table_ = &table;
  }
  // The machine of a machine folder.
  explicit machine_handle(const std::string& folder) {
    const vsspy_simulator_control& table = control();
    const complaint told;
    HRESULT hr = S_OK;
    {
      const py::gil_scoped_release released;
      hr = table.open_folder(text_of(folder), &machine_, told.get());
    }
    told.check(hr);
    table_ = &table;
  }
  ~machine_handle() {
    if (table_ && !gave_up_on_callbacks()) table_->destroy(machine_);
  }
  machine_handle(const machine_handle&) = delete;
  machine_handle& operator=(const machine_handle&) = delete;

  void close() { table_->close(machine_); }

  void add_volume(const py::str& name, const std::string& folder) {
    const std::string text = utf8(name);
    const complaint told;
    HRESULT hr = S_OK;
    {
      const py::gil_scoped_release released;
      hr = table_->add_volume(machine_, text_of(text), text_of(folder), told.get());
    }
    told.check(hr);
  }

  void add_writer(const py::str& metadata, std::int32_t level, std::uint64_t freeze_timeout, std::uint32_t events,
                  std::uint32_t subscription, const py::object& callback) {
    const std::string text = utf8(metadata);
    const bool called = !callback.is_none();
    const vsspy_writer writer{.metadata = text_of(text),
                              .level = level,
                              .freeze_timeout = freeze_timeout,
                              .events = events,
                              .user = called ? callback.inc_ref().ptr() : nullptr,
                              .on_event = called ? call_python_writer : nullptr,
                              .release = called ? release_python_writer : nullptr,
                              .subscription = subscription};
    const complaint told;
    HRESULT hr = S_OK;
    {
      const py::gil_scoped_release released;
      hr = table_->add_writer(machine_, &writer, told.get());
    }
    if (FAILED(hr) && called) callback.dec_ref();
    told.check(hr);
  }

  void add_fault(const py::str& where, std::optional<std::uint32_t> code, std::uint64_t nth, std::int64_t delay,
                 bool at_result, bool after, const std::optional<py::str>& volume, std::optional<double> probability,
                 std::uint64_t seed, bool dies, std::optional<std::uint32_t> application,
                 const std::optional<py::str>& message) {
    const std::string text = utf8(where);
    const std::string volume_text = volume ? utf8(*volume) : std::string();
    const std::string message_text = message ? utf8(*message) : std::string();
    const vsspy_fault fault{.where = text_of(text),
                            .has_code = code.has_value(),
                            .code = static_cast<HRESULT>(code.value_or(0)),
                            .nth = nth,
                            .delay = delay,
                            .at_result = at_result,
                            .after = after,
                            .volume = volume ? text_of(volume_text) : vsspy_text{},
                            .has_probability = probability.has_value(),
                            .probability = probability.value_or(0),
                            .seed = seed,
                            .dies = dies,
                            .has_application = application.has_value(),
                            .application = static_cast<HRESULT>(application.value_or(0)),
                            .message = message ? text_of(message_text) : vsspy_text{}};
    const complaint told;
    HRESULT hr = S_OK;
    {
      const py::gil_scoped_release released;
      hr = table_->add_fault(machine_, &fault);
    }
    told.check(hr);
  }

  std::uintptr_t record(const std::string& path) {
    const void* recording = nullptr;
    const complaint told;
    HRESULT hr = S_OK;
    {
      const py::gil_scoped_release released;
      hr = table_->record(machine_, text_of(path), told.get(), &recording);
    }
    told.check(hr);
    return reinterpret_cast<std::uintptr_t>(recording);
  }

  // False: not all of it could be written.
  bool stop_recording(std::uintptr_t recording) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): Python keeps it as a number, and it is only compared
    return table_->stop_recording(machine_, reinterpret_cast<const void*>(recording)) == S_OK;
  }

  void set_volume_path(const py::str& name, const py::str& guid_path) {
    const std::string text = utf8(name);
    const std::string path = utf8(guid_path);
    const complaint told;
    HRESULT hr = S_OK;
    {
      const py::gil_scoped_release released;
      hr = table_->set_volume_path(machine_, text_of(text), text_of(path));
    }
    told.check(hr);
  }

  void set_environment(const py::str& name, const py::str& value) {
    const std::string key = utf8(name);
    const std::string text = utf8(value);
    const complaint told;
    HRESULT hr = S_OK;
    {
      const py::gil_scoped_release released;
      hr = table_->set_environment(machine_, text_of(key), text_of(text));
    }
    told.check(hr);
  }

  void set_volume_qualities(const py::str& name, std::int64_t total, std::int64_t free, bool ntfs, bool nested,
                            bool cluster_shared) {
    const std::string text = utf8(name);
    const vsspy_volume_qualities qualities{
        .total = total, .free = free, .ntfs = ntfs, .nested = nested, .cluster_shared = cluster_shared};
    const complaint told;
    HRESULT hr = S_OK;
    {
      const py::gil_scoped_release released;
      hr = table_->set_volume_qualities(machine_, text_of(text), &qualities);
    }
    told.check(hr);
  }

  void set_minimum_storage(std::uint32_t megabytes) { table_->set_minimum_storage(machine_, megabytes); }

  void set_client_accessible(std::uint32_t count) { table_->set_client_accessible(machine_, count); }

  void fail_storage(const py::str& name, std::int32_t fault, std::int32_t status) {
    const std::string text = utf8(name);
    const complaint told;
    HRESULT hr = S_OK;
    {
      const py::gil_scoped_release released;
      hr = table_->fail_storage(machine_, text_of(text), fault, status);
    }
    told.check(hr);
  }

  void remove_writer(const py::bytes& instance_id) {
    const GUID id = guid_of(instance_id);
    const complaint told;
    HRESULT hr = S_OK;
    {
      const py::gil_scoped_release released;
      hr = table_->remove_writer(machine_, &id);
    }
    told.check(hr);
  }

  void block_revert(const py::bytes& writer_id) {
    const GUID id = guid_of(writer_id);
    const complaint told;
    HRESULT hr = S_OK;
    {
      const py::gil_scoped_release released;
      hr = table_->block_revert(machine_, &id);
    }
    told.check(hr);
  }

  std::uint64_t live_objects() const {
    const py::gil_scoped_release released;
    return table_->live_objects(machine_);
  }

  py::list live() const { return texts(table_->live); }
  py::list notes() const { return texts(table_->notes); }

  py::list trace(std::uint64_t first) const {
    std::vector<trace_entry> entries;
    {
      const py::gil_scoped_release released;
      table_->trace(machine_, first, &entries, [](void* user, const vsspy_trace_entry* entry) {
        trace_entry kept{*entry, string_of(entry->name), string_of(entry->writer), string_of(entry->note), {}};
        for (std::uint32_t i = 0; i < entry->argument_count; ++i) {
          kept.arguments.emplace_back(string_of(entry->arguments[i].name), string_of(entry->arguments[i].value));
        }
        static_cast<std::vector<trace_entry>*>(user)->push_back(std::move(kept));
      });
    }
    py::list list;
    for (const trace_entry& each : entries) {
      py::dict arguments;
      for (const auto& [name, value] : each.arguments) arguments[python_text(name)] = python_text(value);
      const vsspy_trace_entry& entry = each.entry;
      list.append(py::make_tuple(entry.kind, python_text(each.name), entry.thread, entry.start,
                                 entry.ended ? py::object(py::int_(entry.end)) : py::object(py::none()),
                                 static_cast<std::uint32_t>(entry.hresult), guid_bytes(entry.session),
                                 python_text(each.writer), python_text(each.note), arguments));
    }
    return list;
  }

  py::list shadow_copies() const {
    std::vector<shadow_copy_entry> entries;
    {
      const py::gil_scoped_release released;
      table_->shadow_copies(machine_, &entries, [](void* user, const vsspy_shadow_copy* entry) {
        static_cast<std::vector<shadow_copy_entry>*>(user)->push_back(
            {*entry, string_of(entry->volume), string_of(entry->volume_path), string_of(entry->device),
             string_of(entry->folder), optional_string_of(entry->exposed_name),
             optional_string_of(entry->exposed_path)});
      });
    }
    py::list list;
    for (const shadow_copy_entry& each : entries) {
      const vsspy_shadow_copy& entry = each.entry;
      list.append(py::make_tuple(guid_bytes(entry.id), guid_bytes(entry.set_id), guid_bytes(entry.session_id),
                                 python_text(each.volume), python_text(each.volume_path), python_text(each.device),
                                 py::bytes(each.folder), entry.created, entry.context, entry.attributes, entry.files,
                                 entry.bytes, guid_bytes(entry.provider_id), optional_text(each.exposed_name),
                                 optional_text(each.exposed_path), entry.broken != 0));
    }
    return list;
  }

  py::list volumes() const {
    std::vector<std::pair<std::string, std::string>> found;
    {
      const py::gil_scoped_release released;
      table_->volumes(machine_, &found, [](void* user, vsspy_text name, vsspy_text guid_path) {
        static_cast<std::vector<std::pair<std::string, std::string>>*>(user)->emplace_back(string_of(name),
                                                                                           string_of(guid_path));
      });
    }
    py::list list;
    for (const auto& [name, guid_path] : found) list.append(py::make_tuple(python_text(name), python_text(guid_path)));
    return list;
  }

  std::uint64_t now() const { return table_->now(machine_); }
  std::uint32_t sleep(std::uint64_t until) const {
    return sleep_in_slices([&](std::uint64_t longest) { return table_->sleep(machine_, until, longest); });
  }

  void make_current() {
    const py::gil_scoped_release released;
    table_->make_current(machine_);
  }

  // A capsule with the platform table; it keeps the machine, however dead.
  py::capsule platform() const {
    const vsspy_platform* made = nullptr;
    {
      const py::gil_scoped_release released;
      made = table_->acquire_platform(machine_);
    }
    if (!made) throw std::bad_alloc();
    return py::capsule(made, platform_capsule, [](PyObject* capsule) {
      if (gave_up_on_callbacks()) return;
      const void* table = PyCapsule_GetPointer(capsule, platform_capsule);
      const py::gil_scoped_release released;
      control().release_platform(static_cast<const vsspy_platform*>(table));
    });
  }

 private:
  py::list texts(void (*read)(vsspy_machine*, void*, void (*)(void*, vsspy_text))) const {
    std::vector<std::string> found;
    {
      const py::gil_scoped_release released;
      read(machine_, &found, [](void* user, vsspy_text text) {
        static_cast<std::vector<std::string>*>(user)->push_back(string_of(text));
      });
    }
    py::list list;
    for (const std::string& each : found) list.append(python_text(each));
    return list;
  }

  const vsspy_simulator_control* table_ = nullptr;
  vsspy_machine* machine_ = nullptr;
};

py::list describe_folder(const std::string& folder) {
  struct setting {
    std::string element;
    std::uint32_t index;
    std::string name, value;
  };
  std::vector<setting> found;
  const complaint told;
  HRESULT hr = S_OK;
  {
    const py::gil_scoped_release released;
    hr = control().describe_folder(
        text_of(folder), &found,
        [](void* user, vsspy_text element, std::uint32_t index, vsspy_text name, vsspy_text value) {
          static_cast<std::vector<setting>*>(user)->push_back(
              {string_of(element), index, string_of(name), string_of(value)});
        },
        told.get());
  }
  told.check(hr);
  py::list list;
  for (const setting& each : found) {
    list.append(py::make_tuple(each.element, each.index, each.name, py::bytes(each.value)));
  }
  return list;
}

}  // namespace

void register_machine(py::module_& module) {
  using released = py::call_guard<py::gil_scoped_release>;
  py::class_<machine_handle>(module, "MachineHandle", py::module_local(), py::release_gil_before_calling_cpp_dtor(),
                             "A simulated machine; vsspy.simulator.Machine is its public face.")
      .def(py::init<const std::string&, std::uint32_t, bool, std::uint32_t, bool, bool, std::uint32_t,
                    const std::string&>(),
           py::arg("state"), py::arg("level"), py::arg("global_device_names"), py::arg("hardware_provider"),
           py::arg("virtual_time"), py::arg("strict_components"), py::arg("components_until"),
           py::arg("persistent_state"))
      .def_static(
          "open_folder", [](const std::string& folder) { return std::make_unique<machine_handle>(folder); },
          py::arg("folder"))
      .def("close", &machine_handle::close, released())
      .def("add_volume", &machine_handle::add_volume, py::arg("name"), py::arg("folder"))
      .def("add_writer", &machine_handle::add_writer, py::arg("metadata"), py::arg("level"), py::arg("freeze_timeout"),
           py::arg("events"), py::arg("subscription"), py::arg("callback"))
      .def("remove_writer", &machine_handle::remove_writer, py::arg("instance_id"))
      .def("add_fault", &machine_handle::add_fault, py::arg("where"), py::arg("code"), py::arg("nth"), py::arg("delay"),
           py::arg("at_result"), py::arg("after"), py::arg("volume"), py::arg("probability"), py::arg("seed"),
           py::arg("dies"), py::arg("application"), py::arg("message"))
      .def("record", &machine_handle::record, py::arg("path"))
      .def("stop_recording", &machine_handle::stop_recording, py::arg("recording"), released())
      .def("set_volume_path", &machine_handle::set_volume_path, py::arg("name"), py::arg("guid_path"))
      .def("set_environment", &machine_handle::set_environment, py::arg("name"), py::arg("value"))
      .def("set_volume_qualities", &machine_handle::set_volume_qualities, py::arg("name"), py::arg("total"),
           py::arg("free"), py::arg("ntfs"), py::arg("nested"), py::arg("cluster_shared"))
      .def("set_client_accessible", &machine_handle::set_client_accessible, py::arg("count"), released())
      .def("set_minimum_storage", &machine_handle::set_minimum_storage, py::arg("megabytes"), released())
      .def("fail_storage", &machine_handle::fail_storage, py::arg("name"), py::arg("fault"), py::arg("status"))
      .def("block_revert", &machine_handle::block_revert, py::arg("writer_id"))
      .def("live_objects", &machine_handle::live_objects)
      .def("live", &machine_handle::live)
      .def("notes", &machine_handle::notes)
      .def("trace", &machine_handle::trace, py::arg("first"))
      .def("shadow_copies", &machine_handle::shadow_copies)
      .def("volumes", &machine_handle::volumes)
      .def("now", &machine_handle::now)
      .def("sleep", &machine_handle::sleep, py::arg("until"))
      .def("make_current", &machine_handle::make_current)
      .def("platform", &machine_handle::platform);
  module.def("describe_folder", describe_folder, py::arg("folder"),
             "What a machine folder says: a list of (element, number of it, attribute, value).");
  module.def(
      "plain_server",
      [] {
        py::dict variables;
        for (const auto& [name, value] : plain_server) variables[py::str(name)] = py::str(value);
        return variables;
      },
      "The environment that a machine has unless it is told otherwise.");
  module.def(
      "clear_current",
      [] {
        const vsspy_simulator_control& table = control();
        const py::gil_scoped_release without;
        table.make_current(nullptr);
      },
      "No machine is the entry points' any more.");
}

}  // namespace vsspy::simulator
