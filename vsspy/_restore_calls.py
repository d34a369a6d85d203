"""Restores: telling the writers, and recovering whole LUNs."""

from __future__ import annotations

from uuid import UUID

from . import _arguments
from ._async_operation import AsyncOperation
from ._restore_choices import RestoreChoices
from .enums import ComponentType, FileRestoreStatus, RecoveryOptions, RestoreType

_NO_OPTIONS = RecoveryOptions(0)


class RestoreCalls(RestoreChoices):
    """Methods of :class:`vsspy.BackupComponents`."""

    def initialize_for_restore(self, xml: str) -> None:
        """Begin a restore; the first call (``InitializeForRestore``; semantics 11.1).

        Args:
            xml: the Backup Components Document that was saved at the backup.

        Raises:
            BadStateError: the object was initialised before.
            InvalidXmlDocumentError: ``xml`` is not such a document.
        """
        self._call("InitializeForRestore", self._core.initialize_for_restore, xml)

    def set_restore_state(self, restore_type: RestoreType) -> None:
        """Describe the restore (``SetRestoreState``), before :meth:`pre_restore`; without it VSS takes it for one by
        copying.

        Args:
            restore_type: by copying files, by importing a transported set, or otherwise.

        Raises:
            BadStateError: in a backup, or too late.
            InvalidArgumentError: no such type.
        """
        operation = "IVssBackupComponents::SetRestoreState"
        self._call(
            operation,
            self._core.set_restore_state,
            _arguments.enumeration(restore_type, "restore_type", operation),
        )

    # --- while it runs -----------------------------------------------------------------------------------------------

    def pre_restore(self) -> AsyncOperation:
        """Tell the writers that a restore comes (``PreRestore``; semantics 11.1), when all is selected. They may change
        where components go: read the document's components afterwards, and look at :attr:`writer_status`.

        Raises:
            BadStateError: in a backup, or before the gather is over.
        """
        return self._start("PreRestore", self._core.pre_restore)

    def add_alternative_location_mapping(
        self,
        writer_id: UUID,
        component_type: ComponentType,
        logical_path: str | None,
        component_name: str,
        path: str,
        filespec: str,
        recursive: bool,
        destination: str,
    ) -> None:
        """Tell a writer that a file set was restored to its alternate location (``AddAlternativeLocationMapping``;
        semantics 11.1), before :meth:`post_restore`, for each mapping that was used.

        Args:
            writer_id, component_type, logical_path, component_name: which component of the document.
            path, filespec, recursive: a file set of the component, or a mapping of the writer, exactly as in the
                metadata.
            destination: where the files are.

        Raises:
            BadStateError: in a backup, or at the wrong time.
            ObjectNotFoundError: the component is not in the document, or nothing is mapped like that.
        """
        self._of_component(
            "IVssBackupComponents::AddAlternativeLocationMapping",
            self._core.add_alternative_location_mapping,
            (writer_id, component_type, logical_path, component_name),
            path,
            filespec,
            recursive,
            destination,
        )

    def set_file_restore_status(
        self,
        writer_id: UUID,
        component_type: ComponentType,
        logical_path: str | None,
        component_name: str,
        status: FileRestoreStatus,
    ) -> None:
        """Tell a writer what became of its component's files (``SetFileRestoreStatus``; semantics 11.1), between
        :meth:`pre_restore` and :meth:`post_restore`.

        Args:
            writer_id, component_type, logical_path, component_name: which component of the document.
            status: all restored, none, or failed on the way.

        Raises:
            BadStateError: in a backup, or at the wrong time.
            ObjectNotFoundError: the component is not in the document.
        """
        operation = "IVssBackupComponents::SetFileRestoreStatus"
        self._of_component(
            operation,
            self._core.set_file_restore_status,
            (writer_id, component_type, logical_path, component_name),
            _arguments.enumeration(status, "status", operation),
        )

    def post_restore(self) -> AsyncOperation:
        """Tell the writers that the files are there (``PostRestore``; semantics 11.1), which ends the restore. Release
        the object only when it is over.

        Raises:
            BadStateError: in a backup, or before :meth:`pre_restore` is over.
            ObjectNotFoundError, ProviderVetoError: the reference page names them, and not when they come.
        """
        return self._start("PostRestore", self._core.post_restore)

    # --- recovery of whole LUNs --------------------------------------------------------------------------------------

    def add_snapshot_to_recovery_set(
        self, snapshot_id: UUID, flags: int = 0, destination_volume: str | None = None
    ) -> None:
        """Have a volume resynchronised from a shadow copy (``IVssBackupComponentsEx3::AddSnapshotToRecoverySet``), by
        :meth:`recover_set`. Server editions; hardware providers that can.

        Args:
            snapshot_id: a shadow copy of the document that the restore was begun with.
            flags: reserved; 0.
            destination_volume: the volume, as for :meth:`add_to_snapshot_set`; None is the original one.

        Raises:
            BadStateError: in a backup, or without such a provider.
            SnapshotNotInSetError: it is not in the document.
            ObjectNotFoundError, VolumeNotSupportedError: no such volume, or not one that can be recovered.
            LegacyProviderError: the provider is too old.
            ResyncInProgressError: a resynchronisation is under way.
            NotSupportedError: the system is older than Windows 7 / Windows Server 2008 R2.
        """
        operation = "IVssBackupComponentsEx3::AddSnapshotToRecoverySet"
        self._call(
            operation,
            self._core.add_snapshot_to_recovery_set,
            snapshot_id,
            _arguments.mask(flags, "flags", operation),
            destination_volume,
        )

    def recover_set(self, flags: RecoveryOptions | int = _NO_OPTIONS) -> AsyncOperation:
        """Resynchronise what :meth:`add_snapshot_to_recovery_set` named (``IVssBackupComponentsEx3::RecoverSet``).

        Args:
            flags: what becomes of the disks' identities, and whether other volumes of the LUNs are looked for.

        Raises:
            BadStateError: nothing was named, or the system runs in safe mode.
            LegacyProviderError: the provider is too old.
            ProviderVetoError: the provider's part failed.
            UnselectedVolumeError: it would overwrite a volume that was not named.
            DiskIdentityError: a disk's identity cannot be set back.
            NotSupportedError: the system is older than Windows 7 / Windows Server 2008 R2.
        """
        operation = "IVssBackupComponentsEx3::RecoverSet"
        return self._start(operation, self._core.recover_set, _arguments.mask(flags, "flags", operation))
