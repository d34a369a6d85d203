"""A platform made in Python: COM objects whose vtables are C function pointers, without any C++ type information.

The core meets them as it meets VssApi's objects. Slots, parameters and IIDs come from tests/data/vss_api.json; every
allocation and every reference is counted, so that a test can say that nothing was left behind.
"""

from __future__ import annotations

import ctypes
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

API: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data/vss_api.json").read_text(encoding="utf-8"))
INTERFACES: dict[str, Any] = {interface["name"]: interface for interface in API["interfaces"]}
CODES: dict[str, int] = {error["name"]: int(error["value"], 16) for error in API["errors"]}

S_OK, S_FALSE = CODES["S_OK"], CODES["S_FALSE"]
PENDING, FINISHED, CANCELLED = (CODES[f"VSS_S_ASYNC_{end}"] for end in ("PENDING", "FINISHED", "CANCELLED"))

STA, MTA, MAIN_STA = 0, 1, 3
INFINITE = 0xFFFFFFFF

HRESULT = ctypes.c_int32
POINTER = ctypes.c_void_p


class Guid(ctypes.Structure):
    _fields_ = [
        ("Data1", ctypes.c_uint32),
        ("Data2", ctypes.c_uint16),
        ("Data3", ctypes.c_uint16),
        ("Data4", ctypes.c_uint8 * 8),
    ]

    def uuid(self) -> UUID:
        return UUID(bytes_le=bytes(self))


class FileTime(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint32), ("high", ctypes.c_uint32)]


class SnapshotProp(ctypes.Structure):
    _fields_ = [
        ("snapshot_id", Guid),
        ("set_id", Guid),
        ("count", ctypes.c_int32),
        ("device", POINTER),
        ("volume", POINTER),
        ("originating_machine", POINTER),
        ("service_machine", POINTER),
        ("exposed_name", POINTER),
        ("exposed_path", POINTER),
        ("provider_id", Guid),
        ("attributes", ctypes.c_int32),
        ("created", ctypes.c_int64),
        ("state", ctypes.c_int),
    ]


SNAPSHOT_STRINGS = ("device", "volume", "originating_machine", "service_machine", "exposed_name", "exposed_path")


class ProviderProp(ctypes.Structure):
    _fields_ = [
        ("provider_id", Guid),
        ("name", POINTER),
        ("type", ctypes.c_int),
        ("version", POINTER),
        ("version_id", Guid),
        ("class_id", Guid),
    ]


class ObjectUnion(ctypes.Union):
    _fields_ = [("snap", SnapshotProp), ("prov", ProviderProp)]


class ObjectProp(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("obj", ObjectUnion)]


class ComponentInfo(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("logical_path", POINTER),
        ("name", POINTER),
        ("caption", POINTER),
        ("icon", POINTER),
        ("icon_size", ctypes.c_uint32),
        ("restore_metadata", ctypes.c_bool),
        ("notify_on_backup_complete", ctypes.c_bool),
        ("selectable", ctypes.c_bool),
        ("selectable_for_restore", ctypes.c_bool),
        ("flags", ctypes.c_uint32),
        ("files", ctypes.c_uint32),
        ("databases", ctypes.c_uint32),
        ("log_files", ctypes.c_uint32),
        ("dependencies", ctypes.c_uint32),
    ]


_SCALARS: dict[str, Any] = {
    "VSS_ID": Guid,
    "FILETIME": FileTime,
    "UINT": ctypes.c_uint32,
    "ULONG": ctypes.c_uint32,
    "DWORD": ctypes.c_uint32,
    "LONG": ctypes.c_int32,
    "HRESULT": ctypes.c_int32,
    "BOOL": ctypes.c_int32,
    "LONGLONG": ctypes.c_int64,
    "BYTE": ctypes.c_uint8,
    "bool": ctypes.c_bool,
    "BSTR": POINTER,
    "LPCWSTR": POINTER,
    "VSS_PWSZ": POINTER,
    "PVSSCOMPONENTINFO": POINTER,
    "REFIID": POINTER,
}


def _ctype(name: str) -> Any:
    return POINTER if name.endswith("*") else _SCALARS.get(name, ctypes.c_int)  # the rest are enumerations


def _slots(interface: str) -> dict[int, tuple[str, list[Any]]]:
    """Slot number to name and parameter types, IUnknown's and all bases' included."""
    entry = INTERFACES[interface]
    slots = {0: ("QueryInterface", [POINTER, POINTER]), 1: ("AddRef", []), 2: ("Release", [])}
    for base in entry["bases"]:
        if base != "IUnknown":
            slots |= _slots(base)
    for method in entry["methods"]:
        slots[method["vtable_index"]] = (method["name"], [_ctype(p["type"]) for p in method["params"]])
    return slots


