"""AsyncOperation: the outcome is QueryStatus', waits have time-outs, can be interrupted, and let other threads run."""

from __future__ import annotations

import _thread
import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
from ctypes_platform import CANCELLED, CODES, FINISHED, PENDING, CtypesPlatform, Operation, sta

import vsspy
from vsspy import errors

STARTER = "IVssBackupComponents::GatherWriterMetadata"


class Running:
    """A session with one operation under way."""

    def __init__(self, platform: CtypesPlatform, only_infinite: bool = False) -> None:
        self.platform = platform
        self.fake: Operation = platform.operation("GatherWriterMetadata", only_infinite=only_infinite)
        self.components = vsspy.BackupComponents(platform)  # type: ignore[arg-type]  # stands in for a machine
        self.operation = self.components.gather_writer_metadata()

    def close(self) -> None:
        self.fake.end()
        self.operation.close()
        self.components.close()


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running(CtypesPlatform())
    yield made
    made.close()
    made.platform.assert_clean()


def test_the_outcome_is_that_of_query_status(running: Running) -> None:
    assert running.operation.status == PENDING
    assert not running.operation.done()
    running.fake.end(FINISHED)
    running.operation.wait()
    assert running.operation.done()
    assert running.operation.status == FINISHED


def test_a_failure_is_raised_under_the_name_of_the_method_that_started_it(running: Running) -> None:
    running.fake.end(CODES["VSS_E_INSUFFICIENT_STORAGE"])
    with pytest.raises(errors.InsufficientStorageError) as caught:
        running.operation.wait()
    assert caught.value.operation == STARTER
    assert running.operation.done()
    assert running.operation.status == CODES["VSS_E_INSUFFICIENT_STORAGE"]


def test_a_wait_that_returns_the_operations_own_error_is_no_second_error(running: Running) -> None:
    running.fake.wait_result = CODES["VSS_E_PROVIDER_VETO"] - (1 << 32)  # semantics 3.5
    threading.Timer(0.02, running.fake.end, [CODES["VSS_E_PROVIDER_VETO"]]).start()
    with pytest.raises(errors.ProviderVetoError) as caught:
        running.operation.wait(10)
    assert caught.value.operation == STARTER


def test_a_wait_that_fails_while_the_operation_runs_says_so(running: Running) -> None:
    running.fake.wait_result = CODES["E_ACCESSDENIED"] - (1 << 32)
    with pytest.raises(errors.AccessDeniedError) as caught:
        running.operation.wait(0.01)
    assert caught.value.operation == "IVssAsync::Wait"


def test_a_query_that_fails_says_so(running: Running) -> None:
    running.fake.query_result = CODES["VSS_E_UNEXPECTED"] - (1 << 32)
    with pytest.raises(errors.UnexpectedError) as caught:
        _ = running.operation.status
    assert caught.value.operation == "IVssAsync::QueryStatus"
    running.fake.query_result = 0


def test_other_success_codes_are_successes(running: Running) -> None:
    running.fake.end(CODES["VSS_S_SOME_SNAPSHOTS_NOT_IMPORTED"])
    running.operation.wait()
    assert running.operation.status == CODES["VSS_S_SOME_SNAPSHOTS_NOT_IMPORTED"]


def test_a_time_out_leaves_it_running(running: Running) -> None:
    before = time.monotonic()
    with pytest.raises(errors.WaitTimeoutError) as caught:
        running.operation.wait(0.12)
    assert time.monotonic() - before > 0.1, "two clocks need not agree to the last millisecond"
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.operation == STARTER
    assert not running.fake.cancelled.is_set()
    assert not running.operation.done()
    running.fake.end()
    running.operation.wait(0)  # over already: no time is needed


def test_waits_are_slices_of_at_most_100_ms(running: Running) -> None:
    with pytest.raises(errors.WaitTimeoutError):
        running.operation.wait(0.12)
    assert running.fake.waits
    assert max(running.fake.waits) <= 100


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("-inf")])
def test_time_outs_that_make_no_sense(running: Running, timeout: float) -> None:
    with pytest.raises(errors.InvalidArgumentError):
        running.operation.wait(timeout)


