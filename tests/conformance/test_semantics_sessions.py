"""What semantics 1 to 3 say of sessions and their operations, where no other file has it: contexts, order, IVssAsync."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from restores import RESTORED, Restore
from shadow_copies import NO_ID, UNKNOWN, fails, make, session
from support import (
    BAD_STATE,
    E_INVALIDARG,
    FILEGROUP,
    INTERFACES,
    METHODS,
    ONE_ID,
    ONE_INSTANCE,
    S_OK,
    TIMEOUT,
    Backup,
    RawObject,
    RawPlatform,
    code,
    events,
    server,
    states,
    wait,
)

import vsspy
from vsspy import simulator
from vsspy.enums import BackupType, ObjectType, SnapshotAttributes, SnapshotContext, WriterState

PENDING, FINISHED, CANCELLED = (code(f"VSS_S_ASYNC_{name}") for name in ("PENDING", "FINISHED", "CANCELLED"))
INFINITE = 0xFFFFFFFF
INITIALIZE = METHODS["IVssBackupComponents"]["InitializeForBackup"]["vtable_index"]
INITIALIZE_RESTORE = METHODS["IVssBackupComponents"]["InitializeForRestore"]["vtable_index"]


# Contexts and initialising (semantics 2.2, 2.3)

INFLUENCED: dict[str, Callable[[vsspy.BackupComponents], object]] = {
    "SetContext": lambda c: c.set_context(SnapshotContext.BACKUP),
    "GatherWriterMetadata": lambda c: wait(c.gather_writer_metadata()),
    "StartSnapshotSet": lambda c: c.start_snapshot_set(),
    "Query": lambda c: list(c.query()),
    "GetSnapshotProperties": lambda c: pytest.raises(vsspy.ObjectNotFoundError, c.get_snapshot_properties, UNKNOWN),
    "DeleteSnapshots": lambda c: pytest.raises(
        vsspy.ObjectNotFoundError, c.delete_snapshots, UNKNOWN, ObjectType.SNAPSHOT
    ),
    "IsVolumeSupported": lambda c: c.is_volume_supported("C:\\"),
}


@pytest.mark.parametrize("method", INFLUENCED)
def test_what_a_context_influences_fixes_it(tmp_path: Path, method: str) -> None:
    with server(tmp_path), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        INFLUENCED[method](components)
        with fails("VSS_E_BAD_STATE"):
            components.set_context(SnapshotContext.NAS_ROLLBACK)


@pytest.mark.parametrize("first", ["backup", "restore"])
@pytest.mark.parametrize("second", ["backup", "restore"])
def test_an_object_is_initialised_once_and_for_one_purpose(tmp_path: Path, first: str, second: str) -> None:
    initialise: dict[str, Callable[[vsspy.BackupComponents], None]] = {
        "backup": lambda c: c.initialize_for_backup(),
        "restore": lambda c: c.initialize_for_restore(RESTORED),
    }
    with server(tmp_path), vsspy.BackupComponents() as components:
        initialise[first](components)
        with fails("VSS_E_BAD_STATE"):
            initialise[second](components)


def test_the_context_of_all_is_not_one_without_writers(tmp_path: Path) -> None:
    """Its value has the bit, and must not be taken for it; a session in it may ask the writers for their status."""
    assert SnapshotContext.ALL & SnapshotAttributes.NO_WRITERS
    with server(tmp_path), session() as components:
        assert set(states(components)) == {"One Writer", "Two Writer"}
        with fails("VSS_E_BAD_STATE"):
            components.prepare_for_backup()


def test_a_set_may_be_started_after_the_preparation(tmp_path: Path) -> None:
    """The pages place it before; the order is free."""
    with server(tmp_path) as machine, vsspy.BackupComponents() as components:
        backup = Backup(components)
        backup.to_gathered()
        backup.add()
        wait(components.prepare_for_backup())
        components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        wait(components.do_snapshot_set())
        assert len(machine.shadow_copies) == 1
        wait(components.backup_complete())


def test_the_order_of_the_sample(tmp_path: Path) -> None:
    """The reference order with a round of status where one is meaningful (2.3, 4.4), and no more than that."""
    with server(tmp_path) as machine:
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_context(SnapshotContext.BACKUP)
            components.set_backup_state(True, True, BackupType.FULL, False)
            wait(components.gather_writer_metadata())
            assert [each.name for each in components.writer_metadata] == ["One Writer", "Two Writer"]
            components.add_component(ONE_INSTANCE, ONE_ID, FILEGROUP, None, "data")
            components.start_snapshot_set()
            components.add_to_snapshot_set("C:\\")
            seen = []
            wait(components.prepare_for_backup())
            seen.append(states(components)["One Writer"])
            wait(components.do_snapshot_set())
            seen.append(states(components)["One Writer"])
            assert components.save_as_xml()
            components.set_backup_succeeded(ONE_INSTANCE, ONE_ID, FILEGROUP, None, "data", True)
            wait(components.backup_complete())
            seen.append(states(components)["One Writer"])
        assert seen == [WriterState.STABLE, WriterState.WAITING_FOR_BACKUP_COMPLETE, WriterState.STABLE]
    assert machine.shadow_copies == []
    assert events(machine)[-1] == "BackupShutdown"


# What both kinds of sessions have (semantics 2.4)

BOTH: dict[str, Callable[[vsspy.BackupComponents], object]] = {
    "GetWriterComponentsCount": lambda c: len(c.writer_components),
    "GatherWriterMetadata": lambda c: wait(c.gather_writer_metadata()),
    "GatherWriterStatus": lambda c: wait(c.gather_writer_status()),
    "EnableWriterClasses": lambda c: c.enable_writer_classes([ONE_ID]),
    "DisableWriterClasses": lambda c: c.disable_writer_classes([ONE_ID]),
    "DisableWriterInstances": lambda c: c.disable_writer_instances([ONE_INSTANCE]),
    "DeleteSnapshots": lambda c: pytest.raises(
        vsspy.ObjectNotFoundError, c.delete_snapshots, UNKNOWN, ObjectType.SNAPSHOT
    ),
    "BreakSnapshotSet": lambda c: pytest.raises(vsspy.ObjectNotFoundError, c.break_snapshot_set, UNKNOWN),
    "RevertToSnapshot": lambda c: pytest.raises(vsspy.ObjectNotFoundError, c.revert_to_snapshot, UNKNOWN),
}


@pytest.mark.parametrize("purpose", ["backup", "restore"])
@pytest.mark.parametrize("method", BOTH)
def test_what_both_kinds_of_sessions_have(tmp_path: Path, method: str, purpose: str) -> None:
    with server(tmp_path), vsspy.BackupComponents() as components:
        if purpose == "backup":
            components.initialize_for_backup()
        else:
            components.initialize_for_restore(RESTORED)
        BOTH[method](components)


# Views (semantics 2.6)

CHANGING = ["PrepareForBackup", "DoSnapshotSet", "BackupComplete", "PreRestore", "PostRestore"]


@contextmanager
def before(machine: simulator.Machine, method: str) -> Iterator[RawObject]:
    """A foreign requester's session in which a method is next."""
    platform = RawPlatform(machine)
    with platform.backup_components() as raw:
        if method in ("PreRestore", "PostRestore"):
            with platform.bstr(RESTORED) as document:
                assert raw.slot(INITIALIZE_RESTORE, document) == S_OK
            assert raw.finish("GatherWriterMetadata") == FINISHED
            steps = ["PreRestore", "PostRestore"]
        else:
            assert raw.slot(INITIALIZE, ctypes.c_void_p()) == S_OK
            assert raw.call("SetBackupState", True, False, int(BackupType.FULL), False) == S_OK
            assert raw.finish("GatherWriterMetadata") == FINISHED
            assert raw.call("AddComponent", ONE_INSTANCE, ONE_ID, 2, None, "data") == S_OK
            identity = (ctypes.c_uint8 * 16)()
            assert raw.call("StartSnapshotSet", identity) == S_OK
            assert raw.call("AddToSnapshotSet", "C:\\", NO_ID, identity) == S_OK
            steps = ["PrepareForBackup", "DoSnapshotSet", "BackupComplete"]
        for step in steps[: steps.index(method)]:
            assert raw.finish(step) == FINISHED
        yield raw


