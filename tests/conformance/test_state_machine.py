"""The state machine of IVssBackupComponents (semantics 2), contexts (6), writers' states (4.3) and filters (13)."""

from __future__ import annotations

import contextlib
import ctypes
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
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
    TWO_ID,
    TWO_INSTANCE,
    Backup,
    RawPlatform,
    backup_in,
    events,
    raw_restore,
    server,
    states,
    statuses,
    wait,
    writer,
)

import vsspy
from vsspy import simulator
from vsspy.enums import ApplicationLevel, BackupType, ObjectType, SnapshotAttributes, SnapshotContext, WriterState

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
    "Query": lambda b: b.components.query(),
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


# Contexts (semantics 6)

WITH_WRITERS = [SnapshotContext.BACKUP, SnapshotContext.APP_ROLLBACK, SnapshotContext.CLIENT_ACCESSIBLE_WRITERS]
WITHOUT_WRITERS = [SnapshotContext.FILE_SHARE_BACKUP, SnapshotContext.NAS_ROLLBACK, SnapshotContext.CLIENT_ACCESSIBLE]


def context_name(context: SnapshotContext) -> str:
    return context.name


@pytest.mark.parametrize("context", WITH_WRITERS, ids=context_name)
def test_contexts_with_writers(tmp_path: Path, context: SnapshotContext) -> None:
    """Gather and prepare are required before DoSnapshotSet; the attributes are the context's."""
    with server(tmp_path) as machine:
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_context(context)
            components.set_backup_state(True, False, BackupType.COPY)
            components.start_snapshot_set()
            shadow = components.add_to_snapshot_set("C:\\")
            with pytest.raises(vsspy.BadStateError):
                components.do_snapshot_set()
            gather(Backup(components))
            with pytest.raises(vsspy.BadStateError):
                components.do_snapshot_set()
            wait(components.prepare_for_backup())
            wait(components.do_snapshot_set())
            properties = components.get_snapshot_properties(shadow)
            assert properties.attributes & 0x1D == int(context)
            assert properties.attributes & SnapshotAttributes.NOT_SURFACED
            wait(components.backup_complete())
        kept = bool(context & SnapshotAttributes.NO_AUTO_RELEASE)
        assert [copy.id for copy in machine.shadow_copies] == ([shadow] if kept else [])


@pytest.mark.parametrize("context", WITHOUT_WRITERS, ids=context_name)
def test_contexts_without_writers(tmp_path: Path, context: SnapshotContext) -> None:
    """No gather is needed, no writer hears anything, and what is the writers' is refused."""
    with server(tmp_path) as machine:
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_context(context)
            components.set_backup_state(True, False, BackupType.COPY)
            with pytest.raises(vsspy.BadStateError):
                components.do_snapshot_set()
            gather(Backup(components))  # optional
            for refused in (components.prepare_for_backup, components.backup_complete):
                with pytest.raises(vsspy.BadStateError):
                    refused()
            with pytest.raises(vsspy.BadStateError):
                components.add_component(ONE_INSTANCE, ONE_ID, FILEGROUP, None, "data")
            components.start_snapshot_set()
            shadow = components.add_to_snapshot_set("C:\\")
            wait(components.do_snapshot_set())
            assert components.get_snapshot_properties(shadow).attributes & 0x1D == int(context)
        assert events(machine) == ["Identify"]
        kept = bool(context & SnapshotAttributes.NO_AUTO_RELEASE)
        assert [copy.id for copy in machine.shadow_copies] == ([shadow] if kept else [])


def test_context_all_only_looks(tmp_path: Path) -> None:
    """VSS_CTX_ALL creates nothing and sees everything; another context sees its own only."""
    with server(tmp_path) as machine:
        with vsspy.BackupComponents() as maker:
            maker.initialize_for_backup()
            maker.set_context(SnapshotContext.NAS_ROLLBACK)
            maker.start_snapshot_set()
            shadow = maker.add_to_snapshot_set("C:\\")
            wait(maker.do_snapshot_set())
        with vsspy.BackupComponents() as other:
            other.initialize_for_backup()
            assert other.query() == []
        with vsspy.BackupComponents() as every:
            every.initialize_for_backup()
            every.set_context(SnapshotContext.ALL)
            assert [found.snapshot_id for found in every.query()] == [shadow]
            with pytest.raises(vsspy.BadStateError):
                every.start_snapshot_set()
            assert every.delete_snapshots(shadow, ObjectType.SNAPSHOT) == 1
            assert every.query() == []
        assert not machine.shadow_copies


