"""Which files of a component set a backup saves, and which parts of them: what its writer named for this very backup comes
before its file sets (semantics 10)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ._backup_types import BUILDS_ON
from ._filetime import UNIX_EPOCH
from ._paths import separator
from .enums import FileSpecBackupType
from .errors import FileSetError, RangesError
from .metadata import FileSet
from .ranges import Range, check_ranges, is_ranges_text, parse_ranges

if TYPE_CHECKING:
    from ._document_values import DifferencedFile, PartialFile
    from .enums import BackupType
    from .errors import VssError
    from .filesets import BackupFile

__all__ = ["Named", "NamedFiles", "together"]

_ANY_TYPE: Final = FileSpecBackupType.ALL_BACKUP_REQUIRED | FileSpecBackupType.ALL_SNAPSHOT_REQUIRED


@dataclass(frozen=True, slots=True)
class Named:
    """What a writer named in a component of the Backup Components Document, up to PostSnapshot."""

    differenced: Sequence[DifferencedFile] = ()
    partial: Sequence[PartialFile] = ()

    def __bool__(self) -> bool:
        return bool(self.differenced or self.partial)


class NamedFiles:
    """Decides for each file of a component set whether and how it is saved.

    A file that is differenced and changed is saved whole. Else a partial file is saved in parts; one that is also
    differenced is an error of the writer's, after which its ranges count for nothing and it is saved whole. Else the file
    sets decide.

    Args:
        named: what the writer named.
        file_sets: the component set's, as the type of the backup wants them.
        partial_files: whether parts of files can be saved.
        base: when the backup began that this one builds on, in nanoseconds since 1970, UTC; None: all files count as changed.
        backup_type: the type that the component's writer is backed up with.
        read_ranges: reads the ranges file at a path.
        why_not: tells why the files of a file set cannot be read; None if they can.
        note: told what the writer did wrong.
        refuse: told which file cannot be saved as the writer wants it, and why; it raises, or the file is saved whole.
    """

    def __init__(
        self,
        named: Named,
        file_sets: Iterable[FileSet],
        partial_files: bool,
        base: int | None,
        backup_type: BackupType,
        read_ranges: Callable[[str], tuple[Range, ...]],
        why_not: Callable[[FileSet], str | None],
        note: Callable[[str], None],
        refuse: Callable[[str, VssError], None],
    ) -> None:
        self._named = named
        self._partial_files = partial_files
        self._base = base if backup_type in BUILDS_ON else None
        self._note = note
        self._met: set[int] = set()
        self._refuse = refuse
        self._ranges: list[tuple[Range, ...] | None] = []
        self.ranges_files: list[str] = []
        self.groups: dict[Hashable, Iterable[FileSet]] = {"sets": file_sets}
        for index, differenced in enumerate(named.differenced):
            found = FileSet(differenced.path, differenced.filespec, differenced.recursive, None, _ANY_TYPE)
            self._add(("differenced", index), found, why_not)
        for index, partial in enumerate(named.partial):
            found = FileSet(partial.path, partial.filename, False, None, _ANY_TYPE)
            if not self._add(("partial", index), found, why_not):
                self._met.add(index)
            self._ranges.append(self._read(partial, read_ranges) if partial_files else None)

    def _add(self, key: Hashable, file_set: FileSet, why_not: Callable[[FileSet], str | None]) -> bool:
        reason = why_not(file_set)
        if reason is None:
            self.groups[key] = [file_set]
        else:
            self._refuse(_full(file_set.path, file_set.filespec), FileSetError(reason))
        return reason is None

    def _read(self, partial: PartialFile, read_ranges: Callable[[str], tuple[Range, ...]]) -> tuple[Range, ...] | None:
        path = _full(partial.path, partial.filename)
        try:
            if set(partial.filename) & {"*", "?"}:
                raise RangesError("this names several files")
            if is_ranges_text(partial.ranges):
                return parse_ranges(partial.ranges)
            ranges = read_ranges(partial.ranges)
            self.ranges_files.append(partial.ranges)
        except RangesError as error:
            self._refuse(path, RangesError(f"{path}: {error.detail}"))
            return None
        return ranges

    def account_for(self, key: Hashable) -> None:
        """Files of that group were left out, or could not be read, and that was told."""
        if isinstance(key, tuple) and key[0] == "partial":
            self._met.add(key[1])

    def missing(self) -> list[str]:
        """The partial files that no file was met for, which the writer counts on."""
        return [
            _full(each.path, each.filename) for index, each in enumerate(self._named.partial) if index not in self._met
        ]

    def decide(self, file: BackupFile, keys: Iterable[Hashable]) -> BackupFile | None:
        """How *file*, which is in these of the groups, is saved; None if it is not."""
        differenced: list[DifferencedFile] = []
        partial: list[int] = []
        in_sets = False
        for key in keys:
            if isinstance(key, tuple):
                kind, index = key
                if kind == "differenced":
                    differenced.append(self._named.differenced[index])
                else:
                    partial.append(index)
            else:
                in_sets = True
        self._met.update(partial)
        if differenced and partial:
            self._note(f"{file.path} is both a differenced and a partial file, so it is saved whole")
            return file
        if any(self._is_changed(file, each) for each in differenced):
            return file
        if partial:
            return self._in_parts(file, partial)
        return file if in_sets else None

    def _is_changed(self, file: BackupFile, differenced: DifferencedFile) -> bool:
        """Whether it changed since the earlier backup: the writer's time counts before the file's own.

        Without a time to compare with, it did; so did what changed in the moment at which that backup began.
        """
        if self._base is None:
            return True
        ticks = differenced.last_modify_filetime
        changed = (ticks - UNIX_EPOCH) * 100 if ticks else file.modified
        return changed >= self._base

    def _in_parts(self, file: BackupFile, partial: Sequence[int]) -> BackupFile:
        if file.is_link:
            return file
        if not self._partial_files:
            self._note(f"{file.path} was named as a partial file, which was not asked for: it is saved whole")
            return file
        parts = [self._ranges[index] for index in partial]
        try:
            if None not in parts:
                ranges = _union(each for ranges in parts for each in ranges or ())
                return replace(file, ranges=check_ranges(ranges, file.size))
        except RangesError as error:
            self._refuse(file.path, RangesError(f"{file.path}: {error.detail}"))
        return file


def _union(ranges: Iterable[Range]) -> list[Range]:
    """Ranges that entries of one file name together, ascending; two entries may name the same part."""
    found: list[Range] = []
    for each in sorted(ranges, key=lambda each: each.offset):
        if found and each.offset < found[-1].end:
            found[-1] = Range(found[-1].offset, max(found[-1].end, each.end) - found[-1].offset)
        else:
            found.append(each)
    return found


def together(files: Sequence[BackupFile]) -> BackupFile:
    """One file as several components want it: whole if one of them does, else all the parts that any of them wants."""
    parts = [file.ranges for file in files if file.ranges is not None]
    if len(parts) < len(files):
        return next(file for file in files if file.ranges is None)
    return replace(files[0], ranges=tuple(_union(each for ranges in parts for each in ranges)))


def _full(path: str, name: str) -> str:
    mark = separator(path)
    return path.rstrip(mark) + mark + name
