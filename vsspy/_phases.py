"""The phases of a session: what each took and how long each may take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from .backup_components import AsyncOperation
from .errors import InvalidArgumentError, VssError
from .result import BackupResult, PhaseTime

WAITING: Final = (
    "gather_writer_metadata",
    "prepare_for_backup",
    "do_snapshot_set",
    "backup_complete",
    "gather_writer_status",
)
"""The phases that wait for an operation, named like the method that starts it; each has a time limit."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a session's ``on_progress`` is called with.

    Attributes:
        phase: ``gather_writer_metadata``, ``start_snapshot_set``, ``prepare_for_backup``, ``do_snapshot_set``, ``copy``...
        event: ``retrying`` means that another set is in progress and the session waits for it.
        elapsed: seconds since the session began.
        detail: for people.
    """

    phase: str
    event: Literal["started", "finished", "failed", "retrying"]
    elapsed: float
    detail: str = ""


def seconds(value: float, name: str) -> float:
    """*value* if it can be a time limit: finite and more than 0; else raises InvalidArgumentError."""
    if not (math.isfinite(value) and value > 0):
        raise InvalidArgumentError(
            "E_INVALIDARG", "BackupSession", detail=f"{name} has to be a finite number of seconds above 0, not {value}"
        )
    return float(value)


class Phases:
    """Times the phases of a session, tells their progress, and says in errors where they happened."""

    def __init__(
        self,
        result: BackupResult,
        timeout: float,
        phase_timeouts: Mapping[str, float],
        on_progress: Callable[[Progress], object] | None,
    ) -> None:
        unknown = sorted(set(phase_timeouts) - set(WAITING))
        if unknown:
            raise InvalidArgumentError(
                "E_INVALIDARG",
                "BackupSession",
                detail=f"no time-out for {unknown[0]!r}; there is one for {', '.join(WAITING)}",
            )
        limit = seconds(timeout, "timeout")
        self._limits = {name: seconds(phase_timeouts.get(name, limit), f"phase_timeouts[{name!r}]") for name in WAITING}
        self._result = result
        self._on_progress = on_progress
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the session began."""
        return time.monotonic() - self._began

    def tell(self, phase: str, event: Literal["started", "finished", "failed", "retrying"], detail: str = "") -> None:
        """Calls ``on_progress``."""
        if self._on_progress is not None:
            self._on_progress(Progress(phase, event, self.elapsed, detail))

    @contextmanager
    def __call__(self, name: str, volume: str | None = None) -> Iterator[None]:
        """A phase: records its time, and puts its name, *volume* and the time into a VssError that ends it."""
        start = self.elapsed
        self.tell(name, "started")
        try:
            yield
        except BaseException as error:
            took = self.record(name, start)
            if isinstance(error, VssError) and error.phase is None:
                error.phase, error.volume, error.elapsed = name, volume, took
            try:
                self.tell(name, "failed", str(error))
            except Exception as problem:  # noqa: BLE001 (the first error is the one that counts)
                error.add_note(f"on_progress: {problem!r}")
            raise
        self.record(name, start)
        self.tell(name, "finished")

    def record(self, name: str, start: float) -> float:
        """Adds a phase that began at *start* to the result; returns the seconds it took."""
        took = self.elapsed - start
        self._result.phases.append(PhaseTime(name, start, took))
        return took

    def since(self, name: str) -> float:
        """Seconds since the last phase of that name began."""
        return self.elapsed - max((phase.start for phase in self._result.phases if phase.name == name), default=0.0)

    def wait(self, name: str, operation: AsyncOperation, limit: float | None = None) -> None:
        """Waits for the operation of phase *name* within its time limit, and closes it when it ended well."""
        operation.wait(timeout=self._limits[name] if limit is None else min(limit, self._limits[name]))
        operation.close()
