"""Failures of disks, volumes and storage areas."""

from __future__ import annotations

from ._base import VssError


class StorageError(VssError):
    """A failure of a disk or volume, or of the place where shadow copies are kept."""

    hint = "Look at the System event log, sources VolSnap and Disk."


class InsufficientStorageError(
    StorageError, codes=("VSS_E_INSUFFICIENT_STORAGE", "ERROR_DISK_FULL", "ERROR_HANDLE_DISK_FULL")
):
    """There is too little space for the shadow copy."""

    hint = (
        "Delete old shadow copies, free space on the volume, give the shadow copy storage more of it, or put it on another "
        "volume."
    )


class StorageInUseError(StorageError, codes=("VSS_E_VOLUME_IN_USE", "ERROR_SHARING_VIOLATION", "ERROR_BUSY")):
    """The volume or its shadow copy storage is in use."""

    hint = "Close what uses the volume, or force the dismount of a revert; delete shadow copies before their storage."


class MaximumStorageAssociationsError(StorageError, codes=("VSS_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED",)):
    """The volume has its maximum number of storage associations."""

    hint = "Remove an association (a maximum size of 0) before another is added."


class DeviceError(
    StorageError,
    codes=(
        "ERROR_NOT_READY",
        "ERROR_CRC",
        "ERROR_GEN_FAILURE",
        "ERROR_SEM_TIMEOUT",
        "ERROR_IO_DEVICE",
        "ERROR_DEVICE_NOT_CONNECTED",
        "ERROR_WRITE_PROTECT",
    ),
):
    """The disk does not answer as it should: not ready, not connected, or it fails to read or write."""

    hint = "Check the disk and its connection (System event log, source Disk), and leave empty drives out of the set."
