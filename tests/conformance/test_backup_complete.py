"""IVssBackupComponents::BackupComplete: each return code of its page and what semantics 12 says of it."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from support import (
    BAD_STATE,
    E_INVALIDARG,
    METHODS,
    ONE_ID,
    ONE_INSTANCE,
    S_OK,
    STATES,
    TIMEOUT,
    Backup,
    RawPlatform,
    backup_in,
    code,
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
from vsspy.enums import SnapshotContext, WriterState

NAME = "IVssBackupComponents::BackupComplete"
PENDING, FINISHED, CANCELLED = (code(f"VSS_S_ASYNC_{name}") for name in ("PENDING", "FINISHED", "CANCELLED"))

#: The codes of the page and the test of each, so that a code which the page gains or loses is noticed here.
COVERED = {
    "S_OK": "test_s_ok",
    "E_INVALIDARG": "test_null_pointer",
    "E_OUTOFMEMORY": "test_failure_to_start",
    "VSS_E_BAD_STATE": "test_wrong_state",
    "VSS_E_UNEXPECTED": "test_failure_to_start",
    "E_UNEXPECTED": "test_unexpected_on_old_systems",
    "VSS_E_UNEXPECTED_WRITER_ERROR": "test_writers_cannot_be_told",
}


def test_each_code_of_the_page_has_a_test() -> None:
    assert {entry["code"] for entry in METHODS["IVssBackupComponents"]["BackupComplete"]["returns"]} == set(COVERED)
    assert all(name in globals() for name in COVERED.values())


def test_s_ok(tmp_path: Path) -> None:
    """S_OK of the method means started; the outcome is QueryStatus's (semantics 3.1, 3.2)."""
    with backup_in("snapped", tmp_path) as (machine, backup):
        with backup.components.backup_complete() as operation:
            operation.wait(timeout=TIMEOUT)
            assert operation.status == FINISHED
            assert operation.done()
        calls = [entry for entry in machine.trace if entry.name == NAME]
        assert calls[0].hresult == S_OK
        assert events(machine)[-1] == "BackupComplete"
        assert states(backup.components)["One Writer"] is WriterState.STABLE
    assert machine.live_objects == 0
    assert not machine.shadow_copies


# Arguments


def test_null_pointer(tmp_path: Path) -> None:
    """Arguments are checked before the state (semantics 1.6): E_INVALIDARG on a fresh object and on a finished one."""
    with server(tmp_path) as machine, RawPlatform(machine).backup_components() as raw:
        assert raw.call("BackupComplete", None) == E_INVALIDARG
        assert raw.finish("BackupComplete") == BAD_STATE
        assert raw.slot(METHODS["IVssBackupComponents"]["InitializeForBackup"]["vtable_index"], ctypes.c_void_p()) == 0
        assert raw.call("BackupComplete", None) == E_INVALIDARG
        assert raw.call("SetBackupState", True, False, int(vsspy.BackupType.FULL), False) == S_OK
        assert raw.finish("GatherWriterMetadata") == FINISHED
        assert raw.call("AddComponent", ONE_INSTANCE, ONE_ID, 2, None, "data") == S_OK
        assert raw.finish("PrepareForBackup") == FINISHED
        set_id = (ctypes.c_uint8 * 16)()
        assert raw.call("StartSnapshotSet", set_id) == S_OK
        assert raw.finish("DoSnapshotSet") == FINISHED
        assert raw.call("BackupComplete", None) == E_INVALIDARG
        assert "BackupComplete" not in events(machine)
        assert raw.finish("BackupComplete") == FINISHED, "the refused calls may not have used it up"
    assert events(machine).count("BackupComplete") == 1


def test_query_status_arguments(tmp_path: Path) -> None:
    """QueryStatus wants a place for the result, and NULL for what is reserved (semantics 3.2)."""
    with server(tmp_path) as machine, RawPlatform(machine).backup_components() as raw:
        raw.slot(METHODS["IVssBackupComponents"]["InitializeForBackup"]["vtable_index"], ctypes.c_void_p())
        with raw.start("GatherWriterMetadata") as operation:
            assert operation.call("QueryStatus", None, None) == E_INVALIDARG
            assert operation.call("Wait", 0xFFFFFFFF) == S_OK
            assert operation.status() == FINISHED
            assert operation.call("Cancel") == FINISHED, "it is already over (semantics 3.4)"


