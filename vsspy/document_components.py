"""The Backup Components Document as a requester sees it: live views, good until writers may have changed it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from . import _arguments
from ._document_values import (
    ComponentFailure,
    DifferencedFile,
    DirectedTarget,
    PartialFile,
    RestoreSubcomponent,
    RollForward,
)
from ._filetime import to_filetime
from .enums import ComponentType, FileRestoreStatus, RestoreTarget, RollForwardType
from .errors import VssError
from .metadata import FileSet, _file_set

if TYPE_CHECKING:
    from . import _core
    from ._backend import Backend

__all__ = [
    "ComponentFailure",
    "DifferencedFile",
    "DirectedTarget",
    "DocumentComponent",
    "PartialFile",
    "RestoreSubcomponent",
    "RollForward",
    "WriterComponents",
]


class WriterComponents:
    """A writer's part of the Backup Components Document (``IVssWriterComponentsExt``), from
    :attr:`vsspy.BackupComponents.writer_components`.

    A view: once PrepareForBackup, DoSnapshotSet, BackupComplete, PreRestore or PostRestore has been started, writers may
    change the document, and the view and the components from it raise :class:`~vsspy.errors.StaleViewError` (semantics
    2.6): fetch them again. After the session's ``close`` they raise :class:`~vsspy.errors.ClosedError`. They do not keep
    the session alive.
    """

    __slots__ = ("_backend", "_core")

    def __init__(self, core: _core.WriterComponents, backend: Backend) -> None:
        self._core = core
        self._backend = backend  # its platform table is needed as long as the view is

    @property
    def writer_id(self) -> UUID:
        """The writer's class id (``GetWriterInfo``)."""
        return self._core.info()[1]

    @property
    def instance_id(self) -> UUID:
        """The writer's instance id (``GetWriterInfo``); in a restore that of the time of the backup."""
        return self._core.info()[0]

    @property
    def components(self) -> Sequence[DocumentComponent]:
        """The components that were added to the document, and no others (``GetComponentCount``, ``GetComponent``): what
        they imply has no entry (semantics 8.2). In a restore writers' changes are seen after PreRestore."""
        return tuple(DocumentComponent(each, self._backend) for each in self._core.components())

    def __repr__(self) -> str:
        try:
            return f"<WriterComponents writer_id={self.writer_id} components={len(self.components)}>"
        except VssError as error:
            return f"<WriterComponents: {error}>"


