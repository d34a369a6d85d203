"""`vsspy mount`: a shadow copy as a folder, for as long as somebody looks at it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

import click

from .._filecopy import reason
from .._paths import VolumeNames
from .._roots import shown
from ..administration import shadow_copies
from ..shadow import ShadowCopy
from .console import complain
from .errors import CommandError
from .machine import machine_options
from .main import guarded
from .options import folders_option, json_option, on_machine
from .report import as_json
from .running import Placeholders, run_command, shadow_environment, wait_for_end
from .taking import Wish, taken, writer_failures
from .values import Guid, VolumeNamer, shadow_facts

if TYPE_CHECKING:
    from .interrupts import Interrupts

__all__ = ["command"]


@click.command(name="mount", short_help="Look at a shadow copy through a folder, until Ctrl-C.")
@click.argument("first", metavar="VOLUME|LINK")
@click.argument("rest", metavar="[LINK] [-- COMMAND [ARGS]...]", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--id", "snapshot_id", type=Guid(), help="Link this shadow copy, which is there already; leave VOLUME out."
)
@click.option("--no-writers", is_flag=True, help="Do not let writers freeze and thaw.")
@click.option("--timeout", metavar="S", type=click.FloatRange(0, min_open=True), help="Limit in seconds for each wait.")
@json_option
@folders_option
@machine_options
@guarded
def command(
    first: str,
    rest: tuple[str, ...],
    snapshot_id: UUID | None,
    no_writers: bool,
    timeout: float | None,
    as_json_text: bool,
    folders: tuple[str, ...],
    backend: str | None,
    writers_from: str | None,
) -> int:
    """Make a shadow copy of VOLUME and the symbolic link LINK to its root; remove both at Ctrl-C, or when COMMAND ends.

    With --id the shadow copy is one that is there already, and stays. COMMAND is run as `vsspy exec` does it. On Windows symbolic
    links need a right that administrators have.

    \b
    Examples:
      vsspy mount C:\\ C:\\Yesterday
      vsspy mount C:\\ C:\\Now -- robocopy C:\\Now\\Data E:\\Data /MIR
      vsspy mount --id 2f2c0b1e-5c2f-4b8b-8a63-0b6c1c7a4f10 C:\\Yesterday

    \b
    Exit codes:
      0    it was there until Ctrl-C or SIGTERM
      2    nothing was made, or the shadow copy was lost meanwhile
      with COMMAND: its own, as for `vsspy exec`
    """
    words = [first, *rest]
    count = 1 if snapshot_id is not None else 2
    if len(words) < count:
        raise CommandError("give the VOLUME and the LINK, or --id and the LINK")
    if not words[count - 1]:
        raise CommandError("LINK is empty; give a path that does not exist yet")
    link, arguments = os.path.abspath(words[count - 1]), words[count:]
    _check_link(link)
    if snapshot_id is not None:
        if no_writers or timeout is not None:
            raise CommandError(
                "--no-writers and --timeout are for a shadow copy that is made; --id names one that is there"
            )
        with on_machine(backend, folders, writers_from) as (interrupts, machine):
            copy = _existing(snapshot_id, simulated=machine is not None)
            if arguments:
                Placeholders([copy.volume]).check(arguments)
            return _hold(link, {copy.volume: copy}, arguments, as_json_text, interrupts, " the link")
    wish = Wish([first], folders, backend, writers_from, writers=not no_writers, timeout=timeout)
    with taken(wish, lambda names: Placeholders(names).check(arguments) if arguments else None) as made:
        code = _hold(link, made.copies, arguments, as_json_text, made.interrupts, " both")
    writer_failures(made.session)
    return code


def _existing(snapshot_id: UUID, *, simulated: bool) -> ShadowCopy:
    found = shadow_copies(snapshot_id=snapshot_id)
    if not found:
        raise CommandError(f"there is no shadow copy {snapshot_id}; `vsspy list shadows` shows those there are")
    if not found[0].device_object:
        raise CommandError(f"the shadow copy {snapshot_id} has no device until it is imported")
    name = VolumeNamer.here()(found[0].original_volume)
    return ShadowCopy(found[0], name, VolumeNames(), simulated=simulated)


def _hold(
    link: str,
    copies: Mapping[str, ShadowCopy],
    arguments: Sequence[str],
    as_json_text: bool,
    interrupts: Interrupts,
    what: str,
) -> int:
    """Makes the link, and runs the command or waits for Ctrl-C."""
    (name, copy), *_ = copies.items()
    with _linked(link, copy.root, interrupts):
        if as_json_text:
            facts = {"link": shown(link), "shadow_copy": shadow_facts(copy.properties, VolumeNamer.here())}
            click.echo(as_json(facts, ascii_only=True), nl=False)
            sys.stdout.flush()
        if arguments:
            filled = Placeholders([name]).fill(arguments, {name: copy.root})
            return run_command(filled, shadow_environment(copies), interrupts, quiet_stdout=as_json_text)
        complain(f"{link} shows the shadow copy of {name}; Ctrl-C removes{what}")
        wait_for_end(interrupts, copy.check)
    return 0


def _check_link(link: str) -> None:
    if os.path.lexists(link):
        raise CommandError(f"{shown(link)} exists; choose a name for the link that is free")
    if not os.path.isdir(os.path.dirname(link)):
        raise CommandError(f"{shown(os.path.dirname(link))} is no folder; the link would go there")


@contextmanager
def _linked(link: str, root: str, interrupts: Interrupts) -> Iterator[None]:
    """A symbolic link to a folder for the time of the block; at the end it is removed if it is still the one that was made."""
    made: os.stat_result | None = None
    try:
        with interrupts.held():
            try:
                os.symlink(root, link, target_is_directory=True)
            except OSError as error:
                raise CommandError(f"{shown(link)}: {reason(error)}; nothing was made") from error
            made = os.lstat(link)
        yield
    finally:
        with interrupts.held():
            if made is not None:
                _remove(link, made)


def _remove(link: str, made: os.stat_result) -> None:
    try:
        there = os.lstat(link)
        if not (stat.S_ISLNK(there.st_mode) and (there.st_dev, there.st_ino) == (made.st_dev, made.st_ino)):
            complain(f"{link} is not the link that was made any more; it was left as it is")
        elif os.name == "nt":
            os.rmdir(link)
        else:
            os.unlink(link)
    except FileNotFoundError:
        pass  # somebody was quicker
    except OSError as error:
        complain(f"{link} could not be removed: {reason(error)}")
