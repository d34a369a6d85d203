"""Which VSS a command talks to: that of Windows, or a simulated machine made for the command."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from .._roots import shown
from ..errors import VssError
from .console import complain
from .errors import CommandError

if TYPE_CHECKING:
    from ..simulator import Machine, Writer

__all__ = ["folder_volumes", "is_simulated", "load_writers", "machine", "machine_options"]

F = TypeVar("F", bound=Callable[..., object])


def is_simulated(backend: str | None, *, other_options: bool = False) -> bool:
    """Whether the simulator is used.

    Args:
        backend: --backend, None if it is not given.
        other_options: Whether options were given that only mean something there.

    Raises:
        CommandError: VSS is asked for where there is none, or the options contradict each other.
    """
    if backend is None:
        here = "windows" if sys.platform == "win32" else "simulator"
        backend = os.environ.get("VSSPY_BACKEND") or here
        if backend not in {"windows", "simulator"}:
            raise CommandError(f"VSSPY_BACKEND={backend}: set it to windows or simulator")
        if backend != here and sys.platform == "win32" and not os.environ.get("VSSPY_SIMULATOR"):
            # A variable that was forgotten must not turn a real backup into a fake one.
            raise CommandError(f"VSSPY_BACKEND={backend} is not enough here; give --backend {backend} to mean it")
    if backend == "simulator":
        return True
    if sys.platform != "win32":
        raise CommandError(
            "the windows backend: the Volume Shadow Copy Service exists on Windows only; leave it out to use the simulator"
        )
    elif other_options:
        raise CommandError("--volume and --writers-from describe a simulated machine; add --backend simulator")
    else:
        return False


def load_writers(folder: str | None, option: str = "--writers-from") -> list[Writer]:
    """The writers of --writers-from, or of another option.

    Raises:
        CommandError: The folder is missing or holds no Writer Metadata Document, or one cannot be read.
    """
    if folder is None:
        return []
    if not os.path.isdir(folder):
        what = "is not a folder" if os.path.lexists(folder) else "does not exist"
        raise CommandError(f"{option} {shown(folder)} {what}; give a folder of Writer Metadata Documents (*.xml)")
    from ..simulator import Writer

    try:
        writers = Writer.folder(folder)
    except (VssError, OSError, ValueError) as error:
        raise CommandError(f"{option} {shown(folder)}: {error}") from error
    if not writers:
        raise CommandError(f"{option} {shown(folder)} holds no Writer Metadata Document (*.xml)")
    return writers


def folder_volumes(simulated: bool) -> dict[str, str]:
    """The volumes of the machine that VSSPY_SIMULATOR describes, name to folder; none where there is no such machine."""
    folder = os.environ.get("VSSPY_SIMULATOR")
    if not folder or not simulated:
        return {}
    from .._machine_folder import read_settings

    return {each["name"]: os.path.realpath(each["folder"]) for each in read_settings(folder)["volumes"]}


@contextmanager
def machine(simulated: bool, volumes: Mapping[str, str], writers: list[Writer]) -> Iterator[Machine | None]:
    """Makes the simulated machine that a command runs on, where it runs on one: VSSPY_SIMULATOR's where that is set.

    A person is told, on stderr, since off Windows nobody asked for it.

    Raises:
        CommandError: the options describe another machine than VSSPY_SIMULATOR.
    """
    if not simulated:
        yield None
        return
    from .. import simulator

    if sys.platform != "win32":
        complain("this is not Windows: the simulator stands in for the Volume Shadow Copy Service")
    folder = os.environ.get("VSSPY_SIMULATOR")
    if not folder:
        with simulator.running(volumes=volumes, writers=writers) as running:
            yield running
        return
    if writers:
        raise CommandError("--writers-from and VSSPY_SIMULATOR both say which writers there are; leave one of them out")
    with simulator.opened(folder) as running:
        foreign = [name for name in volumes if name not in running.volumes]
        if foreign:
            raise CommandError(f"{shown(foreign[0])} is on no volume of the machine of VSSPY_SIMULATOR={shown(folder)}")
        yield running


def machine_options(command: F) -> F:
    """--backend and --writers-from, which several commands have."""
    documents = click.option(
        "--writers-from",
        metavar="FOLDER",
        help="Simulator: the writers are those whose metadata documents (*.xml) are in this folder.",
    )
    choice = click.Choice(["windows", "simulator"])
    backend = click.option(
        "--backend", type=choice, help="The VSS to use. Default: windows on Windows, else simulator."
    )
    return backend(documents(command))
