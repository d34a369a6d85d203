// The platform: everything that the requester takes from outside. On Windows it is filled from VssApi, ole32 and
// oleaut32 (csrc/requester/windows_platform.cpp), anywhere else by the simulator. It is plain C, since it passes
// between modules that share no C++ types: Python carries its address in a capsule named "vsspy.platform".
#pragma once

#include "../abi/vss_abi.h"

extern "C" {

struct vsspy_platform {
  std::uint32_t version;  // vsspy_platform_version of the side that filled the table
  const char* name;       // "windows" or "simulator"
  void* context;          // first argument of every function below

  // VssApi and the one class that CoCreateInstance makes
  HRESULT (*create_backup_components)(void* context, IVssBackupComponents** object);
  HRESULT (*create_examine_writer_metadata)(void* context, BSTR xml, IVssExamineWriterMetadata** object);
  HRESULT (*is_volume_snapshotted)(void* context, VSS_PWSZ volume, BOOL* present, LONG* capability);
  void (*free_snapshot_properties)(void* context, VSS_SNAPSHOT_PROP* properties);
  HRESULT (*should_block_revert)(void* context, LPCWSTR volume, bool* block);
  HRESULT (*get_provider_mgmt_interface)(void* context, const VSS_ID* provider, const IID* iid, IUnknown** object);
  HRESULT (*create_instance)(void* context, const CLSID* clsid, const IID* iid, void** object);

  // allocators
  BSTR (*sys_alloc_string_len)(void* context, const WCHAR* text, UINT length);
  void (*sys_free_string)(void* context, BSTR text);
  UINT (*sys_string_len)(void* context, BSTR text);
  void* (*task_alloc)(void* context, std::size_t size);
  void (*task_free)(void* context, void* memory);

  // apartments and security; the types and qualifiers are APTTYPE's and APTTYPEQUALIFIER's numbers. The first
  // increment_mta_usage takes a cookie that is kept for good, later ones find it taken.
  HRESULT (*increment_mta_usage)(void* context, void** cookie);
  HRESULT (*get_apartment_type)(void* context, int* type, int* qualifier);
  HRESULT (*initialize_security)(void* context);

  // the clock, in nanoseconds: a monotonic time, and a sleep on it
  std::uint64_t (*now)(void* context);
  void (*sleep)(void* context, std::uint64_t nanoseconds);

  // 1 on a thread that is running a writer's callback on behalf of that IVssBackupComponents, which only a platform
  // with writers in this process can know; may be null. A call from there could wait for itself, so it is refused
  // instead.
  int (*in_callback)(void* context, const void* object) = nullptr;

  // The calling thread is going to wait in slices until `now` gives `deadline`; 0: no more. A clock that jumps over
  // what everybody waits for need not go from slice to slice then; may be null.
  void (*wait_until)(void* context, std::uint64_t deadline) = nullptr;
};
}

inline constexpr std::uint32_t vsspy_platform_version = 2;
