"""Reading below a shadow copy's root as a backup program does: past access control lists, never through a link, never out of it."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, Literal, Self, TypeVar, overload

from . import filesets
from ._native_paths import long_path
from ._paths import fold, separator
from .errors import InvalidArgumentError

if sys.platform == "win32":
    from ._windows_files import DIRECTORY, Listed, check_folders, is_link, list_for_backup, open_for_backup

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ShadowEntry(os.PathLike[str]):
    """A file, folder or link in a folder of a shadow copy: what :meth:`ShadowCopy.scandir` gives.

    Like ``os.DirEntry``, but for links: a symbolic link, a junction and a mounted folder are links, neither file nor folder,
    and nothing follows them, since most of them lead out of the shadow copy.

    Attributes:
        name: its name.
        path: its full path; ``open`` and ``scandir`` of the same shadow copy take the entry itself.
        attributes: the attributes that Windows keeps (``stat.FILE_ATTRIBUTE_...``); 0 elsewhere.
        reparse_tag: what kind of reparse point it is on Windows (``stat.IO_REPARSE_TAG_...``); 0 where it is none.
    """

    name: str
    path: str
    attributes: int
    reparse_tag: int
    _mode: int = field(repr=False)
    _inode: int = field(repr=False)
    _status: os.stat_result | None = field(repr=False, default=None)

    def __fspath__(self) -> str:
        return self.path

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self._mode)

    def is_file(self) -> bool:
        """Whether it is a file."""
        return stat.S_ISREG(self._mode)

    def is_symlink(self) -> bool:
        """Whether it is a link: a symbolic link, a junction or a mounted folder."""
        return stat.S_ISLNK(self._mode)

    def inode(self) -> int:
        """The number of the file in its file system; names of one file have the same one."""
        return self._inode

    def stat(self) -> os.stat_result:
        """Size, times and the rest of the entry itself, as ``os.lstat`` gives them. Raises OSError if it cannot be read.

        On Windows the file is asked and not the folder, which may have an old size of a file that was open, or that has
        several names.
        """
        return self._status if self._status is not None else os.lstat(long_path(self.path))


class ShadowEntries(Iterator[ShadowEntry]):
    """The entries of one folder, in no particular order; a context manager, like ``os.scandir``'s iterator."""

    def __init__(self, entries: Generator[ShadowEntry | None, None, None]) -> None:
        next(entries)  # opens the folder: errors come now, and a generator that has begun closes it when it is dropped
        self._entries = entries

    def __next__(self) -> ShadowEntry:
        entry = next(self._entries)
        assert entry is not None
        return entry

    def close(self) -> None:
        """Let the folder go; a second call does nothing."""
        self._entries.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def elements_below(relative: str, volume: str) -> list[str]:
    """The elements of a relative path on *volume*; none for its root.

    Raises InvalidArgumentError for a full path and for ``..``.
    """
    is_windows = separator(volume) == "\\"
    parts = (relative.replace("\\", "/") if is_windows else relative).split("/")
    has_root = len(parts) > 1 and not parts[0]
    # As on Windows `a:b` is on the drive a:, and `.\a:b` a stream of the file a.
    if has_root or ".." in parts or (is_windows and parts[0][1:2] == ":"):
        raise InvalidArgumentError("E_INVALIDARG", "ShadowCopy", detail=f"{relative!r} is not a path below the root")
    return [part for part in parts if part not in ("", ".")]


