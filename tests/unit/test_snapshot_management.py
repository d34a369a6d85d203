"""SnapshotManagement and DifferentialSnapshotManagement against objects made in C: arguments, results, errors, memory."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast
from uuid import UUID

import pytest
from ctypes_platform import (
    CODES,
    FINISHED,
    INTERFACES,
    POINTER,
    S_FALSE,
    S_OK,
    ComObject,
    CtypesPlatform,
    Guid,
    Operation,
    put,
    sta,
    wide_text,
)

import vsspy
from vsspy import (
    DiffAreaProperties,
    DifferentialSnapshotManagement,
    DiffVolumeProperties,
    SnapshotManagement,
    VolumeProperties,
    VolumeProtectionInfo,
    errors,
)
from vsspy.enums import ProtectionFault, ProtectionLevel, SnapshotContext

MANAGEMENT = "IVssSnapshotMgmt"
DIFFERENTIAL = "IVssDifferentialSoftwareSnapshotMgmt"
CLASS_ID = UUID("0b5a2c52-3eb9-470a-96e2-6c6d4570e40f")
SYSTEM_PROVIDER = UUID("b5946137-7b9f-4925-af80-51abd60b20d5")
OTHER = UUID(int=0x1111_2222_3333_4444_5555)
YOUNGER = UUID(int=0x6666_7777_8888_9999_AAAA)
TERABYTES = 5 * (1 << 40)  # more than 32 bits hold

VOLUME, DIFF_VOLUME, DIFF_AREA = 1, 2, 3


class VolumeProp(ctypes.Structure):
    _fields_ = [("name", POINTER), ("display_name", POINTER)]


class DiffVolumeProp(ctypes.Structure):
    _fields_ = [("name", POINTER), ("display_name", POINTER), ("free", ctypes.c_int64), ("total", ctypes.c_int64)]


class DiffAreaProp(ctypes.Structure):
    _fields_ = [
        ("volume", POINTER),
        ("storage", POINTER),
        ("maximum", ctypes.c_int64),
        ("allocated", ctypes.c_int64),
        ("used", ctypes.c_int64),
    ]


class ObjectUnion(ctypes.Union):
    _fields_ = [("volume", VolumeProp), ("diff_volume", DiffVolumeProp), ("diff_area", DiffAreaProp)]


class ManagementProp(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("obj", ObjectUnion)]


class ProtectionInfo(ctypes.Structure):
    _fields_ = [
        ("level", ctypes.c_int),
        ("offline", ctypes.c_int32),
        ("fault", ctypes.c_int),
        ("status", ctypes.c_int32),
        ("unused", ctypes.c_int32),
        ("reserved", ctypes.c_uint32),
    ]


class Service:
    """Makes the objects of a platform; `management` and `differential` hold their handlers.

    A handler that is a list keeps the arguments of its calls and succeeds.
    """

    def __init__(self, platform: CtypesPlatform) -> None:
        self.platform = platform
        self.management: dict[str, Any] = {"GetProviderMgmtInterface": self._differential}
        self.management2: dict[str, Any] = {}
        self.differential: dict[str, Any] = {}
        self.newest = f"{DIFFERENTIAL}3"
        self.has_second = True
        self.asked: list[tuple[UUID, UUID]] = []
        platform.instance = self._instance
        platform.manage_provider = self._manage_provider

    def _instance(self, clsid: int, iid: int, out: int) -> int:
        self.asked.append((Guid.from_address(clsid).uuid(), Guid.from_address(iid).uuid()))
        made = ComObject(self.platform, MANAGEMENT, self.management)
        second = ComObject(self.platform, f"{MANAGEMENT}2", self.management2)
        second.references = 0
        query = made._query

        def query_both(asked: int, found: int) -> int:
            if self.has_second and ctypes.string_at(asked, 16) == UUID(INTERFACES[f"{MANAGEMENT}2"]["iid"]).bytes_le:
                second.references += 1
                return second.give(found)
            return query(asked, found)

        setattr(made, "_query", query_both)  # noqa: B010  # one object with two vtables, which the fake has not
        return made.give(out)

    def _manage_provider(self, provider: int, iid: int, out: int) -> int:
        self.asked.append((Guid.from_address(provider).uuid(), Guid.from_address(iid).uuid()))
        return ComObject(self.platform, self.newest, self.differential).give(out)

    def _differential(self, provider: Guid, iid: int, out: int) -> int:
        self.asked.append((provider.uuid(), Guid.from_address(iid).uuid()))
        return ComObject(self.platform, self.newest, self.differential).give(out)

    def accept(self, method: str) -> list[tuple[Any, ...]]:
        """Let a method of the storage areas succeed, and keep its arguments in readable form."""
        seen: list[tuple[Any, ...]] = []
        kinds = {
            m["name"]: [p["type"] for p in m["params"]] for n, i in INTERFACES.items() if DIFFERENTIAL in n
            for m in i["methods"]
        }  # fmt: skip

        def handler(*arguments: Any) -> int:
            seen.append(
                tuple(
                    wide_text(a) if kind == "VSS_PWSZ" else a.uuid() if kind == "VSS_ID" else a
                    for kind, a in zip(kinds[method], arguments, strict=True)
                )
            )
            return S_OK

        self.differential[method] = handler
        return seen

    def listing(self, elements: list[Callable[[ManagementProp], None]]) -> ComObject:
        """An IVssEnumMgmtObject; each element is a function that fills it in."""
        left = iter(elements)

        def next_(count: int, address: int, fetched: int) -> int:
            done = 0
            for fill in left:
                fill(ManagementProp.from_address(address + done * ctypes.sizeof(ManagementProp)))
                done += 1
                if done == count:
                    break
            put(fetched, ctypes.c_uint32, done)
            return S_OK if done == count else S_FALSE

        return ComObject(self.platform, "IVssEnumMgmtObject", {"Next": next_})

    def texts(self, *texts: str | None) -> list[int | None]:
        return [self.platform.task_string(text) for text in texts]


@pytest.fixture
def platform() -> Iterator[CtypesPlatform]:
    made = CtypesPlatform()
    yield made
    made.assert_clean()


@pytest.fixture
def service(platform: CtypesPlatform) -> Service:
    return Service(platform)


@pytest.fixture
def management(platform: CtypesPlatform, service: Service) -> Iterator[SnapshotManagement]:
    with SnapshotManagement(cast(Any, platform)) as made:
        yield made


@pytest.fixture
def areas(platform: CtypesPlatform, service: Service) -> Iterator[DifferentialSnapshotManagement]:
    with DifferentialSnapshotManagement(backend=cast(Any, platform)) as made:
        yield made


def iid(name: str) -> UUID:
    return UUID(INTERFACES[name]["iid"])


# --- how the objects are made ---------------------------------------------------------------------------------------------


def test_the_class_and_interface_that_are_asked_for(service: Service, management: SnapshotManagement) -> None:
    assert service.asked == [(CLASS_ID, iid(MANAGEMENT))]
    service.asked.clear()
    with management.get_provider_mgmt_interface(), management.get_provider_mgmt_interface(OTHER):
        pass
    assert service.asked == [(SYSTEM_PROVIDER, iid(DIFFERENTIAL)), (OTHER, iid(DIFFERENTIAL))]


def test_the_entry_point_for_a_provider(platform: CtypesPlatform, service: Service) -> None:
    with DifferentialSnapshotManagement(backend=cast(Any, platform)):
        pass
    with DifferentialSnapshotManagement(OTHER, cast(Any, platform)):
        pass
    assert service.asked == [(SYSTEM_PROVIDER, iid(DIFFERENTIAL)), (OTHER, iid(DIFFERENTIAL))]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("E_ACCESSDENIED", errors.AccessDeniedError),
        ("VSS_E_PROVIDER_NOT_REGISTERED", errors.ProviderNotRegisteredError),
        ("E_NOINTERFACE", errors.NotSupportedError),
    ],
)
def test_an_object_that_cannot_be_had(
    platform: CtypesPlatform, service: Service, code: str, error: type[vsspy.VssError]
) -> None:
    platform.instance = platform.manage_provider = lambda *_: CODES[code]
    with pytest.raises(error, match="^CoCreateInstance: "):
        SnapshotManagement(cast(Any, platform))
    with pytest.raises(error, match="^GetProviderMgmtInterface: "):
        DifferentialSnapshotManagement(backend=cast(Any, platform))


def test_success_without_an_object(platform: CtypesPlatform, service: Service, management: SnapshotManagement) -> None:
    service.management["GetProviderMgmtInterface"] = lambda provider, iid, out: S_OK
    with pytest.raises(errors.UnexpectedError, match="no object came"):
        management.get_provider_mgmt_interface()
    platform.instance = platform.manage_provider = lambda *_: S_OK
    for make in (SnapshotManagement, DifferentialSnapshotManagement):
        with pytest.raises(errors.UnexpectedError, match="no object came"):
            make(backend=cast(Any, platform))


# --- SnapshotManagement ---------------------------------------------------------------------------------------------------


def test_volumes_supported_for_snapshots(service: Service, management: SnapshotManagement) -> None:
    seen: list[tuple[UUID, int]] = []

    def first(prop: ManagementProp) -> None:
        prop.type = VOLUME
        prop.obj.volume.name, prop.obj.volume.display_name = service.texts("\\\\?\\Volume{1}\\", "C:\\")

    def second(prop: ManagementProp) -> None:
        prop.type = VOLUME
        prop.obj.volume.name, prop.obj.volume.display_name = service.texts("\\\\?\\Volume{2}\\", None)

    def query(provider: Guid, context: int, out: int) -> int:
        seen.append((provider.uuid(), context))
        return service.listing([first, second]).give(out)

    service.management["QueryVolumesSupportedForSnapshots"] = query
    with management.query_volumes_supported_for_snapshots(SnapshotContext.APP_ROLLBACK) as found:
        assert list(found) == [
            VolumeProperties("\\\\?\\Volume{1}\\", "C:\\"),
            VolumeProperties("\\\\?\\Volume{2}\\", ""),
        ]
    management.query_volumes_supported_for_snapshots(SnapshotContext.ALL, OTHER).close()
    assert seen == [(SYSTEM_PROVIDER, int(SnapshotContext.APP_ROLLBACK)), (OTHER, -1)]


@pytest.mark.parametrize("nothing", [S_OK, S_FALSE])
def test_queries_without_an_enumerator_find_nothing(
    service: Service, management: SnapshotManagement, areas: DifferentialSnapshotManagement, nothing: int
) -> None:
    service.management["QueryVolumesSupportedForSnapshots"] = lambda provider, context, out: nothing
    service.management["QuerySnapshotsByVolume"] = lambda volume, provider, out: nothing
    service.differential["QueryDiffAreasOnVolume"] = lambda volume, out: nothing
    assert list(management.query_volumes_supported_for_snapshots(0)) == []
    assert list(management.query_snapshots_by_volume("C:\\")) == []
    assert list(areas.query_diff_areas_on_volume("C:\\")) == []


def test_snapshots_by_volume(platform: CtypesPlatform, service: Service, management: SnapshotManagement) -> None:
    seen: list[tuple[str | None, UUID]] = []

    def query(volume: int, provider: Guid, out: int) -> int:
        seen.append((wide_text(volume), provider.uuid()))
        return ComObject(platform, "IVssEnumObject", {"Next": lambda count, elements, fetched: S_FALSE}).give(out)

    service.management["QuerySnapshotsByVolume"] = query
    for provider in (None, OTHER):
        with management.query_snapshots_by_volume("lone \ud800\\", provider) as found:
            assert list(found) == []
    assert seen == [("lone \ud800\\", SYSTEM_PROVIDER), ("lone \ud800\\", OTHER)]


def test_minimum_size(service: Service, management: SnapshotManagement) -> None:
    def size(out: int) -> int:
        put(out, ctypes.c_int64, TERABYTES)
        return S_OK

    service.management2["GetMinDiffAreaSize"] = size
    assert management.get_min_diff_area_size() == TERABYTES
    service.has_second = False
    with pytest.raises(errors.NotSupportedError, match="no IVssSnapshotMgmt2, which came with Windows Vista") as raised:
        management.get_min_diff_area_size()
    assert raised.value.operation == "IVssSnapshotMgmt2::GetMinDiffAreaSize"


# --- DifferentialSnapshotManagement ---------------------------------------------------------------------------------------


def test_arguments_of_storage_areas(service: Service, areas: DifferentialSnapshotManagement) -> None:
    added = service.accept("AddDiffArea")
    areas.add_diff_area("C:\\", "D:\\", TERABYTES)
    areas.add_diff_area("C:\\", "D:\\", None)
    areas.add_diff_area("C:\\", "D:\\")
    assert added == [("C:\\", "D:\\", TERABYTES), ("C:\\", "D:\\", -1), ("C:\\", "D:\\", -1)]
    changed = service.accept("ChangeDiffAreaMaximumSize")
    areas.change_diff_area_maximum_size("C:\\", "E:\\", 0)
    areas.change_diff_area_maximum_size("C:\\", "E:\\", None)
    assert changed == [("C:\\", "E:\\", 0), ("C:\\", "E:\\", -1)]
    extended = service.accept("ChangeDiffAreaMaximumSizeEx")
    areas.change_diff_area_maximum_size_ex("C:\\", "E:\\", TERABYTES, True)
    areas.change_diff_area_maximum_size_ex("C:\\", "E:\\", None, False)
    assert extended == [("C:\\", "E:\\", TERABYTES, 1), ("C:\\", "E:\\", -1, 0)]


@pytest.mark.parametrize(
    ("method", "argument", "seen"),
    [
        ("QueryVolumesSupportedForDiffAreas", "C:\\", "C:\\"),
        ("QueryDiffAreasForVolume", "C:\\", "C:\\"),
        ("QueryDiffAreasOnVolume", "C:\\", "C:\\"),
        ("QueryDiffAreasForSnapshot", OTHER, OTHER),
    ],
)
def test_queries_of_storage(
    service: Service, areas: DifferentialSnapshotManagement, method: str, argument: Any, seen: Any
) -> None:
    given: list[Any] = []

    def volume(prop: ManagementProp) -> None:
        prop.type = DIFF_VOLUME
        it = prop.obj.diff_volume
        it.name, it.display_name = service.texts("\\\\?\\Volume{1}\\", "C:\\")
        it.free, it.total = TERABYTES, TERABYTES + 1

    def area(maximum: int) -> Callable[[ManagementProp], None]:
        def fill(prop: ManagementProp) -> None:
            prop.type = DIFF_AREA
            it = prop.obj.diff_area
            it.volume, it.storage = service.texts("\\\\?\\Volume{1}\\", "\\\\?\\Volume{2}\\")
            it.maximum, it.allocated, it.used = maximum, TERABYTES + 2, TERABYTES + 3

        return fill

    def query(what: Any, out: int) -> int:
        given.append(what.uuid() if isinstance(what, Guid) else wide_text(what))
        return service.listing([volume, area(TERABYTES), area(-1)]).give(out)

    service.differential[method] = query
    name = {
        "QueryVolumesSupportedForDiffAreas": "query_volumes_supported_for_diff_areas",
        "QueryDiffAreasForVolume": "query_diff_areas_for_volume",
        "QueryDiffAreasOnVolume": "query_diff_areas_on_volume",
        "QueryDiffAreasForSnapshot": "query_diff_areas_for_snapshot",
    }[method]
    with getattr(areas, name)(argument) as found:
        assert list(found) == [
            DiffVolumeProperties("\\\\?\\Volume{1}\\", "C:\\", TERABYTES, TERABYTES + 1),
            DiffAreaProperties("\\\\?\\Volume{1}\\", "\\\\?\\Volume{2}\\", TERABYTES, TERABYTES + 2, TERABYTES + 3),
            DiffAreaProperties("\\\\?\\Volume{1}\\", "\\\\?\\Volume{2}\\", None, TERABYTES + 2, TERABYTES + 3),
        ]
    assert given == [seen]


def test_an_element_of_an_unknown_type(service: Service, areas: DifferentialSnapshotManagement) -> None:
    def strange(prop: ManagementProp) -> None:
        prop.type = 99

    service.differential["QueryDiffAreasForVolume"] = lambda volume, out: service.listing([strange]).give(out)
    with (
        areas.query_diff_areas_for_volume("C:\\") as found,
        pytest.raises(errors.UnexpectedError, match="IVssEnumMgmtObject::Next: an object of an unknown type"),
    ):
        list(found)


def test_reserved_methods_reach_the_service(
    platform: CtypesPlatform, service: Service, areas: DifferentialSnapshotManagement
) -> None:
    """Documented as not supported; should a Windows do them after all, they work."""
    migrated = service.accept("MigrateDiffAreas")
    areas.migrate_diff_areas("C:\\", "D:\\", "E:\\")
    assert migrated == [("C:\\", "D:\\", "E:\\")]
    prioritised = service.accept("SetSnapshotPriority")
    areas.set_snapshot_priority(OTHER, 255)
    assert prioritised == [(OTHER, 255)]
    operation = Operation(platform)
    operation.end(FINISHED)
    service.differential["QueryMigrationStatus"] = lambda volume, storage, out: operation.object.give(out)
    with areas.query_migration_status("C:\\", "D:\\") as status:
        status.wait(timeout=10)
        assert status.status == FINISHED


def test_the_delta_bitmap_is_given_back(
    platform: CtypesPlatform, service: Service, areas: DifferentialSnapshotManagement
) -> None:
    def query(older: Guid, younger: Guid, block: int, length: int, bitmap: int) -> int:
        assert (older.uuid(), younger.uuid()) == (OTHER, YOUNGER)
        put(block, ctypes.c_uint32, 16384)
        put(length, ctypes.c_uint32, 17)
        memory = platform._task_alloc(0, 3)
        ctypes.memmove(memory, b"\x01\x80\x01", 3)
        put(bitmap, POINTER, memory)
        return S_OK

    service.differential["QuerySnapshotDeltaBitmap"] = query
    found = areas.query_snapshot_delta_bitmap(OTHER, YOUNGER)
    assert found == vsspy.SnapshotDeltaBitmap(16384, 17, b"\x01\x80\x01")


def test_protection(service: Service, areas: DifferentialSnapshotManagement) -> None:
    levels = service.accept("SetVolumeProtectLevel")
    areas.set_volume_protect_level("C:\\", ProtectionLevel.SNAPSHOT)
    areas.set_volume_protect_level("C:\\", ProtectionLevel.ORIGINAL_VOLUME)
    assert levels == [("C:\\", 1), ("C:\\", 0)]
    for method, call in (
        ("ClearVolumeProtectFault", areas.clear_volume_protect_fault),
        ("DeleteUnusedDiffAreas", areas.delete_unused_diff_areas),
    ):
        named = service.accept(method)
        call("D:\\")
        assert named == [("D:\\",)]


@pytest.mark.parametrize(("offline", "unused"), [(True, False), (False, True)])
def test_protection_info(service: Service, areas: DifferentialSnapshotManagement, offline: bool, unused: bool) -> None:
    def info(volume: int, out: int) -> int:
        assert wide_text(volume) == "C:\\"
        told = ProtectionInfo.from_address(out)
        told.level, told.fault, told.status = 1, 8, 0xC000007F - (1 << 32)
        told.offline, told.unused = offline, unused
        return S_OK

    service.differential["GetVolumeProtectLevel"] = info
    assert areas.get_volume_protect_level("C:\\") == VolumeProtectionInfo(
        ProtectionLevel.SNAPSHOT, offline, ProtectionFault.DIFF_AREA_FULL, 0xC000007F, unused
    )


# --- what a system lacks ----------------------------------------------------------------------------------------------------

CALLS: dict[str, Callable[[DifferentialSnapshotManagement], object]] = {
    "1::AddDiffArea": lambda d: d.add_diff_area("C:\\", "C:\\", None),
    "1::ChangeDiffAreaMaximumSize": lambda d: d.change_diff_area_maximum_size("C:\\", "C:\\", None),
    "1::QueryVolumesSupportedForDiffAreas": lambda d: d.query_volumes_supported_for_diff_areas("C:\\"),
    "1::QueryDiffAreasForVolume": lambda d: d.query_diff_areas_for_volume("C:\\"),
    "1::QueryDiffAreasOnVolume": lambda d: d.query_diff_areas_on_volume("C:\\"),
    "1::QueryDiffAreasForSnapshot": lambda d: d.query_diff_areas_for_snapshot(OTHER),
    "2::ChangeDiffAreaMaximumSizeEx": lambda d: d.change_diff_area_maximum_size_ex("C:\\", "C:\\", None, True),
    "2::MigrateDiffAreas": lambda d: d.migrate_diff_areas("C:\\", "C:\\", "C:\\"),
    "2::QueryMigrationStatus": lambda d: d.query_migration_status("C:\\", "C:\\"),
    "2::SetSnapshotPriority": lambda d: d.set_snapshot_priority(OTHER, 1),
    "3::SetVolumeProtectLevel": lambda d: d.set_volume_protect_level("C:\\", ProtectionLevel.SNAPSHOT),
    "3::GetVolumeProtectLevel": lambda d: d.get_volume_protect_level("C:\\"),
    "3::ClearVolumeProtectFault": lambda d: d.clear_volume_protect_fault("C:\\"),
    "3::DeleteUnusedDiffAreas": lambda d: d.delete_unused_diff_areas("C:\\"),
    "3::QuerySnapshotDeltaBitmap": lambda d: d.query_snapshot_delta_bitmap(OTHER, YOUNGER),
}


def operation_of(name: str) -> str:
    return (DIFFERENTIAL + name).replace("1::", "::")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("newest", ["", "2", "3"])
def test_an_interface_that_the_system_lacks(platform: CtypesPlatform, service: Service, name: str, newest: str) -> None:
    service.newest = DIFFERENTIAL + newest
    first_systems = {"2": "Windows Vista / Windows Server 2003 with SP1", "3": "Windows Server 2008"}
    with DifferentialSnapshotManagement(backend=cast(Any, platform)) as areas:
        with pytest.raises(errors.NotSupportedError) as raised:
            CALLS[name](areas)
        assert raised.value.operation == operation_of(name)
        if int(name[0]) > int(newest or "1"):
            assert raised.value.name == "E_NOINTERFACE"
            assert f"no {DIFFERENTIAL}{name[0]}, which came with {first_systems[name[0]]}" in str(raised.value)
        else:
            assert raised.value.name == "E_NOTIMPL"  # what the fake says when it is reached


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("E_ACCESSDENIED", errors.AccessDeniedError),
        ("VSS_E_PROVIDER_VETO", errors.ProviderVetoError),
        ("VSS_E_VOLUME_IN_USE", errors.StorageInUseError),
        ("VSS_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED", errors.MaximumStorageAssociationsError),
    ],
)
def test_failures_are_typed(
    service: Service, areas: DifferentialSnapshotManagement, name: str, code: str, error: type[vsspy.VssError]
) -> None:
    service.differential[name[3:]] = lambda *_: CODES[code]
    with pytest.raises(error) as raised:
        CALLS[name](areas)
    assert (raised.value.name, raised.value.operation) == (code, operation_of(name))


# --- arguments that never reach the service -------------------------------------------------------------------------------


def test_refused_before_the_call(
    platform: CtypesPlatform, management: SnapshotManagement, areas: DifferentialSnapshotManagement
) -> None:
    platform.calls.clear()
    refused: list[tuple[str, Callable[[], object]]] = [
        ("volume_name", lambda: management.query_snapshots_by_volume("C:\\\0")),
        ("context", lambda: management.query_volumes_supported_for_snapshots(1 << 32)),
        ("volume_name", lambda: areas.add_diff_area("\0C:\\", "C:\\", None)),
        ("diff_area_volume_name", lambda: areas.add_diff_area("C:\\", "C:\\\0", None)),
        ("maximum_diff_space", lambda: areas.add_diff_area("C:\\", "C:\\", 1 << 63)),
        ("maximum_diff_space", lambda: areas.change_diff_area_maximum_size("C:\\", "C:\\", -(1 << 63) - 1)),
        ("new_diff_area_volume_name", lambda: areas.migrate_diff_areas("C:\\", "C:\\", "\0")),
        ("original_volume_name", lambda: areas.query_volumes_supported_for_diff_areas("\0")),
        ("priority", lambda: areas.set_snapshot_priority(OTHER, 256)),
        ("priority", lambda: areas.set_snapshot_priority(OTHER, -1)),
        ("protection_level", lambda: areas.set_volume_protect_level("C:\\", cast(ProtectionLevel, 1 << 31))),
    ]
    for name, call in refused:
        with pytest.raises(errors.InvalidArgumentError, match=name):
            call()
    assert [call for call in platform.names() if "QueryInterface" not in call and "Release" not in call] == []


# --- the objects' lives ------------------------------------------------------------------------------------------------------


def test_closed(
    platform: CtypesPlatform, management: SnapshotManagement, areas: DifferentialSnapshotManagement
) -> None:
    assert (repr(management), management.closed) == ("<SnapshotManagement on simulator>", False)
    management.close()
    areas.close()
    management.close()
    assert platform.live == []
    assert (repr(areas), areas.closed) == ("<DifferentialSnapshotManagement on simulator, closed>", True)
    calls: list[Callable[[], object]] = [
        management.get_provider_mgmt_interface,
        management.get_min_diff_area_size,
        lambda: management.query_snapshots_by_volume("C:\\"),
        lambda: management.query_volumes_supported_for_snapshots(0),
        *(lambda call=call: call(areas) for call in CALLS.values()),
    ]
    for call in calls:
        with pytest.raises(errors.ClosedError):
            call()


def test_forgotten(platform: CtypesPlatform, service: Service) -> None:
    for make in (SnapshotManagement, DifferentialSnapshotManagement):
        with pytest.warns(ResourceWarning, match=f"unclosed <{make.__name__} on simulator>"):
            make(backend=cast(Any, platform))
        gc.collect()
    assert platform.live == []


def test_what_is_given_outlives_its_giver(platform: CtypesPlatform, service: Service) -> None:
    added = service.accept("AddDiffArea")
    with SnapshotManagement(cast(Any, platform)) as management:
        areas = management.get_provider_mgmt_interface()
    with areas:
        areas.add_diff_area("C:\\", "C:\\", None)
    assert len(added) == 1


def test_a_caller_on_a_single_threaded_apartment(
    platform: CtypesPlatform, management: SnapshotManagement, areas: DifferentialSnapshotManagement, service: Service
) -> None:
    """Every call, QueryInterface and Release included, is made on another thread."""
    service.accept("AddDiffArea")
    service.accept("DeleteUnusedDiffAreas")
    service.management2["GetMinDiffAreaSize"] = lambda out: S_OK
    platform.calls.clear()
    with sta(platform):
        management.get_min_diff_area_size()
        areas.add_diff_area("C:\\", "C:\\", None)
        areas.delete_unused_diff_areas("C:\\")
        with management.get_provider_mgmt_interface():
            pass
    assert {name for name, _ in platform.calls} >= {
        f"{DIFFERENTIAL}3::QueryInterface",
        f"{MANAGEMENT}2::GetMinDiffAreaSize",
        f"{DIFFERENTIAL}3::AddDiffArea",
        f"{DIFFERENTIAL}3::DeleteUnusedDiffAreas",
    }
    assert threading.get_ident() not in {thread for _, thread in platform.calls}


def test_one_call_at_a_time(service: Service, areas: DifferentialSnapshotManagement) -> None:
    inside = threading.Semaphore(1)
    overlaps: list[bool] = []

    def handler(*_: Any) -> int:
        alone = inside.acquire(blocking=False)
        overlaps.append(not alone)
        threading.Event().wait(0.01)  # without the interpreter's lock: the others may try
        if alone:
            inside.release()
        return S_OK

    service.differential["AddDiffArea"] = handler
    threads = [threading.Thread(target=areas.add_diff_area, args=("C:\\", "C:\\", None)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert overlaps == [False] * 5


def test_from_inside_itself(service: Service, areas: DifferentialSnapshotManagement) -> None:
    raised: list[type[BaseException]] = []

    def handler(*_: Any) -> int:
        calls: list[Callable[[], object]] = [lambda: areas.clear_volume_protect_fault("C:\\"), areas.close]
        for again in calls:
            try:
                again()
            except vsspy.VssError as error:
                raised.append(type(error))
        return S_OK

    service.differential["ClearVolumeProtectFault"] = handler
    areas.clear_volume_protect_fault("C:\\")
    assert raised == [errors.ReentrantCallError] * 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on Windows")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_refuses(
    platform: CtypesPlatform, management: SnapshotManagement, areas: DifferentialSnapshotManagement
) -> None:
    child = os.fork()
    if child == 0:
        try:
            calls: list[Callable[[], object]] = [management.get_min_diff_area_size, areas.close]
            calls.append(lambda: CALLS["1::AddDiffArea"](areas))
            for call in calls:
                with pytest.raises(errors.ForkedError):
                    call()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(platform.live) == 2
