"""Folders that are entered element by element and never through a link, however they change meanwhile.

On POSIX each folder is opened below the descriptor of the one above it, and everything in it is named below its own. On
Windows a handle of each folder on the way is held that lets nobody rename or delete it, so that whole paths stay what they
were when they were checked.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from ._native_paths import long_path
from ._paths import fold
from .errors import UnsafePathError

_DEVICE: Final = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])[ .:]*(\..*)?")
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f<>:"/\\|?*]')


def check_name(name: str, *, windows: bool) -> None:
    """Refuses what is no plain name of one file or folder.

    Args:
        name: an element of a path.
        windows: whether it is a name on a Windows volume: no stream (``a:b``), no device (``NUL``), no wildcard.

    Raises:
        UnsafePathError: it is not.
    """
    if name in ("", ".", "..") or "\0" in name or "/" in name:
        raise UnsafePathError(f"{name!r} is not the name of a file or folder")
    if windows and (_FORBIDDEN.search(name) or _DEVICE.fullmatch(name)):
        raise UnsafePathError(f"{name!r} is not the name of a file or folder on Windows")


def is_elsewhere(status: os.stat_result) -> bool:
    """Whether an entry stands for another place: a symbolic link, a junction, a mounted folder."""
    if stat.S_ISLNK(status.st_mode):
        return True
    return bool(getattr(status, "st_reparse_tag", 0) & 0x20000000)  # IsReparseTagNameSurrogate


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    from ._windows_files import create_for_restore, open_for_backup

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _create_file = _kernel.CreateFileW
    _create_file.restype = wintypes.HANDLE
    _create_file.argtypes = [
        wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, ctypes.c_void_p, wintypes.DWORD, wintypes.DWORD, wintypes.HANDLE,
    ]  # fmt: skip
    _close_handle = _kernel.CloseHandle
    _close_handle.argtypes = [wintypes.HANDLE]
    _LIST, _DELETE, _WRITE = 0x1, 0x10000, 0x40000000
    _SHARE_READ_WRITE, _SHARE_ALL = 0x3, 0x7
    _FLAGS = 0x02000000 | 0x00200000  # BACKUP_SEMANTICS (folders), OPEN_REPARSE_POINT

    def _handle(path: str, access: int, sharing: int) -> int:
        handle = _create_file(path, access, sharing, None, 3, _FLAGS, None)
        if handle in (None, ctypes.c_void_p(-1).value):
            code = ctypes.get_last_error()
            raise OSError(0, ctypes.FormatError(code).strip(), path, code)
        return int(handle)


class SafeFolder:
    """One open folder, in which entries are named by themselves.

    Attributes:
        path: for messages, and on Windows to reach entries by.
    """

    def __init__(self, path: str, parent: SafeFolder | None = None, name: str = "") -> None:
        self.path = path
        self._handle = -1
        if sys.platform == "win32":
            # With a right that sharing is checked for, and without FILE_SHARE_DELETE: it stays where it is.
            self._handle = _handle(path, _LIST, _SHARE_READ_WRITE)
            status = os.lstat(path)
            if parent is not None and is_elsewhere(status):
                self.close()
                raise UnsafePathError(f"{path} is a link, which is not followed")
            if not stat.S_ISDIR(status.st_mode):
                self.close()
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            return
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        if parent is None:
            self._handle = os.open(path, flags)
            return
        try:
            self._handle = os.open(name, flags | os.O_NOFOLLOW, dir_fd=parent._handle)
        except OSError as error:
            status_ = parent.status(name)
            if status_ is not None and is_elsewhere(status_):
                raise UnsafePathError(f"{path} is a link, which is not followed") from None
            error.filename = path
            raise

    def close(self) -> None:
        """Lets the folder go; a second call does nothing."""
        handle, self._handle = self._handle, -1
        if handle == -1:
            return
        if sys.platform == "win32":
            _close_handle(handle)
        else:
            os.close(handle)

    def __del__(self) -> None:
        self.close()

    def full(self, name: str) -> str:
        """The whole path of an entry."""
        return self.path.rstrip(os.sep) + os.sep + name

    def child(self, name: str) -> SafeFolder:
        """A folder in it. Raises UnsafePathError for a link, OSError where there is no such folder."""
        return SafeFolder(self.full(name), self, name)

    def own_status(self) -> os.stat_result:
        """Of the folder itself."""
        return os.stat(self.path) if sys.platform == "win32" else os.fstat(self._handle)

    def status(self, name: str) -> os.stat_result | None:
        """Of an entry itself, whatever it is; None if there is none."""
        try:
            if sys.platform == "win32":
                return os.lstat(self.full(name))
            return os.stat(name, dir_fd=self._handle, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def names(self) -> list[str]:
        """The entries."""
        return os.listdir(self.path) if sys.platform == "win32" else os.listdir(self._handle)

    def open(self, name: str, flags: int, mode: int = 0o600) -> int:
        """A descriptor of a file in it. Raises UnsafePathError for a link."""
        status = self.status(name)
        if status is not None and is_elsewhere(status):
            raise UnsafePathError(f"{self.full(name)} is a link, which is not followed")
        if sys.platform == "win32":
            if flags == os.O_RDONLY:
                return open_for_backup(self.full(name))
            if flags == os.O_RDWR | os.O_CREAT | os.O_EXCL:
                return create_for_restore(self.full(name))
            return os.open(self.full(name), flags | os.O_BINARY | os.O_NOINHERIT, mode)
        # O_NONBLOCK: a pipe that was put there meanwhile must not keep us waiting
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, mode, dir_fd=self._handle)

    def mkdir(self, name: str) -> None:
        """Makes a folder for its owner only; one that is there is fine."""
        try:
            if sys.platform == "win32":
                os.mkdir(self.full(name))
            else:
                os.mkdir(name, 0o700, dir_fd=self._handle)
        except FileExistsError:
            pass

    def symlink(self, to: str, name: str, *, is_folder: bool) -> None:
        """Makes a symbolic link."""
        if sys.platform == "win32":
            os.symlink(to, self.full(name), target_is_directory=is_folder)
        else:
            os.symlink(to, name, dir_fd=self._handle)

    def readlink(self, name: str) -> str:
        """What a symbolic link in it leads to."""
        return os.readlink(self.full(name)) if sys.platform == "win32" else os.readlink(name, dir_fd=self._handle)

    def replace(self, name: str, by: str) -> None:
        """Gives the entry *by* the name *name*, in place of what has it; never through a link."""
        if sys.platform == "win32":
            status = self.status(name)
            if status is not None and status.st_file_attributes & stat.FILE_ATTRIBUTE_READONLY:
                os.chmod(self.full(name), stat.S_IWRITE)
            os.replace(self.full(by), self.full(name))
        else:
            os.replace(by, name, src_dir_fd=self._handle, dst_dir_fd=self._handle)

    def unlink(self, name: str) -> None:
        """Removes a file."""
        if sys.platform == "win32":
            os.unlink(self.full(name))
        else:
            os.unlink(name, dir_fd=self._handle)

    def why_not_replaceable(self, name: str) -> str | None:
        """Why the file *name*, which need not be there, cannot be replaced now; None if it can."""
        status = self.status(name)
        if status is not None and stat.S_ISDIR(status.st_mode):
            return "a folder is there"
        if sys.platform == "win32":
            if status is not None:
                try:
                    _close_handle(_handle(self.full(name), _DELETE, _SHARE_ALL))
                except OSError as error:
                    return error.strerror or str(error)
        elif not os.access(".", os.W_OK | os.X_OK, dir_fd=self._handle):
            return "its folder cannot be written"
        return None

    def keep(self, status: os.stat_result) -> None:
        """Gives the folder the owner and mode of another one, as far as the system lets it."""
        if sys.platform == "win32":
            return
        try:
            os.fchown(self._handle, status.st_uid, status.st_gid)
        except OSError:
            pass  # only root gives files away
        os.fchmod(self._handle, stat.S_IMODE(status.st_mode) & ~(stat.S_ISUID | stat.S_ISGID))

    def sync(self) -> None:
        """Makes the names in it durable. NTFS journals them."""
        if sys.platform != "win32":
            os.fsync(self._handle)


class SafeRoot:
    """A folder below which nothing is reached through a link.

    Args:
        path: the folder, trusted as it is.
        windows_names: whether names are those of a Windows volume, looked up without regard to letter case.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str, *, windows_names: bool) -> None:
        self.path = long_path(path)
        self._windows_names = windows_names
        self._folds = windows_names and sys.platform != "win32"
        self._known: tuple[tuple[int, int], dict[str, str]] | None = None  # of the folder that was listed last
        self._folder = SafeFolder(self.path)

    def close(self) -> None:
        """Lets the folder go; a second call does nothing."""
        self._folder.close()

    def check(self, elements: Sequence[str]) -> None:
        """Raises UnsafePathError if one of them is no plain name, or there is none."""
        if not elements:
            raise UnsafePathError(f"{self.path} is no file")
        for element in elements:
            check_name(element, windows=self._windows_names)

    @contextmanager
    def folder(
        self, elements: Sequence[str], make: Callable[[SafeFolder, int], object] | None = None
    ) -> Iterator[tuple[SafeFolder, tuple[os.stat_result, ...]]]:
        """A folder below the root, and the states of all folders on the way, its own last.

        Args:
            elements: its path below the root; empty for the root itself.
            make: makes missing folders, and is called with each that was made and its number on the way.

        Raises:
            UnsafePathError: a link on the way.
            FileNotFoundError: it is not there, and *make* is None.
        """
        with ExitStack() as stack:
            here = self._folder
            on_the_way = []
            for number, element in enumerate(elements):
                name = self.spelling(here, element)
                missing = make is not None and here.status(name) is None
                if missing:
                    here.mkdir(name)
                    self.made(here, name)
                here = here.child(name)
                stack.callback(here.close)
                if missing and make is not None:
                    make(here, number)
                on_the_way.append(here.own_status())
            yield here, tuple(on_the_way)

    def spelling(self, folder: SafeFolder, name: str) -> str:
        """The name of the entry that *name* means, in the letter case that it has; *name* itself if there is none."""
        if not self._folds or folder.status(name) is not None:
            return name
        status = folder.own_status()
        identity = (status.st_dev, status.st_ino)
        if self._known is None or self._known[0] != identity:
            self._known = (identity, {fold(each): each for each in sorted(folder.names(), reverse=True)})
        return self._known[1].get(fold(name), name)

    def made(self, folder: SafeFolder, name: str) -> None:
        """Remembers an entry that was made."""
        if self._known is not None:
            status = folder.own_status()
            if self._known[0] == (status.st_dev, status.st_ino):
                self._known[1][fold(name)] = name
