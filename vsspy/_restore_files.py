"""Files put in place: written beside under another name, made durable, given their times, and then renamed.

Until the rename the file that is there is untouched, so that a full disk or a killed process leaves the old one whole.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from ._filecopy import TargetError, copy_contents, keep_metadata
from ._paths import fold
from ._safe_folders import SafeFolder, SafeRoot, is_elsewhere
from .errors import RestoreError

TEMPORARY: Final = ".vsspy-restore-"
"""How the names of files begin that are not in place yet."""

_CHUNK: Final = 1 << 20

Moved = Callable[[int], None]
Lost = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file: where it is in the backup, and where it goes; bytes."""

    source: int
    target: int
    length: int


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the backup, open for reading.

    Attributes:
        file: the open file; None for a link.
        status: of the file in the backup; None for a stream of somebody else's.
        folders: the names of the folders it lies in, outermost first, with their states.
        link: what a symbolic link leads to.
    """

    file: BinaryIO | None
    status: os.stat_result | None = None
    folders: tuple[tuple[str, os.stat_result], ...] = ()
    link: str | None = None


@contextmanager
def open_below(root: SafeRoot, elements: Sequence[str]) -> Iterator[Source]:
    """The file *elements* below *root*, which is reached without following a link.

    Raises:
        UnsafePathError: a link on the way.
        OSError: it cannot be opened.
    """
    with root.folder(elements[:-1]) as (folder, states):
        folders = tuple(zip(elements[:-1], states, strict=True))
        name = elements[-1]
        status = folder.status(name)
        if status is not None and stat.S_ISLNK(status.st_mode):
            yield Source(None, status, folders, folder.readlink(name))
            return
        with os.fdopen(folder.open(name, os.O_RDONLY), "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise RestoreError(f"{folder.full(name)} is no file")
            yield Source(file, status, folders)


@dataclass(slots=True)
class _Staged:
    """A file under its temporary name."""

    folder: SafeFolder
    name: str
    temporary: str
    descriptor: int = -1


@dataclass(slots=True)
class Target:
    """The root of a volume, or another folder, below which files are put in place.

    Attributes:
        on_moved: gets the number of bytes after each step.
        on_lost: gets what of a file could not be kept, and why.
    """

    root: SafeRoot
    on_moved: Moved = lambda count: None
    on_lost: Lost = lambda what, why: None
    _touched: set[tuple[str, ...]] = field(default_factory=set)

    def put(self, elements: Sequence[str], source: Source) -> None:
        """Puts a whole file in place, or a link.

        Args:
            elements: its path below the root. Missing folders are made, like those of the backup where names are the same.

        Raises:
            UnsafePathError: a link on the way, or a name that is none.
            OSError: it cannot be written; what was there is as it was.
        """
        with self._staged(elements, source) as staged:
            if source.link is not None:
                return
            assert source.file is not None
            if source.status is None:
                self._copy_stream(source.file, staged.descriptor)
            else:
                copy_contents(source.file.fileno(), staged.descriptor, source.status.st_size, self.on_moved)

    def make_folder(self, elements: Sequence[str], states: Sequence[os.stat_result]) -> None:
        """Makes a folder and those above it, each like the one of *states*; what is there stays as it is.

        Raises:
            UnsafePathError: a link on the way, or a name that is none.
            OSError: it cannot be made.
        """
        self.root.check(elements)
        folders = tuple(elements)
        source = Source(None, None, tuple(zip(elements, states, strict=True)))
        with self.root.folder(folders, self._maker(folders, source)):
            self._touched.add(folders)

    def patch(self, elements: Sequence[str], source: Source, pieces: Sequence[Piece], *, whole: bool) -> None:
        """Writes parts of a file over the one that is there, on a copy of it.

        Args:
            elements: its path below the root.
            pieces: the parts.
            whole: True: the parts are of the same file, which is there and gets the backup's size and times; False: of another
                one, which may be missing.

        Raises:
            RestoreError: the file to complete is missing, or the backup has not all of the parts.
            UnsafePathError, OSError: as for ``put``.
        """
        status = source.status
        if source.file is None or status is None:
            raise RestoreError("parts can only be taken from a file of the backup")
        if any(min(each.source, each.target, each.length) < 0 for each in pieces):
            raise RestoreError("a part with a negative offset or length")
        if any(each.source + each.length > status.st_size for each in pieces):
            raise RestoreError("the backup's file ends before one of the parts")
        with self._staged(elements, source, keep=whole) as staged:
            old = staged.folder.status(staged.name)
            if old is None and whole:
                raise RestoreError(
                    "the backup has only parts of it, and it is not there: restore what it builds on first"
                )
            if old is not None:
                self._copy_old(staged, old)
            if whole:
                os.ftruncate(staged.descriptor, status.st_size)
            for piece in pieces:
                self._copy_piece(source.file, staged.descriptor, piece)

    def why_not_replaceable(self, elements: Sequence[str]) -> str | None:
        """Why a file cannot be put in place now; None if it can, also where there is none yet."""
        self.root.check(elements)
        try:
            with self.root.folder(elements[:-1]) as (folder, _):
                return folder.why_not_replaceable(self.root.spelling(folder, elements[-1]))
        except FileNotFoundError:
            return None

    def exists(self, elements: Sequence[str]) -> bool:
        """Whether there is an entry of that name, whatever it is."""
        self.root.check(elements)
        try:
            with self.root.folder(elements[:-1]) as (folder, _):
                return folder.status(self.root.spelling(folder, elements[-1])) is not None
        except FileNotFoundError:
            return False

    def put_beside(self, elements: Sequence[str], source: Source) -> tuple[str, str]:
        """Writes a file under a temporary name in its folder, to be moved into place at the next start of the system.

        Returns:
            The path of what was written, and the one to move it to.
        """
        if source.link is not None:
            raise RestoreError("a link cannot be moved into place at the next start")
        with self._staged(elements, source, rename=False) as staged:
            assert source.file is not None and source.status is not None
            copy_contents(source.file.fileno(), staged.descriptor, source.status.st_size, self.on_moved)
        return staged.folder.full(staged.temporary), staged.folder.full(staged.name)

    def sync(self) -> None:
        """Makes the names of everything that was put in place durable."""
        for elements in sorted(self._touched):
            with contextlib.suppress(FileNotFoundError), self.root.folder(elements) as (folder, _):
                folder.sync()
        self._touched.clear()

    # --- the way of a file ---------------------------------------------------------------------------------------------

    @contextmanager
    def _staged(
        self, elements: Sequence[str], source: Source, *, keep: bool = True, rename: bool = True
    ) -> Iterator[_Staged]:
        """A temporary file to write to, which gets its name when the block ends well, and goes where it does not.

        Args:
            keep: whether it gets the metadata of the backup's file where another one is there.
        """
        self.root.check(elements)
        folders = tuple(elements[:-1])
        with self.root.folder(folders, self._maker(folders, source)) as (folder, _):
            name = self.root.spelling(folder, elements[-1])
            status = folder.status(name)
            if status is not None and stat.S_ISDIR(status.st_mode) and not is_elsewhere(status):
                raise IsADirectoryError(errno.EISDIR, "a folder is there", folder.full(name))
            staged = _Staged(folder, name, TEMPORARY + secrets.token_hex(8))
            try:
                if source.link is not None:
                    folder.symlink(source.link, staged.temporary, is_folder=_leads_to_folder(source.status))
                    yield staged
                else:
                    yield from self._written(staged, source, keep or status is None)
                if rename:
                    folder.replace(name, staged.temporary)
                    self.root.made(folder, name)
            except BaseException as error:
                with contextlib.suppress(OSError):
                    folder.unlink(staged.temporary)
                if isinstance(error, TargetError):
                    error.cause.filename = folder.full(name)
                    raise error.cause from error
                if isinstance(error, OSError) and error.filename is None:
                    error.filename = folder.full(name)
                raise
            self._touched.add(folders)

    def _written(self, staged: _Staged, source: Source, keep: bool) -> Iterator[_Staged]:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        descriptor = staged.descriptor = staged.folder.open(staged.temporary, flags)
        status, file = source.status, source.file
        try:
            yield staged
            if sys.platform != "win32" and keep and status is not None and file is not None:
                keep_metadata(file.fileno(), descriptor, status, "", self.on_lost)
            os.fsync(descriptor)
        finally:
            staged.descriptor = -1
            os.close(descriptor)
        if sys.platform == "win32" and keep and status is not None:
            # By name and after the close: closing a written file sets its change time.
            keep_metadata(-1, -1, status, staged.folder.full(staged.temporary), self.on_lost)

    def _maker(self, folders: tuple[str, ...], source: Source) -> Callable[[SafeFolder, int], None]:
        """Gives folders that are made what those of the backup have, from the innermost outwards while names are the same."""

        def made(folder: SafeFolder, number: int) -> None:
            self._touched.add(folders[:number])
            depth = len(folders) - number  # 1: the innermost
            theirs = source.folders[-depth:]
            if len(theirs) == depth and all(
                fold(name) == fold(mine) for (name, _), mine in zip(theirs, folders[number:], strict=True)
            ):
                folder.keep(theirs[0][1])

        return made

    def _copy_old(self, staged: _Staged, old: os.stat_result) -> None:
        if not stat.S_ISREG(old.st_mode):
            raise RestoreError("what is there is no file that parts could be written to")
        descriptor = staged.folder.open(staged.name, os.O_RDONLY)
        try:
            status = os.fstat(descriptor)
            copy_contents(descriptor, staged.descriptor, status.st_size, lambda count: None)
            if sys.platform != "win32":
                keep_metadata(descriptor, staged.descriptor, status, "", self.on_lost)
        finally:
            os.close(descriptor)

    def _copy_piece(self, source: BinaryIO, descriptor: int, piece: Piece) -> None:
        source.seek(piece.source)
        os.lseek(descriptor, piece.target, os.SEEK_SET)
        left = piece.length
        while left:
            data = source.read(min(_CHUNK, left))
            if not data:
                raise RestoreError("the backup's file ended before all of its parts were read")
            _write(descriptor, data)
            left -= len(data)
            self.on_moved(len(data))

    def _copy_stream(self, source: BinaryIO, descriptor: int) -> None:
        while data := source.read(_CHUNK):
            _write(descriptor, data)
            self.on_moved(len(data))


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _leads_to_folder(status: os.stat_result | None) -> bool:
    """What Windows wants to know of a link when it is made."""
    return bool(getattr(status, "st_file_attributes", 0) & stat.FILE_ATTRIBUTE_DIRECTORY)
