#include "enumeration.h"

#include <algorithm>
#include <array>

#include "../com/bstr.h"
#include "call_trace.h"

namespace vsspy::requester {

namespace {

constexpr ULONG batch_size = 16;

// Elements as Next gives them, with the strings that their owner has to free.
template <class Elements>
class batch {
 public:
  using element = Elements::element;

  explicit batch(const vsspy_platform& platform) noexcept : platform_(platform) {}
  batch(const batch&) = delete;
  batch& operator=(const batch&) = delete;
  ~batch() {
    for (ULONG i = 0; i < count_; ++i) Elements::free(platform_, elements_[i]);
  }

  HRESULT fetch(Elements::interface_type& objects, ULONG count) {
    ULONG fetched = 0;
    const HRESULT hr =
        traced(Elements::next, [&] { return objects.Next(count, elements_.data(), &fetched); }, with("celt", count));
    count_ = std::min(fetched, batch_size);
    return hr;
  }

  bool empty() const noexcept { return count_ == 0; }
  const element* begin() const noexcept { return elements_.data(); }
  const element* end() const noexcept { return elements_.data() + count_; }

 private:
  const vsspy_platform& platform_;
  std::array<element, batch_size> elements_{};
  ULONG count_ = 0;
};

}  // namespace

object_elements::value object_elements::copy(const element& from) {
  if (from.Type == VSS_OBJECT_SNAPSHOT) return copy_of(from.Obj.Snap);
  if (from.Type == VSS_OBJECT_PROVIDER) return copy_of(from.Obj.Prov);
  throw com::vss_error(E_UNEXPECTED, next, "an object of an unknown type");
}

void object_elements::free(const vsspy_platform& platform, element& from) noexcept {
  if (from.Type == VSS_OBJECT_SNAPSHOT) {
    platform.free_snapshot_properties(platform.context, &from.Obj.Snap);
  } else if (from.Type == VSS_OBJECT_PROVIDER) {
    com::free_task_string(platform, from.Obj.Prov.m_pwszProviderName);
    com::free_task_string(platform, from.Obj.Prov.m_pwszProviderVersion);
  }
}

management_elements::value management_elements::copy(const element& from) {
  if (from.Type == VSS_MGMT_OBJECT_VOLUME) return copy_of(from.Obj.Vol);
  if (from.Type == VSS_MGMT_OBJECT_DIFF_VOLUME) return copy_of(from.Obj.DiffVol);
  if (from.Type == VSS_MGMT_OBJECT_DIFF_AREA) return copy_of(from.Obj.DiffArea);
  throw com::vss_error(E_UNEXPECTED, next, "an object of an unknown type");
}

void management_elements::free(const vsspy_platform& platform, element& from) noexcept {
  if (from.Type == VSS_MGMT_OBJECT_VOLUME) {
    com::free_task_string(platform, from.Obj.Vol.m_pwszVolumeName);
    com::free_task_string(platform, from.Obj.Vol.m_pwszVolumeDisplayName);
  } else if (from.Type == VSS_MGMT_OBJECT_DIFF_VOLUME) {
    com::free_task_string(platform, from.Obj.DiffVol.m_pwszVolumeName);
    com::free_task_string(platform, from.Obj.DiffVol.m_pwszVolumeDisplayName);
  } else if (from.Type == VSS_MGMT_OBJECT_DIFF_AREA) {
    com::free_task_string(platform, from.Obj.DiffArea.m_pwszVolumeName);
    com::free_task_string(platform, from.Obj.DiffArea.m_pwszDiffAreaVolumeName);
  }
}

template <class Elements>
std::shared_ptr<enumeration<Elements>> enumeration<Elements>::adopt(const vsspy_platform& platform,
                                                                    com::com_ptr<interface_type> object) {
  std::shared_ptr<enumeration> made(new enumeration(platform));
  made->object_ = std::move(object);
  enlist(made);
  return made;
}

template <class Elements>
enumeration<Elements>::~enumeration() {
  if (abandoned()) object_.detach();
}

template <class Elements>
template <class Fn>
auto enumeration<Elements>::exclusively(const char* operation, Fn fn) {
  require_usable(operation);
  return gate_.pass(operation, [&] {
    if (closed_) throw com::vss_error(com::VSSPY_E_CLOSED, operation);
    return com::on_mta(platform_, fn);
  });
}

// True where more may come. What a failing Next has filled in is freed and not read: it gives nothing by COM's rules.
template <class Elements>
bool enumeration<Elements>::fetch(ULONG count) {
  if (!object_) return false;
  batch<Elements> fetched(platform_);
  const HRESULT hr = com::check(fetched.fetch(*object_, std::min(count, batch_size)), Elements::next);
  for (const auto& element : fetched) ahead_.push_back(Elements::copy(element));
  return hr != S_FALSE && !fetched.empty();
}

// Fetches until `wanted` elements are there, the end comes or a failure.
template <class Elements>
void enumeration<Elements>::fill(std::size_t wanted, ULONG at_least) {
  try {
    while (ahead_.size() < wanted && !failure_ &&
           fetch(static_cast<ULONG>(std::max<std::size_t>(wanted - ahead_.size(), at_least)))) {
    }
  } catch (const com::vss_error& failure) {
    failure_ = failure;
  }
  if (ahead_.empty()) throw_failure();
}

template <class Elements>
void enumeration<Elements>::throw_failure() {
  if (failure_) throw com::vss_error(*std::exchange(failure_, std::nullopt));
}

template <class Elements>
std::vector<typename Elements::value> enumeration<Elements>::next(ULONG count) {
  return exclusively(Elements::next, [&] {
    fill(count, 0);
    const auto end = ahead_.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(count, ahead_.size()));
    std::vector<value> given(std::make_move_iterator(ahead_.begin()), std::make_move_iterator(end));
    ahead_.erase(ahead_.begin(), end);
    return given;
  });
}

