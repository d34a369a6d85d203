"""`vsspy examine`: saved documents on any platform, and what hostile ones get."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_support import ROOT, Runner, make_runner
from json_schema import check_json
from test_documents import (
    COMPONENT_DOCUMENTS,
    WRITER_ID,
    components_document,
    group,
    writer_document,
)

from vsspy._cabinet import write_cabinet

WRITERS = ROOT / "tests/data/writers"
Save = Callable[..., Path]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.setenv("VSSPY_BACKEND", "none of them")  # documents need no backend, not even a name of one
    return make_runner(capsys)


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def call(text: str | bytes, name: str = "document.xml") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return call


def facts(run: Runner, *files: str | os.PathLike[str]) -> list[dict[str, Any]]:
    outcome = run("examine", "--json", *files)
    assert (outcome.code, outcome.error) == (0, "")
    found: list[dict[str, Any]] = check_json("examine", outcome.output)["documents"]
    return found


SETS = (
    '<FILE_LIST path="%Data%\\in" filespec="*.mdb" recursive="yes" alternatePath="D:\\out" filespecBackupType="65793"/>'
    f'<DEPENDENCY writerId="{WRITER_ID}" logicalPath="a\\b" componentName="other"/>'
)
METHOD = (
    '<RESTORE_METHOD method="STOP_RESTORE_START" writerRestore="always" rebootRequired="yes" service="Svc">'
    '<ALTERNATE_LOCATION_MAPPING path="C:\\x" filespec="*" recursive="no" alternatePath="C:\\y"/></RESTORE_METHOD>'
)
WRITER = writer_document(
    METHOD
    + group(SETS).replace(
        "<BACKUP_LOCATIONS>", '<BACKUP_LOCATIONS><EXCLUDE_FILES path="C:\\x" filespec="*.tmp" recursive="yes"/>'
    ),
    root=' backupSchema="33"',
)


def test_a_writer_for_json(run: Runner, save: Save) -> None:
    (document,) = facts(run, save(WRITER))
    writer = document["writer"]
    assert (document["kind"], document["backup"]) == ("writer-metadata", None)
    assert writer["backup_schema"] == ["differential", "timestamped"]
    assert writer["restore_method"]["service"] == "Svc"
    assert writer["restore_method"]["method"] == "stop-restore-start"
    assert writer["restore_method"]["alternate_location_mappings"][0]["alternate_path"] == "C:\\y"
    assert writer["exclude_files"] == [
        {"path": "C:\\x", "filespec": "*.tmp", "recursive": True, "alternate_path": None}
    ]
    (component,) = writer["components"]
    assert (component["mandatory"], component["comes_with"]) == (True, None)
    (files,) = component["file_sets"]
    assert files == {
        "kind": "files",
        "path": "%Data%\\in",
        "filespec": "*.mdb",
        "recursive": True,
        "alternate_path": "D:\\out",
        "backup_required": ["full"],
        "snapshot_required": ["full"],
        "created_during_backup": True,
    }
    assert component["dependencies"] == [{"writer_id": WRITER_ID, "logical_path": "a\\b", "component_name": "other"}]


def test_a_writer_for_people(run: Runner, save: Save) -> None:
    said = run("examine", save(WRITER)).output
    for words in (
        "Demo Writer: Writer Metadata Document",
        "differential, timestamped",
        "stop-restore-start; service Svc; the writer takes part: always; restart afterwards",
        "C:\\x\\* may go to C:\\y",
        "data  (in every backup of the writer)",
        "%Data%\\in\\*.mdb and below; read from D:\\out; required in: full; from the shadow copy in: full; made while",
        "needs a\\b\\other of writer " + WRITER_ID,
        "Excluded (1):\n  C:\\x\\*.tmp and below",
    ):
        assert words in said


def component(name: str, path: str = "", *, selectable: str = "no", for_restore: str = "no") -> str:
    where = f'logicalPath="{path}" ' if path else ""
    return (
        f'<FILE_GROUP {where}componentName="{name}" restoreMetadata="no" notifyOnBackupComplete="no" '
        f'selectable="{selectable}" selectableForRestore="{for_restore}" componentFlags="0"/>'
    )


def test_the_tree_and_its_selectability(run: Runner, save: Save) -> None:
    """Lines of the semantics' worked example (8.3): mandatory, optional, implicit, and both of the last."""
    document = writer_document(
        "<BACKUP_LOCATIONS>"
        + component("Dec", "writerData\\Usage")
        + component("Query", "writerData\\QueryLogs")
        + component("Usage", "writerData", selectable="yes", for_restore="yes")
        + component("writerData", selectable="yes", for_restore="yes")
        + component("Executables")
        + "</BACKUP_LOCATIONS>"
    )
    assert run("examine", save(document)).output.partition("Components (5):\n")[2] == (
        "  Executables  (in every backup of the writer)\n"
        "  writerData  (selectable, selectable for restore)\n"
        "    QueryLogs  (no component)\n"
        "      Query  (comes with writerData)\n"
        "    Usage  (selectable, or comes with writerData, selectable for restore)\n"
        "      Dec  (comes with writerData\\Usage)\n"
    )


