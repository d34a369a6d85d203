"""Test files that use the plugin, run in this process."""

from __future__ import annotations

import textwrap

import pytest

import vsspy.testing  # noqa: F401 (pytester forgets what is imported inside for the first time, which pickle minds)

CONFTEST = """
import importlib

def pytest_addoption(pluginmanager):
    if not pluginmanager.has_plugin("vsspy"):  # it is there by its entry point where the package is installed
        pluginmanager.register(importlib.import_module("pytest_vsspy"), "vsspy")
"""


def run_test_file(pytester: pytest.Pytester, text: str, *, passes: bool = True) -> pytest.RunResult:
    """Runs *text* as a test file; unless told otherwise all of it has to pass."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(textwrap.dedent(text))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_ADDOPTS", raising=False)
        result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--tb=short")
    if passes:
        outcomes = result.parseoutcomes()
        assert set(outcomes) == {"passed"}, outcomes
    return result
