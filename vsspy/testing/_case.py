"""One backup with a fault, and the one after it."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ._plan import is_gathering
from ._records import SweepCase, SweepRun
from ._watch import FAILURE, Threads, leftovers, notes_of, unfinished

if TYPE_CHECKING:
    from ..simulator import Fault, Machine, TraceEntry

Running = Callable[[Sequence["Fault"]], AbstractContextManager["Machine"]]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tested, and how."""

    backup: Callable[[], object]
    running: Running
    succeeded: Callable[[object], bool]
    tolerate: Callable[[SweepRun], bool]
    errors: tuple[type[BaseException], ...]
    persistent: bool


@dataclass(slots=True)
class Ending:
    """How one backup ended."""

    outcome: Literal["raised", "reported", "noted", "succeeded"]
    text: str = ""
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Good:
    """What a backup without faults does: how often each thing goes well, and what fails all the same."""

    well: Mapping[tuple[str, str], int]
    failing: frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a case ended; without a run its fault never came, or nobody knows."""

    run: SweepRun | None
    problems: tuple[str, ...] = ()


def back_up(subject: Subject) -> Ending:
    """Runs the backup function once; nothing of an error is kept but its text, since tracebacks hold objects."""
    ending = Ending("succeeded")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = subject.backup()
            notes = notes_of(result)
            if not subject.succeeded(result):
                ending = Ending("reported", f"{result!r}")
            elif notes:
                ending = Ending("noted", "; ".join(notes))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 (whatever the function raises, pytest's own outcomes too)
            ending = Ending("raised", f"{type(error).__name__}: {error}")
            if not isinstance(error, subject.errors):
                ending.problems.append(f"raised {ending.text}, which is none of the errors that it may raise")
    for warning in caught:
        if issubclass(warning.category, ResourceWarning):
            ending.problems.append(f"ResourceWarning: {warning.message}")
        elif ending.outcome == "succeeded" and warning.category.__module__.partition(".")[0] == "vsspy":
            ending = Ending("noted", str(warning.message), ending.problems)
    return ending


def first_run(subject: Subject) -> tuple[list[TraceEntry], Good, list[str]]:
    """Two backups without faults on two machines, since the first one of a process may start what stays.

    Returns:
        The trace, what it says, and what is wrong.
    """
    problems: list[str] = []
    for _ in range(2):
        threads = Threads()
        with subject.running(()) as machine:
            ending = back_up(subject)
            if ending.outcome in ("raised", "reported"):
                problems.append(f"the backup is not good: {ending.text}")
            problems += ending.problems
            problems += leftovers(machine, persistent=subject.persistent)
            trace = machine.trace
            problems += unfinished(trace)
        if problems:
            break
    else:
        problems += threads.left()
    well: Counter[tuple[str, str]] = Counter((entry.name, entry.kind) for entry in trace if _is_good(entry))
    failing = frozenset((entry.name, entry.hresult or 0) for entry in trace if not _is_good(entry))
    return trace, Good(well, failing), list(dict.fromkeys(problems))


def try_case(subject: Subject, case: SweepCase, good: Good) -> Verdict:
    """A backup with the fault on a machine of its own, the next one there without, and what they leave."""
    threads = Threads()
    run: SweepRun | None = None
    with subject.running((case.fault,)) as machine:
        ending = back_up(subject)
        trace = machine.trace
        place = _place(trace, case.fault)
        problems = ending.problems + leftovers(machine, persistent=subject.persistent) + unfinished(trace)
        if place is not None:
            run = SweepRun(
                case, ending.outcome, ending.text, _is_completed(trace[:place]), _is_repeated(trace, case, good)
            )
            if ending.outcome in ("succeeded", "noted") and not subject.tolerate(run):
                problems.append("nobody was told: the backup counts as good")
            if not problems:
                problems += _next_backup(subject, machine, good)
        elif ending.outcome in ("raised", "reported"):
            problems.append(f"the fault never came, and yet: {ending.text}")
    problems += threads.left()
    return Verdict(run, tuple(dict.fromkeys(problems)))


def _next_backup(subject: Subject, machine: Machine, good: Good) -> list[str]:
    before = len(machine.trace)
    ending = back_up(subject)
    problems = [f"in the next backup: {text}" for text in ending.problems]
    if ending.outcome in ("raised", "reported"):
        problems.append(f"the next backup is not good: {ending.text}")
    problems += [
        f"{entry.name} fails with {entry.code} in the next backup"
        for entry in machine.trace[before:]
        if not _is_good(entry) and (entry.name, entry.hresult or 0) not in good.failing
    ]
    left = leftovers(machine, persistent=subject.persistent) + unfinished(machine.trace)
    return problems + [f"after the next backup, {text}" for text in left]


def _is_good(entry: TraceEntry) -> bool:
    return entry.hresult is not None and entry.hresult < FAILURE


def _place(trace: Sequence[TraceEntry], fault: Fault) -> int | None:
    """Where in the trace a fault came, None where it did not."""
    event = not fault.where.startswith("IVss") and "::" in fault.where
    kind = "event" if event else fault.place
    of_status = event and fault.where.endswith("::Status")
    seen = 0
    for index, entry in enumerate(trace):
        if is_gathering(entry) if of_status else entry.name == fault.where and entry.kind == kind:
            seen += 1
            if seen == fault.nth:
                return index if of_status or entry.hresult == fault.hresult else None
    return None


def _is_completed(trace: Sequence[TraceEntry]) -> bool:
    return any(
        entry.name == "IVssBackupComponents::BackupComplete" and entry.kind == "result" and _is_good(entry)
        for entry in trace
    )


def _is_repeated(trace: Sequence[TraceEntry], case: SweepCase, good: Good) -> bool:
    if case.polled:
        return False
    key = (case.fault.where, "event" if case.call == 0 else case.fault.place)
    usual = good.well.get(key, 0)
    return usual > 0 and sum((entry.name, entry.kind) == key and _is_good(entry) for entry in trace) >= usual