# The wrong states


@pytest.mark.parametrize("state", [state for state in STATES if state not in {"snapped", "prepared"}])
def test_wrong_state(tmp_path: Path, state: str) -> None:
    """VSS_E_BAD_STATE in every other state, and the writers hear nothing of it."""
    with backup_in(state, tmp_path) as (machine, backup):
        told = events(machine).count("BackupComplete")
        with pytest.raises(vsspy.BadStateError) as caught:
            backup.components.backup_complete()
        assert caught.value.hresult == BAD_STATE
        assert caught.value.name == "VSS_E_BAD_STATE"
        assert caught.value.operation == NAME
        assert events(machine).count("BackupComplete") == told


def test_wrong_state_in_a_restore(tmp_path: Path) -> None:
    """An object that was initialised for a restore is the wrong one, before and after its gather (semantics 2.4)."""
    with server(tmp_path) as machine, raw_restore(machine) as raw:
        assert raw.call("BackupComplete", None) == E_INVALIDARG
        assert raw.finish("BackupComplete") == BAD_STATE
        assert raw.finish("GatherWriterMetadata") == FINISHED
        assert raw.finish("BackupComplete") == BAD_STATE


@pytest.mark.parametrize(
    "context",
    [SnapshotContext.FILE_SHARE_BACKUP, SnapshotContext.NAS_ROLLBACK, SnapshotContext.CLIENT_ACCESSIBLE],
    ids=lambda context: context.name,
)
def test_wrong_state_without_writers(tmp_path: Path, context: SnapshotContext) -> None:
    """Not in contexts without writers (semantics 12.7), the shadow copies made or not."""
    with server(tmp_path) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.set_context(context)
        with pytest.raises(vsspy.BadStateError):
            components.backup_complete()
        components.start_snapshot_set()
        shadow = components.add_to_snapshot_set("C:\\")
        wait(components.do_snapshot_set())
        assert [copy.id for copy in machine.shadow_copies] == [shadow]
        with pytest.raises(vsspy.BadStateError):
            components.backup_complete()
        components.delete_snapshots(shadow, vsspy.ObjectType.SNAPSHOT)


def test_wrong_state_after_a_cancelled_snapshot(tmp_path: Path) -> None:
    """A cancelled DoSnapshotSet made nothing that could be complete (B_SNAP_FAILED)."""
    with backup_in("snapping", tmp_path) as (machine, backup):
        assert backup.pending is not None
        backup.pending.cancel()
        with pytest.raises(vsspy.OperationCancelledError):
            backup.pending.wait(timeout=TIMEOUT)
        assert not machine.shadow_copies
        with pytest.raises(vsspy.BadStateError):
            backup.components.backup_complete()


def test_prepared_without_a_shadow_copy(tmp_path: Path) -> None:
    """The shadow copy may be left out where no file set needs one (semantics 6, the table of rules; 12.1)."""
    with server(tmp_path) as machine, vsspy.BackupComponents() as components:
        backup = Backup(components)
        backup.to_gathered()
        backup.add()
        wait(components.prepare_for_backup())
        backup.succeeded("data", True)
        wait(components.backup_complete())
        assert events(machine) == ["Identify", "PrepareBackup", "BackupComplete"]


# Failures


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("E_OUTOFMEMORY", vsspy.OutOfMemoryError),
        ("VSS_E_UNEXPECTED", vsspy.UnexpectedError),
        ("VSS_E_UNEXPECTED_WRITER_ERROR", vsspy.UnexpectedWriterError),
    ],
)
def test_failure_to_start(tmp_path: Path, name: str, error: type[vsspy.VssError]) -> None:
    """The call fails, nothing runs, and the same object can be asked again."""
    fault = simulator.Fault(NAME, name, nth=1, at="call")
    with server(tmp_path, faults=[fault]) as machine, vsspy.BackupComponents() as components:
        backup = Backup(components)
        backup.to_snapped()
        with pytest.raises(error) as caught:
            components.backup_complete()
        assert type(caught.value) is error
        assert (caught.value.hresult, caught.value.name, caught.value.operation) == (code(name), name, NAME)
        assert "BackupComplete" not in events(machine)
        wait(components.backup_complete())
        assert "BackupComplete" in events(machine)


