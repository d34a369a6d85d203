"""Folders that copying reads from and writes to.

On POSIX a root is held open and everything below it is named relative to its descriptor, so that only the part below the root
counts against PATH_MAX and renaming a folder above changes nothing. Windows has no such calls: there every path is whole, in the
`\\\\?\\` form, which has no limit of 260 characters.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import BinaryIO, Self, TypedDict

from ._native_paths import long_path

__all__ = ["PRIVATE", "Root", "long_path", "open_to_read", "shown"]


if sys.platform == "win32":
    from ._windows_files import open_for_backup

    PRIVATE = os.O_BINARY | os.O_NOINHERIT
else:
    PRIVATE = os.O_NOFOLLOW | os.O_CLOEXEC  # what every file is opened with


def open_to_read(path: str) -> BinaryIO:
    """A file by its full path, with backup semantics on Windows, and never through a link in its last part."""

    def opener(name: str, flags: int) -> int:
        if sys.platform == "win32":
            return open_for_backup(long_path(name))
        else:
            return os.open(name, flags | PRIVATE)

    return open(path, "rb", opener=opener)


class _At(TypedDict, total=False):
    dir_fd: int


def shown(name: str) -> str:
    """A file name for people and for JSON: bytes that are no UTF-8 as `\\xe9`, lone UTF-16 surrogates as `\\ud800`."""
    escaped = "".join(f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in name)
    return escaped.encode("utf-8", "backslashreplace").decode("utf-8")


class Root:
    """A folder, open for as long as this object is.

    Args:
        path: The folder. A shadow copy's device name keeps its final backslash.

    Raises:
        OSError: It cannot be opened, or is no folder.
    """

    def __init__(self, path: str) -> None:
        self.path = long_path(path)
        self._at: _At = {}
        if sys.platform != "win32":
            self._at = {"dir_fd": os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)}

    def close(self) -> None:
        """Lets the folder go; a second call does nothing."""
        if self._at:
            os.close(self._at.pop("dir_fd"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def full(self, name: str) -> str:
        """The whole path of `name`, which is "" for the root itself."""
        if not name:
            return self.path
        return self.path + name if self.path.endswith(os.sep) else self.path + os.sep + name

    def _name(self, name: str) -> str:
        return (name or ".") if self._at else self.full(name)

    def open(self, name: str, flags: int, mode: int = 0o600) -> int:
        """A descriptor of `name`, never through a link in its last part and never inherited.

        Files that are only read are opened with backup semantics on Windows, where the backup privilege counts.
        """
        if sys.platform == "win32" and flags == os.O_RDONLY:
            return open_for_backup(self.full(name))
        return os.open(self._name(name), flags | PRIVATE, mode, **self._at)

    def lstat(self, name: str) -> os.stat_result:
        """The entry itself, not what a link leads to."""
        return os.stat(self._name(name), follow_symlinks=False, **self._at)

    def listing(self, name: str) -> list[str]:
        """The names in a folder, sorted so that two runs do things in the same order."""
        if sys.platform == "win32":
            names = os.listdir(self.full(name))
        else:
            descriptor = self.open(name, os.O_RDONLY | os.O_DIRECTORY)
            try:
                names = os.listdir(descriptor)
            finally:
                os.close(descriptor)
        return sorted(names)

    def mkdir(self, name: str) -> None:
        os.mkdir(self._name(name), 0o700, **self._at)

    def readlink(self, name: str) -> str:
        return os.readlink(self._name(name), **self._at)

    def symlink(self, to: str, name: str, folder: bool) -> None:
        os.symlink(to, self._name(name), target_is_directory=folder, **self._at)

    def link(self, first: str, name: str) -> None:
        """Another name for the file `first` (for the link, where it is one)."""
        if sys.platform == "win32":
            os.link(self.full(first), self.full(name))
        else:
            descriptor = self._at["dir_fd"]
            os.link(first, name, src_dir_fd=descriptor, dst_dir_fd=descriptor, follow_symlinks=False)

    def rename(self, old: str, new: str) -> None:
        if sys.platform == "win32":
            os.rename(self.full(old), self.full(new))
        else:
            descriptor = self._at["dir_fd"]
            os.rename(old, new, src_dir_fd=descriptor, dst_dir_fd=descriptor)

    def chmod(self, name: str, mode: int) -> None:
        os.chmod(self._name(name), mode, **self._at)

    def chown_link(self, name: str, user: int, group: int) -> None:
        if sys.platform != "win32":
            os.chown(self._name(name), user, group, follow_symlinks=False, **self._at)

    def utime_link(self, name: str, times: tuple[int, int]) -> None:
        """Sets access and change time (ns since 1970) of an entry that may be a link."""
        os.utime(self._name(name), ns=times, follow_symlinks=False, **self._at)

    def unlink(self, name: str) -> None:
        os.unlink(self._name(name), **self._at)

    def rmdir(self, name: str) -> None:
        os.rmdir(self._name(name), **self._at)

    def exists(self, name: str) -> bool:
        """Whether there is an entry of this name, a link that leads nowhere included."""
        try:
            self.lstat(name)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def sync_folder(self, name: str) -> None:
        """Makes the names in a folder durable. Windows has no such call for folders, and needs none: NTFS journals them."""
        if sys.platform != "win32":
            descriptor = self.open(name, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
