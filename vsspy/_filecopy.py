"""One file's contents and one entry's metadata, from a shadow copy to the backup."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ._roots import Root

if TYPE_CHECKING:
    from .ranges import Range

__all__ = [
    "Stopped",
    "TargetError",
    "TornError",
    "copy_contents",
    "copy_ranges",
    "keep_link_metadata",
    "keep_metadata",
    "reason",
]

CHUNK = 4 << 20  # bytes moved between two looks at the stop flag
_FICLONE = 0x40049409
# The backup as a whole cannot go on after these. EFBIG, ENAMETOOLONG and the like concern one file.
_FATAL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_FATAL_IN_WRITE = _FATAL | {errno.EIO, errno.ENODEV, errno.ESTALE}  # elsewhere these may be the source's
# Answers of copy_file_range that say "not between these two": read and write are tried instead, and say which side failed.
_SPACE = {errno.ENOSPC, errno.EDQUOT}
_WINDOWS_FULL = {39, 112}  # ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL

if sys.platform == "win32":
    _SETTABLE = 0x1 | 0x2 | 0x4 | 0x20 | 0x2000  # read-only, hidden, system, archive, not content indexed


class Stopped(Exception):
    """The copy was told to stop."""


class TornError(OSError):
    """What was read is not one whole file."""


class TargetError(Exception):
    """The place the backup is written to takes no more: nothing that was copied so far is a backup.

    `cause` is the OSError of the system.
    """

    def __init__(self, cause: OSError, name: str) -> None:
        super().__init__(cause, name)
        self.cause = cause
        self.name = name


def is_fatal(error: OSError) -> bool:
    """Whether an error of the target means that no further file can be written either."""
    return error.errno in _FATAL or getattr(error, "winerror", None) in _WINDOWS_FULL


def reason(error: OSError) -> str:
    """An error in words, without the path that the report names beside it."""
    return error.strerror or str(error)


def _write(target: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    try:
        while view:
            if sys.platform == "win32":
                done = os.write(target, view)
            else:
                done = os.pwrite(target, view, offset)
            offset += done
            view = view[done:]
    except OSError as error:
        if is_fatal(error) or error.errno in _FATAL_IN_WRITE:
            raise TargetError(error, "") from error
        raise


def _resize(target: int, size: int) -> None:
    try:
        os.ftruncate(target, size)
    except OSError as error:
        if is_fatal(error):
            raise TargetError(error, "") from error
        raise


def copy_ranges(source: int, target: int, size: int, ranges: Iterable[Range], moved: Callable[[int], None]) -> None:
    """Copies parts of a file between two descriptors to the same places; the rest of `size` bytes is a hole, or zeroes.

    Args:
        ranges: The parts, ascending.
        moved: As for `copy_contents`.

    Raises:
        TornError: The source ends before the parts do.
        TargetError: The target is full.
    """
    for each in ranges:
        _copy_part(source, target, each.offset, each.end, moved)
    _resize(target, size)


if sys.platform != "win32":
    import fcntl

    def _clone(source: int, target: int) -> bool:
        """Shares the blocks where the file system can (reflink): no data moves, holes stay holes."""
        try:
            fcntl.ioctl(target, _FICLONE, source)
        except OSError:
            return False
        return True

    def _copy_range(source: int, target: int, start: int, end: int, moved: Callable[[int], None], kernel: bool) -> bool:
        """Copies [start, end); says whether the kernel's own copying still makes sense."""
        while start < end:
            count = min(CHUNK, end - start)
            done = 0
            if kernel:
                try:
                    done = os.copy_file_range(source, target, count, start, start)
                except OSError as error:
                    if error.errno in _SPACE:
                        raise TargetError(error, "") from error
                    kernel = False
            if not done:
                data = os.pread(source, min(count, 1 << 20), start)
                if not data:
                    raise TornError(errno.EIO, "it ended before its size was read")
                _write(target, data, start)
                done = len(data)
            start += done
            moved(done)
        return kernel

    def copy_contents(source: int, target: int, size: int, moved: Callable[[int], None]) -> bool:
        """Copies `size` bytes between two descriptors and keeps holes.

        Args:
            moved: Gets the number of bytes after each step; holes count. It may raise `Stopped`.

        Returns:
            Whether the source has holes.

        Raises:
            TornError: The source has fewer bytes than `size`.
            TargetError: The target is full.
        """
        if size == 0:
            return False
        if _clone(source, target):
            moved(size)
            return False
        holes = False
        kernel = hasattr(os, "copy_file_range")
        offset = 0
        while offset < size:
            try:
                start = os.lseek(source, offset, os.SEEK_DATA)
                end = os.lseek(source, start, os.SEEK_HOLE)
            except OSError as error:
                # ENXIO: nothing but a hole up to the end. Others: this file system does not know about holes.
                start, end = (size, size) if error.errno == errno.ENXIO else (offset, size)
            start, end = min(start, size), min(end, size)
            if start > offset:
                holes = True
                moved(start - offset)
            kernel = _copy_range(source, target, start, end, moved, kernel)
            offset = end
        if holes:
            _resize(target, size)
        return holes

    def _copy_part(source: int, target: int, start: int, end: int, moved: Callable[[int], None]) -> None:
        _copy_range(source, target, start, end, moved, hasattr(os, "copy_file_range"))

    def _owner_and_mode(target: int, st: os.stat_result, lost: Callable[[str, str], None]) -> None:
        mode = stat.S_IMODE(st.st_mode)
        now = os.fstat(target)
        if (now.st_uid, now.st_gid) != (st.st_uid, st.st_gid):
            try:
                os.chown(target, st.st_uid, st.st_gid)
            except OSError as error:
                lost(f"owner {st.st_uid}:{st.st_gid}", reason(error))
                if mode & (stat.S_ISUID | stat.S_ISGID):
                    # A set-id file of another owner would hand out the rights of whoever made the backup.
                    lost("set-user-id and set-group-id", "the owner could not be kept")
                    mode &= ~(stat.S_ISUID | stat.S_ISGID)
        try:
            os.chmod(target, mode)
        except OSError as error:
            lost(f"mode {mode:o}", reason(error))

    def _attributes(source: int | str, target: int | str, lost: Callable[[str, str], None]) -> None:
        """Extended attributes, POSIX ACLs and capabilities among them: both are attributes on Linux."""
        if not hasattr(os, "listxattr"):
            return
        follow = not isinstance(source, str)
        try:
            names = os.listxattr(source, follow_symlinks=follow)
        except OSError as error:
            if error.errno not in {errno.ENOTSUP, errno.ENAMETOOLONG}:
                lost("extended attributes", reason(error))
            return
        for name in names:
            try:
                os.setxattr(target, name, os.getxattr(source, name, follow_symlinks=follow), follow_symlinks=follow)
            except OSError as error:
                lost(f"extended attribute {name}", reason(error))

    def keep_metadata(
        source: int, target: int, st: os.stat_result, path: str, lost: Callable[[str, str], None]
    ) -> None:
        """Gives an open file or folder the owner, mode, extended attributes and times of another.

        The order matters: changing the owner drops set-id bits and capabilities, and only the times are not touched by the rest.
        What the system refuses goes to `lost` as (what, why).
        """
        _owner_and_mode(target, st, lost)
        _attributes(source, target, lost)
        try:
            os.utime(target, ns=(st.st_atime_ns, st.st_mtime_ns))
        except OSError as error:
            lost("times", reason(error))

    def keep_link_metadata(
        source: Root, name: str, target: Root, new: str, st: os.stat_result, lost: Callable[[str, str], None]
    ) -> None:
        """The same for a symbolic link itself; links have no mode of their own on Linux."""
        now = target.lstat(new)
        if (now.st_uid, now.st_gid) != (st.st_uid, st.st_gid):
            try:
                target.chown_link(new, st.st_uid, st.st_gid)
            except OSError as error:
                lost(f"owner {st.st_uid}:{st.st_gid}", reason(error))
        _attributes(source.full(name), target.full(new), lost)
        try:
            target.utime_link(new, (st.st_atime_ns, st.st_mtime_ns))
        except OSError as error:
            lost("times", reason(error))

