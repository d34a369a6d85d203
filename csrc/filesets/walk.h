// One way through the folders of a volume for all file sets of a plan: depth first in the order of names, in pieces. A
// folder is listed only where a wildcard asks for it. What is kept are the folders on the way down, each with those of
// its entries that matter.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "folder.h"
#include "plan.h"

namespace vsspy::filesets {

enum class reason : int { excluded, mounted, elsewhere, backslash, link };

struct event {
  enum class kind : int { file, left_out, error };
  kind what;
  std::string live;    // of a folder with its final separator
  std::string shadow;  // of a file and an error
  set_id groups = no_groups;
  status found;                             // of a file
  filesets::reason why = reason::excluded;  // of what is left out
  error_code error = 0;
};

struct walk_setting {
  std::size_t wanted = plan::nothing;  // trees of the plan
  std::size_t unwanted = plan::nothing;
  std::string live, shadow;                       // the root's names, each with its final separator
  std::vector<std::vector<std::string>> mounted;  // folders that are other volumes, by their elements below the root

  // For files that are read in another folder than the one that they belong to (semantics 9.2): from this folder on, so
  // many elements below the root, the live path is `live`, and exclusions hold as for that, by its elements.
  struct other_place {
    std::size_t depth;
    std::string live;
    std::vector<std::string> elements;
  };
  std::optional<other_place> place;
};

class walk {
 public:
  walk(std::shared_ptr<const plan> of, walk_setting setting);
  walk(const walk&) = delete;
  walk& operator=(const walk&) = delete;

  error_code open();  // the root
  // More events, in their order, until there are `limit` or so or the time is over; false behind the last one.
  bool next(std::vector<event>& events, std::size_t limit, std::chrono::milliseconds time);
  const std::vector<group>& members(set_id groups) const { return sets_.members(groups); }
  std::uint64_t listed() const noexcept { return listed_; }  // number of folders

 private:
  struct entry {
    std::size_t begin;  // of its name in the folder's `names`
    std::uint32_t length;
    status::kind what;
    set_id groups;        // of patterns, later of names, too
    std::uint32_t known;  // in the folder's `known`; npos: has to be looked at
    static constexpr std::uint32_t npos = 0xFFFFFFFF;
  };

  struct frame {
    explicit frame(descent exclusions) : unwanted(std::move(exclusions)) {}

    std::string name;
    std::size_t live_length = 0, shadow_length = 0;  // of live_ and shadow_ with it
    std::vector<const node*> wanted;
    std::vector<const wishes*> deep;  // of folders above, too
    descent unwanted;
    set_id dead = no_groups;  // groups whose exclusions leave nothing here and below

    enum class step { open, list, go } at = step::open;
    folder place;
    std::string names;
    std::vector<entry> entries;
    std::vector<status> known;
    std::unordered_map<std::size_t, std::vector<const node*>> children;  // by entry
    std::size_t next = 0;
  };
  using found_nodes = std::vector<const node*>;

  void step(std::vector<event>& events);
  void open_frame(frame& in, std::vector<event>& events);
  bool look_up(frame& in, std::vector<event>& events);
  void list(frame& in, std::vector<event>& events);
  void keep(frame& in, const std::string& name, const status& known);
  void find_short_names(frame& in);
  void resolve(frame& in);
  void go(frame& in, std::vector<event>& events);
  void go_file(frame& in, const entry& one, const std::string& name, const status& found, std::vector<event>& events);
  void go_folder(frame& in, const std::string& name, const status& found, const found_nodes* nodes,
                 std::vector<event>& events);
  bool enter(frame&& next, std::vector<event>& events);
  void pop();
  bool back(frame& in, std::vector<event>& events);

  static std::string_view name_of(const frame& in, const entry& one) noexcept {
    return std::string_view(in.names).substr(one.begin, one.length);
  }
  void add(frame& in, const std::string& name, const status& known, set_id groups, bool is_known);
  static bool is_asked_for(const frame& in, const std::string& folded_name);
  static bool has_patterns(const frame& in) noexcept;
  set_id match(const frame& in, const std::string& folded_name);
  set_id active(const frame& in);
  set_id below(const found_nodes* nodes);
  bool is_mounted(const std::string& name) const;
  void leave_out(std::vector<event>& events, std::string live, reason why, set_id groups) const;
  void fail(std::vector<event>& events, std::string shadow, error_code error, set_id groups) const;

  std::shared_ptr<const plan> plan_;
  walk_setting setting_;
  group_sets sets_;
  std::set<std::vector<std::string>> mounted_;  // folded
  std::set<std::string> mounted_names_;         // their last elements
  std::vector<std::unique_ptr<frame>> frames_;
  std::string live_, shadow_;  // of the folder that is being read
  std::string live_above_;     // instead of live_ above the other place
  std::uint64_t listed_ = 0;
  char live_separator_, shadow_separator_;
  std::string folded_;  // to save allocations
};

}  // namespace vsspy::filesets