class BackupReading:
    """What can be read below a root; a base of the classes that have one.

    Attributes:
        root: the root folder with its final separator.
        volume: the name of the volume that it shows.
    """

    root: str
    volume: str

    def check(self) -> None:
        """Raises ShadowCopyVanishedError if there is nothing to read from any more."""
        raise NotImplementedError

    @overload
    def open(self, path: str | os.PathLike[str], mode: Literal["rb"] = "rb") -> io.BufferedReader: ...
    @overload
    def open(
        self,
        path: str | os.PathLike[str],
        mode: Literal["r", "rt"],
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> io.TextIOWrapper: ...
    @overload
    def open(
        self,
        path: str | os.PathLike[str],
        mode: str = "rb",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]: ...
    def open(
        self,
        path: str | os.PathLike[str],
        mode: str = "rb",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open a file of the shadow copy for reading, with backup semantics.

        With the backup privilege (:func:`enable_privileges`) access control lists do not count, which they do for a plain
        ``open`` by an administrator. Links are not followed, in no part of the path: most lead to the live volume.

        Args:
            path: a path below the root (``Users\\me\\letter.txt``, ``file:stream`` on NTFS), or a full one in this
                shadow copy: a ``ShadowEntry``, a ``BackupFile``, what ``path()`` and ``/`` give.
            mode: ``"rb"`` for bytes; ``"r"`` for text. Nothing can be written.
            buffering: as for the built-in ``open``.
            encoding: of text, as for the built-in ``open``.
            errors: what to do with text that cannot be decoded, as for the built-in ``open``.
            newline: line ends of text, as for the built-in ``open``.

        Returns:
            A file object.

        Raises:
            InvalidArgumentError: a mode that writes, a path that leads out of the shadow copy.
            ShadowCopyVanishedError: the shadow copy is gone.
            OSError: the file cannot be opened; ``errno.ELOOP`` for a link, ``IsADirectoryError`` for a folder.
        """
        if set(mode) & set("wax+"):
            raise InvalidArgumentError("E_INVALIDARG", "ShadowCopy.open", detail=f"mode={mode!r}: only for reading")
        elements = self._elements(path)
        name = long_path(self.root) + self.root[-1].join(elements)

        def opener(_: str, __: int) -> int:
            return self._look_up(elements, _open_file)

        with self._vanishing():
            return open(name, mode, buffering, encoding, errors, newline, opener=opener)

    def scandir(self, path: str | os.PathLike[str] = "") -> ShadowEntries:
        """The entries of a folder of the shadow copy, read with backup semantics.

        Args:
            path: a path below the root, by default the root itself, or a full one; as for :meth:`open`.

        Returns:
            An iterator of ``ShadowEntry``, which is a context manager, too. It streams, so that a folder of a million files
            takes little memory.

        Raises:
            InvalidArgumentError: a path that leads out of the shadow copy.
            ShadowCopyVanishedError: the shadow copy is gone.
            OSError: the folder cannot be read; ``errno.ELOOP`` for a link, ``NotADirectoryError`` for a file.
        """
        with self._vanishing():
            return self._look_up(self._elements(path), lambda root, elements: ShadowEntries(_entries(root, elements)))

    def _elements(self, path: str | os.PathLike[str]) -> list[str]:
        text = os.fspath(path)
        mark = self.root[-1]
        full = text.replace("/", "\\") if mark == "\\" else text
        folded, root = (fold(full), fold(self.root)) if mark == "\\" else (full, self.root)
        if folded + mark == root:
            return []
        if not folded.startswith(root):
            return elements_below(text, self.volume)
        elements = [element for element in full[len(root) :].split(mark) if element not in ("", ".")]
        if ".." in elements:
            raise InvalidArgumentError("E_INVALIDARG", "ShadowCopy", detail=f"{text!r} contains '..'")
        return elements

    def _look_up(self, elements: list[str], use: Callable[[str, list[str]], T]) -> T:
        """*use* of the root and the elements; on a volume with a Windows name letter case does not count."""
        try:
            return use(self.root, elements)
        except FileNotFoundError:
            if self.root[-1] != "/" or separator(self.volume) != "\\":
                raise
            found = filesets.resolve(self.root, elements)[len(self.root) :].split("/")
            if found == elements:
                raise
            return use(self.root, found)

    @contextmanager
    def _vanishing(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self.check()
            raise


if sys.platform == "win32":

    def _open_file(root: str, elements: list[str]) -> int:
        root = long_path(root)
        check_folders(root, elements)
        return open_for_backup(root + "\\".join(elements))

    def _mode(listed: Listed) -> int:
        if is_link(listed.attributes, listed.reparse_tag):
            return stat.S_IFLNK
        return stat.S_IFDIR if listed.attributes & DIRECTORY else stat.S_IFREG

    def _entries(root: str, elements: list[str]) -> Generator[ShadowEntry | None, None, None]:
        """None when the folder is open, then what is in it."""
        full = long_path(root)
        check_folders(full, elements)
        folder = root + "".join(element + "\\" for element in elements)
        listing = list_for_backup(full + "\\".join(elements))
        try:
            first = next(listing, None)
            yield None
            while first is not None:
                yield ShadowEntry(
                    first.name, folder + first.name, first.attributes, first.reparse_tag, _mode(first), first.file_id
                )
                first = next(listing, None)
        finally:
            listing.close()

else:
    _PLAIN = (
        os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
    )  # nobody waits for a pipe's writer

    def _descend(root: str, elements: list[str], flags: int) -> int:
        """A descriptor of what *elements* name, element by element: none is followed, and no limit holds for all of them."""
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if not elements:
            return folder
        try:
            for count, element in enumerate(elements, 1):
                try:
                    inner = os.open(
                        element, _PLAIN | (flags if count == len(elements) else os.O_DIRECTORY), dir_fd=folder
                    )
                except OSError as error:
                    path = root + "/".join(elements[:count])
                    if error.errno == errno.ENOTDIR and stat.S_ISLNK(os.lstat(element, dir_fd=folder).st_mode):
                        raise OSError(errno.ELOOP, "links are not followed", path) from None
                    error.filename = path
                    raise
                os.close(folder)
                folder = inner
        except BaseException:
            os.close(folder)
            raise
        return folder

    def _open_file(root: str, elements: list[str]) -> int:
        descriptor = _descend(root, elements, 0)
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a folder is refused by who makes a file object of it
            os.close(descriptor)
            raise OSError(errno.ENXIO, "neither a file nor a folder", root + "/".join(elements))
        return descriptor

    def _entries(root: str, elements: list[str]) -> Generator[ShadowEntry | None, None, None]:
        """None when the folder is open, then what is in it."""
        folder = root + "".join(element + "/" for element in elements)
        descriptor = _descend(root, elements, os.O_DIRECTORY)
        try:
            with os.scandir(descriptor) as entries:
                yield None
                for entry in entries:
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue  # gone since, on a live volume
                    yield ShadowEntry(entry.name, folder + entry.name, 0, 0, status.st_mode, status.st_ino, status)
        finally:
            os.close(descriptor)
