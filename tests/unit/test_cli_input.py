"""Wrong input: one line that names the thing, exit code 2, nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cli_support import ROOT, Runner, make_runner, snapshot_of

WRITERS = ROOT / "examples" / "writers"


@pytest.fixture
def vsspy(capsys: pytest.CaptureFixture[str]) -> Runner:
    return make_runner(capsys)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data" / "sub").mkdir(parents=True)
    (tmp_path / "data" / "file").write_text("x")
    (tmp_path / "a-file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").write_text("x")
    for name in ("damaged", "dtd", "none", "foreign"):
        (tmp_path / name).mkdir()
    good = (WRITERS / "shop_database.xml").read_text(encoding="utf-8")
    (tmp_path / "damaged" / "good.xml").write_text(good, encoding="utf-8")
    (tmp_path / "damaged" / "broken.xml").write_text(good[: len(good) // 2], encoding="utf-8")
    dtd = good.replace("?>", '?>\n<!DOCTYPE x [<!ENTITY e "e">]>', 1)
    (tmp_path / "dtd" / "entity.xml").write_text(dtd, encoding="utf-8")
    (tmp_path / "none" / "readme.txt").write_text("no document")
    monkeypatch.chdir(tmp_path)
    return tmp_path


CASES: list[tuple[list[str], tuple[str, ...]]] = [
    (["missing", "--to", "out"], ("missing does not exist",)),
    (["data", "missing", "--to", "out"], ("missing does not exist",)),
    (["data", "data", "--to", "out"], ("given twice",)),
    (["data", "data/sub", "--to", "out"], ("sub lies inside",)),
    (["data", "--to", "data/out"], ("--to", "lies inside", "choose a folder outside")),
    (["data", "--to", "data"], ("--to", "lies inside")),
    (["data", "--to", "."], ("lies inside --to",)),
    (["data", "--to", "a-file"], ("a-file is a file",)),
    (["data", "--to", "a-file/below"], ("a-file is a file",)),
    (["data", "--to", "full"], ("full is not empty", "something", "--overwrite")),
    (["data", "--to", "out", "--writers-from", "missing"], ("--writers-from missing does not exist",)),
    (["data", "--to", "out", "--writers-from", "a-file"], ("--writers-from a-file is not a folder",)),
    (["data", "--to", "out", "--writers-from", "none"], ("none holds no Writer Metadata Document",)),
    (["data", "--to", "out", "--writers-from", "damaged"], ("broken.xml",)),
    (["data", "--to", "out", "--writers-from", "dtd"], ("entity.xml",)),
    (["data", "--to", "out", "--component", "Nobody"], ("Nobody",)),
    (
        ["data", "--to", "out", "--writers-from", "WRITERS", "--component", "Nobody"],
        ("Nobody", "Shop Database Writer", "Shop Catalog Writer"),
    ),
    (
        [
            "--to",
            "out",
            "--writers-from",
            "WRITERS",
            "--component",
            "Shop Database Writer:Shop",
            "--volume",
            "D:\\=data",
        ],
        ("Shop", "C:\\Shop\\Database"),
    ),
    (["--to", "out", "--component", "Nobody"], ("there is no volume", "--volume")),
    (["data", "--to", "out", "--component", ":X"], ("--component :X", "WRITER:COMPONENT")),
    (["data", "--to", "out", "--component", "X:"], ("--component X:", "WRITER:COMPONENT")),
    (["data", "--to", "out", "--component", "X", "--exclude", ""], ("--exclude", "WRITER:COMPONENT")),
    (["data", "--to", "out", "--exclude", "X"], ("--exclude", "--component")),
    (["data", "--to", "out", "--writers", "none", "--component", "X"], ("--component needs writers",)),
    (["data", "--to", "out", "--writers", "Nobody"], ("--writers", "all", "none")),
    (["data", "--to", "out", "--type", "log", "--previous", "missing"], ("missing",)),
    (["data", "--to", "out", "--type", "log", "--previous", "full"], ("full", "report.json")),
    (["data", "--to", "out", "--type", "log", "--previous", "out"], ("--to", "--previous itself")),
    (["data", "--to", "out", "--previous", "full"], ("--previous", "a copy backup builds on nothing")),
    (["data", "--to", "out", "--policy", "C:\\"], ("--policy C:\\", "required|preferred|never")),
    (["data", "--to", "out", "--policy", "C:\\=maybe"], ("--policy C:\\=maybe", "required|preferred|never")),
    (["data", "--to", "out", "--policy", "Q:\\=never"], ("Q:\\",)),
    (["data", "--to", "out", "--phase-timeout", "do_snapshot_set"], ("--phase-timeout", "NAME=S")),
    (["data", "--to", "out", "--phase-timeout", "do_snapshot_set=0"], ("do_snapshot_set", "above 0")),
    (["data", "--to", "out", "--phase-timeout", "freeze=3"], ("freeze", "do_snapshot_set")),
    (["data", "--to", "out", "--wait", "-1"], ("--wait",)),
    (["data", "--to", "out", "--type", "weekly"], ("weekly", "--type", "copy", "full")),
    (["data", "--to", "out", "--type", "undefined"], ("undefined",)),
    (["data", "--to", "out", "--timeout", "0"], ("--timeout", "above 0")),
    (["data", "--to", "out", "--timeout", "-3"], ("--timeout", "above 0")),
    (["data", "--to", "out", "--timeout", "nan"], ("--timeout", "above 0")),
    (["data", "--to", "out", "--timeout", "inf"], ("--timeout", "above 0")),
    (["data", "--to", "out", "--timeout", "soon"], ("--timeout", "soon")),
    (["data", "--to", "out", "--volume", "C:\\"], ("--volume C:\\", "NAME=FOLDER")),
    (["data", "--to", "out", "--volume", "C:\\=missing"], ("missing is not a folder",)),
    (["C:\\nothing", "--to", "out", "--volume", "C:\\=data"], ("C:\\nothing does not exist",)),
    (["data", "--to", "out", "--backend", "linux"], ("--backend", "linux")),
    (["data"], ("--to",)),
    (["--to", "out"], ("PATH",)),
    (["data", "--to", "out", "--sideways"], ("--sideways",)),
]


@pytest.mark.parametrize(("arguments", "words"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_one_line_and_nothing_made(vsspy: Runner, here: Path, arguments: list[str], words: tuple[str, ...]) -> None:
    before = snapshot_of(here)
    done = vsspy("backup", *[str(WRITERS) if word == "WRITERS" else word for word in arguments])
    assert done.code == 2, done
    assert done.error.startswith("vsspy: ") and done.error.count("\n") == 1, done.error
    for word in words:
        assert word in done.error
    assert done.output == ""
    assert snapshot_of(here) == before


@pytest.mark.skipif(sys.platform == "win32", reason="there the backend exists")
def test_the_windows_backend_elsewhere(vsspy: Runner, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = vsspy("backup", "data", "--to", "out", "--backend", "windows")
    assert done.code == 2 and "on Windows only" in done.error
    monkeypatch.setenv("VSSPY_BACKEND", "amiga")
    done = vsspy("backup", "data", "--to", "out")
    assert done.code == 2 and "VSSPY_BACKEND=amiga" in done.error
    assert not (here / "out").exists()


def test_a_name_with_a_line_break_stays_one_line(vsspy: Runner, here: Path) -> None:
    done = vsspy("backup", "no\nsuch", "--to", "out")
    assert done.code == 2 and done.error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["list", "writers", "--to", "x"], ["list", "shadows", "extra"], ["--nothing"]],
    ids=" ".join,
)
def test_the_other_commands(vsspy: Runner, arguments: list[str]) -> None:
    done = vsspy(*arguments)
    assert done.code == 2 and done.error.startswith("vsspy: ") and done.error.count("\n") == 1


def run_python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("package", ["click", "rich"])
def test_without_its_packages_it_says_what_to_install(package: str) -> None:
    done = run_python(
        """
        import sys
        sys.modules[sys.argv[1]] = None
        from vsspy.__main__ import main
        sys.exit(main())
        """,
        package,
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"vsspy: the command line needs the package {package}; run: pip install 'vsspy[cli]'\n"


def test_python_m_vsspy() -> None:
    done = subprocess.run([sys.executable, "-m", "vsspy", "--version"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith("vsspy ")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break differently there")
def test_a_reader_that_goes_away_is_no_traceback(here: Path) -> None:
    command = [sys.executable, "-m", "vsspy", "backup", "data", "--to", "out", "--json"]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert done.returncode == 1 and "Traceback" not in done.stderr and "Exception" not in done.stderr
    assert (here / "out" / "vsspy" / "report.json").exists()


def test_no_callable_is_left_unused() -> None:
    """The table above and the commands' own options move together: each option of backup is wrong in at least one case."""
    from vsspy.cli.backup import command

    used = {word for arguments, _ in CASES for word in arguments if word.startswith("--")}
    options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    assert options - {"--overwrite", "--json"} <= used
    assert isinstance(command.callback, Callable)  # type: ignore[arg-type]
