"""Ctrl-C at each point of a session: what is under way is cancelled and waited for, and nothing is left behind."""

from __future__ import annotations

import _thread
import itertools
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from session_support import back_up, called, demo_volume, demo_writer, left_nothing, running, writer_events

from vsspy import _core, errors
from vsspy.session import BackupSession
from vsspy.simulator import Fault, Machine


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return demo_volume(tmp_path)


def interrupt(
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    nth: int = 1,
    when: str = "after",
    until: threading.Event | None = None,
) -> None:
    """Ctrl-C in the nth call of a method of the core: right before it, or right after, when its result is in no variable.

    It does not come before *until* is set.
    """
    original = getattr(_core.Session, method)
    calls = itertools.count(1)

    def call(self: _core.Session, *arguments: Any) -> Any:
        due = next(calls) == nth
        if due and when == "before":
            raise KeyboardInterrupt
        result = [original(self, *arguments)]
        if due:
            result.clear()  # else the traceback would keep it
            assert until is None or until.wait(60)
            raise KeyboardInterrupt
        return result.pop()

    monkeypatch.setattr(_core.Session, method, call)


def place_of(machine: Machine, method: str) -> int:
    return next(place for place, entry in enumerate(machine.trace) if entry.name.endswith(f"::{method}"))


EVENTS = {
    "on_identify": False,
    "on_prepare_backup": True,
    "on_prepare_snapshot": True,
    "on_freeze": True,
    "on_thaw": True,
    "on_post_snapshot": True,
    "on_backup_complete": True,
}


@pytest.fixture
def interrupt_once() -> Iterator[Any]:
    """A callback that presses Ctrl-C, once, and lets the interrupt arrive before the event is over."""
    pressed: list[int] = []

    def press(event: Any) -> None:
        if not pressed:
            pressed.append(1)
            _thread.interrupt_main()
            time.sleep(0.3)

    yield press
    assert pressed


@pytest.mark.parametrize("event", EVENTS)
def test_ctrl_c_in_each_phase(root: Path, event: str, interrupt_once: Any) -> None:
    with running(root, writers=[demo_writer(**{event: interrupt_once})]) as machine:
        with pytest.raises(KeyboardInterrupt) as caught:
            back_up()
        assert not getattr(caught.value, "__notes__", [])
        left_nothing(machine)
        assert called(machine, "AbortBackup") is EVENTS[event]
        if event != "on_backup_complete":
            assert not called(machine, "BackupComplete")
        assert back_up().result.good
        left_nothing(machine)


def test_ctrl_c_while_copying(root: Path) -> None:
    with running(root) as machine:
        with pytest.raises(KeyboardInterrupt), BackupSession("C:\\") as session:
            session.snapshot()
            _thread.interrupt_main()
            for _ in range(1000):
                time.sleep(0.01)
        left_nothing(machine)
        assert writer_events(machine)[-2:] == ["Abort", "BackupShutdown"]


STARTS = [
    # method, its name here, n-th call, whether AbortBackup is due
    ("GatherWriterMetadata", "gather_writer_metadata", 1, False),
    ("PrepareForBackup", "prepare_for_backup", 1, True),
    ("GatherWriterStatus", "gather_writer_status", 1, True),
    ("DoSnapshotSet", "do_snapshot_set", 1, True),
    ("GatherWriterStatus", "gather_writer_status", 2, True),
    ("BackupComplete", "backup_complete", 1, True),
    ("GatherWriterStatus", "gather_writer_status", 3, False),
]


@pytest.mark.parametrize(("method", "name", "nth", "abort"), STARTS)
def test_ctrl_c_before_the_session_has_the_operation(
    root: Path, monkeypatch: pytest.MonkeyPatch, method: str, name: str, nth: int, abort: bool
) -> None:
    """VSS has started it, and the interrupt comes before its AsyncOperation is in any variable."""
    interrupt(monkeypatch, name, nth)
    with running(root, Fault(f"IVssBackupComponents::{method}", nth=nth, delay=math.inf)) as machine:
        with pytest.raises(KeyboardInterrupt) as caught:
            back_up()
        assert not getattr(caught.value, "__notes__", [])
        assert called(machine, "AbortBackup") is abort
        assert place_of(machine, method) < place_of(machine, "Cancel")
        if abort:
            assert place_of(machine, "Cancel") < place_of(machine, "AbortBackup")
        left_nothing(machine)
        assert back_up().result.good
        left_nothing(machine)


@pytest.mark.parametrize(
    "early", [False, True], ids=["first at any moment", "first before the session has the operation"]
)
def test_a_second_ctrl_c_skips_the_drain(root: Path, monkeypatch: pytest.MonkeyPatch, early: bool) -> None:
    pressed: list[int] = []
    frozen = threading.Event()

    def until_called(method: str) -> None:
        deadline = time.monotonic() + 60
        while not any(entry.name.endswith(method) for entry in machine.trace) and time.monotonic() < deadline:
            time.sleep(0.01)

    def press_twice(event: Any) -> None:
        if pressed:
            return
        pressed.append(1)
        frozen.set()
        if not early:
            _thread.interrupt_main()
        until_called("IVssAsync::Cancel")
        _thread.interrupt_main()
        until_called("::AbortBackup")  # the drain, which waits for this writer, was given up then

    if early:
        interrupt(monkeypatch, "do_snapshot_set", until=frozen)
    with running(root, writers=[demo_writer(on_freeze=press_twice)]) as machine:
        with pytest.raises(KeyboardInterrupt) as caught:
            back_up(abort_timeout=60)
        assert "waiting for the cancelled operation: KeyboardInterrupt" in caught.value.__notes__[0]
        left_nothing(machine)
        assert place_of(machine, "Cancel") < place_of(machine, "AbortBackup")
        assert back_up().result.good


@pytest.mark.parametrize("when", ["before", "after"])
def test_ctrl_c_at_the_release_of_a_good_backup(root: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    interrupt(monkeypatch, "close", when=when)
    with running(root) as machine:
        session = BackupSession("C:\\")
        with pytest.raises(KeyboardInterrupt), session:
            session.snapshot()
            for component in session.components:
                list(component.files())
                component.mark_succeeded()
        assert machine.live() == []
        assert session.result.good
        assert not called(machine, "AbortBackup")
        left_nothing(machine)


@pytest.mark.parametrize("when", ["before", "after"])
def test_ctrl_c_at_the_release_after_an_error(root: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    interrupt(monkeypatch, "close", when=when)
    with running(root, Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_PROVIDER_VETO", nth=1)) as machine:
        with pytest.raises(errors.ProviderVetoError) as caught:
            back_up()
        assert caught.value.__notes__ == ["clean-up, release: KeyboardInterrupt"]
        assert machine.live() == []
        left_nothing(machine)
