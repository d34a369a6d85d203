#include "apartment.h"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "hresult.h"
#include "process.h"

namespace vsspy::com {

namespace {

constexpr int apartment_sta = 0;       // APTTYPE_STA
constexpr int apartment_main_sta = 3;  // APTTYPE_MAINSTA

thread_local bool is_mta_thread = false;

struct job {
  void (*task)(void*);
  void* context;
  bool done = false;
};

struct worker {
  std::condition_variable wake;
  job* current = nullptr;
};

struct worker_pool {
  std::mutex mutex;
  std::condition_variable finished;
  std::vector<worker*> idle;  // the one used last comes first: a single caller meets one thread only
};

// The threads live as long as the process. None enters an apartment by itself: while the MTA is kept alive, a thread
// that never called CoInitialize belongs to it.
worker_pool& pool() {
  static per_process<worker_pool> pools;
  return pools.get();
}

void serve(worker_pool* workers, worker* self) {
  is_mta_thread = true;
  std::unique_lock lock(workers->mutex);
  for (;;) {
    self->wake.wait(lock, [&] { return self->current != nullptr; });
    job* taken = self->current;
    lock.unlock();
    taken->task(taken->context);
    lock.lock();
    self->current = nullptr;
    workers->idle.push_back(self);
    taken->done = true;
    workers->finished.notify_all();
  }
}

}  // namespace

void enter_mta(const vsspy_platform& platform) {
  if (!platform.increment_mta_usage) return;
  void* cookie = nullptr;
  check(platform.increment_mta_usage(platform.context, &cookie), "CoIncrementMTAUsage");
}

bool needs_mta_thread(const vsspy_platform& platform) noexcept {
  if (is_mta_thread || !platform.get_apartment_type) return false;
  int type = -1;
  int qualifier = 0;
  if (FAILED(platform.get_apartment_type(platform.context, &type, &qualifier))) return false;
  return type == apartment_sta || type == apartment_main_sta;
}

void run_on_mta_thread(void (*task)(void*), void* context) {
  worker_pool& workers = pool();
  job asked{task, context};
  std::unique_lock lock(workers.mutex);
  if (workers.idle.empty()) {
    auto* made = new worker;
    made->current = &asked;
    try {
      std::thread(serve, &workers, made).detach();
    } catch (...) {
      delete made;
      throw vss_error(E_OUTOFMEMORY, "std::thread", "no thread can be started for the multithreaded apartment");
    }
  } else {
    worker* chosen = workers.idle.back();
    workers.idle.pop_back();
    chosen->current = &asked;
    chosen->wake.notify_one();
  }
  workers.finished.wait(lock, [&] { return asked.done; });
}

}  // namespace vsspy::com
