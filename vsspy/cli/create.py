"""`vsspy create`: shadow copies that stay, or that are there for a command."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import click

from .._filecopy import reason
from .._roots import shown
from ..enums import SnapshotAttributes, SnapshotContext
from .console import complain
from .errors import CommandError
from .list_shadows import print_shadows
from .machine import machine_options
from .main import guarded
from .options import folders_option, json_option, writer_rule
from .places import target_folder
from .report import as_json, document_names, write_new, write_text
from .running import Placeholders, run_command, shadow_environment, split_command, wait_for_end
from .taking import Taken, Wish, outlives, taken, writer_failures
from .values import ATTRIBUTES, CONTEXTS, Guid

__all__ = ["command"]


@click.command(name="create", short_help="Make shadow copies.")
@click.argument("volumes", metavar="VOLUME...", nargs=-1, required=True)
@click.option(
    "--context",
    type=click.Choice(list(CONTEXTS)),
    help="What kind of shadow copies. Default: backup; with --persistent app-rollback.",
)
@click.option("--persistent", is_flag=True, help="They stay until they are deleted: --context app-rollback.")
@click.option(
    "--no-writers", is_flag=True, help="Without writers: file-share-backup, nas-rollback or client-accessible."
)
@click.option(
    "--attribute",
    "attributes",
    type=click.Choice(list(ATTRIBUTES)),
    multiple=True,
    help="An attribute to add; repeat it for more. transportable, differential and plex need a hardware provider.",
)
@click.option(
    "--provider", type=Guid("provider", "vsspy list providers"), help="The provider to use. Default: VSS chooses."
)
@click.option(
    "--component",
    "components",
    metavar="WRITER[:COMPONENT]",
    multiple=True,
    help="Claim this component, or all of the writer's: the writer is told that the shadow copies are a backup of it.",
)
@click.option(
    "--exclude",
    "excluded",
    metavar="WRITER[:COMPONENT]",
    multiple=True,
    help="With --component: what is not claimed all the same.",
)
@click.option(
    "--backup-components", "document", metavar="FILE", help="Save the Backup Components Document, which import needs."
)
@click.option("--writer-documents", "directory", metavar="DIR", help="Save the writers' metadata documents in DIR.")
@click.option(
    "--exec",
    "command_line",
    metavar="COMMAND",
    help="Run COMMAND, with its arguments and without a shell, while the shadow copies are there; see `vsspy exec`.",
)
@click.option("--wait", is_flag=True, help="Hold the shadow copies until Ctrl-C.")
@click.option("--timeout", metavar="S", type=click.FloatRange(0, min_open=True), help="Limit in seconds for each wait.")
@json_option
@folders_option
@machine_options
@guarded
def command(
    volumes: tuple[str, ...],
    context: str | None,
    persistent: bool,
    no_writers: bool,
    attributes: tuple[str, ...],
    provider: UUID | None,
    components: tuple[str, ...],
    excluded: tuple[str, ...],
    document: str | None,
    directory: str | None,
    command_line: str | None,
    wait: bool,
    timeout: float | None,
    as_json_text: bool,
    folders: tuple[str, ...],
    backend: str | None,
    writers_from: str | None,
) -> int:
    """Make shadow copies of the VOLUMEs at one point in time, all of them or none.

    What is not persistent is gone as soon as the process that made it ends: the contexts backup and file-share-backup therefore
    need --exec or --wait. Persistent shadow copies stay until `vsspy delete`, or until their storage area is full.

    \b
    Examples:
      vsspy create C:\\ D:\\ --persistent
      vsspy create C:\\ --context client-accessible
      vsspy create C:\\ --no-writers --exec "robocopy {C:} E:\\Copy /MIR /B"
      vsspy create E:\\ --persistent --attribute transportable --backup-components set.xml

    \b
    Exit codes:
      0    made
      1    made, but a writer or COMMAND failed
      2    nothing was made
      130  Ctrl-C before they were made, 143 SIGTERM: nothing was made
    """
    chosen = _context(context, persistent, no_writers, attributes)
    _check_held(chosen, command_line is not None or wait, backend)
    words = None if command_line is None else split_command(command_line)
    wish = Wish(
        volumes,
        folders,
        backend,
        writers_from,
        chosen,
        not chosen & SnapshotAttributes.NO_WRITERS,
        provider,
        [writer_rule(text, "--component") for text in components],
        [writer_rule(text, "--exclude") for text in excluded],
        timeout,
    )
    _check_options(wish, document, directory)
    saved: list[str] = []
    code: int | None = None
    try:
        with taken(wish, lambda names: Placeholders(names).check(words) if words else None) as made:
            _save(made, document, directory, saved)
            if words is not None:
                code = _run(made, words, as_json_text)
            if wait:
                after = "" if _stays(chosen) else " and deletes them"
                complain(f"the shadow copies are there; Ctrl-C ends this{after}")
                wait_for_end(made.interrupts, made.shadows.check)
            for component in made.session.components:
                if code:
                    component.mark_failed(f"the command ended with {code}")
                else:
                    component.mark_succeeded()
    except BaseException:
        for path in reversed(saved):  # what they describe is gone
            with suppress(OSError):
                (os.rmdir if os.path.isdir(path) else os.unlink)(path)
        raise
    if document is not None:
        _save_again(made, document)
    return _tell(made, code, as_json_text)


def _stays(context: int) -> bool:
    return bool(context & SnapshotAttributes.NO_AUTO_RELEASE)


def _context(name: str | None, persistent: bool, no_writers: bool, attributes: Sequence[str]) -> int:
    context = CONTEXTS[name] if name else SnapshotContext.APP_ROLLBACK if persistent else SnapshotContext.BACKUP
    if persistent and not context & SnapshotAttributes.PERSISTENT:
        raise CommandError(f"--context {name} is not persistent; leave --persistent or the context out")
    value = int(context) | (SnapshotAttributes.NO_WRITERS if no_writers else 0)
    for attribute in attributes:
        value |= ATTRIBUTES[attribute]
    return int(value)


def _check_held(context: int, held: bool, backend: str | None) -> None:
    if held:
        return
    if not _stays(context):
        raise CommandError(
            "these shadow copies would go with this process: add --persistent, or --exec or --wait to use them meanwhile"
        )
    if not outlives(backend):
        raise CommandError(
            "the simulated machine of this command would go with it, shadow copies and all: set VSSPY_SIMULATOR=FOLDER (see `vsspy "
            "simulator init`), or add --exec or --wait"
        )


def _check_options(wish: Wish, document: str | None, directory: str | None) -> None:
    """What can be known before anything is made."""
    if not wish.writers:
        for option, value in (
            ("--component", wish.components),
            ("--backup-components", document),
            ("--writer-documents", directory),
        ):
            if value and not (option == "--backup-components" and wish.context & SnapshotAttributes.TRANSPORTABLE):
                raise CommandError(f"{option} needs writers; leave --no-writers or the context without writers out")
    if wish.excluded and not wish.components:
        raise CommandError("--exclude takes something out of what --component claims; give --component too")
    if document is not None:
        target = os.path.abspath(document)
        if os.path.lexists(target):
            raise CommandError(f"--backup-components {shown(document)} exists; choose another name")
        if not os.path.isdir(os.path.dirname(target)):
            raise CommandError(f"--backup-components {shown(document)}: its folder does not exist")
    if directory is not None:
        target = target_folder(directory)
        if os.path.isdir(target) and os.listdir(target):
            raise CommandError(f"--writer-documents {shown(directory)} is not empty; choose another folder")


def _save(made: Taken, document: str | None, directory: str | None, saved: list[str]) -> None:
    """The documents, as soon as the shadow copies are there; their names go into *saved* before they are written.

    What cannot be saved makes the command fail, and nothing stays.
    """
    try:
        if document is not None:
            text = made.session.document
            if text is None:
                raise CommandError("there is no Backup Components Document without writers")
            write_new(os.path.abspath(document), text, saved)
        if directory is not None:
            if not os.path.isdir(directory):
                saved.append(directory)
                os.makedirs(directory)
            for name, writer in document_names(made.session.writers):
                write_new(os.path.join(directory, name), writer.to_xml(), saved)
    except OSError as error:
        raise CommandError(f"{shown(document or directory or '')}: {reason(error)}; nothing was made") from error


def _save_again(made: Taken, document: str) -> None:
    """The document as it is after BackupComplete, which a restore needs; an import can do with the first one."""
    text = made.session.document
    if text is None:
        return
    new = f"{document}.{uuid4()}.new"  # nobody else's file
    try:
        try:
            write_text(new, text)
            os.replace(new, document)
        except OSError:
            with suppress(OSError):
                os.unlink(new)
            raise
    except OSError as error:
        complain(f"{shown(document)} is the document as it was before the writers heard of the end: {reason(error)}")


def _run(made: Taken, words: Sequence[str], stdout_is_taken: bool) -> int:
    filled = Placeholders(made.names).fill(words, made.roots)
    environment = shadow_environment(made.copies)
    return run_command(filled, environment, made.interrupts, quiet_stdout=stdout_is_taken)


def _tell(made: Taken, code: int | None, as_json_text: bool) -> int:
    failures = writer_failures(made.session)
    result = made.session.result
    for note in result.notes:
        complain(note)
    if code:
        complain(f"the command ended with exit code {code}")
    if as_json_text:
        facts: dict[str, Any] = {
            "set_id": str(made.shadows.set_id),
            "shadow_copies": made.facts,
            "failed_writers": failures,
            "components": [
                {
                    "writer": shown(each.writer),
                    "instance_id": str(each.instance_id),
                    "name": shown(each.full_name),
                    "state": each.state,
                    "reason": None if each.reason is None else shown(each.reason),
                }
                for each in result.components
            ],
            "command_exit_code": code,
            "good": result.good and not code,
        }
        click.echo(as_json(facts, ascii_only=True), nl=False)
    elif _stays(int(result.context)):
        print_shadows(made.facts)
    return 0 if result.good and not code else 1
