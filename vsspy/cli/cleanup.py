"""`vsspy cleanup`: removes what killed sessions left."""

from __future__ import annotations

from datetime import UTC

import click

from .._leases import CleanedLease, cleanup
from .._roots import shown
from .console import complain, print_table
from .interrupts import Interrupts
from .main import guarded
from .options import json_option
from .report import as_json

__all__ = ["command"]


@click.command(name="cleanup", short_help="Remove shadow copies that killed programs left.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option(
    "--lease-folder",
    metavar="FOLDER",
    help="Where the lease files are. Default: %ProgramData%\\vsspy\\leases, off Windows $XDG_STATE_HOME/vsspy/leases.",
)
@json_option
@guarded
def command(dry_run: bool, lease_folder: str | None, as_json_text: bool) -> int:
    """Remove the shadow copies that programs left which were killed in the middle of a backup.

    Each backup says in a lease file what it is about to make, and removes the file when nothing is left over. This deletes what the
    files of ended programs name, and nothing else: running backups, other programs' shadow copies, and those that a program made to
    stay are not touched. Leases that cannot be read, and those of another computer, are reported and stay.

    \b
    Examples:
      vsspy cleanup --dry-run
      vsspy cleanup

    \b
    Exit codes:
      0    nothing is left of killed programs
      1    something was left alone; the output says why
      2    the leases could not be looked at, or wrong input
    """
    with Interrupts():
        report = cleanup(lease_folder, dry_run)
    if as_json_text:
        values = {
            "folder": shown(report.folder),
            "dry_run": report.dry_run,
            "leases": [_values(each) for each in report.leases],
        }
        click.echo(as_json(values, ascii_only=True), nl=False)
    elif not report.leases:
        click.echo("There are no leases: no program left anything.")
    else:
        rows = (
            (
                each.outcome,
                "" if each.lease is None else f"{each.lease.program} ({each.lease.pid})",
                "" if each.lease is None else " ".join(each.lease.volumes),
                "" if each.lease is None else f"{each.lease.started.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
                len(each.shadow_copies),
            )
            for each in report.leases
        )
        print_table(("What", "Program", "Volumes", "Began (UTC)", "Shadow copies"), rows)
    for each in report.leases:
        if each.problem is not None:
            complain(f"{shown(each.path)} is left alone: {each.problem}")
    return 0 if report.good else 1


def _values(each: CleanedLease) -> dict[str, object]:
    lease = each.lease
    return {
        "path": shown(each.path),
        "outcome": each.outcome,
        "problem": None if each.problem is None else shown(each.problem),
        "shadow_copies": [str(snapshot_id) for snapshot_id in each.shadow_copies],
        "lease": None
        if lease is None
        else {
            "pid": lease.pid,
            "host": shown(lease.host),
            "started": lease.started.astimezone(UTC).isoformat(),
            "program": shown(lease.program),
            "backend": lease.backend,
            "machine": None if lease.machine is None else shown(lease.machine),
            "context": int(lease.context),
            "set_id": str(lease.set_id),
            "volumes": [
                {"name": shown(name), "shadow_copy": str(snapshot_id)}
                for name, snapshot_id in lease.shadow_copies.items()
            ],
        },
    }
