"""Failures of automated system recovery, and of disks and clusters in a recovery."""

from __future__ import annotations

from .._codes import CODES
from ._base import VssError


class RecoveryError(VssError):
    """A failure of automated system recovery, or of disks and clusters during a recovery."""

    hint = "Look at the System event log for the disks concerned."


class ClusterError(RecoveryError, codes=("VSS_E_CLUSTER_ERROR",)):
    """Clustered disks could not be listed or put into maintenance mode."""

    hint = "Check that the cluster service runs on this node and that the disks are online there."


class DynamicDiskError(RecoveryError, codes=("VSS_E_DYNAMIC_DISK_ERROR",)):
    """A failure with dynamic disks."""

    hint = "Check that all disks of the dynamic volumes are there and online."


class CriticalVolumeError(RecoveryError, codes=("VSS_E_CRITICAL_VOLUME_ON_INVALID_DISK",)):
    """A critical volume is on a disk that cannot be covered."""

    hint = "Move the volume to a disk that system recovery can recreate."


class SystemRecoveryError(RecoveryError, codes=tuple(name for name in CODES if name.startswith("VSS_E_ASRERROR_"))):
    """Automated system recovery cannot set up the disks; the code says why."""

    hint = "Compare the disks of this computer with those of the one that was backed up."
