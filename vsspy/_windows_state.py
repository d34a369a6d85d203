"""What Windows says about itself, this process and its services, through ctypes; nothing of it off Windows."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Protocol

from ._event_log import Event, recent_events


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service.

    Attributes:
        name: its state, in a word: ``"running"``.
        disabled: whether it cannot be started.
    """

    name: str
    disabled: bool


class Computer(Protocol):
    """A Windows that can be looked at. Each method raises OSError where Windows refuses."""

    def has_vssapi(self) -> bool: ...
    def is_32bit_on_64bit(self) -> bool: ...
    def is_elevated(self) -> bool: ...
    def privileges(self) -> set[str]: ...
    def service(self, name: str) -> ServiceState | None: ...
    def events(self, log: str, source: str) -> list[Event]: ...


# SERVICE_STATUS_PROCESS.dwCurrentState (Learn, winsvc/ns-winsvc-service_status_process)
_STATES = {
    1: "stopped",
    2: "starting",
    3: "stopping",
    4: "running",
    5: "continuing",
    6: "pausing",
    7: "paused",
}

if sys.platform == "win32":
    import ctypes
    from collections.abc import Iterator
    from contextlib import contextmanager
    from ctypes import wintypes

    _NO_SUCH_SERVICE = 1060  # ERROR_SERVICE_DOES_NOT_EXIST
    _TOO_SMALL = 122  # ERROR_INSUFFICIENT_BUFFER
    _SYSTEM32_ONLY = 0x800  # LOAD_LIBRARY_SEARCH_SYSTEM32
    _PRIVILEGES, _ELEVATION = 3, 20  # TokenPrivileges, TokenElevation
    _DISABLED = 4  # SERVICE_DISABLED

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _security = ctypes.WinDLL("advapi32", use_last_error=True)
    _handle = wintypes.HANDLE
    _kernel.LoadLibraryExW.restype = _handle
    _kernel.LoadLibraryExW.argtypes = [wintypes.LPCWSTR, _handle, wintypes.DWORD]
    _kernel.FreeLibrary.argtypes = [_handle]
    _kernel.GetCurrentProcess.restype = _handle
    _kernel.CloseHandle.argtypes = [_handle]
    _kernel.IsWow64Process.argtypes = [_handle, ctypes.POINTER(wintypes.BOOL)]
    _security.OpenProcessToken.argtypes = [_handle, wintypes.DWORD, ctypes.POINTER(_handle)]
    _security.GetTokenInformation.argtypes = [
        _handle, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD, ctypes.POINTER(wintypes.DWORD),
    ]  # fmt: skip
    _security.LookupPrivilegeNameW.argtypes = [
        wintypes.LPCWSTR, ctypes.c_void_p, wintypes.LPWSTR, ctypes.POINTER(wintypes.DWORD),
    ]  # fmt: skip
    _security.OpenSCManagerW.restype = _security.OpenServiceW.restype = _handle
    _security.OpenSCManagerW.argtypes = [wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.DWORD]
    _security.OpenServiceW.argtypes = [_handle, wintypes.LPCWSTR, wintypes.DWORD]
    _security.CloseServiceHandle.argtypes = [_handle]
    _security.QueryServiceStatusEx.argtypes = [
        _handle, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD, ctypes.POINTER(wintypes.DWORD),
    ]  # fmt: skip
    _security.QueryServiceConfigW.argtypes = [
        _handle, ctypes.c_void_p, wintypes.DWORD, ctypes.POINTER(wintypes.DWORD),
    ]  # fmt: skip

    def _failed(function: str) -> OSError:
        error = ctypes.WinError(ctypes.get_last_error())
        error.add_note(function)
        return error

    @contextmanager
    def _token() -> Iterator[wintypes.HANDLE]:
        token = wintypes.HANDLE()
        if not _security.OpenProcessToken(_kernel.GetCurrentProcess(), 0x8, ctypes.byref(token)):  # TOKEN_QUERY
            raise _failed("OpenProcessToken")
        try:
            yield token
        finally:
            _kernel.CloseHandle(token)

    def _token_information(kind: int) -> bytes:
        with _token() as token:
            size = wintypes.DWORD()
            _security.GetTokenInformation(token, kind, None, 0, ctypes.byref(size))
            data = ctypes.create_string_buffer(max(size.value, 4))
            if not _security.GetTokenInformation(token, kind, data, len(data), ctypes.byref(size)):
                raise _failed("GetTokenInformation")
            return data.raw[: size.value]

    def _privilege_name(luid: bytes) -> str:
        buffer = ctypes.create_unicode_buffer(256)
        size = wintypes.DWORD(len(buffer))
        if not _security.LookupPrivilegeNameW(None, ctypes.create_string_buffer(luid, 8), buffer, ctypes.byref(size)):
            raise _failed("LookupPrivilegeNameW")
        return buffer.value

    @contextmanager
    def _service(name: str) -> Iterator[int | None]:
        """A handle on a service, None where there is no such one."""
        manager = _security.OpenSCManagerW(None, None, 0x1)  # SC_MANAGER_CONNECT
        if not manager:
            raise _failed("OpenSCManagerW")
        service = None
        try:
            service = _security.OpenServiceW(manager, name, 0x4 | 0x1)  # SERVICE_QUERY_STATUS, SERVICE_QUERY_CONFIG
            if not service and ctypes.get_last_error() != _NO_SUCH_SERVICE:
                raise _failed("OpenServiceW")
            yield service
        finally:
            if service:
                _security.CloseServiceHandle(service)
            _security.CloseServiceHandle(manager)

    def _start_type(service: int) -> int:
        size = wintypes.DWORD()
        _security.QueryServiceConfigW(service, None, 0, ctypes.byref(size))
        if ctypes.get_last_error() != _TOO_SMALL:
            raise _failed("QueryServiceConfigW")
        data = ctypes.create_string_buffer(size.value)
        if not _security.QueryServiceConfigW(service, data, len(data), ctypes.byref(size)):
            raise _failed("QueryServiceConfigW")
        return int.from_bytes(data.raw[4:8], "little")  # QUERY_SERVICE_CONFIGW.dwStartType

    class _Windows:
        """This computer."""

        def has_vssapi(self) -> bool:
            module = _kernel.LoadLibraryExW("vssapi.dll", None, _SYSTEM32_ONLY)
            if module:
                _kernel.FreeLibrary(module)
            return bool(module)

        def is_32bit_on_64bit(self) -> bool:
            found = wintypes.BOOL()
            if not _kernel.IsWow64Process(_kernel.GetCurrentProcess(), ctypes.byref(found)):
                raise _failed("IsWow64Process")
            return bool(found.value)

        def is_elevated(self) -> bool:
            return any(_token_information(_ELEVATION))

        def privileges(self) -> set[str]:
            data = _token_information(_PRIVILEGES)  # TOKEN_PRIVILEGES: a count, then LUID and attributes of each
            count = int.from_bytes(data[:4], "little")
            return {_privilege_name(data[4 + 12 * number : 12 + 12 * number]) for number in range(count)}

        def service(self, name: str) -> ServiceState | None:
            with _service(name) as service:
                if not service:
                    return None
                data = (wintypes.DWORD * 9)()  # SERVICE_STATUS_PROCESS
                size = wintypes.DWORD()
                if not _security.QueryServiceStatusEx(service, 0, data, ctypes.sizeof(data), ctypes.byref(size)):
                    raise _failed("QueryServiceStatusEx")
                return ServiceState(_STATES.get(data[1], f"in state {data[1]}"), _start_type(service) == _DISABLED)

        def events(self, log: str, source: str) -> list[Event]:
            return recent_events(log, source)

    def this_computer() -> Computer | None:
        """This computer."""
        return _Windows()

else:

    def this_computer() -> Computer | None:
        """None: this is no Windows."""
        return None
