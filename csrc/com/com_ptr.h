// A counted pointer to a COM object. Each count and query goes through on_mta; Release is called nowhere else.
#pragma once

#include <utility>

#include "apartment.h"
#include "hresult.h"

namespace vsspy::com {

template <class Interface>
class com_ptr {
 public:
  com_ptr() = default;
  com_ptr(const vsspy_platform& platform, Interface* owned) noexcept : platform_(&platform), object_(owned) {}
  com_ptr(com_ptr&& other) noexcept : platform_(other.platform_), object_(std::exchange(other.object_, nullptr)) {}
  template <class Derived>
    requires std::is_base_of_v<Interface, Derived>
  explicit(false) com_ptr(com_ptr<Derived>&& other) noexcept : platform_(&other.platform()), object_(other.detach()) {}
  com_ptr& operator=(com_ptr&& other) noexcept {
    if (this != &other) {
      reset();
      platform_ = other.platform_;
      object_ = std::exchange(other.object_, nullptr);
    }
    return *this;
  }
  com_ptr(const com_ptr&) = delete;
  com_ptr& operator=(const com_ptr&) = delete;
  ~com_ptr() { reset(); }

  explicit operator bool() const noexcept { return object_ != nullptr; }
  Interface* get() const noexcept { return object_; }
  Interface* operator->() const noexcept { return object_; }
  Interface& operator*() const noexcept { return *object_; }
  const vsspy_platform& platform() const noexcept { return *platform_; }

  // For an out-parameter; gives up what it held before.
  Interface** put(const vsspy_platform& platform) noexcept {
    reset();
    platform_ = &platform;
    return &object_;
  }

  void reset() noexcept {
    Interface* object = std::exchange(object_, nullptr);
    if (!object) return;
    try {
      on_mta(*platform_, [object] { static_cast<IUnknown*>(object)->Release(); });
    } catch (...) {
      // no thread for the MTA: the object stays, which is better than touching it from here
    }
  }

  // Hands the object over without a Release; also for what a fork copied, since that count is the parent's.
  Interface* detach() noexcept { return std::exchange(object_, nullptr); }

  // The object under another interface; empty where it does not have it.
  template <class Other>
  com_ptr<Other> try_query() const {
    void* found = nullptr;
    const HRESULT hr = on_mta(*platform_, [&] { return object_->QueryInterface(abi::iid_of<Other>::value, &found); });
    if (hr == E_NOINTERFACE || (SUCCEEDED(hr) && !found)) return {};
    check(hr, "IUnknown::QueryInterface");
    return com_ptr<Other>(*platform_, static_cast<Other*>(found));
  }

 private:
  const vsspy_platform* platform_ = nullptr;
  Interface* object_ = nullptr;
};

}  // namespace vsspy::com
