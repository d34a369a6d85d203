"""`vsspy expose` and `vsspy unexpose`: shadow copies as a drive, in a folder, or as a share."""

from __future__ import annotations

import os
import re
import sys
from uuid import UUID

import click

from .._roots import shown
from ..administration import administration, shadow_copies
from ..enums import SnapshotAttributes
from ..errors import BadStateError, InvalidArgumentError, ObjectNotFoundError
from .errors import CommandError
from .main import guarded
from .options import backend_option, json_option, on_machine
from .report import as_json
from .values import Guid, context_name

__all__ = ["command", "unexpose"]

_EXPOSABLE = ("app-rollback", "nas-rollback")  # semantics 7.5


@click.command(name="expose", short_help="Expose a shadow copy as a drive, in a folder or as a share.")
@click.argument("snapshot_id", metavar="ID", type=Guid())
@click.argument("where", metavar="DRIVE|FOLDER|share[=NAME]")
@click.option("--path-on-volume", "path", metavar="FOLDER", help="A share: only this folder below the root.")
@json_option
@backend_option
@guarded
def command(snapshot_id: UUID, where: str, path: str | None, as_json_text: bool, backend: str | None) -> int:
    """Expose the shadow copy ID as a drive (X:), in an empty folder of a volume, or as a share.

    share lets VSS choose the share's name, share=NAME names it. Only what was made with --persistent (the contexts app-rollback and
    nas-rollback) can be exposed; it stays so over restarts, until `vsspy unexpose`.

    \b
    Examples:
      vsspy expose 2f2c0b1e-5c2f-4b8b-8a63-0b6c1c7a4f10 X:
      vsspy expose 2f2c0b1e-5c2f-4b8b-8a63-0b6c1c7a4f10 C:\\Mounted
      vsspy expose 2f2c0b1e-5c2f-4b8b-8a63-0b6c1c7a4f10 share=Yesterday --path-on-volume \\Users

    \b
    Exit codes:
      0    exposed
      2    nothing was done
    """
    is_share, name = _target(where)
    if path is not None and not is_share:
        raise CommandError("--path-on-volume is for shares; a drive or folder shows all of the shadow copy")
    how = SnapshotAttributes.EXPOSED_REMOTELY if is_share else SnapshotAttributes.EXPOSED_LOCALLY
    with on_machine(backend), administration() as components:
        try:
            exposed = components.expose_snapshot(snapshot_id, path, how, name)
        except ObjectNotFoundError as error:
            raise CommandError(
                f"there is no shadow copy {snapshot_id}; `vsspy list shadows` shows those there are ({error.name})"
            ) from error
        except (BadStateError, InvalidArgumentError) as error:
            raise CommandError(_why(snapshot_id, where, error)) from error
    if as_json_text:
        facts = {"id": str(snapshot_id), "exposed": shown(exposed), "kind": "share" if is_share else "local"}
        click.echo(as_json(facts, ascii_only=True), nl=False)
    else:
        click.echo(f"Exposed as {shown(exposed)}")
    return 0


def _target(where: str) -> tuple[bool, str | None]:
    """Whether a share is meant, and the name for VSS."""
    word, equals, name = where.partition("=")
    if word.casefold() == "share":
        if equals and not name:
            raise CommandError("share= needs a name; leave = out to let VSS choose one")
        return True, name or None
    if re.fullmatch(r"[A-Za-z]:\\?", where):
        return False, where[:2]
    if not where or re.match(r"[A-Za-z]:[\\/]|[\\/]", where):
        return False, where
    if sys.platform != "win32" and "/" not in where and "\\" not in where and not os.path.isdir(where):
        raise CommandError(f"{shown(where)} is no drive and no folder; for a share write share={shown(where)}")
    return False, os.path.abspath(where)


def _why(snapshot_id: UUID, where: str, error: BadStateError | InvalidArgumentError) -> str:
    """VSS's refusal with what it may be: which of these is not told by its code (semantics 7.5)."""
    found = shadow_copies(snapshot_id=snapshot_id)
    if found and found[0].exposed_name is not None:
        return f"it is exposed as {found[0].exposed_name}; `vsspy unexpose {snapshot_id}` ends that ({error.name})"
    context = context_name(found[0].attributes) if found else None
    if found and context not in _EXPOSABLE:
        return f"only shadow copies of the contexts {' and '.join(_EXPOSABLE)} can be exposed; this one is of {context} ({error.name})"
    return f"{where} cannot be used: a drive letter must be free, a folder exist and be empty, a share's name be new ({error.name})"


@click.command(name="unexpose", short_help="Take a shadow copy's drive, folder or share away.")
@click.argument("snapshot_id", metavar="ID", type=Guid())
@json_option
@backend_option
@guarded
def unexpose(snapshot_id: UUID, as_json_text: bool, backend: str | None) -> int:
    """Take away the drive, folder or share that the shadow copy ID is exposed as. The shadow copy stays.

    \b
    Examples:
      vsspy unexpose 2f2c0b1e-5c2f-4b8b-8a63-0b6c1c7a4f10

    \b
    Exit codes:
      0    it is not exposed any more
      2    nothing was done
    """
    with on_machine(backend):
        before = next((copy.exposed_name for copy in shadow_copies(snapshot_id=snapshot_id)), None)
        with administration() as components:
            try:
                components.unexpose_snapshot(snapshot_id)
            except ObjectNotFoundError as error:
                raise CommandError(
                    f"there is no exposed shadow copy {snapshot_id}; `vsspy list shadows` shows those there are ({error.name})"
                ) from error
    if as_json_text:
        facts = {"id": str(snapshot_id), "was_exposed": None if before is None else shown(before)}
        click.echo(as_json(facts, ascii_only=True), nl=False)
    else:
        click.echo(
            "It is not exposed any more." if before is None else f"{shown(before)} is gone; the shadow copy stays."
        )
    return 0