class DocumentComponent:
    """A component of the Backup Components Document (``IVssComponent`` to ``Ex2``), a view like
    :class:`WriterComponents`.

    Each property is one question to VSS; collections are read whole. None stands for what is not set in the document
    (``S_FALSE``). The setters are for writers: a requester is told
    :class:`~vsspy.errors.BadStateError` (semantics 2.5).

    Any of them raises :class:`~vsspy.errors.StaleViewError`, :class:`~vsspy.errors.ClosedError`,
    :class:`~vsspy.errors.InvalidXmlDocumentError` for a document that cannot be read, and
    :class:`~vsspy.errors.NotSupportedError` where this system lacks ``IVssComponentEx`` (before Windows Vista and Server
    2008) or ``IVssComponentEx2`` (before Windows 7 and Server 2008 R2).
    """

    __slots__ = ("_backend", "_core")

    def __init__(self, core: _core.DocumentComponent, backend: Backend) -> None:
        self._core = core
        self._backend = backend

    # --- which one ---------------------------------------------------------------------------------------------------

    @property
    def logical_path(self) -> str | None:
        """Where it stands in the writer's hierarchy; None at the root (``GetLogicalPath``)."""
        return self._core.logical_path()

    @property
    def type(self) -> ComponentType:
        """File group or database (``GetComponentType``)."""
        return ComponentType(self._core.type())

    @property
    def name(self) -> str:
        """Its name (``GetComponentName``)."""
        return self._core.name()

    # --- the backup --------------------------------------------------------------------------------------------------

    @property
    def backup_succeeded(self) -> bool | None:
        """What was said with :meth:`~vsspy.BackupComponents.set_backup_succeeded`; None before (``GetBackupSucceeded``)."""
        return self._core.backup_succeeded()

    @property
    def backup_metadata(self) -> str | None:
        """The writer's private data of the backup (``GetBackupMetadata``)."""
        return self._core.backup_metadata()

    @property
    def backup_stamp(self) -> str | None:
        """The writer's stamp of this backup (``GetBackupStamp``; semantics 10)."""
        return self._core.backup_stamp()

    @property
    def previous_backup_stamp(self) -> str | None:
        """The stamp of the backup that this one builds on (``GetPreviousBackupStamp``)."""
        return self._core.previous_backup_stamp()

    @property
    def backup_options(self) -> str | None:
        """The options of the backup (``GetBackupOptions``; semantics 11.4)."""
        return self._core.backup_options()

    @property
    def partial_files(self) -> Sequence[PartialFile]:
        """Files of which only parts are to be saved (``GetPartialFileCount``, ``GetPartialFile``)."""
        return tuple(PartialFile(*raw) for raw in self._core.partial_files())

    @property
    def differenced_files(self) -> Sequence[DifferencedFile]:
        """Files named for an incremental or differential backup (``GetDifferencedFilesCount``,
        ``GetDifferencedFile``)."""
        return tuple(DifferencedFile._of(raw) for raw in self._core.differenced_files())

    @property
    def prepare_for_backup_failure_message(self) -> str | None:
        """What the writer said went wrong in PrepareForBackup (``IVssComponentEx::GetPrepareForBackupFailureMsg``)."""
        return self._core.prepare_for_backup_failure_message()

    @property
    def post_snapshot_failure_message(self) -> str | None:
        """What the writer said went wrong in PostSnapshot (``IVssComponentEx::GetPostSnapshotFailureMsg``)."""
        return self._core.post_snapshot_failure_message()

    @property
    def failure(self) -> ComponentFailure | None:
        """What failed with this component; None where nothing did (``IVssComponentEx2::GetFailure``)."""
        return ComponentFailure._of(self._core.failure())

    # --- the restore -------------------------------------------------------------------------------------------------

    @property
    def selected_for_restore(self) -> bool:
        """Whether it is to be restored (``IsSelectedForRestore``).

        Raises:
            BadStateError: not a restore.
        """
        return self._core.selected_for_restore()

    @property
    def additional_restores(self) -> bool | None:
        """Whether more restores follow, of an incremental backup say (``GetAdditionalRestores``)."""
        return self._core.additional_restores()

    @property
    def restore_options(self) -> str | None:
        """The options of the restore (``GetRestoreOptions``; semantics 11.4)."""
        return self._core.restore_options()

    @property
    def restore_metadata(self) -> str | None:
        """The writer's private data of the restore (``GetRestoreMetadata``)."""
        return self._core.restore_metadata()

    @property
    def restore_target(self) -> RestoreTarget:
        """Where the writer wants it restored to, after PreRestore (``GetRestoreTarget``; semantics 11.3).

        Raises:
            ObjectNotFoundError: no writer was asked yet.
        """
        return RestoreTarget(self._core.restore_target())

    @property
    def restore_name(self) -> str | None:
        """The new name that it is restored under (``IVssComponentEx::GetRestoreName``)."""
        return self._core.restore_name()

    @property
    def authoritative_restore(self) -> bool:
        """Whether the restore is authoritative (``IVssComponentEx::GetAuthoritativeRestore``)."""
        return self._core.authoritative_restore()

    @property
    def roll_forward(self) -> RollForward:
        """How far to roll forward (``IVssComponentEx::GetRollForward``)."""
        kind, point = self._core.roll_forward()
        return RollForward(RollForwardType(kind), point)

    @property
    def file_restore_status(self) -> FileRestoreStatus:
        """What became of its files (``GetFileRestoreStatus``).

        Raises:
            BadStateError: not a restore.
        """
        return FileRestoreStatus(self._core.file_restore_status())

    @property
    def alternate_location_mappings(self) -> Sequence[FileSet]:
        """The mappings that the restore used, each with its destination as ``alternate_path``
        (``GetAlternateLocationMappingCount``, ``GetAlternateLocationMapping``)."""
        return tuple(_file_set(raw) for raw in self._core.alternate_location_mappings())

    @property
    def new_targets(self) -> Sequence[FileSet]:
        """File sets that the requester restores elsewhere, each with its place as ``alternate_path``
        (``GetNewTargetCount``, ``GetNewTarget``)."""
        return tuple(_file_set(raw) for raw in self._core.new_targets())

    @property
    def directed_targets(self) -> Sequence[DirectedTarget]:
        """Parts of files that the writer wants elsewhere (``GetDirectedTargetCount``, ``GetDirectedTarget``)."""
        return tuple(DirectedTarget(*raw) for raw in self._core.directed_targets())

    @property
    def restore_subcomponents(self) -> Sequence[RestoreSubcomponent]:
        """What of a component set is restored alone (``GetRestoreSubcomponentCount``, ``GetRestoreSubcomponent``)."""
        return tuple(RestoreSubcomponent(*raw) for raw in self._core.restore_subcomponents())

    @property
    def pre_restore_failure_message(self) -> str | None:
        """What the writer said went wrong in PreRestore (``GetPreRestoreFailureMsg``)."""
        return self._core.pre_restore_failure_message()

    @property
    def post_restore_failure_message(self) -> str | None:
        """What the writer said went wrong in PostRestore (``GetPostRestoreFailureMsg``)."""
        return self._core.post_restore_failure_message()

    # --- writers' own ------------------------------------------------------------------------------------------------

    def set_backup_metadata(self, data: str) -> None:
        """Store private data of the backup (``SetBackupMetadata``).

        Args:
            data: what :attr:`backup_metadata` gives later.

        Raises:
            BadStateError: not a writer, in a backup, before BackupComplete.
            ObjectAlreadyExistsError: it is stored already.
        """
        self._core.set_backup_metadata(data)

    def set_backup_stamp(self, stamp: str) -> None:
        """Store the stamp of this backup (``SetBackupStamp``).

        Args:
            stamp: what :attr:`backup_stamp` gives later.

        Raises:
            BadStateError: not a writer, from PrepareBackup on and before BackupComplete.
        """
        self._core.set_backup_stamp(stamp)

    def add_partial_file(self, path: str, filename: str, ranges: str, metadata: str) -> None:
        """Ask for parts of a file only (``AddPartialFile``).

        Args:
            path, filename, ranges, metadata: as in :class:`PartialFile`.

        Raises:
            BadStateError: not a writer, in a backup, up to PostSnapshot.
        """
        self._core.add_partial_file(path, filename, ranges, metadata)

    def add_differenced_files_by_last_modify_time(
        self, path: str, filespec: str, recursive: bool, last_modify_time: datetime | int | None = None
    ) -> None:
        """Name files for an incremental or differential backup (``AddDifferencedFilesByLastModifyTime``).

        Args:
            path: the folder.
            filespec: the name pattern, with ``*`` and ``?``.
            recursive: True for the folders below too.
            last_modify_time: when they were changed: an aware time, or 100 ns since 1601 UTC; None (0) leaves it to
                the requester to compare.

        Raises:
            InvalidArgumentError: a time without a time zone, or one that does not fit into a FILETIME.
            BadStateError: not a writer, in PrepareBackup or PostSnapshot of a backup.
        """
        ticks = to_filetime(last_modify_time, "IVssComponent::AddDifferencedFilesByLastModifyTime")
        self._core.add_differenced_files_by_last_modify_time(path, filespec, recursive, ticks)

    def add_differenced_files_by_last_modify_lsn(self, path: str, filespec: str, recursive: bool, lsn: str) -> None:
        """Reserved (``AddDifferencedFilesByLastModifyLSN``).

        Args:
            path, filespec, recursive: as for :meth:`add_differenced_files_by_last_modify_time`.
            lsn: as VSS has it, which does not say more.

        Raises:
            NotSupportedError: VSS does not support it.
        """
        self._core.add_differenced_files_by_last_modify_lsn(path, filespec, recursive, lsn)

    def set_prepare_for_backup_failure_message(self, message: str) -> None:
        """Say what went wrong in PrepareForBackup (``IVssComponentEx::SetPrepareForBackupFailureMsg``).

        Args:
            message: what a person is to read.

        Raises:
            BadStateError: not a writer in that event.
        """
        self._core.set_prepare_for_backup_failure_message(message)

    def set_post_snapshot_failure_message(self, message: str) -> None:
        """Say what went wrong in PostSnapshot (``IVssComponentEx::SetPostSnapshotFailureMsg``).

        Args:
            message: what a person is to read.

        Raises:
            BadStateError: not a writer in that event.
        """
        self._core.set_post_snapshot_failure_message(message)

    def set_failure(self, hresult: int, application_hresult: int = 0, application_message: str | None = None) -> None:
        """Say what failed with this component (``IVssComponentEx2::SetFailure``).

        Args:
            hresult: ``S_OK`` (0) or one of VSS's codes for writers, signed or unsigned.
            application_hresult: the application's own code.
            application_message: its text.

        Raises:
            BadStateError: not a writer.
        """
        operation = "IVssComponentEx2::SetFailure"
        self._core.set_failure(
            _arguments.mask(hresult, "hresult", operation),
            _arguments.mask(application_hresult, "application_hresult", operation),
            application_message,
        )

    def set_restore_metadata(self, data: str) -> None:
        """Store private data of the restore (``SetRestoreMetadata``).

        Args:
            data: what :attr:`restore_metadata` gives later.

        Raises:
            BadStateError: not a writer in PreRestore.
            ObjectAlreadyExistsError: it is stored already.
        """
        self._core.set_restore_metadata(data)

    def set_restore_target(self, target: RestoreTarget) -> None:
        """Say where the component is to be restored to (``SetRestoreTarget``; semantics 11.3).

        Args:
            target: which of the places that VSS knows.

        Raises:
            BadStateError: not a writer in PreRestore.
        """
        self._core.set_restore_target(_arguments.enumeration(target, "target", "IVssComponent::SetRestoreTarget"))

    def add_directed_target(
        self,
        source_path: str,
        source_filename: str,
        source_ranges: str,
        destination_path: str,
        destination_filename: str,
        destination_ranges: str,
    ) -> None:
        """Direct parts of a file elsewhere (``AddDirectedTarget``).

        Args:
            source_path, source_filename, source_ranges: the file and its parts, as in :class:`DirectedTarget`.
            destination_path, destination_filename, destination_ranges: where they go.

        Raises:
            BadStateError: not a writer in PreRestore.
        """
        self._core.add_directed_target(
            source_path, source_filename, source_ranges, destination_path, destination_filename, destination_ranges
        )

    def set_pre_restore_failure_message(self, message: str) -> None:
        """Say what went wrong in PreRestore (``SetPreRestoreFailureMsg``).

        Args:
            message: what a person is to read.

        Raises:
            BadStateError: not a writer in that event.
        """
        self._core.set_pre_restore_failure_message(message)

    def set_post_restore_failure_message(self, message: str) -> None:
        """Say what went wrong in PostRestore (``SetPostRestoreFailureMsg``).

        Args:
            message: what a person is to read.

        Raises:
            BadStateError: not a writer in that event.
        """
        self._core.set_post_restore_failure_message(message)

    def __repr__(self) -> str:
        try:
            path, kind, name = self.logical_path, self.type.name, self.name
        except VssError as error:
            return f"<DocumentComponent: {error}>"
        full_name = f"{path}\\{name}" if path else name
        return f"<DocumentComponent {full_name!r} {kind}>"
