#include "hardware.h"

#include "../com/hresult.h"
#include "../documents/xml.h"

namespace vsspy::simulator {

namespace storage_array {

namespace {

std::mutex mutex;

// Never destroyed: a machine may end after everything static.
std::map<GUID, std::weak_ptr<machine>, guid_order>& presented() {
  static auto& luns = *new std::map<GUID, std::weak_ptr<machine>, guid_order>;
  return luns;
}

}  // namespace

void present(const GUID& lun, const std::shared_ptr<machine>& to) {
  std::lock_guard lock(mutex);
  presented()[lun] = to;
}

std::shared_ptr<machine> holder(const GUID& lun) {
  std::lock_guard lock(mutex);
  const auto found = presented().find(lun);
  return found == presented().end() ? nullptr : found->second.lock();
}

void forget(const GUID& lun) {
  std::lock_guard lock(mutex);
  presented().erase(lun);
}

std::shared_ptr<shadow_copy> take(const GUID& id, const GUID& lun) {
  const std::shared_ptr<machine> from = holder(lun);
  if (!from) return nullptr;
  std::lock_guard lock(from->mutex);
  const std::shared_ptr<shadow_copy> found = from->find_shadow_copy(id);
  const bool there = found && found->lun == lun && found->state == VSS_SS_CREATED && !found->going && !found->readers;
  if (!there || from->closed || found->attributes & VSS_VOLSNAP_ATTR_IMPORTED) return nullptr;
  std::erase(from->shadow_copies, found);
  auto taken = std::make_shared<shadow_copy>(*found);  // enumerators may still look at the one that is gone
  found->array.reset();
  found->gone = true;
  return taken;
}

reader::reader(const GUID& id, const GUID& lun) : machine_(holder(lun)) {
  if (!machine_) return;
  std::lock_guard lock(machine_->mutex);
  const std::shared_ptr<shadow_copy> found = machine_->find_shadow_copy(id);
  if (!found || !(found->lun == lun) || found->going || machine_->closed) return;
  ++found->readers;
  copy = found;
}

reader::~reader() {
  if (!copy) return;
  std::lock_guard lock(machine_->mutex);
  --copy->readers;
  machine_->changed.notify_all();
}

}  // namespace storage_array

namespace {

constexpr const char* operation = "SNAPSHOT_SET_DESCRIPTION";
constexpr std::u16string_view set_description = u"SNAPSHOT_SET_DESCRIPTION", set_id = u"snapshotSetId";
constexpr std::u16string_view description = u"SNAPSHOT_DESCRIPTION", snapshot_id = u"snapshotId";
constexpr std::u16string_view lun_mapping = u"LUN_MAPPING", destination_lun = u"DESTINATION_LUN";
constexpr std::u16string_view lun_information = u"LUN_INFORMATION", disk_signature = u"diskSignature";

GUID guid_attribute(const documents::xml::document& text, const documents::xml::node& element,
                    std::u16string_view name) {
  for (std::uint32_t i = 0; i < element.attribute_count; ++i) {
    const documents::xml::attribute& each = text.attributes[element.first_attribute + i];
    if (GUID id{}; each.name == name && com::parse_guid(each.value, id)) return id;
  }
  throw com::vss_error(VSS_E_INVALID_XML_DOCUMENT, operation, com::to_utf8(name) + " is missing or no GUID");
}

// Visits the children of that name.
template <class Visit>
void each_child(const documents::xml::document& text, const documents::xml::node& parent, std::u16string_view name,
                Visit&& visit) {
  for (auto id = parent.first_child; id != documents::xml::none; id = text.nodes[id].next) {
    if (text.nodes[id].name == name) visit(text.nodes[id]);
  }
}

}  // namespace

std::u16string describe_set(const GUID& set, const std::vector<described_copy>& copies) {
  documents::xml::writer out(operation);
  out.open(set_description);
  out.attribute(set_id, com::guid_text(set));
  for (const described_copy& each : copies) {
    out.open(description);
    out.attribute(snapshot_id, com::guid_text(each.id));
    out.open(lun_mapping);
    out.open(destination_lun);
    out.open(lun_information);
    out.attribute(disk_signature, com::guid_text(each.lun));
    for (int i = 0; i < 4; ++i) out.close();
  }
  out.close();
  return out.take();
}

std::vector<described_copy> described_copies(const documents::backup_components& document) {
  std::vector<described_copy> found;
  for (const std::u16string& child : document.other_children) {
    if (!child.starts_with(u'<')) continue;
    const documents::xml::document text = documents::xml::parse(child, operation);
    if (text.nodes[0].name != set_description) continue;
    each_child(text, text.nodes[0], description, [&](const documents::xml::node& copy) {
      const GUID id = guid_attribute(text, copy, snapshot_id);
      each_child(text, copy, lun_mapping, [&](const documents::xml::node& mapping) {
        each_child(text, mapping, destination_lun, [&](const documents::xml::node& destination) {
          each_child(text, destination, lun_information, [&](const documents::xml::node& lun) {
            found.push_back({id, guid_attribute(text, lun, disk_signature)});
          });
        });
      });
    });
  }
  return found;
}

}  // namespace vsspy::simulator
