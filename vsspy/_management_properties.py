"""What VSS says about volumes and storage areas, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from .enums import ProtectionFault, ProtectionLevel

if TYPE_CHECKING:
    from . import _core

NO_MAXIMUM = -1
"""``VSS_ASSOC_NO_MAX_SPACE``: a storage area without a limit."""


@dataclass(frozen=True, slots=True)
class VolumeProperties:
    """A volume that can have shadow copies (``VSS_VOLUME_PROP``).

    Attributes:
        volume_name: as a volume GUID path with its final backslash.
        display_name: the drive or mounted folder that people know it by.
    """

    volume_name: str
    display_name: str

    @classmethod
    def _of(cls, raw: _core._RawVolume) -> Self:
        name, display_name = raw
        return cls(name or "", display_name or "")


@dataclass(frozen=True, slots=True)
class DiffVolumeProperties:
    """A volume that can store shadow copies (``VSS_DIFF_VOLUME_PROP``).

    Attributes:
        volume_name: as a volume GUID path with its final backslash.
        display_name: the drive or mounted folder that people know it by.
        free_space, total_space: bytes.
    """

    volume_name: str
    display_name: str
    free_space: int
    total_space: int

    @classmethod
    def _of(cls, raw: _core._RawDiffVolume) -> Self:
        name, display_name, free, total = raw
        return cls(name or "", display_name or "", free, total)


@dataclass(frozen=True, slots=True)
class DiffAreaProperties:
    """A storage area: the association of a volume with the volume that stores its shadow copies
    (``VSS_DIFF_AREA_PROP``).

    Attributes:
        volume_name: the volume whose shadow copies it holds, as a volume GUID path.
        diff_area_volume_name: the volume it lies on.
        maximum_diff_space: bytes it may take; None for no limit (``VSS_ASSOC_NO_MAX_SPACE``).
        allocated_diff_space, used_diff_space: bytes it takes on the volume, and those of them that hold something.
    """

    volume_name: str
    diff_area_volume_name: str
    maximum_diff_space: int | None
    allocated_diff_space: int
    used_diff_space: int

    @classmethod
    def _of(cls, raw: _core._RawDiffArea) -> Self:
        volume, storage, maximum, allocated, used = raw
        return cls(volume or "", storage or "", None if maximum == NO_MAXIMUM else maximum, allocated, used)


@dataclass(frozen=True, slots=True)
class VolumeProtectionInfo:
    """How a volume and its shadow copies are protected from each other (``VSS_VOLUME_PROTECTION_INFO``).

    Attributes:
        level: which of the two is kept when not both can be.
        offline_for_protection: True where the volume was taken offline to keep its shadow copies.
        fault: why.
        failure_status: the NTSTATUS behind the fault, unsigned; 0 for none.
        has_unused_diff_area: True where storage of shadow copies that are gone lies on the volume.
    """

    level: ProtectionLevel
    offline_for_protection: bool
    fault: ProtectionFault
    failure_status: int
    has_unused_diff_area: bool


@dataclass(frozen=True, slots=True)
class SnapshotDeltaBitmap:
    """What differs between two shadow copies, as the reserved ``QuerySnapshotDeltaBitmap`` gives it.

    Attributes:
        block_size: bytes for which a bit stands.
        length: of the bitmap. The unit is not documented; vsspy takes it for bits, so as never to read beyond the end.
        bitmap: the bits.
    """

    block_size: int
    length: int
    bitmap: bytes
