// The simulator as vssapi.dll and libvssapi.so: the entry points that VssApi exports, serving the machine that somebody
// has made current, or that of the environment (configuration.h). Not part of the Python module.
#include "../control.h"
#include "../platform.h"
#include "../session.h"
#include "configuration.h"

using namespace vsspy::simulator;

#ifndef _WIN32

struct IClassFactory : IUnknown {
  virtual HRESULT STDMETHODCALLTYPE CreateInstance(IUnknown* outer, REFIID iid, void** object) = 0;
  virtual HRESULT STDMETHODCALLTYPE LockServer(BOOL lock) = 0;
};

#endif

namespace {

constexpr HRESULT no_aggregation = static_cast<HRESULT>(0x80040110U);       // CLASS_E_NOAGGREGATION
constexpr HRESULT class_not_available = static_cast<HRESULT>(0x80040111U);  // CLASS_E_CLASSNOTAVAILABLE
constexpr GUID iid_class_factory = {0x00000001, 0x0000, 0x0000, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};  // IClassFactory's

// Makes what CoCreateInstance is asked for. There is one for as long as the DLL is loaded, so nobody counts.
class snapshot_management_factory final : public IClassFactory {
 public:
  HRESULT STDMETHODCALLTYPE QueryInterface(REFIID iid, void** object) override {
    if (!object) return E_POINTER;
    const bool known = iid == vsspy::abi::iid_of<IUnknown>::value || iid == iid_class_factory;
    *object = known ? this : nullptr;
    return known ? S_OK : E_NOINTERFACE;
  }
  ULONG STDMETHODCALLTYPE AddRef() override { return 2; }
  ULONG STDMETHODCALLTYPE Release() override { return 1; }
  HRESULT STDMETHODCALLTYPE CreateInstance(IUnknown* outer, REFIID iid, void** object) override {
    if (!object) return E_POINTER;
    *object = nullptr;
    if (outer) return no_aggregation;
    return with_machine([&](const auto& machine) {
      return create_instance(machine, vsspy::abi::clsid_snapshot_management, iid, object);
    });
  }
  HRESULT STDMETHODCALLTYPE LockServer(BOOL) override { return S_OK; }
};

}  // namespace

#ifndef _WIN32
#pragma GCC visibility push(default)  // the rest of the library is hidden
#endif

extern "C" {

HRESULT STDMETHODCALLTYPE CreateVssBackupComponentsInternal(IVssBackupComponents** object) {
  return with_machine([&](const auto& machine) { return create_backup_components(machine, object); });
}

HRESULT STDMETHODCALLTYPE CreateVssExamineWriterMetadataInternal(BSTR xml, IVssExamineWriterMetadata** object) {
  return with_machine([&](const auto& machine) { return create_examine_writer_metadata(machine, xml, object); });
}

HRESULT STDMETHODCALLTYPE IsVolumeSnapshottedInternal(VSS_PWSZ volume, BOOL* present, LONG* capability) {
  return with_machine([&](const auto& machine) { return is_volume_snapshotted(machine, volume, present, capability); });
}

void STDMETHODCALLTYPE VssFreeSnapshotPropertiesInternal(VSS_SNAPSHOT_PROP* properties) {
  if (const auto machine = serving_machine_or_none()) free_snapshot_properties(machine, properties);
}

HRESULT STDMETHODCALLTYPE ShouldBlockRevertInternal(LPCWSTR volume, bool* block) {
  return with_machine([&](const auto& machine) { return should_block_revert(machine, volume, block); });
}

HRESULT STDMETHODCALLTYPE GetProviderMgmtInterfaceInternal(VSS_ID provider, IID iid, IUnknown** object) {
  return with_machine([&](const auto& machine) { return get_provider_mgmt_interface(machine, provider, iid, object); });
}

// Whether this thread is in a writer's callback of that object: vsspy asks, VssApi has no such entry.
int vsspy_in_callback(const void* object) { return object && object_in_callback() == object ? 1 : 0; }

#ifndef _WIN32  // there vssapi.def names it so
const vsspy_simulator_control* vsspy_simulator_control() { return vsspy_simulator_control_table(); }
#endif

HRESULT STDMETHODCALLTYPE DllGetClassObject(REFCLSID clsid, REFIID iid, void** object) {
  if (!object) return E_POINTER;
  *object = nullptr;
  static snapshot_management_factory factory;
  if (clsid == vsspy::abi::clsid_snapshot_management) return factory.QueryInterface(iid, object);
  return class_not_available;
}

#ifdef _WIN32
BOOL WINAPI DllMain(HINSTANCE, DWORD reason, void* process_is_ending) {
  if (reason == DLL_PROCESS_DETACH && process_is_ending) process_ends();
  return TRUE;
}
#endif
}

#ifndef _WIN32
#pragma GCC visibility pop
#endif
