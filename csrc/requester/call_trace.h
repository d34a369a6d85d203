// The trace of this process's calls to VSS, in the file format that the simulator writes, too (documents/trace_file.h).
// Where nobody traces a call costs one relaxed load more.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../com/argument_text.h"
#include "../documents/trace_file.h"

namespace vsspy::requester {

inline std::atomic<bool> somebody_traces{false};
inline bool tracing() noexcept { return somebody_traces.load(std::memory_order_relaxed); }

// Writes every call that begins from now on, until stop_tracing is given the same value. Throws vss_error.
const void* start_tracing(const std::filesystem::path& path, std::string_view header);
// False: not all of it could be written.
bool stop_tracing(const void* trace);

// A call that was traced; number 0: none.
struct call_id {
  std::uint64_t number = 0;
  std::uint64_t session = 0;
  std::uint64_t start = 0;
};
call_id last_call() noexcept;  // of this thread; also while it is being made

// The calls of this thread belong to a session's object as long as one of these exists.
class session_mark {
 public:
  explicit session_mark(std::uint64_t session) noexcept;
  ~session_mark();
  session_mark(const session_mark&) = delete;
  session_mark& operator=(const session_mark&) = delete;

 private:
  const std::uint64_t before_;
};
std::uint64_t next_session_number() noexcept;

using traced_arguments = std::vector<std::pair<const char*, std::string>>;

// What goes into a call, under the name that the headers give it; it becomes text only when somebody traces.
template <class Value>
struct named_value {
  const char* name;
  const Value& value;
};
template <class Value>
named_value<Value> with(const char* name, const Value& value) {
  return {name, value};
}
template <class Value>
void describe(traced_arguments& arguments, const named_value<Value>& given) {
  arguments.emplace_back(given.name, com::argument_text(given.value));
}

// Ids as the methods take them: an array, and how many.
struct named_ids {
  const char* name;
  const std::vector<GUID>& ids;
};
inline named_ids with_ids(const char* name, const std::vector<GUID>& ids) { return {name, ids}; }
inline void describe(traced_arguments& arguments, const named_ids& given) {
  arguments.emplace_back(given.name, com::argument_text(given.ids.data(), given.ids.size()));
  arguments.emplace_back("count", std::to_string(given.ids.size()));
}

call_id begin_call() noexcept;
void end_call(const call_id& call, const char* name, HRESULT hr, const traced_arguments& arguments) noexcept;
// The result that an operation ended with, for the call that started it.
void trace_result(const call_id& call, const std::string& name, HRESULT hr) noexcept;
void write_outcome(const call_id& call, const char* name, const std::string& outcome) noexcept;

// What came of a call, which `name` says; `text` makes it.
template <class Text>
void trace_outcome(const call_id& call, const char* name, Text&& text) noexcept {
  if (!tracing()) return;
  try {
    write_outcome(call, name, text());
  } catch (...) {
    // no memory: a replay does without it
  }
}

// fn(), which makes the one call of COM that `name` says, and gives its HRESULT. An exception means that there was
// none.
template <class Fn, class... Arguments>
HRESULT traced(const char* name, Fn&& fn, const Arguments&... arguments) {
  if (!tracing()) [[likely]] {
    return fn();
  }
  const call_id call = begin_call();
  const HRESULT hr = fn();
  traced_arguments list;
  try {
    (describe(list, arguments), ...);
  } catch (...) {
    list.clear();  // no memory for it: the call is told without its arguments
  }
  end_call(call, name, hr, list);
  return hr;
}

}  // namespace vsspy::requester
