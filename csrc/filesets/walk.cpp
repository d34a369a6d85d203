#include "walk.h"

#include <algorithm>
#include <map>
#include <utility>

namespace vsspy::filesets {

namespace {

// Of these the deepest folders stay open; a tree may be deeper than a process may have files open.
constexpr std::size_t open_folders = 32;

}  // namespace

walk::walk(std::shared_ptr<const plan> of, walk_setting setting)
    : plan_(std::move(of)),
      setting_(std::move(setting)),
      sets_(plan_->sets()),
      live_(setting_.live),
      shadow_(setting_.shadow),
      live_separator_(setting_.live.empty() ? '\\' : setting_.live.back()),
      shadow_separator_(setting_.shadow.empty() ? '/' : setting_.shadow.back()) {
  for (const auto& elements : setting_.mounted) {
    std::vector<std::string> folder;
    folder.reserve(elements.size());
    for (const auto& element : elements) folder.push_back(folded(element));
    if (!folder.empty()) mounted_names_.insert(folder.back());
    mounted_.insert(std::move(folder));
  }
}

error_code walk::open() {
  auto root = std::make_unique<frame>(descent(plan_->at(setting_.place ? plan::nothing : setting_.unwanted)));
  const error_code error = root->place.open_root(shadow_);
  if (error) return error;
  const node& top = plan_->at(setting_.wanted);
  root->wanted.push_back(&top);
  if (!top.deep.empty()) root->deep.push_back(&top.deep);
  root->live_length = live_.size();
  root->shadow_length = shadow_.size();
  frames_.push_back(std::move(root));
  return 0;
}

bool walk::next(std::vector<event>& events, std::size_t limit, std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  for (unsigned steps = 0; !frames_.empty(); ++steps) {
    if (events.size() >= limit) return true;
    if (steps % 64 == 63 && std::chrono::steady_clock::now() >= end) return true;
    step(events);
  }
  return false;
}

void walk::step(std::vector<event>& events) {
  frame& in = *frames_.back();
  switch (in.at) {
    case frame::step::open:
      open_frame(in, events);
      break;
    case frame::step::list:
      list(in, events);
      break;
    case frame::step::go:
      go(in, events);
      break;
  }
}

void walk::open_frame(frame& in, std::vector<event>& events) {
  const bool is_root = frames_.size() == 1;
  if (is_root) {
    // Where the other place is the root itself, or exclusions leave nothing at all.
    auto top = std::move(frames_.back());
    frames_.pop_back();
    if (!enter(std::move(*top), events)) return;
  } else {
    frame& parent = *frames_[frames_.size() - 2];
    if (parent.place.is_parked() && !back(parent, events)) return pop();
    if (const error_code error = in.place.open_below(parent.place, in.name)) {
      fail(events, shadow_, error, active(in));  // also a missing one: it was there when its folder was read
      return pop();
    }
  }
  frame& now = *frames_.back();
  if (frames_.size() > open_folders + 1) frames_[frames_.size() - 1 - open_folders]->place.park();
  if (has_patterns(now) || !look_up(now, events)) now.at = frame::step::list;
}

// Looks up each name; false where only a listing tells which entries are meant.
bool walk::look_up(frame& in, std::vector<event>& events) {
  struct named_entry {
    status known;
    set_id groups = no_groups;
    found_nodes nodes;
  };
  std::map<std::string, named_entry> found;  // in the order of names
  std::string real;
  status known;
  const auto failed = [&](error_code error) {
    if (means_missing(error)) return false;
    fail(events, shadow_, error, active(in));
    pop();
    return true;
  };
  const auto entry_of = [&]() -> named_entry& {
    named_entry& one = found[real];
    one.known = known;
    return one;
  };
  for (const node* each : in.wanted) {
    for (const auto& [name, spellings] : each->names) {
      if (spellings.size() > 1) return false;  // a disk that ignores letter case would find one entry under each
      const auto& [spelling, what] = spellings.front();
      if (const error_code error = in.place.look_up(spelling, real, known)) return failed(error);
      // A file is not found by its short name; a path may hold short ones (semantics 9.1.1).
      if (folder::has_short_names && folded(real) != name) continue;
      named_entry& one = entry_of();
      one.groups = sets_.both(one.groups, what.set);
    }
    for (const auto& [name, spellings] : each->children) {
      if (spellings.size() > 1) return false;
      if (const error_code error = in.place.look_up(spellings.front().first, real, known)) return failed(error);
      entry_of().nodes.push_back(spellings.front().second);
    }
  }
  std::set<std::string> folds;
  for (const auto& [name, one] : found) {
    if (!folds.insert(folded(name)).second) return false;
  }
  for (auto& [name, one] : found) {
    if (!one.nodes.empty()) in.children[in.entries.size()] = std::move(one.nodes);
    add(in, name, one.known, one.groups, true);
  }
  in.at = frame::step::go;
  return true;
}

void walk::list(frame& in, std::vector<event>& events) {
  constexpr int at_once = 64;
  std::string name;
  status known;
  for (int i = 0; i < at_once; ++i) {
    const error_code error = in.place.list(name, known);
    if (error) {
      fail(events, shadow_, error, active(in));  // also a missing one: it was there when its folder was read
      return pop();
    }
    if (name.empty()) {
      in.place.end_list();
      ++listed_;
      if constexpr (folder::has_short_names) find_short_names(in);
      resolve(in);
      in.at = frame::step::go;
      return;
    }
    keep(in, name, known);
  }
}

// An entry that was listed, if it matters.
void walk::keep(frame& in, const std::string& name, const status& known) {
  fold_into(name, folded_);
  const bool may_be_folder = known.what == status::kind::folder || known.what == status::kind::unknown;
  const set_id groups = known.what == status::kind::folder ? no_groups : match(in, folded_);
  if (groups != no_groups || (may_be_folder && !in.deep.empty()) || is_asked_for(in, folded_)) {
    add(in, name, known, groups, folder::lists_status);
  }
}

void walk::add(frame& in, const std::string& name, const status& known, set_id groups, bool is_known) {
  entry made{in.names.size(), static_cast<std::uint32_t>(name.size()), known.what, groups, entry::npos};
  if (is_known) {
    made.known = static_cast<std::uint32_t>(in.known.size());
    in.known.push_back(known);
  }
  in.names += name;
  in.entries.push_back(made);
}

// Folders that are asked for by a short name (semantics 9.1.1), which no listing has.
void walk::find_short_names(frame& in) {
  for (const node* each : in.wanted) {
    for (const auto& [name, spellings] : each->children) {
      if (name.find('~') == std::string::npos) continue;
      std::string real;
      status known;
      if (in.place.look_up(name, real, known) != 0 || folded(real) == name) continue;
      std::size_t at = 0;
      while (at < in.entries.size() && name_of(in, in.entries[at]) != real) ++at;
      if (at == in.entries.size()) add(in, real, known, no_groups, true);
      // Until the entries are sorted: by where the name stands.
      for (const auto& [spelling, child] : spellings) in.children[in.entries[at].begin].push_back(child);
    }
  }
}

// Sorts what was listed, and finds the entries that names mean: the very name if there is one, else the first that
// differs in letter case.
void walk::resolve(frame& in) {
  std::sort(in.entries.begin(), in.entries.end(),
            [&](const entry& one, const entry& other) { return name_of(in, one) < name_of(in, other); });
  const auto by_short_name = std::exchange(in.children, {});
  if (std::none_of(in.wanted.begin(), in.wanted.end(),
                   [](const node* each) { return !each->names.empty() || !each->children.empty(); })) {
    return;
  }
  std::map<std::string, std::vector<std::size_t>> alike;  // entries that names may mean, by their folded names
  for (std::size_t at = 0; at < in.entries.size(); ++at) {
    const auto found = by_short_name.find(in.entries[at].begin);
    if (found != by_short_name.end()) in.children[at] = found->second;
    fold_into(name_of(in, in.entries[at]), folded_);
    if (is_asked_for(in, folded_)) alike[folded_].push_back(at);
  }
  for (const auto& [name, entries] : alike) {
    const auto meant = [&](const std::string& spelling) {
      const auto exact = std::find_if(entries.begin(), entries.end(),
                                      [&](std::size_t at) { return name_of(in, in.entries[at]) == spelling; });
      return exact == entries.end() ? entries.front() : *exact;
    };
    for (const node* each : in.wanted) {
      if (const auto found = each->names.find(name); found != each->names.end()) {
        for (const auto& [spelling, what] : found->second) {
          entry& one = in.entries[meant(spelling)];
          one.groups = sets_.both(one.groups, what.set);
        }
      }
      if (const auto found = each->children.find(name); found != each->children.end()) {
        for (const auto& [spelling, child] : found->second) in.children[meant(spelling)].push_back(child);
      }
    }
  }
}

void walk::go(frame& in, std::vector<event>& events) {
  if (in.next == in.entries.size()) return pop();
  const std::size_t at = in.next++;
  const entry one = in.entries[at];
  const std::string name(name_of(in, one));
  const auto child = in.children.find(at);
  const found_nodes* nodes = child == in.children.end() ? nullptr : &child->second;
  if (one.groups == no_groups && !nodes && in.deep.empty()) return;  // a name that means another entry
  status found;
  if (one.known != entry::npos) {
    found = in.known[one.known];
  } else {
    if (in.place.is_parked() && !back(in, events)) return pop();
    if (const error_code error = in.place.look_at(name, found)) {
      set_id groups = sets_.both(one.groups, below(nodes));
      if (one.what != status::kind::file) {
        for (const wishes* each : in.deep) groups = sets_.both(groups, each->all);
      }
      return fail(events, shadow_ + name, error, groups);
    }
  }
  if (found.what == status::kind::folder) return go_folder(in, name, found, nodes, events);
  if (nodes && found.what == status::kind::link) {
    leave_out(events, live_ + name + live_separator_, reason::link, below(nodes));
  }
  if (one.groups != no_groups) go_file(in, one, name, found, events);
}

void walk::go_file(frame& in, const entry& one, const std::string& name, const status& found,
                   std::vector<event>& events) {
  if (found.what == status::kind::other) return;  // holds nothing to back up
  set_id groups = sets_.without(one.groups, in.dead);
  fold_into(name, folded_);
  const set_id excluded = sets_.common(groups, in.unwanted.match(folded_, sets_));
  if (excluded != no_groups) {
    leave_out(events, live_ + name, reason::excluded, excluded);
    groups = sets_.without(groups, excluded);
  }
  if (groups == no_groups) return;
  if (name.find(live_separator_) != std::string::npos) {
    return leave_out(events, live_ + name, reason::backslash, groups);  // its live path would be another one's
  }
  event made{event::kind::file, live_ + name, shadow_ + name, groups};
  made.found = found;
  events.push_back(std::move(made));
}

void walk::go_folder(frame& in, const std::string& name, const status& found, const found_nodes* nodes,
                     std::vector<event>& events) {
  if (in.deep.empty() && !nodes) return;
  fold_into(name, folded_);
  frame next(in.unwanted.below(folded_));
  next.name = name;
  next.deep = in.deep;
  next.dead = in.dead;
  if (nodes) {
    next.wanted = *nodes;
    for (const node* each : *nodes) {
      if (!each->deep.empty()) next.deep.push_back(&each->deep);
    }
  }
  const auto leave = [&](reason why) {
    leave_out(events, live_ + name + live_separator_, why, sets_.without(active(next), in.dead));
  };
  if (is_mounted(name)) return leave(reason::mounted);
  if (name.find(live_separator_) != std::string::npos) return leave(reason::backslash);
  if (found.is_elsewhere) return leave(reason::elsewhere);
  next.live_length = live_.size();
  next.shadow_length = shadow_.size();
  live_ += name + live_separator_;
  shadow_ += name + shadow_separator_;
  next.live_length = live_.size();
  next.shadow_length = shadow_.size();
  enter(std::move(next), events);
}

// Goes into a folder, unless nothing of it is left for any group.
bool walk::enter(frame&& next, std::vector<event>& events) {
  if (setting_.place && setting_.place->depth == frames_.size()) {
    live_above_ = std::exchange(live_, setting_.place->live);
    next.live_length = live_.size();
    live_separator_ = live_.back();
    descent exclusions(plan_->at(setting_.unwanted));
    for (const auto& element : setting_.place->elements) exclusions = exclusions.below(folded(element));
    next.unwanted = std::move(exclusions);
  }
  const set_id excluded = next.unwanted.match_everything_below(sets_);
  if (excluded != no_groups) {
    const set_id all = active(next);
    const set_id told = sets_.without(sets_.common(all, excluded), next.dead);
    leave_out(events, live_, reason::excluded, told);
    next.dead = sets_.both(next.dead, excluded);
  }
  frames_.push_back(std::make_unique<frame>(std::move(next)));
  if (excluded != no_groups && sets_.without(active(*frames_.back()), frames_.back()->dead) == no_groups) {
    pop();
    return false;
  }
  return true;
}

void walk::pop() {
  frames_.pop_back();
  if (setting_.place && setting_.place->depth == frames_.size()) {
    live_ = std::move(live_above_);
    live_separator_ = setting_.live.back();
  }
  if (frames_.empty()) return;
  live_.resize(frames_.back()->live_length);
  shadow_.resize(frames_.back()->shadow_length);
}

// Opens a folder again that was given back, by the names from the root on.
bool walk::back(frame& in, std::vector<event>& events) {
  // Every folder on the way is open from here on; the next one that is entered gives the upper ones back.
  for (std::size_t depth = 1; depth < frames_.size(); ++depth) {
    frame& each = *frames_[depth];
    if (each.place.is_parked()) {
      if (const error_code error = each.place.open_again(frames_[depth - 1]->place, each.name)) {
        fail(events, shadow_.substr(0, in.shadow_length), error, active(in));
        return false;
      }
      // All but its parent may go again.
      if (depth > 1 && &each != &in) frames_[depth - 1]->place.park();
    }
    if (&each == &in) break;
  }
  return true;
}

bool walk::is_asked_for(const frame& in, const std::string& name) {
  return std::any_of(in.wanted.begin(), in.wanted.end(), [&](const node* each) {
    return (!each->names.empty() && each->names.contains(name)) ||
           (!each->children.empty() && each->children.contains(name));
  });
}

bool walk::has_patterns(const frame& in) noexcept {
  return !in.deep.empty() ||
         std::any_of(in.wanted.begin(), in.wanted.end(), [](const node* each) { return !each->here.empty(); });
}

set_id walk::match(const frame& in, const std::string& name) {
  set_id groups = no_groups;
  for (const wishes* each : in.deep) groups = sets_.both(groups, each->match(name, sets_));
  for (const node* each : in.wanted) {
    if (!each->here.empty()) groups = sets_.both(groups, each->here.match(name, sets_));
  }
  return groups;
}

// Groups that something may be found for in the folder and below.
set_id walk::active(const frame& in) {
  set_id groups = below(&in.wanted);
  for (const wishes* each : in.deep) groups = sets_.both(groups, each->all);
  return groups;
}

set_id walk::below(const found_nodes* nodes) {
  set_id groups = no_groups;
  if (!nodes) return groups;
  for (const node* each : *nodes) groups = sets_.both(groups, each->below);
  return groups;
}

bool walk::is_mounted(const std::string& name) const {
  if (mounted_.empty()) return false;
  std::vector<std::string> elements{folded(name)};
  if (!mounted_names_.contains(elements.front())) return false;
  for (std::size_t depth = frames_.size() - 1; depth > 0; --depth) {
    elements.insert(elements.begin(), folded(frames_[depth]->name));
  }
  return mounted_.contains(elements);
}

void walk::leave_out(std::vector<event>& events, std::string live, reason why, set_id groups) const {
  if (groups == no_groups) return;
  event made{event::kind::left_out, std::move(live), {}, groups};
  made.why = why;
  events.push_back(std::move(made));
}

void walk::fail(std::vector<event>& events, std::string shadow, error_code error, set_id groups) const {
  event made{event::kind::error, {}, std::move(shadow), groups};
  made.error = error;
  events.push_back(std::move(made));
}

}  // namespace vsspy::filesets
