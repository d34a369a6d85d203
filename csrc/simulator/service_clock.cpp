#include "service_clock.h"

#include <algorithm>
#include <thread>

namespace vsspy::simulator {

namespace {

using namespace std::chrono_literals;

constexpr unsigned free_looks = 8;                // that a requester has between two waits, or before the first
constexpr std::uint64_t first_look = 10'000'000;  // nanoseconds; each further look moves the clock twice as far
constexpr unsigned most_doublings = 20;           // some three hours
constexpr auto longest_absence = 1s;              // of real time, with a requester that is not heard of
constexpr auto longest_tie = 10s;                 // of real time, for what is due when a caller's time is over
constexpr unsigned vain_limit = 5000;             // from here on waiting for nothing takes real time
constexpr auto vain_wait = 1ms;

thread_local const service_clock* serving = nullptr;  // the clock whose service thread this is
thread_local std::uint64_t announced = 0;

}  // namespace

service_clock::service_clock(bool is_virtual, std::condition_variable& changed)
    : virtual_(is_virtual), changed_(changed), started_(file_time_now()), seen_(real::now()) {}

std::uint64_t service_clock::now() const {
  if (virtual_) return time_;
  std::lock_guard lock(mutex_);
  const real::time_point until = standing_ ? standing_since_ : real::now();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(until - start_ - stood_still_).count());
}

std::int64_t service_clock::file_time() {
  if (!virtual_) return file_time_now();
  last_file_time_ = std::max(last_file_time_ + 1, started_ + static_cast<std::int64_t>(time_ / 100));
  return last_file_time_;
}

service_clock::standstill::standstill(service_clock& clock) : clock_(clock) {
  std::lock_guard lock(clock_.mutex_);
  if (clock_.standing_++ == 0) clock_.standing_since_ = real::now();
}

service_clock::standstill::~standstill() {
  std::lock_guard lock(clock_.mutex_);
  if (--clock_.standing_ == 0) clock_.stood_still_ += real::now() - clock_.standing_since_;
}

bool service_clock::wait_for_caller(std::unique_lock<std::mutex>& lock, std::int64_t nanoseconds,
                                    const std::function<bool()>& done) {
  const auto limit = std::chrono::nanoseconds(nanoseconds);
  if (virtual_) {
    patience patience{.for_service = announced != 0};
    // A short wait must not end by the system's clock before the service's threads come to rest; one in slices has to.
    const bool patient = !announced && nanoseconds > 0;
    if (nanoseconds >= 0)
      patience.end = real::now() + (patient ? std::max<std::chrono::nanoseconds>(limit, 1s) : limit);
    return sit_out(lock, announced ? announced : nanoseconds < 0 ? never : after(nanoseconds), done, patience);
  }
  if (nanoseconds >= 0) return changed_.wait_for(lock, limit, done);
  changed_.wait(lock, done);
  return true;
}

bool service_clock::sleep_until(std::unique_lock<std::mutex>& lock, std::uint64_t until, std::uint64_t longest,
                                const std::function<bool()>& unwanted) {
  constexpr std::chrono::nanoseconds most = std::chrono::hours(8766);  // later times overflow the system's clock
  const auto limit = longest < static_cast<std::uint64_t>(most.count()) ? std::chrono::nanoseconds(longest) : most;
  if (virtual_) {
    sit_out(lock, until, unwanted, {.end = real::now() + limit});
  } else if (const std::uint64_t before = now(); before < until) {
    changed_.wait_for(lock, std::min(std::chrono::nanoseconds(until - before), limit), unwanted);
  }
  return now() >= until;
}

void service_clock::announce(std::uint64_t deadline) noexcept { announced = deadline; }

std::uint64_t service_clock::after(std::int64_t nanoseconds) const {
  const std::uint64_t time = time_;
  const auto span = static_cast<std::uint64_t>(nanoseconds);
  return span > never - time ? never : time + span;
}

bool service_clock::serves() const noexcept { return serving == this; }

void service_clock::begin_work() {
  ++working_;
  looks_ = vain_ = 0;
  if (!serves()) seen_ = real::now();
}

void service_clock::call_off_work() { --working_; }

void service_clock::enter_work() noexcept { serving = this; }

void service_clock::end_work() {
  serving = nullptr;
  --working_;
  if (virtual_) go_on();
}

