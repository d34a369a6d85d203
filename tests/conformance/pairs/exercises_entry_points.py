"""How vsspy calls the entry points of VssApi."""

from __future__ import annotations

from typing import Any

import vsspy

from .exercises_backup import equals
from .exercises_documents import XML
from .exercises_snapshots import persistent
from .model import exercise
from .scenes import Scene, stage

api: Any = vsspy


def create(s: Scene) -> None:
    vsspy.BackupComponents(s.machine).close()


def examine(s: Scene) -> str:
    with api.ExamineWriterMetadata(XML, s.machine) as found:
        return str(found.metadata.name)


@stage("shadowed")
def shadowed(s: Scene) -> None:
    """A persistent shadow copy of C:, and no requester."""
    persistent(s)
    s.bc.close()


exercise("CreateVssBackupComponents", "nothing", create)
exercise("CreateVssExamineWriterMetadata", "nothing", examine, equals("One Writer"))
exercise(
    "IsVolumeSnapshotted", "shadowed", lambda s: api.is_volume_snapshotted("C:\\", s.machine).present, equals(True)
)
exercise("ShouldBlockRevert", "nothing", lambda s: api.should_block_revert("C:\\", s.machine), equals(False))
