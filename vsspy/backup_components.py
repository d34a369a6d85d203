"""IVssBackupComponents to Ex4, one to one: level 1 of vsspy. See :class:`vsspy.BackupSession` for the right order."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar
from uuid import UUID

from . import _core
from ._async_operation import AsyncOperation
from ._backend import resolve
from ._call_order import CallOrder
from ._not_yet import NotYet
from ._properties import ProviderProperties, SnapshotProperties, WriterStatus
from .enums import BackupType, ComponentType, ObjectType, SnapshotContext
from .errors import BadStateError, from_hresult
from .metadata import WriterMetadata

if TYPE_CHECKING:
    from .simulator import Machine

__all__ = ["AsyncOperation", "BackupComponents", "ProviderProperties", "SnapshotProperties", "WriterStatus"]

P = ParamSpec("P")
T = TypeVar("T")

_NO_ID = UUID(int=0)


class BackupComponents(NotYet):
    """One backup, or one look at what exists: ``IVssBackupComponents`` and its extensions (semantics 1 and 2).

    An object serves one backup and is not used again. It may be used from several threads, one call at a time. It is a
    context manager; leaving, or :meth:`close`, releases it: VSS then deletes shadow copies of an auto-release context
    and ends the writers' part, which can take seconds.

    Any method raises :class:`~vsspy.errors.BadStateError` out of order, :class:`~vsspy.errors.AccessDeniedError`
    without administrator's or backup rights, :class:`~vsspy.errors.UnexpectedError` or another
    :class:`~vsspy.errors.VssError` for what VSS, a provider or COM reports, :class:`~vsspy.errors.ClosedError` after
    :meth:`close`, :class:`~vsspy.errors.ForkedError` in the child after a fork, and
    :class:`~vsspy.errors.ReentrantCallError` from a callback that the object itself is waiting for.

    Args:
        backend: a machine of :mod:`vsspy.simulator`, ``"windows"`` or ``"simulator"``; None takes the machine in use,
            else what the environment variable ``VSSPY_BACKEND`` says, else the system's VSS.

    Raises:
        UnsupportedPlatformError: there is no VSS here, and no simulated machine in use.
    """

    _closed = True  # until the object is made

    def __init__(self, backend: Machine | str | None = None) -> None:
        self._backend = resolve(backend)
        self._core = _core.Session(self._backend.platform)
        self._order = CallOrder()
        self._process = os.getpid()
        self._closed = False

    # --- the object --------------------------------------------------------------------------------------------------

    @property
    def backend_name(self) -> str:
        """``"windows"`` or ``"simulator"``."""
        return self._backend.name

    @property
    def closed(self) -> bool:
        """True after :meth:`close`."""
        return self._closed

    def close(self) -> None:
        """Release the object (``IUnknown::Release``); again does nothing. An operation under way is not waited for."""
        if not self._closed:
            self._core.close()
            self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self, _warn: Callable[..., None] = warnings.warn, _getpid: Callable[[], int] = os.getpid) -> None:
        if not self._closed and self._process == _getpid():
            _warn(f"unclosed {self!r}", ResourceWarning, source=self)

    def __repr__(self) -> str:
        return f"<BackupComponents on {self.backend_name}{', closed' if self._closed else ''}>"

    def _call(self, method: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            result = function(*args, **kwargs)
        except BadStateError as error:
            self._order.explain(error, method)
            raise
        self._order.succeeded(method)
        return result

    def _start(self, method: str, function: Callable[[], _core.AsyncOperation]) -> AsyncOperation:
        try:
            operation = function()
        except BadStateError as error:
            self._order.explain(error, method)
            raise
        order = self._order
        order.started(method)
        return AsyncOperation(operation, lambda: order.succeeded(method))

    # --- beginning ---------------------------------------------------------------------------------------------------

    def initialize_for_backup(self, xml: str | None = None) -> None:
        """Begin a backup, a query or a deletion; the first call (``InitializeForBackup``).

        Args:
            xml: the saved Backup Components Document of a transportable set that is to be imported.

        Raises:
            InvalidXmlDocumentError: ``xml`` is not such a document.
        """
        self._call("InitializeForBackup", self._core.initialize_for_backup, xml)

    def set_context(self, context: SnapshotContext | int) -> None:
        """Say what kind of shadow copies is meant (``SetContext``), once and before the calls that depend on it.

        Args:
            context: a context, also combined with attributes by ``|``; without this call it is ``BACKUP``.

        Raises:
            InvalidArgumentError: no such context or combination.
        """
        number = int(context) & 0xFFFFFFFF
        self._call("SetContext", self._core.set_context, number - (1 << 32) if number >> 31 else number)
        self._order.context_set(number)

    def set_backup_state(
        self,
        select_components: bool,
        bootable_system_state: bool,
        backup_type: BackupType,
        partial_file_support: bool = False,
    ) -> None:
        """Describe the backup (``SetBackupState``), before :meth:`prepare_for_backup`.

        Args:
            select_components: True to name components, False to take part with whole volumes.
            bootable_system_state: True if the system state is to be bootable after a restore.
            backup_type: what kind of backup.
            partial_file_support: True if the requester can save parts of files.
        """
        self._call(
            "SetBackupState",
            self._core.set_backup_state,
            select_components,
            bootable_system_state,
            int(backup_type),
            partial_file_support,
        )

    def enable_writer_classes(self, ids: Iterable[UUID]) -> None:
        """Let only these writer classes take part (``EnableWriterClasses``; semantics 13), before the gather."""
        self._call("EnableWriterClasses", self._core.enable_writer_classes, list(ids))

    def disable_writer_classes(self, ids: Iterable[UUID]) -> None:
        """Leave these writer classes out (``DisableWriterClasses``; semantics 13), before the gather."""
        self._call("DisableWriterClasses", self._core.disable_writer_classes, list(ids))

    def disable_writer_instances(self, ids: Iterable[UUID]) -> None:
        """Leave these writer instances out (``DisableWriterInstances``; semantics 13), before the gather."""
        self._call("DisableWriterInstances", self._core.disable_writer_instances, list(ids))

    # --- writers' metadata -------------------------------------------------------------------------------------------

    def gather_writer_metadata(self) -> AsyncOperation:
        """Ask all writers for their metadata (``GatherWriterMetadata``), once.

        Raises:
            WriterInfrastructureError: writers cannot be reached.
        """
        return self._start("GatherWriterMetadata", self._core.gather_writer_metadata)

    @property
    def writer_metadata(self) -> Sequence[WriterMetadata]:
        """What the writers said, read whole (``GetWriterMetadataCount``, ``GetWriterMetadata(Ex)`` and
        ``IVssExamineWriterMetadata`` to Ex2), after the gather is waited for.

        Raises:
            InvalidXmlDocumentError: a writer's document cannot be read.
        """
        documents = self._call("GetWriterMetadata", self._core.writer_metadata)
        return tuple(WriterMetadata._from_document(document) for document in documents)

    def free_writer_metadata(self) -> None:
        """Give the metadata back (``FreeWriterMetadata``); they cannot be gathered again."""
        self._call("FreeWriterMetadata", self._core.free_writer_metadata)

    # --- components --------------------------------------------------------------------------------------------------

    def add_component(
        self,
        instance_id: UUID,
        writer_id: UUID,
        component_type: ComponentType,
        logical_path: str | None,
        component_name: str,
    ) -> None:
        """Include a component explicitly (``AddComponent``), in component mode, before :meth:`prepare_for_backup`.

        Args:
            instance_id, writer_id: the writer's, from :attr:`writer_metadata`.
            component_type, logical_path, component_name: the component's, exactly as in the metadata.

        Raises:
            ObjectAlreadyExistsError: it is included.
        """
        self._call(
            "AddComponent",
            self._core.add_component,
            instance_id,
            writer_id,
            int(component_type),
            logical_path,
            component_name,
        )

    def set_backup_options(
        self,
        writer_id: UUID,
        component_type: ComponentType,
        logical_path: str | None,
        component_name: str,
        backup_options: str,
    ) -> None:
        """Pass private options to a component's writer (``SetBackupOptions``), before :meth:`prepare_for_backup`.

        Raises:
            ObjectNotFoundError: the component is not included.
        """
        self._call(
            "SetBackupOptions",
            self._core.set_backup_options,
            writer_id,
            int(component_type),
            logical_path,
            component_name,
            backup_options,
        )

    def set_previous_backup_stamp(
        self,
        writer_id: UUID,
        component_type: ComponentType,
        logical_path: str | None,
        component_name: str,
        previous_backup_stamp: str,
    ) -> None:
        """Say on which earlier backup this one builds (``SetPreviousBackupStamp``; semantics 10).

        Args:
            previous_backup_stamp: the stamp that the writer stored in the document of that backup.

        Raises:
            ObjectNotFoundError: the component is not included.
        """
        self._call(
            "SetPreviousBackupStamp",
            self._core.set_previous_backup_stamp,
            writer_id,
            int(component_type),
            logical_path,
            component_name,
            previous_backup_stamp,
        )

    def set_backup_succeeded(
        self,
        instance_id: UUID,
        writer_id: UUID,
        component_type: ComponentType,
        logical_path: str | None,
        component_name: str,
        succeeded: bool,
    ) -> None:
        """Tell a writer whether its component was backed up (``SetBackupSucceeded``), before :meth:`backup_complete`.

        A component without this call counts as failed (semantics 12.2).

        Raises:
            ObjectNotFoundError: the component is not included.
        """
        self._call(
            "SetBackupSucceeded",
            self._core.set_backup_succeeded,
            instance_id,
            writer_id,
            int(component_type),
            logical_path,
            component_name,
            succeeded,
        )

    # --- shadow copies -----------------------------------------------------------------------------------------------

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
            ProviderNotRegisteredError, ProviderVetoError, UnexpectedProviderError: the provider's part failed.
        """
        return self._call("AddToSnapshotSet", self._core.add_to_snapshot_set, volume_name, provider_id or _NO_ID)

    def is_volume_supported(self, volume_name: str, provider_id: UUID | None = None) -> bool:
        """Tell whether a shadow copy of the volume can be made (``IsVolumeSupported``), whatever the number of
        existing ones.

        Args:
            volume_name, provider_id: as for :meth:`add_to_snapshot_set`; None means any provider.

        Raises:
            ObjectNotFoundError: no such volume.
            NestedVolumeLimitError: the volume lies on virtual disks nested too deeply.
        """
        return self._call("IsVolumeSupported", self._core.is_volume_supported, volume_name, provider_id or _NO_ID)

    def prepare_for_backup(self) -> AsyncOperation:
        """Tell the writers to prepare (``PrepareForBackup``), when all components are added."""
        return self._start("PrepareForBackup", self._core.prepare_for_backup)

    def do_snapshot_set(self) -> AsyncOperation:
        """Freeze the writers, make the shadow copies, thaw the writers (``DoSnapshotSet``).

        That it ended well says nothing about the writers: see :meth:`gather_writer_status` (semantics 3.10). The
        operation may end with InsufficientStorageError, ProviderVetoError, UnexpectedProviderError,
        FlushWritesTimeoutError or HoldWritesTimeoutError, among others.
        """
        return self._start("DoSnapshotSet", self._core.do_snapshot_set)

    def get_snapshot_properties(self, snapshot_id: UUID) -> SnapshotProperties:
        """Describe a shadow copy (``GetSnapshotProperties``).

        Raises:
            ObjectNotFoundError: no such shadow copy is visible in this context.
        """
        raw = self._call("GetSnapshotProperties", self._core.get_snapshot_properties, snapshot_id)
        return SnapshotProperties._of(raw)

    def query(self) -> list[SnapshotProperties]:
        """List the shadow copies that the context shows (``Query``); ``SnapshotContext.ALL`` shows all."""
        return [SnapshotProperties._of(raw) for raw in self._call("Query", self._core.query_snapshots)]

    def query_providers(self) -> list[ProviderProperties]:
        """List the registered providers (``Query``)."""
        return [ProviderProperties._of(raw) for raw in self._call("Query", self._core.query_providers)]

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
        """
        result, deleted, nondeleted = self._call(
            "DeleteSnapshots",
            self._core.delete_snapshots,
            source_object_id,
            int(source_object_type),
            force_delete,
        )
        if result & 0x80000000:
            error = from_hresult(result, "IVssBackupComponents::DeleteSnapshots")
            error.deleted = deleted
            error.nondeleted_id = nondeleted if nondeleted != _NO_ID else None
            if isinstance(error, BadStateError):
                self._order.explain(error, "DeleteSnapshots")
            raise error
        return deleted

    # --- writers' status, and the end --------------------------------------------------------------------------------

    def gather_writer_status(self) -> AsyncOperation:
        """Ask all writers how they are (``GatherWriterStatus``); it says something right after
        :meth:`prepare_for_backup`, :meth:`do_snapshot_set` and :meth:`backup_complete` (semantics 4.4).

        Raises:
            WriterInfrastructureError: writers cannot be reached.
        """
        return self._start("GatherWriterStatus", self._core.gather_writer_status)

    @property
    def writer_status(self) -> Sequence[WriterStatus]:
        """How each writer is, in no promised order (``GetWriterStatusCount``; ``GetWriterStatusEx``, else
        ``GetWriterStatus``)."""
        return tuple(WriterStatus._of(raw) for raw in self._call("GetWriterStatus", self._core.writer_statuses))

    def free_writer_status(self) -> None:
        """Give the status back (``FreeWriterStatus``), before it is gathered again."""
        self._call("FreeWriterStatus", self._core.free_writer_status)

    def backup_complete(self) -> AsyncOperation:
        """Tell the writers that the backup is done (``BackupComplete``; semantics 12): after a successful
        :meth:`do_snapshot_set` and all :meth:`set_backup_succeeded`, not in contexts without writers. The shadow
        copies stay until :meth:`close`.

        Raises:
            UnexpectedWriterError: an unforeseen failure while writers were told.
        """
        return self._start("BackupComplete", self._core.backup_complete)

    def abort_backup(self) -> None:
        """Give the backup up (``AbortBackup``; semantics 4.6): writers are told, and no :meth:`backup_complete` is
        due. Does nothing where nothing is under way. Returns when it is done."""
        self._call("AbortBackup", self._core.abort_backup)

    def save_as_xml(self) -> str:
        """The Backup Components Document (``SaveAsXML``), after :meth:`prepare_for_backup`; a restore needs it."""
        return self._call("SaveAsXML", self._core.save_as_xml)

    def get_session_id(self) -> UUID:
        """The id of this session (``IVssBackupComponentsEx3::GetSessionId``).

        Raises:
            NotSupportedError: the system is older than Windows 7 / Windows Server 2008 R2.
        """
        return self._call("GetSessionId", self._core.get_session_id)
