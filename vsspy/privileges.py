"""The backup and restore privileges of this process."""

from __future__ import annotations

import sys
from collections.abc import Iterable

__all__ = ["enable_privileges"]

BACKUP = "SeBackupPrivilege"
RESTORE = "SeRestorePrivilege"

if sys.platform == "win32":
    import ctypes
    from contextlib import contextmanager
    from ctypes import wintypes
    from typing import TYPE_CHECKING

    from .errors import AccessDeniedError, from_hresult

    if TYPE_CHECKING:
        from collections.abc import Iterator

    _ADJUST_AND_QUERY = 0x20 | 0x8  # TOKEN_ADJUST_PRIVILEGES, TOKEN_QUERY
    _ENABLED = 0x2  # SE_PRIVILEGE_ENABLED
    _NOT_ALL_ASSIGNED = 1300  # ERROR_NOT_ALL_ASSIGNED

    class _Luid(ctypes.Structure):
        _fields_ = (("low", wintypes.DWORD), ("high", wintypes.LONG))

    class _OnePrivilege(ctypes.Structure):
        """TOKEN_PRIVILEGES with a single element."""

        _fields_ = (("count", wintypes.DWORD), ("luid", _Luid), ("attributes", wintypes.DWORD))

    def _failed(function: str) -> Exception:
        return from_hresult(0x80070000 | ctypes.get_last_error(), function)

    @contextmanager
    def _process_token() -> Iterator[wintypes.HANDLE]:
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.GetCurrentProcess.restype = wintypes.HANDLE
        kernel.CloseHandle.argtypes = [wintypes.HANDLE]
        security = ctypes.WinDLL("advapi32", use_last_error=True)
        security.OpenProcessToken.argtypes = [wintypes.HANDLE, wintypes.DWORD, ctypes.POINTER(wintypes.HANDLE)]
        token = wintypes.HANDLE()
        if not security.OpenProcessToken(kernel.GetCurrentProcess(), _ADJUST_AND_QUERY, ctypes.byref(token)):
            raise _failed("OpenProcessToken")
        try:
            yield token
        finally:
            kernel.CloseHandle(token)

    def _enable(token: wintypes.HANDLE, name: str) -> bool:
        """Whether the token has the privilege; if so it is enabled now."""
        security = ctypes.WinDLL("advapi32", use_last_error=True)
        security.LookupPrivilegeValueW.argtypes = [wintypes.LPCWSTR, wintypes.LPCWSTR, ctypes.POINTER(_Luid)]
        security.AdjustTokenPrivileges.argtypes = [
            wintypes.HANDLE, wintypes.BOOL, ctypes.POINTER(_OnePrivilege), wintypes.DWORD, ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        wanted = _OnePrivilege(1, _Luid(), _ENABLED)
        luid = _Luid()
        if not security.LookupPrivilegeValueW(None, name, ctypes.byref(luid)):
            raise _failed("LookupPrivilegeValueW")
        wanted.luid = luid
        if not security.AdjustTokenPrivileges(token, False, ctypes.byref(wanted), 0, None, None):
            raise _failed("AdjustTokenPrivileges")
        return ctypes.get_last_error() != _NOT_ALL_ASSIGNED  # it succeeds all the same where the token has none

    def enable(names: Iterable[str]) -> tuple[str, ...]:
        """Enables privileges by name, one by one, since the function does not tell which of several is missing."""
        with _process_token() as token:
            has = {name: _enable(token, name) for name in names}
        missing = [name for name, is_there in has.items() if not is_there]
        if missing:
            detail = f"this process's token does not hold {' and '.join(missing)}"
            raise AccessDeniedError("ERROR_PRIVILEGE_NOT_HELD", "AdjustTokenPrivileges", detail=detail)
        return tuple(has)

else:

    def enable(names: Iterable[str]) -> tuple[str, ...]:
        """Nothing: a system without such privileges refuses nothing for lack of them."""
        return ()


def enable_privileges(*, backup: bool = True, restore: bool = True) -> tuple[str, ...]:
    """Let this process read, and write, what access control lists shut it out from.

    Administrators and Backup Operators hold both privileges, but disabled: a plain ``open`` of another user's file fails.
    Once enabled they count for calls with backup semantics, which :meth:`ShadowCopy.open` and :meth:`ShadowCopy.scandir`
    make. They hold for the whole process until it ends (``AdjustTokenPrivileges`` on the process's token), but not for a
    thread that impersonates somebody. Calling it again changes nothing.

    Args:
        backup: ``SeBackupPrivilege``: read any file and folder. VSS also accepts it from callers who are no
            administrators (semantics 1).
        restore: ``SeRestorePrivilege``: write any file, owners and access control lists included. A program that only
            backs up can do without.

    Returns:
        The names of the privileges that are enabled now; none off Windows, where there is nothing to enable.

    Raises:
        AccessDeniedError: the process's token does not hold one of them, which the detail names: run elevated. Those
            that it does hold are enabled all the same.
    """
    return enable(name for name, is_wanted in ((BACKUP, backup), (RESTORE, restore)) if is_wanted)
