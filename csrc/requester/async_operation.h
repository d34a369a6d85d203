// IVssAsync: an operation of the service that runs by itself. Waiting, asking and cancelling take no lock of a session.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "../com/com_ptr.h"
#include "lifetime.h"

namespace vsspy::requester {

class async_operation final : public live_object {
 public:
  // `starter` is the method that gave the IVssAsync; failures of the operation are reported under its name. `owner` is
  // the address of the session's object, by which a callback of one of its writers is recognised.
  static std::shared_ptr<async_operation> adopt(com::com_ptr<IVssAsync> object, std::string starter, const void* owner);
  ~async_operation() override;

  const std::string& starter() const noexcept { return starter_; }

  // QueryStatus: VSS_S_ASYNC_PENDING, _FINISHED, _CANCELLED or the failure of the operation.
  HRESULT status();

  // Waits in slices, `between` is called after each (it may throw, which ends the wait and leaves the operation
  // running). False when `timeout`, in seconds of the platform's clock, is over; no timeout is no limit. Throws what
  // the operation failed with, cancelled included.
  bool wait(std::optional<double> timeout, const std::function<void()>& between);

  // Asks for cancellation, does not wait for it. Success codes only (semantics 3.4).
  HRESULT cancel();

  void close() noexcept override;

 private:
  using shared_object = std::shared_ptr<com::com_ptr<IVssAsync>>;

  async_operation(com::com_ptr<IVssAsync> object, std::string starter, const void* owner);
  shared_object use(const char* operation);
  void wait_slice(IVssAsync& object, std::uint64_t nanoseconds);

  const vsspy_platform& platform_;
  const std::string starter_;
  const void* const owner_;
  std::mutex mutex_;  // guards object_, and is never held over a call
  shared_object object_;
  std::atomic<bool> only_infinite_{false};
};

}  // namespace vsspy::requester
