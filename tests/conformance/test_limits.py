"""Time-outs and counts (semantics 5), and volumes of other kinds (semantics 7.1)."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from shadow_copies import SYSTEM_PROVIDER, fails, make_in, session
from support import backup_in, events, server, states, statuses, wait, writer

import vsspy
from vsspy import simulator
from vsspy.enums import ApplicationLevel, SnapshotAttributes, SnapshotContext, WriterState

SHARE = "\\\\server\\share\\"
HARDWARE = UUID("4a1d7c6e-90b2-4f35-8c1e-5d02f67a33b4")
WINDOWS = sys.platform == "win32"


def when(machine: simulator.Machine, name: str) -> list[float]:
    """When each event or call of that name began, in whole milliseconds."""
    return [round(entry.start, 3) for entry in machine.trace if entry.name == name]


def finish(operation: vsspy.AsyncOperation) -> None:
    """Waits for an operation that may take hours."""
    with operation:
        operation.wait()


# The window from Freeze to Thaw


@pytest.mark.parametrize(("timeout", "window"), [(None, 60.0), (5.0, 5.0), (3600.0, 3600.0)])
def test_a_window_elapses_in_freeze(tmp_path: Path, timeout: float | None, window: float) -> None:
    """Each writer sets its own, 60 s unless it does: Abort at that moment, and VSS_E_WRITERERROR_TIMEOUT."""
    options: dict[str, Any] = {} if timeout is None else {"freeze_timeout": timeout}
    with backup_in("prepared", tmp_path, writers=[writer(**options)], virtual_time=True) as (machine, backup):
        machine.add_fault(simulator.Fault("One Writer::Freeze", delay=math.inf))
        finish(backup.components.do_snapshot_set())
        status = statuses(backup.components)["One Writer"]
        assert (status.state, status.failure_name) == (WriterState.FAILED_AT_FREEZE, "VSS_E_WRITERERROR_TIMEOUT")
        assert when(machine, "One Writer::Abort") == [window]
        assert "Thaw" not in events(machine)
        assert len(machine.shadow_copies) == 1  # a writer's failure is not the set's (semantics 3.10)


@pytest.mark.parametrize(("delay", "late"), [(59.0, False), (60.0, False), (61.0, True)])
def test_a_window_counts_from_freeze_to_thaw(tmp_path: Path, delay: float, late: bool) -> None:
    """Whatever it is that takes so long: here the last writer's Freeze, for the first one's window."""
    both = [
        writer(level=ApplicationLevel.FRONT_END),
        writer("Two Writer", level=ApplicationLevel.SYSTEM, freeze_timeout=3600),
    ]
    with server(tmp_path, writers=both, virtual_time=True) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.set_backup_state(False, False, vsspy.BackupType.COPY)
        wait(components.gather_writer_metadata())
        components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        wait(components.prepare_for_backup())
        machine.add_fault(simulator.Fault("Two Writer::Freeze", delay=delay))
        finish(components.do_snapshot_set())
        failed = WriterState.FAILED_AT_FREEZE if late else WriterState.WAITING_FOR_BACKUP_COMPLETE
        assert states(components) == {
            "One Writer": failed,
            "Two Writer": WriterState.WAITING_FOR_BACKUP_COMPLETE,
        }
        assert when(machine, "One Writer::Abort") == ([60.0] if late else [])
        assert when(machine, "One Writer::Thaw") == ([] if late else [delay])


def test_a_handler_that_takes_too_long(tmp_path: Path) -> None:
    """It is not interrupted; Abort comes when it is back."""
    slow = writer(on_freeze=lambda event: event.sleep(7), freeze_timeout=5)
    with backup_in("prepared", tmp_path, writers=[slow], virtual_time=True) as (machine, backup):
        finish(backup.components.do_snapshot_set())
        assert statuses(backup.components)["One Writer"].failure_name == "VSS_E_WRITERERROR_TIMEOUT"
        assert when(machine, "One Writer::Abort") == [7.0]


def test_a_slow_thaw_of_another(tmp_path: Path) -> None:
    """Windows run on until the writer's own Thaw."""
    both = [
        writer(level=ApplicationLevel.FRONT_END, freeze_timeout=10),
        writer("Two Writer", level=ApplicationLevel.SYSTEM),
    ]
    with server(tmp_path, writers=both, virtual_time=True) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.set_backup_state(False, False, vsspy.BackupType.COPY)
        wait(components.gather_writer_metadata())
        components.start_snapshot_set()
        wait(components.prepare_for_backup())
        machine.add_fault(simulator.Fault("Two Writer::Thaw", delay=30))  # the last level thaws first
        finish(components.do_snapshot_set())
        assert when(machine, "One Writer::Abort") == [10.0]
        assert states(components)["Two Writer"] is WriterState.WAITING_FOR_BACKUP_COMPLETE


