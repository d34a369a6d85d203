// The simulator as vssapi.dll: the entry points that VssApi exports, serving the machine that somebody has made
// current. Not part of the Python module. A process that nobody gave a machine gets E_NOTIMPL.
#include "../control.h"
#include "../platform.h"
#include "../session.h"

using namespace vsspy::simulator;

namespace {

// Runs `work` with the current machine.
template <class Work>
HRESULT with_machine(Work&& work) noexcept {
  try {
    const std::shared_ptr<machine> current = current_machine();
    return current ? work(current) : E_NOTIMPL;
  } catch (...) {
    return E_UNEXPECTED;
  }
}

}  // namespace

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
  with_machine([&](const auto& machine) {
    free_snapshot_properties(machine, properties);
    return S_OK;
  });
}

HRESULT STDMETHODCALLTYPE ShouldBlockRevertInternal(LPCWSTR volume, bool* block) {
  return with_machine([&](const auto& machine) { return should_block_revert(machine, volume, block); });
}

HRESULT STDMETHODCALLTYPE GetProviderMgmtInterfaceInternal(VSS_ID provider, IID iid, IUnknown** object) {
  return with_machine([&](const auto& machine) { return get_provider_mgmt_interface(machine, provider, iid, object); });
}

// Whether this thread is in a writer's callback of that object: vsspy asks, VssApi has no such entry.
int vsspy_in_callback(const void* object) { return object && object_in_callback() == object ? 1 : 0; }

#ifdef _WIN32
HRESULT STDMETHODCALLTYPE DllGetClassObject(REFCLSID, REFIID, void** object) {
  if (!object) return E_POINTER;
  *object = nullptr;
  return CLASS_E_CLASSNOTAVAILABLE;
}
#endif
}
