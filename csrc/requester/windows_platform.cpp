#include "windows_platform.h"

#include "../com/hresult.h"

#ifndef _WIN32

namespace vsspy::requester {

const vsspy_platform& windows_platform() {
  throw com::vss_error(com::VSSPY_E_UNSUPPORTED_PLATFORM, "CreateVssBackupComponents");
}

}  // namespace vsspy::requester

#else

#include <delayimp.h>

#include <atomic>
#include <string>
#include <string_view>

#include "../com/process.h"
#include "windows_security.h"

namespace vsspy::requester {

namespace {

// From System32 and nowhere else: a vssapi.dll beside python.exe must never run in an elevated process.
HMODULE load_vssapi() noexcept {
  static std::atomic<HMODULE> loaded{nullptr};  // for good: its objects may live until the end of the process
  if (const HMODULE module = loaded.load()) return module;
  WCHAR folder[MAX_PATH];
  const UINT length = GetSystemDirectoryW(folder, MAX_PATH);
  if (length == 0 || length >= MAX_PATH) return nullptr;
  try {
    std::basic_string<WCHAR> path(folder, length);
    for (const char letter : std::string_view("\\vssapi.dll")) path.push_back(static_cast<WCHAR>(letter));
    const HMODULE module = LoadLibraryExW(path.c_str(), nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
    loaded = module;
    return module;
  } catch (...) {
    return nullptr;
  }
}

// The delay-load helper raises a structured exception for what is missing, which C++ can't catch everywhere: so each
// entry is looked up before it is called.
HRESULT require(const char* entry) noexcept {
  const HMODULE module = load_vssapi();
  if (!module) return com::VSSPY_E_UNSUPPORTED_PLATFORM;
  return GetProcAddress(module, entry) ? S_OK : E_NOTIMPL;
}

HRESULT create_backup_components(void*, IVssBackupComponents** object) {
  const HRESULT hr = require("CreateVssBackupComponentsInternal");
  return FAILED(hr) ? hr : CreateVssBackupComponentsInternal(object);
}

HRESULT create_examine_writer_metadata(void*, BSTR xml, IVssExamineWriterMetadata** object) {
  const HRESULT hr = require("CreateVssExamineWriterMetadataInternal");
  return FAILED(hr) ? hr : CreateVssExamineWriterMetadataInternal(xml, object);
}

HRESULT is_volume_snapshotted(void*, VSS_PWSZ volume, BOOL* present, LONG* capability) {
  const HRESULT hr = require("IsVolumeSnapshottedInternal");
  return FAILED(hr) ? hr : IsVolumeSnapshottedInternal(volume, present, capability);
}

void free_snapshot_properties(void*, VSS_SNAPSHOT_PROP* properties) {
  if (SUCCEEDED(require("VssFreeSnapshotPropertiesInternal"))) VssFreeSnapshotPropertiesInternal(properties);
}

HRESULT should_block_revert(void*, LPCWSTR volume, bool* block) {
  const HRESULT hr = require("ShouldBlockRevertInternal");
  return FAILED(hr) ? hr : ShouldBlockRevertInternal(volume, block);
}

HRESULT get_provider_mgmt_interface(void*, const VSS_ID* provider, const IID* iid, IUnknown** object) {
  const HRESULT hr = require("GetProviderMgmtInterfaceInternal");
  return FAILED(hr) ? hr : GetProviderMgmtInterfaceInternal(*provider, *iid, object);
}

HRESULT create_instance(void*, const CLSID* clsid, const IID* iid, void** object) {
  return CoCreateInstance(*clsid, nullptr, CLSCTX_ALL, *iid, object);
}

BSTR sys_alloc_string_len(void*, const WCHAR* text, UINT length) { return SysAllocStringLen(text, length); }
void sys_free_string(void*, BSTR text) { SysFreeString(text); }
UINT sys_string_len(void*, BSTR text) { return SysStringLen(text); }
void* task_alloc(void*, std::size_t size) { return CoTaskMemAlloc(size); }
void task_free(void*, void* memory) { CoTaskMemFree(memory); }

HRESULT increment_mta_usage(void*, void** cookie) {
  static std::atomic<CO_MTA_USAGE_COOKIE> taken{nullptr};
  if (!taken.load()) {
    CO_MTA_USAGE_COOKIE made = nullptr;
    const HRESULT hr = CoIncrementMTAUsage(&made);
    if (FAILED(hr)) return hr;
    CO_MTA_USAGE_COOKIE none = nullptr;
    if (!taken.compare_exchange_strong(none, made)) CoDecrementMTAUsage(made);  // the other thread's stays
  }
  *cookie = taken.load();
  return S_OK;
}

HRESULT get_apartment_type(void*, int* type, int* qualifier) {
  APTTYPE found_type = APTTYPE_CURRENT;
  APTTYPEQUALIFIER found_qualifier = APTTYPEQUALIFIER_NONE;
  const HRESULT hr = CoGetApartmentType(&found_type, &found_qualifier);
  *type = found_type;
  *qualifier = found_qualifier;
  return hr;
}

HRESULT initialize_security(void*) { return initialize_process_security(); }

std::uint64_t now(void*) {
  static const std::uint64_t frequency = [] {
    LARGE_INTEGER value;
    QueryPerformanceFrequency(&value);
    return static_cast<std::uint64_t>(value.QuadPart);
  }();
  constexpr std::uint64_t second = 1'000'000'000;
  LARGE_INTEGER value;
  QueryPerformanceCounter(&value);
  const auto ticks = static_cast<std::uint64_t>(value.QuadPart);
  return ticks / frequency * second + ticks % frequency * second / frequency;
}

void sleep(void*, std::uint64_t nanoseconds) { Sleep(static_cast<DWORD>((nanoseconds + 999'999) / 1'000'000)); }

// Only the simulator's vssapi.dll can tell; VssApi has no such entry.
int in_callback(void*, const void* object) {
  using function = int (*)(const void*);
  static const auto entry = []() -> function {
    const HMODULE module = load_vssapi();
    return module ? reinterpret_cast<function>(reinterpret_cast<void*>(GetProcAddress(module, "vsspy_in_callback")))
                  : nullptr;
  }();
  return entry ? entry(object) : 0;
}

FARPROC WINAPI delay_load(unsigned notification, PDelayLoadInfo info) {
  if (notification != dliNotePreLoadLibrary || lstrcmpiA(info->szDll, "vssapi.dll") != 0) return nullptr;
  return reinterpret_cast<FARPROC>(load_vssapi());
}

}  // namespace

const vsspy_platform& windows_platform() {
  static const vsspy_platform table{vsspy_platform_version,
                                    "windows",
                                    nullptr,
                                    create_backup_components,
                                    create_examine_writer_metadata,
                                    is_volume_snapshotted,
                                    free_snapshot_properties,
                                    should_block_revert,
                                    get_provider_mgmt_interface,
                                    create_instance,
                                    sys_alloc_string_len,
                                    sys_free_string,
                                    sys_string_len,
                                    task_alloc,
                                    task_free,
                                    increment_mta_usage,
                                    get_apartment_type,
                                    initialize_security,
                                    now,
                                    sleep,
                                    in_callback};
  return table;
}

}  // namespace vsspy::requester

extern "C" {
#ifdef _MSC_VER
const  // as its delayimp.h declares it, and MinGW-w64's does not
#endif
    PfnDliHook __pfnDliNotifyHook2 = vsspy::requester::delay_load;
}

#endif