# The service's own steps

STEPS = {
    "VSS::FlushWrites": "VSS_E_FLUSH_WRITES_TIMEOUT",
    "VSS::HoldWrites": "VSS_E_HOLD_WRITES_TIMEOUT",
}


@pytest.mark.parametrize(("step", "name"), STEPS.items())
@pytest.mark.parametrize("delay", [10.0, 10.5, math.inf])
def test_writes_are_held_for_ten_seconds(tmp_path: Path, step: str, name: str, delay: float) -> None:
    """Then the set fails, for writers with Abort, and nothing is left of it; the next one is not hindered."""
    with backup_in("prepared", tmp_path, virtual_time=True) as (machine, backup):
        machine.add_fault(simulator.Fault(step, delay=delay, nth=1))
        operation = backup.components.do_snapshot_set()
        if delay == 10:
            finish(operation)
        else:
            with operation, fails(name):
                operation.wait()
        assert machine.now() == 10
        assert ("Abort" in events(machine)) == (delay != 10)
        assert len(machine.shadow_copies) == (delay == 10)
        backup.components.close()
        with vsspy.shadow_copy("C:\\"):
            pass


@pytest.mark.parametrize("step", ["Freeze", "Thaw"])
def test_transactions(tmp_path: Path, step: str) -> None:
    """Their limits are internal; a set that wants no transactions frozen meets none of it."""
    name = f"VSS_E_TRANSACTION_{step.upper()}_TIMEOUT"
    fault = simulator.Fault(f"VSS::{step}Transactions", name)
    with server(tmp_path, faults=[fault]) as machine:
        for attributes in (0, SnapshotAttributes.NOT_TRANSACTED):
            with session(SnapshotContext.FILE_SHARE_BACKUP | attributes) as components:
                if attributes:
                    make_in(components)
                    continue
                components.start_snapshot_set()
                components.add_to_snapshot_set("C:\\")
                with components.do_snapshot_set() as operation, fails(name):
                    operation.wait()
                assert not machine.shadow_copies


def test_a_cancelled_step(tmp_path: Path) -> None:
    with backup_in("prepared", tmp_path, virtual_time=True) as (machine, backup):
        machine.add_fault(simulator.Fault("VSS::FreezeTransactions", delay=math.inf))
        with backup.components.do_snapshot_set() as operation:
            machine.sleep(1)  # by then it hangs
            operation.cancel()
            with pytest.raises(vsspy.OperationCancelledError):
                operation.wait()
        assert events(machine)[-1] == "Abort"


# Counts


def test_client_accessible_shadow_copies(tmp_path: Path) -> None:
    """The registry's MaxShadowCopies: what is beyond it goes, the oldest first [?]; other shadow copies do not count."""
    with server(tmp_path, volumes={name: tmp_path / name[0] for name in ("C:\\", "D:\\")}) as machine:
        machine.set_max_shadow_copies(3)
        made: list[UUID] = []
        for context in (SnapshotContext.NAS_ROLLBACK, *[SnapshotContext.CLIENT_ACCESSIBLE] * 5):
            with session(context) as components:
                made += make_in(components)[1]
        with session(SnapshotContext.CLIENT_ACCESSIBLE) as components:
            other = make_in(components, ["D:\\"])[1]
        assert [copy.id for copy in machine.shadow_copies] == [made[0], *made[-3:], *other]
        for wrong in (0, 513):
            with pytest.raises(vsspy.InvalidArgumentError):
                machine.set_max_shadow_copies(wrong)


