"""A machine whose time is virtual: it stands still, and jumps when everybody waits."""

from __future__ import annotations

import contextlib
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import Backup, RawPlatform, backup_in, events, server, states, wait, writer

import vsspy
from vsspy import WriterState, simulator

DO = "IVssBackupComponents::DoSnapshotSet"
GATHER = "IVssBackupComponents::GatherWriterMetadata"
HOUR = 3600.0
PENDING = 0x00042309
REAL_LIMIT = 60.0  # seconds: far more than any of this takes, far less than what it simulates

own_clock = pytest.mark.skipif(
    sys.platform == "win32", reason="there the requester's clock is the system's, whatever the machine's shows"
)


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """Hours are simulated here, not waited for."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < REAL_LIMIT


@contextlib.contextmanager
def timeless(
    state: str, folder: Path, *faults: simulator.Fault, **options: Any
) -> Iterator[tuple[simulator.Machine, Backup]]:
    """A backup on a machine with a virtual clock, and what goes wrong from then on."""
    with backup_in(state, folder, virtual_time=True, **options) as (machine, backup):
        for fault in faults:
            machine.add_fault(fault)
        yield machine, backup


def begun(machine: simulator.Machine, name: str) -> list[float]:
    """When each entry of that name began."""
    return [entry.start for entry in machine.trace if entry.name == name]


def test_it_stands_still_while_nobody_waits(tmp_path: Path) -> None:
    with timeless("done", tmp_path) as (machine, _):
        assert machine.now() == 0
    assert {entry.start for entry in machine.trace} == {entry.end for entry in machine.trace} == {0.0}


def test_a_sleep_takes_no_time(tmp_path: Path) -> None:
    with server(tmp_path, virtual_time=True) as machine:
        for hours in (1, 2, 1000):
            before = machine.now()
            machine.sleep(hours * HOUR)
            assert machine.now() == before + hours * HOUR
        machine.sleep(0)
        for wrong in (-1.0, math.inf, math.nan):
            with pytest.raises(vsspy.InvalidArgumentError):
                machine.sleep(wrong)
    with pytest.raises(vsspy.ClosedError):
        machine.sleep(1)


def test_a_sleep_in_real_time(tmp_path: Path) -> None:
    with server(tmp_path) as machine:
        before, really = machine.now(), time.monotonic()
        machine.sleep(0.05)
        assert machine.now() - before >= 0.05
        assert time.monotonic() - really >= 0.04


def test_a_delay_of_an_hour(tmp_path: Path) -> None:
    faults = [simulator.Fault(DO, delay=HOUR), simulator.Fault("One Writer::PostSnapshot", delay=HOUR)]
    with timeless("prepared", tmp_path, *faults) as (machine, backup):
        wait_long(backup.components.do_snapshot_set())
        assert machine.now() == 2 * HOUR
    [result] = [entry for entry in machine.trace if entry.name == DO and entry.kind == "result"]
    assert (result.start, result.end) == (0.0, 2 * HOUR)


def wait_long(operation: vsspy.AsyncOperation) -> None:
    """Waits without a limit, since hours may pass."""
    with operation:
        operation.wait()


def test_a_call_that_takes_an_hour(tmp_path: Path) -> None:
    fault = simulator.Fault("IVssBackupComponents::StartSnapshotSet", delay=HOUR)
    with server(tmp_path, faults=[fault], virtual_time=True) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.start_snapshot_set()
        assert machine.now() == HOUR


@own_clock
def test_a_requesters_limit(tmp_path: Path) -> None:
    """It is over at its time, not before and not after, whether the service has something to do later or hangs."""
    for delay in (HOUR, math.inf):
        with (
            server(tmp_path, faults=[simulator.Fault(GATHER, delay=delay)], virtual_time=True) as machine,
            vsspy.BackupComponents() as components,
        ):
            components.initialize_for_backup()
            with components.gather_writer_metadata() as operation:
                with pytest.raises(vsspy.WaitTimeoutError):
                    operation.wait(timeout=HOUR - 1)
                assert machine.now() == HOUR - 1
                assert not operation.done()
                if delay == HOUR:
                    operation.wait(timeout=10)
                    assert machine.now() == HOUR
                else:
                    operation.cancel()
                    with pytest.raises(vsspy.OperationCancelledError):
                        operation.wait()


@own_clock
def test_what_is_due_at_a_requesters_limit_comes_first(tmp_path: Path) -> None:
    fault = simulator.Fault(GATHER, delay=HOUR)
    with server(tmp_path, faults=[fault], virtual_time=True), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        with components.gather_writer_metadata() as operation:
            operation.wait(timeout=HOUR)


@own_clock
def test_a_session_has_the_machines_time(tmp_path: Path) -> None:
    """The limits of a session's phases are kept on the machine's clock."""
    fault = simulator.Fault(DO, delay=math.inf, nth=1)
    with server(tmp_path, faults=[fault], virtual_time=True) as machine:
        with pytest.raises(vsspy.WaitTimeoutError) as caught, vsspy.BackupSession("C:\\", timeout=HOUR) as session:
            session.snapshot()
        assert caught.value.phase == "do_snapshot_set"
        assert machine.now() == HOUR
        with vsspy.shadow_copy("C:\\"):
            pass


def test_a_handler_that_sleeps(tmp_path: Path) -> None:
    """It lets the clock go on, and others be late."""
    seen: list[float] = []

    def slow(event: simulator.WriterEvent) -> None:
        event.sleep(40)
        seen.append(machine.now())

    both = [writer(on_prepare_backup=slow), writer("Two Writer")]
    with timeless("set", tmp_path, writers=both) as (machine, backup):
        wait_long(backup.components.prepare_for_backup())
        assert seen == [40.0]


def test_a_handler_that_has_returned_sleeps_no_more(tmp_path: Path) -> None:
    kept: list[simulator.WriterEvent] = []
    with timeless("gathered", tmp_path, writers=[writer(on_identify=kept.append)]):
        with pytest.raises(vsspy.BadStateError):
            kept[0].sleep(1)
        with pytest.raises(vsspy.InvalidArgumentError):
            kept[0].sleep(-1)


def test_a_handler_that_works_holds_the_clock(tmp_path: Path) -> None:
    """A thread that runs Python is not idle, however long it takes: no limit is over meanwhile."""
    entered, go_on = threading.Event(), threading.Event()

    def work(_: simulator.WriterEvent) -> None:
        entered.set()
        assert go_on.wait(REAL_LIMIT)

    with timeless("set", tmp_path, writers=[writer(on_prepare_backup=work)]) as (machine, backup):
        operation = backup.components.prepare_for_backup()
        assert entered.wait(REAL_LIMIT)
        sleeper = threading.Thread(target=machine.sleep, args=(HOUR,))
        sleeper.start()
        sleeper.join(0.2)
        assert sleeper.is_alive()
        assert machine.now() == 0
        go_on.set()
        sleeper.join(REAL_LIMIT)
        assert not sleeper.is_alive()
        wait(operation)


def test_who_only_looks(tmp_path: Path) -> None:
    """A requester that never waits sees the operation end after a number of looks, and its limits before that."""
    with server(tmp_path, faults=[simulator.Fault(GATHER, delay=HOUR)], virtual_time=True) as machine:
        counts = []
        for _ in range(2):
            with vsspy.BackupComponents() as components:
                components.initialize_for_backup()
                before = machine.now()
                with components.gather_writer_metadata() as operation:
                    moments = looks(machine, lambda: operation.status == PENDING)
                assert machine.now() - before == HOUR
                assert moments[-1] - before <= HOUR
                counts.append([moment - before for moment in moments])
        # deterministic, but for how long the service's threads took to come to rest
        assert [x for x in counts[0] if x] == pytest.approx([x for x in counts[1] if x])
        assert len([x for x in counts[0] if x]) < 40


def looks(machine: simulator.Machine, pending: Callable[[], bool]) -> list[float]:
    """The clock after each look in vain."""
    moments: list[float] = []
    while pending():
        moments.append(machine.now())
        time.sleep(0.0005)  # of which the machine knows nothing
    return moments


@pytest.mark.parametrize("milliseconds", [1, 999, 60_000])
def test_a_foreign_requester_waits(tmp_path: Path, milliseconds: int) -> None:
    """IVssAsync::Wait is over when its time is, on the machine's clock, and at once."""
    with (
        server(tmp_path, faults=[simulator.Fault(GATHER, delay=HOUR)], virtual_time=True) as machine,
        RawPlatform(machine).backup_components() as raw,
    ):
        assert raw.call("InitializeForBackup", None) == 0
        with raw.start("GatherWriterMetadata") as operation:
            assert operation.call("Wait", milliseconds) == 0
            assert operation.status() == PENDING
            assert machine.now() == milliseconds / 1000
            assert operation.call("Wait", 0) == 0
            assert machine.now() == milliseconds / 1000
            assert operation.call("Wait", 0xFFFFFFFF) == 0
            assert operation.status() != PENDING
            assert machine.now() == HOUR


