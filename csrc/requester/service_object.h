// An object of the service, used by one call at a time, until it is given back.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "../com/com_ptr.h"
#include "call_gate.h"
#include "call_trace.h"
#include "lifetime.h"

namespace vsspy::requester {

template <class Interface>
class service_object : public live_object {
 public:
  ~service_object() override {
    if (abandoned()) object_.detach();
  }

  void close() noexcept override {
    if (forked()) return;
    com::com_ptr<Interface> last;
    const auto lock = gate_.lock();
    last = std::move(object_);
  }
  // The same for a caller that may be told no: throws VSSPY_E_REENTERED and VSSPY_E_FORKED.
  void close_or_throw() {
    if (forked()) throw com::vss_error(com::VSSPY_E_FORKED, "IUnknown::Release");
    gate_.refuse_reentry("IUnknown::Release");
    close();
  }

 protected:
  explicit service_object(const vsspy_platform& platform) : platform_(platform) {}

  // The object that make(iid, out) gives.
  template <class Make, class... Arguments>
  void open(const char* operation, Make make, const Arguments&... arguments) {
    enter(platform_, operation);
    void* made = nullptr;
    com::check(com::on_mta(platform_,
                           [&] {
                             return traced(
                                 operation, [&] { return make(&abi::iid_of<Interface>::value, &made); }, arguments...);
                           }),
               operation);
    adopt(made, operation);
  }

  // What came with a success code, under this interface.
  void adopt(void* made, const char* operation) {
    if (!made) throw com::vss_error(E_UNEXPECTED, operation, "no object came with the success code");
    object_ = com::com_ptr<Interface>(platform_, static_cast<Interface*>(made));
    enlist(shared_from_this());
  }

  // fn(object) with it to itself, where objects of the MTA may be used.
  template <class Fn>
  auto exclusively(const char* operation, Fn fn) {
    require_usable(operation);
    return gate_.pass(operation, [&] {
      if (!object_) throw com::vss_error(com::VSSPY_E_CLOSED, operation);
      return com::on_mta(platform_, [&] { return fn(object_); });
    });
  }

  // The HRESULT of fn(interface), checked. `Asked` is the interface that has the method, `name` what the error calls it
  // where the system lacks it.
  template <class Asked, class Fn, class... Arguments>
  HRESULT call(const char* operation, const char* name, Fn fn, const Arguments&... arguments) {
    return exclusively(operation, [&](com::com_ptr<Interface>& object) {
      if constexpr (std::is_same_v<Asked, Interface>) {
        return com::check(traced(operation, [&] { return fn(*object); }, arguments...), operation);
      } else {
        const com::com_ptr<Asked> asked = object.template try_query<Asked>();
        if (!asked) throw com::vss_error(E_NOINTERFACE, operation, name);
        return com::check(traced(operation, [&] { return fn(*asked); }, arguments...), operation);
      }
    });
  }

  const vsspy_platform& platform_;

 private:
  call_gate gate_;
  com::com_ptr<Interface> object_;
};

}  // namespace vsspy::requester
