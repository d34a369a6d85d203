"""The state machine of IVssBackupComponents: each call in each state (semantics 2), and what all methods have in common."""

from __future__ import annotations

import contextlib
import ctypes
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from support import (
    BAD_STATE,
    E_INVALIDARG,
    FILEGROUP,
    METHODS,
    ONE_ID,
    ONE_INSTANCE,
    S_OK,
    STATES,
    TIMEOUT,
    Backup,
    RawPlatform,
    backup_in,
    raw_restore,
    server,
    wait,
)

import vsspy
from vsspy import simulator
from vsspy.enums import BackupType, ObjectType, SnapshotContext

UNKNOWN = UUID("0badc0de-0000-0000-0000-000000000000")

# Semantics 2.2, one entry for each row. Where neither set names a state, the sources leave it open.


def gather(backup: Backup) -> None:
    wait(backup.components.gather_writer_metadata())


def gather_status(backup: Backup) -> None:
    wait(backup.components.gather_writer_status())


def prepare(backup: Backup) -> None:
    wait(backup.components.prepare_for_backup())


def do_snapshot_set(backup: Backup) -> None:
    wait(backup.components.do_snapshot_set())


def complete(backup: Backup) -> None:
    wait(backup.components.backup_complete())


def read_metadata(backup: Backup) -> None:
    assert [metadata.name for metadata in backup.components.writer_metadata] == ["One Writer", "Two Writer"]


def not_found(call: Callable[[], object]) -> None:
    with pytest.raises(vsspy.ObjectNotFoundError):
        call()


