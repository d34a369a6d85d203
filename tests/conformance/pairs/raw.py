"""Calls through vtables and flat entry points with arguments of the specification's types, as a foreign requester's."""

from __future__ import annotations

import ctypes
import sys
from typing import Any
from uuid import UUID

from support import INTERFACES, METHODS, Guid, RawObject

from vsspy import simulator

from .scenes import UNKNOWN, Scene, stage
from .server import DOCUMENT

PROVIDER = UUID("b5946137-7b9f-4925-af80-51abd60b20d5")  # the system provider
WINDOWS = sys.platform == "win32"
INFINITE = 0xFFFFFFFF
_TABLE = (
    "version",
    "name",
    "context",
    "CreateVssBackupComponents",
    "CreateVssExamineWriterMetadata",
    "IsVolumeSnapshotted",
    "VssFreeSnapshotProperties",
    "ShouldBlockRevert",
    "GetProviderMgmtInterface",
    "create_instance",
    "sys_alloc_string_len",
    "sys_free_string",
    "sys_string_len",
    "task_alloc",
    "task_free",
)
"""The head of `vsspy_platform` (csrc/com/platform.h), with VssApi's functions by their plain names."""


class Guids:
    """A GUID as it goes by value, and by reference."""

    def __init__(self, value: UUID) -> None:
        self.guid = Guid.of(value)

    @property
    def by_value(self) -> Any:
        """x64 Windows passes 16 bytes by a hidden pointer."""
        return self.by_pointer if WINDOWS else self.guid

    @property
    def by_pointer(self) -> ctypes.c_void_p:
        return ctypes.c_void_p(ctypes.addressof(self.guid))


