"""How vsspy reads a Writer Metadata Document: IVssExamineWriterMetadata, and what hangs on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support import ONE_ID, TWO_ID

import vsspy
from vsspy.enums import BackupSchema, FileSpecBackupType, RestoreMethod
from vsspy.metadata import WriterMetadata

from .exercises_backup import equals
from .model import exercise
from .scenes import Scene, stage
from .server import (
    DATA_FILES,
    DATABASE_FILE,
    DEPENDENCY,
    EXCLUDED,
    LOG_FILE,
    MAPPING,
    NOT_IN_SNAPSHOT,
    SCHEMA,
    one_writer,
)

E = "IVssExamineWriterMetadata"
XML = one_writer().metadata.to_xml()
api: Any = vsspy


@stage("examined")
def examined(s: Scene) -> None:
    """A stored document, read through COM."""
    s.examined = s.stack.enter_context(api.ExamineWriterMetadata(XML, s.machine))


def of(read: Callable[[WriterMetadata], Any]) -> Callable[[Scene], Any]:
    """Reads the document in bulk, and gives a part of it."""
    return lambda s: read(s.examined.metadata)


def reads(method: str, read: Callable[[WriterMetadata], Any], expected: object) -> None:
    exercise(method, "examined", of(read), equals(expected))


EVERY_BACKUP = FileSpecBackupType.ALL_BACKUP_REQUIRED | FileSpecBackupType.ALL_SNAPSHOT_REQUIRED


def identity(metadata: WriterMetadata) -> tuple[str, object, str | None]:
    return metadata.name, metadata.writer_id, metadata.instance_name


reads(f"{E}Ex::GetIdentityEx", identity, ("One Writer", ONE_ID, "first"))
exercise(f"{E}::GetIdentity", "examined", of(lambda m: m.name), equals("One Writer"), machine="xp")
reads(f"{E}::GetFileCounts", lambda m: (len(m.exclude_files), len(m.components)), (1, 4))
reads(f"{E}::GetExcludeFile", lambda m: list(m.exclude_files), [EXCLUDED])
reads(f"{E}::GetComponent", lambda m: [c.name for c in m.components], ["data", "sub", "base", "bare"])
reads(
    f"{E}::GetRestoreMethod", lambda m: m.restore_method and m.restore_method.method, RestoreMethod.STOP_RESTORE_START
)
reads(
    f"{E}::GetAlternateLocationMapping",
    lambda m: m.restore_method and list(m.restore_method.alternate_location_mappings),
    [MAPPING],
)
reads(f"{E}::GetBackupSchema", lambda m: m.backup_schema, BackupSchema(SCHEMA))
reads(f"{E}Ex2::GetVersion", lambda m: m.version, (3, 4))
reads(f"{E}Ex2::GetExcludeFromSnapshotCount", lambda m: len(m.exclude_files_from_snapshot), 1)
reads(f"{E}Ex2::GetExcludeFromSnapshotFile", lambda m: list(m.exclude_files_from_snapshot), [NOT_IN_SNAPSHOT])
exercise(f"{E}::SaveAsXML", "examined", lambda s: s.examined.save_as_xml(), equals(XML))
exercise(f"{E}::LoadFromXML", "examined", lambda s: s.examined.load_from_xml(XML), equals(True))
exercise(f"{E}::GetDocument", "examined", lambda s: s.examined.get_document())

# IVssWMComponent, IVssWMFiledesc, IVssWMDependency

reads("IVssWMComponent::GetComponentInfo", lambda m: m.components[0].logical_path, "path")
reads("IVssWMComponent::FreeComponentInfo", lambda m: m.components[0].name, "data")
reads("IVssWMComponent::GetFile", lambda m: list(m.components[0].files), [DATA_FILES])
reads("IVssWMComponent::GetDatabaseFile", lambda m: list(m.components[2].database_files), [DATABASE_FILE])
reads("IVssWMComponent::GetDatabaseLogFile", lambda m: list(m.components[2].database_log_files), [LOG_FILE])
reads("IVssWMComponent::GetDependency", lambda m: list(m.components[0].dependencies), [DEPENDENCY])
reads("IVssWMFiledesc::GetPath", lambda m: m.components[0].files[0].path, "C:\\data")
reads("IVssWMFiledesc::GetFilespec", lambda m: m.components[0].files[0].filespec, "*")
reads("IVssWMFiledesc::GetRecursive", lambda m: m.components[0].files[0].recursive, True)
reads("IVssWMFiledesc::GetAlternateLocation", lambda m: m.components[2].database_files[0].alternate_path, "C:\\copy")
reads("IVssWMFiledesc::GetBackupTypeMask", lambda m: m.components[0].files[0].backup_type, EVERY_BACKUP)
reads("IVssWMDependency::GetWriterId", lambda m: m.components[0].dependencies[0].writer_id, TWO_ID)
reads("IVssWMDependency::GetLogicalPath", lambda m: m.components[0].dependencies[0].logical_path, "path")
reads("IVssWMDependency::GetComponentName", lambda m: m.components[0].dependencies[0].component_name, "more")
