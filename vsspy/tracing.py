"""Writing down a conversation with VSS, real or simulated: what is in the file can be replayed by ``vsspy.simulator``."""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import _backend, _core
from ._volumes import local_environment, local_volume_paths
from .errors import VssError, from_hresult

__all__ = ["TraceWarning", "trace"]

_PLACES = frozenset(
    (
        "allusersprofile",
        "commonprogramfiles",
        "commonprogramfiles(x86)",
        "programdata",
        "programfiles",
        "programfiles(x86)",
        "public",
        "systemdrive",
        "systemroot",
        "windir",
    )
)  # the variables that writers' paths hold; others may be nobody's business


class TraceWarning(RuntimeWarning):
    """Not all of a trace could be written."""


@contextlib.contextmanager
def trace(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write every call of VSS that this process makes inside the block into a file.

    Each call stands there with its arguments, times and HRESULT, each operation with its result, and what a replay
    needs of what came: writers' documents and statuses, shadow copies' properties, the Backup Components Document. No
    call is added to the conversation. Calls of all threads and all backends are written; several traces may be under way.
    The format is described in ``docs/simulator.md``; :func:`vsspy.simulator.replay` makes a machine of it.

    A line is written when its call is over, and at once: a crash loses the last one at most. A child after a fork writes
    nothing.

    Args:
        path: the file; what was there is replaced.

    Yields:
        The file's path.

    Raises:
        AccessDeniedError: the file cannot be written.
        ObjectNotFoundError: its folder does not exist.

    Warns:
        TraceWarning: the file ends early, since it could not be written any more.
    """
    target = Path(os.path.abspath(path))
    header = _header()
    try:
        begun = _core.start_tracing(target, header)
    except VssError as error:
        raise from_hresult(error.hresult, "trace", f"{target}: {error.detail}") from None
    complete = True
    try:
        yield target
    finally:
        complete = _core.stop_tracing(begun)
        if not complete:
            warnings.warn(f"{target} could not be written to its end", TraceWarning, stacklevel=3)


def _header() -> str:
    """The fields of the header line, as the inside of a JSON object."""
    fields: dict[str, Any] = {"side": "requester", "began": datetime.now(UTC).isoformat()}
    with contextlib.suppress(VssError, OSError):  # without a backend of its own the trace is of those that are named
        backend = _backend.resolve()
        fields["backend"] = backend.name
        machine = backend.machine
        environment = local_environment() if machine is None else machine.environment
        fields["machine"] = {
            "volumes": local_volume_paths() if machine is None else dict(machine.volume_paths),
            "environment": {name: value for name, value in environment.items() if name.lower() in _PLACES},
            **({} if machine is None else machine._character),
        }
    return json.dumps(fields)[1:-1]
