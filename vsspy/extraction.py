"""Files out of a backup into another folder, without VSS and its writers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ._paths import VolumeNames
from ._restore_files import Piece, Target
from ._restore_plan import within
from ._restore_selection import BY_WISH, Choice, Chosen, RestoreRule
from ._restore_work import UNCHECKED, words
from ._safe_folders import SafeRoot
from ._volumes import local_environment
from .backup_document import BackupDocument
from .errors import RestoreError, SelectionError, VssError
from .result import LeftOut
from .selection import Rule

if TYPE_CHECKING:
    from .backup_folder import BackupFolder
    from .enums import BackupType

__all__ = ["ExtractResult", "Extracted", "check_chain", "extract"]

Names = Iterable["str | tuple[str, str | None]"]


@dataclass(frozen=True, slots=True)
class Extracted:
    """A file that is written, or could not be.

    Attributes:
        path: its full path in the folder that it is written to.
        size: bytes that are written.
        reason: why it could not be written; None if it was.
    """

    path: str
    size: int
    reason: str | None = None


@dataclass(slots=True)
class ExtractResult:
    """What was written.

    Attributes:
        files, bytes: what was.
        hard_links: how many of the files have further names in the backup, whose content is written for each name.
        failed: what was not, and why.
        not_kept: what of a file could not be kept: its owner, say.
        left_out: components that were selected and are not in the backup, and why.
        notes: what else is to be known.
    """

    files: int = 0
    bytes: int = 0
    hard_links: int = 0
    failed: list[Extracted] = field(default_factory=list)
    not_kept: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether everything was written, and the backup still has all that it saved."""
        return not self.failed


def extract(
    folder: BackupFolder,
    to: str | os.PathLike[str],
    *,
    select: Names = (),
    exclude: Names = (),
    environment: Mapping[str, str] | None = None,
    onerror: Callable[[OSError | VssError], object] | None = None,
    on_file: Callable[[Extracted], object] | None = None,
    on_bytes: Callable[[int], None] | None = None,
) -> ExtractResult:
    """Writes a backup's files below another folder, as the backup has them: ``C:\\Data`` to ``C/Data``. No writer is asked or told.

    Of components whose files are not all in the backup any more nothing is written; of the whole backup what is there, and then it is
    told. Files are put in place as a restore does it, never through a link. Empty folders are made, and hard links become files of
    their own. A file of which the backup has parts only (semantics 10) is
    completed: extract the backup that it builds on to the same folder first.

    Args:
        folder: the backup.
        to: where the files go; made if it is missing.
        select: writers, or (writer, component), whose files are written; by default the whole backup.
        exclude: writers or components whose files are left out; only what belongs to components is written then.
        environment: the environment variables in writers' paths; by default this process's.
        onerror: called with the error of a file that cannot be written; the rest follows. Without it the error is raised.
        on_file: called with each file before it is written.
        on_bytes: called with the number of bytes after each step; it may raise to stop.

    Raises:
        ObjectNotFoundError, SelectionError: there is no such component.
        BackupFolderError: components are named, and the backup has no documents.
        OSError, RestoreError: see *onerror*; RestoreError also if no selected component is whole in the backup.
    """
    path = os.path.abspath(os.fspath(to))
    result = ExtractResult()
    select, exclude = list(select), list(exclude)
    if select or exclude:
        values = local_environment() if environment is None else environment
        entries = _files(folder, select, exclude, values, result, onerror)
    else:
        entries = folder._walk()
    os.makedirs(path, exist_ok=True)
    root = SafeRoot(path, windows_names=sys.platform == "win32")
    lost: dict[str, None] = {}
    target = Target(root, on_bytes or (lambda count: None))
    try:
        for elements, is_file in entries:
            if is_file:
                _extract(folder, elements, path, target, result, lost, onerror, on_file)
                continue
            try:
                target.make_folder(elements, folder._states(elements))
            except (OSError, VssError) as error:
                _fail(result, os.path.join(path, *elements), error, onerror)
        target.sync()
    finally:
        root.close()
    result.not_kept.extend(lost)
    if result.hard_links:
        result.notes.append(
            f"{result.hard_links} names of files with several names (hard links) became files of their own"
        )
    if not (select or exclude):
        for why in folder.missing(result.files + len(result.failed)):
            _fail(result, folder.path, RestoreError(why), onerror)
    return result


def _fail(
    result: ExtractResult, path: str, error: OSError | VssError, onerror: Callable[[OSError | VssError], object] | None
) -> None:
    result.failed.append(Extracted(path, 0, words(error)))
    if onerror is None:
        raise error
    onerror(error)


