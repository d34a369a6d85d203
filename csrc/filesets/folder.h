// A folder of a volume, read without following any link.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#ifdef _WIN32
#include "../abi/base_types.h"
#endif

namespace vsspy::filesets {

// What is known of an entry of a folder.
struct status {
  enum class kind : unsigned char { unknown, file, folder, link, other };  // other: a pipe, a socket, a device
  kind what = kind::unknown;
  bool is_elsewhere = false;  // of a folder: its content does not lie on this volume
  std::uint64_t size = 0;
  std::int64_t modified = 0;  // ns since 1970, UTC
};

// An errno, on Windows an error of GetLastError; 0: none.
using error_code = std::uint32_t;
bool means_missing(error_code error) noexcept;

class folder {
 public:
  folder() noexcept;
  folder(folder&& other) noexcept;
  folder& operator=(folder&& other) noexcept;
  ~folder();

  // The root of a volume, where alone a link is followed: its name may be one.
  error_code open_root(const std::string& path);
  error_code open_below(const folder& parent, const std::string& name);
  // The same folder again, after `park`; 0 only where it still is the same.
  error_code open_again(const folder& parent, const std::string& name);

  // Gives back what the system limits the number of; nothing but open_again may be called then.
  void park() noexcept;
  bool is_parked() const noexcept;

  // Finds one entry without listing. `real` is its name; where the system does not tell, as it was spelled. A name that
  // no entry can have is missing.
  error_code look_up(const std::string& name, std::string& real, status& found) const;
  error_code look_at(const std::string& name, status& found) const;

  // One more entry at each call; `name` is empty behind the last one. Of `known`, what came with the listing.
  error_code list(std::string& name, status& known);
  void end_list() noexcept;

  // Whether names have a second, short form, which look_up finds, too; and whether a listing tells all of the status.
  static constexpr bool has_short_names =
#ifdef _WIN32
      true;
#else
      false;
#endif
  static constexpr bool lists_status = has_short_names;

 private:
  struct listing;
  std::unique_ptr<listing> listing_;
#ifdef _WIN32
  std::wstring path_;  // with its final separator
#else
  int handle_ = -1;
  std::uint64_t device_ = 0, number_ = 0;
  std::uint64_t volume_ = 0;  // the device of the root
#endif
};

}  // namespace vsspy::filesets