def test_sixty_four_client_accessible_ones(tmp_path: Path) -> None:
    """Unless the registry says otherwise."""
    (tmp_path / "empty").mkdir()
    with server(tmp_path, volumes={"C:\\": tmp_path / "empty"}) as machine:
        first = None
        for _ in range(65):
            with session(SnapshotContext.CLIENT_ACCESSIBLE) as components:
                [shadow] = make_in(components)[1]
            first = first or shadow
        assert len(machine.shadow_copies) == 64
        assert first not in {copy.id for copy in machine.shadow_copies}


def test_nested_volumes(tmp_path: Path) -> None:
    """Virtual disks in virtual disks: VSS_E_NESTED_VOLUME_LIMIT where the pages have it."""
    with server(tmp_path) as machine, session(SnapshotContext.BACKUP) as components:
        machine.set_volume_qualities("C:\\", nested=True)
        with fails("VSS_E_NESTED_VOLUME_LIMIT"):
            components.is_volume_supported("C:\\")
        components.start_snapshot_set()
        with fails("VSS_E_NESTED_VOLUME_LIMIT"):
            components.add_to_snapshot_set("C:\\")
        machine.set_volume_qualities("C:\\", nested=False)
        components.add_to_snapshot_set("C:\\")


# One set at a time


def test_cluster_shared_volumes(tmp_path: Path) -> None:
    """Other computers of the cluster may be making a set: then AddToSnapshotSet says so, not StartSnapshotSet."""
    volumes = {name: tmp_path / name[0] for name in ("C:\\", "D:\\")}
    with server(tmp_path, volumes=volumes) as one, server(tmp_path, volumes=volumes) as two:
        for machine in (one, two):
            machine.set_volume_qualities("D:\\", cluster_shared=True)
        if WINDOWS:
            pytest.skip("one DLL plays one machine at a time")
        with session(machine=one, context=0) as first, session(machine=two, context=0) as second:
            first.start_snapshot_set()
            first.add_to_snapshot_set("D:\\")
            second.start_snapshot_set()
            second.add_to_snapshot_set("C:\\")
            for _ in range(2):
                with fails("VSS_E_SNAPSHOT_SET_IN_PROGRESS"):
                    second.add_to_snapshot_set("D:\\")
            first.close()
            second.add_to_snapshot_set("D:\\")
            with fails("VSS_E_OBJECT_ALREADY_EXISTS"):
                second.add_to_snapshot_set("D:\\")
            with session(machine=one, context=0) as third:
                third.start_snapshot_set()
                with fails("VSS_E_SNAPSHOT_SET_IN_PROGRESS"):
                    third.add_to_snapshot_set("D:\\")
                second.abort_backup()
                third.add_to_snapshot_set("D:\\")


# Shares and mounted folders


def test_shares(tmp_path: Path) -> None:
    """A share's root is a volume for AddToSnapshotSet (semantics 7.1), and its shadow copy says what it is of."""
    volumes = {"C:\\": tmp_path / "C", SHARE: tmp_path / "share"}
    with server(tmp_path, volumes=volumes, hardware_provider=True) as machine:
        with session(SnapshotContext.FILE_SHARE_BACKUP) as components:
            assert components.is_volume_supported(SHARE)
            assert not components.is_volume_supported(SHARE, HARDWARE)
            components.start_snapshot_set()
            with fails("VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER"):
                components.add_to_snapshot_set(SHARE, HARDWARE)
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.add_to_snapshot_set("\\\\server\\other\\")
            with fails("E_INVALIDARG"):
                components.add_to_snapshot_set(SHARE[:-1])
            shadow = components.add_to_snapshot_set(SHARE.upper())
            wait(components.do_snapshot_set())
            properties = components.get_snapshot_properties(shadow)
            assert properties.original_volume == SHARE
            assert properties.attributes & SnapshotAttributes.FILE_SHARE
            assert properties.provider_id == SYSTEM_PROVIDER
            [copy] = machine.shadow_copies
            assert (copy.folder / "data" / "file.txt").read_text(encoding="ascii") == "data"
        with (
            vsspy.SnapshotManagement() as management,
            management.query_volumes_supported_for_snapshots(SnapshotContext.BACKUP) as listed,
        ):
            assert [each.display_name for each in listed] == ["C:\\"]


