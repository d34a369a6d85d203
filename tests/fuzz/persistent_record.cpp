// The catalogue of a persistent state: csrc/simulator/persistent_record.h. The first byte chooses the kind of record.
#include "../../csrc/simulator/persistent_record.h"

#include "property.h"
#include "xml_mutator.h"

using namespace vsspy;

namespace {

template <typename Read, typename Write>
void survives_rewriting(std::string_view record, Read&& read, Write&& write) {
  const auto first = fuzz::read_or_refuse(VSS_E_PROVIDER_VETO, [&] { return read(record); });
  if (!first) return;
  const std::string written = write(*first);
  const auto second = read(written);
  fuzz::expect(first == second, "what was written reads as the same value");
  fuzz::expect(write(second) == written, "the text does not change any more");
}

struct seal_value {
  simulator::shadow_seal seal;

  bool operator==(const seal_value& other) const {
    if (seal.entries.size() != other.seal.entries.size()) return false;
    for (std::size_t i = 0; i < seal.entries.size(); ++i) {
      const auto &a = seal.entries[i], &b = other.seal.entries[i];
      if (a.path != b.path || a.fingerprint != b.fingerprint) return false;
    }
    return true;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view record = fuzz::text_of(data, size);
  if (record.empty()) return 0;
  const char kind = record.front();
  record.remove_prefix(1);
  if (kind == 'm') {
    survives_rewriting(record, simulator::read_machine,
                       [](const simulator::saved_machine& made) { return simulator::write_record(made); });
  } else if (kind == 's') {
    survives_rewriting(
        record, [](std::string_view text) { return seal_value{simulator::read_seal(text)}; },
        [](const seal_value& made) { return simulator::write_seal(made.seal); });
  } else {
    survives_rewriting(record, simulator::read_set,
                       [](const simulator::saved_set& made) { return simulator::write_record(made); });
  }
  return 0;
}
