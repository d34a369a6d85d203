// Texts of the trace: csrc/documents/trace_file.h. Whatever the bytes are, they become one JSON string of printable
// ASCII that holds the same text.
#include "../../csrc/com/text.h"
#include "../../csrc/documents/trace_file.h"
#include "property.h"

using namespace vsspy;

namespace {

char16_t digit(char unit) {
  fuzz::expect((unit >= '0' && unit <= '9') || (unit >= 'a' && unit <= 'f'), "an escape has hexadecimal digits");
  return static_cast<char16_t>(unit <= '9' ? unit - '0' : unit - 'a' + 10);
}

// RFC 8259, as far as the escapes that are written go.
std::u16string read_json(std::string_view json) {
  fuzz::expect(json.size() >= 2 && json.front() == '"' && json.back() == '"', "a string has quotes");
  json = json.substr(1, json.size() - 2);
  std::u16string text;
  for (std::size_t at = 0; at < json.size(); ++at) {
    fuzz::expect(json[at] >= 0x20 && json[at] < 0x7F && json[at] != '"', "printable ASCII, no quotes inside");
    if (json[at] != '\\') {
      text += static_cast<char16_t>(json[at]);
      continue;
    }
    fuzz::expect(++at < json.size(), "an escape is whole");
    if (json[at] == '"' || json[at] == '\\') {
      text += static_cast<char16_t>(json[at]);
      continue;
    }
    fuzz::expect(json[at] == 'u' && at + 4 < json.size(), "an escape is whole");
    char16_t unit = 0;
    for (int i = 0; i < 4; ++i) unit = static_cast<char16_t>(unit << 4 | digit(json[++at]));
    text += unit;
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  const std::u16string text = com::to_utf16(bytes);
  fuzz::expect(read_json(documents::json_text(bytes)) == text, "the JSON string holds the same text");
  const std::string outcome = documents::document_outcome("document", text);
  constexpr std::string_view before = "{\"document\": ";
  fuzz::expect(outcome.starts_with(before) && outcome.ends_with('}'), "an outcome is an object");
  const auto inside = std::string_view(outcome).substr(before.size(), outcome.size() - before.size() - 1);
  fuzz::expect(com::to_utf8(read_json(inside)) == com::to_utf8(text), "an outcome holds the same document");
  return 0;
}
