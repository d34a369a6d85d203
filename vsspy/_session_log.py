"""What a session says to the logger ``vsspy``: records whose ``extra`` fields a program can sort by."""

from __future__ import annotations

import logging
import time
from typing import Any
from uuid import uuid4

from .result import SessionResult

logger = logging.getLogger("vsspy")


def fields(event: str, **known: Any) -> dict[str, Any]:
    """The ``extra`` fields of a record: always the same ones, None where there is nothing to say."""
    empty = dict.fromkeys(("session", "phase", "elapsed", "volume", "set_id", "writer", "error"))
    return {f"vss_{name}": value for name, value in {**empty, "event": event, **known}.items()}


class SessionLog:
    """The log of one session.

    Attributes:
        session: what tells its records from another session's.
    """

    def __init__(self, result: SessionResult) -> None:
        self.session = uuid4().hex[:12]
        self._result = result
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the session began."""
        return time.monotonic() - self._began

    def __call__(self, level: int, event: str, text: str, **known: Any) -> None:
        """Writes a record.

        Args:
            level: of ``logging``.
            event: what happened: ``started``, ``finished``, ``failed``, ``retrying``, ``note``, ``read live``, ``writer failed``.
            text: for people.
            known: further fields: ``phase``, ``volume``, ``writer``, ``error``.
        """
        if logger.isEnabledFor(level):
            set_id = self._result.set_id
            told = {"session": self.session, "elapsed": self.elapsed, "set_id": None if set_id is None else str(set_id)}
            logger.log(level, "%s", text, extra=fields(event, **{**told, **known}))

    def note(self, text: str) -> None:
        """Puts what went wrong without harm into the result and the log."""
        self._result.notes.append(text)
        self(logging.WARNING, "note", text)
