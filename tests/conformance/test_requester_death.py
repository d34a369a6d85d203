"""What is left of a requester that dies, in each state (semantics 4.7): its object dropped, or its whole process gone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest
from support import DOCUMENT, STATES, TWO_ID, Backup, backup_in, events, server, wait, writer

import vsspy
from vsspy import SnapshotContext, simulator

GATHERED = ["Identify"]
PREPARED = [*GATHERED, "PrepareBackup"]
SNAPPED = [*PREPARED, "PrepareSnapshot", "Freeze", "Thaw", "PostSnapshot"]


class Death(NamedTuple):
    """What a writer that takes part hears, up to the death and because of it."""

    before: list[str]
    after: list[str]
    with_set: bool = False  # the BackupShutdown carries the set's id


#: A row for each state of semantics 2.1. Abort comes with a set that is being made, not with one that is only planned:
#: semantics 4.6 has no such cause among those of Abort.
DEATHS = {
    "new": Death([], []),
    "init": Death([], []),
    "state": Death([], []),
    "gathering": Death([], []),
    "gathered": Death(GATHERED, []),
    "freed": Death(GATHERED, []),
    "set": Death(GATHERED, []),
    "preparing": Death(GATHERED, []),
    "prepared": Death(PREPARED, ["BackupShutdown"]),
    "snapping": Death(PREPARED, ["Abort", "BackupShutdown"]),
    "snapped": Death(SNAPPED, ["BackupShutdown"], with_set=True),
    "snap_failed": Death([*PREPARED, "PrepareSnapshot", "Freeze", "Abort"], ["BackupShutdown"]),
    "completing": Death(SNAPPED, ["BackupShutdown"], with_set=True),
    "done": Death([*SNAPPED, "BackupComplete"], ["BackupShutdown"], with_set=True),
    "aborted": Death([*PREPARED, "Abort"], ["BackupShutdown"]),
}


def test_no_state_is_missing() -> None:
    assert set(DEATHS) == set(STATES)


@pytest.mark.parametrize("state", STATES)
def test_the_object_is_dropped(tmp_path: Path, state: str) -> None:
    """Without abort: writers that take part get BackupShutdown, a set under creation ends, auto-release copies go."""
    death = DEATHS[state]
    shutdowns: list[UUID | None] = []
    one = writer(on_backup_shutdown=lambda event: shutdowns.append(event.snapshot_set_id))
    with backup_in(state, tmp_path, writers=[one, writer("Two Writer")]) as (machine, backup):
        assert events(machine) == death.before
        kept = backup.set_id
        backup.components.close()
        assert events(machine) == death.before + death.after
        assert shutdowns == [kept if death.with_set else None] * death.after.count("BackupShutdown")
        assert events(machine, "Two Writer") in ([], ["Identify"])  # none of its components is in the document
        assert not machine.shadow_copies
        with vsspy.shadow_copy("C:\\"):  # nobody is frozen or in the way
            pass


@pytest.mark.parametrize("state", STATES)
def test_the_process_is_gone(tmp_path: Path, state: str) -> None:
    """The machine lives in its requester's process: closing it is a computer switched off. Writers hear of it only
    where they would stay frozen, or in the middle of a set; no shadow copy is left."""
    with backup_in(state, tmp_path) as (machine, backup):
        machine.close()
        assert events(machine) == DEATHS[state].before + (["Abort"] if state == "snapping" else [])
        assert not machine.shadow_copies
        with pytest.raises(vsspy.ConnectionLostError):
            backup.components.gather_writer_status()
        if backup.pending is not None:
            backup.pending.close()
            backup.pending = None


def test_death_while_writers_are_frozen(tmp_path: Path) -> None:
    """They get Abort, not Thaw: one that is frozen, and one that hangs in its Freeze."""
    writers = [writer(level=vsspy.ApplicationLevel.FRONT_END), writer("Two Writer", components=["data"])]
    with backup_in("gathered", tmp_path, writers=writers, virtual_time=True) as (machine, backup):
        backup.add()
        backup.components.add_component(writers[1].instance_id, TWO_ID, vsspy.ComponentType.FILEGROUP, None, "data")
        backup.components.start_snapshot_set()
        backup.components.add_to_snapshot_set("C:\\")
        wait(backup.components.prepare_for_backup())
        machine.add_fault(simulator.Fault("Two Writer::Freeze", delay=30))
        with backup.components.do_snapshot_set() as operation:
            while "Freeze" not in events(machine, "Two Writer"):
                machine.sleep(1)
            backup.components.close()
            assert operation.status == vsspy.HResult(0x0004230B)  # VSS_S_ASYNC_CANCELLED
        for name in ("One Writer", "Two Writer"):
            heard = events(machine, name)
            assert heard[:4] == [*PREPARED, "PrepareSnapshot", "Freeze"]
            assert set(heard[4:-1]) == {"Abort"}
            assert heard[-1] == "BackupShutdown"
        assert machine.now() < 30


KEPT = {
    SnapshotContext.BACKUP: False,
    SnapshotContext.FILE_SHARE_BACKUP: False,
    SnapshotContext.NAS_ROLLBACK: True,
    SnapshotContext.APP_ROLLBACK: True,
    SnapshotContext.CLIENT_ACCESSIBLE: True,
    SnapshotContext.CLIENT_ACCESSIBLE_WRITERS: True,
}


@pytest.mark.parametrize(("context", "kept"), KEPT.items(), ids=[each.name for each in KEPT])
def test_what_outlives_the_requester(tmp_path: Path, context: SnapshotContext, kept: bool) -> None:
    """Auto-release shadow copies go with it, persistent ones stay (semantics 4.7, 6)."""
    with server(tmp_path) as machine:
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_context(context)
            if not context & vsspy.SnapshotAttributes.NO_WRITERS:
                components.set_backup_state(False, False, vsspy.BackupType.COPY)
                wait(components.gather_writer_metadata())
                wait(components.prepare_for_backup())
            components.start_snapshot_set()
            components.add_to_snapshot_set("C:\\")
            wait(components.do_snapshot_set())
            assert len(machine.shadow_copies) == 1
        assert len(machine.shadow_copies) == kept


def test_others_are_refused_until_it_is_noticed(tmp_path: Path) -> None:
    """A set in progress belongs to an object that is still there, whoever forgot it."""
    with server(tmp_path), vsspy.BackupComponents() as forgotten, vsspy.BackupComponents() as other:
        for components in (forgotten, other):
            components.initialize_for_backup()
        forgotten.start_snapshot_set()
        with pytest.raises(vsspy.SnapshotSetInProgressError):
            other.start_snapshot_set()
        forgotten.close()
        other.start_snapshot_set()


@pytest.mark.parametrize("state", ["init", "gathered", "pre", "post"])
def test_a_restore_dies(tmp_path: Path, state: str) -> None:
    """It ends without an event: there is neither Abort nor BackupShutdown in a restore (semantics 4.1, 4.6)."""
    key = (writer().writer_id, vsspy.ComponentType.FILEGROUP, None, "data")
    with server(tmp_path) as machine:
        with vsspy.BackupComponents() as components:
            components.initialize_for_restore(DOCUMENT)
            if state != "init":
                wait(components.gather_writer_metadata())
            if state in ("pre", "post"):
                components.set_selected_for_restore(*key, True)
                wait(components.pre_restore())
            if state == "post":
                components.set_file_restore_status(*key, vsspy.FileRestoreStatus.ALL)
                wait(components.post_restore())
            heard = events(machine)
        assert events(machine) == heard
        assert not {"Abort", "BackupShutdown"} & set(heard)


def test_a_dead_requesters_operation_ends(tmp_path: Path) -> None:
    """What hangs is cancelled, so that letting go does not hang."""
    fault = simulator.Fault("One Writer::PrepareSnapshot", delay=math.inf)
    with server(tmp_path, faults=[fault]) as machine:
        with vsspy.BackupComponents() as components:
            Backup(components).to_prepared()
            operation = components.do_snapshot_set()
        assert operation.status == vsspy.HResult(0x0004230B)
        operation.close()
        assert events(machine)[-2:] == ["Abort", "BackupShutdown"]
