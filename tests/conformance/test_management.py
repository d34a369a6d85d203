"""The objects that manage shadow copies: which interfaces they have, and what they say to wrong arguments."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from support import E_INVALIDARG, INTERFACES, METHODS, S_OK, Guid, RawObject, RawPlatform, server

import vsspy
from vsspy import simulator
from vsspy.enums import ProtectionLevel, SnapshotContext

MANAGEMENT = "IVssSnapshotMgmt"
DIFFERENTIAL = "IVssDifferentialSoftwareSnapshotMgmt"
ENUMERATION = "IVssEnumMgmtObject"
CLASS_ID = UUID("0b5a2c52-3eb9-470a-96e2-6c6d4570e40f")
PROVIDER = UUID("b5946137-7b9f-4925-af80-51abd60b20d5")
IUNKNOWN = UUID("00000000-0000-0000-c000-000000000046")
UNKNOWN = UUID("0badc0de-0000-0000-0000-000000000000")
E_POINTER = 0x80004003
E_NOTIMPL = 0x80004001
E_NOINTERFACE = 0x80004002
MEGABYTE = 1 << 20
INPROC_SERVER = 1


def iid(interface: str) -> UUID:
    return UUID(INTERFACES[interface]["iid"])


def by_address(value: UUID) -> ctypes.c_void_p:
    guid = Guid.of(value)
    pointer = ctypes.c_void_p(ctypes.addressof(guid))
    pointer.guid = guid  # type: ignore[attr-defined]  # lives as long as its address
    return pointer


def create(machine: simulator.Machine, clsid: UUID, interface: UUID) -> tuple[int, int | None]:
    """CoCreateInstance as the platform has it: the HRESULT and the object's address."""
    platform = RawPlatform(machine)
    out = ctypes.c_void_p(1)
    arguments = by_address(clsid), by_address(interface)
    if sys.platform == "win32":
        vsspy.SnapshotManagement().close()  # makes this thread one of the multithreaded apartment
        function: Any = ctypes.WinDLL("ole32").CoCreateInstance
        hresult = function(arguments[0], None, INPROC_SERVER, arguments[1], ctypes.byref(out))
    else:
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 4)
        table = platform._table
        hresult = prototype(table.create_instance)(table.context, *arguments, ctypes.addressof(out))
    return hresult & 0xFFFFFFFF, out.value


def query(raw: RawObject, interface: str, as_interface: UUID | None = None) -> RawObject | None:
    """IUnknown::QueryInterface."""
    out = ctypes.c_void_p(1)
    hresult = raw.slot(0, by_address(as_interface or iid(interface)), ctypes.c_void_p(ctypes.addressof(out)))
    assert hresult in (S_OK, E_NOINTERFACE)
    assert (hresult == S_OK) == bool(out.value)
    return RawObject(interface, out.value) if out.value else None


def argument(kind: str, held: list[Any], value: Any = None) -> Any:
    """A good argument of a type, as ctypes passes it; `value` instead where it is given."""
    if kind == "VSS_PWSZ":
        held.append(ctypes.create_string_buffer((value or "C:\\").encode("utf-16-le") + b"\0\0"))
        return ctypes.c_void_p(ctypes.addressof(held[-1]))
    if kind in ("VSS_ID", "REFIID"):
        pointer = by_address(value or (PROVIDER if kind == "VSS_ID" else iid(DIFFERENTIAL)))
        held.append(pointer)
        return pointer if kind == "REFIID" or sys.platform == "win32" else pointer.guid  # type: ignore[attr-defined]
    if kind.endswith("*"):
        held.append(ctypes.create_string_buffer(256))
        return ctypes.c_void_p(ctypes.addressof(held[-1]))
    number = {"LONGLONG": ctypes.c_int64, "BYTE": ctypes.c_uint8, "ULONG": ctypes.c_uint32}.get(kind, ctypes.c_int32)
    return number(-1 if value is None and kind == "LONGLONG" else value or 0)


def call(raw: RawObject, method: str, **values: Any) -> int:
    """Calls a method with good arguments but for those named; NULL stands for a NULL pointer."""
    held: list[Any] = []
    arguments = []
    for parameter in METHODS[raw.interface][method]["params"]:
        value = values.get(parameter["name"])
        null = value == "NULL"
        arguments.append(ctypes.c_void_p(None) if null else argument(parameter["type"], held, value))
    return raw.slot(METHODS[raw.interface][method]["vtable_index"], *arguments)


