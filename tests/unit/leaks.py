"""What the leak tests measure, and what they demand: which members reach COM, and what runs each of them.

The scenarios are the exercises of the conformance tests, which say how vsspy calls each method in a good state, and a few
for what has no C++ method of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import enum
import functools
import gc
import inspect
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pairs  # noqa: F401  (fills the table of exercises)
from pairs.model import EXERCISES
from pairs.scenes import Scene, World
from pairs.server import GATE

import vsspy

PROTOCOL = ("__iter__", "__next__", "__await__")
NOT_COM = {  # public classes that are no values, and never reach COM
    "BackupFolder": "reads files",
    "RestoredComponent": "what a session tells of a component",
    "Retry": "waits, and calls nothing",
    "LiveVolume": "a path",
    "ShadowCopy": "a path",
    "ShadowCopySet": "paths by volume",
}


class Call(NamedTuple):
    """One use of the API: on which scene, and what is called there."""

    name: str
    stage: str
    machine: str
    run: Callable[[Scene], Any]
    may_fail: bool = True  # that VSS refuses it, or refuses it the second time, is an answer, too
    repeat: int = 50  # calls on a scene after the first one


def is_value(cls: type) -> bool:
    """Whether objects of a public class are data only."""
    return (
        dataclasses.is_dataclass(cls)
        or issubclass(cls, (enum.Enum, BaseException, tuple, int))
        or hasattr(cls, "__total__")  # a TypedDict
    )


def members_of(cls: type) -> list[str]:
    """The public methods and properties of a class, and the protocols that it has."""
    names = [name for name in dir(cls) if not name.startswith("_") and not hasattr(object, name)]
    return [*names, *(name for name in PROTOCOL if hasattr(cls, name))]


def demanded(package: Any = vsspy) -> set[str]:
    """Every public member that reaches COM, as ``BackupComponents.query``; functions by their names."""
    found = set()
    for name in package.__all__:
        thing = getattr(package, name)
        if isinstance(thing, type) and not is_value(thing) and name not in NOT_COM:
            found |= {f"{name}.{member}" for member in members_of(thing)}
        elif inspect.isfunction(thing) and name not in vsspy.errors.__all__:
            found.add(name)
    return found


@contextlib.contextmanager
def recording(into: set[str], package: Any = vsspy) -> Iterator[None]:
    """Note which demanded members are used meanwhile."""
    with contextlib.ExitStack() as undo:
        for name in demanded(package):
            owner_name, _, member = name.rpartition(".")
            owner = getattr(package, owner_name) if owner_name else package
            own = vars(owner).get(member)
            original = inspect.getattr_static(owner, member)
            setattr(owner, member, _noting(original, functools.partial(into.add, name)))
            if own is None:
                undo.callback(delattr, owner, member)
            else:
                undo.callback(setattr, owner, member, own)
        yield


def _noting(original: Any, note: Callable[[], None]) -> Any:
    if isinstance(original, property):
        get = original.fget
        assert get is not None

        def read(self: Any) -> Any:
            note()
            return get(self)

        return property(read)
    kind = type(original) if isinstance(original, (classmethod, staticmethod)) else None
    function = original.__func__ if kind else original

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        note()
        return function(*arguments, **named)

    return kind(call) if kind else call


def exercises() -> list[Call]:
    """The conformance tests' calls; those through raw slots and of other machines than the first say nothing more."""
    found = []
    for method, each in EXERCISES.items():
        first = next((exercise for exercise in each if not exercise.raw), None)
        if first is not None:
            found.append(Call(method, first.stage, first.machine, first.call))
    return found


def once(scene: Scene, call: Call) -> None:
    """Make the call."""
    try:
        call.run(scene)
    except vsspy.VssError:
        if not call.may_fail:
            raise


class Usage(NamedTuple):
    """Memory in use after everything that can be freed was freed; 0 for what cannot be told here."""

    resident: int  # bytes
    native: int  # bytes that malloc has given out
    blocks: int  # Python's own

    @classmethod
    def now(cls) -> Usage:
        """At this moment."""
        gc.collect()
        if sys.platform != "linux":
            return cls(0, 0, sys.getallocatedblocks())
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return cls(resident, _malloced(), sys.getallocatedblocks())


class _Mallinfo(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in [
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        ]
    )


def _malloced() -> int:
    try:
        mallinfo = ctypes.CDLL(None).mallinfo2  # glibc 2.33 and later
    except AttributeError:
        return 0
    mallinfo.restype = _Mallinfo
    found = mallinfo()
    return int(found.uordblks) + int(found.hblkhd)


def growth(batch: Callable[[], None], batches: int = 3) -> Usage:
    """What every batch adds: the least of several, since a leak is in each, and an allocator's whims are not."""
    batch()  # makes what is made once
    batch()
    seen = [Usage.now()]
    for _ in range(batches):
        batch()
        seen.append(Usage.now())
    return Usage(*(min(after[i] - before[i] for before, after in itertools.pairwise(seen)) for i in range(3)))


def use(world: World, call: Call) -> None:
    """Make the call on a scene of its own, then again and again, whatever comes of it; nothing of it may be left."""
    with world.scene(call.stage, call.machine) as scene:
        for _ in range(1 + call.repeat):
            once(scene, call)
        GATE.set()  # the end of the scene waits for an operation that it holds up