@pytest.mark.parametrize("context", [0x01, 0x12345, 0x40, 0x10000, 0x100000, 0x60000])
def test_contexts_that_do_not_exist(tmp_path: Path, context: int) -> None:
    """Other values, attributes that the system sets, and two kinds at once."""
    with server(tmp_path), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        with pytest.raises(vsspy.InvalidArgumentError):
            components.set_context(context)
        components.set_context(SnapshotContext.BACKUP | SnapshotAttributes.NO_AUTORECOVERY)
        with pytest.raises(vsspy.BadStateError):
            components.set_context(SnapshotContext.BACKUP)


def test_an_empty_set_is_legal(tmp_path: Path) -> None:
    """Writer contexts allow DoSnapshotSet with no volumes; the document has a set id all the same."""
    with backup_in("gathered", tmp_path) as (machine, backup):
        set_id = backup.components.start_snapshot_set()
        wait(backup.components.prepare_for_backup())
        wait(backup.components.do_snapshot_set())
        assert f'snapshotSetId="{set_id}"' in backup.components.save_as_xml()
        assert not machine.shadow_copies


# What writers hear, and their states (semantics 4)

ALL_EVENTS = [
    "Identify",
    "PrepareBackup",
    "PrepareSnapshot",
    "Freeze",
    "Thaw",
    "PostSnapshot",
    "BackupComplete",
    "BackupShutdown",
]


def test_events_of_a_good_backup(tmp_path: Path) -> None:
    with backup_in("done", tmp_path) as (machine, _):
        assert events(machine) == ALL_EVENTS[:-1]
        assert events(machine, "Two Writer") == ["Identify"], "none of its components is in the document (4.2)"
    assert events(machine) == ALL_EVENTS
    assert events(machine, "Two Writer") == ["Identify"]


def test_events_tell_the_set(tmp_path: Path) -> None:
    """BackupShutdown carries the set's id, or none where no shadow copy was made (semantics 4.7)."""
    seen: list[UUID | None] = []
    for state in ("snapped", "gathered"):
        folder = tmp_path / state
        folder.mkdir()
        shutdown = writer(on_backup_shutdown=lambda event: seen.append(event.snapshot_set_id))
        with backup_in(state, folder, writers=[shutdown]) as (_, backup):
            if state == "gathered":
                backup.add()
                prepare(backup)
            else:
                expected = backup.set_id
    assert seen == [expected, None]


def test_states_of_a_good_backup(tmp_path: Path) -> None:
    """The good column of semantics 4.3, seen between the calls; a writer that takes no part stays stable."""
    with server(tmp_path), vsspy.BackupComponents() as components:
        backup = Backup(components)
        backup.to_set()
        assert states(components)["One Writer"] is WriterState.STABLE
        wait(components.prepare_for_backup())
        assert states(components)["One Writer"] is WriterState.STABLE
        wait(components.do_snapshot_set())
        assert states(components) == {
            "One Writer": WriterState.WAITING_FOR_BACKUP_COMPLETE,
            "Two Writer": WriterState.STABLE,
        }
        wait(components.backup_complete())
        assert states(components)["One Writer"] is WriterState.STABLE


FAILURES = [
    ("PrepareBackup", WriterState.FAILED_AT_PREPARE_BACKUP, False),
    ("PrepareSnapshot", WriterState.FAILED_AT_PREPARE_SNAPSHOT, False),
    ("Freeze", WriterState.FAILED_AT_FREEZE, True),
    ("Thaw", WriterState.FAILED_AT_THAW, True),
    ("PostSnapshot", WriterState.FAILED_AT_POST_SNAPSHOT, False),
    ("BackupComplete", WriterState.FAILED_AT_BACKUP_COMPLETE, False),
]
HANDLERS = {
    "Identify": "on_identify",
    "PrepareBackup": "on_prepare_backup",
    "PrepareSnapshot": "on_prepare_snapshot",
    "Freeze": "on_freeze",
    "Thaw": "on_thaw",
    "PostSnapshot": "on_post_snapshot",
    "BackupComplete": "on_backup_complete",
    "BackupShutdown": "on_backup_shutdown",
    "Abort": "on_abort",
}
VETOES = [
    "VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT",
    "VSS_E_WRITERERROR_OUTOFRESOURCES",
    "VSS_E_WRITERERROR_TIMEOUT",
    "VSS_E_WRITERERROR_RETRYABLE",
    "VSS_E_WRITERERROR_NONRETRYABLE",
]