class Platform:
    """The flat functions of a machine: of its platform table, and on Windows of the DLL that plays it."""

    def __init__(self, machine: simulator.Machine) -> None:
        self._capsule = machine._platform()  # makes the machine the DLL's, too
        if self._capsule is None:
            self._vssapi: Any = ctypes.CDLL("vssapi.dll")
            self._ole32: Any = ctypes.CDLL("ole32.dll")
            self._oleaut32: Any = ctypes.CDLL("oleaut32.dll")
            return
        get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
        get_pointer.restype = ctypes.c_void_p
        get_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
        address = get_pointer(self._capsule, b"vsspy.platform")
        assert address is not None
        self._table = ctypes.cast(address, ctypes.POINTER(ctypes.c_void_p))
        self._context = ctypes.c_void_p(self._table[_TABLE.index("context")])

    def call(self, name: str, *arguments: Any, result: Any = ctypes.c_int32) -> Any:
        """Call a function of VssApi by its plain name; the arguments have to be of ctypes."""
        if self._capsule is None:
            function = getattr(self._vssapi, f"{name}Internal")
            function.restype = result
            return function(*arguments)
        types = [type(argument) for argument in arguments]
        prototype = ctypes.CFUNCTYPE(result, ctypes.c_void_p, *types)
        address = self._table[_TABLE.index(name)]
        assert address is not None
        return prototype(address)(self._context, *arguments)

    def bstr(self, text: str) -> ctypes.c_void_p:
        """A new BSTR."""
        raw = text.encode("utf-16-le")
        buffer = ctypes.create_string_buffer(raw + b"\0\0")
        arguments = ctypes.c_void_p(ctypes.addressof(buffer)), ctypes.c_uint32(len(raw) // 2)
        if self._capsule is None:
            self._oleaut32.SysAllocStringLen.restype = ctypes.c_void_p
            return ctypes.c_void_p(self._oleaut32.SysAllocStringLen(*arguments))
        return ctypes.c_void_p(self.call("sys_alloc_string_len", *arguments, result=ctypes.c_void_p))

    def free_bstr(self, address: int | None) -> None:
        if self._capsule is None:
            self._oleaut32.SysFreeString(ctypes.c_void_p(address))
        else:
            self.call("sys_free_string", ctypes.c_void_p(address), result=None)

    def free_task_memory(self, address: int | None) -> None:
        if self._capsule is None:
            self._ole32.CoTaskMemFree(ctypes.c_void_p(address))
        else:
            self.call("task_free", ctypes.c_void_p(address), result=None)


class Out:
    """Room for whatever a method hands out, and the way to give it back."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.room = (ctypes.c_uint64 * 128)()

    @property
    def pointer(self) -> ctypes.c_void_p:
        return ctypes.c_void_p(ctypes.addressof(self.room))

    @property
    def address(self) -> int:
        """The pointer that was handed out."""
        return int(self.room[0])

    def object(self) -> RawObject:
        """The interface that was handed out."""
        return RawObject(self.kind.rstrip("*"), self.address)

    def give_back(self, platform: Platform, owner: RawObject | None) -> None:
        """Free what is in it, by the ownership rules of the specification."""
        if self.kind == "VSS_SNAPSHOT_PROP*":
            platform.call("VssFreeSnapshotProperties", self.pointer, result=None)
        elif not self.address:
            return
        elif self.kind == "BSTR*":
            platform.free_bstr(self.address)
        elif self.kind == "VSS_PWSZ*":
            platform.free_task_memory(self.address)
        elif self.kind == "PVSSCOMPONENTINFO*":
            assert owner is not None
            owner.slot(METHODS["IVssWMComponent"]["FreeComponentInfo"]["vtable_index"], ctypes.c_void_p(self.address))
        elif self.kind.startswith("I") and self.kind.endswith("**"):
            release(self.object())


def release(item: RawObject) -> None:
    """IUnknown::Release; IVssWriterComponentsExt has it in its second vtable."""
    if item.interface == "IVssWriterComponentsExt":
        RawObject("IUnknown", item.address + ctypes.sizeof(ctypes.c_void_p)).slot(2)
    else:
        item.slot(2)


#: Arguments that the defaults by type do not fit.
ARGUMENTS: dict[str, Any] = {
    "pwszVolumeName": "C:\\",
    "pwszDiffAreaVolumeName": "D:\\",
    "pwszOriginalVolumeName": "C:\\",
    "pwszVolume": "C:\\",
    "wszVolumeName": "C:\\",
    "pwszFilePath": "C:\\data",
    "QueriedObjectId": UUID(int=0),
    "eReturnedObjectsType": 3,
    "eSourceObjectType": 3,
    "ProviderId": UUID(int=0),
    "instanceId": UNKNOWN,
    "SnapshotId": UNKNOWN,
    "dwMilliseconds": INFINITE,
    "celt": 2,
    "wszPathFromRoot": None,
    "wszExpose": "X:",
    "cClassId": 1,
    "cInstanceId": 1,
    "lAttributes": 0x100000,  # EXPOSED_LOCALLY
    "lContext": 0,
}


class RawCall:
    """One call of a method: its arguments by name, those not named at a default that is valid by itself."""

    def __init__(self, platform: Platform, params: list[dict[str, Any]], given: dict[str, Any]) -> None:
        assert given.keys() <= {param["name"] for param in params}, given
        self.platform = platform
        self.outs: dict[str, Out] = {}
        self._held: list[Any] = []
        self._bstrs: list[ctypes.c_void_p] = []
        self.arguments = [self._argument(param, given) for param in params]

    def _argument(self, param: dict[str, Any], given: dict[str, Any]) -> Any:
        kind, name = param["type"], param["name"]
        value = given[name] if name in given else ARGUMENTS.get(name, _MISSING)
        if value is None:
            return ctypes.c_int64(0) if kind == "LONGLONG" else ctypes.c_void_p(None)
        if param["dir"] == "out" or kind.endswith("**"):
            self.outs[name] = Out(kind)
            return self.outs[name].pointer
        if kind == "INT*":
            return ctypes.c_void_p(None)  # reserved
        if kind in ("VSS_ID", "IID", "REFIID", "const VSS_ID*"):
            guid = Guids(UNKNOWN if value is _MISSING else value)
            self._held.append(guid)
            return guid.by_value if kind in ("VSS_ID", "IID") else guid.by_pointer
        if kind in ("LPCWSTR", "VSS_PWSZ"):
            text = ctypes.create_string_buffer(("x" if value is _MISSING else value).encode("utf-16-le") + b"\0\0")
            self._held.append(text)
            return ctypes.c_void_p(ctypes.addressof(text))
        if kind == "BSTR":
            self._bstrs.append(self.platform.bstr("x" if value is _MISSING else value))
            return self._bstrs[-1]
        if kind == "bool":
            return ctypes.c_bool(value is not _MISSING and value)
        number = 1 if value is _MISSING and kind.startswith("VSS_") else 0 if value is _MISSING else int(value)
        if kind in ("LONGLONG", "FILETIME"):  # a FILETIME by value is 8 bytes in a register
            return ctypes.c_int64(number)
        return ctypes.c_uint8(number) if kind == "BYTE" else ctypes.c_uint32(number & 0xFFFFFFFF)

    def end(self, owner: RawObject | None, hresult: int, keep: bool) -> None:
        """Free the arguments, and, unless they are to be kept, the results of a call that succeeded."""
        for each in self._bstrs:
            self.platform.free_bstr(each.value)
        if not keep and not hresult & 0x80000000:
            for out in self.outs.values():
                out.give_back(self.platform, owner)


_MISSING: Any = object()


class Requester:
    """A foreign requester: it holds interface pointers by interface, and calls their methods by name."""

    def __init__(self, scene: Scene) -> None:
        self.platform = Platform(scene.machine)
        self.objects: dict[str, RawObject] = {}
        self._scene = scene

    def hold(self, item: RawObject, *interfaces: str) -> None:
        """Keep an interface to the end of the scene, also by the names of others that the pointer is good for."""
        assert item.address
        self._scene.stack.callback(release, item)
        for name in (item.interface, *interfaces):
            self.objects[name] = RawObject(name, item.address)

    def call(self, method: str, **given: Any) -> int:
        """The HRESULT of ``Interface::Method`` or of an entry point; its results are given back."""
        return self._call(method, given, keep=False)[0]

    def get(self, method: str, **given: Any) -> dict[str, Out]:
        """What a call hands out; it has to succeed."""
        hresult, outs = self._call(method, given, keep=True)
        assert not hresult & 0x80000000, f"{method}: 0x{hresult:08X}"
        return outs

    def take(self, method: str, *interfaces: str, **given: Any) -> None:
        """Hold the one interface that a call hands out."""
        self.hold(next(o.object() for o in self.get(method, **given).values() if o.kind.endswith("**")), *interfaces)

    def finish(self, method: str) -> None:
        """Run an asynchronous method to its end."""
        operation = next(iter(self.get(method).values())).object()
        operation.slot(METHODS["IVssAsync"]["Wait"]["vtable_index"], ctypes.c_uint32(INFINITE))
        release(operation)

    def query_interface(self, interface: str, *of: str) -> None:
        """Hold another interface of an object that is held."""
        guid, out = Guids(UUID(INTERFACES[interface]["iid"])), Out(f"{interface}**")
        source = next(self.objects[name] for name in of if name in self.objects)
        if source.slot(0, guid.by_pointer, out.pointer) == 0:
            self.hold(out.object())

    def _call(self, method: str, given: dict[str, Any], keep: bool) -> tuple[int, dict[str, Out]]:
        interface, _, name = method.rpartition("::")
        if not interface:
            return self._flat(name, given, keep)
        owner = self.objects[interface]
        specification = METHODS[interface][name]
        call = RawCall(self.platform, specification["params"], given)
        hresult = owner.slot(specification["vtable_index"], *call.arguments)
        call.end(owner, hresult, keep)
        return hresult, call.outs

    def _flat(self, name: str, given: dict[str, Any], keep: bool) -> tuple[int, dict[str, Out]]:
        from .model import METHODS as ALL

        call = RawCall(self.platform, ALL[name]["params"], given)
        arguments = call.arguments
        if not WINDOWS and name == "GetProviderMgmtInterface":  # the table takes both ids by pointer
            arguments = [a if isinstance(a, ctypes.c_void_p) else _address_of(a) for a in arguments]
        hresult = int(self.platform.call(name, *arguments)) & 0xFFFFFFFF
        call.end(None, hresult, keep)
        return hresult, call.outs


def _address_of(value: Any) -> ctypes.c_void_p:
    return ctypes.c_void_p(ctypes.addressof(value))


def new_requester(scene: Scene) -> Requester:
    """One with a new IVssBackupComponents in all the forms that the machine has."""
    requester = Requester(scene)
    requester.take("CreateVssBackupComponents")
    for name in ("Ex", "Ex2", "Ex3", "Ex4"):
        requester.query_interface(f"IVssBackupComponents{name}", "IVssBackupComponents")
    return requester


@stage("raw new")
def raw_new(s: Scene) -> None:
    """An IVssBackupComponents that is not initialised."""
    s.raw = new_requester(s)


@stage("raw backup")
def raw_backup(s: Scene) -> None:
    """One for a backup, gathered; with one component, and an enumeration of the providers."""
    raw_new(s)
    b = "IVssBackupComponents"
    s.raw.call(f"{b}::InitializeForBackup", bstrXML=None)
    s.raw.call(f"{b}::SetBackupState", bSelectComponents=True, backupType=5)
    s.raw.finish(f"{b}::GatherWriterMetadata")
    s.raw.finish(f"{b}::GatherWriterStatus")
    s.raw.take(f"{b}::Query", eReturnedObjectsType=4)
    s.raw.call("IVssEnumObject::Skip", celt=1000)  # so that nothing is handed out but pointers


@stage("raw restore")
def raw_restore(s: Scene) -> None:
    """One for a restore, gathered, with an object of every interface that can be reached from it."""
    raw_new(s)
    b, e, c = "IVssBackupComponents", "IVssExamineWriterMetadata", "IVssWMComponent"
    assert s.raw.call(f"{b}::InitializeForRestore", bstrXML=DOCUMENT) == 0
    s.raw.finish(f"{b}::GatherWriterMetadata")
    s.raw.finish(f"{b}::GatherWriterStatus")
    s.raw.take(f"{b}::GatherWriterStatus")
    s.raw.call("IVssAsync::Wait")
    s.raw.take(f"{b}::GetWriterMetadata", iWriter=0)
    s.raw.query_interface(f"{e}Ex", e)
    s.raw.query_interface(f"{e}Ex2", e)
    s.raw.take(f"{e}::GetComponent", iComponent=0)
    s.raw.take(f"{c}::GetFile", iFile=0)
    s.raw.take(f"{c}::GetDependency", iDependency=0)
    s.raw.take(f"{b}::GetWriterComponents", "IVssWriterComponents", iWriter=0)
    s.raw.take("IVssWriterComponents::GetComponent", iComponent=0)
    s.raw.query_interface("IVssComponentEx", "IVssComponent")
    s.raw.query_interface("IVssComponentEx2", "IVssComponent")


@stage("raw areas")
def raw_areas(s: Scene) -> None:
    """The interface for storage areas, by the flat entry point."""
    s.raw = Requester(s)
    d = "IVssDifferentialSoftwareSnapshotMgmt"
    out = s.raw.get("GetProviderMgmtInterface", ProviderId=PROVIDER, InterfaceId=UUID(INTERFACES[d]["iid"]))["ppItf"]
    s.raw.hold(RawObject(d, out.address))
    s.raw.query_interface(f"{d}2", d)
    s.raw.query_interface(f"{d}3", d)


def raw_stage(method: str) -> str:
    """The raw stage that has the object of a method."""
    interface = method.rpartition("::")[0]
    if not interface:
        return "raw new"
    if interface.startswith("IVssDifferential"):
        return "raw areas"
    return "raw backup" if interface == "IVssEnumObject" else "raw restore"
