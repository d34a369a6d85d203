"""What any method may answer."""

from __future__ import annotations

import errno

from ._base import VssError


class AccessDeniedError(
    VssError,
    PermissionError,
    codes=("E_ACCESSDENIED", "RPC_E_ACCESS_DENIED", "ERROR_PRIVILEGE_NOT_HELD"),
):
    """The caller is neither an administrator nor a holder of the backup privilege."""

    hint = "Run elevated, as an administrator or a member of Backup Operators."
    _errno = errno.EACCES


class InvalidArgumentError(VssError, ValueError, codes=("E_INVALIDARG", "E_POINTER", "E_HANDLE")):
    """An argument is not valid."""

    hint = "Check the arguments: a volume name ends with a backslash, ids and enum values must be known ones."
    _errno = errno.EINVAL


class OutOfMemoryError(
    VssError,
    MemoryError,
    codes=("E_OUTOFMEMORY", "RPC_E_OUT_OF_RESOURCES", "ERROR_NOT_ENOUGH_MEMORY", "ERROR_NO_SYSTEM_RESOURCES"),
):
    """Memory or another system resource ran out."""

    hint = "Free memory, or let other work finish first, and try again."
    retryable = True
    _errno = errno.ENOMEM


class NotSupportedError(
    VssError, NotImplementedError, codes=("E_NOTIMPL", "E_NOINTERFACE", "VSS_E_NOT_SUPPORTED", "ERROR_NOT_SUPPORTED")
):
    """The system, the provider or vsspy does not have what was asked for."""

    hint = "Do without it, or use a system that has it."
    _errno = errno.ENOSYS


class BadStateError(VssError, codes=("VSS_E_BAD_STATE",)):
    """The call is not allowed now. ``missing_call`` names the method that was probably not called (or waited for)
    before, where that can be told from what was called."""

    hint = "Make the calls in VSS's order; one object serves one backup or restore."
    missing_call: str | None = None


class UnexpectedError(VssError, codes=("VSS_E_UNEXPECTED", "E_UNEXPECTED")):
    """An unforeseen failure inside VSS; systems before Windows 7 and Server 2008 R2 report it as E_UNEXPECTED."""

    hint = "The service has logged the reason in the Application event log; start again with a new object."


class UnspecifiedError(VssError, codes=("E_FAIL",)):
    """A failure without a reason."""

    hint = "Look for messages of VSS and of the provider in the event logs; start again with a new object."


class AbortedError(VssError, codes=("E_ABORT", "RPC_E_CALL_CANCELED", "ERROR_CANCELLED")):
    """The operation was aborted."""

    hint = "Start again with a new object."


class OperationCancelledError(VssError, codes=("VSS_S_ASYNC_CANCELLED",)):
    """An asynchronous operation ended because it was cancelled."""

    hint = "Nothing is wrong: somebody asked for it. Start again with a new object."


class ObjectNotFoundError(
    VssError,
    LookupError,
    codes=("VSS_E_OBJECT_NOT_FOUND", "ERROR_FILE_NOT_FOUND", "ERROR_PATH_NOT_FOUND", "ERROR_NOT_FOUND"),
):
    """The volume, shadow copy, component or index does not exist, or is not visible in this context."""

    hint = (
        "Check the name or id: query() lists shadow copies and providers, writer_components what the document has. "
        "A context hides what belongs to others."
    )
    _errno = errno.ENOENT


class ObjectAlreadyExistsError(VssError, codes=("VSS_E_OBJECT_ALREADY_EXISTS", "ERROR_ALREADY_EXISTS")):
    """The volume is in the set already, the component or its metadata in the document, or the storage association."""

    hint = "Add each volume, each component and each storage association once."


class SecurityTooLateError(VssError, codes=("RPC_E_TOO_LATE",)):
    """CoInitializeSecurity comes too late: the process has its COM security already."""

    hint = (
        "Call vsspy.initialize_security() before anything else uses COM in this process. Without it writers may be "
        "refused when they call back (event 8194 in the Application log), although the backup may go on."
    )


class RebootRequiredError(VssError, codes=("VSS_E_REBOOT_REQUIRED",)):
    """The computer must restart after this operation."""

    hint = "Restart the computer."