@pytest.mark.parametrize("method", CHANGING)
def test_views_are_stale_after(tmp_path: Path, method: str) -> None:
    """What was fetched before is refused; what is fetched afterwards is good."""
    count = ctypes.c_uint32()
    with server(tmp_path) as machine, before(machine, method) as raw:
        found = [ctypes.c_void_p(), ctypes.c_void_p()]
        answers = []
        for view in found:
            assert raw.call("GetWriterComponents", 0, view) == S_OK
            assert RawObject("IVssWriterComponents", view.value or 0).call("GetComponentCount", count) == S_OK
            if view is found[0]:
                assert raw.finish(method) == FINISHED
                answers.append(RawObject("IVssWriterComponents", view.value or 0).call("GetComponentCount", count))
        assert answers == [BAD_STATE]
        for view in found:  # IVssWriterComponentsExt has two bases, and IUnknown is the second one
            RawObject("IUnknown", (view.value or 0) + ctypes.sizeof(ctypes.c_void_p)).slot(2)


# Asynchronous operations (semantics 3)

ASYNCHRONOUS = {
    "BackupComplete",
    "BreakSnapshotSetEx",
    "DoSnapshotSet",
    "FastRecovery",
    "GatherWriterMetadata",
    "GatherWriterStatus",
    "ImportSnapshots",
    "PostRestore",
    "PreFastRecovery",
    "PreRestore",
    "PrepareForBackup",
    "QueryMigrationStatus",
    "QueryRevertStatus",
    "RecoverSet",
}


