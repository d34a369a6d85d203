"""`vsspy break` and `vsspy import`: sets of hardware providers."""

from __future__ import annotations

import codecs
from uuid import UUID

import click

from .._filecopy import reason
from .._roots import shown
from ..administration import administration, import_shadow_copies, shadow_copies
from ..enums import HardwareOptions
from .errors import CommandError
from .interrupts import stopping
from .list_shadows import print_shadows
from .main import guarded
from .options import backend_option, confirm, json_option, on_machine, yes_option
from .report import as_json
from .values import Guid, VolumeNamer, shadow_facts
from .waiting import Waiting

__all__ = ["break_set", "import_set", "read_document"]


@click.command(name="break", short_help="Make ordinary volumes of a set of shadow copies.")
@click.argument("set_id", metavar="SET", type=Guid("set"))
@click.option("--writable", is_flag=True, help="The volumes can be written to.")
@click.option("--mask-luns", is_flag=True, help="Hide the disks from this computer.")
@click.option("--revert-identity", is_flag=True, help="The disks get the identities of the original ones.")
@click.option("--keep-identity", is_flag=True, help="The disks keep identities of their own.")
@yes_option
@json_option
@backend_option
@guarded
def break_set(
    set_id: UUID,
    writable: bool,
    mask_luns: bool,
    revert_identity: bool,
    keep_identity: bool,
    yes: bool,
    as_json_text: bool,
    backend: str | None,
) -> int:
    """Make ordinary volumes of the shadow copies of SET, which a hardware provider made. VSS knows nothing of them afterwards.

    Without options it is what BreakSnapshotSet does; each option is a flag of BreakSnapshotSetEx.

    \b
    Examples:
      vsspy break 5e1c0c7e-8c0c-4d3a-9f4e-0d9b8a6a2f01 --writable --yes

    \b
    Exit codes:
      0    done
      2    nothing was done
    """
    if revert_identity and keep_identity:
        raise CommandError("--revert-identity and --keep-identity exclude each other")
    flags = HardwareOptions(0)
    for wanted, flag in (
        (writable, HardwareOptions.BREAKEX_FLAG_MAKE_READ_WRITE),
        (mask_luns, HardwareOptions.BREAKEX_FLAG_MASK_LUNS),
        (revert_identity, HardwareOptions.BREAKEX_FLAG_REVERT_IDENTITY_ALL),
        (keep_identity, HardwareOptions.BREAKEX_FLAG_REVERT_IDENTITY_NONE),
    ):
        flags |= flag if wanted else HardwareOptions(0)
    with on_machine(backend), Waiting() as waiting:
        members = shadow_copies(set_id=set_id)
        if not members:
            raise CommandError(f"there is no set {set_id}; `vsspy list shadows` shows those there are")
        waiting.stop()
        confirm(f"Break the set {set_id} of {len(members)}? VSS knows nothing of its volumes afterwards.", yes=yes)
        with administration() as components:
            if flags:
                with components.break_snapshot_set_ex(set_id, flags) as operation:
                    operation.wait()
            else:
                components.break_snapshot_set(set_id)
    if as_json_text:
        facts = {"set_id": str(set_id), "broken": [str(copy.snapshot_id) for copy in members]}
        click.echo(as_json(facts, ascii_only=True), nl=False)
    else:
        click.echo(f"The set is broken; its {len(members)} volumes are ordinary ones now.")
    return 0


@click.command(name="import", short_help="Import a transportable set.")
@click.argument("file", metavar="FILE")
@click.option("--timeout", metavar="S", type=click.FloatRange(0, min_open=True), help="Limit in seconds.")
@json_option
@backend_option
@guarded
def import_set(file: str, timeout: float | None, as_json_text: bool, backend: str | None) -> int:
    """Import the transportable set that FILE describes: the Backup Components Document that `vsspy create --attribute
    transportable --backup-components FILE` saved. A hardware provider has to bring its disks to this computer.

    \b
    Examples:
      vsspy import set.xml

    \b
    Exit codes:
      0    imported
      1    there was nothing in it that is not here already
      2    nothing was imported
    """
    document = read_document(file)
    told = "stopped; see `vsspy list shadows` for what was imported by then"
    with on_machine(backend), Waiting("importing"), stopping(lambda: told):
        found = import_shadow_copies(document, timeout=timeout)
        namer = VolumeNamer.here()
    facts = [shadow_facts(copy, namer) for copy in found]
    if as_json_text:
        click.echo(as_json({"shadow_copies": facts}, ascii_only=True), nl=False)
    elif facts:
        print_shadows(facts)
    else:
        click.echo("There was nothing to import.")
    return 0 if facts else 1


def read_document(file: str) -> str:
    """The text of a saved document.

    Raises:
        CommandError: It cannot be read, or is no text in UTF-8 or UTF-16.
    """
    try:
        with open(file, "rb") as stream:
            data = stream.read()
        return data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = reason(error) if isinstance(error, OSError) else "it is no text in UTF-8 or UTF-16"
        raise CommandError(f"{shown(file)}: {why}") from error
