// Writer Metadata Documents: csrc/documents/writer_metadata.h.
#include "../../csrc/documents/writer_metadata.h"

#include "document_property.h"

using namespace vsspy;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = [](const std::u16string& text) {
    auto made = documents::read_writer_metadata(text);
    fuzz::expect(made.xml == text, "the text that it was read from is kept");
    made.xml.clear();  // the one member that is about the text and not about the value
    return made;
  };
  fuzz::survives_rewriting(fuzz::text_of(data, size), read, documents::write_writer_metadata);
  return 0;
}
