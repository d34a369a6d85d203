"""A requester without vsspy: ctypes on libvssapi.so. It is run by itself, in processes that `test_library` starts."""

from __future__ import annotations

import ctypes
import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

API: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data/vss_api.json").read_text(encoding="utf-8"))
SLOTS = {
    f"{interface['name']}::{method['name']}": int(method["vtable_index"])
    for interface in API["interfaces"]
    for method in interface["methods"]
} | {"IUnknown::QueryInterface": 0, "IUnknown::AddRef": 1, "IUnknown::Release": 2}
CODES = {each["name"]: int(each["value"], 16) for each in API["errors"]}
COPY = 5  # VSS_BT_COPY
FILE_SHARE_BACKUP = 0x10  # VSS_CTX_FILE_SHARE_BACKUP

Guid = ctypes.c_uint8 * 16
HRESULT = ctypes.c_uint32


class Library:
    """The entry points; every call gives the HRESULT as an unsigned number."""

    def __init__(self, path: str) -> None:
        self.exports = ctypes.CDLL(path)

    def call(self, name: str, *arguments: Any, result: Any = HRESULT) -> Any:
        function = getattr(self.exports, name)
        function.restype = result
        return function(*arguments)

    def create(self, name: str = "CreateVssBackupComponentsInternal") -> tuple[int, ctypes.c_void_p]:
        made = ctypes.c_void_p()
        return self.call(name, ctypes.byref(made)), made


def call(made: ctypes.c_void_p, method: str, *arguments: Any) -> int:
    """Call a method of an object through its table."""
    table = ctypes.cast(made, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
    types = [type(each) for each in arguments]
    function = ctypes.CFUNCTYPE(HRESULT, ctypes.c_void_p, *types)(table[SLOTS[method]] or 0)
    return int(function(made, *arguments))


def pointer(value: Any) -> ctypes.c_void_p:
    return ctypes.cast(ctypes.pointer(value), ctypes.c_void_p)


def text(value: str) -> Any:
    """A text as LPCWSTR; keep it as long as the call."""
    return ctypes.create_string_buffer(value.encode("utf-16-le") + b"\0\0")


def good(hresult: int) -> None:
    assert hresult < 0x80000000, f"0x{hresult:08X}"


def guid(value: str) -> Any:
    return Guid.from_buffer_copy(UUID(value).bytes_le)


def make_shadow_copy(components: ctypes.c_void_p, volume: str, context: int = FILE_SHARE_BACKUP) -> None:
    """A whole set of one volume, without writers."""

    class ById(ctypes.Structure):  # VSS_ID goes by value
        _fields_ = [("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]

    made, operation, name = Guid(), ctypes.c_void_p(), text(volume)
    result = ctypes.c_uint32()
    good(call(components, "IVssBackupComponents::InitializeForBackup", ctypes.c_void_p()))
    good(call(components, "IVssBackupComponents::SetContext", ctypes.c_int32(context)))
    good(call(components, "IVssBackupComponents::StartSnapshotSet", pointer(made)))
    good(call(components, "IVssBackupComponents::AddToSnapshotSet", pointer(name), ById(), pointer(made)))
    good(call(components, "IVssBackupComponents::DoSnapshotSet", pointer(operation)))
    good(call(operation, "IVssAsync::Wait", ctypes.c_uint32(0xFFFFFFFF)))
    good(call(operation, "IVssAsync::QueryStatus", pointer(result), ctypes.c_void_p()))
    assert result.value == CODES["VSS_S_ASYNC_FINISHED"], hex(result.value)
    call(operation, "IUnknown::Release")


def library() -> Library:
    return Library(os.environ["LIBVSSAPI"])
