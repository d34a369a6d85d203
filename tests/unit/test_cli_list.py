"""`vsspy list`: what there is, as tables and as JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from cli_support import ROOT, Runner, add_to_machines, make_runner, make_server
from json_schema import check_json

from vsspy import simulator
from vsspy.cli.values import context_name, flag_names
from vsspy.enums import SnapshotAttributes, SnapshotContext

WRITERS = ROOT / "examples" / "writers"
SYSTEM_PROVIDER = "b5946137-7b9f-4925-af80-51abd60b20d5"


@pytest.fixture
def vsspy(capsys: pytest.CaptureFixture[str]) -> Runner:
    return make_runner(capsys)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    return make_server(tmp_path, monkeypatch)


def create(vsspy: Runner, *volumes: str) -> Any:
    done = vsspy("create", *volumes, "--persistent", "--json")
    assert done.code == 0, done
    return check_json("create", done.output)


def test_nothing_is_there(vsspy: Runner) -> None:
    for name, key in (("shadows", "shadow_copies"), ("writers", "writers"), ("volumes", "volumes")):
        assert vsspy("list", name).output.startswith("There are no ")
        assert check_json(f"list-{name}", vsspy("list", name, "--json").output) == {key: []}
    for command in (["list", "storage"], ["storage", "list"]):
        assert vsspy(*command).output == "There are no storage areas.\n"
        assert check_json("-".join(command), vsspy(*command, "--json").output) == {"storage_areas": []}


def test_shadows(vsspy: Runner, server: dict[str, Path]) -> None:
    first = create(vsspy, "C:\\", "D:\\")
    second = create(vsspy, "C:")
    found = check_json("list-shadows", vsspy("list", "shadows", "--json").output)["shadow_copies"]
    made = first["shadow_copies"] + second["shadow_copies"]
    assert sorted(found, key=lambda each: each["id"]) == sorted(made, key=lambda each: each["id"])
    assert found[2] == made[2], "the oldest first"
    copy = made[0]
    assert (copy["volume"], copy["context"], copy["state"]) == ("C:\\", "app-rollback", "created")
    assert copy["volume_path"].startswith("\\\\?\\Volume{")
    assert copy["attributes"] == ["persistent", "no-auto-release", "not-surfaced"]
    assert copy["provider_id"] == SYSTEM_PROVIDER and copy["exposed"] is None
    assert [each["snapshots_in_set"] for each in made] == [2, 2, 1]
    table = vsspy("list", "shadows").output
    for text in (first["set_id"], second["set_id"], copy["id"], "D:\\", "2 of 2", "1 of 1", "app-rollback"):
        assert text in table


def test_shadows_are_filtered(vsspy: Runner, server: dict[str, Path]) -> None:
    first, second = create(vsspy, "C:\\", "D:\\"), create(vsspy, "C:\\")
    one, two = (each["id"] for each in first["shadow_copies"])
    three = second["shadow_copies"][0]["id"]

    def ids(*arguments: str) -> list[str]:
        done = vsspy("list", "shadows", *arguments, "--json")
        assert done.code == 0
        return [each["id"] for each in check_json("list-shadows", done.output)["shadow_copies"]]

    assert ids("--volume", "C:\\") == ids("--volume", "c:") == [one, three]
    assert ids("--volume", first["shadow_copies"][1]["volume_path"]) == [two]
    assert sorted(ids("--set", first["set_id"])) == sorted([one, two])
    assert ids("--id", f"{{{three.upper()}}}") == [three]
    assert ids("--set", first["set_id"], "--volume", "D:") == [two]
    assert ids("--id", SYSTEM_PROVIDER) == []
    assert vsspy("list", "shadows", "--id", SYSTEM_PROVIDER).output == "None.\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["shadows", "--volume", "E:\\"], ("E:\\ is no volume",)),
        (["shadows", "--volume", "data"], ("data",)),
        (["shadows", "--id", "42"], ("42 is no id of a shadow copy", "vsspy list shadows")),
        (["shadows", "--set", "{42}"], ("{42} is no id of a set",)),
        (["shadows", "extra"], ("extra",)),
        (["storage", "E:\\"], ("VSS_E_OBJECT_NOT_FOUND",)),
        (["nonsense"], ("nonsense",)),
        (["volumes", "--volume", "C:\\"], ("NAME=FOLDER",)),
    ],
    ids=str,
)
def test_wrong_input(vsspy: Runner, server: dict[str, Path], arguments: list[str], words: tuple[str, ...]) -> None:
    done = vsspy("list", *arguments)
    assert done.code == 2 and done.output == "" and done.error.count("\n") == 1, done
    for word in words:
        assert word in done.error


def test_writers(vsspy: Runner) -> None:
    done = vsspy("list", "writers", "--writers-from", str(WRITERS), "--json")
    writers = check_json("list-writers", done.output)["writers"]
    assert done.code == 0
    assert [(each["name"], each["state"], each["failed"]) for each in writers] == [
        ("Shop Catalog Writer", "stable", False),
        ("Shop Database Writer", "stable", False),
    ]
    shop = next(each for each in writers[1]["components"] if each["name"] == "Shop")
    assert shop["type"] == "database" and shop["selectable"] and len(shop["file_sets"]) == 2
    table = vsspy("list", "writers", "--writers-from", str(WRITERS)).output
    assert "Shop Catalog Writer" in table and "stable" in table and "Archive" not in table


def test_components_are_a_tree(vsspy: Runner) -> None:
    lines = vsspy("list", "writers", "--writers-from", str(WRITERS), "--components").output.splitlines()
    assert "    Catalog  (filegroup, selectable, 1 file set)" in lines
    assert lines.index("      Archive  (filegroup, 1 file set)") == 1 + next(
        number for number, line in enumerate(lines) if line.startswith("    Catalog")
    )
    assert any("Orders of the harbour shop, database, selectable, 2 file sets" in line for line in lines)


def test_a_path_without_a_component_of_its_own_is_in_the_tree(vsspy: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [simulator.Component(name, logical_path="Site\\Main") for name in ("B", "a")]
    add_to_machines(monkeypatch, writers=[simulator.Writer("Pages", components=parts)])
    lines = vsspy("list", "writers", "--components").output.splitlines()[2:]
    assert lines == ["    Site", "      Main", "        a  (filegroup)", "        B  (filegroup)"]


def test_a_failed_writer_is_told(vsspy: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = simulator.Fault("Broken::Status", "VSS_E_WRITERERROR_TIMEOUT")
    add_to_machines(monkeypatch, writers=[simulator.Writer("Broken")], faults=[fault])
    done = vsspy("list", "writers", "--json")
    (writer,) = check_json("list-writers", done.output)["writers"]
    assert (done.code, writer["failed"], writer["failure"]) == (1, True, "VSS_E_WRITERERROR_TIMEOUT")
    done = vsspy("list", "writers")
    assert done.code == 1 and "VSS_E_WRITERERROR_TIMEOUT" in done.output


def test_documents_are_saved_and_replayed(vsspy: Runner, tmp_path: Path) -> None:
    saved = tmp_path / "documents"
    assert vsspy("list", "writers", "--writers-from", str(WRITERS), "--save", saved).code == 0
    assert sorted(path.name for path in saved.iterdir()) == ["Shop Catalog Writer.xml", "Shop Database Writer.xml"]
    again = check_json("list-writers", vsspy("list", "writers", "--writers-from", saved, "--json").output)
    assert [each["name"] for each in again["writers"]] == ["Shop Catalog Writer", "Shop Database Writer"]
    refused = vsspy("list", "writers", "--writers-from", str(WRITERS), "--save", saved)
    assert refused.code == 2 and "is not empty" in refused.error


def test_providers(vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_server(tmp_path, monkeypatch, hardware_provider=True)
    found = check_json("list-providers", vsspy("list", "providers", "--json").output)["providers"]
    assert sorted(each["type"] for each in found) == ["hardware", "system"]
    assert SYSTEM_PROVIDER in [each["id"] for each in found]
    assert "hardware" in vsspy("list", "providers").output


def test_volumes(vsspy: Runner, server: dict[str, Path]) -> None:
    create(vsspy, "C:\\")
    found = check_json("list-volumes", vsspy("list", "volumes", "--json").output)["volumes"]
    assert [(each["names"][0], each["has_shadow_copies"]) for each in found] == [("C:\\", True), ("D:\\", False)]
    assert all(each["path"] == each["names"][-1] and each["path"].startswith("\\\\?\\Volume{") for each in found)
    assert [each["id"] for each in found[0]["supported_by"]] == [SYSTEM_PROVIDER]
    table = vsspy("list", "volumes").output
    assert "C:\\" in table and found[1]["path"] in table


def test_storage(vsspy: Runner, server: dict[str, Path]) -> None:
    create(vsspy, "D:\\")
    found = check_json("list-storage", vsspy("list", "storage", "--json").output)["storage_areas"]
    assert [(each["volume"], each["storage_volume"], each["maximum"]) for each in found] == [("D:\\", "D:\\", None)]
    assert found[0]["allocated"] >= found[0]["used"] > 0
    assert check_json("list-storage", vsspy("list", "storage", "D:\\", "--json").output)["storage_areas"] == found
    assert check_json("list-storage", vsspy("list", "storage", "C:\\", "--json").output)["storage_areas"] == []
    assert "no limit" in vsspy("list", "storage").output


def test_a_machine_of_folders(vsspy: Runner, tmp_path: Path) -> None:
    found = check_json("list-volumes", vsspy("list", "volumes", "--volume", f"E:\\={tmp_path}", "--json").output)
    assert [each["names"][0] for each in found["volumes"]] == ["E:\\"]


def test_names_of_values() -> None:
    assert flag_names(SnapshotAttributes(0x80000000 | 1)) == ["persistent", "0x80000000"]
    assert context_name(SnapshotAttributes(int(SnapshotContext.NAS_ROLLBACK) | 0x40)) == "nas-rollback"
    assert context_name(SnapshotAttributes.PERSISTENT) is None


@pytest.mark.skipif(sys.platform == "win32", reason="there the backend exists")
@pytest.mark.parametrize("what", ["shadows", "writers", "providers", "volumes", "storage"])
def test_the_windows_backend_elsewhere(vsspy: Runner, what: str) -> None:
    done = vsspy("list", what, "--backend", "windows")
    assert done.code == 2 and "on Windows only" in done.error
