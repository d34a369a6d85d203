"""What the type of a backup asks of each writer: its schema bits, its stamps, and its file sets' masks (semantics 9.5, 10)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from ._paths import fold
from .backup_document import BackupDocument
from .enums import BackupSchema, BackupType, FileSpecBackupType
from .errors import InvalidArgumentError, SelectionError
from .result import LeftOut

if TYPE_CHECKING:
    from .backup_document import SavedComponent, SavedWriter
    from .metadata import FileSet, WriterMetadata
    from .selection import Inclusion, Rule

__all__ = ["TypeOptions", "UnsupportedType", "effective_type", "left_out_by_type", "type_notes", "whole_sets"]

UnsupportedType = Literal["full", "leave out"]
"""What becomes of writers that do not know the type of the backup: see BackupSession's ``unsupported_type``."""

BUILDS_ON: Final = (BackupType.INCREMENTAL, BackupType.DIFFERENTIAL, BackupType.LOG)
"""The types that are of use only together with an earlier backup."""

_NEEDED: Final = {
    BackupType.INCREMENTAL: BackupSchema.INCREMENTAL | BackupSchema.EXCLUSIVE_INCREMENTAL_DIFFERENTIAL,
    BackupType.DIFFERENTIAL: BackupSchema.DIFFERENTIAL | BackupSchema.EXCLUSIVE_INCREMENTAL_DIFFERENTIAL,
    BackupType.LOG: BackupSchema.LOG,
    BackupType.COPY: BackupSchema.COPY,
}
_MIXED: Final = {BackupType.INCREMENTAL, BackupType.DIFFERENTIAL}


@dataclass(frozen=True, slots=True)
class TypeOptions:
    """How a session deals with types.

    Attributes:
        previous: the document of the backup that this one builds on.
        previous_time: when that backup began, in nanoseconds since 1970, UTC.
        partial_files: whether the requester can save parts of files.
        unsupported: what becomes of writers that do not know the type.
    """

    previous: BackupDocument | None = None
    previous_time: int | None = None
    partial_files: bool = False
    unsupported: UnsupportedType = "full"

    @classmethod
    def of(
        cls,
        previous: str | bytes | None,
        previous_time: datetime | None,
        partial_files: bool,
        unsupported_type: UnsupportedType,
    ) -> TypeOptions:
        """The options as BackupSession takes them.

        Raises:
            InvalidArgumentError: an option that makes no sense.
            InvalidXmlDocumentError: *previous* is no Backup Components Document.
        """
        if unsupported_type not in ("full", "leave out"):
            raise _invalid(f"unsupported_type is 'full' or 'leave out', not {unsupported_type!r}")
        if previous_time is not None and previous_time.utcoffset() is None:
            raise _invalid("previous_time does not say its time zone")
        return cls(
            None if previous is None else BackupDocument.from_xml(previous),
            None if previous_time is None else _nanoseconds(previous_time),
            partial_files,
            unsupported_type,
        )

    def time_of(self, inclusion: Inclusion) -> int | None:
        """When the backup began that a component's backup builds on; None where there is none, so that all of it is saved.

        An earlier backup that has not saved the component is none: what changed before it would be in no backup of the chain.
        """
        if self.previous is not None:
            saved = _find(self.previous, inclusion)
            if saved is None or saved.backup_succeeded is False:
                return None
        return self.previous_time

    def stamp(self, inclusion: Inclusion, backup_type: BackupType) -> str | None:
        """The stamp for SetPreviousBackupStamp; None where there is none to give.

        A component that the earlier backup reports as not saved has none: nothing may build on it. A document that says
        nothing of success may have been stored before BackupComplete, or be one of a system that has another word for it.
        """
        if self.previous is None or not needs_stamp(inclusion.writer, backup_type):
            return None
        saved = _find(self.previous, inclusion)
        return None if saved is None or saved.backup_succeeded is False else saved.backup_stamp


def effective_type(writer: WriterMetadata, backup_type: BackupType) -> BackupType:
    """The type of backup that *writer* can do where *backup_type* was asked for: that type, or FULL if its schema lacks it.

    Full and other backups need no bit (semantics 10). A writer whose incremental and differential backups must not be mixed
    knows both.
    """
    needed = _NEEDED.get(backup_type)
    return backup_type if needed is None or writer.backup_schema & needed else BackupType.FULL


def needs_stamp(writer: WriterMetadata, backup_type: BackupType) -> bool:
    """Whether a backup of that type needs the stamps of an earlier one (reference page of SetPreviousBackupStamp)."""
    return bool(effective_type(writer, backup_type) in BUILDS_ON and writer.backup_schema & BackupSchema.TIMESTAMPED)