CALLS: dict[str, Callable[[Backup], object]] = {
    "InitializeForBackup": lambda b: b.components.initialize_for_backup(),
    "SetContext": lambda b: b.components.set_context(SnapshotContext.BACKUP),
    "SetBackupState": lambda b: b.components.set_backup_state(True, False, BackupType.COPY),
    "EnableWriterClasses": lambda b: b.components.enable_writer_classes([ONE_ID]),
    "DisableWriterClasses": lambda b: b.components.disable_writer_classes([ONE_ID]),
    "DisableWriterInstances": lambda b: b.components.disable_writer_instances([ONE_INSTANCE]),
    "GatherWriterMetadata": gather,
    "GetWriterMetadata": read_metadata,
    "FreeWriterMetadata": lambda b: b.components.free_writer_metadata(),
    "AddComponent": lambda b: b.add("more"),
    "SetBackupOptions": lambda b: not_found(
        lambda: b.components.set_backup_options(ONE_ID, FILEGROUP, None, "nothing", "option")
    ),
    "SetPreviousBackupStamp": lambda b: not_found(
        lambda: b.components.set_previous_backup_stamp(ONE_ID, FILEGROUP, None, "nothing", "stamp")
    ),
    "StartSnapshotSet": lambda b: b.components.start_snapshot_set(),
    "AddToSnapshotSet": lambda b: b.components.add_to_snapshot_set("D:\\"),
    "PrepareForBackup": prepare,
    "GatherWriterStatus": gather_status,
    "GetWriterStatus": lambda b: len(b.components.writer_status),
    "FreeWriterStatus": lambda b: b.components.free_writer_status(),
    "DoSnapshotSet": do_snapshot_set,
    "GetSnapshotProperties": lambda b: not_found(lambda: b.components.get_snapshot_properties(UNKNOWN)),
    "Query": lambda b: list(b.components.query()),
    "SaveAsXML": lambda b: b.components.save_as_xml(),
    "SetBackupSucceeded": lambda b: b.succeeded("data", True),
    "BackupComplete": complete,
    "AbortBackup": lambda b: b.components.abort_backup(),
    "DeleteSnapshots": lambda b: not_found(lambda: b.components.delete_snapshots(UNKNOWN, ObjectType.SNAPSHOT)),
    "IsVolumeSupported": lambda b: b.components.is_volume_supported("C:\\"),
    "GetSessionId": lambda b: b.components.get_session_id(),
}
RUNNING = {"gathering", "preparing", "snapping", "completing"}
READY = set(STATES) - RUNNING - {"new"}
LEGAL: dict[str, set[str]] = {
    "InitializeForBackup": {"new"},
    "SetContext": {"init"},
    "SetBackupState": {"init", "state", "gathered", "set"},
    "EnableWriterClasses": {"init", "state", "gathered", "set", "prepared", "snapped", "done"},
    "DisableWriterClasses": {"init", "state", "gathered", "set", "prepared", "snapped", "done"},
    "DisableWriterInstances": {"init", "state", "gathered", "set", "prepared", "snapped", "done"},
    "GatherWriterMetadata": {"init", "state"},
    "GetWriterMetadata": {"gathered", "set", "prepared", "snapped", "done"},
    "FreeWriterMetadata": {"gathered", "set", "prepared", "snapped", "done"},
    "AddComponent": {"gathered", "set"},
    "SetBackupOptions": {"gathered", "set"},
    "SetPreviousBackupStamp": {"gathered", "set"},
    "StartSnapshotSet": {"init", "state", "gathered"},
    "AddToSnapshotSet": {"set", "prepared"},
    "PrepareForBackup": {"gathered", "set"},
    "GatherWriterStatus": READY,
    "GetWriterStatus": set(),
    "FreeWriterStatus": set(),
    "DoSnapshotSet": {"prepared"},
    "GetSnapshotProperties": READY,
    "Query": READY,
    "SaveAsXML": {"prepared", "snapped", "done"},
    "SetBackupSucceeded": {"snapped"},
    "BackupComplete": {"snapped"},
    "AbortBackup": READY,
    "DeleteSnapshots": READY,
    "IsVolumeSupported": READY,
    "GetSessionId": READY,
}
ILLEGAL: dict[str, set[str]] = {
    "InitializeForBackup": READY,
    "SetContext": {"new", "set", "prepared", "snapped", "done", "aborted"},
    "SetBackupState": {"new", "preparing", "prepared", "snapping", "snapped", "completing", "done", "aborted"},
    "EnableWriterClasses": {"new"},
    "DisableWriterClasses": {"new"},
    "DisableWriterInstances": {"new"},
    "GatherWriterMetadata": set(STATES) - {"init", "state"},
    "GetWriterMetadata": {"new", "init", "state", "gathering", "freed"},
    "FreeWriterMetadata": {"new", "init", "state", "gathering", "freed"},
    "AddComponent": set(STATES) - {"gathered", "set", "freed"},
    "SetBackupOptions": set(STATES) - {"init", "state", "gathering", "gathered", "set", "freed"},
    "SetPreviousBackupStamp": set(STATES) - {"init", "state", "gathering", "gathered", "set", "freed"},
    "StartSnapshotSet": set(STATES) - {"init", "state", "gathering", "gathered", "freed", "aborted"},
    "AddToSnapshotSet": set(STATES) - {"set", "preparing", "prepared"},
    "PrepareForBackup": set(STATES) - {"gathered", "set", "freed"},
    "GatherWriterStatus": {"new"} | RUNNING,
    "GetWriterStatus": set(STATES),
    "FreeWriterStatus": set(STATES),
    "DoSnapshotSet": set(STATES) - {"prepared"},
    "GetSnapshotProperties": {"new"},
    "Query": {"new"},
    "SaveAsXML": {"new", "init", "state", "gathering", "gathered", "freed", "set", "preparing"},
    "SetBackupSucceeded": set(STATES) - {"snapped", "prepared"},
    "BackupComplete": set(STATES) - {"snapped", "prepared"},
    "AbortBackup": {"new"},
    "DeleteSnapshots": set(),
    "IsVolumeSupported": {"new"},
    "GetSessionId": {"new"},
}


@contextlib.contextmanager
def two_volumes(state: str, folder: Path) -> Iterator[tuple[simulator.Machine, Backup]]:
    with backup_in(state, folder, volumes={"C:\\": folder / "C", "D:\\": folder / "D"}) as found:
        yield found


def test_the_table_names_methods_of_the_interface() -> None:
    names = {name for interface, methods in METHODS.items() if interface.startswith("IVssBackup") for name in methods}
    assert set(CALLS) == set(LEGAL) == set(ILLEGAL)
    assert set(CALLS) <= names
    assert not any(LEGAL[method] & ILLEGAL[method] for method in CALLS)


@pytest.mark.parametrize("state", STATES)
def test_refused(tmp_path: Path, state: str) -> None:
    """Every call that is out of order in a state is VSS_E_BAD_STATE, and leaves the state as it was."""
    with two_volumes(state, tmp_path) as (machine, backup):
        before = len([entry for entry in machine.trace if "Writer::" in entry.name])
        for method in (name for name in CALLS if state in ILLEGAL[name]):
            with pytest.raises(vsspy.BadStateError) as caught:
                CALLS[method](backup)
                pytest.fail(f"{method} works in state {state}")
            assert caught.value.hresult == BAD_STATE, method
            assert (caught.value.operation or "").startswith("IVss"), method
        if state not in RUNNING:
            assert before == len([entry for entry in machine.trace if "Writer::" in entry.name])
        if state == "prepared":  # none of the refusals used anything up
            do_snapshot_set(backup)
            complete(backup)


