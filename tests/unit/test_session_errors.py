"""A session in which one thing goes wrong: a typed error that says where, nothing left behind, and the next backup works."""

from __future__ import annotations

import _thread
import math
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from session_support import back_up, called, demo_volume, demo_writer, left_nothing, running, writer_events

import vsspy
from vsspy import errors, simulator
from vsspy.errors import OperationCancelledError, SnapshotSetInProgressError, VssError, WaitTimeoutError
from vsspy.retry import Retry
from vsspy.session import BackupSession, Progress
from vsspy.simulator import Fault


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return demo_volume(tmp_path)


FAULTS = [
    # method, code, n-th call, phase that the error names, whether AbortBackup is due (semantics 4.6)
    ("InitializeForBackup", "VSS_E_UNEXPECTED", 1, "initialize", False),
    ("SetBackupState", "VSS_E_UNEXPECTED", 1, "initialize", False),
    ("GatherWriterMetadata", "VSS_E_WRITER_INFRASTRUCTURE", 1, "gather_writer_metadata", False),
    ("AddComponent", "VSS_E_UNEXPECTED", 1, "select", False),
    ("StartSnapshotSet", "VSS_E_UNEXPECTED", 1, "start_snapshot_set", False),
    ("AddToSnapshotSet", "VSS_E_VOLUME_NOT_SUPPORTED", 1, "add_to_snapshot_set", False),
    ("PrepareForBackup", "VSS_E_UNEXPECTED", 1, "prepare_for_backup", False),
    ("GatherWriterStatus", "VSS_E_WRITER_INFRASTRUCTURE", 1, "gather_writer_status", True),
    ("DoSnapshotSet", "VSS_E_INSUFFICIENT_STORAGE", 1, "do_snapshot_set", True),
    ("DoSnapshotSet", "VSS_E_PROVIDER_VETO", 1, "do_snapshot_set", True),
    ("DoSnapshotSet", "VSS_E_HOLD_WRITES_TIMEOUT", 1, "do_snapshot_set", True),
    ("GatherWriterStatus", "VSS_E_UNEXPECTED", 2, "gather_writer_status", True),
    ("GetSnapshotProperties", "VSS_E_OBJECT_NOT_FOUND", 1, "get_snapshot_properties", True),
    ("SaveAsXML", "VSS_E_UNEXPECTED", 1, "save_as_xml", True),
    ("SetBackupSucceeded", "VSS_E_UNEXPECTED", 1, "backup_complete", True),
    ("BackupComplete", "VSS_E_UNEXPECTED_WRITER_ERROR", 1, "backup_complete", True),
]


@pytest.mark.parametrize(("method", "code", "nth", "phase", "abort"), FAULTS)
def test_one_fault(root: Path, method: str, code: str, nth: int, phase: str, abort: bool) -> None:
    fault = Fault(f"IVssBackupComponents::{method}", code, nth=nth)
    with running(root, fault) as machine:
        with pytest.raises(VssError) as caught:
            back_up()
        error = caught.value
        assert type(error) is errors.lookup(code)
        assert error.name == code
        assert error.phase == phase
        assert error.elapsed is not None
        assert error.elapsed >= 0
        assert error.volume == ("C:\\" if phase == "add_to_snapshot_set" else None)
        assert called(machine, "AbortBackup") is abort
        if abort and code != "VSS_E_WRITER_INFRASTRUCTURE":
            assert [status.name for status in error.writers] == ["Demo Writer"]
        assert "Freeze" not in writer_events(machine) or {"Thaw", "Abort"} & set(writer_events(machine))
        left_nothing(machine)
        again = back_up()
        assert again.result.good
        left_nothing(machine)


