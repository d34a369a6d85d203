"""Scenes: what a pair's call is made on. Each is a state that a requester can get into, by name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from support import ONE_INSTANCE, Backup

import vsspy
from vsspy import simulator

from .server import KEY, MACHINES, THROWN_AWAY

UNKNOWN = UUID("0badc0de-0000-0000-0000-000000000000")


class KeyBackup(Backup):
    """A backup of the component that KEY names."""

    def add(self, component: str = "data") -> None:
        self.components.add_component(ONE_INSTANCE, *KEY[:3], component)


class Scene:
    """A machine, a requester on it, and whatever else the stage has: its attributes are the stage's own."""

    def __init__(self, world: World, machine: simulator.Machine) -> None:
        self.world = world
        self.machine = machine
        self.stack = contextlib.ExitStack()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"this stage has no {name}")

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def requester(self) -> vsspy.BackupComponents:
        """Another requester on the machine, as long as the scene."""
        return self.stack.enter_context(vsspy.BackupComponents(self.machine))

    def backup(self) -> None:
        """Make the scene's requester: ``bc``, and ``order``, which knows the way to each state of a backup."""
        self.bc: Any = self.requester()
        self.order: Any = KeyBackup(self.bc)


STAGES: dict[str, Callable[[Scene], None]] = {}
"""What builds each stage; it leaves what has to be undone on the scene's stack."""


def stage(name: str) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    """Register a builder."""

    def register(build: Callable[[Scene], None]) -> Callable[[Scene], None]:
        assert name not in STAGES, name
        STAGES[name] = build
        return build

    return register


class World:
    """The machines, each made when first asked for and kept, and the scene that several cases share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0
        self._machines: dict[str, tuple[contextlib.ExitStack, simulator.Machine]] = {}
        self._kept: tuple[tuple[str, str], Scene] | None = None
        self.watched: tuple[simulator.Machine, int] | None = None  # the last scene's, and where its trace began

    def machine(self, name: str = "plain") -> simulator.Machine:
        """The machine of that name."""
        if name not in self._machines:
            self._made += 1
            stack = contextlib.ExitStack()
            options = MACHINES[name](self._folder / f"{self._made} {name}")
            self._machines[name] = stack, stack.enter_context(simulator.running(**options))
        return self._machines[name][1]

    @contextlib.contextmanager
    def scene(self, stage_name: str, machine: str = "plain") -> Iterator[Scene]:
        """A scene of one's own; afterwards nothing of it may be left on the machine."""
        self.settle()
        self.watched = self.machine(machine), len(self.machine(machine).trace)
        try:
            scene = self._build(stage_name, machine)
            with scene.stack:
                yield scene
        finally:
            self._throw_away(machine)
        check_clean(scene.machine)

    def watch(self, machine: str) -> None:
        """Look for the last call on another machine than the scene's."""
        self.watched = self.machine(machine), len(self.machine(machine).trace)

    def shared(self, stage_name: str, machine: str = "plain") -> Scene:
        """A scene that the next case may get, too: for calls that do not change it."""
        key = stage_name, machine
        if self._kept is None or self._kept[0] != key:
            self.settle()
            self._kept = key, self._build(stage_name, machine)
        return self._kept[1]

    def settle(self) -> None:
        """End the shared scene."""
        if self._kept is not None:
            (_, machine), scene = self._kept
            self._kept = None
            try:
                scene.stack.close()
            finally:
                self._throw_away(machine)
            check_clean(scene.machine)

    def discard(self) -> None:
        """Give everything up: a case failed, and the next ones are not to suffer from what it left."""
        kept, self._kept = self._kept, None
        with contextlib.ExitStack() as stack:
            for machine, _ in self._machines.values():
                stack.push(machine)
            if kept is not None:
                stack.push(kept[1].stack)
            self._machines.clear()

    def close(self) -> None:
        """End everything."""
        try:
            self.settle()
        finally:
            self.discard()

    def _throw_away(self, machine: str) -> None:
        if machine in THROWN_AWAY and machine in self._machines:
            self._machines.pop(machine)[0].close()

    def _build(self, stage_name: str, machine: str) -> Scene:
        scene = Scene(self, self.machine(machine))
        try:
            STAGES[stage_name](scene)
        except BaseException:
            scene.stack.close()
            raise
        return scene


def check_clean(machine: simulator.Machine) -> None:
    """Nobody holds an object or a string, and no shadow copy is left."""
    assert machine.live_objects == 0, machine.live()
    assert machine.live() == []
    assert machine.shadow_copies == []


def _states() -> None:
    """The states of a backup (semantics 2.1), by the names of support.STATES; those of an operation that lasts need a
    fault, and are no good states."""
    for name in ("new", "init", "state", "gathered", "freed", "set", "prepared", "snapped", "done", "aborted"):

        def build(scene: Scene, name: str = name) -> None:
            scene.backup()
            getattr(scene.order, f"to_{name}")()

        stage(name)(build)


_states()


@stage("nothing")
def _nothing(scene: Scene) -> None:
    """A machine that nobody uses."""
