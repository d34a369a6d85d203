"""`vsspy list`: what there is on this computer."""

from __future__ import annotations

import click

from . import list_providers, list_reverts, list_shadows, list_storage, list_volumes, list_writers

__all__ = ["command"]


@click.group(name="list", short_help="List shadow copies, writers, providers, volumes, storage areas or reverts.")
def command() -> None:
    """List what there is on this computer.

    \b
    Examples:
      vsspy list shadows
      vsspy list writers --components
      vsspy list storage --json

    \b
    Exit codes:
      0    listed, even where there is nothing
      2    VSS could not be asked, or wrong input
    """


for _module in (list_providers, list_reverts, list_shadows, list_storage, list_volumes, list_writers):
    command.add_command(_module.command)
