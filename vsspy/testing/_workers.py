"""Cases in worker processes, where the platform forks; a crash or a hang ends one worker, and is that case's failure."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from ._case import Verdict, first_run, try_case
from ._watch import alone

if TYPE_CHECKING:
    from ._case import Good, Subject
    from ._records import SweepCase


def why_not() -> str | None:
    """Why no workers can be had here, None if they can.

    A function inside a test cannot be pickled, so that only a fork takes it over; and only a process of one thread forks
    safely.
    """
    if sys.platform != "linux":
        return "no worker processes on this platform"
    return None if alone() else "no worker processes, since this process has other threads"


@dataclass(slots=True)
class _Worker:
    process: Any  # a process of the fork context, which typeshed knows off Windows only
    connection: Connection
    case: SweepCase | None = None
    since: float = 0.0

    def give(self, index: int, case: SweepCase) -> None:
        self.case, self.since = case, time.monotonic()
        self.connection.send(index)

    def stop(self) -> int:
        """Ends it at once, if it has not ended by itself; the exit code is negative for a signal."""
        self.connection.close()
        self.process.kill()
        self.process.join()
        return int(self.process.exitcode)

    def verdict(self, ready: bool, timeout: float) -> Verdict | None:
        """What its case came to, None while it is under way; without a process afterwards where that had to end."""
        if ready:
            try:
                verdict = self.connection.recv()
            except (EOFError, OSError):
                self.process.join()
                code = self.stop()
                how = f"signal {-code}" if code < 0 else f"exit code {code}"
                return Verdict(None, (f"the process died of it: {how}",))
            assert isinstance(verdict, Verdict)
            return verdict
        if time.monotonic() - self.since < timeout:
            return None
        self.stop()
        return Verdict(None, (f"it was not over after {timeout:g} s",))


def _start(target: Any, *arguments: Any) -> _Worker:
    context: Any = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, os.getpid(), *arguments), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def guarded(subject: Subject, case: SweepCase, good: Good) -> Verdict:
    """``try_case``, with what goes wrong around it as a problem."""
    try:
        return try_case(subject, case, good)
    except Exception:  # noqa: BLE001 (the other cases are still to be run)
        return Verdict(None, (traceback.format_exc(limit=-3),))


def _serve(connection: Connection, parent: int, subject: Subject, cases: Sequence[SweepCase], good: Good) -> None:
    while True:
        while not connection.poll(1.0):
            if os.getppid() != parent:
                return
        connection.send(guarded(subject, cases[connection.recv()], good))


def _scout(connection: Connection, _parent: int, subject: Subject) -> None:
    try:
        found: Any = first_run(subject)
    except Exception as error:  # noqa: BLE001 (it is raised again where somebody sees it)
        error.add_note(traceback.format_exc())
        found = error
    connection.send(found)


def first_run_in_worker(subject: Subject, timeout: float) -> Any:
    """``first_run`` in a process of its own, so that this one stays alone."""
    worker = _start(_scout, subject)
    try:
        if not worker.connection.poll(timeout):
            raise AssertionError(f"the backup without faults was not over after {timeout:g} s")
        try:
            found = worker.connection.recv()
        except EOFError:
            worker.process.join()
            raise AssertionError(f"the process of the backup without faults died: {worker.process.exitcode}") from None
    finally:
        worker.stop()
    if isinstance(found, Exception):
        raise found
    return found


def run_in_workers(
    subject: Subject, cases: Sequence[SweepCase], good: Good, count: int, timeout: float
) -> Iterator[tuple[SweepCase, Verdict]]:
    """Each case with its verdict, in the order in which they end.

    Args:
        subject: what is tested.
        cases: the cases.
        good: what a backup without faults does.
        count: how many processes.
        timeout: seconds that a case may take.
    """
    waiting = deque(enumerate(cases))
    idle: list[_Worker] = []
    busy: list[_Worker] = []
    try:
        while waiting or busy:
            while waiting and len(busy) < count:
                worker = idle.pop() if idle else _start(_serve, subject, cases, good)
                busy.append(worker)
                worker.give(*waiting.popleft())
            patience = min(worker.since for worker in busy) + timeout - time.monotonic()
            ready = wait([worker.connection for worker in busy], max(0.0, patience))
            for worker in list(busy):
                verdict = worker.verdict(worker.connection in ready, timeout)
                if verdict is None or worker.case is None:
                    continue
                busy.remove(worker)
                if not worker.connection.closed:
                    idle.append(worker)
                yield worker.case, verdict
    finally:
        for worker in idle + busy:
            worker.stop()
