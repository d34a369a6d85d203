"""Volume policies: what cannot or must not be in the set is read live, and everything says so."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from session_support import called, left_nothing

from vsspy import simulator
from vsspy._paths import VolumeNames
from vsspy.backup_components import BackupComponents
from vsspy.enums import SnapshotContext
from vsspy.errors import (
    InvalidArgumentError,
    NestedVolumeLimitError,
    ObjectNotFoundError,
    ProviderVetoError,
    SelectionError,
    VolumeNotSupportedError,
)
from vsspy.metadata import FileSet
from vsspy.result import LeftOut
from vsspy.session import BackupSession
from vsspy.shadow import LiveVolume, ShadowCopy, ShadowCopySet
from vsspy.simulator import Component, Fault, Machine, Writer

ADD = "IVssBackupComponents::AddToSnapshotSet"
SUPPORTED = "IVssBackupComponents::IsVolumeSupported"


@pytest.fixture
def roots(tmp_path: Path) -> dict[str, Path]:
    """``C:\\`` and ``D:\\``, each with a file in Data."""
    found = {}
    for letter in "CD":
        folder = tmp_path / letter
        (folder / "Data").mkdir(parents=True)
        (folder / "Data" / "a.txt").write_text(letter)
        found[f"{letter}:\\"] = folder
    return found


def component(letter: str) -> Component:
    return Component(letter, selectable=True, files=[FileSet(f"{letter}:\\Data", "*")])


def running(roots: dict[str, Path], *faults: Fault, **options: Any) -> Any:
    writer = Writer("Demo Writer", components=[component("C"), component("D"), Component("None", selectable=True)])
    return simulator.running(volumes=roots, writers=[writer], faults=faults, **options)


def back_up(session: BackupSession) -> list[str]:
    """A whole backup; the names of its components."""
    with session:
        session.snapshot()
        for each in session.components:
            list(each.files())
            each.mark_succeeded()
    return [each.full_name for each in session.components]


def left_out_with_files_on_d(session: BackupSession, reason: str) -> bool:
    found = [item for item in session.result.left_out if item.kind == "component" and item.name == "D"]
    return len(found) == 1 and found[0].reason == f"it has files on D:\\, which is not in the set: {reason}"


def test_never_is_not_even_tried(roots: dict[str, Path], caplog: pytest.LogCaptureFixture) -> None:
    session = BackupSession("C:\\", "D:\\", volume_policies={"d:": "never"})
    with running(roots) as machine:
        assert back_up(session) == ["C", "None"]
        assert not called(machine, "IsVolumeSupported")
        assert [entry.name for entry in machine.trace].count(ADD) == 1
        left_nothing(machine)
    assert session.result.good
    assert session.result.read_live == [LeftOut("volume", "D:\\", "its policy is never")]
    assert left_out_with_files_on_d(session, "its policy is never")
    records = [record for record in caplog.records if getattr(record, "vss_event", "") == "read live"]
    assert [(each.levelno, each.__dict__["vss_volume"]) for each in records] == [(logging.WARNING, "D:\\")]


def test_a_live_volume_is_mapped_like_a_shadow_copy(roots: dict[str, Path]) -> None:
    with running(roots), BackupSession("C:\\", "D:\\", volume_policies={"D:\\": "never"}) as session:
        session.select("Demo Writer", "C")
        shadows = session.snapshot()
        assert list(shadows) == ["C:\\", "D:\\"]
        live, frozen = shadows["d:"], shadows["C:\\"]
        assert [live.is_live, frozen.is_live] == [True, False]
        assert isinstance(live, LiveVolume) and isinstance(frozen, ShadowCopy)
        assert live.reason == "its policy is never"
        assert shadows.shadow_copies == (frozen,)
        assert os.fspath(live) == live.root and live.root.endswith(os.sep)
        (roots["D:\\"] / "Data" / "a.txt").write_text("now")
        (roots["C:\\"] / "Data" / "a.txt").write_text("now")
        assert (live / "Data/a.txt").read_text() == "now"
        assert (frozen / "Data/a.txt").read_text() == "C"
        assert Path(shadows.path("D:\\Data\\a.txt")).read_text() == "now"
        assert live.live(live.path("D:\\Data\\a.txt")) == "D:\\Data\\a.txt"
        assert live.alive and frozen.alive and shadows.alive
        live.check()
        session.components[0].mark_succeeded()


def test_a_file_set_of_every_volume_stays_in_the_set(roots: dict[str, Path]) -> None:
    """A path without a volume means each one: those that are read live are no part of a component."""
    everywhere = Component("Everywhere", selectable=True, files=[FileSet("\\Data", "*")])
    writer = Writer("Demo Writer", components=[everywhere])
    session = BackupSession("C:\\", "D:\\", volume_policies={"D:\\": "never"})
    with simulator.running(volumes=roots, writers=[writer]), session:
        session.snapshot()
        (each,) = session.components
        assert [file.path for file in each.files()] == ["C:\\Data\\a.txt"]
        each.mark_succeeded()


def test_a_live_volume_that_goes_away(tmp_path: Path) -> None:
    folder = tmp_path / "volume"
    folder.mkdir()
    volumes = VolumeNames([["D:\\"]])
    live = LiveVolume(str(folder), "D:\\", volumes, "its policy is never")
    shadows = ShadowCopySet(UUID(int=0), {"D:\\": live}, volumes)
    shadows.check()
    assert [live.alive, shadows.alive] == [True, True]
    folder.rmdir()
    assert [live.alive, shadows.alive] == [False, False]
    with pytest.raises(ObjectNotFoundError, match="the volume D:"):
        shadows.check()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(ADD, "VSS_E_VOLUME_NOT_SUPPORTED", volume="D:\\"),
        Fault(ADD, "VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER", volume="D:\\"),
        Fault(ADD, "VSS_E_NESTED_VOLUME_LIMIT", volume="D:\\"),
        Fault(ADD, "VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED", volume="D:\\"),
        Fault(ADD, "VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED", volume="D:\\"),
        Fault(ADD, "VSS_E_OBJECT_NOT_FOUND", volume="D:\\"),
        Fault(SUPPORTED, "VSS_E_NESTED_VOLUME_LIMIT", volume="D:\\"),
        Fault(SUPPORTED, "VSS_E_OBJECT_NOT_FOUND", volume="D:\\"),
    ],
    ids=lambda fault: f"{fault.where.partition('::')[2]} {fault.code}",
)
def test_preferred_is_read_live_where_it_cannot_be_in_the_set(roots: dict[str, Path], fault: Fault) -> None:
    session = BackupSession("C:\\", "D:\\", volume_policies={"D:\\": "preferred"})
    with running(roots, fault) as machine:
        assert back_up(session) == ["C", "None"]
        left_nothing(machine)
    assert session.result.good
    assert session.result.tries == (2 if fault.where == ADD else 1)  # an object that was refused is not used again
    (item,) = session.result.read_live
    assert (item.kind, item.name) == ("volume", "D:\\") and str(fault.code) in item.reason
    assert left_out_with_files_on_d(session, item.reason)


def test_preferred_asks_whether_a_provider_supports_it(roots: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def only_c(components: BackupComponents, name: str, provider_id: object) -> bool:
        return name == "C:\\"

    monkeypatch.setattr(BackupComponents, "is_volume_supported", only_c)
    session = BackupSession("C:\\", "D:\\", volume_policies={"D:\\": "preferred"})
    with running(roots):
        assert back_up(session) == ["C", "None"]
    assert session.result.tries == 1
    assert session.result.read_live == [LeftOut("volume", "D:\\", "it cannot be in the set: no provider supports it")]


def test_preferred_without_persistent_shadow_copies(roots: dict[str, Path]) -> None:
    """A file system that has none (semantics 6): AddToSnapshotSet says so."""
    session = BackupSession("C:\\", "D:\\", context=SnapshotContext.NAS_ROLLBACK, volume_policies={"D:\\": "preferred"})
    with running(roots) as machine:
        machine.set_volume_qualities("D:\\", ntfs=False)
        with session:
            assert [copy.volume for copy in session.snapshot().shadow_copies] == ["C:\\"]
        assert [copy.volume for copy in machine.shadow_copies] == ["C:\\"]


def test_preferred_is_in_the_set_where_it_can_be(roots: dict[str, Path]) -> None:
    session = BackupSession("C:\\", "D:\\", volume_policies={"C:\\": "preferred", "D:\\": "preferred"})
    with running(roots):
        assert back_up(session) == ["C", "D", "None"]
    assert session.result.read_live == []


@pytest.mark.parametrize(("policy", "error"), [("required", VolumeNotSupportedError), ("preferred", ProviderVetoError)])
def test_other_failures_fail_the_session(roots: dict[str, Path], policy: Any, error: type[Exception]) -> None:
    code = "VSS_E_VOLUME_NOT_SUPPORTED" if policy == "required" else "VSS_E_PROVIDER_VETO"
    session = BackupSession("C:\\", "D:\\", volume_policies={"D:\\": policy})
    with running(roots, Fault(ADD, code, volume="D:\\")) as machine:
        with pytest.raises(error):
            back_up(session)
        left_nothing(machine)
    assert session.result.read_live == []


def test_too_little_storage_fails_the_session_whatever_the_policy(roots: dict[str, Path]) -> None:
    session = BackupSession("C:\\", "D:\\", volume_policies={"D:\\": "preferred"})
    fault = Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_INSUFFICIENT_STORAGE")
    with running(roots, fault), pytest.raises(Exception, match="VSS_E_INSUFFICIENT_STORAGE"):
        back_up(session)


def test_a_volume_that_there_is_not_cannot_be_read_live_either(roots: dict[str, Path]) -> None:
    for policy in ("preferred", "never"):
        session = BackupSession("C:\\", "Q:\\", volume_policies={"Q:\\": policy})
        with running(roots) as machine:
            with pytest.raises(ObjectNotFoundError):
                back_up(session)
            left_nothing(machine)


@pytest.mark.parametrize("policy", ["preferred", "never"])
def test_without_any_volume_there_is_no_set(roots: dict[str, Path], policy: Any) -> None:
    session = BackupSession("C:\\", "D:\\", volume_policies={"C:\\": policy, "D:\\": policy})
    fault = Fault(SUPPORTED, "VSS_E_NESTED_VOLUME_LIMIT")
    with running(roots, fault) as machine:
        with session:
            assert session.writers
            shadows = session.snapshot()
            assert shadows.set_id.int == 0 and shadows.shadow_copies == ()
            assert [copy.is_live for copy in shadows.values()] == [True, True]
            assert session.components == ()
        for method in ("StartSnapshotSet", "PrepareForBackup", "DoSnapshotSet", "BackupComplete", "AbortBackup"):
            assert not called(machine, method)
        left_nothing(machine)
    result = session.result
    assert result.good and result.set_id is None and result.document is None
    assert {item.name for item in result.read_live} == {"C:\\", "D:\\"}
    assert {(item.name, item.reason) for item in result.left_out} >= {("None", "no volume is in the set")}


def test_without_any_volume_a_required_component_is_an_error(roots: dict[str, Path]) -> None:
    with running(roots) as machine:
        session = BackupSession("C:\\", volume_policies={"C:\\": "never"})
        with pytest.raises(SelectionError), session:
            session.select("Demo Writer", "C")
            session.snapshot()
        left_nothing(machine)


def test_policies_that_make_no_sense(roots: dict[str, Path]) -> None:
    with pytest.raises(InvalidArgumentError, match="none of the session's volumes"):
        BackupSession("C:\\", volume_policies={"D:\\": "never"})
    with pytest.raises(InvalidArgumentError, match="'sometimes'"):
        BackupSession("C:\\", volume_policies={"C:\\": "sometimes"})  # type: ignore[dict-item]
    with pytest.raises(InvalidArgumentError, match="full path"):
        BackupSession("C:\\", volume_policies={"C": "never"})


def test_one_volume_under_two_names_has_one_policy(roots: dict[str, Path]) -> None:
    machine: Machine
    with running(roots) as machine:
        guid = machine.volume_paths["D:\\"]
        session = BackupSession("C:\\", "D:\\", guid, volume_policies={guid: "never"})
        assert back_up(session) == ["C", "None"]
        assert [item.name for item in session.result.read_live] == ["D:\\"]
        both = BackupSession("D:\\", guid, volume_policies={guid: "never", "D:\\": "preferred"})
        with pytest.raises(InvalidArgumentError, match="of one volume"):
            back_up(both)
        left_nothing(machine)


def test_required_says_what_vss_says(roots: dict[str, Path]) -> None:
    with running(roots) as machine:
        machine.set_volume_qualities("D:\\", nested=True)
        with pytest.raises(NestedVolumeLimitError):
            back_up(BackupSession("C:\\", "D:\\"))
