"""`vsspy expose` and `vsspy unexpose`; each command is a process of its own on a real machine, so each has a machine of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from cli_support import Runner, make_runner, make_server
from json_schema import check_json

UNKNOWN = "0badc0de-0000-0000-0000-000000000000"
needs_links = pytest.mark.skipif(
    sys.platform == "win32", reason="Wine makes no links, and Windows wants a privilege for them"
)


@pytest.fixture
def vsspy(capsys: pytest.CaptureFixture[str]) -> Runner:
    return make_runner(capsys)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    return make_server(tmp_path, monkeypatch)


def create(vsspy: Runner, *options: str) -> str:
    done = vsspy("create", "C:\\", *(options or ("--persistent",)), "--json")
    return str(check_json("create", done.output)["shadow_copies"][0]["id"])


def exposed(vsspy: Runner) -> list[Any]:
    found = check_json("list-shadows", vsspy("list", "shadows", "--json").output)["shadow_copies"]
    return [(each["exposed"], each["exposed_path"]) for each in found]


def test_a_drive_from_beginning_to_end(vsspy: Runner, server: dict[str, Path]) -> None:
    copy = create(vsspy)
    done = vsspy("expose", copy, "x:")
    assert (done.code, done.output) == (0, "Exposed as x:\\\n")
    assert exposed(vsspy) == [("x:\\", None)]
    assert "x:\\" in vsspy("list", "shadows").output
    again = vsspy("expose", copy, "Y:")
    assert again.code == 2 and f"it is exposed as x:\\; `vsspy unexpose {copy}`" in again.error
    done = vsspy("unexpose", copy, "--json")
    assert check_json("unexpose", done.output) == {"id": copy, "was_exposed": "x:\\"}
    assert exposed(vsspy) == [(None, None)]
    assert vsspy("unexpose", copy).code == 2
    assert vsspy("delete", "--id", copy, "--yes").code == 0
    assert exposed(vsspy) == []


@needs_links
def test_a_folder(vsspy: Runner, server: dict[str, Path]) -> None:
    copy = create(vsspy)
    (server["D"] / "mounted").mkdir()
    (server["C"] / "file").write_text("later", encoding="ascii")
    done = vsspy("expose", copy, "D:\\mounted", "--json")
    assert check_json("expose", done.output) == {"id": copy, "exposed": "D:\\mounted\\", "kind": "local"}
    assert (server["D"] / "mounted" / "file").read_text(encoding="ascii") == "C"
    assert vsspy("unexpose", copy).output == "D:\\mounted\\ is gone; the shadow copy stays.\n"
    assert list((server["D"] / "mounted").iterdir()) == []


@pytest.mark.parametrize(
    ("where", "options", "name", "path"),
    [
        ("share", [], "ShadowCopy1", None),
        ("SHARE=Old", [], "Old", None),
        ("share=Old", ["--path-on-volume", "\\folder"], "Old", "\\folder"),
    ],
    ids=str,
)
def test_a_share(
    vsspy: Runner, server: dict[str, Path], where: str, options: list[str], name: str, path: str | None
) -> None:
    (server["C"] / "folder").mkdir()
    copy = create(vsspy)
    done = vsspy("expose", copy, where, *options, "--json")
    assert check_json("expose", done.output) == {"id": copy, "exposed": name, "kind": "share"}
    assert exposed(vsspy) == [(name, path)]


@pytest.mark.parametrize(
    ("options", "arguments", "words"),
    [
        ([], ["42", "X:"], ("42 is no id",)),
        ([], [UNKNOWN, "X:"], (f"there is no shadow copy {UNKNOWN}", "vsspy list shadows")),
        ([], ["ID", "C:"], ("C: cannot be used", "must be free", "E_INVALIDARG")),
        ([], ["ID", "D:\\missing"], ("D:\\missing cannot be used",)),
        ([], ["ID", "share="], ("share= needs a name",)),
        ([], ["ID", "share=a\\b"], ("cannot be used",)),
        ([], ["ID", "X:", "--path-on-volume", "\\folder"], ("--path-on-volume is for shares",)),
        ([], ["ID"], ("DRIVE|FOLDER|share[=NAME]",)),
        (["--context", "client-accessible"], ["ID", "X:"], ("this one is of client-accessible", "VSS_E_BAD_STATE")),
    ],
    ids=str,
)
def test_one_line_and_nothing_exposed(
    vsspy: Runner, server: dict[str, Path], options: list[str], arguments: list[str], words: tuple[str, ...]
) -> None:
    copy = create(vsspy, *options)
    done = vsspy("expose", *[copy if word == "ID" else word for word in arguments])
    assert done.code == 2 and done.output == "" and done.error.count("\n") == 1, done
    for word in words:
        assert word in done.error
    assert exposed(vsspy) == [(None, None)]


@pytest.mark.skipif(sys.platform == "win32", reason="there every word is a path")
def test_a_plain_word_is_no_share(vsspy: Runner, server: dict[str, Path]) -> None:
    done = vsspy("expose", create(vsspy), "Old")
    assert done.code == 2 and "for a share write share=Old" in done.error


def test_what_is_not_exposed(vsspy: Runner, server: dict[str, Path]) -> None:
    for id_ in (create(vsspy), UNKNOWN):
        done = vsspy("unexpose", id_)
        assert done.code == 2 and f"there is no exposed shadow copy {id_}" in done.error
