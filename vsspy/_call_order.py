"""Which call was probably missing when VSS answered VSS_E_BAD_STATE: worked out afterwards, never used to refuse."""

from __future__ import annotations

from typing import Final

from .errors import BadStateError

_NO_WRITERS: Final = 0x10  # VSS_VOLSNAP_ATTR_NO_WRITERS
_CTX_ALL: Final = 0xFFFFFFFF

_INITIALIZE: Final = ("InitializeForBackup", "InitializeForRestore")

# What belongs to one kind of session only (semantics 2.4); the rest works in both.
_BACKUP_ONLY: Final = frozenset(
    [
        "SetContext",
        "SetBackupState",
        "AddComponent",
        "SetBackupOptions",
        "SetPreviousBackupStamp",
        "PrepareForBackup",
        "StartSnapshotSet",
        "AddToSnapshotSet",
        "DoSnapshotSet",
        "SetBackupSucceeded",
        "BackupComplete",
        "Query",
        "GetSnapshotProperties",
        "ExposeSnapshot",
        "ImportSnapshots",
        "IsVolumeSupported",
    ]
)
_BEFORE_PRE_RESTORE: Final = (
    "SetRestoreState",
    "SetSelectedForRestore",
    "SetSelectedForRestoreEx",
    "AddRestoreSubcomponent",
    "SetRestoreOptions",
    "SetAdditionalRestores",
    "AddNewTarget",
    "SetRangesFilePath",
    "SetAuthoritativeRestore",
    "SetRollForward",
    "SetRestoreName",
)
_RESTORE_ONLY: Final = frozenset(
    (*_BEFORE_PRE_RESTORE, "PreRestore", "AddAlternativeLocationMapping", "SetFileRestoreStatus", "PostRestore")
    + ("AddSnapshotToRecoverySet", "RecoverSet")
)

# What has to have succeeded before (semantics 2.2 to 2.4), besides the initialisation, which everything needs.
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
    "SetBackupSucceeded": ("AddComponent", "DoSnapshotSet"),
    "BackupComplete": ("DoSnapshotSet",),
    "SetSelectedForRestore": ("GatherWriterMetadata",),
    "SetSelectedForRestoreEx": ("GatherWriterMetadata",),
    "AddRestoreSubcomponent": ("GatherWriterMetadata", "SetSelectedForRestore"),
    "PreRestore": ("GatherWriterMetadata",),
    "SetFileRestoreStatus": ("GatherWriterMetadata", "PreRestore"),
    "PostRestore": ("GatherWriterMetadata", "PreRestore"),
    "RecoverSet": ("AddSnapshotToRecoverySet",),
}
_NEEDS_IN_A_BACKUP: Final = {"SaveAsXML": ("PrepareForBackup",)}
_NEEDS_WITH_WRITERS: Final = {"DoSnapshotSet": ("SetBackupState", "GatherWriterMetadata", "PrepareForBackup")}

# What may not have been called before.
_BEFORE: Final[dict[str, tuple[str, ...]]] = {
    "InitializeForBackup": ("InitializeForBackup",),
    "InitializeForRestore": ("InitializeForRestore",),
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
    **dict.fromkeys(_BEFORE_PRE_RESTORE, ("PreRestore",)),
    "PreRestore": ("PreRestore",),
    "AddAlternativeLocationMapping": ("PostRestore",),
    "SetFileRestoreStatus": ("PostRestore",),
    "PostRestore": ("PostRestore",),
    "AddSnapshotToRecoverySet": ("RecoverSet",),
}

# Calls that stand for another one where that is needed.
_INSTEAD: Final = {"SetSelectedForRestoreEx": "SetSelectedForRestore"}


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
        self._succeeded |= {method, _INSTEAD.get(method, method)}

    def context_set(self, context: int) -> None:
        self._context = context & 0xFFFFFFFF

    def explain(self, error: BadStateError, method: str) -> None:
        """Say in the error what was missing, or what came too early."""
        if not error.detail:
            error.missing_call, error.detail = self._kind(method) or self._missing(method) or self._late(method)

    def _kind(self, method: str) -> tuple[str | None, str] | None:
        """No initialisation, or that of the other kind of session."""
        kind = next((name for name in _INITIALIZE if name in self._succeeded), None)
        if method in _INITIALIZE:
            if kind in (None, method):
                return None
            return None, f"{method} came after {kind}: an object serves one backup or one restore"
        backup, restore = _INITIALIZE
        wanted = backup if method in _BACKUP_ONLY else restore if method in _RESTORE_ONLY else kind
        if kind is None:
            return wanted or backup, f"{method} needs {wanted or f'{backup} or {restore}'} first"
        if kind != wanted:
            what = "backup" if wanted == backup else "restore"
            return wanted, f"{method} belongs to a {what}, and this object was begun with {kind}: use another one"
        return None

    def _missing(self, method: str) -> tuple[str | None, str] | None:
        """What has to have succeeded, and has not."""
        needs = _NEEDS.get(method, ())
        if "InitializeForBackup" in self._succeeded:
            needs += _NEEDS_IN_A_BACKUP.get(method, ())
        if self._context == _CTX_ALL or not self._context & _NO_WRITERS:
            needs += _NEEDS_WITH_WRITERS.get(method, ())
        for needed in needs:
            if needed not in self._succeeded:
                running = needed in self._started
                return needed, f"{method} needs {needed} first" + (
                    ", which was started, and is not known to have succeeded: wait for it" if running else ""
                )
        return None

    def _late(self, method: str) -> tuple[str | None, str | None]:
        """What may not have been called, and was."""
        for before in ("AbortBackup", *_BEFORE.get(method, ())):
            if before == method and before in self._started:
                return None, f"{method} was called before, and works once"
            if before in self._started:
                return None, f"{method} has to come before {before}, which was called"
        return None, None