def test_the_same_program_sees_the_same_times(tmp_path: Path) -> None:
    """Two runs have the same trace, times included."""

    def run(number: int) -> list[tuple[str, float, float | None, int | None]]:
        def nap(event: simulator.WriterEvent) -> None:
            event.sleep(7.5)

        writers = [writer(on_freeze=nap, freeze_timeout=5), writer("Two Writer", on_thaw=nap)]
        fault = simulator.Fault("Two Writer::Freeze", delay=30)
        (folder := tmp_path / str(number)).mkdir()
        with timeless("prepared", folder, fault, writers=writers) as (machine, backup):
            wait_long(backup.components.do_snapshot_set())
            wait_long(backup.components.backup_complete())
            states(backup.components)
        return [
            (e.name, e.start, e.end, e.hresult)
            for e in machine.trace
            if not e.name.startswith(("IVssAsync", "CoInitialize"))
        ]

    assert run(1) == run(2)


def test_shadow_copies_are_of_their_time(tmp_path: Path) -> None:
    with server(tmp_path, virtual_time=True) as machine:
        made = []
        for _ in range(2):
            with vsspy.shadow_copy("C:\\"):
                [copy] = machine.shadow_copies
                made.append(copy.created)
            machine.sleep(HOUR)
        assert (made[1] - made[0]).total_seconds() == pytest.approx(HOUR, abs=0.001)


