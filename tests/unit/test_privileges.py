"""The backup and restore privileges; tests/windows looks at the process's token."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from cli_support import make_runner

import vsspy
from vsspy import privileges
from vsspy.cli import backup


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What is asked of the system, which says that nothing is held."""
    calls: list[list[str]] = []

    def enable(names: Iterable[str]) -> tuple[str, ...]:
        calls.append(list(names))
        raise vsspy.AccessDeniedError("ERROR_PRIVILEGE_NOT_HELD", "AdjustTokenPrivileges", detail="not held")

    monkeypatch.setattr(privileges, "enable", enable)
    return calls


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has them")
def test_elsewhere_there_is_nothing_to_enable() -> None:
    assert vsspy.enable_privileges() == vsspy.enable_privileges(restore=False) == ()


def test_which_ones(asked: list[list[str]]) -> None:
    for options in ({}, {"restore": False}, {"backup": False}):
        with pytest.raises(vsspy.AccessDeniedError):
            vsspy.enable_privileges(**options)
    assert asked == [["SeBackupPrivilege", "SeRestorePrivilege"], ["SeBackupPrivilege"], ["SeRestorePrivilege"]]


def test_a_backup_of_a_simulated_machine_needs_none(
    asked: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    outcome = make_runner(capsys)("backup", tmp_path / "in", "--to", tmp_path / "out")
    assert (outcome.code, asked) == (0, [])


def test_a_backup_of_this_computer_asks_for_the_backup_privilege_before_anything_is_made(
    asked: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "is_simulated", lambda *_, **__: False)
    (tmp_path / "in").mkdir()
    outcome = make_runner(capsys)("backup", tmp_path / "in", "--to", tmp_path / "out")
    assert (outcome.code, asked) == (2, [["SeBackupPrivilege"]])
    assert "not held" in outcome.error
    assert "Run elevated" in outcome.error
    assert not (tmp_path / "out").exists()
