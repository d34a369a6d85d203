"""What is to be restored, where to, and how: said before PreRestore."""

from __future__ import annotations

from uuid import UUID

from . import _arguments
from ._session_calls import SessionCalls, id_or_none
from .enums import ComponentType, RollForwardType


class RestoreChoices(SessionCalls):
    """Methods of :class:`vsspy.BackupComponents`."""

    def set_selected_for_restore(
        self,
        writer_id: UUID,
        component_type: ComponentType,
        logical_path: str | None,
        component_name: str,
        selected_for_restore: bool,
    ) -> None:
        """Say whether a component will be restored (``SetSelectedForRestore``; semantics 8.4), after the gather and before
        :meth:`pre_restore`, for each that will.

        Args:
            writer_id, component_type, logical_path, component_name: which component of the document.
            selected_for_restore: True if it will be.

        Raises:
            BadStateError: in a backup, or at the wrong time.
            ObjectNotFoundError: the component is not in the document, or its writer does not run.
        """
        self._of_component(
            "IVssBackupComponents::SetSelectedForRestore",
            self._core.set_selected_for_restore,
            (writer_id, component_type, logical_path, component_name),
            selected_for_restore,
        )

    def set_selected_for_restore_ex(
        self,
        writer_id: UUID,
        component_type: ComponentType,
        logical_path: str | None,
        component_name: str,
        selected_for_restore: bool,
        instance_id: UUID | None = None,
    ) -> None:
        """The same, and to which instance of the writer it goes (``IVssBackupComponentsEx::SetSelectedForRestoreEx``).

        Args:
            writer_id, component_type, logical_path, component_name: which component of the document.
            selected_for_restore: True if it will be restored.
            instance_id: of a running writer of that class; None acts as :meth:`set_selected_for_restore` does. Another
                instance than at the backup needs ``BackupSchema.WRITER_SUPPORTS_RESTORE_WITH_MOVE``.

        Raises:
            BadStateError: in a backup, or at the wrong time.
            ObjectNotFoundError: the component is not in the document, or no such instance runs.
            NotSupportedError: the system is older than Windows Vista / Windows Server 2003 with SP1.
        """
        self._of_component(
            "IVssBackupComponentsEx::SetSelectedForRestoreEx",
            self._core.set_selected_for_restore_ex,
            (writer_id, component_type, logical_path, component_name),
            selected_for_restore,
            id_or_none(instance_id),
        )

    def add_restore_subcomponent(
        self,
        writer_id: UUID,
        component_type: ComponentType,
        logical_path: str | None,
        component_name: str,
        sub_component_logical_path: str,
        sub_component_name: str,
        repair: bool = False,
    ) -> None:
        """Restore a part of a component only (``AddRestoreSubcomponent``; semantics 8.4): what was included with it, and
        is selectable for restore. The component has to be selected first; once a part was added, only such parts are
        restored.

        Args:
            writer_id, component_type, logical_path, component_name: the component that was included.
            sub_component_logical_path, sub_component_name: the part, as in the writer's metadata.
            repair: reserved; False.

        Raises:
            BadStateError: in a backup, or at the wrong time.
            ObjectNotFoundError: the component is not in the document.
        """
        self._of_component(
            "IVssBackupComponents::AddRestoreSubcomponent",
            self._core.add_restore_subcomponent,
            (writer_id, component_type, logical_path, component_name),
            sub_component_logical_path,
            sub_component_name,
            repair,
        )

    def set_restore_options(
        self,
        writer_id: UUID,
        component_type: ComponentType,
        logical_path: str | None,
        component_name: str,
        restore_options: str,
    ) -> None:
        """Pass private options to a component's writer (``SetRestoreOptions``; semantics 11.4), before :meth:`pre_restore`.

        Args:
            writer_id, component_type, logical_path, component_name: which component of the document.
            restore_options: what the writer understands, as in ``"Child":"Option"="Value"``.

        Raises:
            BadStateError: in a backup, or at the wrong time.
            ObjectNotFoundError: the component is not in the document.
        """
        self._of_component(
            "IVssBackupComponents::SetRestoreOptions",
            self._core.set_restore_options,
            (writer_id, component_type, logical_path, component_name),
            restore_options,
        )

    def set_additional_restores(
        self,
        writer_id: UUID,
        component_type: ComponentType,
        logical_path: str | None,
        component_name: str,
        additional_restores: bool,
    ) -> None:
        """Say that further restores of a component follow (``SetAdditionalRestores``; semantics 11.1), incremental ones
        say, so that its writer leaves the data open for them; before :meth:`pre_restore`.

        Args:
            writer_id, component_type, logical_path, component_name: which component of the document.
            additional_restores: True on all but the last of a chain.

        Raises:
            BadStateError: in a backup, or at the wrong time.
            ObjectNotFoundError: the component is not in the document.
        """
        self._of_component(
            "IVssBackupComponents::SetAdditionalRestores",
            self._core.set_additional_restores,
            (writer_id, component_type, logical_path, component_name),
            additional_restores,
        )

    def add_new_target(
        self,
        writer_id: UUID,
        component_type: ComponentType,
        logical_path: str | None,
        component_name: str,
        path: str,
        file_name: str,
        recursive: bool,
        alternate_path: str,
    ) -> None:
        """Restore a file set to another place (``AddNewTarget``; semantics 11.3), before :meth:`pre_restore`; for writers
        with ``BackupSchema.WRITER_SUPPORTS_NEW_TARGET``.

        Args:
            writer_id, component_type, logical_path, component_name: which component of the document.
            path, file_name, recursive: a file set of the component, exactly as in the metadata.
            alternate_path: where it goes.

        Raises:
            BadStateError: in a backup, or at the wrong time.
            ObjectNotFoundError: the component is not in the document, or has no such file set.
        """
        self._of_component(
            "IVssBackupComponents::AddNewTarget",
            self._core.add_new_target,
            (writer_id, component_type, logical_path, component_name),
            path,
            file_name,
            recursive,
            alternate_path,
        )

    def set_ranges_file_path(
        self,
        writer_id: UUID,
        component_type: ComponentType,
        logical_path: str | None,
        component_name: str,
        partial_file: int,
        ranges_file: str,
    ) -> None:
        """Say where a ranges file of the backup was restored to (``SetRangesFilePath``; semantics 10), before
        :meth:`pre_restore`.

        Args:
            writer_id, component_type, logical_path, component_name: which component of the document.
            partial_file: the index among the component's partial files, from 0.
            ranges_file: the full path.

        Raises:
            BadStateError: in a backup, or at the wrong time.
            ObjectNotFoundError: the component is not in the document, or has no such partial file.
            InvalidArgumentError: no such index.
        """
        operation = "IVssBackupComponents::SetRangesFilePath"
        self._of_component(
            operation,
            self._core.set_ranges_file_path,
            (writer_id, component_type, logical_path, component_name),
            _arguments.count(partial_file, "partial_file", operation),
            ranges_file,
        )

    def set_authoritative_restore(
        self,
        writer_id: UUID,
        component_type: ComponentType,
        logical_path: str | None,
        component_name: str,
        authoritative: bool,
    ) -> None:
        """Ask for an authoritative restore of a component (``IVssBackupComponentsEx2::SetAuthoritativeRestore``;
        semantics 11.5), before :meth:`pre_restore`; for writers with ``BackupSchema.AUTHORITATIVE_RESTORE``.

        Args:
            writer_id, component_type, logical_path, component_name: which component of the document.
            authoritative: True if what is restored wins over what replicas have.

        Raises:
            BadStateError: in a backup, or at the wrong time.
            ObjectNotFoundError: the component is not in the document.
            NotSupportedError: the system is older than Windows Vista / Windows Server 2008.
        """
        self._of_component(
            "IVssBackupComponentsEx2::SetAuthoritativeRestore",
            self._core.set_authoritative_restore,
            (writer_id, component_type, logical_path, component_name),
            authoritative,
        )

    def set_roll_forward(
        self,
        writer_id: UUID,
        component_type: ComponentType,
        logical_path: str | None,
        component_name: str,
        roll_type: RollForwardType,
        roll_forward_point: str | None = None,
    ) -> None:
        """Say how far a component's logs are applied (``IVssBackupComponentsEx2::SetRollForward``; semantics 11.5), before
        :meth:`pre_restore`; for writers with ``BackupSchema.ROLLFORWARD_RESTORE``.

        Args:
            writer_id, component_type, logical_path, component_name: which component of the document.
            roll_type: not, fully, or to a point.
            roll_forward_point: the point as the writer writes it, for ``RollForwardType.PARTIAL``.

        Raises:
            BadStateError: in a backup, or at the wrong time.
            ObjectNotFoundError: the component is not in the document.
            NotSupportedError: the system is older than Windows Vista / Windows Server 2008.
        """
        operation = "IVssBackupComponentsEx2::SetRollForward"
        self._of_component(
            operation,
            self._core.set_roll_forward,
            (writer_id, component_type, logical_path, component_name),
            _arguments.enumeration(roll_type, "roll_type", operation),
            roll_forward_point,
        )

    def set_restore_name(
        self,
        writer_id: UUID,
        component_type: ComponentType,
        logical_path: str | None,
        component_name: str,
        restore_name: str,
    ) -> None:
        """Give a component another name (``IVssBackupComponentsEx2::SetRestoreName``; semantics 11.5), before
        :meth:`pre_restore`; for writers with ``BackupSchema.RESTORE_RENAME``.

        Args:
            writer_id, component_type, logical_path, component_name: which component of the document.
            restore_name: the new name.

        Raises:
            BadStateError: in a backup, or at the wrong time.
            ObjectNotFoundError: the component is not in the document.
            NotSupportedError: the system is older than Windows Vista / Windows Server 2008.
        """
        self._of_component(
            "IVssBackupComponentsEx2::SetRestoreName",
            self._core.set_restore_name,
            (writer_id, component_type, logical_path, component_name),
            restore_name,
        )
