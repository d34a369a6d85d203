// Things that exist once per process. After a fork the child gets fresh ones: what the parent's threads were doing with
// the old ones (a locked mutex, a queue) will never be finished there.
#pragma once

#include <atomic>
#include <cstdint>

#ifdef _WIN32
#include "../abi/base_types.h"
#else
#include <unistd.h>
#endif

namespace vsspy::com {

inline std::uint64_t process_id() noexcept {
#ifdef _WIN32
  return GetCurrentProcessId();
#else
  return static_cast<std::uint64_t>(getpid());
#endif
}

// Never destroyed: threads may use it until the very end of the process.
template <class T>
class per_process {
 public:
  T& get() {
    const std::uint64_t process = process_id();
    entry* current = current_.load(std::memory_order_acquire);
    while (!current || current->process != process) {
      auto* made = new entry{process, current, {}};
      if (current_.compare_exchange_strong(current, made, std::memory_order_acq_rel, std::memory_order_acquire))
        return made->value;
      delete made;
    }
    return current->value;
  }

 private:
  struct entry {
    std::uint64_t process;
    entry* parents;  // kept reachable: it may be in use by the very thread that forked
    T value;
  };
  std::atomic<entry*> current_{nullptr};
};

}  // namespace vsspy::com