@pytest.mark.parametrize("timeout", [None, float("inf"), 1e300])
def test_no_limit(running: Running, timeout: float | None) -> None:
    threading.Timer(0.02, running.fake.end).start()
    running.operation.wait(timeout)


def test_cancelling_only_asks(running: Running) -> None:
    running.operation.cancel()
    assert running.fake.cancelled.is_set()
    assert not running.operation.done()
    running.fake.end(CANCELLED)
    with pytest.raises(errors.OperationCancelledError) as caught:
        running.operation.wait()
    assert caught.value.operation == STARTER
    assert running.operation.status == CANCELLED


@pytest.mark.parametrize("code", ["VSS_S_ASYNC_CANCELLED", "VSS_S_ASYNC_FINISHED"])
def test_cancelling_what_is_over(running: Running, code: str) -> None:
    running.fake.cancel_result = CODES[code]
    running.operation.cancel()


def test_cancel_may_return_the_operations_own_error(running: Running) -> None:
    running.fake.end(CODES["VSS_E_PROVIDER_VETO"])
    running.fake.cancel_result = CODES["VSS_E_PROVIDER_VETO"] - (1 << 32)
    running.operation.cancel()  # nothing is left to cancel
    running.fake.cancel_result = CODES["E_ACCESSDENIED"] - (1 << 32)
    with pytest.raises(errors.AccessDeniedError):
        running.operation.cancel()


def test_polling_where_only_infinite_is_accepted() -> None:
    running = Running(CtypesPlatform(), only_infinite=True)
    with pytest.raises(errors.WaitTimeoutError):
        running.operation.wait(0.05)
    threading.Timer(0.05, running.fake.end).start()
    running.operation.wait(10)
    assert len(running.fake.waits) == 1, "refused once, and not tried again"
    assert running.platform.sleeps, "it polls on the platform's clock"
    assert max(running.platform.sleeps) <= 0.1
    running.close()
    running.platform.assert_clean()


def test_other_threads_run_during_a_wait(running: Running) -> None:
    counted = 0

    def count() -> None:
        nonlocal counted
        for _ in range(1000):
            counted += 1
        running.fake.end()

    threading.Timer(0.02, count).start()
    running.operation.wait(10)
    assert counted == 1000


def test_a_cancel_gets_through_while_another_thread_waits(running: Running) -> None:
    outcome: list[BaseException] = []

    def wait() -> None:
        try:
            running.operation.wait(10)
        except errors.VssError as error:
            outcome.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while not running.fake.waits:
        time.sleep(0.001)
    running.operation.cancel()
    assert running.fake.cancelled.is_set()
    running.fake.end(CANCELLED)
    thread.join(10)
    assert [type(error) for error in outcome] == [errors.OperationCancelledError]


def test_ctrl_c_ends_a_wait_within_200_ms(running: Running) -> None:
    pressed: list[float] = []

    def press() -> None:
        while not running.fake.waits:
            time.sleep(0.001)
        pressed.append(time.monotonic())
        _thread.interrupt_main()

    thread = threading.Thread(target=press)
    thread.start()
    # Served on another thread: in this one the signal would meet the Python code of the fake, not the core.
    with sta(running.platform), pytest.raises(KeyboardInterrupt):
        running.operation.wait(10)
    assert time.monotonic() - pressed[0] < 0.2
    thread.join()
    assert not running.operation.done(), "the operation goes on"
    running.fake.end()
    running.operation.wait()


def test_awaiting(running: Running) -> None:
    async def main() -> str:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            for _ in range(5):
                await asyncio.sleep(0.001)
                ticks += 1
            running.fake.end()

        ticker = asyncio.create_task(tick())
        await running.operation
        await ticker
        return f"{ticks} ticks"

    assert asyncio.run(main()) == "5 ticks"


