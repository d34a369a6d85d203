"""The command group, and what all commands have in common: one line for an error, and exit codes."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import ParamSpec

import click

from .. import __version__
from .._typed_errors import MACHINE_FOLDER
from ..errors import VssError
from .console import complain
from .errors import CommandError
from .filecopy import TargetError, reason
from .interrupts import Interrupted
from .roots import shown

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
            complain("stopped; nothing was made")
            return error.exit_code
        except KeyboardInterrupt:
            return 130
        except BrokenPipeError:
            # Whoever read our output has gone; the interpreter must not complain about that at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except (CommandError, TargetError, VssError, OSError) as error:
            complain(describe(error))
            return 2

    return call


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="vsspy", message="%(prog)s %(version)s")
def cli() -> None:
    """Back up files through shadow copies of Microsoft's Volume Shadow Copy Service (VSS).

    On Windows this talks to the service itself and needs an elevated prompt. Anywhere else a simulator stands in for it, so that
    everything can be tried and tested; the commands say so on stderr.

    \b
    Examples:
      vsspy backup C:\\Data --to E:\\Backup
      vsspy backup examples/server --to backup --writers-from examples/writers
      vsspy writers --save documents
      vsspy shadows
      vsspy simulator init server --volume 'C:\\=/srv/image'
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line (sys.argv by default) and returns its exit code."""
    from . import backup, shadows, simulator, writers

    logging.getLogger("vsspy").addHandler(logging.NullHandler())  # what it says is in the report's notes
    for module in (backup, shadows, simulator, writers):
        cli.add_command(module.command)
    try:
        code = cli.main(args=None if arguments is None else list(arguments), prog_name="vsspy", standalone_mode=False)
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
