"""Every call of a whole backup fails once, with each code that the specification lists for it.

Whatever fails: the caller gets a typed error or a result that tells, no COM object and no shadow copy is left, no writer
stays frozen, and the next backup on the same machine is a good one.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from support import METHODS, code, volume, writer

import vsspy
from vsspy import simulator
from vsspy._codes import CODES

EVENTS = ("Identify", "PrepareBackup", "PrepareSnapshot", "Freeze", "Thaw", "PostSnapshot", "BackupComplete")
POLLED = ("IVssAsync::QueryStatus", "IVssAsync::Wait")  # how often depends on the machine's speed
VETOES = sorted(name for name in CODES if name.startswith("VSS_E_WRITERERROR_"))


def codes_of(call: str) -> list[str]:
    """The failures that a method's page lists."""
    interface, method = call.split("::")
    listed = [entry["code"] for entry in METHODS[interface][method]["returns"]]
    # E_UNEXPECTED stands in for VSS_E_UNEXPECTED on old systems, which tests/conformance has
    return [name for name in listed if "_E_" in f"_{name}" and name != "E_UNEXPECTED"]


def is_asynchronous(call: str) -> bool:
    interface, method = call.split("::")
    return bool(METHODS[interface][method]["async"])


def back_up(machine: simulator.Machine) -> vsspy.BackupSession:
    """A whole backup of everything that the machine's writers have."""
    session = vsspy.BackupSession(
        "C:\\", backup_type=vsspy.BackupType.FULL, retry=None, security="none", backend=machine
    )
    with session as backup:
        backup.snapshot()
        for component in backup.components:
            assert [Path(file.shadow_path).read_bytes() for file in component.files()]
            component.mark_succeeded()
    return session


def calls_of(machine: simulator.Machine, first: int = 0) -> list[str]:
    """The calls of methods with documented failures, in order."""
    names = [entry.name for entry in machine.trace[first:] if entry.kind == "call"]
    return [name for name in names if name.split("::")[0] in METHODS and codes_of(name)]


def check_nobody_is_frozen(machine: simulator.Machine) -> None:
    frozen: set[str] = set()
    for entry in machine.trace:
        name, _, event = entry.name.rpartition("::")
        if event == "Freeze":
            frozen.add(name)
        elif event in ("Thaw", "Abort"):
            frozen.discard(name)
    assert not frozen


def goes_unnoticed(fault: simulator.Fault) -> bool:
    """Whether a backup may be good all the same.

    The outcome of an operation is its status, not what Wait returns (semantics 3.5). A writer that fails at Identify is
    as if it were not there (semantics 4.2).
    """
    return fault.where == "IVssAsync::Wait" or fault.where.endswith("Writer::Identify")


def check(machine: simulator.Machine, fault: simulator.Fault) -> None:
    """One backup that meets a fault, and one that does not."""
    told = False
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            session = back_up(machine)
            told = not session.result.good or bool(session.result.notes)
        except vsspy.VssError as error:
            told = True
            assert type(error) is not vsspy.VssError, f"{fault}: {error!r} has no class of its own"
            assert error.operation, fault
    met = any(entry.name == fault.where and entry.hresult == fault.hresult for entry in machine.trace)
    assert met or fault.where in POLLED, f"{fault} was not met"
    assert told or caught or goes_unnoticed(fault) or not met, f"{fault}: nobody was told"
    assert machine.live_objects == 0, (fault, machine.live())
    assert not machine.shadow_copies, fault
    check_nobody_is_frozen(machine)
    if met:
        again = back_up(machine)
        assert again.result.good, fault
        assert machine.live_objects == 0, (fault, machine.live())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    volume(tmp_path / "C")
    return tmp_path


def run(folder: Path, *faults: simulator.Fault) -> simulator.Machine:
    with simulator.running(
        volumes={"C:\\": folder / "C"},
        writers=[writer(), writer("Two Writer")],
        faults=faults,
        state=folder / "state",
    ) as machine:
        if faults:
            check(machine, faults[0])
        else:
            assert back_up(machine).result.good
    return machine


def every_call(calls: list[str]) -> Iterator[tuple[str, int]]:
    """Each call of a run as a method and the number of the call among this method's."""
    counts: Counter[str] = Counter()
    for call in calls:
        counts[call] += 1
        yield call, counts[call]


def test_every_call_of_a_backup(folder: Path) -> None:
    """For n = 1, 2, ...: the nth call of a backup fails, with each documented code of its method."""
    calls = calls_of(run(folder))
    assert {"IVssBackupComponents::DoSnapshotSet", "IVssBackupComponents::BackupComplete"} <= set(calls)
    for call, nth in every_call(calls):
        names = codes_of(call)
        for name in [names[nth % len(names)]] if call in POLLED else names:
            run(folder, simulator.Fault(call, name, nth=nth))


@pytest.mark.parametrize("effect", ["before", "after"])
def test_every_operation_of_a_backup(folder: Path, effect: Literal["before", "after"]) -> None:
    """The same for the results of operations, their work done or not."""
    operations = [name for name in dict.fromkeys(calls_of(run(folder))) if is_asynchronous(name)]
    assert len(operations) == 5
    for call in operations:
        for name in codes_of(call):
            run(folder, simulator.Fault(call, name, nth=1, at="result", effect=effect))


def test_every_call_whose_work_was_done(folder: Path) -> None:
    """A call did its work and then failed: nothing of what it made may be lost."""
    for call, nth in every_call(calls_of(run(folder))):
        if "E_OUTOFMEMORY" in codes_of(call):
            run(folder, simulator.Fault(call, "E_OUTOFMEMORY", nth=nth, at="call", effect="after"))


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_of_a_writer(folder: Path, event: str) -> None:
    for name in VETOES:
        run(folder, simulator.Fault(f"One Writer::{event}", name, nth=1))


def test_codes_that_nobody_listed(folder: Path) -> None:
    """The code lists are not closed (semantics 1.7): an unknown one is VssError itself, with its hexadecimal code."""
    fault = simulator.Fault("IVssBackupComponents::PrepareForBackup", 0x8004FFF0, nth=1, at="call")
    with simulator.running(volumes={"C:\\": folder / "C"}, writers=[writer()], faults=[fault]) as machine:
        with pytest.raises(vsspy.VssError) as caught:
            back_up(machine)
        assert type(caught.value) is vsspy.VssError
        assert "8004FFF0" in str(caught.value).upper()
        assert caught.value.hresult == 0x8004FFF0 != code("VSS_E_BAD_STATE")
        assert back_up(machine).result.good
