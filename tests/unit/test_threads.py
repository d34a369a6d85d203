"""Two threads and one session: one call at a time, no deadlock, and nothing used that is gone."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from ctypes_platform import S_OK, CtypesPlatform, put_guid

import vsspy
from vsspy import errors, simulator
from vsspy.enums import BackupType, SnapshotContext


def components(platform: CtypesPlatform) -> vsspy.BackupComponents:
    return vsspy.BackupComponents(platform)  # type: ignore[arg-type]  # stands in for a machine


def run_all(*bodies: Callable[[], object]) -> list[BaseException]:
    """Run each in a thread, from a common start; what they raised."""
    raised: list[BaseException] = []
    start = threading.Barrier(len(bodies))

    def guarded(body: Callable[[], object]) -> None:
        start.wait()
        try:
            body()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(body,), daemon=True) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "deadlock"
    return raised


def test_one_call_at_a_time() -> None:
    platform = CtypesPlatform()
    inside = 0
    most = 0

    def slow(out: int) -> int:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.001)
        put_guid(out, UUID(int=1))
        inside -= 1
        return S_OK

    platform.backup["StartSnapshotSet"] = slow
    with components(platform) as bc:

        def work() -> None:
            for _ in range(20):
                bc.start_snapshot_set()

        assert run_all(work, work, work, work) == []
    assert most == 1
    assert platform.names().count("IVssBackupComponentsEx4::StartSnapshotSet") == 80
    platform.assert_clean()


def test_other_threads_run_during_a_call() -> None:
    """With the interpreter's lock held over the call this would hang."""
    platform = CtypesPlatform()
    other_ran = threading.Event()
    entered = threading.Event()

    def abort() -> int:
        entered.set()
        return S_OK if other_ran.wait(10) else -1

    platform.backup["AbortBackup"] = abort
    with components(platform) as bc:

        def other() -> None:
            assert entered.wait(10)
            other_ran.set()

        assert run_all(bc.abort_backup, other) == []


def test_two_sessions_do_not_wait_for_each_other() -> None:
    platform = CtypesPlatform()
    second_done = threading.Event()
    platform.backup["AbortBackup"] = lambda: S_OK if second_done.wait(10) else -1
    with components(platform) as first, components(platform) as second:

        def other() -> None:
            second.initialize_for_backup()
            second_done.set()

        assert run_all(first.abort_backup, other) == []


def test_closing_while_another_thread_calls() -> None:
    for _ in range(20):
        platform = CtypesPlatform()
        platform.backup["AbortBackup"] = lambda: S_OK
        bc = components(platform)

        def work(bc: vsspy.BackupComponents = bc) -> None:
            while True:
                bc.abort_backup()

        raised = run_all(work, work, bc.close)
        assert [type(error) for error in raised] == [errors.ClosedError] * 2
        platform.assert_clean()


def test_closing_waits_for_the_call_that_runs() -> None:
    platform = CtypesPlatform()
    order: list[str] = []
    entered = threading.Event()

    def abort() -> int:
        entered.set()
        time.sleep(0.05)
        order.append("call")
        return S_OK

    platform.backup["AbortBackup"] = abort

    def last() -> int:
        order.append("release")
        return 0

    platform.backup["last_release"] = last
    bc = components(platform)

    def close() -> None:
        assert entered.wait(10)
        bc.close()

    assert run_all(bc.abort_backup, close) == []
    assert order == ["call", "release"]


def test_a_session_inside_its_own_call_is_refused() -> None:
    """VSS calls back on the thread that called: the session's own lock would never come free."""
    platform = CtypesPlatform()
    inner: list[type[BaseException]] = []
    bc = components(platform)

    def abort() -> int:
        for call in (bc.initialize_for_backup, bc.close):
            try:
                call()
            except errors.VssError as error:
                inner.append(type(error))
        return S_OK

    platform.backup["AbortBackup"] = abort
    bc.abort_backup()
    assert inner == [errors.ReentrantCallError] * 2
    assert not bc.closed
    bc.initialize_for_backup()
    bc.close()
    platform.assert_clean()


def test_a_session_inside_its_own_callback_on_another_thread_is_refused() -> None:
    platform = CtypesPlatform()
    bc = components(platform)
    seen: list[BaseException] = []

    def abort() -> int:
        def callback() -> None:
            platform.inside_callback = True
            try:
                bc.initialize_for_backup()
            except errors.VssError as error:
                seen.append(error)
            platform.inside_callback = False

        thread = threading.Thread(target=callback)
        thread.start()
        thread.join(10)
        return S_OK if not thread.is_alive() else -1

    platform.backup["AbortBackup"] = abort
    bc.abort_backup()
    assert [type(error) for error in seen] == [errors.ReentrantCallError]
    bc.close()


