// IVssBackupComponents: exposing shadow copies (semantics 7.5), and where paths lie.
#include <algorithm>

#include "backup_components_object.h"
#include "exposure.h"
#include "native_path.h"
#include "persistent_state.h"
#include "places.h"

namespace vsspy::simulator {

namespace {

bool is_drive(std::u16string_view name) {
  const bool letter = !name.empty() && ((name[0] >= u'A' && name[0] <= u'Z') || (name[0] >= u'a' && name[0] <= u'z'));
  return letter && (name.substr(1) == u":" || name.substr(1) == u":\\");
}

bool is_share(std::u16string_view name) { return !name.empty() && name.find_first_of(u"\\/:*?\"<>|") == name.npos; }

// The elements of a path below a root; nothing for one that leads out of it.
std::optional<std::vector<std::u16string>> elements_of(std::u16string_view path) {
  std::vector<std::u16string> elements;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find_first_of(u"\\/"), path.size());
    if (path.substr(0, end) == u"..") return std::nullopt;
    if (end && path.substr(0, end) != u".") elements.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return elements;
}

// Arguments that no state makes right.
bool in_order(const VSS_ID& id, VSS_PWSZ path_from_root, LONG attributes, VSS_PWSZ expose) {
  if (id == guid_null) return false;  // no shadow copy has it [?]
  const std::u16string_view name = com::view(expose), path = com::view(path_from_root);
  if (attributes == VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY) return !path_from_root && !name.empty();
  return attributes == VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY && (!expose || is_share(name)) && elements_of(path);
}

// Only what outlives its requester can be exposed, and no client-accessible one. With which code a violation is refused
// is not documented: the shadow copy's state is wrong rather than an argument [?].
bool may_be_exposed(const shadow_copy& copy) {
  const LONG context = copy.context & ~addable_attributes;
  return (context == VSS_CTX_NAS_ROLLBACK || context == VSS_CTX_APP_ROLLBACK) && !copy.exposed && !copy.device.empty();
}

// With the mutex held. A name that is taken is an invalid one [?].
HRESULT expose_locally(const machine& machine, std::u16string name, exposure& made) {
  if (is_drive(name)) {
    if (name.back() != u'\\') name += u'\\';
    if (machine.find_volume(name) || machine.find_exposed(name)) return E_INVALIDARG;
    made.name = std::move(name);
    return S_OK;
  }
  const std::optional<place> where = locate(machine, name);
  if (!where || !machine.storage.can_store(where->volume)) return E_INVALIDARG;  // NTFS has mounted folders
  made.link = link_place(where->volume->folder, where->elements);
  if (made.link.empty()) return E_INVALIDARG;
  const char16_t separator = where->volume->name.back();
  if (!is_volume_name(name)) name += separator;
  made.name = std::move(name);
  return S_OK;
}

HRESULT share(const machine& machine, const shadow_copy& copy, const VSS_PWSZ path, std::u16string name,
              exposure& made) {
  const auto is_taken = [&](const std::u16string& wanted) {
    return std::ranges::any_of(machine.shadow_copies,
                               [&](const auto& each) { return each->exposed && each->exposed->name == wanted; });
  };
  if (is_taken(name)) return E_INVALIDARG;
  for (unsigned number = 1; name.empty(); ++number) {
    std::u16string chosen = u"ShadowCopy" + com::to_utf16(std::to_string(number));
    if (!is_taken(chosen)) name = std::move(chosen);
  }
  if (path) {
    if (folder_below(copy.folder, *elements_of(com::view(path))).empty()) return E_INVALIDARG;
    made.path = com::view(path);
  }
  made.name = std::move(name);
  return S_OK;
}

// Makes a shadow copy exposed, or not, and saves it; when that fails it is as it was.
void show_as(persistent_state::change& change, shadow_copy& copy, std::optional<exposure> exposed, LONG how) {
  constexpr LONG either = VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY | VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY;
  const LONG hidden = how ? 0 : VSS_VOLSNAP_ATTR_NOT_SURFACED;
  const LONG attributes_before =
      std::exchange(copy.attributes, (copy.attributes & ~(either | VSS_VOLSNAP_ATTR_NOT_SURFACED)) | how | hidden);
  std::optional<exposure> before = std::exchange(copy.exposed, std::move(exposed));
  try {
    change.save(copy);
  } catch (...) {
    copy.exposed = std::move(before);
    copy.attributes = attributes_before;
    throw;
  }
}

}  // namespace