template <class Elements>
std::optional<typename Elements::value> enumeration<Elements>::next_one() {
  return exclusively(Elements::next, [&] {
    fill(1, batch_size);
    if (ahead_.empty()) return std::optional<value>();
    std::optional<value> given(std::move(ahead_.front()));
    ahead_.pop_front();
    return given;
  });
}

template <class Elements>
bool enumeration<Elements>::skip(ULONG count) {
  return exclusively(Elements::skip, [&] {
    const auto known = static_cast<ULONG>(std::min<std::size_t>(count, ahead_.size()));
    ahead_.erase(ahead_.begin(), ahead_.begin() + known);
    if (known == count) return true;
    throw_failure();
    return object_ &&
           com::check(traced(
                          Elements::skip, [&] { return object_->Skip(count - known); }, with("celt", count - known)),
                      Elements::skip) != S_FALSE;
  });
}

template <class Elements>
void enumeration<Elements>::reset() {
  exclusively(Elements::reset, [&] {
    if (object_) com::check(traced(Elements::reset, [&] { return object_->Reset(); }), Elements::reset);
    ahead_.clear();
    failure_.reset();
  });
}

template <class Elements>
std::shared_ptr<enumeration<Elements>> enumeration<Elements>::clone() {
  return exclusively(Elements::clone, [&] {
    com::com_ptr<interface_type> copy;
    if (object_) {
      com::check(traced(Elements::clone, [&] { return object_->Clone(copy.put(platform_)); }), Elements::clone);
      if (!copy) throw com::vss_error(E_UNEXPECTED, Elements::clone, "no object came with the success code");
    }
    auto made = adopt(platform_, std::move(copy));
    made->ahead_ = ahead_;
    made->failure_ = failure_;
    return made;
  });
}

template <class Elements>
void enumeration<Elements>::close() noexcept {
  if (forked()) return;
  com::com_ptr<interface_type> last;
  const auto lock = gate_.lock();
  std::swap(last, object_);
  ahead_.clear();
  closed_ = true;
}

template <class Elements>
void enumeration<Elements>::close_or_throw() {
  if (forked()) throw com::vss_error(com::VSSPY_E_FORKED, "IUnknown::Release");
  gate_.refuse_reentry("IUnknown::Release");
  close();
}

template class enumeration<object_elements>;
template class enumeration<management_elements>;

}  // namespace vsspy::requester
