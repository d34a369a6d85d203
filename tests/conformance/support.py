"""What the conformance tests share: a simulated server, the states of a backup by name, and raw access to the vtable."""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import vsspy
from vsspy import simulator
from vsspy._codes import CODES

API: dict[str, Any] = json.loads((Path(__file__).parent.parent / "data" / "vss_api.json").read_text(encoding="utf-8"))
INTERFACES: dict[str, dict[str, Any]] = {interface["name"]: interface for interface in API["interfaces"]}
METHODS: dict[str, dict[str, dict[str, Any]]] = {
    name: {method["name"]: method for method in interface["methods"]} for name, interface in INTERFACES.items()
}

S_OK = 0
E_INVALIDARG = 0x80070057
E_UNEXPECTED = 0x8000FFFF
BAD_STATE = CODES["VSS_E_BAD_STATE"]

TIMEOUT = 60.0  # seconds: an operation that takes longer hangs

ONE_ID = UUID("11111111-2222-3333-4444-000000000001")
TWO_ID = UUID("11111111-2222-3333-4444-000000000002")
ONE_INSTANCE = UUID("66666666-7777-8888-9999-000000000001")
TWO_INSTANCE = UUID("66666666-7777-8888-9999-000000000002")
FILEGROUP = vsspy.ComponentType.FILEGROUP

#: A Backup Components Document to initialise a restore with (vss_xml.md 3.6).
DOCUMENT = (
    '<BACKUP_COMPONENTS xmlns="x-schema:#VssComponentMetadata" version="1.2" bootableSystemStateBackup="no" '
    'selectComponents="yes" backupType="full" partialFileSupport="no" '
    'snapshotSetId="01234567-89ab-cdef-0123-456789abcdef"><WRITER_COMPONENTS instanceId="' + str(ONE_INSTANCE) + '" '
    'writerId="' + str(ONE_ID) + '" backupSchema="0"><COMPONENT componentName="data" componentType="filegroup"/>'
    "</WRITER_COMPONENTS></BACKUP_COMPONENTS>"
)


def code(name: str) -> int:
    """The value of a code of VSS or COM by its name."""
    return {"S_OK": S_OK, "E_INVALIDARG": E_INVALIDARG, "E_UNEXPECTED": E_UNEXPECTED, **CODES}[name]


def writer(
    name: str = "One Writer", *, components: Sequence[str] = ("data", "more"), **options: Any
) -> simulator.Writer:
    """A writer whose selectable components have one folder each: component `data` the files below `C:\\data`."""
    ids = {"One Writer": (ONE_ID, ONE_INSTANCE), "Two Writer": (TWO_ID, TWO_INSTANCE)}[name]
    return simulator.Writer(
        name,
        writer_id=ids[0],
        instance_id=ids[1],
        components=[
            simulator.Component(
                component,
                selectable=True,
                files=[simulator.FileSet(f"C:\\{component}", "*", recursive=True)],
            )
            for component in components
        ],
        **options,
    )


def volume(folder: Path) -> Path:
    """A folder that plays volume `C:\\`, with the files of the writers' components."""
    for component in ("data", "more"):
        (folder / component).mkdir(parents=True)
        (folder / component / "file.txt").write_text(component, encoding="ascii")
    return folder


@contextlib.contextmanager
def server(
    folder: Path,
    *,
    writers: Sequence[simulator.Writer] | None = None,
    faults: Sequence[simulator.Fault] = (),
    volumes: Mapping[str, Path] | None = None,
    **options: Any,
) -> Iterator[simulator.Machine]:
    """A simulated server with `C:\\` and two writers in `folder`; afterwards nobody may hold one of its objects."""
    chosen = {"C:\\": folder / "C"} if volumes is None else dict(volumes)
    for place in chosen.values():
        if not place.exists():
            volume(place)
    with simulator.running(
        volumes=chosen,
        writers=[writer(), writer("Two Writer")] if writers is None else writers,
        faults=faults,
        state=folder / "state",
        **options,
    ) as machine:
        yield machine
        assert machine.live_objects == 0, machine.live()


