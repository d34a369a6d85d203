#include "writer_reader.h"

#include "../com/bstr.h"
#include "file_sets.h"

namespace vsspy::requester {

namespace {

using com::check;
using com::com_ptr;
using com::unique_bstr;

documents::dependency read_dependency(const com_ptr<IVssWMDependency>& from) {
  unique_bstr path(from.platform());
  unique_bstr name(from.platform());
  documents::dependency dependency;
  check(traced("IVssWMDependency::GetWriterId", [&] { return from->GetWriterId(&dependency.writer_id); }),
        "IVssWMDependency::GetWriterId");
  check(traced("IVssWMDependency::GetLogicalPath", [&] { return from->GetLogicalPath(path.put()); }),
        "IVssWMDependency::GetLogicalPath");
  check(traced("IVssWMDependency::GetComponentName", [&] { return from->GetComponentName(name.put()); }),
        "IVssWMDependency::GetComponentName");
  dependency.logical_path = path.optional_text();
  dependency.component_name = name.text();
  return dependency;
}

// VSS_COMPONENTINFO belongs to its component object and goes back to it.
class component_info {
 public:
  explicit component_info(IVssWMComponent& component) : component_(component) {
    check(traced("IVssWMComponent::GetComponentInfo", [&] { return component.GetComponentInfo(&info_); }),
          "IVssWMComponent::GetComponentInfo");
    if (!info_) throw com::vss_error(E_UNEXPECTED, "IVssWMComponent::GetComponentInfo", "no structure came");
  }
  component_info(const component_info&) = delete;
  component_info& operator=(const component_info&) = delete;
  ~component_info() {
    traced("IVssWMComponent::FreeComponentInfo", [this] { return component_.FreeComponentInfo(info_); });
  }
  const VSS_COMPONENTINFO* operator->() const noexcept { return info_; }

