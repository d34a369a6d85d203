"""`vsspy list reverts`: which volumes are being set back to a shadow copy."""

from __future__ import annotations

import click

from .._roots import shown
from ..administration import volumes_reverting
from .console import print_table
from .main import guarded
from .options import backend_option, json_option, on_machine
from .report import as_json
from .values import VolumeNamer

__all__ = ["command"]


@click.command(name="reverts", short_help="List the volumes that are being set back to a shadow copy.")
@json_option
@backend_option
@guarded
def command(as_json_text: bool, backend: str | None) -> int:
    """List the volumes that are being set back to a shadow copy now: `vsspy revert` begins that, and it goes on after a restart.

    \b
    Examples:
      vsspy list reverts

    \b
    Exit codes:
      0    listed, even where there are none
      2    VSS could not be asked, or wrong input
    """
    with on_machine(backend):
        found = volumes_reverting()
        namer = VolumeNamer.here()
    values = [{"volume": shown(namer(path)), "volume_path": shown(path)} for path in found]
    if as_json_text:
        click.echo(as_json({"reverts": values}, ascii_only=True), nl=False)
    elif not values:
        click.echo("There are no reverts under way.")
    else:
        print_table(("Volume", "Path"), ((each["volume"], each["volume_path"]) for each in values))
    return 0
