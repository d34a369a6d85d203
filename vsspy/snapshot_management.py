"""IVssSnapshotMgmt and IVssDifferentialSoftwareSnapshotMgmt with their extensions, one to one: what manages shadow
copies and the storage that they take, apart from any backup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

from . import _core as _native
from ._arguments import byte, enumeration, longlong, signed_mask
from ._async_operation import AsyncOperation
from ._backend import Backend, resolve
from ._management_properties import (
    NO_MAXIMUM,
    DiffAreaProperties,
    DiffVolumeProperties,
    SnapshotDeltaBitmap,
    VolumeProperties,
    VolumeProtectionInfo,
)
from ._properties import SnapshotProperties
from ._service_object import ServiceObject
from .enumeration import EnumMgmtObject, EnumObject
from .enums import ProtectionFault, ProtectionLevel, SnapshotContext

if TYPE_CHECKING:
    from .simulator import Machine

__all__ = ["DifferentialSnapshotManagement", "SnapshotManagement"]

_SYSTEM_PROVIDER: Final = UUID("b5946137-7b9f-4925-af80-51abd60b20d5")


def _maximum(value: int | None, operation: str) -> int:
    return NO_MAXIMUM if value is None else longlong(value, "maximum_diff_space", operation)


class SnapshotManagement(ServiceObject):
    """The service's management of shadow copies: ``IVssSnapshotMgmt`` and ``IVssSnapshotMgmt2``.

    The caller has to be an administrator (reference pages). It is a context manager, and may be used from several
    threads, one call at a time.

    Any method raises :class:`~vsspy.errors.AccessDeniedError` without administrator's rights,
    :class:`~vsspy.errors.UnexpectedError` or another :class:`~vsspy.errors.VssError` for what VSS, a provider or COM
    reports, :class:`~vsspy.errors.ClosedError` after :meth:`close`, and :class:`~vsspy.errors.ForkedError` in the child
    after a fork.

    Args:
        backend: as for :class:`~vsspy.BackupComponents`.

    Raises:
        UnsupportedPlatformError: there is no VSS here, and no simulated machine in use.
    """

    _core: _native.SnapshotManagement

    def __init__(self, backend: Machine | str | None = None) -> None:
        self._backend = resolve(backend)
        self._core = _native.SnapshotManagement(self._backend.platform)
        self._made()

    def get_provider_mgmt_interface(self, provider_id: UUID | None = None) -> DifferentialSnapshotManagement:
        """What manages a provider (``IVssSnapshotMgmt::GetProviderMgmtInterface``).

        Args:
            provider_id: the provider; None for the system's own, the only one that can be managed (reference page).

        Raises:
            ProviderNotRegisteredError: no such provider.
            NotSupportedError: a provider that has no such interface.
        """
        core = self._core.get_provider_mgmt_interface(_SYSTEM_PROVIDER if provider_id is None else provider_id)
        return DifferentialSnapshotManagement._adopt(core, self._backend)

    def query_volumes_supported_for_snapshots(
        self, context: SnapshotContext | int, provider_id: UUID | None = None
    ) -> EnumMgmtObject[VolumeProperties]:
        """List the volumes that can have shadow copies (``IVssSnapshotMgmt::QueryVolumesSupportedForSnapshots``).

        Documented as reserved for the system: a Windows may refuse it.

        Args:
            context: of which kind the shadow copies would be.
            provider_id: the provider that would make them; None for the system's own.

        Raises:
            InvalidArgumentError: no such context.
            ProviderNotRegisteredError: no such provider.
        """
        operation = "IVssSnapshotMgmt::QueryVolumesSupportedForSnapshots"
        found = self._core.query_volumes_supported_for_snapshots(
            _SYSTEM_PROVIDER if provider_id is None else provider_id, signed_mask(context, "context", operation)
        )
        return EnumMgmtObject(found, self._backend)

    def query_snapshots_by_volume(
        self, volume_name: str, provider_id: UUID | None = None
    ) -> EnumObject[SnapshotProperties]:
        """List the shadow copies of a volume (``IVssSnapshotMgmt::QuerySnapshotsByVolume``).

        Documented as reserved for the system: a Windows may refuse it. ``BackupComponents.query`` is not.

        Args:
            volume_name: a drive, a mounted folder or a volume GUID path, with its final backslash.
            provider_id: the provider that made them; None for the system's own.

        Raises:
            InvalidArgumentError: not a volume's name.
            ObjectNotFoundError: no such volume.
            ProviderNotRegisteredError: no such provider.
        """
        found = self._core.query_snapshots_by_volume(
            volume_name, _SYSTEM_PROVIDER if provider_id is None else provider_id
        )
        return EnumObject(found, self._backend)

    def get_min_diff_area_size(self) -> int:
        """The least maximum of a storage area on this computer in bytes (``IVssSnapshotMgmt2::GetMinDiffAreaSize``).

        It is the registry's ``MinDiffAreaFileSize``; without that it is 320 MB, and 32 MB for volumes under 500 MB
        (semantics 5).

        Raises:
            NotSupportedError: the system has no ``IVssSnapshotMgmt2``.
        """
        return self._core.get_min_diff_area_size()


class DifferentialSnapshotManagement(ServiceObject):
    """The system provider's storage areas: ``IVssDifferentialSoftwareSnapshotMgmt`` and its extensions 2 and 3.

    A storage area is the association of a volume with the volume that stores its shadow copies; VSS calls it a diff
    area. :meth:`SnapshotManagement.get_provider_mgmt_interface` gives such an object; made by itself it comes from the
    entry point ``GetProviderMgmtInterface``. It is a context manager, and may be used from several threads, one call at
    a time. Volumes are named as a drive, a mounted folder or a volume GUID path, with the final backslash.

    Any method raises :class:`~vsspy.errors.InvalidArgumentError` for what is not a volume's name,
    :class:`~vsspy.errors.ObjectNotFoundError` for a volume that does not exist,
    :class:`~vsspy.errors.AccessDeniedError` without administrator's or backup rights,
    :class:`~vsspy.errors.ProviderVetoError`, :class:`~vsspy.errors.UnexpectedError` or another
    :class:`~vsspy.errors.VssError` for what VSS, the provider or COM reports, :class:`~vsspy.errors.ClosedError` after
    :meth:`close`, and :class:`~vsspy.errors.ForkedError` in the child after a fork.

    Args:
        provider_id: the provider; None for the system's own, the only one that can be managed (reference page).
        backend: as for :class:`~vsspy.BackupComponents`.

    Raises:
        ProviderNotRegisteredError: no such provider.
        NotSupportedError: a provider that has no such interface.
        UnsupportedPlatformError: there is no VSS here, and no simulated machine in use.
    """

    _core: _native.DifferentialSnapshotManagement

    def __init__(self, provider_id: UUID | None = None, backend: Machine | str | None = None) -> None:
        self._backend = resolve(backend)
        self._core = _native.DifferentialSnapshotManagement(
            self._backend.platform, _SYSTEM_PROVIDER if provider_id is None else provider_id
        )
        self._made()

    @classmethod
    def _adopt(cls, core: _native.DifferentialSnapshotManagement, backend: Backend) -> Self:
        made = cls.__new__(cls)
        made._backend = backend
        made._core = core
        made._made()
        return made

    # --- storage areas -----------------------------------------------------------------------------------------------

    def add_diff_area(
        self, volume_name: str, diff_area_volume_name: str, maximum_diff_space: int | None = None
    ) -> None:
        """Let a volume's shadow copies be stored on a volume (``AddDiffArea``), before it has any shadow copy.

        Args:
            volume_name: the volume whose shadow copies are meant.
            diff_area_volume_name: the volume that is to store them, an NTFS one; it may be the same.
            maximum_diff_space: bytes that they may take; None for no limit.

        Raises:
            InvalidArgumentError: a limit below :meth:`SnapshotManagement.get_min_diff_area_size`.
            ObjectAlreadyExistsError: that is so already.
            MaximumStorageAssociationsError: the volume has a storage area already.
            VolumeNotSupportedError: the storage volume is not NTFS or has too little space.
            NestedVolumeLimitError: the volume lies on virtual disks nested too deeply.
        """
        operation = "IVssDifferentialSoftwareSnapshotMgmt::AddDiffArea"
        self._core.add_diff_area(volume_name, diff_area_volume_name, _maximum(maximum_diff_space, operation))

    def change_diff_area_maximum_size(
        self, volume_name: str, diff_area_volume_name: str, maximum_diff_space: int | None
    ) -> None:
        """Set the limit of a storage area, or remove it (``ChangeDiffAreaMaximumSize``).

        A limit below what is in use deletes shadow copies (reference page).

        Args:
            volume_name, diff_area_volume_name: the association, as for :meth:`add_diff_area`.
            maximum_diff_space: bytes; None for no limit, 0 to remove a storage area that is not in use.

        Raises:
            InvalidArgumentError: a limit below :meth:`SnapshotManagement.get_min_diff_area_size`.
            ObjectNotFoundError: no such association.
            StorageInUseError: shadow copies are stored in what is to be removed.
            InsufficientStorageError: there is too little space.
        """
        operation = "IVssDifferentialSoftwareSnapshotMgmt::ChangeDiffAreaMaximumSize"
        self._core.change_diff_area_maximum_size(
            volume_name, diff_area_volume_name, _maximum(maximum_diff_space, operation)
        )

    def change_diff_area_maximum_size_ex(
        self, volume_name: str, diff_area_volume_name: str, maximum_diff_space: int | None, volatile: bool
    ) -> None:
        """The same, perhaps for a while only (``IVssDifferentialSoftwareSnapshotMgmt2::ChangeDiffAreaMaximumSizeEx``).

        Args:
            volume_name, diff_area_volume_name, maximum_diff_space: as for :meth:`change_diff_area_maximum_size`.
            volatile: True for a limit that lasts until the volume is dismounted or the computer restarted.

        Raises:
            InvalidArgumentError, ObjectNotFoundError, StorageInUseError, InsufficientStorageError: as for
                :meth:`change_diff_area_maximum_size`.
            NotSupportedError: the system has no ``IVssDifferentialSoftwareSnapshotMgmt2``.
        """
        operation = "IVssDifferentialSoftwareSnapshotMgmt2::ChangeDiffAreaMaximumSizeEx"
        self._core.change_diff_area_maximum_size_ex(
            volume_name, diff_area_volume_name, _maximum(maximum_diff_space, operation), volatile
        )

    def query_volumes_supported_for_diff_areas(self, original_volume_name: str) -> EnumMgmtObject[DiffVolumeProperties]:
        """List the volumes that can store a volume's shadow copies (``QueryVolumesSupportedForDiffAreas``).

        Args:
            original_volume_name: the volume whose shadow copies are meant.
        """
        return EnumMgmtObject(self._core.query_volumes_supported_for_diff_areas(original_volume_name), self._backend)

    def query_diff_areas_for_volume(self, volume_name: str) -> EnumMgmtObject[DiffAreaProperties]:
        """List the storage areas of a volume's shadow copies (``QueryDiffAreasForVolume``).

        Args:
            volume_name: the volume that is copied.
        """
        return EnumMgmtObject(self._core.query_diff_areas_for_volume(volume_name), self._backend)

    def query_diff_areas_on_volume(self, volume_name: str) -> EnumMgmtObject[DiffAreaProperties]:
        """List the storage areas that lie on a volume (``QueryDiffAreasOnVolume``).

        Args:
            volume_name: the volume that stores.
        """
        return EnumMgmtObject(self._core.query_diff_areas_on_volume(volume_name), self._backend)

    def query_diff_areas_for_snapshot(self, snapshot_id: UUID) -> EnumMgmtObject[DiffAreaProperties]:
        """List the storage areas that hold a shadow copy (``QueryDiffAreasForSnapshot``).

        Args:
            snapshot_id: the shadow copy.

        Raises:
            ObjectNotFoundError: no such shadow copy.
        """
        return EnumMgmtObject(self._core.query_diff_areas_for_snapshot(snapshot_id), self._backend)

    # --- reserved ----------------------------------------------------------------------------------------------------

    def migrate_diff_areas(self, volume_name: str, diff_area_volume_name: str, new_diff_area_volume_name: str) -> None:
        """Reserved: ``IVssDifferentialSoftwareSnapshotMgmt2::MigrateDiffAreas`` is documented as not supported.

        Args:
            volume_name, diff_area_volume_name: the association, as for :meth:`add_diff_area`.
            new_diff_area_volume_name: where it would go.

        Raises:
            NotSupportedError: always, as documented.
        """
        self._core.migrate_diff_areas(volume_name, diff_area_volume_name, new_diff_area_volume_name)

    def query_migration_status(self, volume_name: str, diff_area_volume_name: str) -> AsyncOperation:
        """Reserved: ``IVssDifferentialSoftwareSnapshotMgmt2::QueryMigrationStatus`` is documented as not supported.

        Args:
            volume_name, diff_area_volume_name: the association, as for :meth:`add_diff_area`.

        Raises:
            NotSupportedError: always, as documented.
        """
        return AsyncOperation(self._core.query_migration_status(volume_name, diff_area_volume_name), lambda: None)

    def set_snapshot_priority(self, snapshot_id: UUID, priority: int) -> None:
        """Reserved: ``IVssDifferentialSoftwareSnapshotMgmt2::SetSnapshotPriority`` is documented as not supported.

        Args:
            snapshot_id: the shadow copy.
            priority: 0 to 255.

        Raises:
            InvalidArgumentError: a priority that is no byte.
            NotSupportedError: always, as documented.
        """
        operation = "IVssDifferentialSoftwareSnapshotMgmt2::SetSnapshotPriority"
        self._core.set_snapshot_priority(snapshot_id, byte(priority, "priority", operation))

    def query_snapshot_delta_bitmap(self, older_snapshot_id: UUID, younger_snapshot_id: UUID) -> SnapshotDeltaBitmap:
        """Reserved: ``IVssDifferentialSoftwareSnapshotMgmt3::QuerySnapshotDeltaBitmap``, without a documented result.

        Args:
            older_snapshot_id, younger_snapshot_id: two shadow copies of a volume.

        Raises:
            NotSupportedError: by the simulator always, and by a system without the interface.
        """
        raw = self._core.query_snapshot_delta_bitmap(older_snapshot_id, younger_snapshot_id)
        return SnapshotDeltaBitmap(*raw)

    # --- protection --------------------------------------------------------------------------------------------------

    def set_volume_protect_level(self, volume_name: str, protection_level: ProtectionLevel) -> None:
        """Say what is kept when a volume and its shadow copies cannot both be
        (``IVssDifferentialSoftwareSnapshotMgmt3::SetVolumeProtectLevel``).

        Args:
            volume_name: the volume.
            protection_level: ``ORIGINAL_VOLUME``, or ``SNAPSHOT``, which takes the volume offline on a fault.

        Raises:
            InvalidArgumentError: no such level.
            NotSupportedError: not on this system (Windows Server 2008 and later, no client), or not by the provider.
        """
        operation = "IVssDifferentialSoftwareSnapshotMgmt3::SetVolumeProtectLevel"
        self._core.set_volume_protect_level(volume_name, enumeration(protection_level, "protection_level", operation))

    def get_volume_protect_level(self, volume_name: str) -> VolumeProtectionInfo:
        """What is kept of a volume and its shadow copies, and what went wrong
        (``IVssDifferentialSoftwareSnapshotMgmt3::GetVolumeProtectLevel``).

        Args:
            volume_name: the volume.

        Raises:
            NotSupportedError: as for :meth:`set_volume_protect_level`.
        """
        level, offline, fault, status, unused = self._core.get_volume_protect_level(volume_name)
        return VolumeProtectionInfo(ProtectionLevel(level), offline, ProtectionFault(fault), status, unused)

    def clear_volume_protect_fault(self, volume_name: str) -> None:
        """Bring a volume back that went offline on a fault
        (``IVssDifferentialSoftwareSnapshotMgmt3::ClearVolumeProtectFault``).

        Args:
            volume_name: the volume.

        Raises:
            NotSupportedError: as for :meth:`set_volume_protect_level`.
        """
        self._core.clear_volume_protect_fault(volume_name)

    def delete_unused_diff_areas(self, diff_area_volume_name: str) -> None:
        """Delete what shadow copies that are gone have left on a volume
        (``IVssDifferentialSoftwareSnapshotMgmt3::DeleteUnusedDiffAreas``).

        Args:
            diff_area_volume_name: the volume that stored them.

        Raises:
            NotSupportedError: as for :meth:`set_volume_protect_level`.
        """
        self._core.delete_unused_diff_areas(diff_area_volume_name)