@pytest.mark.parametrize("name", ["E_OUTOFMEMORY", "VSS_E_UNEXPECTED", "VSS_E_UNEXPECTED_WRITER_ERROR"])
@pytest.mark.parametrize("effect", ["before", "after"])
def test_failure_in_the_result(tmp_path: Path, name: str, effect: Literal["before", "after"]) -> None:
    """The call starts and the outcome is the error, through QueryStatus."""
    fault = simulator.Fault(NAME, name, at="result", effect=effect)
    with server(tmp_path, faults=[fault]) as machine, vsspy.BackupComponents() as components:
        Backup(components).to_snapped()
        with components.backup_complete() as operation:
            with pytest.raises(vsspy.VssError) as caught:
                operation.wait(timeout=TIMEOUT)
            assert caught.value.name == name
            assert operation.status == code(name)
            assert operation.done()
        assert ("BackupComplete" in events(machine)) == (effect == "after")


def test_writers_cannot_be_told(tmp_path: Path) -> None:
    """VSS_E_UNEXPECTED_WRITER_ERROR, reached through the vtable: a foreign requester sees the same."""
    fault = simulator.Fault(NAME, "VSS_E_UNEXPECTED_WRITER_ERROR", nth=1, at="call")
    with server(tmp_path, faults=[fault]) as machine, RawPlatform(machine).backup_components() as raw:
        raw.slot(METHODS["IVssBackupComponents"]["InitializeForBackup"]["vtable_index"], ctypes.c_void_p())
        assert raw.call("SetBackupState", False, False, int(vsspy.BackupType.COPY), False) == S_OK
        assert raw.finish("GatherWriterMetadata") == FINISHED
        assert raw.call("StartSnapshotSet", (ctypes.c_uint8 * 16)()) == S_OK
        assert raw.finish("PrepareForBackup") == FINISHED
        assert raw.finish("DoSnapshotSet") == FINISHED
        assert raw.finish("BackupComplete") == code("VSS_E_UNEXPECTED_WRITER_ERROR")
        assert raw.finish("BackupComplete") == FINISHED


@pytest.mark.parametrize(("level", "seen"), [("vista", "E_UNEXPECTED"), ("7", "VSS_E_UNEXPECTED")])
@pytest.mark.parametrize("at", ["call", "result"])
def test_unexpected_on_old_systems(tmp_path: Path, level: str, seen: str, at: Literal["call", "result"]) -> None:
    """Before Windows 7 and Server 2008 R2 it is E_UNEXPECTED (semantics 1.5); the class is the same."""
    fault = simulator.Fault(NAME, "VSS_E_UNEXPECTED", at=at)
    with server(tmp_path, faults=[fault], level=level), vsspy.BackupComponents() as components:
        Backup(components).to_snapped()
        with pytest.raises(vsspy.UnexpectedError) as caught:
            wait(components.backup_complete())
        assert caught.value.name == seen


def test_a_failing_writer_does_not_fail_it(tmp_path: Path) -> None:
    """A finished operation says nothing of the writers (semantics 3.10): their failure is in their status."""

    def refuse(event: simulator.WriterEvent) -> None:
        raise simulator.WriterVeto("VSS_E_WRITERERROR_NONRETRYABLE")

    writers = [writer(on_backup_complete=refuse), writer("Two Writer")]
    with server(tmp_path, writers=writers), vsspy.BackupComponents() as components:
        Backup(components).to_done()
        found = statuses(components)
        assert found["One Writer"].state is WriterState.FAILED_AT_BACKUP_COMPLETE
        assert found["One Writer"].failure_name == "VSS_E_WRITERERROR_NONRETRYABLE"
        assert found["Two Writer"].state is WriterState.STABLE


# The asynchronous operation