def test_long_lists_are_cut_for_people(run: Runner, save: Save) -> None:
    sets = "".join(f'<FILE_LIST path="C:\\{n}" filespec="*" filespecBackupType="3855"/>' for n in range(25))
    document = save(writer_document(group(sets)))
    said = run("examine", document).output
    assert "C:\\9\\*" in said
    assert "C:\\10\\*" not in said
    assert "and 15 more (--all shows them)" in said
    assert "C:\\24\\*" in run("examine", "--all", document).output


def test_a_backup_for_json(run: Runner, save: Save) -> None:
    (document,) = facts(run, save(COMPONENT_DOCUMENTS["component"]))
    backup = document["backup"]
    assert (document["kind"], document["writer"], backup["backup_type"]) == ("backup-components", None, "full")
    (writer,) = backup["writers"]
    assert writer["name"] is None
    (component,) = writer["components"]
    assert component["full_name"] == "a\\b\\n"
    assert component["failure"]["name"] == "VSS_E_WRITERERROR_NONRETRYABLE"
    assert component["roll_forward"] == {"type": "partial", "point": "q"}
    assert component["partial_files"][0]["ranges"] == "0:1"
    assert component["file_restore_status"] == "failed"


def test_a_backup_for_people(run: Runner, save: Save) -> None:
    backup, writer = save(COMPONENT_DOCUMENTS["component"], "backup.xml"), save(WRITER, "writer.xml")
    said = run("examine", backup, writer).output
    for words in (
        "  Demo Writer " + WRITER_ID,
        "a\\b\\n  (database, succeeded)",
        "backup stamp: s",
        "only in part: C:\\d\\f, ranges 0:1",
        "changed: C:\\d\\* and below",
        "new target: C:\\d\\f and below to E:\\",
        "directed: C:\\d\\f 0:1 to D:\\g 2:1",
        "only this of it: a\\b\\n\\c",
        "selected for restore: yes",
        "roll forward: partial to q",
    ):
        assert words in said
    failed = save(COMPONENT_DOCUMENTS["component"].replace('backupSucceeded="yes"', 'backupSucceeded="no"'))
    assert "(database, FAILED)" in run("examine", failed).output


def test_a_transportable_set(run: Runner, save: Save) -> None:
    described = (
        '<SNAPSHOT_SET_DESCRIPTION snapshotSetId="s"><SNAPSHOT_DESCRIPTION snapshotId="one"/>'
        "<SNAPSHOT_DESCRIPTION/></SNAPSHOT_SET_DESCRIPTION><OTHER/>"
    )
    document = save(components_document(described))
    assert facts(run, document)[0]["backup"]["snapshot_set_descriptions"] == [
        {"snapshot_set_id": "s", "snapshot_ids": ["one", None]}
    ]
    assert "set s: one, None" in run("examine", document).output