def test_an_absent_requester_is_not_waited_for(tmp_path: Path) -> None:
    """Who waits for something else than the machine still sees the service go on."""
    frozen = threading.Event()
    faults = [simulator.Fault("One Writer::Freeze", delay=30)]
    writers = [writer(on_thaw=lambda _: frozen.set())]
    with timeless("prepared", tmp_path, *faults, writers=writers) as (machine, backup):
        with backup.components.do_snapshot_set() as operation:
            assert frozen.wait(REAL_LIMIT)
            operation.wait()
        assert machine.now() == 30


def test_a_closed_machine_waits_for_nobody(tmp_path: Path) -> None:
    """close() ends sleeps and delays."""
    errors: list[vsspy.VssError] = []

    def sleep() -> None:
        try:
            machine.sleep(HOUR)
        except vsspy.VssError as error:
            errors.append(error)

    entered, go_on = threading.Event(), threading.Event()

    def work(_: simulator.WriterEvent) -> None:
        entered.set()
        assert go_on.wait(REAL_LIMIT)

    with contextlib.ExitStack() as stack:
        machine, backup = stack.enter_context(timeless("set", tmp_path, writers=[writer(on_prepare_backup=work)]))
        backup.pending = backup.components.prepare_for_backup()
        assert entered.wait(REAL_LIMIT)
        sleeper = threading.Thread(target=sleep)  # cannot end while the writer works
        sleeper.start()
        closer = threading.Thread(target=machine.close)
        closer.start()
        sleeper.join(REAL_LIMIT)
        go_on.set()
        closer.join(REAL_LIMIT)
        assert not sleeper.is_alive()
        assert not closer.is_alive()
        backup.pending.close()
        backup.pending = None
    assert [type(error) for error in errors] == [vsspy.ConnectionLostError]


def test_writers_states_after_a_window(tmp_path: Path) -> None:
    """A minute of a hanging Freeze is over at once, and the writer is told when it is."""
    fault = simulator.Fault("One Writer::Freeze", delay=math.inf)
    with timeless("prepared", tmp_path, fault) as (machine, backup):
        wait_long(backup.components.do_snapshot_set())
        assert machine.now() == 60
        assert states(backup.components)["One Writer"] is WriterState.FAILED_AT_FREEZE
    assert events(machine)[-3:] == ["Freeze", "Abort", "BackupShutdown"]
    assert begun(machine, "One Writer::Abort") == [60.0]