@pytest.mark.parametrize("level", ["xp", "vista", "7", "8"])
def test_shares_are_for_newer_systems(tmp_path: Path, level: str) -> None:
    with (
        server(tmp_path, volumes={SHARE: tmp_path / "share"}, level=level),
        session(SnapshotContext.FILE_SHARE_BACKUP) as components,
    ):
        assert components.is_volume_supported(SHARE) == (level == "8")
        components.start_snapshot_set()
        if level == "8":
            components.add_to_snapshot_set(SHARE)
        else:
            with fails("VSS_E_VOLUME_NOT_SUPPORTED"):
                components.add_to_snapshot_set(SHARE)


PLACES = {
    "C:\\data\\file.txt": ("C:\\", "C:\\"),
    "\\\\?\\C:\\data": ("C:\\", "\\\\?\\C:\\"),
    "C:\\mount\\d\\file.txt": ("C:\\mount\\d\\", "C:\\mount\\d\\"),
    "C:\\mount\\d": ("C:\\mount\\d\\", "C:\\mount\\d"),
    "C:\\mount\\e": ("C:\\", "C:\\"),
    "\\\\server\\share\\folder\\file.txt": (SHARE, SHARE),
    "\\\\SERVER\\Share": (SHARE, "\\\\SERVER\\Share"),
    "\\\\?\\UNC\\server\\share\\folder": (SHARE, "\\\\?\\UNC\\server\\share\\"),
    "\\\\server\\shared\\folder": None,
    "D:\\": None,
}


@pytest.mark.parametrize(("path", "parts"), PLACES.items())
def test_where_a_path_lies(tmp_path: Path, path: str, parts: tuple[str, str] | None) -> None:
    """GetRootAndLogicalPrefixPaths: a root that AddToSnapshotSet takes, the deepest one."""
    (tmp_path / "C" / "mount" / "d").mkdir(parents=True)
    volumes = {"C:\\": tmp_path / "C", "C:\\mount\\d\\": tmp_path / "C" / "mount" / "d", SHARE: tmp_path / "share"}
    with server(tmp_path, volumes=volumes), session(SnapshotContext.FILE_SHARE_BACKUP) as components:
        if parts is None:
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.get_root_and_logical_prefix_paths(path)
        else:
            found = components.get_root_and_logical_prefix_paths(path)
            assert (found.root_path, found.logical_prefix) == parts
            components.start_snapshot_set()
            components.add_to_snapshot_set(parts[0])


def test_mounted_folders_are_volumes_of_their_own(tmp_path: Path) -> None:
    """A volume below an added one is not in its shadow copy (semantics 7.1), and one volume has several names."""
    inner = tmp_path / "C" / "mount" / "d"
    inner.mkdir(parents=True)
    (inner / "file.txt").write_text("inner", encoding="ascii")
    with (
        server(tmp_path, volumes={"C:\\": tmp_path / "C", "C:\\mount\\d\\": inner}) as machine,
        session(SnapshotContext.FILE_SHARE_BACKUP) as components,
    ):
        components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        shadow = components.add_to_snapshot_set("c:\\MOUNT\\d\\")
        for name in ("C:\\mount\\d\\", machine.volume_paths["C:\\mount\\d\\"]):
            with fails("VSS_E_OBJECT_ALREADY_EXISTS"):
                components.add_to_snapshot_set(name)
        wait(components.do_snapshot_set())
        folders = {copy.volume: copy.folder for copy in machine.shadow_copies}
        assert (folders["C:\\mount\\d\\"] / "file.txt").read_text(encoding="ascii") == "inner"
        assert not (folders["C:\\"] / "mount" / "d" / "file.txt").exists()
        assert components.get_snapshot_properties(shadow).original_volume == machine.volume_paths["C:\\mount\\d\\"]
