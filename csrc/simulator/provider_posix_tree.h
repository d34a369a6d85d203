// The volume as it is known so far, and the passes that make the shadow copy like it.
#pragma once

#ifndef _WIN32

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "provider_posix.h"
#include "provider_workers.h"

namespace vsspy::simulator::provider {

// An inode with several names. Its data lies in the folder of links, under `name`, and each of its names is linked to
// that.
struct link_group {
  std::mutex mutex;
  std::string name;
  bool copied = false;
  int pass = 0;     // when it was last compared with the source
  int version = 0;  // grows with each copy
  bool late = false;
  bool counted = false;
  entry_state state;
  timespec looked{};
  std::vector<note> notes;
};

struct entry_record {
  enum class kind { unknown, folder, file };  // file: everything that is no folder
  std::string name;
  kind type = kind::unknown;
  bool copied = false;     // it is in the shadow copy
  bool late = false;       // it had changed in the last pass that looked
  std::size_t folder = 0;  // index of its folder_record
  int link_version = 0;
  entry_state state;  // what was copied
  timespec looked{};  // when `state` was read
  std::shared_ptr<link_group> links;
  std::vector<note> notes;
};

struct folder_record {
  bool listed = false;
  bool late = false;
  entry_state state;
  timespec looked{};
  attribute_list attributes;
  std::vector<note> notes;  // of its metadata and listing
  std::vector<entry_record> entries;
};

class tree_copy {
 public:
  struct setting {
    int source;        // the volume
    int target;        // the shadow copy in the making
    int links;         // the folder of links
    unsigned threads;  // 0: by the machine
    std::vector<entry_state> leave_out;
    std::vector<entry_state> leave_empty;
    std::function<bool()> cancelled;
  };
  explicit tree_copy(setting setting);

  void copy();                          // passes until one finds nothing changed, or the last one
  void finish(copy_report& report);     // folders' metadata, counts, notes, and the seal of all but the root
  void seal_root(copy_report& report);  // once it has its name: renaming stamps it

 private:
  static constexpr int last_pass = 4;

  void pass();
  void poll();
  bool enter(folder_record& parent, entry_record& entry);
  void visit(folder_record& folder);
  void list(folder_record& folder, int source, int target, const entry_state& now);
  void lose(folder_record& parent, entry_record& entry, const char* text, int error);
  void look_at(entry_record& entry, const folder_pair& folder, file_copier& copier);
  void copy_file(entry_record& entry, const folder_pair& folder, const entry_state& now, file_copier& copier);
  bool copy_inode(int source, const char* name, int target, const char* target_name, entry_state& state,
                  std::vector<note>& notes, file_copier& copier);
  void copy_link(entry_record& entry, const folder_pair& folder, const entry_state& now);
  void copy_linked(entry_record& entry, const folder_pair& folder, const entry_state& now, file_copier& copier);
  void remove(entry_record& entry, int target);
  bool refused(entry_record& entry, int error);
  void finish_file(const entry_record& entry, int target, const std::string& path, copy_report& report);
  void leave(folder_record& folder, const std::string& path, copy_report& report);

  setting setting_;
  entry_state volume_;
  int pass_ = 0;
  std::atomic<std::uint64_t> changes_{0};
  std::deque<folder_record> folders_;  // [0] is the volume
  folder_stack stack_;
  file_copier::shared common_;
  std::vector<file_copier> copiers_;
  std::mutex groups_mutex_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::shared_ptr<link_group>> groups_;
  note_book book_;
  std::unique_ptr<workers> workers_;  // last: joined before the rest goes
};

}  // namespace vsspy::simulator::provider

#endif
