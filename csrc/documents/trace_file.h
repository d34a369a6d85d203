// The trace of a conversation with VSS as a file of JSON lines: one format, whoever writes it (docs/simulator.md,
// "Traces"). A line is written when its call is over, and at once, so that a crash loses the last one at most.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../abi/vss_abi.h"

namespace vsspy::documents {

inline constexpr int trace_version = 1;

enum class trace_kind : std::int32_t { call = 0, event = 1, result = 2 };

struct trace_line {
  trace_kind kind = trace_kind::call;
  std::uint64_t number = 0;  // in the order in which they began
  std::uint64_t of = 0;      // of a result: its call's number
  std::string_view name;     // all texts are UTF-8
  std::string_view session;  // empty: there is none
  std::uint64_t thread = 0;
  std::uint64_t start = 0;  // nanoseconds on the clock of whoever writes
  std::uint64_t end = 0;
  HRESULT hresult = S_OK;
  std::string_view writer;  // of an event
  std::string_view note;
  const std::vector<std::pair<std::string_view, std::string_view>>* arguments = nullptr;
};

std::string json_text(std::string_view utf8);  // a JSON string

// What came of a call, where a replay needs it: a JSON object in one line.
std::string document_outcome(const char* kind, std::u16string_view xml);
std::string id_outcome(const char* kind, const GUID& id);
std::string snapshot_outcome(const VSS_SNAPSHOT_PROP& properties);
struct status_outcome {
  GUID instance_id{};
  GUID writer_id{};
  std::u16string_view name;
  std::int32_t state = 0;
  HRESULT failure = S_OK;
  std::optional<HRESULT> application_failure;
  std::optional<std::u16string_view> application_message;
};
std::string status_outcome_text(const status_outcome& status);

class trace_file {
 public:
  // `header` holds the fields that the header line has beyond format and version: `"name": value, ...`. A path of "-"
  // is the standard error stream. Throws vss_error with what the system says.
  trace_file(const std::filesystem::path& path, std::string_view header);
  ~trace_file();
  trace_file(const trace_file&) = delete;
  trace_file& operator=(const trace_file&) = delete;

  void write(const trace_line& line) noexcept;
  void write_outcome(std::uint64_t of, std::string_view name, std::string_view outcome) noexcept;

  // Whether a line could not be written: the file ends before the first one.
  bool failed() const noexcept { return failed_.load(std::memory_order_relaxed); }

 private:
  void put(std::string& text) noexcept;

  std::mutex mutex_;
  std::FILE* file_ = nullptr;
  bool owned_ = true;
  std::atomic<bool> failed_{false};
  const std::uint64_t process_;
};

// A number for the calling thread, counted from 1.
std::uint64_t this_thread_number();

}  // namespace vsspy::documents
