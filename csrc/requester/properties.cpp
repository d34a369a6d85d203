#include "properties.h"

#include <array>

#include "../com/bstr.h"

namespace vsspy::requester {

namespace {

std::optional<std::u16string> text(const WCHAR* source) {
  return source ? std::optional<std::u16string>(com::view(source)) : std::nullopt;
}

snapshot_properties copy_of(const VSS_SNAPSHOT_PROP& from) {
  return {from.m_SnapshotId,
          from.m_SnapshotSetId,
          static_cast<std::int32_t>(from.m_lSnapshotsCount),
          text(from.m_pwszSnapshotDeviceObject),
          text(from.m_pwszOriginalVolumeName),
          text(from.m_pwszOriginatingMachine),
          text(from.m_pwszServiceMachine),
          text(from.m_pwszExposedName),
          text(from.m_pwszExposedPath),
          from.m_ProviderId,
          static_cast<std::uint32_t>(from.m_lSnapshotAttributes),
          from.m_tsCreationTimestamp,
          static_cast<std::int32_t>(from.m_eStatus)};
}

// Elements as IVssEnumObject::Next gives them, with the strings that their owner has to free.
class batch {
 public:
  static constexpr ULONG size = 16;

  explicit batch(const vsspy_platform& platform) noexcept : platform_(platform) {}
  batch(const batch&) = delete;
  batch& operator=(const batch&) = delete;
  ~batch() { clear(); }

  // False when nothing came.
  bool fetch(IVssEnumObject& objects) {
    clear();
    ULONG fetched = 0;
    const HRESULT hr = objects.Next(size, elements_.data(), &fetched);
    count_ = fetched < size ? fetched : size;
    com::check(hr, "IVssEnumObject::Next");
    return count_ > 0;
  }

  const VSS_OBJECT_PROP* begin() const noexcept { return elements_.data(); }
  const VSS_OBJECT_PROP* end() const noexcept { return elements_.data() + count_; }

 private:
  void clear() noexcept {
    for (ULONG i = 0; i < count_; ++i) {
      VSS_OBJECT_PROP& element = elements_[i];
      if (element.Type == VSS_OBJECT_SNAPSHOT) {
        platform_.free_snapshot_properties(platform_.context, &element.Obj.Snap);
      } else if (element.Type == VSS_OBJECT_PROVIDER) {
        com::free_task_string(platform_, element.Obj.Prov.m_pwszProviderName);
        com::free_task_string(platform_, element.Obj.Prov.m_pwszProviderVersion);
      }
    }
    count_ = 0;
    elements_ = {};
  }

  const vsspy_platform& platform_;
  std::array<VSS_OBJECT_PROP, size> elements_{};
  ULONG count_ = 0;
};

template <class Visit>
void for_each(const vsspy_platform& platform, IVssEnumObject& objects, VSS_OBJECT_TYPE type, Visit visit) {
  batch elements(platform);
  while (elements.fetch(objects)) {
    for (const VSS_OBJECT_PROP& element : elements) {
      if (element.Type != type) throw com::vss_error(E_UNEXPECTED, "IVssEnumObject::Next", "an object of another type");
      visit(element.Obj);
    }
  }
}

}  // namespace

snapshot_properties filled_snapshot::copy() const { return copy_of(properties_); }

std::vector<snapshot_properties> read_snapshots(const vsspy_platform& platform, IVssEnumObject& objects) {
  std::vector<snapshot_properties> found;
  for_each(platform, objects, VSS_OBJECT_SNAPSHOT, [&](const auto& object) { found.push_back(copy_of(object.Snap)); });
  return found;
}

std::vector<provider_properties> read_providers(const vsspy_platform& platform, IVssEnumObject& objects) {
  std::vector<provider_properties> found;
  for_each(platform, objects, VSS_OBJECT_PROVIDER, [&](const auto& object) {
    const VSS_PROVIDER_PROP& from = object.Prov;
    found.push_back({from.m_ProviderId, text(from.m_pwszProviderName), static_cast<std::int32_t>(from.m_eProviderType),
                     text(from.m_pwszProviderVersion), from.m_ProviderVersionId, from.m_ClassId});
  });
  return found;
}

}  // namespace vsspy::requester
