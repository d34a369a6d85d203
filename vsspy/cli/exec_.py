"""`vsspy exec`: a command that reads shadow copies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import click

from .._filecopy import reason
from .._roots import shown
from ..errors import VssError
from .console import complain
from .errors import CommandError
from .interrupts import Interrupted
from .machine import machine_options
from .main import describe, guarded
from .options import folders_option
from .report import as_json
from .running import Placeholders, run_command, shadow_environment
from .taking import Taken, Wish, taken, writer_failures

__all__ = ["command"]

FAILED = 2  # where there are no shadow copies


@click.command(
    name="exec",
    short_help="Run a command on shadow copies.",
    context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False},
)
@click.option("-v", "volumes", metavar="VOLUME", multiple=True, required=True, help="A volume; repeat it for more.")
@click.option("--no-writers", is_flag=True, help="Do not let writers freeze and thaw.")
@click.option("--timeout", metavar="S", type=click.FloatRange(0, min_open=True), help="Limit in seconds for each wait.")
@click.option("--json", "report", metavar="FILE", help="Write JSON into FILE, since stdout is the command's.")
@folders_option
@machine_options
@click.argument("arguments", metavar="-- COMMAND [ARGS]...", nargs=-1, required=True, type=click.UNPROCESSED)
@guarded
def command(
    volumes: tuple[str, ...],
    no_writers: bool,
    timeout: float | None,
    report: str | None,
    folders: tuple[str, ...],
    backend: str | None,
    writers_from: str | None,
    arguments: tuple[str, ...],
) -> int:
    """Make shadow copies of the VOLUMEs, run COMMAND without a shell, and delete them again, however it ends.

    In ARGS, {C:} is replaced by the root of C:'s shadow copy, and so is each -v VOLUME's name in braces, with or without its final
    backslash; {0} is the first VOLUME, {1} the second. A root ends in a separator, and one that follows is not doubled: {C:}\\Data
    is right. Other braces stay as they are; {{0}} stands for {0}. COMMAND finds the same roots in VSSPY_SHADOW_0 and so on, with
    VSSPY_SHADOW_0_VOLUME, VSSPY_SHADOW_0_ID and VSSPY_SHADOW_SET.

    COMMAND's exit code is this command's. Where there were no shadow copies it is 2; if COMMAND may end with 2 itself, --json FILE
    tells: exit_code is null there if COMMAND never ran, and error says why.

    \b
    Examples:
      vsspy exec -v C: -- robocopy {C:}\\Data E:\\Data /MIR /B
      vsspy exec -v C: -v D: --no-writers -- restic backup {C:}\\Users {D:}\\Mail
      vsspy exec -v /srv/data -- tar -cf backup.tar -C {0} .

    \b
    Exit codes:
      COMMAND's own; 128 and the signal's number where a signal ended it
      2    there were no shadow copies, or they were lost while COMMAND ran, or COMMAND could not be started
      130  Ctrl-C before COMMAND ran, 143 SIGTERM
    """
    facts: dict[str, Any] = {
        "command": [shown(word) for word in arguments],
        "exit_code": None,
        "error": None,
        "shadow_copies": [],
        "failed_writers": [],
        "notes": [],
    }
    if report is not None:
        _check_report(report)
    try:
        wish = Wish(volumes, folders, backend, writers_from, writers=not no_writers, timeout=timeout)
        code = _run(wish, arguments, facts)
    except Interrupted as error:
        when = "before the command ran" if facts["exit_code"] is None else "after the command had ended"
        facts["error"] = f"stopped {when}"
        complain(f"stopped {when}; the shadow copies are deleted")
        code = error.exit_code
    except (CommandError, VssError, OSError) as error:
        facts["error"] = describe(error)
        complain(describe(error))
        code = FAILED if not facts["exit_code"] else facts["exit_code"]
    if report is not None:
        _write_report(report, facts)
    return code


def _run(wish: Wish, arguments: Sequence[str], facts: dict[str, Any]) -> int:
    with taken(wish, lambda names: Placeholders(names).check(arguments)) as made:
        facts["shadow_copies"] = made.facts
        filled = Placeholders(made.names).fill(arguments, made.roots)
        facts["command"] = [shown(word) for word in filled]
        environment = shadow_environment(made.copies)
        code = facts["exit_code"] = run_command(filled, environment, made.interrupts)
    _note(made, facts)
    return code


def _note(made: Taken, facts: dict[str, Any]) -> None:
    facts["failed_writers"] = writer_failures(made.session)
    facts["notes"] = [shown(note) for note in made.session.result.notes]
    for note in made.session.result.notes:
        complain(note)


def _check_report(path: str) -> None:
    if os.path.isdir(path):
        raise CommandError(f"--json {shown(path)} is a folder; give a file")
    if not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        raise CommandError(f"--json {shown(path)}: its folder does not exist")


def _write_report(path: str, facts: dict[str, Any]) -> None:
    try:
        with open(path, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(as_json(facts, ascii_only=True))
    except OSError as error:
        complain(f"--json {shown(path)}: {reason(error)}")
