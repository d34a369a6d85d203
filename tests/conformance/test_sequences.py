"""Requesters that call anything at any time: typed errors come out, nothing crashes, and nothing is left in the end.

``VSSPY_FUZZ_EXAMPLES`` sets how many programs are tried, ``VSSPY_FUZZ_STEPS`` how long they are; without either the
programs are few, and the same each time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import pytest
from calls import (
    BACKUP,
    ENUMERATION,
    MANAGEMENT,
    OPERATION,
    RESTORE,
    SESSION,
    VIEW_READS,
    Manager,
    Requester,
    typed_errors,
)
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from pairs.exercises_snapshots import delete_all
from pairs.server import plain

from vsspy import simulator

T = TypeVar("T")
EXAMPLES = int(os.environ.get("VSSPY_FUZZ_EXAMPLES", "0"))
STEPS = int(os.environ.get("VSSPY_FUZZ_STEPS", "30"))


def chosen(examples: int) -> settings:
    """Few and always the same programs, or as many as the environment says."""
    if EXAMPLES:
        return settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None)
    return settings(max_examples=examples, stateful_step_count=STEPS, deadline=None, derandomize=True, database=None)


class Picker:
    """Takes one number after the other, so that what is drawn never depends on how far another thread has come."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = list(numbers)

    def __call__(self, pool: Sequence[T], /) -> T:
        """The next number's element; the first one when the numbers are used up."""
        return pool[self._numbers.pop() % len(pool)] if self._numbers else pool[0]


NUMBERS = st.lists(st.just(0) | st.integers(0, 1000), max_size=8)
INDEX = st.integers(0, 1000)
Calls = list[tuple[str, list[int]]]


def several(methods: Mapping[str, object]) -> st.SearchStrategy[Calls]:
    """Some calls at once, since there are many methods and few steps."""
    return st.lists(st.tuples(st.sampled_from(sorted(methods)), NUMBERS), min_size=1, max_size=8)


machines: list[simulator.Machine] = []


def enumerate_on(enumerations: list[Any], index: int, name: str, count: int) -> None:
    """One call on one of the enumerations; a clone is one more."""
    if enumerations:
        with typed_errors():
            found = ENUMERATION[name](enumerations[index % len(enumerations)], count)
            if isinstance(found, type(enumerations[0])):
                enumerations.append(found)


class Sessions(RuleBasedStateMachine):
    """Two requesters on one machine."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = machines[-1]
        self.requesters = [Requester(self.machine), Requester(self.machine)]
        self.orders: list[Sequence[str]] = [BACKUP, BACKUP]

    @rule(which=INDEX, calls=several(SESSION))
    def call(self, which: int, calls: Calls) -> None:
        for name, numbers in calls:
            with typed_errors():
                SESSION[name](self.requesters[which % 2], Picker(numbers))

    @initialize(first=st.booleans(), second=st.booleans(), ahead=st.integers(0, 16))
    def begin(self, first: bool, second: bool, ahead: int) -> None:
        """Backups or restores, the first one well under way."""
        self.orders = [RESTORE if first else BACKUP, RESTORE if second else BACKUP]
        self.go_on(0, ahead)

    @rule(which=INDEX, steps=st.integers(1, 6))
    def go_on(self, which: int, steps: int) -> None:
        """Some more calls in the right order."""
        requester, order = self.requesters[which % 2], self.orders[which % 2]
        for name in order[requester.steps : requester.steps + steps]:
            with typed_errors():
                SESSION[name](requester, Picker([]))
            for operation in requester.operations[-1:]:
                with typed_errors():
                    operation.wait(timeout=60)
        requester.steps += steps

    @rule(which=INDEX, index=INDEX, name=st.sampled_from(sorted(OPERATION)))
    def operation(self, which: int, index: int, name: str) -> None:
        operations = self.requesters[which % 2].operations
        if operations:
            with typed_errors():
                OPERATION[name](operations[index % len(operations)])

    @rule(which=INDEX, index=INDEX, name=st.sampled_from(VIEW_READS or ["components"]))
    def view(self, which: int, index: int, name: str) -> None:
        views = [each for each in self.requesters[which % 2].views if hasattr(type(each), name)]
        if views:
            with typed_errors():
                getattr(views[index % len(views)], name)

    @rule(which=INDEX, index=INDEX, name=st.sampled_from(sorted(ENUMERATION)), count=st.integers(0, 5))
    def enumeration(self, which: int, index: int, name: str, count: int) -> None:
        enumerate_on(self.requesters[which % 2].enumerations, index, name, count)

    @rule(which=INDEX)
    def close(self, which: int) -> None:
        """What it handed out is used after that, too."""
        self.requesters[which % 2].bc.close()

    @rule(which=INDEX, restore=st.booleans(), ahead=st.integers(0, 16))
    def begin_again(self, which: int, restore: bool, ahead: int) -> None:
        self.requesters[which % 2].close()
        self.requesters[which % 2] = Requester(self.machine)
        self.orders[which % 2] = RESTORE if restore else BACKUP
        self.go_on(which, ahead)

    def teardown(self) -> None:
        for requester in self.requesters:
            requester.close()
        lasting = [copy for copy in self.machine.shadow_copies if copy.context & 0x8]  # NO_AUTO_RELEASE
        assert self.machine.shadow_copies == lasting
        delete_all(self.machine)
        assert self.machine.live_objects == 0, self.machine.live()
        assert self.machine.shadow_copies == []


class Management(RuleBasedStateMachine):
    """Storage areas, their enumerations, and documents."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = machines[-1]
        self.manager = Manager(self.machine)

    @rule(calls=several(MANAGEMENT))
    def call(self, calls: Calls) -> None:
        for name, numbers in calls:
            with typed_errors():
                MANAGEMENT[name](self.manager, Picker(numbers))

    @rule(index=INDEX, name=st.sampled_from(sorted(ENUMERATION)), count=st.integers(0, 5))
    def enumeration(self, index: int, name: str, count: int) -> None:
        enumerate_on(self.manager.enumerations, index, name, count)

    @rule()
    def close(self) -> None:
        """The interface for storage areas outlives the object that it came from."""
        self.manager.management.close()

    @rule()
    def close_areas(self) -> None:
        self.manager.areas.close()

    def teardown(self) -> None:
        self.manager.close()
        assert self.machine.live_objects == 0, self.machine.live()


@pytest.fixture
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[simulator.Machine]:
    with simulator.running(**plain(tmp_path_factory.mktemp("sequences"), hardware_provider=True)) as made:
        machines.append(made)
        yield made
        machines.pop()


@pytest.mark.usefixtures("machine")
def test_sessions() -> None:
    run_state_machine_as_test(Sessions, settings=chosen(80))


@pytest.mark.usefixtures("machine")
def test_management() -> None:
    run_state_machine_as_test(Management, settings=chosen(30))
