#include "provider_workers.h"

#include <chrono>
#include <utility>

#ifndef _WIN32
#include <pthread.h>
#include <signal.h>
#endif

namespace vsspy::simulator::provider {

namespace {

// Threads that start while this lives take no signals: those belong to the program's own threads.
class signals_blocked {
#ifndef _WIN32
 public:
  signals_blocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
#endif
};

}  // namespace

workers::workers(std::size_t count, std::atomic<bool>& stop, std::function<void()> poll)
    : stop_(stop), poll_(std::move(poll)) {
  [[maybe_unused]] const signals_blocked guard{};
  threads_.reserve(count);
  try {
    for (std::size_t worker = 0; worker < count; ++worker) threads_.emplace_back([this, worker] { run(worker); });
  } catch (...) {
    if (threads_.empty()) throw;  // fewer than asked for will do
  }
}

workers::~workers() {
  stop_ = true;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    tasks_.clear();
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

template <typename Condition>
void workers::wait(std::unique_lock<std::mutex>& lock, Condition condition) {
  while (!failure_ && !condition()) {
    if (progress_.wait_for(lock, std::chrono::milliseconds(20)) == std::cv_status::timeout) {
      lock.unlock();
      poll_();
      lock.lock();
    }
  }
  if (failure_) std::rethrow_exception(failure_);
}

void workers::add(task next) {
  std::unique_lock lock(mutex_);
  wait(lock, [this] { return tasks_.size() < room; });
  tasks_.push_back(std::move(next));
  lock.unlock();
  work_.notify_one();
}

void workers::finish() {
  std::unique_lock lock(mutex_);
  wait(lock, [this] { return tasks_.empty() && busy_ == 0; });
}

void workers::run(std::size_t worker) {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [this] { return closing_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    task next = std::move(tasks_.front());
    tasks_.pop_front();
    ++busy_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      if (!stop_) next(worker);
    } catch (...) {
      failure = std::current_exception();
      stop_ = true;
    }
    next = nullptr;  // closes the folders it kept
    lock.lock();
    --busy_;
    if (failure && !failure_) failure_ = failure;
    progress_.notify_all();
  }
}

}  // namespace vsspy::simulator::provider
