"""The documents of a real server (Windows Server 2012 R2) replayed: read through COM, and backed up like DiskShadow did.

The independent reading is xml.etree's; it shares nothing with vsspy's own XML reader.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest
from support import TIMEOUT, wait

import vsspy
from vsspy import simulator
from vsspy.enums import BackupType, ComponentType, WriterState

pytestmark = pytest.mark.captured

METADATA = "{x-schema:#VssWriterMetadataInfo}"
DOCUMENT = "{x-schema:#VssComponentMetadata}"
SERVER = "server2012r2"
TYPES = {"filegroup": ComponentType.FILEGROUP, "database": ComponentType.DATABASE}
METHODS = {
    None: None,
    "RESTORE_IF_CAN_BE_REPLACED": 2,
    "REPLACE_AT_REBOOT": 5,
    "REPLACE_AT_REBOOT_IF_CANNOT_REPLACE": 6,
}
USAGES = {"BOOTABLE_SYSTEM_STATE": 1, "SYSTEM_SERVICE": 2, "USER_DATA": 3}
SOURCES = {"TRANSACTION_DB": 1, "OTHER": 3}


@pytest.fixture
def documents(captured_documents: Path) -> Path:
    folder = captured_documents / SERVER
    assert folder.is_dir()
    return folder


@pytest.fixture
def machine(documents: Path, tmp_path: Path) -> Iterator[simulator.Machine]:
    (tmp_path / "C").mkdir()
    with simulator.running(
        volumes={"C:\\": tmp_path / "C"}, writers=simulator.Writer.folder(documents), state=tmp_path / "state"
    ) as machine:
        yield machine
        assert machine.live_objects == 0, machine.live()
        assert not machine.shadow_copies


def read_writers(folder: Path) -> dict[str, ElementTree.Element]:
    """Each writer's document by the writer's name."""
    roots = [ElementTree.parse(path).getroot() for path in sorted(folder.glob("WM*.xml"))]
    found = {root.findall(METADATA + "IDENTIFICATION")[0].attrib["friendlyName"]: root for root in roots}
    assert len(found) == 11
    return found


def added_components(folder: Path) -> list[tuple[UUID, UUID, ComponentType, str | None, str]]:
    """What the captured Backup Components Document holds, in its order, in the shape of add_component's arguments."""
    root = ElementTree.parse(folder / "BCDocument.xml").getroot()
    return [
        (
            UUID(writer.attrib["instanceId"]),
            UUID(writer.attrib["writerId"]),
            TYPES[component.attrib["componentType"]],
            component.attrib.get("logicalPath"),
            component.attrib["componentName"],
        )
        for writer in root.iter(DOCUMENT + "WRITER_COMPONENTS")
        for component in writer.iter(DOCUMENT + "COMPONENT")
    ]


FileSetKey = tuple[str, str, bool, str | None, int | None]


def file_sets(element: ElementTree.Element, tag: str) -> list[FileSetKey]:
    return [
        (
            each.attrib["path"],
            each.attrib["filespec"],
            each.attrib.get("recursive") == "yes",
            each.attrib.get("alternatePath"),
            int(each.attrib["filespecBackupType"]) if "filespecBackupType" in each.attrib else None,
        )
        for each in element.findall(METADATA + tag)
    ]


def keys(sets: Any, *, mask: bool) -> list[FileSetKey]:
    return [(s.path, s.filespec, s.recursive, s.alternate_path, int(s.backup_type) if mask else None) for s in sets]


def flat(text: str | None) -> str | None:
    """Line breaks as a conforming XML parser gives them (vss_xml.md 1)."""
    return None if text is None else text.replace("\r\n", " ").replace("\n", " ").replace("\r", " ")


def check_component(component: vsspy.ComponentMetadata, element: ElementTree.Element) -> None:
    attributes = element.attrib
    assert component.type is (
        ComponentType.FILEGROUP if element.tag == METADATA + "FILE_GROUP" else ComponentType.DATABASE
    )
    assert component.logical_path == attributes.get("logicalPath")
    assert component.name == attributes["componentName"]
    assert flat(component.caption) == flat(attributes.get("caption"))
    flags = ("restoreMetadata", "notifyOnBackupComplete", "selectable", "selectableForRestore")
    assert (
        component.restore_metadata,
        component.notify_on_backup_complete,
        component.selectable,
        component.selectable_for_restore,
    ) == tuple(attributes[name] == "yes" for name in flags)
    assert int(component.flags) == int(attributes["componentFlags"])
    assert component.icon == b""
    assert list(component.dependencies) == []
    assert keys(component.files, mask=True) == file_sets(element, "FILE_LIST")
    assert keys(component.database_files, mask=True) == file_sets(element, "DATABASE_FILES")
    assert keys(component.database_log_files, mask=True) == file_sets(element, "DATABASE_LOGFILES")