 private:
  IVssWMComponent& component_;
  PVSSCOMPONENTINFO info_ = nullptr;
};

documents::component_metadata read_component(const com_ptr<IVssWMComponent>& from) {
  const vsspy_platform& platform = from.platform();
  const component_info info(*from);
  const auto text = [&](BSTR source) { return com::optional_text(platform, source); };
  documents::component_metadata component;
  component.type = info->type;
  component.logical_path = text(info->bstrLogicalPath);
  component.name = text(info->bstrComponentName).value_or(std::u16string());
  component.caption = text(info->bstrCaption);
  if (info->pbIcon) component.icon.assign(info->pbIcon, info->pbIcon + info->cbIcon);
  component.restore_metadata = info->bRestoreMetadata;
  component.notify_on_backup_complete = info->bNotifyOnBackupComplete;
  component.selectable = info->bSelectable;
  component.selectable_for_restore = info->bSelectableForRestore;
  component.flags = info->dwComponentFlags;
  component.files = read_file_sets(platform, info->cFileCount, "IVssWMComponent::GetFile", "iFile",
                                   [&](UINT i, IVssWMFiledesc** item) { return from->GetFile(i, item); });
  component.database_files =
      read_file_sets(platform, info->cDatabases, "IVssWMComponent::GetDatabaseFile", "iDBFile",
                     [&](UINT i, IVssWMFiledesc** item) { return from->GetDatabaseFile(i, item); });
  component.database_log_files =
      read_file_sets(platform, info->cLogFiles, "IVssWMComponent::GetDatabaseLogFile", "iDbLogFile",
                     [&](UINT i, IVssWMFiledesc** item) { return from->GetDatabaseLogFile(i, item); });
  for (UINT i = 0; i < info->cDependencies; ++i) {
    component.dependencies.push_back(read_dependency(fetch<IVssWMDependency>(
        platform, "IVssWMComponent::GetDependency",
        [&](IVssWMDependency** item) { return from->GetDependency(i, item); }, with("iDependency", i))));
  }
  return component;
}

std::optional<documents::restore_method> read_restore_method(const com_ptr<IVssExamineWriterMetadata>& writer) {
  const vsspy_platform& platform = writer.platform();
  unique_bstr service(platform);
  unique_bstr procedure(platform);
  documents::restore_method method;
  UINT mappings = 0;
  const HRESULT hr = traced("IVssExamineWriterMetadata::GetRestoreMethod", [&] {
    return writer->GetRestoreMethod(&method.method, service.put(), procedure.put(), &method.writer_restore,
                                    &method.reboot_required, &mappings);
  });
  if (check(hr, "IVssExamineWriterMetadata::GetRestoreMethod") == S_FALSE) return std::nullopt;
  method.service = service.optional_text();
  method.user_procedure = procedure.optional_text();
  method.alternate_location_mappings =
      read_file_sets(platform, mappings, "IVssExamineWriterMetadata::GetAlternateLocationMapping", "iMapping",
                     [&](UINT i, IVssWMFiledesc** item) { return writer->GetAlternateLocationMapping(i, item); });
  return method;
}

// The name of the instance came with Ex, version and the files left out of the shadow copy with Ex2.
void read_identity(const com_ptr<IVssExamineWriterMetadata>& writer, documents::writer_metadata& into) {
  const vsspy_platform& platform = writer.platform();
  unique_bstr name(platform);
  if (const auto extended = writer.try_query<IVssExamineWriterMetadataEx>()) {
    unique_bstr instance_name(platform);
    check(traced("IVssExamineWriterMetadataEx::GetIdentityEx",
                 [&] {
                   return extended->GetIdentityEx(&into.instance_id, &into.writer_id, name.put(), instance_name.put(),
                                                  &into.usage, &into.source);
                 }),
          "IVssExamineWriterMetadataEx::GetIdentityEx");
    into.instance_name = instance_name.optional_text();
  } else {
    check(traced("IVssExamineWriterMetadata::GetIdentity",
                 [&] {
                   return writer->GetIdentity(&into.instance_id, &into.writer_id, name.put(), &into.usage,
                                              &into.source);
                 }),
          "IVssExamineWriterMetadata::GetIdentity");
  }
  into.name = name.text();
  const auto extended = writer.try_query<IVssExamineWriterMetadataEx2>();
  if (!extended) return;
  DWORD major = 0;
  DWORD minor = 0;
  check(traced("IVssExamineWriterMetadataEx2::GetVersion", [&] { return extended->GetVersion(&major, &minor); }),
        "IVssExamineWriterMetadataEx2::GetVersion");
  into.major_version = major;
  into.minor_version = minor;
  UINT excluded = 0;
  check(traced("IVssExamineWriterMetadataEx2::GetExcludeFromSnapshotCount",
               [&] { return extended->GetExcludeFromSnapshotCount(&excluded); }),
        "IVssExamineWriterMetadataEx2::GetExcludeFromSnapshotCount");
  into.exclude_files_from_snapshot =
      read_file_sets(platform, excluded, "IVssExamineWriterMetadataEx2::GetExcludeFromSnapshotFile", "iFile",
                     [&](UINT i, IVssWMFiledesc** item) { return extended->GetExcludeFromSnapshotFile(i, item); });
}

}  // namespace

documents::writer_metadata read_writer(const com_ptr<IVssExamineWriterMetadata>& writer,
                                       const std::optional<GUID>& instance_id) {
  const vsspy_platform& platform = writer.platform();
  documents::writer_metadata metadata;
  read_identity(writer, metadata);
  if (instance_id) metadata.instance_id = *instance_id;
  UINT included = 0;  // reserved
  UINT excluded = 0;
  UINT components = 0;
  check(traced("IVssExamineWriterMetadata::GetFileCounts",
               [&] { return writer->GetFileCounts(&included, &excluded, &components); }),
        "IVssExamineWriterMetadata::GetFileCounts");
  metadata.exclude_files =
      read_file_sets(platform, excluded, "IVssExamineWriterMetadata::GetExcludeFile", "iFile",
                     [&](UINT i, IVssWMFiledesc** item) { return writer->GetExcludeFile(i, item); });
  for (UINT i = 0; i < components; ++i) {
    metadata.components.push_back(read_component(fetch<IVssWMComponent>(
        platform, "IVssExamineWriterMetadata::GetComponent",
        [&](IVssWMComponent** item) { return writer->GetComponent(i, item); }, with("iComponent", i))));
  }
  metadata.restore = read_restore_method(writer);
  DWORD schema = 0;
  check(traced("IVssExamineWriterMetadata::GetBackupSchema", [&] { return writer->GetBackupSchema(&schema); }),
        "IVssExamineWriterMetadata::GetBackupSchema");
  metadata.backup_schema = schema;
  unique_bstr xml(platform);
  check(traced("IVssExamineWriterMetadata::SaveAsXML", [&] { return writer->SaveAsXML(xml.put()); }),
        "IVssExamineWriterMetadata::SaveAsXML");
  metadata.xml = xml.text();
  return metadata;
}

}  // namespace vsspy::requester
