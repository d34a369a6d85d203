#include "trace_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "../com/argument_text.h"
#include "../com/hresult.h"
#include "../com/process.h"

namespace vsspy::documents {

namespace {

void append_escape(std::string& to, char16_t unit) {
  constexpr const char* digits = "0123456789abcdef";
  to += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) to += digits[(unit >> shift) & 0xF];
}

// Nothing but ASCII, so that lone surrogates of file names have a form, and no reader can take a line for two.
void append_text(std::string& to, std::string_view utf8) {
  to += '"';
  for (std::size_t at = 0; at < utf8.size();) {
    const char32_t point = com::next_code_point(utf8, at);
    if (point == U'"' || point == U'\\') {
      to += '\\';
      to += static_cast<char>(point);
    } else if (point >= 0x20 && point < 0x7F) {
      to += static_cast<char>(point);
    } else {
      std::u16string units;
      com::append_utf16(units, point == com::bad_code_point ? U'\uFFFD' : point);
      for (const char16_t unit : units) append_escape(to, unit);
    }
  }
  to += '"';
}

void append_text(std::string& to, std::u16string_view text) { append_text(to, com::to_utf8(text)); }

void append_text(std::string& to, const WCHAR* text) {
  if (text) {
    append_text(to, com::view(text));
  } else {
    to += "null";
  }
}

void append_hresult(std::string& to, HRESULT hr) {
  char text[16];
  std::snprintf(text, sizeof text, "\"0x%08X\"", static_cast<unsigned>(hr));
  to += text;
}

std::string field(const char* name) { return std::string("\"") + name + "\": "; }
std::string field_of(const char* name, const GUID& id) { return field(name) + '"' + com::argument_text(id) + '"'; }

}  // namespace

std::string json_text(std::string_view utf8) {
  std::string text;
  append_text(text, utf8);
  return text;
}

std::uint64_t this_thread_number() {
  static std::atomic<std::uint64_t> last{0};
  thread_local const std::uint64_t number = ++last;
  return number;
}

std::string document_outcome(const char* kind, std::u16string_view xml) {
  std::string text = '{' + field(kind);
  append_text(text, xml);
  return text + '}';
}

std::string id_outcome(const char* kind, const GUID& id) { return '{' + field_of(kind, id) + '}'; }

std::string snapshot_outcome(const VSS_SNAPSHOT_PROP& properties) {
  std::string text = "{\"snapshot\": {" + field_of("id", properties.m_SnapshotId) + ", " +
                     field_of("set_id", properties.m_SnapshotSetId) + ", " +
                     field_of("provider_id", properties.m_ProviderId);
  const auto add = [&](const char* name, const WCHAR* value) {
    text += ", " + field(name);
    append_text(text, value);
  };
  add("device", properties.m_pwszSnapshotDeviceObject);
  add("volume", properties.m_pwszOriginalVolumeName);
  add("originating_machine", properties.m_pwszOriginatingMachine);
  add("service_machine", properties.m_pwszServiceMachine);
  add("exposed_name", properties.m_pwszExposedName);
  add("exposed_path", properties.m_pwszExposedPath);
  text += ", \"count\": " + std::to_string(properties.m_lSnapshotsCount);
  text += ", \"attributes\": " + std::to_string(properties.m_lSnapshotAttributes);
  text += ", \"created\": " + std::to_string(properties.m_tsCreationTimestamp);
  text += ", \"state\": " + std::to_string(static_cast<std::int32_t>(properties.m_eStatus));
  return text + "}}";
}

std::string status_outcome_text(const status_outcome& status) {
  std::string text = "{\"writer_status\": {" + field_of("instance_id", status.instance_id) + ", " +
                     field_of("writer_id", status.writer_id) + ", \"name\": ";
  append_text(text, status.name);
  text += ", \"state\": " + std::to_string(status.state) + ", \"failure\": ";
  append_hresult(text, status.failure);
  if (status.application_failure) {
    text += ", \"application_failure\": ";
    append_hresult(text, *status.application_failure);
  }
  if (status.application_message) {
    text += ", \"application_message\": ";
    append_text(text, *status.application_message);
  }
  return text + "}}";
}

trace_file::trace_file(const std::filesystem::path& path, std::string_view header) : process_(com::process_id()) {
  if (path == std::filesystem::path("-")) {
    file_ = stderr;
    owned_ = false;
  } else {
#ifdef _WIN32
    file_ = _wfopen(path.c_str(), reinterpret_cast<const wchar_t*>(u"wbN"));  // N: child processes do not get it
#else
    file_ = std::fopen(path.c_str(), "wbe");
#endif
  }
  if (!file_) {
    const int error = errno;
    const HRESULT hr = error == EACCES || error == EPERM ? E_ACCESSDENIED : VSS_E_OBJECT_NOT_FOUND;
    throw com::vss_error(hr, "trace", std::strerror(error));  // NOLINT(concurrency-mt-unsafe): called once per file
  }
  std::string text = "{\"format\": \"vsspy-trace\", \"version\": " + std::to_string(trace_version);
  if (!header.empty()) text += ", " + std::string(header);
  put(text);
}

trace_file::~trace_file() {
  if (owned_ && com::process_id() == process_) std::fclose(file_);
}

void trace_file::put(std::string& text) noexcept {
  if (com::process_id() != process_) return;  // after a fork the file is the parent's
  try {
    text += "}\n";
    const std::lock_guard lock(mutex_);
    if (failed()) return;
    const bool written = std::fwrite(text.data(), 1, text.size(), file_) == text.size() && std::fflush(file_) == 0;
    if (!written) failed_.store(true, std::memory_order_relaxed);
  } catch (...) {
    failed_.store(true, std::memory_order_relaxed);
  }
}

void trace_file::write(const trace_line& line) noexcept {
  try {
    constexpr const char* kinds[] = {"call", "event", "result"};
    std::string text = "{\"number\": " + std::to_string(line.number) + ", \"kind\": \"" +
                       kinds[static_cast<std::size_t>(line.kind)] + '"';
    if (line.kind == trace_kind::result) text += ", \"of\": " + std::to_string(line.of);
    text += ", \"name\": ";
    append_text(text, line.name);
    text += ", \"thread\": " + std::to_string(line.thread) + ", \"start\": " + std::to_string(line.start) +
            ", \"end\": " + std::to_string(line.end) + ", \"hresult\": ";
    append_hresult(text, line.hresult);
    const auto add = [&](const char* name, std::string_view value) {
      if (value.empty()) return;
      text += ", " + field(name);
      append_text(text, value);
    };
    add("session", line.session);
    add("writer", line.writer);
    add("note", line.note);
    if (line.arguments && !line.arguments->empty()) {
      const char* separator = ", \"arguments\": {";
      for (const auto& [name, value] : *line.arguments) {
        text += separator;
        append_text(text, name);
        text += ": ";
        append_text(text, value);
        separator = ", ";
      }
      text += '}';
    }
    put(text);
  } catch (...) {
    failed_.store(true, std::memory_order_relaxed);
  }
}

void trace_file::write_outcome(std::uint64_t of, std::string_view name, std::string_view outcome) noexcept {
  try {
    std::string text = "{\"kind\": \"outcome\", \"of\": " + std::to_string(of) + ", \"name\": ";
    append_text(text, name);
    text += ", \"outcome\": ";
    text += outcome;
    put(text);
  } catch (...) {
    failed_.store(true, std::memory_order_relaxed);
  }
}

}  // namespace vsspy::documents
