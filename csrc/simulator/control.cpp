// The control table (control.h).
#include "control.h"

#include "../com/hresult.h"
#include "hardware.h"
#include "machine_folder.h"
#include "native_path.h"
#include "persistent_state.h"
#include "platform.h"
#include "recording.h"
#include "writer.h"

using namespace vsspy;
using namespace vsspy::simulator;

struct vsspy_machine {
  std::shared_ptr<machine> held;
};

namespace {

std::mutex current_mutex;
std::shared_ptr<machine> current;

std::string_view view_of(vsspy_text text) { return {text.data ? text.data : "", text.size}; }
vsspy_text text_of(std::string_view text) { return {text.data(), text.size()}; }

// Runs `work`; an exception becomes its code, and its words go to `complaint`.
template <class Work>
HRESULT told(const vsspy_complaint* complaint, Work&& work) noexcept {
  const auto report = [&](std::string_view message) {
    if (complaint && complaint->report) complaint->report(complaint->user, text_of(message));
  };
  try {
    work();
    return S_OK;
  } catch (const com::vss_error& error) {
    report(error.detail().empty() ? error.operation() : error.detail());
    return error.hresult();
  } catch (const std::bad_alloc&) {
    return E_OUTOFMEMORY;
  } catch (const std::exception& error) {
    report(error.what());
    return E_UNEXPECTED;
  } catch (...) {
    return E_UNEXPECTED;
  }
}

HRESULT create(const vsspy_machine_options* options, vsspy_machine** machine, const vsspy_complaint* complaint) {
  return told(complaint, [&] {
    simulator::machine::options chosen;
    chosen.state_root = native_path(view_of(options->state_root));
    chosen.level = static_cast<system_level>(options->level);
    chosen.global_device_names = options->global_device_names != 0;
    chosen.hardware = static_cast<hardware_provider>(options->hardware_provider);
    chosen.virtual_time = options->virtual_time != 0;
    chosen.persistent_state = native_path(view_of(options->persistent_state));
    chosen.strict_components = options->strict_components != 0;
    chosen.components_until = static_cast<component_deadline>(options->components_until);
    *machine = new vsspy_machine{std::make_shared<simulator::machine>(std::move(chosen))};
  });
}

void close(vsspy_machine* machine) {
  told(nullptr, [&] { machine->held->close(); });
}

HRESULT make_current(vsspy_machine* machine) {
  std::shared_ptr<simulator::machine> dismissed;  // its end is not to come under the mutex
  std::lock_guard lock(current_mutex);
  dismissed = std::exchange(current, machine ? machine->held : nullptr);
  return S_OK;
}

void destroy(vsspy_machine* machine) {
  if (!machine || !machine->held->is_of_this_process()) return;  // a fork's copy has threads that never end
  std::shared_ptr<simulator::machine> dismissed;
  {
    std::lock_guard lock(current_mutex);
    if (current == machine->held) dismissed = std::exchange(current, nullptr);
  }
  close(machine);
  delete machine;
}

HRESULT add_volume(vsspy_machine* machine, vsspy_text name, vsspy_text folder, const vsspy_complaint* complaint) {
  return told(complaint, [&] {
    auto added = std::make_unique<volume>();
    added->name = com::to_utf16(view_of(name));
    if (added->name.empty() || (added->name.back() != u'\\' && added->name.back() != u'/')) {
      throw com::vss_error(E_INVALIDARG, "add_volume", "a volume's name ends with its separator");
    }
    added->folder = std::filesystem::absolute(native_path(view_of(folder)));
    if (!std::filesystem::is_directory(added->folder)) {
      throw com::vss_error(VSS_E_OBJECT_NOT_FOUND, "add_volume", path_text(added->folder) + " is not a folder");
    }
    if (const auto& persistent = machine->held->persistent()) {
      persistent->adopt(*added);
    } else {
      added->guid_path = guid_path(new_guid());
    }
    std::lock_guard lock(machine->held->mutex);
    if (machine->held->find_volume(added->name)) {
      throw com::vss_error(VSS_E_OBJECT_ALREADY_EXISTS, "add_volume", "two volumes of that name");
    }
    machine->held->volumes.push_back(std::move(added));
  });
}

HRESULT add_writer(vsspy_machine* machine, const vsspy_writer* description, const vsspy_complaint* complaint) {
  std::shared_ptr<writer> added;
  const HRESULT hr = told(complaint, [&] {
    added = std::make_shared<writer>(*description);
    std::lock_guard lock(machine->held->mutex);
    for (const auto& each : machine->held->writers) {
      if (each->instance_id == added->instance_id) {
        throw com::vss_error(VSS_E_OBJECT_ALREADY_EXISTS, "add_writer", "two writers with one instance id");
      }
    }
    machine->held->writers.push_back(added);
  });
  // what could not be added is still its owner's
  if (FAILED(hr) && added) added->give_up_callback();
  return hr;
}

HRESULT remove_writer(vsspy_machine* machine, const GUID* instance_id) {
  return told(nullptr, [&] {
    if (!simulator::remove_writer(*machine->held, *instance_id)) {
      throw com::vss_error(VSS_E_OBJECT_NOT_FOUND, "remove_writer");
    }
  });
}

const volume& known_volume(const simulator::machine& machine, vsspy_text name) {
  const volume* found = machine.find_volume(com::to_utf16(view_of(name)));
  if (!found) throw com::vss_error(VSS_E_OBJECT_NOT_FOUND, "find_volume", "no volume of that name");
  return *found;
}

HRESULT add_fault(vsspy_machine* machine, const vsspy_fault* asked) {
  return told(nullptr, [&] {
    fault added;
    added.where = view_of(asked->where);
    if (asked->has_code) added.code = asked->code;
    added.nth = asked->nth;
    added.delay = asked->delay;
    added.at_result = asked->at_result != 0;
    added.after = asked->after != 0;
    if (asked->volume.data) {
      std::lock_guard lock(machine->held->mutex);
      added.volume = &known_volume(*machine->held, asked->volume);
    }
    if (asked->has_probability) added.probability = asked->probability;
    added.seed = asked->seed;
    added.dies = asked->dies != 0;
    if (asked->has_application) {
      added.application = application_words{asked->application, {}};
      if (asked->message.data) added.application->message = com::to_utf16(view_of(asked->message));
    }
    machine->held->faults.add(std::move(added));
  });
}

HRESULT set_environment(vsspy_machine* machine, vsspy_text name, vsspy_text value) {
  return told(nullptr, [&] {
    std::lock_guard lock(machine->held->mutex);
    machine->held->environment[std::string(view_of(name))] = view_of(value);
  });
}

HRESULT block_revert(vsspy_machine* machine, const GUID* writer_id) {
  return told(nullptr, [&] {
    std::lock_guard lock(machine->held->mutex);
    machine->held->writers_blocking_revert.insert(*writer_id);
  });
}

HRESULT set_volume_qualities(vsspy_machine* machine, vsspy_text name, const vsspy_volume_qualities* qualities) {
  return told(nullptr, [&] {
    volume_qualities wanted;
    if (qualities->total >= 0) wanted.total = qualities->total;
    if (qualities->free >= 0) wanted.free = qualities->free;
    wanted.ntfs = qualities->ntfs != 0;
    wanted.nested = qualities->nested != 0;
    wanted.cluster_shared = qualities->cluster_shared != 0;
    std::lock_guard lock(machine->held->mutex);
    machine->held->storage.qualities[&known_volume(*machine->held, name)] = wanted;
  });
}

HRESULT set_minimum_storage(vsspy_machine* machine, std::uint32_t megabytes) {
  return told(nullptr, [&] {
    std::lock_guard lock(machine->held->mutex);
    machine->held->storage.registry_megabytes = megabytes;
  });
}

HRESULT set_client_accessible(vsspy_machine* machine, std::uint32_t count) {
  return told(nullptr, [&] {
    std::lock_guard lock(machine->held->mutex);
    machine->held->storage.client_accessible = count;
  });
}

HRESULT fail_storage(vsspy_machine* machine, vsspy_text name, std::int32_t fault, std::int32_t status) {
  return told(nullptr, [&] {
    copy_list lost;
    {
      std::lock_guard lock(machine->held->mutex);
      lost = simulator::fail_storage(*machine->held, &known_volume(*machine->held, name),
                                     static_cast<VSS_PROTECTION_FAULT>(fault), status);
    }
    machine->held->drop_or_note(lost);
  });
}

HRESULT set_volume_path(vsspy_machine* machine, vsspy_text name, vsspy_text guid_path) {
  return told(nullptr, [&] {
    const std::u16string path = com::to_utf16(view_of(guid_path));
    std::lock_guard lock(machine->held->mutex);
    const volume* renamed = &known_volume(*machine->held, name);
    const volume* taken = machine->held->find_volume(path);
    if (taken && taken != renamed) throw com::vss_error(VSS_E_OBJECT_ALREADY_EXISTS, "set_volume_path");
    for (const auto& each : machine->held->volumes) {
      if (each.get() == renamed) each->guid_path = path;
    }
  });
}

HRESULT record(vsspy_machine* machine, vsspy_text path, const vsspy_complaint* complaint, const void** recording) {
  return told(complaint, [&] { *recording = start_recording(*machine->held, native_path(view_of(path))); });
}

HRESULT stop_recording(vsspy_machine* machine, const void* recording) {
  HRESULT complete = S_OK;
  const HRESULT hr = told(nullptr, [&] {
    const auto* file = static_cast<const documents::trace_file*>(recording);
    if (!machine->held->trace.stop_recording(file)) complete = S_FALSE;
  });
  return FAILED(hr) ? hr : complete;
}

std::uint64_t live_objects_of(vsspy_machine* machine) { return machine->held->live.count(); }

void live(vsspy_machine* machine, void* user, void (*visit)(void*, vsspy_text)) {
  told(nullptr, [&] {
    for (const std::string& each : machine->held->live.names()) visit(user, text_of(each));
    const auto allocations = [&](const char* kind, std::int64_t count) {
      if (count) visit(user, text_of(std::string(kind) + ": " + std::to_string(count)));
    };
    allocations("BSTR", machine->held->allocator.live_bstrs());
    allocations("task memory", machine->held->allocator.live_task_memory());
  });
}

void read_trace(vsspy_machine* machine, std::uint64_t first, void* user,
                void (*visit)(void*, const vsspy_trace_entry*)) {
  told(nullptr, [&] {
    const std::size_t end = machine->held->trace.size();
    std::vector<vsspy_named_text> arguments;
    for (std::size_t index = first; index < end; ++index) {
      const trace_record record = machine->held->trace.at(index);
      arguments.clear();
      for (const argument& each : record.arguments) arguments.push_back({text_of(each.name), text_of(each.text)});
      const vsspy_trace_entry entry{.index = index,
                                    .kind = static_cast<std::int32_t>(record.kind),
                                    .name = text_of(record.name),
                                    .thread = record.thread,
                                    .start = record.start,
                                    .end = record.end,
                                    .ended = record.ended,
                                    .hresult = record.hresult,
                                    .session = record.session,
                                    .writer = text_of(record.writer),
                                    .note = text_of(record.note),
                                    .arguments = arguments.data(),
                                    .argument_count = static_cast<std::uint32_t>(arguments.size())};
      visit(user, &entry);
    }
  });
}

// A shadow copy as it is at one moment; somebody may expose it at the next.
struct shown_shadow_copy {
  shown_shadow_copy(const shadow_copy& copy, bool broken)
      : volume(com::to_utf8(copy.volume->name)),
        volume_path(com::to_utf8(copy.volume->guid_path)),
        device(com::to_utf8(copy.device)),
        folder(path_text(copy.folder)),
        told{} {
    told.id = copy.id;
    told.set_id = copy.set_id;
    told.session_id = copy.session_id;
    told.created = copy.created;
    told.context = static_cast<std::int32_t>(copy.context);
    told.attributes = static_cast<std::int32_t>(copy.attributes);
    told.files = copy.report.files;
    told.bytes = copy.report.bytes;
    told.provider_id = copy.is_hardware() ? hardware_provider_id : abi::system_provider_id;
    told.broken = broken;
    if (!copy.exposed) return;
    exposed_name = com::to_utf8(copy.exposed->name);
    if (copy.exposed->path) exposed_path = com::to_utf8(*copy.exposed->path);
  }

