"""Which calls a fault hits: those of one volume, by number, with a probability; and what is no fault."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from support import (
    METHODS,
    TIMEOUT,
    Backup,
    one_status,
    server,
    wait,
)

import vsspy
from vsspy import simulator
from vsspy._methods import METHODS as ASYNCHRONOUS
from vsspy.enums import WriterState

B = "IVssBackupComponents"
DO = f"{B}::DoSnapshotSet"
ADD = f"{B}::AddToSnapshotSet"
START = f"{B}::StartSnapshotSet"


def test_faults_of_one_volume(tmp_path: Path) -> None:
    """Calls that name it, calls without arguments of a session whose set has it, and events in such a session."""
    volumes = {"C:\\": tmp_path / "C", "D:\\": tmp_path / "D"}
    faults = [
        simulator.Fault(ADD, "VSS_E_NESTED_VOLUME_LIMIT", volume="D:\\", nth=1),
        simulator.Fault(DO, "VSS_E_PROVIDER_VETO", volume="D:\\", nth=1),
        simulator.Fault("One Writer::PrepareBackup", "VSS_E_WRITERERROR_RETRYABLE", volume="d:\\"),
        simulator.Fault("IsVolumeSnapshotted", "E_ACCESSDENIED", volume="D:\\"),
    ]
    with server(tmp_path, volumes=volumes, faults=faults) as machine:
        vsspy.is_volume_snapshotted("C:\\")
        with pytest.raises(vsspy.AccessDeniedError):
            vsspy.is_volume_snapshotted(machine.volume_paths["D:\\"])
        with vsspy.BackupComponents() as components:  # without D:
            Backup(components).to_snapped()
            assert one_status(components) == (WriterState.WAITING_FOR_BACKUP_COMPLETE, 0)
        with vsspy.BackupComponents() as components:
            Backup(components).to_set()
            with pytest.raises(vsspy.NestedVolumeLimitError):
                components.add_to_snapshot_set("D:\\")
            components.add_to_snapshot_set("D:\\")
            wait(components.prepare_for_backup())
            assert one_status(components)[0] is WriterState.FAILED_AT_PREPARE_BACKUP
            with components.do_snapshot_set() as operation, pytest.raises(vsspy.ProviderVetoError):
                operation.wait(timeout=TIMEOUT)


@pytest.mark.parametrize("effect", ["before", "after"])
def test_a_deletion_stops_at_a_volume(tmp_path: Path, effect: Any) -> None:
    """What came before it is gone; the counts say so with the error (semantics 7.4)."""
    volumes = {f"{letter}:\\": tmp_path / letter for letter in "CDE"}
    fault = simulator.Fault(f"{B}::DeleteSnapshots", "E_ACCESSDENIED", volume="D:\\", effect=effect)
    with server(tmp_path, volumes=volumes, faults=[fault]) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.set_context(vsspy.SnapshotContext.FILE_SHARE_BACKUP)
        set_id = components.start_snapshot_set()
        ids = {name: components.add_to_snapshot_set(name) for name in volumes}
        wait(components.do_snapshot_set())
        with pytest.raises(vsspy.AccessDeniedError) as caught:
            components.delete_snapshots(set_id, vsspy.ObjectType.SNAPSHOT_SET)
        after = effect == "after"
        assert (caught.value.deleted, caught.value.nondeleted_id) == (2 if after else 1, ids["D:\\"])
        assert [copy.volume for copy in machine.shadow_copies] == (["E:\\"] if after else ["D:\\", "E:\\"])
        components.delete_snapshots(ids["E:\\"], vsspy.ObjectType.SNAPSHOT)


def test_no_such_volume(tmp_path: Path) -> None:
    with (
        pytest.raises(vsspy.ObjectNotFoundError, match=r"AddToSnapshotSet: no volume X:\\; the machine has C:"),
        server(tmp_path, faults=[simulator.Fault(ADD, "E_FAIL", volume="X:\\")]),
    ):
        pass


def suffering(folder: Path, probability: float, seed: int, calls: int = 200) -> list[bool]:
    """Which of many calls suffer."""
    fault = simulator.Fault("IsVolumeSnapshotted", "E_ACCESSDENIED", probability=probability, seed=seed)
    met = []
    with server(folder, faults=[fault]):
        for _ in range(calls):
            try:
                vsspy.is_volume_snapshotted("C:\\")
            except vsspy.AccessDeniedError:
                met.append(True)
            else:
                met.append(False)
    return met


def test_probability(tmp_path: Path) -> None:
    """The same seed, the same calls; and about as many as it says."""
    first = suffering(tmp_path, 0.3, 7)
    assert suffering(tmp_path, 0.3, 7) == first
    assert suffering(tmp_path, 0.3, 8) != first
    assert 30 <= sum(first) <= 90
    assert all(suffering(tmp_path, 1, 7, 20))
    assert not any(suffering(tmp_path, 1e-9, 7, 20))


def test_a_seed_can_be_read() -> None:
    fault = simulator.Fault(START, "E_FAIL", probability=0.5)
    assert fault.seed is not None
    assert f"seed={fault.seed}" in repr(fault)


@pytest.mark.parametrize(
    ("where", "options", "told"),
    [
        (START, {"code": "E_FAIL", "probability": 0}, "probability=0"),
        (START, {"code": "E_FAIL", "probability": 1.5}, "probability=1.5"),
        (START, {"code": "E_FAIL", "probability": math.nan}, "probability=nan"),
        (START, {"code": "E_FAIL", "probability": 0.5, "nth": 1}, "not both"),
        (START, {"code": "E_FAIL", "seed": 1}, "seed is for"),
        (START, {"code": "E_FAIL", "probability": 0.5, "seed": -1}, "seed=-1"),
        (START, {"dies": True}, "only a writer dies"),
        ("W::Freeze", {"dies": True, "code": "E_FAIL"}, "gives no code"),
        ("W::Freeze", {"dies": True, "message": "x"}, "go with a code"),
        (START, {"code": "E_FAIL", "application": "E_FAIL"}, "in a writer's event"),
        ("W::Freeze", {"code": "E_FAIL", "application": "E_NOTHING"}, "E_NOTHING"),
        ("IVssAsync::Wait", {"code": "E_FAIL", "volume": "C:\\"}, "nothing to do with a volume"),
    ],
)
def test_refused(where: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(vsspy.InvalidArgumentError, match=told):
        simulator.Fault(where, **options)


def test_every_method_that_lists_access_denied_can_be_asked_for() -> None:
    """Each is a place of a fault; that the caller gets it is what tests/conformance/test_pairs.py goes through."""
    listed = [
        f"{interface}::{method}"
        for interface, methods in METHODS.items()
        for method, entry in methods.items()
        if any(each["code"] == "E_ACCESSDENIED" for each in entry["returns"])
    ]
    assert len(listed) > 20
    for where in listed:
        assert simulator.Fault(where, "E_ACCESSDENIED").place == "call"
        if ASYNCHRONOUS[where]:
            assert simulator.Fault(where, "E_ACCESSDENIED", at="result").place == "result"
