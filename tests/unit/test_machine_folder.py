"""Machine folders: what machine.xml says becomes a machine, wherever it is opened, and every mistake names its line."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cli_support import Runner, make_runner
from json_schema import check_json

import vsspy
from vsspy import FileSet, _backend, _machine_folder, simulator
from vsspy._machine_folder import read_settings
from vsspy._simulated_machine import PLAIN_SERVER
from vsspy.enums import ApplicationLevel, SnapshotContext, SubscribeMask
from vsspy.errors import (
    InsufficientStorageError,
    InvalidArgumentError,
    InvalidXmlDocumentError,
    ObjectAlreadyExistsError,
    ObjectNotFoundError,
    VssError,
)

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/other-languages.md"


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "machine.xml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "machine"
    simulator.configure(root, volumes={"C:\\": "volumes/C"})
    (root / "volumes/C/a.txt").write_text("before")
    return root


def test_a_folder_is_a_machine(folder: Path) -> None:
    with simulator.opened(folder) as machine:
        assert simulator.current() is machine
        assert machine.volumes == {"C:\\": folder / "volumes/C"}
        with vsspy.shadow_copy("C:\\") as shadow:
            (folder / "volumes/C/a.txt").write_text("later")
            assert (shadow / "a.txt").read_text() == "before"
            assert shadow.root.startswith(str(folder / "state"))
    assert machine.closed
    assert machine.live_objects == 0


def test_what_is_not_said_is_as_of_running(tmp_path: Path) -> None:
    write(tmp_path, "<machine/>")
    settings = read_settings(tmp_path)
    assert settings["machine"] == [
        {
            "level": "8",
            "device_names": "folder",
            "hardware_provider": "no",
            "virtual_time": "no",
            "strict_components": "no",
            "components_until": "PrepareForBackup",
            "state": str(tmp_path / "state"),
        }
    ]
    assert {each["name"]: each["value"] for each in settings["environment"]} == PLAIN_SERVER
    assert settings["volumes"] == settings["writers"] == settings["faults"] == []


def test_all_settings_come_back(tmp_path: Path) -> None:
    blocking = UUID("11111111-2222-3333-4444-555555555555")
    writer = simulator.Writer(
        "Odd & <Name>",
        level=ApplicationLevel.FRONT_END,
        freeze_timeout=2.5,
        subscription=SubscribeMask.BACKUP_EVENTS_FLAG,
        components=[simulator.Component("Orders", files=[FileSet("C:\\Data", "*", recursive=True)])],
    )
    faults = [
        simulator.Fault(
            "IVssBackupComponents::DoSnapshotSet", 0x80042306, nth=2, delay=0.25, at="result", effect="after"
        ),
        simulator.Fault(
            "IVssBackupComponents::AddToSnapshotSet", "E_OUTOFMEMORY", volume="C:\\", probability=0.5, seed=7
        ),
        simulator.Fault("Odd & <Name>::Freeze", "VSS_E_WRITERERROR_RETRYABLE", application=5, message='"no"'),
        simulator.Fault("Odd & <Name>::Thaw", dies=True),
        simulator.Fault("IVssBackupComponents::BackupComplete", delay=math.inf),
    ]
    simulator.configure(
        tmp_path,
        volumes={"C:": "volumes/C", "/srv": tmp_path / "elsewhere"},
        writers=[writer],
        faults=faults,
        environment={"SystemRoot": 'C:\\"W"'},
        level="7",
        device_names="nt",
        hardware_provider="legacy",
        writers_blocking_revert=[blocking],
        virtual_time=True,
        strict_components=True,
        components_until="DoSnapshotSet",
    )
    settings = read_settings(tmp_path)
    assert settings["machine"] == [
        {
            "level": "7",
            "device_names": "nt",
            "hardware_provider": "legacy",
            "virtual_time": "yes",
            "strict_components": "yes",
            "components_until": "DoSnapshotSet",
            "state": str(tmp_path / "state"),
        }
    ]
    assert settings["volumes"] == [
        {"name": "C:\\", "folder": str(tmp_path / "volumes/C")},
        {"name": "/srv/", "folder": str(tmp_path / "elsewhere")},
    ]
    assert settings["environment"] == [{"name": "SystemRoot", "value": 'C:\\"W"'}]
    assert settings["writers"] == [
        {
            "document": str(tmp_path / "writers/01-Odd_Name.xml"),
            "level": "FRONT_END",
            "freeze_timeout": "2.5",
            "subscription": "BACKUP_EVENTS_FLAG",
        }
    ]
    usual = {"delay": "0", "effect": "before", "dies": "no"}
    assert settings["faults"] == [
        usual
        | {
            "where": faults[0].where,
            "code": "VSS_E_PROVIDER_VETO",
            "nth": "2",
            "delay": "0.25",
            "at": "result",
            "effect": "after",
        },
        usual
        | {"where": faults[1].where, "code": "E_OUTOFMEMORY", "volume": "C:\\", "probability": "0.5", "seed": "7"},
        usual
        | {
            "where": faults[2].where,
            "code": "VSS_E_WRITERERROR_RETRYABLE",
            "application": "0x00000005",
            "message": '"no"',
        },
        usual | {"where": faults[3].where, "dies": "yes"},
        usual | {"where": faults[4].where, "delay": "inf"},
    ]
    assert settings["writers_blocking_revert"] == [{"writer_id": str(blocking)}]
    with simulator.opened(tmp_path) as machine, vsspy.BackupComponents() as components:
        assert machine.environment == {"SystemRoot": 'C:\\"W"'}
        components.initialize_for_backup()
        components.gather_writer_metadata().wait()
        assert [each.name for each in components.writer_metadata] == ["Odd & <Name>"]
        assert components.writer_metadata[0].to_xml() == writer.metadata.to_xml()


def test_a_fault_of_the_folder_strikes(folder: Path) -> None:
    fault = simulator.Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_INSUFFICIENT_STORAGE", nth=1)
    simulator.configure(folder, volumes={"C:\\": "volumes/C"}, faults=[fault], overwrite=True)
    with simulator.opened(folder):
        with pytest.raises(InsufficientStorageError), vsspy.shadow_copy("C:\\"):
            pass
        with vsspy.shadow_copy("C:\\"):
            pass


def test_the_documents_of_the_folder_are_the_writers(folder: Path) -> None:
    documents = folder / "writers"
    documents.mkdir()
    for number in (10, 9):
        name = f"WM{number}.XML" if number == 9 else f"WM{number}.xml"
        (documents / name).write_text(simulator.Writer(f"Writer {number}").metadata.to_xml())
    (documents / "manifest.xml").write_text("<Manifest/>")
    (documents / "notes.txt").write_text("no document")
    assert [Path(each["document"]).name for each in read_settings(folder)["writers"]] == ["WM9.XML", "WM10.xml"]
    (documents / "bad.xml").write_text("<WRITER_METADATA")
    with pytest.raises(InvalidXmlDocumentError, match=re.escape(str(documents / "bad.xml"))):
        read_settings(folder)


def test_persistent_shadow_copies_wait_in_the_folder(folder: Path) -> None:
    with simulator.opened(folder), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.set_context(SnapshotContext.NAS_ROLLBACK)
        components.start_snapshot_set()
        made = components.add_to_snapshot_set("C:\\")
        components.do_snapshot_set().wait()
    with simulator.opened(folder) as machine:
        assert [each.id for each in machine.shadow_copies] == [made]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("<machine", 0, "machine.xml: line 1, column"),
        ("<maschine/>", 1, "'maschine', not 'machine'"),
        ('<machine\n lewel="7"/>', 2, "'machine' has no attribute lewel; there are level, device_names"),
        ('<machine\n\n level="9"/>', 3, 'level="9" is none of xp, vista, 7, 8'),
        ('<machine version="2"/>', 1, "version 1"),
        ('<machine virtual_time="true"/>', 1, 'virtual_time="true" is none of yes, no'),
        ("<machine>\n<volume/></machine>", 2, "which has volumes, environment, writers, faults"),
        ("<machine>words</machine>", 1, "take it out"),
        ("<machine>\n<volumes>\nwords &amp; more</volumes></machine>", 2, "elements named 'volume' only"),
        ('<machine><volumes a="1"/></machine>', 1, "'volumes' has no attributes"),
        ("<machine><volumes><drive/></volumes></machine>", 1, "elements named 'volume' only"),
        ('<machine><volumes><volume folder="."/></volumes></machine>', 1, "'volume' needs the attribute name"),
        ('<machine><volumes><volume name="C" folder="."/></volumes></machine>', 1, "neither a Windows volume"),
        ('<machine><volumes><volume name="C:" folder=""/></volumes></machine>', 1, "give a path"),
        ('<machine><volumes><volume name="C:" folder="."><a/></volume></volumes></machine>', 1, "attributes only"),
        (
            '<machine><faults>\n<fault where="Nothing::DoIt" code="E_FAIL"/></faults></machine>',
            2,
            "IVssBackupComponents::",
        ),
        ('<machine><faults><fault where="IVssAsync::Wait"/></faults></machine>', 1, "needs a code or a delay"),
        (
            '<machine><faults><fault where="IVssAsync::Wait" code="E_NO"/></faults></machine>',
            1,
            "not the name of a code",
        ),
        ('<machine><faults><fault where="IVssAsync::Wait" delay="-1"/></faults></machine>', 1, "number of seconds"),
        ('<machine><faults><fault where="IVssAsync::Wait" delay="1" nth="one"/></faults></machine>', 1, "whole number"),
        (
            '<machine><writers_blocking_revert><writer_class writer_id="1"/></writers_blocking_revert></machine>',
            1,
            'writer_id="1" is not a GUID',
        ),
    ],
)
def test_a_mistake_names_its_place(tmp_path: Path, text: str, line: int, words: str) -> None:
    write(tmp_path, text)
    with pytest.raises(InvalidXmlDocumentError) as caught:
        read_settings(tmp_path)
    detail = str(caught.value.detail)
    assert detail.startswith(str(tmp_path / "machine.xml"))
    assert f"line {line}: " in detail or line == 0
    assert words in detail


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('<volumes>\n<volume name="C:\\" folder="missing"/></volumes>', "missing is not a folder; make it"),
        ('<writers>\n<writer document="missing.xml"/></writers>', "missing.xml does not exist"),
        ('<writers>\n<writer document="machine.xml"/></writers>', "not 'WRITER_METADATA'"),
    ],
)
def test_what_is_missing_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    write(tmp_path, f"<machine>{text}</machine>")
    with pytest.raises(VssError) as caught:
        read_settings(tmp_path)
    assert f"{tmp_path / 'machine.xml'}: line 2: " in str(caught.value.detail)
    assert words in str(caught.value.detail)


def test_what_only_the_machine_can_tell_has_its_line_too(tmp_path: Path) -> None:
    volume = '<volume name="C:\\" folder="."/>'
    write(tmp_path, f"<machine><volumes>\n{volume}\n{volume}</volumes></machine>")
    with pytest.raises(ObjectAlreadyExistsError, match="line 3: two volumes of that name"), simulator.opened(tmp_path):
        pass
    assert list((tmp_path / "state/running").iterdir()) == []


BAD_FAULTS: list[dict[str, Any]] = [
    {"where": "IVssAsync::Wait"},
    {"where": "IVssAsync::Wait", "code": "E_FAIL", "nth": 0},
    {"where": "IVssAsync::Wait", "code": "E_FAIL", "at": "result"},
    {"where": "IVssBackupComponents::DoSnapshotSet", "code": "VSS_E_PROVIDER_VETO", "at": "call"},
    {"where": "IVssAsync::Nothing", "code": "E_FAIL"},
    {"where": "Some Writer::Nothing", "code": "E_FAIL"},
    {"where": "IVssAsync::Wait", "dies": True},
    {"where": "Some Writer::Freeze", "dies": True, "code": "E_FAIL"},
    {"where": "IVssAsync::Wait", "code": "E_FAIL", "probability": 2.0, "seed": 1},
    {"where": "IVssAsync::Wait", "code": "E_FAIL", "probability": 0.5, "seed": 1, "nth": 1},
    {"where": "IVssAsync::Wait", "code": "E_FAIL", "message": "words"},
]


@pytest.mark.parametrize("values", BAD_FAULTS)
def test_both_readers_refuse_the_same_faults(tmp_path: Path, values: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        simulator.Fault(**values)
    text = _machine_folder._element("fault", **values)
    write(tmp_path, f"<machine><faults>{text}</faults></machine>")
    with pytest.raises(InvalidXmlDocumentError, match="'fault': "):
        read_settings(tmp_path)


def test_configure_writes_no_surprises(tmp_path: Path) -> None:
    root = tmp_path / "machine"
    handled = simulator.Writer("Handled", on_freeze=lambda event: None)
    with pytest.raises(InvalidArgumentError, match="Handled handles Freeze in Python"):
        simulator.configure(root, volumes={}, writers=[handled])
    with pytest.raises(InvalidArgumentError, match="XML cannot hold"):
        simulator.configure(root, volumes={"C:\\\x01\\": "volumes/C"})
    with pytest.raises(ObjectNotFoundError):
        simulator.configure(root, volumes={"C:\\": tmp_path / "missing"})
    with pytest.raises(InvalidXmlDocumentError):
        simulator.configure(root, volumes={}, level="9")  # type: ignore[arg-type]
    assert not (root / "machine.xml").exists()
    file = simulator.configure(root, volumes={"C:\\": "volumes/C"})
    before = file.read_bytes()
    with pytest.raises(ObjectAlreadyExistsError, match="overwrite=True"):
        simulator.configure(root, volumes={})
    with pytest.raises(InvalidXmlDocumentError):
        simulator.configure(root, volumes={}, level="9", overwrite=True)  # type: ignore[arg-type]
    assert file.read_bytes() == before
    assert [each.name for each in root.iterdir() if each.is_file()] == ["machine.xml"]


def test_a_folder_without_a_machine(tmp_path: Path) -> None:
    with pytest.raises(ObjectNotFoundError, match="vsspy simulator init"), simulator.opened(tmp_path):
        pass
    with pytest.raises(ObjectNotFoundError, match=r"machine\.xml"):
        read_settings(tmp_path / "missing")


# --- VSSPY_SIMULATOR ----------------------------------------------------------------------------------------------------

PROGRAM = """
import vsspy
from vsspy import simulator
for _ in range(2):
    with vsspy.BackupComponents() as components:
        print(components.backend_name, id(vsspy._backend.machine_of()))
