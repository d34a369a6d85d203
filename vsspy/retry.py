"""Waiting for another requester's shadow copy set to be finished."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import InvalidArgumentError

_SLICE = 0.1  # seconds: time.sleep is not cut short by every kind of interrupt


@dataclass(frozen=True, slots=True)
class Retry:
    """How a session waits while another shadow copy set is under creation (``VSS_E_SNAPSHOT_SET_IN_PROGRESS``).

    Only one set can be under creation on a computer (semantics 5). Each new try is a new COM object.

    Args:
        deadline: seconds from the first refusal after which the error is raised; 0 raises it at once.
        delay: shortest wait between two tries, in seconds.
        jitter: seconds of which a random part is added to each wait, so that two requesters do not meet again.
    """

    deadline: float = 300.0
    delay: float = 2.0
    jitter: float = 4.0

    def __post_init__(self) -> None:
        for name in ("deadline", "delay", "jitter"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InvalidArgumentError(
                    "E_INVALIDARG", "Retry", detail=f"{name} has to be a number of seconds, not {value}"
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


def pause(seconds: float) -> None:
    """Sleeps in slices, so that Ctrl-C is noticed within 200 ms on every platform."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _SLICE))
