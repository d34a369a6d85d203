"""`vsspy restore`: what `vsspy backup` made, put back: through the writers, or into another folder without them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import click

from .. import __version__
from .._restore_work import words
from .._roots import shown
from .._volumes import local_environment
from ..backup_folder import BackupFolder
from ..errors import AccessDeniedError, VssError
from ..extraction import check_chain, extract
from ..privileges import enable_privileges
from ..restore import RestoredComponent, RestoreSession
from .console import Display
from .copy_result import Progress
from .errors import CommandError
from .interrupts import Interrupts, stopping
from .machine import folder_volumes, is_simulated, load_writers, machine, machine_options
from .main import describe, guarded
from .options import folders_option, json_option, writer_rule
from .places import parse_volumes, target_folder
from .restore_chain import Wish, following, shared
from .restored import RestoreReport, Step, as_json, summarize

__all__ = ["command"]


@click.command(name="restore", short_help="Restore what `vsspy backup` made.")
@click.argument("directories", metavar="DIR...", nargs=-1, required=True)
@click.option(
    "--component",
    "components",
    metavar="WRITER[:COMPONENT]",
    multiple=True,
    help="Restore this component, or all of the writer's; repeat it for more. Default: everything that was saved.",
)
@click.option(
    "--exclude",
    "excluded",
    metavar="WRITER[:COMPONENT]",
    multiple=True,
    help="Leave this as it is; repeat it for more.",
)
@click.option(
    "--redirect",
    "redirected",
    metavar="WRITER[:COMPONENT]=FOLDER",
    multiple=True,
    help="Restore this to FOLDER, a full path on the machine, and tell its writer so. Not every writer can be told.",
)
@click.option(
    "--to",
    "target",
    metavar="DIR2",
    help="Write the files below DIR2 instead, C:\\Data to DIR2/C/Data. No writer is asked or told.",
)
@click.option("--overwrite", is_flag=True, help="DIR2 may hold something: replace files of the same names in it.")
@click.option(
    "--without-writers",
    is_flag=True,
    help="Restore components of writers that do not run as plain files; else they are left out.",
)
@click.option(
    "--dry-run", is_flag=True, help="Say what would be restored to where, and do nothing. Writers are not asked."
)
@click.option("--timeout", metavar="S", type=click.FloatRange(min=0, min_open=True), help="Limit in seconds for each wait on VSS.")  # fmt: skip
@folders_option
@json_option
@machine_options
@guarded
def command(
    directories: tuple[str, ...],
    components: tuple[str, ...],
    excluded: tuple[str, ...],
    redirected: tuple[str, ...],
    target: str | None,
    overwrite: bool,
    without_writers: bool,
    dry_run: bool,
    timeout: float | None,
    folders: tuple[str, ...],
    as_json_text: bool,
    backend: str | None,
    writers_from: str | None,
) -> int:
    """Restore what `vsspy backup` wrote into DIR: the components of writers, each by its writer's own rules.

    Writers hear of it before and after (PreRestore, PostRestore): a database goes offline, its files are replaced, and it recovers
    them. Files that belong to no component are not touched; --to gets at them, and needs no writers at all.

    A chain of backups is restored in one command: the full one first, then what builds on it, oldest first. A chain with a gap is
    refused. A file is replaced whole or not at all, and never through a link.

    \b
    Examples:
      vsspy restore E:\\Backup
      vsspy restore E:\\Backup --component SqlServerWriter:SERVER\\Orders
      vsspy restore E:\\Full E:\\Monday E:\\Tuesday --component SqlServerWriter
      vsspy restore E:\\Backup --component SqlServerWriter:SERVER\\Orders --redirect SqlServerWriter=D:\\Copy
      vsspy restore E:\\Backup --to F:\\Look
      vsspy restore out --volume 'C:\\=/srv/image' --writers-from documents --dry-run

    \b
    Exit codes:
      0    everything that was asked for is restored
      1    something was restored, but a writer, a component or a file failed, or something had to be left out: see the report
      2    nothing was restored
      130  Ctrl-C, 143 SIGTERM: writers heard that the restore was cut short
    """
    wish = Wish(
        [writer_rule(text, "--component") for text in components],
        [writer_rule(text, "--exclude") for text in excluded],
        [_redirection(text) for text in redirected],
        without_writers,
        dry_run,
        timeout,
    )
    report = RestoreReport(
        __version__, ["vsspy", *sys.argv[1:]], dry_run, None if target is None else target_folder(target)
    )
    with ExitStack() as stack:
        chain = [stack.enter_context(BackupFolder(directory)) for directory in directories]
        if len(chain) > 1 or target is None:
            check_chain(chain)
        interrupts = stack.enter_context(Interrupts())
        display = stack.enter_context(Display(quiet=as_json_text))
        stack.enter_context(stopping(lambda: _stopped(report)))
        if report.to is not None:
            _check_target(report.to, chain, wish, overwrite)
            _extract_all(
                chain,
                report,
                shared(chain, wish),
                display,
                simulated=is_simulated(backend, other_options=bool(folders)),
            )
        else:
            _restore_all(chain, report, wish, display, interrupts, folders, backend, writers_from)
    values: Mapping[str, Any] = report.to_dict()
    if as_json_text:
        click.echo(as_json(values, ascii_only=True), nl=False)
    else:
        summarize(values)
    return report.exit_code


def _redirection(text: str) -> tuple[tuple[str, str | None], str]:
    name, equals, folder = text.partition("=")
    if not (equals and folder):
        raise CommandError(f"--redirect {shown(text)}: write WRITER=FOLDER or WRITER:COMPONENT=FOLDER")
    return writer_rule(name, "--redirect"), folder


def _stopped(report: RestoreReport) -> str:
    count = sum(step.files for step in report.steps)
    return f"stopped; {count} files were restored before, and writers heard of the end" if count else "stopped"


def _check_target(target: str, chain: Sequence[BackupFolder], wish: Wish, overwrite: bool) -> None:
    if wish.redirected or wish.dry_run or wish.without_writers:
        raise CommandError("--to writes files without writers; leave --redirect, --without-writers and --dry-run out")
    real = os.path.realpath(target)
    for folder in chain:
        other = os.path.realpath(folder.path)
        for inner, outer in ((real, other), (other, real)):
            if inner == outer or inner.startswith(outer.rstrip(os.sep) + os.sep):
                raise CommandError(
                    f"--to {shown(target)} and {shown(folder.path)} lie in one another; choose another folder"
                )
    if not overwrite and os.path.isdir(target) and (names := os.listdir(target)):
        raise CommandError(
            f"--to {shown(target)} is not empty: it holds {shown(min(names))}; choose another folder, or --overwrite"
        )


@contextmanager
def _step(report: RestoreReport, folder: BackupFolder) -> Iterator[Step]:
    """One backup of the chain; an error after something was written belongs into the report."""
    step = Step(folder, dry_run=report.dry_run)
    report.steps.append(step)
    try:
        yield step
    except (VssError, OSError) as error:
        if not any(each.files for each in report.steps):
            raise
        step.failed.append((folder.path, describe(error)))


class _Counter:
    """Files and bytes for the bar and the report."""

    def __init__(self, step: Step, display: Display) -> None:
        self._step = step
        self._display = display
        self._files = 0
        self._bytes = 0

    def file(self, _: object) -> None:
        self._files += 1
        self._tell()

    def moved(self, count: int) -> None:
        self._bytes += count
        self._tell()

    def _tell(self) -> None:
        self._display.copied(Progress(self._files, self._bytes, self._files, self._bytes, False))


def _extract_all(
    chain: Sequence[BackupFolder],
    report: RestoreReport,
    wishes: Sequence[Wish | None],
    display: Display,
    *,
    simulated: bool,
) -> None:
    assert report.to is not None
    environment: Mapping[str, str]
    if simulated:
        from .._simulated_machine import PLAIN_SERVER as environment
    else:
        environment = local_environment()
        with suppress(AccessDeniedError):  # one's own files can be written without
            enable_privileges()
    display.phase("restoring")
    for folder, wish in zip(chain, wishes, strict=True):
        if wish is None:
            continue
        with _step(report, folder) as step:
            counter = _Counter(step, display)
            result = step.extracted = extract(
                folder,
                report.to,
                select=wish.components,
                exclude=wish.excluded,
                environment=environment,
                onerror=lambda error: None,
                on_file=counter.file,
                on_bytes=counter.moved,
            )
            step.files, step.bytes = result.files, result.bytes
            step.failed.extend((each.path, each.reason or "") for each in result.failed)
            step.notes.extend(f"not kept: {each}" for each in result.not_kept)
        if not step.worked:
            return


def _restore_all(
    chain: Sequence[BackupFolder],
    report: RestoreReport,
    wish: Wish,
    display: Display,
    interrupts: Interrupts,
    folders: Sequence[str],
    backend: str | None,
    writers_from: str | None,
) -> None:
    simulated = is_simulated(backend, other_options=bool(folders or writers_from))
    described = folder_volumes(simulated)
    if described and folders:
        raise CommandError("--volume and VSSPY_SIMULATOR both say which volumes there are; leave one of them out")
    volumes = described or parse_volumes(folders) or (_own_volumes(chain) if simulated else {})
    for folder in chain:
        if not folder.has_document:
            raise CommandError(f"{shown(folder.path)} was made without writers; --to DIR2 gets at its files")
    wishes = shared(chain, wish)
    if not simulated:
        enable_privileges()
    with machine(simulated, volumes, load_writers(writers_from)):
        for number, (folder, mine) in enumerate(zip(chain, wishes, strict=True)):
            if mine is None:
                continue
            follows = following(chain[number + 1 :], wishes[number + 1 :])
            with _step(report, folder) as step:
                _restore(folder, step, mine, display, interrupts, follows)
            if not step.worked:  # what builds on it has nothing to build on
                if step.result is not None and step.result.additional:
                    step.notes.append(
                        "the rest of the chain is not restored; writers that were told of it may keep their data offline until they "
                        "are restored again"
                    )
                return


def _own_volumes(chain: Sequence[BackupFolder]) -> dict[str, str]:
    """Off Windows a folder that was backed up was a volume of its own name, and is one again."""
    volumes = {}
    for name in dict.fromkeys(name for folder in chain for name in folder.volumes):
        if not name.startswith("/"):
            raise CommandError(
                f"{shown(name)} is no volume here; say which folder plays it: --volume '{shown(name)}=FOLDER'"
            )
        if not os.path.isdir(name):
            raise CommandError(f"{shown(name)} does not exist; make it, or say which folder plays it: --volume '{shown(name)}=FOLDER'")  # fmt: skip
        volumes[name] = os.path.realpath(name)
    return volumes


def _restore(
    folder: BackupFolder,
    step: Step,
    wish: Wish,
    display: Display,
    interrupts: Interrupts,
    additional: Callable[[RestoredComponent], bool],
) -> None:
    session = RestoreSession(
        folder.document,
        folder.writers,
        additional=additional,
        without_writers=wish.without_writers,
        on_writer_failure="report",
        on_progress=lambda progress: display.phase(progress.phase.replace("_", " ")),
        **({} if wish.timeout is None else {"timeout": wish.timeout}),  # type: ignore[arg-type]
    )
    counter = _Counter(step, display)
    try:
        with interrupts.impatient(), session as restore:
            for writer, component in wish.components:
                restore.select(writer, component)
            for writer, component in wish.excluded:
                restore.exclude(writer, component)
            for (writer, component), place in wish.redirected:
                restore.redirect(writer, component, to=place)
            if wish.dry_run:
                _plan(restore, folder, step)
                return
            restore.prepare(folder)

            def note(error: OSError | VssError) -> None:
                where = os.fsdecode(error.filename) if isinstance(error, OSError) and error.filename else folder.path
                step.failed.append((where, words(error)))

            restore.restore_files(folder, onerror=note, on_file=counter.file, on_bytes=counter.moved)
    finally:
        step.result = session.result
        if not wish.dry_run:
            step.files = sum(each.files for each in session.result.components)
            step.bytes = sum(each.bytes for each in session.result.components)


def _plan(restore: RestoreSession, folder: BackupFolder, step: Step) -> None:
    for component in restore.components:
        try:
            step.planned.extend(restore.files(folder, component))
        except (VssError, OSError) as error:
            step.failed.append((component.full_name, words(error)))
    step.files = len(step.planned)
    step.bytes = sum(each.size for each in step.planned)
