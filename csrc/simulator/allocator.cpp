#include "allocator.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace vsspy::simulator {

#ifdef _WIN32

// The caller frees with the system's functions, which tell nobody: nothing can be counted.
BSTR allocator::make_bstr(const WCHAR* text, UINT length) noexcept { return SysAllocStringLen(text, length); }
void allocator::free_bstr(BSTR text) noexcept { SysFreeString(text); }
UINT allocator::bstr_length(BSTR text) noexcept { return SysStringLen(text); }
void* allocator::make_task_memory(std::size_t size) noexcept { return CoTaskMemAlloc(size); }
void allocator::free_task_memory(void* memory) noexcept { CoTaskMemFree(memory); }

#else

namespace {
constexpr std::size_t prefix = 8;  // the length in bytes stands in the four bytes before the text
}

BSTR allocator::make_bstr(const WCHAR* text, UINT length) noexcept {
  const std::size_t bytes = std::size_t{length} * sizeof(WCHAR);
  if (bytes > UINT32_MAX) return nullptr;
  auto* memory = static_cast<char*>(std::malloc(prefix + bytes + sizeof(WCHAR)));
  if (!memory) return nullptr;
  const auto size = static_cast<std::uint32_t>(bytes);
  std::memcpy(memory + prefix - sizeof size, &size, sizeof size);
  if (text) {
    std::memcpy(memory + prefix, text, bytes);
  } else {
    std::memset(memory + prefix, 0, bytes);
  }
  std::memset(memory + prefix + bytes, 0, sizeof(WCHAR));
  ++bstrs_;
  return reinterpret_cast<BSTR>(memory + prefix);
}

void allocator::free_bstr(BSTR text) noexcept {
  if (!text) return;
  --bstrs_;
  std::free(reinterpret_cast<char*>(text) - prefix);
}

UINT allocator::bstr_length(BSTR text) noexcept {
  if (!text) return 0;
  std::uint32_t size = 0;
  std::memcpy(&size, reinterpret_cast<char*>(text) - sizeof size, sizeof size);
  return size / sizeof(WCHAR);
}

void* allocator::make_task_memory(std::size_t size) noexcept {
  void* memory = std::malloc(size ? size : 1);
  if (memory) ++task_memory_;
  return memory;
}

void allocator::free_task_memory(void* memory) noexcept {
  if (!memory) return;
  --task_memory_;
  std::free(memory);
}

#endif

BSTR allocator::bstr(std::u16string_view text) {
  BSTR made = make_bstr(com::wide(text.data()), static_cast<UINT>(text.size()));
  if (!made) throw std::bad_alloc();
  return made;
}

VSS_PWSZ allocator::task_text(std::u16string_view text) {
  auto* made = static_cast<WCHAR*>(make_task_memory((text.size() + 1) * sizeof(WCHAR)));
  if (!made) throw std::bad_alloc();
  std::memcpy(made, text.data(), text.size() * sizeof(WCHAR));
  made[text.size()] = 0;
  return made;
}

}  // namespace vsspy::simulator