def test_a_release_by_the_collector_on_another_thread() -> None:
    platform = CtypesPlatform()
    made = [components(platform)]

    def drop() -> None:
        with pytest.warns(ResourceWarning):
            made.clear()

    assert run_all(drop) == []
    platform.assert_clean()


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="counts references")
def test_nothing_of_python_is_kept() -> None:
    """A session keeps its platform's capsule, an operation its session, and no longer than they live."""
    platform = CtypesPlatform()

    def references() -> int:
        return sys.getrefcount(platform.capsule)

    before = references()
    platform.operation("GatherWriterMetadata").end()
    bc = components(platform)
    operation = bc.gather_writer_metadata()
    held = references()
    bc.close()
    del bc
    still_held = references()
    operation.wait()
    operation.close()
    del operation
    assert held > before
    assert still_held > before
    assert references() == before


# --- with the simulator's writers, which call back from the service's own threads ------------------------------------------


def test_a_writers_callback_that_uses_its_own_session(tmp_path: Path) -> None:
    """Each of these would wait for itself: the session that aborts, the operation that the callback is part of."""
    seen: list[str] = []
    made: list[tuple[vsspy.BackupComponents, vsspy.AsyncOperation]] = []

    def use(*calls: Callable[[], object]) -> None:
        for call in calls:
            try:
                call()
            except errors.VssError as error:
                seen.append(type(error).__name__)

    def on_prepare_backup(event: simulator.WriterEvent) -> None:
        assert ready.wait(10)
        bc, operation = made[0]
        use(bc.query, operation.wait)

    def on_abort(event: simulator.WriterEvent) -> None:
        use(made[0][0].query, made[0][0].close)

    ready = threading.Event()
    writer = simulator.Writer("W", on_prepare_backup=on_prepare_backup, on_abort=on_abort)
    with simulator.running(volumes={"C:\\": tmp_path}, writers=[writer]) as machine:
        with vsspy.BackupComponents() as bc:
            bc.initialize_for_backup()
            bc.gather_writer_metadata().wait(10)
            bc.set_backup_state(False, False, BackupType.COPY)
            bc.start_snapshot_set()
            bc.add_to_snapshot_set("C:\\")
            with bc.prepare_for_backup() as operation:
                made.append((bc, operation))
                ready.set()
                operation.wait(10)
            assert seen == ["ReentrantCallError"] * 2
            assert run_all(bc.abort_backup) == []
            assert seen == ["ReentrantCallError"] * 4
        made.clear()
        assert machine.live() == []


def test_two_threads_and_the_service(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    with simulator.running(volumes={"C:\\": tmp_path}) as machine, vsspy.BackupComponents() as bc:
        bc.initialize_for_backup()
        bc.set_context(SnapshotContext.FILE_SHARE_BACKUP)
        bc.start_snapshot_set()
        snapshot = bc.add_to_snapshot_set("C:\\")
        bc.do_snapshot_set().wait(30)

        def read() -> None:
            for _ in range(50):
                assert bc.get_snapshot_properties(snapshot).snapshot_id == snapshot
                assert [found.snapshot_id for found in bc.query()] == [snapshot]

        assert run_all(read, read, read) == []
        bc.close()
        assert machine.live() == []


def test_new_threads_may_wait_for_an_operation_whose_own_second_thread_has_ended(tmp_path: Path) -> None:
    """DoSnapshotSet has one that watches over Freeze; the system gives its id to a later thread, which is not it."""
    reached, go_on = threading.Event(), threading.Event()

    def after(event: simulator.WriterEvent) -> None:
        reached.set()
        go_on.wait(60)

    writer = simulator.Writer("Slow", on_post_snapshot=after)
    with simulator.running(volumes={"C:\\": tmp_path}, writers=[writer]), vsspy.BackupComponents() as bc:
        bc.initialize_for_backup()
        bc.set_backup_state(False, False, BackupType.COPY)
        bc.gather_writer_metadata().wait(60)
        bc.start_snapshot_set()
        bc.add_to_snapshot_set("C:\\")
        bc.prepare_for_backup().wait(60)
        made = bc.do_snapshot_set()
        try:
            assert reached.wait(60)
            for _ in range(25):
                with vsspy.BackupComponents() as other:  # each start of an operation joins the threads that ended
                    other.initialize_for_backup()
                    other.gather_writer_metadata().wait(60)
                raised = run_all(*[lambda: made.wait(0.01)] * 4)
                assert {type(error) for error in raised} == {errors.WaitTimeoutError}
        finally:
            go_on.set()
        made.wait(60)
