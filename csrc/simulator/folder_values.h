// The values of machine.xml's attributes: one table row for each attribute, which says how its text is read and what a
// value looks like.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdio>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>

#include "../com/hresult.h"
#include "known_names.h"
#include "machine_folder.h"
#include "native_path.h"

namespace vsspy::simulator::folder_values {

// What an attribute says. Refusals are texts: who reads knows the place.
struct given {
  std::string text;
  const std::filesystem::path& folder;  // what relative paths are below
};
struct refusal : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Words of an enumeration.
template <class Value>
struct word {
  const char* text;
  Value value;
};
inline constexpr word<folder_level> level_words[] = {
    {"xp", folder_level::xp}, {"vista", folder_level::vista}, {"7", folder_level::seven}, {"8", folder_level::eight}};
inline constexpr word<folder_device_names> device_names_words[] = {{"folder", folder_device_names::folder},
                                                                   {"nt", folder_device_names::nt}};
inline constexpr word<folder_hardware> hardware_words[] = {
    {"no", folder_hardware::no}, {"yes", folder_hardware::yes}, {"legacy", folder_hardware::legacy}};
inline constexpr word<folder_place> place_words[] = {{"call", folder_place::call}, {"result", folder_place::result}};
inline constexpr word<folder_effect> effect_words[] = {{"before", folder_effect::before},
                                                       {"after", folder_effect::after}};
inline constexpr word<folder_deadline> deadline_words[] = {{"PrepareForBackup", folder_deadline::prepare},
                                                           {"StartSnapshotSet", folder_deadline::start},
                                                           {"DoSnapshotSet", folder_deadline::snapshot}};
inline constexpr word<bool> bool_words[] = {{"yes", true}, {"no", false}};
inline constexpr word<folder_application_level> application_words[] = {
    {"UNKNOWN", folder_application_level{VSS_APP_UNKNOWN}},
    {"SYSTEM", folder_application_level{VSS_APP_SYSTEM}},
    {"BACK_END", folder_application_level{VSS_APP_BACK_END}},
    {"FRONT_END", folder_application_level{VSS_APP_FRONT_END}},
    {"SYSTEM_RM", folder_application_level{VSS_APP_SYSTEM_RM}},
    {"AUTO", folder_application_level{VSS_APP_AUTO}}};

constexpr std::span<const word<folder_level>> words_of(folder_level) { return level_words; }
constexpr std::span<const word<folder_device_names>> words_of(folder_device_names) { return device_names_words; }
constexpr std::span<const word<folder_hardware>> words_of(folder_hardware) { return hardware_words; }
constexpr std::span<const word<folder_place>> words_of(folder_place) { return place_words; }
constexpr std::span<const word<folder_effect>> words_of(folder_effect) { return effect_words; }
constexpr std::span<const word<folder_application_level>> words_of(folder_application_level) {
  return application_words;
}
constexpr std::span<const word<folder_deadline>> words_of(folder_deadline) { return deadline_words; }
template <std::same_as<bool> Bool>  // and nothing that could become one
constexpr std::span<const word<bool>> words_of(Bool) {
  return bool_words;
}

template <class Value>
  requires requires(Value value) { words_of(value); }
void read(const given& from, Value& value) {
  std::string all;
  for (const auto& each : words_of(value)) {
    if (from.text == each.text) {
      value = each.value;
      return;
    }
    all += (all.empty() ? "" : ", ") + std::string(each.text);
  }
  throw refusal{"is none of " + all};
}

template <class Value>
  requires requires(Value value) { words_of(value); }
std::string show(const Value& value) {
  for (const auto& each : words_of(value)) {
    if (value == each.value) return each.text;
  }
  return {};
}

inline void read(const given& from, std::string& value) { value = from.text; }
inline std::string show(const std::string& value) { return value; }

inline void read(const given& from, std::filesystem::path& value) {
  if (from.text.empty()) throw refusal{"is empty; give a path, relative to the folder of machine.xml"};
  value = (from.folder / native_path(from.text)).lexically_normal();
}
inline std::string show(const std::filesystem::path& value) { return path_text(value); }

inline void read(const given& from, std::uint64_t& value) {
  const char* end = from.text.data() + from.text.size();
  const auto result = std::from_chars(from.text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end ||
      value > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    throw refusal{"is not a whole number, 0 or above"};
  }
}
inline std::string show(std::uint64_t value) { return std::to_string(value); }

inline double number(const given& from, const char* wanted) {
  double value = 0;
  const char* end = from.text.data() + from.text.size();
  const auto result = std::from_chars(from.text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end || std::isnan(value)) throw refusal{wanted};
  return value;
}
inline std::string number_text(double value) {  // the shortest that reads the same
  std::array<char, 64> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

inline void read(const given& from, double& value) { value = number(from, "is not a number"); }
inline std::string show(double value) { return number_text(value); }

inline constexpr word<std::uint32_t> subscriptions[] = {{"POST_SNAPSHOT_FLAG", VSS_SM_POST_SNAPSHOT_FLAG},
                                                        {"BACKUP_EVENTS_FLAG", VSS_SM_BACKUP_EVENTS_FLAG},
                                                        {"RESTORE_EVENTS_FLAG", VSS_SM_RESTORE_EVENTS_FLAG},
                                                        {"IO_THROTTLING_FLAG", VSS_SM_IO_THROTTLING_FLAG},
                                                        {"ALL_FLAGS", static_cast<std::uint32_t>(VSS_SM_ALL_FLAGS)}};

// Names with blanks between them; no name is no subscription.
inline void read(const given& from, folder_subscription& value) {
  value.mask = 0;
  const std::string_view text = from.text;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view name = text.substr(at, end - at);
    at = end + 1;
    if (name.empty()) continue;
    const auto* found = std::ranges::find(subscriptions, name, [](const auto& each) { return each.text; });
    if (found == std::end(subscriptions)) {
      throw refusal{"holds " + std::string(name) + ", which is no flag of VSS_SUBSCRIBE_MASK without its VSS_SM_"};
    }
    value.mask |= found->value;
  }
}
inline std::string show(folder_subscription value) {
  std::string text;
  for (const auto& each : subscriptions) {
    if (each.value == value.mask) return each.text;
    if ((value.mask & each.value) == each.value) text += (text.empty() ? "" : " ") + std::string(each.text);
  }
  return text;
}

inline void read(const given& from, folder_time& value) {
  constexpr const char* wanted = "is not a number of seconds, 0 or above, or inf";
  const double seconds = number(from, wanted);
  constexpr double most = 9.2e9;  // seconds: what 63 bits of nanoseconds hold
  if (seconds < 0 || (seconds > most && !std::isinf(seconds))) throw refusal{wanted};
  value.nanoseconds = std::isinf(seconds) ? -1 : std::llround(seconds * 1e9);
}
inline std::string show(folder_time value) {
  return value.nanoseconds < 0 ? "inf" : number_text(static_cast<double>(value.nanoseconds) / 1e9);
}

inline void read(const given& from, folder_code& value) {
  const std::string_view text = from.text;
  std::uint32_t number = 0;
  for (const known::code& each : known::codes) {
    if (each.name == text) {
      value = {from.text, static_cast<HRESULT>(each.value)};
      return;
    }
  }
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  const std::string_view digits = text.substr(hexadecimal ? 2 : 0);
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  if (!hexadecimal || result.ec != std::errc() || result.ptr != digits.data() + digits.size()) {
    throw refusal{"is not the name of a code (VSS_E_BAD_STATE), nor a HRESULT like 0x80042301"};
  }
  value.value = static_cast<HRESULT>(number);
  for (const known::code& each : known::codes) {
    if (each.value == number) value.name = each.name;
  }
}
inline std::string show(const folder_code& value) {
  if (!value.name.empty()) return value.name;
  std::array<char, 11> text;
  std::snprintf(text.data(), text.size(), "0x%08X", static_cast<unsigned>(value.value));
  return text.data();
}

inline void read(const given& from, GUID& value) {
  if (!com::parse_guid(com::to_utf16(from.text), value)) throw refusal{"is not a GUID"};
}
inline std::string show(const GUID& value) { return com::to_utf8(com::guid_text(value)); }

template <class Value>
void read(const given& from, std::optional<Value>& value) {
  Value read_value{};
  read(from, read_value);
  value = std::move(read_value);
}

// One attribute of an element's settings.
template <class Settings>
struct attribute {
  const char* name;
  bool is_required;
  void (*read)(const given&, Settings&);
  std::optional<std::string> (*show)(const Settings&);  // nothing: it is not set
};

template <class Settings, class Value>
Settings settings_of(Value Settings::*);

template <auto Member, class Settings = decltype(settings_of(Member))>
constexpr attribute<Settings> row(const char* name, bool is_required = false) {
  return {name, is_required, [](const given& from, Settings& settings) { read(from, settings.*Member); },
          [](const Settings& settings) -> std::optional<std::string> {
            const auto& value = settings.*Member;
            if constexpr (requires { value.has_value(); }) {
              return value ? std::optional(folder_values::show(*value)) : std::nullopt;
            } else {
              return folder_values::show(value);
            }
          }};
}

}  // namespace vsspy::simulator::folder_values
