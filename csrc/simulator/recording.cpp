#include "recording.h"

namespace vsspy::simulator {

namespace {

const char* level_name(system_level level) {
  switch (level) {
    case system_level::server_2003:
      return "xp";
    case system_level::vista:
      return "vista";
    case system_level::seven:
      return "7";
    default:
      return "8";
  }
}

const char* provider_name(hardware_provider provider) {
  switch (provider) {
    case hardware_provider::present:
      return "true";
    case hardware_provider::legacy:
      return "\"legacy\"";
    default:
      return "false";
  }
}

std::string header_of(machine& machine) {
  using documents::json_text;
  std::string text = "\"side\": \"service\", \"backend\": \"simulator\", \"machine\": {\"level\": \"";
  text += level_name(machine.chosen.level);
  text += "\", \"hardware_provider\": ";
  text += provider_name(machine.chosen.hardware);
  text += ", \"volumes\": {";
  std::lock_guard lock(machine.mutex);
  const char* separator = "";
  for (const auto& each : machine.volumes) {
    text += separator + json_text(com::to_utf8(each->name)) + ": " + json_text(com::to_utf8(each->guid_path));
    separator = ", ";
  }
  text += "}, \"environment\": {";
  separator = "";
  for (const auto& [name, value] : machine.environment) {
    text += separator + json_text(name) + ": " + json_text(value);
    separator = ", ";
  }
  return text + "}}";
}

}  // namespace

const documents::trace_file* start_recording(machine& machine, const std::filesystem::path& path) {
  auto file = std::make_shared<documents::trace_file>(path, header_of(machine));
  const documents::trace_file* started = file.get();
  machine.trace.record(std::move(file));
  return started;
}

}  // namespace vsspy::simulator
