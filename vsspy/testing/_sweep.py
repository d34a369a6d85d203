"""The sweep: a backup function against every fault."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from ._case import Running, Subject, first_run
from ._plan import plan, sample
from ._records import SweepCase, SweepFailure, SweepReport, SweepRun
from ._watch import succeeded as _succeeded
from ._watch import tolerated
from ._workers import first_run_in_worker, guarded, run_in_workers, why_not

if TYPE_CHECKING:
    from ._case import Good, Verdict

Progress = Callable[[SweepReport, int], object]


def fault_sweep(
    backup: Callable[[], object],
    running: Running,
    *,
    codes: Literal["documented"] | Sequence[str | int] = "documented",
    writers: bool = True,
    succeeded: Callable[[object], bool] = _succeeded,
    tolerate: Callable[[SweepRun], bool] = tolerated,
    errors: type[BaseException] | tuple[type[BaseException], ...] | None = None,
    persistent: bool = False,
    every: int = 1,
    seed: int = 0,
    processes: int | None = None,
    timeout: float = 120.0,
    on_progress: Progress | None = None,
) -> SweepReport:
    """Run a backup function against each fault in turn, each time on a new simulated machine.

    A first backup without faults finds the calls. Then each call fails with each of its codes before its work, and once
    after it; an operation does so in its result, too; each event of each writer fails with each writer error. Each time:
    the function raises one of *errors* or reports a failure; no COM object, shadow copy or thread is left; each writer that
    was frozen was thawed or aborted; what stopped after PrepareForBackup called AbortBackup; and the next backup, on the same machine, is good at once.

    With more than one process the cases run in children that are forked, so that any function will do. Where that is not
    possible (off Linux, or with other threads in this process) they run here, one after another. The function has to use
    VSS in its own process.

    Args:
        backup: makes one backup on the machine in use (``simulator.current()``). It has to do the same each time.
        running: makes a machine with some faults, as a context manager:
            ``lambda faults: simulator.running(volumes=..., writers=..., faults=faults)``. Writers that keep something for
            themselves have to be new ones each time.
        codes: the codes that each call fails with; ``"documented"``: those that its reference page lists.
        writers: whether writers fail, too.
        succeeded: whether the function's result says that the backup is good. By default anything but False, a
            ``BackupResult`` that is not ``good``, or a session with such a result.
        tolerate: whether a backup may be good in spite of its fault.
        errors: what the function may raise; by default ``VssError``.
        persistent: whether shadow copies that outlive their requester may be left.
        every: run only each so many-th case, for slow machines.
        seed: chooses which of them.
        processes: how many worker processes; None: one for each processor; 0: none.
        timeout: seconds that a case may take, in a worker process.
        on_progress: called with the report so far and the number of cases after each case.

    Returns:
        The report; ``check()`` raises AssertionError where a case ended badly.

    Raises:
        AssertionError: the backup without faults crashed or did not end.
        ValueError: *every* or *processes* has no meaning.
    """
    if every < 1 or seed < 0 or (processes is not None and processes < 0):
        raise ValueError("every counts from 1, seed and processes from 0")
    if errors is None:
        from ..errors import VssError

        errors = VssError
    subject = Subject(
        backup, running, succeeded, tolerate, errors if isinstance(errors, tuple) else (errors,), persistent
    )
    begin = time.monotonic()
    report = SweepReport(every=every, seed=seed)
    if processes != 0 and (reason := why_not()) is not None:
        report.remark, processes = reason, 0
    report.processes = (os.cpu_count() or 1) if processes is None else processes
    trace, good, problems = first_run_in_worker(subject, timeout) if report.processes else first_run(subject)
    cases = plan(trace, codes, writers)
    report.total = len(cases)
    if problems:
        report.failures.append(SweepFailure(None, tuple(problems)))
    else:
        _run(subject, sample(cases, every, seed), good, report, timeout, on_progress, begin)
    report.seconds = time.monotonic() - begin
    return report


def _run(
    subject: Subject,
    cases: Sequence[SweepCase],
    good: Good,
    report: SweepReport,
    timeout: float,
    on_progress: Progress | None,
    begin: float,
) -> None:
    verdicts: Iterator[tuple[SweepCase, Verdict]]
    if report.processes:
        verdicts = run_in_workers(subject, cases, good, report.processes, timeout)
    else:
        verdicts = ((case, guarded(subject, case, good)) for case in cases)
    for case, verdict in verdicts:
        report.cases.append(case)
        if verdict.problems:
            report.failures.append(SweepFailure(case, verdict.problems))
        if verdict.run is not None:
            report.runs.append(verdict.run)
        elif not verdict.problems:
            report.unmet.append(case)
        report.seconds = time.monotonic() - begin
        if on_progress is not None:
            on_progress(report, len(cases))