def check_writer(writer: vsspy.WriterMetadata, root: ElementTree.Element) -> None:
    identification = root.findall(METADATA + "IDENTIFICATION")[0].attrib
    assert writer.writer_id == UUID(identification["writerId"])
    assert writer.instance_id == UUID(identification["instanceId"])
    assert (writer.instance_name or None) == identification.get("instanceName")
    assert (int(writer.usage), int(writer.source)) == (
        USAGES[identification["usage"]],
        SOURCES[identification["dataSource"]],
    )
    assert tuple(writer.version) == (int(identification["majorVersion"]), int(identification["minorVersion"]))
    assert int(writer.backup_schema) == int(root.attrib.get("backupSchema", "0"))
    methods = root.findall(METADATA + "RESTORE_METHOD")
    if methods:
        assert writer.restore_method is not None
        assert int(writer.restore_method.method) == METHODS[methods[0].attrib["method"]]
        assert writer.restore_method.reboot_required == (methods[0].attrib["rebootRequired"] == "yes")
        assert (
            int(writer.restore_method.writer_restore) == {"never": 1, "always": 3}[methods[0].attrib["writerRestore"]]
        )
    else:
        assert writer.restore_method is None
    (locations,) = root.findall(METADATA + "BACKUP_LOCATIONS")
    elements = [each for each in locations if each.tag in (METADATA + "FILE_GROUP", METADATA + "DATABASE")]
    assert len(writer.components) == len(elements)
    for component, element in zip(writer.components, elements, strict=True):
        check_component(component, element)
    assert keys(writer.exclude_files, mask=False) == file_sets(locations, "EXCLUDE_FILES")
    assert keys(writer.exclude_files_from_snapshot, mask=False) == file_sets(locations, "EXCLUDE_FILES_FROM_SNAPSHOT")


def test_all_writers_are_read_through_com(machine: simulator.Machine, documents: Path) -> None:
    """All 11 writers are there, and each says through COM what its document says."""
    expected = read_writers(documents)
    with vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        wait(components.gather_writer_metadata())
        writers = {writer.name: writer for writer in components.writer_metadata}
        assert set(writers) == set(expected)
        for name, root in expected.items():
            check_writer(writers[name], root)
        wait(components.gather_writer_status())
        assert {status.name: status.state for status in components.writer_status} == dict.fromkeys(
            expected, WriterState.STABLE
        )


def test_the_system_writers_file_sets(machine: simulator.Machine, documents: Path) -> None:
    """The 18,925 file sets of the largest document, each one exactly."""
    with vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        wait(components.gather_writer_metadata())
        (writer,) = [each for each in components.writer_metadata if each.name == "System Writer"]
        read = {component.full_name: keys(component.files, mask=True) for component in writer.components}
    expected = {
        element.attrib["componentName"]: file_sets(element, "FILE_LIST")
        for element in read_writers(documents)["System Writer"].iter(METADATA + "FILE_GROUP")
    }
    assert read == expected
    assert sum(map(len, read.values())) == 18925


def test_a_document_survives_reading_and_writing(documents: Path) -> None:
    """from_xml and to_xml keep all that a document says, without any backend."""
    for path in sorted(documents.glob("WM*.xml")):
        text = path.read_text(encoding="utf-8")
        again = vsspy.WriterMetadata.from_xml(vsspy.WriterMetadata.from_xml(text).to_xml())
        check_writer(again, ElementTree.fromstring(text))


def canonical(document: str) -> str:
    return ElementTree.canonicalize(document)


def with_set_id(document: str, set_id: str) -> str:
    """A Backup Components Document as if it were of another set."""
    current = ElementTree.fromstring(document).attrib["snapshotSetId"]
    assert document.count(current) == 1
    return document.replace(current, set_id)


def test_the_backup_components_document(machine: simulator.Machine, documents: Path) -> None:
    """The same backup gives the same document, but for the set's id."""
    captured = (documents / "BCDocument.xml").read_text(encoding="utf-8")
    with vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.set_backup_state(True, True, BackupType.FULL)
        wait(components.gather_writer_metadata())
        for component in added_components(documents):
            components.add_component(*component)
        set_id = components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        wait(components.prepare_for_backup())
        wait(components.do_snapshot_set())
        made = components.save_as_xml()
        assert ElementTree.fromstring(made).attrib["snapshotSetId"] == str(set_id)
        expected = ElementTree.fromstring(captured).attrib["snapshotSetId"]
        assert canonical(with_set_id(made, expected)) == canonical(captured)
        assert with_set_id(made, expected) == captured.strip()
        wait(components.backup_complete())


