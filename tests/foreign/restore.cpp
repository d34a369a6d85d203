// restore TARGET VOLUME=FOLDER...
//
// Restores what full_backup wrote to TARGET; FOLDER is where the volume is mounted, in the order of the backup.

#include "requester.hpp"

namespace {

struct volume {
  std::string root;  // as it was named in the backup
  fs::path folder;
};

struct restored {
  VSS_ID writer;
  VSS_COMPONENT_TYPE type;
  bstr path, name;

  std::string full_name() const { return path.narrow().empty() ? name.narrow() : path.narrow() + "\\" + name.narrow(); }
};

class restore {
 public:
  restore(fs::path target, std::vector<volume> volumes) : target_(std::move(target)), volumes_(std::move(volumes)) {
    check(CreateVssBackupComponents(components_.out()), "CreateVssBackupComponents");
  }

  void run_all() {
    const bstr document(load(target_ / "backup.xml"));
    check(components_->InitializeForRestore(document.get()), "InitializeForRestore");
    check(components_->SetRestoreState(VSS_RTYPE_BY_COPY), "SetRestoreState");
    run(components_, &IVssBackupComponents::GatherWriterMetadata, "GatherWriterMetadata");
    check(components_->FreeWriterMetadata(), "FreeWriterMetadata");
    visit_components([this](IVssComponent* one, const VSS_ID& writer) { select(one, writer); });
    run(components_, &IVssBackupComponents::PreRestore, "PreRestore");
    check_writers(components_, "PreRestore");
    // Views of the document are stale after PreRestore: they are fetched anew.
    visit_components([](IVssComponent* one, const VSS_ID&) {
      VSS_RESTORE_TARGET target = VSS_RT_UNDEFINED;
      check(one->GetRestoreTarget(&target), "GetRestoreTarget");
      if (target != VSS_RT_ORIGINAL && target != VSS_RT_UNDEFINED) throw std::runtime_error("a writer wants more");
    });
    for (const auto& each : selected_) copy(*each);
    run(components_, &IVssBackupComponents::PostRestore, "PostRestore");
    check_writers(components_, "PostRestore");
  }

 private:
  template <class Visit>
  void visit_components(const Visit& visit) {
    UINT writers = 0;
    check(components_->GetWriterComponentsCount(&writers), "GetWriterComponentsCount");
    for (UINT index = 0; index < writers; ++index) {
      object<IVssWriterComponentsExt> writer;
      check(components_->GetWriterComponents(index, writer.out()), "GetWriterComponents");
      VSS_ID instance, id;
      check(writer->GetWriterInfo(&instance, &id), "GetWriterInfo");
      UINT count = 0;
      check(writer->GetComponentCount(&count), "GetComponentCount");
      for (UINT number = 0; number < count; ++number) {
        object<IVssComponent> one;
        check(writer->GetComponent(number, one.out()), "GetComponent");
        visit(one.operator->(), id);
      }
    }
  }

  void select(IVssComponent* one, const VSS_ID& writer) {
    auto each = std::make_unique<restored>();
    each->writer = writer;
    check(one->GetComponentType(&each->type), "GetComponentType");
    check(one->GetLogicalPath(each->path.out()), "GetLogicalPath");
    check(one->GetComponentName(each->name.out()), "GetComponentName");
    bool succeeded = false;
    check(one->GetBackupSucceeded(&succeeded), "GetBackupSucceeded");
    if (!succeeded) throw std::runtime_error(each->full_name() + " was not saved");
    check(components_->SetSelectedForRestore(writer, each->type, each->path.get(), each->name.get(), true),
          "SetSelectedForRestore");
    std::printf("selected: %s\n", each->full_name().c_str());
    selected_.push_back(std::move(each));
  }

  // The file sets are those of the backup's day: in the stored documents. What comes implicitly lies below the
  // component.
  void copy(const restored& chosen) {
    int copied = 0;
    for (const auto& entry : fs::directory_iterator(target_ / "writers")) {
      object<IVssExamineWriterMetadata> metadata;
      const bstr document(load(entry.path()));
      check(CreateVssExamineWriterMetadata(document.get(), metadata.out()), "CreateVssExamineWriterMetadata");
      bstr writer_name;
      VSS_ID instance, id;
      VSS_USAGE_TYPE usage = VSS_UT_UNDEFINED;
      VSS_SOURCE_TYPE source = VSS_ST_UNDEFINED;
      check(metadata->GetIdentity(&instance, &id, writer_name.out(), &usage, &source), "GetIdentity");
      if (!(id == chosen.writer)) continue;
      check_method(metadata);
      for (const auto& one : components_of(metadata.operator->())) {
        const std::string name = one->full_name();
        if (name != chosen.full_name() && !name.starts_with(chosen.full_name() + "\\")) continue;
        for (const file_set& files : file_sets_of(*one)) copied += copy_one(files);
      }
    }
    check(
        components_->SetFileRestoreStatus(chosen.writer, chosen.type, chosen.path.get(), chosen.name.get(), VSS_RS_ALL),
        "SetFileRestoreStatus");
    std::printf("files: %s: %d\n", chosen.full_name().c_str(), copied);
  }

  static void check_method(const object<IVssExamineWriterMetadata>& metadata) {
    VSS_RESTOREMETHOD_ENUM method = VSS_RME_UNDEFINED;
    VSS_WRITERRESTORE_ENUM wanted = VSS_WRE_UNDEFINED;
    bstr service, procedure;
    bool reboot = false;
    UINT mappings = 0;
    check(metadata->GetRestoreMethod(&method, service.out(), procedure.out(), &wanted, &reboot, &mappings),
          "GetRestoreMethod");
    if (method != VSS_RME_RESTORE_IF_CAN_REPLACE) throw std::runtime_error("this restore method is not known here");
  }

  int copy_one(const file_set& files) const {
    for (std::size_t index = 0; index < volumes_.size(); ++index) {
      const volume& each = volumes_[index];
      if (!files.path.starts_with(each.root)) continue;
      return copy_files(files, each.root.size(), target_ / "volumes" / std::to_string(index), each.folder);
    }
    return 0;
  }

  fs::path target_;
  std::vector<volume> volumes_;
  object<IVssBackupComponents> components_;
  std::vector<std::unique_ptr<restored>> selected_;
};

}  // namespace

int main(int count, char** words) {
  if (count < 3) return 2;
  try {
    const com initialized;
    std::vector<volume> volumes;
    for (int index = 2; index < count; ++index) {
      const std::string word = words[index];
      const std::size_t middle = word.find('=');
      if (middle == std::string::npos) return 2;
      volumes.push_back({word.substr(0, middle), fs::path(word.substr(middle + 1))});
    }
    restore(words[1], std::move(volumes)).run_all();
    std::puts("restore: good");
    return 0;
  } catch (const std::exception& error) {
    std::printf("error: %s\n", error.what());
    return 1;
  }
}
