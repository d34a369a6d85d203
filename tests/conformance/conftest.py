"""The conformance tests' line in pytest's summary."""

from __future__ import annotations

import pytest

PROVEN: dict[str, str] = {}  # the name of a pair's test -> how its call ended
PASSED: dict[str, bool] = {}  # a test function -> whether it passed with all its parameters, but for those it skipped
TABLE = "tests/conformance/test_semantics.py::test_every_test_exists"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if "test_pairs.py::test_pair[" in report.nodeid and (report.when == "call" or not report.passed):
        PROVEN[report.nodeid.partition("[")[2].removesuffix("]")] = report.outcome
    if report.failed or (report.passed and report.when == "call"):
        test = report.nodeid.partition("[")[0]
        PASSED[test] = report.passed and PASSED.get(test, True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What passed, counted; nothing where only some of the pairs ran, or none."""
    if PASSED.get(TABLE):
        from statements import summary

        terminalreporter.write_line(f"semantics: {summary(PASSED)}")
    if not PROVEN:
        return
    from pairs.model import PAIRS
    from pairs.summary import lines
    from pairs.ways import way_of

    if len(PROVEN) < sum(way_of(pair) != "left out" for pair in PAIRS):
        return
    terminalreporter.section("pairs of methods and codes")
    for line in lines({pair for pair in PAIRS if PROVEN.get(pair.id) == "passed"}):
        terminalreporter.write_line(line)
