// What all COM objects of the simulator have in common: counting, and one way through which every call goes.
#pragma once

#include <atomic>
#include <memory>
#include <new>

#include "../com/hresult.h"
#include "machine.h"
#include "named_volumes.h"

namespace vsspy::simulator {

// What a method hands out. When the call fails after all (an exception, a fault after the work), it is taken back,
// since no caller looks at the outputs of a failed call.
class outputs {
 public:
  explicit outputs(machine& owner) noexcept : machine_(owner) {}

  void text(BSTR* where, std::u16string_view text) {
    remember(where, [](machine& owner, void* slot) {
      owner.allocator.free_bstr(*static_cast<BSTR*>(slot));
      *static_cast<BSTR*>(slot) = nullptr;
    });
    *where = machine_.allocator.bstr(text);
  }

  void task_text(VSS_PWSZ* where, std::u16string_view text) {
    remember(where, [](machine& owner, void* slot) {
      owner.allocator.free_task_memory(*static_cast<VSS_PWSZ*>(slot));
      *static_cast<VSS_PWSZ*>(slot) = nullptr;
    });
    *where = machine_.allocator.task_text(text);
  }

  // NULL where the text is not set.
  void text(BSTR* where, const std::optional<std::u16string>& value) {
    if (value) text(where, std::u16string_view(*value));
  }

  template <class Interface>
  void object(Interface** where, Interface* made) {
    remember(where, [](machine&, void* slot) {
      auto* typed = static_cast<Interface**>(slot);
      (*typed)->Release();
      *typed = nullptr;
    });
    *where = made;
  }

  // An object under an interface of which only the caller knows the type.
  void object(void** where, void* made) {
    remember(where, [](machine&, void* slot) {
      auto* untyped = static_cast<void**>(slot);
      static_cast<IUnknown*>(*untyped)->Release();
      *untyped = nullptr;
    });
    *where = made;
  }

  // Anything else that has to be undone; `slot` is passed to `undo`.
  template <class Slot>
  void other(Slot* slot, void (*undo)(machine&, void* slot)) {
    remember(slot, undo);
  }

  // What came of the call, for a recorded trace; `text` makes it and is called only where there is one.
  template <class Text>
  void outcome(Text&& text) {
    if (machine_.trace.is_recorded()) machine_.trace.outcome(call, text());
  }

  std::uint64_t call = 0;  // its number in the trace

  void take_back() noexcept {
    while (count_) {
      --count_;
      undo_[count_].undo(machine_, undo_[count_].slot);
    }
  }

 private:
  struct entry {
    void (*undo)(machine&, void*);
    void* slot;
  };
  void remember(void* slot, void (*undo)(machine&, void*)) {
    if (count_ == std::size(undo_)) throw std::bad_alloc();
    undo_[count_++] = {undo, slot};
  }

