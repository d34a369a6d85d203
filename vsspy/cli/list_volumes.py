"""`vsspy list volumes`: which volumes there are, and whether they can have shadow copies."""

from __future__ import annotations

import click

from .._roots import shown
from ..administration import providers, volume_states
from .console import print_table
from .main import guarded
from .options import backend_option, folders_option, json_option, on_machine
from .report import as_json
from .values import flag_names

__all__ = ["command"]


@click.command(name="volumes", short_help="List the volumes, and which can have shadow copies.")
@json_option
@folders_option
@backend_option
@guarded
def command(as_json_text: bool, folders: tuple[str, ...], backend: str | None) -> int:
    """List the volumes with all their names, which providers can make shadow copies of them, and whether there are any.

    What is listed as disabled cannot be done with a volume as long as it has shadow copies.

    \b
    Examples:
      vsspy list volumes
      vsspy list volumes --json

    \b
    Exit codes:
      0    listed, even where there are none
      2    VSS could not be asked, or wrong input
    """
    with on_machine(backend, folders):
        found = volume_states()
        names = {each.provider_id: each.name for each in providers()}
    values = [
        {
            "names": [shown(name) for name in each.names],
            "path": shown(each.path),
            "supported_by": [{"id": str(provider), "name": shown(names[provider])} for provider in each.providers],
            "has_shadow_copies": each.has_shadow_copies,
            "disabled": flag_names(each.compatibility),
        }
        for each in found
    ]
    if as_json_text:
        click.echo(as_json({"volumes": values}, ascii_only=True), nl=False)
    elif not values:
        click.echo("There are no volumes.")
    else:
        rows = (
            (
                "\n".join(each.names),
                "\n".join(names[provider] for provider in each.providers) or "none",
                "yes" if each.has_shadow_copies else "no",
                ", ".join(flag_names(each.compatibility)),
            )
            for each in found
        )
        print_table(("Volume", "Supported by", "Shadow copies", "Disabled"), rows)
    return 0
