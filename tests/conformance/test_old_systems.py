"""Systems of the past (semantics 1.5, 3.3, 4.2, 11.3, 12.3, 15), as a requester in any language meets them."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest
from shadow_copies import fails, make, session
from support import (
    E_INVALIDARG,
    E_UNEXPECTED,
    FILEGROUP,
    INTERFACES,
    ONE_ID,
    ONE_INSTANCE,
    S_OK,
    Backup,
    Guid,
    RawObject,
    RawPlatform,
    server,
    states,
    wait,
    writer,
)

import vsspy
from vsspy import simulator
from vsspy.enums import RestoreTarget, WriterState

Level = Literal["xp", "vista", "7", "8"]
LEVELS: tuple[Level, ...] = ("xp", "vista", "7", "8")
E_NOINTERFACE = 0x80004002
PENDING, FINISHED = 0x00042309, 0x0004230A
INFINITE = 0xFFFFFFFF


def first_level(interface: str) -> Level:
    """The oldest level that has an interface, by the `min_os` of its methods' pages."""
    texts = " ".join(method["min_os"] for method in INTERFACES[interface]["methods"])
    if "Windows XP" in texts:
        return "xp"
    if re.search(r"Windows Vista / Windows Server 2003(?! with)", texts):
        return "xp"
    if "Windows Vista" in texts or "Windows Server 2008 (" in texts:
        return "vista"
    return "7" if "Windows 7" in texts else "8"


def test_levels_of_the_pages() -> None:
    """The table that the next test goes by."""
    assert [first_level(f"IVssBackupComponents{suffix}") for suffix in ("", "Ex", "Ex2", "Ex3", "Ex4")] == [
        "xp",
        "vista",
        "vista",
        "7",
        "8",
    ]
    assert first_level("IVssComponentEx2") == "7"
    assert first_level("IVssDifferentialSoftwareSnapshotMgmt3") == "vista"


def has(address: int, interface: str) -> bool:
    """IUnknown::QueryInterface; what it gives is let go."""
    raw = RawObject(interface, address)
    iid, found = Guid.of(UUID(INTERFACES[interface]["iid"])), ctypes.c_void_p(1)
    hresult = raw.slot(0, *[ctypes.c_void_p(ctypes.addressof(each)) for each in (iid, found)])
    if hresult == E_NOINTERFACE:
        assert not found.value
        return False
    assert hresult == S_OK
    assert found.value
    with RawObject(interface, found.value):
        return True


@contextmanager
def held(raw: RawObject, method: str, *arguments: Any) -> Iterator[int]:
    """The address of the object that a method gives in its last output."""
    out = ctypes.c_void_p()
    assert raw.call(method, *arguments, out) == S_OK
    assert out.value
    with RawObject("IUnknown", out.value):
        yield out.value


@pytest.mark.parametrize("level", LEVELS)
def test_interfaces(tmp_path: Path, level: Level) -> None:
    """Each object has what its pages say that the system had, and E_NOINTERFACE for the rest."""
    with server(tmp_path, level=level) as machine, RawPlatform(machine).backup_components() as raw:

        def check(address: int, *names: str) -> None:
            expected = {name: LEVELS.index(level) >= LEVELS.index(first_level(name)) for name in names}
            assert {name: has(address, name) for name in names} == expected

        check(raw.address, *(f"IVssBackupComponents{suffix}" for suffix in ("", "Ex", "Ex2", "Ex3", "Ex4")))
        assert raw.call("InitializeForBackup", None) == S_OK
        assert raw.call("SetBackupState", True, False, 1, False) == S_OK
        assert raw.finish("GatherWriterMetadata") == FINISHED
        with held(raw, "GetWriterMetadata", 0, ctypes.create_string_buffer(16)) as metadata:
            check(metadata, *(f"IVssExamineWriterMetadata{suffix}" for suffix in ("", "Ex", "Ex2")))
        with raw.start("GatherWriterStatus") as operation:
            assert operation.call("Wait", INFINITE) == S_OK
            check(operation.address, "IVssAsync")
        assert raw.call("AddComponent", ONE_INSTANCE, ONE_ID, FILEGROUP.value, None, "data") == S_OK
        components = ctypes.c_void_p()
        assert raw.call("GetWriterComponents", 0, components) == S_OK
        assert components.value
        with held(RawObject("IVssWriterComponents", components.value), "GetComponent", 0) as component:
            check(component, "IVssComponent", "IVssComponentEx", "IVssComponentEx2")
        # IUnknown is its second base
        RawObject("IUnknown", components.value + ctypes.sizeof(ctypes.c_void_p)).slot(2)


