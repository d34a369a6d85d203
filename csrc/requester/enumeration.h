// IVssEnumObject and IVssEnumMgmtObject: one enumerator over plain values, fetched in batches.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "../com/com_ptr.h"
#include "call_gate.h"
#include "lifetime.h"
#include "properties.h"

namespace vsspy::requester {

// What IVssEnumObject gives: copy() throws E_UNEXPECTED for a type that vss.h does not have.
struct object_elements {
  using interface_type = IVssEnumObject;
  using element = VSS_OBJECT_PROP;
  using value = std::variant<snapshot_properties, provider_properties>;
  static constexpr const char* next = "IVssEnumObject::Next";
  static constexpr const char* skip = "IVssEnumObject::Skip";
  static constexpr const char* reset = "IVssEnumObject::Reset";
  static constexpr const char* clone = "IVssEnumObject::Clone";
  static value copy(const element& from);
  static void free(const vsspy_platform& platform, element& from) noexcept;
};

// What IVssEnumMgmtObject gives.
struct management_elements {
  using interface_type = IVssEnumMgmtObject;
  using element = VSS_MGMT_OBJECT_PROP;
  using value = std::variant<volume_properties, diff_volume_properties, diff_area_properties>;
  static constexpr const char* next = "IVssEnumMgmtObject::Next";
  static constexpr const char* skip = "IVssEnumMgmtObject::Skip";
  static constexpr const char* reset = "IVssEnumMgmtObject::Reset";
  static constexpr const char* clone = "IVssEnumMgmtObject::Clone";
  static value copy(const element& from);
  static void free(const vsspy_platform& platform, element& from) noexcept;
};

template <class Elements>
class enumeration final : public live_object {
 public:
  using interface_type = Elements::interface_type;
  using value = Elements::value;

  // No object, which is what S_FALSE or NULL from a query stands for, has no elements.
  static std::shared_ptr<enumeration> adopt(const vsspy_platform& platform, com::com_ptr<interface_type> object);
  // NOLINTNEXTLINE(portability-template-virtual-member-function): all of it is instantiated in enumeration.cpp
  ~enumeration() override;

  // Up to `count` elements, fewer at the end. Where Next fails after some have come, those are given, and the failure
  // is thrown by the following call.
  std::vector<value> next(ULONG count);
  // The next element, out of a batch that is fetched ahead; none at the end.
  std::optional<value> next_one();
  // False where the end came before `count`.
  bool skip(ULONG count);
  void reset();
  std::shared_ptr<enumeration> clone();

  // NOLINTNEXTLINE(portability-template-virtual-member-function)
  void close() noexcept override;
  void close_or_throw();

 private:
  explicit enumeration(const vsspy_platform& platform) : platform_(platform) {}

  template <class Fn>
  auto exclusively(const char* operation, Fn fn);
  bool fetch(ULONG count);
  void fill(std::size_t wanted, ULONG at_least);
  void throw_failure();

  const vsspy_platform& platform_;
  call_gate gate_;
  com::com_ptr<interface_type> object_;
  bool closed_ = false;
  std::deque<value> ahead_;                // fetched, not yet given
  std::optional<com::vss_error> failure_;  // comes behind what is in ahead_
};

using object_enumeration = enumeration<object_elements>;
using management_enumeration = enumeration<management_elements>;

extern template class enumeration<object_elements>;
extern template class enumeration<management_elements>;

}  // namespace vsspy::requester
