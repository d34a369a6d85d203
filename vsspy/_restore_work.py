"""What a restore does once its components are chosen: services, plans, files, and how it all ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Literal

from ._cleanup import CleanUp
from ._paths import fold, separator
from ._restore_files import Source
from ._restore_plan import Plan, Redirection, within
from ._restore_selection import Key
from ._restore_source import AtReboot, CheckedSource, LivePlaces, RestoreSource
from ._restore_talk import RestoreTalk, folded
from ._restored import RestoredComponent, RestoreFile, RestoreResult
from .enums import BackupType, FileRestoreStatus, RestoreMethod, RestoreTarget
from .errors import RestoreError, VssError

if TYPE_CHECKING:
    from ._cancellation import Cancellation
    from ._document_values import DirectedTarget
    from ._restore_choosing import Services
    from .document_components import DocumentComponent
    from .filesets import BackupFile
    from .metadata import FileSet


UNCHECKED = "has no list of its files, as older versions made none: whether it still has all of them was not checked"


class CopySteps:
    """Called after each step of a copy with the number of bytes; raises OperationCancelledError once somebody asked for that.

    Attributes:
        on_bytes: is told.
    """

    def __init__(self, cancellation: Cancellation) -> None:
        self._cancellation = cancellation
        self.on_bytes: Callable[[int], object] | None = None

    def __call__(self, count: int) -> None:
        self._cancellation.check()
        if self.on_bytes is not None:
            self.on_bytes(count)


class RestoreWork:
    """The work of one session on one machine.

    Args:
        on_moved: gets the number of bytes after each step of a copy; it may raise to stop.
    """

    def __init__(
        self,
        talk: RestoreTalk,
        backup_type: BackupType,
        result: RestoreResult,
        services: Services | None,
        at_reboot: AtReboot | None,
        on_moved: Callable[[int], None],
    ) -> None:
        self._talk = talk
        self._backup_type = backup_type
        self._result = result
        self._services = services
        self._at_reboot = at_reboot
        self._places = LivePlaces(talk.surroundings, on_moved)
        self._plans: dict[int, Plan] = {}
        self._stopped: dict[str, None] = {}  # services that have to be started again
        self.components: tuple[RestoredComponent, ...] = ()

    @property
    def told(self) -> list[RestoredComponent]:
        """The components whose writers are told."""
        return [each for each in self.components if each.with_writer]

    def prepare(self, components: Sequence[RestoredComponent]) -> None:
        """PreRestore, what writers want, and the services that have to be stopped for the files."""
        self.components = tuple(components)
        views: dict[Key, DocumentComponent] = {}
        if self.told:
            self._talk.select(self.told)
            self._talk.pre_restore()
            views = self._talk.read_targets(self.told)
        for each in self.components:
            view = views.get(folded(each._chosen.key))
            directed = view.directed_targets if view is not None and each.target is RestoreTarget.DIRECTED else ()
            self._plans[id(each)] = self._plan(each, directed)
            if view is not None:
                each._refused = self._talk.failure_of(each, view)
        for service in self._services_of(RestoreMethod.STOP_RESTORE_START, but_refused=True):
            self._stopped[service] = None  # before it is stopped: a Ctrl-C in between must not leave it so
            self._control(service, "stop")

    def refuse_damaged(self, components: Sequence[RestoredComponent], source: RestoreSource) -> None:
        """Before any writer hears of the restore: no writer is told of components of which the backup has not everything.

        Raises RestoreError if that is so of all of them.
        """
        for each in components:
            try:
                self._check(each, source)
            except RestoreError as error:
                each._refused = words(error)
                each.mark_failed(each._refused)
                each.with_writer = False
        if all(each._refused is not None for each in components):
            reasons = "; ".join(f"{each.full_name}: {each.reason}" for each in components[:5])
            raise RestoreError(f"nothing of the backup can be restored ({reasons})")

    def _check(self, component: RestoredComponent, source: RestoreSource) -> None:
        """Raises RestoreError if the backup has not everything of a component."""
        if component._checked is source or not isinstance(source, CheckedSource):
            return
        if source.has_file_list:
            chosen, surroundings = component._chosen, self._talk.surroundings
            sets = chosen.file_sets(self._backup_type)
            only = within(sets, surroundings.volumes, surroundings.environment) if chosen.parts else None
            source.check_component(*chosen.key, only=only)
        elif (note := f"{source.path} {UNCHECKED}") not in self._result.notes:
            self._result.notes.append(note)
        component._checked = source

    def goals(self, component: RestoredComponent, source: RestoreSource) -> Iterator[RestoreFile]:
        """The files of a component; before ``prepare`` a preview."""
        plan = self._plans.get(id(component))
        real = plan is not None
        surroundings = self._talk.surroundings

        def listing() -> Iterator[BackupFile]:
            chosen = component._chosen
            return chosen.files(source, self._backup_type, surroundings.volumes, surroundings.environment)

        count = 0
        if real:
            component._expected, component.files, component.bytes = None, 0, 0
            component._placed.clear()
        try:
            if component._refused is not None:
                raise RestoreError(component._refused)
            self._check(component, source)
            for goal in (plan or self._plan(component)).goals(listing, self._places):
                count += 1
                yield RestoreFile(component, goal, source, count)
        except (OSError, VssError) as error:
            if real:
                component.mark_failed(words(error))
            raise
        if real:
            component._expected = count

    def place(self, file: RestoreFile, source: str | os.PathLike[str] | BinaryIO | None) -> None:
        """Puts a file in place; what goes wrong makes its component fail."""
        component = file.component
        touched, component._touched = component._touched, True  # before it is so: Ctrl-C may come at any moment
        try:
            with _opened(file, source) as opened:
                self._places.put(file.goal, opened, self._at_reboot)
        except (OSError, VssError) as error:
            component.mark_failed(f"{file.target}: {words(error)}")
            component._touched = touched
            raise
        component._is_in_place(file.number)
        component.files += 1
        component.bytes += file.size if file.pieces is None else sum(piece.length for piece in file.pieces)
        component._restart |= file.how == "reboot"

    def finish(self) -> None:
        """What comes after the files: services, SetFileRestoreStatus, PostRestore."""
        self._places.sync()
        self._result.notes.extend(self._places.lost)
        self._start_services()
        if self.told:
            mappings = {
                folded(each._chosen.key): list(self._plans[id(each)].mappings.used) for each in self.told if each.files
            }
            gone = self._services_of(RestoreMethod.STOP_RESTORE_START)
            self._talk.finish(self.told, mappings, restarted=bool(gone))
        for service in self._services_of(RestoreMethod.RESTORE_STOP_START, but_refused=True):
            self._stopped[service] = None
            self._control(service, "stop")
            self._start_services()
        self._result.restart_required = any(
            each._restart or (each.writer.restore_method.reboot_required and each.status is FileRestoreStatus.ALL)
            for each in self.components
            if each.writer.restore_method is not None
        )

    def clean_up(self, steps: CleanUp) -> None:
        """What is due before writers hear of the end, after an error."""
        for service in list(self._stopped):
            if steps(f"starting the service {service}", lambda service=service: self._control(service, "start")):  # type: ignore[misc]
                self._stopped.pop(service, None)

    def close(self) -> None:
        """Lets the volumes go."""
        self._places.close()

    # --- the rest --------------------------------------------------------------------------------------------------------

    def _services_of(self, method: RestoreMethod, *, but_refused: bool = False) -> list[str]:
        found = [
            info.service
            for each in self.components
            if not (but_refused and each._refused)
            and (info := each.writer.restore_method) is not None
            and info.method is method
            and info.service
        ]
        return list(dict.fromkeys(found))

    def _control(self, service: str, what: Literal["stop", "start"]) -> None:
        assert self._services is not None  # else the component was refused
        self._services(service, what)

    def _start_services(self) -> None:
        for service in reversed(list(self._stopped)):
            self._control(service, "start")
            del self._stopped[service]

    def _plan(self, component: RestoredComponent, directed: Sequence[DirectedTarget] = ()) -> Plan:
        surroundings = self._talk.surroundings
        info = component.writer.restore_method
        by_path: dict[str, list[DirectedTarget]] = {}
        for each in directed:
            mark = separator(each.source_path)
            by_path.setdefault(fold(each.source_path.rstrip(mark) + mark + each.source_filename), []).append(each)

        def redirection(file_sets: Sequence[FileSet]) -> Redirection:
            return Redirection(file_sets, surroundings.volumes, surroundings.environment)

        return Plan(
            info,
            component.target,
            redirection(() if info is None else info.alternate_location_mappings),
            redirection(self._talk.new_targets(component)),
            by_path,
        )


@contextmanager
def _opened(file: RestoreFile, source: str | os.PathLike[str] | BinaryIO | None) -> Iterator[Source]:
    if source is None:
        with file.source.open(file.goal.file) as opened:
            yield opened
    elif isinstance(source, str | os.PathLike):
        with open(source, "rb", buffering=0) as stream:
            yield Source(stream, os.fstat(stream.fileno()))
    else:
        yield Source(source)


def words(error: OSError | VssError) -> str:
    """An error in words, for a result that names the place beside it."""
    if isinstance(error, VssError):
        return error.detail or str(error)
    return error.strerror or str(error)
