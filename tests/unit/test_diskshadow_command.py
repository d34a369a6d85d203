"""`vsspy diskshadow`: scripts, their parameters, stdin, a terminal, and what is left when one fails."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from cli_support import BACKEND, Outcome, Runner, add_to_machines, make_runner
from json_schema import check_json

from vsspy import simulator


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Runner:
    (tmp_path / "C").mkdir()
    (tmp_path / "C/data.txt").write_text("data")
    call = make_runner(capsys)

    def diskshadow(*arguments: str | Path) -> Outcome:
        return call("diskshadow", *arguments, "--volume", f"C:\\={tmp_path / 'C'}", *BACKEND)

    return diskshadow


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> list[simulator.Machine]:
    return add_to_machines(monkeypatch)


def save(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "script.dsh"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_forms_of_the_command_line(run: Runner, tmp_path: Path) -> None:
    script = save(tmp_path, "add alias first %DISKSH_PARAM_1%\nadd alias second %DISKSH_PARAM_2%\nadd\n")
    log = tmp_path / "log.txt"
    for words in (
        [script, "one", "two"],
        ["-s", script, "one", "two"],
        ["/s", str(script), "one", "two"],
        ["/s", str(script), "one", "two", "/l", str(log)],
        [script, "one", "two", "--log", log],
    ):
        outcome = run(*words)
        assert (outcome.code, outcome.error) == (0, ""), words
        assert "%first% = one\n%second% = two\n" in outcome.output
    assert log.read_text() == outcome.output


def test_json(run: Runner, tmp_path: Path) -> None:
    script = save(tmp_path, "add volume c: alias a\ncreate\nend backup\nadd alias x y\n")
    values = check_json("diskshadow", run(script, "--json").output)
    assert [each["command"] for each in values["commands"]] == ["add volume", "create", "end backup", "add alias"]
    assert values["aliases"]["x"] == "y"
    assert (
        values["commands"][1]["output"][0]
        == f"Alias a for shadow copy ID {values['aliases']['a']} set as environment variable."
    )
    failing = save(tmp_path, "list providers\nexpose %no% x:\nlist providers\n")
    outcome = run(failing, "--json")
    values = check_json("diskshadow", outcome.output)
    assert outcome.code == 1
    assert (values["good"], values["error"]["line"], len(values["commands"])) == (False, 2, 2)


def test_a_script_that_cannot_be_understood_does_nothing(
    run: Runner, tmp_path: Path, machines: list[simulator.Machine]
) -> None:
    outcome = run(save(tmp_path, "add volume c:\ncreate\ndestroy everything\n"))
    assert (outcome.code, outcome.output) == (2, "")
    assert outcome.error.endswith("script.dsh: line 3: destroy is no command of DiskShadow; nothing was done\n")
    assert machines == []
    for text, reason in ((b"add\0", "is no script"), (b"\xff\xfea", "is no text")):
        outcome = run(save(tmp_path, text))
        assert (outcome.code, reason in outcome.error) == (2, True)
    assert run(tmp_path / "missing.dsh").code == 2
    assert run("/s").code == 2
    assert run("/l").code == 2
    assert run(save(tmp_path, "add"), "--log", tmp_path / "missing" / "log").code == 2


def test_a_command_that_fails(run: Runner, tmp_path: Path, machines: list[simulator.Machine]) -> None:
    program = f'"{sys.executable}"'  # reads stdin, where no program is
    script = save(
        tmp_path,
        f"set context persistent\nbegin backup\nadd volume c:\ncreate\nexec {tmp_path / 'missing'}\nexec {program}\n",
    )
    outcome = run(script)
    assert outcome.code == 1
    assert "script.dsh: line 5: exec:" in outcome.error
    assert outcome.error.count("\n") == 1
    (machine,) = machines
    assert list(machine.shadow_copies) == []
    assert machine.live_objects == 0


def test_from_stdin(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("add volume c:\ncreate\n"))
    outcome = run()
    assert outcome.code == 0
    assert "Number of shadow copies listed: 1" in outcome.output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_at_a_terminal(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error ends the conversation's backup and not the conversation."""
    monkeypatch.setattr(sys, "stdin", Terminal("# hello\nhelp\nbogus\nend backup\nlist providers\nexit\nadd\n"))
    outcome = run()
    assert outcome.code == 1
    assert "begin backup\n" in outcome.output
    assert "1 provider registered." in outcome.output
    assert (
        outcome.error
        == "vsspy: bogus is no command of DiskShadow\nvsspy: end backup: there is no backup: create comes first\n"
    )
    assert "No aliases" not in outcome.output
    monkeypatch.setattr(sys, "stdin", Terminal("set verbose on\n"))
    assert run().code == 0, "the end of the input is an exit"