def test_a_failed_phase_is_told_and_timed(root: Path) -> None:
    told: list[Progress] = []
    with running(root, Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_PROVIDER_VETO")):
        session = BackupSession("C:\\", on_progress=told.append)
        with pytest.raises(errors.ProviderVetoError), session:
            session.snapshot()
    assert ("do_snapshot_set", "failed") in [(each.phase, each.event) for each in told]
    assert "do_snapshot_set" in [phase.name for phase in session.result.phases]
    assert not session.result.completed


HANGING = ["GatherWriterMetadata", "PrepareForBackup", "GatherWriterStatus", "DoSnapshotSet", "BackupComplete"]


@pytest.mark.parametrize("method", HANGING)
def test_a_phase_that_takes_too_long(root: Path, method: str) -> None:
    phase = "".join("_" + char.lower() if char.isupper() else char for char in method).strip("_")
    with running(root, Fault(f"IVssBackupComponents::{method}", nth=1, delay=math.inf)) as machine:
        with pytest.raises(WaitTimeoutError) as caught:
            back_up(phase_timeouts={phase: 0.05})
        assert isinstance(caught.value, TimeoutError)
        assert caught.value.phase == phase
        left_nothing(machine)
        assert called(machine, "AbortBackup") is (method != "GatherWriterMetadata")
        if method != "BackupComplete":
            assert not called(machine, "BackupComplete")
        assert back_up().result.good
        left_nothing(machine)


@pytest.mark.parametrize(
    "where", ["Demo Writer::Freeze", "Demo Writer::Thaw", "Demo Writer::PostSnapshot", "VSS::ThawTransactions"]
)
def test_what_hangs_ends_with_the_cancel(root: Path, where: str) -> None:
    """Also behind the point of no return, where the cancel does not decide the result (semantics 3.7)."""
    with running(root, Fault(where, nth=1, delay=math.inf)) as machine:
        with pytest.raises(WaitTimeoutError):
            back_up(phase_timeouts={"do_snapshot_set": 0.5})
        assert called(machine, "AbortBackup")
        left_nothing(machine)
        assert back_up().result.good
        left_nothing(machine)


def test_a_last_status_that_takes_too_long_is_a_note(root: Path) -> None:
    with running(root, Fault("IVssBackupComponents::GatherWriterStatus", nth=3, delay=math.inf)) as machine:
        session = back_up(phase_timeouts={"gather_writer_status": 0.05})
        assert session.result.good
        assert "ERROR_TIMEOUT" in session.result.notes[0]
        left_nothing(machine)
        assert not called(machine, "AbortBackup")


def test_an_operation_that_does_not_let_itself_be_cancelled(root: Path) -> None:
    """The drain has its limit; AbortBackup and release come all the same, and the first error is the time-out."""

    def stubborn(event: Any) -> None:
        time.sleep(0.6)

    with running(root, writers=[demo_writer(on_freeze=stubborn)]) as machine:
        with pytest.raises(WaitTimeoutError) as caught:
            back_up(phase_timeouts={"do_snapshot_set": 0.05}, abort_timeout=0.05)
        assert caught.value.phase == "do_snapshot_set"
        assert "waiting for the cancelled operation" in caught.value.__notes__[0]
        left_nothing(machine)
        assert called(machine, "AbortBackup")


def test_an_operation_that_is_cancelled_from_outside(root: Path) -> None:
    with running(root, Fault("IVssBackupComponents::DoSnapshotSet", "VSS_S_ASYNC_CANCELLED", at="result")) as machine:
        with pytest.raises(OperationCancelledError):
            back_up()
        left_nothing(machine)
        assert called(machine, "AbortBackup")


# --- another set in progress -------------------------------------------------------------------------------------------


def test_waiting_for_another_set(root: Path) -> None:
    told: list[Progress] = []
    with running(root) as machine:
        other = BackupSession("C:\\", writers=False)
        blocker = Fault("IVssBackupComponents::StartSnapshotSet", "VSS_E_SNAPSHOT_SET_IN_PROGRESS", nth=1)
        machine.add_fault(blocker)
        machine.add_fault(Fault(blocker.where, "VSS_E_SNAPSHOT_SET_IN_PROGRESS", nth=2))
        session = back_up(retry=Retry(deadline=30, delay=0.01, jitter=0.01), on_progress=told.append)
        left_nothing(machine)
        objects = [entry for entry in machine.trace if entry.name.endswith("::InitializeForBackup")]
        assert len(objects) == 3
        assert not called(machine, "AbortBackup")
        del other
    assert session.result.tries == 3
    assert session.result.good
    assert [each.event for each in told].count("retrying") == 2


def test_rules_hold_after_a_retry(root: Path) -> None:
    fault = Fault("IVssBackupComponents::StartSnapshotSet", "VSS_E_SNAPSHOT_SET_IN_PROGRESS", nth=1)
    with running(root, fault) as machine:
        with BackupSession("C:\\", retry=Retry(delay=0, jitter=0.01)) as session:
            session.exclude("Demo Writer")
            session.snapshot()
            assert session.components == ()
        left_nothing(machine)
        assert [item.reason for item in session.result.left_out] == ["excluded"]


@pytest.mark.parametrize("retry", [None, Retry(deadline=0.05, delay=0.01, jitter=0.01)])
def test_giving_up_on_another_set(root: Path, retry: Retry | None) -> None:
    fault = Fault("IVssBackupComponents::StartSnapshotSet", "VSS_E_SNAPSHOT_SET_IN_PROGRESS")
    with running(root, fault) as machine:
        session = BackupSession("C:\\", retry=retry)
        with pytest.raises(SnapshotSetInProgressError, match="VSS_E_SNAPSHOT_SET_IN_PROGRESS") as caught, session:
            session.snapshot()
        assert f"gave up after {session.result.tries} tries" in caught.value.__notes__[0]
        assert (session.result.tries == 1) is (retry is None)
        assert caught.value.phase == "start_snapshot_set"
        left_nothing(machine)


def test_two_sessions_compete(root: Path) -> None:
    """The second one starts while the first one's set is under creation, and gets its turn."""
    import threading

    frozen, failures = threading.Event(), []

    def freeze(event: Any) -> None:
        frozen.set()
        time.sleep(0.2)

    def first() -> None:
        try:
            back_up()
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    with running(root, writers=[demo_writer(on_freeze=freeze)]) as machine:
        thread = threading.Thread(target=first)
        thread.start()
        assert frozen.wait(20)
        session = back_up(retry=Retry(deadline=30, delay=0.01, jitter=0.02))
        thread.join()
        assert failures == []
        assert session.result.tries > 1
        left_nothing(machine)


def test_ctrl_c_while_waiting_for_another_set(root: Path) -> None:
    def press(progress: Progress) -> None:
        if progress.event == "retrying":
            _thread.interrupt_main()

    fault = Fault("IVssBackupComponents::StartSnapshotSet", "VSS_E_SNAPSHOT_SET_IN_PROGRESS")
    with running(root, fault) as machine:
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            back_up(retry=Retry(delay=60, jitter=0), on_progress=press)
        assert time.monotonic() - started < 30
        left_nothing(machine)


# --- the rest ----------------------------------------------------------------------------------------------------------


def test_security_that_comes_too_late_is_a_warning_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vsspy import _backend, _machine

    def too_late(backend: object) -> None:
        raise errors.SecurityTooLateError("RPC_E_TOO_LATE", "CoInitializeSecurity")

    monkeypatch.setattr(_machine, "initialize_security", too_late)
    monkeypatch.setattr(_backend, "secured", set())
    with running(root):
        with pytest.warns(vsspy.SecurityWarning, match="event 8194") as caught:
            back_up()
        assert len(caught) == 1
        back_up()
        for place in ("a session", "shadow_copy"):
            monkeypatch.setattr(_backend, "secured", set())
            opened: Any = vsspy.BackupSession("C:\\") if place == "a session" else vsspy.shadow_copy("C:\\")
            with pytest.warns(vsspy.SecurityWarning) as caught, opened:
                pass
            assert caught[0].filename == __file__, f"{place}: the warning names the program's line"
        monkeypatch.setattr(_backend, "secured", set())
        back_up(security="none")


@pytest.mark.skipif(sys.platform == "win32", reason="there CoInitializeSecurity is ole32's own, which no trace shows")
def test_security_is_set_once(root: Path) -> None:
    with running(root) as machine:
        vsspy.initialize_security()
        back_up()
        back_up()
        assert [entry.name for entry in machine.trace].count("CoInitializeSecurity") == 1


@pytest.mark.parametrize("event", ["started", "finished"])
def test_an_error_in_on_progress_is_one_note_on_a_good_backup(root: Path, event: str) -> None:
    def fail(progress: Progress) -> None:
        if progress.event == event:
            raise KeyError("progress")

    with running(root) as machine:
        session = back_up(on_progress=fail)
        assert session.result.good
        assert session.result.notes == ["on_progress: KeyError('progress')"]
        left_nothing(machine)
        assert not called(machine, "AbortBackup")


def test_an_error_in_on_progress_does_not_hide_the_first(root: Path) -> None:
    def fail(progress: Progress) -> None:
        if progress.event == "failed":
            raise KeyError("progress")

    with running(root, Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_PROVIDER_VETO")) as machine:
        session = BackupSession("C:\\", on_progress=fail)
        with pytest.raises(errors.ProviderVetoError) as caught, session:
            session.snapshot()
        assert not hasattr(caught.value, "__notes__")
        assert session.result.notes == ["on_progress: KeyError('progress')"]
        left_nothing(machine)


@pytest.mark.parametrize("level", ["xp", "vista", "7", "8"])
def test_older_systems(root: Path, level: Any) -> None:
    with simulator.running(
        volumes={"C:\\": root}, writers=[demo_writer()], state=root.parent / "state", level=level
    ) as machine:
        session = back_up()
        assert session.result.good
        assert session.result.notes == []
        left_nothing(machine)


def test_errors_survive_pickling(root: Path) -> None:
    import pickle

    with running(root, Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_PROVIDER_VETO")):
        with pytest.raises(errors.ProviderVetoError) as caught:
            back_up()
        copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.phase, copy.elapsed, copy.writers) == (caught.value.phase, caught.value.elapsed, caught.value.writers)
    assert sys.getrefcount(copy) > 0


@pytest.mark.parametrize("value", [-1, math.inf, math.nan])
@pytest.mark.parametrize("name", ["deadline", "delay", "jitter"])
def test_a_retry_has_finite_times(name: str, value: Any) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=name):
        Retry(**{name: value})


def test_the_waits_of_a_retry() -> None:
    import random

    now = time.monotonic()
    waits = Retry(deadline=1000, delay=2, jitter=4).delays(now, random.Random(1))
    first = [next(waits) for _ in range(50)]
    assert all(2 <= wait <= 6 for wait in first)
    assert len(set(first)) > 40
    assert list(Retry(deadline=0).delays(now)) == []
    assert next(Retry(deadline=1, delay=100).delays(now)) <= 1


def test_a_folder_that_cannot_be_read_fails_its_component(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No mark makes good what a caller was told through onerror: the writer hears that the backup failed."""
    monkeypatch.setattr("vsspy._expansion._BATCH", 1)  # so that the disk may change between two files
    (root / "Data" / "gone").mkdir()
    (root / "Data" / "gone" / "b.txt").write_text("b")
    told: list[object] = []
    problems: list[OSError] = []
    writer = demo_writer(on_backup_complete=lambda event: told.extend(c.backup_succeeded for c in event.components))
    with running(root, writers=[writer]) as machine:
        with BackupSession("C:\\") as session:
            shadows = session.snapshot()
            (component,) = session.components
            files = component.files(onerror=problems.append)
            assert next(files).path == "C:\\Data\\a.txt"
            folder = Path(shadows.path("C:\\Data\\gone"))
            folder.rename(folder.with_name("elsewhere"))
            assert list(files) == []
            folder.with_name("elsewhere").rename(folder)
            component.mark_succeeded()
        assert [type(error) for error in problems] == [FileNotFoundError]
        assert component.state == "failed"
        assert "gone" in str(component.reason)
        assert told == [False]
        assert not session.result.good
        left_nothing(machine)
