"""`vsspy backup`: files out of a shadow copy into a folder, all of it or nothing.

The order of things is what makes the result trustworthy: whatever can be wrong is found before anything is made; files are copied into the
staging folder and made durable before writers hear that their data is safe; documents and report follow once the writers' last states are
known; then all of it is moved into DIR by renames.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from .. import __version__
from .._paths import separator
from ..enums import BackupType
from ..errors import VssError
from ..selection import file_sets
from ..session import BackupSession, SessionOptions
from .console import Display, complain, summarize
from .copying import NOT_KEPT_ON_WINDOWS, Copier, CopyResult
from .errors import CommandError
from .filecopy import reason
from .interrupts import Interrupts
from .machine import folder_volumes, is_simulated, load_writers, machine, machine_options
from .main import describe, guarded
from .places import DOCUMENTS, Places, find_places, parse_volumes, target_folder
from .report import Report, as_json, write_documents
from .roots import Root, shown
from .staging import Staging, check_empty, sync_all

if TYPE_CHECKING:
    from ..metadata import WriterMetadata
    from ..session import SelectedComponent
    from ..shadow import ShadowCopySet
    from ..simulator import Machine
    from .losses import Losses

__all__ = ["command"]

TYPES = {kind.name.lower(): kind for kind in BackupType if kind is not BackupType.UNDEFINED}


@dataclass(slots=True)
class Work:
    """One backup.

    Attributes:
        names: The writers to back up by name; empty for none.
        use_writers: Whether writers take part at all.
        timeout: Limit of each phase in seconds, None for the session's own.
        simulated: The simulated machine, where it is one.
    """

    places: Places
    directory: str
    names: Sequence[str]
    use_writers: bool
    backup_type: BackupType
    timeout: float | None
    overwrite: bool
    report: Report
    display: Display
    interrupts: Interrupts
    simulated: Machine | None
    staging: Staging | None = None
    metadata: list[WriterMetadata] = field(default_factory=list)
    began: float = 0.0
    copied: bool = False

    def run(self) -> None:
        """Makes the backup.

        Raises:
            CommandError, VssError, TargetError, OSError, Interrupted: Nothing was made.
        """
        try:
            self._session()
            with self.interrupts.held():
                self._commit()
        finally:
            # Again, and from here: a signal may have come between the failure and the clean-up below it.
            with self.interrupts.held():
                self._discard()

    def _session(self) -> None:
        options: SessionOptions = {
            "backup_type": self.backup_type,
            "on_writer_failure": "report",
            "on_progress": lambda progress: self.display.phase(progress.phase.replace("_", " ")),
        }
        if self.timeout is not None:
            options["timeout"] = self.timeout
        self.began = time.monotonic()
        session = BackupSession(
            *self.places.volume_names, writers=self.use_writers, select_components=bool(self.names), **options
        )
        try:
            with self.interrupts.impatient(), session, self.interrupts.patient():
                self._body(session)
        except VssError as error:
            # With every file safe, what VSS says afterwards makes the backup a worse one, not none.
            if not self.copied:
                raise
            self.report.notes.append(describe(error))
        self.report.result = session.result

    def _body(self, session: BackupSession) -> None:
        self.metadata = list(session.writers)
        for name in self.names:
            session.select(name, under=[place.path for place in self.places.places], required=False)
        staging = self.staging = Staging(self.directory, overwrite=self.overwrite)
        if staging.recovered:
            self.report.notes.append("a backup that was killed while it was being moved into place was finished first")
        staging.conflicts(self._finals())
        with self.interrupts.impatient():
            shadows = session.snapshot()
        self.report.volumes = {shadows[name].snapshot_id: name for name in self.places.volume_names}
        with Root(staging.root.full(staging.tree)) as target:
            self.report.copied = self._copy(shadows, target)
            for component in session.components:
                self._mark(component, shadows, target)
            self._add_losses()
            # What a writer keeps out of its component is in the backup all the same, as part of a PATH.
            session.result.left_out[:] = [
                item
                for item in session.result.left_out
                if item.kind != "file" or not self._is_copied(item.name, target)
            ]
        with self._phase("sync"):
            sync_all(staging.root)
        self.copied = True  # and safe, whatever writers say from here on

    def _copy(self, shadows: ShadowCopySet, target: Root) -> CopyResult:
        self.display.phase("copying")
        copier = Copier(target, on_progress=self.display.copied)
        with ExitStack() as stack:
            roots = {name: stack.enter_context(Root(shadows[name].root)) for name in self.places.volume_names}
            for place in self.places.places:
                copier.add(roots[place.volume], place.inside, place.below, place.path)
            result = copier.run()
        if result.failed:
            for name in self.places.volume_names:
                shadows[name].check()  # one error that says so, rather than each file that is gone with it
            if not result.files and not result.folders and not result.links:
                raise CommandError(
                    f"nothing could be read: {shown(result.failed[0].path)}: {result.failed[0].reason}; nothing was made"
                )
        return result

    def _mark(self, component: SelectedComponent, shadows: ShadowCopySet, target: Root) -> None:
        """Tells the writer how the files of its component went: each has to lie in the staging folder."""
        problems: list[str] = []
        try:
            for file in component.files(onerror=lambda error: problems.append(describe(error))):
                name = self._below(file.shadow_path, shadows)
                if name is None or not target.exists(name):
                    problems.append(f"{file.path} was not copied")
        except (VssError, OSError) as error:
            problems.append(describe(error))
        losses = self._losses()
        if losses is not None and self.simulated is not None:
            sets = [each for part in (component.metadata, *component.implicit) for each in file_sets(part)]
            lost = losses.touching(sets, self.simulated)
            if lost is not None:
                problems.append(f"{lost.path} {lost.reason}")
        if problems:
            component.mark_failed(problems[0] + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""))
        else:
            component.mark_succeeded()

    def _add_losses(self) -> None:
        losses = self._losses()
        if losses is not None:
            self.report.copied.failed.extend(losses.failed)
            self.report.copied.left_out.extend(losses.left_out)
            self.report.notes.extend(losses.notes)

    def _losses(self) -> Losses | None:
        if self.simulated is None:
            return None
        from .losses import Losses

        return Losses.of(self.simulated, self.places.places)

    def _is_copied(self, path: str, target: Root) -> bool:
        for place in self.places.places:
            mark = separator(place.volume)
            if path == place.path:
                return True
            head = place.path if place.path.endswith(mark) else place.path + mark
            if path.startswith(head):
                return target.exists(os.sep.join([place.below, *path[len(head) :].split(mark)]))
        return False

    def _below(self, shadow_path: str, shadows: ShadowCopySet) -> str | None:
        """Where a file of a shadow copy has gone below DIR; None if it lies under no PATH."""
        for place in self.places.places:
            root = shadows[place.volume].root
            head = root + place.inside
            if shadow_path == head:
                return place.below
            head = head if head.endswith(os.sep) else head + os.sep
            if os.path.normcase(shadow_path).startswith(os.path.normcase(head)):
                return place.below + os.sep + shadow_path[len(head) :]
        return None

    def _finals(self) -> list[str]:
        return [*(place.below for place in self.places.places), DOCUMENTS]

    def _commit(self) -> None:
        assert self.staging is not None and self.report.result is not None
        self.display.phase("finishing")
        if sys.platform == "win32":
            self.report.not_kept.extend(NOT_KEPT_ON_WINDOWS)
        folder = self.staging.root.full(self.staging.tree + os.sep + DOCUMENTS)
        write_documents(folder, self.report.result.document, self.metadata, self.report.to_dict())
        self.staging.commit(self._finals())
        try:
            self._discard()
        except OSError as error:
            complain(
                f"the backup is made; {shown(self.staging.root.full(''))} keeps a leftover that could not be removed: {reason(error)}"
            )

    def _discard(self) -> None:
        if self.staging is not None:
            self.staging.discard()

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            elapsed = time.monotonic() - start
            self.report.phases.append({"name": name, "start": start - self.began, "elapsed": elapsed})


def split_writers(values: Sequence[str]) -> tuple[bool, list[str]]:
    """Whether writers take part, and the names of those whose components are backed up.

    Raises:
        CommandError: all or none is mixed with something else.
    """
    names = list(dict.fromkeys(name.strip() for value in values for name in value.split(",")))
    words = [name for name in names if name.casefold() in {"all", "none"}]
    if words and len(names) > 1:
        raise CommandError(f"--writers {words[0]} stands alone; give either it or the names of writers")
    if "" in names:
        raise CommandError("--writers: a name is empty; see `vsspy writers` for the names")
    if words:
        return words[0].casefold() == "all", []
    return True, names


def _seconds(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (0 < value < math.inf):
        raise click.BadParameter("give a number of seconds above 0", ctx=context, param=parameter)
    return value


@click.command(name="backup", short_help="Back up files and folders through a shadow copy.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option(
    "--to",
    "directory",
    metavar="DIR",
    required=True,
    help="Where the backup goes; made if it is missing, else it has to be empty.",
)
@click.option(
    "--writers",
    metavar="all|none|NAME",
    multiple=True,
    default=("all",),
    help="all (default): every writer is asked to pause, none of their components is claimed. none: a plain copy without writers. NAME, "
    "repeated or separated by commas: these writers' components are backed up too, as far as all their files lie in the PATHs.",
)
@click.option(
    "--type",
    "backup_type",
    type=click.Choice(list(TYPES), case_sensitive=False),
    default="copy",
    show_default=True,
    help="What writers are told. copy leaves their own histories alone; full lets databases cut their logs afterwards.",
)
@click.option(
    "--volume",
    "volumes",
    metavar="NAME=FOLDER",
    multiple=True,
    help="Simulator: FOLDER plays the volume NAME, for example 'C:\\=/srv/image'.",
)
@click.option("--timeout", metavar="S", type=float, callback=_seconds, help="Limit in seconds for each wait on VSS.")
@click.option(
    "--overwrite",
    is_flag=True,
    help="DIR may hold something: replace the PATHs' copies and DIR/vsspy in it, touch nothing else.",
)
@click.option(
    "--json", "as_json_text", is_flag=True, help="Print the report as JSON on stdout, and nothing else there."
)
@machine_options
@guarded
def command(
    paths: tuple[str, ...],
    directory: str,
    writers: tuple[str, ...],
    backup_type: str,
    volumes: tuple[str, ...],
    timeout: float | None,
    overwrite: bool,
    as_json_text: bool,
    backend: str | None,
    writers_from: str | None,
) -> int:
    """Back up each PATH, a file or a folder, out of a shadow copy into DIR.

    A PATH is written below DIR at its own full path: /srv/data to DIR/srv/data, C:\\Data to DIR/C/Data. DIR/vsspy gets the documents of
    the backup (backup-components.xml, writers/*.xml) and report.json.

    Off Windows each PATH that is a folder is a simulated volume (for a file it is the folder it lies in). With --volume, PATHs may
    be names on the simulated volumes (C:\\Data) or places in the folders that play them; both mean the same.

    \b
    Examples:
      vsspy backup C:\\Data D:\\Mail --to E:\\Backup
      vsspy backup C:\\Data --to E:\\Backup --writers SqlServerWriter --type full
      vsspy backup /srv/data --to /backup --overwrite
      vsspy backup 'C:\\Data' --volume 'C:\\=/srv/image' --writers-from documents --to out

    \b
    Exit codes:
      0    everything is in the backup
      1    the backup was made, but a writer, a component or a file failed: see the report
      2    nothing was made, DIR is as it was before
      130  Ctrl-C, 143 SIGTERM: nothing was made
    """
    return _backup(
        paths, directory, writers, backup_type, volumes, timeout, overwrite, as_json_text, backend, writers_from
    )


def _backup(
    paths: Sequence[str],
    directory: str,
    writers: Sequence[str],
    backup_type: str,
    volumes: Sequence[str],
    timeout: float | None,
    overwrite: bool,
    as_json_text: bool,
    backend: str | None,
    writers_from: str | None,
) -> int:
    simulated = is_simulated(backend, other_options=bool(volumes or writers_from))
    use_writers, names = split_writers(writers)
    target = target_folder(directory)
    described = folder_volumes(simulated)
    if described and volumes:
        raise CommandError("--volume and VSSPY_SIMULATOR both say which volumes there are; leave one of them out")
    places = find_places(paths, described or parse_volumes(volumes), target, simulated=simulated)
    if not overwrite:
        check_empty(target)
    documents = load_writers(writers_from)
    report = Report(__version__, ["vsspy", *sys.argv[1:]], target, places.places)
    with (
        Interrupts() as interrupts,
        Display(quiet=as_json_text) as display,
        machine(simulated, places.volumes, documents) as running,
    ):
        Work(
            places=places,
            directory=target,
            names=names,
            use_writers=use_writers,
            backup_type=TYPES[backup_type],
            timeout=timeout,
            overwrite=overwrite,
            report=report,
            display=display,
            interrupts=interrupts,
            simulated=running,
        ).run()
    values: Mapping[str, object] = report.to_dict()
    if as_json_text:
        click.echo(as_json(values, ascii_only=True), nl=False)
    else:
        summarize(values)
    return report.exit_code
