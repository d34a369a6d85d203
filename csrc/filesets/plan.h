// What all file sets together ask for: trees of the folders that they name, in which each folder says what is wanted
// there and for which groups. Exclusions are trees of the same form.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "group_sets.h"
#include "names.h"

namespace vsspy::filesets {

// Groups by what they were given for; a set once the plan is finished.
struct wish {
  std::vector<group> groups;
  set_id set = no_groups;
};

// File specifications that hold in a folder, or in a folder and all below.
struct wishes {
  wish everything;
  std::unordered_map<std::string, wish> exact;  // without wildcards, folded
  std::vector<std::pair<pattern, wish>> patterns;
  std::unordered_map<std::string, std::size_t> numbers;  // of patterns by their text, until the plan is finished
  set_id all = no_groups;

  bool empty() const noexcept { return all == no_groups; }
  set_id match(const std::string& folded_name, group_sets& sets) const;
};

// Spellings that differ in letter case only are kept apart: file systems that tell them apart may have each of them.
template <class Value>
using by_spelling = std::unordered_map<std::string, std::vector<std::pair<std::string, Value>>>;  // by the folded name

struct node {
  by_spelling<node*> children;
  by_spelling<wish> names;  // files without wildcards, not below
  wishes here;
  wishes deep;
  set_id below = no_groups;  // all groups that something is wanted for, here or below
};

class plan {
 public:
  plan();
  plan(const plan&) = delete;
  plan& operator=(const plan&) = delete;

  static constexpr std::size_t nothing = 0;  // a tree that stays empty

  std::size_t new_tree();
  // The folder below one, by its elements; it is made where it is not there.
  std::size_t folder(std::size_t above, const std::vector<std::string>& elements);
  void add(std::size_t folder, const std::string& filespec, bool recursive, group of);

  void finish();  // nothing can be added any more
  // Groups that ask for a file by the rules alone: its elements below the tree's root, whether it is there or not.
  std::vector<group> match(std::size_t tree, const std::vector<std::string>& elements);
  const node& at(std::size_t folder) const { return nodes_.at(folder); }
  const group_sets& sets() const noexcept { return sets_; }

 private:
  std::deque<node> nodes_;  // folders stand behind those that they lie in
  std::unordered_map<const node*, std::size_t> numbers_;
  group_sets sets_;
  bool finished_ = false;
};

// The way through a tree of exclusions (or of what is wanted) by folded names, all spellings of a folder together.
struct descent {
  std::vector<const node*> nodes;
  std::vector<const wishes*> deep;

  explicit descent(const node& root);
  descent below(const std::string& folded_name) const;
  set_id match(const std::string& folded_name, group_sets& sets) const;  // groups that ask for the file
  set_id match_everything_below(group_sets& sets) const;  // groups that ask for all files of the folder and below

 private:
  descent() = default;
  void enter(const node& folder);
};

}  // namespace vsspy::filesets
