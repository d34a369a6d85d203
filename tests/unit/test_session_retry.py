"""Trying a whole set again after failures that may pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from session_support import back_up, called, demo_volume, demo_writer, left_nothing, running, writer_events

from vsspy import errors
from vsspy.retry import Retry
from vsspy.session import BackupSession, Progress
from vsspy.simulator import Component, Fault, Machine, Writer, WriterVeto

SOON = {"failure_delay": 0.01, "jitter": 0.0}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return demo_volume(tmp_path)


def failing(times: int, code: str) -> Any:
    """A handler that vetoes the first events of its kind."""
    left = [times]

    def veto(event: Any) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise WriterVeto(code)

    return veto


def count(machine: Machine, method: str) -> int:
    calls = (entry.name.partition("::") for entry in machine.trace)
    return sum(interface.startswith("IVss") and name == method for interface, _, name in calls)


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ("on_prepare_backup", "VSS_E_WRITERERROR_RETRYABLE"),
        ("on_freeze", "VSS_E_WRITERERROR_TIMEOUT"),
        ("on_post_snapshot", "VSS_E_WRITERERROR_OUTOFRESOURCES"),
    ],
)
@pytest.mark.parametrize("policy", ["raise", "report"])
def test_writers_that_may_do_better(root: Path, code: str, event: str, policy: Any) -> None:
    told: list[Progress] = []
    with running(root, writers=[demo_writer(**{event: failing(2, code)})]) as machine:
        session = back_up(retry=Retry(failures=3, **SOON), on_progress=told.append, on_writer_failure=policy)
        assert session.result.good and session.result.tries == 3
        assert not any(writer.failed for writer in session.result.writers)
        assert count(machine, "AbortBackup") == 2 and writer_events(machine).count("BackupComplete") == 1
        left_nothing(machine)
    retries = [each for each in told if each.event == "retrying"]
    assert len(retries) == 2 and all(code in each.detail and "next try in 0.0 s" in each.detail for each in retries)


def test_the_default_does_not_try_again(root: Path) -> None:
    veto = failing(1, "VSS_E_WRITERERROR_RETRYABLE")
    with running(root, writers=[demo_writer(on_freeze=veto)]) as machine:
        with pytest.raises(errors.WritersFailedError):
            back_up()
        left_nothing(machine)


def test_it_gives_up(root: Path) -> None:
    veto = failing(9, "VSS_E_WRITERERROR_TIMEOUT")
    with running(root, writers=[demo_writer(on_freeze=veto)]) as machine:
        with pytest.raises(errors.WritersFailedError) as caught:
            back_up(retry=Retry(failures=2, **SOON))
        assert "gave up after 3 tries" in caught.value.__notes__[0]
        left_nothing(machine)


def test_when_it_gives_up_the_policy_decides(root: Path) -> None:
    veto = failing(9, "VSS_E_WRITERERROR_TIMEOUT")
    asked: list[Any] = []
    with running(root, writers=[demo_writer(on_freeze=veto)]) as machine:
        with BackupSession("C:\\", retry=Retry(failures=1, **SOON), on_writer_failure=asked.append) as session:
            session.snapshot()
            assert [each.state for each in session.components] == ["failed"]
        assert len(asked) == 1 and session.result.tries == 2
        left_nothing(machine)


def test_one_that_will_not_do_better_stops_it_at_once(root: Path) -> None:
    other = Writer(
        "Other Writer",
        components=[Component("O", selectable=True)],
        on_freeze=failing(9, "VSS_E_WRITERERROR_NONRETRYABLE"),
    )
    writers = [demo_writer(on_freeze=failing(9, "VSS_E_WRITERERROR_RETRYABLE")), other]
    with running(root, writers=writers) as machine:
        session = BackupSession("C:\\", retry=Retry(failures=3, **SOON))
        with pytest.raises(errors.WritersFailedError), session:
            session.snapshot()
        assert session.result.tries == 1
        left_nothing(machine)


@pytest.mark.parametrize(
    "code",
    [
        "VSS_E_FLUSH_WRITES_TIMEOUT",
        "VSS_E_HOLD_WRITES_TIMEOUT",
        "VSS_E_PROVIDER_VETO",
        "VSS_E_UNEXPECTED_PROVIDER_ERROR",
    ],
)
def test_failures_of_the_set_that_may_pass(root: Path, code: str) -> None:
    with running(root, Fault("IVssBackupComponents::DoSnapshotSet", code, nth=1)) as machine:
        session = back_up(retry=Retry(failures=1, **SOON))
        assert session.result.good and session.result.tries == 2
        assert "Abort" in writer_events(machine) and count(machine, "AbortBackup") == 1
        left_nothing(machine)


@pytest.mark.parametrize("code", ["VSS_E_INSUFFICIENT_STORAGE", "VSS_E_UNEXPECTED"])
def test_failures_of_the_set_that_stay(root: Path, code: str) -> None:
    session = BackupSession("C:\\", retry=Retry(failures=3, **SOON))
    fault = Fault("IVssBackupComponents::DoSnapshotSet", code, nth=1)
    with running(root, fault), pytest.raises(errors.VssError, match=code), session:
        session.snapshot()
    assert session.result.tries == 1


def test_a_vetoing_provider_in_add_to_snapshot_set_is_not_tried_again(root: Path) -> None:
    """Nothing says that this one passes."""
    session = BackupSession("C:\\", retry=Retry(failures=3, **SOON))
    fault = Fault("IVssBackupComponents::AddToSnapshotSet", "VSS_E_PROVIDER_VETO", nth=1)
    with running(root, fault), pytest.raises(errors.ProviderVetoError), session:
        session.snapshot()
    assert session.result.tries == 1


def test_rules_are_applied_again(root: Path) -> None:
    with running(root, Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_HOLD_WRITES_TIMEOUT", nth=1)) as machine:
        with BackupSession("C:\\", retry=Retry(failures=1, **SOON)) as session:
            session.select("Demo Writer", "Data")
            session.snapshot()
            assert [each.full_name for each in session.components] == ["Data"]
            session.components[0].mark_succeeded()
        assert session.result.good
        assert count(machine, "AddComponent") == 2
        assert called(machine, "AbortBackup")


@pytest.mark.parametrize("options", [{"failures": -1}, {"failures": 1.5}, {"failure_delay": float("inf")}])
def test_options_that_make_no_sense(options: Any) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=next(iter(options))):
        Retry(**options)
