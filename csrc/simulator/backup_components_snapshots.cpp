// IVssBackupComponents: shadow copies.
#include <algorithm>

#include "backup_components_object.h"
#include "shared_volumes.h"

namespace vsspy::simulator {

namespace {

constexpr std::size_t most_volumes = 64;            // in a set (semantics 5)
constexpr std::ptrdiff_t most_shadow_copies = 512;  // of one volume

// Only hardware providers make these (semantics 6).
constexpr LONG hardware_only = VSS_VOLSNAP_ATTR_TRANSPORTABLE | VSS_VOLSNAP_ATTR_DIFFERENTIAL | VSS_VOLSNAP_ATTR_PLEX;

bool is_registered(const machine& machine, const GUID& provider) {
  return provider == guid_null || provider == abi::system_provider_id ||
         (provider == hardware_provider_id && machine.chosen.hardware != hardware_provider::none);
}

// Which provider makes a shadow copy in a context: without a name hardware first, the system provider last (semantics
// 7.1). Client-accessible ones are the system provider's (semantics 6), and shares no business of a provider for disks.
// Nothing where none can. Shares are for newer systems; what older ones answer is not documented [?].
std::optional<bool> hardware_makes(const machine& machine, const GUID& provider, LONG context, const volume* volume) {
  const bool share = volume && is_share(volume->name);
  if (share && !machine.at_least(system_level::eight)) return std::nullopt;
  const bool there = machine.chosen.hardware != hardware_provider::none && !share;
  const bool able = there && (context == VSS_CTX_ALL || !(context & VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE));
  const bool needed = context != VSS_CTX_ALL && context & hardware_only;
  const bool hardware = provider == guid_null ? able : provider == hardware_provider_id;
  if (hardware ? !able : needed) return std::nullopt;
  return hardware;
}

}  // namespace

HRESULT backup_components_object::StartSnapshotSet(VSS_ID* id) {
  return call("IVssBackupComponents::StartSnapshotSet", {}, [&](outputs& out) -> HRESULT {
    if (!id) return E_INVALIDARG;
    std::lock_guard lock(machine_->mutex);
    session& s = *session_;
    if (!s.for_backup() || s.aborted || s.context == VSS_CTX_ALL || s.set_started || s.complete != progress::none) {
      return VSS_E_BAD_STATE;
    }
    if (!machine_->enter_set(&s)) return VSS_E_SNAPSHOT_SET_IN_PROGRESS;
    s.context_fixed = true;
    s.set_started = true;
    s.set_id = new_guid();
    s.document.snapshot_set_id = s.set_id;
    *id = s.set_id;
    out.outcome([&] { return documents::id_outcome("snapshot_set_id", *id); });
    return S_OK;
  });
}

HRESULT backup_components_object::AddToSnapshotSet(VSS_PWSZ volume_name, VSS_ID provider, VSS_ID* id) {
  return call("IVssBackupComponents::AddToSnapshotSet", {{"pwszVolumeName", volume_name}, {"ProviderId", provider}},
              [&](outputs& out) -> HRESULT {
                if (!volume_name || !id || !is_volume_name(com::view(volume_name))) return E_INVALIDARG;
                machine_->refresh();
                std::lock_guard lock(machine_->mutex);
                session& s = *session_;
                if (!s.for_backup() || s.aborted || !s.set_started || s.snapshot != progress::none) {
                  return VSS_E_BAD_STATE;
                }
                if (!is_registered(*machine_, provider)) return VSS_E_PROVIDER_NOT_REGISTERED;
                const volume* found = machine_->find_volume(com::view(volume_name));
                const std::optional<bool> hardware = hardware_makes(*machine_, provider, s.context, found);
                const bool exposed = machine_->find_exposed(com::view(volume_name));
                if (!found && !exposed) return VSS_E_OBJECT_NOT_FOUND;
                const volume_qualities like = machine_->storage.qualities_of(found);
                if (like.nested) return VSS_E_NESTED_VOLUME_LIMIT;
                // there are no shadow copies of shadow copies, and persistent ones need NTFS (semantics 6)
                const bool persistent = s.context & VSS_VOLSNAP_ATTR_PERSISTENT;
                const bool wants_ntfs = hardware && !*hardware && persistent && !exposed;
                if (!hardware || exposed || (wants_ntfs && !machine_->storage.can_store(found))) {
                  return provider == guid_null ? VSS_E_VOLUME_NOT_SUPPORTED : VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER;
                }
                if (std::ranges::count(s.planned, found, &planned_shadow_copy::volume)) {
                  return VSS_E_OBJECT_ALREADY_EXISTS;
                }
                if (s.planned.size() >= most_volumes) return VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED;
                const auto stored = [&](const auto& each) { return each->volume == found && !each->is_hardware(); };
                if (!*hardware && std::ranges::count_if(machine_->shadow_copies, stored) >= most_shadow_copies) {
                  return VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED;
                }
                if (like.cluster_shared && !enter_shared_volume(found->folder, &s)) {
                  return VSS_E_SNAPSHOT_SET_IN_PROGRESS;
                }
                s.planned.push_back({new_guid(), found, *hardware});
                *id = s.planned.back().id;
                out.outcome([&] { return documents::id_outcome("snapshot_id", *id); });
                return S_OK;
              });
}

HRESULT backup_components_object::IsVolumeSupported(VSS_ID provider, VSS_PWSZ volume_name, BOOL* supported) {
  return call("IVssBackupComponents::IsVolumeSupported", {{"ProviderId", provider}, {"pwszVolumeName", volume_name}},
              [&](outputs&) -> HRESULT {
                if (!volume_name || !supported || !is_volume_name(com::view(volume_name))) return E_INVALIDARG;
                machine_->refresh();
                std::lock_guard lock(machine_->mutex);
                if (!session_->for_backup()) return VSS_E_BAD_STATE;
                if (!is_registered(*machine_, provider)) return VSS_E_PROVIDER_NOT_REGISTERED;
                const volume* found = machine_->find_volume(com::view(volume_name));
                if (!found && !machine_->find_exposed(com::view(volume_name))) return VSS_E_OBJECT_NOT_FOUND;
                session_->context_fixed = true;
                if (machine_->storage.qualities_of(found).nested) return VSS_E_NESTED_VOLUME_LIMIT;
                *supported = found && hardware_makes(*machine_, provider, session_->context, found);
                return S_OK;
              });
}

HRESULT backup_components_object::DoSnapshotSet(IVssAsync** async) {
  return start_operation("IVssBackupComponents::DoSnapshotSet", async,
                         {.work = &session::do_snapshot_set,
                          .allowed =
                              [](const session& s) {
                                return s.for_backup() && !s.aborted && s.set_started && s.snapshot == progress::none &&
                                       s.complete == progress::none &&
                                       (!s.with_writers() || s.prepare == progress::done);
                              },
                          .begun =
                              [](session& s) {
                                s.snapshot = progress::running;
                                ++s.generation;
                              },
                          .settled =
                              [](session& s, HRESULT result) {
                                s.snapshot = result == VSS_S_ASYNC_FINISHED ? progress::done : progress::failed;
                                s.leave_set();
                                ++s.generation;
                              }});
}

HRESULT backup_components_object::GetSnapshotProperties(VSS_ID id, VSS_SNAPSHOT_PROP* properties) {
  return call("IVssBackupComponents::GetSnapshotProperties", {{"SnapshotId", id}}, [&](outputs& out) -> HRESULT {
    if (!properties) return E_INVALIDARG;
    *properties = {};
    machine_->refresh();
    std::shared_ptr<shadow_copy> found;
    {
      std::lock_guard lock(machine_->mutex);
      if (!session_->for_backup()) return VSS_E_BAD_STATE;
      session_->context_fixed = true;
      const bool planned = std::ranges::count(session_->planned, id, &planned_shadow_copy::id) != 0;
      if (planned && (session_->snapshot == progress::none || session_->snapshot == progress::running)) {
        return VSS_E_BAD_STATE;
      }
      found = machine_->find_shadow_copy(id);
      if (!found || found->state != VSS_SS_CREATED || !(planned || session_->reaches(*found))) {
        return VSS_E_OBJECT_NOT_FOUND;
      }
    }
    out.other(properties,
              [](machine& owner, void* slot) { free_properties(owner, *static_cast<VSS_SNAPSHOT_PROP*>(slot)); });
    fill_properties(*machine_, *found, *properties);
    out.outcome([&] { return documents::snapshot_outcome(*properties); });
    return S_OK;
  });
}

namespace {

// With the machine's mutex held.
bool exists(const machine& machine, const GUID& id, VSS_OBJECT_TYPE type) {
  if (type == VSS_OBJECT_PROVIDER) {
    return id == abi::system_provider_id ||
           (id == hardware_provider_id && machine.chosen.hardware != hardware_provider::none);
  }
  return std::any_of(machine.shadow_copies.begin(), machine.shadow_copies.end(),
                     [&](const auto& each) { return (type == VSS_OBJECT_SNAPSHOT ? each->id : each->set_id) == id; });
}

}  // namespace

HRESULT backup_components_object::Query(VSS_ID queried, VSS_OBJECT_TYPE queried_type, VSS_OBJECT_TYPE returned_type,
                                        IVssEnumObject** result) {
  return call(
      "IVssBackupComponents::Query",
      {{"QueriedObjectId", queried}, {"eQueriedObjectType", queried_type}, {"eReturnedObjectsType", returned_type}},
      [&](outputs& out) -> HRESULT {
        if (!result) return E_INVALIDARG;
        *result = nullptr;
        const bool providers = returned_type == VSS_OBJECT_PROVIDER;
        // What is asked about has to be GUID_NULL and VSS_OBJECT_NONE (reference page). An id of nothing that exists is
        // told apart, since the page lists that code too [?].
        const bool about_all = queried == guid_null && queried_type == VSS_OBJECT_NONE;
        const bool about_one =
            !(queried == guid_null) && queried_type > VSS_OBJECT_NONE && queried_type < VSS_OBJECT_TYPE_COUNT;
        if ((!about_all && !about_one) || (!providers && returned_type != VSS_OBJECT_SNAPSHOT)) return E_INVALIDARG;
        machine_->refresh();
        const bool hardware = machine_->chosen.hardware != hardware_provider::none;
        enumerated_objects objects{.providers = !providers ? 0U : hardware ? 2U : 1U};
        {
          std::lock_guard lock(machine_->mutex);
          if (!session_->for_backup()) return VSS_E_BAD_STATE;
          if (about_one) return exists(*machine_, queried, queried_type) ? E_INVALIDARG : VSS_E_OBJECT_NOT_FOUND;
          session_->context_fixed = true;
          for (const auto& each : machine_->shadow_copies) {
            if (!providers && each->state == VSS_SS_CREATED && session_->sees(*each)) {
              objects.copies.push_back(each);
            }
          }
        }
        const bool none = !providers && objects.copies.empty();
        out.object(result, make_enumeration(machine_, session_id_, std::move(objects)));
        return none ? S_FALSE : S_OK;
      });
}

HRESULT backup_components_object::DeleteSnapshots(VSS_ID source, VSS_OBJECT_TYPE type, BOOL force, LONG* deleted,
                                                  VSS_ID* not_deleted) {
  return call_in_parts(
      "IVssBackupComponents::DeleteSnapshots",
      {{"SourceObjectId", source}, {"eSourceObjectType", type}, {"bForceDelete", force}},
      [&](outputs&, const affliction& suffers) -> HRESULT {
        if (!deleted || !not_deleted || (type != VSS_OBJECT_SNAPSHOT && type != VSS_OBJECT_SNAPSHOT_SET)) {
          return E_INVALIDARG;
        }
        *deleted = 0;
        *not_deleted = guid_null;
        machine_->refresh();
        std::vector<std::shared_ptr<shadow_copy>> targets;
        {
          std::lock_guard lock(machine_->mutex);
          if (!session_->initialised()) return VSS_E_BAD_STATE;
          session_->context_fixed = true;
          for (const auto& each : machine_->shadow_copies) {
            const GUID& id = type == VSS_OBJECT_SNAPSHOT ? each->id : each->set_id;
            const bool visible = session_->reaches(*each);
            if (id == source && visible && each->state == VSS_SS_CREATED) targets.push_back(each);
          }
        }
        if (targets.empty()) {
          *not_deleted = source;
          return VSS_E_OBJECT_NOT_FOUND;
        }
        for (const auto& each : targets) {
          *not_deleted = each->id;
          const auto& failure = suffers.at_call;
          const bool fails = failure && failure->volume == each->volume;
          if (fails && !failure->after) return failure->code;
          if (!machine_->drop(each)) return VSS_E_OBJECT_NOT_FOUND;  // somebody else was quicker
          ++*deleted;
          if (fails) return failure->code;
        }
        *not_deleted = guid_null;
        return S_OK;
      });
}

}  // namespace vsspy::simulator
