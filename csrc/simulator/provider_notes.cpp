#include "provider_notes.h"

#include <algorithm>

namespace vsspy::simulator::provider {

namespace {

// The length of the well-formed UTF-8 sequence that `text` starts with, or 0.
std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t index = 1; index < length; ++index) {
    if ((byte(index) & 0xc0) != 0x80) return 0;
  }
  if (length > 2) {  // over-long forms, surrogates, beyond U+10FFFF
    const unsigned second = byte(1);
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
        (first == 0xf4 && second > 0x8f)) {
      return 0;
    }
  }
  return length;
}

bool is_below(std::string_view path, std::string_view folder) noexcept {
  return path.size() > folder.size() && path.starts_with(folder) && (folder.empty() || path[folder.size()] == '/');
}

}  // namespace

std::string printable(std::string_view path) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(path.size());
  while (!path.empty()) {
    const std::size_t length = utf8_length(path);
    const auto first = static_cast<unsigned char>(path[0]);
    if (length == 0 || first < 0x20 || first == 0x7f) {
      text += {'\\', 'x', digits[first >> 4], digits[first & 15]};
      path.remove_prefix(1);
    } else {
      text += path.substr(0, length);
      path.remove_prefix(length);
    }
  }
  return text.empty() ? "." : text;
}

void note_book::add(std::string_view path, const note& what) {
  if (!what.common) {
    single_.push_back(printable(path) + ": " + what.text);
    return;
  }
  counted& entry = common_[what.text];
  std::string name = printable(path);
  if (entry.count++ == 0 || name < entry.first) entry.first = std::move(name);
}

std::vector<std::string> note_book::lines() const {
  std::vector<std::string> lines = single_;
  for (const auto& [text, entry] : common_) {
    lines.push_back(entry.first + ": " + text);
    if (entry.count > 1) lines.back() += " (and " + std::to_string(entry.count - 1) + " more)";
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::string join(std::string_view folder, std::string_view name) {
  std::string path;
  path.reserve(folder.size() + name.size() + 1);
  path += folder;
  if (!folder.empty()) path += '/';
  path += name;
  return path;
}

void sort(shadow_seal& seal) {
  std::sort(seal.entries.begin(), seal.entries.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
}

std::vector<std::string> differences(const shadow_seal& sealed, const shadow_seal& found,
                                     const std::vector<std::string>& unseen) {
  std::vector<std::string> lines;
  auto was = sealed.entries.begin();
  auto is = found.entries.begin();
  while (was != sealed.entries.end() || is != found.entries.end()) {
    if (is == found.entries.end() || (was != sealed.entries.end() && was->path < is->path)) {
      const bool hidden = std::any_of(unseen.begin(), unseen.end(),
                                      [&](const std::string& folder) { return is_below(was->path, folder); });
      if (!hidden) lines.push_back(printable(was->path) + ": removed");
      ++was;
    } else if (was == sealed.entries.end() || is->path < was->path) {
      lines.push_back(printable(is->path) + ": added");
      ++is;
    } else {
      if (was->fingerprint != is->fingerprint) lines.push_back(printable(is->path) + ": changed");
      ++was;
      ++is;
    }
  }
  return lines;
}

}  // namespace vsspy::simulator::provider
