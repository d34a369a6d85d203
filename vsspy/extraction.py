"""Files out of a backup into another folder, without VSS and its writers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ._restore_files import Piece, Target
from ._restore_selection import Choice, RestoreRule
from ._restore_work import words
from ._safe_folders import SafeRoot
from ._volumes import local_environment
from .backup_document import BackupDocument
from .errors import RestoreError, SelectionError, VssError
from .selection import Rule

if TYPE_CHECKING:
    from .backup_folder import BackupFolder

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
        failed: what was not, and why.
        not_kept: what of a file could not be kept: its owner, say.
    """

    files: int = 0
    bytes: int = 0
    failed: list[Extracted] = field(default_factory=list)
    not_kept: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether everything was written."""
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

    Files are put in place as a restore does it, never through a link. A file of which the backup has parts only (semantics 10) is
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
        OSError, RestoreError: see *onerror*.
    """
    path = os.path.abspath(os.fspath(to))
    files = _files(folder, list(select), list(exclude), local_environment() if environment is None else environment)
    result = ExtractResult()
    os.makedirs(path, exist_ok=True)
    root = SafeRoot(path, windows_names=sys.platform == "win32")
    lost: dict[str, None] = {}
    target = Target(root, on_bytes or (lambda count: None))
    try:
        for elements in files:
            _extract(folder, elements, path, target, result, lost, onerror, on_file)
        target.sync()
    finally:
        root.close()
    result.not_kept.extend(lost)
    return result


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
            whole = 0 if source.status is None or source.link is not None else source.status.st_size
            size = whole if pieces is None else sum(each.length for each in pieces)
            if on_file is not None:
                on_file(Extracted(full, size))
            if pieces is None:
                target.put(elements, source)
            else:
                target.patch(elements, source, pieces, whole=True)
    except (OSError, VssError) as error:
        result.failed.append(Extracted(full, 0, words(error)))
        if onerror is None:
            raise
        onerror(error)
        return
    result.files += 1
    result.bytes += size


def _files(
    folder: BackupFolder,
    select: list[str | tuple[str, str | None]],
    exclude: list[str | tuple[str, str | None]],
    environment: Mapping[str, str],
) -> Iterator[Sequence[str]]:
    if not (select or exclude):
        return folder.tree()
    saved = BackupDocument.from_xml(folder.document)
    choice = Choice(saved, folder.writers)
    rules = [RestoreRule(Rule("select", *_pair(each))) for each in select]
    rules += [RestoreRule(Rule("exclude", *_pair(each))) for each in exclude]
    for rule in rules:
        choice.check(rule.rule)
    chosen = choice.resolve(rules).chosen
    if not chosen:
        raise SelectionError("nothing of the backup was saved and is selected")
    found: dict[tuple[str, ...], None] = {}
    for each in chosen:
        files = each.files(folder, saved.backup_type, None, environment)
        found.update((tuple(folder.elements_of(file)), None) for file in files)
    return iter(found)


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
