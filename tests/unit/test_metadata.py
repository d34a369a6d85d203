"""WriterMetadata: what a Writer Metadata Document says, as Python values."""

from __future__ import annotations

import copy
import dataclasses
import gc
import os
import pickle
import threading
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsspy import _core
from vsspy.enums import (
    BackupSchema,
    ComponentFlags,
    ComponentType,
    FileSpecBackupType,
    RestoreMethod,
    SourceType,
    UsageType,
    WriterRestore,
)
from vsspy.metadata import ComponentMetadata, Dependency, FileSet, RestoreMethodInfo, WriterMetadata

WRITERS = Path(__file__).parents[1] / "data" / "writers"
NAMESPACE = "x-schema:#VssWriterMetadataInfo"
EVERY_BACKUP = FileSpecBackupType(0xF0F)
HARBOR_ID = UUID("3f0c6a52-8d1e-4b7a-9c55-2e6f81d0a914")
QUAY_ID = UUID("9a41c7de-05b2-4f6d-b3e8-7c1f2d604b95")


def read(name: str) -> WriterMetadata:
    return WriterMetadata.from_xml((WRITERS / name).read_bytes())


def test_a_database_writer() -> None:
    writer = read("harbor_database.xml")
    assert writer.writer_id == HARBOR_ID
    assert writer.instance_id == UUID("b7d94e10-61f3-4c08-8a2b-90c5e7f3d261")
    assert writer.instance_name == "HARBOR01:ledger"
    assert writer.name == "Harbor Database Writer"
    assert (writer.usage, writer.source) == (UsageType.USERDATA, SourceType.TRANSACTEDDB)
    assert writer.version == (4, 2)
    assert writer.backup_schema == BackupSchema(881)
    assert writer.restore_method == RestoreMethodInfo(
        RestoreMethod.STOP_RESTORE_START,
        service="HarborDb",
        user_procedure="https://harbor.example/restore?step=1&mode=full",
        writer_restore=WriterRestore.ALWAYS,
        reboot_required=False,
        alternate_location_mappings=(FileSet("%ProgramData%\\Harbor\\Data", "*.hdb", True, "D:\\Harbor\\Restored"),),
    )
    assert writer.include_files == ()
    assert [component.full_name for component in writer.components] == [
        "Ledger",
        "Ledger\\Accounts",
        "Ledger\\Ports & Berths",
        "Ledger\\Reports\\Archive",
    ]
    assert writer.exclude_files == (
        FileSet("%ProgramData%\\Harbor\\Data", "*.lock", True),
        FileSet("%ProgramData%\\Harbor\\Data", "scratch.hdb"),
    )
    assert writer.exclude_files_from_snapshot == (FileSet("\\Harbor Cache", "*.*", True),)


def test_its_components() -> None:
    ledger, accounts, ports, archive = read("harbor_database.xml").components
    assert ledger == ComponentMetadata(
        type=ComponentType.FILEGROUP,
        logical_path=None,
        name="Ledger",
        caption="The ledger and all that belongs to it",
        icon=b"\0\0\1\0\1\0\x10\x10\0\0",
        restore_metadata=True,
        notify_on_backup_complete=True,
        selectable=True,
        selectable_for_restore=True,
        flags=ComponentFlags(2),
        files=(FileSet("%ProgramData%\\Harbor", "ledger.cfg"),),
        dependencies=(Dependency(QUAY_ID, "Quay", "Settings"), Dependency(QUAY_ID, None, "Logs")),
    )
    assert accounts.type == ComponentType.DATABASE
    assert (accounts.caption, ports.caption) == ("", None)
    assert (accounts.selectable, accounts.selectable_for_restore) == (False, True)
    assert accounts.database_files == (
        FileSet("%ProgramData%\\Harbor\\Data", "accounts.hdb"),
        FileSet("%ProgramData%\\Harbor\\Data\\Index", "accounts?.hix", backup_type=FileSpecBackupType(0x101)),
    )
    assert accounts.database_log_files == (FileSet("%ProgramData%\\Harbor\\Logs", "accounts*.hlg"),)
    assert accounts.files == ()
    assert ports.flags == ComponentFlags(3)
    assert archive.files == (
        FileSet("%ProgramData%\\Harbor\\Reports", "*", True, "%ProgramData%\\Harbor\\ReportsFrozen"),
        FileSet("%ProgramData%\\Harbor\\Spool", "*.tmp", backup_type=FileSpecBackupType(0x1000F)),
    )
    assert FileSpecBackupType.CREATED_DURING_BACKUP in archive.files[1].backup_type


