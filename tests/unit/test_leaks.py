"""Nothing that a public method makes stays behind: no COM object, no shadow copy, no memory."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import leaks
import pytest
import restore_support
from leaks import Call, Usage
from pairs.scenes import Scene, World
from pairs.server import MACHINES, plain
from support import wait

import vsspy
from vsspy import simulator
from vsspy.metadata import FileSet

FEW = 8  # rounds of what is a whole backup
KIB = 1024
LIMIT = Usage(resident=512 * KIB, native=24 * KIB, blocks=300)  # of a batch, which makes thousands of calls


# --- what has no C++ method of its own -----------------------------------------------------------------------------------


def _requester(scene: Scene) -> None:
    """An object from its beginning to its end, and an operation waited for in each way."""
    with vsspy.BackupComponents(scene.machine) as components:
        assert components.backend_name == "simulator"
        assert not components.closed
        components.initialize_for_backup()
        with components.gather_writer_metadata() as operation:
            asyncio.run(_awaited(operation))
            same = components.last_operation()
            assert same is not None
            assert same.done()
            assert operation.done()
        with components.query() as found:
            assert list(iter(found)) == []
            assert (found.backend_name, found.closed) == ("simulator", False)
        components.close()


async def _awaited(operation: vsspy.AsyncOperation) -> None:
    await operation


def _management(scene: Scene) -> None:
    with vsspy.SnapshotManagement(scene.machine) as management:
        assert (management.backend_name, management.closed) == ("simulator", False)
        with vsspy.DifferentialSnapshotManagement(backend=scene.machine) as areas:
            assert (areas.backend_name, areas.closed) == ("simulator", False)
        with management.query_volumes_supported_for_snapshots(vsspy.SnapshotContext.BACKUP) as volumes:
            assert len(list(iter(volumes))) == 2
            assert (volumes.backend_name, volumes.closed) == ("simulator", False)


def _saving(folder: Path) -> dict[str, Any]:
    """A server whose writer has a component that a session can save."""
    everything = [FileSet("C:\\", "*", recursive=True)]
    components = [simulator.Component(name, selectable=True, files=everything) for name in ("data", "cache")]
    return plain(folder, writers=[simulator.Writer("Saving Writer", components=components)])


MACHINES["saving"] = _saving


def _session(scene: Scene) -> None:
    """A session, in which every component is saved, and all that it tells."""
    with vsspy.BackupSession("C:\\", backend=scene.machine) as backup:
        backup.select("Saving Writer", "data")
        backup.exclude("Saving Writer", "cache")
        assert backup.writers
        assert backup.plan().files
        backup.snapshot()
        for component in backup.components:
            assert component.full_name
            assert list(component.files())
            component.mark_succeeded()
        assert backup.document
    backup.close()


def _async_session(scene: Scene) -> None:
    """The same in asyncio, each call on the session's own thread."""
    asyncio.run(_in_asyncio(scene))


async def _in_asyncio(scene: Scene) -> None:
    async with vsspy.BackupSession("C:\\", backend=scene.machine) as backup:
        backup.select("Saving Writer", "data")
        backup.exclude("Saving Writer", "cache")
        assert backup.writers
        assert (await backup.plan(count=False)).to_dict()
        await backup.snapshot()
        for file, (component,) in backup.session.files():
            assert file.size and component in backup.components
        backup.components[0].mark_succeeded()
        assert backup.document
    assert backup.result.good
    backup.cancel()
    assert backup.cancelled
    await backup.close()


def _cancelled_session(scene: Scene) -> None:
    with (
        contextlib.suppress(vsspy.OperationCancelledError),
        vsspy.BackupSession("C:\\", backend=scene.machine) as backup,
    ):
        backup.snapshot()
        backup.cancel()
    assert backup.cancelled


def _leases(scene: Scene) -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        vsspy.shadow_copy("C:\\", backend=scene.machine, lease=True, lease_folder=Path(name) / "leases"),
    ):
        assert len(vsspy.leases(Path(name) / "leases")) == 1
        assert vsspy.cleanup(Path(name) / "leases").good


