// What must end before the interpreter does: every object that holds COM pointers, and every wait.
#pragma once

#include <chrono>
#include <memory>

#include "../com/hresult.h"
#include "../com/platform.h"
#include "../com/process.h"

namespace vsspy::requester {

// An object of this process with COM pointers in it. A fork copies it without its meaning: the copy only refuses.
class live_object : public std::enable_shared_from_this<live_object> {
 public:
  virtual ~live_object() = default;
  live_object(const live_object&) = delete;
  live_object& operator=(const live_object&) = delete;

  virtual void close() noexcept = 0;
  bool forked() const noexcept { return com::process_id() != process_; }

  // True where the COM pointers must not even be released: after a fork, and once the exit has given up on a Release.
  bool abandoned() const noexcept;

 protected:
  live_object() = default;

  // Throws where nothing may be started any more: after a fork, or at exit.
  void require_usable(const char* operation) const;

 private:
  std::uint64_t process_ = com::process_id();
};

// Remembers the object (weakly) for close_everything; throws VSSPY_E_CLOSED once that has begun.
void enlist(const std::shared_ptr<live_object>& object);

// Counts the calls that run without the interpreter's lock, so that its end can wait for them.
class running_call {
 public:
  running_call() noexcept;
  ~running_call();
  running_call(const running_call&) = delete;
  running_call& operator=(const running_call&) = delete;
};

// For what has no object: throws VSSPY_E_CLOSED at exit.
void refuse_after_end(const char* operation);

// Before a platform's entry points are called: refuses a table of another version and, at exit, everything; enters the
// MTA.
void enter(const vsspy_platform& platform, const char* operation);

// True on every thread but the one that ends the interpreter, once it does.
bool ends_elsewhere() noexcept;

// Where a daemon thread that waits ends, inside a running_call, which counts no more. CPython before 3.14 ends such a
// thread as soon as it wants the interpreter's lock: from inside pybind11's frames, through which that cannot pass, so
// that the whole process would abort.
[[noreturn]] void stay_behind() noexcept;

// Refuses new calls, lets the running ones return, closes what is open; gives up after `limit`, since a hung writer
// must not keep the process alive. VSS itself cleans up behind a requester that ends (semantics 4.7).
void close_everything(std::chrono::milliseconds limit) noexcept;

}  // namespace vsspy::requester
