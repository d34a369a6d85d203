"""What a test sets of a simulated machine's storage, which management of shadow copies is about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .enums import ProtectionFault
from .errors import InvalidArgumentError, ObjectNotFoundError

if TYPE_CHECKING:
    from . import _simulator

_MEGABYTE = 1 << 20
_MOST = (1 << 63) - 1
_MOST_SHADOW_COPIES = 512


class SimulatedStorage:
    """The part of :class:`vsspy.simulator.Machine` that is about where shadow copies are stored."""

    volumes: Mapping[str, Path]
    _handle: _simulator.MachineHandle

    def _check_open(self, operation: str) -> None:
        raise NotImplementedError

    def set_volume_qualities(
        self,
        volume: str,
        *,
        total_space: int | None = None,
        free_space: int | None = None,
        ntfs: bool = True,
        nested: bool = False,
        cluster_shared: bool = False,
    ) -> None:
        """Let a volume be larger, fuller or of another file system than its folder; what is not given is the folder's.

        Args:
            volume: a key of :attr:`volumes`.
            total_space, free_space: bytes; None for what the folder's file system says.
            ntfs: False for a volume of another file system, which takes neither storage areas nor persistent shadow
                copies (semantics 6).
            nested: True for a volume on virtual disks that are nested deeper than VSS supports
                (``VSS_E_NESTED_VOLUME_LIMIT``).
            cluster_shared: True for a cluster shared volume, or a share of a scale-out file server: while a snapshot
                set with a volume of the same folder is under creation on one machine of this process, the others'
                AddToSnapshotSet is refused with ``VSS_E_SNAPSHOT_SET_IN_PROGRESS`` (semantics 5).

        Raises:
            ObjectNotFoundError: no such volume.
            InvalidArgumentError: a negative size, or one of more than 63 bits.
            ClosedError: the machine is closed.
        """
        self._check("set_volume_qualities", volume)
        total, free = (
            -1 if size is None else _size(size, "set_volume_qualities") for size in (total_space, free_space)
        )
        self._handle.set_volume_qualities(volume, total, free, ntfs, nested, cluster_shared)

    def set_max_shadow_copies(self, count: int) -> None:
        """Set the registry's ``MaxShadowCopies``: how many client-accessible shadow copies a volume has at most.

        What the service does with one more is not documented; here the oldest goes, as schedulers do it (semantics 5).

        Args:
            count: 1 to 512; 64 unless set.

        Raises:
            InvalidArgumentError: another number.
            ClosedError: the machine is closed.
        """
        self._check_open("set_max_shadow_copies")
        if not 1 <= count <= _MOST_SHADOW_COPIES:
            detail = f"{count}: from 1 to {_MOST_SHADOW_COPIES}"
            raise InvalidArgumentError("E_INVALIDARG", "Machine.set_max_shadow_copies", detail=detail)
        self._handle.set_client_accessible(count)

    def set_minimum_storage(self, size: int | None) -> None:
        """Set the registry's ``MinDiffAreaFileSize``, the least maximum of a storage area (semantics 5).

        Args:
            size: bytes, which the registry has in MB and VSS rounds up to a multiple of 32 MB; None: not set.

        Raises:
            InvalidArgumentError: not a size, or too large for the registry.
            ClosedError: the machine is closed.
        """
        self._check_open("set_minimum_storage")
        megabytes = 0 if size is None else -(-_size(size, "set_minimum_storage") // _MEGABYTE)
        if megabytes >> 32 or size == 0:
            raise InvalidArgumentError("E_INVALIDARG", "Machine.set_minimum_storage", detail=f"{size} bytes")
        self._handle.set_minimum_storage(megabytes)

    def fail_storage(self, volume: str, fault: ProtectionFault, failure_status: int = 0) -> None:
        """Let the storage of a volume's shadow copies fail.

        A volume at ``ProtectionLevel.SNAPSHOT`` goes offline and keeps its shadow copies; another one loses them, and
        the files that held them are left unused on the storage volume.

        Args:
            volume: a key of :attr:`volumes`; the one that the shadow copies are of.
            fault: what happened.
            failure_status: the NTSTATUS behind it, unsigned; 0 for none.

        Raises:
            ObjectNotFoundError: no such volume.
            InvalidArgumentError: ``failure_status`` does not have 32 bits.
            ClosedError: the machine is closed.
        """
        self._check("fail_storage", volume)
        if not 0 <= failure_status < 1 << 32:
            detail = f"failure_status={failure_status}: 32 bits"
            raise InvalidArgumentError("E_INVALIDARG", "Machine.fail_storage", detail=detail)
        signed = failure_status - (1 << 32) if failure_status >> 31 else failure_status
        self._handle.fail_storage(volume, int(fault), signed)

    def _check(self, operation: str, volume: str) -> None:
        self._check_open(operation)
        if volume not in self.volumes:
            detail = f"{volume!r} is none of {', '.join(self.volumes)}"
            raise ObjectNotFoundError("VSS_E_OBJECT_NOT_FOUND", f"Machine.{operation}", detail=detail)


def _size(size: int, operation: str) -> int:
    if not 0 <= size <= _MOST:
        raise InvalidArgumentError("E_INVALIDARG", f"Machine.{operation}", detail=f"{size} bytes")
    return size
