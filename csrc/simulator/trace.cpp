#include "trace.h"

#include <atomic>

namespace vsspy::simulator {

std::uint64_t this_thread_number() {
  static std::atomic<std::uint64_t> last{0};
  thread_local const std::uint64_t number = ++last;
  return number;
}

std::string argument_text(const GUID* values, UINT count) {
  if (!values) return "NULL";
  std::string text;
  for (UINT i = 0; i < count; ++i) text += (i ? "," : "") + argument_text(values[i]);
  return text;
}

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
  const auto thread = static_cast<std::uint32_t>(this_thread_number());
  const std::uint64_t start = clock_.now();
  std::lock_guard lock(mutex_);
  const bool plain = record.writer.empty() && record.note.empty() && record.arguments.empty();
  entries_.push_back(
      {.session = record.session,
       .start = start,
       .end = 0,
       .name = number_of(std::move(record.name)),
       .more = plain ? none : add({std::move(record.writer), std::move(record.note), std::move(record.arguments)}),
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
  std::lock_guard lock(mutex_);
  entry& ended = entries_[index];
  ended.end = now;
  ended.hresult = hresult;
  ended.ended = true;
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
  return record;
}

}  // namespace vsspy::simulator
