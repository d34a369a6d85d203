"""Writers that come and go, and what is left of one that failed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from instance_support import (
    BACKUP_ORDER,
    SELECTED,
    Heard,
    Recording,
    gathered,
    selected,
)
from support import (
    DOCUMENT,
    ONE_INSTANCE,
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
from vsspy.enums import BackupType, WriterState


def test_a_writer_comes_to_a_running_machine(tmp_path: Path) -> None:
    with server(tmp_path, writers=[writer()]) as machine:
        with vsspy.BackupComponents(machine) as early:
            early.initialize_for_backup()
            wait(early.gather_writer_metadata())
            machine.add_writer(writer("Two Writer"))
            assert set(statuses(early)) == {"One Writer"}
        assert [each.name for each in gathered(machine)] == ["One Writer", "Two Writer"]
        with pytest.raises(vsspy.ObjectAlreadyExistsError):
            machine.add_writer(writer())
    with pytest.raises(vsspy.ClosedError):
        machine.add_writer(writer())
    with pytest.raises(vsspy.ClosedError):
        machine.remove_writer(ONE_INSTANCE)


def test_a_writer_leaves(tmp_path: Path) -> None:
    with server(tmp_path) as machine:
        machine.remove_writer(ONE_INSTANCE)
        assert [each.name for each in gathered(machine)] == ["Two Writer"]
        with vsspy.BackupComponents(machine) as components:
            components.initialize_for_backup()
            assert set(statuses(components)) == {"Two Writer"}
        with pytest.raises(vsspy.ObjectNotFoundError):
            machine.remove_writer(ONE_INSTANCE)
        machine.add_writer(writer())
        assert [each.name for each in gathered(machine)] == ["Two Writer", "One Writer"]


def test_starting_and_stopping_go_with_the_machine(tmp_path: Path) -> None:
    calls: list[str] = []

    class Service(Recording):
        def start(self) -> None:
            calls.append("start")

        def stop(self) -> None:
            calls.append("stop")

    with server(tmp_path, writers=[Service()]) as machine:
        assert calls == ["start"]
        machine.remove_writer(ONE_INSTANCE)
        assert calls == ["start", "stop"]
        machine.add_writer(Service())
    assert calls == ["start", "stop"] * 2
    with pytest.raises(vsspy.ObjectAlreadyExistsError), server(tmp_path, writers=[Service(), Service()]):
        pass
    assert calls == ["start", "stop"] * 3, "what could not be added was not started"


@pytest.mark.parametrize(
    ("leaves", "received"),
    [
        ("gathered", ["Identify"]),
        ("prepared", ["Identify", "PrepareBackup"]),
        ("snapped", BACKUP_ORDER[:6]),
        ("done", BACKUP_ORDER[:7]),
    ],
)
def test_a_writer_that_vanishes_in_a_backup_does_not_respond(tmp_path: Path, leaves: str, received: list[str]) -> None:
    with server(tmp_path) as machine:
        with vsspy.BackupComponents() as components:
            backup = Backup(components)
            for state in ("gathered", "prepared", "snapped", "done"):
                step(backup, state)
                if state == leaves:
                    machine.remove_writer(ONE_INSTANCE)
            found = statuses(components)["One Writer"]
            assert (found.state, found.failure_name) == (WriterState.UNKNOWN, "VSS_E_WRITER_NOT_RESPONDING")
            assert found.failed
            assert len(components.writer_metadata) == 2, "what was gathered stays"
        assert events(machine) == received


def step(backup: Backup, state: str) -> None:
    """One step further to a state."""
    components = backup.components
    if state == "gathered":
        backup.to_gathered()
    elif state == "prepared":
        backup.add()
        components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        wait(components.prepare_for_backup())
    elif state == "snapped":
        wait(components.do_snapshot_set())
    else:
        wait(components.backup_complete())


@pytest.mark.parametrize(("event", "after"), [("on_prepare_snapshot", 3), ("on_freeze", 4), ("on_thaw", 5)])
def test_a_writer_may_vanish_while_it_is_asked(tmp_path: Path, event: str, after: int) -> None:
    """The backup goes on without it, and nobody stays frozen."""
    leave: list[Callable[[UUID], None]] = []
    options: dict[str, Any] = {event: lambda _: leave[0](ONE_INSTANCE)}
    heard: list[str] = []
    with server(
        tmp_path, writers=[writer(**options), writer("Two Writer", on_thaw=lambda e: heard.append(e.name))]
    ) as (machine):
        leave.append(machine.remove_writer)
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_backup_state(False, False, BackupType.FULL)
            wait(components.gather_writer_metadata())
            components.start_snapshot_set()
            components.add_to_snapshot_set("C:\\")
            wait(components.prepare_for_backup())
            wait(components.do_snapshot_set())
            found = statuses(components)
            assert found["One Writer"].failure_name == "VSS_E_WRITER_NOT_RESPONDING"
            assert found["Two Writer"].state is WriterState.WAITING_FOR_BACKUP_COMPLETE
            assert len(machine.shadow_copies) == 1
            wait(components.backup_complete())
        assert events(machine) == BACKUP_ORDER[:after]
        assert heard == ["Thaw"]


def test_a_session_reports_a_writer_that_vanished(tmp_path: Path) -> None:
    with server(tmp_path) as machine:
        with pytest.raises(ExceptionGroup) as failed, vsspy.BackupSession("C:\\") as backup:
            backup.select("One Writer")
            assert backup.writers
            machine.remove_writer(ONE_INSTANCE)
            backup.snapshot()
        assert failed.group_contains(vsspy.WriterNotRespondingError)
        assert not machine.shadow_copies


def test_a_writer_that_is_gone_cannot_be_selected_for_a_restore(tmp_path: Path) -> None:
    with server(tmp_path) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_restore(DOCUMENT)
        wait(components.gather_writer_metadata())
        machine.remove_writer(ONE_INSTANCE)
        with pytest.raises(vsspy.ObjectNotFoundError):
            components.set_selected_for_restore(*SELECTED, True)
        with pytest.raises(vsspy.ObjectNotFoundError):
            components.set_selected_for_restore_ex(*SELECTED, True, ONE_INSTANCE)


def test_another_instance_restores_what_the_one_that_is_gone_saved(tmp_path: Path) -> None:
    heard = Heard()
    writers = [heard.instance(ONE_INSTANCE), heard.instance(TWO_INSTANCE)]
    with server(tmp_path, writers=writers) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_restore(DOCUMENT)
        wait(components.gather_writer_metadata())
        machine.remove_writer(ONE_INSTANCE)
        components.set_selected_for_restore(*SELECTED, True)
        wait(components.pre_restore())
        machine.remove_writer(TWO_INSTANCE)
        wait(components.post_restore())
        assert {each.failure_name for each in statuses(components).values()} == {"VSS_E_WRITER_NOT_RESPONDING"}
    assert heard.events == [(TWO_INSTANCE, "PreRestore")]


def test_a_writer_that_fails_before_a_restore_takes_no_further_part(tmp_path: Path) -> None:
    def refuse(event: simulator.WriterEvent) -> None:
        raise simulator.WriterVeto

    with server(tmp_path, writers=[writer(on_pre_restore=refuse)]) as machine, vsspy.BackupComponents() as components:
        selected(components)
        wait(components.pre_restore())
        wait(components.post_restore())
        assert states(components) == {"One Writer": WriterState.FAILED_AT_PRE_RESTORE}
        assert events(machine) == ["Identify", "PreRestore"]


@pytest.mark.parametrize("event", ["on_prepare_backup", "on_post_snapshot"])
def test_a_writer_with_failed_components_goes_on_with_the_others(tmp_path: Path, event: str) -> None:
    def refuse(event: simulator.WriterEvent) -> None:
        event.components[1].set_failure("VSS_E_WRITERERROR_RETRYABLE", "this one")
        raise simulator.WriterVeto("VSS_E_WRITERERROR_PARTIAL_FAILURE", "one of two")

    options: dict[str, Any] = {event: refuse}
    with server(tmp_path, writers=[writer(**options)]) as machine:
        with vsspy.BackupComponents() as components:
            backup = Backup(components)
            backup.to_gathered()
            backup.add("data")
            backup.add("more")
            components.start_snapshot_set()
            components.add_to_snapshot_set("C:\\")
            wait(components.prepare_for_backup())
            wait(components.do_snapshot_set())
            wait(components.backup_complete())
            status = statuses(components)["One Writer"]
            assert status.failure_name == "VSS_E_WRITERERROR_PARTIAL_FAILURE"
            assert status.failed
        assert events(machine) == BACKUP_ORDER