def test_folders_and_cabinets(run: Runner, save: Save, tmp_path: Path) -> None:
    (tmp_path / "DIR/vsspy/writers").mkdir(parents=True)
    save(COMPONENT_DOCUMENTS["component"], "DIR/vsspy/backup-components.xml")
    save(WRITER, "DIR/vsspy/writers/Demo Writer.xml")
    save("{}", "DIR/vsspy/report.json")
    kinds = [each["kind"] for each in facts(run, tmp_path / "DIR")]
    assert kinds == ["backup-components", "writer-metadata"]
    assert facts(run, tmp_path / "DIR/vsspy")[0]["backup"]["writers"][0]["name"] == "Demo Writer"
    cabinet = save(
        write_cabinet(
            {"BCDocument.xml": COMPONENT_DOCUMENTS["component"].encode(), "Manifest.xml": b"", "log.txt": b""}
        ),
        "metadata.cab",
    )
    assert [each["file"] for each in facts(run, cabinet)] == [f"{cabinet}:BCDocument.xml"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "line 1, column 1: there is no root element"),
        (b"<a/>", "'a': neither a Writer Metadata Document nor a Backup Components Document"),
        (b"<a\x00", "a"),
        (b"\xff\xfe<", "half a character"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "document type declaration"),
        (b"MSCF garbage", "the cabinet cannot be read"),
        (WRITER.replace("yes", "maybe", 1).encode(), "'maybe'"),
        (COMPONENT_DOCUMENTS["component"][:-5].encode(), "line 1, column"),
    ],
)
def test_what_cannot_be_read_is_one_line(run: Runner, save: Save, text: bytes, reason: str) -> None:
    path = save(text)
    outcome = run("examine", path)
    assert (outcome.code, outcome.output) == (2, "")
    assert outcome.error.startswith(f"vsspy: {path}: ")
    assert outcome.error.count("\n") == 1
    assert reason in outcome.error


def test_the_others_are_shown(run: Runner, save: Save, tmp_path: Path) -> None:
    good, bad, missing = save(WRITER, "good.xml"), save("<a/>", "bad.xml"), tmp_path / "missing.xml"
    outcome = run("examine", "--json", bad, good, missing)
    assert outcome.code == 1
    found = check_json("examine", outcome.output)
    assert [each["file"] for each in found["documents"]] == [str(good)]
    assert {each["file"] for each in found["errors"]} == {str(bad), str(missing)}
    (tmp_path / "empty").mkdir()
    assert "holds no document" in run("examine", tmp_path / "empty").error
    outcome = run("examine", "--json", bad, missing)
    assert (outcome.code, outcome.output, outcome.error.count("\n")) == (2, "", 2)


def test_a_document_cannot_steer_the_terminal(run: Runner, save: Save) -> None:
    hostile = COMPONENT_DOCUMENTS["component"].replace('backupStamp="s"', 'backupStamp="&#x9b;2J&#xd;&#xa;x&#x202e;"')
    said = run("examine", save(hostile)).output
    assert "backup stamp: \\x9b2J\\r\\nx\\u202e" in said


@pytest.mark.captured
@pytest.mark.skipif("VSSPY_CAPTURED_DOCUMENTS" not in os.environ, reason="VSSPY_CAPTURED_DOCUMENTS is not set")
def test_captured_documents(run: Runner) -> None:
    folders = [path.parent for path in Path(os.environ["VSSPY_CAPTURED_DOCUMENTS"]).rglob("BCDocument.xml")]
    assert folders
    for folder in folders:
        outcome = run("examine", folder)
        assert (outcome.code, outcome.error) == (0, "")
        assert "  System Writer e8132975-6f93-4464-a53e-1050253ae220 (instance " in outcome.output
        assert "\n  writer " not in outcome.output, "a name for each"