def wait(operation: vsspy.AsyncOperation) -> None:
    """Waits for an operation and lets it go."""
    with operation:
        operation.wait(timeout=TIMEOUT)


def events(machine: simulator.Machine, name: str = "One Writer") -> list[str]:
    """The events that a writer got, in order."""
    return [entry.name.removeprefix(f"{name}::") for entry in machine.trace if entry.name.startswith(f"{name}::")]


def statuses(components: vsspy.BackupComponents) -> dict[str, vsspy.WriterStatus]:
    """Every writer's status, gathered, read and freed."""
    wait(components.gather_writer_status())
    found = {status.name: status for status in components.writer_status}
    components.free_writer_status()
    return found


def one_status(components: vsspy.BackupComponents) -> tuple[vsspy.WriterState | int, int]:
    """State and failure of the first writer."""
    status = statuses(components)["One Writer"]
    return status.state, status.failure


def states(components: vsspy.BackupComponents) -> dict[str, vsspy.WriterState]:
    """Every writer's state by name."""
    return {name: status.state for name, status in statuses(components).items()}


# The states of semantics 2.1, in the order in which a backup passes them. A state that ends in -ing has its operation
# under way until the test is over.


class Backup:
    """One requester's backup, with the operation that is under way."""

    def __init__(self, components: vsspy.BackupComponents) -> None:
        self.components = components
        self.pending: vsspy.AsyncOperation | None = None
        self.set_id: UUID | None = None
        self.shadow_id: UUID | None = None

    def add(self, component: str = "data") -> None:
        """Adds a component of the first writer."""
        self.components.add_component(ONE_INSTANCE, ONE_ID, FILEGROUP, None, component)

    def succeeded(self, component: str, flag: bool) -> None:
        """Reports whether a component of the first writer was saved."""
        self.components.set_backup_succeeded(ONE_INSTANCE, ONE_ID, FILEGROUP, None, component, flag)

    def to_init(self) -> None:
        self.components.initialize_for_backup()

    def to_state(self) -> None:
        self.to_init()
        self.components.set_backup_state(True, False, vsspy.BackupType.FULL)

    def to_gathering(self) -> None:
        self.to_state()
        self.pending = self.components.gather_writer_metadata()

    def to_gathered(self) -> None:
        self.to_state()
        wait(self.components.gather_writer_metadata())

    def to_freed(self) -> None:
        self.to_gathered()
        self.components.free_writer_metadata()

    def to_set(self) -> None:
        self.to_gathered()
        self.add()
        self.set_id = self.components.start_snapshot_set()
        self.shadow_id = self.components.add_to_snapshot_set("C:\\")

    def to_preparing(self) -> None:
        self.to_set()
        self.pending = self.components.prepare_for_backup()

    def to_prepared(self) -> None:
        self.to_set()
        wait(self.components.prepare_for_backup())

    def to_snapping(self) -> None:
        self.to_prepared()
        self.pending = self.components.do_snapshot_set()

    def to_snapped(self) -> None:
        self.to_prepared()
        wait(self.components.do_snapshot_set())

    def to_snap_failed(self) -> None:
        self.to_prepared()
        with self.components.do_snapshot_set() as operation, contextlib.suppress(vsspy.VssError):
            operation.wait(timeout=TIMEOUT)
            raise AssertionError("DoSnapshotSet was to fail")

    def to_completing(self) -> None:
        self.to_snapped()
        self.pending = self.components.backup_complete()

    def to_done(self) -> None:
        self.to_snapped()
        wait(self.components.backup_complete())

    def to_aborted(self) -> None:
        self.to_prepared()
        self.components.abort_backup()

    def to_new(self) -> None:
        pass


