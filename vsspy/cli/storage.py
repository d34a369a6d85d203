"""`vsspy storage`: where shadow copies are stored, and how much they may take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from .._machine import Surroundings
from .._paths import volume_name
from .._roots import shown
from ..administration import storage_areas
from ..errors import InvalidArgumentError
from ..snapshot_management import DifferentialSnapshotManagement, SnapshotManagement
from .console import plain_size
from .errors import CommandError
from .list_storage import area_facts, list_areas
from .main import guarded
from .options import backend_option, confirm, folders_option, json_option, on_machine, yes_option
from .report import as_json
from .values import VolumeNamer

if TYPE_CHECKING:
    from .._management_properties import DiffAreaProperties

__all__ = ["command", "parse_maximum"]

_UNITS = {unit: 1024**power for power, unit in enumerate(("", "K", "M", "G", "T", "P"))}
_MAXIMUM = "SIZE|P%|none"


@click.group(name="storage", short_help="List, add, resize and delete storage areas.")
def command() -> None:
    """Manage storage areas: which volume stores the shadow copies of which, and how much they may take.

    Sizes are bytes, or a number with K, M, G, T or P, in powers of 1024 (10G, 10GB and 10GiB are the same); P% is a part of the
    storing volume; none is no limit. On Windows Server; client editions may refuse it.

    \b
    Examples:
      vsspy storage list
      vsspy storage add C:\\ --on D:\\ --maximum 20G
      vsspy storage resize C:\\ --maximum 10%
      vsspy storage delete C:\\
    """


def parse_maximum(text: str, total: int | None = None) -> int | None:
    """The bytes of --maximum; None for no limit.

    Args:
        text: as the command line has it.
        total: the size of the storing volume, which a percentage is of.

    Raises:
        CommandError: it is none of the forms.
    """
    if text.casefold() in {"none", "unbounded"}:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([KMGTP]?)(?:i?B)?|(%))", text.strip(), re.IGNORECASE)
    if match is None:
        raise CommandError(f"--maximum {shown(text)}: write bytes, 20G, 10% or none")
    number = float(match[1])
    if match[3]:
        if number > 100:
            raise CommandError(f"--maximum {shown(text)}: write at most 100%")
        if total is None:
            raise CommandError(f"--maximum {shown(text)}: the size of the storing volume is not known; give bytes")
        return int(total * number / 100)
    size = int(match[1]) if match[1].isdigit() else number
    return int(size * _UNITS[match[2].upper()])


def _total(management: DifferentialSnapshotManagement, volume: str, storage: str) -> int | None:
    """The size of a volume that may store; None where VSS does not tell."""
    names = Surroundings.of(None).volumes
    wanted = names.identify(storage)
    with management.query_volumes_supported_for_diff_areas(volume) as found:
        return next((each.total_space for each in found if names.identify(each.volume_name) == wanted), None)


@command.command(name="list", short_help="The same as `vsspy list storage`.")
@click.argument("volume", metavar="[VOLUME]", required=False)
@click.option("--on", "storage", metavar="VOLUME", help="Only those that lie on this volume.")
@json_option
@folders_option
@backend_option
@guarded
def list_command(
    volume: str | None, storage: str | None, as_json_text: bool, folders: tuple[str, ...], backend: str | None
) -> int:
    """List the storage areas, all or those of VOLUME.

    \b
    Exit codes:
      0    listed, even where there are none
      2    VSS could not be asked, or wrong input
    """
    return list_areas(volume, storage, as_json_text, folders, backend)


@command.command(name="add", short_help="Store a volume's shadow copies on a volume.")
@click.argument("volume", metavar="VOLUME")
@click.option("--on", "storage", metavar="VOLUME", required=True, help="The volume that stores; it may be the same.")
@click.option("--maximum", metavar=_MAXIMUM, default="none", show_default=True, help="What they may take.")
@json_option
@backend_option
@guarded
def add(volume: str, storage: str, maximum: str, as_json_text: bool, backend: str | None) -> int:
    """Let the shadow copies of VOLUME be stored on another volume, before it has any.

    \b
    Examples:
      vsspy storage add C:\\ --on D:\\ --maximum 20G

    \b
    Exit codes:
      0    added
      2    nothing was done
    """
    volume, storage = _name(volume), _name(storage)
    with on_machine(backend), DifferentialSnapshotManagement() as management:
        size = parse_maximum(maximum, _total(management, volume, storage) if "%" in maximum else None)
        with _at_least(size):
            management.add_diff_area(volume, storage, size)
        return _tell(_find(volume, storage), as_json_text)


@command.command(name="resize", short_help="Set how much a storage area may take.")
@click.argument("volume", metavar="VOLUME")
@click.option("--on", "storage", metavar="VOLUME", help="The volume that stores. Default: the only one that does.")
@click.option("--maximum", metavar=_MAXIMUM, required=True, help="What shadow copies may take.")
@click.option("--volatile", is_flag=True, help="Only until the volume is dismounted or the computer restarted.")
@yes_option
@json_option
@backend_option
@guarded
def resize(
    volume: str,
    storage: str | None,
    maximum: str,
    volatile: bool,
    yes: bool,
    as_json_text: bool,
    backend: str | None,
) -> int:
    """Set how much the shadow copies of VOLUME may take. A limit below what they take deletes the oldest ones: that is asked first.

    \b
    Examples:
      vsspy storage resize C:\\ --maximum 10%
      vsspy storage resize C:\\ --on D:\\ --maximum none

    \b
    Exit codes:
      0    done
      2    nothing was done
    """
    volume = _name(volume)
    with on_machine(backend), DifferentialSnapshotManagement() as management:
        area = _find(volume, storage)
        where = area.diff_area_volume_name
        size = parse_maximum(maximum, _total(management, volume, where) if "%" in maximum else None)
        if size == 0:
            raise CommandError("a maximum of 0 would remove the storage area; `vsspy storage delete` does that")
        if size is not None and size < area.allocated_diff_space:
            confirm(
                f"Shadow copies of {shown(volume)} take {plain_size(area.allocated_diff_space)}; delete the oldest ones to come down to "
                f"{plain_size(size)}?",
                yes=yes,
            )
        with _at_least(size):
            if volatile:
                management.change_diff_area_maximum_size_ex(area.volume_name, where, size, True)
            else:
                management.change_diff_area_maximum_size(area.volume_name, where, size)
        return _tell(_find(volume, where), as_json_text)


@command.command(name="delete", short_help="Remove a storage area that holds nothing.")
@click.argument("volume", metavar="VOLUME")
@click.option("--on", "storage", metavar="VOLUME", help="The volume that stores. Default: the only one that does.")
@yes_option
@json_option
@backend_option
@guarded
def delete(volume: str, storage: str | None, yes: bool, as_json_text: bool, backend: str | None) -> int:
    """Remove the storage area of VOLUME. It must not be in use: delete the shadow copies first.

    \b
    Examples:
      vsspy storage delete C:\\ --yes

    \b
    Exit codes:
      0    removed
      2    nothing was done
    """
    volume = _name(volume)
    with on_machine(backend), DifferentialSnapshotManagement() as management:
        area = _find(volume, storage)
        namer = VolumeNamer.here()
        confirm(f"Remove the storage area of {shown(volume)} on {shown(namer(area.diff_area_volume_name))}?", yes=yes)
        management.change_diff_area_maximum_size(area.volume_name, area.diff_area_volume_name, 0)
        facts = area_facts(area, namer)
    if as_json_text:
        click.echo(as_json({"removed": facts}, ascii_only=True), nl=False)
    else:
        click.echo(f"{facts['volume']} is stored on {facts['storage_volume']} no more.")
    return 0


def _name(volume: str) -> str:
    """A volume's name with its final separator."""
    try:
        return volume_name(volume)
    except InvalidArgumentError:
        raise CommandError(f"{shown(volume)} is no name of a volume; write C:\\ or a full path") from None


