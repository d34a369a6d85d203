// IVssExamineWriterMetadataEx2 and what it hands out: read-only views of a Writer Metadata Document.
#include <mutex>

#include "backup_components_object.h"
#include "file_description.h"

namespace vsspy::simulator {

namespace {

using metadata_pointer = std::shared_ptr<const documents::writer_metadata>;

class dependency_object final : public service_object<IVssWMDependency> {
 public:
  dependency_object(std::shared_ptr<machine> machine, const GUID& session, documents::dependency dependency)
      : service_object(std::move(machine), session, "IVssWMDependency"), dependency_(std::move(dependency)) {}

  HRESULT STDMETHODCALLTYPE GetWriterId(VSS_ID* id) override {
    return call("IVssWMDependency::GetWriterId", {}, [&](outputs&) -> HRESULT {
      if (!id) return E_INVALIDARG;
      *id = dependency_.writer_id;
      return S_OK;
    });
  }
  HRESULT STDMETHODCALLTYPE GetLogicalPath(BSTR* path) override {
    return call("IVssWMDependency::GetLogicalPath", {}, [&](outputs& out) -> HRESULT {
      if (!path) return E_INVALIDARG;
      *path = nullptr;
      out.text(path, dependency_.logical_path);
      return dependency_.logical_path ? S_OK : S_FALSE;
    });
  }
  HRESULT STDMETHODCALLTYPE GetComponentName(BSTR* name) override {
    return call("IVssWMDependency::GetComponentName", {}, [&](outputs& out) -> HRESULT {
      if (!name) return E_INVALIDARG;
      *name = nullptr;
      out.text(name, std::u16string_view(dependency_.component_name));
      return S_OK;
    });
  }

 private:
  const documents::dependency dependency_;
};

// The structure that GetComponentInfo gives; it is the component's and goes back to FreeComponentInfo.
class component_object final : public service_object<IVssWMComponent> {
 public:
  component_object(std::shared_ptr<machine> machine, const GUID& session, metadata_pointer metadata, UINT index)
      : service_object(std::move(machine), session, "IVssWMComponent"),
        metadata_(std::move(metadata)),
        component_(metadata_->components[index]) {}

  HRESULT STDMETHODCALLTYPE GetComponentInfo(PVSSCOMPONENTINFO* info) override {
    return call("IVssWMComponent::GetComponentInfo", {}, [&](outputs& out) -> HRESULT {
      if (!info) return E_INVALIDARG;
      *info = nullptr;
      owned_info* made = add_info();
      out.other(made, [](machine&, void* slot) {
        auto* undone = static_cast<owned_info*>(slot);
        undone->owner->drop_info(undone);
      });
      simulator::allocator& allocator = machine_->allocator;
      if (component_.logical_path) made->bstrLogicalPath = allocator.bstr(*component_.logical_path);
      made->bstrComponentName = allocator.bstr(component_.name);
      if (component_.caption) made->bstrCaption = allocator.bstr(*component_.caption);
      made->type = component_.type;
      made->pbIcon = component_.icon.empty() ? nullptr : const_cast<BYTE*>(component_.icon.data());
      made->cbIcon = static_cast<UINT>(component_.icon.size());
      made->bRestoreMetadata = component_.restore_metadata;
      made->bNotifyOnBackupComplete = component_.notify_on_backup_complete;
      made->bSelectable = component_.selectable;
      made->bSelectableForRestore = component_.selectable_for_restore;
      made->dwComponentFlags = component_.flags;
      made->cFileCount = static_cast<UINT>(component_.files.size());
      made->cDatabases = static_cast<UINT>(component_.database_files.size());
      made->cLogFiles = static_cast<UINT>(component_.database_log_files.size());
      made->cDependencies = static_cast<UINT>(component_.dependencies.size());
      *info = made;
      return S_OK;
    });
  }

  HRESULT STDMETHODCALLTYPE FreeComponentInfo(PVSSCOMPONENTINFO info) override {
    return call("IVssWMComponent::FreeComponentInfo", {},
                [&](outputs&) -> HRESULT { return !info || drop_info(info) ? S_OK : E_INVALIDARG; });
  }

