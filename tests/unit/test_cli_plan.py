"""`vsspy plan`: what a backup would do, on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cli_support import Runner, add_to_machines, make_runner
from json_schema import check_json
from session_support import called

from vsspy import simulator
from vsspy.metadata import Dependency, FileSet
from vsspy.simulator import Component, Fault, Writer


@pytest.fixture
def vsspy(capsys: pytest.CaptureFixture[str]) -> Runner:
    return make_runner(capsys)


def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *faults: Fault) -> list[simulator.Machine]:
    """Volumes C: and D: in folders of these names, and two writers; the machines that commands make."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"c/Data/a": "12", "c/Data/sub/b": "345", "d/Notes/n": "1"}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    notes = Writer(
        "Notes Writer",
        components=[Component("Notes", selectable=True, files=[FileSet("D:\\Notes", "*")])],
        exclude_files_from_snapshot=[FileSet("D:\\Notes", "*.o"), FileSet("C:\\Data\\sub", "*.o")],
    )
    depends = [Dependency(notes.metadata.writer_id, None, "Notes")]
    files = [FileSet("C:\\Data", "*", recursive=True)]
    data = Writer(
        "Data Writer",
        components=[
            Component("Data", selectable=True, files=files, dependencies=depends),
            Component("Part", selectable=True, files=files),
        ],
    )
    return add_to_machines(monkeypatch, writers=[notes, data], faults=faults)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[simulator.Machine]:
    return serve(tmp_path, monkeypatch)


VOLUMES = ["--volume", "C:\\=c", "--volume", "D:\\=d"]


def test_a_plan_of_whole_volumes(vsspy: Runner, server: list[simulator.Machine]) -> None:
    ended = vsspy("plan", "-v", "C:", "-v", "d:\\", *VOLUMES, "--json")
    assert (ended.code, ended.error) == (0, "")
    plan = check_json("plan", ended.output)
    assert [volume["name"] for volume in plan["volumes"]] == ["C:\\", "D:\\"]
    assert [(each["full_name"], each["files"], each["bytes"], each["because"]) for each in plan["components"]] == [
        ("Notes", 1, 1, None),
        ("Data", 2, 5, None),
        ("Part", 2, 5, None),
    ]
    assert (plan["files"], plan["bytes"]) == (3, 6)
    assert plan["paths"] == []
    assert {item["name"] for item in plan["left_out_by_vss"]} == {"D:\\Notes\\*.o", "C:\\Data\\sub\\*.o"}
    assert not called(server[0], "AddComponent")
    assert not called(server[0], "StartSnapshotSet")
    assert server[0].live_objects == 0


def test_a_plan_for_people(vsspy: Runner, server: list[simulator.Machine]) -> None:
    ended = vsspy("plan", "-v", "C:", "-v", "D:", *VOLUMES, "--component", "data*:D?ta")
    assert ended.code == 0
    assert "  Data Writer: Data  2 files, 5 bytes\n" in ended.output
    assert "    since Data Writer: Data depends on it\n" in ended.output
    assert "  Data Writer: Part: not selected\n" in ended.output
    assert not re.search(r"^Paths", ended.output, re.MULTILINE)
    ended = vsspy("plan", "-v", "C:", "-v", "D:", *VOLUMES, "--exclude", "Notes Writer", "--no-count")
    assert "Data Writer: Part\n" in ended.output
    assert "Data: it depends on Notes of Notes Writer, which is left out: excluded\n" in ended.output
    assert "files" not in ended.output


def test_a_plan_of_paths(vsspy: Runner, server: list[simulator.Machine]) -> None:
    ended = vsspy("plan", "C:\\Data", *VOLUMES, "--json")
    plan = check_json("plan", ended.output)
    assert plan["paths"] == [{"path": "C:\\Data", "volume": "C:\\", "files": 2, "bytes": 5}]
    assert plan["components"] == []
    assert any("--component" in note for note in plan["notes"])
    assert [item["name"] for item in plan["left_out_by_vss"]] == ["C:\\Data\\sub\\*.o"]
    plan = check_json("plan", vsspy("plan", "C:\\Data\\a", *VOLUMES, "--json").output)
    assert [(each["files"], each["bytes"]) for each in plan["paths"]] == [(1, 2)]
    plan = check_json("plan", vsspy("plan", "C:\\Data\\a", *VOLUMES, "--no-count", "--json").output)
    assert [(each["files"], each["bytes"]) for each in plan["paths"]] == [(None, None)]
    ended = vsspy("plan", "c/Data/sub", *VOLUMES)
    assert ended.output.startswith("Paths:\n  C:\\Data\\sub  1 file, 3 bytes\n\n")


def test_a_path_with_percent_signs_is_no_variable(vsspy: Runner, server: list[simulator.Machine]) -> None:
    folder = Path("c/50%off%now")
    folder.mkdir()
    (folder / "file").write_text("12345", encoding="ascii")
    plan = check_json("plan", vsspy("plan", "C:\\50%off%now", *VOLUMES, "--json").output)
    assert [(each["path"], each["files"], each["bytes"]) for each in plan["paths"]] == [("C:\\50%off%now", 1, 5)]
    assert not any("not counted" in note for note in plan["notes"])


