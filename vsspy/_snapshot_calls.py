"""Shadow copies: making, finding, deleting, exposing, importing, breaking and reverting them."""

from __future__ import annotations

from typing import Literal, overload
from uuid import UUID

from . import _arguments
from ._async_operation import AsyncOperation
from ._properties import ProviderProperties, SnapshotProperties
from ._session_calls import NO_ID, SessionCalls, id_or_none
from .enumeration import EnumObject
from .enums import HardwareOptions, ObjectType, SnapshotAttributes
from .errors import BadStateError, from_hresult

_NO_OPTIONS = HardwareOptions(0)


class SnapshotCalls(SessionCalls):
    """Methods of :class:`vsspy.BackupComponents`."""

    def start_snapshot_set(self) -> UUID:
        """Begin a shadow copy set (``StartSnapshotSet``).

        Returns:
            The id of the set.

        Raises:
            SnapshotSetInProgressError: another set is under creation on this computer.
        """
        return self._call("StartSnapshotSet", self._core.start_snapshot_set)

    def add_to_snapshot_set(self, volume_name: str, provider_id: UUID | None = None) -> UUID:
        r"""Add a volume to the set (``AddToSnapshotSet``), 64 at most.

        Args:
            volume_name: ``C:\``, a mounted folder, or a volume GUID path; with a final backslash.
            provider_id: the provider; None lets VSS choose.

        Returns:
            The id of the shadow copy to be.

        Raises:
            ObjectNotFoundError: no such volume.
            ObjectAlreadyExistsError: it is in the set.
            VolumeNotSupportedError, VolumeNotSupportedByProviderError: no shadow copy of it is possible.
            MaximumVolumesError, MaximumSnapshotsError, NestedVolumeLimitError: a limit is reached.
            SnapshotSetInProgressError: another set is under creation on this computer.
            ProviderNotRegisteredError, ProviderVetoError, UnexpectedProviderError: the provider's part failed.
        """
        return self._call("AddToSnapshotSet", self._core.add_to_snapshot_set, volume_name, id_or_none(provider_id))

    def is_volume_supported(self, volume_name: str, provider_id: UUID | None = None) -> bool:
        """Tell whether a shadow copy of the volume can be made (``IsVolumeSupported``), whatever the number of
        existing ones.

        Args:
            volume_name, provider_id: as for :meth:`add_to_snapshot_set`; None means any provider.

        Raises:
            ObjectNotFoundError: no such volume.
            NestedVolumeLimitError: the volume lies on virtual disks nested too deeply.
        """
        return self._call("IsVolumeSupported", self._core.is_volume_supported, volume_name, id_or_none(provider_id))

    def do_snapshot_set(self) -> AsyncOperation:
        """Freeze the writers, make the shadow copies, thaw the writers (``DoSnapshotSet``).

        That it ended well says nothing about the writers: see :meth:`gather_writer_status` (semantics 3.10). The
        operation may end with InsufficientStorageError, ProviderVetoError, UnexpectedProviderError,
        FlushWritesTimeoutError or HoldWritesTimeoutError, among others.
        """
        return self._start("DoSnapshotSet", self._core.do_snapshot_set)

    def get_snapshot_properties(self, snapshot_id: UUID) -> SnapshotProperties:
        """Describe a shadow copy (``GetSnapshotProperties``).

        Args:
            snapshot_id: which shadow copy.

        Raises:
            ObjectNotFoundError: no such shadow copy is visible in this context.
            ProviderVetoError, UnexpectedProviderError: the provider's part failed.
        """
        raw = self._call("GetSnapshotProperties", self._core.get_snapshot_properties, snapshot_id)
        return SnapshotProperties._of(raw)

    @overload
    def query(
        self,
        queried_object_id: UUID | None = None,
        queried_object_type: ObjectType = ObjectType.NONE,
        *,
        returned_objects_type: Literal[ObjectType.PROVIDER],
    ) -> EnumObject[ProviderProperties]: ...

    @overload
    def query(
        self,
        queried_object_id: UUID | None,
        queried_object_type: ObjectType,
        returned_objects_type: Literal[ObjectType.PROVIDER],
    ) -> EnumObject[ProviderProperties]: ...

    @overload
    def query(
        self,
        queried_object_id: UUID | None = None,
        queried_object_type: ObjectType = ObjectType.NONE,
        returned_objects_type: Literal[ObjectType.SNAPSHOT] = ObjectType.SNAPSHOT,
    ) -> EnumObject[SnapshotProperties]: ...

    @overload
    def query(
        self,
        queried_object_id: UUID | None = None,
        queried_object_type: ObjectType = ObjectType.NONE,
        returned_objects_type: ObjectType = ObjectType.SNAPSHOT,
    ) -> EnumObject[SnapshotProperties | ProviderProperties]: ...

    def query(
        self,
        queried_object_id: UUID | None = None,
        queried_object_type: ObjectType = ObjectType.NONE,
        returned_objects_type: ObjectType = ObjectType.SNAPSHOT,
    ) -> EnumObject[SnapshotProperties] | EnumObject[ProviderProperties]:
        """Find the shadow copies that the context shows, or the providers that are registered (``Query``).

        Args:
            queried_object_id, queried_object_type: what to look in; VSS takes None and ``ObjectType.NONE`` only, which
                is everything (reference page).
            returned_objects_type: ``ObjectType.SNAPSHOT`` or ``ObjectType.PROVIDER``.

        Returns:
            An iterator, empty where there is nothing to list: VSS says that with ``S_FALSE``, with an empty enumerator,
            or with ``VSS_E_OBJECT_NOT_FOUND`` (reference page). :attr:`SnapshotContext.ALL <vsspy.SnapshotContext.ALL>` shows
            all shadow copies, another context its own (semantics 6).

        Raises:
            BadStateError: in a restore.
            InvalidArgumentError: another query.
            ProviderVetoError, UnexpectedProviderError: the provider's part failed.
        """
        operation = "IVssBackupComponents::Query"
        found = self._call(
            "Query",
            self._core.query,
            id_or_none(queried_object_id),
            _arguments.enumeration(queried_object_type, "queried_object_type", operation),
            _arguments.enumeration(returned_objects_type, "returned_objects_type", operation),
        )
        return EnumObject(found, self._backend)

    def delete_snapshots(
        self, source_object_id: UUID, source_object_type: ObjectType, force_delete: bool = False
    ) -> int:
        """Delete a shadow copy, or all of a set one after the other (``DeleteSnapshots``).

        Args:
            source_object_id: the id of the shadow copy or of the set.
            source_object_type: ``ObjectType.SNAPSHOT`` or ``ObjectType.SNAPSHOT_SET``.
            force_delete: True to delete also what is in use.

        Returns:
            How many were deleted.

        Raises:
            VssError: at the first failure; its ``deleted`` counts those that are gone, its ``nondeleted_id`` names the
                one that is not. ObjectNotFoundError: no such shadow copy or set is visible in this context.
                ProviderVetoError, UnexpectedProviderError: the provider's part failed.
        """
        operation = "IVssBackupComponents::DeleteSnapshots"
        result, deleted, nondeleted = self._call(
            "DeleteSnapshots",
            self._core.delete_snapshots,
            source_object_id,
            _arguments.enumeration(source_object_type, "source_object_type", operation),
            force_delete,
        )
        if result & 0x80000000:
            error = from_hresult(result, operation)
            error.deleted = deleted
            error.nondeleted_id = nondeleted if nondeleted != NO_ID else None
            if isinstance(error, BadStateError):
                self._order.explain(error, "DeleteSnapshots")
            raise error
        return deleted

    def import_snapshots(self) -> AsyncOperation:
        """Make a transportable set known here (``ImportSnapshots``; semantics 7.6), after :meth:`initialize_for_backup`
        with the document that was saved where the set was made.

        Server editions and hardware providers only. The object that made the set has to live until this is done; when it
        fails, the LUNs are the requester's to clean up. The operation may end with ImportFailedError, and with
        the success code ``VSS_S_SOME_SNAPSHOTS_NOT_IMPORTED``.

        Raises:
            BadStateError: in a restore, or without a document.
        """
        return self._start("ImportSnapshots", self._core.import_snapshots)

    def break_snapshot_set(self, snapshot_set_id: UUID) -> None:
        """Make ordinary volumes of a set (``BreakSnapshotSet``; semantics 7.6), which VSS then knows nothing of.

        Args:
            snapshot_set_id: a set that a hardware provider made.

        Raises:
            ObjectNotFoundError: no such set.
            ProviderVetoError: a software provider made it.
        """
        self._call("BreakSnapshotSet", self._core.break_snapshot_set, snapshot_set_id)

    def break_snapshot_set_ex(
        self, snapshot_set_id: UUID, flags: HardwareOptions | int = _NO_OPTIONS
    ) -> AsyncOperation:
        """Make ordinary volumes of a set, and say how (``IVssBackupComponentsEx2::BreakSnapshotSetEx``).

        Args:
            snapshot_set_id: a set that a hardware provider made.
            flags: the ``BREAKEX_FLAG`` ones; none breaks as :meth:`break_snapshot_set` does.

        Raises:
            ObjectNotFoundError: no such set.
            ProviderVetoError: a software provider made it.
            DiskIdentityError: the disks' identities cannot be set back, since the original ones are present.
            InvalidArgumentError: no such flags.
            NotSupportedError: the system is older than Windows Vista with SP1 / Windows Server 2008.
        """
        operation = "IVssBackupComponentsEx2::BreakSnapshotSetEx"
        return self._start(
            operation,
            self._core.break_snapshot_set_ex,
            snapshot_set_id,
            _arguments.mask(flags, "flags", operation),
        )

    def expose_snapshot(
        self,
        snapshot_id: UUID,
        path_from_root: str | None,
        attributes: SnapshotAttributes | int,
        expose: str | None,
    ) -> str:
        r"""Give a shadow copy a place (``ExposeSnapshot``; semantics 7.5); persistent ones keep it over restarts.

        Args:
            snapshot_id: which shadow copy.
            path_from_root: None for all of it; for a share, the folder below the root that is to be shared.
            attributes: ``SnapshotAttributes.EXPOSED_LOCALLY`` or ``EXPOSED_REMOTELY``, not both.
            expose: ``X:``, an empty folder, or a share's name; None lets VSS choose a share's name.

        Returns:
            Where it is: the drive letter, the folder or the share.

        Raises:
            ObjectNotFoundError: no such shadow copy is visible in this context.
            InvalidArgumentError: attributes and place do not fit.
            ProviderVetoError, UnexpectedProviderError: the provider's part failed.
        """
        operation = "IVssBackupComponents::ExposeSnapshot"
        exposed = self._call(
            operation,
            self._core.expose_snapshot,
            snapshot_id,
            path_from_root,
            _arguments.signed_mask(attributes, "attributes", operation),
            expose,
        )
        return exposed or ""

    def unexpose_snapshot(self, snapshot_id: UUID) -> None:
        """Take a shadow copy's place away (``IVssBackupComponentsEx2::UnexposeSnapshot``; semantics 7.5).

        Args:
            snapshot_id: which shadow copy.

        Raises:
            ObjectNotFoundError: no such shadow copy, or it is not exposed.
            ProviderVetoError, UnexpectedProviderError: the provider's part failed.
            NotSupportedError: the system is older than Windows Vista / Windows Server 2008.
        """
        self._call("IVssBackupComponentsEx2::UnexposeSnapshot", self._core.unexpose_snapshot, snapshot_id)

    def revert_to_snapshot(self, snapshot_id: UUID, force_dismount: bool = False) -> None:
        """Set a volume back to a shadow copy (``RevertToSnapshot``; semantics 7.6): all that was written since is lost.
        It cannot be cancelled, and goes on after a restart: see :meth:`query_revert_status`. Ask
        :func:`vsspy.should_block_revert` first.

        Args:
            snapshot_id: a persistent shadow copy; Server editions only.
            force_dismount: True to take the volume from those that use it.

        Raises:
            ObjectNotFoundError: no such shadow copy is visible in this context.
            RevertInProgressError: the volume is being set back already.
            UnsupportedContextError: the shadow copy is not persistent.
            StorageInUseError: the volume is in use, and is not to be taken.
            VolumeNotSupportedError, ProviderNotRegisteredError, NotSupportedError: its provider cannot do it.
        """
        self._call("RevertToSnapshot", self._core.revert_to_snapshot, snapshot_id, force_dismount)

    def query_revert_status(self, volume_name: str) -> AsyncOperation:
        """Follow a revert (``QueryRevertStatus``; semantics 7.6): the operation that is under way on a volume. It cannot
        be cancelled.

        Args:
            volume_name: as for :meth:`add_to_snapshot_set`.

        Raises:
            ObjectNotFoundError: no revert is under way there, or it is over.
            VolumeNotSupportedError, NotSupportedError: its provider cannot revert.
        """
        return self._start("QueryRevertStatus", self._core.query_revert_status, volume_name)

    def pre_fast_recovery(self, snapshot_set_id: UUID, flags: int = 0) -> AsyncOperation:
        """``IVssBackupComponentsEx2::PreFastRecovery``, which is reserved for the system: Microsoft does not say what it
        does, and what it may answer is not documented.

        Args:
            snapshot_set_id, flags: as the system has them.

        Raises:
            NotSupportedError: the system does not have it.
        """
        operation = "IVssBackupComponentsEx2::PreFastRecovery"
        return self._start(
            operation, self._core.pre_fast_recovery, snapshot_set_id, _arguments.mask(flags, "flags", operation)
        )

    def fast_recovery(self, snapshot_set_id: UUID, flags: int = 0) -> AsyncOperation:
        """``IVssBackupComponentsEx2::FastRecovery``, which is reserved for the system: Microsoft does not say what it
        does, and what it may answer is not documented.

        Args:
            snapshot_set_id, flags: as the system has them.

        Raises:
            NotSupportedError: the system does not have it.
        """
        operation = "IVssBackupComponentsEx2::FastRecovery"
        return self._start(
            operation, self._core.fast_recovery, snapshot_set_id, _arguments.mask(flags, "flags", operation)
        )