else:
    import ctypes

    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel32.CreateFileW.argtypes = [
        ctypes.c_wchar_p,
        ctypes.c_uint32,
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_uint32,
        ctypes.c_void_p,
    ]
    _kernel32.CreateFileW.restype = ctypes.c_void_p
    _kernel32.SetFileTime.argtypes = [ctypes.c_void_p] + [ctypes.POINTER(ctypes.c_uint64)] * 3
    _kernel32.CloseHandle.argtypes = [ctypes.c_void_p]
    _kernel32.SetFileAttributesW.argtypes = [ctypes.c_wchar_p, ctypes.c_uint32]

    def copy_contents(source: int, target: int, size: int, moved: Callable[[int], None]) -> bool:
        """Copies `size` bytes between two descriptors that stand at their beginning; sparse ranges become zeroes."""
        left = size
        while left:
            data = os.read(source, min(1 << 20, left))
            if not data:
                raise TornError(errno.EIO, "it ended before its size was read")
            _write(target, data, 0)
            left -= len(data)
            moved(len(data))
        return False

    def _copy_part(source: int, target: int, start: int, end: int, moved: Callable[[int], None]) -> None:
        os.lseek(source, start, os.SEEK_SET)
        os.lseek(target, start, os.SEEK_SET)
        copy_contents(source, target, end - start, moved)

    def _keep(path: str, st: os.stat_result, lost: Callable[[str, str], None]) -> None:
        """Creation, access and change time and the settable attributes; both need no handle of Python's."""

        def filetime(ns: int) -> ctypes.c_uint64:
            return ctypes.c_uint64(ns // 100 + 116444736000000000)

        created = getattr(st, "st_birthtime_ns", st.st_ctime_ns)
        # FILE_WRITE_ATTRIBUTES; every sharing; OPEN_EXISTING; BACKUP_SEMANTICS (folders) | OPEN_REPARSE_POINT (links themselves)
        handle = _kernel32.CreateFileW(path, 0x100, 7, None, 3, 0x02000000 | 0x00200000, None)
        if handle in (None, ctypes.c_void_p(-1).value):
            lost("times", ctypes.FormatError(ctypes.get_last_error()))
        else:
            try:
                times = (filetime(created), filetime(st.st_atime_ns), filetime(st.st_mtime_ns))
                if not _kernel32.SetFileTime(handle, *(ctypes.byref(time) for time in times)):
                    lost("times", ctypes.FormatError(ctypes.get_last_error()))
            finally:
                _kernel32.CloseHandle(handle)
        attributes = st.st_file_attributes & _SETTABLE
        if not _kernel32.SetFileAttributesW(path, attributes or 0x80):
            lost("attributes", ctypes.FormatError(ctypes.get_last_error()))

    def keep_metadata(
        source: int, target: int, st: os.stat_result, path: str, lost: Callable[[str, str], None]
    ) -> None:
        """Gives a closed file or a folder the times and attributes of another; access control lists and streams are not read."""
        _keep(path, st, lost)

    def keep_link_metadata(
        source: Root, name: str, target: Root, new: str, st: os.stat_result, lost: Callable[[str, str], None]
    ) -> None:
        """The same for a symbolic link itself."""
        _keep(target.full(new), st, lost)
