// IVssWriterComponentsExt: what the Backup Components Document has of one writer.
#include "backup_components_object.h"
#include "component_view.h"

namespace vsspy::simulator {

namespace {

class writer_components_view final : public service_object<IVssWriterComponentsExt> {
 public:
  writer_components_view(std::shared_ptr<session> session, unsigned generation, std::size_t writer)
      : service_object(session->machine, session->id, "IVssWriterComponentsExt"),
        session_(std::move(session)),
        generation_(generation),
        writer_(writer) {}

  HRESULT STDMETHODCALLTYPE GetComponentCount(UINT* count) override {
    return call("IVssWriterComponents::GetComponentCount", {}, [&](outputs&) -> HRESULT {
      if (!count) return E_INVALIDARG;
      std::lock_guard lock(machine_->mutex);
      if (session_->generation != generation_) return VSS_E_BAD_STATE;
      *count = static_cast<UINT>(session_->document.writers[writer_].components.size());
      return S_OK;
    });
  }
  HRESULT STDMETHODCALLTYPE GetWriterInfo(VSS_ID* instance, VSS_ID* writer) override {
    return call("IVssWriterComponents::GetWriterInfo", {}, [&](outputs&) -> HRESULT {
      if (!instance || !writer) return E_INVALIDARG;
      std::lock_guard lock(machine_->mutex);
      if (session_->generation != generation_) return VSS_E_BAD_STATE;
      *instance = session_->document.writers[writer_].instance_id;
      *writer = session_->document.writers[writer_].writer_id;
      return S_OK;
    });
  }
  HRESULT STDMETHODCALLTYPE GetComponent(UINT index, IVssComponent** component) override {
    return call("IVssWriterComponents::GetComponent", {{"iComponent", index}}, [&](outputs& out) -> HRESULT {
      if (!component) return E_INVALIDARG;
      *component = nullptr;
      {
        std::lock_guard lock(machine_->mutex);
        if (session_->generation != generation_) return VSS_E_BAD_STATE;
        if (index >= session_->document.writers[writer_].components.size()) return VSS_E_OBJECT_NOT_FOUND;
      }
      IVssComponent* made = new component_view(session_, generation_, component_place{writer_, index});
      out.object(component, made);
      return S_OK;
    });
  }

 private:
  const std::shared_ptr<session> session_;
  const unsigned generation_;
  const std::size_t writer_;
};

}  // namespace

IVssWriterComponentsExt* make_writer_components(std::shared_ptr<session> session, std::size_t index) {
  unsigned generation = 0;
  {
    std::lock_guard lock(session->machine->mutex);
    generation = session->generation;
  }
  return new writer_components_view(std::move(session), generation, index);
}

}  // namespace vsspy::simulator