#: What makes an operation last, or fail, so that its state can be looked at.
STATE_FAULTS: dict[str, simulator.Fault] = {
    "gathering": simulator.Fault("IVssBackupComponents::GatherWriterMetadata", delay=math.inf, nth=1),
    "preparing": simulator.Fault("IVssBackupComponents::PrepareForBackup", delay=math.inf, nth=1),
    "snapping": simulator.Fault("IVssBackupComponents::DoSnapshotSet", delay=math.inf, nth=1),
    "snap_failed": simulator.Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_INSUFFICIENT_STORAGE", nth=1),
    "completing": simulator.Fault("IVssBackupComponents::BackupComplete", delay=math.inf, nth=1),
}
STATES = (
    "new",
    "init",
    "state",
    "gathering",
    "gathered",
    "freed",
    "set",
    "preparing",
    "prepared",
    "snapping",
    "snapped",
    "snap_failed",
    "completing",
    "done",
    "aborted",
)


@contextlib.contextmanager
def backup_in(state: str, folder: Path, **options: Any) -> Iterator[tuple[simulator.Machine, Backup]]:
    """A server and a backup on it that is in one of STATES; in the end both are cleaned up."""
    fault = STATE_FAULTS.get(state)
    with server(folder, faults=[fault] if fault else [], **options) as machine, vsspy.BackupComponents() as components:
        backup = Backup(components)
        getattr(backup, f"to_{state}")()
        try:
            yield machine, backup
        finally:
            if backup.pending is not None:
                with backup.pending as operation:
                    operation.cancel()
                    with contextlib.suppress(vsspy.VssError):
                        operation.wait(timeout=TIMEOUT)


# Raw access: what a requester in another language does, a NULL pointer included.


class _Platform(ctypes.Structure):
    """The head of `vsspy_platform` (csrc/com/platform.h)."""

    _fields_ = [
        ("version", ctypes.c_uint32),
        ("name", ctypes.c_char_p),
        ("context", ctypes.c_void_p),
        ("create_backup_components", ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)),
        ("create_examine_writer_metadata", ctypes.c_void_p),
        ("is_volume_snapshotted", ctypes.c_void_p),
        ("free_snapshot_properties", ctypes.c_void_p),
        ("should_block_revert", ctypes.c_void_p),
        ("get_provider_mgmt_interface", ctypes.c_void_p),
        ("create_instance", ctypes.c_void_p),
        (
            "sys_alloc_string_len",
            ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32),
        ),
        ("sys_free_string", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)),
    ]


class Guid(ctypes.Structure):
    """A VSS_ID; `of` makes one."""

    _fields_ = [("bytes", ctypes.c_uint8 * 16)]

    @classmethod
    def of(cls, value: UUID) -> Self:
        return cls.from_buffer_copy(value.bytes_le)


def _text(value: str) -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(value.encode("utf-16-le") + b"\0\0")


