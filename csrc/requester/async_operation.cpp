#include "async_operation.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vsspy::requester {

namespace {

constexpr std::uint64_t milliseconds = 1'000'000;
constexpr std::uint64_t slice = 50 * milliseconds;  // Ctrl-C is to be seen well within 200 ms
constexpr std::uint64_t poll = 20 * milliseconds;

// Far ahead for what does not fit; the clock counts nanoseconds.
std::uint64_t deadline_after(std::uint64_t now, double seconds) {
  constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();
  if (!(seconds > 0)) return now;
  if (seconds >= 9e9) return never;
  const auto span = static_cast<std::uint64_t>(std::ceil(seconds * 1e9));
  return span > never - now ? never : now + span;
}

class announcement {
 public:
  announcement(const vsspy_platform& platform, std::uint64_t deadline) : platform_(platform) { tell(deadline); }
  ~announcement() { tell(0); }
  announcement(const announcement&) = delete;
  announcement& operator=(const announcement&) = delete;

 private:
  void tell(std::uint64_t deadline) const {
    if (platform_.wait_until) platform_.wait_until(platform_.context, deadline);
  }
  const vsspy_platform& platform_;
};

}  // namespace

std::shared_ptr<async_operation> async_operation::adopt(com::com_ptr<IVssAsync> object, std::string starter,
                                                        const void* owner, const call_id& begun) {
  std::shared_ptr<async_operation> made(new async_operation(std::move(object), std::move(starter), owner, begun));
  enlist(made);
  return made;
}

async_operation::async_operation(com::com_ptr<IVssAsync> object, std::string starter, const void* owner,
                                 const call_id& begun)
    : platform_(object.platform()),
      starter_(std::move(starter)),
      owner_(owner),
      begun_(begun),
      object_(std::make_shared<com::com_ptr<IVssAsync>>(std::move(object))) {}

async_operation::~async_operation() {
  if (abandoned() && object_) object_->detach();
}

async_operation::shared_object async_operation::use(const char* operation) {
  require_usable(operation);
  std::lock_guard lock(mutex_);
  if (!object_) throw com::vss_error(com::VSSPY_E_CLOSED, operation);
  return object_;
}

// The first end that is seen is the operation's result in the trace.
HRESULT async_operation::query_status(IVssAsync& object) {
  HRESULT result = VSS_S_ASYNC_PENDING;
  const HRESULT hr = com::on_mta(platform_, [&] {
    const session_mark mark(begun_.session);
    return traced("IVssAsync::QueryStatus", [&] { return object.QueryStatus(&result, nullptr); });
  });
  com::check(hr, "IVssAsync::QueryStatus");
  if (tracing() && result != VSS_S_ASYNC_PENDING && !result_traced_.exchange(true)) {
    trace_result(begun_, starter_, result);
  }
  return result;
}

HRESULT async_operation::status() {
  const shared_object object = use("IVssAsync::QueryStatus");
  return query_status(**object);
}

bool async_operation::wait(std::optional<double> timeout, const std::function<void()>& between) {
  shared_object object = use("IVssAsync::Wait");
  if (platform_.in_callback && platform_.in_callback(platform_.context, owner_)) {
    throw com::vss_error(com::VSSPY_E_REENTERED, "IVssAsync::Wait");
  }
  const auto now = [this] { return platform_.now(platform_.context); };
  const std::uint64_t deadline = timeout ? deadline_after(now(), *timeout) : std::numeric_limits<std::uint64_t>::max();
  const announcement announced(platform_, deadline);
  for (;;) {
    const HRESULT result = query_status(**object);
    if (result == VSS_S_ASYNC_CANCELLED || FAILED(result)) throw com::vss_error(result, starter_);
    if (result != VSS_S_ASYNC_PENDING) return true;
    const std::uint64_t time = now();
    if (time >= deadline) return false;
    wait_slice(**object, std::min(slice, deadline - time));
    if (ends_elsewhere() && !forked()) {
      object.reset();
      stay_behind();
    }
    require_usable("IVssAsync::Wait");
    between();
  }
}

void async_operation::wait_slice(IVssAsync& object, std::uint64_t nanoseconds) {
  if (!only_infinite_) {
    const auto limit = static_cast<DWORD>((nanoseconds + milliseconds - 1) / milliseconds);
    const HRESULT hr = com::on_mta(platform_, [&] {
      const session_mark mark(begun_.session);
      return traced("IVssAsync::Wait", [&] { return object.Wait(limit); }, with("dwMilliseconds", limit));
    });
    if (SUCCEEDED(hr)) return;
    // Wait may also give the error that the operation ended with (semantics 3.5): then the status says so.
    if (query_status(object) != VSS_S_ASYNC_PENDING) return;
    if (hr != E_INVALIDARG) throw com::vss_error(hr, "IVssAsync::Wait");
    only_infinite_ = true;  // Windows Server 2003 takes nothing but INFINITE (semantics 3.3)
  }
  platform_.sleep(platform_.context, std::min(nanoseconds, poll));
}

bool async_operation::closed() {
  const std::lock_guard lock(mutex_);
  return !object_;
}

HRESULT async_operation::cancel() {
  const shared_object object = use("IVssAsync::Cancel");
  const HRESULT hr = com::on_mta(platform_, [&] {
    const session_mark mark(begun_.session);
    return traced("IVssAsync::Cancel", [&] { return (*object)->Cancel(); });
  });
  if (SUCCEEDED(hr)) return hr;
  // Cancel may give the error of an operation that is over (semantics 3.5): nothing is left to cancel then.
  if (query_status(**object) == hr) return VSS_S_ASYNC_FINISHED;
  throw com::vss_error(hr, "IVssAsync::Cancel");
}

void async_operation::close() noexcept {
  if (forked()) return;
  shared_object object;
  std::lock_guard lock(mutex_);
  object.swap(object_);
}

}  // namespace vsspy::requester