def _failing_session(scene: Scene) -> None:
    """A component is not saved, and says so."""
    with vsspy.BackupSession("C:\\", backend=scene.machine) as backup:
        backup.select("Saving Writer", "data")
        backup.snapshot()
        for component in backup.components:
            component.mark_failed("in a test")
            component.fail("in a test")
            assert component.outcome().state == "failed"


def _restorable(folder: Path) -> dict[str, Any]:
    """A server whose writer has components that a session can save, restore and redirect."""
    components = [
        simulator.Component(name, selectable=True, files=[FileSet("C:\\", "*", recursive=True)])
        for name in ("data", "cache")
    ]
    schema = vsspy.BackupSchema.WRITER_SUPPORTS_NEW_TARGET
    writer = simulator.Writer(
        "Restoring Writer", components=components, restore_method=restore_support.method(), backup_schema=schema
    )
    return plain(folder, writers=[writer])


MACHINES["restorable"] = _restorable


def _restore(scene: Scene) -> None:
    """A component is backed up and restored to another place, and looked at in a folder."""
    with tempfile.TemporaryDirectory() as name:
        out = restore_support.save(Path(name) / "out", backend=scene.machine)
        with vsspy.BackupFolder(out) as folder:
            with vsspy.RestoreSession(folder.document, folder.writers, backend=scene.machine) as restore:
                assert restore.writers
                assert restore.backup_type is vsspy.BackupType.FULL
                restore.select("Restoring Writer", "data")
                restore.exclude("Restoring Writer", "cache")
                restore.redirect("Restoring Writer", "data", to="C:\\new")
                assert restore.components
                restore.prepare()
                for file in restore.files(folder):
                    restore.place(file)
                restore.restore_files(folder)
            restore.cancel()
            restore.close()
            assert restore.result.good
            assert vsspy.extract(folder, Path(name) / "look").good
    assert scene.machine is not None
    shutil.rmtree(Path(scene.machine.volumes["C:\\"]) / "new")


def _shadow_copy(scene: Scene) -> None:
    with contextlib.suppress(vsspy.AccessDeniedError):
        vsspy.enable_privileges()
    with vsspy.shadow_copy("C:\\", backend=scene.machine) as shadow:
        assert os.listdir(shadow)
        with shadow.scandir() as entries:
            assert {entry.name for entry in entries} == set(os.listdir(shadow))


def _trace(scene: Scene) -> None:
    with vsspy.trace(os.devnull):
        assert not vsspy.should_block_revert("C:\\", backend=scene.machine)


CALLS = [
    *leaks.exercises(),
    Call("a trace", "nothing", "plain", _trace, may_fail=False, repeat=FEW),
    Call("a requester", "nothing", "plain", _requester, may_fail=False, repeat=FEW),
    Call("management", "nothing", "plain", _management, may_fail=False, repeat=FEW),
    Call("a session", "nothing", "saving", _session, may_fail=False, repeat=FEW),
    Call("a session in asyncio", "nothing", "saving", _async_session, may_fail=False, repeat=FEW),
    Call("a session that is cancelled", "nothing", "saving", _cancelled_session, may_fail=False, repeat=FEW),
    Call("leases", "nothing", "saving", _leases, may_fail=False, repeat=FEW),
    Call("a session that fails", "nothing", "saving", _failing_session, may_fail=False, repeat=FEW),
    Call("a restore", "nothing", "restorable", _restore, may_fail=False, repeat=FEW),
    Call("a shadow copy in one line", "nothing", "saving", _shadow_copy, may_fail=False, repeat=FEW),
    Call("security", "nothing", "plain", lambda scene: vsspy.initialize_security(scene.machine)),
    Call("which writer", "component", "restoring", lambda scene: scene.writer.instance_id, may_fail=False),
    Call(
        "the state of a stored document",
        "examined",
        "plain",
        lambda scene: (scene.examined.closed, scene.examined.backend_name),
    ),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("leaks"))
    yield made
    made.close()


