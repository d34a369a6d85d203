#ifdef _WIN32

#include "windows_security.h"

#include <array>
#include <cstdint>

namespace vsspy::requester {

namespace {

constexpr std::array writers_accounts = {WinLocalSystemSid, WinLocalServiceSid, WinNetworkServiceSid,
                                         WinBuiltinAdministratorsSid, WinBuiltinBackupOperatorsSid};

struct sid {
  alignas(SID) std::array<std::uint8_t, SECURITY_MAX_SID_SIZE> bytes{};

  HRESULT make(WELL_KNOWN_SID_TYPE type) {
    auto size = static_cast<DWORD>(bytes.size());
    return CreateWellKnownSid(type, nullptr, get(), &size) ? S_OK : HRESULT_FROM_WIN32(GetLastError());
  }
  PSID get() noexcept { return bytes.data(); }
};

// Absolute, with owner and group, since CoInitializeSecurity asks for both.
class descriptor {
 public:
  HRESULT make() {
    if (!InitializeSecurityDescriptor(&value_, SECURITY_DESCRIPTOR_REVISION) ||
        !InitializeAcl(acl(), static_cast<DWORD>(acl_.size()), ACL_REVISION)) {
      return HRESULT_FROM_WIN32(GetLastError());
    }
    for (const WELL_KNOWN_SID_TYPE account : writers_accounts) {
      sid member;
      if (const HRESULT hr = member.make(account); FAILED(hr)) return hr;
      if (!AddAccessAllowedAce(acl(), ACL_REVISION, COM_RIGHTS_EXECUTE | COM_RIGHTS_EXECUTE_LOCAL, member.get())) {
        return HRESULT_FROM_WIN32(GetLastError());
      }
    }
    if (const HRESULT hr = owner_.make(WinBuiltinAdministratorsSid); FAILED(hr)) return hr;
    if (!SetSecurityDescriptorDacl(&value_, TRUE, acl(), FALSE) ||
        !SetSecurityDescriptorOwner(&value_, owner_.get(), FALSE) ||
        !SetSecurityDescriptorGroup(&value_, owner_.get(), FALSE)) {
      return HRESULT_FROM_WIN32(GetLastError());
    }
    return S_OK;
  }
  PSECURITY_DESCRIPTOR get() noexcept { return &value_; }

 private:
  ACL* acl() noexcept { return reinterpret_cast<ACL*>(acl_.data()); }

  SECURITY_DESCRIPTOR value_{};
  sid owner_;
  alignas(ACL) std::array<std::uint8_t, sizeof(ACL) + writers_accounts.size() *
                                                          (sizeof(ACCESS_ALLOWED_ACE) + SECURITY_MAX_SID_SIZE)> acl_{};
};

}  // namespace

HRESULT initialize_process_security() {
  descriptor admits_writers;
  if (const HRESULT hr = admits_writers.make(); FAILED(hr)) return hr;
  return CoInitializeSecurity(admits_writers.get(), -1, nullptr, nullptr, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                              RPC_C_IMP_LEVEL_IDENTIFY, nullptr, EOAC_DYNAMIC_CLOAKING, nullptr);
}

}  // namespace vsspy::requester

#endif
