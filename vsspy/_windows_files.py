"""Files and folders opened on Windows as backup programs do: past access control lists where the process has the privileges,
and never through a link."""

from __future__ import annotations

import struct
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass

DIRECTORY = 0x10  # FILE_ATTRIBUTE_DIRECTORY
REPARSE_POINT = 0x400  # FILE_ATTRIBUTE_REPARSE_POINT
_NAME_SURROGATE = 0x20000000  # the bit in a reparse tag that IsReparseTagNameSurrogate tests
_HEAD = struct.Struct("<II6qIIIb27xq")  # FILE_ID_BOTH_DIR_INFO without the name


def is_link(attributes: int, reparse_tag: int) -> bool:
    """Whether an entry stands for another place: a symbolic link, a junction, a mounted folder.

    Other reparse points are files and folders whose content a filter keeps elsewhere (deduplicated, compressed, in a cloud).
    """
    return bool(attributes & REPARSE_POINT and reparse_tag & _NAME_SURROGATE)


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of a folder as the folder tells it."""

    name: str
    attributes: int
    reparse_tag: int
    file_id: int


def parse_listing(data: bytes) -> Iterator[Listed]:
    """The entries in a buffer of FILE_ID_BOTH_DIR_INFO structures, without ``.`` and ``..``."""
    offset = 0
    while True:
        (following, _, _, _, _, _, _, _, attributes, length, tag, _, file_id) = _HEAD.unpack_from(data, offset)
        start = offset + _HEAD.size
        # Names are 16 bits each, whatever they are: lone surrogates survive.
        name = data[start : start + length].decode("utf-16-le", "surrogatepass")
        if name not in (".", ".."):
            # Of a reparse point the size of extended attributes is the tag.
            yield Listed(name, attributes, tag if attributes & REPARSE_POINT else 0, file_id & 0xFFFFFFFFFFFFFFFF)
        if not following:
            return
        offset += following


if sys.platform == "win32":
    import ctypes
    import errno
    import msvcrt
    import os
    from ctypes import wintypes

    _GENERIC_READ = 0x80000000
    _LIST = 0x1 | 0x100000  # FILE_LIST_DIRECTORY, SYNCHRONIZE
    _GENERIC_WRITE = 0x40000000
    _SHARE_ALL = 0x7
    _CREATE_NEW, _OPEN_EXISTING = 1, 3
    _BACKUP_SEMANTICS = 0x02000000
    _OPEN_REPARSE_POINT = 0x00200000
    _ATTRIBUTE_TAG, _LISTING = 9, 10  # FileAttributeTagInfo, FileIdBothDirectoryInfo
    _NO_MORE_FILES = 18
    _INVALID_HANDLE = ctypes.c_void_p(-1).value

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _create_file = _kernel.CreateFileW
    _create_file.restype = wintypes.HANDLE
    _create_file.argtypes = [
        wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, ctypes.c_void_p, wintypes.DWORD, wintypes.DWORD, wintypes.HANDLE,
    ]  # fmt: skip
    _information = _kernel.GetFileInformationByHandleEx
    _information.argtypes = [wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD]
    _close = _kernel.CloseHandle
    _close.argtypes = [wintypes.HANDLE]

    def _error(path: str) -> OSError:
        code = ctypes.get_last_error()
        return OSError(0, ctypes.FormatError(code).strip(), path, code)

    def _link_error(path: str) -> OSError:
        return OSError(errno.ELOOP, "links are not followed", path)

    def _create(path: str, access: int, flags: int, disposition: int = _OPEN_EXISTING) -> int:
        if "\0" in path:
            raise ValueError("embedded null character")
        handle = _create_file(path, access, _SHARE_ALL, None, disposition, _BACKUP_SEMANTICS | flags, None)
        if handle in (None, _INVALID_HANDLE):
            raise _error(path)
        return int(handle)

    def _open(path: str, access: int) -> tuple[int, int]:
        """A handle, and the attributes."""
        handle = _create(path, access, _OPEN_REPARSE_POINT)
        try:
            found = (wintypes.DWORD * 2)()
            if not _information(handle, _ATTRIBUTE_TAG, found, ctypes.sizeof(found)):
                raise _error(path)
            attributes, tag = found
            if is_link(attributes, tag):
                raise _link_error(path)
        except BaseException:
            _close(handle)
            raise
        if attributes & REPARSE_POINT:  # as it was opened, one would read what the filter keeps there
            _close(handle)
            handle = _create(path, access, 0)
        return handle, attributes

    def open_for_backup(path: str) -> int:
        """A descriptor of the file *path*, in the ``\\\\?\\`` form, for reading.

        Raises OSError, with ELOOP for a link and EISDIR for a folder.
        """
        handle, attributes = _open(path, _GENERIC_READ)
        try:
            if attributes & DIRECTORY:
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            return msvcrt.open_osfhandle(handle, os.O_RDONLY | os.O_NOINHERIT)
        except BaseException:
            _close(handle)
            raise

    def create_for_restore(path: str) -> int:
        """A descriptor of a new file *path*, in the ``\\\\?\\`` form, for reading and writing.

        With the restore privilege it may be made in any folder. Raises OSError.
        """
        handle = _create(path, _GENERIC_READ | _GENERIC_WRITE, 0, _CREATE_NEW)
        try:
            return msvcrt.open_osfhandle(handle, os.O_NOINHERIT)
        except BaseException:
            _close(handle)
            raise

    def list_for_backup(path: str) -> Generator[Listed, None, None]:
        """The entries of the folder *path*, in the ``\\\\?\\`` form.

        Raises OSError, with ELOOP for a link and ENOTDIR for a file.
        """
        handle, attributes = _open(path, _LIST)
        try:
            if not attributes & DIRECTORY:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            buffer = ctypes.create_string_buffer(64 << 10)
            while _information(handle, _LISTING, buffer, len(buffer)):
                yield from parse_listing(buffer.raw)
            if ctypes.get_last_error() != _NO_MORE_FILES:
                raise _error(path)
        finally:
            _close(handle)

    def check_folders(root: str, elements: list[str]) -> None:
        """Raises OSError (ELOOP) if one of the folders on the way to the last of *elements* is a link."""
        path = root
        for element in elements[:-1]:
            path += element
            status = os.lstat(path)
            if is_link(status.st_file_attributes, status.st_reparse_tag):
                raise _link_error(path)
            path += "\\"