def test_awaiting_a_failure(running: Running) -> None:
    async def main() -> None:
        await running.operation

    running.fake.end(CODES["VSS_E_BAD_STATE"])
    with pytest.raises(errors.BadStateError):
        asyncio.run(main())


def test_cancelling_a_task_stops_the_waiting_and_not_the_operation(running: Running) -> None:
    async def main() -> None:
        await asyncio.wait_for(running.operation._wait_in_thread(), 0.05)

    with pytest.raises(TimeoutError):
        asyncio.run(main())  # asyncio.run joins the worker thread: it has to end
    assert not running.fake.cancelled.is_set()
    assert not running.operation.done()


def test_use_after_close(running: Running) -> None:
    with running.operation as operation:
        pass
    operation.close()
    for use in (operation.wait, operation.done, operation.cancel):
        with pytest.raises(errors.ClosedError):
            use()
    assert "closed" in repr(operation)


def test_closing_while_another_thread_waits(running: Running) -> None:
    thread = threading.Thread(target=running.operation.wait)
    thread.start()
    while not running.fake.waits:
        time.sleep(0.001)
    running.operation.close()
    assert running.fake.object.references > 0, "the waiting thread still uses it"
    running.fake.end()
    thread.join(10)
    assert not thread.is_alive()
    assert running.fake.object.references == 0


def test_a_wait_from_its_own_callback_is_refused(running: Running) -> None:
    running.platform.inside_callback = True
    with pytest.raises(errors.ReentrantCallError):
        running.operation.wait()
    running.platform.inside_callback = False


# --- the one that was started last -------------------------------------------------------------------------------------


def test_a_dropped_one_is_found_again(running: Running) -> None:
    fake = running.platform.operation("GatherWriterStatus")
    running.components.gather_writer_status()
    found = running.components.last_operation()
    assert found is not None
    assert "GatherWriterStatus" in repr(found)
    found.cancel()
    assert fake.cancelled.is_set()
    found.close()
    assert fake.object.references == 0
    assert running.components.last_operation() is None


def test_closing_what_was_found_closes_it_for_all(running: Running) -> None:
    found = running.components.last_operation()
    assert found is not None
    found.close()
    with pytest.raises(errors.ClosedError):
        running.operation.done()


def test_one_that_is_over_is_kept_too(running: Running) -> None:
    running.fake.end(CODES["VSS_E_PROVIDER_VETO"])
    found = running.components.last_operation()
    assert found is not None
    assert found.done()


def test_there_is_none_before_the_first_one(running: Running) -> None:
    with vsspy.BackupComponents(running.platform) as components:  # type: ignore[arg-type]  # stands in for a machine
        assert components.last_operation() is None


def test_a_dropped_one_is_released_at_the_next_start(running: Running) -> None:
    fake = running.platform.operation("GatherWriterStatus")
    running.components.gather_writer_status()
    assert fake.object.references == 1
    running.platform.operation("GatherWriterStatus")
    with running.components.gather_writer_status():
        assert fake.object.references == 0


def test_a_dropped_one_is_released_with_its_session(running: Running) -> None:
    fake = running.platform.operation("GatherWriterStatus")
    running.components.gather_writer_status()
    running.components.close()
    assert fake.object.references == 0


def test_it_is_found_while_another_call_runs(running: Running) -> None:
    begun, found = threading.Event(), threading.Event()

    def abort() -> int:
        begun.set()
        return CODES["S_OK"] if found.wait(20) else CODES["E_FAIL"]

    running.platform.backup["AbortBackup"] = abort
    thread = threading.Thread(target=running.components.abort_backup)
    thread.start()
    assert begun.wait(20)
    assert running.components.last_operation() is not None
    found.set()
    thread.join()


def test_what_it_shows(running: Running) -> None:
    assert STARTER in repr(running.operation)
    assert "VSS_S_ASYNC_PENDING" in repr(running.operation)
