"""`vsspy list shadows`: which shadow copies there are."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import click

from ..administration import shadow_copies
from .console import print_table
from .main import guarded
from .options import backend_option, json_option, on_machine
from .report import as_json
from .values import Guid, VolumeNamer, shadow_facts

__all__ = ["command", "print_shadows"]


@click.command(name="shadows", short_help="List the shadow copies that exist now.")
@click.option("--volume", metavar="VOLUME", help="Only those of VOLUME, for example C:\\ or a volume GUID path.")
@click.option("--set", "set_id", type=Guid("set"), help="Only those of this set.")
@click.option("--id", "snapshot_id", type=Guid(), help="Only this one.")
@json_option
@backend_option
@guarded
def command(
    volume: str | None, set_id: UUID | None, snapshot_id: UUID | None, as_json_text: bool, backend: str | None
) -> int:
    """List the shadow copies that exist now, the oldest first, whoever made them.

    A simulated machine made for this command has none; that of VSSPY_SIMULATOR=FOLDER keeps persistent ones.

    \b
    Examples:
      vsspy list shadows
      vsspy list shadows --volume C:\\ --json

    \b
    Exit codes:
      0    listed, even where there are none
      2    VSS could not be asked, or wrong input
    """
    with on_machine(backend):
        copies = shadow_copies(volume, set_id=set_id, snapshot_id=snapshot_id)
        namer = VolumeNamer.here()
    facts = [shadow_facts(copy, namer) for copy in copies]
    if as_json_text:
        click.echo(as_json({"shadow_copies": facts}, ascii_only=True), nl=False)
    elif not facts:
        click.echo(
            "There are no shadow copies." if volume is None and set_id is None and snapshot_id is None else "None."
        )
    else:
        print_shadows(facts)
    return 0


def print_shadows(facts: list[dict[str, object]]) -> None:
    """Shadow copies for people, those of a set together."""
    for number, set_id in enumerate(dict.fromkeys(each["set_id"] for each in facts)):
        members = [each for each in facts if each["set_id"] == set_id]
        if number:
            click.echo()
        there = f"{len(members)} of {members[0]['snapshots_in_set']} shadow copies"
        made = datetime.fromisoformat(str(members[0]["created"]))
        click.echo(f"Set {set_id}: {there}, made {made:%Y-%m-%d %H:%M:%S} UTC")
        for index, each in enumerate(members):
            if index:
                click.echo()
            attributes = each["attributes"]
            assert isinstance(attributes, list)
            exposed = f"{each['exposed']}" + (f" (its folder {each['exposed_path']})" if each["exposed_path"] else "")
            rows = [
                ("  Id", each["id"]),
                ("  Volume", each["volume"]),
                ("  Device", each["device"] or "none until it is imported"),
                ("  Exposed as", exposed if each["exposed"] is not None else ""),
                ("  Context", each["context"] or ""),
                ("  Attributes", ", ".join(attributes)),
                ("  Provider", each["provider_id"]),
                ("  Made on", each["originating_machine"]),
            ]
            print_table(("", ""), [row for row in rows if row[1]], header=False)
