// A defect that only the dictionary and the property lead to: the tool has to find it before its other results count.
#include "property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = vsspy::fuzz::text_of(data, size);
  vsspy::fuzz::expect(text.find("WRITER_METADATA") == text.npos, "planted");
  return 0;
}