class RawObject:
    """A COM object's address; `call` goes through its vtable, with the slots of vss_api.json."""

    def __init__(self, interface: str, address: int) -> None:
        self.interface = interface
        self.address = address

    def slot(self, index: int, *arguments: Any) -> int:
        """Calls the function in a slot; integers are passed as they are, other arguments have to be of ctypes."""
        vtable = ctypes.cast(self.address, ctypes.POINTER(ctypes.c_void_p))[0]
        function = ctypes.cast(ctypes.c_void_p(vtable), ctypes.POINTER(ctypes.c_void_p))[index]
        assert function is not None
        types = [type(argument) for argument in arguments]
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, *types)
        return int(prototype(function)(self.address, *arguments)) & 0xFFFFFFFF

    def call(self, method: str, *arguments: Any) -> int:
        """The HRESULT of a method. A UUID goes by value, text as a wide string, None as a NULL pointer."""
        parameters = METHODS[self.interface][method]["params"]
        assert len(parameters) == len(arguments), method
        held: list[Any] = []
        converted = [self._convert(p["type"], value, held) for p, value in zip(parameters, arguments, strict=True)]
        return self.slot(METHODS[self.interface][method]["vtable_index"], *converted)

    @staticmethod
    def _convert(kind: str, value: Any, held: list[Any]) -> Any:
        if isinstance(value, UUID):
            guid = Guid.of(value)
            held.append(guid)
            # x64 Windows passes 16 bytes by a hidden pointer
            return ctypes.c_void_p(ctypes.addressof(guid)) if sys.platform == "win32" else guid
        if isinstance(value, str):
            held.append(_text(value))
            return ctypes.c_void_p(ctypes.addressof(held[-1]))
        if value is None:
            return ctypes.c_void_p(None)
        if isinstance(value, bool):
            return ctypes.c_bool(value) if kind == "bool" else ctypes.c_int32(value)
        if isinstance(value, int):
            return ctypes.c_uint32(value & 0xFFFFFFFF)
        return ctypes.c_void_p(ctypes.addressof(value))

    def start(self, method: str) -> RawObject:
        """Starts an asynchronous method, which has to work, and gives the IVssAsync."""
        out = ctypes.c_void_p()
        assert self.call(method, out) == S_OK
        assert out.value
        return RawObject("IVssAsync", out.value)

    def finish(self, method: str) -> int:
        """Runs an asynchronous method to its end; the HRESULT of its start or of its result."""
        out = ctypes.c_void_p()
        if hresult := self.call(method, out):
            assert not out.value, f"{method} failed and gave an object all the same"
            return hresult
        assert out.value
        with RawObject("IVssAsync", out.value) as operation:
            assert operation.call("Wait", 0xFFFFFFFF) == S_OK
            return operation.status()

    def status(self) -> int:
        """What an IVssAsync's QueryStatus gives."""
        result = ctypes.c_int32()
        assert self.call("QueryStatus", result, None) == S_OK
        return result.value & 0xFFFFFFFF

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.slot(2)  # IUnknown::Release


class RawPlatform:
    """A machine's entry points as a foreign requester has them."""

    def __init__(self, machine: simulator.Machine) -> None:
        self._capsule = machine._platform()  # keeps the table
        if self._capsule is None:
            self._library: Any = ctypes.CDLL("vssapi.dll")
            self._oleaut32: Any = ctypes.CDLL("oleaut32.dll")
            return
        get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
        get_pointer.restype = ctypes.c_void_p
        get_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
        self._table = _Platform.from_address(get_pointer(self._capsule, b"vsspy.platform"))

    def backup_components(self) -> RawObject:
        """An IVssBackupComponents*; a context manager that releases it."""
        out = ctypes.c_void_p()
        if self._capsule is None:
            hresult = self._library.CreateVssBackupComponentsInternal(ctypes.byref(out))
        else:
            hresult = self._table.create_backup_components(self._table.context, ctypes.addressof(out))
        assert hresult == S_OK
        assert out.value
        return RawObject("IVssBackupComponents", out.value)

    @contextlib.contextmanager
    def bstr(self, text: str) -> Iterator[ctypes.c_void_p]:
        """A BSTR for as long as the block lasts, in the shape that `RawObject.slot` takes."""
        characters = _text(text)
        length = len(text.encode("utf-16-le")) // 2
        if self._capsule is None:
            allocate: Callable[..., Any] = self._oleaut32.SysAllocStringLen
            self._oleaut32.SysAllocStringLen.restype = ctypes.c_void_p
            address = allocate(characters, ctypes.c_uint(length))
        else:
            address = self._table.sys_alloc_string_len(self._table.context, ctypes.addressof(characters), length)
        try:
            yield ctypes.c_void_p(address)
        finally:
            self.free_bstr(address)

    def free_bstr(self, address: int) -> None:
        """Frees a BSTR that a call gave."""
        if self._capsule is None:
            self._oleaut32.SysFreeString(ctypes.c_void_p(address))
        else:
            self._table.sys_free_string(self._table.context, address)


@contextlib.contextmanager
def raw_restore(machine: simulator.Machine) -> Iterator[RawObject]:
    """An IVssBackupComponents* that was initialised for a restore, which level 1 does not do yet."""
    platform = RawPlatform(machine)
    with platform.backup_components() as raw, platform.bstr(DOCUMENT) as document:
        slot = METHODS["IVssBackupComponents"]["InitializeForRestore"]["vtable_index"]
        assert raw.slot(slot, document) == S_OK
        yield raw
