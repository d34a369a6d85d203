// Off Windows: VssApi's entry points by their plain names, in C and, as older headers declared them, in C++. On Windows
// vssapi.def gives the exports of exports.cpp these names.
#ifndef _WIN32

#include "../../abi/vss_abi.h"

#pragma GCC visibility push(default)  // the rest of the library is hidden

// One function under two names cannot be declared in one source otherwise; the second is what g++ and clang call it.
#define VSSPY_NAMES(returned, name, cpp_name, parameters, arguments)       \
  extern "C" returned name parameters { return name##Internal arguments; } \
  extern "C" __attribute__((alias(#name))) returned cpp_name parameters;

// NOLINTBEGIN(bugprone-reserved-identifier): they are reserved for this
VSSPY_NAMES(HRESULT, CreateVssBackupComponents, _Z25CreateVssBackupComponentsPP20IVssBackupComponents,
            (IVssBackupComponents * *object), (object))
VSSPY_NAMES(HRESULT, CreateVssExamineWriterMetadata, _Z30CreateVssExamineWriterMetadataPDsPP25IVssExamineWriterMetadata,
            (BSTR xml, IVssExamineWriterMetadata** object), (xml, object))
VSSPY_NAMES(HRESULT, IsVolumeSnapshotted, _Z19IsVolumeSnapshottedPDsPiS0_,
            (VSS_PWSZ volume, BOOL* present, LONG* capability), (volume, present, capability))
VSSPY_NAMES(void, VssFreeSnapshotProperties, _Z25VssFreeSnapshotPropertiesP17VSS_SNAPSHOT_PROP,
            (VSS_SNAPSHOT_PROP * properties), (properties))
VSSPY_NAMES(HRESULT, ShouldBlockRevert, _Z17ShouldBlockRevertPKDsPb, (LPCWSTR volume, bool* block), (volume, block))
VSSPY_NAMES(HRESULT, GetProviderMgmtInterface, _Z24GetProviderMgmtInterface4GUIDS_PP8IUnknown,
            (VSS_ID provider, IID iid, IUnknown** object), (provider, iid, object))

// NOLINTEND(bugprone-reserved-identifier)

#pragma GCC visibility pop

#endif
