// The platform table of a machine (csrc/com/platform.h), and the entry points of VssApi that it holds.
#include "platform.h"

#include <algorithm>

#include "backup_components_object.h"
#include "management.h"
#include "places.h"

namespace vsspy::simulator {

namespace {
constexpr HRESULT class_not_registered = static_cast<HRESULT>(0x80040154U);  // REGDB_E_CLASSNOTREG
}

HRESULT create_backup_components(const std::shared_ptr<machine>& machine, IVssBackupComponents** object) noexcept {
  return service_call(*machine, guid_null, "CreateVssBackupComponents", {}, false,
                      [&](outputs& out, const affliction&) -> HRESULT {
                        if (!object) return E_INVALIDARG;
                        *object = nullptr;
                        // NOLINTNEXTLINE(bugprone-unhandled-exception-at-new): service_call turns it into an HRESULT
                        IVssBackupComponents* made = new backup_components_object(std::make_shared<session>(machine));
                        out.object(object, made);
                        return S_OK;
                      });
}

HRESULT create_examine_writer_metadata(const std::shared_ptr<machine>& machine, BSTR xml,
                                       IVssExamineWriterMetadata** object) noexcept {
  return service_call(*machine, guid_null, "CreateVssExamineWriterMetadata", {}, false,
                      [&](outputs& out, const affliction&) -> HRESULT {
                        if (!xml || !object) return E_INVALIDARG;
                        *object = nullptr;
                        auto metadata = std::make_shared<documents::writer_metadata>(
                            documents::read_writer_metadata({com::view(xml).data(), allocator::bstr_length(xml)}));
                        IVssExamineWriterMetadata* made = make_examine_metadata(machine, guid_null, metadata);
                        out.object(object, made);
                        return S_OK;
                      });
}

HRESULT is_volume_snapshotted(const std::shared_ptr<machine>& machine, VSS_PWSZ volume, BOOL* present,
                              LONG* capability) noexcept {
  return service_call(*machine, guid_null, "IsVolumeSnapshotted", {{"pwszVolumeName", volume}}, false,
                      [&](outputs&, const affliction&) -> HRESULT {
                        if (!volume || !present || !capability || !is_volume_name(com::view(volume))) {
                          return E_INVALIDARG;
                        }
                        machine->refresh();
                        std::lock_guard lock(machine->mutex);
                        const simulator::volume* found = machine->find_volume(com::view(volume));
                        if (!found) return VSS_E_OBJECT_NOT_FOUND;
                        *capability = 0;  // nothing is disabled on a volume here
                        *present = std::ranges::any_of(machine->shadow_copies, [&](const auto& each) {
                          return each->volume == found && each->state == VSS_SS_CREATED;
                        });
                        return S_OK;
                      });
}

void free_snapshot_properties(const std::shared_ptr<machine>& machine, VSS_SNAPSHOT_PROP* properties) noexcept {
  if (properties) free_properties(*machine, *properties);
}

namespace {

bool has_components_on(const machine& machine, const documents::writer_metadata& writer, const volume& volume) {
  const auto lies_there = [&](const documents::file_set& files) {
    const std::optional<place> where = locate(machine, expand_variables(machine, files.path));
    return where && where->volume == &volume;
  };
  return std::ranges::any_of(writer.components, [&](const documents::component_metadata& each) {
    return std::ranges::any_of(each.files, lies_there) || std::ranges::any_of(each.database_files, lies_there) ||
           std::ranges::any_of(each.database_log_files, lies_there);
  });
}

}  // namespace

HRESULT should_block_revert(const std::shared_ptr<machine>& machine, LPCWSTR volume, bool* block) noexcept {
  return service_call(*machine, guid_null, "ShouldBlockRevert", {{"wszVolumeName", volume}}, false,
                      [&](outputs&, const affliction&) -> HRESULT {
                        if (!volume || !block) return E_INVALIDARG;
                        std::lock_guard lock(machine->mutex);
                        const simulator::volume* found = machine->find_volume(com::view(volume));
                        if (!found) return E_INVALIDARG;  // its page knows no other code for it
                        *block = std::ranges::any_of(machine->writers, [&](const auto& each) {
                          return machine->writers_blocking_revert.contains(each->metadata->writer_id) &&
                                 has_components_on(*machine, *each->metadata, *found);
                        });
                        return S_OK;
                      });
}

HRESULT get_provider_mgmt_interface(const std::shared_ptr<machine>& machine, const GUID& provider, const GUID& iid,
                                    IUnknown** object) noexcept {
  return service_call(*machine, guid_null, "GetProviderMgmtInterface", {{"ProviderId", provider}, {"InterfaceId", iid}},
                      false, [&](outputs& out, const affliction&) -> HRESULT {
                        if (!object) return E_INVALIDARG;
                        *object = nullptr;
                        void* made = nullptr;
                        const HRESULT hr = provider_management(machine, provider, iid, &made);
                        if (SUCCEEDED(hr)) out.object(object, static_cast<IUnknown*>(made));
                        return hr;
                      });
}

HRESULT create_instance(const std::shared_ptr<machine>& machine, const GUID& clsid, const GUID& iid,
                        void** object) noexcept {
  return service_call(*machine, guid_null, "CoCreateInstance", {{"rclsid", clsid}, {"riid", iid}}, false,
                      [&](outputs& out, const affliction&) -> HRESULT {
                        if (!object) return E_POINTER;
                        *object = nullptr;
                        if (!(clsid == abi::clsid_snapshot_management)) return class_not_registered;
                        void* made = nullptr;
                        const HRESULT hr = hand_out(make_snapshot_management(machine), iid, &made);
                        if (SUCCEEDED(hr)) out.object(object, made);
                        return hr;
                      });
}

namespace {

const std::shared_ptr<machine>& of(void* context) { return static_cast<shared_platform*>(context)->machine; }

constexpr int apartment_mta = 1;  // APTTYPE_MTA: every thread of the simulator's clients is in it
constexpr int no_qualifier = 0;   // APTTYPEQUALIFIER_NONE

}  // namespace

shared_platform::shared_platform(std::shared_ptr<simulator::machine> of_machine)
    : vsspy_platform{}, machine(std::move(of_machine)) {
  version = vsspy_platform_version;
  name = "simulator";
  context = this;
  vsspy_platform& table = *this;
  table.create_backup_components = [](void* context, IVssBackupComponents** object) {
    return simulator::create_backup_components(of(context), object);
  };
  table.create_examine_writer_metadata = [](void* context, BSTR xml, IVssExamineWriterMetadata** object) {
    return simulator::create_examine_writer_metadata(of(context), xml, object);
  };
  table.is_volume_snapshotted = [](void* context, VSS_PWSZ volume, BOOL* present, LONG* capability) {
    return simulator::is_volume_snapshotted(of(context), volume, present, capability);
  };
  table.free_snapshot_properties = [](void* context, VSS_SNAPSHOT_PROP* properties) {
    simulator::free_snapshot_properties(of(context), properties);
  };
  table.should_block_revert = [](void* context, LPCWSTR volume, bool* block) {
    return simulator::should_block_revert(of(context), volume, block);
  };
  table.get_provider_mgmt_interface = [](void* context, const VSS_ID* provider, const IID* iid, IUnknown** object) {
    return simulator::get_provider_mgmt_interface(of(context), *provider, *iid, object);
  };
  table.create_instance = [](void* context, const CLSID* clsid, const IID* iid, void** object) {
    return simulator::create_instance(of(context), *clsid, *iid, object);
  };
  table.sys_alloc_string_len = [](void* context, const WCHAR* text, UINT length) {
    return of(context)->allocator.make_bstr(text, length);
  };
  table.sys_free_string = [](void* context, BSTR text) { of(context)->allocator.free_bstr(text); };
  table.sys_string_len = [](void*, BSTR text) { return allocator::bstr_length(text); };
  table.task_alloc = [](void* context, std::size_t size) { return of(context)->allocator.make_task_memory(size); };
  table.task_free = [](void* context, void* memory) { of(context)->allocator.free_task_memory(memory); };
  table.increment_mta_usage = [](void*, void** cookie) -> HRESULT {
    *cookie = nullptr;
    return S_OK;
  };
  table.get_apartment_type = [](void*, int* type, int* qualifier) -> HRESULT {
    *type = apartment_mta;
    *qualifier = no_qualifier;
    return S_OK;
  };
  table.initialize_security = [](void* context) {
    return service_call(*of(context), guid_null, "CoInitializeSecurity", {}, false,
                        [](outputs&, const affliction&) -> HRESULT { return S_OK; });
  };
  table.now = [](void* context) {
    simulator::machine& served = *of(context);
    if (served.chosen.virtual_time) {
      const std::lock_guard lock(served.mutex);
      served.clock.looked();
    }
    return served.clock.now();
  };
  table.sleep = [](void* context, std::uint64_t nanoseconds) {
    simulator::machine& served = *of(context);
    std::unique_lock lock(served.mutex);
    const std::uint64_t now = served.clock.now();
    const std::uint64_t until = nanoseconds > service_clock::never - now ? service_clock::never : now + nanoseconds;
    served.clock.sleep_until(lock, until, nanoseconds, [&] { return served.closed; });
  };
  table.wait_until = [](void*, std::uint64_t deadline) { service_clock::announce(deadline); };
  table.in_callback = [](void*, const void* object) { return object && object_in_callback() == object ? 1 : 0; };
}

}  // namespace vsspy::simulator
