#include "file_description.h"

namespace vsspy::simulator {

namespace {

class file_description final : public service_object<IVssWMFiledesc> {
 public:
  file_description(std::shared_ptr<machine> machine, const GUID& session, std::shared_ptr<const void> owner,
                   const documents::file_set& files)
      : service_object(std::move(machine), session, "IVssWMFiledesc"), owner_(std::move(owner)), files_(files) {}

  HRESULT STDMETHODCALLTYPE GetPath(BSTR* path) override { return text("IVssWMFiledesc::GetPath", path, files_.path); }
  HRESULT STDMETHODCALLTYPE GetFilespec(BSTR* filespec) override {
    return text("IVssWMFiledesc::GetFilespec", filespec, files_.filespec);
  }
  HRESULT STDMETHODCALLTYPE GetRecursive(bool* recursive) override {
    return call("IVssWMFiledesc::GetRecursive", {}, [&](outputs&) -> HRESULT {
      if (!recursive) return E_INVALIDARG;
      *recursive = files_.recursive;
      return S_OK;
    });
  }
  HRESULT STDMETHODCALLTYPE GetAlternateLocation(BSTR* location) override {
    return call("IVssWMFiledesc::GetAlternateLocation", {}, [&](outputs& out) -> HRESULT {
      if (!location) return E_INVALIDARG;
      *location = nullptr;
      out.text(location, files_.alternate_path);
      return files_.alternate_path ? S_OK : S_FALSE;
    });
  }
  HRESULT STDMETHODCALLTYPE GetBackupTypeMask(DWORD* mask) override {
    return call("IVssWMFiledesc::GetBackupTypeMask", {}, [&](outputs&) -> HRESULT {
      if (!mask) return E_INVALIDARG;
      *mask = files_.backup_type_mask;
      return S_OK;
    });
  }

 private:
  HRESULT text(const char* name, BSTR* where, const std::u16string& value) {
    return call(name, {}, [&](outputs& out) -> HRESULT {
      if (!where) return E_INVALIDARG;
      *where = nullptr;
      out.text(where, std::u16string_view(value));
      return S_OK;
    });
  }

  const std::shared_ptr<const void> owner_;
  const documents::file_set& files_;
};

}  // namespace

HRESULT give_file(machine& machine, const GUID& session, outputs& out, std::shared_ptr<const void> owner,
                  const std::vector<documents::file_set>& files, UINT index, IVssWMFiledesc** file) {
  if (!file) return E_INVALIDARG;
  *file = nullptr;
  if (index >= files.size()) return VSS_E_OBJECT_NOT_FOUND;
  IVssWMFiledesc* made = new file_description(machine.shared_from_this(), session, std::move(owner), files[index]);
  out.object(file, made);
  return S_OK;
}

}  // namespace vsspy::simulator
