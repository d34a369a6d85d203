// Strings of COM's two allocators, which come from the platform.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "hresult.h"
#include "platform.h"
#include "text.h"

namespace vsspy::com {

// NULL stands for "not set", which an empty string doesn't.
inline std::optional<std::u16string> optional_text(const vsspy_platform& platform, BSTR text) {
  if (!text) return std::nullopt;
  return std::u16string(reinterpret_cast<const char16_t*>(text), platform.sys_string_len(platform.context, text));
}

class unique_bstr {
 public:
  explicit unique_bstr(const vsspy_platform& platform) noexcept : platform_(platform) {}
  unique_bstr(const vsspy_platform& platform, std::u16string_view text) : platform_(platform) {
    text_ = platform.sys_alloc_string_len(platform.context, wide(text.data()), static_cast<UINT>(text.size()));
    if (!text_) throw vss_error(E_OUTOFMEMORY, "SysAllocStringLen");
  }
  unique_bstr(const unique_bstr&) = delete;
  unique_bstr& operator=(const unique_bstr&) = delete;
  ~unique_bstr() { reset(); }

  BSTR get() const noexcept { return text_; }
  BSTR* put() noexcept {
    reset();
    return &text_;
  }
  void swap(unique_bstr& other) noexcept { std::swap(text_, other.text_); }  // of the same platform
  void reset() noexcept {
    if (BSTR text = std::exchange(text_, nullptr)) platform_.sys_free_string(platform_.context, text);
  }

  std::optional<std::u16string> optional_text() const { return com::optional_text(platform_, text_); }
  std::u16string text() const { return optional_text().value_or(std::u16string()); }

 private:
  const vsspy_platform& platform_;
  BSTR text_ = nullptr;
};

// Task memory from an out-parameter.
template <class Value>
class unique_task_memory {
 public:
  explicit unique_task_memory(const vsspy_platform& platform) noexcept : platform_(platform) {}
  unique_task_memory(const unique_task_memory&) = delete;
  unique_task_memory& operator=(const unique_task_memory&) = delete;
  ~unique_task_memory() { reset(); }

  Value* get() const noexcept { return memory_; }
  Value** put() noexcept {
    reset();
    return &memory_;
  }
  void reset() noexcept {
    if (Value* memory = std::exchange(memory_, nullptr)) platform_.task_free(platform_.context, memory);
  }

 private:
  const vsspy_platform& platform_;
  Value* memory_ = nullptr;
};

class unique_task_string : public unique_task_memory<WCHAR> {
 public:
  using unique_task_memory::unique_task_memory;

  std::optional<std::u16string> optional_text() const {
    return get() ? std::optional<std::u16string>(view(get())) : std::nullopt;
  }
};

// Frees a string of task memory that stands in a structure, and leaves NULL there.
inline void free_task_string(const vsspy_platform& platform, WCHAR*& memory) noexcept {
  if (WCHAR* text = std::exchange(memory, nullptr)) platform.task_free(platform.context, text);
}

}  // namespace vsspy::com
