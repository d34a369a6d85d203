"""Runs `vsspy` with a phase that lasts until somebody ends it: python interrupted.py PHASE READY ARGUMENT...

PHASE is gather, prepare, snapshot, copy, complete or none. READY is a file that is made when that phase is under way.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

METHODS = {
    "gather": "GatherWriterMetadata",
    "prepare": "PrepareForBackup",
    "snapshot": "DoSnapshotSet",
    "complete": "BackupComplete",
}


def main() -> int:
    from vsspy import simulator

    phase, ready = sys.argv[1], Path(sys.argv[2])
    arguments = sys.argv[3:]
    sys.argv[1:] = arguments
    real = simulator.running
    name = f"IVssBackupComponents::{METHODS[phase]}" if phase in METHODS else ""

    def watch(machine: simulator.Machine) -> None:
        while not any(entry.name == name and entry.kind == "result" for entry in machine.trace):
            time.sleep(0.005)
        ready.touch()

    @contextlib.contextmanager
    def running(**options: Any) -> Iterator[simulator.Machine]:
        faults = [simulator.Fault(name, delay=math.inf)] if name else []
        with real(faults=faults, **options) as machine:
            if name:
                threading.Thread(target=watch, args=(machine,), daemon=True).start()
            yield machine

    simulator.running = running

    if phase == "copy":
        target = os.path.abspath(arguments[arguments.index("--to") + 1])
        written = 0

        def hook(event: str, values: tuple[Any, ...]) -> None:
            nonlocal written
            if event == "open" and values[2] & (os.O_WRONLY | os.O_RDWR) and os.path.isdir(target):
                written += 1
                if written == 20:  # once: making the file is an "open" too
                    ready.touch()
                if written >= 20:
                    time.sleep(0.05)

        sys.addaudithook(hook)

    from vsspy.__main__ import main as vsspy

    return vsspy()


if __name__ == "__main__":
    sys.exit(main())
