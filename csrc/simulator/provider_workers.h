// A few threads that take tasks from a short queue. The first exception of a task stops the rest and is thrown again by
// whatever the owner calls next.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace vsspy::simulator::provider {

class workers {
 public:
  using task = std::function<void(std::size_t worker)>;

  // `stop` is set when a task fails, and by the destructor; `poll` is called about every 20 ms while the owner waits,
  // and may throw.
  workers(std::size_t count, std::atomic<bool>& stop, std::function<void()> poll);
  ~workers();
  workers(const workers&) = delete;
  workers& operator=(const workers&) = delete;

  void add(task next);  // waits for room
  void finish();        // waits until all tasks are done

 private:
  static constexpr std::size_t room = 32;  // tasks keep their folders open
  void run(std::size_t worker);
  template <typename Condition>
  void wait(std::unique_lock<std::mutex>& lock, Condition condition);

  std::atomic<bool>& stop_;
  std::function<void()> poll_;
  std::mutex mutex_;
  std::condition_variable work_, progress_;
  std::deque<task> tasks_;
  std::size_t busy_ = 0;
  bool closing_ = false;
  std::exception_ptr failure_;
  std::vector<std::thread> threads_;
};

}  // namespace vsspy::simulator::provider
