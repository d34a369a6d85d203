"""What semantics 4 says of writers, where no other file has it: what events carry, states in passing, order, Aborts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from restores import BOTH, Restore
from support import (
    FILEGROUP,
    ONE_ID,
    ONE_INSTANCE,
    TIMEOUT,
    TWO_ID,
    TWO_INSTANCE,
    Backup,
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

EVENTS = (
    "Identify",
    "PrepareBackup",
    "PrepareSnapshot",
    "Freeze",
    "Thaw",
    "PostSnapshot",
    "BackupComplete",
    "BackupShutdown",
    "Abort",
    "PreRestore",
    "PostRestore",
)
CARRYING = {"PrepareBackup", "PostSnapshot", "BackupComplete", "PreRestore", "PostRestore"}
HANDLERS = (
    "on_identify",
    "on_prepare_backup",
    "on_prepare_snapshot",
    "on_freeze",
    "on_thaw",
    "on_post_snapshot",
    "on_backup_complete",
    "on_backup_shutdown",
    "on_abort",
    "on_pre_restore",
    "on_post_restore",
)


def hearing(call: Callable[[simulator.WriterEvent], object], **options: Any) -> simulator.Writer:
    """The first writer with one callback for all events."""
    handlers: dict[str, Any] = dict.fromkeys(HANDLERS, call)
    return writer(**{**handlers, **options})


def test_what_events_carry(tmp_path: Path) -> None:
    """The column of semantics 4.1: the components of the writer, or none."""
    heard: dict[str, list[str]] = {}

    def listen(event: simulator.WriterEvent) -> None:
        heard[event.name] = [each.name for each in event.components]

    with server(tmp_path, writers=[hearing(listen)]):
        with vsspy.BackupComponents() as components:
            Backup(components).to_done()
        with vsspy.BackupComponents() as components:
            Restore(components).to_post()
        with vsspy.BackupComponents() as components:
            Backup(components).to_aborted()
    assert set(heard) == set(EVENTS)
    assert {name for name, carried in heard.items() if carried} == CARRYING


CAUSES = {
    "GatherWriterMetadata": ["Identify"],
    "PrepareForBackup": ["PrepareBackup"],
    "DoSnapshotSet": ["PrepareSnapshot", "Freeze", "Thaw", "PostSnapshot"],
    "BackupComplete": ["BackupComplete"],
    "PreRestore": ["PreRestore"],
    "PostRestore": ["PostRestore"],
}


def test_what_causes_events(tmp_path: Path) -> None:
    """Each event lies between the beginning and the end of the operation that causes it."""
    with server(tmp_path) as machine:
        with vsspy.BackupComponents() as components:
            Backup(components).to_done()
        with vsspy.BackupComponents() as components:
            Restore(components).to_post()
        found: dict[str, list[str]] = {}
        operations = [entry for entry in machine.trace if entry.kind == "result"]
        for operation in operations:
            assert operation.end is not None
            inside = [
                entry.name.removeprefix("One Writer::")
                for entry in machine.trace
                if entry.writer == "One Writer"
                and entry.session == operation.session
                and entry.thread == operation.thread
                and operation.start <= entry.start <= (entry.end or 0) <= operation.end
            ]
            found[operation.name.rpartition("::")[2]] = inside
        assert found == CAUSES


def test_states_in_passing(tmp_path: Path) -> None:
    """What another requester sees while DoSnapshotSet runs through them (semantics 4.3)."""
    seen: list[tuple[str, WriterState]] = []

    def look(event: simulator.WriterEvent) -> None:
        with vsspy.BackupComponents() as other:
            other.initialize_for_backup()
            seen.append((event.name, states(other)["One Writer"]))

    handlers: dict[str, Any] = dict.fromkeys(HANDLERS[2:6], look)
    writers = [writer(), writer("Two Writer", level=ApplicationLevel.SYSTEM_RM, **handlers)]
    with server(tmp_path, writers=writers), vsspy.BackupComponents() as components:
        backup = Backup(components)
        backup.to_gathered()
        backup.add()
        components.add_component(TWO_INSTANCE, TWO_ID, FILEGROUP, None, "data")
        components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        wait(components.prepare_for_backup())
        wait(components.do_snapshot_set())
    assert seen == [
        ("PrepareSnapshot", WriterState.WAITING_FOR_FREEZE),
        ("Freeze", WriterState.WAITING_FOR_THAW),
        ("Thaw", WriterState.WAITING_FOR_THAW),
        ("PostSnapshot", WriterState.WAITING_FOR_BACKUP_COMPLETE),
    ]


def test_the_state_after_thaw(tmp_path: Path) -> None:
    """The writer that is thawed first waits for PostSnapshot while the next one thaws; in reverse, as we choose to."""
    seen: list[WriterState] = []

    def look(_: simulator.WriterEvent) -> None:
        with vsspy.BackupComponents() as other:
            other.initialize_for_backup()
            seen.append(states(other)["Two Writer"])

    writers = [writer(on_thaw=look), writer("Two Writer", level=ApplicationLevel.SYSTEM_RM)]
    with server(tmp_path, writers=writers), vsspy.BackupComponents() as components:
        volume_backup(components)
    assert seen == [WriterState.WAITING_FOR_POST_SNAPSHOT]


def volume_backup(components: vsspy.BackupComponents) -> None:
    """A backup of all of a volume, with all writers, up to its shadow copy."""
    components.initialize_for_backup()
    components.set_backup_state(False, False, vsspy.BackupType.COPY)
    wait(components.gather_writer_metadata())
    components.start_snapshot_set()
    components.add_to_snapshot_set("C:\\")
    wait(components.prepare_for_backup())
    wait(components.do_snapshot_set())


def test_every_level_has_its_turn(tmp_path: Path) -> None:
    """Freeze from the front end to the system's resource managers; Thaw the other way round, which nobody documents."""
    levels = [
        ApplicationLevel.SYSTEM_RM,
        ApplicationLevel.BACK_END,
        ApplicationLevel.FRONT_END,
        ApplicationLevel.SYSTEM,
    ]
    writers = [simulator.Writer(level.name, level=level) for level in levels]
    with server(tmp_path, writers=writers) as machine, vsspy.BackupComponents() as components:
        volume_backup(components)
        order = {
            event: [entry.writer for entry in machine.trace if entry.name.endswith(f"::{event}")]
            for event in ("Freeze", "Thaw")
        }
        assert set(states(components).values()) == {WriterState.WAITING_FOR_BACKUP_COMPLETE}
    assert order["Freeze"] == ["FRONT_END", "BACK_END", "SYSTEM", "SYSTEM_RM"]
    assert order["Thaw"] == order["Freeze"][::-1]


