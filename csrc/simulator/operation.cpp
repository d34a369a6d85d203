#include "operation.h"

namespace vsspy::simulator {

void operation::begin(work_type work, settled_type settled, ended_type ended) {
  machine->start([self = shared_from_this(), work = std::move(work), settled = std::move(settled),
                  ended = std::move(ended)] { self->perform(work, settled, ended); });
}

void operation::perform(const work_type& work, const settled_type& settled, const ended_type& ended) {
  {
    std::lock_guard lock(machine->mutex);
    thread_ = std::this_thread::get_id();
  }
  std::size_t index = 0;
  bool traced = false;
  HRESULT result = guarded([&]() -> HRESULT {
    index = machine->trace.begin({.name = name, .kind = trace_kind::result, .session = session_id, .of = suffers.call});
    traced = true;
    if (suffers.delay) {
      std::unique_lock lock(machine->mutex);
      machine->clock.wait(lock, machine->changed, suffers.delay, [&] { return cancel_requested_ || machine->closed; });
    }
    return work(*this);
  });
  if (result == S_OK) result = VSS_S_ASYNC_FINISHED;
  result = as_level_says(*machine, result);
  if (traced) machine->trace.end(index, result);
  {
    std::lock_guard lock(machine->mutex);
    settled(result);
    status_ = result;
    machine->changed.notify_all();
  }
  ended();
}

HRESULT operation::cancel() noexcept {
  if (over()) return status_ == VSS_S_ASYNC_CANCELLED ? VSS_S_ASYNC_CANCELLED : VSS_S_ASYNC_FINISHED;
  if (cancel_requested_) return VSS_S_ASYNC_CANCELLED;
  cancel_requested_ = true;
  machine->changed.notify_all();
  return S_OK;
}

bool operation::cancelled() {
  std::lock_guard lock(machine->mutex);
  return !committed_ && (cancel_requested_ || machine->closed);
}

bool operation::commit() {
  std::lock_guard lock(machine->mutex);
  if (cancel_requested_ || machine->closed) return false;
  committed_ = true;
  return true;
}

namespace {

class async_object final : public service_object<IVssAsync> {
 public:
  explicit async_object(std::shared_ptr<operation> operation)
      : service_object(operation->machine, operation->session_id, "IVssAsync"), operation_(std::move(operation)) {}

  HRESULT STDMETHODCALLTYPE Cancel() override {
    return call("IVssAsync::Cancel", {}, [&](outputs&) {
      std::lock_guard lock(machine_->mutex);
      return operation_->cancel();
    });
  }

  HRESULT STDMETHODCALLTYPE Wait(DWORD milliseconds) override {
    return call("IVssAsync::Wait", {{"dwMilliseconds", milliseconds}}, [&](outputs&) -> HRESULT {
      // Server 2003 knows no other wait (semantics 3.3)
      if (milliseconds != INFINITE && !machine_->at_least(system_level::vista)) return E_INVALIDARG;
      std::unique_lock lock(machine_->mutex);
      if (operation_->on_this_thread() && !operation_->over()) return VSS_E_BAD_STATE;  // it would wait for itself
      const std::int64_t nanoseconds = milliseconds == INFINITE ? -1 : std::int64_t{milliseconds} * 1'000'000;
      machine_->clock.wait_for_caller(lock, nanoseconds, [&] { return operation_->over(); });
      return S_OK;
    });
  }

  HRESULT STDMETHODCALLTYPE QueryStatus(HRESULT* result, INT* reserved) override {
    return call("IVssAsync::QueryStatus", {}, [&](outputs&) -> HRESULT {
      if (!result || reserved) return E_INVALIDARG;
      std::lock_guard lock(machine_->mutex);
      *result = operation_->status();
      if (!operation_->over()) machine_->clock.looked();
      return S_OK;
    });
  }

 private:
  bool answers(REFIID iid) const override { return iid == abi::iid_of<IVssAsync>::value; }

  const std::shared_ptr<operation> operation_;
};

}  // namespace

IVssAsync* make_async(std::shared_ptr<operation> operation) { return new async_object(std::move(operation)); }

}  // namespace vsspy::simulator
