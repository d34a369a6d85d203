"""The requester side of Microsoft's Volume Shadow Copy Service (VSS) for Python, and a simulator of the service."""

from __future__ import annotations

from . import enums as _enums
from . import errors as _errors

try:
    from . import _core as _core
except ImportError as error:
    error.add_note(
        "vsspy's compiled module is missing or does not fit this interpreter: install a wheel for it, "
        "or run `pip install .` in the source tree."
    )
    raise

from ._backend import initialize_security
from ._machine import SecurityWarning
from ._paths import FileSetError
from .backup_components import AsyncOperation, BackupComponents, ProviderProperties, SnapshotProperties, WriterStatus
from .enums import *
from .errors import *
from .filesets import BackupFile
from .metadata import ComponentMetadata, Dependency, FileSet, RestoreMethodInfo, WriterMetadata
from .result import BackupResult, ComponentResult, LeftOut, PhaseTime, WriterResult
from .retry import Retry
from .selection import SelectionError
from .session import (
    BackupSession,
    IncompleteBackupError,
    IncompleteBackupWarning,
    Progress,
    SelectedComponent,
    SessionOptions,
    shadow_copy,
)
from .shadow import ShadowCopy, ShadowCopySet, ShadowCopyVanishedError

__version__ = "0.1.0"

__all__ = [
    "AsyncOperation",
    "BackupComponents",
    "BackupFile",
    "BackupResult",
    "BackupSession",
    "ComponentMetadata",
    "ComponentResult",
    "Dependency",
    "FileSet",
    "FileSetError",
    "IncompleteBackupError",
    "IncompleteBackupWarning",
    "LeftOut",
    "PhaseTime",
    "Progress",
    "ProviderProperties",
    "RestoreMethodInfo",
    "Retry",
    "SecurityWarning",
    "SelectedComponent",
    "SelectionError",
    "SessionOptions",
    "ShadowCopy",
    "ShadowCopySet",
    "ShadowCopyVanishedError",
    "SnapshotProperties",
    "WriterMetadata",
    "WriterResult",
    "WriterStatus",
    "initialize_security",
    "shadow_copy",
]
__all__ += _enums.__all__
__all__ += _errors.__all__
