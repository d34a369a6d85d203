"""One IVssBackupComponents object from its creation to its release: the calls of a backup in their order (semantics 2.3)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from ._backup_types import left_out_by_type, type_notes
from ._cleanup import CleanUp
from ._lease_files import HeldLease, lease_wanted
from ._machine import Places, Surroundings, ensure_security
from ._named_files import Named
from ._planning import Planner
from ._volume_policies import CANNOT_BE_IN_THE_SET, VolumeLeftOut
from .backup_components import BackupComponents
from .enums import ComponentType, ObjectType, SnapshotAttributes, SnapshotContext
from .errors import (
    ClosedError,
    ObjectNotFoundError,
    OperationCancelledError,
    VssError,
    WaitTimeoutError,
)
from .machine_exclusions import MachineExclusions
from .selection import Selection, resolve
from .shadow import ShadowCopy, ShadowCopySet

if TYPE_CHECKING:
    from ._phases import Phases
    from ._selected import SelectedComponent
    from ._session_options import Settings
    from ._volume_policies import Membership
    from ._writers import WriterWatch
    from .backup_components import SnapshotProperties
    from .metadata import ComponentMetadata, WriterMetadata
    from .plan import Plan
    from .result import BackupResult
    from .selection import Rule


class Conversation:
    """The talk with VSS over one COM object; a retry takes a new one.

    Attributes:
        writers: the writers of the gather.
        surroundings: the machine's volumes and environment.
        named: what writers named for this backup, by instance, type, logical path and name of the component.
        abort_due: whether stopping now means AbortBackup (semantics 4.6).
        membership: which volumes are in the set.
    """

    def __init__(
        self, settings: Settings, phases: Phases, watch: WriterWatch, result: BackupResult, membership: Membership
    ) -> None:
        self._settings = settings
        self._phases = phases
        self._watch = watch
        self._result = result
        self._bc: BackupComponents | None = None
        self.writers: tuple[WriterMetadata, ...] = ()
        self.named: dict[tuple[UUID, ComponentType, str, str], Named] = {}
        self.surroundings = Surroundings.of(settings.backend)
        given = settings.machine_exclusions
        self._exclusions = MachineExclusions.of(settings.backend) if given is None else given
        self.abort_due = False
        self.membership = membership
        self._lease: HeldLease | None = None
        by_identity: dict[str, list[str]] = {}  # a volume that was given under two names is added once
        for name in settings.volumes:
            by_identity.setdefault(self.surroundings.volumes.add(name), []).append(name)
        self._volumes = {names[0]: names for names in by_identity.values()}

    @property
    def members(self) -> tuple[str, ...]:
        """The volumes of the set, under the session's names; there is no set without any."""
        return tuple(name for name in self._volumes if name not in self.membership.reasons)

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
                    settings.select_components,
                    settings.bootable_system_state,
                    settings.backup_type,
                    settings.types.partial_files,
                )
        if settings.policies:
            with self._phases("volume_policies"):
                self.membership.begin(bc, self.surroundings, self._volumes)
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
            types, backup_type = self._settings.types, self._settings.backup_type
            chosen = self._choose(rules)
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
                if (stamp := types.stamp(each, backup_type)) is not None:
                    bc.set_previous_backup_stamp(
                        each.writer.writer_id, component.type, component.logical_path, component.name, stamp
                    )
            for text in type_notes(chosen.inclusions, types, backup_type):
                if text not in self._result.notes:  # by an earlier try
                    self.note(text)
        self._watch.selected = {each.writer.instance_id: each.writer for each in chosen.inclusions}
        return chosen

    def _choose(self, rules: Sequence[Rule]) -> Selection:
        """What the rules include on the volumes of the set, as far as the type of the backup lets it.

        The surroundings know from then on which files the machine's lists leave out besides (semantics 9.3.4).
        """
        places = Places(self.surroundings, self.members, self.membership.reasons)
        untyped = left_out_by_type(self.writers, rules, self._settings.types, self._settings.backup_type)
        why_not = places.why_not if self.members else _no_set
        reasons = {item.instance_id: item.reason for item in untyped if item.instance_id is not None}
        chosen = resolve(self.writers, rules, why_not, places.why_not_under, reasons)
        names = {each.writer.name for each in chosen.inclusions}
        self.surroundings = self.surroundings.without(self._exclusions, names)
        return chosen

    def plan(self, rules: Sequence[Rule], *, count: bool) -> Plan:
        """What a backup would do now. Nothing is said to the writers, and nothing is changed in the document."""
        chosen = self._choose(rules) if self._settings.select_components else Selection()
        return self._planner().plan(self._object, chosen, count=count)

    def _planner(self) -> Planner:
        return Planner(
            self._settings,
            self.surroundings,
            self._exclusions,
            self.writers,
            self.membership,
            self._volumes,
            self._phases.cancellation.check,
        )

    def make_set(self) -> ShadowCopySet:
        """Steps 6 to 8: the set and its volumes, PrepareForBackup, DoSnapshotSet, and the document after them.

        None of it where no volume is to be in the set. Raises VolumeLeftOut for one that cannot be, and is read live.
        """
        bc, result = self._object, self._result
        if not self.members:
            return self._mapping(UUID(int=0), {})
        with self._phases("start_snapshot_set"):
            set_id = result.set_id = bc.start_snapshot_set()
        ids: dict[str, UUID] = {}
        for name in self.members:
            ids[name] = self._add(bc, name)
        self._take_lease(set_id, ids)
        if self._settings.writers:
            self._prepare(bc)
        with self._phases("do_snapshot_set"):
            self.abort_due = True
            start = time.monotonic()
            self._phases.wait("do_snapshot_set", bc.do_snapshot_set())
            if self._settings.writers:
                result.freeze_window = time.monotonic() - start
        if self._settings.writers:
            self._check_writers(bc, "do_snapshot_set")
        with self._phases("get_snapshot_properties"):
            properties = {name: bc.get_snapshot_properties(snapshot_id) for name, snapshot_id in ids.items()}
            result.shadow_copies = list(properties.values())
            part = [each.instance_id for each in self.writers]
            if self._settings.select_components:
                part = list(self._watch.selected)
            result.left_out_by_vss = self._planner().left_out_by_vss(part, self.members)
        # Without writers nothing is in it, but for a transportable set, which is imported by it (semantics 7.6).
        if self._settings.writers or self._settings.context & SnapshotAttributes.TRANSPORTABLE:
            with self._phases("save_as_xml"):
                result.document = bc.save_as_xml()
            if self._settings.select_components:
                self._read_named(bc)
        return self._mapping(set_id, properties)

    def _mapping(self, set_id: UUID, properties: Mapping[str, SnapshotProperties]) -> ShadowCopySet:
        """The session's volumes in their order: shadow copies, and what is read live."""
        volumes = self.surroundings.volumes
        simulated = self._result.backend == "simulator"
        live = self.membership.live_volumes()
        return ShadowCopySet(
            set_id,
            {
                name: live[name] if name in live else ShadowCopy(properties[name], name, volumes, simulated=simulated)
                for name in self._volumes
            },
            volumes,
        )

    def _add(self, bc: BackupComponents, name: str) -> UUID:
        """AddToSnapshotSet; a preferred volume that cannot be in the set is read live from the next try on."""
        try:
            with self._phases("add_to_snapshot_set", name):
                return bc.add_to_snapshot_set(name, self._settings.provider)
        except CANNOT_BE_IN_THE_SET as error:
            if self.membership.policy(self._volumes[name]) != "preferred":
                raise
            self.membership.leave_out(name, f"it cannot be in the set: {error}", self.surroundings, error)
            raise VolumeLeftOut(name) from error

    def _take_lease(self, set_id: UUID, ids: Mapping[str, UUID]) -> None:
        """Before anything is made that could be left over."""
        if lease_wanted(self._settings):
            try:
                self._lease = HeldLease.take(self._settings, set_id, ids)
            except OSError as error:
                if self._settings.lease:
                    raise
                self.note(f"no lease file could be written, so vsspy.cleanup will not know this session: {error}")

    def settle(self) -> None:
        """The session ended well: shadow copies that outlive it are there on purpose."""
        if self._settings.context & SnapshotAttributes.NO_AUTO_RELEASE:
            self._drop_lease()

    def _drop_lease(self) -> None:
        if self._lease is not None:
            try:
                self._lease.drop()
            except OSError as error:
                self.note(f"the lease file could not be removed: {error}")
            self._lease = None

    def _read_named(self, bc: BackupComponents) -> None:
        """What writers named for this backup up to PostSnapshot (semantics 10)."""
        with self._phases("get_writer_components"):
            for writer in bc.writer_components:
                instance_id = writer.instance_id
                for each in writer.components:
                    named = Named(each.differenced_files, each.partial_files)
                    if named:
                        self.named[instance_id, each.type, each.logical_path or "", each.name] = named

    def _leave_lease(self) -> None:
        """Something is left over, which vsspy.cleanup is to find."""
        if self._lease is not None:
            self._lease.leave()
            self._lease = None

    def _prepare(self, bc: BackupComponents) -> None:
        """From here on stopping means AbortBackup, unless PrepareForBackup itself failed (semantics 4.6)."""
        with self._phases("prepare_for_backup"):
            self.abort_due = True
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
                and not self._phases.cancellation.wanted
            ):
                clean_up("GatherWriterStatus", lambda: self._tell_writers(bc, error))
            if self.abort_due:
                clean_up("AbortBackup", bc.abort_backup)
                if self._settings.context & SnapshotAttributes.NO_AUTO_RELEASE:
                    deleted = clean_up("DeleteSnapshots", lambda: self._delete(bc))
                    if not (deleted and drained):  # what still runs may yet make the set
                        self._leave_lease()
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
        self._drop_lease()

    def note(self, text: str) -> None:
        """Puts what went wrong without harm into the result and the log."""
        self._phases.log.note(text)


def _no_set(component: ComponentMetadata) -> str:
    return "no volume is in the set"
