"""Trying again: while another requester's set is in progress, and after failures that may pass."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .errors import InvalidArgumentError, SnapshotSetInProgressError, VssError, WaitTimeoutError

_MAKING: Final = ("prepare_for_backup", "do_snapshot_set")  # the phases in which VSS says that an error may pass


@dataclass(frozen=True, slots=True)
class Retry:
    """When a session tries again: while another shadow copy set is under creation, and after failures that may pass.

    Only one set can be under creation on a computer (``VSS_E_SNAPSHOT_SET_IN_PROGRESS``, semantics 5). Each new try is a
    new COM object, to which the rules of ``select`` and ``exclude`` are applied again.

    Args:
        deadline: seconds from the first refusal after which the error is raised; 0 raises it at once.
        delay: shortest wait between two tries, in seconds.
        jitter: seconds of which a random part is added to each wait, so that two requesters do not meet again.
        failures: how many times the whole set is tried again when it failed in a way that may pass: all writers of
            selected components that failed say so (``VSS_E_WRITERERROR_RETRYABLE``, ``_TIMEOUT`` or ``_OUTOFRESOURCES``), or
            PrepareForBackup or DoSnapshotSet ended with an error that is ``retryable`` (writes not flushed or held in time, a
            provider's veto). 0, the default, does not; VSS's own advice is three times at most (semantics 5).
        failure_delay: seconds to wait before that; ten minutes, the default, are VSS's advice.
    """

    deadline: float = 300.0
    delay: float = 2.0
    jitter: float = 4.0
    failures: int = 0
    failure_delay: float = 600.0

    def __post_init__(self) -> None:
        for name in ("deadline", "delay", "jitter", "failures", "failure_delay"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InvalidArgumentError(
                    "E_INVALIDARG", "Retry", detail=f"{name} has to be a finite number of at least 0, not {value}"
                )

        if not isinstance(self.failures, int):
            raise InvalidArgumentError(
                "E_INVALIDARG", "Retry", detail=f"failures is a number of tries, not {self.failures}"
            )

    def delays(self, now: float, random_part: random.Random | None = None) -> Iterator[float]:
        """The waits to make, in seconds; ends when the deadline, counted from *now*, has come.

        Args:
            now: when the first refusal came, by ``time.monotonic()``.
            random_part: what the random part is drawn from; None for one of its own.
        """
        rng = random_part or random.Random()
        end = now + self.deadline
        while (left := end - time.monotonic()) > 0:
            yield min(self.delay + rng.uniform(0, self.jitter), left)


class Tries:
    """Decides after each failed try of a session whether there is another one, and when."""

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        self._failures_left = retry.failures
        self._refused: Iterator[float] | None = None

    @property
    def after_failure(self) -> bool:
        """Whether another failure that may pass would be followed by another try."""
        return self._failures_left > 0

    def delay(self, error: VssError) -> tuple[float, str] | None:
        """Seconds to wait before the next try after *error*, and why there is one; None if there is none."""
        if isinstance(error, SnapshotSetInProgressError) and error.phase not in _MAKING:
            self._refused = self._refused or self._retry.delays(time.monotonic())
            delay = next(self._refused, None)
            return None if delay is None else (delay, "another set is in progress")
        if not (self.after_failure and error.retryable and error.phase in _MAKING) or isinstance(
            error, WaitTimeoutError
        ):
            return None
        self._failures_left -= 1
        self._refused = None
        return self._retry.failure_delay + random.uniform(0, self._retry.jitter), f"it failed with {error.name}"
