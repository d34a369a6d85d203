"""`vsspy list writers`: which writers there are, how they are, and their documents."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from .._filecopy import reason
from .._roots import shown
from ..administration import writers
from ..selection import file_sets
from .console import print_table
from .errors import CommandError
from .machine import machine_options
from .main import guarded
from .options import folders_option, json_option, on_machine
from .places import target_folder
from .report import as_json, document_names, write_new
from .values import flag_names, word

if TYPE_CHECKING:
    from .._properties import WriterStatus
    from ..metadata import ComponentMetadata, WriterMetadata

__all__ = ["command"]


@click.command(name="writers", short_help="List the writers; save their metadata documents.")
@click.option("--components", "with_components", is_flag=True, help="Show each writer's components as a tree.")
@click.option(
    "--save",
    "directory",
    metavar="DIR",
    help="Save each writer's metadata document in DIR: made if it is missing, else it has to be empty.",
)
@json_option
@folders_option
@machine_options
@guarded
def command(
    with_components: bool,
    directory: str | None,
    as_json_text: bool,
    folders: tuple[str, ...],
    backend: str | None,
    writers_from: str | None,
) -> int:
    """List the writers of this machine: applications that take part in shadow copies, how they are now, and what they
    would have backed up.

    The documents that --save writes are what --writers-from reads: saved on a server, they replay its writers anywhere.

    \b
    Examples:
      vsspy list writers
      vsspy list writers --components
      vsspy list writers --save documents
      vsspy list writers --writers-from documents --json

    \b
    Exit codes:
      0    listed, even where there are none
      1    listed, and a writer is in a failed state
      2    VSS could not be asked, or wrong input
    """
    target = None if directory is None else _check(directory)
    with on_machine(backend, folders, writers_from):
        found = writers()
    if target is not None:
        _save(target, [writer for writer, _ in found])
    if as_json_text:
        click.echo(as_json({"writers": [_facts(*each) for each in found]}, ascii_only=True), nl=False)
    elif not found:
        click.echo("There are no writers.")
    else:
        _print(found, with_components)
    return 1 if any(status is not None and status.failed for _, status in found) else 0


def _print(found: Sequence[tuple[WriterMetadata, WriterStatus | None]], with_components: bool) -> None:
    if not with_components:
        rows = ((writer.name, *_state(status), len(writer.components), writer.writer_id) for writer, status in found)
        print_table(("Writer", "State", "Failure", "Components", "Id"), rows)
        return
    for number, (writer, status) in enumerate(found):
        if number:
            click.echo()
        state, failure = _state(status)
        click.echo(f"{shown(writer.name)}: {state}{', ' + failure if failure else ''}")
        click.echo(f"  id {writer.writer_id}, instance {writer.instance_id}")
        for depth, name, component in _tree(writer.components):
            click.echo("  " * (depth + 1) + shown(name) + _told(component))


def _state(status: WriterStatus | None) -> tuple[str, str]:
    if status is None:
        return "unknown", ""
    words = f": {status.application_message}" if status.application_message else ""
    return word(status.state), shown(f"{status.failure_name}{words}") if status.failed else ""


def _tree(components: Iterable[ComponentMetadata]) -> Iterator[tuple[int, str, ComponentMetadata | None]]:
    """Depth, name and component, each below the logical path that it is in; None for a path that is no component."""
    by_path = {tuple(component.full_name.split("\\")): component for component in components}
    paths = {path[:length] for path in by_path for length in range(1, len(path) + 1)}
    for path in sorted(paths, key=lambda path: [part.casefold() for part in path]):
        yield len(path), path[-1], by_path.get(path)


def _told(component: ComponentMetadata | None) -> str:
    if component is None:
        return ""
    count = sum(1 for _ in file_sets(component))
    told = [
        component.caption if component.caption and component.caption != component.name else "",
        word(component.type),
        "selectable" if component.selectable else "",
        f"{count} file set{'' if count == 1 else 's'}" if count else "",
    ]
    return "  (" + shown(", ".join(part for part in told if part)) + ")"


def _facts(writer: WriterMetadata, status: WriterStatus | None) -> dict[str, Any]:
    return {
        "name": shown(writer.name),
        "id": str(writer.writer_id),
        "instance_id": str(writer.instance_id),
        "instance_name": shown(writer.instance_name or ""),
        "state": "unknown" if status is None else word(status.state),
        "failed": status is not None and status.failed,
        "failure": None if status is None or not status.failed else status.failure_name,
        "application_message": None
        if status is None or not status.application_message
        else shown(status.application_message),
        "backup_schema": flag_names(writer.backup_schema),
        "components": [
            {
                "name": shown(component.full_name),
                "caption": shown(component.caption or ""),
                "type": word(component.type),
                "selectable": component.selectable,
                "selectable_for_restore": component.selectable_for_restore,
                "file_sets": [
                    {
                        "path": shown(each.path),
                        "filespec": shown(each.filespec),
                        "recursive": each.recursive,
                        "alternate_path": None if each.alternate_path is None else shown(each.alternate_path),
                    }
                    for each in file_sets(component)
                ],
                "dependencies": [
                    {
                        "writer_id": str(each.writer_id),
                        "component": shown(
                            f"{each.logical_path}\\{each.component_name}" if each.logical_path else each.component_name
                        ),
                    }
                    for each in component.dependencies
                ],
            }
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
            write_new(path, writer.to_xml(), made)
    except BaseException as error:
        for path in made:
            if os.path.exists(path):
                os.unlink(path)
        if not existed and os.path.isdir(target):
            os.rmdir(target)
        if isinstance(error, OSError):
            raise CommandError(f"--save {shown(target)}: {reason(error)}; nothing was saved") from error
        raise
