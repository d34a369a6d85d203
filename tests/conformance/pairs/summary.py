"""What the pairs amount to, in numbers that are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from .left_out import BY_FAULT_ONLY, LEFT_OUT
from .model import METHODS, PAIRS, RESERVED, SCENARIOS, Pair
from .ways import way_of

REQUIRED = ("VSS_E_BAD_STATE", "E_INVALIDARG", "VSS_E_OBJECT_NOT_FOUND", "VSS_E_OBJECT_ALREADY_EXISTS")
"""The codes that have to come from state, argument or machine."""


def lines(passed: Collection[Pair] | None = None) -> Iterator[str]:
    """The report.

    Args:
        passed: the pairs whose tests passed; None: nothing ran, and what is registered counts.
    """
    covered = [pair for pair in PAIRS if way_of(pair) != "left out" and (passed is None or pair in passed)]
    ways = Counter(way_of(pair) for pair in covered)
    alone = sum(ways[way] for way in ("state", "argument", "machine"))
    raw = sum(pair in SCENARIOS and not SCENARIOS[pair].in_python for pair in covered)
    functions = sum("::" not in name for name in METHODS)
    yield (
        f"{len(PAIRS)} pairs of {len(METHODS) - functions} methods and {functions} entry points, "
        f"of which {len(RESERVED)} document no code"
    )
    yield (
        f"by state, argument or machine: {alone}/{len(PAIRS)} ({ways['state']} state, {ways['argument']} argument, "
        f"{ways['machine']} machine; {raw} through the vtable, which Python cannot do)"
    )
    rest = sum(way_of(pair) in ("fault", "left out") for pair in PAIRS)
    yield f"by a fault, which proves the error table only: {ways['fault']}/{rest} of the others"
    for name in REQUIRED:
        of_code = [pair for pair in PAIRS if pair.code == name]
        found = sum(pair in covered and way_of(pair) != "fault" for pair in of_code)
        yield f"{name} without a fault: {found}/{len(of_code)}"
    for title, table in (("by a fault only", BY_FAULT_ONLY), ("left out", LEFT_OUT)):
        yield f"{title}: {len(table)}"
        for pair, reason in table.items():
            yield f"  {pair.method} {pair.code}: {reason}"
