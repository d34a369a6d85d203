"""pytest's plugin of vsspy: a simulated machine for each test that wants one, a check of what it leaves, and fault sweeps.

A module of its own, beside the package: pytest loads it in each of its runs, and must not load vsspy where no test asks
for it. docs/testing.md tells how to use it.
"""

from __future__ import annotations

import contextlib
import faulthandler
import inspect
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from vsspy.simulator import Fault, Machine, Writer
    from vsspy.testing import SweepReport

__all__ = ["FaultSweep", "fault_sweep", "vss_faults", "vss_machine", "vss_volumes", "vss_writers"]

_CHECKS = {"leaks", "persistent"}  # of the marker, beside what a machine takes
_PASSED = pytest.StashKey[bool]()
_SWEEPS = pytest.StashKey[list[str]]()
_EACH = 5.0  # seconds between two lines of progress

Volumes = Mapping[str, str | os.PathLike[str] | None]


class FaultSweep(Protocol):
    """What the fixture ``fault_sweep`` gives; the options are those of ``vsspy.testing.fault_sweep``."""

    def __call__(self, backup: Any, **options: Any) -> SweepReport: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("vsspy")
    group.addoption(
        "--vss-sweep-jobs",
        type=int,
        default=None,
        metavar="N",
        help="worker processes of a fault_sweep; 0: none (default: one for each processor)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SWEEPS] = []
    config.addinivalue_line(
        "markers",
        "vss(volumes=..., writers=..., faults=..., leaks=True, persistent=False, **machine): the simulated machine of the test; "
        "more arguments are those of vsspy.simulator.running",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if call.when == "call":
        item.stash[_PASSED] = call.excinfo is None
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[_SWEEPS]:
        terminalreporter.write_line(f"fault sweep: {line}")


def _marked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The marker's arguments; the innermost marker that has one wins."""
    found: dict[str, Any] = {}
    for mark in request.node.iter_markers("vss"):
        if mark.args:
            raise pytest.UsageError("@pytest.mark.vss takes named arguments only")
        found = mark.kwargs | found
    return found


def _folders(volumes: Volumes | Iterable[str], below: Path) -> dict[str, Path]:
    """A folder that exists for each volume."""
    chosen: Volumes = volumes if isinstance(volumes, Mapping) else dict.fromkeys(volumes)
    folders = {}
    for number, (name, folder) in enumerate(chosen.items()):
        letters = "".join(letter for letter in name if letter.isalnum() and letter.isascii())
        folders[name] = below / (f"volume{number}-{letters}" if folder is None else folder)
        folders[name].mkdir(parents=True, exist_ok=True)
    return folders


@pytest.fixture
def vss_volumes(request: pytest.FixtureRequest, tmp_path: Path) -> Mapping[str, Path]:
    """The folder of each volume, by the volume's name: the marker's, else ``C:\\`` alone.

    The marker's ``volumes`` are names, or folders by name; relative ones lie below ``tmp_path``. Override it for others.
    """
    return _folders(_marked(request).get("volumes", ["C:\\"]), tmp_path)


@pytest.fixture
def vss_writers(request: pytest.FixtureRequest) -> Iterable[Writer]:
    """The machine's writers: the marker's, else none. Override it for others; a function makes new ones each time."""
    return _marked(request).get("writers", ())  # type: ignore[no-any-return]


@pytest.fixture
def vss_faults(request: pytest.FixtureRequest) -> Iterable[Fault]:
    """What goes wrong: the marker's faults, else nothing. Override it for others."""
    return _marked(request).get("faults", ())  # type: ignore[no-any-return]


class _Machines:
    """Makes the machines of one test."""

    def __init__(self, request: pytest.FixtureRequest, volumes: Any, writers: Any, faults: Any) -> None:
        from vsspy import simulator

        marked = _marked(request)
        known = {*inspect.signature(simulator.running).parameters, *_CHECKS}
        if unknown := sorted(set(marked) - known):
            raise pytest.UsageError(f"@pytest.mark.vss knows no {', '.join(unknown)}, only {', '.join(sorted(known))}")
        tmp_path: Path = request.getfixturevalue("tmp_path")
        self.leaks: bool = marked.pop("leaks", True)
        self.persistent: bool = marked.pop("persistent", False)
        self._running = simulator.running
        self._volumes = _folders(marked.pop("volumes", volumes), tmp_path)
        self._writers = marked.pop("writers", writers)
        self._faults = marked.pop("faults", faults)
        self._options = {"state": tmp_path / "vss-state"} | marked

    def running(self, more: Iterable[Fault] = ()) -> contextlib.AbstractContextManager[Machine]:
        writers = self._writers() if callable(self._writers) else self._writers
        faults = self._faults() if callable(self._faults) else self._faults
        return self._running(volumes=self._volumes, writers=list(writers), faults=[*faults, *more], **self._options)


@pytest.fixture
def vss_machine(
    request: pytest.FixtureRequest, vss_volumes: Any, vss_writers: Any, vss_faults: Any
) -> Iterator[Machine]:
    """A simulated machine that runs, and is the backend, for the time of the test.

    A test that passed and leaves a COM object, a shadow copy or a frozen writer fails. ``@pytest.mark.vss(leaks=False)``
    switches that off; ``persistent=True`` allows shadow copies that outlive their requester.
    """
    machines = _Machines(request, vss_volumes, vss_writers, vss_faults)
    with machines.running() as machine:
        yield machine
        # the traceback of a failed test keeps its objects
        if not machines.leaks or not request.node.stash.get(_PASSED, False) or machine.closed:
            return
        from vsspy.testing import leftovers

        lines = leftovers(machine, persistent=machines.persistent)
    if lines:
        pytest.fail("the test left on its simulated machine:\n  " + "\n  ".join(lines), pytrace=False)


@pytest.fixture
def fault_sweep(request: pytest.FixtureRequest, vss_volumes: Any, vss_writers: Any, vss_faults: Any) -> FaultSweep:
    """Runs a backup function against each fault in turn: ``fault_sweep(backup).check()``.

    Its machines are made like the test's ``vss_machine`` would be, which the test itself need not have. Gives the
    ``vsspy.testing.SweepReport``; a line for it stands at the end of pytest's output. Options as for
    ``vsspy.testing.fault_sweep``.
    """
    from vsspy import testing

    machines = _Machines(request, vss_volumes, vss_writers, vss_faults)

    def sweep(backup: Any, **options: Any) -> SweepReport:
        options = {
            "processes": request.config.getoption("--vss-sweep-jobs"),
            "persistent": machines.persistent,
            "on_progress": _progress(request.config),
        } | options
        faulthandler.cancel_dump_traceback_later()  # pytest's faulthandler_timeout: a thread; workers have their own limit
        report = testing.fault_sweep(backup, machines.running, **options)
        request.config.stash[_SWEEPS].append(f"{request.node.name}: {report}")
        return report

    return sweep


def _progress(config: pytest.Config) -> Any:
    """Shows how far a long sweep is, whatever is captured."""
    last = time.monotonic()

    def show(report: SweepReport, total: int) -> None:
        nonlocal last
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or time.monotonic() - last < _EACH:
            return
        last = time.monotonic()
        capture = config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            reporter.ensure_newline()
            reporter.write_line(f"fault sweep: {len(report.cases)} of {total} cases, {len(report.failures)} failures")

    return show
