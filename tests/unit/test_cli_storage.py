"""`vsspy storage`: storage areas are added, resized and deleted; sizes as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_support import Runner, make_runner, make_server
from json_schema import check_json

from vsspy.cli.errors import CommandError
from vsspy.cli.storage import parse_maximum

MIB = 1 << 20


@pytest.fixture
def vsspy(capsys: pytest.CaptureFixture[str]) -> Runner:
    return make_runner(capsys)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    return make_server(tmp_path, monkeypatch)


def areas(vsspy: Runner) -> list[tuple[str, str, int | None]]:
    found = check_json("storage-list", vsspy("storage", "list", "--json").output)["storage_areas"]
    return [(each["volume"], each["storage_volume"], each["maximum"]) for each in found]


def test_from_beginning_to_end(vsspy: Runner, server: dict[str, Path]) -> None:
    done = vsspy("storage", "add", "C:", "--on", "D:", "--maximum", "1G", "--json")
    added = check_json("storage-add", done.output)["storage_area"]
    assert (added["volume"], added["storage_volume"], added["maximum"], added["used"]) == ("C:\\", "D:\\", 1 << 30, 0)
    assert areas(vsspy) == [("C:\\", "D:\\", 1 << 30)]
    for options, count in (
        (["--on", "D:\\"], 1),
        (["--on", "C:\\"], 0),
        (["C:\\", "--on", "D:\\"], 1),
        (["D:\\", "--on", "D:\\"], 0),
    ):
        found = check_json("list-storage", vsspy("list", "storage", *options, "--json").output)
        assert len(found["storage_areas"]) == count
    again = vsspy("storage", "add", "C:", "--on", "D:")
    assert again.code == 2 and "VSS_E_OBJECT_ALREADY_EXISTS" in again.error

    done = vsspy("storage", "resize", "C:", "--maximum", "none", "--json")
    assert check_json("storage-resize", done.output)["storage_area"]["maximum"] is None
    done = vsspy("storage", "resize", "C:\\", "--on", "D:\\", "--maximum", "400MB")
    assert done.output == "C:\\ is stored on D:\\, up to 400.0 MiB.\n"
    assert areas(vsspy) == [("C:\\", "D:\\", 400 * MIB)]

    asked = vsspy("storage", "delete", "C:")
    assert asked.code == 2 and "Remove the storage area of C:\\ on D:\\?" in asked.error
    done = vsspy("storage", "delete", "C:", "--yes", "--json")
    assert check_json("storage-delete", done.output)["removed"]["maximum"] == 400 * MIB
    assert areas(vsspy) == []


def test_a_part_of_the_volume(vsspy: Runner, server: dict[str, Path]) -> None:
    """P% of what the storing volume has."""
    from vsspy import DifferentialSnapshotManagement, simulator

    with (
        simulator.opened(server["C"].parent / "server"),
        DifferentialSnapshotManagement() as management,
        management.query_volumes_supported_for_diff_areas("C:\\") as found,
    ):
        total = next(each.total_space for each in found if each.display_name == "D:\\")
    assert vsspy("storage", "add", "C:", "--on", "D:", "--maximum", "50%").code == 0
    assert areas(vsspy) == [("C:\\", "D:\\", total // 2)]


def test_a_limit_for_a_while(vsspy: Runner, server: dict[str, Path]) -> None:
    assert vsspy("storage", "add", "C:", "--on", "C:").code == 0
    done = vsspy("storage", "resize", "C:", "--maximum", "2G", "--volatile")
    assert done.code == 0 and done.output == "C:\\ is stored on C:\\, up to 2.0 GiB.\n"


def test_what_is_in_use(vsspy: Runner, server: dict[str, Path]) -> None:
    """Shadow copies are lost only after a question, and the storage area stays as long as there are any."""
    with (server["C"] / "large").open("wb") as stream:
        stream.truncate(500 * MIB)
    assert vsspy("create", "C:\\", "--persistent", "--no-writers").code == 0

    def count() -> int:
        return len(check_json("list-shadows", vsspy("list", "shadows", "--json").output)["shadow_copies"])

    refused = vsspy("storage", "delete", "C:", "--yes")
    assert refused.code == 2 and "VSS_E_" in refused.error
    asked = vsspy("storage", "resize", "C:", "--maximum", "400M")
    assert asked.code == 2 and "delete the oldest ones" in asked.error and "--yes" in asked.error
    assert count() == 1
    assert vsspy("storage", "resize", "C:", "--maximum", "400M", "--yes").code == 0
    assert count() == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "C:"], ("--on",)),
        (["add", "C:", "--on", "E:"], ("VSS_E_OBJECT_NOT_FOUND",)),
        (["add", "data", "--on", "C:"], ("data is no name of a volume",)),
        (["add", "C:", "--on", "D:", "--maximum", "1M"], ("takes 320.0 MiB at least",)),
        (["add", "C:", "--on", "D:", "--maximum", "much"], ("--maximum much",)),
        (["resize", "C:", "--maximum", "1G"], ("C:\\ has no storage area", "vsspy list storage")),
        (["resize", "D:", "--on", "C:", "--maximum", "1G"], ("D:\\ has no storage area on C:",)),
        (["resize", "D:", "--maximum", "0"], ("vsspy storage delete",)),
        (["resize", "D:"], ("--maximum",)),
        (["delete", "C:", "--yes"], ("C:\\ has no storage area",)),
    ],
    ids=str,
)
def test_one_line_and_nothing_changed(
    vsspy: Runner, server: dict[str, Path], arguments: list[str], words: tuple[str, ...]
) -> None:
    assert vsspy("storage", "add", "D:", "--on", "D:", "--maximum", "1G").code == 0
    done = vsspy("storage", *arguments)
    assert done.code == 2 and done.output == "" and done.error.count("\n") == 1, done
    for word in words:
        assert word in done.error
    assert areas(vsspy) == [("D:\\", "D:\\", 1 << 30)]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("12345", 12345),
        ("10k", 10 << 10),
        ("10 MB", 10 << 20),
        ("1.5GiB", 3 << 29),
        ("9007199254740993", 9007199254740993),
        ("2T", 2 << 40),
        ("1P", 1 << 50),
        ("none", None),
        ("UNBOUNDED", None),
        ("10%", 100),
        ("0.5 %", 5),
    ],
)
def test_sizes(text: str, size: Any) -> None:
    assert parse_maximum(text, 1000) == size


@pytest.mark.parametrize("text", ["", "-1", "1e9", "10X", "101%", "G", "1,5G", "nan", "0x10"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(CommandError):
        parse_maximum(text, 1000)


def test_a_percentage_of_what_is_not_known() -> None:
    with pytest.raises(CommandError, match="not known"):
        parse_maximum("10%")
