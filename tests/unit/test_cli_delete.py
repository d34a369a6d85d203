"""`vsspy delete`: which shadow copies go, which stay, and what is asked first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from cli_support import Runner, make_runner, make_server
from json_schema import check_json

from vsspy import simulator
from vsspy.cli import options

UNKNOWN = "0badc0de-0000-0000-0000-000000000000"


@pytest.fixture
def vsspy(capsys: pytest.CaptureFixture[str]) -> Runner:
    return make_runner(capsys)


class Made:
    """Two sets: C: and D: together, then C: again."""

    def __init__(self, vsspy: Runner) -> None:
        self._vsspy = vsspy
        sets = [self._make("C:\\", "D:\\"), self._make("C:\\")]
        (self.c, self.d), (self.later,) = ([each["id"] for each in one["shadow_copies"]] for one in sets)
        self.set_id: str = sets[0]["set_id"]
        self.d_path: str = sets[0]["shadow_copies"][1]["volume_path"]

    def _make(self, *volumes: str) -> Any:
        return check_json("create", self._vsspy("create", *volumes, "--persistent", "--no-writers", "--json").output)

    def left(self) -> set[str]:
        found = check_json("list-shadows", self._vsspy("list", "shadows", "--json").output)
        return {each["id"] for each in found["shadow_copies"]}


@pytest.fixture
def made(vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    make_server(tmp_path, monkeypatch)
    return Made(vsspy)


@pytest.mark.parametrize(
    ("arguments", "gone"),
    [
        (["--id", "{c}"], "c"),
        (["--id", "{c}", "--id", "{later}", "--id", "{c}"], "c later"),
        (["--set", "{set_id}"], "c d"),
        (["--oldest", "C:"], "c"),
        (["--oldest", "{d_path}"], "d"),
        (["--volume", "C:\\", "--all"], "c later"),
        (["--all"], "c d later"),
        (["--all", "--force"], "c d later"),
    ],
    ids=str,
)
def test_what_goes(vsspy: Runner, made: Made, arguments: list[str], gone: str) -> None:
    before = made.left()
    done = vsspy("delete", *[word.format(**vars(made)) for word in arguments], "--yes", "--json")
    found = check_json("delete", done.output)
    assert done.code == 0 and done.error == ""
    wanted = {getattr(made, name) for name in gone.split()}
    assert set(found["deleted"]) == wanted and len(found["deleted"]) == len(wanted) and found["failed"] == []
    assert made.left() == before - wanted


def test_all_of_nothing(vsspy: Runner) -> None:
    done = vsspy("delete", "--all")
    assert (done.code, done.output, done.error) == (0, "Deleted 0 shadow copies.\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ("--id, --set, --oldest and --all",)),
        (["--all", "--oldest", "C:"], ("not --oldest and --all",)),
        (["--volume", "C:"], ("--volume goes with --all",)),
        (["--id", "x"], ("x is no id",)),
        (["--id", UNKNOWN, "--yes"], (f"there is no shadow copy {UNKNOWN}", "vsspy list shadows")),
        (["--set", UNKNOWN, "--yes"], (f"there is no set {UNKNOWN}",)),
        (["--oldest", "E:\\", "--yes"], ("E:\\",)),
        (["--all"], ("Delete 3 shadow copies of C:\\, D:\\?", "--yes")),
        (["--oldest", "D:"], ("Delete the shadow copy ", " of D:\\, made ", "--yes")),
        (["C:"], ("C:",)),
    ],
    ids=str,
)
def test_one_line_and_nothing_deleted(vsspy: Runner, made: Made, arguments: list[str], words: tuple[str, ...]) -> None:
    before = made.left()
    done = vsspy("delete", *arguments)
    assert done.code == 2 and done.output == "" and done.error.count("\n") == 1, done
    for word in words:
        assert word in done.error
    assert made.left() == before


def test_the_oldest_of_all(vsspy: Runner, made: Made) -> None:
    assert vsspy("delete", "--set", made.set_id, "--yes").code == 0
    assert vsspy("delete", "--oldest", "*", "--yes").code == 0
    assert made.left() == set()
    done = vsspy("delete", "--oldest", "*", "--yes")
    assert done.code == 2 and "there are no shadow copies" in done.error


def test_the_oldest_of_none(vsspy: Runner, made: Made) -> None:
    assert vsspy("delete", "--set", made.set_id, "--yes").code == 0
    done = vsspy("delete", "--oldest", "D:", "--yes")
    assert done.code == 2 and "D: has no shadow copies" in done.error


@pytest.mark.parametrize("answer", [True, False])
def test_a_person_is_asked(vsspy: Runner, made: Made, monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    asked: list[str] = []

    def confirm(question: str, **how: Any) -> bool:
        asked.append(question)
        return answer

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(click, "confirm", confirm)
    monkeypatch.setattr(options, "sys", type("Modules", (), {"stdin": Terminal(), "stderr": Terminal()}))
    done = vsspy("delete", "--set", made.set_id)
    assert asked == ["Delete 2 shadow copies of C:\\, D:\\?"]
    assert made.left() == ({made.later} if answer else {made.c, made.d, made.later})
    assert done.code == (0 if answer else 2)
    assert done.error == ("" if answer else "vsspy: nothing was done\n")


@pytest.mark.parametrize(("nth", "code"), [(2, 1), (None, 2)])
def test_what_cannot_be_deleted(vsspy: Runner, made: Made, tmp_path: Path, nth: int | None, code: int) -> None:
    """The others go all the same."""

    def set_up(*faults: simulator.Fault) -> None:
        volumes = {f"{name}:\\": tmp_path / name for name in ("C", "D")}
        simulator.configure(tmp_path / "server", volumes=volumes, writers=[], faults=faults, overwrite=True)

    set_up(simulator.Fault("IVssBackupComponents::DeleteSnapshots", "VSS_E_PROVIDER_VETO", nth=nth))
    done = vsspy("delete", "--all", "--yes", "--json")
    found = check_json("delete", done.output)
    assert done.code == code
    assert len(found["failed"]) == (1 if nth else 3) and "VSS_E_PROVIDER_VETO" in found["failed"][0]["reason"]
    assert "VSS_E_PROVIDER_VETO" in done.error
    set_up()
    assert made.left() == {each["id"] for each in found["failed"]}
