"""The clock of a simulated machine, on which its time limits are kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .errors import InvalidArgumentError, from_hresult

if TYPE_CHECKING:
    from . import _simulator

MOST_NANOSECONDS = (1 << 63) - 1
"""What the clock can count to."""


class SimulatedClock:
    """The part of :class:`vsspy.simulator.Machine` that is about time."""

    _handle: _simulator.MachineHandle

    def _check_open(self, operation: str) -> None:
        raise NotImplementedError

    def now(self) -> float:
        """Seconds on the machine's clock since it was started; the times in its trace are of this clock."""
        self._check_open("now")
        return self._handle.now() / 1e9

    def sleep(self, seconds: float) -> None:
        """Wait on the machine's clock, which need not take real time with ``virtual_time``; Ctrl-C ends it.

        Args:
            seconds: how long; not negative.

        Raises:
            InvalidArgumentError: no number of seconds.
            ConnectionLostError: the machine was closed meanwhile.
            ClosedError: the machine is closed.
        """
        span = nanoseconds(seconds, "Machine.sleep")
        self._check_open("sleep")
        check_sleep(self._handle.sleep(min(self._handle.now() + span, MOST_NANOSECONDS)), "Machine.sleep")


def nanoseconds(seconds: float, operation: str) -> int:
    """*seconds* as the clock counts; raises InvalidArgumentError where that is no time to sleep."""
    if not (math.isfinite(seconds) and seconds >= 0):
        raise InvalidArgumentError("E_INVALIDARG", operation, detail=f"{seconds} s: a number of seconds, not negative")
    return min(math.ceil(seconds * 1e9), MOST_NANOSECONDS)


def check_sleep(hresult: int, operation: str) -> None:
    """Raises what a sleep failed with."""
    if hresult:
        raise from_hresult(hresult, operation)
