"""`vsspy backup`: files out of a shadow copy into a folder, all of it or nothing."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from .. import __version__
from .._phases import WAITING
from .._roots import shown
from ..backup_document import BackupDocument
from ..backup_folder import BackupFolder
from ..enums import BackupType
from ..errors import BackupFolderError
from ..privileges import enable_privileges
from ..retry import Retry
from ..selection import Rule
from .backup_work import Work
from .console import Display, summarize
from .errors import CommandError
from .interrupts import Interrupts
from .machine import folder_volumes, is_simulated, load_writers, machine, machine_options
from .main import guarded
from .options import folders_option, json_option, volume_policies, writer_rule
from .places import find_places, parse_volumes, target_folder
from .report import Report, as_json
from .staging import check_empty

__all__ = ["command"]

TYPES = {kind.name.lower(): kind for kind in BackupType if kind is not BackupType.UNDEFINED}
BUILDING = ("incremental", "differential", "log")


def _seconds(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (0 < value < math.inf):
        raise click.BadParameter("give a number of seconds above 0", ctx=context, param=parameter)
    return value


@click.command(name="backup", short_help="Back up files, folders and writers' components through a shadow copy.")
@click.argument("paths", metavar="[PATH...]", nargs=-1)
@click.option(
    "--to",
    "directory",
    metavar="DIR",
    required=True,
    help="Where the backup goes; made if it is missing, else it has to be empty.",
)
@click.option(
    "--component",
    "components",
    metavar="WRITER[:COMPONENT]",
    multiple=True,
    help="Back up this component, or all of the writer's, wherever its files lie, and tell the writer how that went; * and ? stand for "
    "any text and any character. Repeat it for more.",
)
@click.option(
    "--exclude",
    "excluded",
    metavar="WRITER[:COMPONENT]",
    multiple=True,
    help="With --component: what is not backed up all the same.",
)
@click.option(
    "--writers",
    type=click.Choice(["all", "none"]),
    default="all",
    show_default=True,
    help="all: every writer is asked to pause; what is claimed of them says --component. none: a plain copy without writers.",
)
@click.option(
    "--type",
    "backup_type",
    type=click.Choice(list(TYPES), case_sensitive=False),
    default="copy",
    show_default=True,
    help="What writers are told. copy leaves their own histories alone; full lets databases cut their logs afterwards; incremental, "
    "differential and log save of components what has changed since the backup in --previous.",
)
@click.option(
    "--previous",
    metavar="DIR",
    help="The backup that this one builds on, as `vsspy backup` made it: the full one for differential, else the last one.",
)
@click.option(
    "--policy",
    "policies",
    metavar="VOLUME=required|preferred|never",
    multiple=True,
    help="What to do with a volume: fail without a shadow copy of it (required, the default), read it live where there can be none "
    "(preferred), or always (never).",
)
@folders_option
@click.option("--timeout", metavar="S", type=float, callback=_seconds, help="Limit in seconds for each wait on VSS.")
@click.option(
    "--phase-timeout",
    "phase_timeouts",
    metavar="NAME=S",
    multiple=True,
    help=f"Another limit for one wait: {', '.join(WAITING)}.",
)
@click.option(
    "--wait",
    metavar="S",
    type=click.FloatRange(min=0),
    help="How many seconds to wait while somebody else makes shadow copies; 300 by default.",
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="DIR may hold something: replace the copies of the PATHs and of the components' folders and DIR/vsspy in it, touch nothing else.",
)
@json_option
@machine_options
@guarded
def command(directory: str, as_json_text: bool, **values: Any) -> int:
    """Back up each PATH, a file or a folder, and the files of each component, out of a shadow copy into DIR.

    Everything is written below DIR at its own full path: /srv/data to DIR/srv/data, C:\\Data to DIR/C/Data. DIR/vsspy gets the documents of
    the backup (backup-components.xml, writers/*.xml) and report.json. `vsspy restore` takes DIR.

    Off Windows each PATH that is a folder is a simulated volume (for a file it is the folder it lies in). With --volume, PATHs may
    be names on the simulated volumes (C:\\Data) or places in the folders that play them; both mean the same.

    An incremental, differential or log backup saves of components what their writers say: file sets that every such backup has, files
    that changed, parts of files. A part lies at its own place in a file of full size, with holes around it. PATHs are always copied whole.

    \b
    Examples:
      vsspy backup C:\\Data D:\\Mail --to E:\\Backup
      vsspy backup --component SqlServerWriter --type full --to E:\\Monday
      vsspy backup --component SqlServerWriter --type differential --previous E:\\Monday --to E:\\Tuesday
      vsspy backup C:\\Data --component "*Search*" --policy F:=preferred --to E:\\Backup
      vsspy backup /srv/data --to /backup --overwrite
      vsspy backup 'C:\\Data' --volume 'C:\\=/srv/image' --writers-from documents --to out

    \b
    Exit codes:
      0    everything is in the backup
      1    the backup was made, but a writer, a component or a file failed: see the report
      2    nothing was made, DIR is as it was before
      130  Ctrl-C, 143 SIGTERM: nothing was made
    """
    report = _backup(directory, as_json_text, **values)
    facts: Mapping[str, object] = report.to_dict()
    if as_json_text:
        click.echo(as_json(facts, ascii_only=True), nl=False)
    else:
        summarize(facts)
    return report.exit_code


def _backup(
    directory: str,
    quiet: bool,
    *,
    paths: Sequence[str],
    components: Sequence[str],
    excluded: Sequence[str],
    writers: str,
    backup_type: str,
    previous: str | None,
    policies: Sequence[str],
    folders: Sequence[str],
    timeout: float | None,
    phase_timeouts: Sequence[str],
    wait: float | None,
    overwrite: bool,
    backend: str | None,
    writers_from: str | None,
) -> Report:
    rules = _rules(paths, components, excluded, writers)
    simulated = is_simulated(backend, other_options=bool(folders or writers_from))
    target = target_folder(directory)
    options = _options(backup_type, previous, target, policies, timeout, phase_timeouts, wait)
    if not simulated:
        enable_privileges(restore=False)  # to read what access control lists shut administrators out from
    described = folder_volumes(simulated)
    if described and folders:
        raise CommandError("--volume and VSSPY_SIMULATOR both say which volumes there are; leave one of them out")
    places = find_places(paths, described or parse_volumes(folders), target, simulated=simulated)
    if not overwrite:
        check_empty(target)
    documents = load_writers(writers_from)
    report = Report(__version__, ["vsspy", *sys.argv[1:]], target, places.places)
    if previous is not None:
        report.previous = os.path.abspath(previous)
    with (
        Interrupts() as interrupts,
        Display(quiet=quiet) as display,
        machine(simulated, places.volumes, documents) as running,
    ):
        Work(
            places=places,
            directory=target,
            rules=rules,
            use_writers=writers == "all",
            backup_type=TYPES[backup_type],
            options=options,
            overwrite=overwrite,
            report=report,
            display=display,
            interrupts=interrupts,
            simulated=running,
        ).run()
    return report


def _rules(paths: Sequence[str], components: Sequence[str], excluded: Sequence[str], writers: str) -> list[Rule]:
    if not paths and not components:
        raise CommandError("say what is to be backed up: PATHs, or --component WRITER")
    if excluded and not components:
        raise CommandError("--exclude takes something out of what --component claims; give --component too")
    if components and writers == "none":
        raise CommandError("--component needs writers; leave --writers none out")
    return [
        *(Rule("select", *writer_rule(text, "--component")) for text in components),
        *(Rule("exclude", *writer_rule(text, "--exclude")) for text in excluded),
    ]


def _options(
    backup_type: str,
    previous: str | None,
    target: str,
    policies: Sequence[str],
    timeout: float | None,
    phase_timeouts: Sequence[str],
    wait: float | None,
) -> dict[str, Any]:
    """The session's options."""
    options: dict[str, Any] = {"partial_files": True, "volume_policies": volume_policies(policies)}
    if timeout is not None:
        options["timeout"] = timeout
    if wait is not None:
        options["retry"] = Retry(deadline=wait)
    limits: dict[str, float] = {}
    for text in phase_timeouts:
        name, _, value = text.partition("=")
        try:
            limits[name.replace("-", "_")] = float(value)
        except ValueError:
            raise CommandError(f"--phase-timeout {shown(text)}: write NAME=S, for example {WAITING[0]}=60") from None
    options["phase_timeouts"] = limits
    if previous is not None:
        if backup_type not in BUILDING:
            raise CommandError(
                f"--previous is for the types {', '.join(BUILDING)}; a {backup_type} backup builds on nothing"
            )
        if _is_same(target, os.path.abspath(previous)):
            raise CommandError(
                f"--to {shown(target)} is --previous itself, which the new backup builds on; choose another folder"
            )
        options.update(previous_options(previous))
        if any(_is_same(target, each) for each in _builds_on(previous)):
            raise CommandError(
                f"--to {shown(target)} is a backup that --previous builds on, and so would the new one; choose another folder"
            )
    return options


def previous_options(directory: str) -> dict[str, Any]:
    """The session's options for the backup that this one builds on.

    Raises:
        BackupFolderError, CommandError: Nothing can build on it.
    """
    with BackupFolder(directory) as folder:
        components = [each for writer in BackupDocument.from_xml(folder.document).writers for each in writer.components]
        if any(each.backup_succeeded is None for each in components):
            raise CommandError(
                f"--previous {shown(directory)}: that backup was not completed (BackupComplete), so no restore could begin with it"
            )
        try:
            time = datetime.fromisoformat(folder.report["started"])
        except (KeyError, TypeError, ValueError) as error:
            raise CommandError(
                f"--previous {shown(directory)}: its report does not say when that backup began"
            ) from error
        return {"previous": folder.document, "previous_time": time}


def _builds_on(directory: str) -> list[str]:
    """The folders of the backups that one builds on, directly or not, as far as they are where they were."""
    found: list[str] = []
    here: str | None = directory
    while here is not None and here not in found:
        found.append(here)
        try:
            with BackupFolder(here) as folder:
                here = folder.previous
        except BackupFolderError:
            break
        if here is not None and "\0" in here:  # which no path has
            break
    return found[1:]


def _is_same(one: str, other: str) -> bool:
    return os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other))
