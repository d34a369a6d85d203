"""A saved Backup Components Document read without a backend: the values that VSS's own views of it show, and refusals."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

import pytest
from test_documents import COMPONENT_DOCUMENTS, INSTANCE_ID, WRITER_ID, components_document, writer_components

import vsspy
from vsspy import BackupDocument, simulator
from vsspy.enums import (
    BackupSchema,
    BackupType,
    ComponentType,
    FileRestoreStatus,
    RestoreTarget,
    RestoreType,
    RollForwardType,
)
from vsspy.errors import InvalidXmlDocumentError

FULL = BackupDocument.from_xml(COMPONENT_DOCUMENTS["component"])


def test_everything_that_a_component_can_hold() -> None:
    (writer,) = FULL.writers
    assert (writer.writer_id, writer.instance_id) == (UUID(WRITER_ID), UUID(INSTANCE_ID))
    assert (writer.instance_name, writer.backup_schema) == (None, BackupSchema(259))
    (component,) = writer.components
    assert component == vsspy.SavedComponent(
        logical_path="a\\b",
        name="n",
        type=ComponentType.DATABASE,
        backup_succeeded=True,
        backup_stamp="s",
        previous_backup_stamp="p",
        backup_options="o",
        backup_metadata="AQID",
        partial_files=(vsspy.PartialFile("C:\\d", "f", "0:1", "m"),),
        differenced_files=(vsspy.DifferencedFile("C:\\d", "*", True, "l", None, 2**64 - 1),),
        prepare_for_backup_failure_message="m1",
        post_snapshot_failure_message="m2",
        failure=vsspy.ComponentFailure(
            vsspy.HResult(0x800423F4), "VSS_E_WRITERERROR_NONRETRYABLE", vsspy.HResult(5), "<&> \"'"
        ),
        selected_for_restore=True,
        restore_instance_id=UUID(INSTANCE_ID),
        additional_restores=False,
        restore_options="r",
        restore_metadata="",
        restore_target=RestoreTarget.DIRECTED,
        restore_name="n2",
        authoritative_restore=True,
        roll_forward=vsspy.RollForward(RollForwardType.PARTIAL, "q"),
        file_restore_status=FileRestoreStatus.FAILED,
        alternate_location_mappings=(vsspy.FileSet("C:\\d", "*", False, "D:\\"),),
        new_targets=(vsspy.FileSet("C:\\d", "f", True, "E:\\"),),
        directed_targets=(vsspy.DirectedTarget("C:\\d", "f", "0:1", "D:\\", "g", "2:1"),),
        restore_subcomponents=(vsspy.RestoreSubcomponent("a\\b\\n", "c", False),),
        pre_restore_failure_message="m3",
        post_restore_failure_message="m4",
    )
    assert component.full_name == "a\\b\\n"


def test_the_same_as_vss_shows() -> None:
    """What a restore object's views say of the same document, property by property."""
    shown = {name for name, value in vars(vsspy.DocumentComponent).items() if isinstance(value, property)}
    with simulator.running(volumes={}), vsspy.BackupComponents() as bc:
        bc.initialize_for_restore(COMPONENT_DOCUMENTS["component"])
        (live,) = bc.writer_components[0].components
        (saved,) = FULL.writers[0].components
        assert {name: getattr(saved, name) for name in shown} == {name: getattr(live, name) for name in shown}


def test_what_is_not_in_the_document() -> None:
    text = components_document(writer_components('<COMPONENT componentName="n" componentType="filegroup"/>'))
    document = BackupDocument.from_xml(text)
    (component,) = document.writers[0].components
    set_fields = {
        name
        for name in vsspy.SavedComponent.__dataclass_fields__
        if getattr(component, name) is not None and getattr(component, name) != ()
    }
    assert set_fields == {"name", "type"}
    assert component.full_name == "n"
    assert document.snapshot_set_id is None
    assert document.restore_type is RestoreType.UNDEFINED
    assert document.other_elements == ()


def test_the_document_itself() -> None:
    document = BackupDocument.from_xml(COMPONENT_DOCUMENTS["with a set"].encode("utf-16"))
    assert document.snapshot_set_id == UUID(INSTANCE_ID)
    assert document.restore_type is RestoreType.IMPORT
    assert document.backup_type is BackupType.FULL
    assert (document.select_components, document.bootable_system_state) == (True, False)
    assert document.partial_file_support is False
    described = BackupDocument.from_xml(COMPONENT_DOCUMENTS["unknown elements"]).other_elements
    assert len(described) == 1
    assert described[0].startswith('<SNAPSHOT_SET_DESCRIPTION snapshotSetId="s">')
    assert document == BackupDocument.from_xml(COMPONENT_DOCUMENTS["with a set"])
    assert BackupDocument.from_xml(COMPONENT_DOCUMENTS["empty"]).writers == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no root element"),
        ("<a/>", "BACKUP_COMPONENTS"),
        (COMPONENT_DOCUMENTS["component"].replace('backupSucceeded="yes"', 'backupSucceeded="1"'), "backupSucceeded"),
        (COMPONENT_DOCUMENTS["component"].replace("</COMPONENT>", ""), "COMPONENT"),
    ],
)
def test_what_is_no_such_document_is_refused(text: str, reason: str) -> None:
    for given in (text, text.encode()):
        with pytest.raises(InvalidXmlDocumentError, match="read_backup_components") as caught:
            BackupDocument.from_xml(given)
        assert reason in str(caught.value)


@pytest.mark.captured
@pytest.mark.skipif("VSSPY_CAPTURED_DOCUMENTS" not in os.environ, reason="VSSPY_CAPTURED_DOCUMENTS is not set")
def test_captured_documents() -> None:
    found = sorted(Path(os.environ["VSSPY_CAPTURED_DOCUMENTS"]).rglob("BCDocument.xml"))
    assert found
    for path in found:
        document = BackupDocument.from_xml(path.read_bytes())
        assert document.backup_type is BackupType.FULL
        assert sum(len(writer.components) for writer in document.writers) == path.read_text().count("<COMPONENT ")
