"""What VSS says about a volume without a session: the entry points IsVolumeSnapshotted and ShouldBlockRevert."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import _core
from ._backend import resolve
from .enums import SnapshotCompatibility

if TYPE_CHECKING:
    from .simulator import Machine

__all__ = ["VolumeSnapshotted", "is_volume_snapshotted", "should_block_revert"]


@dataclass(frozen=True, slots=True)
class VolumeSnapshotted:
    """What :func:`is_volume_snapshotted` finds.

    Attributes:
        present: True where shadow copies of the volume exist.
        compatibility: what cannot be done with the volume as long as they do; zero where nothing is disabled.
    """

    present: bool
    compatibility: SnapshotCompatibility


def is_volume_snapshotted(volume: str, backend: Machine | str | None = None) -> VolumeSnapshotted:
    r"""Tell whether a volume has shadow copies, and what they stand in the way of (``IsVolumeSnapshotted``).

    Args:
        volume: ``C:\\``, a mounted folder, or a volume GUID path; with a final backslash.
        backend: as for :class:`~vsspy.BackupComponents`.

    Raises:
        ObjectNotFoundError: no such volume.
        InvalidArgumentError: the name is no name of a volume.
        AccessDeniedError: the caller is no administrator and lacks the backup privilege.
        ProviderVetoError, UnexpectedProviderError: the provider's part failed.
        UnsupportedPlatformError: there is no VSS here, and no simulated machine in use.
    """
    present, compatibility = _core.is_volume_snapshotted(resolve(backend).platform, volume)
    return VolumeSnapshotted(present, SnapshotCompatibility(compatibility))


def should_block_revert(volume: str, backend: Machine | str | None = None) -> bool:
    r"""Tell whether a writer objects to reverting a volume to a shadow copy (``ShouldBlockRevert``; Server editions).

    VSS looks at the writers that the registry lists in ``WritersBlockingRevert``, and at whether they have components
    on the volume (reference page). :meth:`~vsspy.BackupComponents.revert_to_snapshot` is for the others.

    Args:
        volume: ``C:\\``, a mounted folder, or a volume GUID path; with a final backslash.
        backend: as for :class:`~vsspy.BackupComponents`.

    Raises:
        InvalidArgumentError: the name is no name of a volume.
        AccessDeniedError: the caller is no administrator and lacks the backup privilege.
        UnsupportedPlatformError: there is no VSS here, and no simulated machine in use.
    """
    return _core.should_block_revert(resolve(backend).platform, volume)
