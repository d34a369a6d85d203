// Identifiers.
#pragma once

#include "../abi/vss_abi.h"

namespace vsspy::simulator {

GUID new_guid();  // random, version 4

inline constexpr GUID guid_null{};

// std::map needs an order; which one does not matter.
struct guid_order {
  bool operator()(const GUID& a, const GUID& b) const noexcept;
};

}  // namespace vsspy::simulator
