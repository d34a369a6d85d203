"""Which faults a backup can meet, by the trace of one that met none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Literal

from .._codes import CODES
from ._failures import FAILURES
from ._records import SweepCase
from ._watch import FAILURE

if TYPE_CHECKING:
    from ..simulator import Fault, TraceEntry

_WRITER_ERRORS = tuple(name for name in CODES if name.startswith("VSS_E_WRITERERROR_"))
_STATUS_ERRORS = ("VSS_E_WRITER_STATUS_NOT_AVAILABLE", "VSS_E_WRITER_NOT_RESPONDING")  # semantics 4.5


def plan(
    trace: Sequence[TraceEntry], codes: Literal["documented"] | Sequence[str | int], writers: bool
) -> list[SweepCase]:
    """The cases of a sweep, in the order of the calls.

    Each call fails with each code before its work, and once after it; an operation does so in its result, too. Of a poll
    each call has one code, in turn. Each event of a writer fails with each writer error, and each time that it is asked for its
    status it does not answer.

    Args:
        trace: what a backup without faults did.
        codes: for each call; ``documented``: those that its page lists.
        writers: whether writers fail, too.
    """
    from .._methods import METHODS
    from ..simulator import Fault

    cases: list[SweepCase] = []
    counts: Counter[str] = Counter()
    names: dict[str, None] = {}
    number = 0
    for entry in trace:
        name = entry.name
        if entry.kind == "result":
            continue
        counts[name] += 1
        if entry.kind == "call":
            number += 1
            chosen = FAILURES.get(name, ()) if codes == "documented" else tuple(codes)
            if chosen and name.startswith("IVssAsync::"):
                cases.append(SweepCase(Fault(name, chosen[counts[name] % len(chosen)], nth=counts[name]), number))
            elif chosen:
                faults = _call(name, counts[name], chosen, METHODS.get(name, False))
                cases += [SweepCase(fault, number) for fault in faults]
        elif writers:
            names[entry.writer or name.rpartition("::")[0]] = None
            cases += [SweepCase(Fault(name, code, nth=counts[name]), 0) for code in _WRITER_ERRORS]
    asked = sum(is_gathering(entry) for entry in trace)
    for name, nth in product(names, range(1, asked + 1)):
        cases += [SweepCase(Fault(f"{name}::Status", code, nth=nth), 0) for code in _STATUS_ERRORS]
    return cases


def _call(name: str, nth: int, codes: Sequence[str | int], asynchronous: bool) -> Iterator[Fault]:
    from .._methods import RESULT_ONLY
    from ..simulator import Fault

    only = RESULT_ONLY.get(name, ())
    for code in codes:
        if code not in only:
            yield Fault(name, code, nth=nth, at="call")
    if codes[0] not in only:
        yield Fault(name, codes[0], nth=nth, at="call", effect="after")
    if asynchronous:
        for code in codes:
            yield Fault(name, code, nth=nth, at="result")
            yield Fault(name, code, nth=nth, at="result", effect="after")


def is_gathering(entry: TraceEntry) -> bool:
    """Whether this is where all writers are asked for their status."""
    well = entry.hresult is not None and entry.hresult < FAILURE
    return entry.name == "IVssBackupComponents::GatherWriterStatus" and entry.kind == "result" and well


def sample(cases: Sequence[SweepCase], every: int, seed: int) -> tuple[SweepCase, ...]:
    """Each *every*-th case, from one on that the seed chooses."""
    return tuple(cases[seed % every :: every])
