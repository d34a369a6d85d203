// The control table (control.h).
#include "control.h"

#include "../com/hresult.h"
#include "native_path.h"
#include "platform.h"
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
    added->guid_path = u"\\\\?\\Volume{" + com::guid_text(new_guid()) + u"}\\";
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
      if (each->metadata->instance_id == added->metadata->instance_id) {
        throw com::vss_error(VSS_E_OBJECT_ALREADY_EXISTS, "add_writer", "two writers with one instance id");
      }
    }
    machine->held->writers.push_back(added);
  });
  // what could not be added is still its owner's
  if (FAILED(hr) && added) added->give_up_callback();
  return hr;
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
    machine->held->faults.add(std::move(added));
  });
}

HRESULT set_environment(vsspy_machine* machine, vsspy_text name, vsspy_text value) {
  return told(nullptr, [&] {
    std::lock_guard lock(machine->held->mutex);
    machine->held->environment[std::string(view_of(name))] = view_of(value);
  });
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

void shadow_copies(vsspy_machine* machine, void* user, void (*visit)(void*, const vsspy_shadow_copy*)) {
  told(nullptr, [&] {
    std::vector<std::shared_ptr<shadow_copy>> now;
    {
      std::lock_guard lock(machine->held->mutex);
      now = machine->held->shadow_copies;
    }
    for (const auto& each : now) {
      const std::string volume = com::to_utf8(each->volume->name);
      const std::string volume_path = com::to_utf8(each->volume->guid_path);
      const std::string device = com::to_utf8(each->device);
      const std::string folder = path_text(each->folder);
      const vsspy_shadow_copy told{.id = each->id,
                                   .set_id = each->set_id,
                                   .session_id = each->session_id,
                                   .volume = text_of(volume),
                                   .volume_path = text_of(volume_path),
                                   .device = text_of(device),
                                   .folder = text_of(folder),
                                   .created = each->created,
                                   .context = static_cast<std::int32_t>(each->context),
                                   .attributes = static_cast<std::int32_t>(each->attributes),
                                   .files = each->report.files,
                                   .bytes = each->report.bytes};
      visit(user, &told);
    }
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

constexpr vsspy_simulator_control table{.version = vsspy_simulator_control_version,
                                        .create = create,
                                        .close = close,
                                        .destroy = destroy,
                                        .make_current = make_current,
                                        .add_volume = add_volume,
                                        .add_writer = add_writer,
                                        .add_fault = add_fault,
                                        .set_environment = set_environment,
                                        .live_objects = live_objects_of,
                                        .live = live,
                                        .trace = read_trace,
                                        .shadow_copies = shadow_copies,
                                        .notes = notes,
                                        .environment = environment,
                                        .acquire_platform = acquire_platform,
                                        .release_platform = release_platform};

}  // namespace

const vsspy_simulator_control* vsspy_simulator_control_table(void) { return &table; }

namespace vsspy::simulator {

std::shared_ptr<machine> current_machine() {
  std::lock_guard lock(current_mutex);
  return current;
}

}  // namespace vsspy::simulator
