// Apartments. VSS's objects are used from the multithreaded apartment only; a caller on a single-threaded one (STA,
// main STA) is served by a private thread of the MTA. That thread does not carry the caller's impersonation token.
#pragma once

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "platform.h"

namespace vsspy::com {

// Keeps the MTA alive from the first use on. The platform takes the cookie once and never gives it back: that would
// uninitialise every thread that relies on it.
void enter_mta(const vsspy_platform& platform);

// True where the calling thread must not touch an object of the MTA itself.
bool needs_mta_thread(const vsspy_platform& platform) noexcept;

// Runs `task` on a private MTA thread and waits for it. A thread that is busy is not waited for, another one serves:
// a call that cancels must not queue behind the call that it cancels.
void run_on_mta_thread(void (*task)(void* context), void* context);

// fn() where objects of the MTA may be used: here, or on a private thread. Exceptions and the result come through.
template <class Fn>
auto on_mta(const vsspy_platform& platform, Fn&& fn) -> std::invoke_result_t<Fn&> {
  using result = std::invoke_result_t<Fn&>;
  if (!needs_mta_thread(platform)) return fn();
  using kept = std::conditional_t<std::is_void_v<result>, bool, result>;
  struct {
    Fn& fn;
    std::optional<kept> value;
    std::exception_ptr error;
  } call{fn, std::nullopt, nullptr};
  run_on_mta_thread(
      [](void* context) {
        auto& served = *static_cast<decltype(call)*>(context);
        try {
          if constexpr (std::is_void_v<result>) {
            served.fn();
          } else {
            served.value.emplace(served.fn());
          }
        } catch (...) {
          served.error = std::current_exception();
        }
      },
      &call);
  if (call.error) std::rethrow_exception(call.error);
  if constexpr (!std::is_void_v<result>) return std::move(*call.value);
}

}  // namespace vsspy::com
