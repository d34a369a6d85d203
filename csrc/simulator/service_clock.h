// The machine's one clock. Time limits are kept on it, and making copies takes none of its time: on a real system a
// shadow copy is made in an instant, however long the simulator needs for its files.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace vsspy::simulator {

class service_clock {
 public:
  // Nanoseconds since the machine started, less the time in which copies were made.
  std::uint64_t now() const;

  // As long as one of these exists the clock stands still.
  class standstill {
   public:
    explicit standstill(service_clock& clock);
    ~standstill();
    standstill(const standstill&) = delete;
    standstill& operator=(const standstill&) = delete;

   private:
    service_clock& clock_;
  };

  // Waits with `lock` given up until `done()` (true) or until `nanoseconds` have passed (false); negative: for ever.
  template <class Done>
  bool wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, std::int64_t nanoseconds, Done done) {
    const std::uint64_t start = now();
    while (!done()) {
      if (nanoseconds < 0) {
        changed.wait(lock);
        continue;
      }
      const std::uint64_t passed = now() - start;
      if (passed >= static_cast<std::uint64_t>(nanoseconds)) return false;
      const std::uint64_t left = static_cast<std::uint64_t>(nanoseconds) - passed;
      // in pieces: a deadline that lies too far ahead overflows the system's clock, and copying moves it
      changed.wait_for(lock, std::chrono::nanoseconds(left < 1'000'000'000 ? left : 1'000'000'000));
    }
    return true;
  }

 private:
  using real = std::chrono::steady_clock;
  mutable std::mutex mutex_;
  const real::time_point start_ = real::now();
  real::duration stood_still_{};
  real::time_point standing_since_{};
  int standing_ = 0;
};

std::int64_t file_time_now();  // 100 ns since 1601 UTC

}  // namespace vsspy::simulator
