"""`vsspy resync`: volumes whose disks a hardware provider writes back from a transportable set."""

from __future__ import annotations

from uuid import UUID

import click

from .._paths import volume_name
from .._roots import shown
from ..backup_components import BackupComponents
from ..enums import RecoveryOptions
from ..errors import InvalidArgumentError
from .errors import CommandError
from .hardware import read_document
from .interrupts import stopping
from .main import guarded
from .options import backend_option, confirm, json_option, on_machine, yes_option
from .report import as_json
from .values import Guid
from .waiting import Waiting

__all__ = ["command"]


@click.command(name="resync", short_help="Write a hardware provider's shadow copies back to volumes.")
@click.argument("file", metavar="FILE")
@click.option(
    "--id",
    "texts",
    metavar="ID[=VOLUME]",
    multiple=True,
    required=True,
    help="A shadow copy of the set, and the volume that it is written to. Default: the one it is a copy of. Repeat it for more.",
)
@click.option("--revert-identity", is_flag=True, help="The disks get the identities of those that were copied.")
@click.option("--no-volume-check", is_flag=True, help="Do not look for other volumes on the disks, which are lost too.")
@yes_option
@json_option
@backend_option
@guarded
def command(
    file: str,
    texts: tuple[str, ...],
    revert_identity: bool,
    no_volume_check: bool,
    yes: bool,
    as_json_text: bool,
    backend: str | None,
) -> int:
    """Let a hardware provider write shadow copies of the transportable set that FILE describes back to volumes, disk by disk
    (RecoverSet). FILE is what `vsspy create --attribute transportable --backup-components FILE` saved.

    What is on the volumes is lost. On Windows Server, with a provider that can.

    \b
    Examples:
      vsspy resync set.xml --id 2f2c0b1e-5c2f-4b8b-8a63-0b6c1c7a4f10
      vsspy resync set.xml --id 2f2c0b1e-5c2f-4b8b-8a63-0b6c1c7a4f10=F: --revert-identity --yes

    \b
    Exit codes:
      0    done
      2    it could not be done; what is on the volumes then is for the provider to say
      130  Ctrl-C; 143 SIGTERM
    """
    document = read_document(file)
    wanted = dict(_target(text) for text in texts)
    if len(wanted) < len(texts):
        raise CommandError("a shadow copy is given twice; name it once")
    flags = RecoveryOptions.REVERT_IDENTITY_ALL if revert_identity else RecoveryOptions(0)
    flags |= RecoveryOptions.NO_VOLUME_CHECK if no_volume_check else RecoveryOptions(0)
    with on_machine(backend):
        targets = ", ".join(f"{each} to {shown(volume or 'its own volume')}" for each, volume in wanted.items())
        confirm(f"Write {targets}? What is there is lost.", yes=yes)
        told = "stopped; the provider may go on writing to the volumes"
        with Waiting("writing back"), stopping(lambda: told), BackupComponents() as components:
            components.initialize_for_restore(document)
            for snapshot_id, volume in wanted.items():
                components.add_snapshot_to_recovery_set(snapshot_id, 0, volume)
            with components.recover_set(flags) as operation:
                operation.wait()
    if as_json_text:
        values = [
            {"id": str(each), "volume": None if volume is None else shown(volume)} for each, volume in wanted.items()
        ]
        click.echo(as_json({"written": values}, ascii_only=True), nl=False)
    else:
        click.echo(f"{len(wanted)} volume{'' if len(wanted) == 1 else 's'} written back.")
    return 0


def _target(text: str) -> tuple[UUID, str | None]:
    """ID[=VOLUME]."""
    name, equals, volume = text.partition("=")
    snapshot_id: UUID = Guid().convert(name, None, None)
    if not equals:
        return snapshot_id, None
    try:
        return snapshot_id, volume_name(volume)
    except InvalidArgumentError:
        raise CommandError(f"--id {shown(text)}: {shown(volume)} is no name of a volume") from None
