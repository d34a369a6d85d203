// Everything that happened on a machine, in the order in which it began.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "../documents/trace_file.h"
#include "arguments.h"
#include "service_clock.h"

namespace vsspy::simulator {

using documents::trace_kind;

struct trace_record {
  std::string name{};
  trace_kind kind = trace_kind::call;
  std::uint64_t thread = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  bool ended = false;
  HRESULT hresult = S_OK;
  GUID session{};
  std::string writer{};
  std::string note{};
  argument_list arguments{};
  std::uint64_t of = 0;  // a result: its call, whose index is one less
};

class trace {
 public:
  explicit trace(const service_clock& clock) : clock_(clock) {}

  std::size_t begin(trace_record record);  // fills in the thread and the start; gives the entry's index
  void note(std::size_t index, std::string_view text);
  void end(std::size_t index, HRESULT hresult) noexcept;

  std::size_t size() const;
  trace_record at(std::size_t index) const;

  // From now on what ends is written to the file, too, until it is taken away. What came of a call is only kept there.
  void record(std::shared_ptr<documents::trace_file> file);
  bool stop_recording(const documents::trace_file* file);  // false: not all of it could be written
  bool is_recorded() const noexcept { return recorded_.load(std::memory_order_relaxed); }
  void outcome(std::uint64_t of, std::string_view text) noexcept;

 private:
  // A trace_record without what few calls have: a writer's metadata are read with six calls for each of its file sets,
  // which may be a million.
  struct entry {
    GUID session;
    std::uint64_t start;
    std::uint64_t end;
    std::uint32_t name;
    std::uint32_t more;  // in more_, or none
    std::uint32_t thread;
    HRESULT hresult;
    trace_kind kind;
    bool ended;
  };
  struct rarities {
    std::string writer{};
    std::string note{};
    argument_list arguments{};
    std::uint64_t of = 0;
  };
  static constexpr std::uint32_t none = UINT32_MAX;

  std::uint32_t number_of(std::string&& name);
  std::uint32_t add(rarities&& rare);
  std::vector<std::shared_ptr<documents::trace_file>> files() const;
  void write(std::size_t index) const;

  const service_clock& clock_;
  mutable std::mutex mutex_;
  std::deque<entry> entries_;
  std::deque<rarities> more_;
  std::unordered_map<std::string, std::uint32_t> name_numbers_;
  std::deque<const std::string*> names_;  // the map's keys, which stay where they are
  std::vector<std::shared_ptr<documents::trace_file>> files_;
  std::atomic<bool> recorded_{false};
};

}  // namespace vsspy::simulator
