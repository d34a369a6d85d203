"""One IVssBackupComponents object from its creation to its release: the calls of a backup in their order (semantics 2.3)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from ._cleanup import CleanUp
from ._machine import Places, Surroundings, ensure_security
from .backup_components import BackupComponents
from .enums import BackupType, ObjectType, SnapshotAttributes, SnapshotContext
from .errors import (
    ClosedError,
    NotSupportedError,
    ObjectNotFoundError,
    OperationCancelledError,
    VssError,
    WaitTimeoutError,
)
from .selection import Selection, check_supported, resolve
from .shadow import ShadowCopy, ShadowCopySet

if TYPE_CHECKING:
    from ._phases import Phases
    from ._selected import SelectedComponent
    from ._writers import WriterWatch
    from .metadata import WriterMetadata
    from .result import BackupResult
    from .selection import Rule
    from .simulator import Machine

_log = logging.getLogger("vsspy")


@dataclass(frozen=True, slots=True)
class Settings:
    """What stays the same over all tries of a session."""

    volumes: tuple[str, ...]
    backup_type: BackupType
    context: SnapshotContext | int
    writers: bool
    select_components: bool
    bootable_system_state: bool
    abort_timeout: float
    security: Literal["auto", "none"]
    backend: Machine | str | None


class Conversation:
    """The talk with VSS over one COM object; a retry takes a new one.

    Attributes:
        writers: the writers of the gather.
        surroundings: the machine's volumes and environment.
        abort_due: whether stopping now means AbortBackup (semantics 4.6).
    """

    def __init__(self, settings: Settings, phases: Phases, watch: WriterWatch, result: BackupResult) -> None:
        self._settings = settings
        self._phases = phases
        self._watch = watch
        self._result = result
        self._bc: BackupComponents | None = None
        self.writers: tuple[WriterMetadata, ...] = ()
        self.surroundings = Surroundings.of(settings.backend)
        self.abort_due = False
        by_identity: dict[str, str] = {}  # a volume that was given under two names is added once
        for name in settings.volumes:
            by_identity.setdefault(self.surroundings.volumes.add(name), name)
        self._volumes = tuple(by_identity.values())

    @property
    def _object(self) -> BackupComponents:
        if self._bc is None:
            raise ClosedError("BackupSession")
        return self._bc

    def begin(self) -> None:
        """Steps 1 to 4: security, a new object, context and state, the writers' metadata."""
        settings = self._settings
        self._result.tries += 1
        with self._phases("initialize"):
            if settings.security == "auto":
                ensure_security(settings.backend)
            bc = self._bc = BackupComponents(settings.backend)
            self._result.backend = bc.backend_name
            bc.initialize_for_backup()
            if settings.context != SnapshotContext.BACKUP:
                bc.set_context(settings.context)
            if settings.writers:
                bc.set_backup_state(
                    settings.select_components, settings.bootable_system_state, settings.backup_type, False
                )
        if settings.writers:
            with self._phases("gather_writer_metadata"):
                self._phases.wait("gather_writer_metadata", bc.gather_writer_metadata())
                self.writers = tuple(bc.writer_metadata)
                bc.free_writer_metadata()

    def select(self, rules: Sequence[Rule]) -> Selection:
        """Step 5: AddComponent for each component that is to be included by name."""
        if not self._settings.select_components:
            return Selection()
        bc = self._object
        with self._phases("select"):
            places = Places(self.surroundings, self._settings.volumes)
            chosen = resolve(self.writers, rules, places.why_not, places.why_not_under)
            check_supported(chosen, self._settings.backup_type)
            self._result.left_out = list(chosen.left_out)
            for each in chosen.inclusions:
                component = each.component
                bc.add_component(
                    each.writer.instance_id,
                    each.writer.writer_id,
                    component.type,
                    component.logical_path,
                    component.name,
                )
        self._watch.selected = {each.writer.instance_id: each.writer for each in chosen.inclusions}
        return chosen

    def make_set(self) -> ShadowCopySet:
        """Steps 6 to 8: the set and its volumes, PrepareForBackup, DoSnapshotSet, and the document after them."""
        bc, result = self._object, self._result
        with self._phases("start_snapshot_set"):
            set_id = result.set_id = bc.start_snapshot_set()
        ids: dict[str, UUID] = {}
        for name in self._volumes:
            with self._phases("add_to_snapshot_set", name):
                ids[name] = bc.add_to_snapshot_set(name)
        if self._settings.writers:
            self._prepare(bc)
        self.abort_due = True
        with self._phases("do_snapshot_set"):
            start = time.monotonic()
            self._phases.wait("do_snapshot_set", bc.do_snapshot_set())
            if self._settings.writers:
                result.freeze_window = time.monotonic() - start
        if self._settings.writers:
            self._check_writers(bc, "do_snapshot_set")
        with self._phases("get_snapshot_properties"):
            properties = {name: bc.get_snapshot_properties(snapshot_id) for name, snapshot_id in ids.items()}
            result.shadow_copies = list(properties.values())
        if self._settings.writers:
            with self._phases("save_as_xml"):
                result.document = bc.save_as_xml()
            _check_document(result.document)
        volumes = self.surroundings.volumes
        simulated = result.backend == "simulator"
        return ShadowCopySet(
            set_id,
            {name: ShadowCopy(each, name, volumes, simulated=simulated) for name, each in properties.items()},
            volumes,
        )

    def _prepare(self, bc: BackupComponents) -> None:
        """From here on stopping means AbortBackup, unless PrepareForBackup itself failed (semantics 4.6)."""
        self.abort_due = True
        with self._phases("prepare_for_backup"):
            try:
                self._phases.wait("prepare_for_backup", bc.prepare_for_backup())
            except (WaitTimeoutError, OperationCancelledError):
                raise
            except VssError as error:
                if not (error.operation or "").startswith("IVssAsync::"):  # a failed poll says nothing of the operation
                    self.abort_due = False
                raise
        self._check_writers(bc, "prepare_for_backup")

    def _check_writers(self, bc: BackupComponents, after: str) -> None:
        with self._phases("gather_writer_status"):
            self._watch.gather(bc, self._phases)
        try:
            self._watch.judge(after)
        except VssError as error:
            if error.phase is None:
                error.phase, error.elapsed = after, self._phases.since(after)
            raise

    def complete(self, components: Iterable[SelectedComponent]) -> None:
        """Step 10: SetBackupSucceeded for each component, then BackupComplete (semantics 12)."""
        bc = self._object
        with self._phases("backup_complete"):
            for each in components:
                writer, component = each.writer, each.metadata
                bc.set_backup_succeeded(
                    writer.instance_id,
                    writer.writer_id,
                    component.type,
                    component.logical_path,
                    component.name,
                    each.state == "succeeded",
                )
            self._phases.wait("backup_complete", bc.backup_complete())
        self.abort_due = False

    def last_status(self) -> None:
        """The rest of step 10. Up to Server 2008 SP2 it closes the writers' session (semantics 12.3); by now a failure
        cannot make the backup bad, so it becomes a note."""
        bc = self._object
        try:
            self._result.document = bc.save_as_xml()
            with self._phases("gather_writer_status"):
                self._watch.gather(bc, self._phases)
        except VssError as error:
            self.note(f"after BackupComplete: {error}")
            CleanUp(error, self._result.notes)("waiting for the cancelled operation", self._drain)
            return
        for status in self._watch.note_failures("backup_complete"):
            self.note(f"{status.name} failed at BackupComplete: {status.failure_name}")

    def abandon(self, error: BaseException) -> KeyboardInterrupt | None:
        """Cancel, drain, AbortBackup, delete, release, because of *error*; problems become notes on it.

        Returns the first Ctrl-C among them, which ended one step only.
        """
        bc = self._bc
        if bc is None:
            return None
        clean_up = CleanUp(error, self._result.notes)
        try:
            drained = clean_up("waiting for the cancelled operation", self._drain)
            if (
                drained
                and self.abort_due
                and self._settings.writers
                and isinstance(error, VssError)
                and not error.writers
            ):
                clean_up("GatherWriterStatus", lambda: self._tell_writers(bc, error))
            if self.abort_due:
                clean_up("AbortBackup", bc.abort_backup)
                if self._settings.context & SnapshotAttributes.NO_AUTO_RELEASE:
                    clean_up("DeleteSnapshots", lambda: self._delete(bc))
        finally:
            if not clean_up("release", self.release) and clean_up.interrupt is not None:
                clean_up("release", self.release)
        return clean_up.interrupt

    def _drain(self) -> None:
        """Cancels the operation under way and waits up to ``abort_timeout`` for its end, however it ends.

        The object knows the operation also where Ctrl-C came before the session was given it. Raises WaitTimeoutError if
        it does not end in time.
        """
        operation = self._object.last_operation()
        if operation is None:
            return
        with operation:
            if operation.done():
                return
            operation.cancel()
            try:
                operation.wait(timeout=self._settings.abort_timeout)
            except WaitTimeoutError:
                raise
            except VssError:
                pass  # it is over

    def _tell_writers(self, bc: BackupComponents, error: VssError) -> None:
        self._watch.gather(bc, self._phases, self._settings.abort_timeout)
        error.writers = self._watch.statuses

    def _delete(self, bc: BackupComponents) -> None:
        """Nothing but DeleteSnapshots removes shadow copies that outlive the object (semantics 6)."""
        if self._result.set_id is None:
            return
        try:
            bc.delete_snapshots(self._result.set_id, ObjectType.SNAPSHOT_SET, True)
        except ObjectNotFoundError:
            pass  # it was never made

    def release(self) -> None:
        """Step 11; auto-release shadow copies go with the object. Again does nothing, unless the first time was cut short."""
        if self._bc is not None:
            self._bc.close()
            self._bc = None

    def note(self, text: str) -> None:
        """Puts what went wrong without harm into the result and the log."""
        self._result.notes.append(text)
        _log.warning("%s", text)


def _check_document(document: str) -> None:
    """Refuses what writers may have asked for up to PostSnapshot and vsspy cannot do yet."""
    for element in ("PARTIAL_FILE", "DIFFERENCED_FILE"):
        if f"<{element}" in document:
            raise NotSupportedError("E_NOTIMPL", "BackupSession::snapshot", detail=f"a writer asks for {element}")
