"""Slow operations, their cancellation, and the death of the requester."""

from __future__ import annotations

import math
import queue
from collections.abc import Callable
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

B = "IVssBackupComponents"
DO = f"{B}::DoSnapshotSet"
ADD = f"{B}::AddToSnapshotSet"
START = f"{B}::StartSnapshotSet"


def starters() -> dict[str, Callable[[Backup], vsspy.AsyncOperation]]:
    def gather(backup: Backup) -> vsspy.AsyncOperation:
        backup.to_state()
        return backup.components.gather_writer_metadata()

    def prepare(backup: Backup) -> vsspy.AsyncOperation:
        backup.to_set()
        return backup.components.prepare_for_backup()

    def snap(backup: Backup) -> vsspy.AsyncOperation:
        backup.to_prepared()
        return backup.components.do_snapshot_set()

    def complete(backup: Backup) -> vsspy.AsyncOperation:
        backup.to_snapped()
        return backup.components.backup_complete()

    def status(backup: Backup) -> vsspy.AsyncOperation:
        backup.to_init()
        return backup.components.gather_writer_status()

    return {
        "GatherWriterMetadata": gather,
        "PrepareForBackup": prepare,
        "DoSnapshotSet": snap,
        "BackupComplete": complete,
        "GatherWriterStatus": status,
    }


@pytest.mark.parametrize("method", starters())
def test_a_slow_operation(tmp_path: Path, method: str) -> None:
    """It takes its time by the machine's clock, and ends well."""
    fault = simulator.Fault(f"{B}::{method}", delay=600)
    with server(tmp_path, faults=[fault], virtual_time=True) as machine, vsspy.BackupComponents() as components:
        wait_long = starters()[method](Backup(components))
        with wait_long:
            wait_long.wait()
        (entry,) = [each for each in machine.trace if each.kind == "result" and each.name == f"{B}::{method}"]
        assert entry.end is not None
        assert entry.end - entry.start >= 600


@pytest.mark.parametrize("method", starters())
def test_cancelled_while_it_hangs(tmp_path: Path, method: str) -> None:
    fault = simulator.Fault(f"{B}::{method}", delay=math.inf)
    with server(tmp_path, faults=[fault]) as machine, vsspy.BackupComponents() as components:
        with starters()[method](Backup(components)) as operation:
            operation.cancel()
            with pytest.raises(vsspy.OperationCancelledError):
                operation.wait(timeout=TIMEOUT)
        assert machine.shadow_copies == [] or method == "BackupComplete"


def test_cancelled_before_the_commit(tmp_path: Path) -> None:
    """Writers that were frozen hear of it, and no shadow copy is left (semantics 3.7)."""
    with (
        server(tmp_path, faults=[simulator.Fault("Two Writer::Freeze", delay=math.inf, nth=1)]) as machine,
        vsspy.BackupComponents() as components,
    ):
        components.initialize_for_backup()
        components.set_backup_state(False, False, vsspy.BackupType.FULL)
        wait(components.gather_writer_metadata())
        components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        wait(components.prepare_for_backup())
        with components.do_snapshot_set() as operation:
            while "Freeze" not in events(machine):
                assert not operation.done()
            operation.cancel()
            with pytest.raises(vsspy.OperationCancelledError):
                operation.wait(timeout=TIMEOUT)
        assert "Abort" in events(machine)
        assert not machine.shadow_copies


def test_cancelled_after_the_commit(tmp_path: Path) -> None:
    """It is ignored: the shadow copy is there by then."""
    held: queue.Queue[vsspy.AsyncOperation] = queue.Queue()

    def cancel(event: simulator.WriterEvent) -> None:
        held.get(timeout=TIMEOUT).cancel()

    with server(tmp_path, writers=[writer(on_post_snapshot=cancel)]) as machine, vsspy.BackupComponents() as components:
        Backup(components).to_prepared()
        with components.do_snapshot_set() as operation:
            held.put(operation)
            operation.wait(timeout=TIMEOUT)
        assert len(machine.shadow_copies) == 1
        assert states(components)["One Writer"] is WriterState.WAITING_FOR_BACKUP_COMPLETE


@pytest.mark.parametrize("state", [each for each in STATES if each != "aborted"])
def test_the_requester_dies(tmp_path: Path, state: str) -> None:
    """Dropped without abort in each state: no set stays in progress, nobody stays frozen, nothing is left."""
    with backup_in(state, tmp_path) as (machine, backup):
        backup.components.close()
        seen = events(machine)
        assert seen.count("Freeze") <= seen.count("Thaw") + seen.count("Abort")
        assert not machine.shadow_copies
        with vsspy.BackupComponents() as components:
            Backup(components).to_done()