def test_shadow_copies_are_made_between_freeze_and_thaw(tmp_path: Path) -> None:
    """What a writer flushes in Freeze is in them, and what it writes from Thaw on is not."""
    file = tmp_path / "C" / "data" / "file.txt"

    def write(event: simulator.WriterEvent) -> None:
        file.write_text(event.name, encoding="ascii")

    with (
        server(tmp_path, writers=[writer(on_freeze=write, on_thaw=write)]) as machine,
        vsspy.BackupComponents() as components,
    ):
        Backup(components).to_snapped()
        (copy,) = machine.shadow_copies
        assert (copy.folder / "data" / "file.txt").read_text(encoding="ascii") == "Freeze"
    assert file.read_text(encoding="ascii") == "Thaw"


def test_a_writer_may_hear_of_several_aborts(tmp_path: Path) -> None:
    """VSS's own, and that of a requester who cannot tell whether it was sent (semantics 4.6)."""
    fault = simulator.Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_PROVIDER_VETO")
    with server(tmp_path, faults=[fault]) as machine:
        with vsspy.BackupComponents() as components:
            Backup(components).to_snap_failed()
            components.abort_backup()
            assert events(machine)[-3:] == ["Freeze", "Abort", "Abort"]
            with pytest.raises(vsspy.BadStateError):
                components.backup_complete()
        assert events(machine)[-1] == "BackupShutdown"


