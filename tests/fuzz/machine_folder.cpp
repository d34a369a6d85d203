// machine.xml: csrc/simulator/machine_folder.h. It is read, never opened as a machine.
#include "../../csrc/simulator/machine_folder.h"

#include <unistd.h>

#include <fstream>
#include <tuple>

#include "property.h"
#include "xml_mutator.h"

using namespace vsspy;

const vsspy_simulator_control* vsspy_simulator_control_table() { std::abort(); }  // only open() asks for it

namespace {

constexpr std::string_view document =
    R"(<WRITER_METADATA xmlns="x-schema:#VssWriterMetadataInfo" version="1.2"><IDENTIFICATION )"
    R"(writerId="11111111-2222-3333-4444-555555555555" instanceId="66666666-7777-8888-9999-aaaaaaaaaaaa" )"
    R"(friendlyName="W" usage="OTHER" dataSource="OTHER" majorVersion="1" minorVersion="0"/></WRITER_METADATA>)";

void put(const std::filesystem::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  fuzz::expect(file.flush().good(), "the file could be written");
}

const std::filesystem::path& folder() {
  struct made {
    std::filesystem::path path = std::filesystem::temp_directory_path() / ("vsspy-fuzz-" + std::to_string(::getpid()));
    made() {
      for (const char* each : {"writers", "volumes/C", "volumes/srv"}) std::filesystem::create_directories(path / each);
      put(path / "writers/W.xml", document);
    }
    ~made() { std::filesystem::remove_all(path); }
  };
  static const made one;
  return one.path;
}

using setting = std::tuple<std::string, std::uint32_t, std::string, std::string>;

std::optional<std::vector<setting>> settings() {
  std::vector<setting> all;
  try {
    simulator::machine_folder(folder()).describe(
        [&](std::string_view element, std::uint32_t index, std::string_view name, std::string_view value) {
          all.emplace_back(element, index, name, value);
        });
  } catch (const com::vss_error& error) {
    const HRESULT code = error.hresult();
    fuzz::expect(code == VSS_E_INVALID_XML_DOCUMENT || code == VSS_E_OBJECT_NOT_FOUND || code == E_ACCESSDENIED,
                 "a refusal has a code that is documented");
    fuzz::expect(error.detail().find(folder().string()) != std::string::npos, "a refusal names the file");
    return std::nullopt;
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  put(folder() / "machine.xml", fuzz::text_of(data, size));
  const auto first = settings();
  fuzz::expect(settings() == first, "read again it says the same");
  return 0;
}
