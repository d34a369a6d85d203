"""Abort, cancellation, and the end of a requester (semantics 3.7, 4.6 and 4.7)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import (
    STATES,
    TIMEOUT,
    Backup,
    backup_in,
    events,
    server,
    states,
    wait,
    writer,
)

import vsspy
from vsspy import simulator
from vsspy.enums import WriterState


@contextlib.contextmanager
def backup_with_faults(folder: Path, *faults: simulator.Fault) -> Iterator[tuple[simulator.Machine, Backup]]:
    with server(folder, faults=faults) as machine, vsspy.BackupComponents() as components:
        yield machine, Backup(components)


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
        for refused in (
            backup.components.backup_complete,
            backup.components.do_snapshot_set,
            backup.components.prepare_for_backup,
        ):
            with pytest.raises(vsspy.BadStateError):
                refused()
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
    with backup_with_faults(tmp_path, fault) as (_, backup):
        backup.to_prepared()
        backup.components.abort_backup()
        assert states(backup.components)["One Writer"] is WriterState.FAILED_AT_PREPARE_BACKUP


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
    with backup_with_faults(tmp_path, fault) as (machine, backup):
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
    with backup_with_faults(tmp_path, simulator.Fault("IVssBackupComponents::DoSnapshotSet", name)) as (_, backup):
        backup.to_prepared()
        with backup.components.do_snapshot_set() as operation, pytest.raises(vsspy.VssError) as caught:
            operation.wait(timeout=TIMEOUT)
        assert caught.value.name == name


def test_cancel_before_the_commit(tmp_path: Path) -> None:
    """Abort events and no shadow copies (semantics 3.7): cancelled while a writer is in its Freeze."""
    with backup_with_faults(tmp_path, simulator.Fault("One Writer::Freeze", delay=30.0)) as (machine, backup):
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
        wait(backup.components.backup_complete())


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
