// Text on its way to VSS.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "../com/hresult.h"
#include "../com/text.h"

namespace vsspy::requester {

using optional_text = std::optional<std::u16string>;

// VSS reads up to the first NUL: what stands behind would be lost without a word, so it is refused, by the argument's
// name.
inline std::u16string_view without_nul(const std::u16string& text, const char* name, const char* operation) {
  if (text.find(u'\0') != std::u16string::npos) {
    throw com::vss_error(E_INVALIDARG, operation, std::string(name) + " has a null character in it");
  }
  return text;
}

inline const WCHAR* terminated(const std::u16string& text, const char* name, const char* operation) {
  without_nul(text, name, operation);
  return com::wide(text);
}

// NULL for None.
inline const WCHAR* terminated(const optional_text& text, const char* name, const char* operation) {
  return text ? terminated(*text, name, operation) : nullptr;
}

// For parameters that the headers forgot to make const.
template <class Text>
VSS_PWSZ terminated_pwsz(const Text& text, const char* name, const char* operation) {
  return const_cast<VSS_PWSZ>(terminated(text, name, operation));
}

}  // namespace vsspy::requester
