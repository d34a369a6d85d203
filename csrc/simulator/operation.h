// An asynchronous operation: its work runs on a service thread, IVssAsync looks at it from outside.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "object.h"

namespace vsspy::simulator {

class operation : public std::enable_shared_from_this<operation> {
 public:
  // `work` gives S_OK (becomes FINISHED), VSS_S_ASYNC_CANCELLED or an error; `settled` is called with the machine's
  // mutex held and the final result, just before anybody can see it; `ended` without it, when all is over.
  using work_type = std::function<HRESULT(operation&)>;
  using settled_type = std::function<void(HRESULT)>;
  using ended_type = std::function<void()>;

  operation(std::shared_ptr<simulator::machine> machine, const GUID& session, const char* name,
            const affliction& suffers)
      : machine(std::move(machine)), session_id(session), name(name), suffers(suffers) {}

  const std::shared_ptr<simulator::machine> machine;
  const GUID session_id;
  const char* const name;
  const affliction suffers;

  // Without the machine's mutex; throws when no thread can be had.
  void begin(work_type work, settled_type settled, ended_type ended);

  // With the machine's mutex held:
  HRESULT status() const noexcept { return status_; }
  bool over() const noexcept { return status_ != VSS_S_ASYNC_PENDING; }
  HRESULT cancel() noexcept;
  bool stopping() const noexcept { return cancel_requested_ && !committed_; }
  // Also behind the point of no return, where the result does not follow: what hangs there ends by it.
  bool cancel_requested() const noexcept { return cancel_requested_; }
  bool on_this_thread() const noexcept {
    return thread_ == std::this_thread::get_id() || second_thread_ == std::this_thread::get_id();
  }
  void also_on_this_thread() noexcept { second_thread_ = std::this_thread::get_id(); }
  void only_on_its_thread() noexcept { second_thread_ = {}; }  // a new thread may get the id of one that has ended

  // For the work, without it: whether it has to stop, and the point behind which it is not stopped any more.
  bool cancelled();
  bool commit();  // false: it was cancelled before

 private:
  void perform(const work_type& work, const settled_type& settled, const ended_type& ended);

  HRESULT status_ = VSS_S_ASYNC_PENDING;
  bool cancel_requested_ = false;
  bool committed_ = false;
  std::thread::id thread_;
  std::thread::id second_thread_;  // what waits for it must not be waited for by it either
};

IVssAsync* make_async(std::shared_ptr<operation> operation);

}  // namespace vsspy::simulator
