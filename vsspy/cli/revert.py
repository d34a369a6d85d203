"""`vsspy revert`: a volume as it was when a shadow copy of it was made."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

import click

from .._roots import shown
from ..administration import administration, shadow_copies, writers_on
from ..errors import ObjectNotFoundError, StorageInUseError, VssError, WaitTimeoutError
from ..volumes import should_block_revert
from .console import complain
from .errors import CommandError
from .interrupts import stopping
from .main import describe, guarded
from .options import backend_option, confirm, json_option, on_machine, yes_option
from .report import as_json
from .values import Guid, VolumeNamer
from .waiting import Waiting

if TYPE_CHECKING:
    from ..backup_components import BackupComponents

__all__ = ["command"]


@click.command(name="revert", short_help="Set a volume back to a shadow copy.")
@click.argument("snapshot_id", metavar="ID", type=Guid())
@click.option("--force-dismount", is_flag=True, help="Take the volume from programs that use it.")
@click.option("--wait", is_flag=True, help="Wait until it is done.")
@yes_option
@json_option
@backend_option
@guarded
def command(
    snapshot_id: UUID, force_dismount: bool, wait: bool, yes: bool, as_json_text: bool, backend: str | None
) -> int:
    """Set a volume back to its shadow copy ID: whatever was written to it since is lost.

    It cannot be cancelled, and goes on after a restart; Ctrl-C ends the waiting only. On Windows Server, with persistent shadow
    copies of the system's provider. Where a writer objects (the registry's WritersBlockingRevert) nothing is done.

    \b
    Examples:
      vsspy revert 2f2c0b1e-5c2f-4b8b-8a63-0b6c1c7a4f10 --wait

    \b
    Exit codes:
      0    under way; with --wait done
      1    it was begun, and failed
      2    nothing was done
      130  Ctrl-C; 143 SIGTERM: what was begun goes on
    """
    with on_machine(backend) as (_, running):
        wait = wait or running is not None  # a simulated machine is switched off with this command
        found = shadow_copies(snapshot_id=snapshot_id)
        if not found:
            raise CommandError(f"there is no shadow copy {snapshot_id}; `vsspy list shadows` shows those there are")
        path = found[0].original_volume
        name = shown(VolumeNamer.here()(path))
        _check_writers(path, name)
        made = f"{found[0].created:%Y-%m-%d %H:%M:%S} UTC"
        confirm(f"Set {name} back to {made}? What was written since is lost.", yes=yes)
        with administration() as components:
            try:
                components.revert_to_snapshot(snapshot_id, force_dismount)
            except StorageInUseError as error:
                raise CommandError(f"{error}; --force-dismount takes it from the programs that use it") from error
            with stopping(lambda: f"stopped waiting; {name} is being set back all the same"):
                failure = _wait(components, path, name) if wait else None
    if failure is not None:
        complain(failure)
    if as_json_text:
        facts = {"id": str(snapshot_id), "volume": name, "done": wait and failure is None, "failure": failure}
        click.echo(as_json(facts, ascii_only=True), nl=False)
    elif failure is None:
        click.echo(f"{name} is {'set back' if wait else 'being set back'} to {made}.")
    return 0 if failure is None else 1


def _check_writers(path: str, name: str) -> None:
    """Raises CommandError where a writer objects."""
    if not should_block_revert(path):
        return
    there = ", ".join(shown(writer.name) for writer in writers_on(path)) or "none that answers"
    raise CommandError(
        f"a writer objects to setting {name} back (WritersBlockingRevert); writers with data there: {there}; nothing was done"
    )


def _wait(components: BackupComponents, path: str, name: str) -> str | None:
    """Waits for the end; returns what went wrong."""
    with Waiting(f"setting {name} back"):
        try:
            with components.query_revert_status(path) as operation:
                while True:
                    with suppress(WaitTimeoutError):
                        operation.wait(timeout=1.0)
                        return None
        except ObjectNotFoundError:
            return None  # it is over
        except VssError as error:
            return f"setting {name} back failed, or goes on unseen: {describe(error)}"