  const vsspy_shadow_copy* entry() {
    const auto optional_text = [](const auto& text) { return text ? text_of(*text) : vsspy_text{}; };
    told.volume = text_of(volume);
    told.volume_path = text_of(volume_path);
    told.device = text_of(device);
    told.folder = text_of(folder);
    told.exposed_name = optional_text(exposed_name);
    told.exposed_path = optional_text(exposed_path);
    return &told;
  }

  std::string volume, volume_path, device, folder;
  std::optional<std::string> exposed_name, exposed_path;
  vsspy_shadow_copy told;
};

void shadow_copies(vsspy_machine* machine, void* user, void (*visit)(void*, const vsspy_shadow_copy*)) {
  told(nullptr, [&] {
    std::vector<shown_shadow_copy> now;
    machine->held->refresh();
    {
      std::lock_guard lock(machine->held->mutex);
      for (const auto& each : machine->held->broken) now.emplace_back(*each, true);
      for (const auto& each : machine->held->shadow_copies) now.emplace_back(*each, false);
    }
    for (shown_shadow_copy& each : now) visit(user, each.entry());
  });
}

void volumes(vsspy_machine* machine, void* user, void (*visit)(void*, vsspy_text, vsspy_text)) {
  told(nullptr, [&] {
    std::vector<std::pair<std::string, std::string>> now;
    {
      std::lock_guard lock(machine->held->mutex);
      for (const auto& each : machine->held->volumes) {
        now.emplace_back(com::to_utf8(each->name), com::to_utf8(each->guid_path));
      }
    }
    for (const auto& [name, guid_path] : now) visit(user, text_of(name), text_of(guid_path));
  });
}

void notes(vsspy_machine* machine, void* user, void (*visit)(void*, vsspy_text)) {
  told(nullptr, [&] {
    std::vector<std::string> now;
    {
      std::lock_guard lock(machine->held->mutex);
      now = machine->held->notes;
    }
    for (const std::string& each : now) visit(user, text_of(each));
  });
}

void environment(vsspy_machine* machine, void* user, void (*visit)(void*, vsspy_text, vsspy_text)) {
  told(nullptr, [&] {
    std::map<std::string, std::string> now;
    {
      std::lock_guard lock(machine->held->mutex);
      now = machine->held->environment;
    }
    for (const auto& [name, value] : now) visit(user, text_of(name), text_of(value));
  });
}

const vsspy_platform* acquire_platform(vsspy_machine* machine) {
  shared_platform* made = nullptr;
  told(nullptr, [&] { made = new shared_platform(machine->held); });
  return made;
}

void release_platform(const vsspy_platform* platform) { delete static_cast<const shared_platform*>(platform); }

std::uint64_t now(vsspy_machine* machine) { return machine->held->clock.now(); }

HRESULT sleep(vsspy_machine* machine, std::uint64_t until, std::uint64_t longest) {
  return machine->held->sleep(until, longest);
}

HRESULT open_folder(vsspy_text folder, vsspy_machine** machine, const vsspy_complaint* complaint) {
  return told(complaint, [&] { *machine = machine_folder(native_path(view_of(folder))).open(); });
}

HRESULT describe_folder(vsspy_text folder, void* user,
                        void (*visit)(void*, vsspy_text, std::uint32_t, vsspy_text, vsspy_text),
                        const vsspy_complaint* complaint) {
  return told(complaint, [&] {
    machine_folder(native_path(view_of(folder)))
        .describe([&](std::string_view element, std::uint32_t index, std::string_view name, std::string_view value) {
          visit(user, text_of(element), index, text_of(name), text_of(value));
        });
  });
}

constexpr vsspy_simulator_control table{.version = vsspy_simulator_control_version,
                                        .create = create,
                                        .close = close,
                                        .destroy = destroy,
                                        .make_current = make_current,
                                        .add_volume = add_volume,
                                        .add_writer = add_writer,
                                        .add_fault = add_fault,
                                        .set_environment = set_environment,
                                        .block_revert = block_revert,
                                        .set_volume_qualities = set_volume_qualities,
                                        .set_minimum_storage = set_minimum_storage,
                                        .fail_storage = fail_storage,
                                        .live_objects = live_objects_of,
                                        .live = live,
                                        .trace = read_trace,
                                        .shadow_copies = shadow_copies,
                                        .volumes = volumes,
                                        .notes = notes,
                                        .environment = environment,
                                        .acquire_platform = acquire_platform,
                                        .release_platform = release_platform,
                                        .open_folder = open_folder,
                                        .describe_folder = describe_folder,
                                        .remove_writer = remove_writer,
                                        .set_client_accessible = set_client_accessible,
                                        .now = now,
                                        .sleep = sleep,
                                        .record = record,
                                        .stop_recording = stop_recording,
                                        .set_volume_path = set_volume_path};

}  // namespace

const vsspy_simulator_control* vsspy_simulator_control_table(void) { return &table; }

namespace vsspy::simulator {

std::shared_ptr<machine> current_machine() {
  std::lock_guard lock(current_mutex);
  return current;
}

std::shared_ptr<machine> machine_of(vsspy_machine* handle) { return handle->held; }

}  // namespace vsspy::simulator
