"""`vsspy list storage`: where shadow copies are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .._roots import shown
from ..administration import storage_areas
from .console import plain_size, print_table
from .main import guarded
from .options import backend_option, folders_option, json_option, on_machine
from .report import as_json
from .values import VolumeNamer

if TYPE_CHECKING:
    from .._management_properties import DiffAreaProperties

__all__ = ["area_facts", "command", "list_areas"]


@click.command(name="storage", short_help="List the storage areas of shadow copies.")
@click.argument("volume", metavar="[VOLUME]", required=False)
@click.option("--on", "storage", metavar="VOLUME", help="Only those that lie on this volume.")
@json_option
@folders_option
@backend_option
@guarded
def command(
    volume: str | None, storage: str | None, as_json_text: bool, folders: tuple[str, ...], backend: str | None
) -> int:
    """List the storage areas: which volume stores the shadow copies of which, how much they take and may take.

    \b
    Examples:
      vsspy list storage
      vsspy list storage C:\\ --json

    \b
    Exit codes:
      0    listed, even where there are none
      2    VSS could not be asked, or wrong input
    """
    return list_areas(volume, storage, as_json_text, folders, backend)


def list_areas(
    volume: str | None, storage: str | None, as_json_text: bool, folders: tuple[str, ...], backend: str | None
) -> int:
    """What `vsspy list storage` and `vsspy storage list` do."""
    with on_machine(backend, folders):
        areas = storage_areas(volume, on=storage)
        namer = VolumeNamer.here()
    if as_json_text:
        click.echo(as_json({"storage_areas": [area_facts(each, namer) for each in areas]}, ascii_only=True), nl=False)
    elif not areas:
        click.echo("There are no storage areas.")
    else:
        rows = (
            (
                namer(each.volume_name),
                namer(each.diff_area_volume_name),
                plain_size(each.used_diff_space),
                plain_size(each.allocated_diff_space),
                "no limit" if each.maximum_diff_space is None else plain_size(each.maximum_diff_space),
            )
            for each in areas
        )
        print_table(("Volume", "Stored on", "Used", "Allocated", "Maximum"), rows)
    return 0


def area_facts(area: DiffAreaProperties, namer: VolumeNamer) -> dict[str, Any]:
    """A storage area as JSON has it."""
    return {
        "volume": shown(namer(area.volume_name)),
        "volume_path": shown(area.volume_name),
        "storage_volume": shown(namer(area.diff_area_volume_name)),
        "storage_volume_path": shown(area.diff_area_volume_name),
        "used": area.used_diff_space,
        "allocated": area.allocated_diff_space,
        "maximum": area.maximum_diff_space,
    }
