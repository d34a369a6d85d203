// The structures of vss.h, vsbackup.h and vsmgmt.h, with the sizes of 64-bit Windows.
#pragma once

#include "enums.h"

using VSS_ID = GUID;
using VSS_PWSZ = WCHAR*;
using VSS_TIMESTAMP = LONGLONG;

struct VSS_SNAPSHOT_PROP {
  VSS_ID m_SnapshotId;
  VSS_ID m_SnapshotSetId;
  LONG m_lSnapshotsCount;
  VSS_PWSZ m_pwszSnapshotDeviceObject;
  VSS_PWSZ m_pwszOriginalVolumeName;
  VSS_PWSZ m_pwszOriginatingMachine;
  VSS_PWSZ m_pwszServiceMachine;
  VSS_PWSZ m_pwszExposedName;
  VSS_PWSZ m_pwszExposedPath;
  VSS_ID m_ProviderId;
  LONG m_lSnapshotAttributes;
  VSS_TIMESTAMP m_tsCreationTimestamp;
  VSS_SNAPSHOT_STATE m_eStatus;
};

struct VSS_PROVIDER_PROP {
  VSS_ID m_ProviderId;
  VSS_PWSZ m_pwszProviderName;
  VSS_PROVIDER_TYPE m_eProviderType;
  VSS_PWSZ m_pwszProviderVersion;
  VSS_ID m_ProviderVersionId;
  CLSID m_ClassId;
};

union VSS_OBJECT_UNION {
  VSS_SNAPSHOT_PROP Snap;
  VSS_PROVIDER_PROP Prov;
};

struct VSS_OBJECT_PROP {
  VSS_OBJECT_TYPE Type;
  VSS_OBJECT_UNION Obj;
};

struct VSS_COMPONENTINFO {
  VSS_COMPONENT_TYPE type;
  BSTR bstrLogicalPath;
  BSTR bstrComponentName;
  BSTR bstrCaption;
  BYTE* pbIcon;
  UINT cbIcon;
  bool bRestoreMetadata;
  bool bNotifyOnBackupComplete;
  bool bSelectable;
  bool bSelectableForRestore;
  DWORD dwComponentFlags;
  UINT cFileCount;
  UINT cDatabases;
  UINT cLogFiles;
  UINT cDependencies;
};
using PVSSCOMPONENTINFO = const VSS_COMPONENTINFO*;

struct VSS_VOLUME_PROP {
  VSS_PWSZ m_pwszVolumeName;
  VSS_PWSZ m_pwszVolumeDisplayName;
};

struct VSS_DIFF_VOLUME_PROP {
  VSS_PWSZ m_pwszVolumeName;
  VSS_PWSZ m_pwszVolumeDisplayName;
  LONGLONG m_llVolumeFreeSpace;
  LONGLONG m_llVolumeTotalSpace;
};

struct VSS_DIFF_AREA_PROP {
  VSS_PWSZ m_pwszVolumeName;
  VSS_PWSZ m_pwszDiffAreaVolumeName;
  LONGLONG m_llMaximumDiffSpace;
  LONGLONG m_llAllocatedDiffSpace;
  LONGLONG m_llUsedDiffSpace;
};

union VSS_MGMT_OBJECT_UNION {
  VSS_VOLUME_PROP Vol;
  VSS_DIFF_VOLUME_PROP DiffVol;
  VSS_DIFF_AREA_PROP DiffArea;
};

struct VSS_MGMT_OBJECT_PROP {
  VSS_MGMT_OBJECT_TYPE Type;
  VSS_MGMT_OBJECT_UNION Obj;
};

struct VSS_VOLUME_PROTECTION_INFO {
  VSS_PROTECTION_LEVEL m_protectionLevel;
  BOOL m_volumeIsOfflineForProtection;
  VSS_PROTECTION_FAULT m_protectionFault;
  LONG m_failureStatus;
  BOOL m_volumeHasUnusedDiffArea;
  DWORD m_reserved;
};
