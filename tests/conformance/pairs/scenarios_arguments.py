"""Wrong arguments: E_INVALIDARG and E_POINTER, and indices and ids of nothing: VSS_E_OBJECT_NOT_FOUND."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from support import ONE_INSTANCE, code

import vsspy
from vsspy.enums import (
    BackupType,
    FileRestoreStatus,
    ObjectType,
    RestoreTarget,
    RestoreType,
    RollForwardType,
    SnapshotAttributes,
)

from .exercises_restore import FILES
from .model import METHODS as ALL
from .model import PAIRS, SCENARIOS, Pair, scenario_for
from .raw import raw_stage
from .scenes import UNKNOWN, Scene, World
from .server import KEY, NAMELESS_KEY, UNKNOWN_KEY, UNKNOWN_TYPE_KEY

api: Any = vsspy
B = "IVssBackupComponents"
D = "IVssDifferentialSoftwareSnapshotMgmt"

# Through Python: a scene, and what is called on it


def argument(
    method: str, code_name: str, stage: str, call: Callable[[Scene], object], *, machine: str = "plain"
) -> None:
    def run(world: World) -> None:
        with world.scene(stage, machine) as scene:
            call(scene)

    scenario_for(method, code_name, "argument", run)


def invalid(method: str, stage: str, call: Callable[[Scene], object], **options: str) -> None:
    argument(method, "E_INVALIDARG", stage, call, **options)


def not_found(method: str, stage: str, call: Callable[[Scene], object], **options: str) -> None:
    argument(method, "VSS_E_OBJECT_NOT_FOUND", stage, call, **options)


invalid(f"{B}::SetBackupState", "init", lambda s: s.bc.set_backup_state(True, False, BackupType(99)))
invalid(f"{B}::SetRestoreState", "restore", lambda s: s.bc.set_restore_state(RestoreType(99)))
invalid(f"{B}::SetContext", "init", lambda s: s.bc.set_context(0x12345))
invalid(f"{B}::AddComponent", "gathered", lambda s: s.bc.add_component(ONE_INSTANCE, *NAMELESS_KEY))
invalid(
    f"{B}::SetBackupSucceeded", "snapped", lambda s: s.bc.set_backup_succeeded(ONE_INSTANCE, *UNKNOWN_TYPE_KEY, True)
)
invalid(f"{B}::SetBackupOptions", "set", lambda s: s.bc.set_backup_options(*UNKNOWN_TYPE_KEY, "options"))
invalid(f"{B}::SetPreviousBackupStamp", "set", lambda s: s.bc.set_previous_backup_stamp(*UNKNOWN_TYPE_KEY, "stamp"))
not_found(f"{B}::SetBackupSucceeded", "snapped", lambda s: s.bc.set_backup_succeeded(UNKNOWN, *KEY, True))
not_found(f"{B}::SetBackupOptions", "set", lambda s: s.bc.set_backup_options(*UNKNOWN_KEY, "options"))
not_found(f"{B}::SetPreviousBackupStamp", "set", lambda s: s.bc.set_previous_backup_stamp(UNKNOWN, *KEY[1:], "stamp"))

#: The calls of a restore that name a component: what comes behind its key, and the stage.
OF_A_COMPONENT: dict[str, tuple[str, str, tuple[Any, ...]]] = {
    f"{B}::SetSelectedForRestore": ("set_selected_for_restore", "restore gathered", (True,)),
    f"{B}Ex::SetSelectedForRestoreEx": ("set_selected_for_restore_ex", "restore gathered", (True, ONE_INSTANCE)),
    f"{B}::SetRestoreOptions": ("set_restore_options", "restore selected", ("options",)),
    f"{B}::SetAdditionalRestores": ("set_additional_restores", "restore selected", (True,)),
    f"{B}::AddAlternativeLocationMapping": (
        "add_alternative_location_mapping",
        "restore prepared",
        (*FILES, "C:\\elsewhere"),
    ),
    f"{B}::AddRestoreSubcomponent": ("add_restore_subcomponent", "restore selected", ("path\\data", "sub")),
    f"{B}::SetFileRestoreStatus": ("set_file_restore_status", "restore prepared", (FileRestoreStatus.ALL,)),
    f"{B}::AddNewTarget": ("add_new_target", "restore selected", (*FILES, "C:\\new")),
    f"{B}::SetRangesFilePath": ("set_ranges_file_path", "restore selected", (0, "C:\\ranges")),
    f"{B}Ex2::SetAuthoritativeRestore": ("set_authoritative_restore", "restore selected", (True,)),
    f"{B}Ex2::SetRollForward": ("set_roll_forward", "restore selected", (RollForwardType.ALL,)),
    f"{B}Ex2::SetRestoreName": ("set_restore_name", "restore selected", ("renamed",)),
}


def of_a_component() -> None:
    """A type that does not exist is wrong by itself; a name that is not in the document names nothing."""
    for method, (name, stage, rest) in OF_A_COMPONENT.items():
        for key, register in ((UNKNOWN_TYPE_KEY, invalid), (UNKNOWN_KEY, not_found)):

            def call(s: Scene, name: str = name, arguments: tuple[Any, ...] = (*key, *rest)) -> None:
                getattr(s.bc, name)(*arguments)

            register(method, stage, call)


of_a_component()

# Shadow copies and volumes

not_found(f"{B}::AddToSnapshotSet", "started", lambda s: s.bc.add_to_snapshot_set("Q:\\"))
not_found(f"{B}::IsVolumeSupported", "init", lambda s: s.bc.is_volume_supported("Q:\\"))
not_found(f"{B}::DeleteSnapshots", "init", lambda s: s.bc.delete_snapshots(UNKNOWN, ObjectType.SNAPSHOT))
not_found(f"{B}::GetSnapshotProperties", "init", lambda s: s.bc.get_snapshot_properties(UNKNOWN))
not_found(f"{B}::BreakSnapshotSet", "init", lambda s: s.bc.break_snapshot_set(UNKNOWN))
not_found(f"{B}Ex2::BreakSnapshotSetEx", "init", lambda s: s.bc.break_snapshot_set_ex(UNKNOWN).wait(60))
not_found(
    f"{B}::ExposeSnapshot",
    "persistent",
    lambda s: s.bc.expose_snapshot(UNKNOWN, None, SnapshotAttributes.EXPOSED_LOCALLY, "X:"),
)
not_found(f"{B}Ex2::UnexposeSnapshot", "persistent", lambda s: s.bc.unexpose_snapshot(s.shadow_id))
not_found(f"{B}::RevertToSnapshot", "persistent", lambda s: s.bc.revert_to_snapshot(UNKNOWN))
invalid(f"{B}::QueryRevertStatus", "init", lambda s: s.bc.query_revert_status("C:"))
not_found(f"{B}::QueryRevertStatus", "init", lambda s: s.bc.query_revert_status("C:\\"))
not_found("IsVolumeSnapshotted", "nothing", lambda s: api.is_volume_snapshotted("Q:\\", s.machine))
not_found(
    f"{B}Ex3::AddSnapshotToRecoverySet",
    "recovery",
    lambda s: s.bc.add_snapshot_to_recovery_set(s.shadow_id, 0, "Q:\\"),
    machine="hardware",
)
ZERO = UUID(int=0)
invalid(f"{B}::BreakSnapshotSet", "init", lambda s: s.bc.break_snapshot_set(ZERO))
invalid(f"{B}Ex2::UnexposeSnapshot", "persistent", lambda s: s.bc.unexpose_snapshot(ZERO))
invalid(f"{B}::RevertToSnapshot", "persistent", lambda s: s.bc.revert_to_snapshot(ZERO))

invalid(
    "IVssComponent::SetRestoreTarget",
    "component",
    lambda s: s.component.set_restore_target(RestoreTarget.UNDEFINED),
    machine="restoring",
)

# Storage areas, on a machine of their own


def areas_invalid(method: str, stage: str, call: Callable[[Scene], object]) -> None:
    argument(method, "E_INVALIDARG", stage, call, machine="management")


def areas_not_found(method: str, stage: str, call: Callable[[Scene], object]) -> None:
    argument(method, "VSS_E_OBJECT_NOT_FOUND", stage, call, machine="management")


GIB = 1 << 30
areas_invalid(f"{D}::AddDiffArea", "areas", lambda s: s.areas.add_diff_area("C:\\", "D:\\", 1))
areas_invalid(
    f"{D}::ChangeDiffAreaMaximumSize", "one area", lambda s: s.areas.change_diff_area_maximum_size("C:\\", "D:\\", 1)
)
areas_invalid(
    f"{D}2::ChangeDiffAreaMaximumSizeEx",
    "one area",
    lambda s: s.areas.change_diff_area_maximum_size_ex("C:\\", "D:\\", 1, False),
)
areas_not_found(
    f"{D}::ChangeDiffAreaMaximumSize", "areas", lambda s: s.areas.change_diff_area_maximum_size("C:\\", "D:\\", GIB)
)
areas_not_found(
    f"{D}2::ChangeDiffAreaMaximumSizeEx",
    "areas",
    lambda s: s.areas.change_diff_area_maximum_size_ex("C:\\", "D:\\", GIB, False),
)
areas_not_found(f"{D}::QueryDiffAreasForSnapshot", "areas", lambda s: s.areas.query_diff_areas_for_snapshot(UNKNOWN))
areas_invalid(f"{D}3::SetVolumeProtectLevel", "areas", lambda s: s.areas.set_volume_protect_level("C:\\", 99))
areas_not_found(f"{D}3::SetVolumeProtectLevel", "areas", lambda s: s.areas.set_volume_protect_level("Q:\\", 0))
areas_not_found(f"{D}3::GetVolumeProtectLevel", "areas", lambda s: s.areas.get_volume_protect_level("Q:\\"))
areas_invalid(f"{D}3::ClearVolumeProtectFault", "areas", lambda s: s.areas.clear_volume_protect_fault("C:"))
areas_not_found(f"{D}3::ClearVolumeProtectFault", "areas", lambda s: s.areas.clear_volume_protect_fault("Q:\\"))
areas_invalid(f"{D}3::DeleteUnusedDiffAreas", "areas", lambda s: s.areas.delete_unused_diff_areas("D:"))
areas_not_found(f"{D}3::DeleteUnusedDiffAreas", "areas", lambda s: s.areas.delete_unused_diff_areas("Q:\\"))

# NULL: a Python caller has no way to pass it, so the vtable is called

#: Output pointers that may be NULL (reference pages), so that nothing is wrong about it.
OPTIONAL = {
    ("IVssBackupComponentsEx3::GetWriterStatusEx", name) for name in ("phrApplication", "pbstrApplicationMessage")
}
TEXTS = ("LPCWSTR", "VSS_PWSZ", "BSTR")
MAY_BE_NULL = {"wszLogicalPath", "wszMetadata", "wszPathFromRoot", "wszExpose", "wszRollForwardPoint", "bstrXML"}


def null_pointers(pair: Pair) -> None:
    """Each pointer that must not be NULL, one by one; with all of them in place it is another code, if it is one."""
    params = ALL[pair.method]["params"]
    outputs = [
        p["name"]
        for p in params
        if p["dir"] != "in" and p["type"] != "INT*" and (pair.method, p["name"]) not in OPTIONAL
    ]
    texts = [p["name"] for p in params if p["type"] in TEXTS and p["name"] not in MAY_BE_NULL]
    names = outputs or texts or ["bstrXML"]

    def run(world: World) -> int:
        with world.scene(raw_stage(pair.method), "restoring") as scene:
            assert scene.raw.call(pair.method) != code(pair.code), "the other arguments are at fault"
            for name in names:
                found = scene.raw.call(pair.method, **{name: None})
                assert found == code(pair.code), f"{name}: 0x{found:08X}"
            return int(found)

    scenario_for(*pair, "argument", run, in_python=False)


def indices_of_nothing(pair: Pair) -> None:
    """An index beyond the last element."""
    index = next(p["name"] for p in ALL[pair.method]["params"] if p["type"] == "UINT")

    def run(world: World) -> int:
        with world.scene(raw_stage(pair.method), "restoring") as scene:
            found: int = scene.raw.call(pair.method, **{index: 1000})
            return found

    scenario_for(*pair, "argument", run, in_python=False)


def generated() -> None:
    for pair in PAIRS:
        if pair in SCENARIOS:
            continue
        params = ALL[pair.method]["params"]
        if pair.code == "E_POINTER" or (
            pair.code == "E_INVALIDARG" and any(p["type"].endswith("*") or p["type"] in TEXTS for p in params)
        ):
            null_pointers(pair)
        elif pair.code == "VSS_E_OBJECT_NOT_FOUND" and any(
            p["type"] == "UINT" and p["name"].startswith("i") for p in params
        ):
            indices_of_nothing(pair)


generated()
