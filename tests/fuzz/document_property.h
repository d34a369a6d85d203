// A document that was read and written again reads as the same value, and then its text does not change any more.
#pragma once

#include <string>

#include "../../csrc/com/text.h"
#include "../../csrc/documents/xml.h"
#include "property.h"
#include "xml_mutator.h"

namespace vsspy::fuzz {

inline std::optional<std::u16string> decode(std::string_view bytes) {
  return read_or_refuse(VSS_E_INVALID_XML_DOCUMENT, [&] { return documents::xml::decode_document(bytes, "fuzz"); });
}

template <typename Read, typename Write>
void survives_rewriting(std::string_view bytes, Read&& read, Write&& write) {
  const auto text = decode(bytes);
  if (!text) return;
  const auto first = read_or_refuse(VSS_E_INVALID_XML_DOCUMENT, [&] { return read(*text); });
  if (!first) return;
  const std::u16string written = write(*first);
  const auto second = read(written);
  expect(first == second, "what was written reads as the same value");
  expect(write(second) == written, "the canonical text is its own canonical text");
  expect(documents::xml::decode_document(com::to_utf8(written), "fuzz") == written, "as UTF-8 it is the same text");
}

}  // namespace vsspy::fuzz
