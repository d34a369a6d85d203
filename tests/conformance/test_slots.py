"""Every vtable slot of the specification, driven through C function pointers as a foreign requester would."""

from __future__ import annotations

import ctypes
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from vsspy import _simulator

API: dict[str, Any] = json.loads((Path(__file__).parent.parent / "data" / "vss_api.json").read_text(encoding="utf-8"))
INTERFACES: dict[str, dict[str, Any]] = {interface["name"]: interface for interface in API["interfaces"]}
ENUMS = {enum["name"] for enum in API["enums"]}
METHODS = [(interface, method) for interface in INTERFACES.values() for method in interface["methods"]]
IUNKNOWN = ("QueryInterface", "AddRef", "Release")


class Guid(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint8 * 16)]


class FileTime(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint32), ("high", ctypes.c_uint32)]


NUMBERS: dict[str, Any] = {
    "BOOL": ctypes.c_int32,
    "LONG": ctypes.c_int32,
    "HRESULT": ctypes.c_int32,
    "UINT": ctypes.c_uint32,
    "ULONG": ctypes.c_uint32,
    "DWORD": ctypes.c_uint32,
    "LONGLONG": ctypes.c_int64,
    "BYTE": ctypes.c_uint8,
}
POINTERS = {"BSTR", "LPCWSTR", "VSS_PWSZ", "PVSSCOMPONENTINFO"}


def argument(type_name: str, position: int, flag: bool) -> tuple[Any, Any, str]:
    """How C passes a parameter: its ctypes type, a value that no other position has, and what the probe should see."""
    if type_name == "bool":
        return ctypes.c_bool, flag, str(int(flag))
    if type_name in ENUMS:
        return ctypes.c_int, position + 3, str(position + 3)
    if type_name in NUMBERS:
        value = (position + 1) * 17
        return NUMBERS[type_name], value, str(value)
    if type_name == "FILETIME":
        return (
            FileTime,
            FileTime(0x01020304 + position, 0x0A0B0C0D),
            ((0x01020304 + position).to_bytes(4, "little") + (0x0A0B0C0D).to_bytes(4, "little")).hex(),
        )
    if type_name in {"VSS_ID", "IID", "REFIID"}:
        raw = bytes(range(position * 16, position * 16 + 16))
        guid = Guid((ctypes.c_uint8 * 16)(*raw))
        by_pointer = type_name == "REFIID" or sys.platform == "win32"  # x64 Windows passes 16 bytes by hidden pointer
        return (ctypes.POINTER(Guid), ctypes.pointer(guid), raw.hex()) if by_pointer else (Guid, guid, raw.hex())
    if type_name.endswith("*") or type_name in POINTERS:
        address = 0x10000 + position * 256
        return ctypes.c_void_p, address, str(address)
    raise AssertionError(f"a parameter type that this test does not know: {type_name}")


def vtable_entry(address: int, slot: int, *parameter_types: Any) -> Any:
    """The function in a slot of the object at an address; the object itself is its first parameter."""
    vtable = ctypes.cast(address, ctypes.POINTER(ctypes.c_void_p))[0]
    assert vtable is not None
    function = ctypes.cast(vtable, ctypes.POINTER(ctypes.c_void_p))[slot]
    assert function is not None
    return ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, *parameter_types)(function)


def derives_from(name: str, ancestor: str) -> bool:
    return name == ancestor or any(
        derives_from(base, ancestor) for base in INTERFACES.get(name, {"bases": []})["bases"]
    )


def test_the_specification_is_whole() -> None:
    assert len(INTERFACES) == 24
    assert len(METHODS) == 171


@pytest.mark.parametrize(("interface", "method"), METHODS, ids=[f"{i['name']}-{m['name']}" for i, m in METHODS])
def test_slot(interface: dict[str, Any], method: dict[str, Any]) -> None:
    """The slot leads to the method and the arguments arrive, on the interface itself and on all that derive from it."""
    heirs = [name for name in INTERFACES if derives_from(name, interface["name"])]
    for name, flag in itertools.product(heirs, (False, True)):
        arguments = [argument(p["type"], index, flag) for index, p in enumerate(method["params"])]
        address = _simulator.probe_object(name)
        call = vtable_entry(address, method["vtable_index"], *(ctype for ctype, _, _ in arguments))
        _simulator.take_probe_calls()
        assert call(address, *(value for _, value, _ in arguments)) == 0
        expected = (f"{interface['name']}::{method['name']}", [seen for _, _, seen in arguments])
        assert _simulator.take_probe_calls() == [expected]


@pytest.mark.parametrize("name", [name for name in INTERFACES if name != "IVssWriterComponents"])
def test_iunknown_slots(name: str) -> None:
    """IUnknown takes slots 0 to 2; of IVssWriterComponentsExt, the slots of its second vtable."""
    address = _simulator.probe_object(name)
    if name == "IVssWriterComponentsExt":
        address += ctypes.sizeof(ctypes.c_void_p)
    _simulator.take_probe_calls()
    raw = bytes(range(16))
    iid = Guid((ctypes.c_uint8 * 16)(*raw))
    vtable_entry(address, 0, ctypes.POINTER(Guid), ctypes.c_void_p)(address, ctypes.byref(iid), 4096)
    vtable_entry(address, 1)(address)
    vtable_entry(address, 2)(address)
    calls = _simulator.take_probe_calls()
    assert [method for method, _ in calls] == [f"IUnknown::{method}" for method in IUNKNOWN]
    assert calls[0][1] == [str(ctypes.addressof(iid)), "4096"]


def test_writer_components_has_no_iunknown() -> None:
    """The first vtable of IVssWriterComponentsExt holds the three methods of IVssWriterComponents and nothing before."""
    address = _simulator.probe_object("IVssWriterComponentsExt")
    _simulator.take_probe_calls()
    vtable_entry(address, 0, ctypes.c_void_p)(address, 64)
    assert _simulator.take_probe_calls() == [("IVssWriterComponents::GetComponentCount", ["64"])]


def test_an_unknown_interface_has_no_probe() -> None:
    with pytest.raises(KeyError):
        _simulator.probe_object("IVssNothing")
