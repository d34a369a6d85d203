"""Options that several commands have, and what they share at the beginning: the machine, and a question before data goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, cast, get_args

import click

from .._paths import volume_name
from .._roots import shown
from .._session_options import VolumePolicy
from ..errors import InvalidArgumentError
from .errors import CommandError
from .interrupts import Interrupts
from .machine import is_simulated, load_writers, machine
from .places import parse_volumes

if TYPE_CHECKING:
    from ..simulator import Machine

__all__ = ["backend_option", "confirm", "folders_option", "json_option", "on_machine", "volume_policies", "yes_option"]

F = TypeVar("F", bound=Callable[..., object])


def json_option(command: F) -> F:
    """--json, which prints one object and nothing else."""
    return click.option(
        "--json", "as_json_text", is_flag=True, help="Print JSON on stdout, and nothing else there: see `vsspy schema`."
    )(command)


def backend_option(command: F) -> F:
    """--backend."""
    choice = click.Choice(["windows", "simulator"])
    return click.option("--backend", type=choice, help="The VSS to use. Default: windows on Windows, else simulator.")(
        command
    )


def folders_option(command: F) -> F:
    """--volume NAME=FOLDER."""
    return click.option(
        "--volume",
        "folders",
        metavar="NAME=FOLDER",
        multiple=True,
        help="Simulator: FOLDER plays the volume NAME, for example 'C:\\=/srv/image'.",
    )(command)


def yes_option(command: F) -> F:
    """--yes."""
    return click.option("--yes", is_flag=True, help="Do not ask. Demanded where there is no terminal to ask on.")(
        command
    )


def writer_rule(text: str, option: str) -> tuple[str, str | None]:
    """The WRITER[:COMPONENT] of an option: the writer, and the component or None for all of them.

    Raises:
        CommandError: it is not of that form.
    """
    writer, colon, component = text.partition(":")
    if not writer or (colon and not component):
        raise CommandError(f"{option} {shown(text)}: write WRITER or WRITER:COMPONENT")
    return writer, component if colon else None


def volume_policies(texts: Sequence[str]) -> dict[str, VolumePolicy]:
    """The VOLUME=required|preferred|never of --policy, by the volume's name.

    Raises:
        CommandError: one is not of that form, or a volume has two.
    """
    policies: dict[str, VolumePolicy] = {}
    known = get_args(VolumePolicy)
    for text in texts:
        volume, _, policy = text.rpartition("=")
        if not volume or policy not in known:
            raise CommandError(f"--policy {shown(text)}: write VOLUME={'|'.join(known)}")
        try:
            name = volume_name(volume)
        except InvalidArgumentError:
            name = volume_name(os.path.abspath(volume))
        if policies.setdefault(name, cast("VolumePolicy", policy)) != policy:
            raise CommandError(f"--policy {shown(text)}: this volume has another policy already")
    return policies


@contextmanager
def on_machine(
    backend: str | None, folders: Sequence[str] = (), writers_from: str | None = None
) -> Iterator[tuple[Interrupts, Machine | None]]:
    """Signals are taken over and the machine is in use; the arguments are the options' values."""
    simulated = is_simulated(backend, other_options=bool(folders or writers_from))
    volumes = parse_volumes(folders)
    writers = load_writers(writers_from)
    with Interrupts() as interrupts, machine(simulated, volumes, writers) as running:
        yield interrupts, running


def confirm(question: str, *, yes: bool) -> None:
    """Asks on the terminal before what cannot be undone.

    Args:
        question: what will be done.
        yes: --yes was given.

    Raises:
        CommandError: the answer is no, or there is no terminal to ask on.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CommandError(f"{question} There is no terminal to ask on; give --yes to mean it")
    if not click.confirm(question, err=True):
        raise CommandError("nothing was done")
