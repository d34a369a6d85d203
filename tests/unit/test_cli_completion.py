"""Shell completion, `--help`, and colours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from cli_support import ROOT, Runner, make_runner
from click.shell_completion import get_completion_class

from vsspy.cli.completion import VARIABLE
from vsspy.cli.main import cli

GUIDE = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")


@pytest.fixture
def vsspy(capsys: pytest.CaptureFixture[str]) -> Runner:
    return make_runner(capsys)


def commands(group: click.Group, *above: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield " ".join((*above, name)), found
        if isinstance(found, click.Group):
            yield from commands(found, *above, name)


COMMANDS = dict(commands(cli))


def complete(patch: pytest.MonkeyPatch, shell: str, *words: str) -> list[str]:
    """What vsspy answers to a shell that completes the last of the words."""
    patch.setenv("COMP_WORDS", " ".join(("vsspy", *words)))
    patch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words)))
    found = get_completion_class(shell)
    assert found is not None
    return found(cli, {}, "vsspy", VARIABLE).complete().split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_command_is_completed(monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    assert "list" in " ".join(complete(monkeypatch, shell, "li")).replace(",", " ").split()


def test_what_is_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete(monkeypatch, "bash", "list", "sh") == ["plain,shadows"]
    assert complete(monkeypatch, "bash", "expose", "--path") == ["plain,--path-on-volume"]
    assert complete(monkeypatch, "bash", "create", "C:", "--context", "nas") == ["plain,nas-rollback"]


def test_a_shell_asks_the_command() -> None:
    environment = {**os.environ, "COMP_WORDS": "vsspy li", "COMP_CWORD": "1", VARIABLE: "bash_complete"}
    command = [sys.executable, "-m", "vsspy"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "plain,list\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script(vsspy: Runner, shell: str) -> None:
    done = vsspy("completion", shell)
    assert done.code == 0 and "_VSSPY_COMPLETE" in done.output and "vsspy" in done.output
    program = shutil.which(shell)
    if program is not None and sys.platform != "win32":
        subprocess.run([program, "-n"], input=done.output, text=True, check=True)


def test_no_such_shell(vsspy: Runner) -> None:
    done = vsspy("completion", "powershell")
    assert done.code == 2 and "powershell" in done.error and "bash" in done.error


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches(vsspy: Runner, name: str) -> None:
    """What it does, an example, and what its exit codes mean; and the guide has it."""
    done = vsspy(*name.split(), "--help")
    assert done.code == 0 and done.error == ""
    command = COMMANDS[name]
    assert command.short_help and command.help
    if not isinstance(command, click.Group):
        assert f"vsspy {name}" in GUIDE
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{name}: {option.name}"


def documented() -> dict[str, list[str]]:
    """The cells of each command's row in the guide: what it does, then what each exit code means."""
    found: dict[str, list[str]] = {}
    for line in GUIDE.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" |")]
        if line.startswith("| `vsspy ") and len(cells) == 5:
            found |= dict.fromkeys(re.findall(r"`vsspy ([a-z ]+)`", cells[0]), cells[1:])
    return found


@pytest.mark.parametrize("name", [name for name in COMMANDS if not isinstance(COMMANDS[name], click.Group)])
def test_exit_codes_are_in_the_guide(name: str) -> None:
    """The command's own help and the guide agree about which codes there are."""
    help_text = COMMANDS[name].help or ""
    _, *cells = documented()[name]
    if name in {"exec", "mount"}:  # the codes of the command that they run
        assert all(cells)
        return
    for code, cell in enumerate(cells):
        told = re.search(rf"^ +{code}  +\S", help_text, re.MULTILINE) is not None
        assert told == bool(cell), f"{name}: exit code {code}"


def test_no_colours_off_a_terminal(vsspy: Runner) -> None:
    assert "\x1b" not in vsspy("list", "providers").output


def test_no_color_is_honoured(vsspy: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    monkeypatch.setenv("NO_COLOR", "1")
    found = vsspy("list", "providers").output
    assert "\x1b[1m" in found and not re.search(r"\x1b\[[\d;]*(3|4|9|10)\d", found)


def test_an_id_can_be_copied_off_a_narrow_terminal(vsspy: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "70")
    assert "b5946137-7b9f-4925-af80-51abd60b20d5" in vsspy("list", "providers").output
