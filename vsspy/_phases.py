"""The phases of a session: what each took and how long each may take."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from ._cancellation import Cancellation
from ._session_log import SessionLog
from .backup_components import AsyncOperation
from .errors import InvalidArgumentError, VssError
from .result import PhaseTime, SessionResult

WAITING: Final = (
    "gather_writer_metadata",
    "prepare_for_backup",
    "do_snapshot_set",
    "backup_complete",
    "gather_writer_status",
)
"""The phases that wait for an operation, named like the method that starts it; each has a time limit."""

ProgressEvent = Literal["started", "finished", "failed", "retrying"]

_LEVELS: Final = {
    "started": logging.DEBUG,
    "finished": logging.INFO,
    "failed": logging.WARNING,
    "retrying": logging.WARNING,
}


@dataclass(frozen=True, slots=True)
class Progress:
    """What a session's ``on_progress`` is called with.

    Attributes:
        phase: ``gather_writer_metadata``, ``start_snapshot_set``, ``prepare_for_backup``, ``do_snapshot_set``, ``copy``...
        event: ``retrying`` means that the session begins again, with a new COM object: because another set is in progress,
            after a failure that may pass, or without a volume that cannot be in the set.
        elapsed: seconds since the session began.
        detail: for people.
    """

    phase: str
    event: ProgressEvent
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
    """Times the phases of a session, tells their progress, and says in errors where they happened.

    Attributes:
        cancellation: looked at before each phase, and in each wait.
        log: the session's log.
    """

    def __init__(
        self,
        result: SessionResult,
        timeout: float,
        phase_timeouts: Mapping[str, float],
        on_progress: Callable[[Progress], object] | None,
        waiting: tuple[str, ...] = WAITING,
    ) -> None:
        unknown = sorted(set(phase_timeouts) - set(waiting))
        if unknown:
            raise InvalidArgumentError(
                "E_INVALIDARG",
                "BackupSession",
                detail=f"no time-out for {unknown[0]!r}; there is one for {', '.join(waiting)}",
            )
        limit = seconds(timeout, "timeout")
        self._limits = {name: seconds(phase_timeouts.get(name, limit), f"phase_timeouts[{name!r}]") for name in waiting}
        self._result = result
        self._on_progress = on_progress
        self._complaints: set[str] = set()
        self.cancellation = Cancellation()
        self.log = SessionLog(result)

    @property
    def elapsed(self) -> float:
        """Seconds since the session began."""
        return self.log.elapsed

    def tell(
        self, phase: str, event: ProgressEvent, detail: str = "", *, volume: str | None = None, error: str | None = None
    ) -> None:
        """Writes to the log and calls ``on_progress``, whose exceptions become notes: who only watches decides nothing."""
        said = f"{phase} {event}" + (f" ({volume})" if volume else "") + (f": {detail}" if detail else "")
        self.log(_LEVELS[event], event, said, phase=phase, volume=volume, error=error)
        if self._on_progress is None:
            return
        try:
            self._on_progress(Progress(phase, event, self.elapsed, detail))
        except Exception as problem:  # noqa: BLE001 (whatever a program's callback does)
            complaint = f"on_progress: {problem!r}"
            if complaint not in self._complaints:
                self._complaints.add(complaint)
                self.log.note(complaint)

    @contextmanager
    def __call__(self, name: str, volume: str | None = None) -> Iterator[None]:
        """A phase: records its time, and puts its name, *volume* and the time into a VssError that ends it."""
        start = self.elapsed
        self.tell(name, "started", volume=volume)
        try:
            self.cancellation.check()
            yield
        except BaseException as error:
            took = self.record(name, start)
            if isinstance(error, VssError) and error.phase is None:
                error.phase, error.volume, error.elapsed = name, volume, took
            what = error.name if isinstance(error, VssError) else type(error).__name__
            self.tell(name, "failed", str(error), volume=volume, error=what)
            raise
        self.record(name, start)
        self.tell(name, "finished", volume=volume)

    def record(self, name: str, start: float) -> float:
        """Adds a phase that began at *start* to the result; returns the seconds it took."""
        took = self.elapsed - start
        self._result.phases.append(PhaseTime(name, start, took))
        return took

    def since(self, name: str) -> float:
        """Seconds since the last phase of that name began."""
        return self.elapsed - max((phase.start for phase in self._result.phases if phase.name == name), default=0.0)

    def wait(self, name: str, operation: AsyncOperation, limit: float | None = None) -> None:
        """Waits for the operation of phase *name* within its time limit, and closes it when it ended well.

        Raises OperationCancelledError within 200 ms after the session's ``cancel``; the operation goes on then.
        """
        longest = self._limits[name] if limit is None else min(limit, self._limits[name])
        operation._wait_checking(longest, self.cancellation.check)
        operation.close()
