// full_backup TARGET VOLUME... [--drop=STEP | --pause=STEP]
//
// A full backup of everything that the writers have on the volumes, into a folder. --drop releases everything at a step
// without a word to VSS, --pause waits there for a line on the standard input; the steps are prepared and snapshot.

#include "requester.hpp"

namespace {

struct volume {
  wide name;
  VSS_ID snapshot;
  fs::path device;
};

struct writer {
  VSS_ID instance, id;
  std::string name;
  object<IVssExamineWriterMetadata> metadata;
  component_list components;
};

using writer_list = std::vector<std::unique_ptr<writer>>;

struct dropped {};

class backup {
 public:
  backup(fs::path target, std::string drop, std::string pause)
      : target_(std::move(target)), drop_(std::move(drop)), pause_(std::move(pause)) {
    check(CreateVssBackupComponents(components_.out()), "CreateVssBackupComponents");
  }

  void run_all(std::vector<volume> volumes) {
    try {
      prepare(volumes);
      step("prepared");
      run(components_, &IVssBackupComponents::DoSnapshotSet, "DoSnapshotSet");
      check_writers(components_, "DoSnapshotSet");
      step("snapshot");
      copy(volumes);
      complete();
    } catch (const dropped&) {
      throw;
    } catch (...) {
      // From here on stopping means telling the writers; before it, releasing is enough.
      if (prepared_) check(components_->AbortBackup(), "AbortBackup");
      throw;
    }
  }

 private:
  void step(const std::string& name) {
    if (drop_ == name) throw dropped();
    if (pause_ != name) return;
    std::printf("paused: %s\n", name.c_str());
    std::fflush(stdout);
    std::getchar();
  }

  void prepare(std::vector<volume>& volumes) {
    check(components_->InitializeForBackup(nullptr), "InitializeForBackup");
    check(components_->SetBackupState(true, true, VSS_BT_FULL, false), "SetBackupState");
    run(components_, &IVssBackupComponents::GatherWriterMetadata, "GatherWriterMetadata");
    read_writers();
    for (const auto& each : writers_) {
      for (const auto& one : each->components) {
        if (!is_explicit(*one, each->components)) continue;
        check(components_->AddComponent(each->instance, each->id, one->type, one->path.get(), one->name.get()),
              "AddComponent");
        std::printf("component: %s: %s\n", each->name.c_str(), one->full_name().c_str());
      }
    }
    VSS_ID set;
    check(components_->StartSnapshotSet(&set), "StartSnapshotSet");
    for (volume& each : volumes) {
      BOOL supported = FALSE;
      check(components_->IsVolumeSupported(VSS_ID{}, each.name.data(), &supported), "IsVolumeSupported");
      if (!supported) throw std::runtime_error("the volume is not supported");
      check(components_->AddToSnapshotSet(each.name.data(), VSS_ID{}, &each.snapshot), "AddToSnapshotSet");
    }
    run(components_, &IVssBackupComponents::PrepareForBackup, "PrepareForBackup");
    prepared_ = true;
    check_writers(components_, "PrepareForBackup");
  }

  void read_writers() {
    UINT count = 0;
    check(components_->GetWriterMetadataCount(&count), "GetWriterMetadataCount");
    for (UINT index = 0; index < count; ++index) {
      auto each = std::make_unique<writer>();
      check(components_->GetWriterMetadata(index, &each->instance, each->metadata.out()), "GetWriterMetadata");
      bstr name;
      VSS_ID instance;
      VSS_USAGE_TYPE usage = VSS_UT_UNDEFINED;
      VSS_SOURCE_TYPE source = VSS_ST_UNDEFINED;
      check(each->metadata->GetIdentity(&instance, &each->id, name.out(), &usage, &source), "GetIdentity");
      each->name = name.narrow();
      each->components = components_of(each->metadata.operator->());
      writers_.push_back(std::move(each));
    }
  }

  void copy(std::vector<volume>& volumes) {
    for (volume& each : volumes) {
      VSS_SNAPSHOT_PROP properties{};
      check(components_->GetSnapshotProperties(each.snapshot, &properties), "GetSnapshotProperties");
      each.device = wide(properties.m_pwszSnapshotDeviceObject);
      const bool created = properties.m_eStatus == VSS_SS_CREATED;
      VssFreeSnapshotProperties(&properties);
      if (!created) throw std::runtime_error("the shadow copy is not there");
    }
    int copied = 0;
    fs::create_directories(target_ / "writers");
    for (std::size_t index = 0; index < writers_.size(); ++index) {
      bstr document;
      check(writers_[index]->metadata->SaveAsXML(document.out()), "IVssExamineWriterMetadata::SaveAsXML");
      save(target_ / "writers" / (std::to_string(index) + ".xml"), document);
      for (const auto& one : writers_[index]->components) {
        for (const file_set& files : file_sets_of(*one)) copied += copy_one(files, volumes);
      }
    }
    std::printf("files: %d\n", copied);
  }

  int copy_one(const file_set& files, const std::vector<volume>& volumes) const {
    if (!(files.types & VSS_FSBT_FULL_BACKUP_REQUIRED)) return 0;
    for (std::size_t index = 0; index < volumes.size(); ++index) {
      const std::string root = to_narrow(volumes[index].name.c_str());
      if (!files.path.starts_with(root)) continue;
      return copy_files(files, root.size(), volumes[index].device, target_ / "volumes" / std::to_string(index));
    }
    throw std::runtime_error(files.path + " lies on no volume of the backup");
  }

  void complete() {
    for (const auto& each : writers_) {
      for (const auto& one : each->components) {
        if (!is_explicit(*one, each->components)) continue;
        check(components_->SetBackupSucceeded(each->instance, each->id, one->type, one->path.get(), one->name.get(),
                                              true),
              "SetBackupSucceeded");
      }
    }
    run(components_, &IVssBackupComponents::BackupComplete, "BackupComplete");
    prepared_ = false;
    check_writers(components_, "BackupComplete");
    bstr document;  // only now it has all that writers said
    check(components_->SaveAsXML(document.out()), "SaveAsXML");
    save(target_ / "backup.xml", document);
    writers_.clear();
    check(components_->FreeWriterMetadata(), "FreeWriterMetadata");
  }

  fs::path target_;
  std::string drop_, pause_;
  object<IVssBackupComponents> components_;
  writer_list writers_;
  bool prepared_ = false;
};

}  // namespace

int main(int count, char** words) {
  std::string drop, pause;
  std::vector<std::string> rest;
  for (int index = 1; index < count; ++index) {
    const std::string word = words[index];
    if (word.starts_with("--drop=")) {
      drop = word.substr(7);
    } else if (word.starts_with("--pause=")) {
      pause = word.substr(8);
    } else {
      rest.push_back(word);
    }
  }
  if (rest.size() < 2) return 2;
  try {
    const com initialized;
    std::vector<volume> volumes;
    for (std::size_t index = 1; index < rest.size(); ++index) volumes.push_back({to_wide(rest[index]), {}, {}});
    backup(rest[0], drop, pause).run_all(std::move(volumes));
    std::puts("backup: good");
    return 0;
  } catch (const dropped&) {
    std::puts("backup: dropped");
    return 0;
  } catch (const std::exception& error) {
    std::printf("error: %s\n", error.what());
    return 1;
  }
}
