#include "examine.h"

#include "../com/bstr.h"
#include "arguments.h"
#include "writer_reader.h"

namespace vsspy::requester {

std::shared_ptr<examination> examination::create(const vsspy_platform& platform, const std::u16string& xml) {
  constexpr const char* operation = "CreateVssExamineWriterMetadata";
  if (platform.version != vsspy_platform_version) {
    throw com::vss_error(E_INVALIDARG, operation, "the platform table has another version");
  }
  std::shared_ptr<examination> made(new examination(platform));
  made->require_usable(operation);
  com::enter_mta(platform);
  const com::unique_bstr text(platform, without_nul(xml, "xml", operation));
  auto& object = made->object_;
  com::check(
      com::on_mta(
          platform,
          [&] { return platform.create_examine_writer_metadata(platform.context, text.get(), object.put(platform)); }),
      operation);
  if (!object) throw com::vss_error(E_UNEXPECTED, operation, "no object came with the success code");
  enlist(made);
  return made;
}

examination::~examination() {
  if (abandoned()) object_.detach();
}

template <class Fn>
auto examination::exclusively(const char* operation, Fn fn) {
  require_usable(operation);
  return gate_.pass(operation, [&] {
    if (!object_) throw com::vss_error(com::VSSPY_E_CLOSED, operation);
    return com::on_mta(platform_, [&] { return fn(object_); });
  });
}

bool examination::load_from_xml(const std::u16string& xml) {
  constexpr const char* operation = "IVssExamineWriterMetadata::LoadFromXML";
  const com::unique_bstr text(platform_, without_nul(xml, "xml", operation));
  return com::check(exclusively(operation, [&](auto& object) { return object->LoadFromXML(text.get()); }), operation) !=
         S_FALSE;
}

std::u16string examination::save_as_xml() {
  constexpr const char* operation = "IVssExamineWriterMetadata::SaveAsXML";
  com::unique_bstr text(platform_);
  com::check(exclusively(operation, [&](auto& object) { return object->SaveAsXML(text.put()); }), operation);
  return text.text();
}

std::shared_ptr<const documents::writer_metadata> examination::metadata() {
  return exclusively("IVssExamineWriterMetadata::GetIdentity", [](auto& object) {
    return std::make_shared<const documents::writer_metadata>(read_writer(object, std::nullopt));
  });
}

void examination::close() noexcept {
  if (forked()) return;
  com::com_ptr<IVssExamineWriterMetadata> last;
  const auto lock = gate_.lock();
  last = std::move(object_);
}

void examination::close_or_throw() {
  if (forked()) throw com::vss_error(com::VSSPY_E_FORKED, "IUnknown::Release");
  gate_.refuse_reentry("IUnknown::Release");
  close();
}

}  // namespace vsspy::requester
