// Backup Components Documents: csrc/documents/backup_components.h. What their reader does not know is kept too.
#include "../../csrc/documents/backup_components.h"

#include "document_property.h"

using namespace vsspy;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::survives_rewriting(fuzz::text_of(data, size), documents::read_backup_components,
                           documents::write_backup_components);
  return 0;
}
