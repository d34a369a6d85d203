"""Reading with backup semantics, and the privileges for it: the system calls themselves."""

from __future__ import annotations

import ctypes
import errno
import importlib
import os
from collections.abc import Callable
from ctypes import wintypes
from pathlib import Path
from typing import Any

import pytest

import vsspy
from vsspy import privileges

WinDLL: Any = getattr(ctypes, "WinDLL", None)
if WinDLL is None:
    pytest.skip("about Windows's system calls", allow_module_level=True)

files: Any = importlib.import_module("vsspy._windows_files")


def enabled() -> set[str]:
    """The names of the privileges that are enabled in this process's token."""
    kernel, security = WinDLL("kernel32"), WinDLL("advapi32")
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    kernel.CloseHandle.argtypes = [wintypes.HANDLE]
    security.OpenProcessToken.argtypes = [wintypes.HANDLE, wintypes.DWORD, ctypes.POINTER(wintypes.HANDLE)]
    token, size = wintypes.HANDLE(), wintypes.DWORD()
    assert security.OpenProcessToken(kernel.GetCurrentProcess(), 8, ctypes.byref(token))
    buffer = (wintypes.DWORD * 1024)()
    security.GetTokenInformation.argtypes = [
        wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD, ctypes.POINTER(wintypes.DWORD),
    ]  # fmt: skip
    assert security.GetTokenInformation(token, 3, buffer, ctypes.sizeof(buffer), ctypes.byref(size))
    kernel.CloseHandle(token)
    found = set()
    for index in range(buffer[0]):  # TOKEN_PRIVILEGES: a count, then a LUID and attributes for each
        low, high, attributes = buffer[1 + 3 * index : 4 + 3 * index]
        luid, name, length = (wintypes.DWORD * 2)(low, high), ctypes.create_unicode_buffer(64), wintypes.DWORD(64)
        assert security.LookupPrivilegeNameW(None, luid, name, ctypes.byref(length))
        if attributes & 2:
            found.add(name.value)
    return found


def test_the_privileges_are_enabled() -> None:
    try:
        assert vsspy.enable_privileges() == ("SeBackupPrivilege", "SeRestorePrivilege")
    except vsspy.AccessDeniedError:
        pytest.skip("this account is neither an administrator's nor a backup operator's")
    assert {"SeBackupPrivilege", "SeRestorePrivilege"} <= enabled()
    assert vsspy.enable_privileges(restore=False) == ("SeBackupPrivilege",)
    assert "SeRestorePrivilege" in enabled()


def test_one_that_the_token_does_not_hold() -> None:
    with pytest.raises(vsspy.AccessDeniedError, match="does not hold SeCreateTokenPrivilege") as missing:
        privileges.enable(["SeChangeNotifyPrivilege", "SeCreateTokenPrivilege"])
    assert missing.value.name == "ERROR_PRIVILEGE_NOT_HELD"
    assert "SeChangeNotifyPrivilege" in enabled()


def test_a_name_that_is_no_privilege() -> None:
    with pytest.raises(vsspy.VssError, match="LookupPrivilegeValueW"):
        privileges.enable(["SeNothingPrivilege"])


def test_a_junction_is_listed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").touch()
    (tmp_path / "in").mkdir()
    module: Any = importlib.import_module("_winapi")
    try:
        module.CreateJunction(str(tmp_path / "outside"), str(tmp_path / "in" / "junction"))
    except OSError:
        pytest.skip("Wine has no junctions")
    root = f"\\\\?\\{tmp_path}\\in\\"
    [junction] = files.list_for_backup(root)
    assert (junction.name, junction.reparse_tag) == ("junction", 0xA0000003)
    refused_calls: tuple[Callable[[], Any], ...] = (
        lambda: list(files.list_for_backup(root + "junction")),
        lambda: files.open_for_backup(root + "junction"),
        lambda: files.check_folders(root, ["junction", "file"]),
    )
    for refuse in refused_calls:
        with pytest.raises(OSError) as refused:
            refuse()
        assert refused.value.errno == errno.ELOOP
    files.check_folders(root, ["junction"])  # the last element is for whoever opens it


def test_a_new_file(tmp_path: Path) -> None:
    path = f"\\\\?\\{tmp_path}\\new"
    descriptor = files.create_for_restore(path)
    os.write(descriptor, b"one\ntwo")
    os.lseek(descriptor, 0, os.SEEK_SET)
    assert os.read(descriptor, 10) == b"one\ntwo"
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)
    assert (tmp_path / "new").read_bytes() == b"one\ntwo"
    with pytest.raises(FileExistsError):
        files.create_for_restore(path)


def test_handles_are_closed_and_not_inherited(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data")
    path = f"\\\\?\\{tmp_path}\\file"
    descriptor = files.open_for_backup(path)
    assert os.read(descriptor, 10) == b"data"
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)
    with pytest.raises(IsADirectoryError):
        files.open_for_backup(f"\\\\?\\{tmp_path}")
    with pytest.raises(NotADirectoryError):
        list(files.list_for_backup(path))
    with pytest.raises(FileNotFoundError) as missing:
        files.open_for_backup(path + "s")
    assert getattr(missing.value, "winerror", None) == 2
    kernel = WinDLL("kernel32")
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    kernel.GetProcessHandleCount.argtypes = [wintypes.HANDLE, ctypes.POINTER(wintypes.DWORD)]
    wrong_calls: tuple[Callable[[], Any], ...] = (
        lambda: files.open_for_backup(f"\\\\?\\{tmp_path}"),
        lambda: list(files.list_for_backup(path)),
    )
    counts = []
    for _ in range(2):
        for _ in range(20):
            for wrong in wrong_calls:
                with pytest.raises(OSError):
                    wrong()
            list(files.list_for_backup(f"\\\\?\\{tmp_path}"))
        count = wintypes.DWORD()
        if not kernel.GetProcessHandleCount(kernel.GetCurrentProcess(), ctypes.byref(count)):
            return  # Wine may not count
        counts.append(count.value)
    assert counts[1] < counts[0] + 20
