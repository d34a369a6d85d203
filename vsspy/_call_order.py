"""Which call was probably missing when VSS answered VSS_E_BAD_STATE: worked out afterwards, never used to refuse."""

from __future__ import annotations

from typing import Final

from .errors import BadStateError

_NO_WRITERS: Final = 0x10  # VSS_VOLSNAP_ATTR_NO_WRITERS
_CTX_ALL: Final = 0xFFFFFFFF

# What has to have succeeded before (semantics 2.2, 2.3), besides InitializeForBackup, which everything needs.
_NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "GetWriterMetadata": ("GatherWriterMetadata",),
    "FreeWriterMetadata": ("GatherWriterMetadata",),
    "AddComponent": ("SetBackupState", "GatherWriterMetadata"),
    "SetBackupOptions": ("AddComponent",),
    "SetPreviousBackupStamp": ("AddComponent",),
    "AddToSnapshotSet": ("StartSnapshotSet",),
    "PrepareForBackup": ("SetBackupState", "GatherWriterMetadata"),
    "DoSnapshotSet": ("StartSnapshotSet", "AddToSnapshotSet"),
    "GetSnapshotProperties": ("DoSnapshotSet",),
    "GetWriterStatus": ("GatherWriterStatus",),
    "FreeWriterStatus": ("GatherWriterStatus",),
    "SaveAsXML": ("PrepareForBackup",),
    "SetBackupSucceeded": ("AddComponent", "DoSnapshotSet"),
    "BackupComplete": ("DoSnapshotSet",),
}
_NEEDS_WITH_WRITERS: Final = {"DoSnapshotSet": ("SetBackupState", "GatherWriterMetadata", "PrepareForBackup")}

# What may not have been called before.
_BEFORE: Final[dict[str, tuple[str, ...]]] = {
    "InitializeForBackup": ("InitializeForBackup",),
    "SetContext": ("SetContext", "StartSnapshotSet", "GatherWriterMetadata"),
    "SetBackupState": ("PrepareForBackup",),
    "GatherWriterMetadata": ("GatherWriterMetadata",),
    "GetWriterMetadata": ("FreeWriterMetadata",),
    "FreeWriterMetadata": ("FreeWriterMetadata",),
    "AddComponent": ("PrepareForBackup",),
    "SetBackupOptions": ("PrepareForBackup",),
    "SetPreviousBackupStamp": ("PrepareForBackup",),
    "StartSnapshotSet": ("StartSnapshotSet",),
    "AddToSnapshotSet": ("DoSnapshotSet",),
    "PrepareForBackup": ("PrepareForBackup",),
    "DoSnapshotSet": ("DoSnapshotSet",),
    "SetBackupSucceeded": ("BackupComplete",),
    "BackupComplete": ("BackupComplete",),
}


class CallOrder:
    """What one IVssBackupComponents was asked to do, and did."""

    def __init__(self) -> None:
        self._started: set[str] = set()
        self._succeeded: set[str] = set()
        self._context = 0

    def started(self, method: str) -> None:
        """An asynchronous method was accepted; it has succeeded when :meth:`succeeded` is told so."""
        self._started.add(method)

    def succeeded(self, method: str) -> None:
        self._started.add(method)
        self._succeeded.add(method)

    def context_set(self, context: int) -> None:
        self._context = context & 0xFFFFFFFF

    def _needs(self, method: str) -> tuple[str, ...]:
        needs = ("InitializeForBackup", *_NEEDS.get(method, ()))
        if self._context == _CTX_ALL or not self._context & _NO_WRITERS:
            needs += _NEEDS_WITH_WRITERS.get(method, ())
        return needs if method != "InitializeForBackup" else ()

    def explain(self, error: BadStateError, method: str) -> None:
        """Say in the error what was missing, or what came too early."""
        if error.detail:
            return
        for needed in self._needs(method):
            if needed not in self._succeeded:
                error.missing_call = needed
                running = needed in self._started
                error.detail = f"{method} needs {needed} first" + (
                    ", which was started, and is not known to have succeeded: wait for it" if running else ""
                )
                return
        for before in ("AbortBackup", *_BEFORE.get(method, ())):
            if before == method and before in self._started:
                error.detail = f"{method} was called before, and works once"
                return
            if before in self._started:
                error.detail = f"{method} has to come before {before}, which was called"
                return
