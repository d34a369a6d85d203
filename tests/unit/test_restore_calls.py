"""A whole restore, call by call, against the simulator."""

from __future__ import annotations

from pathlib import Path

import pytest

import vsspy
from vsspy import errors, simulator
from vsspy.enums import BackupSchema, BackupType, ComponentType, FileRestoreStatus, RestoreType, RollForwardType

NEEDED = BackupSchema.ROLLFORWARD_RESTORE | BackupSchema.RESTORE_RENAME | BackupSchema.AUTHORITATIVE_RESTORE


def saved_document(machine: simulator.Machine) -> tuple[str, vsspy.WriterMetadata]:
    """The document of a backup of the one component."""
    with vsspy.BackupComponents(machine) as bc:
        bc.initialize_for_backup()
        bc.set_backup_state(True, False, BackupType.FULL)
        bc.gather_writer_metadata().wait(30)
        (writer,) = bc.writer_metadata
        bc.add_component(writer.instance_id, writer.writer_id, ComponentType.FILEGROUP, None, "data")
        bc.start_snapshot_set()
        bc.add_to_snapshot_set("C:\\")
        bc.prepare_for_backup().wait(30)
        bc.do_snapshot_set().wait(30)
        bc.set_backup_succeeded(writer.instance_id, writer.writer_id, ComponentType.FILEGROUP, None, "data", True)
        bc.backup_complete().wait(30)
        return bc.save_as_xml(), writer


def test_a_restore(tmp_path: Path) -> None:
    (tmp_path / "Data").mkdir()
    (tmp_path / "Data" / "a.db").write_text("a")
    heard: list[str] = []
    component = simulator.Component("data", files=[vsspy.FileSet("C:\\Data", "*.db")])
    writer = simulator.Writer(
        "W",
        components=[component],
        backup_schema=NEEDED,
        on_pre_restore=lambda event: heard.append("PreRestore"),
        on_post_restore=lambda event: heard.append("PostRestore"),
    )
    with simulator.running(volumes={"C:\\": tmp_path}, writers=[writer]) as machine:
        document, metadata = saved_document(machine)
        key = (metadata.writer_id, ComponentType.FILEGROUP, None, "data")
        with vsspy.BackupComponents() as bc:
            bc.initialize_for_restore(document)
            bc.set_restore_state(RestoreType.BY_COPY)
            with pytest.raises(errors.BadStateError) as caught:
                bc.set_selected_for_restore(*key, True)
            assert caught.value.missing_call == "GatherWriterMetadata"
            bc.gather_writer_metadata().wait(30)
            bc.set_selected_for_restore(*key, True)
            bc.set_restore_options(*key, '"x"="y"')
            bc.set_additional_restores(*key, True)
            bc.set_authoritative_restore(*key, True)
            bc.set_roll_forward(*key, RollForwardType.PARTIAL, "point")
            bc.set_restore_name(*key, "other")
            with pytest.raises(errors.BadStateError) as caught:
                bc.set_file_restore_status(*key, FileRestoreStatus.ALL)
            assert caught.value.missing_call == "PreRestore"
            bc.pre_restore().wait(30)
            assert heard == ["PreRestore"]
            with pytest.raises(errors.BadStateError, match="has to come before PreRestore"):
                bc.set_restore_options(*key, "late")
            bc.set_file_restore_status(*key, FileRestoreStatus.ALL)
            bc.post_restore().wait(30)
            assert heard == ["PreRestore", "PostRestore"]
            with pytest.raises(errors.BadStateError, match="belongs to a backup"):
                bc.start_snapshot_set()
            (restored,) = bc.writer_components[0].components
            assert (restored.restore_options, restored.restore_name) == ('"x"="y"', "other")
            assert restored.file_restore_status is FileRestoreStatus.ALL
        with pytest.raises(errors.ObjectNotFoundError), vsspy.BackupComponents() as bc:
            bc.initialize_for_restore(document)
            bc.gather_writer_metadata().wait(30)
            bc.set_selected_for_restore(metadata.writer_id, ComponentType.FILEGROUP, None, "nobody's", True)
        with pytest.raises(errors.InvalidXmlDocumentError), vsspy.BackupComponents() as bc:
            bc.initialize_for_restore("<no/>")
    assert machine.live() == []
