"""`vsspy delete`: shadow copies that are not wanted any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from ..administration import administration, shadow_copies
from ..enums import ObjectType
from ..errors import VssError
from .console import complain
from .errors import CommandError
from .interrupts import stopping
from .main import describe, guarded
from .options import backend_option, confirm, json_option, on_machine, yes_option
from .report import as_json
from .values import Guid, VolumeNamer

if TYPE_CHECKING:
    from .._properties import SnapshotProperties

__all__ = ["command"]


@click.command(name="delete", short_help="Delete shadow copies.")
@click.option("--id", "ids", type=Guid(), multiple=True, help="This shadow copy; repeat it for more.")
@click.option("--set", "set_id", type=Guid("set"), help="All shadow copies of this set.")
@click.option("--oldest", metavar="VOLUME", help="The oldest shadow copy of VOLUME; * is any volume.")
@click.option("--volume", metavar="VOLUME", help="With --all: only those of VOLUME.")
@click.option("--all", "everything", is_flag=True, help="All shadow copies, whoever made them.")
@click.option("--force", is_flag=True, help="Also what is in use.")
@yes_option
@json_option
@backend_option
@guarded
def command(
    ids: tuple[UUID, ...],
    set_id: UUID | None,
    oldest: str | None,
    volume: str | None,
    everything: bool,
    force: bool,
    yes: bool,
    as_json_text: bool,
    backend: str | None,
) -> int:
    """Delete shadow copies: give one of --id, --set, --oldest and --all. What they hold cannot be brought back.

    They are deleted one by one, the oldest first; what cannot be deleted is told, and the others are deleted all the same.

    \b
    Examples:
      vsspy delete --id 2f2c0b1e-5c2f-4b8b-8a63-0b6c1c7a4f10
      vsspy delete --oldest C:\\ --yes
      vsspy delete --volume C:\\ --all
      vsspy delete --all --yes --json

    \b
    Exit codes:
      0    deleted; with --all also where there was nothing
      1    some could not be deleted
      2    nothing was deleted
      130  Ctrl-C, 143 SIGTERM: some may be deleted
    """
    if volume is not None and not everything:
        raise CommandError("--volume goes with --all; for one shadow copy give --id or --oldest VOLUME")
    given = [name for name, value in (("--id", ids), ("--set", set_id), ("--oldest", oldest)) if value]
    given += ["--all"] if everything else []
    if len(given) != 1:
        raise CommandError(
            "give one of --id, --set, --oldest and --all" + (f", not {' and '.join(given)}" if given else "")
        )
    with on_machine(backend):
        copies = _wanted(ids, set_id, oldest, volume)
        if copies:
            confirm(_question(copies, VolumeNamer.here()), yes=yes)
        deleted, failed = _delete(copies, force)
    if as_json_text:
        click.echo(as_json({"deleted": deleted, "failed": failed}, ascii_only=True), nl=False)
    else:
        click.echo(f"Deleted {len(deleted)} shadow cop{'y' if len(deleted) == 1 else 'ies'}.")
    return 0 if not failed else 1 if deleted else 2


def _wanted(
    ids: Sequence[UUID], set_id: UUID | None, oldest: str | None, volume: str | None
) -> list[SnapshotProperties]:
    if ids:
        there = {copy.snapshot_id: copy for copy in shadow_copies()}
        for each in ids:
            if each not in there:
                raise CommandError(f"there is no shadow copy {each}; `vsspy list shadows` shows those there are")
        return [there[each] for each in dict.fromkeys(ids)]
    if set_id is not None:
        found = shadow_copies(set_id=set_id)
        if not found:
            raise CommandError(f"there is no set {set_id}; `vsspy list shadows` shows those there are")
        return found
    found = shadow_copies(None if oldest == "*" else oldest if oldest is not None else volume)
    if oldest is not None and not found:
        raise CommandError("there are no shadow copies" if oldest == "*" else f"{oldest} has no shadow copies")
    return found if oldest is None else found[:1]


def _question(copies: Sequence[SnapshotProperties], namer: VolumeNamer) -> str:
    first = copies[0]
    if len(copies) == 1:
        what = f"the shadow copy {first.snapshot_id} of {namer(first.original_volume)}, made {first.created:%Y-%m-%d %H:%M:%S} UTC"
    else:
        volumes = ", ".join(sorted({namer(copy.original_volume) for copy in copies}))
        what = f"{len(copies)} shadow copies of {volumes}"
    return f"Delete {what}?"


def _delete(copies: Sequence[SnapshotProperties], force: bool) -> tuple[list[str], list[dict[str, Any]]]:
    deleted: list[str] = []
    failed: list[dict[str, Any]] = []
    with administration() as components, stopping(lambda: f"stopped; {len(deleted)} of {len(copies)} were deleted"):
        for copy in copies:
            try:
                components.delete_snapshots(copy.snapshot_id, ObjectType.SNAPSHOT, force)
            except VssError as error:
                complain(describe(error))
                failed.append({"id": str(copy.snapshot_id), "reason": describe(error)})
            else:
                deleted.append(str(copy.snapshot_id))
    return deleted, failed