def test_which_methods_are_asynchronous() -> None:
    found = {
        name
        for interface in INTERFACES
        for name, method in METHODS[interface].items()
        if any(parameter["type"] == "IVssAsync**" for parameter in method["params"])
    }
    assert found == ASYNCHRONOUS


BLOCKING: dict[str, Callable[[vsspy.BackupComponents, UUID, UUID], object]] = {
    "AbortBackup": lambda c, _, __: c.abort_backup(),
    "DeleteSnapshots": lambda c, _, shadow: c.delete_snapshots(shadow, ObjectType.SNAPSHOT),
    "BreakSnapshotSet": lambda c, set_id, _: c.break_snapshot_set(set_id),
    "ExposeSnapshot": lambda c, _, shadow: c.expose_snapshot(shadow, None, SnapshotAttributes.EXPOSED_LOCALLY, "X:"),
}


@pytest.mark.parametrize("method", BLOCKING)
def test_what_blocks(tmp_path: Path, method: str) -> None:
    """The call takes as long as its work, here with the delay of a fault on the machine's clock."""
    name = f"IVssBackupComponents::{method}"
    with server(tmp_path, hardware_provider=True) as machine:
        set_id, [shadow] = make()
        machine.add_fault(simulator.Fault(name, delay=0.02))
        with session() as components:
            BLOCKING[method](components, set_id, shadow)
        (entry,) = (each for each in machine.trace if each.name == name)
        assert entry.end is not None
        assert entry.end - entry.start >= 0.02


@contextmanager
def hanging(folder: Path, **options: Any) -> Iterator[tuple[simulator.Machine, RawObject]]:
    """A GatherWriterMetadata that does not end by itself, as a foreign requester has it."""
    fault = simulator.Fault("IVssBackupComponents::GatherWriterMetadata", delay=math.inf)
    with (
        server(folder, faults=[fault], **options) as machine,
        RawPlatform(machine).backup_components() as raw,
    ):
        assert raw.slot(INITIALIZE, ctypes.c_void_p()) == S_OK
        with raw.start("GatherWriterMetadata") as operation:
            try:
                yield machine, operation
            finally:
                operation.call("Cancel")
                assert operation.call("Wait", INFINITE) == S_OK


