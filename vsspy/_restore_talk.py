"""One IVssBackupComponents object through a restore: the calls in their order (semantics 11.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from ._cleanup import CleanUp
from ._machine import Surroundings, ensure_security
from ._paths import fold
from ._restore_plan import new_places
from ._restore_selection import Key
from .backup_components import BackupComponents
from .enums import BackupType, RestoreType
from .errors import BadStateError, ClosedError, NotSupportedError, VssError, WaitTimeoutError

if TYPE_CHECKING:
    from ._phases import Phases
    from ._restored import RestoredComponent, RestoreResult
    from ._writers import WriterWatch
    from .document_components import DocumentComponent
    from .metadata import FileSet, WriterMetadata
    from .simulator import Machine

WAITING = ("gather_writer_metadata", "pre_restore", "post_restore", "gather_writer_status")
"""The phases of a restore that wait for an operation; each has a time limit."""


@dataclass(frozen=True, slots=True)
class RestoreSettings:
    """What a restore is told once."""

    document: str
    backup_type: BackupType
    restore_type: RestoreType
    additional: bool | Callable[[RestoredComponent], bool]
    abort_timeout: float
    security: Literal["auto", "none"]
    backend: Machine | str | None


class RestoreTalk:
    """The talk with VSS over one COM object.

    Attributes:
        writers: the writers that run now.
        surroundings: the machine's volumes and environment.
        in_restore: whether writers may have heard of PreRestore and not yet of PostRestore: a restore cannot be aborted, so
            stopping now means PostRestore (semantics 2.4, 4.6).
    """

    def __init__(self, settings: RestoreSettings, phases: Phases, watch: WriterWatch, result: RestoreResult) -> None:
        self._settings = settings
        self._phases = phases
        self._watch = watch
        self._result = result
        self._bc: BackupComponents | None = None
        self.writers: tuple[WriterMetadata, ...] = ()
        self.surroundings = Surroundings.of(settings.backend)
        self.in_restore = False
        self._ending = False  # PostRestore was begun

    @property
    def _object(self) -> BackupComponents:
        if self._bc is None:
            raise ClosedError("RestoreSession")
        return self._bc

    def begin(self) -> None:
        """Steps 1 to 3: a new object, the document, the type, and which writers run."""
        settings = self._settings
        with self._phases("initialize"):
            if settings.security == "auto":
                ensure_security(settings.backend)
            bc = self._bc = BackupComponents(settings.backend)
            self._result.backend = bc.backend_name
            bc.initialize_for_restore(settings.document)
            bc.set_restore_state(settings.restore_type)
        with self._phases("gather_writer_metadata"):
            self._phases.wait("gather_writer_metadata", bc.gather_writer_metadata())
            self.writers = tuple(bc.writer_metadata)
            bc.free_writer_metadata()

    def select(self, components: Sequence[RestoredComponent]) -> None:
        """Step 4: what is restored, of it what parts, where to, and whether more follows."""
        bc = self._object
        with self._phases("select"):
            for each in components:
                self._select(bc, each)
        by_class: dict[UUID, list[WriterMetadata]] = {}
        for writer in self.writers:
            by_class.setdefault(writer.writer_id, []).append(writer)
        for each in components:
            # Of several instances only one hears of it, and which one is VSS's choice (semantics 4.2), unless it was named.
            mine = by_class[each.writer.writer_id]
            chosen = [writer for writer in mine if each._chosen.instance in (None, writer.instance_id)]
            self._watch.selected.update((writer.instance_id, writer) for writer in chosen)

    def _select(self, bc: BackupComponents, each: RestoredComponent) -> None:
        chosen = each._chosen
        if chosen.instance is None:
            bc.set_selected_for_restore(*chosen.key, True)
        else:
            bc.set_selected_for_restore_ex(*chosen.key, True, chosen.instance)
        for part in chosen.parts:
            bc.add_restore_subcomponent(*chosen.key, part.logical_path or "", part.name)
        if chosen.options is not None:
            bc.set_restore_options(*chosen.key, chosen.options)
        follows = self._settings.additional
        if follows if isinstance(follows, bool) else follows(each):
            bc.set_additional_restores(*chosen.key, True)
            self._result.additional = True
        for file_set in self.new_targets(each):
            assert file_set.alternate_path is not None
            bc.add_new_target(
                *chosen.key, file_set.path, file_set.filespec, file_set.recursive, file_set.alternate_path
            )

    def new_targets(self, each: RestoredComponent) -> list[FileSet]:
        """The file sets of a component that go elsewhere, each with its place as ``alternate_path``."""
        chosen = each._chosen
        if chosen.to is None:
            return []
        sets = list(chosen.file_sets(self._settings.backup_type))
        places = new_places(sets, chosen.to, self.surroundings.environment)
        unique: dict[tuple[str, str, bool], FileSet] = {}
        for file_set, place in places.items():
            key = (file_set.path, file_set.filespec, file_set.recursive)
            unique.setdefault(key, replace(file_set, alternate_path=place))
        return list(unique.values())

    def pre_restore(self) -> None:
        """Step 5: PreRestore and the writers' status; raises WritersFailedError as the session's policy says."""
        bc = self._object
        self.in_restore = True
        with self._phases("pre_restore"):
            self._phases.wait("pre_restore", bc.pre_restore())
        self._judge(bc, "pre_restore")

    def views(self) -> Mapping[Key, DocumentComponent]:
        """The document's components as they are now, by their keys with folded names."""
        return {
            folded((writer.writer_id, each.type, each.logical_path, each.name)): each
            for writer in self._object.writer_components
            for each in writer.components
        }

    def read_targets(self, components: Sequence[RestoredComponent]) -> dict[Key, DocumentComponent]:
        """What writers said in PreRestore: where components go, and why not."""
        views = self.views()
        found = {}
        for each in components:
            key = folded(each._chosen.key)
            view = found[key] = views[key]
            each.target = view.restore_target
            if view.pre_restore_failure_message:
                each.messages.append(view.pre_restore_failure_message)
        return found

    def failure_of(self, each: RestoredComponent, view: DocumentComponent) -> str | None:
        """What a component's writer failed with in PreRestore; None if it did not, or with other components only."""
        for writer in self.writers:
            if writer.writer_id != each.writer.writer_id or each._chosen.instance not in (None, writer.instance_id):
                continue
            status = next((item for item in self._watch.statuses if item.instance_id == writer.instance_id), None)
            failure = self._watch.failure_of(writer.instance_id)
            if failure is None or status is None:
                continue
            if status.failure_name == "VSS_E_WRITERERROR_PARTIAL_FAILURE" and self._is_well(view):
                continue
            return "; ".join([failure, *filter(None, [status.application_message]), *each.messages])
        return None

    @staticmethod
    def _is_well(view: DocumentComponent) -> bool:
        try:
            return view.failure is None
        except NotSupportedError:  # before Windows 7 a writer fails as a whole
            return False

    def finish(
        self, components: Sequence[RestoredComponent], mappings: Mapping[Key, Sequence[FileSet]], *, restarted: bool
    ) -> None:
        """Steps 6 to 8: the mappings that were used, what became of the files, PostRestore, and the writers' last status.

        Args:
            restarted: whether services were, so that writers in them are others now, which miss PostRestore (semantics 11.2).
        """
        bc = self._object
        with self._phases("post_restore"):
            self._report(bc, components, mappings)
            self._ending = True
            self._phases.wait("post_restore", bc.post_restore())
        self.in_restore = False
        self._read_messages(components)
        self._result.document = bc.save_as_xml()
        if restarted:
            self._watch.selected.clear()
        self._judge(bc, "post_restore")

    def _report(
        self,
        bc: BackupComponents,
        components: Sequence[RestoredComponent],
        mappings: Mapping[Key, Sequence[FileSet]],
    ) -> None:
        for each in components:
            for used in mappings.get(folded(each._chosen.key), ()):
                bc.add_alternative_location_mapping(
                    *each._chosen.key, used.path, used.filespec, used.recursive, used.alternate_path or ""
                )
            bc.set_file_restore_status(*each._chosen.key, each.status)

    def _read_messages(self, components: Sequence[RestoredComponent]) -> None:
        views = self.views()
        for each in components:
            message = views[folded(each._chosen.key)].post_restore_failure_message
            if message:
                each.messages.append(message)

    def _judge(self, bc: BackupComponents, after: str) -> None:
        with self._phases("gather_writer_status"):
            self._watch.gather(bc, self._phases)
        try:
            self._watch.judge(after)
        except VssError as error:
            if error.phase is None:
                error.phase, error.elapsed = after, self._phases.since(after)
            raise

    def abandon(
        self,
        error: BaseException,
        components: Sequence[RestoredComponent],
        before: Callable[[CleanUp], object] = lambda clean_up: None,
    ) -> KeyboardInterrupt | None:
        """Ends the restore because of *error*: no writer is left in it. Problems become notes on the error.

        Args:
            before: what is to be done before PostRestore.

        Returns:
            The first Ctrl-C among the problems, which ended one step only.
        """
        bc = self._bc
        clean_up = CleanUp(error, self._result.notes)
        before(clean_up)
        if bc is None:
            return clean_up.interrupt
        try:
            clean_up("waiting for the cancelled operation", self._drain)
            if self.in_restore:
                clean_up("SetFileRestoreStatus", lambda: self._tell_status(bc, components))
                clean_up("PostRestore", lambda: self._end_restore(bc))
        finally:
            if not clean_up("release", self.release) and clean_up.interrupt is not None:
                clean_up("release", self.release)
        return clean_up.interrupt

    def _drain(self) -> None:
        """Waits up to ``abort_timeout`` for the end of the operation under way, however it ends.

        Writers that heard of the restore are to hear of its end, which they do not once PreRestore or PostRestore was cancelled:
        these are cancelled only when they do not end in time. Raises WaitTimeoutError then.
        """
        operation = self._object.last_operation()
        if operation is None:
            return
        with operation:
            if operation.done():
                return
            if not self.in_restore:
                operation.cancel()
            try:
                operation.wait(timeout=self._settings.abort_timeout)
            except WaitTimeoutError:
                operation.cancel()
                raise
            except VssError:
                pass  # it is over
            if self._ending:
                self.in_restore = False

    def _tell_status(self, bc: BackupComponents, components: Sequence[RestoredComponent]) -> None:
        try:
            self._report(bc, components, {})
        except BadStateError:
            pass  # PreRestore was cancelled before a writer heard of it

    def _end_restore(self, bc: BackupComponents) -> None:
        try:
            with bc.post_restore() as operation:
                operation.wait(timeout=self._settings.abort_timeout)
        except BadStateError:
            pass  # as above: nobody is in a restore
        self.in_restore = False

    def release(self) -> None:
        """Lets the object go. Again does nothing, unless the first time was cut short."""
        if self._bc is not None:
            self._bc.close()
            self._bc = None


def folded(key: Key) -> Key:
    """A component's key for comparison without regard to case; no path and an empty one are the same (semantics 8.1)."""
    return key[0], key[1], fold(key[2] or ""), fold(key[3])