  HRESULT STDMETHODCALLTYPE GetFile(UINT index, IVssWMFiledesc** file) override {
    return give("IVssWMComponent::GetFile", "iFile", component_.files, index, file);
  }
  HRESULT STDMETHODCALLTYPE GetDatabaseFile(UINT index, IVssWMFiledesc** file) override {
    return give("IVssWMComponent::GetDatabaseFile", "iDBFile", component_.database_files, index, file);
  }
  HRESULT STDMETHODCALLTYPE GetDatabaseLogFile(UINT index, IVssWMFiledesc** file) override {
    return give("IVssWMComponent::GetDatabaseLogFile", "iDbLogFile", component_.database_log_files, index, file);
  }
  HRESULT STDMETHODCALLTYPE GetDependency(UINT index, IVssWMDependency** dependency) override {
    return call("IVssWMComponent::GetDependency", {{"iDependency", index}}, [&](outputs& out) -> HRESULT {
      if (!dependency) return E_INVALIDARG;
      *dependency = nullptr;
      if (index >= component_.dependencies.size()) return VSS_E_OBJECT_NOT_FOUND;
      IVssWMDependency* made = new dependency_object(machine_, session_id_, component_.dependencies[index]);
      out.object(dependency, made);
      return S_OK;
    });
  }

 private:
  struct owned_info : VSS_COMPONENTINFO {
    explicit owned_info(component_object* of) : VSS_COMPONENTINFO{}, owner(of) {}
    ~owned_info() {
      simulator::allocator& allocator = owner->machine_->allocator;
      allocator.free_bstr(bstrLogicalPath);
      allocator.free_bstr(bstrComponentName);
      allocator.free_bstr(bstrCaption);
    }
    component_object* const owner;
  };

  ~component_object() override {
    if (infos_.empty()) return;
    guarded([&] {
      std::lock_guard lock(machine_->mutex);
      machine_->notes.push_back("IVssWMComponent released before its FreeComponentInfo: " +
                                com::to_utf8(component_.name));
      return S_OK;
    });
  }

  owned_info* add_info() {
    std::lock_guard lock(mutex_);
    return infos_.emplace_back(std::make_unique<owned_info>(this)).get();
  }
  bool drop_info(const VSS_COMPONENTINFO* info) {
    std::lock_guard lock(mutex_);
    return std::erase_if(infos_, [&](const auto& each) { return each.get() == info; }) != 0;
  }

  HRESULT give(const char* name, const char* argument, const std::vector<documents::file_set>& files, UINT index,
               IVssWMFiledesc** file) {
    return call(name, {{argument, index}}, [&](outputs& out) {
      return give_file(*this->machine_, session_id_, out, metadata_, files, index, file);
    });
  }

  const metadata_pointer metadata_;
  const documents::component_metadata& component_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<owned_info>> infos_;
};

class examine_object final : public service_object<IVssExamineWriterMetadataEx2> {
 public:
  examine_object(std::shared_ptr<machine> machine, const GUID& session, metadata_pointer metadata)
      : service_object(std::move(machine), session, "IVssExamineWriterMetadata"), metadata_(std::move(metadata)) {}

  HRESULT STDMETHODCALLTYPE GetIdentity(VSS_ID* instance, VSS_ID* writer, BSTR* name, VSS_USAGE_TYPE* usage,
                                        VSS_SOURCE_TYPE* source) override {
    return call("IVssExamineWriterMetadata::GetIdentity", {},
                [&](outputs& out) -> HRESULT { return identity(out, instance, writer, name, usage, source); });
  }

  HRESULT STDMETHODCALLTYPE GetIdentityEx(VSS_ID* instance, VSS_ID* writer, BSTR* name, BSTR* instance_name,
                                          VSS_USAGE_TYPE* usage, VSS_SOURCE_TYPE* source) override {
    return call("IVssExamineWriterMetadataEx::GetIdentityEx", {}, [&](outputs& out) -> HRESULT {
      if (!instance_name) return E_INVALIDARG;
      *instance_name = nullptr;
      const HRESULT hr = identity(out, instance, writer, name, usage, source);
      if (SUCCEEDED(hr)) out.text(instance_name, current()->instance_name);
      return hr;
    });
  }

