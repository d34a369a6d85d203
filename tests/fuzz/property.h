// What every target here is made of: a property that has to hold for any input, and a reader that may refuse its input
// with one code and a reason, and in no other way.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "../../csrc/com/hresult.h"

namespace vsspy::fuzz {

// libFuzzer takes abort() for a finding and keeps the input.
inline void expect(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", property);
  std::abort();
}

// What `read` gives, or nothing where it refuses. Other exceptions end the target.
template <typename Read>
auto read_or_refuse(HRESULT refusal, Read&& read) -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const com::vss_error& error) {
    expect(error.hresult() == refusal, "a refusal has the code that is documented");
    expect(!error.detail().empty(), "a refusal says why");
    return std::nullopt;
  }
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace vsspy::fuzz