def test_status_while_it_runs_and_cancel(tmp_path: Path) -> None:
    """Pending is a status, a time-out leaves it running, and a backup may be given up by Cancel (semantics 3.7)."""
    with backup_in("completing", tmp_path) as (machine, backup):
        operation = backup.pending
        assert operation is not None
        assert operation.status == PENDING
        assert not operation.done()
        with pytest.raises(vsspy.WaitTimeoutError):
            operation.wait(timeout=0.01)
        assert operation.status == PENDING
        operation.cancel()
        with pytest.raises(vsspy.OperationCancelledError):
            operation.wait(timeout=TIMEOUT)
        assert operation.status == CANCELLED
        assert "BackupComplete" not in events(machine)
        assert len(machine.shadow_copies) == 1, "it does not end the shadow copies (semantics 12.4)"
    assert not machine.shadow_copies
    assert events(machine)[-1] == "BackupShutdown"


def test_it_does_not_end_the_shadow_copies(tmp_path: Path) -> None:
    """Release does, not BackupComplete (semantics 12.4)."""
    with backup_in("done", tmp_path) as (machine, backup):
        (copy,) = machine.shadow_copies
        assert copy.id == backup.shadow_id
        assert backup.shadow_id is not None
        properties = backup.components.get_snapshot_properties(backup.shadow_id)
        assert (Path(properties.device_object) / "data" / "file.txt").read_text(encoding="ascii") == "data"
    assert not machine.shadow_copies


# What writers are told


def test_writers_see_each_components_success(tmp_path: Path) -> None:
    """GetBackupSucceeded in the event: a component of which nothing was said counts as failed (semantics 12.2)."""
    seen: dict[str, dict[str, bool]] = {}

    def remember(name: str) -> Callable[[simulator.WriterEvent], None]:
        def on_backup_complete(event: simulator.WriterEvent) -> None:
            assert event.name == "BackupComplete"
            seen[name] = {component.name: bool(component.backup_succeeded) for component in event.components}

        return on_backup_complete

    three = ("data", "more", "rest")
    writers = [
        writer(components=three, on_backup_complete=remember("One Writer")),
        writer("Two Writer", on_backup_complete=remember("Two Writer")),
    ]
    with server(tmp_path, writers=writers), vsspy.BackupComponents() as components:
        backup = Backup(components)
        backup.to_gathered()
        for component in three:
            backup.add(component)
        components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        wait(components.prepare_for_backup())
        wait(components.do_snapshot_set())
        backup.succeeded("data", True)
        backup.succeeded("more", False)
        wait(components.backup_complete())
        assert seen == {"One Writer": {"data": True, "more": False, "rest": False}}
        document = components.save_as_xml()
        assert 'componentName="data" componentType="filegroup" backupSucceeded="yes"' in document
        assert 'componentName="more" componentType="filegroup" backupSucceeded="no"' in document
        assert 'componentName="rest" componentType="filegroup"/>' in document.replace("></COMPONENT>", "/>")


def test_the_last_word_on_a_component_counts(tmp_path: Path) -> None:
    """SetBackupSucceeded replaces what was said before; after BackupComplete it is too late."""
    seen: list[bool] = []
    writers = [writer(on_backup_complete=lambda event: seen.append(bool(event.components[0].backup_succeeded)))]
    with server(tmp_path, writers=writers), vsspy.BackupComponents() as components:
        backup = Backup(components)
        backup.to_snapped()
        backup.succeeded("data", True)
        backup.succeeded("data", False)
        with pytest.raises(vsspy.ObjectNotFoundError):
            backup.succeeded("more", True)
        wait(components.backup_complete())
        assert seen == [False]
        with pytest.raises(vsspy.BadStateError):
            backup.succeeded("data", True)


def test_writers_may_change_the_document_until_then(tmp_path: Path) -> None:
    """SaveAsXML afterwards stores the writers' stamps too (semantics 12.6)."""

    def stamp(event: simulator.WriterEvent) -> None:
        event.components[0].set_backup_stamp("stamp 1")

    with server(tmp_path, writers=[writer(on_post_snapshot=stamp)]), vsspy.BackupComponents() as components:
        Backup(components).to_done()
        assert 'backupStamp="stamp 1"' in components.save_as_xml()


