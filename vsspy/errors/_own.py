"""What vsspy itself refuses."""

from __future__ import annotations

import errno

from ._base import OwnError


class ClosedError(OwnError, codes=("VSSPY_E_CLOSED",)):
    """The object was closed, or the interpreter is shutting down."""

    hint = "Make a new object: one IVssBackupComponents serves one backup and is not used again."


class ForkedError(OwnError, codes=("VSSPY_E_FORKED",)):
    """The object was made before a fork and is used in the child."""

    hint = 'Make the object in the process that uses it, or start processes with the method "spawn".'


class ReentrantCallError(OwnError, codes=("VSSPY_E_REENTERED",)):
    """A session was used from inside the callback of one of its own writers, which would wait for itself."""

    hint = "Let the callback return first; hand what is to be done to the thread that runs the session."


class StaleViewError(OwnError, codes=("VSSPY_E_STALE",)):
    """The view is of the Backup Components Document as it was before PrepareForBackup, DoSnapshotSet, BackupComplete,
    PreRestore or PostRestore, which let writers change it (semantics 2.6)."""

    hint = "Fetch it again from writer_components, once the operation that changed the document is over."


class UnsupportedPlatformError(OwnError, codes=("VSSPY_E_UNSUPPORTED_PLATFORM",)):
    """There is no VSS on this system."""

    hint = "VSS exists on Windows only; vsspy.simulator.running(...) stands in for it anywhere."


class WaitTimeoutError(OwnError, TimeoutError, codes=("ERROR_TIMEOUT",)):
    """The time-out of a wait is over. The operation goes on: wait again, or cancel it."""

    hint = "Wait again with a longer time-out, or cancel the operation and wait for its end."
    _errno = errno.ETIMEDOUT
