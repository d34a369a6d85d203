"""The command group, and what all commands have in common: one line for an error, and exit codes."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import ParamSpec

import click

from .. import __version__
from .._filecopy import TargetError, reason
from .._roots import shown
from .._typed_errors import MACHINE_FOLDER
from ..errors import VssError
from .console import complain
from .errors import CommandError
from .interrupts import Interrupted

__all__ = ["run"]

P = ParamSpec("P")


def describe(error: BaseException) -> str:
    """An error in one line: what failed, where, and what can be done."""
    if isinstance(error, TargetError):
        return f"{shown(error.name)} could not be written: {reason(error.cause)}; nothing was made"
    if isinstance(error, VssError):
        told = not error.hint or error.hint in str(error) or error.operation == MACHINE_FOLDER  # these say what to do
        return str(error) if told else f"{error} ({error.hint})"
    if isinstance(error, OSError):
        return f"{shown(os.fsdecode(error.filename))}: {reason(error)}" if error.filename else reason(error)
    return str(error)


def guarded(command: Callable[P, int]) -> Callable[P, int]:
    """Turns the ways a command can fail into its exit code."""

    @functools.wraps(command)
    def call(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            return command(*args, **kwargs)
        except Interrupted as error:
            complain(error.message)
            return error.exit_code
        except KeyboardInterrupt:
            return 130
        except (CommandError, TargetError, VssError, OSError) as error:
            if isinstance(error, BrokenPipeError) or (isinstance(error, OSError) and _came_from_printing(error)):
                if not isinstance(error, BrokenPipeError):
                    complain(f"the output could not be written: {reason(error)}")
                # What was done is done; the interpreter must not complain about the output at exit.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return 1
            complain(describe(error))
            return 2

    return call


def _came_from_printing(error: OSError) -> bool:
    """Whether it was raised by what prints for us: the disk of the output is full, or (on Windows) its reader has gone."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__"))
    return name.partition(".")[0] in ("click", "rich")


# Each command, and its module here, which has it as `command` or as what stands behind the colon. A module is loaded when its command is wanted: a completion of
# the shell's runs at each press of the key.
COMMANDS = {
    "backup": "backup",
    "break": "hardware:break_set",
    "cleanup": "cleanup",
    "completion": "completion",
    "create": "create",
    "delete": "delete",
    "diskshadow": "diskshadow",
    "doctor": "doctor",
    "examine": "examine",
    "exec": "exec_",
    "expose": "expose",
    "import": "hardware:import_set",
    "list": "listing",
    "mount": "mount",
    "plan": "plan",
    "restore": "restore",
    "resync": "resync",
    "revert": "revert",
    "schema": "schema",
    "simulator": "simulator",
    "storage": "storage",
    "unexpose": "expose:unexpose",
}


class _Commands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name].partition(":")
        found: click.Command = getattr(importlib.import_module(f".{module}", __package__), attribute or "command")
        return found


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="vsspy", message="%(prog)s %(version)s")
def cli() -> None:
    """Back up files through shadow copies of Microsoft's Volume Shadow Copy Service (VSS).

    On Windows this talks to the service itself and needs an elevated prompt. Anywhere else a simulator stands in for it, so that
    everything can be tried and tested; the commands say so on stderr.

    \b
    Examples:
      vsspy backup C:\\Data --to E:\\Backup
      vsspy backup examples/server --to backup --writers-from examples/writers
      vsspy restore E:\\Backup --to F:\\Look
      vsspy list writers --save documents
      vsspy list shadows
      vsspy simulator init server --volume 'C:\\=/srv/image'
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line (sys.argv by default) and returns its exit code."""
    try:
        code = cli.main(
            args=None if arguments is None else list(arguments),
            prog_name="vsspy",
            standalone_mode=False,
            windows_expand_args=False,  # --component * is no pattern of files, and {C:}\Data\%X% is for the command
        )
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        where = f" (see {error.ctx.command_path} --help)" if error.ctx is not None else ""
        complain(error.format_message().rstrip(".") + where)
        return 2
    except click.ClickException as error:
        complain(error.format_message())
        return 2
    except click.Abort:
        return 130
    return code if isinstance(code, int) else 0