  HRESULT STDMETHODCALLTYPE GetFileCounts(UINT* includes, UINT* excludes, UINT* components) override {
    return call("IVssExamineWriterMetadata::GetFileCounts", {}, [&](outputs&) -> HRESULT {
      if (!includes || !excludes || !components) return E_INVALIDARG;
      const metadata_pointer metadata = current();
      *includes = 0;  // reserved (semantics 14)
      *excludes = static_cast<UINT>(metadata->exclude_files.size());
      *components = static_cast<UINT>(metadata->components.size());
      return S_OK;
    });
  }

  HRESULT STDMETHODCALLTYPE GetIncludeFile(UINT index, IVssWMFiledesc** file) override {
    return call("IVssExamineWriterMetadata::GetIncludeFile", {{"iFile", index}}, [&](outputs&) -> HRESULT {
      if (!file) return E_INVALIDARG;
      *file = nullptr;
      return VSS_E_OBJECT_NOT_FOUND;  // the count is always 0
    });
  }

  HRESULT STDMETHODCALLTYPE GetExcludeFile(UINT index, IVssWMFiledesc** file) override {
    return call("IVssExamineWriterMetadata::GetExcludeFile", {{"iFile", index}}, [&](outputs& out) {
      const metadata_pointer metadata = current();
      return give_file(*machine_, session_id_, out, metadata, metadata->exclude_files, index, file);
    });
  }

  HRESULT STDMETHODCALLTYPE GetComponent(UINT index, IVssWMComponent** component) override {
    return call("IVssExamineWriterMetadata::GetComponent", {{"iComponent", index}}, [&](outputs& out) -> HRESULT {
      if (!component) return E_INVALIDARG;
      *component = nullptr;
      const metadata_pointer metadata = current();
      if (index >= metadata->components.size()) return VSS_E_OBJECT_NOT_FOUND;
      IVssWMComponent* made = new component_object(machine_, session_id_, metadata, index);
      out.object(component, made);
      return S_OK;
    });
  }

  HRESULT STDMETHODCALLTYPE GetRestoreMethod(VSS_RESTOREMETHOD_ENUM* method, BSTR* service, BSTR* procedure,
                                             VSS_WRITERRESTORE_ENUM* writer_restore, bool* reboot,
                                             UINT* mappings) override {
    return call("IVssExamineWriterMetadata::GetRestoreMethod", {}, [&](outputs& out) -> HRESULT {
      if (!method || !service || !procedure || !writer_restore || !reboot || !mappings) return E_INVALIDARG;
      const metadata_pointer metadata = current();
      if (!metadata->restore) return S_FALSE;  // and leaves the outputs as they were (semantics 14)
      const documents::restore_method& restore = *metadata->restore;
      *service = *procedure = nullptr;
      out.text(service, restore.service);
      out.text(procedure, restore.user_procedure);
      *method = restore.method;
      *writer_restore = restore.writer_restore;
      *reboot = restore.reboot_required;
      *mappings = static_cast<UINT>(restore.alternate_location_mappings.size());
      return S_OK;
    });
  }

  HRESULT STDMETHODCALLTYPE GetAlternateLocationMapping(UINT index, IVssWMFiledesc** file) override {
    return call("IVssExamineWriterMetadata::GetAlternateLocationMapping", {{"iMapping", index}}, [&](outputs& out) {
      const metadata_pointer metadata = current();
      static const std::vector<documents::file_set> none;
      const auto& files = metadata->restore ? metadata->restore->alternate_location_mappings : none;
      return give_file(*machine_, session_id_, out, metadata, files, index, file);
    });
  }

  HRESULT STDMETHODCALLTYPE GetBackupSchema(DWORD* schema) override {
    return number("IVssExamineWriterMetadata::GetBackupSchema", schema, &documents::writer_metadata::backup_schema);
  }

  HRESULT STDMETHODCALLTYPE GetDocument(IXMLDOMDocument** document) override {
    return call("IVssExamineWriterMetadata::GetDocument", {}, [&](outputs&) -> HRESULT {
      if (!document) return E_INVALIDARG;
      *document = nullptr;
      return E_NOTIMPL;  // reserved for the system
    });
  }

