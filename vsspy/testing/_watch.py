"""What may be left after a backup, and how one tells of a failure."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from ..result import BackupResult
    from ..simulator import Machine, ShadowCopyInfo, TraceEntry
    from ._records import SweepRun

FAILURE = 0x80000000  # of HRESULTs, as unsigned numbers

_ENDING = 2.0  # seconds that threads have to end
_GONE = 0.25  # seconds until one that was joined is gone


def leftovers(machine: Machine, *, persistent: bool = False) -> list[str]:
    """What of a backup is still there on a machine that runs: COM objects that live, shadow copies, frozen writers.

    Objects that only a reference cycle holds are collected first.

    Args:
        machine: the machine.
        persistent: whether shadow copies that outlive their requester (``NO_AUTO_RELEASE``) may be left.

    Returns:
        A line for each; empty if all is clean.
    """
    if machine.live_objects:
        gc.collect()
    lines = [f"still alive: {name}" for name in machine.live()]
    lines += [_copy(copy) for copy in machine.shadow_copies if not (persistent and outlives(copy))]
    lines += [f"still frozen: {name}" for name in frozen_writers(machine.trace)]
    return lines


def outlives(copy: ShadowCopyInfo) -> bool:
    """Whether a shadow copy stays when its requester goes."""
    from ..enums import SnapshotAttributes

    return bool(copy.attributes & SnapshotAttributes.NO_AUTO_RELEASE)


def _copy(copy: ShadowCopyInfo) -> str:
    return f"shadow copy left: {copy.volume} {copy.id} of the set {copy.set_id}"


def frozen_writers(trace: Iterable[TraceEntry]) -> list[str]:
    """The writers that got Freeze, and neither Thaw nor Abort after it.

    Args:
        trace: a machine's.

    Returns:
        Their names.
    """
    frozen: dict[str, None] = {}
    for entry in trace:
        if entry.kind != "event":
            continue
        name, _, event = entry.name.rpartition("::")
        if event == "Freeze":
            frozen[name] = None
        elif event in ("Thaw", "Abort"):
            frozen.pop(name, None)
    return list(frozen)


def unfinished(trace: Iterable[TraceEntry]) -> list[str]:
    """Sessions that got through PrepareForBackup, and then neither through BackupComplete nor to AbortBackup (semantics 4.6).

    Args:
        trace: a machine's.

    Returns:
        A line for each.
    """
    started: set[UUID | None] = set()  # a session whose call failed cannot know that its work was done
    prepared: set[UUID | None] = set()
    for entry in trace:
        good = entry.hresult is not None and entry.hresult < FAILURE
        what = (entry.name.removeprefix("IVssBackupComponents::"), entry.kind)
        if what == ("PrepareForBackup", "call") and good:
            started.add(entry.session)
        elif what == ("PrepareForBackup", "result") and good and entry.session in started:
            prepared.add(entry.session)
        elif what == ("AbortBackup", "call") or (what == ("BackupComplete", "result") and good):
            prepared.discard(entry.session)
    return ["stopped after PrepareForBackup, without BackupComplete and without AbortBackup"] * len(prepared)


def succeeded(result: object) -> bool:
    """Whether a backup function says by its result that the backup is good.

    False, a ``BackupResult`` that is not ``good``, and a ``BackupSession`` with such a result say no.
    """
    found = _backup_result(result)
    return result is not False if found is None else found.good


def notes_of(result: object) -> list[str]:
    """What the result of a good backup has to say."""
    found = _backup_result(result)
    return [] if found is None else list(found.notes)


def _backup_result(result: object) -> BackupResult | None:
    from ..result import BackupResult
    from ..session import BackupSession

    found = result.result if isinstance(result, BackupSession) else result
    return found if isinstance(found, BackupResult) else None


def tolerated(run: SweepRun) -> bool:
    """Whether a backup may be good in spite of a fault; what :func:`fault_sweep` asks by default.

    It may if it tells of the fault; if what failed was done again; if BackupComplete had ended well before; if it was
    ``IVssAsync::Wait``, since an operation's outcome is its status (semantics 3.5); if it was a writer's Identify, since
    such a writer is not there for this requester (semantics 4.2), or its BackupShutdown, of which nobody hears.

    Args:
        run: the backup with its fault.
    """
    where = run.case.fault.where
    return (
        run.outcome == "noted"
        or run.repeated
        or run.completed
        or where == "IVssAsync::Wait"
        or (run.case.call == 0 and where.endswith(("::Identify", "::BackupShutdown")))
    )


class Threads:
    """The threads of this process at one moment."""

    def __init__(self) -> None:
        self._known = set(threading.enumerate())
        self._native = _native_threads()

    def left(self) -> list[str]:
        """What was started since then and does not end."""
        end = time.monotonic() + _ENDING
        while lines := self._lines():
            if time.monotonic() > end:
                break
            time.sleep(0.002)
        return lines

    def _lines(self) -> list[str]:
        lines = [f"thread left: {thread.name}" for thread in threading.enumerate() if thread not in self._known]
        if not lines and (now := _native_threads()) > self._native:
            lines = [f"{now - self._native} native threads left"]
        return lines


def _native_threads() -> int:
    """How many threads the process has with those that Python does not know; 0 where nobody tells."""
    return len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 0


def alone() -> bool:
    """Whether this is the process's one thread, so that a child after a fork finds no lock taken."""
    end = time.monotonic() + _GONE
    while threading.active_count() == 1:
        if _native_threads() <= 1:
            return True
        if time.monotonic() > end:
            return False
        time.sleep(0.002)  # what was joined may need a moment to be gone
    return False
