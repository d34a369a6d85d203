"""A machine with one volume, one writer and one file; a whole backup of it, and what may be left of one: nothing."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vsspy import simulator
from vsspy.metadata import FileSet
from vsspy.session import BackupSession
from vsspy.simulator import Component, Fault, Machine, Writer


def demo_volume(folder: Path) -> Path:
    """The folder that plays ``C:\\``, made in *folder*."""
    root = folder / "c"
    (root / "Data").mkdir(parents=True)
    (root / "Data" / "a.txt").write_text("a")
    return root


def demo_writer(**callbacks: Any) -> Writer:
    files = [FileSet("C:\\Data", "*", recursive=True)]
    return Writer("Demo Writer", components=[Component("Data", selectable=True, files=files)], **callbacks)


def running(root: Path, *faults: Fault, writers: Sequence[Writer] | None = None) -> Any:
    return simulator.running(
        volumes={"C:\\": root},
        writers=[demo_writer()] if writers is None else writers,
        faults=faults,
        state=root.parent / "state",
    )


def back_up(**options: Any) -> BackupSession:
    with BackupSession("C:\\", **options) as session:
        session.snapshot()
        for component in session.components:
            assert [file.path for file in component.files()] == ["C:\\Data\\a.txt"]
            component.mark_succeeded()
    return session


def called(machine: Machine, method: str) -> bool:
    return any(
        entry.name.startswith("IVssBackupComponents") and entry.name.endswith(f"::{method}") for entry in machine.trace
    )


def writer_events(machine: Machine) -> list[str]:
    return [entry.name.partition("::")[2] for entry in machine.trace if entry.name.startswith("Demo Writer::")]


def left_nothing(machine: Machine) -> None:
    gc.collect()
    assert machine.live() == []
    assert machine.live_objects == 0
    assert machine.shadow_copies == []
