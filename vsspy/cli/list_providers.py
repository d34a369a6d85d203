"""`vsspy list providers`: what makes shadow copies."""

from __future__ import annotations

import click

from .._roots import shown
from ..administration import providers
from .console import print_table
from .main import guarded
from .options import backend_option, json_option, on_machine
from .report import as_json
from .values import word

__all__ = ["command"]


@click.command(name="providers", short_help="List the providers that are registered.")
@json_option
@backend_option
@guarded
def command(as_json_text: bool, backend: str | None) -> int:
    """List the providers that are registered: what makes the shadow copies.

    \b
    Examples:
      vsspy list providers

    \b
    Exit codes:
      0    listed
      2    VSS could not be asked, or wrong input
    """
    with on_machine(backend):
        found = providers()
    if as_json_text:
        values = [
            {
                "id": str(each.provider_id),
                "name": shown(each.name),
                "type": word(each.type),
                "version": shown(each.version),
                "version_id": str(each.version_id),
                "class_id": str(each.class_id),
            }
            for each in found
        ]
        click.echo(as_json({"providers": values}, ascii_only=True), nl=False)
    elif not found:
        click.echo("There are no providers.")
    else:
        rows = ((each.name, word(each.type), each.version, each.provider_id) for each in found)
        print_table(("Provider", "Type", "Version", "Id"), rows)
    return 0
