"""`vsspy writers`: which writers there are, and their documents."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from .. import initialize_security
from ..backup_components import BackupComponents
from ..errors import SecurityTooLateError
from .console import print_table
from .errors import CommandError
from .filecopy import reason
from .interrupts import Interrupts
from .machine import is_simulated, load_writers, machine, machine_options
from .main import guarded
from .places import target_folder
from .report import as_json, document_names, write_text
from .roots import shown

if TYPE_CHECKING:
    from ..metadata import WriterMetadata

__all__ = ["command"]

_LIMIT = 300.0  # seconds for the writers to answer


@click.command(name="writers", short_help="List the writers; save their metadata documents.")
@click.option(
    "--save",
    "directory",
    metavar="DIR",
    help="Save each writer's metadata document in DIR: made if it is missing, else it has to be empty.",
)
@click.option("--json", "as_json_text", is_flag=True, help="Print JSON on stdout.")
@machine_options
@guarded
def command(directory: str | None, as_json_text: bool, backend: str | None, writers_from: str | None) -> int:
    """List the writers of this machine: applications that take part in shadow copies, and what they would have backed up.

    The documents that --save writes are what --writers-from reads: saved on a server, they replay its writers anywhere.

    \b
    Examples:
      vsspy writers
      vsspy writers --save documents
      vsspy writers --writers-from documents --json
    """
    simulated = is_simulated(backend, other_options=writers_from is not None)
    target = None if directory is None else _check(directory)
    documents = load_writers(writers_from)
    with Interrupts(), machine(simulated, {}, documents):
        if not simulated:
            with suppress(SecurityTooLateError):
                initialize_security()  # or writers cannot answer
        with BackupComponents() as components:
            components.initialize_for_backup()
            components.gather_writer_metadata().wait(timeout=_LIMIT)
            writers = list(components.writer_metadata)
            components.free_writer_metadata()
    if target is not None:
        _save(target, writers)
    if as_json_text:
        click.echo(as_json([_facts(writer) for writer in writers], ascii_only=True), nl=False)
    elif not writers:
        click.echo("There are no writers.")
    else:
        rows = ((writer.name, writer.writer_id, writer.instance_id, len(writer.components)) for writer in writers)
        print_table(("Writer", "Id", "Instance", "Components"), rows)
    return 0


def _facts(writer: WriterMetadata) -> dict[str, Any]:
    return {
        "name": shown(writer.name),
        "id": str(writer.writer_id),
        "instance_id": str(writer.instance_id),
        "instance_name": shown(writer.instance_name or ""),
        "components": [
            {"name": shown(component.full_name), "type": component.type.name, "selectable": component.selectable}
            for component in writer.components
        ],
    }


def _check(directory: str) -> str:
    target = target_folder(directory)
    if os.path.isdir(target) and os.listdir(target):
        raise CommandError(f"--save {shown(directory)} is not empty; choose another folder")
    return target


def _save(target: str, writers: Sequence[WriterMetadata]) -> None:
    """All the documents or none."""
    existed = os.path.isdir(target)
    made: list[str] = []
    try:
        os.makedirs(target, exist_ok=True)
        for name, writer in document_names(writers):
            path = os.path.join(target, name)
            made.append(path)
            write_text(path, writer.to_xml())
    except BaseException as error:
        for path in made:
            if os.path.exists(path):
                os.unlink(path)
        if not existed and os.path.isdir(target):
            os.rmdir(target)
        if isinstance(error, OSError):
            raise CommandError(f"--save {shown(target)}: {reason(error)}; nothing was saved") from error
        raise
