// An object of each of VSS's interfaces that only tells which of its methods was called with which arguments: what a
// caller reaches through a vtable slot is thereby proven against the specification's slot numbers.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../../abi/vss_abi.h"

namespace vsspy::simulator {

struct probe_call {
  std::string method;                  // "IVssAsync::Wait"
  std::vector<std::string> arguments;  // numbers and addresses in decimal, structures as the hex of their bytes
};

// The probe for an interface, as a pointer to that interface; null for an unknown name. It lives as long as the
// process.
void* probe_object(std::string_view name);

// The calls that reached any probe since the last time this was asked.
std::vector<probe_call> take_probe_calls();

void record_probe_call(probe_call call);

template <class Value>
std::string seen(Value value) {
  if constexpr (std::is_pointer_v<Value>) {
    return std::to_string(reinterpret_cast<std::uintptr_t>(value));
  } else if constexpr (std::is_enum_v<Value>) {
    return std::to_string(static_cast<int>(value));
  } else if constexpr (std::is_class_v<Value>) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(&value);
    std::string text;
    for (std::size_t i = 0; i < sizeof value; ++i) {
      text += "0123456789abcdef"[bytes[i] >> 4];
      text += "0123456789abcdef"[bytes[i] & 15];
    }
    return text;
  } else {
    return std::to_string(value);
  }
}
inline std::string seen_reference(const void* address) {
  return std::to_string(reinterpret_cast<std::uintptr_t>(address));
}

template <class... Texts>
HRESULT record(const char* method, Texts... arguments) {
  record_probe_call({method, {std::move(arguments)...}});
  return S_OK;
}

template <class Base>
struct tells_IUnknown : Base {
  HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void** object) override {
    return record("IUnknown::QueryInterface", seen_reference(&riid), seen(object));
  }
  ULONG STDMETHODCALLTYPE AddRef() override { return static_cast<ULONG>(record("IUnknown::AddRef")) + 1; }
  ULONG STDMETHODCALLTYPE Release() override { return static_cast<ULONG>(record("IUnknown::Release")) + 1; }
};

}  // namespace vsspy::simulator
