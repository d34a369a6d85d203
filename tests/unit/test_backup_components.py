"""BackupComponents against objects made in C: arguments, results, errors, the reader of writers' metadata."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from backup_support import accept
from ctypes_platform import (
    CODES,
    S_OK,
    CtypesPlatform,
    Guid,
    SnapshotProp,
    put,
    put_guid,
    wide_text,
)

import vsspy
from vsspy import errors
from vsspy.enums import BackupType, ComponentType, ObjectType, SnapshotContext, SnapshotState, WriterState

INSTANCE, WRITER, SNAPSHOT, SET, PROVIDER = (UUID(int=n * 0x1111_2222_3333_4444_5555) for n in range(1, 6))
LONE = "lone \ud800 surrogate"


@pytest.fixture
def platform() -> Iterator[CtypesPlatform]:
    made = CtypesPlatform()
    yield made
    made.assert_clean()


@pytest.fixture
def bc(platform: CtypesPlatform) -> Iterator[vsspy.BackupComponents]:
    with vsspy.BackupComponents(platform) as made:  # type: ignore[arg-type]  # stands in for a machine
        yield made


# --- one method after the other -----------------------------------------------------------------------------------------


def test_initialize_for_backup(platform: CtypesPlatform, bc: vsspy.BackupComponents) -> None:
    seen: list[str | None] = []

    def initialize(xml: int | None) -> int:
        seen.append(platform.bstr_text(xml))
        return S_OK

    platform.backup["InitializeForBackup"] = initialize
    bc.initialize_for_backup()
    bc.initialize_for_backup("<BACKUP_COMPONENTS é=''/>")
    bc.initialize_for_backup("")
    assert seen == [None, "<BACKUP_COMPONENTS é=''/>", ""]


@pytest.mark.parametrize(
    ("context", "number"),
    [(SnapshotContext.BACKUP, 0), (SnapshotContext.APP_ROLLBACK, 9), (SnapshotContext.ALL, -1), (0x29, 0x29)],
)
def test_set_context(platform: CtypesPlatform, bc: vsspy.BackupComponents, context: int, number: int) -> None:
    seen = accept(platform, "SetContext")
    bc.set_context(context)
    assert seen == [(number,)]


def test_set_backup_state(platform: CtypesPlatform, bc: vsspy.BackupComponents) -> None:
    seen = accept(platform, "SetBackupState")
    bc.set_backup_state(select_components=True, bootable_system_state=False, backup_type=BackupType.COPY)
    bc.set_backup_state(False, True, BackupType.FULL, True)
    assert seen == [(True, False, 5, False), (False, True, 1, True)]


@pytest.mark.parametrize("method", ["enable_writer_classes", "disable_writer_classes", "disable_writer_instances"])
def test_writer_filters(platform: CtypesPlatform, bc: vsspy.BackupComponents, method: str) -> None:
    seen: list[list[UUID]] = []

    def handler(ids: int, count: int) -> int:
        seen.append([Guid.from_address(ids + 16 * i).uuid() for i in range(count)])
        return S_OK

    platform.backup["".join(part.capitalize() for part in method.split("_"))] = handler
    getattr(bc, method)(iter([WRITER, INSTANCE]))
    assert seen == [[WRITER, INSTANCE]]


@pytest.mark.parametrize("logical_path", [None, "", "a\\b", LONE])
def test_component_keys(platform: CtypesPlatform, bc: vsspy.BackupComponents, logical_path: str | None) -> None:
    seen: list[tuple[Any, ...]] = []

    def handler(*arguments: Any) -> int:
        head = [a.uuid() if isinstance(a, Guid) else a for a in arguments]
        seen.append(tuple(wide_text(a) if isinstance(a, int) and a > 0xFFFF else a for a in head))
        return S_OK

    for method in ("AddComponent", "SetBackupOptions", "SetPreviousBackupStamp", "SetBackupSucceeded"):
        platform.backup[method] = handler
    kind = ComponentType.DATABASE
    bc.add_component(INSTANCE, WRITER, kind, logical_path, "name é")
    bc.set_backup_options(WRITER, kind, logical_path, "name é", "options")
    bc.set_previous_backup_stamp(WRITER, kind, logical_path, "name é", "stamp")
    bc.set_backup_succeeded(INSTANCE, WRITER, kind, logical_path, "name é", True)
    key = (WRITER, int(kind), logical_path, "name é")
    assert seen == [(INSTANCE, *key), (*key, "options"), (*key, "stamp"), (INSTANCE, *key, True)]


def test_a_set(platform: CtypesPlatform, bc: vsspy.BackupComponents) -> None:
    seen: list[Any] = []

    def start(out: int) -> int:
        put_guid(out, SET)
        return S_OK

    def add(volume: int, provider: Guid, out: int) -> int:
        seen.append((wide_text(volume), provider.uuid()))
        put_guid(out, SNAPSHOT)
        return S_OK

    def supported(provider: Guid, volume: int, out: int) -> int:
        seen.append((provider.uuid(), wide_text(volume)))
        put(out, ctypes.c_int32, -1 if wide_text(volume) == "C:\\" else 0)
        return S_OK

    platform.backup |= {"StartSnapshotSet": start, "AddToSnapshotSet": add, "IsVolumeSupported": supported}
    assert bc.start_snapshot_set() == SET
    assert bc.add_to_snapshot_set("C:\\") == SNAPSHOT
    assert bc.add_to_snapshot_set("D:\\", PROVIDER) == SNAPSHOT
    assert bc.is_volume_supported("C:\\") is True
    assert bc.is_volume_supported("E:\\", PROVIDER) is False
    nobody = UUID(int=0)
    assert seen == [("C:\\", nobody), ("D:\\", PROVIDER), (nobody, "C:\\"), (PROVIDER, "E:\\")]


def fill(platform: CtypesPlatform, properties: SnapshotProp, exposed: str | None = None) -> None:
    properties.snapshot_id = Guid.from_buffer_copy(SNAPSHOT.bytes_le)
    properties.set_id = Guid.from_buffer_copy(SET.bytes_le)
    properties.provider_id = Guid.from_buffer_copy(PROVIDER.bytes_le)
    properties.count, properties.attributes, properties.state = 2, 0x420009, 12
    properties.created = 132223104000000000  # 2020-01-01
    properties.device = platform.task_string("\\\\?\\GLOBALROOT\\Device\\Copy1")
    properties.volume = platform.task_string("C:\\")
    properties.originating_machine = properties.service_machine = None
    properties.service_machine = platform.task_string("server")
    properties.exposed_name = platform.task_string(exposed)


def test_snapshot_properties(platform: CtypesPlatform, bc: vsspy.BackupComponents) -> None:
    def handler(snapshot: Guid, out: int) -> int:
        assert snapshot.uuid() == SNAPSHOT
        fill(platform, SnapshotProp.from_address(out), exposed="X:\\")
        return S_OK

    platform.backup["GetSnapshotProperties"] = handler
    found = bc.get_snapshot_properties(SNAPSHOT)
    assert (found.snapshot_id, found.snapshot_set_id, found.provider_id) == (SNAPSHOT, SET, PROVIDER)
    assert (found.device_object, found.original_volume) == ("\\\\?\\GLOBALROOT\\Device\\Copy1", "C:\\")
    assert (found.originating_machine, found.service_machine) == ("", "server")
    assert (found.exposed_name, found.exposed_path) == ("X:\\", None)
    assert found.snapshots_count == 2
    assert found.attributes == 0x420009
    assert found.state is SnapshotState.CREATED
    assert found.created == datetime(2020, 1, 1, tzinfo=UTC)
    assert platform.memory == {}


def test_delete_snapshots(platform: CtypesPlatform, bc: vsspy.BackupComponents) -> None:
    result = S_OK

    def delete(source: Guid, kind: int, force: int, deleted: int, nondeleted: int) -> int:
        assert (source.uuid(), kind, force) == (SET, ObjectType.SNAPSHOT_SET, 1)
        put(deleted, ctypes.c_int32, 3)
        put_guid(nondeleted, UUID(int=0) if result == S_OK else SNAPSHOT)
        return result

    platform.backup["DeleteSnapshots"] = delete
    assert bc.delete_snapshots(SET, ObjectType.SNAPSHOT_SET, True) == 3
    result = CODES["VSS_E_PROVIDER_VETO"]
    with pytest.raises(errors.ProviderVetoError) as caught:
        bc.delete_snapshots(SET, ObjectType.SNAPSHOT_SET, force_delete=True)
    assert (caught.value.deleted, caught.value.nondeleted_id) == (3, SNAPSHOT)
    assert caught.value.operation == "IVssBackupComponents::DeleteSnapshots"


def status_handlers(platform: CtypesPlatform, extended: bool) -> None:
    def count(out: int) -> int:
        put(out, ctypes.c_uint32, 2)
        return S_OK

    def status(index: int, instance: int, writer: int, name: int, state: int, failure: int, *more: int) -> int:
        assert bool(more) is extended
        put_guid(instance, INSTANCE)
        put_guid(writer, WRITER)
        put(state, ctypes.c_int, 5 if index == 0 else 9)
        put(failure, ctypes.c_int32, 0 if index == 0 else CODES["VSS_E_WRITERERROR_TIMEOUT"] - (1 << 32))
        if more and index:
            put(more[0], ctypes.c_int32, -5)
            platform.give_bstr(more[1], "disk full")
        return platform.give_bstr(name, f"writer {index}")

    platform.backup["GetWriterStatusCount"] = count
    platform.backup["GetWriterStatusEx" if extended else "GetWriterStatus"] = status


@pytest.mark.parametrize("extended", [True, False])
def test_writer_status(extended: bool) -> None:
    platform = CtypesPlatform()
    platform.newest = "IVssBackupComponentsEx3" if extended else "IVssBackupComponentsEx2"
    status_handlers(platform, extended)
    with vsspy.BackupComponents(platform) as bc:  # type: ignore[arg-type]  # stands in for a machine
        good, bad = bc.writer_status
    assert (good.name, good.instance_id, good.writer_id) == ("writer 0", INSTANCE, WRITER)
    assert (good.state, good.failure, good.failure_name) == (WriterState.WAITING_FOR_BACKUP_COMPLETE, 0, "S_OK")
    assert not good.failed
    assert (bad.state, bad.failure_name) == (WriterState.FAILED_AT_FREEZE, "VSS_E_WRITERERROR_TIMEOUT")
    assert bad.failure == CODES["VSS_E_WRITERERROR_TIMEOUT"]
    assert bad.failed
    assert (good.application_failure, good.application_message) == ((0 if extended else None), None)
    assert bad.application_failure == (0xFFFFFFFB if extended else None)
    assert bad.application_message == ("disk full" if extended else None)
    platform.assert_clean()


@pytest.mark.parametrize(
    ("state", "failure", "failed"),
    [
        (WriterState.STABLE, 0, False),
        (WriterState.STABLE, CODES["VSS_E_WRITERERROR_RETRYABLE"], True),
        (WriterState.FAILED_AT_THAW, 0, True),
        (WriterState.UNKNOWN, 0, True),
    ],
)
def test_which_writers_failed(state: WriterState, failure: int, failed: bool) -> None:
    assert vsspy.WriterStatus(INSTANCE, WRITER, "w", state, vsspy.HResult(failure), "", None, None).failed is failed


def test_save_as_xml_and_session_id(platform: CtypesPlatform, bc: vsspy.BackupComponents) -> None:
    def session_id(out: int) -> int:
        put_guid(out, SET)
        return S_OK

    platform.backup["SaveAsXML"] = lambda out: platform.give_bstr(out, "<D a='" + LONE + "'/>")
    platform.backup["GetSessionId"] = session_id
    assert bc.save_as_xml() == "<D a='" + LONE + "'/>"
    assert bc.get_session_id() == SET


def test_plain_calls(platform: CtypesPlatform, bc: vsspy.BackupComponents) -> None:
    for method, call in {
        "AbortBackup": bc.abort_backup,
        "FreeWriterMetadata": bc.free_writer_metadata,
        "FreeWriterStatus": bc.free_writer_status,
    }.items():
        seen = accept(platform, method)
        call()
        assert seen == [()]


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("GatherWriterMetadata", "gather_writer_metadata"),
        ("PrepareForBackup", "prepare_for_backup"),
        ("DoSnapshotSet", "do_snapshot_set"),
        ("GatherWriterStatus", "gather_writer_status"),
        ("BackupComplete", "backup_complete"),
    ],
)
def test_asynchronous_methods(platform: CtypesPlatform, bc: vsspy.BackupComponents, method: str, name: str) -> None:
    fake = platform.operation(method)
    with getattr(bc, name)() as operation:
        fake.end(CODES["VSS_E_UNEXPECTED"])
        with pytest.raises(errors.UnexpectedError) as caught:
            operation.wait()
    assert caught.value.operation == f"IVssBackupComponents::{method}"
    platform.backup[method] = lambda out: S_OK  # and no object
    with pytest.raises(errors.UnexpectedError):
        getattr(bc, name)()


# --- errors -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(name for name, value in CODES.items() if value >> 31))
def test_failing_codes_become_typed_errors(platform: CtypesPlatform, bc: vsspy.BackupComponents, code: str) -> None:
    platform.backup["AbortBackup"] = lambda: CODES[code]
    with pytest.raises(errors.lookup(code)) as caught:
        bc.abort_backup()
    assert (caught.value.name, caught.value.operation) == (code, "IVssBackupComponents::AbortBackup")


def test_use_after_close(platform: CtypesPlatform) -> None:
    bc = vsspy.BackupComponents(platform)  # type: ignore[arg-type]  # stands in for a machine
    bc.close()
    for call in (
        bc.initialize_for_backup,
        bc.query,
        bc.abort_backup,
        bc.get_session_id,
        bc.gather_writer_status,
        bc.last_operation,
    ):
        with pytest.raises(errors.ClosedError):
            call()
    with pytest.raises(errors.ClosedError):
        _ = bc.writer_metadata
    assert repr(bc) == "<BackupComponents on simulator, closed>"
