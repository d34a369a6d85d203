"""A whole backup of BackupSession against every fault: each call with each code that its page lists, each writer's event
with each writer error.

Whatever fails: the caller gets a typed error or a result that tells; no COM object, shadow copy or thread is left, no
writer stays frozen, and the next backup on the same machine is good at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import volume, writer

import vsspy
from pytest_vsspy import FaultSweep
from vsspy import simulator, testing

# Where a backup takes many times as long, or no worker processes can be had, a sample has to do.
EVERY = 17 if os.environ.get("VSSPY_SANITIZER") or sys.platform == "win32" else 1
SEED = 4


@pytest.fixture
def vss_volumes(tmp_path: Path) -> dict[str, Path]:
    return {"C:\\": volume(tmp_path / "C")}


@pytest.fixture
def vss_writers() -> Callable[[], list[simulator.Writer]]:
    return lambda: [writer(), writer("Two Writer")]


def back_up() -> vsspy.BackupSession:
    """A whole backup of everything that the machine's writers have."""
    session = vsspy.BackupSession("C:\\", backup_type=vsspy.BackupType.FULL, retry=None)
    try:
        with session as backup:
            backup.snapshot()
            for component in backup.components:
                assert [Path(file.shadow_path).read_bytes() for file in component.files()]
                component.mark_succeeded()
    except vsspy.VssError as error:
        assert type(error) is not vsspy.VssError, f"{error!r} has no class of its own"
        assert error.operation, f"{error!r} does not say what failed"
        raise
    return session


def tolerate(run: testing.SweepRun) -> bool:
    """What a backup may be good in spite of.

    The outcome of an operation is its status, not what Wait returns (semantics 3.5). A writer that fails at Identify is
    as if it were not there (semantics 4.2). What fails after BackupComplete, or in a writer that BackupComplete is told to,
    is noted.
    """
    where = run.case.fault.where
    if run.outcome == "noted":
        return run.completed or run.case.call == 0
    return where == "IVssAsync::Wait" or where.endswith(("::Identify", "::BackupShutdown"))


def test_every_fault_of_a_backup(fault_sweep: FaultSweep) -> None:
    report = fault_sweep(back_up, tolerate=tolerate, every=EVERY, seed=SEED)
    report.check()
    assert all(case.polled for case in report.unmet)
    assert len(report.cases) > 500 // EVERY
    # a good backup stays a good one, whatever fails after its BackupComplete; of a poll nobody knows what it came after
    afterwards = {run.outcome for run in report.runs if run.completed and run.case.call and not run.case.polled}
    assert afterwards == {"noted"} or (EVERY > 1 and not afterwards)


def test_codes_that_nobody_listed(vss_volumes: dict[str, Path]) -> None:
    """The code lists are not closed (semantics 1.7): an unknown one is VssError itself, with its hexadecimal code."""
    fault = simulator.Fault("IVssBackupComponents::PrepareForBackup", 0x8004FFF0, nth=1, at="call")
    with simulator.running(volumes=vss_volumes, writers=[writer()], faults=[fault]):
        with pytest.raises(vsspy.VssError) as caught, vsspy.BackupSession("C:\\") as backup:
            backup.snapshot()
        assert type(caught.value) is vsspy.VssError
        assert "8004FFF0" in str(caught.value).upper()
        assert caught.value.hresult == 0x8004FFF0
        assert back_up().result.good
