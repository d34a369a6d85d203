"""What every test needs: the built package rather than the checkout, a header that says what runs, the markers' meaning."""

from __future__ import annotations

import importlib
import os
import platform
import signal
import sys
import sysconfig
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import hypothesis
import pytest

# Builds with sanitizers, and Wine, take many times as long as the machine that a time limit was measured on.
hypothesis.settings.register_profile(
    "vsspy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("vsspy")

ROOT = Path(__file__).resolve().parent.parent

# `python -m pytest` puts the checkout first on the path, where the package has no compiled modules unless they were built
# in place; tests that start Python again inherit the same rule.
if not any((ROOT / "vsspy" / f"_core{suffix}").exists() for suffix in EXTENSION_SUFFIXES):
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
    os.environ.setdefault("PYTHONSAFEPATH", "1")

# A shell that starts something in the background lets it ignore Ctrl-C, which the tests about Ctrl-C would wait for.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """The plugin is loaded where the package is installed; a build that only lies on the path has no entry points."""
    if not pluginmanager.has_plugin("vsspy"):
        pluginmanager.register(importlib.import_module("pytest_vsspy"), "vsspy")


def captured_folder() -> Path | None:
    """The folder of documents captured on Windows servers, None where there is none."""
    name = os.environ.get("VSSPY_CAPTURED_DOCUMENTS")
    return Path(name) if name else None


@pytest.fixture(scope="session", autouse=True)
def _lease_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Sessions on machines of persistent state say in lease files what they make; the tests' are nobody else's business."""
    for variable in ("XDG_STATE_HOME", "ProgramData"):
        os.environ[variable] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def captured_documents() -> Path:
    """The same folder, for tests marked `captured`."""
    folder = captured_folder()
    assert folder is not None, "a test that reads captured documents needs the marker `captured`"
    assert folder.is_dir(), f"VSSPY_CAPTURED_DOCUMENTS names {folder}, which is not a folder"
    return folder


def pytest_report_header() -> list[str]:
    import vsspy._core as core

    build = getattr(core, "build", {})
    gil = "on" if getattr(sys, "_is_gil_enabled", lambda: True)() else "off"
    free_threaded = "free-threaded build, " if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return [
        f"vsspy: {Path(core.__file__).parent}",
        f"core: {', '.join(f'{name} {value}' for name, value in build.items()) or 'no build record'}",
        f"interpreter: {platform.python_compiler()}, {free_threaded}GIL {gil}",
        f"backend: {os.environ.get('VSSPY_BACKEND') or 'simulator by `running`'}; captured documents: {captured_folder()}",
    ]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reasons = {
        "captured": None if captured_folder() else "VSSPY_CAPTURED_DOCUMENTS is not set",
        "real": None if os.environ.get("VSSPY_REAL") == "1" else "VSSPY_REAL=1 is for a Windows machine's real VSS",
    }
    for item in items:
        for name, reason in reasons.items():
            if reason and item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=reason))


CAPTURED: dict[str, str] = {}  # test id -> outcome of its call, for the line at the end
PASSED: dict[str, bool] = {}  # a test function -> whether it passed with all its parameters, but for those it skipped


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if "captured" in report.keywords and (report.when == "call" or not report.passed):
        CAPTURED[report.nodeid] = report.outcome
    if report.failed or (report.passed and report.when == "call"):
        test = report.nodeid.partition("[")[0]
        PASSED[test] = report.passed and PASSED.get(test, True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if PASSED.get("tests/conformance/test_semantics.py::test_every_test_exists"):
        from statements import summary

        terminalreporter.write_line(f"semantics: {summary(PASSED)}")
    ran = sum(outcome != "skipped" for outcome in CAPTURED.values())
    terminalreporter.write_line(f"captured documents: {ran} tests ran, {len(CAPTURED) - ran} skipped")