with vsspy.shadow_copy("C:\\\\") as shadow:
    print(open(shadow / "a.txt").read())
"""


def test_the_environment_names_the_folder(folder: Path) -> None:
    environment = os.environ | {"VSSPY_BACKEND": "simulator", "VSSPY_SIMULATOR": str(folder)}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    first, second, content = result.stdout.splitlines()
    assert first == second
    assert first.startswith("simulator ")
    assert content == "before"
    assert list((folder / "state/running").iterdir()) == []


def test_the_folder_serves_where_the_simulator_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VSSPY_BACKEND", raising=False)
    monkeypatch.setenv("VSSPY_SIMULATOR", str(folder))
    machine = _backend.machine_of("simulator")
    assert machine is not None
    assert _backend.machine_of("simulator") is machine
    assert machine.volumes == {"C:\\": folder / "volumes/C"}
    with simulator.running(volumes={}) as inner:
        assert _backend.machine_of("simulator") is inner
    machine.close()
    again = _backend.machine_of("simulator")
    assert again is not None
    assert again is not machine
    again.close()


# --- the command line ---------------------------------------------------------------------------------------------------


@pytest.fixture
def vss(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.delenv("VSSPY_SIMULATOR", raising=False)
    return make_runner(capsys)


def test_init_and_check(vss: Runner, tmp_path: Path) -> None:
    root = tmp_path / "machine"
    assert vss("simulator", "init", root).output == f"Wrote {root / 'machine.xml'}\n"
    refused = vss("simulator", "init", root)
    assert (refused.code, "--overwrite" in refused.error) == (2, True)
    image = tmp_path / "image"
    image.mkdir()
    documents = ROOT / "examples/writers"
    made = vss("simulator", "init", root, "--overwrite", "--volume", f"D:\\={image}", "--writers", documents)
    assert made.code == 0, made.error
    facts = check_json("simulator-check", vss("simulator", "check", root, "--json").output)
    assert facts["volumes"] == [{"name": "D:\\", "folder": os.path.realpath(image)}]
    assert len(facts["writers"]) == len(simulator.Writer.folder(documents))
    assert facts["machine"]["level"] == "8"
    told = vss("simulator", "check", root)
    assert told.code == 0
    assert "D:\\" in told.output
    assert "SystemRoot" in told.output
    write(root, '<machine level="9"/>')
    wrong = vss("simulator", "check", root)
    assert wrong.code == 2
    assert wrong.error.count("\n") == 1
    assert 'line 1: level="9"' in wrong.error
    missing = vss("simulator", "check", tmp_path / "missing")
    assert missing.code == 2
    assert missing.error.rstrip().endswith("(VSS_E_OBJECT_NOT_FOUND, 0x80042308)")  # and no advice about shadow copies


def test_the_commands_take_the_folder(
    vss: Runner, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = folder / "writers"
    documents.mkdir()
    (documents / "one.xml").write_text(simulator.Writer("Writer One").metadata.to_xml())
    monkeypatch.setenv("VSSPY_SIMULATOR", str(folder))
    assert "Writer One" in vss("list", "writers").output
    done = vss("backup", "C:\\", "--to", tmp_path / "backup")
    assert done.code == 0, done.error
    assert (tmp_path / "backup/C/a.txt").read_text() == "before"
    for words in (
        ("backup", "C:\\", "--to", tmp_path / "other", "--volume", f"C:\\={folder}"),
        ("list", "writers", "--writers-from", documents),
        ("backup", ROOT / "examples", "--to", tmp_path / "other"),
    ):
        refused = vss(*words)
        assert refused.code == 2, words
        assert "VSSPY_SIMULATOR" in refused.error or "no volume" in refused.error, refused.error


# --- the guide ----------------------------------------------------------------------------------------------------------


def test_the_machine_of_the_guide(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```xml\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    write(tmp_path, text)
    (tmp_path / "writers").mkdir()
    for element in re.findall(r"<writer [^>]*>", text):
        document = re.search('document="([^"]+)"', element)
        assert document
        (tmp_path / document[1]).write_text(simulator.Writer(document[1]).metadata.to_xml())
    for folder in re.findall('folder="([^"]+)"', text):
        (tmp_path / folder).mkdir(parents=True)
    with simulator.opened(tmp_path) as machine:
        assert machine.volumes
    settings = read_settings(tmp_path)
    assert all(settings.values()), "the sample shows every kind of element"


@pytest.mark.parametrize("element", ["machine", "volume", "variable", "writer", "fault", "writer_class"])
def test_the_guide_has_every_attribute(tmp_path: Path, element: str) -> None:
    group = _machine_folder._LISTS[element]
    inner = f"<{element} unknown='1'/>"
    write(tmp_path, inner if element == "machine" else f"<machine><{group}>{inner}</{group}></machine>")
    with pytest.raises(InvalidXmlDocumentError) as caught:
        read_settings(tmp_path)
    names = str(caught.value.detail).split("there are ")[1].split(", ")
    text = GUIDE.read_text(encoding="utf-8")
    section = text.split(f"`<{element}>`")[1].split("\n\n`<")[0]
    assert [name for name in names if f"`{name}`" not in section] == []