def whole_backup(components: vsspy.BackupComponents) -> None:
    """A whole backup of a component of each writer. Each operation ends well whatever writers say (semantics 3.10)."""
    backup = Backup(components)
    backup.to_gathered()
    backup.add()
    components.add_component(TWO_INSTANCE, TWO_ID, FILEGROUP, None, "data")
    components.start_snapshot_set()
    components.add_to_snapshot_set("C:\\")
    wait(components.prepare_for_backup())
    wait(components.do_snapshot_set())
    wait(components.backup_complete())


@pytest.mark.parametrize("veto", VETOES)
@pytest.mark.parametrize(("event", "state", "aborted"), FAILURES, ids=[event for event, _, _ in FAILURES])
def test_failure_of_one_writer(tmp_path: Path, event: str, state: WriterState, aborted: bool, veto: str) -> None:
    """It is failed at that step with its code, gets nothing more of the backup, and does not stop the others."""

    def refuse(_: simulator.WriterEvent) -> None:
        raise simulator.WriterVeto(veto)

    handler: dict[str, Any] = {HANDLERS[event]: refuse}
    writers = [writer(**handler), writer("Two Writer")]
    with server(tmp_path, writers=writers) as machine:
        with vsspy.BackupComponents() as components:
            whole_backup(components)
            found = statuses(components)
            assert (found["One Writer"].state, found["One Writer"].failure_name) == (state, veto)
            assert found["One Writer"].failed
            assert found["Two Writer"].state is WriterState.STABLE
            assert not found["Two Writer"].failed
            assert len(machine.shadow_copies) == 1
        heard = events(machine)
        assert heard[: heard.index(event) + 1] == ALL_EVENTS[: ALL_EVENTS.index(event) + 1]
        rest = heard[heard.index(event) + 1 :]
        assert rest == ["Abort", "BackupShutdown"] if aborted else rest == ["BackupShutdown"]
        assert events(machine, "Two Writer") == ALL_EVENTS


def test_any_other_exception_is_not_retryable(tmp_path: Path) -> None:
    """The writer's traceback is kept in the trace."""

    def break_down(_: simulator.WriterEvent) -> None:
        raise RuntimeError("the disk of the writer is on fire")

    with server(tmp_path, writers=[writer(on_freeze=break_down)]) as machine:
        with vsspy.BackupComponents() as components:
            Backup(components).to_done()
            assert statuses(components)["One Writer"].failure_name == "VSS_E_WRITERERROR_NONRETRYABLE"
        assert any("the disk of the writer is on fire" in str(entry) for entry in machine.trace)


def test_failure_at_identify_hides_the_writer(tmp_path: Path) -> None:
    """Such a writer is neither among the metadata nor the status (semantics 4.2)."""
    fault = simulator.Fault("One Writer::Identify", "VSS_E_WRITERERROR_RETRYABLE")
    with server(tmp_path, faults=[fault]), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        gather(Backup(components))
        assert [metadata.name for metadata in components.writer_metadata] == ["Two Writer"]
        assert list(states(components)) == ["Two Writer"]


def test_failure_at_backup_shutdown(tmp_path: Path) -> None:
    """The next requester may see it as a leftover (semantics 4.3, 4.4)."""
    fault = simulator.Fault("One Writer::BackupShutdown", "VSS_E_WRITERERROR_RETRYABLE")
    with server(tmp_path, faults=[fault]):
        with vsspy.BackupComponents() as components:
            Backup(components).to_done()
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            assert states(components)["One Writer"] is WriterState.FAILED_AT_BACKUPSHUTDOWN


def test_freeze_follows_the_levels(tmp_path: Path) -> None:
    """Front end first, then back end, then system (semantics 4.2)."""
    writers = [
        writer(level=ApplicationLevel.SYSTEM),
        writer("Two Writer", level=ApplicationLevel.FRONT_END),
    ]
    with server(tmp_path, writers=writers) as machine, vsspy.BackupComponents() as components:
        whole_backup(components)
        order = [entry.name for entry in machine.trace if entry.name.endswith("::Freeze")]
        assert order == ["Two Writer::Freeze", "One Writer::Freeze"]


# Abort (semantics 4.6) and the end of a requester (4.7)


@pytest.mark.parametrize("state", ["init", "state", "gathered", "freed"])
def test_abort_with_nothing_under_way(tmp_path: Path, state: str) -> None:
    with backup_in(state, tmp_path) as (machine, backup):
        backup.components.abort_backup()
        assert "Abort" not in events(machine)