  HRESULT STDMETHODCALLTYPE SaveAsXML(BSTR* xml) override {
    return call("IVssExamineWriterMetadata::SaveAsXML", {}, [&](outputs& out) -> HRESULT {
      if (!xml) return E_INVALIDARG;
      *xml = nullptr;
      out.text(xml, std::u16string_view(current()->xml));
      return S_OK;
    });
  }

  HRESULT STDMETHODCALLTYPE LoadFromXML(BSTR xml) override {
    return call("IVssExamineWriterMetadata::LoadFromXML", {}, [&](outputs&) -> HRESULT {
      if (!xml) return E_INVALIDARG;
      auto loaded = std::make_shared<documents::writer_metadata>(
          documents::read_writer_metadata({com::view(xml).data(), allocator::bstr_length(xml)}));
      std::lock_guard lock(mutex_);
      metadata_ = std::move(loaded);
      return S_OK;
    });
  }

  HRESULT STDMETHODCALLTYPE GetVersion(DWORD* major, DWORD* minor) override {
    return call("IVssExamineWriterMetadataEx2::GetVersion", {}, [&](outputs&) -> HRESULT {
      if (!major || !minor) return E_INVALIDARG;
      const metadata_pointer metadata = current();
      *major = metadata->major_version;
      *minor = metadata->minor_version;
      return S_OK;
    });
  }

  HRESULT STDMETHODCALLTYPE GetExcludeFromSnapshotCount(UINT* count) override {
    return call("IVssExamineWriterMetadataEx2::GetExcludeFromSnapshotCount", {}, [&](outputs&) -> HRESULT {
      if (!count) return E_INVALIDARG;
      *count = static_cast<UINT>(current()->exclude_files_from_snapshot.size());
      return S_OK;
    });
  }

  HRESULT STDMETHODCALLTYPE GetExcludeFromSnapshotFile(UINT index, IVssWMFiledesc** file) override {
    return call("IVssExamineWriterMetadataEx2::GetExcludeFromSnapshotFile", {{"iFile", index}}, [&](outputs& out) {
      const metadata_pointer metadata = current();
      return give_file(*machine_, session_id_, out, metadata, metadata->exclude_files_from_snapshot, index, file);
    });
  }

 private:
  bool answers(REFIID iid) const override {
    if (iid == abi::iid_of<IVssExamineWriterMetadata>::value) return true;
    return machine_->at_least(system_level::vista) && (iid == abi::iid_of<IVssExamineWriterMetadataEx>::value ||
                                                       iid == abi::iid_of<IVssExamineWriterMetadataEx2>::value);
  }

  metadata_pointer current() const {
    std::lock_guard lock(mutex_);
    return metadata_;
  }

  HRESULT identity(outputs& out, VSS_ID* instance, VSS_ID* writer, BSTR* name, VSS_USAGE_TYPE* usage,
                   VSS_SOURCE_TYPE* source) const {
    if (!instance || !writer || !name || !usage || !source) return E_INVALIDARG;
    *name = nullptr;
    const metadata_pointer metadata = current();
    out.text(name, std::u16string_view(metadata->name));
    *instance = metadata->instance_id;
    *writer = metadata->writer_id;
    *usage = metadata->usage;
    *source = metadata->source;
    return S_OK;
  }

  HRESULT number(const char* name, DWORD* where, std::uint32_t documents::writer_metadata::* field) {
    return call(name, {}, [&](outputs&) -> HRESULT {
      if (!where) return E_INVALIDARG;
      *where = *current().*field;
      return S_OK;
    });
  }

  mutable std::mutex mutex_;
  metadata_pointer metadata_;
};

}  // namespace

IVssExamineWriterMetadataEx2* make_examine_metadata(std::shared_ptr<machine> machine, const GUID& session,
                                                    std::shared_ptr<const documents::writer_metadata> metadata) {
  return new examine_object(std::move(machine), session, std::move(metadata));
}

}  // namespace vsspy::simulator