def test_the_sessions_default_selection(machine: simulator.Machine, documents: Path) -> None:
    """C:\\ less SqlServerWriter selects what DiskShadow selected; the ASR writer is out by rule R5."""
    captured = ElementTree.fromstring((documents / "BCDocument.xml").read_text(encoding="utf-8"))
    with vsspy.BackupSession("C:\\") as backup:
        backup.exclude("SqlServerWriter")
        backup.snapshot()
        assert backup.document is not None
        made = ElementTree.fromstring(backup.document)
        for component in backup.components:
            component.mark_succeeded()
        result = backup.result
    assert result.good

    def added(root: ElementTree.Element) -> dict[str, list[tuple[str | None, str | None, str | None]]]:
        return {
            writer.attrib["writerId"]: [
                (each.get("logicalPath"), each.get("componentName"), each.get("componentType"))
                for each in writer.iter(DOCUMENT + "COMPONENT")
            ]
            for writer in root.iter(DOCUMENT + "WRITER_COMPONENTS")
        }

    assert added(made) == added(captured)
    (asr,) = [left for left in result.left_out if left.writer == "ASR Writer" and left.kind == "writer"]
    assert "Volume{c7463aba-f40d-11e9-80c7-806e6f6e6963}" in asr.reason or "BCD" in asr.reason


def run_cli(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """`vsspy` with its temporary files below a folder."""
    (folder / "tmp").mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(folder / "tmp"), "TEMP": str(folder / "tmp"), "TMP": str(folder / "tmp")}
    return subprocess.run(
        [sys.executable, "-m", "vsspy", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_a_replayed_writers_files_by_the_command_line(documents: Path, tmp_path: Path) -> None:
    """The Task Scheduler Writer's tasks are found, copied and reported to it as saved."""
    root = tmp_path / "image"
    tasks = {
        "Windows/System32/Tasks/Backup": b"<Task/>\n",
        "Windows/System32/Tasks/Microsoft/Windows/Defrag/ScheduledDefrag": b"<Task>defrag</Task>\n",
        "Windows/Tasks/SA.DAT": bytes(range(256)),
    }
    others = {"Windows/win.ini": b"[fonts]\n", "Users/someone/notes.txt": b"not below a PATH\n"}
    for name, data in {**tasks, **others}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    target = tmp_path / "backup"
    done = run_cli(
        "backup",
        "C:\\Windows",
        "--to",
        str(target),
        "--volume",
        f"C:\\={root}",
        "--component",
        "Task Scheduler Writer",
        "--writers-from",
        str(documents),
        "--backend",
        "simulator",
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name, data in tasks.items():
        assert (target / "C" / name).read_bytes() == data
    assert (target / "C/Windows/win.ini").exists()
    assert not (target / "C/Users").exists()

    document = ElementTree.parse(target / "vsspy" / "backup-components.xml").getroot()
    (writer,) = document.iter(DOCUMENT + "WRITER_COMPONENTS")
    (component,) = writer.iter(DOCUMENT + "COMPONENT")
    assert writer.attrib["writerId"] == "d61d61c8-d73a-4eee-8cdd-f6f9786b7124"
    assert (component.attrib["componentName"], component.attrib["backupSucceeded"]) == ("TasksStore", "yes")
    assert len(list((target / "vsspy" / "writers").glob("*.xml"))) == 11

    report = json.loads((target / "vsspy" / "report.json").read_text(encoding="utf-8"))
    assert report["backend"] == "simulator"
    assert "TasksStore" in json.dumps(report)
    assert not list((tmp_path / "tmp").rglob("HarddiskVolumeShadowCopy*")), "a shadow copy was left"


def test_a_component_is_backed_up_wherever_its_files_lie(documents: Path, tmp_path: Path) -> None:
    """A PATH brings a part of its files, and the others come with it."""
    root = tmp_path / "image"
    (root / "Windows/System32/Tasks").mkdir(parents=True)
    (root / "Windows/System32/Tasks/Backup").write_bytes(b"<Task/>\n")
    (root / "Windows/Tasks").mkdir()
    (root / "Windows/Tasks/SA.DAT").write_bytes(b"data")
    (root / "Windows/other").write_bytes(b"not the component's")
    target = tmp_path / "backup"
    done = run_cli(
        "backup",
        "C:\\Windows\\System32",
        "--to",
        str(target),
        "--volume",
        f"C:\\={root}",
        "--component",
        "Task Scheduler Writer",
        "--writers-from",
        str(documents),
        "--backend",
        "simulator",
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (target / "C/Windows/System32/Tasks/Backup").read_bytes() == b"<Task/>\n"
    assert (target / "C/Windows/Tasks/SA.DAT").read_bytes() == b"data"
    assert not (target / "C/Windows/other").exists()
    document = ElementTree.parse(target / "vsspy" / "backup-components.xml").getroot()
    (component,) = document.iter(DOCUMENT + "COMPONENT")
    assert (component.attrib["componentName"], component.attrib["backupSucceeded"]) == ("TasksStore", "yes")
