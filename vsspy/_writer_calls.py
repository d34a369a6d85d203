"""The writers' part of a backup: metadata, components, events, status."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ._async_operation import AsyncOperation
from ._properties import WriterStatus
from ._session_calls import SessionCalls
from .document_components import WriterComponents
from .enums import ComponentType
from .metadata import WriterMetadata


class WriterCalls(SessionCalls):
    """Methods of :class:`vsspy.BackupComponents`."""

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

    @property
    def writer_components(self) -> Sequence[WriterComponents]:
        """What the Backup Components Document has of each writer (``GetWriterComponentsCount``,
        ``GetWriterComponents``): views that go stale when writers may have changed it (semantics 2.6). Writers without
        an included component are missing. In a restore writers' changes are seen after :meth:`pre_restore`.
        """
        found = self._call("GetWriterComponents", self._core.writer_components)
        return tuple(WriterComponents(each, self._backend) for each in found)

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
        self._of_component(
            "IVssBackupComponents::AddComponent",
            lambda writer, number, path, name: self._core.add_component(instance_id, writer, number, path, name),
            (writer_id, component_type, logical_path, component_name),
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

        Args:
            writer_id, component_type, logical_path, component_name: which component of the document.
            backup_options: what the writer understands.

        Raises:
            ObjectNotFoundError: the component is not included.
        """
        self._of_component(
            "IVssBackupComponents::SetBackupOptions",
            self._core.set_backup_options,
            (writer_id, component_type, logical_path, component_name),
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
            writer_id, component_type, logical_path, component_name: which component of the document.
            previous_backup_stamp: the stamp that the writer stored in the document of that backup.

        Raises:
            ObjectNotFoundError: the component is not included.
        """
        self._of_component(
            "IVssBackupComponents::SetPreviousBackupStamp",
            self._core.set_previous_backup_stamp,
            (writer_id, component_type, logical_path, component_name),
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

        Args:
            instance_id: the writer's, as for :meth:`add_component`.
            writer_id, component_type, logical_path, component_name: which component of the document.
            succeeded: True if all of it was saved.

        Raises:
            ObjectNotFoundError: the component is not included.
        """
        self._of_component(
            "IVssBackupComponents::SetBackupSucceeded",
            lambda writer, number, path, name: self._core.set_backup_succeeded(
                instance_id, writer, number, path, name, succeeded
            ),
            (writer_id, component_type, logical_path, component_name),
        )

    def prepare_for_backup(self) -> AsyncOperation:
        """Tell the writers to prepare (``PrepareForBackup``), when all components are added."""
        return self._start("PrepareForBackup", self._core.prepare_for_backup)

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
