"""What COM answers on the way to the service; any method may (semantics 1.7)."""

from __future__ import annotations

from ._base import VssError


class ComError(
    VssError,
    codes=(
        "RPC_E_SYS_CALL_FAILED",
        "RPC_E_FAULT",
        "RPC_E_SERVERFAULT",
        "RPC_E_INVALIDMETHOD",
        "RPC_E_INVALID_OBJECT",
        "RPC_E_UNEXPECTED",
    ),
):
    """COM could not carry the call to the service, or its answer back."""

    hint = "Start again with a new object; if it comes again, restart the service Volume Shadow Copy."


class ServiceUnavailableError(
    ComError,
    codes=(
        "RPC_S_SERVER_UNAVAILABLE",
        "RPC_S_CALL_FAILED_DNE",
        "RPC_E_SERVER_DIED_DNE",
        "CO_E_SERVER_EXEC_FAILURE",
        "CO_E_SERVER_STOPPING",
        "CO_E_APPDIDNTREG",
        "ERROR_SERVICE_REQUEST_TIMEOUT",
        "ERROR_SERVICE_DISABLED",
        "ERROR_SERVICE_DOES_NOT_EXIST",
        "ERROR_SERVICE_NOT_ACTIVE",
        "ERROR_SHUTDOWN_IN_PROGRESS",
    ),
):
    """The service does not run and could not be started, or cannot be reached."""

    hint = "See that the services Volume Shadow Copy and COM+ Event System exist and are not disabled."


class ConnectionLostError(
    ComError,
    codes=(
        "RPC_E_SERVER_DIED",
        "RPC_E_CONNECTION_TERMINATED",
        "RPC_E_DISCONNECTED",
        "RPC_E_TIMEOUT",
        "RPC_S_CALL_FAILED",
        "CO_E_OBJNOTCONNECTED",
    ),
):
    """The service went away, perhaps in the middle of the call: what it did of it is not known."""

    hint = "Look at what exists with a new object, delete what was left over, and start again."


class CallRejectedError(
    ComError,
    codes=(
        "RPC_E_CALL_REJECTED",
        "RPC_E_RETRY",
        "RPC_E_SERVERCALL_RETRYLATER",
        "RPC_E_SERVERCALL_REJECTED",
        "RPC_S_SERVER_TOO_BUSY",
    ),
):
    """The service was too busy to take the call."""

    hint = "Make the call again a little later."
    retryable = True


class ClassNotRegisteredError(
    ComError,
    codes=(
        "REGDB_E_CLASSNOTREG",
        "REGDB_E_IIDNOTREG",
        "CLASS_E_CLASSNOTAVAILABLE",
        "CO_E_DLLNOTFOUND",
        "CO_E_ERRORINDLL",
    ),
):
    """This system does not have the COM class or interface, or its registration is broken."""

    hint = "Managing storage areas needs a Server edition; elsewhere the registration of VSS needs repair."


class ApartmentError(
    ComError,
    codes=(
        "CO_E_NOTINITIALIZED",
        "RPC_E_CHANGED_MODE",
        "RPC_E_WRONG_THREAD",
        "RPC_E_THREAD_NOT_INIT",
        "RPC_E_CANTCALLOUT_ININPUTSYNCCALL",
    ),
):
    """The call was made on a thread that COM does not allow it on."""

    hint = (
        "Make the call on a thread of your own, not on one that serves windows or that another library set up for COM."
    )
