"""The conformance tests' line in pytest's summary."""

from __future__ import annotations

import pytest

PROVEN: dict[str, str] = {}  # the name of a pair's test -> how its call ended


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if "test_pairs.py::test_pair[" in report.nodeid and (report.when == "call" or not report.passed):
        PROVEN[report.nodeid.partition("[")[2].removesuffix("]")] = report.outcome


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What passed, counted; nothing where only some of the pairs ran, or none."""
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
