"""Writers that fail, hang, die and give no status: how each is injected, and what a requester sees then."""

from __future__ import annotations

import math
from pathlib import Path
from uuid import UUID

import pytest
from restores import Restore
from support import (
    FILEGROUP,
    ONE_ID,
    ONE_INSTANCE,
    TWO_ID,
    Backup,
    events,
    one_status,
    server,
    statuses,
    wait,
)

import vsspy
from vsspy import simulator
from vsspy._codes import CODES
from vsspy.enums import WriterState

B = "IVssBackupComponents"
DO = f"{B}::DoSnapshotSet"
ADD = f"{B}::AddToSnapshotSet"
START = f"{B}::StartSnapshotSet"

CODES_OF_WRITERS = sorted(name for name in CODES if name.startswith("VSS_E_WRITERERROR_"))
SILENT = ("VSS_E_WRITER_NOT_RESPONDING", "VSS_E_WRITER_STATUS_NOT_AVAILABLE")
BACKUP_EVENTS = {
    "PrepareBackup": (WriterState.FAILED_AT_PREPARE_BACKUP, "prepared"),
    "PrepareSnapshot": (WriterState.FAILED_AT_PREPARE_SNAPSHOT, "snapped"),
    "Freeze": (WriterState.FAILED_AT_FREEZE, "snapped"),
    "Thaw": (WriterState.FAILED_AT_THAW, "snapped"),
    "PostSnapshot": (WriterState.FAILED_AT_POST_SNAPSHOT, "snapped"),
    "BackupComplete": (WriterState.FAILED_AT_BACKUP_COMPLETE, "done"),
}
RESTORE_EVENTS = {
    "PreRestore": WriterState.FAILED_AT_PRE_RESTORE,
    "PostRestore": WriterState.FAILED_AT_POST_RESTORE,
}


@pytest.mark.parametrize("event", BACKUP_EVENTS)
def test_a_writer_fails_in_a_backup(tmp_path: Path, event: str) -> None:
    """With each code; of one that is not heard of nobody knows the state."""
    state, reached = BACKUP_EVENTS[event]
    for code in (*CODES_OF_WRITERS, *SILENT):
        with server(tmp_path) as machine, vsspy.BackupComponents() as components:
            machine.add_fault(simulator.Fault(f"One Writer::{event}", code))
            getattr(Backup(components), f"to_{reached}")()
            expected = WriterState.UNKNOWN if code in SILENT else state
            assert one_status(components) == (expected, CODES[code]), code


@pytest.mark.parametrize("event", RESTORE_EVENTS)
def test_a_writer_fails_in_a_restore(tmp_path: Path, event: str) -> None:
    for code in (*CODES_OF_WRITERS, *SILENT):
        with server(tmp_path) as machine, vsspy.BackupComponents() as components:
            machine.add_fault(simulator.Fault(f"One Writer::{event}", code))
            restore_to(components, event)
            expected = WriterState.UNKNOWN if code in SILENT else RESTORE_EVENTS[event]
            assert one_status(components) == (expected, CODES[code]), code


def restore_to(components: vsspy.BackupComponents, event: str) -> None:
    components.initialize_for_restore(Restore(components).document)
    wait(components.gather_writer_metadata())
    components.set_selected_for_restore(ONE_ID, FILEGROUP, None, "data", True)
    wait(components.pre_restore())
    if event == "PostRestore":
        wait(components.post_restore())


def test_a_writer_fails_at_identify(tmp_path: Path) -> None:
    fault = simulator.Fault("One Writer::Identify", "VSS_E_WRITERERROR_NONRETRYABLE")
    with server(tmp_path, faults=[fault]), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        wait(components.gather_writer_metadata())
        assert [found.name for found in components.writer_metadata] == ["Two Writer"]


@pytest.mark.parametrize("event", ["BackupShutdown", "Abort"])
def test_a_writer_fails_at_the_end(tmp_path: Path, event: str) -> None:
    """Nobody is told in a useful way (semantics 4.3), and nobody suffers."""
    fault = simulator.Fault(f"One Writer::{event}", "VSS_E_WRITERERROR_NONRETRYABLE")
    with server(tmp_path, faults=[fault]) as machine:
        with vsspy.BackupComponents() as components:
            Backup(components).to_aborted()
        assert event in events(machine)
        with vsspy.BackupComponents() as components:
            Backup(components).to_snapped()


def test_what_the_application_says(tmp_path: Path) -> None:
    fault = simulator.Fault(
        "One Writer::Freeze", "VSS_E_WRITERERROR_NONRETRYABLE", application="E_FAIL", message="the log is full"
    )
    with server(tmp_path, faults=[fault]), vsspy.BackupComponents() as components:
        Backup(components).to_snapped()
        status = statuses(components)["One Writer"]
        assert (status.application_failure, status.application_message) == (CODES["E_FAIL"], "the log is full")