HRESULT backup_components_object::ExposeSnapshot(VSS_ID id, VSS_PWSZ path_from_root, LONG attributes, VSS_PWSZ expose,
                                                 VSS_PWSZ* exposed) {
  return call(
      "IVssBackupComponents::ExposeSnapshot",
      {{"SnapshotId", id}, {"wszPathFromRoot", path_from_root}, {"lAttributes", attributes}, {"wszExpose", expose}},
      [&](outputs& out) -> HRESULT {
        if (exposed) *exposed = nullptr;
        if (!exposed || !in_order(id, path_from_root, attributes, expose)) return E_INVALIDARG;
        persistent_state::change change(machine_->persistent().get());
        std::lock_guard lock(machine_->mutex);
        if (!session_->for_backup()) return VSS_E_BAD_STATE;
        session_->context_fixed = true;
        const std::shared_ptr<shadow_copy> copy = machine_->find_shadow_copy(id);
        if (!copy || copy->state != VSS_SS_CREATED || copy->going || !session_->reaches(*copy)) {
          return VSS_E_OBJECT_NOT_FOUND;
        }
        if (!may_be_exposed(*copy)) return VSS_E_BAD_STATE;
        if (folder_below(copy->folder, {}).empty()) return VSS_E_PROVIDER_VETO;  // somebody has removed it
        exposure made;
        const HRESULT hr = attributes == VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY
                               ? expose_locally(*machine_, std::u16string(com::view(expose)), made)
                               : share(*machine_, *copy, path_from_root, std::u16string(com::view(expose)), made);
        if (FAILED(hr)) return hr;
        out.task_text(exposed, made.name);
        // What is written comes first: who finds this process dead then mends the link.
        if (!copy->catalogued && !made.link.empty()) {
          note_link(machine_->state_path(), copy->id, made.link, copy->folder);
        }
        show_as(change, *copy, std::move(made), attributes);
        if (copy->exposed->link.empty() || make_link(copy->exposed->link, copy->folder) == link_result::made) {
          return S_OK;
        }
        forget_link(machine_->state_path(), copy->id);
        show_as(change, *copy, std::nullopt, 0);
        return VSS_E_PROVIDER_VETO;
      });
}

HRESULT backup_components_object::UnexposeSnapshot(VSS_ID id) {
  return call("IVssBackupComponentsEx2::UnexposeSnapshot", {{"snapshotId", id}}, [&](outputs&) -> HRESULT {
    if (id == guid_null) return E_INVALIDARG;
    persistent_state::change change(machine_->persistent().get());
    std::lock_guard lock(machine_->mutex);
    if (!session_->for_backup()) return VSS_E_BAD_STATE;
    session_->context_fixed = true;
    const std::shared_ptr<shadow_copy> copy = machine_->find_shadow_copy(id);
    if (!copy || !copy->exposed || copy->going || !session_->reaches(*copy)) return VSS_E_OBJECT_NOT_FOUND;
    if (!remove_link(*copy->exposed, copy->folder)) return VSS_E_PROVIDER_VETO;  // something else stands there now
    if (!copy->catalogued) forget_link(machine_->state_path(), copy->id);
    const std::filesystem::path link = copy->exposed->link;
    try {
      show_as(change, *copy, std::nullopt, 0);
    } catch (...) {
      if (!link.empty()) make_link(link, copy->folder);
      throw;
    }
    return S_OK;
  });
}

// The page does not say what the parts look like [?]. Here the prefix is what of the path names the volume, so that the
// rest of the path is what lies below the root of its shadow copy; the root is the volume's own name. Names of servers
// are no part of the simulator, so there is nothing to normalise in them.
HRESULT backup_components_object::GetRootAndLogicalPrefixPaths(VSS_PWSZ path, VSS_PWSZ* root, VSS_PWSZ* prefix,
                                                               BOOL normalize) {
  return call("IVssBackupComponentsEx4::GetRootAndLogicalPrefixPaths",
              {{"pwszFilePath", path}, {"bNormalizeFQDNforRootPath", normalize}}, [&](outputs& out) -> HRESULT {
                if (root) *root = nullptr;
                if (prefix) *prefix = nullptr;
                if (!path || !*path || !root || !prefix) return E_INVALIDARG;
                std::lock_guard lock(machine_->mutex);
                const std::optional<place> found = locate(*machine_, com::view(path));
                if (!found) return VSS_E_OBJECT_NOT_FOUND;
                out.task_text(root, found->volume->name);
                out.task_text(prefix, com::view(path).substr(0, found->prefix));
                return S_OK;
              });
}

}  // namespace vsspy::simulator
