// The machine's one clock. Time limits are kept on it, and making copies takes none of its time: on a real system a
// shadow copy is made in an instant, however long the simulator needs for its files.
//
// A virtual clock stands still but for jumps. It jumps when every service thread waits and a requester waits too, to
// the first moment that one of them waits for; so nothing that was due is passed over, and what takes an hour takes no
// time. A requester that waits nowhere and only looks, again and again, moves it on in growing steps; and while nobody
// is heard of for a while, the service goes on by itself.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>

namespace vsspy::simulator {

class service_clock {
 public:
  static constexpr std::uint64_t never = UINT64_MAX;

  service_clock(bool is_virtual, std::condition_variable& changed);

  // Nanoseconds since the machine started, less the time in which copies were made.
  std::uint64_t now() const;
  // 100 ns since 1601 UTC; on a virtual clock that time goes on from the machine's start, a little for every question.
  std::int64_t file_time();

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
  // Every wait of a service thread, and of a requester inside a call, is one of these.
  template <class Done>
  bool wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, std::int64_t nanoseconds, Done done) {
    if (virtual_) return sit_out(lock, nanoseconds < 0 ? never : after(nanoseconds), done, {});
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

  // A wait of the caller's own, who is not to be kept longer because copies are made: it lasts no longer than
  // `nanoseconds` of real time either, or than a second where the clock is virtual and it is shorter.
  bool wait_for_caller(std::unique_lock<std::mutex>& lock, std::int64_t nanoseconds, const std::function<bool()>& done);
  // Until the clock shows `until`, but no longer than `longest` of real time; whether it does.
  bool sleep_until(std::unique_lock<std::mutex>& lock, std::uint64_t until, std::uint64_t longest,
                   const std::function<bool()>& unwanted);

  // A caller that waits in slices says until when it is going to wait all in all, so that the clock need not jump from
  // slice to slice; for the calling thread, 0 takes it back.
  static void announce(std::uint64_t deadline) noexcept;

  // Somebody looks what has become of an operation. With the machine's mutex held.
  void looked();

  // A service thread: `begin` before there is one, which `call_off` takes back, with the machine's mutex held as for
  // `end`; `enter` and `end` on it.
  void begin_work();
  void call_off_work();
  void enter_work() noexcept;
  void end_work();

 private:
  using real = std::chrono::steady_clock;
  struct waiter {
    std::uint64_t deadline;
    const std::function<bool()>& done;
    bool serves;
  };
  // What they wait for: nothing while one of them can go on.
  struct horizon {
    std::uint64_t service = never;
    std::uint64_t requester = never;
    bool requester_waits = false;
  };

  std::uint64_t after(std::int64_t nanoseconds) const;
  bool serves() const noexcept;
  std::optional<horizon> quiet() const;
  // How long in real time a wait lasts at most; and what is due at the very moment at which it is over.
  struct patience {
    std::optional<real::time_point> end{};
    bool for_service = true;
  };
  bool sit_out(std::unique_lock<std::mutex>& lock, std::uint64_t deadline, const std::function<bool()>& done,
               const patience& patience);
  bool advance(bool alone);
  void go_on();
  void jump(std::uint64_t to);

  const bool virtual_;
  std::condition_variable& changed_;

  mutable std::mutex mutex_;
  const real::time_point start_ = real::now();
  real::duration stood_still_{};
  real::time_point standing_since_{};
  int standing_ = 0;

  // Of a virtual clock. The machine's mutex guards all but the time.
  std::atomic<std::uint64_t> time_{0};
  const std::int64_t started_;
  std::int64_t last_file_time_ = 0;
  std::list<waiter*> waiters_;
  unsigned working_ = 0;     // service threads that do not wait
  unsigned looks_ = 0;       // one after the other, with no wait between
  unsigned vain_ = 0;        // jumps for a requester's sake alone, while the service waits for nothing
  real::time_point seen_{};  // when a requester last was heard of
};

std::int64_t file_time_now();  // 100 ns since 1601 UTC

}  // namespace vsspy::simulator
