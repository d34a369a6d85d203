// IVssAsync: an operation of the service that runs by itself. Waiting, asking and cancelling take no lock of a session.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "../com/com_ptr.h"
#include "call_trace.h"
#include "lifetime.h"

namespace vsspy::requester {

class async_operation final : public live_object {
 public:
  // `starter` is the method that gave the IVssAsync; failures of the operation are reported under its name. `owner` is
  // the address of the session's object, by which a callback of one of its writers is recognised; `begun` the traced
  // call.
  static std::shared_ptr<async_operation> adopt(com::com_ptr<IVssAsync> object, std::string starter, const void* owner,
                                                const call_id& begun);
  ~async_operation() override;

  const std::string& starter() const noexcept { return starter_; }

  // QueryStatus: VSS_S_ASYNC_PENDING, _FINISHED, _CANCELLED or the failure of the operation.
  HRESULT status();

  // Waits in slices, `between` is called after each (it may throw, which ends the wait and leaves the operation
  // running). False when `timeout`, in seconds of the platform's clock, is over; no timeout is no limit. Throws what
  // the operation failed with, cancelled included.
  bool wait(std::optional<double> timeout, const std::function<void()>& between);

  bool closed();

  // Asks for cancellation, does not wait for it. Success codes only (semantics 3.4).
  HRESULT cancel();

  void close() noexcept override;

 private:
  using shared_object = std::shared_ptr<com::com_ptr<IVssAsync>>;

  async_operation(com::com_ptr<IVssAsync> object, std::string starter, const void* owner, const call_id& begun);
  HRESULT query_status(IVssAsync& object);
  shared_object use(const char* operation);
  void wait_slice(IVssAsync& object, std::uint64_t nanoseconds);

  const vsspy_platform& platform_;
  const std::string starter_;
  const void* const owner_;
  const call_id begun_;
  std::atomic<bool> result_traced_{false};
  std::mutex mutex_;  // guards object_, and is never held over a call
  shared_object object_;
  std::atomic<bool> only_infinite_{false};
};

// What a session started last. A Ctrl-C can come after the start and before the caller has noted what it was given;
// here the operation can be found all the same. Kept until the next one, or the session's end.
class latest_operation {
 public:
  void replace(std::shared_ptr<async_operation> next) {
    const std::lock_guard lock(mutex_);
    if (!ended_) held_.swap(next);  // what was there before goes with the argument, after the lock
  }
  // Throws VSSPY_E_CLOSED after end().
  std::shared_ptr<async_operation> get(const char* operation) {
    const std::lock_guard lock(mutex_);
    if (ended_) throw com::vss_error(com::VSSPY_E_CLOSED, operation);
    return held_;
  }
  // Keeps nothing from now on; gives what was there.
  std::shared_ptr<async_operation> end() noexcept {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    return std::move(held_);
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<async_operation> held_;
  bool ended_ = false;
};

}  // namespace vsspy::requester
