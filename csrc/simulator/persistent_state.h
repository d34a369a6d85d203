// The persistent state of a machine: a folder that outlives it, with the catalogue of its persistent shadow copies and
// storage areas, and the shadow copies' data. Several processes may use it at once, each with a machine of its own.
//
//   lock           held for each look at the catalogue and each change of it; its content changes with the catalogue
//   set            held from StartSnapshotSet on: one set is made at a time; its content: the last device's number
//   write-back     held while a shadow copy is written back to a volume
//   storage.xml    volumes with their GUIDs, storage areas
//   sets/ID.xml    the record of a snapshot set; what no record lists does not exist
//   copies/ID/     of a shadow copy: its folder, its seal, and a lock: alone with whoever makes or removes it, shared
//   by
//                  those who read from it
//
// A record is written when all of its set is there, and goes (or is written without a shadow copy) before its data go.
// So whoever is killed leaves files that nothing lists, in folders whose locks nobody holds, and the next one to open
// the state removes exactly those.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "file_lock.h"
#include "machine.h"
#include "persistent_record.h"

namespace vsspy::simulator {

// The folder of a shadow copy that is being made or removed.
class kept_folder {
 public:
  explicit kept_folder(std::filesystem::path folder) : path(std::move(folder)) {}

  const std::filesystem::path path;
  file_lock lock;

  std::filesystem::path seal() const { return path / "seal"; }
  bool open(bool create);  // false: there is no such folder, or a link in its place
  void remove();           // with the lock held; throws vss_error with the first that cannot go
};

class persistent_state {
 public:
  // Makes the folder where there is none, and removes what dead processes left. Throws vss_error.
  persistent_state(machine& owner, const std::filesystem::path& folder);
  void close() noexcept;

  const std::filesystem::path& folder() const noexcept { return folder_; }

  // Everything below is called without the machine's mutex, unless it says something else.

  void refresh();  // brings the machine up to date with what others did

  // As long as one of these exists, the catalogue is this thread's alone, and the machine is up to date with it. The
  // machine's mutex may be taken inside, and is held by those who call the functions. All may throw vss_error; then the
  // catalogue is as it was.
  class change {
   public:
    explicit change(persistent_state* state);  // null: a machine without persistent state, nothing is saved
    ~change();
    change(const change&) = delete;
    change& operator=(const change&) = delete;

    void save(const shadow_copy& copy);  // how it is exposed
    void save_storage();                 // the machine's storage areas and protection levels
    // Changes the storage and saves it; when that fails the machine's is as it was.
    template <class Work>
    void of_storage(machine& machine, Work&& work) {
      const storage_areas before = machine.storage;
      try {
        work();
        save_storage();
      } catch (...) {
        machine.storage = before;
        throw;
      }
    }

   private:
    persistent_state* const state_;
  };

  // Gives a volume its GUID path: the one that it had, or a new one. A volume is known by its folder.
  void adopt(volume& added);

  bool enter_set();  // with the machine's mutex; false: another process makes a set
  void leave_set() noexcept;
  unsigned next_device(unsigned last);  // by whoever makes a set

  // A shadow copy's way: a locked folder, then its data and the record of its set, in the end the record without it.
  std::shared_ptr<kept_folder> begin(const GUID& copy);
  void commit(const copy_list& set);
  bool remove(const std::shared_ptr<shadow_copy>& copy);  // false: it was gone already

  // Waits until nobody removes the shadow copy (or writes to a volume), and keeps others from it.
  std::unique_ptr<file_lock> reading(const shadow_copy& copy);  // throws VSS_E_OBJECT_NOT_FOUND when it is gone
  std::unique_ptr<file_lock> writing_back();

 private:
  std::filesystem::path record_of(const GUID& set) const;
  std::filesystem::path copy_folder(const GUID& copy) const;
  saved_copy* find(const GUID& set, const GUID& copy);
  const volume* volume_of(const GUID& id) const;
  void wait_for(file_lock& lock, file_lock::kind kind);

  // With the catalogue locked.
  void look();  // reads what has changed
  void load();
  void show();  // ... on the machine
  void show_copies();
  void show_storage();
  void touch();  // before each change: whoever looks afterwards reads everything again
  void write(saved_set set);
  void write(saved_machine machine);
  std::vector<std::unique_ptr<kept_folder>> abandoned() const;

  machine& machine_;
  const std::filesystem::path folder_;
  std::mutex mutex_;  // goes with the catalogue's lock, which does not keep threads apart
  bool closed_ = false;
  file_lock catalogue_;
  file_lock set_;
  file_lock::content seen_{};
  bool stale_ = true;    // whatever the content says
  bool legible_ = true;  // every record could be read
  std::map<GUID, saved_set, guid_order> sets_;
  saved_machine saved_;
};

}  // namespace vsspy::simulator