def test_a_writer_of_the_system() -> None:
    writer = read("quay_system.xml")
    assert writer.instance_name is None
    assert writer.backup_schema == BackupSchema(0)
    assert writer.restore_method is not None
    assert writer.restore_method.method == RestoreMethod.RESTORE_AT_REBOOT_IF_CANNOT_REPLACE
    assert writer.restore_method.writer_restore == WriterRestore.NEVER
    assert writer.restore_method.reboot_required
    assert writer.restore_method.alternate_location_mappings == ()
    assert writer.components[2].caption == "Logs of the quay.\r\nThey are needed for an audit.\r\n"
    assert writer.components[3].files == ()


def test_an_express_writer() -> None:
    writer = read("lighthouse_express.xml")
    assert writer.writer_id == UUID("C2D5E8A1-7F34-4E09-B6C8-1A93D07F5B42")
    assert writer.components[0].caption == "Aufgaben für den Leuchtturm"
    assert [each.recursive for each in writer.components[0].files] == [True, False]
    assert writer.to_xml().encode() == (WRITERS / "lighthouse_express.xml").read_bytes()


@pytest.mark.parametrize(
    ("word", "method"),
    [
        ("RESTORE_IF_NOT_THERE", 1),
        ("RESTORE_IF_CAN_BE_REPLACED", 2),
        ("RESTORE_IF_CAN_REPLACE", 2),
        ("STOP_RESTORE_START", 3),
        ("RESTORE_TO_ALTERNATE_LOCATION", 4),
        ("REPLACE_AT_REBOOT", 5),
        ("RESTORE_AT_REBOOT", 5),
        ("REPLACE_AT_REBOOT_IF_CANNOT_REPLACE", 6),
        ("RESTORE_AT_REBOOT_IF_CANNOT_REPLACE", 6),
        ("CUSTOM", 7),
        ("RESTORE_STOP_START", 8),
    ],
)
def test_restore_methods_by_the_documents_and_the_apis_words(word: str, method: int) -> None:
    text = (
        (WRITERS / "quay_system.xml").read_text("utf-8").replace('"REPLACE_AT_REBOOT_IF_CANNOT_REPLACE"', f'"{word}"')
    )
    found = WriterMetadata.from_xml(text).restore_method
    assert found is not None
    assert found.method == method


def test_no_restore_method_is_none() -> None:
    text = (WRITERS / "quay_system.xml").read_text("utf-8")
    start = text.index("<RESTORE_METHOD")
    assert WriterMetadata.from_xml(text[:start] + "</WRITER_METADATA>").restore_method is None


def test_from_xml_wants_text_or_bytes() -> None:
    for wrong in (None, 1, bytearray(b"<a/>"), Path("x")):
        with pytest.raises(TypeError):
            WriterMetadata.from_xml(wrong)  # type: ignore[arg-type]


def test_values_cannot_be_changed() -> None:
    writer = read("harbor_database.xml")
    for value, name in ((writer, "name"), (writer.components[0], "files"), (writer.exclude_files[0], "path")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, "x")
    with pytest.raises((TypeError, AttributeError)):
        writer.components[0] = None  # type: ignore[index]


def test_equality_and_hash_are_those_of_the_values() -> None:
    one, same, other = read("harbor_database.xml"), read("harbor_database.xml"), read("quay_system.xml")
    assert one == same
    assert hash(one) == hash(same)
    assert len({one, same, other}) == 2
    spaced = WriterMetadata.from_xml(one.to_xml().replace("><", ">\n <"))
    assert spaced == one
    assert spaced.to_xml() != one.to_xml()
    assert WriterMetadata.from_xml(one.to_xml().replace("accounts.hdb", "accounts2.hdb")) != one
    assert one.components != other.components
    assert one.components[1:] == same.components[1:]
    assert tuple(one.components) == one.components
    assert hash(tuple(one.components)) == hash(one.components)
    as_list: object = list(one.components)
    assert one.components != as_list


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol: int) -> None:
    for name in ("harbor_database.xml", "quay_system.xml", "lighthouse_express.xml"):
        writer = read(name)
        again = pickle.loads(pickle.dumps(writer, protocol))
        assert again == writer
        assert hash(again) == hash(writer)
        assert again.to_xml() == writer.to_xml()
        assert pickle.loads(pickle.dumps(again, protocol)) == writer
        for part in (writer.components, writer.components[0], writer.components[0].files, writer.exclude_files):
            assert pickle.loads(pickle.dumps(part, protocol)) == part


