"""Failures of writers, alone and in a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from .._codes import CODES
from ._base import VssError, lookup

if TYPE_CHECKING:
    from ..backup_components import WriterStatus


class WriterError(VssError):
    """A failure of a writer, or on the way to writers. ``writer`` is its status where one writer is meant."""

    hint = "Look at the status of each writer, and for the messages of its service in the event log."
    writer: WriterStatus | None = None


class UnexpectedWriterError(WriterError, codes=("VSS_E_UNEXPECTED_WRITER_ERROR",)):
    """An unforeseen failure while events were sent to writers."""

    hint = "Look for messages of VSS and of the writers in the event log, and at the status of each writer."


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

    hint = "A defect of the writer, not of the requester: restart or update its service."


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

    hint = "Look for the messages of the writer's service in the event log; the data needs its own check."


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


writer_error.__module__ = VssError.__module__