@contextmanager
def raw_objects(folder: Path) -> Iterator[dict[str, RawObject]]:
    """Every interface of management by name, with C: stored on C:."""
    with server(folder) as machine:
        machine.set_volume_qualities("C:\\", total_space=1 << 40, free_space=1 << 40)
        hresult, address = create(machine, CLASS_ID, iid(MANAGEMENT))
        assert hresult == S_OK
        assert address is not None
        objects = [RawObject(MANAGEMENT, address)]
        objects += [found for found in [query(objects[0], f"{MANAGEMENT}2")] if found]
        held: list[Any] = []
        out = ctypes.c_void_p()
        slot = METHODS[MANAGEMENT]["GetProviderMgmtInterface"]["vtable_index"]
        arguments = argument("VSS_ID", held), argument("REFIID", held), ctypes.c_void_p(ctypes.addressof(out))
        assert objects[0].slot(slot, *arguments) == S_OK
        assert out.value
        first = RawObject(DIFFERENTIAL, out.value)
        objects.append(first)
        objects += [found for name in "23" if (found := query(first, f"{DIFFERENTIAL}{name}"))]
        assert call(first, "AddDiffArea") == S_OK
        found_areas = ctypes.c_void_p()
        slot = METHODS[DIFFERENTIAL]["QueryDiffAreasForVolume"]["vtable_index"]
        assert first.slot(slot, argument("VSS_PWSZ", held), ctypes.c_void_p(ctypes.addressof(found_areas))) == S_OK
        assert found_areas.value
        objects.append(RawObject(ENUMERATION, found_areas.value))
        try:
            yield {each.interface: each for each in objects}
        finally:
            for each in objects:
                each.slot(2)


# --- interfaces ---------------------------------------------------------------------------------------------------------


def test_one_object_with_two_interfaces(tmp_path: Path) -> None:
    """IUnknown of both is the same pointer, and either leads to the other."""
    with raw_objects(tmp_path) as objects:
        first, second = objects[MANAGEMENT], objects[f"{MANAGEMENT}2"]
        identities = [query(each, MANAGEMENT, IUNKNOWN) for each in (first, second)]
        back = [query(second, MANAGEMENT), query(first, f"{MANAGEMENT}2"), query(second, f"{MANAGEMENT}2")]
        assert [each and each.address for each in identities] == [first.address] * 2
        assert [each and each.address for each in back] == [first.address, second.address, second.address]
        for each in [*identities, *back]:
            assert each is not None
            each.slot(2)
        assert query(first, DIFFERENTIAL) is None
        assert query(second, MANAGEMENT, UNKNOWN) is None


def test_classes_and_interfaces_that_are_not_there(tmp_path: Path) -> None:
    with server(tmp_path) as machine:
        assert create(machine, UNKNOWN, iid(MANAGEMENT)) == (0x80040154, None)  # REGDB_E_CLASSNOTREG
        assert create(machine, CLASS_ID, iid(DIFFERENTIAL)) == (E_NOINTERFACE, None)


@pytest.mark.parametrize("level", ["xp", "vista", "7", "8"])
def test_old_systems_lack_interfaces(tmp_path: Path, level: Any) -> None:
    """min_os of the reference pages: 2 came with Windows Vista, 3 with Server 2008."""
    with (
        server(tmp_path, level=level),
        vsspy.SnapshotManagement() as management,
        management.get_provider_mgmt_interface() as areas,
    ):
        calls: dict[str, Callable[[], object]] = {
            f"{MANAGEMENT}2": management.get_min_diff_area_size,
            f"{DIFFERENTIAL}2": lambda: areas.change_diff_area_maximum_size_ex("C:\\", "C:\\", None, False),
            f"{DIFFERENTIAL}3": lambda: areas.set_volume_protect_level("C:\\", ProtectionLevel.SNAPSHOT),
        }
        areas.add_diff_area("C:\\", "C:\\", None)
        for interface, method in calls.items():
            if level == "xp":
                with pytest.raises(vsspy.NotSupportedError, match=f"this system has no {interface}"):
                    method()
            else:
                method()


def test_providers(tmp_path: Path) -> None:
    """Only the system provider can be managed; a hardware provider is known, and has no such interface."""
    hardware = UUID("4a1d7c6e-90b2-4f35-8c1e-5d02f67a33b4")
    for has_hardware, refusal in ((False, vsspy.ProviderNotRegisteredError), (True, vsspy.NotSupportedError)):
        options: dict[str, Any] = {"hardware_provider": True} if has_hardware else {}
        with server(tmp_path / str(has_hardware), **options), vsspy.SnapshotManagement() as management:
            with management.get_provider_mgmt_interface(PROVIDER), vsspy.DifferentialSnapshotManagement(PROVIDER):
                pass
            with pytest.raises(refusal):
                management.get_provider_mgmt_interface(hardware)
            with pytest.raises(refusal):
                vsspy.DifferentialSnapshotManagement(hardware)
            for provider in (UNKNOWN, UUID(int=0)):
                with pytest.raises(vsspy.ProviderNotRegisteredError):
                    management.get_provider_mgmt_interface(provider)
            with pytest.raises(vsspy.ProviderNotRegisteredError):
                management.query_snapshots_by_volume("C:\\", UNKNOWN)
            with pytest.raises(vsspy.ProviderNotRegisteredError):
                management.query_volumes_supported_for_snapshots(SnapshotContext.BACKUP, UNKNOWN)
            with management.query_snapshots_by_volume("C:\\", UUID(int=0)) as found:  # all of them
                assert list(found) == []


