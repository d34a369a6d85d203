// The COM ABI of VSS. MSVC (and any Windows compiler told VSSPY_SDK_HEADERS) takes the Windows SDK's own headers,
// every other compiler the declarations of this folder; both spell everything alike.
#pragma once

#include "base_types.h"

#if defined(_MSC_VER) || defined(VSSPY_SDK_HEADERS)
// clang-format off: each needs those before it
#include <vss.h>
#include <vswriter.h>
#include <vsbackup.h>
#include <vserror.h>
#include <vsmgmt.h>
// clang-format on
#else
#include "errors.h"
#include "interfaces.h"
#endif

#include "iids.h"

static_assert(sizeof(void*) == 8,
              "a requester has to be of the machine's own bitness; vsspy is built for 64 bits only");
static_assert(sizeof(VSS_SNAPSHOT_PROP) == 128);
static_assert(offsetof(VSS_SNAPSHOT_PROP, m_pwszSnapshotDeviceObject) == 40);
static_assert(offsetof(VSS_SNAPSHOT_PROP, m_lSnapshotAttributes) == 104);
static_assert(offsetof(VSS_SNAPSHOT_PROP, m_eStatus) == 120);
static_assert(sizeof(VSS_PROVIDER_PROP) == 72);
static_assert(sizeof(VSS_OBJECT_PROP) == 136 && offsetof(VSS_OBJECT_PROP, Obj) == 8);
static_assert(sizeof(VSS_COMPONENTINFO) == 72 && offsetof(VSS_COMPONENTINFO, dwComponentFlags) == 48);
static_assert(sizeof(VSS_VOLUME_PROP) == 16 && sizeof(VSS_DIFF_VOLUME_PROP) == 32 && sizeof(VSS_DIFF_AREA_PROP) == 40);
static_assert(sizeof(VSS_MGMT_OBJECT_PROP) == 48 && sizeof(VSS_VOLUME_PROTECTION_INFO) == 24);
static_assert(sizeof(VSS_BACKUP_TYPE) == 4 && sizeof(VSS_WRITER_STATE) == 4);
static_assert(sizeof(IVssWriterComponentsExt) == 2 * sizeof(void*), "two bases, hence two vtable pointers");
