// An enumerator of VSS. IVssEnumObject and IVssEnumMgmtObject differ in their elements only.
#pragma once

#include <algorithm>

#include "object.h"

namespace vsspy::simulator {

// What a kind of enumerator lists, as it was when it was made. `Elements` has the types `interface_type` and `element`;
// the names `name`, `next`, `skip`, `reset` and `clone` for the trace; size(), fill(machine, index, element), which may
// throw when it has filled a part, and the static free_element(machine, element), which gives an element's memory back.
template <class Elements>
class enumerator final : public service_object<typename Elements::interface_type> {
 public:
  using interface_type = Elements::interface_type;
  using element = Elements::element;
  using base = service_object<interface_type>;

  enumerator(std::shared_ptr<machine> machine, const GUID& session, Elements elements, std::size_t next)
      : base(std::move(machine), session, Elements::name), elements_(std::move(elements)), next_(next) {}

  HRESULT STDMETHODCALLTYPE Next(ULONG count, element* elements, ULONG* fetched) override {
    struct filled {
      enumerator& owner;
      element* elements;
      ULONG* fetched;
      ULONG count = 0;
    } given{*this, elements, fetched};
    return base::call(Elements::next, {{"celt", count}}, [&](outputs& out) -> HRESULT {
      if (fetched) *fetched = 0;
      if (!elements || (!fetched && count != 1)) return E_POINTER;
      // a call that fails has given nothing: its elements come again
      out.other(&given, [](machine& owner, void* slot) {
        auto& undone = *static_cast<filled*>(slot);
        for (ULONG i = 0; i < undone.count; ++i) Elements::free_element(owner, undone.elements[i]);
        if (undone.fetched) *undone.fetched = 0;
        std::lock_guard lock(undone.owner.mutex_);
        undone.owner.next_ -= std::min<std::size_t>(undone.owner.next_, undone.count);
      });
      std::lock_guard lock(mutex_);
      while (given.count < count && next_ < elements_.size()) {
        element& filling = elements[given.count++];
        filling = {};
        elements_.fill(*this->machine_, next_++, filling);
      }
      if (fetched) *fetched = given.count;
      return given.count == count ? S_OK : S_FALSE;
    });
  }

  HRESULT STDMETHODCALLTYPE Skip(ULONG count) override {
    return base::call(Elements::skip, {{"celt", count}}, [&](outputs&) -> HRESULT {
      std::lock_guard lock(mutex_);
      const std::size_t left = elements_.size() - next_;
      next_ += count < left ? count : left;
      return count <= left ? S_OK : S_FALSE;
    });
  }

  HRESULT STDMETHODCALLTYPE Reset() override {
    return base::call(Elements::reset, {}, [&](outputs&) -> HRESULT {
      std::lock_guard lock(mutex_);
      next_ = 0;
      return S_OK;
    });
  }

  HRESULT STDMETHODCALLTYPE Clone(interface_type** clone) override {
    return base::call(Elements::clone, {}, [&](outputs& out) -> HRESULT {
      if (!clone) return E_POINTER;
      *clone = nullptr;
      std::lock_guard lock(mutex_);
      interface_type* made = new enumerator(this->machine_, this->session_id_, elements_, next_);
      out.object(clone, made);
      return S_OK;
    });
  }

 private:
  bool answers(REFIID iid) const override { return iid == abi::iid_of<interface_type>::value; }

  const Elements elements_;
  std::mutex mutex_;
  std::size_t next_;
};

}  // namespace vsspy::simulator