# --- arguments ----------------------------------------------------------------------------------------------------------

POINTERS = [
    (interface, method, parameter["name"])
    for interface in INTERFACES
    if "Mgmt" in interface
    for method, description in METHODS[interface].items()
    for parameter in description["params"]
    if parameter["type"] == "VSS_PWSZ" or parameter["type"].endswith("*")
]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, RawObject]]:
    with raw_objects(tmp_path_factory.mktemp("server")) as made:
        yield made


@pytest.mark.parametrize(("interface", "method", "parameter"), POINTERS, ids="-".join)
def test_a_null_pointer(objects: dict[str, RawObject], interface: str, method: str, parameter: str) -> None:
    """Arguments are checked first (semantics 1.6), also of what is reserved."""
    raw = objects[interface]
    if (interface, parameter) == (ENUMERATION, "pceltFetched"):
        assert call(raw, method, celt=2, pceltFetched="NULL") == E_POINTER
        return
    expected = E_POINTER if interface == ENUMERATION else E_INVALIDARG
    assert call(raw, method, **{parameter: "NULL"}) == expected


NAMES = [(interface, method, name) for interface, method, name in POINTERS if "Name" in name]


@pytest.mark.parametrize(("interface", "method", "parameter"), NAMES, ids="-".join)
def test_names_of_volumes(objects: dict[str, RawObject], interface: str, method: str, parameter: str) -> None:
    """The final backslash is mandatory (semantics 7.1), and an unknown volume is not found."""
    raw = objects[interface]
    assert call(raw, method, **{parameter: "C:"}) == E_INVALIDARG
    reserved = method in ("MigrateDiffAreas", "QueryMigrationStatus")
    assert call(raw, method, **{parameter: "Q:\\"}) == (E_NOTIMPL if reserved else 0x80042308)


def test_reserved_methods(objects: dict[str, RawObject]) -> None:
    for interface, method in (
        (f"{DIFFERENTIAL}2", "MigrateDiffAreas"),
        (f"{DIFFERENTIAL}2", "QueryMigrationStatus"),
        (f"{DIFFERENTIAL}2", "SetSnapshotPriority"),
        (f"{DIFFERENTIAL}3", "QuerySnapshotDeltaBitmap"),
    ):
        assert call(objects[interface], method) == E_NOTIMPL


def test_reserved_methods_through_python(tmp_path: Path) -> None:
    with server(tmp_path), vsspy.DifferentialSnapshotManagement() as areas:
        for reserved in (
            lambda: areas.migrate_diff_areas("C:\\", "C:\\", "C:\\"),
            lambda: areas.query_migration_status("C:\\", "C:\\"),
            lambda: areas.set_snapshot_priority(UNKNOWN, 1),
            lambda: areas.query_snapshot_delta_bitmap(UNKNOWN, UNKNOWN),
        ):
            with pytest.raises(vsspy.NotSupportedError):
                reserved()


def test_contexts(tmp_path: Path) -> None:
    with server(tmp_path), vsspy.SnapshotManagement() as management:
        for context in SnapshotContext:
            management.query_volumes_supported_for_snapshots(context).close()
        for bad in (0x12345, 0x1, SnapshotContext.BACKUP | 0x60000):
            with pytest.raises(vsspy.InvalidArgumentError):
                management.query_volumes_supported_for_snapshots(bad)


# --- the enumerator -------------------------------------------------------------------------------------------------------


@contextmanager
def three_volumes(folder: Path, **options: Any) -> Iterator[tuple[simulator.Machine, vsspy.SnapshotManagement]]:
    volumes = {f"{letter}:\\": folder / letter for letter in "CDE"}
    with server(folder, volumes=volumes, **options) as machine, vsspy.SnapshotManagement() as management:
        yield machine, management