def test_copies_and_replacements() -> None:
    writer = read("harbor_database.xml")
    assert copy.copy(writer) == copy.deepcopy(writer) == writer
    renamed = dataclasses.replace(writer, name="Other")
    assert renamed != writer
    assert renamed.components == writer.components


def test_repr_names_the_thing_and_stays_short() -> None:
    writer = read("harbor_database.xml")
    assert repr(writer) == f"<WriterMetadata 'Harbor Database Writer' writer_id={HARBOR_ID} components=4>"
    assert (
        repr(writer.components[1]) == "<ComponentMetadata 'Ledger\\\\Accounts' DATABASE selectable=False file_sets=3>"
    )
    assert repr(writer.exclude_files[0]).startswith(
        "FileSet(path='%ProgramData%\\\\Harbor\\\\Data', filespec='*.lock', "
    )
    assert repr(writer.components).endswith("... 4 in all]")


def test_parts_outlive_the_writer() -> None:
    files = read("harbor_database.xml").components[3].files
    mappings = read("harbor_database.xml").restore_method
    gc.collect()
    assert files[0].filespec == "*"
    assert mappings is not None
    assert mappings.alternate_location_mappings[0].filespec == "*.hdb"


@given(st.integers(0, 12), st.data())
def test_views_are_sequences(count: int, data: st.DataObject) -> None:
    sets = "".join(f'<EXCLUDE_FILES path="p{i}" filespec="*" recursive="no"/>' for i in range(count))
    text = (WRITERS / "quay_system.xml").read_text("utf-8")
    view = WriterMetadata.from_xml(text.replace("<FILE_GROUP ", sets + "<FILE_GROUP ", 1)).exclude_files
    everything = tuple(view)
    assert isinstance(view, Sequence)
    assert len(view) == len(everything) == count + 2
    assert [each.path for each in view[:count]] == [f"p{i}" for i in range(count)]
    assert tuple(reversed(view)) == everything[::-1]
    part = data.draw(st.slices(count + 2))
    assert view[part] == everything[part]
    assert view[part][::-1] == everything[part][::-1]
    for index in range(-count - 2, count + 2):
        assert view[index] == everything[index]
        assert view.index(view[index]) == everything.index(everything[index])
        assert view[index] in view
    for index in (count + 2, -count - 3):
        with pytest.raises(IndexError):
            view[index]


COLLECTIONS: dict[str, Callable[[WriterMetadata], Sequence[object]]] = {
    "components": lambda writer: writer.components,
    "files": lambda writer: writer.components[3].files,
    "database_files": lambda writer: writer.components[1].database_files,
    "database_log_files": lambda writer: writer.components[1].database_log_files,
    "dependencies": lambda writer: writer.components[0].dependencies,
    "exclude_files": lambda writer: writer.exclude_files,
    "exclude_files_from_snapshot": lambda writer: writer.exclude_files_from_snapshot,
    "include_files": lambda writer: writer.include_files,
    "alternate_location_mappings": lambda writer: writer.restore_method.alternate_location_mappings,  # type: ignore[union-attr]
}


@pytest.mark.parametrize("name", COLLECTIONS)
def test_every_collection_is_a_sequence_of_values(name: str) -> None:
    found, same = (COLLECTIONS[name](read("harbor_database.xml")) for _ in range(2))
    everything = tuple(found)
    assert isinstance(found, Sequence)
    assert len(found) == len(everything)
    assert bool(everything) == (name != "include_files")
    assert (found, hash(found)) == (same, hash(same))
    assert tuple(found[1:]) == everything[1:]
    assert tuple(found[::-1]) == tuple(reversed(found)) == everything[::-1]
    for index in range(-len(found), len(found)):
        assert found[index] == everything[index]
        assert hash(found[index]) == hash(everything[index])
        assert found[index] in found
    for index in (len(found), -len(found) - 1):
        with pytest.raises(IndexError):
            found[index]