@pytest.mark.parametrize(
    ("method", "state"),
    [(method, state) for method in CALLS for state in STATES if state in LEGAL[method]],
)
def test_allowed(tmp_path: Path, method: str, state: str) -> None:
    with two_volumes(state, tmp_path) as (_, backup):
        CALLS[method](backup)


@pytest.mark.parametrize("method", ["GatherWriterMetadata", "PrepareForBackup", "DoSnapshotSet", "BackupComplete"])
def test_once(tmp_path: Path, method: str) -> None:
    """What is done once cannot be done again on the same object (semantics 1.1)."""
    before = {
        "GatherWriterMetadata": "state",
        "PrepareForBackup": "set",
        "DoSnapshotSet": "prepared",
        "BackupComplete": "snapped",
    }[method]
    with backup_in(before, tmp_path) as (_, backup):
        CALLS[method](backup)
        with pytest.raises(vsspy.BadStateError):
            CALLS[method](backup)


def test_the_status_is_there_between_gather_and_free(tmp_path: Path) -> None:
    with backup_in("snapped", tmp_path) as (_, backup):
        wait(backup.components.gather_writer_status())
        assert len(backup.components.writer_status) == 2
        backup.components.free_writer_status()
        with pytest.raises(vsspy.BadStateError):
            len(backup.components.writer_status)
        wait(backup.components.gather_writer_status())
        assert len(backup.components.writer_status) == 2


def test_metadata_is_there_while_its_gather_is_not_over(tmp_path: Path) -> None:
    """Counts are refused until the operation that fills them has finished (semantics 2.5)."""
    fault = simulator.Fault("IVssBackupComponents::GatherWriterStatus", delay=math.inf)
    with server(tmp_path, faults=[fault]), vsspy.BackupComponents() as components:
        backup = Backup(components)
        backup.to_snapped()
        with components.gather_writer_status() as operation:
            with pytest.raises(vsspy.BadStateError):
                len(components.writer_status)
            operation.cancel()
            with pytest.raises(vsspy.OperationCancelledError):
                operation.wait(timeout=TIMEOUT)


def test_volume_mode_takes_no_components(tmp_path: Path) -> None:
    """AddComponent is for component mode: SetBackupState(true, ...)."""
    with server(tmp_path), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.set_backup_state(False, False, BackupType.COPY)
        gather(Backup(components))
        with pytest.raises(vsspy.BadStateError):
            components.add_component(ONE_INSTANCE, ONE_ID, FILEGROUP, None, "data")


def test_prepare_needs_a_state_and_a_gather(tmp_path: Path) -> None:
    with server(tmp_path), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        gather(Backup(components))
        with pytest.raises(vsspy.BadStateError):
            components.prepare_for_backup()
        components.set_backup_state(True, False, BackupType.COPY)
        wait(components.prepare_for_backup())


def test_a_component_is_added_once(tmp_path: Path) -> None:
    with backup_in("gathered", tmp_path) as (_, backup):
        backup.add()
        with pytest.raises(vsspy.ObjectAlreadyExistsError):
            backup.add()
        backup.add("more")
        backup.components.set_backup_options(ONE_ID, FILEGROUP, None, "data", "option")
        backup.components.set_previous_backup_stamp(ONE_ID, FILEGROUP, None, "data", "stamp")


def test_one_operation_at_a_time(tmp_path: Path) -> None:
    """Starting another one while one is pending is refused (semantics 3.8)."""
    with backup_in("snapping", tmp_path) as (_, backup):
        for start in (backup.components.gather_writer_status, backup.components.do_snapshot_set):
            with pytest.raises(vsspy.BadStateError):
                start()


def test_a_damaged_document_is_refused(tmp_path: Path) -> None:
    with server(tmp_path), vsspy.BackupComponents() as components:
        with pytest.raises(vsspy.InvalidXmlDocumentError):
            components.initialize_for_backup("<BACKUP_COMPONENTS")
        components.initialize_for_backup()


# Restores