def _find(volume: str, storage: str | None) -> DiffAreaProperties:
    """The storage area of a volume, the only one or that on *storage*."""
    names = Surroundings.of(None).volumes
    areas = storage_areas(volume)
    if storage is not None:
        wanted = names.identify(_name(storage))
        areas = [area for area in areas if names.identify(area.diff_area_volume_name) == wanted]
    if not areas:
        where = "" if storage is None else f" on {shown(storage)}"
        raise CommandError(f"{shown(volume)} has no storage area{where}; `vsspy list storage` shows those there are")
    if len(areas) > 1:
        namer = VolumeNamer.here()
        there = " and ".join(shown(namer(area.diff_area_volume_name)) for area in areas)
        raise CommandError(f"{shown(volume)} is stored on {there}; say which with --on")
    return areas[0]


@contextmanager
def _at_least(size: int | None) -> Iterator[None]:
    """Says of a refused maximum what the least one is."""
    try:
        yield
    except InvalidArgumentError as error:
        with SnapshotManagement() as management:
            least = management.get_min_diff_area_size()
        if size is None or size >= least:
            raise
        raise CommandError(f"--maximum: a storage area takes {plain_size(least)} at least ({error.name})") from error


def _tell(area: DiffAreaProperties, as_json_text: bool) -> int:
    facts = area_facts(area, VolumeNamer.here())
    if as_json_text:
        click.echo(as_json({"storage_area": facts}, ascii_only=True), nl=False)
    else:
        limit = "without a limit" if area.maximum_diff_space is None else f"up to {plain_size(area.maximum_diff_space)}"
        click.echo(f"{facts['volume']} is stored on {facts['storage_volume']}, {limit}.")
    return 0
