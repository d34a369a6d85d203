"""Codes that come from the volumes and storage areas of a machine."""

from __future__ import annotations

from support import wait

from vsspy.enums import SnapshotContext

from .model import scenario
from .scenarios_machine import plain_set
from .scenes import World

D = "IVssDifferentialSoftwareSnapshotMgmt"
MIB = 1 << 20


@scenario(f"{D}::AddDiffArea", "VSS_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED", "state")
def _a_second_area(world: World) -> None:
    with world.scene("one area", "management") as s:
        s.areas.add_diff_area("C:\\", "C:\\", None)


@scenario(f"{D}::AddDiffArea", "VSS_E_VOLUME_NOT_SUPPORTED", "machine")
def _not_ntfs(world: World) -> None:
    with world.scene("areas", "not NTFS") as s:
        s.machine.set_volume_qualities("D:\\", ntfs=False)
        s.areas.add_diff_area("C:\\", "D:\\", None)


@scenario(f"{D}::ChangeDiffAreaMaximumSize", "VSS_E_INSUFFICIENT_STORAGE", "argument")
def _more_than_there_is(world: World) -> None:
    with world.scene("one area", "management") as s:
        s.areas.change_diff_area_maximum_size("C:\\", "D:\\", 1 << 62)


@scenario(f"{D}2::ChangeDiffAreaMaximumSizeEx", "VSS_E_INSUFFICIENT_STORAGE", "argument")
def _more_than_there_is_either(world: World) -> None:
    with world.scene("one area", "management") as s:
        s.areas.change_diff_area_maximum_size_ex("C:\\", "D:\\", 1 << 62, True)


@scenario(f"{D}::ChangeDiffAreaMaximumSize", "VSS_E_VOLUME_IN_USE", "state")
def _it_holds_a_shadow_copy(world: World) -> None:
    with world.scene("area in use", "management") as s:
        s.areas.change_diff_area_maximum_size("C:\\", "D:\\", 0)


@scenario(f"{D}2::ChangeDiffAreaMaximumSizeEx", "VSS_E_VOLUME_IN_USE", "state")
def _it_holds_a_shadow_copy_too(world: World) -> None:
    with world.scene("area in use", "management") as s:
        s.areas.change_diff_area_maximum_size_ex("C:\\", "D:\\", 0, True)


@scenario("IVssBackupComponents::DoSnapshotSet", "VSS_E_INSUFFICIENT_STORAGE", "machine")
def _a_shadow_copy_larger_than_its_storage(world: World) -> None:
    with world.scene("areas", "small") as s:
        s.machine.set_minimum_storage(32 * MIB)
        s.areas.add_diff_area("C:\\", "D:\\", 32 * MIB)
        bc = plain_set(s, SnapshotContext.NAS_ROLLBACK)
        bc.add_to_snapshot_set("C:\\")
        wait(bc.do_snapshot_set())
