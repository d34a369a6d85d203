// One call at a time to an object that the service knows, and none from inside another one of the same thread.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

#include "../com/hresult.h"

namespace vsspy::requester {

class call_gate {
 public:
  call_gate() = default;
  call_gate(const call_gate&) = delete;
  call_gate& operator=(const call_gate&) = delete;

  // A call that comes from inside another one could only wait for itself: throws VSSPY_E_REENTERED.
  void refuse_reentry(const char* operation) const {
    if (caller_.load(std::memory_order_relaxed) == std::this_thread::get_id()) {
      throw com::vss_error(com::VSSPY_E_REENTERED, operation);
    }
  }

  // fn() with the object to itself.
  template <class Fn>
  auto pass(const char* operation, Fn&& fn) {
    refuse_reentry(operation);
    const std::lock_guard lock(mutex_);
    const mark inside(caller_);
    return std::forward<Fn>(fn)();
  }

  // For close(), which only takes the object away: it is released after the lock.
  std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }

 private:
  class mark {
   public:
    explicit mark(std::atomic<std::thread::id>& caller) : caller_(caller) { caller_ = std::this_thread::get_id(); }
    ~mark() { caller_ = std::thread::id(); }
    mark(const mark&) = delete;
    mark& operator=(const mark&) = delete;

   private:
    std::atomic<std::thread::id>& caller_;
  };

  std::mutex mutex_;
  std::atomic<std::thread::id> caller_{};
};

}  // namespace vsspy::requester
