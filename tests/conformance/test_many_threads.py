"""Eight threads from a common start on one session, one view, one enumeration, one machine: typed errors, no deadlock."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import pytest
from calls import ENUMERATION, MANAGEMENT, OPERATION, SESSION, VIEW_READS, Manager, Requester, typed_errors
from pairs.exercises_snapshots import delete_all
from pairs.scenes import KeyBackup
from pairs.server import DOCUMENT, KEY, plain
from support import wait

import vsspy
from vsspy import simulator
from vsspy.enums import ObjectType

T = TypeVar("T")
THREADS = 8
ROUNDS = 40
LIMIT = 120.0  # seconds: threads that take longer are in a deadlock


@pytest.fixture
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[simulator.Machine]:
    with simulator.running(**plain(tmp_path_factory.mktemp("threads"))) as made:
        yield made
        delete_all(made)
        assert made.live_objects == 0, made.live()


def together(*bodies: Callable[[], object]) -> None:
    """Run each in a thread, from a common start; an error that one of them lets out is the test's."""
    raised: list[BaseException] = []
    start = threading.Barrier(len(bodies))

    def guarded(body: Callable[[], object]) -> None:
        start.wait()
        try:
            body()
        except BaseException as error:  # noqa: BLE001 - the test's own thread raises it
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(body,), daemon=True) for body in bodies]
    for thread in threads:
        thread.start()
    end = time.monotonic() + LIMIT
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    assert not any(thread.is_alive() for thread in threads), "deadlock"
    if raised:
        raise raised[0]


def chooser(seed: int) -> Callable[[Sequence[Any]], Any]:
    """Picks at random, the same for the same seed."""
    return random.Random(seed).choice  # not for secrets


def hammer(requester: Requester, seed: int, closing: bool) -> Callable[[], None]:
    pick = chooser(seed)

    def body() -> None:
        for _ in range(ROUNDS):
            with typed_errors():
                SESSION[pick(sorted(SESSION))](requester, pick)
            for operation in requester.operations[-1:]:
                with typed_errors():
                    OPERATION[pick(sorted(OPERATION))](operation)
            for view in requester.views[-1:]:
                with typed_errors():
                    getattr(view, pick([name for name in VIEW_READS if hasattr(type(view), name)]))
            for enumeration in requester.enumerations[-1:]:
                with typed_errors():
                    found = ENUMERATION[pick(sorted(ENUMERATION))](enumeration, pick([0, 1, 3]))
                    if isinstance(found, type(enumeration)):
                        requester.enumerations.append(found)
        if closing:
            requester.bc.close()

    return body


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("closing", [False, True], ids=["kept open", "closed meanwhile"])
def test_one_session(machine: simulator.Machine, seed: int, closing: bool) -> None:
    requester = Requester(machine)
    bodies = [hammer(requester, 100 * seed + number, closing and number == 0) for number in range(THREADS)]
    together(*bodies)
    requester.close()


@pytest.mark.parametrize("seed", range(3))
def test_a_session_of_its_own_for_each(machine: simulator.Machine, seed: int) -> None:
    requesters = [Requester(machine) for _ in range(THREADS)]
    together(*(hammer(each, 100 * seed + number, True) for number, each in enumerate(requesters)))
    for each in requesters:
        each.close()


def test_backups_at_once(machine: simulator.Machine) -> None:
    """One set at a time is made on a computer (semantics 5): the others are told so, try again, and all succeed."""
    made = []

    def body() -> None:
        with vsspy.BackupComponents(machine) as bc:
            order = KeyBackup(bc)
            order.to_gathered()
            order.add()
            while True:
                try:
                    bc.start_snapshot_set()
                    break
                except vsspy.SnapshotSetInProgressError:
                    time.sleep(0.001)
            bc.add_to_snapshot_set("C:\\")
            wait(bc.prepare_for_backup())
            wait(bc.do_snapshot_set())
            wait(bc.backup_complete())
            made.append(bc)

    together(*[body] * THREADS)
    assert len(made) == THREADS


def test_one_view(machine: simulator.Machine) -> None:
    """Readers of a view, while its session goes on: values, until the view is stale, and then never again."""
    with vsspy.BackupComponents(machine) as bc:
        bc.initialize_for_restore(DOCUMENT)
        wait(bc.gather_writer_metadata())
        bc.set_selected_for_restore(*KEY, True)
        component: Any = bc.writer_components[0].components[0]
        names = [name for name in VIEW_READS if hasattr(type(component), name) and name != "restore_target"]
        with pytest.raises(vsspy.ObjectNotFoundError):  # there is none before PreRestore
            _ = component.restore_target
        stale = threading.Event()

        def read(seed: int) -> Callable[[], None]:
            pick = chooser(seed)

            def body() -> None:
                while not stale.is_set():
                    try:
                        getattr(component, pick(names))
                    except vsspy.StaleViewError:
                        stale.set()
                for name in names:
                    with pytest.raises(vsspy.StaleViewError):
                        getattr(component, name)

            return body

        def go_on() -> None:
            time.sleep(0.01)
            wait(bc.pre_restore())

        together(go_on, *(read(seed) for seed in range(THREADS - 1)))
    with pytest.raises(vsspy.ClosedError):
        _ = component.name


def test_one_enumeration(machine: simulator.Machine) -> None:
    """Each element goes to one of the threads, and none is lost."""
    with vsspy.BackupComponents(machine) as bc:
        KeyBackup(bc).to_snapped()
        for _ in range(20):
            with bc.query(returned_objects_type=ObjectType.PROVIDER) as providers, bc.query() as copies:
                taken: list[Any] = []

                def take(taken: list[Any] = taken, providers: Any = providers, copies: Any = copies) -> None:
                    taken += providers.next(1)
                    taken += copies.next(1)

                together(*[take] * THREADS)
                assert len(taken) == 2


def test_one_operation(machine: simulator.Machine) -> None:
    """Waited for, cancelled, asked and closed by eight threads."""
    for seed in range(10):
        with vsspy.BackupComponents(machine) as bc:
            KeyBackup(bc).to_prepared()
            operation = bc.do_snapshot_set()

            def body(seed: int, operation: vsspy.AsyncOperation = operation) -> Callable[[], None]:
                pick = chooser(seed)

                def use() -> None:
                    for _ in range(10):
                        with typed_errors():
                            OPERATION[pick(sorted(OPERATION))](operation)

                return use

            together(*(body(100 * seed + number) for number in range(THREADS)))
            operation.close()


def test_snapshot_management(machine: simulator.Machine) -> None:
    manager = Manager(machine)

    def body(seed: int) -> Callable[[], None]:
        pick = chooser(seed)

        def use() -> None:
            for _ in range(ROUNDS):
                with typed_errors():
                    MANAGEMENT[pick(sorted(MANAGEMENT))](manager, pick)
            if seed == 0:
                manager.areas.close()

        return use

    together(*(body(seed) for seed in range(THREADS)))
    manager.close()


def test_the_machine_goes_away(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The service stops in the middle of everything: dead objects give errors, and can be let go."""
    with simulator.running(**plain(tmp_path_factory.mktemp("gone"))) as machine:
        requesters = [Requester(machine) for _ in range(THREADS - 1)]

        def stop() -> None:
            time.sleep(0.02)
            machine.close()

        together(stop, *(hammer(each, number, False) for number, each in enumerate(requesters)))
        for each in requesters:
            each.close()
    assert machine.live_objects == 0, machine.live()