def test_a_wait_that_ends_early_says_s_ok(tmp_path: Path) -> None:
    """S_OK in both cases; the status tells them apart (3.3)."""
    with hanging(tmp_path) as (_, operation):
        assert operation.call("Wait", 0) == S_OK
        assert operation.call("Wait", 5) == S_OK
        assert operation.status() == PENDING
        assert operation.call("Cancel") == S_OK
        assert operation.call("Wait", INFINITE) == S_OK
        assert operation.status() == CANCELLED


def test_what_cancel_says(tmp_path: Path) -> None:
    """That it was asked, or that it was asked before, or that there is nothing left to cancel (3.4)."""
    with hanging(tmp_path) as (_, operation):
        assert operation.call("Cancel") == S_OK
        assert operation.call("Cancel") == CANCELLED
        assert operation.call("Wait", INFINITE) == S_OK
        assert operation.call("Cancel") == CANCELLED
    with server(tmp_path) as machine, RawPlatform(machine).backup_components() as raw:
        assert raw.slot(INITIALIZE, ctypes.c_void_p()) == S_OK
        with raw.start("GatherWriterMetadata") as operation:
            assert operation.call("Wait", INFINITE) == S_OK
            assert operation.call("Cancel") == FINISHED


def test_what_is_reserved_is_null(tmp_path: Path) -> None:
    with hanging(tmp_path) as (_, operation):
        result, reserved = ctypes.c_int32(7), ctypes.c_int32(0)
        assert operation.call("QueryStatus", result, reserved) == E_INVALIDARG
        assert operation.call("QueryStatus", None, None) == E_INVALIDARG
        assert result.value == 7
        assert operation.status() == PENDING


@pytest.mark.parametrize(("level", "answer"), [("xp", E_INVALIDARG), ("vista", S_OK), ("8", S_OK)])
def test_the_only_wait_of_server_2003(tmp_path: Path, level: Any, answer: int) -> None:
    with hanging(tmp_path, level=level) as (_, operation):
        assert operation.call("Wait", 1) == answer
        assert operation.status() == PENDING


def test_asynchronous_statuses_are_success_codes() -> None:
    """FAILED() is false for all of them, cancelled included."""
    assert (PENDING, FINISHED, CANCELLED) == (0x00042309, 0x0004230A, 0x0004230B)
    assert not any(each & 0x80000000 for each in (PENDING, FINISHED, CANCELLED))


def test_an_operation_gives_its_own_failure_through_its_status(tmp_path: Path) -> None:
    """QueryStatus works, and what it tells is that the operation did not."""
    fault = simulator.Fault("IVssBackupComponents::GatherWriterMetadata", "VSS_E_UNEXPECTED", at="result")
    with server(tmp_path, faults=[fault]) as machine, RawPlatform(machine).backup_components() as raw:
        assert raw.slot(INITIALIZE, ctypes.c_void_p()) == S_OK
        with raw.start("GatherWriterMetadata") as operation:
            assert operation.call("Wait", INFINITE) == S_OK
            assert operation.status() == code("VSS_E_UNEXPECTED")


def test_after_a_cancelled_session_comes_a_new_one(tmp_path: Path) -> None:
    """An object is good for one restore; what it began and did not end is begun anew by another (semantics 1.1)."""
    fault = simulator.Fault("IVssBackupComponents::PreRestore", delay=math.inf, nth=1)
    with server(tmp_path, faults=[fault]) as machine:
        with vsspy.BackupComponents() as components:
            Restore(components).to_selected()
            with components.pre_restore() as operation:
                operation.cancel()
                with pytest.raises(vsspy.OperationCancelledError):
                    operation.wait(timeout=TIMEOUT)
        with vsspy.BackupComponents() as components:
            Restore(components).to_post()
        assert events(machine)[-2:] == ["PreRestore", "PostRestore"]
