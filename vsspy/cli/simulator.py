"""`vsspy simulator`: machine folders, which the command line, programs and libvssapi take from VSSPY_SIMULATOR."""

from __future__ import annotations

import os

import click

from .._machine_folder import MachineSettings, configure, read_settings
from .._roots import shown
from .console import print_table
from .errors import CommandError
from .machine import load_writers
from .main import guarded
from .report import as_json

__all__ = ["command"]

# What a table shows of each list, and its heading; the rest is in the JSON.
_TABLES = {
    "volumes": "Volume",
    "writers": "Writer",
    "faults": "Fault",
    "environment": "Variable",
    "writers_blocking_revert": "Blocks reverts",
}


@click.group(name="simulator", short_help="Make and check folders that describe simulated machines.")
def command() -> None:
    """Make and check machine folders: machine.xml, which describes a simulated machine, and what it names.

    VSSPY_BACKEND=simulator VSSPY_SIMULATOR=FOLDER lets every command, and every program that uses vsspy, run on that machine.
    libvssapi.so and the simulator's vssapi.dll take VSSPY_SIMULATOR=FOLDER too, for programs in other languages.
    """


@command.command(name="init", short_help="Write a machine folder.")
@click.argument("folder", metavar="FOLDER")
@click.option(
    "--volume",
    "volumes",
    metavar="NAME=DIR",
    multiple=True,
    help="DIR plays the volume NAME, for example 'C:\\=/srv/image'. Default: C:\\ is FOLDER/volumes/C.",
)
@click.option("--writers", "documents", metavar="DIR", help="Take over the Writer Metadata Documents (*.xml) in DIR.")
@click.option("--overwrite", is_flag=True, help="Replace a machine.xml that is there.")
@guarded
def init(folder: str, volumes: tuple[str, ...], documents: str | None, overwrite: bool) -> int:
    """Write FOLDER/machine.xml, and the folders and documents that it names.

    \b
    Examples:
      vsspy simulator init server --volume 'C:\\=/srv/image' --writers documents
      VSSPY_SIMULATOR=server vsspy list writers

    \b
    Exit codes:
      0    written
      2    nothing was written
    """
    from .places import parse_volumes

    if os.path.lexists(os.path.join(folder, "machine.xml")) and not overwrite:
        raise CommandError(f"{shown(folder)} has a machine.xml; give --overwrite to replace it")
    writers = None if documents is None else load_writers(documents, "--writers")
    chosen = parse_volumes(volumes) or {"C:\\": os.path.join("volumes", "C")}
    made = configure(folder, volumes=chosen, writers=writers, overwrite=overwrite)
    click.echo(f"Wrote {shown(str(made))}")
    return 0


@command.command(name="check", short_help="Print what the machine of a folder would be.")
@click.argument("folder", metavar="FOLDER")
@click.option("--json", "as_json_text", is_flag=True, help="Print JSON on stdout.")
@guarded
def check(folder: str, as_json_text: bool) -> int:
    """Read FOLDER/machine.xml and the writers' documents, and print the machine that they describe, defaults included.

    What is wrong is one line on stderr: the file, the line and what to do.

    \b
    Examples:
      vsspy simulator check server

    \b
    Exit codes:
      0    nothing is wrong
      2    something is
    """
    settings = read_settings(folder)
    if as_json_text:
        facts = {name: entries[0] if name == "machine" else entries for name, entries in settings.items()}
        click.echo(as_json(facts, ascii_only=True), nl=False)
        return 0
    _print(settings)
    return 0


def _print(settings: MachineSettings) -> None:
    print_table(("Machine", ""), settings["machine"][0].items())
    for name, heading in _TABLES.items():
        entries = settings[name]
        if not entries:
            continue
        click.echo()
        columns = list(dict.fromkeys(column for entry in entries for column in entry))
        print_table(
            (heading, *columns[1:]), ([shown(entry.get(column, "")) for column in columns] for entry in entries)
        )
