"""A whole restore of RestoreSession against faults: each call with codes that its page lists, each writer's event with writer errors.

Whatever fails: the caller gets a typed error or a result that tells; no COM object is left, no writer that heard PreRestore waits for
a PostRestore that never comes, and the next restore on the same machine is good at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from support import volume, writer

import vsspy
from pytest_vsspy import FaultSweep
from vsspy import simulator, testing
from vsspy.enums import RestoreMethod, WriterRestore
from vsspy.metadata import RestoreMethodInfo

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))
from restore_support import save

EVERY = 23 if os.environ.get("VSSPY_SANITIZER") or sys.platform == "win32" else 17
SEED = 1


def writers() -> list[simulator.Writer]:
    info = RestoreMethodInfo(RestoreMethod.RESTORE_IF_CAN_REPLACE, None, None, WriterRestore.ALWAYS, False, ())
    return [writer(name, restore_method=info) for name in ("One Writer", "Two Writer")]


@pytest.fixture
def vss_volumes(tmp_path: Path) -> dict[str, Path]:
    return {"C:\\": volume(tmp_path / "C")}


@pytest.fixture
def vss_writers() -> Callable[[], list[simulator.Writer]]:
    return writers


@pytest.fixture
def out(vss_volumes: dict[str, Path], tmp_path: Path) -> Path:
    with simulator.running(volumes=vss_volumes, writers=writers()):
        return save(tmp_path / "out")


def unended(trace: Sequence[simulator.TraceEntry]) -> list[str]:
    """The writers that took part in a restore and heard of no end of it, unless it was PostRestore itself that failed.

    One that vetoes in PreRestore has ended it for itself (semantics 4.3).
    """
    last: dict[str, str] = {}
    for entry in trace:
        name, _, event = entry.name.partition("::")
        if entry.kind == "event" and event in ("PreRestore", "PostRestore"):
            last[name] = event if entry.hresult is not None and entry.hresult < 0x80000000 else "failed"
        elif event == "PostRestore" and (entry.hresult is None or entry.hresult >= 0x80000000):
            return []
    return [name for name, event in last.items() if event == "PreRestore"]


def test_every_fault_of_a_restore(fault_sweep: FaultSweep, out: Path) -> None:
    def restore() -> vsspy.RestoreResult:
        machine = simulator.current()
        assert machine is not None
        begin = len(machine.trace)
        with vsspy.BackupFolder(out) as folder:
            session = vsspy.RestoreSession(folder.document, folder.writers)
            with contextlib.ExitStack() as stack:
                stack.callback(lambda: _check_ended(machine.trace[begin:]))
                with session:
                    session.prepare()
                    session.restore_files(folder)
        return session.result

    report = fault_sweep(restore, succeeded=_is_good, tolerate=tolerate, every=EVERY, seed=SEED)
    report.check()
    assert len(report.cases) > 150 // EVERY


def _is_good(result: object) -> bool:
    assert isinstance(result, vsspy.RestoreResult)
    return result.good


def _check_ended(trace: Sequence[simulator.TraceEntry]) -> None:
    assert not unended(trace), trace


def tolerate(run: testing.SweepRun) -> bool:
    """What a restore may be good in spite of: a poll's own failure, and a writer that is not there (semantics 4.2)."""
    where = run.case.fault.where
    return where == "IVssAsync::Wait" or where.endswith("::Identify")
