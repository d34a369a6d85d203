"""One call of a session at a time: from other threads, and from writers that the first call reaches, a second one is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import ReentrantCallError


class OneCall:
    """Whether a call of *owner*, a session's class, is running."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._busy: dict[str, list[str]] = {}

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        """For the time of a call. Raises ReentrantCallError while another one runs."""
        mine = [what]  # told from another call's by identity, so that a Ctrl-C at any point here leaves nothing behind
        try:
            holder = self._busy.setdefault("call", mine)  # atomic; a lock could stay taken after a Ctrl-C
            if holder is not mine:
                raise ReentrantCallError(f"{self._owner}::{what}", detail=f"the session is busy: {holder[0]}")
            yield
        finally:
            # no call, so no moment at which Ctrl-C is looked for
            if "call" in self._busy and self._busy["call"] is mine:
                del self._busy["call"]
