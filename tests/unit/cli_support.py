"""What the tests of the command line share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from vsspy import simulator
from vsspy.cli.main import cli, run

ROOT = Path(__file__).resolve().parent.parent.parent
NOTICE = "vsspy: this is not Windows: the simulator stands in for the Volume Shadow Copy Service\n"
BACKEND = ["--backend", "simulator"] if sys.platform == "win32" else []


@dataclass(frozen=True)
class Outcome:
    """How a command ended; `error` is stderr without the notice about the simulator."""

    code: int
    output: str
    error: str


Runner = Callable[..., Outcome]


def _place_of_options(words: list[str]) -> int | None:
    """Where the options of a command that takes --backend may stand; None for others."""
    found: click.Command | None = cli
    place = 0
    while isinstance(found, click.Group) and place < len(words):
        found = found.get_command(click.Context(found), words[place])
        place += 1
    return place if found is not None and any(each.name == "backend" for each in found.params) else None


def make_runner(capsys: pytest.CaptureFixture[str]) -> Runner:
    """Gives a function that runs a command line in this process."""

    def call(*arguments: str | os.PathLike[str]) -> Outcome:
        capsys.readouterr()
        words = [os.fspath(argument) for argument in arguments]
        place = _place_of_options(words)
        if place is not None and "--backend" not in words:
            words[place:place] = BACKEND
        code = run(words)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Outcome(code, captured.out, captured.err.replace(NOTICE, ""))

    return call


def add_to_machines(
    patch: pytest.MonkeyPatch, *, writers: Iterable[simulator.Writer] = (), faults: Iterable[simulator.Fault] = ()
) -> list[simulator.Machine]:
    """Every machine that a command makes gets these writers and faults too; gives the list that the machines go into."""
    machines: list[simulator.Machine] = []
    real = simulator.running

    @contextmanager
    def running(**options: Any) -> Iterator[simulator.Machine]:
        options["writers"] = [*options.get("writers", ()), *writers]
        with real(**options, faults=list(faults)) as machine:
            machines.append(machine)
            yield machine

    patch.setattr(simulator, "running", running)
    return machines


def make_server(tmp_path: Path, patch: pytest.MonkeyPatch, **options: Any) -> dict[str, Path]:
    """A machine folder that commands use, with the volumes C: and D:, each with a file; gives the volumes' folders."""
    volumes = {name: tmp_path / name for name in ("C", "D")}
    for name, folder in volumes.items():
        folder.mkdir()
        (folder / "file").write_text(name, encoding="ascii")
    simulator.configure(
        tmp_path / "server",
        volumes={f"{name}:\\": folder for name, folder in volumes.items()},
        environment={},
        **{"writers": [], **options},
    )
    patch.setenv("VSSPY_SIMULATOR", os.fspath(tmp_path / "server"))
    return volumes


def snapshot_of(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything below a folder with its contents, mode and times."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        st = path.lstat()
        if path.is_symlink():
            contents: object = os.readlink(path)
        else:
            contents = path.read_bytes() if path.is_file() else None
        found[path.relative_to(folder).as_posix()] = (contents, st.st_mode, st.st_mtime_ns)
    return found
