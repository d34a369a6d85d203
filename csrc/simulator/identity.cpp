#include "identity.h"

#include <cstdint>
#include <cstring>
#include <mutex>
#include <random>

namespace vsspy::simulator {

GUID new_guid() {
  static std::mutex mutex;
  static std::random_device source;
  GUID id;
  std::uint32_t words[4];
  {
    std::lock_guard lock(mutex);
    for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(source());
  }
  std::memcpy(&id, words, sizeof id);
  id.Data3 = static_cast<std::uint16_t>((id.Data3 & 0x0FFF) | 0x4000);
  id.Data4[0] = static_cast<BYTE>((id.Data4[0] & 0x3F) | 0x80);
  return id;
}

bool guid_order::operator()(const GUID& a, const GUID& b) const noexcept { return std::memcmp(&a, &b, sizeof a) < 0; }

}  // namespace vsspy::simulator
