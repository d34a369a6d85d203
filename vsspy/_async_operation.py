"""IVssAsync: an operation that the service runs by itself."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ._codes import CODES, NAMES
from ._hresult import HResult
from .errors import InvalidArgumentError, VssError, WaitTimeoutError

if TYPE_CHECKING:
    from . import _core

_PENDING = CODES["VSS_S_ASYNC_PENDING"]
_FINISHED = CODES["VSS_S_ASYNC_FINISHED"]
_SLICE = 0.1  # seconds after which a waiting thread looks whether it is still wanted


def _seconds(timeout: float | None) -> float | None:
    if timeout is None or timeout == math.inf:
        return None
    if not timeout >= 0:
        raise InvalidArgumentError("E_INVALIDARG", "IVssAsync::Wait", detail=f"a time-out of {timeout} s")
    try:
        return float(timeout)
    except OverflowError:  # an integer beyond every number
        return None


class AsyncOperation:
    """An asynchronous operation of VSS (``IVssAsync``; semantics 3), from the method that started it. It
    goes on whether it is waited for or not, and also when this object is closed.

    ``await operation`` waits in a worker thread; cancelling the task stops the waiting, not the operation.
    """

    def __init__(self, core: _core.AsyncOperation, finished: Callable[[], None]) -> None:
        self._core = core
        self._finished = finished

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the operation is over (``IVssAsync::Wait``, then ``QueryStatus``, whose result is the outcome).

        Ctrl-C ends the wait within 200 ms; other threads run meanwhile.

        Args:
            timeout: seconds; None, VSS's default, waits without limit.

        Raises:
            WaitTimeoutError: the time is over; the operation goes on.
            OperationCancelledError: it was cancelled.
            VssError: what it failed with.
            ReentrantCallError: called from a callback that the operation itself waits for.
            ClosedError: the operation was closed, or the interpreter is shutting down.
        """
        if not self._core.wait(_seconds(timeout)):
            raise WaitTimeoutError(self._core.starter, detail=f"still running after {timeout:g} s")
        self._finished()

    def _wait_checking(self, timeout: float, check: Callable[[], object]) -> None:
        """:meth:`wait` in slices; *check* is called after each, and ends the wait by what it raises.

        On a simulated machine's virtual clock a slice takes no time; there they grow, since each is a jump of the clock.
        """
        left, size = timeout, _SLICE
        while True:
            began = time.monotonic()
            if self._core.wait(min(left, size)):
                break
            check()
            left -= size
            if left <= 0:
                raise WaitTimeoutError(self._core.starter, detail=f"still running after {timeout:g} s")
            size = _SLICE if time.monotonic() - began > _SLICE / 2 else 2 * size
        self._finished()

    def done(self) -> bool:
        """True when the operation is over, successfully or not (``IVssAsync::QueryStatus``)."""
        status = self.status
        if status == _FINISHED:
            self._finished()
        return status != _PENDING

    @property
    def status(self) -> HResult:
        """The outcome so far (``IVssAsync::QueryStatus``): ``VSS_S_ASYNC_PENDING``,
        ``VSS_S_ASYNC_FINISHED``, ``VSS_S_ASYNC_CANCELLED``, or what the operation failed with."""
        return HResult(self._core.status())

    def cancel(self) -> None:
        """Ask for cancellation (``IVssAsync::Cancel``), and return at once: wait for what becomes of it, since an
        operation may have passed the point of no return (semantics 3.4). Harmless when it is over."""
        self._core.cancel()

    def close(self) -> None:
        """Give the IVssAsync back. The operation goes on."""
        self._core.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __await__(self) -> Generator[object, None, None]:
        return self._wait_in_thread().__await__()

    async def _wait_in_thread(self) -> None:
        unwanted = threading.Event()

        def wait() -> None:
            while not unwanted.is_set() and not self._core.wait(_SLICE):
                pass

        try:
            await asyncio.get_running_loop().run_in_executor(None, wait)
        finally:
            unwanted.set()
        self._finished()

    def __repr__(self) -> str:
        try:
            status = self.status
        except VssError as error:
            return f"<AsyncOperation {self._core.starter}: {error}>"
        return f"<AsyncOperation {self._core.starter}: {NAMES.get(status, f'0x{status:08X}')}>"
