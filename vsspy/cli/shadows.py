"""`vsspy shadows`: which shadow copies there are."""

from __future__ import annotations

import click

from ..backup_components import BackupComponents
from ..enums import SnapshotContext
from .console import print_table
from .interrupts import Interrupts
from .machine import is_simulated, machine
from .main import guarded
from .report import as_json

__all__ = ["command"]


@click.command(name="shadows", short_help="List the shadow copies that exist now.")
@click.option("--json", "as_json_text", is_flag=True, help="Print JSON on stdout.")
@click.option(
    "--backend",
    type=click.Choice(["windows", "simulator"]),
    help="The VSS to use. Default: windows on Windows, else simulator.",
)
@guarded
def command(as_json_text: bool, backend: str | None) -> int:
    """List the shadow copies that exist now, whoever made them.

    A simulated machine made for this command has none.

    \b
    Examples:
      vsspy shadows
      vsspy shadows --json
    """
    with Interrupts(), machine(is_simulated(backend), {}, []), BackupComponents() as components:
        components.initialize_for_backup()
        components.set_context(SnapshotContext.ALL)
        copies = sorted(components.query(), key=lambda copy: copy.creation_time)
    if as_json_text:
        values = [
            {
                "id": str(copy.snapshot_id),
                "set_id": str(copy.snapshot_set_id),
                "volume": copy.original_volume,
                "device": copy.device_object,
                "created": copy.created.isoformat(),
                "attributes": int(copy.attributes),
                "provider_id": str(copy.provider_id),
            }
            for copy in copies
        ]
        click.echo(as_json(values, ascii_only=True), nl=False)
    elif not copies:
        click.echo("There are no shadow copies.")
    else:
        rows = (
            (copy.snapshot_id, copy.original_volume, f"{copy.created:%Y-%m-%d %H:%M:%S}", copy.device_object)
            for copy in copies
        )
        print_table(("Shadow copy", "Volume", "Created (UTC)", "Device"), rows)
    return 0
