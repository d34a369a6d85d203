#include "component_view.h"
#include "file_sets.h"
#include "session.h"

namespace vsspy::requester {

view_list::~view_list() {
  for (const auto& each : views_) {
    if (const auto view = each.lock()) view->close();
  }
}

void document_view::run(const char* operation, const std::function<void(view_list&)>& fn) {
  require_usable(operation);
  const std::shared_ptr<session> owner = owner_.lock();
  if (!owner) throw com::vss_error(com::VSSPY_E_CLOSED, operation);
  owner->exclusively(operation, [&](session::interfaces& object) {
    if (owner->document_generation() != generation_) throw com::vss_error(com::VSSPY_E_STALE, operation);
    fn(object.views);
  });
}

std::vector<std::shared_ptr<writer_components_view>> session::writer_components() {
  constexpr const char* operation = "IVssBackupComponents::GetWriterComponents";
  const auto self = std::static_pointer_cast<session>(shared_from_this());
  return exclusively(operation, [&](interfaces& object) {
    UINT count = 0;
    com::check(traced("IVssBackupComponents::GetWriterComponentsCount",
                      [&] { return object.base->GetWriterComponentsCount(&count); }),
               "IVssBackupComponents::GetWriterComponentsCount");
    std::vector<std::shared_ptr<writer_components_view>> writers;
    for (UINT i = 0; i < count; ++i) {
      auto writer = fetch<IVssWriterComponentsExt>(
          platform_, operation,
          [&](IVssWriterComponentsExt** pointer) { return object.base->GetWriterComponents(i, pointer); },
          with("iWriter", i));
      writers.push_back(std::make_shared<writer_components_view>(self, document_generation(), std::move(writer)));
    }
    object.views.add(writers);
    return writers;
  });
}

}  // namespace vsspy::requester
