"""How each pair is proven, and the proof itself."""

from __future__ import annotations

import contextlib
from typing import Any, Literal

import vsspy
from vsspy import simulator

from .model import EXERCISES, PAIRS, SCENARIOS, VALUES_OF_FAULTS, Exercise, Pair, code
from .scenes import World

__all__ = ["EXERCISES", "PAIRS", "Way", "prove", "prove_reserved", "way_of"]

Way = Literal["state", "argument", "machine", "fault", "left out"]

#: The machine that reports E_UNEXPECTED, for each one that reports VSS_E_UNEXPECTED (semantics 1.5).
OLDER = {
    "plain": "vista",
    "hardware": "vista hardware",
    "restoring": "vista restoring",
    "gate": "vista gate",
    "reverting": "vista reverting",
    "management": "vista management",
    "vista": "vista",
    "xp": "xp",
}
OLD = ("vista", "xp")


def way_of(pair: Pair) -> Way:
    """What brings a pair about."""
    if pair in SCENARIOS:
        return SCENARIOS[pair].kind
    if pair.code == "S_OK":
        return "state" if _good(pair.method) else "left out"
    by_fault = pair in VALUES_OF_FAULTS or not pair.succeeds
    return "fault" if by_fault and _for_fault(pair) else "left out"


def _good(method: str) -> Exercise | None:
    return next((each for each in EXERCISES.get(method, ()) if not each.refused), None)


def _for_fault(pair: Pair) -> tuple[Exercise, str] | None:
    """The exercise to put a fault into, and its machine."""
    for each in EXERCISES.get(pair.method, ()):
        if pair.code == "E_UNEXPECTED":
            return each, OLDER[each.machine]
        if pair.code != "VSS_E_UNEXPECTED" or each.machine not in OLD:
            return each, each.machine
    return None


def prove(world: World, pair: Pair) -> None:
    """Bring a pair about, and look at what comes out."""
    if pair in SCENARIOS:
        given_way = SCENARIOS[pair]
        _prove(pair, lambda: given_way.run(world), raw=not given_way.in_python)
        assert world.watched is not None
        assert_traced(*world.watched, pair)
    elif pair.code == "S_OK":
        given = _good(pair.method)
        assert given is not None
        with world.scene(given.stage, given.machine) as scene:
            before = len(scene.machine.trace)
            found = given.call(scene)
            if given.check is not None:
                given.check(found)
            assert not given.raw or found == 0, f"0x{found:08X}"
            assert_traced(scene.machine, before, pair)
    else:
        _prove_by_fault(world, pair)


def _prove_by_fault(world: World, pair: Pair) -> None:
    found = _for_fault(pair)
    assert found is not None
    given, machine_name = found
    name = "VSS_E_UNEXPECTED" if pair.code == "E_UNEXPECTED" else pair.code
    fault = simulator.Fault(pair.method, name, nth=1)
    # A call that fails at its beginning leaves everything as it was, so that the next pair can have the same scene.
    with contextlib.ExitStack() as stack:
        if fault.place == "result" or pair.method.startswith("IVssAsync"):
            scene = stack.enter_context(world.scene(given.stage, machine_name))
        else:
            scene = world.shared(given.stage, machine_name)
        scene.machine.add_fault(fault)
        if pair in VALUES_OF_FAULTS:
            before = len(scene.machine.trace)
            assert given.call(scene) == VALUES_OF_FAULTS[pair]
            assert_traced(scene.machine, before, pair)
        else:
            _prove(pair, lambda: given.call(scene), raw=given.raw)


def _prove(pair: Pair, call: Any, *, raw: bool) -> None:
    """The call fails with the code as the class that stands for it, or it succeeds."""
    if raw:
        assert call() == code(pair.code)
        error: vsspy.VssError = vsspy.errors.from_hresult(code(pair.code), pair.method)
    elif pair.succeeds:
        call()
        return
    else:
        try:
            call()
        except vsspy.VssError as raised:
            error = raised
        else:
            raise AssertionError(f"{pair.method} did not fail")
    assert type(error) is vsspy.errors.lookup(pair.code), error
    assert error.hresult == code(pair.code), error
    assert error.operation == pair.method, error


def assert_traced(machine: simulator.Machine, before: int, pair: Pair) -> None:
    """The machine saw the method give the code."""
    expected = code(pair.code)
    entries = machine.trace[before:]
    assert any(entry.name == pair.method and entry.hresult == expected for entry in entries), [
        (entry.name, entry.code) for entry in entries
    ]


#: Has no result that a trace could keep: that no string is left is what shows that it was called.
NOT_TRACED = ("VssFreeSnapshotProperties",)

#: What the simulator answers to what is reserved: not implemented, and a list without elements.
NOT_THERE = (code("E_NOTIMPL"), code("VSS_E_OBJECT_NOT_FOUND"))


def prove_reserved(world: World, method: str) -> None:
    """A method of which no code is documented is called; it does its work, or says that it is not there."""
    seen = False
    for given in EXERCISES[method]:
        with world.scene(given.stage, given.machine) as scene:
            before = len(scene.machine.trace)
            try:
                found = given.call(scene)
            except vsspy.NotSupportedError as error:
                assert error.operation == method
            else:
                if given.check is not None:
                    given.check(found)
                assert not given.raw or found == 0 or found in NOT_THERE, f"0x{found:08X}"
            seen = seen or any(entry.name == method for entry in scene.machine.trace[before:])
    assert seen or method in NOT_TRACED, "no call reached the machine"