  machine& machine_;
  entry undo_[8];
  std::size_t count_ = 0;
};

// The end of a call that is not to be seen outside: exceptions become codes.
template <class Work>
HRESULT guarded(Work&& work) noexcept {
  try {
    return work();
  } catch (const com::vss_error& error) {
    return error.hresult();
  } catch (const std::bad_alloc&) {
    return E_OUTOFMEMORY;
  } catch (...) {
    return VSS_E_UNEXPECTED;
  }
}

// Semantics 1.5.
inline HRESULT as_level_says(const machine& machine, HRESULT hr) noexcept {
  return hr == VSS_E_UNEXPECTED && !machine.at_least(system_level::seven) ? E_UNEXPECTED : hr;
}

// One call of a method: into the trace, with the faults that were asked for, and nothing but an HRESULT comes out.
// `work` gets the outputs and what the result of the asynchronous operation that it starts has to suffer; with
// `starts_operation` a delay is the operation's, not the call's.
// `concerns` says which volumes a call without arguments concerns. With `in_parts` the work itself fails where it comes
// to the volume that a fault is confined to.
template <class Work>
HRESULT service_call(machine& machine, const GUID& session, const char* name, argument_list arguments,
                     bool starts_operation, Work&& work, const std::function<bool(const volume&)>& concerns = {},
                     bool in_parts = false) noexcept {
  std::size_t index = 0;
  const HRESULT begun = guarded([&] {
    index = machine.trace.begin({.name = name, .session = session, .arguments = std::move(arguments)});
    return S_OK;
  });
  if (FAILED(begun)) return begun;
  outputs out(machine);
  HRESULT hr = guarded([&]() -> HRESULT {
    affliction suffers = machine.faults.next(name, [&](const volume& asked) {
      const argument_list given = machine.trace.at(index).arguments;
      return given.empty() ? concerns && concerns(asked) : names_volume(machine, given, asked);
    });
    suffers.call = out.call = index + 1;
    {
      std::unique_lock lock(machine.mutex);
      if (suffers.delay && !starts_operation) {
        machine.clock.wait(lock, machine.changed, suffers.delay, [&] { return machine.closed; });
        suffers.delay = 0;
      }
      if (machine.closed) return disconnected;
    }
    const bool by_itself = in_parts && suffers.at_call && suffers.at_call->volume;
    if (suffers.at_call && !suffers.at_call->after && !by_itself) return suffers.at_call->code;
    const HRESULT done = work(out, suffers);
    return suffers.at_call && SUCCEEDED(done) && !by_itself ? suffers.at_call->code : done;
  });
  hr = as_level_says(machine, hr);
  if (FAILED(hr)) out.take_back();
  machine.trace.end(index, hr);
  return hr;
}

// Gives a new object's one reference away under one of its interfaces, or lets it go: E_NOINTERFACE.
inline HRESULT hand_out(IUnknown* made, REFIID iid, void** object) {
  const HRESULT hr = made->QueryInterface(iid, object);
  made->Release();
  return hr;
}

template <class Interface>
class service_object : public Interface {
 public:
  service_object(const service_object&) = delete;
  service_object& operator=(const service_object&) = delete;

  HRESULT STDMETHODCALLTYPE QueryInterface(REFIID iid, void** object) override {
    if (!object) return E_POINTER;
    *object = nullptr;
    if (iid == abi::iid_of<IUnknown>::value) {
      *object = static_cast<IUnknown*>(this);
    } else if (answers(iid)) {
      *object = static_cast<Interface*>(this);
    } else {
      return E_NOINTERFACE;
    }
    AddRef();
    return S_OK;
  }
  ULONG STDMETHODCALLTYPE AddRef() override { return ++references_; }
  ULONG STDMETHODCALLTYPE Release() override {
    const ULONG left = --references_;
    if (left == 0) delete this;
    return left;
  }

 protected:
  service_object(std::shared_ptr<simulator::machine> machine, const GUID& session, const char* name)
      : machine_(std::move(machine)), session_id_(session), live_key_(machine_->live.add(name)) {}
  virtual ~service_object() { machine_->live.remove(live_key_); }

  // Whether the object has that interface, IUnknown aside. All of an object's interfaces are one chain of bases.
  virtual bool answers(REFIID) const { return false; }

  // Whether a call without arguments concerns a volume; called with no lock.
  virtual bool concerns(const volume&) const { return false; }

  template <class Work>
  HRESULT call(const char* name, argument_list arguments, Work&& work) noexcept {
    return service_call(
        *machine_, session_id_, name, std::move(arguments), false,
        [&](outputs& out, const affliction&) { return work(out); },
        [this](const volume& asked) { return concerns(asked); });
  }
  // A call that comes to one volume after the other; `work` gets what it has to suffer.
  template <class Work>
  HRESULT call_in_parts(const char* name, argument_list arguments, Work&& work) noexcept {
    return service_call(*machine_, session_id_, name, std::move(arguments), false, std::forward<Work>(work), {}, true);
  }
  template <class Work>
  HRESULT start(const char* name, argument_list arguments, Work&& work) noexcept {
    return service_call(*machine_, session_id_, name, std::move(arguments), true, std::forward<Work>(work),
                        [this](const volume& asked) { return concerns(asked); });
  }

  const std::shared_ptr<simulator::machine> machine_;
  const GUID session_id_;

 private:
  std::atomic<ULONG> references_{1};
  const std::uint64_t live_key_;
};

}  // namespace vsspy::simulator
