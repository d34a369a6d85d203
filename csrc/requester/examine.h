// CreateVssExamineWriterMetadata: a stored Writer Metadata Document, read by VSS itself.
#pragma once

#include <memory>
#include <string>

#include "../com/com_ptr.h"
#include "../documents/writer_metadata.h"
#include "call_gate.h"
#include "lifetime.h"

namespace vsspy::requester {

class examination final : public live_object {
 public:
  static std::shared_ptr<examination> create(const vsspy_platform& platform, const std::u16string& xml);
  ~examination() override;

  // Replaces what the object holds; false where it could not be loaded (S_FALSE).
  bool load_from_xml(const std::u16string& xml);
  std::u16string save_as_xml();
  std::shared_ptr<const documents::writer_metadata> metadata();

  void close() noexcept override;
  void close_or_throw();

 private:
  explicit examination(const vsspy_platform& platform) : platform_(platform) {}

  // fn(object) with it to itself, where objects of the MTA may be used.
  template <class Fn>
  auto exclusively(const char* operation, Fn fn);

  const vsspy_platform& platform_;
  call_gate gate_;
  com::com_ptr<IVssExamineWriterMetadata> object_;
};

}  // namespace vsspy::requester
