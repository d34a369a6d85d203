"""cancel() at each point of a session, from wherever it comes: the wait ends, the clean-up runs, and nothing is left."""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest
from session_support import back_up, called, demo_volume, demo_writer, left_nothing, running, writer_events

from vsspy.errors import ClosedError, OperationCancelledError
from vsspy.retry import Retry
from vsspy.session import BackupSession, Progress
from vsspy.simulator import Fault, Machine


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return demo_volume(tmp_path)


def run(session: BackupSession, during: Callable[[], object] = lambda: None) -> None:
    with session:
        session.snapshot()
        during()
        for component in session.components:
            list(component.files())
            component.mark_succeeded()


def cancelled(session: BackupSession, during: Callable[[], object] = lambda: None) -> OperationCancelledError:
    with pytest.raises(OperationCancelledError) as caught:
        run(session, during)
    assert caught.value.detail == "cancel() was called"
    assert session.cancelled and not session.result.completed
    with pytest.raises(ClosedError):
        session.snapshot()
    return caught.value


class Elsewhere:
    """Cancels a session from another thread as soon as calls or events have come, in this order; notes when."""

    def __init__(self, session: BackupSession, machine: Machine, *what: str) -> None:
        self._session, self._machine, self._what = session, machine, what
        self._thread = threading.Thread(target=self._run)
        self.asked = math.nan

    def _run(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            names = (entry.name for entry in self._machine.trace)
            if all(any(name.endswith(what) for name in names) for what in self._what):  # each after the one before
                break
            time.sleep(0.005)
        self.asked = time.monotonic()
        self._session.cancel()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()


WAITS = [
    ("GatherWriterMetadata", 1, False),
    ("PrepareForBackup", 1, True),
    ("GatherWriterStatus", 1, True),
    ("DoSnapshotSet", 1, True),
    ("GatherWriterStatus", 2, True),
    ("BackupComplete", 1, True),
]


@pytest.mark.parametrize(("method", "nth", "abort"), WAITS)
def test_each_wait(root: Path, method: str, nth: int, abort: bool) -> None:
    after = ["::DoSnapshotSet"] if nth == 2 else []
    fault = Fault(f"IVssBackupComponents::{method}", nth=nth, delay=math.inf)
    session = BackupSession("C:\\")
    with running(root, fault) as machine:
        with Elsewhere(session, machine, *after, f"::{method}"):
            error = cancelled(session)
        assert not hasattr(error, "__notes__")
        assert called(machine, "AbortBackup") is abort
        assert not any(event == "BackupComplete" for event in writer_events(machine)) or method == "BackupComplete"
        left_nothing(machine)
        assert back_up().result.good
        left_nothing(machine)


def test_the_wait_ends_before_the_operation_does(root: Path) -> None:
    """The clean-up waits for the operation that was cancelled; the wait itself ends at once."""
    told: list[tuple[Progress, float]] = []
    session = BackupSession("C:\\", on_progress=lambda progress: told.append((progress, time.monotonic())))
    with running(root, Fault("IVssBackupComponents::DoSnapshotSet", delay=math.inf)) as machine:
        with Elsewhere(session, machine, "::DoSnapshotSet") as elsewhere:
            cancelled(session)
        (ended,) = [at for progress, at in told if progress.event == "failed"]
        assert ended - elsewhere.asked < 5  # 0.1 s and what a slow machine needs; not the 300 s of the time-out
        left_nothing(machine)


def test_the_last_status_cannot_make_a_good_backup_bad(root: Path) -> None:
    fault = Fault("IVssBackupComponents::GatherWriterStatus", nth=3, delay=math.inf)
    session = BackupSession("C:\\")
    with running(root, fault) as machine:
        with Elsewhere(session, machine, "Demo Writer::BackupComplete"):
            run(session)
        assert session.result.good
        assert any("cancel() was called" in note for note in session.result.notes)
        left_nothing(machine)


def test_before_it_begins(root: Path) -> None:
    session = BackupSession("C:\\")
    session.cancel()
    session.cancel()
    with running(root) as machine:
        cancelled(session)
        assert not called(machine, "InitializeForBackup")
        left_nothing(machine)


@pytest.mark.parametrize(
    "point", ["initialize", "select", "start_snapshot_set", "add_to_snapshot_set", "prepare_for_backup", "save_as_xml"]
)
def test_between_the_waits(root: Path, point: str) -> None:
    def stop(progress: Progress) -> None:
        if progress.phase == point:
            session.cancel()

    session = BackupSession("C:\\", on_progress=stop)
    with running(root) as machine:
        error = cancelled(session)
        assert not hasattr(error, "__notes__")
        assert called(machine, "AbortBackup") is (point == "save_as_xml")
        left_nothing(machine)


def test_while_it_copies(root: Path) -> None:
    (root / "Data" / "b.txt").write_text("b")
    session = BackupSession("C:\\")

    def copy() -> None:
        (component,) = session.components
        files = component.files()
        next(files)
        session.cancel()
        with pytest.raises(OperationCancelledError):
            next(files)
        with pytest.raises(OperationCancelledError):
            component.mark_succeeded()

    with running(root) as machine:
        cancelled(session, copy)
        assert called(machine, "AbortBackup") and not called(machine, "BackupComplete")
        left_nothing(machine)


def test_a_long_walk_that_finds_nothing_ends_too(root: Path) -> None:
    """Cancelled by itself between two batches of the walk, before the first file comes."""
    session = BackupSession("C:\\")

    def copy() -> None:
        (component,) = session.components
        is_open = component._is_open
        calls: list[int] = []

        def counting() -> bool:
            calls.append(len(calls))
            if len(calls) == 2:
                session.cancel()
            return is_open()

        component._is_open = counting
        next(component.files())

    with running(root) as machine:
        cancelled(session, copy)
        left_nothing(machine)


def test_at_the_end_of_the_block(root: Path) -> None:
    session = BackupSession("C:\\")
    with running(root) as machine:
        with pytest.raises(OperationCancelledError), session:
            session.snapshot()
            for component in session.components:
                list(component.files())
                component.mark_succeeded()
            session.cancel()
        assert called(machine, "AbortBackup") and not called(machine, "BackupComplete")
        left_nothing(machine)


def test_after_it_was_completed(root: Path) -> None:
    with running(root) as machine:
        session = back_up()
        session.cancel()
        assert session.result.good
        left_nothing(machine)


def test_in_a_pause_between_two_tries(root: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.event == "retrying":
            session.cancel()

    for fault, retry in (
        (Fault("IVssBackupComponents::StartSnapshotSet", "VSS_E_SNAPSHOT_SET_IN_PROGRESS"), Retry(delay=300, jitter=0)),
        (Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_HOLD_WRITES_TIMEOUT"), Retry(failures=3, jitter=0)),
    ):
        session = BackupSession("C:\\", retry=retry, on_progress=stop)
        with running(root, fault) as machine:
            cancelled(session)
            assert session.result.tries == 1
            left_nothing(machine)


def test_another_error_stays_the_first(root: Path) -> None:
    session = BackupSession("C:\\")
    with running(root) as machine:
        with pytest.raises(KeyError) as caught, session:
            session.snapshot()
            session.cancel()
            raise KeyError("mine")
        assert not hasattr(caught.value, "__notes__")
        left_nothing(machine)


@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no setitimer, whose signal comes in the midst of a wait"
)
def test_in_a_signal_handler(root: Path) -> None:
    session = BackupSession("C:\\")

    def handle(number: int, frame: Any) -> None:
        session.cancel()
        session.cancel()

    before = signal.signal(signal.SIGALRM, handle)
    try:
        with running(root, Fault("IVssBackupComponents::DoSnapshotSet", delay=math.inf)) as machine:
            with session:
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                with pytest.raises(OperationCancelledError):
                    session.snapshot()
            left_nothing(machine)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_from_a_writer(root: Path) -> None:
    """The session is inside the call that the writer is called from."""
    sessions: list[BackupSession] = []
    with running(root, writers=[demo_writer(on_freeze=lambda event: sessions[0].cancel())]) as machine:
        sessions.append(BackupSession("C:\\"))
        cancelled(sessions[0])
        left_nothing(machine)


def test_many_threads_at_once(root: Path) -> None:
    session = BackupSession("C:\\")
    with running(root, Fault("IVssBackupComponents::DoSnapshotSet", delay=math.inf)) as machine:
        threads = [Elsewhere(session, machine, "::DoSnapshotSet") for _ in range(8)]
        for each in threads:
            each.__enter__()
        cancelled(session)
        for each in threads:
            each.__exit__()
        left_nothing(machine)


def test_the_shadow_copies_are_closed_for_files_when_the_session_has_ended(root: Path) -> None:
    (root / "Data" / "b.txt").write_text("b")
    with running(root), BackupSession("C:\\") as session:
        session.snapshot()
        (component,) = session.components
        files = component.files()
        next(files)
        session.close()
        with pytest.raises(ClosedError):
            next(files)
        with pytest.raises(ClosedError):
            list(component.files())
