// CreateVssExamineWriterMetadata: a stored Writer Metadata Document, read by VSS itself.
#pragma once

#include <memory>
#include <string>

#include "../documents/writer_metadata.h"
#include "service_object.h"

namespace vsspy::requester {

class examination final : public service_object<IVssExamineWriterMetadata> {
 public:
  static std::shared_ptr<examination> create(const vsspy_platform& platform, const std::u16string& xml);

  // Replaces what the object holds; false where it could not be loaded (S_FALSE).
  bool load_from_xml(const std::u16string& xml);
  std::u16string save_as_xml();
  std::shared_ptr<const documents::writer_metadata> metadata();

 private:
  explicit examination(const vsspy_platform& platform) : service_object(platform) {}

  template <class Fn, class... Arguments>
  HRESULT call(const char* operation, Fn fn, const Arguments&... arguments);
};

}  // namespace vsspy::requester