def test_components_lie_where_they_lie(vsspy: Runner, server: list[simulator.Machine]) -> None:
    """As for `vsspy backup`: their volumes come in, also those of what they depend on."""
    plan = check_json("plan", vsspy("plan", "--component", "Data Writer:Data", *VOLUMES, "--json").output)
    assert {volume["name"] for volume in plan["volumes"]} == {"C:\\", "D:\\"}
    assert [each["full_name"] for each in plan["components"]] == ["Notes", "Data"]
    assert [item["name"] for item in plan["left_out_by_vss"]] == ["D:\\Notes\\*.o", "C:\\Data\\sub\\*.o"]
    assert plan["paths"] == plan["notes"] == []
    plan = check_json("plan", vsspy("plan", "c/Data/a", "--component", "notes*", *VOLUMES, "--json").output)
    assert [volume["name"] for volume in plan["volumes"]] == ["C:\\", "D:\\"]
    assert [each["full_name"] for each in plan["components"]] == ["Notes"]
    assert [each["files"] for each in plan["paths"]] == [1]


def test_policies(vsspy: Runner, server: list[simulator.Machine]) -> None:
    ended = vsspy("plan", "-v", "C:", "-v", "D:", *VOLUMES, "--policy", "d:=never", "--json")
    plan = check_json("plan", ended.output)
    assert [(each["policy"], each["protected"]) for each in plan["volumes"]] == [("required", True), ("never", False)]
    assert [item["name"] for item in plan["read_live"]] == ["D:\\"]


def test_a_volume_that_cannot_be_protected_is_exit_code_1(
    vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = Fault("IVssBackupComponents::IsVolumeSupported", "VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER", volume="D:\\")
    serve(tmp_path, monkeypatch, fault)
    ended = vsspy("plan", "-v", "C:", "-v", "D:", *VOLUMES, "--json")
    assert ended.code == 1
    plan = check_json("plan", ended.output)
    assert plan["possible"] is False
    assert plan["volumes"][1]["reason"]
    assert "would fail" in vsspy("plan", "-v", "C:", "-v", "D:", *VOLUMES).output
    assert vsspy("plan", "-v", "C:", "-v", "D:", *VOLUMES, "--policy", "D:\\=preferred").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say what is to be planned"),
        (["-v", "C:", "--policy", "C:"], "write VOLUME=required|preferred|never"),
        (["-v", "C:", "--policy", "C:=always"], "write VOLUME=required|preferred|never"),
        (["-v", "C:", "--policy", "D:=never"], "none of the session's volumes"),
        (["-v", "C:", "--policy", "C:=never", "--policy", "c:\\=preferred"], "another policy"),
        (["-v", "C:", "--component", "Data Writer:"], "write WRITER or WRITER:COMPONENT"),
        (["-v", "C:", "--component", "Nobody"], "no writer Nobody"),
        (["-v", "C:", "--component", "Data Writer:Nothing"], "no component Data Writer: Nothing"),
        (["-v", "C:", "--component", "Data Writer:Data"], "it depends on Notes of Notes Writer, which is left out"),
        (["C:\\Data", "--exclude", "Data Writer"], "give --component or -v too"),
        (["-v", "E:"], "E:"),
        (["C:\\Gone"], "does not exist"),
    ],
)
def test_what_there_is_no_plan_of(
    vsspy: Runner, server: list[simulator.Machine], arguments: list[str], message: str
) -> None:
    ended = vsspy("plan", *arguments, *VOLUMES)
    assert ended.code == 2
    assert message in ended.error
    assert ended.output == ""


def test_a_type_that_writers_do_not_know(vsspy: Runner, server: list[simulator.Machine]) -> None:
    plan: Any = check_json("plan", vsspy("plan", "-v", "C:", "-v", "D:", *VOLUMES, "--type", "log", "--json").output)
    assert {each["backup_type"] for each in plan["writers"]} == {"FULL"}
    assert any("Data Writer has no log backups" in note for note in plan["notes"])


def test_a_machine_folder(vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c" / "Data").mkdir(parents=True)
    (tmp_path / "c" / "Data" / "a").write_text("a")
    assert vsspy("simulator", "init", tmp_path / "m", "--volume", f"C:\\={tmp_path / 'c'}").code == 0
    monkeypatch.setenv("VSSPY_SIMULATOR", str(tmp_path / "m"))
    plan = check_json("plan", vsspy("plan", "-v", "C:", "C:\\Data", "--json").output)
    assert plan["paths"][0]["files"] == 1
    assert [volume["name"] for volume in plan["volumes"]] == ["C:\\"]


def test_a_backup_reports_what_vss_left_out_of_its_paths(vsspy: Runner, server: list[simulator.Machine]) -> None:
    arguments = ["--to", "out", *VOLUMES, "--component", "Notes Writer"]
    ended = vsspy("backup", "C:\\Data\\a", "D:\\Notes", *arguments)
    assert ended.code == 0
    assert "Left out of the shadow copies by VSS (1):\n  D:\\Notes\\*.o: its writer deletes it" in ended.output
    report = json.loads(Path("out/vsspy/report.json").read_text("utf-8"))
    assert [item["name"] for item in report["left_out_by_vss"]] == ["D:\\Notes\\*.o"]


def test_a_plan_that_builds_on_a_backup(vsspy: Runner, server: list[simulator.Machine]) -> None:
    assert vsspy("backup", "--component", "Notes Writer", "--type", "full", "--to", "monday", *VOLUMES).code == 0
    arguments = ["plan", "--component", "Notes Writer", "--type", "differential", *VOLUMES, "--previous"]
    plan = check_json("plan", vsspy(*arguments, "monday", "--json").output)
    assert plan["backup_type"] == "DIFFERENTIAL"
    assert [each["full_name"] for each in plan["components"]] == ["Notes"]
    ended = vsspy(*arguments, "tuesday")
    assert ended.code == 2
    assert "tuesday" in ended.error
