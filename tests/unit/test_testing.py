"""The plugin for pytest, and the sweep that it offers."""

from __future__ import annotations

import dataclasses
import faulthandler
import math
import os
import pickle
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

import pytest
from plugin_support import CONFTEST, run_test_file

import vsspy
from vsspy import simulator, testing
from vsspy.testing import _plan, _workers

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
FORKS = pytest.mark.skipif(
    sys.platform != "linux" or os.environ.get("VSSPY_SANITIZER") == "thread",
    reason="worker processes are forked: Windows cannot, and ThreadSanitizer has a thread of its own",
)


@pytest.fixture
def inner(pytester: pytest.Pytester) -> Callable[[str], pytest.RunResult]:
    return lambda text: run_test_file(pytester, text, passes=False)


# --- the fixtures ------------------------------------------------------------------------------------------------------


def test_the_plugin_loads_nothing_of_vsspy(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # others' plugins take their time
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile("""
        import sys

        def test_nothing():
            assert [name for name in sys.modules if name.partition(".")[0] == "vsspy"] == []
    """)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_vsspy_testing_loads_no_simulator(pytester: pytest.Pytester) -> None:
    script = "import sys, vsspy.testing; assert 'vsspy.simulator' not in sys.modules and 'vsspy._simulator' not in sys.modules"
    result = pytester.run(sys.executable, "-c", script)
    assert result.ret == 0, result.errlines


def test_the_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["pytest11"] == {"vsspy": "pytest_vsspy"}
    assert project["tool"]["setuptools"]["py-modules"] == ["pytest_vsspy"]


def test_a_machine_for_a_test(inner: Callable[[str], pytest.RunResult]) -> None:
    inner("""
        import pytest, vsspy
        from vsspy import simulator

        def test_plain(vss_machine, vss_volumes, tmp_path):
            assert simulator.current() is vss_machine
            assert list(vss_machine.volumes) == ["C:\\\\"]
            (vss_volumes["C:\\\\"] / "a").write_text("a")
            with vsspy.shadow_copy("C:\\\\") as shadow:
                assert (shadow / "a").read_text() == "a"

        @pytest.mark.vss(writers=[simulator.Writer("One")], level="7", environment={"A": "b"})
        class TestMarked:
            @pytest.mark.vss(volumes={"D:\\\\": "d", "E:": None}, writers=lambda: [simulator.Writer("Two")])
            def test_innermost_wins(self, vss_machine, tmp_path):
                assert vss_machine.volumes["D:\\\\"] == tmp_path / "d"
                assert list(vss_machine.volumes) == ["D:\\\\", "E:\\\\"]
                assert vss_machine.environment == {"A": "b"}
                with vsspy.BackupSession("D:") as backup:
                    assert [writer.name for writer in backup.writers] == ["Two"]

        class TestOverridden:
            @pytest.fixture
            def vss_faults(self):
                return [simulator.Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_INSUFFICIENT_STORAGE", nth=1)]

            def test_fault(self, vss_machine):
                with pytest.raises(vsspy.InsufficientStorageError), vsspy.shadow_copy("C:\\\\"):
                    pass
    """).assert_outcomes(passed=3)


def test_what_a_test_leaves(inner: Callable[[str], pytest.RunResult]) -> None:
    result = inner("""
        import pytest, vsspy

        kept = []

        def teardown_module():
            for components in kept:
                components.close()

        def leave(context=vsspy.SnapshotContext.BACKUP):
            components = vsspy.BackupComponents()
            components.initialize_for_backup()
            if context:
                components.set_context(context)
            components.set_backup_state(False, False, vsspy.BackupType.COPY)
            components.gather_writer_metadata().wait()
            components.start_snapshot_set()
            components.add_to_snapshot_set("C:\\\\")
            components.prepare_for_backup().wait()
            components.do_snapshot_set().wait()
            return components

        def test_leaks(vss_machine):
            kept.append(leave())

        @pytest.mark.vss(leaks=False)
        def test_may_leak(vss_machine):
            kept.append(leave())

        def test_fails_anyway(vss_machine):
            kept.append(leave())
            raise AssertionError("its own")

        def test_copy_left(vss_machine):
            leave(vsspy.SnapshotContext.APP_ROLLBACK).close()

        @pytest.mark.vss(persistent=True)
        def test_copy_wanted(vss_machine):
            leave(vsspy.SnapshotContext.APP_ROLLBACK).close()

        @pytest.fixture
        def requester(vss_machine):
            with vsspy.BackupComponents() as components:
                yield components

        def test_fixtures_end_first(requester):
            requester.initialize_for_backup()
    """)
    result.assert_outcomes(passed=5, failed=1, errors=2)
    result.stdout.fnmatch_lines(["*still alive: *IVssBackupComponents*", "*shadow copy left: C:*"])
    result.stdout.fnmatch_lines(["ERROR *::test_leaks*", "ERROR *::test_copy_left*"])


@pytest.mark.parametrize(
    ("marker", "words"),
    [("colour=1", "@pytest.mark.vss knows no colour, only *volumes*"), ("1", "*named arguments only")],
)
def test_a_wrong_marker(inner: Callable[[str], pytest.RunResult], marker: str, words: str) -> None:
    result = inner(f"""
        import pytest

        @pytest.mark.vss({marker})
        def test_wrong(vss_machine):
            pass
    """)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{words}*"])


def test_a_sweep_in_a_test(inner: Callable[[str], pytest.RunResult]) -> None:
    """The report says what a bad backup program does, and pytest's last lines say what ran."""
    result = inner("""
        import pytest, vsspy
        from vsspy import simulator

        pytestmark = pytest.mark.vss(writers=[simulator.Writer("One")])

        def good():
            with vsspy.shadow_copy("C:\\\\", retry=None):
                pass

        def bad():
            try:
                good()
            except vsspy.VssError:
                pass

        def test_good(fault_sweep):
            fault_sweep(good, codes=["E_ACCESSDENIED"], writers=False, every=7).check()

        def test_bad(fault_sweep):
            fault_sweep(bad, codes=["E_ACCESSDENIED"], writers=False, every=7).check()
    """)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*AssertionError: fault sweep: *",
            '*Fault("*", "E_ACCESSDENIED", nth=*: nobody was told: the backup counts as good*',
            "fault sweep: test_good: * cases of * (each 7th, seed 0) in * s *raised* 0 failures*",
            "fault sweep: test_bad: * failures*",
        ]
    )