def _signed(hresult: int) -> int:
    return hresult - (1 << 32) if hresult >> 31 else hresult


def put(address: int, kind: Any, value: Any) -> None:
    """Write an out-parameter."""
    kind.from_address(address).value = value


def put_guid(address: int, value: UUID) -> None:
    ctypes.memmove(address, value.bytes_le, 16)


def wide_text(address: int | None) -> str | None:
    """A NUL-terminated UTF-16 string."""
    if not address:
        return None
    units: list[int] = []
    while unit := ctypes.c_uint16.from_address(address + 2 * len(units)).value:
        units.append(unit)
    return b"".join(unit.to_bytes(2, "little") for unit in units).decode("utf-16-le", "surrogatepass")


class ComObject:
    """One object: a pointer to a table of C function pointers, and a count.

    Args:
        platform: the platform that counts it.
        interface: the most derived interface that it implements.
        handlers: method name to a function of the method's parameters that gives a HRESULT; others answer E_NOTIMPL.
        answers: interfaces that QueryInterface gives; this one and all bases, unless told otherwise.
    """

    def __init__(
        self,
        platform: CtypesPlatform,
        interface: str,
        handlers: dict[str, Callable[..., int]],
        answers: list[str] | None = None,
    ) -> None:
        self.platform = platform
        self.interface = interface
        self.handlers = handlers
        self.references = 1
        names = answers if answers is not None else self._family(interface)
        self.iids = {UUID(INTERFACES[name]["iid"]).bytes_le for name in names if INTERFACES[name]["iid"]}
        slots = _slots(interface)
        self._functions = [self._function(*slots[number]) for number in range(len(slots))]
        self._vtable = (POINTER * len(slots))(*(ctypes.cast(f, POINTER).value for f in self._functions))
        self._instance = POINTER(ctypes.addressof(self._vtable))
        self.address = ctypes.addressof(self._instance)
        platform.objects[self.address] = self

    @staticmethod
    def _family(interface: str) -> list[str]:
        family = [interface]
        while (base := INTERFACES[family[-1]]["base"]) in INTERFACES:
            family.append(base)
        return family

    def _function(self, name: str, parameters: list[Any]) -> Any:
        if name in ("AddRef", "Release"):
            step = 1 if name == "AddRef" else -1
            return ctypes.CFUNCTYPE(ctypes.c_uint32, POINTER)(lambda this: self._count(name, step))
        prototype = ctypes.CFUNCTYPE(HRESULT, POINTER, *parameters)
        if name == "QueryInterface":
            return prototype(lambda this, iid, out: _signed(self._query(iid, out)))
        return prototype(lambda this, *arguments: _signed(self._call(name, arguments)))

    def _count(self, name: str, step: int) -> int:
        self.platform.record(f"{self.interface}::{name}")
        assert self.references > 0, f"{name} on a dead {self.interface}"
        self.references += step
        if self.references == 0 and (last := self.handlers.get("last_release")):
            last()
        return self.references

    def _query(self, iid: int, out: int) -> int:
        self.platform.record(f"{self.interface}::QueryInterface")
        found = ctypes.string_at(iid, 16) in self.iids
        self.references += found
        put(out, POINTER, self.address if found else None)
        return S_OK if found else CODES["E_NOINTERFACE"]

    def _call(self, name: str, arguments: tuple[Any, ...]) -> int:
        self.platform.record(f"{self.interface}::{name}")
        handler = self.handlers.get(name)
        return handler(*arguments) if handler else CODES["E_NOTIMPL"]

    def give(self, out: int) -> int:
        """Hand a reference out through an out-parameter."""
        put(out, POINTER, self.address)
        return S_OK


class Operation:
    """An IVssAsync that ends when the test says so."""

    def __init__(self, platform: CtypesPlatform, *, only_infinite: bool = False) -> None:
        self.result = PENDING
        self.over = threading.Event()
        self.only_infinite = only_infinite
        self.waits: list[int] = []
        self.cancelled = threading.Event()
        self.cancel_result = S_OK
        self.wait_result = S_OK
        self.query_result = S_OK
        handlers: dict[str, Callable[..., int]] = {
            "Wait": self._wait,
            "QueryStatus": self._query_status,
            "Cancel": self._cancel,
        }
        self.object = ComObject(platform, "IVssAsync", handlers)

    def end(self, result: int = FINISHED) -> None:
        self.result = result
        self.over.set()

    def _wait(self, milliseconds: int) -> int:
        self.waits.append(milliseconds)
        if self.only_infinite and milliseconds != INFINITE:
            return CODES["E_INVALIDARG"]
        self.over.wait(milliseconds / 1000)
        return self.wait_result

    def _query_status(self, result: int, reserved: int | None) -> int:
        assert reserved is None
        put(result, HRESULT, _signed(self.result))
        return self.query_result

    def _cancel(self) -> int:
        self.cancelled.set()
        return self.cancel_result


