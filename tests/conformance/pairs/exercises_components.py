"""How vsspy reads a component of the Backup Components Document: IVssWriterComponents, IVssComponent to Ex2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support import FILEGROUP, ONE_ID, wait

from vsspy._codes import CODES
from vsspy.enums import FileRestoreStatus, RestoreTarget, RollForwardType

from .exercises_backup import equals
from .exercises_restore import FILES, restore_selected
from .model import exercise
from .scenes import Scene, stage
from .server import KEY

C = "IVssComponent"


def restored_component(s: Scene) -> None:
    """A component in a restore after PreRestore, with all that a requester and its writer can put into it; the writer's
    part comes from the machine "restoring"."""
    restore_selected(s)
    s.bc.set_restore_options(*KEY, "restore options")
    s.bc.set_additional_restores(*KEY, True)
    s.bc.add_new_target(*KEY, *FILES, "C:\\new")
    s.bc.add_restore_subcomponent(*KEY, "path\\data", "sub")
    s.bc.set_authoritative_restore(*KEY, True)
    s.bc.set_roll_forward(*KEY, RollForwardType.PARTIAL, "point")
    s.bc.set_restore_name(*KEY, "renamed")
    wait(s.bc.pre_restore())
    s.bc.add_alternative_location_mapping(*KEY, *FILES, "C:\\elsewhere")
    s.bc.set_file_restore_status(*KEY, FileRestoreStatus.ALL)


@stage("component")
def component(s: Scene) -> None:
    restored_component(s)
    s.writer = s.bc.writer_components[0]
    s.component = s.writer.components[0]
    s.bare = s.writer.components[1]


@stage("component after")
def component_after(s: Scene) -> None:
    """After PostRestore."""
    restored_component(s)
    wait(s.bc.post_restore())
    s.component = s.bc.writer_components[0].components[0]


def reads(method: str, attribute: str, expected: object, stage_name: str = "component") -> None:
    exercise(method, stage_name, lambda s: getattr(s.component, attribute), equals(expected), machine="restoring")


def one_of(method: str, attribute: str, check: Callable[[Any], object]) -> None:
    """Reads a collection that has one element."""

    def check_only(found: tuple[Any, ...]) -> None:
        assert len(found) == 1
        check(found[0])

    exercise(method, "component", lambda s: getattr(s.component, attribute), check_only, machine="restoring")


exercise("IVssWriterComponents::GetComponentCount", "component", lambda s: len(s.writer.components), equals(2))
exercise(
    "IVssWriterComponents::GetWriterInfo", "component", lambda s: s.bc.writer_components[0].writer_id, equals(ONE_ID)
)
exercise("IVssWriterComponents::GetComponent", "component", lambda s: s.writer.components[0].name, equals("data"))

reads(f"{C}::GetLogicalPath", "logical_path", "path")
reads(f"{C}::GetComponentType", "type", FILEGROUP)
reads(f"{C}::GetComponentName", "name", "data")
reads(f"{C}::GetBackupSucceeded", "backup_succeeded", True)
reads(f"{C}::GetBackupMetadata", "backup_metadata", "saved")
reads(f"{C}::GetBackupStamp", "backup_stamp", "stamp 2")
reads(f"{C}::GetPreviousBackupStamp", "previous_backup_stamp", "stamp 1")
reads(f"{C}::GetBackupOptions", "backup_options", "options")
reads(f"{C}::GetRestoreOptions", "restore_options", "restore options")
reads(f"{C}::IsSelectedForRestore", "selected_for_restore", True)
reads(f"{C}::GetAdditionalRestores", "additional_restores", True)
reads(f"{C}::GetFileRestoreStatus", "file_restore_status", FileRestoreStatus.ALL)
reads(f"{C}::GetRestoreMetadata", "restore_metadata", "found")
reads(f"{C}::GetRestoreTarget", "restore_target", RestoreTarget.DIRECTED)
reads(f"{C}::GetPreRestoreFailureMsg", "pre_restore_failure_message", "no room")
reads(f"{C}::GetPostRestoreFailureMsg", "post_restore_failure_message", "too late", "component after")
reads(f"{C}Ex::GetPrepareForBackupFailureMsg", "prepare_for_backup_failure_message", "prepare failed")
reads(f"{C}Ex::GetPostSnapshotFailureMsg", "post_snapshot_failure_message", "post failed")
reads(f"{C}Ex::GetAuthoritativeRestore", "authoritative_restore", True)
reads(f"{C}Ex::GetRestoreName", "restore_name", "renamed")


def fields(**expected: object) -> Callable[[Any], None]:
    """A check of the named fields of a value."""

    def check(value: object) -> None:
        assert {name: getattr(value, name) for name in expected} == expected

    return check


exercise(
    f"{C}Ex::GetRollForward",
    "component",
    lambda s: s.component.roll_forward,
    fields(type=RollForwardType.PARTIAL, point="point"),
    machine="restoring",
)
exercise(
    f"{C}Ex2::GetFailure",
    "component",
    lambda s: s.component.failure,
    fields(
        hresult=CODES["VSS_E_WRITERERROR_RETRYABLE"],
        application_hresult=CODES["E_FAIL"],
        application_message="out of ink",
    ),
    machine="restoring",
)

for count, get, attribute, check in (
    ("PartialFileCount", "PartialFile", "partial_files", fields(filename="file.txt", ranges="0:2", metadata="part")),
    ("DifferencedFilesCount", "DifferencedFile", "differenced_files", fields(filespec="*.log", recursive=True)),
    (
        "AlternateLocationMappingCount",
        "AlternateLocationMapping",
        "alternate_location_mappings",
        fields(path="C:\\data", alternate_path="C:\\elsewhere"),
    ),
    ("NewTargetCount", "NewTarget", "new_targets", fields(path="C:\\data", alternate_path="C:\\new")),
    (
        "DirectedTargetCount",
        "DirectedTarget",
        "directed_targets",
        fields(source_path="C:\\data", destination_path="C:\\directed"),
    ),
    ("RestoreSubcomponentCount", "RestoreSubcomponent", "restore_subcomponents", fields(component_name="sub")),
):
    one_of(f"{C}::Get{count}", attribute, check)
    one_of(f"{C}::Get{get}", attribute, check)
