// What a copy could not keep, in words: the one table of rules, and how notes become the report's lines.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "provider.h"

namespace vsspy::simulator::provider {

// The rules. Names are kept as they are, byte for byte, those that Windows forbids and those that are not UTF-8
// included; letter case is nobody's business here. Links are copied as links and never followed. The rest:
namespace rule {
inline constexpr const char* fifo = "a FIFO is not copied";
inline constexpr const char* socket = "a socket is not copied";
inline constexpr const char* device = "a device is not copied";
inline constexpr const char* mount = "another file system is mounted here: not copied";
inline constexpr const char* own_folder = "the simulator's own folder is left out";
inline constexpr const char* unreadable = "could not be read";
inline constexpr const char* unnameable = "could not be made under this name";
inline constexpr const char* gone = "went away while it was copied";
inline constexpr const char* torn = "changed while it was copied";
inline constexpr const char* late = "changed while the shadow copy was made: it is of a later moment than the rest";
inline constexpr const char* owner = "owner not kept";
inline constexpr const char* mode = "mode not kept";
inline constexpr const char* times = "times not kept";
inline constexpr const char* attribute = "extended attribute not kept";
inline constexpr const char* links = "hard link copied as a file of its own";
inline constexpr const char* reparse = "a reparse point is not copied";
}  // namespace rule

struct note {
  std::string text;
  bool common = false;  // about metadata, likely the same for thousands: counted, and the first named
};

// A path in a line of text: bytes that are no UTF-8, and control characters, as \xNN.
std::string printable(std::string_view path);

class note_book {
 public:
  void add(std::string_view path, const note& what);
  std::vector<std::string> lines() const;  // sorted

 private:
  struct counted {
    std::string first;
    std::size_t count = 0;
  };
  std::vector<std::string> single_;
  std::map<std::string, counted> common_;
};

// 64 bits from numbers: fingerprints of entries (not against forgers).
template <typename... Numbers>
std::uint64_t mix(Numbers... numbers) noexcept {
  std::uint64_t value = 0x9e3779b97f4a7c15ULL;
  ((value = (value ^ static_cast<std::uint64_t>(numbers)) * 0xff51afd7ed558ccdULL, value ^= value >> 32), ...);
  return value;
}

std::string join(std::string_view folder, std::string_view name);  // "a/b"; "b" when folder is ""

// Sorts, then compares what was sealed with what is there; what is below an `unseen` folder does not count.
void sort(shadow_seal& seal);
std::vector<std::string> differences(const shadow_seal& sealed, const shadow_seal& found,
                                     const std::vector<std::string>& unseen);

}  // namespace vsspy::simulator::provider