@pytest.mark.parametrize("state", ["prepared", "snapped"])
def test_abort_tells_the_writers(tmp_path: Path, state: str) -> None:
    """Afterwards they are stable, no BackupComplete is due, and the object is good for nothing more."""
    with backup_in(state, tmp_path) as (machine, backup):
        backup.components.abort_backup()
        assert events(machine)[-1] == "Abort"
        assert "Abort" not in events(machine, "Two Writer")
        assert states(backup.components)["One Writer"] is WriterState.STABLE
        for refused in (complete, do_snapshot_set, prepare):
            with pytest.raises(vsspy.BadStateError):
                refused(backup)
        backup.components.abort_backup()
        assert events(machine).count("Abort") == 1, "nothing is under way any more"
    assert events(machine)[-2:] == ["Abort", "BackupShutdown"]
    assert not machine.shadow_copies


def test_abort_after_the_end(tmp_path: Path) -> None:
    with backup_in("done", tmp_path) as (machine, backup):
        backup.components.abort_backup()
        assert "Abort" not in events(machine)


@pytest.mark.parametrize("state", ["preparing", "snapping"])
def test_abort_ends_what_runs(tmp_path: Path, state: str) -> None:
    with backup_in(state, tmp_path) as (machine, backup):
        assert backup.pending is not None
        backup.components.abort_backup()
        with pytest.raises(vsspy.OperationCancelledError):
            backup.pending.wait(timeout=TIMEOUT)
        assert not machine.shadow_copies
        with vsspy.BackupComponents() as other:
            Backup(other).to_done()


def test_abort_keeps_a_failed_writers_state(tmp_path: Path) -> None:
    fault = simulator.Fault("One Writer::PrepareBackup", "VSS_E_WRITERERROR_RETRYABLE")
    with backup_in_with(tmp_path, fault) as (_, backup):
        backup.to_prepared()
        backup.components.abort_backup()
        assert states(backup.components)["One Writer"] is WriterState.FAILED_AT_PREPARE_BACKUP


@contextlib.contextmanager
def backup_in_with(folder: Path, *faults: simulator.Fault) -> Iterator[tuple[simulator.Machine, Backup]]:
    with server(folder, faults=faults) as machine, vsspy.BackupComponents() as components:
        yield machine, Backup(components)


PROVIDER_FAILURES = [
    "VSS_E_INSUFFICIENT_STORAGE",
    "VSS_E_PROVIDER_VETO",
    "VSS_E_UNEXPECTED_PROVIDER_ERROR",
    "VSS_E_FLUSH_WRITES_TIMEOUT",
    "VSS_E_HOLD_WRITES_TIMEOUT",
]


@pytest.mark.parametrize("name", PROVIDER_FAILURES)
def test_a_provider_failure_aborts(tmp_path: Path, name: str) -> None:
    """After PrepareSnapshot writers are told by Abort, none stays frozen, and there is no shadow copy (all or nothing)."""
    fault = simulator.Fault("IVssBackupComponents::DoSnapshotSet", name, at="result")
    with backup_in_with(tmp_path, fault) as (machine, backup):
        backup.to_prepared()
        with backup.components.do_snapshot_set() as operation, pytest.raises(vsspy.VssError) as caught:
            operation.wait(timeout=TIMEOUT)
        assert caught.value.name == name
        assert events(machine) == ["Identify", "PrepareBackup", "PrepareSnapshot", "Freeze", "Abort"]
        assert not machine.shadow_copies
        assert states(backup.components)["One Writer"] is WriterState.STABLE
        backup.components.abort_backup()
        assert events(machine)[-1] == "Abort", (
            "a requester cannot tell whether it was sent, and a second one is harmless"
        )


@pytest.mark.parametrize("name", PROVIDER_FAILURES[:3])
def test_some_codes_are_results_only(tmp_path: Path, name: str) -> None:
    """They appear through QueryStatus only (semantics 3.9): a fault at the call is refused, with no place given it moves."""
    with pytest.raises(vsspy.InvalidArgumentError):
        simulator.Fault("IVssBackupComponents::DoSnapshotSet", name, at="call")
    with backup_in_with(tmp_path, simulator.Fault("IVssBackupComponents::DoSnapshotSet", name)) as (_, backup):
        backup.to_prepared()
        with backup.components.do_snapshot_set() as operation, pytest.raises(vsspy.VssError) as caught:
            operation.wait(timeout=TIMEOUT)
        assert caught.value.name == name