@pytest.mark.parametrize("code", SILENT)
def test_no_status(tmp_path: Path, code: str) -> None:
    """The writer gets its events all the same."""
    fault = simulator.Fault("One Writer::Status", code, nth=2)
    with server(tmp_path, faults=[fault]) as machine, vsspy.BackupComponents() as components:
        backup = Backup(components)
        backup.to_prepared()
        assert one_status(components) == (WriterState.STABLE, 0)
        assert one_status(components) == (WriterState.UNKNOWN, CODES[code])
        wait(components.do_snapshot_set())
        assert one_status(components) == (WriterState.WAITING_FOR_BACKUP_COMPLETE, 0)
        assert events(machine)[-1] == "PostSnapshot"


def test_a_slow_status(tmp_path: Path) -> None:
    fault = simulator.Fault("One Writer::Status", delay=60)
    with server(tmp_path, faults=[fault], virtual_time=True) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        wait(components.gather_writer_status())
        (entry,) = [each for each in machine.trace if each.kind == "result"]
        assert entry.end is not None
        assert entry.end - entry.start >= 60


@pytest.mark.parametrize("event", BACKUP_EVENTS)
def test_a_writer_dies(tmp_path: Path, event: str) -> None:
    """It is noticed at once: the others go on, and later backups do not see it."""
    _, reached = BACKUP_EVENTS[event]
    with server(tmp_path, faults=[simulator.Fault(f"One Writer::{event}", dies=True)]) as machine:
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_backup_state(False, False, vsspy.BackupType.FULL)
            wait(components.gather_writer_metadata())
            components.start_snapshot_set()
            components.add_to_snapshot_set("C:\\")
            wait(components.prepare_for_backup())
            if reached != "prepared":
                wait(components.do_snapshot_set())
            if reached == "done":
                wait(components.backup_complete())
            found = statuses(components)
            told = found["One Writer"]
            assert (told.state, told.failure) == (WriterState.UNKNOWN, CODES["VSS_E_WRITER_NOT_RESPONDING"])
            assert found["Two Writer"].failure == 0
            assert events(machine)[-1] == event
            assert "died" in next(entry.note for entry in machine.trace if entry.name == f"One Writer::{event}")
        assert events(machine)[-1] == event  # not even the end
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            wait(components.gather_writer_metadata())
            assert [found.name for found in components.writer_metadata] == ["Two Writer"]
            assert set(statuses(components)) == {"Two Writer"}


def test_a_writer_dies_at_identify(tmp_path: Path) -> None:
    fault = simulator.Fault("One Writer::Identify", dies=True, nth=2)
    with server(tmp_path, faults=[fault]):
        for names in (["One Writer", "Two Writer"], ["Two Writer"], ["Two Writer"]):
            with vsspy.BackupComponents() as components:
                components.initialize_for_backup()
                wait(components.gather_writer_metadata())
                assert [found.name for found in components.writer_metadata] == names


@pytest.mark.parametrize("delay", [61.0, math.inf])
def test_freeze_time_out(tmp_path: Path, delay: float) -> None:
    """A writer that hangs is waited for as long as its window, by the machine's clock."""
    fault = simulator.Fault("One Writer::Freeze", delay=delay)
    with server(tmp_path, faults=[fault], virtual_time=True) as machine, vsspy.BackupComponents() as components:
        Backup(components).to_snapped()
        assert one_status(components) == (WriterState.FAILED_AT_FREEZE, CODES["VSS_E_WRITERERROR_TIMEOUT"])
        assert events(machine)[-2:] == ["Freeze", "Abort"]


def test_a_writer_disappears_between_gather_and_select(tmp_path: Path) -> None:
    with server(tmp_path) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_restore(Restore(components).document)
        wait(components.gather_writer_metadata())
        machine.remove_writer(ONE_INSTANCE)
        with pytest.raises(vsspy.ObjectNotFoundError):
            components.set_selected_for_restore(ONE_ID, FILEGROUP, None, "data", True)


def test_several_instances(tmp_path: Path) -> None:
    """A fault names the writer; instances of one name are told apart by the count."""
    both = [
        simulator.Writer("SQL", writer_id=TWO_ID, instance_id=UUID(int=number), instance_name=f"instance {number}")
        for number in (1, 2)
    ]
    fault = simulator.Fault("SQL::PrepareBackup", "VSS_E_WRITERERROR_RETRYABLE", nth=2)
    with server(tmp_path, writers=both, faults=[fault]), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.set_backup_state(False, False, vsspy.BackupType.FULL)
        wait(components.gather_writer_metadata())
        assert [found.instance_name for found in components.writer_metadata] == ["instance 1", "instance 2"]
        wait(components.prepare_for_backup())
        wait(components.gather_writer_status())
        assert {status.instance_id.int: status.failure for status in components.writer_status} == {
            1: 0,
            2: CODES["VSS_E_WRITERERROR_RETRYABLE"],
        }
