"""Machines out of traces, and traces of machines."""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ._native_paths import to_bytes
from ._replay_plan import plan_of
from ._trace_file import read_trace
from ._typed_errors import typed_errors
from .errors import BadStateError
from .tracing import TraceWarning

if TYPE_CHECKING:
    from .simulator import Machine


@contextlib.contextmanager
def record(path: str | os.PathLike[str], machine: Machine | None = None) -> Iterator[Path]:
    """Write down what a simulated machine does inside the block: calls, writers' events and results.

    The file has the format of :func:`vsspy.trace`, and more in it, since it is the service that writes: writers' events,
    and what requesters do that are not vsspy. Only what begins and ends inside the block stands there.

    Args:
        path: the file; what was there is replaced.
        machine: the machine; by default the innermost one that runs.

    Yields:
        The file's path.

    Raises:
        BadStateError: no machine is running.
        ClosedError: the machine is closed.
        AccessDeniedError: the file cannot be written.
        ObjectNotFoundError: its folder does not exist.

    Warns:
        TraceWarning: the file ends early, since it could not be written any more.
    """
    from .simulator import current

    recorded = machine or current()
    if recorded is None:
        raise BadStateError("VSS_E_BAD_STATE", "record", detail="no simulated machine is running")
    recorded._check_open("record")
    target = Path(os.path.abspath(path))
    with typed_errors(f"record {target}"):
        begun = recorded._handle.record(to_bytes(target))
    try:
        yield target
    finally:
        if not recorded._handle.stop_recording(begun):
            warnings.warn(f"{target} could not be written to its end", TraceWarning, stacklevel=3)


@contextlib.contextmanager
def replay(
    path: str | os.PathLike[str],
    volumes: Mapping[str, str | os.PathLike[str]] | None = None,
    *,
    delays: bool = False,
    virtual_time: bool = False,
    state: str | os.PathLike[str] | None = None,
) -> Iterator[Machine]:
    """Run a machine that behaves as the one of a trace did; inside the block it is the backend.

    Its volumes and writers are those of the trace. What failed there fails again: each call by its own count, each
    operation in its result, each writer in the event that its status named. ``docs/simulator.md`` says what a trace
    cannot bring back.

    Args:
        path: a file that :func:`vsspy.trace` or :func:`record` wrote.
        volumes: the folders of volumes, by name, also of volumes that the trace does not have; the others get empty
            folders, which are removed in the end.
        delays: whether calls and operations take as long as they took, by the clock of who wrote the trace.
        virtual_time, state: as for :func:`running`.

    Raises:
        InvalidTraceError: the file is not a trace, or damaged; the error names the line.
        OSError: the file cannot be read.
        ObjectNotFoundError: a given folder does not exist.
    """
    from . import simulator
    from ._simulated_machine import with_separator

    plan = plan_of(read_trace(path), delays=delays)
    given = {with_separator(name): folder for name, folder in (volumes or {}).items()}
    with contextlib.ExitStack() as stack:
        made: dict[str, str | os.PathLike[str]] = {}
        for name in plan.volumes:
            if name not in given:
                made[name] = stack.enter_context(tempfile.TemporaryDirectory(prefix="vsspy-replay-"))
        machine = stack.enter_context(
            simulator.running(
                volumes={**made, **given},
                writers=plan.writers,
                faults=plan.faults,
                virtual_time=virtual_time,
                state=state,
                **plan.options,
            )
        )
        for name, volume_path in plan.volume_paths.items():
            with typed_errors(f"volume {name}"):
                machine._handle.set_volume_path(name, volume_path)
        machine.volume_paths = MappingProxyType(dict(machine._handle.volumes()))
        yield machine
