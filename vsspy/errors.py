"""Typed errors: one class for each kind of failure of VSS, and a few for what vsspy itself refuses.

Each class registers the HRESULTs that it stands for, so that :func:`lookup` and the C++ core find it. Codes, names and
meanings are those of VSS's headers and reference pages; the hints are ours.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from ._codes import CODES
from ._vss_error import OwnError, VssError, from_hresult, lookup

if TYPE_CHECKING:
    from .backup_components import WriterStatus

__all__ = [
    "AbortedError",
    "AccessDeniedError",
    "AutorecoveryError",
    "BadStateError",
    "ClosedError",
    "ClusterError",
    "ClusterTimeoutError",
    "CriticalVolumeError",
    "DiskIdentityError",
    "DocumentError",
    "DynamicDiskError",
    "FileShareTimeoutError",
    "FlushWritesTimeoutError",
    "ForkedError",
    "HoldWritesTimeoutError",
    "ImportFailedError",
    "InsufficientStorageError",
    "InvalidArgumentError",
    "InvalidXmlDocumentError",
    "LegacyProviderError",
    "MaximumRemoteMachinesError",
    "MaximumSnapshotsError",
    "MaximumStorageAssociationsError",
    "MaximumVolumesError",
    "MissingDiskError",
    "NestedVolumeLimitError",
    "NontransportableDocumentError",
    "NotSupportedError",
    "ObjectAlreadyExistsError",
    "ObjectNotFoundError",
    "OperationCancelledError",
    "OutOfMemoryError",
    "ProviderAlreadyRegisteredError",
    "ProviderError",
    "ProviderInUseError",
    "ProviderNotRegisteredError",
    "ProviderVetoError",
    "RebootRequiredError",
    "RecoveryError",
    "ReentrantCallError",
    "RemoteServerError",
    "ResyncInProgressError",
    "RevertInProgressError",
    "RevertVolumeLostError",
    "SecurityTooLateError",
    "SnapshotError",
    "SnapshotNotInSetError",
    "SnapshotSetInProgressError",
    "StorageError",
    "StorageInUseError",
    "SystemRecoveryError",
    "TransactionTimeoutError",
    "UnexpectedError",
    "UnexpectedProviderError",
    "UnexpectedWriterError",
    "UnselectedVolumeError",
    "UnspecifiedError",
    "UnsupportedContextError",
    "UnsupportedPlatformError",
    "VolumeNotLocalError",
    "VolumeNotSupportedByProviderError",
    "VolumeNotSupportedError",
    "VssError",
    "WaitTimeoutError",
    "WriterAlreadySubscribedError",
    "WriterError",
    "WriterInconsistentSnapshotError",
    "WriterInfrastructureError",
    "WriterNonRetryableError",
    "WriterNotRespondingError",
    "WriterOutOfResourcesError",
    "WriterPartialFailureError",
    "WriterRecoveryFailedError",
    "WriterRetryableError",
    "WriterStatusNotAvailableError",
    "WriterTimeoutError",
    "WritersFailedError",
    "from_hresult",
    "lookup",
    "writer_error",
]

# --- what vsspy itself refuses -----------------------------------------------------------------------------------------


class ClosedError(OwnError, codes=("VSSPY_E_CLOSED",)):
    """The object was closed, or the interpreter is shutting down."""

    hint = "Make a new object: one IVssBackupComponents serves one backup and is not used again."


class ForkedError(OwnError, codes=("VSSPY_E_FORKED",)):
    """The object was made before a fork and is used in the child."""

    hint = 'Make the object in the process that uses it, or start processes with the method "spawn".'


class ReentrantCallError(OwnError, codes=("VSSPY_E_REENTERED",)):
    """A session was used from inside the callback of one of its own writers, which would wait for itself."""

    hint = "Let the callback return first; hand what is to be done to the thread that runs the session."


class UnsupportedPlatformError(OwnError, codes=("VSSPY_E_UNSUPPORTED_PLATFORM",)):
    """There is no VSS on this system."""

    hint = "VSS exists on Windows only; vsspy.simulator.running(...) stands in for it anywhere."


class WaitTimeoutError(OwnError, TimeoutError, codes=("ERROR_TIMEOUT",)):
    """The time-out of a wait is over. The operation goes on: wait again, or cancel it."""

    hint = "Wait again with a longer time-out, or cancel the operation and wait for its end."
    _errno = errno.ETIMEDOUT


# --- what any method may answer ----------------------------------------------------------------------------------------


class AccessDeniedError(VssError, PermissionError, codes=("E_ACCESSDENIED",)):
    """The caller is neither an administrator nor a holder of the backup privilege."""

    hint = "Run elevated, as an administrator or a member of Backup Operators."
    _errno = errno.EACCES


class InvalidArgumentError(VssError, ValueError, codes=("E_INVALIDARG", "E_POINTER")):
    """An argument is not valid."""

    hint = "Check the arguments: a volume name ends with a backslash, ids and enum values must be known ones."
    _errno = errno.EINVAL


class OutOfMemoryError(VssError, MemoryError, codes=("E_OUTOFMEMORY",)):
    """Memory or another system resource ran out."""

    hint = "Free memory, or let other work finish first, and try again."
    retryable = True
    _errno = errno.ENOMEM


class NotSupportedError(VssError, NotImplementedError, codes=("E_NOTIMPL", "E_NOINTERFACE", "VSS_E_NOT_SUPPORTED")):
    """The system, the provider or vsspy does not have what was asked for."""

    hint = "Do without it, or use a system that has it."
    _errno = errno.ENOSYS


class BadStateError(VssError, codes=("VSS_E_BAD_STATE",)):
    """The call is not allowed now. ``missing_call`` names the method that was probably not called (or waited for)
    before, where that can be told from what was called."""

    hint = "Make the calls in VSS's order; one object serves one backup."
    missing_call: str | None = None


class UnexpectedError(VssError, codes=("VSS_E_UNEXPECTED", "E_UNEXPECTED")):
    """An unforeseen failure inside VSS; systems before Windows 7 and Server 2008 R2 report it as E_UNEXPECTED."""


class UnspecifiedError(VssError, codes=("E_FAIL",)):
    """A failure without a reason."""


class AbortedError(VssError, codes=("E_ABORT",)):
    """The operation was aborted."""

    hint = "Start again with a new object."


class OperationCancelledError(VssError, codes=("VSS_S_ASYNC_CANCELLED",)):
    """An asynchronous operation ended because it was cancelled."""

    hint = "Nothing is wrong: somebody asked for it. Start again with a new object."


class ObjectNotFoundError(VssError, LookupError, codes=("VSS_E_OBJECT_NOT_FOUND",)):
    """The volume, shadow copy, component or index does not exist, or is not visible in this context."""

    hint = "Check the name or id; list what exists with query(), and mind that a context hides what belongs to others."
    _errno = errno.ENOENT


class ObjectAlreadyExistsError(VssError, codes=("VSS_E_OBJECT_ALREADY_EXISTS",)):
    """The volume is in the set already, or the component in the document."""

    hint = "Add each volume and each component once."


class SecurityTooLateError(VssError, codes=("RPC_E_TOO_LATE",)):
    """CoInitializeSecurity comes too late: the process has its COM security already."""

    hint = (
        "Call vsspy.initialize_security() before anything else uses COM in this process. Without it writers may be "
        "refused when they call back (event 8194 in the Application log), although the backup may go on."
    )


class RebootRequiredError(VssError, codes=("VSS_E_REBOOT_REQUIRED",)):
    """The computer must restart after this operation."""

    hint = "Restart the computer."


# --- families ----------------------------------------------------------------------------------------------------------


class DocumentError(VssError):
    """Something is wrong with a Backup Components Document or a Writer Metadata Document."""


class ProviderError(VssError):
    """A failure of, or around, the provider that makes the shadow copies."""


class SnapshotError(VssError):
    """A shadow copy cannot be made, imported, exposed, broken off or reverted to."""


class StorageError(VssError):
    """A failure of the place where shadow copies are kept."""


class WriterError(VssError):
    """A failure of a writer, or on the way to writers. ``writer`` is its status where one writer is meant."""

    writer: WriterStatus | None = None


class RecoveryError(VssError):
    """A failure of automated system recovery, or of disks and clusters during a recovery."""


# --- documents ---------------------------------------------------------------------------------------------------------


class InvalidXmlDocumentError(DocumentError, codes=("VSS_E_INVALID_XML_DOCUMENT", "VSS_E_CORRUPT_XML_DOCUMENT")):
    """The XML is malformed or breaks the schema of VSS."""

    hint = "Use the document exactly as it was saved: VSS supports no editing of it."


class NontransportableDocumentError(DocumentError, codes=("VSS_E_NONTRANSPORTABLE_BCD",)):
    """The document does not describe a transportable shadow copy."""

    hint = "Create the shadow copies with the attribute TRANSPORTABLE and save that document."


# --- providers ---------------------------------------------------------------------------------------------------------


class ProviderAlreadyRegisteredError(ProviderError, codes=("VSS_E_PROVIDER_ALREADY_REGISTERED",)):
    """A provider with that id is registered."""


class ProviderNotRegisteredError(ProviderError, codes=("VSS_E_PROVIDER_NOT_REGISTERED",)):
    """No provider with that id is registered."""

    hint = "List the providers with query_providers(), or pass no provider id and let VSS choose."


class ProviderInUseError(ProviderError, codes=("VSS_E_PROVIDER_IN_USE",)):
    """The provider is busy."""

    hint = "Wait until its shadow copies are done."
    retryable = True


class ProviderVetoError(ProviderError, codes=("VSS_E_PROVIDER_VETO",)):
    """The provider refused, or failed in a way that it logged itself."""

    hint = "The provider has logged the reason in the event log. Try again in ten minutes, three times at most."
    retryable = True


class UnexpectedProviderError(ProviderError, codes=("VSS_E_UNEXPECTED_PROVIDER_ERROR",)):
    """The provider answered with an error that VSS did not expect."""

    hint = "Look for the provider's own messages in the event log. Try again in ten minutes, three times at most."
    retryable = True


class VolumeNotSupportedByProviderError(ProviderError, codes=("VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER",)):
    """The chosen provider cannot make a shadow copy of the volume."""

    hint = "Pass no provider id and let VSS choose one."


class LegacyProviderError(ProviderError, codes=("VSS_E_LEGACY_PROVIDER",)):
    """The hardware provider is older than this feature."""

    hint = "Update the hardware provider."


# --- shadow copies -----------------------------------------------------------------------------------------------------


class VolumeNotSupportedError(SnapshotError, codes=("VSS_E_VOLUME_NOT_SUPPORTED",)):
    """No provider can make a shadow copy of the volume."""

    hint = "Shadow copies need a local volume that a provider supports; leave this one out of the set."


class UnsupportedContextError(SnapshotError, codes=("VSS_E_UNSUPPORTED_CONTEXT",)):
    """The provider does not know shadow copies of that context."""

    hint = "Use another context, or another provider."


class NestedVolumeLimitError(SnapshotError, codes=("VSS_E_NESTED_VOLUME_LIMIT",)):
    """The volume lies on virtual disks nested too deeply."""

    hint = "Back up the volume that holds the virtual disk instead."


class VolumeNotLocalError(SnapshotError, codes=("VSS_E_VOLUME_NOT_LOCAL",)):
    """The volume is not mounted on this computer."""

    hint = "Run on the cluster node that owns the volume."


class SnapshotSetInProgressError(SnapshotError, codes=("VSS_E_SNAPSHOT_SET_IN_PROGRESS",)):
    """Another shadow copy set is being created; the computer makes one at a time."""

    hint = "Try again when the other requester is done; a set of a requester that died goes after a while."
    retryable = True


class MaximumVolumesError(SnapshotError, codes=("VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED",)):
    """The set holds its maximum of 64 volumes."""

    hint = "Back up in several sets."


class MaximumSnapshotsError(SnapshotError, codes=("VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED",)):
    """The volume has its maximum number of shadow copies."""

    hint = "Delete shadow copies that are no longer needed."


class MaximumRemoteMachinesError(SnapshotError, codes=("VSS_E_MAXIMUM_NUMBER_OF_REMOTE_MACHINES_REACHED",)):
    """The set spans too many remote computers."""

    hint = "Back up in several sets."


class FlushWritesTimeoutError(SnapshotError, codes=("VSS_E_FLUSH_WRITES_TIMEOUT",)):
    """Flushing the volume took too long, usually under heavy load."""

    hint = "Try again at a quieter time: in ten minutes, three times at most."
    retryable = True


class HoldWritesTimeoutError(SnapshotError, codes=("VSS_E_HOLD_WRITES_TIMEOUT",)):
    """Writes could not be held long enough, usually under heavy load."""

    hint = "Try again at a quieter time: in ten minutes, three times at most."
    retryable = True


class TransactionTimeoutError(
    SnapshotError, codes=("VSS_E_TRANSACTION_FREEZE_TIMEOUT", "VSS_E_TRANSACTION_THAW_TIMEOUT")
):
    """A transaction manager could not be frozen or thawed in time."""

    hint = "Try again when fewer transactions run."
    retryable = True


class ClusterTimeoutError(SnapshotError, codes=("VSS_E_CLUSTER_TIMEOUT",)):
    """Preparing a cluster shared volume took too long."""

    hint = "Try again when the cluster has less to do."
    retryable = True


class FileShareTimeoutError(SnapshotError, codes=("VSS_E_FSS_TIMEOUT",)):
    """Preparing the shadow copy of a file share took too long."""

    hint = "Try again when the file server has less to do."
    retryable = True


class RemoteServerError(SnapshotError, codes=("VSS_E_REMOTE_SERVER_UNAVAILABLE", "VSS_E_REMOTE_SERVER_UNSUPPORTED")):
    """The remote server cannot be reached, or cannot create shadow copies remotely."""

    hint = "Check that the server runs, and that it has the File Server VSS Agent Service."


class ImportFailedError(SnapshotError, codes=("VSS_E_NO_SNAPSHOTS_IMPORTED", "VSS_E_SOME_SNAPSHOTS_NOT_IMPORTED")):
    """An import left out some shadow copies, or all."""

    hint = "Check that the disks of the shadow copies are visible to this computer."


class SnapshotNotInSetError(SnapshotError, codes=("VSS_E_SNAPSHOT_NOT_IN_SET",)):
    """The shadow copy is not in the Backup Components Document of the set."""


class UnselectedVolumeError(SnapshotError, codes=("VSS_E_UNSELECTED_VOLUME",)):
    """The operation would overwrite a volume that was not chosen."""


class RevertInProgressError(SnapshotError, codes=("VSS_E_REVERT_IN_PROGRESS",)):
    """The volume is being reverted."""

    hint = "Wait until the revert is done."
    retryable = True


class RevertVolumeLostError(SnapshotError, codes=("VSS_E_REVERT_VOLUME_LOST",)):
    """The volume disappeared while it was reverted."""


class DiskIdentityError(SnapshotError, codes=("VSS_E_BREAK_REVERT_ID_FAILED", "VSS_E_CANNOT_REVERT_DISKID")):
    """The identity of a disk could not be restored."""

    hint = "Another disk may have the same signature or GPT id."


class MissingDiskError(
    SnapshotError, codes=("VSS_E_MISSING_DISK", "VSS_E_MISSING_HIDDEN_VOLUME", "VSS_E_MISSING_VOLUME")
):
    """A disk or volume that was expected did not appear."""

    hint = "Check the connections of the disks, and rescan."


class AutorecoveryError(SnapshotError, codes=("VSS_E_AUTORECOVERY_FAILED",)):
    """Writers could not bring their data on the shadow copy into order."""


class ResyncInProgressError(SnapshotError, codes=("VSS_E_RESYNC_IN_PROGRESS",)):
    """Another LUN resynchronisation is running."""

    hint = "Wait until it is done."
    retryable = True


# --- storage -----------------------------------------------------------------------------------------------------------


class InsufficientStorageError(StorageError, codes=("VSS_E_INSUFFICIENT_STORAGE",)):
    """There is too little space for the shadow copy."""

    hint = "Free space on the volume, give the shadow copy storage more of it, or put it on another volume."


class StorageInUseError(StorageError, codes=("VSS_E_VOLUME_IN_USE",)):
    """The volume or its shadow copy storage is in use."""

    hint = "Delete the shadow copies that use it first."


class MaximumStorageAssociationsError(StorageError, codes=("VSS_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED",)):
    """The limit of storage associations is reached."""


# --- writers -----------------------------------------------------------------------------------------------------------


class UnexpectedWriterError(WriterError, codes=("VSS_E_UNEXPECTED_WRITER_ERROR",)):
    """An unforeseen failure while events were sent to writers."""


class WriterInfrastructureError(WriterError, codes=("VSS_E_WRITER_INFRASTRUCTURE",)):
    """Writers cannot be reached."""

    hint = "Check that the services Volume Shadow Copy and COM+ Event System run."


class WriterNotRespondingError(WriterError, codes=("VSS_E_WRITER_NOT_RESPONDING",)):
    """A writer did not answer: it ended, or it hangs."""

    hint = "Restart the writer's service."


class WriterStatusNotAvailableError(WriterError, codes=("VSS_E_WRITER_STATUS_NOT_AVAILABLE",)):
    """A writer has no status; it may have used up its sessions, where requesters left theirs open."""

    hint = "Restart the writer's service; ask for the writers' status after each BackupComplete."


class WriterAlreadySubscribedError(WriterError, codes=("VSS_E_WRITER_ALREADY_SUBSCRIBED",)):
    """A writer subscribed a second time."""


class WriterInconsistentSnapshotError(WriterError, codes=("VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT",)):
    """The set lacks volumes that the writer needs for the chosen components."""

    hint = "Add the volumes of all files of the chosen components, or leave those components out."


class WriterOutOfResourcesError(WriterError, codes=("VSS_E_WRITERERROR_OUTOFRESOURCES",)):
    """The writer ran out of memory or other resources."""

    hint = "Try again in ten minutes, three times at most."
    retryable = True


class WriterTimeoutError(WriterError, codes=("VSS_E_WRITERERROR_TIMEOUT",)):
    """The writer was frozen longer than it allows."""

    hint = "Try again at a quieter time: in ten minutes, three times at most."
    retryable = True


class WriterRetryableError(WriterError, codes=("VSS_E_WRITERERROR_RETRYABLE",)):
    """The writer failed, and may well succeed in another attempt."""

    hint = "Try again in ten minutes, three times at most."
    retryable = True


class WriterNonRetryableError(WriterError, codes=("VSS_E_WRITERERROR_NONRETRYABLE",)):
    """The writer failed, and will probably fail again."""

    hint = "Look for the messages of the writer's service in the event log; restarting the service may help."


class WriterPartialFailureError(WriterError, codes=("VSS_E_WRITERERROR_PARTIAL_FAILURE",)):
    """Some components of the writer failed."""

    hint = "Look at the failures of its components."


class WriterRecoveryFailedError(WriterError, codes=("VSS_E_WRITERERROR_RECOVERY_FAILED",)):
    """The writer could not bring its data on the shadow copy into order."""


def writer_error(status: WriterStatus, operation: str | None = None) -> WriterError:
    """The error that a writer's status stands for, with ``writer`` set.

    Args:
        status: the status of a writer that failed.
        operation: the call after which it was asked for.
    """
    cls = lookup(status.failure)
    name = status.failure_name if status.failure else status.state.name
    detail = f"{status.name} failed: {name}, state {status.state.name}"
    if status.application_message:
        detail += f", {status.application_message}"
    code = status.failure or CODES["VSS_E_UNEXPECTED_WRITER_ERROR"]
    error = (cls if issubclass(cls, WriterError) else WriterError)(code, operation, detail=detail)
    error.writer = status
    return error


class WritersFailedError(VssError, ExceptionGroup[WriterError]):
    """Writers failed, and the session must stop because of them: a group of one :class:`WriterError` each."""

    hint = "See the hint of each writer's error."

    def __new__(cls, message: str, exceptions: Sequence[WriterError], *, operation: str | None = None) -> Self:
        return super().__new__(cls, message, exceptions)

    def __init__(self, message: str, exceptions: Sequence[WriterError], *, operation: str | None = None) -> None:
        super().__init__(exceptions[0].hresult, operation, detail=message)
        self.args = (message, exceptions)
        self.retryable = all(error.retryable for error in exceptions)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.exceptions), self.__dict__

    def derive(self, exceptions: Sequence[WriterError]) -> Self:  # type: ignore[override]  # its errors are writers'
        return type(self)(self.message, exceptions, operation=self.operation)


# --- recovery ----------------------------------------------------------------------------------------------------------


class ClusterError(RecoveryError, codes=("VSS_E_CLUSTER_ERROR",)):
    """Clustered disks could not be listed or put into maintenance mode."""


class DynamicDiskError(RecoveryError, codes=("VSS_E_DYNAMIC_DISK_ERROR",)):
    """A failure with dynamic disks."""


class CriticalVolumeError(RecoveryError, codes=("VSS_E_CRITICAL_VOLUME_ON_INVALID_DISK",)):
    """A critical volume is on a disk that cannot be covered."""


class SystemRecoveryError(RecoveryError, codes=tuple(name for name in CODES if name.startswith("VSS_E_ASRERROR_"))):
    """Automated system recovery cannot set up the disks; the code says why."""

    hint = "Compare the disks of this computer with those of the one that was backed up."
