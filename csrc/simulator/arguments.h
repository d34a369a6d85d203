// A call's arguments as text, for the trace.
#pragma once

#include <string>
#include <vector>

#include "../com/argument_text.h"

namespace vsspy::simulator {

using com::argument_text;

struct argument {
  template <class Value>
  argument(const char* name_, const Value& value) : name(name_), text(argument_text(value)) {}
  argument(const char* name_, std::string value) : name(name_), text(std::move(value)) {}

  const char* name;
  std::string text;
};

using argument_list = std::vector<argument>;

}  // namespace vsspy::simulator
