"""What a simulated writer's callback gets: the event, and the writer's components as a writer has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
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
from ._faults import code_of
from ._filetime import from_filetime, to_filetime
from ._writer_description import Component, Description
from .enums import (
    BackupSchema,
    BackupType,
    ComponentType,
    FileRestoreStatus,
    RestoreTarget,
    RestoreType,
    RollForwardType,
)
from .errors import from_hresult
from .metadata import ComponentMetadata, FileSet, RestoreMethodInfo

if TYPE_CHECKING:
    from . import _simulator


class WriterEventComponent:
    """A component as a writer sees it in an event: an explicit one of the Backup Components Document.

    The attributes are those of :class:`vsspy.DocumentComponent`, as they were when the event was sent and with what the
    writer changed in it; they stay readable afterwards. The methods are the COM setters of ``IVssComponent`` to ``Ex2``:
    they stand in the trace, and VSS refuses what has no place in the event with
    :class:`~vsspy.errors.BadStateError`, as it does once the callback has returned. A text that no document can hold is
    :class:`~vsspy.errors.InvalidArgumentError`, and a method that the machine's level lacks
    :class:`~vsspy.errors.NotSupportedError`.

    Attributes:
        logical_path: None at the root.
        name: the component's name.
        type: file group or database.
        backup_succeeded: what the requester said; None if it said nothing, which counts as failed (semantics 12.2).
        backup_options, previous_backup_stamp: texts of the requester, None if not set.
        backup_stamp, backup_metadata: texts of the writer, None if not set.
        partial_files, differenced_files: what the writer wants saved in parts, or by time (semantics 10).
        prepare_for_backup_failure_message, post_snapshot_failure_message, pre_restore_failure_message,
            post_restore_failure_message, failure: what the writer said went wrong.
        selected_for_restore: whether it is to be restored.
        additional_restores, restore_options, restore_name: of the requester, None if not set.
        restore_subcomponents: what of it is restored alone (semantics 8.4).
        new_targets, alternate_location_mappings: where the requester puts files, by ``alternate_path``.
        authoritative_restore, roll_forward, file_restore_status: of the requester.
        restore_metadata: text of the writer, None if not set.
        restore_target, directed_targets: where the writer wants it (semantics 11.3).
    """

    logical_path: str | None
    name: str
    type: ComponentType
    backup_succeeded: bool | None
    backup_options: str | None
    backup_stamp: str | None
    previous_backup_stamp: str | None
    backup_metadata: str | None
    partial_files: Sequence[PartialFile]
    differenced_files: Sequence[DifferencedFile]
    prepare_for_backup_failure_message: str | None
    post_snapshot_failure_message: str | None
    failure: ComponentFailure | None
    selected_for_restore: bool
    additional_restores: bool | None
    restore_options: str | None
    restore_metadata: str | None
    restore_target: RestoreTarget
    restore_name: str | None
    authoritative_restore: bool
    roll_forward: RollForward
    file_restore_status: FileRestoreStatus
    alternate_location_mappings: Sequence[FileSet]
    new_targets: Sequence[FileSet]
    directed_targets: Sequence[DirectedTarget]
    restore_subcomponents: Sequence[RestoreSubcomponent]
    pre_restore_failure_message: str | None
    post_restore_failure_message: str | None

    def __init__(
        self,
        handle: _simulator.WriterEventHandle,
        index: int,
        values: _simulator.EventComponent,
        partial_file_support: bool,
    ) -> None:
        self._handle = handle
        self._index = index
        self._partial_file_support = partial_file_support
        vars(self).update(values)  # the texts and flags; the rest in types of its own
        self.type = ComponentType(values["type"])
        self.partial_files = tuple(PartialFile(*raw) for raw in values["partial_files"])
        self.differenced_files = tuple(DifferencedFile._of(raw) for raw in values["differenced_files"])
        self.failure = ComponentFailure._of(values["failure"])
        self.restore_target = RestoreTarget(values["restore_target"])
        self.roll_forward = RollForward(RollForwardType(values["roll_forward"][0]), values["roll_forward"][1])
        self.file_restore_status = FileRestoreStatus(values["file_restore_status"])
        self.alternate_location_mappings = tuple(map(_moved, values["alternate_location_mappings"]))
        self.new_targets = tuple(map(_moved, values["new_targets"]))
        self.directed_targets = tuple(DirectedTarget(*raw) for raw in values["directed_targets"])
        self.restore_subcomponents = tuple(RestoreSubcomponent(*raw) for raw in values["restore_subcomponents"])

    def __repr__(self) -> str:
        return f"<WriterEventComponent {self.name!r} of {self.logical_path!r}>"

    def set_backup_stamp(self, stamp: str) -> None:
        """``IVssComponent::SetBackupStamp``, in PrepareBackup and PostSnapshot. Raises ``BadStateError``.

        Args:
            stamp: what the next backup that builds on this one gets as ``previous_backup_stamp``.
        """
        _check(self._handle.set_backup_stamp(self._index, stamp), "IVssComponent::SetBackupStamp")
        self.backup_stamp = stamp

    def set_backup_metadata(self, data: str) -> None:
        """``IVssComponent::SetBackupMetadata``, once in PrepareBackup and PostSnapshot.

        Raises ``ObjectAlreadyExistsError`` the second time, and ``BadStateError``.

        Args:
            data: text of the writer's own.
        """
        _check(self._handle.set_backup_metadata(self._index, data), "IVssComponent::SetBackupMetadata")
        self.backup_metadata = data

    def add_partial_file(self, path: str, filename: str, ranges: str, metadata: str = "") -> None:
        """``IVssComponent::AddPartialFile``, in PrepareBackup and PostSnapshot; ignored unless the requester said in
        ``SetBackupState`` that it can do with parts (semantics 10). Raises ``BadStateError``.

        Args:
            path: the file's folder.
            filename: its name.
            ranges: ``"offset:length, ..."`` in bytes, decimal or ``0x`` hexadecimal, or the path of a ranges file.
            metadata: the writer's own.
        """
        hresult = self._handle.add_partial_file(self._index, path, filename, ranges, metadata)
        _check(hresult, "IVssComponent::AddPartialFile")
        if self._partial_file_support:
            self.partial_files = (*self.partial_files, PartialFile(path, filename, ranges, metadata))

    def add_differenced_files_by_last_modify_time(
        self, path: str, filespec: str, recursive: bool, last_modify_time: datetime | int | None = None
    ) -> None:
        """``IVssComponent::AddDifferencedFilesByLastModifyTime``, in PrepareBackup and PostSnapshot.

        Args:
            path: the folder.
            filespec: the name pattern, with ``*`` and ``?``.
            recursive: True for the folders below too.
            last_modify_time: an aware time, or 100 ns since 1601 UTC; None (0) leaves it to the requester to compare.

        Raises:
            InvalidArgumentError: a time without a time zone, or one that does not fit into a FILETIME.
            BadStateError: another event.
        """
        operation = "IVssComponent::AddDifferencedFilesByLastModifyTime"
        ticks = to_filetime(last_modify_time, operation)
        handle = self._handle
        _check(
            handle.add_differenced_files_by_last_modify_time(self._index, path, filespec, recursive, ticks), operation
        )
        added = DifferencedFile(path, filespec, recursive, None, from_filetime(ticks), ticks)
        self.differenced_files = (*self.differenced_files, added)

    def set_prepare_for_backup_failure_message(self, message: str) -> None:
        """``IVssComponentEx::SetPrepareForBackupFailureMsg``; raises ``BadStateError`` outside PrepareBackup.

        Args:
            message: what a person is to read.
        """
        hresult = self._handle.set_prepare_for_backup_failure_message(self._index, message)
        _check(hresult, "IVssComponentEx::SetPrepareForBackupFailureMsg")
        self.prepare_for_backup_failure_message = message

    def set_post_snapshot_failure_message(self, message: str) -> None:
        """``IVssComponentEx::SetPostSnapshotFailureMsg``; raises ``BadStateError`` outside PostSnapshot.

        Args:
            message: what a person is to read.
        """
        hresult = self._handle.set_post_snapshot_failure_message(self._index, message)
        _check(hresult, "IVssComponentEx::SetPostSnapshotFailureMsg")
        self.post_snapshot_failure_message = message

    def set_restore_metadata(self, data: str) -> None:
        """``IVssComponent::SetRestoreMetadata``, once in PreRestore.

        Raises ``ObjectAlreadyExistsError`` the second time, and ``BadStateError``.

        Args:
            data: text of the writer's own.
        """
        _check(self._handle.set_restore_metadata(self._index, data), "IVssComponent::SetRestoreMetadata")
        self.restore_metadata = data

    def set_restore_target(self, target: RestoreTarget) -> None:
        """``IVssComponent::SetRestoreTarget``: where the whole component goes (semantics 11.3), in PreRestore.

        Raises ``BadStateError``, and ``InvalidArgumentError`` for ``RestoreTarget.UNDEFINED``.

        Args:
            target: which of the places that VSS knows.
        """
        operation = "IVssComponent::SetRestoreTarget"
        value = _arguments.enumeration(target, "target", operation)
        _check(self._handle.set_restore_target(self._index, value), operation)
        self.restore_target = RestoreTarget(value)

    def add_directed_target(
        self,
        source_path: str,
        source_filename: str,
        source_ranges: str,
        destination_path: str,
        destination_filename: str,
        destination_ranges: str,
    ) -> None:
        """``IVssComponent::AddDirectedTarget``: where parts of a file go, in PreRestore. Raises ``BadStateError``.

        The arguments are those of :class:`vsspy.DirectedTarget`; ranges are ``"offset:length, ..."`` in bytes.
        """
        texts = (
            source_path,
            source_filename,
            source_ranges,
            destination_path,
            destination_filename,
            destination_ranges,
        )
        _check(self._handle.add_directed_target(self._index, *texts), "IVssComponent::AddDirectedTarget")
        self.directed_targets = (*self.directed_targets, DirectedTarget(*texts))

    def set_pre_restore_failure_message(self, message: str) -> None:
        """``IVssComponent::SetPreRestoreFailureMsg``; raises ``BadStateError`` outside PreRestore.

        Args:
            message: what a person is to read.
        """
        hresult = self._handle.set_pre_restore_failure_message(self._index, message)
        _check(hresult, "IVssComponent::SetPreRestoreFailureMsg")
        self.pre_restore_failure_message = message

    def set_post_restore_failure_message(self, message: str) -> None:
        """``IVssComponent::SetPostRestoreFailureMsg``; raises ``BadStateError`` outside PostRestore.

        Args:
            message: what a person is to read.
        """
        hresult = self._handle.set_post_restore_failure_message(self._index, message)
        _check(hresult, "IVssComponent::SetPostRestoreFailureMsg")
        self.post_restore_failure_message = message

    def set_failure(self, code: str | int, message: str | None = None, *, application: str | int = 0) -> None:
        """``IVssComponentEx2::SetFailure``; the writer vetoes with VSS_E_WRITERERROR_PARTIAL_FAILURE besides.

        Args:
            code: the component's failure, by name or HRESULT: ``S_OK`` (0) or one of the codes that are a writer's to
                give (reference page), else ``InvalidArgumentError``.
            message: the application's message.
            application: the application's own HRESULT.
        """
        hresult, own = code_of(code), code_of(application)
        _check(self._handle.set_failure(self._index, hresult, own, message), "IVssComponentEx2::SetFailure")
        self.failure = ComponentFailure._of((hresult, own, message))


def _moved(raw: tuple[str, str, bool, str]) -> FileSet:
    path, filespec, recursive, alternate_path = raw
    return FileSet(path, filespec, recursive=recursive, alternate_path=alternate_path)


def _check(hresult: int, operation: str) -> None:
    if hresult & 0x80000000:
        raise from_hresult(hresult, operation, operation.partition("::")[0])


@dataclass(frozen=True, slots=True)
class WriterEvent:
    """An event that a writer's callback gets, on one of the service's threads.

    Attributes:
        name: ``"Freeze"`` and so on.
        writer: the writer's name.
        writer_id, instance_id: which writer.
        session_id: the requester's session (``IVssBackupComponentsEx3::GetSessionId``).
        snapshot_set_id: the snapshot set, None where none was made.
        select_components, bootable_system_state, backup_type, partial_file_support: what the requester said in
            ``SetBackupState``; in a restore, at the time of the backup.
        restore_type: what it said in ``SetRestoreState``.
        components: the writer's components; PrepareBackup, PostSnapshot, BackupComplete, PreRestore and PostRestore have
            them (semantics 4.1).
    """

    name: str
    writer: str
    writer_id: UUID
    instance_id: UUID
    session_id: UUID
    snapshot_set_id: UUID | None
    select_components: bool
    bootable_system_state: bool
    backup_type: BackupType
    partial_file_support: bool
    restore_type: RestoreType
    components: Sequence[WriterEventComponent]
    _description: Description = field(repr=False, compare=False)

    def set_metadata(
        self,
        *,
        components: Iterable[Component | ComponentMetadata] | None = None,
        exclude_files: Iterable[FileSet] | None = None,
        exclude_files_from_snapshot: Iterable[FileSet] | None = None,
        backup_schema: BackupSchema | None = None,
        restore_method: RestoreMethodInfo | None = None,
    ) -> None:
        """What the writer says of itself from this Identify on (``IVssCreateWriterMetadata``), if it takes the event well.

        What is not given stays as it is. Who the writer is (name, ids, usage, source) is told once, when it is made.

        Args:
            components: all its components.
            exclude_files, exclude_files_from_snapshot, backup_schema, restore_method: as for
                :class:`vsspy.simulator.Writer`.

        Raises:
            BadStateError: another event than Identify, or its handler has returned.
            InvalidXmlDocumentError: no document can hold it.
        """
        self._description.change(components, exclude_files, exclude_files_from_snapshot, backup_schema, restore_method)

    def sleep(self, seconds: float) -> None:
        """Wait on the machine's clock, as :meth:`vsspy.simulator.Machine.sleep` does: a writer that waits so does not
        keep a virtual clock from going on, as one does that sleeps or blocks in another way.

        Args:
            seconds: how long; not negative.

        Raises:
            InvalidArgumentError: no number of seconds.
            BadStateError: the handler has returned.
            ConnectionLostError: the machine was closed meanwhile.
        """
        self._description.sleep(seconds)
