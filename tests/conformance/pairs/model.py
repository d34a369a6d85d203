"""The pairs of the specification, and the tables that say how each of them is brought about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from support import API, code

from .scenes import Scene, World

__all__ = [
    "CODES_OF",
    "EXERCISES",
    "METHODS",
    "PAIRS",
    "RESERVED",
    "SCENARIOS",
    "VALUES_OF_FAULTS",
    "Exercise",
    "Kind",
    "Pair",
    "Scenario",
    "code",
    "exercise",
    "raw_exercise",
    "scenario",
    "scenario_for",
    "value_of_fault",
]

Kind = Literal["state", "argument", "machine"]
"""What brings a pair about: the calls before, the arguments, or the kind of machine; never a fault."""


class Pair(NamedTuple):
    """A method and one of the codes that its page lists."""

    method: str  # "IVssBackupComponents::AddComponent", or an entry point
    code: str

    @property
    def id(self) -> str:
        """A name for the test."""
        return f"{self.method}-{self.code}"

    @property
    def succeeds(self) -> bool:
        """Whether the code is one of success."""
        return code(self.code) & 0x80000000 == 0


METHODS: dict[str, dict[str, Any]] = {
    f"{interface['name']}::{method['name']}": method
    for interface in API["interfaces"]
    for method in interface["methods"]
} | {function["name"]: function for function in API["functions"]}
CODES_OF: dict[str, list[str]] = {
    name: [each["code"] for each in method["returns"]] for name, method in METHODS.items()
}
PAIRS: list[Pair] = [Pair(name, each) for name, codes in CODES_OF.items() for each in codes]
RESERVED: list[str] = [name for name, codes in CODES_OF.items() if not codes]
"""Methods whose pages list no code at all."""


@dataclass(frozen=True, slots=True)
class Exercise:
    """One call of a method in a good state, through vsspy.

    Attributes:
        stage: the name of the scene that it needs (scenes.py).
        call: makes the call, and gives what it gave.
        check: judges that; a call that has nothing to give is judged by the trace alone.
        machine: which machine (scenes.py); the method has to be one that vsspy calls there.
        raw: the call goes through the vtable, since vsspy has no need of the method there; it gives the HRESULT.
        refused: the call is a writer's, and VSS refuses it to every requester: good for faults only.
    """

    stage: str
    call: Callable[[Scene], Any]
    check: Callable[[Any], object] | None = None
    machine: str = "plain"
    raw: bool = False
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """Brings one pair about without a fault.

    Attributes:
        kind: by what.
        run: makes the calls; the last one fails with the code, or succeeds with it. A raw one gives the HRESULT.
        in_python: False where only a vtable call can do it (a NULL pointer).
    """

    kind: Kind
    run: Callable[[World], Any]
    in_python: bool = True


VALUES_OF_FAULTS: dict[Pair, object] = {}
"""Codes that a fault brings and vsspy takes for a value, with the value."""

EXERCISES: dict[str, list[Exercise]] = {}
"""By method; the first one that a fault can be put into is taken."""

SCENARIOS: dict[Pair, Scenario] = {}


def exercise(
    method: str,
    stage: str,
    call: Callable[[Scene], Any],
    check: Callable[[Any], object] | None = None,
    *,
    machine: str = "plain",
    refused: bool = False,
) -> None:
    """Register how vsspy calls a method in a good state."""
    EXERCISES.setdefault(_known(method), []).append(Exercise(stage, call, check, machine, refused=refused))


def raw_exercise(method: str, stage: str, call: Callable[[Scene], int], *, machine: str = "plain") -> None:
    """Register a call through the vtable, for machines on which vsspy takes another method."""
    EXERCISES.setdefault(_known(method), []).append(Exercise(stage, call, None, machine, raw=True))


def scenario_for(
    method: str,
    code_name: str,
    kind: Kind,
    run: Callable[[World], Any],
    *,
    writer: bool = False,
    in_python: bool = True,
) -> None:
    """Register what brings a pair about."""
    pair = Pair(_known(method), code_name)
    assert pair in _ALL, f"{pair} is not in the specification"
    assert pair not in SCENARIOS, f"{pair} has two scenarios"
    SCENARIOS[pair] = Scenario(kind, run, in_python)


def scenario(method: str, code_name: str, kind: Kind) -> Callable[[Callable[[World], Any]], Callable[[World], Any]]:
    """The same as a decorator."""

    def register(run: Callable[[World], Any]) -> Callable[[World], Any]:
        scenario_for(method, code_name, kind, run)
        return run

    return register


_ALL = frozenset(PAIRS)


def _known(method: str) -> str:
    assert method in METHODS, f"{method} is not in the specification"
    return method


def value_of_fault(method: str, code_name: str, value: object) -> None:
    """Register what an exercise gives when a fault makes the method give a code that is no error to vsspy."""
    pair = Pair(_known(method), code_name)
    assert pair in _ALL, f"{pair} is not in the specification"
    VALUES_OF_FAULTS[pair] = value
