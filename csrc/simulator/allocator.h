// COM's two allocators, as the platform table offers them. Off Windows they count what is out, so that a leak shows.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "../com/text.h"

namespace vsspy::simulator {

class allocator {
 public:
  BSTR make_bstr(const WCHAR* text, UINT length) noexcept;  // NULL: no memory
  void free_bstr(BSTR text) noexcept;
  static UINT bstr_length(BSTR text) noexcept;

  void* make_task_memory(std::size_t size) noexcept;
  void free_task_memory(void* memory) noexcept;

  // Both throw std::bad_alloc.
  BSTR bstr(std::u16string_view text);
  VSS_PWSZ task_text(std::u16string_view text);

  std::int64_t live_bstrs() const noexcept { return bstrs_; }
  std::int64_t live_task_memory() const noexcept { return task_memory_; }

 private:
  std::atomic<std::int64_t> bstrs_{0};
  std::atomic<std::int64_t> task_memory_{0};
};

}  // namespace vsspy::simulator
