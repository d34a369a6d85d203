"""`vsspy doctor`: what stands between this computer and its backups."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..doctor import Finding, diagnose
from .console import print_table
from .examined import text
from .machine import machine_options
from .main import guarded
from .options import folders_option, json_option, on_machine
from .report import as_json

__all__ = ["command"]

_ORDER = {"error": 0, "warning": 1, "unknown": 2, "ok": 3}


@click.command(name="doctor", short_help="Find what keeps backups from working, and say what to do.")
@click.option(
    "--timeout",
    metavar="S",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    help="Seconds that writers may take.",
)
@json_option
@folders_option
@machine_options
@guarded
def command(
    timeout: float, as_json_text: bool, folders: tuple[str, ...], backend: str | None, writers_from: str | None
) -> int:
    """Find what keeps backups from working, and say what to do about each.

    Looked at are Windows and this process (bitness, elevation, privileges, the services of VSS, the last errors in the event log)
    and VSS itself (providers, writers' states, storage areas, numbers of shadow copies, whether somebody else is making some, what
    killed sessions left). It changes nothing. Off Windows it looks at the simulated machine; the rest is marked as unknown.

    \b
    Examples:
      vsspy doctor
      vsspy doctor --json

    \b
    Exit codes:
      0    nothing is wrong
      1    something is: see what to do about it
      2    it could not be looked at
    """
    with on_machine(backend, folders, writers_from):
        found = diagnose(timeout=timeout)
    if as_json_text:
        values = [
            {"id": each.id, "severity": each.severity, "what": text(each.what), "advice": text(each.advice) or None}
            for each in found
        ]
        click.echo(
            as_json({"good": not any(each.is_wrong for each in found), "findings": values}, ascii_only=True), nl=False
        )
    else:
        _print(found)
    return 1 if any(each.is_wrong for each in found) else 0


def _print(found: Sequence[Finding]) -> None:
    ordered = sorted(found, key=lambda each: _ORDER[each.severity])
    print_table(("", "Check", "Found"), ((each.severity, each.id, text(each.what)) for each in ordered))
    wrong = [each for each in ordered if each.is_wrong]
    click.echo()
    if not wrong:
        click.echo("Nothing is wrong.")
        return
    click.echo("What to do:")
    for each in wrong:
        click.echo(f"  {each.id}: {text(each.advice) or 'see what was found'}")
