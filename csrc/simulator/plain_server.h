// The environment of a plain server that lives on C:, which a machine has unless it is told otherwise.
#pragma once

#include <string_view>
#include <utility>

namespace vsspy::simulator {

inline constexpr std::pair<std::string_view, std::string_view> plain_server[] = {
    {"ALLUSERSPROFILE", "C:\\ProgramData"},
    {"COMPUTERNAME", "SIMULATOR"},
    {"CommonProgramFiles", "C:\\Program Files\\Common Files"},
    {"CommonProgramFiles(x86)", "C:\\Program Files (x86)\\Common Files"},
    {"ProgramData", "C:\\ProgramData"},
    {"ProgramFiles", "C:\\Program Files"},
    {"ProgramFiles(x86)", "C:\\Program Files (x86)"},
    {"PUBLIC", "C:\\Users\\Public"},
    {"SystemDrive", "C:"},
    {"SystemRoot", "C:\\Windows"},
    {"windir", "C:\\Windows"},
};

}  // namespace vsspy::simulator
