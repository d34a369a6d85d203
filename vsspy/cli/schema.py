"""`vsspy schema`: what the JSON of the other commands looks like."""

from __future__ import annotations

from importlib import resources

import click

from .._roots import shown
from .errors import CommandError
from .main import guarded

__all__ = ["command", "schema_names", "schema_text"]


def schema_names() -> list[str]:
    """The commands that have a schema, their words joined by a hyphen: list-shadows."""
    folder = resources.files("vsspy.cli") / "schemas"
    return sorted(each.name.removesuffix(".json") for each in folder.iterdir() if each.name.endswith(".json"))


def schema_text(name: str) -> str:
    """The JSON Schema (draft 7) of what the command prints with --json, as it stands in the package."""
    return (resources.files("vsspy.cli") / "schemas" / f"{name}.json").read_text(encoding="utf-8")


@click.command(name="schema", short_help="Print the JSON Schema of a command's --json.")
@click.argument("words", metavar="[COMMAND]", nargs=-1)
@guarded
def command(words: tuple[str, ...]) -> int:
    """Print the JSON Schema (draft 7) of what COMMAND prints with --json; without COMMAND, the commands that have one.

    What a schema says is kept from version to version: properties may be added, none is taken away or changed its meaning.

    \b
    Examples:
      vsspy schema
      vsspy schema list shadows

    \b
    Exit codes:
      0    printed
      2    COMMAND has no schema
    """
    names = schema_names()
    if not words:
        for name in names:
            click.echo(name)
        return 0
    wanted = "-".join(words)
    if wanted not in names:
        raise CommandError(f"{shown(' '.join(words))} has no schema; these have one: {', '.join(names)}")
    click.echo(schema_text(wanted), nl=False)
    return 0