# --- the sweep ---------------------------------------------------------------------------------------------------------

Running = Callable[[Sequence[simulator.Fault]], AbstractContextManager[simulator.Machine]]


@pytest.fixture
def running(tmp_path: Path) -> Running:
    (tmp_path / "C").mkdir()
    return lambda faults: simulator.running(
        volumes={"C:\\": tmp_path / "C"}, writers=[simulator.Writer("One")], faults=faults, state=tmp_path / "state"
    )


def back_up() -> None:
    with vsspy.shadow_copy("C:\\", retry=None):
        pass


def problems(report: testing.SweepReport) -> str:
    """All that is wrong, once each; every failure names its case."""
    assert report.failures
    with pytest.raises(AssertionError, match="fault sweep: "):
        report.check()
    return "\n".join(sorted({text for failure in report.failures for text in failure.problems}))


def sweep(backup: Callable[[], object], running: Running, **options: Any) -> testing.SweepReport:
    """A small one: one code, each ninth case."""
    chosen: dict[str, Any] = {"codes": ["E_ACCESSDENIED"], "writers": False, "every": 9, **options}
    return testing.fault_sweep(backup, running, **chosen)


@pytest.mark.parametrize("processes", [0, pytest.param(2, marks=FORKS)])
def test_a_good_backup(running: Running, processes: int) -> None:
    seen: list[tuple[int, int]] = []
    report = sweep(
        back_up, running, processes=processes, every=3, on_progress=lambda r, total: seen.append((len(r.cases), total))
    )
    report.check()
    assert len(report.cases) == len(report.runs) + len(report.unmet) < report.total
    assert set(report.outcomes) <= {"raised", "noted", "succeeded"}
    assert seen == [(number, len(report.cases)) for number in range(1, len(report.cases) + 1)]
    assert len({case.fault for case in report.cases}) == len(report.cases)
    assert {case.fault.code for case in report.cases} == {"E_ACCESSDENIED"}


