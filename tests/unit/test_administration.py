"""What there is on a computer: shadow copies, providers, volumes, storage areas, writers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

import vsspy
from vsspy import administration, simulator
from vsspy.enums import ObjectType, SnapshotContext
from vsspy.metadata import FileSet
from vsspy.simulator import Component, Fault, Machine, Writer

UNKNOWN = UUID("0badc0de-0000-0000-0000-000000000000")


def on(volume: str, name: str) -> Writer:
    return Writer(name, components=[Component("Data", files=[FileSet(f"{volume}\\Data", "*", recursive=True)])])


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    for name in "cd":
        (tmp_path / name / "Data").mkdir(parents=True)
    volumes = {"C:\\": tmp_path / "c", "D:\\": tmp_path / "d"}
    with simulator.running(volumes=volumes, writers=[on("C:", "One"), on("D:", "Two")], environment={}) as running:
        yield running
    assert running.live() == []


def make(*volumes: str) -> list[UUID]:
    with vsspy.BackupSession(*volumes, context=SnapshotContext.NAS_ROLLBACK) as session:
        shadows = session.snapshot()
        return [copy.snapshot_id for copy in shadows.shadow_copies]


def ids(copies: list[vsspy.SnapshotProperties]) -> list[UUID]:
    return [copy.snapshot_id for copy in copies]


def test_shadow_copies(machine: Machine) -> None:
    assert administration.shadow_copies() == []
    c, d = make("C:\\", "D:\\")
    (later,) = make("C:\\")
    assert ids(administration.shadow_copies())[2] == later, "the oldest first"
    assert ids(administration.shadow_copies("c:")) == [c, later]
    assert ids(administration.shadow_copies(machine.volume_paths["D:\\"])) == [d]
    (copy,) = administration.shadow_copies(snapshot_id=later)
    assert ids(administration.shadow_copies(set_id=copy.snapshot_set_id)) == [later]
    assert administration.shadow_copies(set_id=UNKNOWN) == administration.shadow_copies("D:", set_id=UNKNOWN) == []
    assert ids(administration.shadow_copies("D:", backend=machine)) == [d]


def test_volumes_that_there_are_not(machine: Machine) -> None:
    with pytest.raises(vsspy.ObjectNotFoundError, match="E:"):
        administration.shadow_copies("E:\\")
    with pytest.raises(vsspy.InvalidArgumentError, match="full path"):
        administration.shadow_copies("Data")
    with pytest.raises(vsspy.ObjectNotFoundError):
        administration.storage_areas("E:\\")


def test_volume_states(machine: Machine) -> None:
    make("D:\\")
    (system,) = administration.providers()
    one, two = administration.volume_states()
    assert (one.name, one.path) == ("C:\\", machine.volume_paths["C:\\"])
    assert one.providers == two.providers == (system.provider_id,)
    assert (one.has_shadow_copies, two.has_shadow_copies) == (False, True)


def test_a_volume_that_vss_says_nothing_about(machine: Machine) -> None:
    """One such volume does not hide the others."""
    make("D:\\")
    machine.add_fault(Fault("IVssBackupComponents::IsVolumeSupported", "E_UNEXPECTED", nth=1))
    machine.add_fault(Fault("IsVolumeSnapshotted", "E_UNEXPECTED", nth=1))
    one, two = administration.volume_states()
    assert (one.providers, one.has_shadow_copies) == ((), False)
    assert two.providers and two.has_shadow_copies


def test_storage_areas(machine: Machine) -> None:
    assert administration.storage_areas() == []
    with vsspy.DifferentialSnapshotManagement() as management:
        management.add_diff_area("C:\\", "D:\\", 1 << 30)
    (area,) = administration.storage_areas()
    assert (area.volume_name, area.maximum_diff_space) == (machine.volume_paths["C:\\"], 1 << 30)
    assert administration.storage_areas("C:\\") == administration.storage_areas(on="D:\\") == [area]
    assert administration.storage_areas("C:\\", on="D:\\") == [area]
    assert administration.storage_areas("D:\\", on="D:\\") == administration.storage_areas(on="C:\\") == []


def test_storage_that_vss_says_nothing_about(machine: Machine) -> None:
    """One such volume does not hide the others; all of them are an error, so that no rights do not look like no storage."""
    query = "IVssDifferentialSoftwareSnapshotMgmt::QueryDiffAreasForVolume"
    with vsspy.DifferentialSnapshotManagement() as management:
        management.add_diff_area("D:\\", "D:\\", 1 << 30)
    machine.add_fault(Fault(query, "E_ACCESSDENIED", nth=1))
    assert [area.volume_name for area in administration.storage_areas()] == [machine.volume_paths["D:\\"]]
    machine.add_fault(Fault(query, "E_ACCESSDENIED"))
    with pytest.raises(vsspy.AccessDeniedError):
        administration.storage_areas()


def test_reverts_that_may_not_be_asked_for(machine: Machine) -> None:
    machine.add_fault(Fault("IVssBackupComponents::QueryRevertStatus", "E_ACCESSDENIED"))
    with pytest.raises(vsspy.AccessDeniedError):
        administration.volumes_reverting()


def test_writers(machine: Machine) -> None:
    found = administration.writers()
    assert sorted(writer.name for writer, _ in found) == ["One", "Two"]
    for writer, status in found:
        assert status is not None and status.instance_id == writer.instance_id and not status.failed
    for name, expected in (("C:", "One"), (machine.volume_paths["D:\\"], "Two")):
        assert [writer.name for writer in administration.writers_on(name)] == [expected]


@pytest.mark.skipif(
    sys.platform == "win32", reason="there the requester's clock is the system's, whatever the machine's shows"
)
def test_a_writer_that_hangs(tmp_path: Path) -> None:
    slow = Writer("Slow", on_identify=lambda event: event.sleep(60))
    with (
        simulator.running(volumes={"C:\\": tmp_path}, writers=[slow], virtual_time=True),
        pytest.raises(vsspy.WaitTimeoutError),
    ):
        administration.writers(timeout=1)


def test_administration_reaches_everything(machine: Machine) -> None:
    (copy,) = make("C:\\")
    with administration.administration() as components:
        assert components.delete_snapshots(copy, ObjectType.SNAPSHOT) == 1
    assert machine.shadow_copies == []


def test_no_reverts(machine: Machine) -> None:
    assert administration.volumes_reverting() == []