class CtypesPlatform:
    """The table, and what it counts.

    Attributes:
        backup: handlers of the IVssBackupComponents that the table makes; tests add to it.
        examine: what CreateVssExamineWriterMetadata does.
        instance, manage_provider: what CoCreateInstance and GetProviderMgmtInterface do; they get the addresses of GUIDs.
        newest: the most derived interface that this system has.
        apartment: the apartment type that callers are told, except on threads that the core made.
        calls: name and thread of every call.
    """

    def __init__(self) -> None:
        self.backup: dict[str, Callable[..., int]] = {"InitializeForBackup": lambda xml: S_OK}
        self.examine: Callable[[int, int], int] = lambda xml, out: CODES["E_NOTIMPL"]
        self.newest = "IVssBackupComponentsEx4"
        self.apartment = MTA
        self.own_threads: set[int] | None = None  # None: every thread is in the same apartment
        self.calls: list[tuple[str, int]] = []
        self.objects: dict[int, ComObject] = {}
        self.memory: dict[int, Any] = {}
        self.freed_twice: list[int] = []
        self.instance: Callable[[int, int, int], int] = lambda clsid, iid, out: CODES["E_NOTIMPL"]
        self.manage_provider: Callable[[int, int, int], int] = lambda provider, iid, out: CODES["E_NOTIMPL"]
        self.create_result = S_OK
        self.security_result = S_OK
        self.inside_callback = False
        self.sleeps: list[float] = []
        self._table, self._functions = self._make_table()
        new = ctypes.pythonapi.PyCapsule_New
        new.restype = ctypes.py_object
        new.argtypes = [POINTER, ctypes.c_char_p, POINTER]
        self.capsule: object = new(ctypes.addressof(self._table), b"vsspy.platform", None)
        self.closed = False

    # What vsspy asks of a simulated machine.
    def _platform(self) -> object:
        return self.capsule

    def record(self, name: str) -> None:
        self.calls.append((name, threading.get_ident()))

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    @property
    def live(self) -> list[str]:
        return [f"{o.interface} ({o.references})" for o in self.objects.values() if o.references]

    def assert_clean(self) -> None:
        """Every object was released as often as it was taken, and all memory came back once."""
        assert self.live == []
        assert self.memory == {}
        assert self.freed_twice == []

    # --- memory ------------------------------------------------------------------------------------------------------

    def bstr(self, text: str | None) -> int | None:
        """A BSTR: four bytes of length stand before the text."""
        if text is None:
            return None
        units = text.encode("utf-16-le", "surrogatepass")
        block = ctypes.create_string_buffer(b"\0\0\0\0" + len(units).to_bytes(4, "little") + units + b"\0\0")
        address = ctypes.addressof(block) + 8
        self.memory[address] = block
        return address

    def task_string(self, text: str | None) -> int | None:
        if text is None:
            return None
        block = ctypes.create_string_buffer(text.encode("utf-16-le", "surrogatepass") + b"\0\0")
        self.memory[ctypes.addressof(block)] = block
        return ctypes.addressof(block)

    def free(self, address: int | None) -> None:
        if address and self.memory.pop(address, None) is None:
            self.freed_twice.append(address)

    @staticmethod
    def bstr_text(address: int | None) -> str | None:
        if not address:
            return None
        size = ctypes.c_uint32.from_address(address - 4).value
        return ctypes.string_at(address, size).decode("utf-16-le", "surrogatepass")

    def give_bstr(self, out: int, text: str | None) -> int:
        put(out, POINTER, self.bstr(text))
        return S_OK

    # --- objects -----------------------------------------------------------------------------------------------------

    def operation(self, starter: str, **options: Any) -> Operation:
        """Make a method give an IVssAsync."""
        made = Operation(self, **options)
        self.backup[starter] = made.object.give
        return made

    def _create(self, _context: int, out: int) -> int:
        self.record("CreateVssBackupComponents")
        if self.create_result == S_OK:
            return ComObject(self, self.newest, self.backup).give(out)
        return _signed(self.create_result)

    def _free_snapshot(self, _context: int, address: int) -> None:
        properties = SnapshotProp.from_address(address)
        for name in SNAPSHOT_STRINGS:
            self.free(getattr(properties, name))
            setattr(properties, name, None)

    def _apartment_type(self, _context: int, kind: int, qualifier: int) -> int:
        foreign = self.own_threads is not None and threading.get_ident() not in self.own_threads
        put(kind, ctypes.c_int, MTA if foreign else self.apartment)
        put(qualifier, ctypes.c_int, 0)
        return S_OK

    def _increment(self, _context: int, cookie: int) -> int:
        self.record("CoIncrementMTAUsage")
        put(cookie, POINTER, 1)
        return S_OK

    def _security(self, _context: int) -> int:
        self.record("CoInitializeSecurity")
        return _signed(self.security_result)

    def _sleep(self, _context: int, nanoseconds: int) -> None:
        self.sleeps.append(nanoseconds / 1e9)
        time.sleep(nanoseconds / 1e9)

    def _sys_alloc(self, _context: int, text: int, length: int) -> int | None:
        return self.bstr(ctypes.string_at(text, 2 * length).decode("utf-16-le", "surrogatepass"))

    def _task_alloc(self, _context: int, size: int) -> int:
        block = ctypes.create_string_buffer(size)
        self.memory[ctypes.addressof(block)] = block
        return ctypes.addressof(block)

    def _make_table(self) -> tuple[ctypes.Structure, list[Any]]:
        unused = ctypes.c_void_p
        functions: list[tuple[str, Any, list[Any], Callable[..., Any] | None]] = [
            ("create_backup_components", HRESULT, [POINTER], self._create),
            (
                "create_examine_writer_metadata",
                HRESULT,
                [POINTER, POINTER],
                lambda _context, xml, out: _signed(self.examine(xml, out)),
            ),
            ("is_volume_snapshotted", HRESULT, [unused, POINTER, POINTER], None),
            ("free_snapshot_properties", None, [POINTER], self._free_snapshot),
            ("should_block_revert", HRESULT, [unused, POINTER], None),
            (
                "get_provider_mgmt_interface",
                HRESULT,
                [POINTER, POINTER, POINTER],
                lambda _context, provider, iid, out: _signed(self.manage_provider(provider, iid, out)),
            ),
            (
                "create_instance",
                HRESULT,
                [POINTER, POINTER, POINTER],
                lambda _context, clsid, iid, out: _signed(self.instance(clsid, iid, out)),
            ),
            ("sys_alloc_string_len", POINTER, [POINTER, ctypes.c_uint32], self._sys_alloc),
            ("sys_free_string", None, [POINTER], lambda _context, text: self.free(text)),
            (
                "sys_string_len",
                ctypes.c_uint32,
                [POINTER],
                lambda _context, text: ctypes.c_uint32.from_address(text - 4).value // 2 if text else 0,
            ),
            ("task_alloc", POINTER, [ctypes.c_size_t], self._task_alloc),
            ("task_free", None, [POINTER], lambda _context, memory: self.free(memory)),
            ("increment_mta_usage", HRESULT, [POINTER], self._increment),
            ("get_apartment_type", HRESULT, [POINTER, POINTER], self._apartment_type),
            ("initialize_security", HRESULT, [], self._security),
            ("now", ctypes.c_uint64, [], lambda _context: time.monotonic_ns()),
            ("sleep", None, [ctypes.c_uint64], self._sleep),
            ("in_callback", ctypes.c_int, [POINTER], lambda _context, _object: int(self.inside_callback)),
            ("wait_until", None, [ctypes.c_uint64], lambda _context, _deadline: None),
        ]
        prototypes = {name: ctypes.CFUNCTYPE(result, POINTER, *parameters) for name, result, parameters, _ in functions}
        head: list[tuple[str, Any]] = [("version", ctypes.c_uint32), ("name", ctypes.c_char_p), ("context", POINTER)]
        table = type("Table", (ctypes.Structure,), {"_fields_": head + list(prototypes.items())})()
        table.version = 2
        table.name = b"ctypes"
        made = [prototypes[name](body) for name, _, _, body in functions if body is not None]
        for function, name in zip(made, [name for name, _, _, body in functions if body is not None], strict=True):
            setattr(table, name, function)
        return table, made


@contextmanager
def sta(platform: CtypesPlatform, kind: int = STA) -> Iterator[None]:
    """The platform says that the calling thread is on a single-threaded apartment, and no other one is."""
    platform.apartment = kind
    platform.own_threads = {threading.get_ident()}
    yield
    platform.apartment = MTA
    platform.own_threads = None
