"""Ctrl-C and its relatives: the first one ends the work, and nothing ends the tidying up."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

__all__ = ["Interrupted", "Interrupts", "stopping"]


class Interrupted(KeyboardInterrupt):
    """A signal that asks the command to stop.

    Attributes:
        exit_code: 128 and the signal's number: 130 for Ctrl-C, 143 for SIGTERM.
        message: What a person gets to see.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number
        self.message = "stopped; nothing was made"


@contextmanager
def stopping(message: Callable[[], str]) -> Iterator[None]:
    """Within: a person who stops the command is told this, since something was done by then."""
    try:
        yield
    except Interrupted as error:
        error.message = message()
        raise


def _signals() -> list[signal.Signals]:
    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform == "win32":
        numbers.append(signal.SIGBREAK)
    else:
        numbers.append(signal.SIGHUP)
    return numbers


class Interrupts:
    """Takes SIGINT, SIGTERM and SIGHUP (SIGBREAK on Windows) over while it is entered; one that was ignored stays ignored.

    The first signal raises `Interrupted` in the main thread, wherever it is. A second one does so only inside `impatient`; all others, and
    any inside `held`, are noted and nothing more: what is under way is then a tidying up, which is short and must not be broken off.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, object] = {}
        self._count = 0
        self._held = 0
        self._impatient = False
        self._receiver: Callable[[int], object] | None = None

    def __enter__(self) -> Self:
        for number in _signals():
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:
                self._before[number] = before
                signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]  # what getsignal gave

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._held:
            return
        if self._receiver is not None:
            self._receiver(number)
            return
        self._count += 1
        if self._count == 1 or (self._count == 2 and self._impatient):
            raise Interrupted(number)

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """Within: a second signal cuts short the orderly end of a session that the first one asked for."""
        with self._set(impatient=True):
            yield

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Within, inside an `impatient`: a second signal is ignored again."""
        with self._set(impatient=False):
            yield

    @contextmanager
    def _set(self, *, impatient: bool) -> Iterator[None]:
        before, self._impatient = self._impatient, impatient
        try:
            yield
        finally:
            self._impatient = before

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within: signals come too late."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    @contextmanager
    def handed_on(self, receiver: Callable[[int], object]) -> Iterator[None]:
        """Within: each signal is given to *receiver*, in the main thread, and raises nothing."""
        before, self._receiver = self._receiver, receiver
        try:
            yield
        finally:
            self._receiver = before
