#include "call_trace.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>

#include "../com/process.h"

namespace vsspy::requester {

namespace {

struct sink {
  documents::trace_file file;
  const std::uint64_t first;  // calls that began earlier are not in it, nor what came of them
};

struct sinks {
  std::mutex mutex;
  std::vector<std::shared_ptr<sink>> all;
};

// After a fork the child has none: the files are the parent's.
sinks& here() {
  static com::per_process<sinks> every;
  return every.get();
}

std::atomic<std::uint64_t> calls{0};
std::atomic<std::uint64_t> sessions{0};
thread_local std::uint64_t current_session = 0;
thread_local call_id latest;

// write(file) for each that knows the call.
template <class Write>
void to_files(std::uint64_t call, Write&& write) {
  std::vector<std::shared_ptr<sink>> now;
  {
    sinks& known = here();
    const std::lock_guard lock(known.mutex);
    now = known.all;
  }
  for (const auto& each : now) {
    if (call >= each->first) write(each->file);
  }
}

// Not the platform's clock: a simulated one takes notice of who looks at it.
std::uint64_t now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

std::string session_text(std::uint64_t session) { return session ? std::to_string(session) : std::string(); }

}  // namespace

const void* start_tracing(const std::filesystem::path& path, std::string_view header) {
  std::shared_ptr<sink> made(new sink{{path, header}, calls.load() + 1});
  const void* started = made.get();
  sinks& known = here();
  const std::lock_guard lock(known.mutex);
  known.all.push_back(std::move(made));
  somebody_traces = true;
  return started;
}

bool stop_tracing(const void* trace) {
  std::shared_ptr<sink> last;  // closed after the lock
  sinks& known = here();
  const std::lock_guard lock(known.mutex);
  const auto found = std::ranges::find(known.all, trace, [](const auto& each) -> const void* { return each.get(); });
  if (found == known.all.end()) return true;  // a fork's child
  last = std::move(*found);
  known.all.erase(found);
  if (known.all.empty()) somebody_traces = false;
  return !last->file.failed();
}

call_id last_call() noexcept { return latest; }

session_mark::session_mark(std::uint64_t session) noexcept : before_(std::exchange(current_session, session)) {}
session_mark::~session_mark() { current_session = before_; }

std::uint64_t next_session_number() noexcept { return ++sessions; }

call_id begin_call() noexcept {
  latest = {++calls, current_session, now()};
  return latest;
}

void end_call(const call_id& call, const char* name, HRESULT hr, const traced_arguments& arguments) noexcept {
  latest = call;
  try {
    std::vector<std::pair<std::string_view, std::string_view>> views(arguments.begin(), arguments.end());
    const std::string session = session_text(call.session);
    const documents::trace_line line{.number = call.number,
                                     .name = name,
                                     .session = session,
                                     .thread = documents::this_thread_number(),
                                     .start = call.start,
                                     .end = now(),
                                     .hresult = hr,
                                     .arguments = &views};
    to_files(call.number, [&](documents::trace_file& file) { file.write(line); });
  } catch (...) {
    // no memory: the line is missing
  }
}

void trace_result(const call_id& call, const std::string& name, HRESULT hr) noexcept {
  if (!call.number) return;
  try {
    const std::string session = session_text(call.session);
    const documents::trace_line line{.kind = documents::trace_kind::result,
                                     .number = ++calls,
                                     .of = call.number,
                                     .name = name,
                                     .session = session,
                                     .thread = documents::this_thread_number(),
                                     .start = call.start,
                                     .end = now(),
                                     .hresult = hr};
    to_files(call.number, [&](documents::trace_file& file) { file.write(line); });
  } catch (...) {
    // as above
  }
}

void write_outcome(const call_id& call, const char* name, const std::string& outcome) noexcept {
  if (!call.number) return;
  try {
    to_files(call.number, [&](documents::trace_file& file) { file.write_outcome(call.number, name, outcome); });
  } catch (...) {
    // as above
  }
}

}  // namespace vsspy::requester