@pytest.mark.parametrize("level", LEVELS)
def test_waits(tmp_path: Path, level: Level) -> None:
    """Server 2003 takes INFINITE only (semantics 3.3); all of them say pending after a time-out."""
    fault = simulator.Fault("IVssBackupComponents::GatherWriterMetadata", delay=5)
    with (
        server(tmp_path, level=level, faults=[fault], virtual_time=True) as machine,
        RawPlatform(machine).backup_components() as raw,
    ):
        assert raw.call("InitializeForBackup", None) == S_OK
        with raw.start("GatherWriterMetadata") as operation:
            for milliseconds in (0, 1000):
                assert operation.call("Wait", milliseconds) == (E_INVALIDARG if level == "xp" else S_OK)
            assert operation.status() == PENDING
            assert machine.now() == (0 if level == "xp" else 1)
            assert operation.call("Wait", INFINITE) == S_OK
            assert operation.status() == FINISHED
            assert machine.now() == 5


@pytest.mark.parametrize("level", LEVELS)
def test_the_library_waits_all_the_same(tmp_path: Path, level: Level) -> None:
    """It polls where only INFINITE is taken, and keeps its limit."""
    fault = simulator.Fault("IVssBackupComponents::GatherWriterMetadata", delay=5)
    with (
        server(tmp_path, level=level, faults=[fault], virtual_time=True) as machine,
        vsspy.BackupComponents() as components,
    ):
        components.initialize_for_backup()
        wait(components.gather_writer_metadata())
        assert machine.now() == 5


@pytest.mark.parametrize("level", LEVELS)
def test_unexpected(tmp_path: Path, level: Level) -> None:
    """E_UNEXPECTED up to Vista and Server 2008, VSS_E_UNEXPECTED since (semantics 1.5): at the call and in a result."""
    faults = [
        simulator.Fault("IVssBackupComponents::StartSnapshotSet", "VSS_E_UNEXPECTED", nth=1),
        simulator.Fault("IVssBackupComponents::GatherWriterMetadata", "VSS_E_UNEXPECTED", at="result", nth=1),
    ]
    with server(tmp_path, level=level, faults=faults), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        with pytest.raises(vsspy.UnexpectedError) as caught:
            components.start_snapshot_set()
        with pytest.raises(vsspy.UnexpectedError) as in_result:
            wait(components.gather_writer_metadata())
        for error in (caught.value, in_result.value):
            assert (error.hresult == E_UNEXPECTED) == (level in ("xp", "vista"))


@pytest.mark.parametrize("level", LEVELS)
def test_the_status_after_a_backup_is_due(tmp_path: Path, level: Level) -> None:
    """Up to Server 2008 SP2 a writer's session is closed by GatherWriterStatus only (semantics 12.3)."""
    for asked in (True, False):
        with server(tmp_path / str(asked), level=level):
            with vsspy.BackupComponents() as components:
                Backup(components).to_done()
                if asked:
                    assert states(components)["One Writer"] is WriterState.STABLE
            with vsspy.BackupComponents() as later:
                later.initialize_for_backup()
                wait(later.gather_writer_metadata())
                due = not asked and level in ("xp", "vista")
                expected = WriterState.WAITING_FOR_BACKUP_COMPLETE if due else WriterState.STABLE
                assert states(later)["One Writer"] is expected


@pytest.mark.parametrize("level", LEVELS)
def test_restore_targets(tmp_path: Path, level: Level) -> None:
    """ORIGINAL_LOCATION is none of Windows XP and Server 2003 (semantics 11.3)."""
    answers: list[str] = []

    def choose(event: simulator.WriterEvent) -> None:
        try:
            event.components[0].set_restore_target(RestoreTarget.ORIGINAL_LOCATION)
            answers.append("S_OK")
        except vsspy.VssError as error:
            answers.append(error.name or "")

    key = (ONE_ID, FILEGROUP, None, "data")
    with server(tmp_path, level=level, writers=[writer(on_pre_restore=choose)]):
        with vsspy.BackupComponents() as components:
            Backup(components).to_prepared()
            document = components.save_as_xml()
            components.abort_backup()
        with vsspy.BackupComponents() as restore:
            restore.initialize_for_restore(document)
            wait(restore.gather_writer_metadata())
            restore.set_selected_for_restore(*key, True)
            wait(restore.pre_restore())
    assert answers == ["E_INVALIDARG" if level == "xp" else "S_OK"]


@pytest.mark.parametrize("level", LEVELS)
def test_reverts(tmp_path: Path, level: Level) -> None:
    """Server 2003 has them from Service Pack 1 on, which the oldest level does not have (min_os)."""
    with server(tmp_path, level=level):
        _, [shadow] = make()
        with session() as components:
            if level == "xp":
                with fails("E_NOTIMPL"):
                    components.revert_to_snapshot(shadow)
            else:
                components.revert_to_snapshot(shadow)


@pytest.mark.parametrize("level", LEVELS)
def test_a_whole_backup(tmp_path: Path, level: Level) -> None:
    """The library serves all of them: what it does on new systems does no harm on old ones."""
    with server(tmp_path, level=level) as machine:
        for _ in range(2):
            with vsspy.BackupSession("C:\\") as backup:
                backup.snapshot()
                for component in backup.components:
                    component.mark_succeeded()
        assert not machine.shadow_copies
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            wait(components.gather_writer_metadata())
            assert set(states(components).values()) == {WriterState.STABLE}