def test_cancel_before_the_commit(tmp_path: Path) -> None:
    """Abort events and no shadow copies (semantics 3.7): cancelled while a writer is in its Freeze."""
    with backup_in_with(tmp_path, simulator.Fault("One Writer::Freeze", delay=30.0)) as (machine, backup):
        backup.to_prepared()
        with backup.components.do_snapshot_set() as operation:
            while "Freeze" not in events(machine):
                with contextlib.suppress(vsspy.WaitTimeoutError):
                    operation.wait(timeout=0.005)
            operation.cancel()
            with pytest.raises(vsspy.OperationCancelledError):
                operation.wait(timeout=TIMEOUT)
        assert events(machine)[-1] == "Abort"
        assert not machine.shadow_copies


def test_cancel_after_the_commit(tmp_path: Path) -> None:
    """It is ignored then (semantics 3.7): cancelled from a PostSnapshot handler, so the shadow copies are made."""
    running: list[vsspy.AsyncOperation] = []

    def cancel(_: simulator.WriterEvent) -> None:
        running[0].cancel()

    with backup_in("prepared", tmp_path, writers=[writer(on_post_snapshot=cancel)]) as (machine, backup):
        # slow enough for the caller to have its operation before the writer's handler looks for it
        machine.add_fault(simulator.Fault("IVssBackupComponents::DoSnapshotSet", delay=0.05))
        with backup.components.do_snapshot_set() as operation:
            running.append(operation)
            operation.wait(timeout=TIMEOUT)
        assert len(machine.shadow_copies) == 1
        complete(backup)


@pytest.mark.parametrize("state", STATES)
def test_a_dropped_object_leaves_nothing(tmp_path: Path, state: str) -> None:
    """A requester that dies without abort: BackupShutdown where it took part, nobody frozen, no shadow copy, set free."""
    fault_free = {"new", "init", "state", "gathering", "gathered", "freed", "set", "preparing"}
    with backup_in(state, tmp_path) as (machine, backup):
        backup.components.close()
        assert not machine.shadow_copies
        heard = events(machine)
        assert heard.count("BackupShutdown") == (0 if state in fault_free else 1)
        with vsspy.BackupComponents() as other:
            other.initialize_for_backup()
            other.start_snapshot_set()


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


# Filters (semantics 13)

Filter = tuple[str, list[UUID]]
DISABLE, ENABLE, DISABLE_INSTANCE = "disable_writer_classes", "enable_writer_classes", "disable_writer_instances"
FILTERS: dict[str, tuple[list[Filter], set[str]]] = {
    "nothing": ([], {"One", "Two"}),
    "disable one": ([(DISABLE, [ONE_ID])], {"Two"}),
    "disable an unknown one": ([(DISABLE, [UNKNOWN])], {"One", "Two"}),
    "enable one": ([(ENABLE, [ONE_ID])], {"One"}),
    "enabling drops earlier exclusions": ([(DISABLE, [ONE_ID]), (ENABLE, [ONE_ID])], {"One"}),
    "enabling again adds": ([(ENABLE, [ONE_ID]), (ENABLE, [TWO_ID])], {"One", "Two"}),
    "disabling takes from what was enabled": ([(ENABLE, [ONE_ID, TWO_ID]), (DISABLE, [TWO_ID])], {"One"}),
    "disable an instance": ([(DISABLE_INSTANCE, [TWO_INSTANCE])], {"One"}),
    "an instance of an enabled class": ([(ENABLE, [ONE_ID, TWO_ID]), (DISABLE_INSTANCE, [ONE_INSTANCE])], {"Two"}),
}


@pytest.mark.parametrize(("filters", "left"), FILTERS.values(), ids=FILTERS.keys())
def test_filters(tmp_path: Path, filters: list[Filter], left: set[str]) -> None:
    """Filtered writers appear neither in metadata nor status nor events."""
    with server(tmp_path) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        for method, ids in filters:
            getattr(components, method)(ids)
        components.set_backup_state(False, False, BackupType.COPY)
        gather(Backup(components))
        names = {f"{name} Writer" for name in left}
        assert {metadata.name for metadata in components.writer_metadata} == names
        wait(components.prepare_for_backup())
        assert set(states(components)) == names
        for name in ("One", "Two"):
            assert events(machine, f"{name} Writer") == (["Identify", "PrepareBackup"] if name in left else [])


def test_a_late_filter_has_no_effect(tmp_path: Path) -> None:
    """After the gather it is documented as without effect, not as an error."""
    with backup_in("gathered", tmp_path) as (_, backup):
        backup.components.disable_writer_classes([ONE_ID])
        assert set(states(backup.components)) == {"One Writer", "Two Writer"}
        assert len(backup.components.writer_metadata) == 2