std::optional<service_clock::horizon> service_clock::quiet() const {
  if (working_) return std::nullopt;
  horizon seen;
  const std::uint64_t time = time_;
  for (const waiter* each : waiters_) {
    if (each->done()) return std::nullopt;
    if (each->serves) {
      if (each->deadline <= time) return std::nullopt;
      seen.service = std::min(seen.service, each->deadline);
    } else {
      seen.requester_waits = true;
      seen.requester = std::min(seen.requester, each->deadline);
    }
  }
  return seen;
}

void service_clock::jump(std::uint64_t to) {
  time_ = to;
  changed_.notify_all();
}

// Whether it has jumped; `alone` says that no requester need wait for that.
bool service_clock::advance(bool alone) {
  const std::optional<horizon> seen = quiet();
  if (!seen || (!seen->requester_waits && !alone)) return false;
  const std::uint64_t next = std::min(seen->service, seen->requester);
  // a caller whose time is over goes on first
  if (next == never || next <= time_) return false;
  if (seen->service == never && ++vain_ > vain_limit && !alone) return false;
  jump(next);
  return true;
}

// A service thread has come to rest: the clock goes on, or a caller may whose time was over at this moment.
void service_clock::go_on() {
  if (advance(false)) return;
  const auto late = [this](const waiter* each) { return !each->serves && each->deadline <= time_; };
  if (std::ranges::any_of(waiters_, late)) changed_.notify_all();
}

bool service_clock::sit_out(std::unique_lock<std::mutex>& lock, std::uint64_t deadline,
                            const std::function<bool()>& done, const patience& patience) {
  struct resting {
    resting(service_clock& clock, waiter& mine)
        : clock(clock), place(clock.waiters_.insert(clock.waiters_.end(), &mine)) {
      if (mine.serves) {
        --clock.working_;
        clock.go_on();
      } else {
        clock.looks_ = 0;
        clock.seen_ = real::now();
      }
    }
    ~resting() {
      const bool served = (*place)->serves;
      clock.waiters_.erase(place);
      if (served) {
        ++clock.working_;
        clock.looks_ = clock.vain_ = 0;
      } else {
        clock.seen_ = real::now();
        if (!clock.waiters_.empty()) clock.changed_.notify_all();  // somebody may be waiting for more
      }
    }
    resting(const resting&) = delete;
    resting& operator=(const resting&) = delete;

    service_clock& clock;
    const std::list<waiter*>::iterator place;
  };
  waiter mine{deadline, done, serves()};
  if (done()) return true;
  const resting rest(*this, mine);
  std::optional<real::time_point> tie;
  for (;;) {
    if (done()) return true;
    if (time_ >= deadline) {
      if (mine.serves || quiet()) return false;
      // what is due at this very moment comes first
      if (!tie) tie = patience.for_service || !patience.end ? real::now() + longest_tie : *patience.end;
      if (changed_.wait_until(lock, *tie) == std::cv_status::timeout) return done();
      continue;
    }
    if (advance(false)) continue;
    if (patience.end && real::now() >= *patience.end) return false;
    const bool vain = vain_ > vain_limit && deadline != never;
    if (mine.serves && deadline != never) {
      changed_.wait_for(lock, longest_absence);
      if (real::now() - seen_ >= longest_absence) advance(true);
    } else if (!mine.serves && vain) {
      changed_.wait_for(lock, vain_wait);
      advance(true);
    } else if (patience.end) {
      changed_.wait_until(lock, *patience.end);
    } else {
      changed_.wait(lock);
    }
  }
}

void service_clock::looked() {
  if (!virtual_ || serves()) return;
  seen_ = real::now();
  const std::optional<horizon> seen = quiet();
  if (!seen || seen->requester_waits || ++looks_ <= free_looks) return;
  const unsigned doublings = std::min(looks_ - free_looks - 1, most_doublings);
  jump(std::min(seen->service, time_ + (first_look << doublings)));
}

std::int64_t file_time_now() {
  constexpr std::int64_t unix_epoch = 116'444'736'000'000'000;  // 1970 in 100 ns since 1601
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return unix_epoch + std::chrono::duration_cast<std::chrono::nanoseconds>(since).count() / 100;
}

}  // namespace vsspy::simulator