def test_the_core_refuses_indices_outside() -> None:
    document = _core.read_writer_metadata((WRITERS / "harbor_database.xml").read_bytes())
    for call in (document.component, document.exclude_files.get, document.component(0).dependency):
        with pytest.raises(IndexError):
            call(4)
        with pytest.raises(TypeError):
            call(-1)


# Any text that XML can hold: no control characters but tab and line breaks, no surrogates, no U+FFFE and U+FFFF.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\r\n\\*?%&<>\"'"),
    max_size=20,
)
MASKS = st.integers(0, 2**32 - 1)
FLAGS = st.booleans()


def element(name: str, values: dict[str, Any], inside: str = "") -> str:
    written = []
    for key, value in values.items():
        if value is None:
            continue
        text = ("no", "yes")[value] if isinstance(value, bool) else str(value)
        for character, reference in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
            text = text.replace(character, reference)
        written.append(f' {key}="{text}"')
    return f"<{name}{''.join(written)}>{inside}</{name}>" if inside else f"<{name}{''.join(written)}/>"


def many(name: str, **values: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    return st.lists(attributes(values).map(lambda found: element(name, found)), max_size=3).map("".join)


def attributes(values: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a value for each, in the order given: it is the order in which they are written."""
    return st.tuples(*values.values()).map(lambda drawn: dict(zip(values, drawn, strict=True)))


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A document in the form in which it is written, with everything that a model can hold."""
    optional = st.none() | TEXTS
    located = {"path": TEXTS, "filespec": TEXTS}
    recursive = st.sampled_from([None, True])
    component = {
        "logicalPath": optional,
        "componentName": TEXTS,
        "caption": optional,
        "icon": st.none() | st.sampled_from(["AA==", "AAE=", "AAEC", "/+8A"]),
        "restoreMetadata": FLAGS,
        "notifyOnBackupComplete": FLAGS,
        "selectable": FLAGS,
        "selectableForRestore": FLAGS,
        "componentFlags": MASKS,
    }
    dependencies = many("DEPENDENCY", writerId=st.uuids(), logicalPath=optional, componentName=TEXTS)
    more = {"recursive": recursive, "alternatePath": optional, "filespecBackupType": MASKS}
    file_lists = many("FILE_LIST", **located, **more)
    database = st.tuples(many("DATABASE_FILES", **located, **more), many("DATABASE_LOGFILES", **located, **more)).map(
        "".join
    )
    components = []
    for kind in draw(st.lists(st.sampled_from(["FILE_GROUP", "DATABASE"]), max_size=3)):
        inside = draw(file_lists if kind == "FILE_GROUP" else database) + draw(dependencies)
        components.append(element(kind, draw(attributes(component)), inside))
    excluded = "".join(
        draw(many(name, **located, recursive=FLAGS)) for name in ("EXCLUDE_FILES", "EXCLUDE_FILES_FROM_SNAPSHOT")
    )
    inside = "".join(components) + excluded
    locations = element("BACKUP_LOCATIONS", {}, inside) if inside else ""
    identity = {
        "writerId": st.uuids(),
        "instanceId": st.uuids(),
        "instanceName": optional,
        "friendlyName": TEXTS,
        "usage": st.sampled_from(["BOOTABLE_SYSTEM_STATE", "SYSTEM_SERVICE", "USER_DATA", "OTHER"]),
        "dataSource": st.sampled_from(["TRANSACTION_DB", "NONTRANSACTED_DB", "OTHER"]),
        "majorVersion": MASKS,
        "minorVersion": MASKS,
    }
    restore = {
        "method": st.sampled_from(["RESTORE_IF_NOT_THERE", "RESTORE_TO_ALTERNATE_LOCATION", "CUSTOM"]),
        "writerRestore": st.sampled_from(["never", "if_replace_fails", "always"]),
        "rebootRequired": FLAGS,
        "service": optional,
        "userProcedure": optional,
    }
    mappings = many("ALTERNATE_LOCATION_MAPPING", **located, recursive=FLAGS, alternatePath=TEXTS)
    method = element("RESTORE_METHOD", draw(attributes(restore)), draw(mappings)) if draw(FLAGS) else ""
    parts = [method, locations] if draw(FLAGS) else [locations, method]
    root = {"xmlns": NAMESPACE, "version": "1.2", "backupSchema": draw(st.none() | st.integers(1, 2**32 - 1))}
    return element("WRITER_METADATA", root, element("IDENTIFICATION", draw(attributes(identity))) + "".join(parts))


@given(documents())
def test_values_survive_writing_and_reading(text: str) -> None:
    document = _core.read_writer_metadata(text)
    written = document.canonical_xml()
    assert written == text
    writer, again = WriterMetadata.from_xml(text), WriterMetadata.from_xml(written.encode())
    assert again == writer
    assert pickle.loads(pickle.dumps(writer)) == writer


def large_document(count: int) -> str:
    sets = "".join(
        f'<FILE_LIST path="C:\\Data\\{i // 100}" filespec="file{i}.dat" filespecBackupType="3855"/>'
        for i in range(count)
    )
    text = (WRITERS / "quay_system.xml").read_text("utf-8")
    return text.replace('<FILE_LIST path="%SystemRoot%\\quay" ', sets + '<FILE_LIST path="%SystemRoot%\\quay" ', 1)


@pytest.mark.skipif(
    os.environ.get("VSSPY_SANITIZER") == "address", reason="LeakSanitizer reports CPython's tracemalloc by itself"
)
def test_a_very_large_document_is_read_and_indexed_lazily() -> None:
    count = 200_000
    text = large_document(count)
    files = WriterMetadata.from_xml(text).components[0].files
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        assert len(files) == count + 3
        assert files[0] == FileSet("C:\\Data\\0", "file0.dat")
        assert files[count - 1] == FileSet("C:\\Data\\1999", "file199999.dat")
        assert files[-1] == FileSet("C:\\Program Files\\Quay", "quay.exe")
        assert [each.filespec for each in files[count - 2 :: -50_000]] == [
            f"file{i}.dat" for i in range(count - 2, -1, -50_000)
        ]
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 1_000_000  # a list of all of them takes some 50 MB
    assert after - before < 100_000


def test_other_threads_run_while_a_document_is_read() -> None:
    data = large_document(200_000).encode()
    spans: list[tuple[float, float]] = []

    def read_it() -> None:
        start = time.perf_counter()
        _core.read_writer_metadata(data)
        spans.append((start, time.perf_counter()))

    thread = threading.Thread(target=read_it)
    ticks = []
    thread.start()
    while thread.is_alive():
        ticks.append(time.perf_counter())
        time.sleep(0.001)
    thread.join()
    [(start, end)] = spans
    middle = [tick for tick in ticks if start + (end - start) * 0.1 < tick < start + (end - start) * 0.9]
    assert middle


def etree_file_sets(node: ElementTree.Element, name: str) -> list[FileSet]:
    """The file sets below a node, by a parser that is not ours."""
    return [
        FileSet(
            each.attrib["path"],
            each.attrib["filespec"],
            each.get("recursive") == "yes",
            each.get("alternatePath"),
            FileSpecBackupType(int(each.get("filespecBackupType", "3855"))),
        )
        for each in node.iter(f"{{{NAMESPACE}}}{name}")
    ]


def captured() -> dict[str, tuple[Path, WriterMetadata]]:
    folder = Path(os.environ["VSSPY_CAPTURED_DOCUMENTS"])
    found = ((path, WriterMetadata.from_xml(path.read_bytes())) for path in sorted(folder.rglob("WM*.xml")))
    return {writer.name: (path, writer) for path, writer in found}


@pytest.mark.captured
@pytest.mark.skipif("VSSPY_CAPTURED_DOCUMENTS" not in os.environ, reason="VSSPY_CAPTURED_DOCUMENTS is not set")
class TestCapturedDocuments:
    def test_each_writer_agrees_with_an_independent_reading(self) -> None:
        writers = captured()
        assert sorted(writers) == [
            "ASR Writer",
            "BITS Writer",
            "COM+ REGDB Writer",
            "Performance Counters Writer",
            "Registry Writer",
            "Shadow Copy Optimization Writer",
            "SqlServerWriter",
            "System Writer",
            "Task Scheduler Writer",
            "VSS Metadata Store Writer",
            "WMI Writer",
        ]
        for path, writer in writers.values():
            root = ElementTree.fromstring(path.read_bytes())
            identification = root.find(f"{{{NAMESPACE}}}IDENTIFICATION")
            assert identification is not None
            assert writer.writer_id == UUID(identification.attrib["writerId"])
            assert writer.instance_id == UUID(identification.attrib["instanceId"])
            assert writer.instance_name == identification.get("instanceName")
            assert writer.backup_schema == int(root.get("backupSchema", "0"))
            assert list(writer.exclude_files) == etree_file_sets(root, "EXCLUDE_FILES")
            assert list(writer.exclude_files_from_snapshot) == etree_file_sets(root, "EXCLUDE_FILES_FROM_SNAPSHOT")
            groups = list(root.iter(f"{{{NAMESPACE}}}FILE_GROUP"))
            assert len(writer.components) == len(groups)
            for component, group in zip(writer.components, groups, strict=True):
                assert component.name == group.attrib["componentName"]
                assert component.logical_path == group.get("logicalPath")
                assert component.selectable == (group.attrib["selectable"] == "yes")
                assert component.selectable_for_restore == (group.attrib["selectableForRestore"] == "yes")
                assert component.notify_on_backup_complete == (group.attrib["notifyOnBackupComplete"] == "yes")
                assert component.restore_metadata == (group.attrib["restoreMetadata"] == "yes")
                assert component.flags == int(group.attrib["componentFlags"])
                assert list(component.files) == etree_file_sets(group, "FILE_LIST")
            assert writer.to_xml().encode() == path.read_bytes()
            assert pickle.loads(pickle.dumps(writer)) == writer

    def test_the_system_writer(self) -> None:
        _, writer = captured()["System Writer"]
        assert [component.name for component in writer.components] == ["System Files", "Win32 Services Files"]
        system, services = (component.files for component in writer.components)
        assert len(system) + len(services) == 18_925
        assert system[0] == FileSet(r"C:\Windows\system32\CatRoot\{127D0A1D-4EF2-11D1-8608-00C04FC295EE}", "*", True)
        assert services[-1] == FileSet(r"c:\program files\microsoft sql server\140\dts\binn", "sqlceip.exe")
        assert system[4] == FileSet(r"%systemroot%\winsxs", "*.*", recursive=True)

    def test_the_sql_server_writer(self) -> None:
        _, writer = captured()["SqlServerWriter"]
        assert writer.backup_schema == BackupSchema(881)
        assert writer.instance_name == "Microsoft SQL Server 2017:SQLWriter"
        assert writer.source == SourceType.TRANSACTEDDB
        assert [component.full_name for component in writer.components] == [
            f"WIN2012-SQL17-2\\{name}"
            for name in ("master", "model", "msdb", "SecondServerDb", "NonNimbleDatabase", "local1")
        ]
        assert {component.caption for component in writer.components} == {None}
        assert {component.flags for component in writer.components} == {ComponentFlags(2)}

    def test_restore_methods_and_exclusions(self) -> None:
        writers = {name: writer for name, (_, writer) in captured().items()}
        unset = {name for name, writer in writers.items() if writer.restore_method is None}
        assert unset == {"BITS Writer", "Shadow Copy Optimization Writer"}
        wmi = writers["WMI Writer"].restore_method
        assert wmi is not None
        assert (wmi.method, wmi.reboot_required) == (RestoreMethod.RESTORE_AT_REBOOT, True)
        assert len(writers["Registry Writer"].exclude_files) == 5
        assert writers["BITS Writer"].exclude_files[2] == FileSet(
            "C:\\ProgramData\\Microsoft\\Network\\Downloader\\", "*", recursive=True
        )
        assert writers["Shadow Copy Optimization Writer"].exclude_files_from_snapshot[4] == FileSet(
            "\\System Volume Information\\Heat", "*.*", recursive=True
        )

    def test_line_breaks_of_the_asr_writer(self) -> None:
        _, writer = captured()["ASR Writer"]
        assert writer.components[2].caption == (
            "Select this volume (C:) if it is a critical volume.\r\nCritical volumes are those which ASR must restore.\r\n"
        )

    def test_writing_gives_the_captured_text(self) -> None:
        # The documents of express writers are their registration files, with white space that values do not keep; and
        # those that say recursive="no" where the others leave it out (vss_xml.md 1 and 2.5).
        express = {"Task Scheduler Writer", "VSS Metadata Store Writer", "Performance Counters Writer"}
        compared = 0
        for name, (path, _) in captured().items():
            document = _core.read_writer_metadata(path.read_bytes())
            written = document.canonical_xml()
            if name in express:
                assert b"\t<" in path.read_bytes()
                assert WriterMetadata.from_xml(written) == WriterMetadata.from_xml(path.read_bytes())
            else:
                assert written == path.read_bytes().decode()
                compared += 1
        assert compared == 8
