#include "service_clock.h"

namespace vsspy::simulator {

std::uint64_t service_clock::now() const {
  std::lock_guard lock(mutex_);
  const real::time_point until = standing_ ? standing_since_ : real::now();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(until - start_ - stood_still_).count());
}

service_clock::standstill::standstill(service_clock& clock) : clock_(clock) {
  std::lock_guard lock(clock_.mutex_);
  if (clock_.standing_++ == 0) clock_.standing_since_ = real::now();
}

service_clock::standstill::~standstill() {
  std::lock_guard lock(clock_.mutex_);
  if (--clock_.standing_ == 0) clock_.stood_still_ += real::now() - clock_.standing_since_;
}

std::int64_t file_time_now() {
  constexpr std::int64_t unix_epoch = 116'444'736'000'000'000;  // 1970 in 100 ns since 1601
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return unix_epoch + std::chrono::duration_cast<std::chrono::nanoseconds>(since).count() / 100;
}

}  // namespace vsspy::simulator
