"""The requester side of Microsoft's Volume Shadow Copy Service (VSS) for Python, and a simulator of the service."""

from __future__ import annotations

import logging as _logging

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
from ._backup_reading import ShadowEntry
from ._hresult import HResult
from ._leases import CleanedLease, CleanupReport, Lease, cleanup, leases
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
from .backup_document import BackupDocument, SavedComponent, SavedWriter
from .backup_folder import BackupFolder
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
from .extraction import Extracted, ExtractResult, extract
from .filesets import BackupFile
from .machine_exclusions import MachineExclusions
from .metadata import ComponentMetadata, Dependency, FileSet, RestoreMethodInfo, WriterMetadata
from .plan import Plan, PlannedComponent, PlannedVolume, PlannedWriter
from .privileges import enable_privileges
from .ranges import Range
from .restore import RestoredComponent, RestoredResult, RestoreFile, RestoreResult, RestoreSession
from .result import BackupResult, ComponentResult, LeftOut, PhaseTime, WriterResult
from .retry import Retry
from .session import (
    AsyncBackupSession,
    BackupSession,
    IncompleteBackupWarning,
    Progress,
    SelectedComponent,
    SessionOptions,
    shadow_copy,
)
from .shadow import LiveVolume, ShadowCopy, ShadowCopySet
from .snapshot_management import DifferentialSnapshotManagement, SnapshotManagement
from .tracing import TraceWarning, trace
from .volumes import VolumeSnapshotted, is_volume_snapshotted, should_block_revert

_logging.getLogger("vsspy").addHandler(_logging.NullHandler())  # a program that asks for its records gets them

__version__ = "0.1.0"

__all__ = [
    "AsyncBackupSession",
    "AsyncOperation",
    "BackupComponents",
    "BackupDocument",
    "BackupFile",
    "BackupFolder",
    "BackupResult",
    "BackupSession",
    "CleanedLease",
    "CleanupReport",
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
    "ExtractResult",
    "Extracted",
    "FileSet",
    "HResult",
    "IncompleteBackupWarning",
    "Lease",
    "LeftOut",
    "LiveVolume",
    "MachineExclusions",
    "PartialFile",
    "PhaseTime",
    "Plan",
    "PlannedComponent",
    "PlannedVolume",
    "PlannedWriter",
    "Progress",
    "ProviderProperties",
    "Range",
    "RestoreFile",
    "RestoreMethodInfo",
    "RestoreResult",
    "RestoreSession",
    "RestoreSubcomponent",
    "RestoredComponent",
    "RestoredResult",
    "Retry",
    "RollForward",
    "RootAndLogicalPrefixPaths",
    "SavedComponent",
    "SavedWriter",
    "SecurityWarning",
    "SelectedComponent",
    "SessionOptions",
    "ShadowCopy",
    "ShadowCopySet",
    "ShadowEntry",
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
    "cleanup",
    "enable_privileges",
    "extract",
    "initialize_security",
    "is_volume_snapshotted",
    "leases",
    "shadow_copy",
    "should_block_revert",
    "trace",
]
__all__ += _enums.__all__
__all__ += _errors.__all__
