"""The how-to guides, run: their commands and their Python, block by block, each guide on a machine of its own.

A guide reads as if it were followed on a Windows server; here its volumes are folders, and its drive E: is another one.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click
import pytest
from cli_support import BACKEND
from plugin_support import run_test_file

import vsspy
from vsspy import simulator
from vsspy.cli.main import cli, run
from vsspy.simulator_writers import ApplicationWriter, RegistryWriter, SqlServerWriter

pytest_plugins = ["pytester"]

HOW_TO = Path(__file__).resolve().parents[2] / "docs/how-to"
GUIDES = sorted(path.name for path in HOW_TO.glob("*.md"))
# A block of code, or a comment that readers do not see: what somebody else does on the server meanwhile, and what is checked.
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$|^<!-- (python)\n(.*?)^-->$", re.MULTILINE | re.DOTALL)
_DRIVE_E = re.compile(r"E:\\([\w.]+(?:\\[\w.]+)*)")


@dataclass
class Stage:
    """Where a guide runs."""

    volumes: dict[str, Path]
    drive_e: Path
    names: dict[str, Any]
    writers: list[simulator.Writer]
    faults: list[simulator.Fault]


def one_folder(stage: Stage) -> None:
    data = stage.volumes["C:\\"] / "Data"
    (data / "More").mkdir(parents=True)
    for name in ("letter.txt", "list.txt", "More/third.txt"):
        (data / name).write_bytes(b"Dear Ada")


def whole_server(stage: Stage) -> None:
    one_folder(stage)
    stage.writers.append(RegistryWriter(stage.volumes["C:\\"], live=False))
    stage.writers.append(ApplicationWriter(stage.volumes["D:\\"], volume="D:\\", live=False))


def sql_server(stage: Stage) -> None:
    server = SqlServerWriter(
        stage.volumes["D:\\"], ["master", "Orders"], volume="D:\\", folder="SQL", server="SERVER", live=False
    )
    stage.writers.append(server)
    stage.names |= {"server": server, "prepare": server.work, "running_root": stage.volumes["D:\\"]}


def saved_database(stage: Stage) -> None:
    sql_server(stage)
    server = stage.names["server"]

    def spoil() -> None:
        server.work()
        stage.names["saved"] = server.state("Orders")
        command(stage, ["vsspy", "backup", "--component", "SqlServerWriter", "--to", str(stage.drive_e / "Backup")])
        server.work()
        assert server.state("Orders") != stage.names["saved"]

    stage.names["prepare"] = spoil


def failing_writer(stage: Stage) -> None:
    orders = simulator.Writer(
        "Orders Writer",
        components=[
            simulator.Component("Orders", selectable=True, files=[vsspy.FileSet("C:\\Data", "*", recursive=True)])
        ],
    )
    stage.writers.append(orders)
    stage.faults += [
        simulator.Fault("Orders Writer::Freeze", "VSS_E_WRITERERROR_TIMEOUT"),
        simulator.Fault("IVssBackupComponents::StartSnapshotSet", "VSS_E_SNAPSHOT_SET_IN_PROGRESS", nth=1),
    ]
    stage.names["folder"] = stage.volumes["C:\\"]


def own_program(stage: Stage) -> None:
    (stage.drive_e / "image").mkdir()


STAGES: dict[str, Callable[[Stage], None]] = {
    "back-up-one-folder.md": one_folder,
    "back-up-a-whole-server.md": whole_server,
    "back-up-a-sql-server.md": sql_server,
    "restore-one-database.md": saved_database,
    "find-why-a-writer-fails.md": failing_writer,
    "test-your-own-backup-program.md": own_program,
}


def test_each_guide_has_its_stage() -> None:
    assert set(GUIDES) == set(STAGES)


@contextmanager
def staged(stage: Stage, patch: pytest.MonkeyPatch) -> Iterator[simulator.Machine]:
    """The guide's machine; the commands are on it too, which otherwise make one of their own."""
    with simulator.running(volumes=stage.volumes, writers=stage.writers, faults=stage.faults) as machine:
        real = simulator.running

        @contextmanager
        def same(**options: Any) -> Iterator[simulator.Machine]:
            yield machine

        patch.setattr(simulator, "running", same)
        stage.names["running"] = real
        yield machine


def takes_volumes(words: list[str]) -> bool:
    """Whether a command has --volume."""
    found: click.Command | None = cli
    for word in words:
        if isinstance(found, click.Group):
            found = found.get_command(click.Context(found), word)
    return found is not None and any("--volume" in parameter.opts for parameter in found.params)


def command(stage: Stage, words: list[str]) -> int:
    """Runs a command line of the guide."""
    assert words[0] == "vsspy"
    arguments = words[1:]
    if arguments[:2] != ["simulator", "init"] and takes_volumes(arguments):
        arguments += [word for name, folder in stage.volumes.items() for word in ("--volume", f"{name}={folder}")]
    if arguments[0] not in {"examine", "simulator"}:
        arguments += BACKEND
    return run(arguments)


def check_output(expected: list[str], printed: str) -> None:
    """Each line of the guide is there, in order; ``...`` stands for any lines, and ``*`` in a line for anything."""
    lines = iter(line.rstrip() for line in printed.splitlines())
    for wanted in expected:
        if wanted == "...":
            continue
        pattern = re.sub(r"([\[?])", r"[\1]", wanted)
        assert any(fnmatchcase(line, pattern) for line in lines), f"{wanted!r} is not in order in:\n{printed}"


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide(
    guide: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    volumes = {"C:\\": tmp_path / "C", "D:\\": tmp_path / "D"}
    for folder in (*volumes.values(), tmp_path / "E"):
        folder.mkdir()
    monkeypatch.chdir(tmp_path)
    stage = Stage(volumes, tmp_path / "E", {"vsspy": vsspy, "shutil": shutil}, [], [])
    STAGES[guide](stage)
    text = (HOW_TO / guide).read_text(encoding="utf-8")
    with staged(stage, monkeypatch) as machine:
        if "prepare" in stage.names:
            stage.names["prepare"]()
        for match in _BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            language, _, info = (match[1] or match[3]).partition(" ")
            if info.startswith("not run: "):
                continue
            block = _DRIVE_E.sub(lambda found: str(stage.drive_e.joinpath(*found[1].split("\\"))), match[2] or match[4])
            if language == "console":
                capsys.readouterr()
                first, *expected = block.splitlines()
                words = [word.replace("\0", "\\") for word in shlex.split(first.removeprefix("> ").replace("\\", "\0"))]
                code = command(stage, words)
                printed = capsys.readouterr()
                assert code == int(info.removeprefix("exit ") or 0), f"{guide}:{line}: {printed.out}{printed.err}"
                check_output(expected, printed.out)
                continue
            assert language == "python", f"{guide}:{line}: say the language of a block"
            with monkeypatch.context() as patch:
                patch.setattr(simulator, "running", stage.names["running"])
                if "\ndef test_" in block:
                    run_test_file(request.getfixturevalue("pytester"), block)
                else:
                    exec(compile("\n" * line + block, str(HOW_TO / guide), "exec"), stage.names)  # noqa: S102
        assert machine.live() == []
        assert machine.shadow_copies == []


@pytest.mark.parametrize("guide", GUIDES)
def test_links_of_a_guide_lead_somewhere(guide: str) -> None:
    assert f"how-to/{guide}" in (HOW_TO.parent / "index.md").read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#:]+)\)", (HOW_TO / guide).read_text(encoding="utf-8")):
        assert (HOW_TO / link).exists(), link
