// Off Windows: what a requester calls of ole32 and oleaut32, which are missing there. Strings and task memory come from
// the machine's allocator, so that it can tell which of them were left behind.
#ifndef _WIN32

#include "../../com/process.h"
#include "../allocator.h"
#include "../object.h"
#include "../platform.h"
#include "configuration.h"

using namespace vsspy::simulator;

namespace {

constexpr HRESULT class_no_aggregation = static_cast<HRESULT>(0x80040110U);  // CLASS_E_NOAGGREGATION
constexpr HRESULT changed_mode = static_cast<HRESULT>(0x80010106U);          // RPC_E_CHANGED_MODE
constexpr HRESULT too_late = static_cast<HRESULT>(0x80010119U);              // RPC_E_TOO_LATE

constexpr DWORD apartment_threaded = 2;  // COINIT_APARTMENTTHREADED

// COM of a thread: how often it was initialised, and as which apartment.
thread_local ULONG initialised = 0;
thread_local DWORD apartment = 0;

struct process_security {
  std::atomic<bool> is_set{false};
};

// A process without a machine gets memory all the same.
allocator& memory() {
  static allocator without_machine;
  const std::shared_ptr<machine> serving = serving_machine_or_none();
  return serving ? serving->allocator : without_machine;  // a machine of the environment lives as long as the process
}

}  // namespace

#pragma GCC visibility push(default)  // the rest of the library is hidden

extern "C" {

BSTR SysAllocStringLen(const WCHAR* text, UINT length) { return memory().make_bstr(text, length); }

BSTR SysAllocString(const WCHAR* text) {
  return text ? SysAllocStringLen(text, static_cast<UINT>(vsspy::com::view(text).size())) : nullptr;
}

void SysFreeString(BSTR text) { memory().free_bstr(text); }

UINT SysStringLen(BSTR text) { return allocator::bstr_length(text); }

void* CoTaskMemAlloc(std::size_t size) { return memory().make_task_memory(size); }

void CoTaskMemFree(void* block) { memory().free_task_memory(block); }

HRESULT CoInitializeEx(void*, DWORD mode) {
  const DWORD wanted = mode & apartment_threaded;
  if (initialised && wanted != apartment) return changed_mode;
  apartment = wanted;
  return initialised++ ? S_FALSE : S_OK;
}

HRESULT CoInitialize(void* reserved) { return CoInitializeEx(reserved, apartment_threaded); }

void CoUninitialize() {
  if (initialised) --initialised;
}

HRESULT CoInitializeSecurity(void*, LONG, void*, void*, DWORD, DWORD, void*, DWORD, void*) {
  static vsspy::com::per_process<process_security> security;
  return with_machine([](const std::shared_ptr<machine>& serving) {
    return service_call(*serving, GUID{}, "CoInitializeSecurity", {}, false, [](outputs&, const affliction&) {
      return security.get().is_set.exchange(true) ? too_late : S_OK;
    });
  });
}

HRESULT CoCreateInstance(REFCLSID clsid, IUnknown* outer, DWORD, REFIID iid, void** object) {
  if (!object) return E_POINTER;
  *object = nullptr;
  if (outer) return class_no_aggregation;
  return with_machine([&](const auto& machine) { return create_instance(machine, clsid, iid, object); });
}
}

#pragma GCC visibility pop

#endif
