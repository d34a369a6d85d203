// Faults that somebody asked for: which call of which method or writer's event fails, hangs or is slow.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../abi/vss_abi.h"

namespace vsspy::simulator {

struct fault {
  std::string where;
  std::optional<HRESULT> code;
  std::uint64_t nth = 0;   // 0: every time
  std::int64_t delay = 0;  // nanoseconds; negative: until cancelled or closed
  bool at_result = false;
  bool after = false;
};

// What one call has to suffer.
struct affliction {
  struct failure {
    HRESULT code;
    bool after;
  };
  std::int64_t delay = 0;
  std::optional<failure> at_call;
  std::optional<failure> at_result;
};

class faults {
 public:
  void add(fault added);
  affliction next(std::string_view where);  // counts one call of `where`

 private:
  struct counted : fault {
    std::uint64_t calls = 0;
  };
  std::atomic<bool> any_{false};
  std::mutex mutex_;
  std::vector<counted> faults_;
};

}  // namespace vsspy::simulator
