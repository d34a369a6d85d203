"""One run of `vsspy backup`: the session, the copying into the staging folder, the marks, the commit.

The order of things is what makes the result trustworthy: whatever can be wrong is found before anything is made; files are copied into the
staging folder and made durable before writers hear that their data is safe; documents and report follow once the writers' last states are
known; then all of it is moved into DIR by renames.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from .._filecopy import reason
from .._machine import Surroundings
from .._paths import fold, separator, stored_as
from .._roots import Root, shown
from ..enums import BackupType
from ..errors import VssError
from ..selection import Rule, file_sets
from ..session import BackupSession
from .component_places import ComponentPlaces, check_replaceable, find_components, topmost
from .console import complain
from .copy_jobs import Single
from .copying import NOT_KEPT_ON_WINDOWS, Copier
from .errors import CommandError
from .file_list import FileList
from .main import describe
from .places import DOCUMENTS, may_touch
from .report import write_documents
from .staging import Staging, sync_all

if TYPE_CHECKING:
    from ..filesets import BackupFile
    from ..metadata import WriterMetadata
    from ..session import SelectedComponent
    from ..shadow import ShadowCopySet
    from ..simulator import Machine
    from .console import Display
    from .copy_result import CopyResult
    from .interrupts import Interrupts
    from .losses import Losses
    from .places import Places
    from .report import Report

__all__ = ["Work"]


@dataclass(slots=True)
class Work:
    """One backup.

    Attributes:
        places: The PATHs.
        rules: What --component and --exclude say; empty where no component is claimed.
        options: More options of the session.
        simulated: The simulated machine, where it is one.
    """

    places: Places
    directory: str
    rules: Sequence[Rule]
    use_writers: bool
    backup_type: BackupType
    options: Mapping[str, Any]
    overwrite: bool
    report: Report
    display: Display
    interrupts: Interrupts
    simulated: Machine | None
    staging: Staging | None = None
    components: ComponentPlaces = field(default_factory=ComponentPlaces)
    metadata: list[WriterMetadata] = field(default_factory=list)
    problems: dict[str, list[str]] = field(default_factory=dict)
    files: FileList = field(default_factory=FileList)
    lock: threading.Lock = field(default_factory=threading.Lock)
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
                self.files.close()
                self._discard()

    # -- the session ---------------------------------------------------------------------------------------------------

    def _session(self) -> None:
        options: dict[str, Any] = {
            "backup_type": self.backup_type,
            "writers": self.use_writers,
            "on_writer_failure": "report",
            "on_progress": lambda progress: self.display.phase(progress.phase.replace("_", " ")),
            **self.options,
        }
        self.began = time.monotonic()
        if self.rules:
            self._find_components(options)
        session = BackupSession(*self._volumes(), select_components=bool(self.rules), **options)
        try:
            with self.interrupts.impatient(), session, self.interrupts.patient():
                self._body(session)
        except VssError as error:
            # With every file safe, what VSS says afterwards makes the backup a worse one, not none.
            if not self.copied:
                raise
            self.report.notes.append(describe(error))
        self.report.result = session.result

    def _find_components(self, options: Mapping[str, Any]) -> None:
        """Asks the writers where the components lie: a session has to know its volumes before it asks."""
        surroundings = Surroundings.of(None)
        first = next(iter([*self.places.volume_names, *surroundings.volumes]), None)
        if first is None:
            raise CommandError("there is no volume: say which folder plays one, for example --volume 'C:\\=FOLDER'")
        asked = {name: value for name, value in options.items() if name not in ("volume_policies", "previous")}
        with self.interrupts.impatient(), BackupSession(first, **asked) as session:
            writers = list(session.writers)
        self.components = find_components(writers, self.rules, surroundings, self.directory)
        if not (self.components.volumes or self.places.places):
            why = next(iter(self.components.unknown), "they name no files at all")
            raise CommandError(f"the components have no files on a volume of this computer: {shown(why)}")
        if self.overwrite:
            check_replaceable(self.directory, self.components.folders, self.places.places)
        self.report.places = topmost([*self.places.places, *self.components.folders])

    def _volumes(self) -> list[str]:
        """The volumes of the set, each under the name that the command line has for it."""
        names = self.places.volume_names
        volumes = Surroundings.of(None).volumes
        known = {volumes.identify(name) or name for name in names}
        return [*names, *(name for name in self.components.volumes if name not in known)]

    def _body(self, session: BackupSession) -> None:
        self.metadata = list(session.writers)
        for rule in self.rules:
            (session.select if rule.kind == "select" else session.exclude)(rule.writer, rule.component)
        staging = self.staging = Staging(self.directory, overwrite=self.overwrite)
        if staging.recovered:
            self.report.notes.append("a backup that was killed while it was being moved into place was finished first")
        staging.conflicts(self._finals())
        with self.interrupts.impatient():
            shadows = session.snapshot()
        result, volumes = session.result, Surroundings.of(None).volumes
        result.left_out_by_vss[:] = may_touch(self.report.places, result.left_out_by_vss, volumes)
        self.report.volumes = {copy.snapshot_id: name for name in shadows if not (copy := shadows[name]).is_live}
        with Root(staging.root.full(staging.tree)) as target:
            self.report.copied = self._copy(session, shadows, target)
            self._make_replacements(staging.root, target)
            for path, owners in self.files.not_copied(target):
                self._fails(owners, f"{path} was not copied")
            for component in session.components:
                self._mark(component)
            self._add_losses()
            # What a writer keeps out of its component is in the backup all the same, as part of a PATH.
            result.left_out[:] = [
                item for item in result.left_out if item.kind != "file" or not self._is_copied(item.name, target)
            ]
        with self._phase("sync"):
            sync_all(staging.root)
        self.copied = True  # and safe, whatever writers say from here on

    # -- copying -------------------------------------------------------------------------------------------------------

    def _copy(self, session: BackupSession, shadows: ShadowCopySet, target: Root) -> CopyResult:
        self.display.phase("copying")
        copier = Copier(target, on_progress=self.display.copied)
        with ExitStack() as stack:
            roots = {name: stack.enter_context(Root(shadows[name].root)) for name in shadows}
            for place in self.places.places:
                copier.add(roots[place.volume], place.inside, place.below, place.path)
            copier.add_singles(self._singles(session, shadows, roots, stack))
            result = copier.run()
        if result.failed:
            for name in shadows:
                shadows[name].check()  # one error that says so, rather than each file that is gone with it
            if not result.files and not result.folders and not result.links:
                raise CommandError(
                    f"nothing could be read: {shown(result.failed[0].path)}: {result.failed[0].reason}; nothing was made"
                )
        return result

    def _singles(
        self, session: BackupSession, shadows: ShadowCopySet, roots: Mapping[str, Root], stack: ExitStack
    ) -> Iterator[Single]:
        """The files of the components that the PATHs do not bring."""
        live: dict[str, Root] = {}
        self.files.begin(session.components)
        for file, owners in session.files(onerror=lambda error: None):
            new = stored_as(file.path)
            if self._is_in_path(file, new, shadows):
                self.files.add(file.path, self._below(file.shadow_path, shadows) or new, True, owners)
                continue
            self.files.add(file.path, new, False, owners)
            found = next((name for name in shadows if self._rest(file.shadow_path, shadows[name].root)), None)
            if found is None:
                folder, name = os.path.split(file.shadow_path)
                if folder not in live:
                    live[folder] = stack.enter_context(Root(folder))
                source = live[folder]
            else:
                source, name = roots[found], self._rest(file.shadow_path, shadows[found].root) or ""
            is_last = found is None or any(_is_below(file.path, place.path) for place in self.places.places)
            yield Single(source, name, new, file.path, file.ranges, is_last, partial(self._fails, owners))

    def _fails(self, owners: Sequence[SelectedComponent], problem: str) -> None:
        with self.lock:
            for owner in owners:
                self.problems.setdefault(_key(owner), []).append(problem)

    @staticmethod
    def _rest(path: str, root: str) -> str | None:
        return path[len(root) :] if os.path.normcase(path).startswith(os.path.normcase(root)) else None

    def _is_in_path(self, file: BackupFile, new: str, shadows: ShadowCopySet) -> bool:
        """Whether copying the PATHs brings the file, from the place that it is to be read at."""
        if file.is_live:
            return False
        name = self._below(file.shadow_path, shadows)
        return name is not None and fold(name) == fold(new)

    def _mark(self, component: SelectedComponent) -> None:
        """Tells the writer how the files of its component went: each has to lie in the staging folder."""
        problems = list(self.problems.get(_key(component), ()))
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

        return Losses.of(self.simulated, self.report.places)

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

    # -- the end -------------------------------------------------------------------------------------------------------

    def _finals(self) -> list[str]:
        return [*(place.below for place in self.report.places), DOCUMENTS]

    def _make_replacements(self, directory: Root, target: Root) -> None:
        """An empty folder for each folder of a component that DIR has something in, and of which nothing is left."""
        for place in self.report.places:
            if place in self.places.places:
                continue
            if directory.exists(place.below) and not target.exists(place.below):
                parts = place.below.split(os.sep)
                for depth in range(1, len(parts) + 1):
                    folder = os.sep.join(parts[:depth])
                    if not target.exists(folder):
                        target.mkdir(folder)

    def _others(self, target: Root, finals: Sequence[str]) -> Iterator[str]:
        """What was staged outside all folders that were known before: files that writers named for this backup."""
        whole = set(finals)
        stack = [""]
        while stack:
            folder = stack.pop()
            for name in target.listing(folder):
                path = os.sep.join((folder, name)) if folder else name
                if path in whole:
                    continue
                if stat.S_ISDIR(target.lstat(path).st_mode):
                    stack.append(path)
                else:
                    yield path

    def _commit(self) -> None:
        assert self.staging is not None and self.report.result is not None
        self.display.phase("finishing")
        if sys.platform == "win32":
            self.report.not_kept.extend(NOT_KEPT_ON_WINDOWS)
        staging, finals = self.staging, self._finals()
        with Root(staging.root.full(staging.tree)) as target:
            finals = [*self._others(target, finals), *finals]
            folder = staging.root.full(staging.tree + os.sep + DOCUMENTS)
            files = self.files.lines(target, self.report.copied.partial)
            write_documents(folder, self.report.result.document, self.metadata, self.report.to_dict(), files)
        staging.commit(finals)
        try:
            self._discard()
        except OSError as error:
            complain(
                f"the backup is made; {shown(staging.root.full(''))} keeps a leftover that could not be removed: {reason(error)}"
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


def _is_below(path: str, folder: str) -> bool:
    mark = separator(folder)
    one, other = (path, folder) if mark == "/" else (fold(path), fold(folder))
    return one == other or one.startswith(other.rstrip(mark) + mark)


def _key(component: SelectedComponent) -> str:
    return f"{component.writer.instance_id} {component.full_name}"
