"""The requester side of Microsoft's Volume Shadow Copy Service (VSS) for Python, and a simulator of the service."""

from __future__ import annotations

from . import enums as _enums
from . import errors as _errors

try:
    from . import _core as _core
except ImportError as error:
    if "subinterpreters" not in str(error):
        error.add_note(
            "vsspy's compiled module is missing or does not fit this interpreter: install a wheel for it, "
            "or run `pip install .` in the source tree."
        )
    raise

from ._backend import initialize_security
from ._hresult import HResult
from ._machine import SecurityWarning
from ._management_properties import (
    DiffAreaProperties,
    DiffVolumeProperties,
    SnapshotDeltaBitmap,
    VolumeProperties,
    VolumeProtectionInfo,
)
from .backup_components import (
    AsyncOperation,
    BackupComponents,
    ProviderProperties,
    RootAndLogicalPrefixPaths,
    SnapshotProperties,
    WriterStatus,
)
from .document_components import (
    ComponentFailure,
    DifferencedFile,
    DirectedTarget,
    DocumentComponent,
    PartialFile,
    RestoreSubcomponent,
    RollForward,
    WriterComponents,
)
from .enumeration import EnumMgmtObject, EnumObject
from .enums import *
from .errors import *
from .examine import ExamineWriterMetadata
from .filesets import BackupFile
from .metadata import ComponentMetadata, Dependency, FileSet, RestoreMethodInfo, WriterMetadata
from .result import BackupResult, ComponentResult, LeftOut, PhaseTime, WriterResult
from .retry import Retry
from .session import (
    BackupSession,
    IncompleteBackupWarning,
    Progress,
    SelectedComponent,
    SessionOptions,
    shadow_copy,
)
from .shadow import ShadowCopy, ShadowCopySet
from .snapshot_management import DifferentialSnapshotManagement, SnapshotManagement
from .tracing import TraceWarning, trace
from .volumes import VolumeSnapshotted, is_volume_snapshotted, should_block_revert

__version__ = "0.1.0"

__all__ = [
    "AsyncOperation",
    "BackupComponents",
    "BackupFile",
    "BackupResult",
    "BackupSession",
    "ComponentFailure",
    "ComponentMetadata",
    "ComponentResult",
    "Dependency",
    "DiffAreaProperties",
    "DiffVolumeProperties",
    "DifferencedFile",
    "DifferentialSnapshotManagement",
    "DirectedTarget",
    "DocumentComponent",
    "EnumMgmtObject",
    "EnumObject",
    "ExamineWriterMetadata",
    "FileSet",
    "HResult",
    "IncompleteBackupWarning",
    "LeftOut",
    "PartialFile",
    "PhaseTime",
    "Progress",
    "ProviderProperties",
    "RestoreMethodInfo",
    "RestoreSubcomponent",
    "Retry",
    "RollForward",
    "RootAndLogicalPrefixPaths",
    "SecurityWarning",
    "SelectedComponent",
    "SessionOptions",
    "ShadowCopy",
    "ShadowCopySet",
    "SnapshotDeltaBitmap",
    "SnapshotManagement",
    "SnapshotProperties",
    "TraceWarning",
    "VolumeProperties",
    "VolumeProtectionInfo",
    "VolumeSnapshotted",
    "WriterComponents",
    "WriterMetadata",
    "WriterResult",
    "WriterStatus",
    "initialize_security",
    "is_volume_snapshotted",
    "shadow_copy",
    "should_block_revert",
    "trace",
]
__all__ += _enums.__all__
__all__ += _errors.__all__
