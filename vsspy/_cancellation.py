"""Asking a session to stop, from anywhere: a flag that the session's own thread looks at wherever it waits."""

from __future__ import annotations

import time
from typing import Final

from .errors import OperationCancelledError

_SLICE: Final = 0.1  # seconds: a request, and Ctrl-C on every platform, is noticed within 200 ms


class Cancellation:
    """Whether a session is to stop.

    A plain flag: setting it takes no lock, so a signal handler and any thread may do it at any moment.

    Attributes:
        wanted: whether somebody asked.
    """

    def __init__(self) -> None:
        self.wanted = False

    def request(self) -> None:
        """Asks for the end; again does nothing."""
        self.wanted = True

    def check(self) -> None:
        """Raises OperationCancelledError if somebody asked."""
        if self.wanted:
            raise OperationCancelledError("VSS_S_ASYNC_CANCELLED", "BackupSession", detail="cancel() was called")

    def pause(self, seconds: float) -> None:
        """Sleeps; raises OperationCancelledError within 200 ms after somebody asked."""
        end = time.monotonic() + seconds
        self.check()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _SLICE))
            self.check()
