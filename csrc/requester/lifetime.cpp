#include "lifetime.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "../com/apartment.h"

namespace vsspy::requester {

namespace {

struct registry {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::weak_ptr<live_object>> objects;
  bool closed = false;
  std::atomic<bool> shutting_down{false};
  std::atomic<bool> gave_up{false};
  std::atomic<int> running{0};
  std::atomic<std::thread::id> ending{};  // the thread that ends the interpreter
};

registry& here() {
  static com::per_process<registry> registries;
  return registries.get();
}

[[noreturn]] void refuse_at_exit(const char* operation) {
  throw com::vss_error(com::VSSPY_E_CLOSED, operation, "the interpreter is shutting down");
}

void close_all(registry& known) noexcept {
  for (;;) {
    std::shared_ptr<live_object> last;
    {
      std::lock_guard lock(known.mutex);
      while (!known.objects.empty() && !last) {
        last = known.objects.back().lock();
        known.objects.pop_back();
      }
    }
    if (!last) return;
    last->close();
  }
}

}  // namespace

void live_object::require_usable(const char* operation) const {
  if (forked()) throw com::vss_error(com::VSSPY_E_FORKED, operation);
  refuse_after_end(operation);
}

bool live_object::abandoned() const noexcept { return forked() || here().gave_up.load(std::memory_order_relaxed); }

void enlist(const std::shared_ptr<live_object>& object) {
  registry& known = here();
  std::lock_guard lock(known.mutex);
  if (known.shutting_down) refuse_at_exit("vsspy");
  std::erase_if(known.objects, [](const auto& entry) { return entry.expired(); });
  known.objects.push_back(object);
}

running_call::running_call() noexcept { here().running.fetch_add(1); }

running_call::~running_call() {
  registry& known = here();
  if (known.running.fetch_sub(1) == 1 && known.shutting_down) known.changed.notify_all();
}

void refuse_after_end(const char* operation) {
  if (here().shutting_down.load(std::memory_order_relaxed)) refuse_at_exit(operation);
}

void enter(const vsspy_platform& platform, const char* operation) {
  if (platform.version != vsspy_platform_version) {
    throw com::vss_error(E_INVALIDARG, operation, "the platform table has another version");
  }
  refuse_after_end(operation);
  com::enter_mta(platform);
}

bool ends_elsewhere() noexcept {
  registry& known = here();
  return known.shutting_down.load(std::memory_order_acquire) && known.ending.load() != std::this_thread::get_id();
}

void stay_behind() noexcept {
  registry& known = here();
  if (known.running.fetch_sub(1) == 1) known.changed.notify_all();
  for (;;) std::this_thread::sleep_for(std::chrono::hours(24));
}

void close_everything(std::chrono::milliseconds limit) noexcept {
  try {
    registry& known = here();
    const auto deadline = std::chrono::steady_clock::now() + limit;
    {
      std::lock_guard lock(known.mutex);
      if (known.ending.load() == std::thread::id()) known.ending = std::this_thread::get_id();
      if (known.shutting_down.exchange(true)) return;  // once: what was given up on is not tried again
      if (known.objects.empty() && known.running.load() == 0) return;
    }
    std::thread([&known] {
      close_all(known);
      std::lock_guard lock(known.mutex);
      known.closed = true;
      known.changed.notify_all();
    }).detach();
    std::unique_lock lock(known.mutex);
    // The count goes down without the mutex, hence the slices.
    while (!(known.closed && known.running.load() == 0) && std::chrono::steady_clock::now() < deadline) {
      known.changed.wait_for(lock, std::chrono::milliseconds(10));
    }
    known.gave_up = !known.closed;
  } catch (...) {
    // no thread to close with: the process ends, and VSS cleans up behind it
  }
}

}  // namespace vsspy::requester
