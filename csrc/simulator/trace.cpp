#include "trace.h"

#include <algorithm>

namespace vsspy::simulator {

std::uint32_t trace::number_of(std::string&& name) {
  if (const auto known = name_numbers_.find(name); known != name_numbers_.end()) return known->second;
  names_.push_back(nullptr);  // first: a number without a name would be worse than the reverse
  const auto number = static_cast<std::uint32_t>(names_.size() - 1);
  names_.back() = &name_numbers_.emplace(std::move(name), number).first->first;
  return number;
}

std::uint32_t trace::add(rarities&& rare) {
  more_.push_back(std::move(rare));
  return static_cast<std::uint32_t>(more_.size() - 1);
}

std::size_t trace::begin(trace_record record) {
  const auto thread = static_cast<std::uint32_t>(documents::this_thread_number());
  const std::uint64_t start = clock_.now();
  std::lock_guard lock(mutex_);
  const bool plain = record.writer.empty() && record.note.empty() && record.arguments.empty() && !record.of;
  entries_.push_back(
      {.session = record.session,
       .start = start,
       .end = 0,
       .name = number_of(std::move(record.name)),
       .more = plain ? none
                     : add({std::move(record.writer), std::move(record.note), std::move(record.arguments), record.of}),
       .thread = thread,
       .hresult = record.hresult,
       .kind = record.kind,
       .ended = false});
  return entries_.size() - 1;
}

void trace::note(std::size_t index, std::string_view text) {
  std::lock_guard lock(mutex_);
  entry& noted = entries_[index];
  if (noted.more == none) noted.more = add({});
  more_[noted.more].note += text;
}

void trace::end(std::size_t index, HRESULT hresult) noexcept {
  const std::uint64_t now = clock_.now();
  {
    std::lock_guard lock(mutex_);
    entry& ended = entries_[index];
    ended.end = now;
    ended.hresult = hresult;
    ended.ended = true;
  }
  if (!is_recorded()) return;
  try {
    write(index);
  } catch (...) {
    // no memory: the line is missing
  }
}

std::size_t trace::size() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

trace_record trace::at(std::size_t index) const {
  std::lock_guard lock(mutex_);
  const entry& from = entries_[index];
  trace_record record{.name = *names_[from.name],
                      .kind = from.kind,
                      .thread = from.thread,
                      .start = from.start,
                      .end = from.end,
                      .ended = from.ended,
                      .hresult = from.hresult,
                      .session = from.session};
  if (from.more == none) return record;
  const rarities& rare = more_[from.more];
  record.writer = rare.writer;
  record.note = rare.note;
  record.arguments = rare.arguments;
  record.of = rare.of;
  return record;
}

void trace::record(std::shared_ptr<documents::trace_file> file) {
  std::lock_guard lock(mutex_);
  files_.push_back(std::move(file));
  recorded_ = true;
}

bool trace::stop_recording(const documents::trace_file* file) {
  std::shared_ptr<documents::trace_file> last;  // closed after the lock
  std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(files_, file, [](const auto& each) { return each.get(); });
  if (found == files_.end()) return true;
  last = std::move(*found);
  files_.erase(found);
  recorded_ = !files_.empty();
  return !last->failed();
}

std::vector<std::shared_ptr<documents::trace_file>> trace::files() const {
  std::lock_guard lock(mutex_);
  return files_;
}

void trace::write(std::size_t index) const {
  const trace_record record = at(index);
  const std::string session = record.session == GUID{} ? std::string() : com::argument_text(record.session);
  std::vector<std::pair<std::string_view, std::string_view>> arguments;
  for (const argument& each : record.arguments) arguments.emplace_back(each.name, each.text);
  const documents::trace_line line{.kind = record.kind,
                                   .number = index + 1,
                                   .of = record.of,
                                   .name = record.name,
                                   .session = session,
                                   .thread = record.thread,
                                   .start = record.start,
                                   .end = record.end,
                                   .hresult = record.hresult,
                                   .writer = record.writer,
                                   .note = record.note,
                                   .arguments = &arguments};
  for (const auto& each : files()) each->write(line);
}

void trace::outcome(std::uint64_t of, std::string_view text) noexcept {
  try {
    const std::string name = at(of - 1).name;
    for (const auto& each : files()) each->write_outcome(of, name, text);
  } catch (...) {
    // no memory: a replay does without it
  }
}

}  // namespace vsspy::simulator