def test_documented_codes_and_writers(running: Running) -> None:
    """The plan has each code of each call, and each writer error of each event."""
    with running(()) as machine:
        back_up()
        cases = _plan.plan(machine.trace, "documented", True)
    of_set = {(c.fault.code, c.fault.at, c.fault.effect) for c in cases if c.fault.where.endswith("::DoSnapshotSet")}
    assert ("VSS_E_INSUFFICIENT_STORAGE", "result", "after") in of_set
    assert ("VSS_E_INSUFFICIENT_STORAGE", "call", "before") not in of_set  # it never is the call's own
    assert {("VSS_E_BAD_STATE", "call", "before"), ("VSS_E_BAD_STATE", "result", "before")} <= of_set
    vetoes = {case.fault.code for case in cases if case.fault.where == "One::Freeze"}
    assert {"VSS_E_WRITERERROR_RETRYABLE", "VSS_E_WRITERERROR_TIMEOUT"} <= vetoes
    assert all(case.call == 0 for case in cases if case.fault.where.startswith("One::"))
    assert not [c for c in _plan.plan(machine.trace, "documented", False) if c.call == 0]
    assert len({str(case) for case in cases}) == len(cases)
    assert [c for part in range(4) for c in _plan.sample(cases, 4, part)] != cases
    assert {c for part in range(4) for c in _plan.sample(cases, 4, part)} == set(cases)


KEPT: list[object] = []


def on_error(do: Callable[[], object]) -> Callable[[], None]:
    """A backup program with a defect that a fault brings out."""

    def backup() -> None:
        try:
            back_up()
        except vsspy.VssError:
            do()
            raise

    return backup


def leave_object() -> None:
    KEPT.append(vsspy.BackupComponents())


def raise_key_error() -> None:
    raise KeyError("not what was promised")


def leave_thread() -> None:
    threading.Thread(target=time.sleep, args=(3600,), daemon=True, name="left behind").start()


@FORKS
@pytest.mark.parametrize(
    ("do", "words", "options"),
    [
        pytest.param(leave_object, "still alive: ", {}, id="object"),
        pytest.param(raise_key_error, "raised KeyError: 'not what was promised'", {}, id="untyped"),
        pytest.param(lambda: os._exit(3), "the process died of it: exit code 3", {}, id="exit"),
        pytest.param(lambda: os.kill(os.getpid(), 9), "the process died of it: signal 9", {}, id="signal"),
        pytest.param(lambda: time.sleep(3600), "it was not over after 3 s", {"timeout": 3.0, "every": 1000}, id="hang"),
        pytest.param(leave_thread, "thread left: left behind", {"every": 1000}, id="thread"),
    ],
)
def test_a_defect_is_found(
    running: Running,
    monkeypatch: pytest.MonkeyPatch,
    do: Callable[[], object],
    words: str,
    options: dict[str, Any],
) -> None:
    faulthandler.cancel_dump_traceback_later()  # pytest's own has a thread
    assert threading.active_count() == 1
    monkeypatch.setattr(
        _workers, "alone", lambda: True
    )  # an idle thread of the core, left by tests before, holds no lock
    report = sweep(on_error(do), running, processes=2, **options)
    assert words in problems(report)
    assert len(report.cases) == math.ceil(report.total / report.every)  # whatever happened to the processes


def test_a_backup_that_is_bad_without_a_fault(running: Running) -> None:
    report = sweep(lambda: False, running, processes=0)
    assert problems(report) == "the backup is not good: False"
    assert report.cases == []


def test_a_next_backup_that_fails(running: Running) -> None:
    failed = False

    def back_up_until_it_fails() -> None:
        nonlocal failed
        if failed:
            failed = False
            raise vsspy.BadStateError("VSS_E_BAD_STATE", "the next one")
        try:
            back_up()
        except vsspy.VssError:
            failed = True
            raise

    assert "the next backup is not good: BadStateError" in problems(sweep(back_up_until_it_fails, running, processes=0))


def test_what_says_that_a_backup_is_good(running: Running) -> None:
    assert [testing.succeeded(value) for value in (None, True, "", 0, False)] == [True, True, True, True, False]
    with running(()):
        session = vsspy.BackupSession("C:\\", security="none")
        with session as backup:
            backup.snapshot()
        assert testing.succeeded(session)
        assert testing.succeeded(session.result)
        session.result.completed = False
        assert not testing.succeeded(session)
        assert not testing.succeeded(session.result)


