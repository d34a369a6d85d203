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

std::size_t trace::begin(trace_record record) {
  record.thread = this_thread_number();
  record.start = clock_.now();
  std::lock_guard lock(mutex_);
  records_.push_back(std::move(record));
  return records_.size() - 1;
}

void trace::note(std::size_t index, std::string_view text) {
  std::lock_guard lock(mutex_);
  records_[index].note += text;
}

void trace::end(std::size_t index, HRESULT hresult) noexcept {
  const std::uint64_t now = clock_.now();
  std::lock_guard lock(mutex_);
  trace_record& record = records_[index];
  record.end = now;
  record.hresult = hresult;
  record.ended = true;
}

std::size_t trace::size() const {
  std::lock_guard lock(mutex_);
  return records_.size();
}

trace_record trace::at(std::size_t index) const {
  std::lock_guard lock(mutex_);
  return records_[index];
}

}  // namespace vsspy::simulator
