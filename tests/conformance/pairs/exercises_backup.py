"""How vsspy calls the methods of IVssBackupComponents that make a backup."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from support import ONE_ID, ONE_INSTANCE, TWO_ID, TWO_INSTANCE, wait

from vsspy.enums import BackupType, ObjectType, SnapshotContext, WriterState

from .model import exercise
from .scenes import Scene, stage
from .server import KEY

B = "IVssBackupComponents"


def is_id(value: object) -> None:
    assert isinstance(value, UUID)
    assert value.int


def equals(expected: object) -> Any:
    """A check: the value is just that."""

    def check(value: object) -> None:
        assert value == expected

    return check


exercise(f"{B}::InitializeForBackup", "new", lambda s: s.bc.initialize_for_backup())
exercise(f"{B}::SetContext", "init", lambda s: s.bc.set_context(SnapshotContext.APP_ROLLBACK))
exercise(f"{B}::SetBackupState", "init", lambda s: s.bc.set_backup_state(True, False, BackupType.FULL))
exercise(f"{B}::EnableWriterClasses", "init", lambda s: s.bc.enable_writer_classes([ONE_ID]))
exercise(f"{B}::DisableWriterClasses", "init", lambda s: s.bc.disable_writer_classes([TWO_ID]))
exercise(f"{B}::DisableWriterInstances", "init", lambda s: s.bc.disable_writer_instances([TWO_INSTANCE]))
exercise(f"{B}::GatherWriterMetadata", "state", lambda s: wait(s.bc.gather_writer_metadata()))


def metadata_names(s: Scene) -> list[str]:
    return [each.name for each in s.bc.writer_metadata]


both_writers = equals(["One Writer", "Two Writer"])
exercise(f"{B}::GetWriterMetadataCount", "gathered", lambda s: len(s.bc.writer_metadata), equals(2))
exercise(f"{B}::GetWriterMetadata", "gathered", metadata_names, both_writers, machine="xp")
exercise(f"{B}Ex::GetWriterMetadataEx", "gathered", metadata_names, both_writers)
exercise(f"{B}::FreeWriterMetadata", "gathered", lambda s: s.bc.free_writer_metadata())
exercise(f"{B}::AddComponent", "gathered", lambda s: s.bc.add_component(ONE_INSTANCE, *KEY))
exercise(f"{B}::SetBackupOptions", "set", lambda s: s.bc.set_backup_options(*KEY, "options"))
exercise(f"{B}::SetPreviousBackupStamp", "set", lambda s: s.bc.set_previous_backup_stamp(*KEY, "stamp"))
exercise(f"{B}::StartSnapshotSet", "gathered", lambda s: s.bc.start_snapshot_set(), is_id)


@stage("started")
def _started(s: Scene) -> None:
    s.backup()
    s.order.to_gathered()
    s.order.add()
    s.set_id = s.bc.start_snapshot_set()


exercise(f"{B}::AddToSnapshotSet", "started", lambda s: s.bc.add_to_snapshot_set("C:\\"), is_id)
exercise(f"{B}::IsVolumeSupported", "init", lambda s: s.bc.is_volume_supported("C:\\"), equals(True))
exercise(f"{B}::PrepareForBackup", "set", lambda s: wait(s.bc.prepare_for_backup()))
exercise(f"{B}::DoSnapshotSet", "prepared", lambda s: wait(s.bc.do_snapshot_set()))
exercise(f"{B}::GatherWriterStatus", "prepared", lambda s: wait(s.bc.gather_writer_status()))


@stage("status")
def _status(s: Scene) -> None:
    s.backup()
    s.order.to_snapped()
    wait(s.bc.gather_writer_status())


def writer_states(s: Scene) -> dict[str, WriterState]:
    return {each.name: each.state for each in s.bc.writer_status}


good_states = equals({"One Writer": WriterState.WAITING_FOR_BACKUP_COMPLETE, "Two Writer": WriterState.STABLE})
exercise(f"{B}::GetWriterStatusCount", "status", lambda s: len(s.bc.writer_status), equals(2))
exercise(f"{B}::GetWriterStatus", "status", writer_states, good_states, machine="vista")
exercise(f"{B}Ex3::GetWriterStatusEx", "status", writer_states, good_states)
exercise(f"{B}::FreeWriterStatus", "status", lambda s: s.bc.free_writer_status())


def shadow_copy_set(s: Scene) -> UUID:
    """The set that the shadow copy of the scene says it belongs to."""
    set_id = s.bc.get_snapshot_properties(s.order.shadow_id).snapshot_set_id
    assert set_id == s.order.set_id
    return UUID(str(set_id))


exercise(f"{B}::GetSnapshotProperties", "snapped", shadow_copy_set, is_id)


def query(s: Scene) -> list[UUID]:
    with s.bc.query() as found:
        return [each.snapshot_id for each in found]


def one_shadow_copy(found: list[UUID]) -> None:
    assert len(found) == 1


exercise(f"{B}::Query", "snapped", query, one_shadow_copy)
exercise(
    f"{B}::DeleteSnapshots",
    "snapped",
    lambda s: s.bc.delete_snapshots(s.order.shadow_id, ObjectType.SNAPSHOT),
    equals(1),
)


def is_document(text: str) -> None:
    assert text.startswith("<BACKUP_COMPONENTS ")
    assert 'componentName="data"' in text


exercise(f"{B}::SaveAsXML", "snapped", lambda s: s.bc.save_as_xml(), is_document)
exercise(f"{B}::SetBackupSucceeded", "snapped", lambda s: s.bc.set_backup_succeeded(ONE_INSTANCE, *KEY, True))
exercise(f"{B}::BackupComplete", "snapped", lambda s: wait(s.bc.backup_complete()))
exercise(f"{B}::AbortBackup", "prepared", lambda s: s.bc.abort_backup())
exercise(f"{B}Ex3::GetSessionId", "init", lambda s: s.bc.get_session_id(), is_id)


def writers_in_document(s: Scene) -> list[UUID]:
    return [each.writer_id for each in s.bc.writer_components]


exercise(f"{B}::GetWriterComponentsCount", "set", lambda s: len(s.bc.writer_components), equals(1))
exercise(f"{B}::GetWriterComponents", "set", writers_in_document, equals([ONE_ID]))
