#include "examine.h"

#include "../com/bstr.h"
#include "arguments.h"
#include "writer_reader.h"

namespace vsspy::requester {

std::shared_ptr<examination> examination::create(const vsspy_platform& platform, const std::u16string& xml) {
  constexpr const char* operation = "CreateVssExamineWriterMetadata";
  std::shared_ptr<examination> made(new examination(platform));
  made->open(operation, [&](const IID*, void** out) {
    const com::unique_bstr text(platform, without_nul(xml, "xml", operation));
    IVssExamineWriterMetadata* object = nullptr;
    const HRESULT hr = platform.create_examine_writer_metadata(platform.context, text.get(), &object);
    *out = object;
    return hr;
  });
  return made;
}

template <class Fn, class... Arguments>
HRESULT examination::call(const char* operation, Fn fn, const Arguments&... arguments) {
  return service_object::call<IVssExamineWriterMetadata>(operation, "IVssExamineWriterMetadata", fn, arguments...);
}

bool examination::load_from_xml(const std::u16string& xml) {
  constexpr const char* operation = "IVssExamineWriterMetadata::LoadFromXML";
  const com::unique_bstr text(platform_, without_nul(xml, "xml", operation));
  return call(operation, [&](auto& object) { return object.LoadFromXML(text.get()); }, with("bstrXML", xml)) != S_FALSE;
}

std::u16string examination::save_as_xml() {
  com::unique_bstr text(platform_);
  call("IVssExamineWriterMetadata::SaveAsXML", [&](auto& object) { return object.SaveAsXML(text.put()); });
  return text.text();
}

std::shared_ptr<const documents::writer_metadata> examination::metadata() {
  return exclusively("IVssExamineWriterMetadata::GetIdentity", [](auto& object) {
    return std::make_shared<const documents::writer_metadata>(read_writer(object, std::nullopt));
  });
}

}  // namespace vsspy::requester
