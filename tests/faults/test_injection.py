"""Each point of semantics 15 can be injected: how, and what a requester sees then.

Access denied on each method that lists it, like each other code of a method's page, is a pair of tests/conformance
(test_pairs.py); here stands how the kinds of failures are asked for.
"""

from __future__ import annotations

import math
import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from restores import Restore
from support import (
    FILEGROUP,
    METHODS,
    ONE_ID,
    ONE_INSTANCE,
    STATES,
    TIMEOUT,
    TWO_ID,
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
from vsspy._codes import CODES
from vsspy._methods import METHODS as ASYNCHRONOUS
from vsspy.enums import WriterState

B = "IVssBackupComponents"
DO = f"{B}::DoSnapshotSet"
ADD = f"{B}::AddToSnapshotSet"
START = f"{B}::StartSnapshotSet"
SYSTEM_PROVIDER = UUID("b5946137-7b9f-4925-af80-51abd60b20d5")

# --- failures of VSS and its providers ---------------------------------------------------------------------------


class Failure(NamedTuple):
    """What is injected while a backup goes to a state, and the error that the requester gets there."""

    faults: list[simulator.Fault]
    error: type[vsspy.VssError]
    state: str = "snapped"
    options: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it


def at_result(code: str, **more: Any) -> list[simulator.Fault]:
    return [simulator.Fault(DO, code, at="result", **more)]


FAILURES = {
    "flush time-out": Failure(at_result("VSS_E_FLUSH_WRITES_TIMEOUT"), vsspy.FlushWritesTimeoutError),
    "hold time-out": Failure(at_result("VSS_E_HOLD_WRITES_TIMEOUT"), vsspy.HoldWritesTimeoutError),
    "transaction freeze time-out": Failure(
        at_result("VSS_E_TRANSACTION_FREEZE_TIMEOUT"), vsspy.lookup("VSS_E_TRANSACTION_FREEZE_TIMEOUT")
    ),
    "transaction thaw time-out": Failure(
        at_result("VSS_E_TRANSACTION_THAW_TIMEOUT"), vsspy.lookup("VSS_E_TRANSACTION_THAW_TIMEOUT")
    ),
    "insufficient storage": Failure(at_result("VSS_E_INSUFFICIENT_STORAGE"), vsspy.InsufficientStorageError),
    "storage of one volume": Failure(
        at_result("VSS_E_INSUFFICIENT_STORAGE", volume="C:\\"), vsspy.InsufficientStorageError
    ),
    "provider veto": Failure(at_result("VSS_E_PROVIDER_VETO"), vsspy.ProviderVetoError),
    "unexpected provider error": Failure(at_result("VSS_E_UNEXPECTED_PROVIDER_ERROR"), vsspy.UnexpectedProviderError),
    "reboot required": Failure([simulator.Fault(DO, "VSS_E_REBOOT_REQUIRED")], vsspy.RebootRequiredError),
    "another set in progress": Failure(
        [simulator.Fault(START, "VSS_E_SNAPSHOT_SET_IN_PROGRESS")], vsspy.SnapshotSetInProgressError, "set"
    ),
    "volume limit": Failure(
        [simulator.Fault(ADD, "VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED")],
        vsspy.lookup("VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED"),
        "set",
    ),
    "snapshot limit": Failure(
        [simulator.Fault(ADD, "VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED")],
        vsspy.lookup("VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED"),
        "set",
    ),
    "nested volume limit": Failure(
        [simulator.Fault(ADD, "VSS_E_NESTED_VOLUME_LIMIT")], vsspy.NestedVolumeLimitError, "set"
    ),
    "provider not registered": Failure(
        [simulator.Fault(ADD, "VSS_E_PROVIDER_NOT_REGISTERED")], vsspy.ProviderNotRegisteredError, "set"
    ),
    "volume not supported": Failure(
        [simulator.Fault(ADD, "VSS_E_VOLUME_NOT_SUPPORTED", volume="C:\\")],
        vsspy.lookup("VSS_E_VOLUME_NOT_SUPPORTED"),
        "set",
    ),
    "volume not supported by the provider": Failure(
        [simulator.Fault(ADD, "VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER")],
        vsspy.VolumeNotSupportedByProviderError,
        "set",
    ),
    "access denied": Failure([simulator.Fault(START, "E_ACCESSDENIED")], vsspy.AccessDeniedError, "set"),
    "old systems' unexpected": Failure(
        [simulator.Fault(START, "VSS_E_UNEXPECTED")], vsspy.UnexpectedError, "set", {"level": "vista"}
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failure(tmp_path: Path, name: str) -> None:
    """A typed error; nothing is left, nobody stays frozen, and the next backup is a good one."""
    failure = FAILURES[name]
    (fault,) = failure.faults
    once = simulator.Fault(fault.where, fault.code, at=fault.at, volume=fault.volume, nth=1)
    with server(tmp_path, faults=[once], **failure.options) as machine:
        with vsspy.BackupComponents() as components:
            backup = Backup(components)
            with pytest.raises(failure.error) as caught:
                getattr(backup, f"to_{failure.state}")()
            assert type(caught.value) is failure.error
            old = name.startswith("old")
            assert caught.value.hresult == (CODES["E_UNEXPECTED"] if old else fault.hresult)
            components.abort_backup()
        seen = events(machine)
        if fault.place == "result":  # where a provider fails the writers are frozen, and are told
            assert seen[: seen.index("Abort")][-1] == "Freeze"
        assert not machine.shadow_copies
        with vsspy.BackupComponents() as components:
            Backup(components).to_done()


# --- writers -----------------------------------------------------------------------------------------------------

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


def one_status(components: vsspy.BackupComponents) -> tuple[WriterState | int, int]:
    status = statuses(components)["One Writer"]
    return status.state, status.failure


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


# --- slow operations, cancellation, death of the requester -------------------------------------------------------


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


# --- which calls suffer --------------------------------------------------------------------------------------------


def test_faults_of_one_volume(tmp_path: Path) -> None:
    """Calls that name it, calls without arguments of a session whose set has it, and events in such a session."""
    volumes = {"C:\\": tmp_path / "C", "D:\\": tmp_path / "D"}
    faults = [
        simulator.Fault(ADD, "VSS_E_NESTED_VOLUME_LIMIT", volume="D:\\", nth=1),
        simulator.Fault(DO, "VSS_E_PROVIDER_VETO", volume="D:\\", nth=1),
        simulator.Fault("One Writer::PrepareBackup", "VSS_E_WRITERERROR_RETRYABLE", volume="d:\\"),
        simulator.Fault("IsVolumeSnapshotted", "E_ACCESSDENIED", volume="D:\\"),
    ]
    with server(tmp_path, volumes=volumes, faults=faults) as machine:
        vsspy.is_volume_snapshotted("C:\\")
        with pytest.raises(vsspy.AccessDeniedError):
            vsspy.is_volume_snapshotted(machine.volume_paths["D:\\"])
        with vsspy.BackupComponents() as components:  # without D:
            Backup(components).to_snapped()
            assert one_status(components) == (WriterState.WAITING_FOR_BACKUP_COMPLETE, 0)
        with vsspy.BackupComponents() as components:
            Backup(components).to_set()
            with pytest.raises(vsspy.NestedVolumeLimitError):
                components.add_to_snapshot_set("D:\\")
            components.add_to_snapshot_set("D:\\")
            wait(components.prepare_for_backup())
            assert one_status(components)[0] is WriterState.FAILED_AT_PREPARE_BACKUP
            with components.do_snapshot_set() as operation, pytest.raises(vsspy.ProviderVetoError):
                operation.wait(timeout=TIMEOUT)


@pytest.mark.parametrize("effect", ["before", "after"])
def test_a_deletion_stops_at_a_volume(tmp_path: Path, effect: Any) -> None:
    """What came before it is gone; the counts say so with the error (semantics 7.4)."""
    volumes = {f"{letter}:\\": tmp_path / letter for letter in "CDE"}
    fault = simulator.Fault(f"{B}::DeleteSnapshots", "E_ACCESSDENIED", volume="D:\\", effect=effect)
    with server(tmp_path, volumes=volumes, faults=[fault]) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.set_context(vsspy.SnapshotContext.FILE_SHARE_BACKUP)
        set_id = components.start_snapshot_set()
        ids = {name: components.add_to_snapshot_set(name) for name in volumes}
        wait(components.do_snapshot_set())
        with pytest.raises(vsspy.AccessDeniedError) as caught:
            components.delete_snapshots(set_id, vsspy.ObjectType.SNAPSHOT_SET)
        after = effect == "after"
        assert (caught.value.deleted, caught.value.nondeleted_id) == (2 if after else 1, ids["D:\\"])
        assert [copy.volume for copy in machine.shadow_copies] == (["E:\\"] if after else ["D:\\", "E:\\"])
        components.delete_snapshots(ids["E:\\"], vsspy.ObjectType.SNAPSHOT)


def test_no_such_volume(tmp_path: Path) -> None:
    with (
        pytest.raises(vsspy.ObjectNotFoundError, match="AddToSnapshotSet"),
        server(tmp_path, faults=[simulator.Fault(ADD, "E_FAIL", volume="X:\\")]),
    ):
        pass


def suffering(folder: Path, probability: float, seed: int, calls: int = 200) -> list[bool]:
    """Which of many calls suffer."""
    fault = simulator.Fault("IsVolumeSnapshotted", "E_ACCESSDENIED", probability=probability, seed=seed)
    met = []
    with server(folder, faults=[fault]):
        for _ in range(calls):
            try:
                vsspy.is_volume_snapshotted("C:\\")
            except vsspy.AccessDeniedError:
                met.append(True)
            else:
                met.append(False)
    return met


def test_probability(tmp_path: Path) -> None:
    """The same seed, the same calls; and about as many as it says."""
    first = suffering(tmp_path, 0.3, 7)
    assert suffering(tmp_path, 0.3, 7) == first
    assert suffering(tmp_path, 0.3, 8) != first
    assert 30 <= sum(first) <= 90
    assert all(suffering(tmp_path, 1, 7, 20))
    assert not any(suffering(tmp_path, 1e-9, 7, 20))


def test_a_seed_can_be_read() -> None:
    fault = simulator.Fault(START, "E_FAIL", probability=0.5)
    assert fault.seed is not None
    assert f"seed={fault.seed}" in repr(fault)


@pytest.mark.parametrize(
    ("where", "options", "told"),
    [
        (START, {"code": "E_FAIL", "probability": 0}, "probability=0"),
        (START, {"code": "E_FAIL", "probability": 1.5}, "probability=1.5"),
        (START, {"code": "E_FAIL", "probability": math.nan}, "probability=nan"),
        (START, {"code": "E_FAIL", "probability": 0.5, "nth": 1}, "not both"),
        (START, {"code": "E_FAIL", "seed": 1}, "seed is for"),
        (START, {"code": "E_FAIL", "probability": 0.5, "seed": -1}, "seed=-1"),
        (START, {"dies": True}, "only a writer dies"),
        ("W::Freeze", {"dies": True, "code": "E_FAIL"}, "gives no code"),
        ("W::Freeze", {"dies": True, "message": "x"}, "go with a code"),
        (START, {"code": "E_FAIL", "application": "E_FAIL"}, "in a writer's event"),
        ("W::Freeze", {"code": "E_FAIL", "application": "E_NOTHING"}, "E_NOTHING"),
        ("IVssAsync::Wait", {"code": "E_FAIL", "volume": "C:\\"}, "nothing to do with a volume"),
    ],
)
def test_refused(where: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(vsspy.InvalidArgumentError, match=told):
        simulator.Fault(where, **options)


def test_every_method_that_lists_access_denied_can_be_asked_for() -> None:
    """Each is a place of a fault; that the caller gets it is what tests/conformance/test_pairs.py goes through."""
    listed = [
        f"{interface}::{method}"
        for interface, methods in METHODS.items()
        for method, entry in methods.items()
        if any(each["code"] == "E_ACCESSDENIED" for each in entry["returns"])
    ]
    assert len(listed) > 20
    for where in listed:
        assert simulator.Fault(where, "E_ACCESSDENIED").place == "call"
        if ASYNCHRONOUS[where]:
            assert simulator.Fault(where, "E_ACCESSDENIED", at="result").place == "result"
