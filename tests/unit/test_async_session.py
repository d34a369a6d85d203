"""Sessions in asyncio: other tasks go on, cancellation leaves nothing behind, several at once."""

from __future__ import annotations

import asyncio
import gc
import math
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from session_support import called, demo_volume, demo_writer, left_nothing, running

from vsspy import simulator
from vsspy.errors import ClosedError, OperationCancelledError, ProviderVetoError, SnapshotSetInProgressError
from vsspy.retry import Retry
from vsspy.session import AsyncBackupSession, BackupSession
from vsspy.simulator import Fault, Machine

T = TypeVar("T")
HANG = Fault("IVssBackupComponents::DoSnapshotSet", delay=math.inf)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return demo_volume(tmp_path)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs it; afterwards no thread of a session is left."""
    result = asyncio.run(work)
    threads_end()
    return result


def threads_end() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("vsspy-session"):
            thread.join(60)
            assert not thread.is_alive()


async def until_called(machine: Machine, method: str) -> None:
    while not called(machine, method):
        await asyncio.sleep(0.005)


async def back_up(**options: Any) -> BackupSession:
    async with BackupSession("C:\\", **options) as backup:
        assert isinstance(backup, AsyncBackupSession)
        shadows = await backup.snapshot()
        assert list(shadows) == ["C:\\"]
        for component in backup.components:
            assert [file.path for file in component.files()] == ["C:\\Data\\a.txt"]
            component.mark_succeeded()
    return backup.session


def test_a_whole_backup(root: Path) -> None:
    with running(root) as machine:
        session = run(back_up())
        assert session.result.good and called(machine, "BackupComplete")
        left_nothing(machine)


def test_what_passes_through(root: Path) -> None:
    async def work() -> None:
        async with BackupSession("C:\\") as backup:
            backup.select("Demo Writer", "Data")
            assert [writer.name for writer in backup.writers] == ["Demo Writer"]
            plan = await backup.plan(count=False)
            assert "Demo Writer" in str(plan)
            await backup.snapshot()
            assert [each.full_name for each in backup.components] == ["Data"]
            assert backup.document is not None and backup.result.document == backup.document
            assert (
                not backup.cancelled and "open" not in repr(backup) and repr(backup).startswith("<AsyncBackupSession")
            )
            backup.components[0].mark_succeeded()
        assert backup.result.good
        with pytest.raises(ClosedError):
            backup.exclude("Demo Writer")
        with pytest.raises(ClosedError):
            await backup.snapshot()
        await backup.close()

    with running(root) as machine:
        run(work())
        left_nothing(machine)


def test_other_tasks_go_on(root: Path) -> None:
    """The writer is frozen until another task of the same loop lets it go."""
    go = threading.Event()

    async def work() -> None:
        task = asyncio.create_task(back_up())
        await until_called(machine, "DoSnapshotSet")
        assert not task.done()
        go.set()
        assert (await task).result.good

    with running(root, writers=[demo_writer(on_freeze=lambda event: go.wait(60))]) as machine:
        run(work())
        left_nothing(machine)


@pytest.mark.parametrize(
    ("method", "abort"),
    [("GatherWriterMetadata", False), ("PrepareForBackup", True), ("DoSnapshotSet", True), ("BackupComplete", True)],
)
def test_a_cancelled_task_leaves_nothing(root: Path, method: str, abort: bool) -> None:
    async def work() -> None:
        task = asyncio.create_task(back_up())
        await until_called(machine, method)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left_nothing(machine)  # at once: nothing runs on behind the task
        assert called(machine, "AbortBackup") is abort

    with running(root, Fault(f"IVssBackupComponents::{method}", delay=math.inf)) as machine:
        run(work())


def test_a_task_that_is_cancelled_again_and_again(root: Path) -> None:
    async def work() -> None:
        task = asyncio.create_task(back_up())
        await until_called(machine, "DoSnapshotSet")
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        left_nothing(machine)

    with running(root, HANG) as machine:
        run(work())


def test_asyncio_timeout(root: Path) -> None:
    async def work() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await back_up()
        left_nothing(machine)

    with running(root, HANG) as machine:
        run(work())


def test_a_task_that_is_cancelled_while_it_copies(root: Path) -> None:
    copying = asyncio.Event()

    async def copy() -> None:
        async with BackupSession("C:\\") as backup:
            await backup.snapshot()
            copying.set()
            await asyncio.Event().wait()

    async def work() -> None:
        task = asyncio.create_task(copy())
        await copying.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left_nothing(machine)
        assert called(machine, "AbortBackup")

    with running(root) as machine:
        run(work())


def test_cancel_is_the_sessions_own(root: Path) -> None:
    async def copy(found: list[AsyncBackupSession]) -> None:
        async with BackupSession("C:\\") as backup:
            found.append(backup)
            await backup.snapshot()

    async def work() -> None:
        found: list[AsyncBackupSession] = []
        task = asyncio.create_task(copy(found))
        await until_called(machine, "DoSnapshotSet")
        found[0].cancel()
        with pytest.raises(OperationCancelledError):
            await task
        assert found[0].cancelled
        left_nothing(machine)

    with running(root, HANG) as machine:
        run(work())


def test_close_ends_it_early(root: Path) -> None:
    async def work() -> None:
        async with BackupSession("C:\\") as backup:
            await backup.snapshot()
            await backup.close()
            left_nothing(machine)

    with running(root) as machine:
        run(work())


def test_errors_are_the_sessions(root: Path) -> None:
    async def work() -> None:
        with pytest.raises(ProviderVetoError):
            await back_up()
        with pytest.raises(KeyError):
            async with BackupSession("C:\\") as backup:
                await backup.snapshot()
                raise KeyError
        left_nothing(machine)

    with running(root, Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_PROVIDER_VETO", nth=1)) as machine:
        run(work())


def test_an_error_while_it_enters(root: Path) -> None:
    with running(root, Fault("IVssBackupComponents::InitializeForBackup", "VSS_E_UNEXPECTED")) as machine:
        with pytest.raises(Exception, match="VSS_E_UNEXPECTED"):
            asyncio.run(back_up())
        threads_end()
        left_nothing(machine)


def test_several_at_once(root: Path) -> None:
    """One set at a time is made on a computer; the others wait for it, each on its own thread."""

    async def work() -> list[BackupSession]:
        retry = Retry(deadline=60, delay=0.01, jitter=0.02)
        return await asyncio.gather(*(back_up(retry=retry) for _ in range(4)))

    with running(root) as machine:
        sessions = run(work())
        assert all(session.result.good for session in sessions)
        left_nothing(machine)


def test_one_of_several_is_cancelled(root: Path) -> None:
    async def work() -> None:
        first = asyncio.create_task(back_up())
        await until_called(machine, "DoSnapshotSet")
        second = asyncio.create_task(back_up(retry=Retry(deadline=0)))
        with pytest.raises(SnapshotSetInProgressError):
            await second
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await back_up()).result.good
        left_nothing(machine)

    with running(root, Fault("IVssBackupComponents::DoSnapshotSet", nth=1, delay=math.inf)) as machine:
        run(work())


def test_a_forgotten_one_is_found_out(root: Path) -> None:
    async def forget() -> None:
        await BackupSession("C:\\").__aenter__()

    def forgotten() -> None:
        asyncio.run(forget())
        gc.collect()

    with running(root) as machine:
        with pytest.warns(ResourceWarning, match="never closed"):
            forgotten()
        threads_end()
        left_nothing(machine)


def test_off_the_loop_it_is_an_ordinary_session(root: Path) -> None:
    with simulator.running(volumes={"C:\\": root}) as machine, BackupSession("C:\\") as backup:
        assert backup.snapshot()["C:\\"].alive
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("vsspy-session")]
        assert machine.shadow_copies