BACKUP_ONLY = [
    ("SetBackupState", (True, False, 1, False)),
    ("AddComponent", (ONE_INSTANCE, ONE_ID, 2, None, "data")),
    ("SetBackupSucceeded", (ONE_INSTANCE, ONE_ID, 2, None, "data", True)),
    ("SetBackupOptions", (ONE_ID, 2, None, "data", "option")),
    ("SetPreviousBackupStamp", (ONE_ID, 2, None, "data", "stamp")),
    ("StartSnapshotSet", ((ctypes.c_uint8 * 16)(),)),
    ("AddToSnapshotSet", ("C:\\", UUID(int=0), (ctypes.c_uint8 * 16)())),
    ("SetContext", (0,)),
    ("Query", (UUID(int=0), 1, 3, ctypes.c_void_p())),
    ("GetSnapshotProperties", (UNKNOWN, (ctypes.c_uint8 * 128)())),
    ("IsVolumeSupported", (UUID(int=0), "C:\\", ctypes.c_int32())),
    ("PrepareForBackup", (ctypes.c_void_p(),)),
    ("DoSnapshotSet", (ctypes.c_void_p(),)),
    ("BackupComplete", (ctypes.c_void_p(),)),
]


def test_backup_only_calls_in_a_restore(tmp_path: Path) -> None:
    """The list of semantics 2.4 as far as vsspy has it."""
    with server(tmp_path) as machine, raw_restore(machine) as raw:
        for method, arguments in BACKUP_ONLY:
            assert raw.call(method, *arguments) == BAD_STATE, method
        initialize = METHODS["IVssBackupComponents"]["InitializeForBackup"]["vtable_index"]
        assert raw.slot(initialize, ctypes.c_void_p()) == BAD_STATE
        assert raw.call("AbortBackup") == S_OK, "nothing is under way"


# Arguments come before the state (semantics 1.6)

NULL_ARGUMENTS = [
    ("GetWriterComponentsCount", (None,)),
    ("GatherWriterMetadata", (None,)),
    ("GetWriterMetadataCount", (None,)),
    ("GetWriterMetadata", (0, None, None)),
    ("AddComponent", (ONE_INSTANCE, ONE_ID, 2, None, None)),
    ("PrepareForBackup", (None,)),
    ("GatherWriterStatus", (None,)),
    ("GetWriterStatusCount", (None,)),
    ("GetWriterStatus", (0, None, None, None, None, None)),
    ("SetBackupSucceeded", (ONE_INSTANCE, ONE_ID, 2, None, None, True)),
    ("SetBackupOptions", (ONE_ID, 2, None, None, "option")),
    ("SetPreviousBackupStamp", (ONE_ID, 2, None, None, "stamp")),
    ("SaveAsXML", (None,)),
    ("BackupComplete", (None,)),
    ("SetContext", (0x12345,)),
    ("SetBackupState", (True, False, 99, False)),
    ("StartSnapshotSet", (None,)),
    ("AddToSnapshotSet", (None, UUID(int=0), None)),
    ("DoSnapshotSet", (None,)),
    ("GetSnapshotProperties", (UNKNOWN, None)),
    ("Query", (UUID(int=0), 1, 3, None)),
    ("IsVolumeSupported", (UUID(int=0), None, None)),
]


def test_arguments_come_before_the_state(tmp_path: Path) -> None:
    with server(tmp_path) as machine, RawPlatform(machine).backup_components() as raw:
        for method, arguments in NULL_ARGUMENTS:
            assert raw.call(method, *arguments) == E_INVALIDARG, method
        count = ctypes.c_uint32()
        assert raw.call("GetWriterComponentsCount", count) == BAD_STATE


# One set at a time (semantics 5)


def test_one_set_at_a_time(tmp_path: Path) -> None:
    """A second requester is told so until the first one's set is made; and the first keeps its set."""
    with server(tmp_path) as machine, vsspy.BackupComponents() as first, vsspy.BackupComponents() as second:
        Backup(first).to_prepared()
        other = Backup(second)
        other.to_gathered()
        other.add()
        with pytest.raises(vsspy.SnapshotSetInProgressError):
            second.start_snapshot_set()
        wait(first.do_snapshot_set())
        second.start_snapshot_set()
        second.add_to_snapshot_set("C:\\")
        wait(second.prepare_for_backup())
        wait(second.do_snapshot_set())
        assert len(machine.shadow_copies) == 2
        wait(first.backup_complete())
        wait(second.backup_complete())


@pytest.mark.parametrize("way", ["fail", "abort", "close"])
def test_a_set_that_is_given_up_frees_the_place(tmp_path: Path, way: str) -> None:
    faults = [simulator.Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_PROVIDER_VETO", nth=1)]
    with server(tmp_path, faults=faults if way == "fail" else []), vsspy.BackupComponents() as first:
        backup = Backup(first)
        if way == "fail":
            backup.to_snap_failed()
        else:
            backup.to_prepared()
            first.abort_backup() if way == "abort" else first.close()
        with vsspy.BackupComponents() as second:
            Backup(second).to_done()