def test_every_writer_is_told_outside_component_mode(tmp_path: Path) -> None:
    """SetBackupState(false): all writers of the gather take part, with no components (semantics 4.2)."""
    with server(tmp_path) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.set_backup_state(False, False, vsspy.BackupType.COPY)
        wait(components.gather_writer_metadata())
        components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        wait(components.prepare_for_backup())
        wait(components.do_snapshot_set())
        wait(components.backup_complete())
        assert [events(machine, name)[-1] for name in ("One Writer", "Two Writer")] == ["BackupComplete"] * 2


# Writers' sessions on old systems


def complete_once() -> WriterState:
    """A whole backup without the status after it; the state in which the first writer is seen before its BackupComplete."""
    with vsspy.BackupComponents() as components:
        backup = Backup(components)
        backup.to_snapped()
        seen = states(components)["One Writer"]
        wait(components.backup_complete())
        return seen


def leftover() -> vsspy.WriterStatus:
    """The first writer's status as the next requester finds it."""
    with vsspy.BackupComponents() as components:
        Backup(components).to_init()
        wait(components.gather_writer_metadata())
        return statuses(components)["One Writer"]


@pytest.mark.parametrize(
    ("level", "state"),
    [
        ("xp", WriterState.WAITING_FOR_BACKUP_COMPLETE),
        ("vista", WriterState.WAITING_FOR_BACKUP_COMPLETE),
        ("7", WriterState.STABLE),
        ("8", WriterState.STABLE),
    ],
)
def test_status_left_out(tmp_path: Path, level: str, state: WriterState) -> None:
    """Up to Server 2008 SP2 a backup whose status nobody gathered leaves the writer in state 5 (semantics 12.3)."""
    with server(tmp_path, level=level):
        assert complete_once() is WriterState.WAITING_FOR_BACKUP_COMPLETE
        assert leftover().state is state


@pytest.mark.parametrize("level", ["xp", "vista", "7", "8"])
def test_status_closes_the_writers_session(tmp_path: Path, level: str) -> None:
    with server(tmp_path, level=level):
        for _ in range(20):
            with vsspy.BackupComponents() as components:
                Backup(components).to_done()
                assert statuses(components)["One Writer"].state is WriterState.STABLE
        assert leftover().state is WriterState.STABLE


@pytest.mark.parametrize("level", ["vista", "8"])
def test_session_slots_run_out(tmp_path: Path, level: str) -> None:
    """Left out again and again, an old writer runs out of slots: VSS_E_WRITER_STATUS_NOT_AVAILABLE (semantics 12.3)."""
    volumes = {"C:\\": tmp_path / "empty"}
    volumes["C:\\"].mkdir()
    with server(tmp_path, level=level, volumes=volumes):
        for _ in range(100):
            complete_once()
            status = leftover()
            if status.failure_name == "VSS_E_WRITER_STATUS_NOT_AVAILABLE":
                break
        assert (status.failure_name == "VSS_E_WRITER_STATUS_NOT_AVAILABLE") == (level == "vista")


# Releases


def test_every_pointer_is_released(tmp_path: Path) -> None:
    """What a backup takes is named while it is held, and all of it is given back in the end (and so in each test here)."""
    with server(tmp_path) as machine:
        components = vsspy.BackupComponents()
        backup = Backup(components)
        backup.to_snapped()
        operation = components.backup_complete()
        assert any("IVssAsync" in name for name in machine.live())
        operation.wait(timeout=TIMEOUT)
        operation.close()
        assert not any("IVssAsync" in name for name in machine.live())
        assert list(components.writer_metadata)
        assert machine.live_objects == 1
        components.close()
        assert machine.live_objects == 0
        with pytest.raises(vsspy.ClosedError):
            components.backup_complete()


def test_an_operation_outlives_its_object(tmp_path: Path) -> None:
    """Releasing the object that made it ends the operation one way or another, and its pointer stays good."""
    with server(tmp_path) as machine:
        components = vsspy.BackupComponents()
        Backup(components).to_snapped()
        operation = components.backup_complete()
        components.close()
        with contextlib.suppress(vsspy.OperationCancelledError):
            operation.wait(timeout=TIMEOUT)
        assert operation.status in (FINISHED, CANCELLED)
        operation.close()
        assert machine.live_objects == 0
        assert not machine.shadow_copies
