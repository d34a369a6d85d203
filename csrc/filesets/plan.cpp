#include "plan.h"

#include <stdexcept>

namespace vsspy::filesets {

namespace {

// `add` with the same wildcards again: writers repeat exclusions, and components of a writer share them.
wish& wish_for(wishes& from, const std::string& filespec) {
  pattern made(filespec);
  if (made.matches_everything()) return from.everything;
  if (!made.has_wildcards()) return from.exact[made.text()];
  const auto known = from.numbers.find(made.text());
  if (known != from.numbers.end()) return from.patterns[known->second].second;
  std::string text = made.text();
  wish& added = from.patterns.emplace_back(std::move(made), wish{}).second;
  from.numbers.emplace(std::move(text), from.patterns.size() - 1);
  return added;
}

template <class Value>
Value& spelled(by_spelling<Value>& in, const std::string& spelling, bool& is_new) {
  auto& all = in[folded(spelling)];
  is_new = false;
  for (auto& [known, value] : all) {
    if (known == spelling) return value;
  }
  is_new = true;
  return all.emplace_back(spelling, Value{}).second;
}

void finish(wish& what, group_sets& sets, std::vector<group>& all) {
  all.insert(all.end(), what.groups.begin(), what.groups.end());
  what.set = sets.of(std::move(what.groups));
  what.groups = {};
}

void finish(wishes& what, group_sets& sets, std::vector<group>& all) {
  std::vector<group> own;
  finish(what.everything, sets, own);
  for (auto& [name, each] : what.exact) finish(each, sets, own);
  for (auto& [expression, each] : what.patterns) finish(each, sets, own);
  what.numbers = {};
  all.insert(all.end(), own.begin(), own.end());
  what.all = sets.of(std::move(own));
}

}  // namespace

set_id wishes::match(const std::string& name, group_sets& sets) const {
  set_id found = everything.set;
  if (!exact.empty()) {
    const auto one = exact.find(name);
    if (one != exact.end()) found = sets.both(found, one->second.set);
  }
  for (const auto& [expression, what] : patterns) {
    if (expression.matches(name)) found = sets.both(found, what.set);
  }
  return found;
}

plan::plan() { new_tree(); }

std::size_t plan::new_tree() {
  if (finished_) throw std::logic_error("the plan is finished");
  const std::size_t number = nodes_.size();
  numbers_[&nodes_.emplace_back()] = number;
  return number;
}

std::size_t plan::folder(std::size_t above, const std::vector<std::string>& elements) {
  if (finished_) throw std::logic_error("the plan is finished");  // walks read it, maybe in other threads
  node* at = &nodes_.at(above);
  for (const std::string& element : elements) {
    bool is_new = false;
    node*& child = spelled(at->children, element, is_new);
    if (is_new) child = &nodes_.at(new_tree());
    at = child;
  }
  return numbers_.at(at);
}

void plan::add(std::size_t folder, const std::string& filespec, bool recursive, group of) {
  if (finished_) throw std::logic_error("the plan is finished");
  if (folder == nothing) throw std::logic_error("this tree stays empty");
  node& to = nodes_.at(folder);
  bool is_new = false;
  wish& what = recursive                 ? wish_for(to.deep, filespec)
               : has_wildcards(filespec) ? wish_for(to.here, filespec)
                                         : spelled(to.names, filespec, is_new);
  if (what.groups.empty() || what.groups.back() != of) what.groups.push_back(of);
}

void plan::finish() {
  if (finished_) return;
  finished_ = true;
  for (auto at = nodes_.rbegin(); at != nodes_.rend(); ++at) {
    std::vector<group> all;
    filesets::finish(at->here, sets_, all);
    filesets::finish(at->deep, sets_, all);
    for (auto& [name, spellings] : at->names) {
      for (auto& [spelling, what] : spellings) filesets::finish(what, sets_, all);
    }
    for (const auto& [name, spellings] : at->children) {
      for (const auto& [spelling, child] : spellings) {
        const auto& members = sets_.members(child->below);
        all.insert(all.end(), members.begin(), members.end());
      }
    }
    at->below = sets_.of(std::move(all));
  }
}

std::vector<group> plan::match(std::size_t tree, const std::vector<std::string>& elements) {
  finish();
  if (elements.empty()) return {};
  descent at(nodes_.at(tree));
  for (std::size_t i = 0; i + 1 < elements.size(); ++i) at = at.below(folded(elements[i]));
  return sets_.members(at.match(folded(elements.back()), sets_));
}

descent::descent(const node& root) { enter(root); }

void descent::enter(const node& folder) {
  nodes.push_back(&folder);
  if (!folder.deep.empty()) deep.push_back(&folder.deep);
}

descent descent::below(const std::string& name) const {
  descent made;
  made.deep = deep;
  for (const node* folder : nodes) {
    const auto found = folder->children.find(name);
    if (found == folder->children.end()) continue;
    for (const auto& [spelling, child] : found->second) made.enter(*child);
  }
  return made;
}

set_id descent::match(const std::string& name, group_sets& sets) const {
  set_id found = no_groups;
  for (const wishes* each : deep) found = sets.both(found, each->match(name, sets));
  for (const node* folder : nodes) {
    found = sets.both(found, folder->here.match(name, sets));
    const auto named = folder->names.find(name);
    if (named == folder->names.end()) continue;
    for (const auto& [spelling, what] : named->second) found = sets.both(found, what.set);
  }
  return found;
}

set_id descent::match_everything_below(group_sets& sets) const {
  set_id found = no_groups;
  for (const wishes* each : deep) found = sets.both(found, each->everything.set);
  return found;
}

}  // namespace vsspy::filesets
