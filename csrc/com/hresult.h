// HRESULTs in C++: one exception type, and one function that raises it.
#pragma once

#include <exception>
#include <string>
#include <utility>

#include "../abi/vss_abi.h"

namespace vsspy::com {

// What vsspy itself refuses, in HRESULTs with the customer bit set, which no component of Windows uses.
inline constexpr HRESULT VSSPY_E_CLOSED = static_cast<HRESULT>(0xA0040001U);     // used after close() or at exit
inline constexpr HRESULT VSSPY_E_FORKED = static_cast<HRESULT>(0xA0040002U);     // made before fork()
inline constexpr HRESULT VSSPY_E_REENTERED = static_cast<HRESULT>(0xA0040003U);  // from its own writer's callback
inline constexpr HRESULT VSSPY_E_UNSUPPORTED_PLATFORM = static_cast<HRESULT>(0xA0040004U);  // no VSS here
inline constexpr HRESULT VSSPY_E_STALE = static_cast<HRESULT>(0xA0040005U);  // a view of a document that changed since

// The one exception of the C++ layers. `operation` is the VSS call that failed, "IVssBackupComponents::DoSnapshotSet".
class vss_error : public std::exception {
 public:
  vss_error(HRESULT hresult, std::string operation, std::string detail = {})
      : hresult_(hresult), operation_(std::move(operation)), detail_(std::move(detail)) {}

  HRESULT hresult() const noexcept { return hresult_; }
  const std::string& operation() const noexcept { return operation_; }
  const std::string& detail() const noexcept { return detail_; }  // what is known beyond the code, UTF-8; may be empty
  const char* what() const noexcept override { return operation_.c_str(); }

 private:
  HRESULT hresult_;
  std::string operation_;
  std::string detail_;
};

// Throws vss_error for a failure; returns success codes, which carry meaning (S_FALSE, VSS_S_ASYNC_*).
inline HRESULT check(HRESULT hr, const char* operation) {
  if (FAILED(hr)) throw vss_error(hr, operation);
  return hr;
}

}  // namespace vsspy::com
