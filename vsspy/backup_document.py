"""A saved Backup Components Document as plain values, read without any backend.

It is what :meth:`vsspy.BackupComponents.save_as_xml` gave and a restore, or the next incremental backup, needs. While a session
lives, :attr:`vsspy.BackupComponents.writer_components` asks VSS for the same values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from . import _core
from ._document_values import (
    ComponentFailure,
    DifferencedFile,
    DirectedTarget,
    PartialFile,
    RestoreSubcomponent,
    RollForward,
)
from .enums import (
    BackupSchema,
    BackupType,
    ComponentType,
    FileRestoreStatus,
    RestoreTarget,
    RestoreType,
    RollForwardType,
)
from .metadata import FileSet

__all__ = ["BackupDocument", "SavedComponent", "SavedWriter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedComponent:
    """A component of a saved Backup Components Document: an explicit one, since what it implies has no entry (semantics
    8.2).

    The fields are named like the properties of :class:`vsspy.DocumentComponent`; None stands for what is not in the
    document. In ``alternate_location_mappings`` and ``new_targets`` the destination is ``alternate_path``;
    ``restore_instance_id`` is the writer instance that was chosen to restore it.
    """

    logical_path: str | None
    name: str
    type: ComponentType
    backup_succeeded: bool | None
    backup_stamp: str | None
    previous_backup_stamp: str | None
    backup_options: str | None
    backup_metadata: str | None
    partial_files: Sequence[PartialFile]
    differenced_files: Sequence[DifferencedFile]
    prepare_for_backup_failure_message: str | None
    post_snapshot_failure_message: str | None
    failure: ComponentFailure | None
    selected_for_restore: bool | None
    restore_instance_id: UUID | None
    additional_restores: bool | None
    restore_options: str | None
    restore_metadata: str | None
    restore_target: RestoreTarget | None
    restore_name: str | None
    authoritative_restore: bool | None
    roll_forward: RollForward | None
    file_restore_status: FileRestoreStatus | None
    alternate_location_mappings: Sequence[FileSet]
    new_targets: Sequence[FileSet]
    directed_targets: Sequence[DirectedTarget]
    restore_subcomponents: Sequence[RestoreSubcomponent]
    pre_restore_failure_message: str | None
    post_restore_failure_message: str | None

    @property
    def full_name(self) -> str:
        """The logical path and the name with a backslash between, or the name alone at the root (semantics 8.1)."""
        return f"{self.logical_path}\\{self.name}" if self.logical_path else self.name

    @classmethod
    def _of(cls, raw: dict[str, Any]) -> Self:
        values = dict(raw)
        kind, point = values.pop("roll_forward_type"), values.pop("roll_forward_point")
        unset = kind is None and point is None
        values["roll_forward"] = None if unset else RollForward(RollForwardType(kind or 0), point)
        values["type"] = ComponentType(values["type"])
        values["failure"] = ComponentFailure._of(values["failure"])
        values["partial_files"] = tuple(PartialFile(*each) for each in values["partial_files"])
        values["differenced_files"] = tuple(DifferencedFile._of(each) for each in values["differenced_files"])
        values["directed_targets"] = tuple(DirectedTarget(*each) for each in values["directed_targets"])
        values["restore_subcomponents"] = tuple(RestoreSubcomponent(*each) for each in values["restore_subcomponents"])
        for name in ("alternate_location_mappings", "new_targets"):
            values[name] = tuple(FileSet(*each) for each in values[name])
        if values["restore_target"] is not None:
            values["restore_target"] = RestoreTarget(values["restore_target"])
        if values["file_restore_status"] is not None:
            values["file_restore_status"] = FileRestoreStatus(values["file_restore_status"])
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedWriter:
    """A writer's part of a saved Backup Components Document; ``instance_id`` is of the time of the backup, ``writer_id``
    stays (semantics 11.1)."""

    writer_id: UUID
    instance_id: UUID
    instance_name: str | None
    backup_schema: BackupSchema
    components: Sequence[SavedComponent]

    @classmethod
    def _of(cls, raw: dict[str, Any]) -> Self:
        values = dict(raw)
        values["backup_schema"] = BackupSchema(values["backup_schema"])
        values["components"] = tuple(SavedComponent._of(each) for each in values["components"])
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupDocument:
    """A saved Backup Components Document (``IVssBackupComponents::SaveAsXML``), as immutable values.

    VSS itself has no call that tells the first four fields and the snapshot set's id from a document: they are read from
    its text. ``other_elements`` is what else stands below the root, as XML: of a transportable set, the description of
    the set that another computer imports.
    """

    backup_type: BackupType
    select_components: bool
    bootable_system_state: bool
    partial_file_support: bool
    snapshot_set_id: UUID | None
    restore_type: RestoreType
    writers: Sequence[SavedWriter]
    other_elements: Sequence[str]

    @classmethod
    def from_xml(cls, text: str | bytes) -> Self:
        """Read a Backup Components Document: its text, or the bytes of a file (UTF-8 or UTF-16, with or without a mark).

        Needs no backend and calls nothing of VSS.

        Raises:
            InvalidXmlDocumentError: its detail says where and why: text that is not well-formed or has a DTD, another
                document, a missing attribute, a wrong GUID, number or word.
        """
        values = _core.read_backup_components(text)
        values["backup_type"] = BackupType(values["backup_type"])
        values["restore_type"] = RestoreType(values["restore_type"])
        values["writers"] = tuple(SavedWriter._of(each) for each in values["writers"])
        values["other_elements"] = tuple(values["other_elements"])
        return cls(**values)