USED: set[str] = set()


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_no_object_is_left(world: World, call: Call) -> None:
    """The scene itself looks for live objects and shadow copies in its end."""
    try:
        with leaks.recording(USED):
            leaks.use(world, call)
    except BaseException:
        world.discard()
        raise


@pytest.fixture(scope="module")
def used(world: World) -> set[str]:
    """The members that the scenarios really use, also where only a part of the tests is run."""
    if not leaks.demanded() <= USED:
        with leaks.recording(USED):
            for call in CALLS:
                with contextlib.suppress(Exception):  # what fails is a failure of the tests above
                    leaks.use(world, call)
    return USED


@pytest.mark.parametrize("member", sorted(leaks.demanded()))
def test_each_public_method_has_a_scenario(used: set[str], member: str) -> None:
    assert member in used, "add an exercise to tests/conformance/pairs, or a scenario here"


# --- memory --------------------------------------------------------------------------------------------------------------


def batch_of(folder: Path, calls: list[Call]) -> Callable[[], None]:
    """A batch on machines of its own: what a machine remembers, its trace above all, goes with it."""
    made = iter(range(1000))

    def batch() -> None:
        world = World(folder / str(next(made)))
        try:
            for call in calls:
                leaks.use(world, call)
        finally:
            world.close()

    return batch


def grown(usage: Usage) -> bool:
    return any(value > limit for value, limit in zip(usage, LIMIT, strict=True))


sanitized = pytest.mark.skipif(
    "VSSPY_SANITIZER" in os.environ, reason="a sanitizer keeps what was freed, to find its use"
)


@sanitized
@pytest.mark.parametrize("machine", sorted({call.machine for call in CALLS}))
def test_no_memory_is_left(machine: str, tmp_path: Path) -> None:
    usage = leaks.growth(batch_of(tmp_path, [call for call in CALLS if call.machine == machine]))
    assert not grown(usage), f"each batch adds {usage}"


# --- a leak that is planted is found -------------------------------------------------------------------------------------


def test_an_object_that_is_kept_is_found(world: World) -> None:
    kept: list[Any] = []

    def keep(scene: Scene) -> None:
        components = vsspy.BackupComponents(scene.machine)
        components.initialize_for_backup()
        kept.append(components)

    try:
        with pytest.raises(AssertionError, match="IVssBackupComponents|BackupComponents|object"):
            leaks.use(world, Call("kept", "nothing", "plain", keep))
    finally:
        for components in kept:
            components.close()


def _keep_native(kept: list[Any]) -> None:
    kept.append(ctypes.create_string_buffer(1024))  # by malloc: Python's own allocator ends at 512 bytes


def _keep_python(kept: list[Any]) -> None:
    kept.append([object() for _ in range(20)])


@sanitized
@pytest.mark.parametrize("keep", [_keep_native, _keep_python])
def test_memory_that_is_kept_is_found(keep: Callable[[list[Any]], None], tmp_path: Path) -> None:
    kept: list[Any] = []
    calls = [
        Call("kept", "init", "plain", lambda scene: keep(kept)),
        Call("not kept", "init", "plain", lambda scene: wait(scene.requester().gather_writer_metadata())),
    ]
    usage = leaks.growth(batch_of(tmp_path, [*calls, calls[0]]))
    if keep is _keep_native and not usage.native:
        pytest.skip("only glibc tells what malloc has given out; resident memory is too coarse for so little")
    assert grown(usage), usage


def test_a_method_without_a_scenario_is_found() -> None:
    class Planted:
        """A public class that reaches COM."""

        def method(self) -> int:
            return 1

        @property
        def value(self) -> int:
            return 2

    package = SimpleNamespace(__all__=["Planted"], Planted=Planted)
    assert leaks.demanded(package) == {"Planted.method", "Planted.value"}
    seen: set[str] = set()
    with leaks.recording(seen, package):
        assert Planted().method() == 1
    assert seen == {"Planted.method"}
    assert Planted().value == 2
    assert seen == {"Planted.method"}, "and nothing is noted any more"
