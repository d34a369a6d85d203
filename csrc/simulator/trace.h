// Everything that happened on a machine, in the order in which it began.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>

#include "arguments.h"
#include "service_clock.h"

namespace vsspy::simulator {

enum class trace_kind : std::int32_t { call = 0, event = 1, result = 2 };

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
};

class trace {
 public:
  explicit trace(const service_clock& clock) : clock_(clock) {}

  std::size_t begin(trace_record record);  // fills in the thread and the start; gives the entry's index
  void note(std::size_t index, std::string_view text);
  void end(std::size_t index, HRESULT hresult) noexcept;

  std::size_t size() const;
  trace_record at(std::size_t index) const;

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
  };
  static constexpr std::uint32_t none = UINT32_MAX;

  std::uint32_t number_of(std::string&& name);
  std::uint32_t add(rarities&& rare);

  const service_clock& clock_;
  mutable std::mutex mutex_;
  std::deque<entry> entries_;
  std::deque<rarities> more_;
  std::unordered_map<std::string, std::uint32_t> name_numbers_;
  std::deque<const std::string*> names_;  // the map's keys, which stay where they are
};

std::uint64_t this_thread_number();

}  // namespace vsspy::simulator