def test_enumeration(tmp_path: Path) -> None:
    with three_volumes(tmp_path) as (_, management):
        with management.query_volumes_supported_for_snapshots(SnapshotContext.BACKUP) as found:
            assert [each.display_name for each in found.next(2)] == ["C:\\", "D:\\"]
            with found.clone() as clone:
                assert [each.display_name for each in clone] == ["E:\\"]
            assert [each.display_name for each in found.next(2)] == ["E:\\"]
            assert found.next(1) == []
            found.reset()
            assert found.skip(2) is True
            assert found.skip(2) is False
            found.reset()
            names = [each.volume_name for each in found]
        assert len(set(names)) == 3
        for name in names:  # a name that is given is a name that is taken
            with management.query_snapshots_by_volume(name) as copies:
                assert list(copies) == []


def test_a_failing_next_takes_everything_back(tmp_path: Path) -> None:
    """Its elements come again, and nothing of what it had filled in is left in memory (the server's end looks)."""
    fault = simulator.Fault(f"{ENUMERATION}::Next", "E_OUTOFMEMORY", nth=2, effect="after")
    with three_volumes(tmp_path, faults=[fault]) as (machine, management):
        with management.query_volumes_supported_for_snapshots(SnapshotContext.BACKUP) as found:
            assert len(found.next(1)) == 1
            with pytest.raises(vsspy.OutOfMemoryError):
                found.next(2)
            assert [each.display_name for each in found] == ["D:\\", "E:\\"]
        assert not [each for each in machine.live() if "memory" in each]


@pytest.mark.parametrize(
    "method", [f"{i}::{m}" for i in INTERFACES if "Mgmt" in i and i != ENUMERATION for m in METHODS[i]]
)
def test_faults_are_reported_by_their_methods(tmp_path: Path, method: str) -> None:
    """The names in the trace are those of the specification, and VSS_E_UNEXPECTED is E_UNEXPECTED before Windows 7."""
    names = {
        "GetProviderMgmtInterface": lambda m, a: m.get_provider_mgmt_interface(),
        "QueryVolumesSupportedForSnapshots": lambda m, a: m.query_volumes_supported_for_snapshots(0),
        "QuerySnapshotsByVolume": lambda m, a: m.query_snapshots_by_volume("C:\\"),
        "GetMinDiffAreaSize": lambda m, a: m.get_min_diff_area_size(),
        "AddDiffArea": lambda m, a: a.add_diff_area("C:\\", "C:\\", None),
        "ChangeDiffAreaMaximumSize": lambda m, a: a.change_diff_area_maximum_size("C:\\", "C:\\", None),
        "QueryVolumesSupportedForDiffAreas": lambda m, a: a.query_volumes_supported_for_diff_areas("C:\\"),
        "QueryDiffAreasForVolume": lambda m, a: a.query_diff_areas_for_volume("C:\\"),
        "QueryDiffAreasOnVolume": lambda m, a: a.query_diff_areas_on_volume("C:\\"),
        "QueryDiffAreasForSnapshot": lambda m, a: a.query_diff_areas_for_snapshot(UNKNOWN),
        "ChangeDiffAreaMaximumSizeEx": lambda m, a: a.change_diff_area_maximum_size_ex("C:\\", "C:\\", None, True),
        "MigrateDiffAreas": lambda m, a: a.migrate_diff_areas("C:\\", "C:\\", "C:\\"),
        "QueryMigrationStatus": lambda m, a: a.query_migration_status("C:\\", "C:\\"),
        "SetSnapshotPriority": lambda m, a: a.set_snapshot_priority(UNKNOWN, 1),
        "SetVolumeProtectLevel": lambda m, a: a.set_volume_protect_level("C:\\", ProtectionLevel.SNAPSHOT),
        "GetVolumeProtectLevel": lambda m, a: a.get_volume_protect_level("C:\\"),
        "ClearVolumeProtectFault": lambda m, a: a.clear_volume_protect_fault("C:\\"),
        "DeleteUnusedDiffAreas": lambda m, a: a.delete_unused_diff_areas("C:\\"),
        "QuerySnapshotDeltaBitmap": lambda m, a: a.query_snapshot_delta_bitmap(UNKNOWN, UNKNOWN),
    }
    for level, reported in (("8", "VSS_E_UNEXPECTED"), ("vista", "E_UNEXPECTED")):
        options: dict[str, Any] = {"level": level}
        with (
            server(tmp_path / level, **options) as machine,
            vsspy.SnapshotManagement() as management,
            management.get_provider_mgmt_interface() as areas,
        ):
            machine.add_fault(simulator.Fault(method, "VSS_E_UNEXPECTED"))
            with pytest.raises(vsspy.UnexpectedError) as raised:
                names[method.partition("::")[2]](management, areas)
            assert (raised.value.name, raised.value.operation) == (reported, method)
            assert machine.trace[-1].name == method
