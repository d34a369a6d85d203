"""IVssBackupComponents to Ex4, one to one: level 1 of vsspy. See :class:`vsspy.BackupSession` for the right order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from . import _arguments, _core
from ._async_operation import AsyncOperation
from ._backend import resolve
from ._call_order import CallOrder
from ._properties import ProviderProperties, RootAndLogicalPrefixPaths, SnapshotProperties, WriterStatus
from ._restore_calls import RestoreCalls
from ._service_object import ServiceObject
from ._snapshot_calls import SnapshotCalls
from ._writer_calls import WriterCalls
from .enums import BackupType, SnapshotContext

if TYPE_CHECKING:
    from .simulator import Machine

__all__ = [
    "AsyncOperation",
    "BackupComponents",
    "ProviderProperties",
    "RootAndLogicalPrefixPaths",
    "SnapshotProperties",
    "WriterStatus",
]


class BackupComponents(WriterCalls, SnapshotCalls, RestoreCalls, ServiceObject):
    """One backup, one restore, or one look at what exists: ``IVssBackupComponents`` and its extensions (semantics 1, 2).

    An object serves one backup or restore and is not used again. It may be used from several threads, one call at a time. It is a
    context manager; leaving, or :meth:`close`, releases it: VSS then deletes shadow copies of an auto-release context
    and ends the writers' part, which can take seconds.

    Any method raises :class:`~vsspy.errors.BadStateError` out of order, :class:`~vsspy.errors.AccessDeniedError`
    without administrator's or backup rights, :class:`~vsspy.errors.InvalidXmlDocumentError` for a Backup Components
    Document that cannot be read, :class:`~vsspy.errors.UnexpectedError` or another
    :class:`~vsspy.errors.VssError` for what VSS, a provider or COM reports, :class:`~vsspy.errors.ClosedError` after
    :meth:`close`, :class:`~vsspy.errors.ForkedError` in the child after a fork, and
    :class:`~vsspy.errors.ReentrantCallError` from a callback that the object itself is waiting for.

    Args:
        backend: a machine of :mod:`vsspy.simulator`, ``"windows"`` or ``"simulator"``; None takes the machine in use,
            else what the environment variable ``VSSPY_BACKEND`` says, else the system's VSS.

    Raises:
        UnsupportedPlatformError: there is no VSS here, and no simulated machine in use.
    """

    def __init__(self, backend: Machine | str | None = None) -> None:
        self._backend = resolve(backend)
        self._core = _core.Session(self._backend.platform)
        self._order = CallOrder()
        self._made()

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
        number = _arguments.signed_mask(context, "context", "IVssBackupComponents::SetContext")
        self._call("SetContext", self._core.set_context, number)
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
            _arguments.enumeration(backup_type, "backup_type", "IVssBackupComponents::SetBackupState"),
            partial_file_support,
        )

    def enable_writer_classes(self, ids: Iterable[UUID]) -> None:
        """Let only these writer classes take part (``EnableWriterClasses``; semantics 13), before the gather.

        Args:
            ids: the writers' class ids.
        """
        self._call("EnableWriterClasses", self._core.enable_writer_classes, list(ids))

    def disable_writer_classes(self, ids: Iterable[UUID]) -> None:
        """Leave these writer classes out (``DisableWriterClasses``; semantics 13), before the gather.

        Args:
            ids: the writers' class ids.
        """
        self._call("DisableWriterClasses", self._core.disable_writer_classes, list(ids))

    def disable_writer_instances(self, ids: Iterable[UUID]) -> None:
        """Leave these writer instances out (``DisableWriterInstances``; semantics 13), before the gather.

        Args:
            ids: the writers' instance ids.
        """
        self._call("DisableWriterInstances", self._core.disable_writer_instances, list(ids))

    # --- the document, and the end -----------------------------------------------------------------------------------

    def abort_backup(self) -> None:
        """Give the backup up (``AbortBackup``; semantics 4.6): writers are told, and no :meth:`backup_complete` is
        due. Does nothing where nothing is under way. Returns when it is done."""
        self._call("AbortBackup", self._core.abort_backup)

    def last_operation(self) -> AsyncOperation | None:
        """The operation that was started last, over or not (no call of VSS), unless it was closed.

        This is for a clean-up: Ctrl-C can come when VSS has started an operation, and before the program has it in a variable.
        So the last operation is kept until the next one starts, :meth:`close`, or its own ``close``.

        Returns:
            The operation, or None. Closing it closes it for all who have it.
        """
        started = self._core.last_operation()
        return None if started is None else self._operation(started)

    def save_as_xml(self) -> str:
        """The Backup Components Document (``SaveAsXML``), in a backup after :meth:`prepare_for_backup`; a restore needs
        it."""
        return self._call("SaveAsXML", self._core.save_as_xml)

    def get_session_id(self) -> UUID:
        """The id of this session (``IVssBackupComponentsEx3::GetSessionId``).

        Raises:
            NotSupportedError: the system is older than Windows 7 / Windows Server 2008 R2.
        """
        return self._call("GetSessionId", self._core.get_session_id)

    def get_root_and_logical_prefix_paths(
        self, file_path: str, normalize_fqdn_for_root_path: bool = False
    ) -> RootAndLogicalPrefixPaths:
        r"""Split a path (``IVssBackupComponentsEx4::GetRootAndLogicalPrefixPaths``) into the root that
        :meth:`add_to_snapshot_set` takes, and what stands before a file's place below it.

        Args:
            file_path: a local path or a UNC path.
            normalize_fqdn_for_root_path: True for a server's full domain name in the root.

        Raises:
            NotSupportedError: the system is older than Windows 8 / Windows Server 2012.
        """
        root, prefix = self._call(
            "IVssBackupComponentsEx4::GetRootAndLogicalPrefixPaths",
            self._core.get_root_and_logical_prefix_paths,
            file_path,
            normalize_fqdn_for_root_path,
        )
        return RootAndLogicalPrefixPaths(root or "", prefix or "")
