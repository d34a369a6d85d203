"""Failures to make, import, expose, break off or revert to shadow copies."""

from __future__ import annotations

from ._base import VssError


class SnapshotError(VssError):
    """A shadow copy cannot be made, imported, exposed, broken off or reverted to."""

    hint = "Look at the Application and System event logs, sources VSS and VolSnap; start again with a new object."


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

    hint = "Load the document of the set that the shadow copy belongs to, as it was saved after DoSnapshotSet."


class UnselectedVolumeError(SnapshotError, codes=("VSS_E_UNSELECTED_VOLUME",)):
    """The operation would overwrite a volume that was not chosen."""

    hint = "Add a shadow copy of every volume of the disks concerned to the recovery set, or none of them."


class RevertInProgressError(SnapshotError, codes=("VSS_E_REVERT_IN_PROGRESS",)):
    """The volume is being reverted."""

    hint = "Wait until the revert is done."
    retryable = True


class RevertVolumeLostError(SnapshotError, codes=("VSS_E_REVERT_VOLUME_LOST",)):
    """The volume disappeared while it was reverted."""

    hint = "Check that the volume is mounted and online again; whether it was reverted is not known."


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

    hint = "Look for the messages of the writers in the event log, and create the set again."


class ResyncInProgressError(SnapshotError, codes=("VSS_E_RESYNC_IN_PROGRESS",)):
    """Another LUN resynchronisation is running."""

    hint = "Wait until it is done."
    retryable = True
