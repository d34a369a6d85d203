"""How vsspy calls snapshot management, and its enumerations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import vsspy
from vsspy.enums import ProtectionLevel, SnapshotContext

from .exercises_backup import equals
from .exercises_snapshots import count_is, snapshot_set
from .model import exercise as exercise_on
from .scenes import Scene, stage

api: Any = vsspy
M = "IVssSnapshotMgmt"
D = "IVssDifferentialSoftwareSnapshotMgmt"
GIB = 1 << 30


@stage("management")
def management(s: Scene) -> None:
    s.management = s.stack.enter_context(api.SnapshotManagement(s.machine))


@stage("areas")
def areas(s: Scene) -> None:
    """The interface of the system provider; no storage area was ever set."""
    management(s)
    s.areas = s.stack.enter_context(s.management.get_provider_mgmt_interface())


@stage("one area")
def one_area(s: Scene) -> None:
    """C: has its storage area on D:."""
    areas(s)
    s.areas.add_diff_area("C:\\", "D:\\", GIB)
    s.stack.callback(remove_area, s)


def remove_area(s: Scene) -> None:
    s.areas.change_diff_area_maximum_size("C:\\", "D:\\", 0)


@stage("area in use")
def area_in_use(s: Scene) -> None:
    """The storage area holds a persistent shadow copy."""
    one_area(s)
    snapshot_set(s, SnapshotContext.APP_ROLLBACK, "C:\\")
    s.shadow_id = s.shadow_ids[0]


def exercise(
    method: str, stage_name: str, call: Callable[[Scene], Any], check: Callable[[Any], object] | None = None
) -> None:
    """On a machine of their own: a volume keeps the storage area that its first shadow copy got."""
    exercise_on(method, stage_name, call, check, machine="management")


def listed(enumeration: Any) -> list[object]:
    with enumeration:
        return list(enumeration)


def provider_interface(s: Scene) -> object:
    with s.management.get_provider_mgmt_interface() as found:
        return type(found)


def is_positive(value: int) -> None:
    assert value > 0


exercise(
    f"{M}::GetProviderMgmtInterface",
    "management",
    provider_interface,
    lambda found: equals(api.DifferentialSnapshotManagement)(found),
)
exercise(
    f"{M}::QueryVolumesSupportedForSnapshots",
    "management",
    lambda s: listed(s.management.query_volumes_supported_for_snapshots(SnapshotContext.BACKUP)),
    count_is(2),
)
exercise(
    f"{M}::QuerySnapshotsByVolume",
    "area in use",
    lambda s: listed(s.management.query_snapshots_by_volume("C:\\")),
    count_is(1),
)
exercise(f"{M}2::GetMinDiffAreaSize", "management", lambda s: s.management.get_min_diff_area_size(), is_positive)


def add_area(s: Scene) -> None:
    s.areas.add_diff_area("C:\\", "D:\\", GIB)
    remove_area(s)


exercise(f"{D}::AddDiffArea", "areas", add_area)
exercise(
    f"{D}::ChangeDiffAreaMaximumSize",
    "one area",
    lambda s: s.areas.change_diff_area_maximum_size("C:\\", "D:\\", 2 * GIB),
)
exercise(
    f"{D}2::ChangeDiffAreaMaximumSizeEx",
    "one area",
    lambda s: s.areas.change_diff_area_maximum_size_ex("C:\\", "D:\\", 2 * GIB, True),
)
exercise(
    f"{D}::QueryVolumesSupportedForDiffAreas",
    "areas",
    lambda s: listed(s.areas.query_volumes_supported_for_diff_areas("C:\\")),
    count_is(2),
)
exercise(
    f"{D}::QueryDiffAreasForVolume",
    "one area",
    lambda s: listed(s.areas.query_diff_areas_for_volume("C:\\")),
    count_is(1),
)
exercise(
    f"{D}::QueryDiffAreasOnVolume",
    "one area",
    lambda s: listed(s.areas.query_diff_areas_on_volume("D:\\")),
    count_is(1),
)
exercise(
    f"{D}::QueryDiffAreasForSnapshot",
    "area in use",
    lambda s: listed(s.areas.query_diff_areas_for_snapshot(s.shadow_id)),
    count_is(1),
)
exercise(f"{D}2::MigrateDiffAreas", "one area", lambda s: s.areas.migrate_diff_areas("C:\\", "D:\\", "C:\\"))
exercise(f"{D}2::QueryMigrationStatus", "one area", lambda s: s.areas.query_migration_status("C:\\", "D:\\"))
exercise(f"{D}2::SetSnapshotPriority", "area in use", lambda s: s.areas.set_snapshot_priority(s.shadow_id, 1))
exercise(
    f"{D}3::SetVolumeProtectLevel",
    "areas",
    lambda s: s.areas.set_volume_protect_level("C:\\", ProtectionLevel.ORIGINAL_VOLUME),
)
exercise(
    f"{D}3::GetVolumeProtectLevel",
    "areas",
    lambda s: s.areas.get_volume_protect_level("C:\\").level,
    equals(ProtectionLevel.ORIGINAL_VOLUME),
)
exercise(f"{D}3::ClearVolumeProtectFault", "areas", lambda s: s.areas.clear_volume_protect_fault("C:\\"))
exercise(f"{D}3::DeleteUnusedDiffAreas", "areas", lambda s: s.areas.delete_unused_diff_areas("D:\\"))
exercise(
    f"{D}3::QuerySnapshotDeltaBitmap",
    "area in use",
    lambda s: s.areas.query_snapshot_delta_bitmap(s.shadow_id, UUID(int=1)),
)

# IVssEnumMgmtObject


@stage("areas listed")
def areas_listed(s: Scene) -> None:
    one_area(s)
    s.enumeration = s.stack.enter_context(s.areas.query_diff_areas_for_volume("C:\\"))


exercise("IVssEnumMgmtObject::Next", "areas listed", lambda s: s.enumeration.next(1), count_is(1))
exercise("IVssEnumMgmtObject::Skip", "areas listed", lambda s: s.enumeration.skip(1), equals(True))
exercise("IVssEnumMgmtObject::Reset", "areas listed", lambda s: s.enumeration.reset())
exercise("IVssEnumMgmtObject::Clone", "areas listed", lambda s: listed(s.enumeration.clone()), count_is(1))