def test_a_failed_preparation_needs_no_abort(tmp_path: Path) -> None:
    """Releasing the object is enough (semantics 4.6); the next backup works."""
    fault = simulator.Fault("IVssBackupComponents::PrepareForBackup", "VSS_E_UNEXPECTED", at="result", nth=1)
    with server(tmp_path, faults=[fault]) as machine:
        with vsspy.BackupComponents() as components:
            backup = Backup(components)
            backup.to_set()
            with components.prepare_for_backup() as operation, pytest.raises(vsspy.UnexpectedError):
                operation.wait(timeout=TIMEOUT)
        assert "Abort" not in events(machine)
        with vsspy.BackupComponents() as components:
            Backup(components).to_done()


def test_all_hear_of_a_snapshot_that_the_requester_need_not_stop(tmp_path: Path) -> None:
    """A veto in PrepareSnapshot neither ends the operation nor the others' part in it (semantics 3.10, 4.5)."""

    def refuse(_: simulator.WriterEvent) -> None:
        raise simulator.WriterVeto("VSS_E_WRITERERROR_OUTOFRESOURCES")

    with server(tmp_path, writers=[writer(on_prepare_snapshot=refuse), writer("Two Writer")]) as machine:
        with vsspy.BackupComponents() as components:
            volume_backup(components)
            found = statuses(components)
            assert found["One Writer"].state is WriterState.FAILED_AT_PREPARE_SNAPSHOT
            assert found["Two Writer"].state is WriterState.WAITING_FOR_BACKUP_COMPLETE
            assert len(machine.shadow_copies) == 1
        assert events(machine) == ["Identify", "PrepareBackup", "PrepareSnapshot", "BackupShutdown"]


def test_partial_failures_are_told_by_component(tmp_path: Path) -> None:
    """The writer says so of itself, and of each component what went wrong (semantics 4.5)."""

    def refuse(event: simulator.WriterEvent) -> None:
        event.components[1].set_failure("VSS_E_WRITERERROR_TIMEOUT", "too slow")
        raise simulator.WriterVeto("VSS_E_WRITERERROR_PARTIAL_FAILURE")

    with server(tmp_path, writers=[writer(on_post_snapshot=refuse)]), vsspy.BackupComponents() as components:
        backup = Backup(components)
        backup.to_gathered()
        backup.add("data")
        backup.add("more")
        components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        wait(components.prepare_for_backup())
        wait(components.do_snapshot_set())
        assert statuses(components)["One Writer"].failure_name == "VSS_E_WRITERERROR_PARTIAL_FAILURE"
        good, bad = components.writer_components[0].components
        assert good.failure is None
        assert bad.failure is not None
        assert (bad.failure.name, bad.failure.application_message) == ("VSS_E_WRITERERROR_TIMEOUT", "too slow")


def test_an_aborted_session_s_shutdown_carries_the_set(tmp_path: Path) -> None:
    """The id is that of the set that shadow copies were made in, also where the backup was given up afterwards."""
    seen: list[UUID | None] = []
    with server(tmp_path, writers=[writer(on_backup_shutdown=lambda event: seen.append(event.snapshot_set_id))]):
        with vsspy.BackupComponents() as components:
            backup = Backup(components)
            backup.to_snapped()
            components.abort_backup()
        assert seen == [backup.set_id]


def test_a_restore_ends_without_a_word(tmp_path: Path) -> None:
    """No writer hears of its end, whether it was finished or dropped (semantics 4.1)."""
    with server(tmp_path) as machine:
        for state in ("pre", "post"):
            with vsspy.BackupComponents() as components:
                getattr(Restore(components, BOTH), f"to_{state}")()
        assert {"Abort", "BackupShutdown"}.isdisjoint(events(machine) + events(machine, "Two Writer"))


def test_a_writer_that_was_restarted_misses_post_restore(tmp_path: Path) -> None:
    """It is another instance then, which took no part in PreRestore (semantics 11.2, STOP_RESTORE_START)."""
    with server(tmp_path) as machine:
        with vsspy.BackupComponents() as components:
            Restore(components).to_pre()
            machine.remove_writer(ONE_INSTANCE)
            machine.add_writer(simulator.Writer("One Writer again", writer_id=ONE_ID))
            wait(components.post_restore())
            assert statuses(components)["One Writer"].failure_name == "VSS_E_WRITER_NOT_RESPONDING"
        assert events(machine) == ["Identify", "PreRestore"]
        assert events(machine, "One Writer again") == []
