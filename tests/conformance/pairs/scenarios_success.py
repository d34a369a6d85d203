"""Success that says something: S_FALSE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from support import TWO_ID

import vsspy
from vsspy import simulator
from vsspy.metadata import Dependency

from .model import Kind, scenario_for, value_of_fault
from .scenes import Scene, World, stage

api: Any = vsspy


def s_false(
    method: str,
    stage_name: str,
    call: Callable[[Scene], Any],
    expected: object,
    machine: str = "plain",
    kind: Kind = "state",
) -> None:
    """What vsspy makes of S_FALSE."""

    def run(world: World) -> None:
        with world.scene(stage_name, machine) as scene:
            found = call(scene)
            assert found == expected, found

    scenario_for(method, "S_FALSE", kind, run)


LITTLE = simulator.Writer(
    "Little Writer", components=[simulator.Component("data", dependencies=[Dependency(TWO_ID, None, "more")])]
)


@stage("little examined")
def little_examined(s: Scene) -> None:
    """The document of a writer that says little."""
    s.examined = s.stack.enter_context(api.ExamineWriterMetadata(LITTLE.metadata.to_xml(), s.machine))


s_false(
    "IVssExamineWriterMetadata::GetRestoreMethod", "little examined", lambda s: s.examined.metadata.restore_method, None
)
s_false(
    "IVssWMFiledesc::GetAlternateLocation",
    "examined",
    lambda s: s.examined.metadata.components[0].files[0].alternate_path,
    None,
)

s_false(
    "IVssWMDependency::GetLogicalPath",
    "little examined",
    lambda s: s.examined.metadata.components[0].dependencies[0].logical_path,
    None,
)

UNSET = {
    "IVssComponent::GetLogicalPath": "logical_path",
    "IVssComponent::GetBackupSucceeded": "backup_succeeded",
    "IVssComponent::GetBackupMetadata": "backup_metadata",
    "IVssComponent::GetAdditionalRestores": "additional_restores",
    "IVssComponent::GetRestoreMetadata": "restore_metadata",
    "IVssComponent::GetPreRestoreFailureMsg": "pre_restore_failure_message",
    "IVssComponent::GetPostRestoreFailureMsg": "post_restore_failure_message",
    "IVssComponent::GetBackupStamp": "backup_stamp",
    "IVssComponent::GetPreviousBackupStamp": "previous_backup_stamp",
    "IVssComponent::GetBackupOptions": "backup_options",
    "IVssComponent::GetRestoreOptions": "restore_options",
    "IVssComponentEx::GetPrepareForBackupFailureMsg": "prepare_for_backup_failure_message",
    "IVssComponentEx::GetPostSnapshotFailureMsg": "post_snapshot_failure_message",
}
"""What is None where the document has nothing."""


def unset(attribute: str) -> Callable[[Scene], Any]:
    return lambda s: getattr(s.bare, attribute)


for method, attribute in UNSET.items():
    s_false(method, "component", unset(attribute), None, "restoring")

for kind, stage_of, server in (("Object", "enumeration", "plain"), ("MgmtObject", "areas listed", "management")):
    s_false(f"IVssEnum{kind}::Next", stage_of, lambda s: len(s.enumeration.next(2)), 1, server)
    s_false(f"IVssEnum{kind}::Skip", stage_of, lambda s: s.enumeration.skip(2), False, server)

# Codes that the simulator has no occasion for, and what vsspy makes of them

for method, code_name, value in (
    ("IVssExamineWriterMetadata::LoadFromXML", "S_FALSE", False),
    ("IVssWMDependency::GetWriterId", "S_FALSE", UUID(int=0)),
    ("IVssWMDependency::GetComponentName", "S_FALSE", ""),
):
    value_of_fault(method, code_name, value)