def test_reported_failures_count(running: Running) -> None:
    """A program that turns errors into its result, or into errors of its own."""

    class ProductError(Exception):
        pass

    def own_error() -> None:
        try:
            back_up()
        except vsspy.VssError as error:
            raise ProductError from error

    def code() -> int:
        try:
            back_up()
        except vsspy.VssError:
            return 2
        return 0

    assert "which is none of the errors" in problems(sweep(own_error, running, processes=0, every=20))
    sweep(own_error, running, processes=0, every=20, errors=ProductError).check()
    assert "nobody was told" in problems(sweep(code, running, processes=0, every=20))
    report = sweep(code, running, processes=0, every=20, succeeded=lambda result: result == 0)
    report.check()
    assert report.outcomes["reported"]


def test_other_threads_forbid_processes(running: Running) -> None:
    with running(()):  # the service has threads
        assert _workers.why_not()
        report = sweep(back_up, running, every=30)
    report.check()
    assert report.processes == 0
    assert "no worker processes" in str(report)


def test_a_frozen_writer() -> None:
    def entries(*names: str) -> Iterator[simulator.TraceEntry]:
        for name in names:
            yield simulator.TraceEntry(name, "event", 1, 0.0, 0.0, 0, {}, None, name.partition("::")[0], "")

    assert testing.frozen_writers(entries("A::Freeze", "B::Freeze", "A::Thaw", "C::Freeze", "C::Abort")) == ["B"]
    assert testing.frozen_writers(entries("A::Freeze", "A::Thaw", "A::Freeze")) == ["A"]


def test_an_unfinished_session(running: Running) -> None:
    """A backup is completed or aborted once its writers have prepared; an operation's result counts, not its call."""

    def prepared(*last: str) -> list[str]:
        with running(()) as machine:
            with vsspy.BackupComponents() as components:
                components.initialize_for_backup()
                components.set_backup_state(False, False, vsspy.BackupType.COPY)
                components.gather_writer_metadata().wait()
                components.start_snapshot_set()
                components.add_to_snapshot_set("C:\\")
                for method in ("prepare_for_backup", *last):
                    operation = getattr(components, method)()
                    if operation is not None:
                        operation.wait()
            return testing.unfinished(machine.trace)

    assert prepared() == prepared("do_snapshot_set") != []
    assert prepared("abort_backup") == prepared("do_snapshot_set", "backup_complete") == []


def test_what_is_tolerated() -> None:
    def run(where: str, call: int = 1, **what: bool) -> testing.SweepRun:
        case = testing.SweepCase(simulator.Fault(where, "E_FAIL", nth=1), call)
        outcome: Literal["noted", "succeeded"] = "noted" if what.pop("noted", False) else "succeeded"
        return testing.SweepRun(case, outcome, "", what.get("completed", False), what.get("repeated", False))

    status = "IVssBackupComponents::GatherWriterStatus"
    assert not testing.tolerated(run(status))
    assert all(testing.tolerated(run(status, **{name: True})) for name in ("noted", "completed", "repeated"))
    assert testing.tolerated(run("IVssAsync::Wait"))
    assert not testing.tolerated(run("IVssAsync::QueryStatus"))
    assert testing.tolerated(run("One::Identify", 0))
    assert not testing.tolerated(run("One::Freeze", 0))


def test_a_report(running: Running) -> None:
    case = testing.SweepCase(
        simulator.Fault("IVssBackupComponents::DoSnapshotSet", 0x8004FFF0, nth=2, effect="after"), 9
    )
    assert str(case) == 'Fault("IVssBackupComponents::DoSnapshotSet", 0x8004FFF0, nth=2, effect="after")'
    assert pickle.loads(pickle.dumps(case)) == case
    report = testing.SweepReport(cases=[case] * 40, total=40, processes=2, seconds=1.25)
    with pytest.raises(AssertionError, match="no fault was met"):
        testing.SweepReport().check()
    report.check()
    report.failures = [testing.SweepFailure(case, (f"problem {number}", "more")) for number in range(40)]
    with pytest.raises(AssertionError) as caught:
        report.check()
    assert "problem 24; more" in str(caught.value)
    assert "problem 25" not in str(caught.value)
    assert "and 15 more" in str(caught.value)
    assert str(report) == "40 cases in 1.2 s in 2 processes: nothing was run, 0 not met; 40 failures"
    for wrong in ({"every": 0}, {"seed": -1}, {"processes": -1}):
        with pytest.raises(ValueError, match="counts from"):
            sweep(back_up, running, **wrong)
    with pytest.raises(dataclasses.FrozenInstanceError):
        case.call = 3  # type: ignore[misc]
