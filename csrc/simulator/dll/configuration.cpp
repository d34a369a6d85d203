#include "configuration.h"

#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "../../com/hresult.h"
#include "../../com/process.h"
#include "../control.h"
#include "../native_path.h"
#include "../platform.h"

namespace vsspy::simulator {

namespace {

// What the environment made of this process. Never destroyed: a program's own last destructors may still call.
struct configured {
  std::mutex mutex;
  vsspy_machine* handle = nullptr;
  std::shared_ptr<machine> serving;
  bool finished = false;
  std::string told;  // what was last said on stderr
};

configured& this_process() {
  static com::per_process<configured> processes;
  return processes.get();
}

// UTF-8 on Windows, the system's bytes elsewhere; empty: it is not set. On Windows not getenv, which has what the
// process began with.
std::string variable(const char* name) {
#ifdef _WIN32
  const std::u16string wide_name = com::to_utf16(name);
  std::wstring value(32768, L'\0');
  value.resize(::GetEnvironmentVariableW(com::wide(wide_name), value.data(), static_cast<DWORD>(value.size())));
  return com::to_utf8(com::view(value.c_str()));
#else
  const char* value = std::getenv(name);
  return value ? value : "";
#endif
}

void say(const std::string& line) {
  std::fputs(("vssapi (simulator): " + line + "\n").c_str(), stderr);
  std::fflush(stderr);
}

[[noreturn]] void refuse(configured& mine, HRESULT code, const std::string& why) {
  if (mine.told != why) say(why);
  mine.told = why;
  throw com::vss_error(code, "VSSPY_SIMULATOR", why);
}

void tell_live(const machine& machine) {
  const std::optional<std::vector<std::string>> names = machine.live.names_at_end();
  if (!names) return say("which COM objects were not released is not known: a thread ended in the middle of a call");
  say(names->empty() ? "every COM object was released"
                     : std::to_string(names->size()) + " COM objects were not released:");
  for (const std::string& each : *names) say("  " + each);
  const auto tell = [](const char* kind, std::int64_t count) {
    if (count > 0) say("  " + std::string(kind) + ": " + std::to_string(count));
  };
  tell("BSTR", machine.allocator.live_bstrs());
  tell("task memory", machine.allocator.live_task_memory());
}

// What the process ends with; null: it has no machine, as a child after a fork, or has told already.
vsspy_machine* finish() {
  configured& mine = this_process();
  const std::unique_lock lock(mine.mutex, std::try_to_lock);  // held: the first use is not over, and never will be
  if (!lock || mine.finished || !mine.handle) return nullptr;
  mine.finished = true;
  if (variable("VSSPY_SIMULATOR_LIVE") == "1") tell_live(*mine.serving);
  return mine.handle;
}

void open(configured& mine) {
  const std::string folder = variable("VSSPY_SIMULATOR");
  if (folder.empty()) {
    refuse(mine, E_NOTIMPL, "this is vsspy's simulator, and VSSPY_SIMULATOR does not name the folder of a machine");
  }
  const vsspy_simulator_control& table = *vsspy_simulator_control_table();
  std::string message;
  const vsspy_complaint complaint{
      &message, [](void* user, vsspy_text text) { static_cast<std::string*>(user)->assign(text.data, text.size); }};
  vsspy_machine* handle = nullptr;
  const HRESULT hr = table.open_folder({folder.data(), folder.size()}, &handle, &complaint);
  if (FAILED(hr)) refuse(mine, hr, "VSSPY_SIMULATOR=" + folder + ": " + message);
  const std::string trace = variable("VSSPY_SIMULATOR_TRACE");
  if (!trace.empty()) {
    const void* recording = nullptr;  // until the process ends
    const HRESULT recorded = table.record(handle, {trace.data(), trace.size()}, &complaint, &recording);
    if (FAILED(recorded)) {
      table.destroy(handle);
      refuse(mine, recorded, "VSSPY_SIMULATOR_TRACE=" + trace + ": " + message);
    }
  }
  mine.serving = machine_of(handle);
  mine.handle = handle;
#ifdef _WIN32
  // What has threads is not to be unloaded.
  HMODULE pinned = nullptr;
  ::GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                       reinterpret_cast<const wchar_t*>(&this_process), &pinned);
#else
  // While the service's threads still run, and before this library's own destructors.
  std::atexit([] {
    if (vsspy_machine* handle = finish()) vsspy_simulator_control_table()->close(handle);
  });
#endif
}

}  // namespace

std::shared_ptr<machine> serving_machine() {
  if (auto current = current_machine(); current && current->is_of_this_process()) return current;
  configured& mine = this_process();
  const std::lock_guard lock(mine.mutex);
  if (!mine.handle) open(mine);
  return mine.serving;
}

std::shared_ptr<machine> serving_machine_or_none() noexcept {
  try {
    return serving_machine();
  } catch (...) {
    return nullptr;
  }
}

#ifdef _WIN32
void process_ends() noexcept {
  try {
    finish();
  } catch (...) {
    // nobody is left to be told
  }
}
#endif

}  // namespace vsspy::simulator