def left_out_by_type(
    writers: Sequence[WriterMetadata], rules: Iterable[Rule], options: TypeOptions, backup_type: BackupType
) -> list[LeftOut]:
    """The writers that a session leaves out since they do not know the type of the backup.

    Raises:
        SelectionError: a required select rule names nothing but such writers.
    """
    if options.unsupported == "full":
        return []
    found = [writer for writer in writers if effective_type(writer, backup_type) is not backup_type]
    reason = f"it has no {_word(backup_type)} backups"
    for rule in rules:
        named = [writer for writer in writers if rule.names(writer)]
        if rule.kind == "select" and rule.required and named and all(writer in found for writer in named):
            raise SelectionError(f"nothing of {rule} can be backed up ({reason})")
    return [
        LeftOut("writer", writer.name, reason, writer.name, writer.writer_id, writer.instance_id) for writer in found
    ]


def type_notes(inclusions: Iterable[Inclusion], options: TypeOptions, backup_type: BackupType) -> Iterator[str]:
    """What a person should know about the type of backup that each included writer gets."""
    if backup_type not in BUILDS_ON:
        return
    previous = BackupType.UNDEFINED if options.previous is None else options.previous.backup_type
    if previous is BackupType.COPY:
        yield "the earlier backup was a copy, which writers keep no record of: nothing builds on it"
    elif backup_type is BackupType.DIFFERENTIAL and previous in BUILDS_ON:
        yield f"a differential backup builds on a full one, and the earlier backup was {_article(previous)} one"
    told = set()
    for each in inclusions:
        writer = each.writer
        if writer.instance_id not in told:
            told.add(writer.instance_id)
            yield from _writer_notes(writer, options, backup_type)
        if options.stamp(each, backup_type) is None and needs_stamp(writer, backup_type):
            saved = None if options.previous is None else _find(options.previous, each)
            why = "no earlier backup was named" if options.previous is None else "the earlier backup has none"
            if saved is not None and saved.backup_succeeded is False:
                why = "the earlier backup of it failed"
            yield (
                f"{writer.name}: {each.component.full_name}: no stamp to build {_article(backup_type)} backup on: {why}"
            )


def _writer_notes(writer: WriterMetadata, options: TypeOptions, backup_type: BackupType) -> Iterator[str]:
    if effective_type(writer, backup_type) is not backup_type:
        yield f"{writer.name} has no {_word(backup_type)} backups: all of its files are backed up"
        return
    previous = BackupType.UNDEFINED if options.previous is None else options.previous.backup_type
    if writer.backup_schema & BackupSchema.EXCLUSIVE_INCREMENTAL_DIFFERENTIAL and {previous, backup_type} == _MIXED:
        yield (
            f"{writer.name} does not mix incremental and differential backups, and the earlier backup was "
            f"{_article(previous)} one"
        )


def whole_sets(file_sets: Iterable[FileSet], writer: WriterMetadata, backup_type: BackupType) -> Iterator[FileSet]:
    """The *file_sets* as the backup is to see them: each required where a writer without that type is backed up in full.

    Such a writer's every file belongs to the backup, whatever the masks say, and is read from the shadow copy.
    """
    if effective_type(writer, backup_type) is backup_type or backup_type not in BUILDS_ON:
        yield from file_sets
        return
    required = FileSpecBackupType.ALL_BACKUP_REQUIRED | FileSpecBackupType.ALL_SNAPSHOT_REQUIRED
    for each in file_sets:
        yield replace(each, backup_type=each.backup_type | required)


def _find(document: BackupDocument, inclusion: Inclusion) -> SavedComponent | None:
    """The component as the earlier backup has it: by its key (semantics 8.1), of the same instance where there are several."""
    writer, wanted = inclusion.writer, inclusion.component
    key = (wanted.type, fold(wanted.full_name))
    found = [
        (saved, component)
        for saved in document.writers
        if saved.writer_id == writer.writer_id and _may_be(saved, writer)
        for component in saved.components
        if (component.type, fold(component.full_name)) == key
    ]
    if len(found) > 1:
        same = [each for each in found if each[0].instance_id == writer.instance_id]
        found = same if len(same) == 1 else []
    return found[0][1] if found else None


def _may_be(saved: SavedWriter, writer: WriterMetadata) -> bool:
    """Whether that was this writer: instance ids are new at each start of a writer, their names stay."""
    names = (saved.instance_name, writer.instance_name)
    return None in names or saved.instance_id == writer.instance_id or names[0] == names[1]


def _nanoseconds(time: datetime) -> int:
    since = time.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def _word(backup_type: BackupType) -> str:
    return backup_type.name.lower()


def _article(backup_type: BackupType) -> str:
    return ("an " if backup_type is BackupType.INCREMENTAL else "a ") + _word(backup_type)


def _invalid(detail: str) -> InvalidArgumentError:
    return InvalidArgumentError("E_INVALIDARG", "BackupSession", detail=detail)