def _extract(
    folder: BackupFolder,
    elements: Sequence[str],
    path: str,
    target: Target,
    result: ExtractResult,
    lost: dict[str, None],
    onerror: Callable[[OSError | VssError], object] | None,
    on_file: Callable[[Extracted], object] | None,
) -> None:
    full = os.path.join(path, *elements)
    target.on_lost = lambda what, why: lost.setdefault(f"{full}: {what}: {why}")
    try:
        with folder.stored(elements) as source:
            ranges = folder.ranges_of(elements)
            pieces = None if ranges is None else [Piece(each.offset, each.offset, each.length) for each in ranges]
            several = source.status is not None and source.status.st_nlink > 1
            whole = 0 if source.status is None or source.link is not None else source.status.st_size
            size = whole if pieces is None else sum(each.length for each in pieces)
            if on_file is not None:
                on_file(Extracted(full, size))
            if pieces is None:
                target.put(elements, source)
            else:
                target.patch(elements, source, pieces, whole=True)
    except (OSError, VssError) as error:
        _fail(result, full, error, onerror)
        return
    result.files += 1
    result.hard_links += several
    result.bytes += size


def _files(
    folder: BackupFolder,
    select: list[str | tuple[str, str | None]],
    exclude: list[str | tuple[str, str | None]],
    environment: Mapping[str, str],
    result: ExtractResult,
    onerror: Callable[[OSError | VssError], object] | None,
) -> Iterator[tuple[tuple[str, ...], bool]]:
    saved = BackupDocument.from_xml(folder.document)
    choice = Choice(saved, folder.writers)
    rules = [RestoreRule(Rule("select", *_pair(each))) for each in select]
    rules += [RestoreRule(Rule("exclude", *_pair(each))) for each in exclude]
    for rule in rules:
        choice.check(rule.rule)
    selected = choice.resolve(rules)
    if not selected.chosen:
        raise SelectionError("nothing of the backup was saved and is selected")
    result.left_out = [each for each in selected.left_out if each.reason not in BY_WISH]
    whole, damaged = [], []
    for each in selected.chosen:
        try:
            _check(folder, each, saved.backup_type, environment)
            whole.append(each)
        except RestoreError as error:
            damaged.append(RestoreError(f"{each.saved.full_name}: {error.detail}"))
    if not whole:
        raise damaged[0]
    for problem in damaged:
        _fail(result, folder.path, problem, onerror)
    if not folder.has_file_list:
        result.notes.append(f"{folder.path} {UNCHECKED}")
    found: dict[tuple[tuple[str, ...], bool], None] = {}
    for each in whole:
        files = each.files(folder, saved.backup_type, None, environment)
        found.update(((tuple(folder.elements_of(file)), True), None) for file in files)
    return iter(found)


def _check(folder: BackupFolder, chosen: Chosen, backup_type: BackupType, environment: Mapping[str, str]) -> None:
    """Raises RestoreError if the backup has not all files of a component any more."""
    only = None
    if chosen.parts:
        only = within(chosen.file_sets(backup_type), VolumeNames([name] for name in folder.volumes), environment)
    folder.check_component(*chosen.key, only=only)


def _pair(name: str | tuple[str, str | None]) -> tuple[str, str | None]:
    return (name, None) if isinstance(name, str) else name


def check_chain(folders: Sequence[BackupFolder]) -> None:
    """Proves that each backup builds on one before it, and the first on none.

    A backup tells the folder that it builds on; where backups were moved since, the writers' stamps tell (semantics 10): each stamp that
    a component builds on has to be one that an earlier backup of the chain was given.

    Raises:
        RestoreError: they do not; it says what is missing.
    """
    stamps: set[tuple[object, ...]] = set()
    for number, folder in enumerate(folders):
        saved = BackupDocument.from_xml(folder.document) if folder.has_document else None
        previous, given = set(), set()
        for writer in () if saved is None else saved.writers:
            for each in writer.components:
                key = (writer.writer_id, each.type, each.full_name.casefold())
                if each.previous_backup_stamp:
                    previous.add((*key, each.previous_backup_stamp))
                if each.backup_stamp:
                    given.add((*key, each.backup_stamp))
        if missing := previous - stamps:
            name = min(str(item[2]) for item in missing)
            raise RestoreError(
                f"{folder.path} builds on a backup of {name} that is not before it in the chain: its stamps say so"
            )
        builds_on = folder.previous
        if builds_on is not None and not previous and not any(_is_same(builds_on, each) for each in folders[:number]):
            raise RestoreError(f"{folder.path} builds on {builds_on}, which is not before it in the chain")
        if number and builds_on is None and not previous:
            raise RestoreError(f"{folder.path} builds on no other backup: restore it by itself")
        stamps |= given


def _is_same(recorded: str, folder: BackupFolder) -> bool:
    """Whether a path that a backup recorded means *folder*: that very folder, or, where it was moved, one of its name."""
    path = recorded
    for tail in ("backup-components.xml", "vsspy"):
        head, last = os.path.split(path.rstrip("\\/"))
        path = head if last == tail else path
    if os.path.realpath(path) == os.path.realpath(folder.path):
        return True
    return not os.path.lexists(path) and os.path.basename(path.rstrip("\\/")) == os.path.basename(folder.path)
