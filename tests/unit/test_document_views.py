"""How long a view of the Backup Components Document is good, and what a simulated backup has in it."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import pytest
from ctypes_platform import CODES, CtypesPlatform, sta
from foreign_components import EXPECTED, FULL, TICKS, TIME, ForeignDocument, opened, the_component

import vsspy
from vsspy import errors, simulator
from vsspy.enums import ComponentType, RestoreTarget

STARTERS = ["PrepareForBackup", "DoSnapshotSet", "BackupComplete", "PreRestore", "PostRestore"]


def snake(method: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in method).lstrip("_")


@pytest.mark.parametrize("method", STARTERS)
def test_views_go_stale(method: str) -> None:
    with opened(FULL) as (platform, _, bc):
        (writer,) = bc.writer_components
        (component,) = writer.components
        platform.backup[method] = lambda out: CODES["E_OUTOFMEMORY"]
        with pytest.raises(errors.OutOfMemoryError):
            getattr(bc, snake(method))()
        assert component.name == "name", "nothing was started"
        platform.operation(method)
        getattr(bc, snake(method))().close()
        before = len(platform.calls)
        uses: list[Callable[[], object]] = [lambda name=name: getattr(component, name) for name in EXPECTED]  # type: ignore[misc]
        uses += [lambda: writer.writer_id, lambda: writer.components, lambda: component.set_backup_stamp("s")]
        for use in uses:
            with pytest.raises(errors.StaleViewError) as caught:
                use()
            assert (caught.value.hresult, caught.value.name) == (0xA0040005, "VSSPY_E_STALE")
        assert "VSSPY_E_STALE" in repr(component)
        assert len(platform.calls) == before, "a stale view asks nothing"
        assert the_component(bc).name == "name"


@pytest.mark.parametrize("method", ["GatherWriterMetadata", "GatherWriterStatus"])
def test_other_operations_leave_views_alone(method: str) -> None:
    with opened(FULL) as (platform, _, bc):
        component = the_component(bc)
        platform.operation(method)
        getattr(bc, snake(method))().close()
        assert component.name == "name"


def test_views_of_a_closed_session() -> None:
    with opened(FULL) as (platform, _, bc):
        (writer,) = bc.writer_components
        (component,) = writer.components
        assert component.restore_name
        assert platform.live
    names = platform.names()
    given_back = [name for name in names if name.endswith("::Release")][-3:]
    assert given_back[-1] == "IVssBackupComponentsEx4::Release", "the views go first"
    uses: list[Callable[[], object]] = [lambda: component.name, lambda: writer.components]
    uses.append(lambda: component.set_backup_stamp("s"))
    for use in uses:
        with pytest.raises(errors.ClosedError):
            use()
    assert platform.names() == names


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="counts references")
def test_a_view_does_not_keep_a_forgotten_session() -> None:
    platform = CtypesPlatform()
    ForeignDocument(platform, FULL)
    bc = vsspy.BackupComponents(platform)  # type: ignore[arg-type]
    component = the_component(bc)
    held = [bc]
    del bc
    with pytest.warns(ResourceWarning, match="unclosed"):
        held.clear()
    platform.assert_clean()
    with pytest.raises(errors.ClosedError):
        _ = component.name


def test_forgotten_views_are_given_back_on_any_thread() -> None:
    with opened(FULL) as (platform, _, bc):
        views = [bc.writer_components[0].components for _ in range(5)]
        assert len(views) == 5
        thread = threading.Thread(target=views.clear)
        thread.start()
        thread.join()
        gc.collect()
        assert platform.live == ["IVssBackupComponentsEx4 (1)"]


def test_a_view_on_a_single_threaded_apartment() -> None:
    platform = CtypesPlatform()
    ForeignDocument(platform, FULL)
    with sta(platform), vsspy.BackupComponents(platform) as bc:  # type: ignore[arg-type]
        component = the_component(bc)
        assert {name: getattr(component, name) for name in EXPECTED} == EXPECTED
        del component
    served = {thread for name, thread in platform.calls if name != "CoIncrementMTAUsage"}
    assert threading.get_ident() not in served
    platform.assert_clean()


def test_a_view_inside_a_writers_callback() -> None:
    with opened(FULL) as (platform, _, bc):
        component = the_component(bc)
        platform.inside_callback = True
        with pytest.raises(errors.ReentrantCallError):
            _ = component.name
        platform.inside_callback = False
        assert component.name == "name"


def test_other_threads_run_while_a_view_is_asked() -> None:
    platform = CtypesPlatform()
    document = ForeignDocument(platform, FULL)
    entered, leave = threading.Event(), threading.Event()
    found: list[str] = []
    with vsspy.BackupComponents(platform) as bc:  # type: ignore[arg-type]
        component = the_component(bc)
        target = next(o for o in platform.objects.values() if o.interface == "IVssComponentEx2" and o.references)

        def slow(out: int) -> int:
            entered.set()
            assert leave.wait(10)
            return document.platform.give_bstr(out, "slow")

        target.handlers["GetComponentName"] = slow
        thread = threading.Thread(target=lambda: found.append(component.name))
        thread.start()
        assert entered.wait(10)
        leave.set()
        thread.join()
    assert found == ["slow"]
    platform.assert_clean()


# --- on a simulated machine --------------------------------------------------------------------------------------------


def stamped(event: simulator.WriterEvent) -> None:
    for component in event.components:
        component.set_backup_stamp("stamp")
        component.set_backup_metadata("metadata")
        component.add_partial_file("C:\\data", "log", "0:10", "m")
        component.add_differenced_files_by_last_modify_time("C:\\data", "*.dat", True, TIME)


@contextmanager
def backing_up(
    level: Literal["xp", "vista", "7", "8"] = "8",
) -> Iterator[tuple[simulator.Machine, vsspy.BackupComponents]]:
    """A backup with one component, gathered and included."""
    writer = simulator.Writer(
        "W", components=[simulator.Component("data", "group", selectable=True)], on_prepare_backup=stamped
    )
    with simulator.running(volumes={}, writers=[writer], level=level) as machine:
        with vsspy.BackupComponents() as bc:
            bc.initialize_for_backup()
            bc.set_backup_state(True, False, vsspy.BackupType.FULL, partial_file_support=True)
            bc.gather_writer_metadata().wait(60)
            bc.add_component(writer.instance_id, writer.writer_id, ComponentType.FILEGROUP, "group", "data")
            bc.set_backup_options(writer.writer_id, ComponentType.FILEGROUP, "group", "data", "o")
            yield machine, bc
        assert machine.live_objects == 0


def test_a_backup_sees_what_its_writer_did() -> None:
    with backing_up() as (machine, bc):
        early = the_component(bc)
        assert (early.backup_stamp, early.backup_metadata, early.backup_options) == (None, None, "o")
        assert early.partial_files == ()
        assert early.differenced_files == ()
        bc.prepare_for_backup().wait(60)
        with pytest.raises(errors.StaleViewError):
            _ = early.backup_stamp
        component = the_component(bc)
        calls = len(machine.trace)
        assert component.backup_stamp == "stamp"
        assert [entry.name for entry in machine.trace[calls:]] == ["IVssComponent::GetBackupStamp"]
        assert (component.logical_path, component.name, component.backup_metadata) == ("group", "data", "metadata")
        assert component.partial_files == (vsspy.PartialFile("C:\\data", "log", "0:10", "m"),)
        ticks = TICKS // 10 * 10
        assert component.differenced_files == (vsspy.DifferencedFile("C:\\data", "*.dat", True, None, TIME, ticks),)
        assert component.failure is None
        (writer,), (metadata,) = bc.writer_components, bc.writer_metadata
        assert (writer.writer_id, writer.instance_id) == (metadata.writer_id, metadata.instance_id)
        for collection in (bc.writer_metadata, bc.writer_components, writer.components, metadata.components):
            assert isinstance(collection, Sequence)
            assert collection[-1] is not None
            with pytest.raises(IndexError):
                collection[1]


def test_a_requester_is_no_writer() -> None:
    with backing_up() as (_, bc):
        component = the_component(bc)
        refused: list[Callable[[], None]] = [
            lambda: component.set_backup_metadata("d"),
            lambda: component.set_backup_stamp("s"),
            lambda: component.add_partial_file("p", "f", "r", "m"),
            lambda: component.add_directed_target("a", "b", "c", "d", "e", "f"),
            lambda: component.add_differenced_files_by_last_modify_time("p", "f", False),
            lambda: component.set_restore_metadata("d"),
            lambda: component.set_restore_target(RestoreTarget.ORIGINAL),
            lambda: component.set_pre_restore_failure_message("m"),
            lambda: component.set_post_restore_failure_message("m"),
            lambda: component.set_prepare_for_backup_failure_message("m"),
            lambda: component.set_post_snapshot_failure_message("m"),
            lambda: component.set_failure(CODES["VSS_E_WRITERERROR_RETRYABLE"]),
        ]
        for refuse in refused:
            with pytest.raises(errors.BadStateError):
                refuse()
        with pytest.raises(errors.NotSupportedError):
            component.add_differenced_files_by_last_modify_lsn("p", "f", False, "l")
        for name in ("selected_for_restore", "file_restore_status"):
            with pytest.raises(errors.BadStateError):
                getattr(component, name)


@pytest.mark.parametrize("level", ["xp", "vista"])
def test_an_older_system(level: Literal["xp", "vista"]) -> None:
    with backing_up(level) as (_, bc):
        component = the_component(bc)
        with pytest.raises(errors.NotSupportedError, match="IVssComponentEx2, which came with Windows 7"):
            _ = component.failure
        if level == "xp":
            with pytest.raises(errors.NotSupportedError, match="IVssComponentEx, which came with Windows Vista"):
                _ = component.prepare_for_backup_failure_message
        else:
            assert component.prepare_for_backup_failure_message is None


def test_views_in_many_threads_while_the_session_closes() -> None:
    """Each question is answered or refused; none meets an object that is gone."""
    with backing_up() as (machine, bc):
        components = [bc.writer_components[0].components[0] for _ in range(4)]
        start = threading.Barrier(len(components) + 1)
        outcomes: list[str] = []

        def ask(component: vsspy.DocumentComponent) -> None:
            start.wait()
            try:
                while True:
                    assert component.name == "data"
                    assert component.failure is None
            except errors.VssError as error:
                outcomes.append(error.name)

        threads = [threading.Thread(target=ask, args=(each,)) for each in components]
        for thread in threads:
            thread.start()
        start.wait()
        calls = len(machine.trace)
        while len(machine.trace) < calls + 100 and not outcomes:
            pass
        bc.close()
        for thread in threads:
            thread.join(60)
    assert outcomes == ["VSSPY_E_CLOSED"] * len(threads)
