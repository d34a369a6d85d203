"""What writers hear, and the states that they are in afterwards (semantics 4.1 to 4.5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from support import (
    FILEGROUP,
    TWO_ID,
    TWO_INSTANCE,
    Backup,
    backup_in,
    events,
    server,
    states,
    statuses,
    wait,
    writer,
)

import vsspy
from vsspy import simulator
from vsspy.enums import ApplicationLevel, WriterState

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
                wait(backup.components.prepare_for_backup())
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
        wait(components.gather_writer_metadata())
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
