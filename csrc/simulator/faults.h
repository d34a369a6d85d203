// Faults that somebody asked for: which call of which method or writer's event fails, hangs or is slow.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../abi/vss_abi.h"

namespace vsspy::simulator {

struct volume;

// What a writer that fails says in the application's name.
struct application_words {
  HRESULT failure = S_OK;
  std::optional<std::u16string> message{};
};

struct fault {
  std::string where;
  std::optional<HRESULT> code;
  std::uint64_t nth = 0;   // 0: every time
  std::int64_t delay = 0;  // nanoseconds; negative: until cancelled or closed
  bool at_result = false;
  bool after = false;
  const simulator::volume* volume = nullptr;  // only calls that concern it
  std::optional<double> probability{};        // of each call by itself
  std::uint64_t seed = 0;
  bool dies = false;  // the writer, in its event
  std::optional<application_words> application{};
};

// What one call has to suffer.
struct affliction {
  struct failure {
    HRESULT code;
    bool after;
    const simulator::volume* volume;  // that the fault is confined to
  };
  std::int64_t delay = 0;
  std::optional<failure> at_call;
  std::optional<failure> at_result;
  bool dies = false;
  std::optional<application_words> application{};
  std::uint64_t call = 0;  // the trace's number of the call that it was found for
};

class faults {
 public:
  void add(fault added);

  // Counts one call of `where`. `concerns` says whether the call concerns a volume; it is called with no lock of this
  // class, and only where a fault asks.
  affliction next(std::string_view where, const std::function<bool(const volume&)>& concerns);

 private:
  struct counted : fault {
    std::uint64_t calls = 0;
  };
  std::atomic<bool> any_{false};
  std::mutex mutex_;
  std::map<std::string, std::vector<counted>, std::less<>> faults_;  // by where
};

}  // namespace vsspy::simulator
