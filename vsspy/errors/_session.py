"""What sessions and file sets refuse, where VSS itself was not asked."""

from __future__ import annotations

from typing import ClassVar, Self

from ._base import VssError
from ._general import InvalidArgumentError, ObjectNotFoundError


class _ToldError(VssError):
    """Made from what it has to say; code and operation are its class's."""

    _code: ClassVar[str]
    _operation: ClassVar[str]

    def __init__(self, detail: str) -> None:
        super().__init__(self._code, self._operation, detail=detail)

    @classmethod
    def from_code(cls, hresult: int, operation: str | None, detail: str | None) -> Self:
        return cls(detail or "")


class FileSetError(_ToldError, InvalidArgumentError):
    """A path or a file set of a writer that cannot be understood on this machine."""

    hint = "Back up the volume that the path is on as well, or exclude the component; its writer's document says which."
    _code = "E_INVALIDARG"
    _operation = "FileSet"


class RangesError(_ToldError, InvalidArgumentError):
    """Ranges of a partial file that are no list of ranges, or that no file can have."""

    hint = "The writer named them: back it up without partial files (partial_files=False), and report it to its maker."
    _code = "E_INVALIDARG"
    _operation = "Ranges"


class InvalidTraceError(_ToldError, InvalidArgumentError):
    """A file that is not a trace, or a damaged one.

    Attributes:
        line: the number of the line that says so, counted from 1; None where it is the file as a whole.
    """

    hint = "Use the file as vsspy.trace or simulator.record wrote it; docs/simulator.md describes the format."
    line: int | None = None
    _code = "E_INVALIDARG"
    _operation = "replay"


class SelectionError(_ToldError, InvalidArgumentError):
    """A component was asked for that VSS's rules do not allow to be included by itself, or that cannot be backed up."""

    hint = "Select the component that it comes with, or pass required=False for what may be missing."
    _code = "E_INVALIDARG"
    _operation = "select"


class IncompleteBackupError(_ToldError):
    """Components that nobody marked counted as not backed up; the rest of the backup was completed.

    Raised for full, incremental, differential and log backups, after which writers may throw logs away.
    """

    hint = "Call mark_succeeded or mark_failed for each component of session.components before the block ends."
    _code = "E_FAIL"
    _operation = "BackupSession"


class ShadowCopyVanishedError(_ToldError, ObjectNotFoundError):
    """A shadow copy is no longer there: it was deleted, its storage area ran full, or its session has ended."""

    hint = "Read inside the session's block; if it vanished there, give the storage area more space, and start again."
    _code = "VSS_E_OBJECT_NOT_FOUND"
    _operation = "ShadowCopy"


class BackupFolderError(_ToldError, InvalidArgumentError):
    """A folder is not what ``vsspy backup`` makes, or something in it is missing or damaged."""

    hint = "Name the folder that was the backup's --to, with the folder vsspy in it as it was written."
    _code = "E_INVALIDARG"
    _operation = "BackupFolder"


class RestoreError(_ToldError):
    """A component or a file cannot be restored as the backup, its writer's restore method or its targets say."""

    hint = "Restore it to another folder, and put it in place by what its application documents."
    _code = "E_FAIL"
    _operation = "RestoreSession"


class UnsafePathError(RestoreError):
    """A place to restore to, or to read from, that leads elsewhere: a link on the way, or what is no plain file name."""

    hint = "Look who put the link there; remove it, or restore to another folder."


class IncompleteRestoreError(_ToldError):
    """Components were told to writers as to be restored, and nobody restored them; the writers heard so."""

    hint = "Call restore_files, or place each of files(), before the block ends."
    _code = "E_FAIL"
    _operation = "RestoreSession"
