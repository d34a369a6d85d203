"""`vsspy restore`: databases proven by their data, folders, chains, what it says and what it refuses."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vsspy import simulator
from vsspy.cli.interrupts import Interrupted
from vsspy.simulator_writers import SqlServerWriter

sys.path.insert(0, str(Path(__file__).parent))
from cli_support import BACKEND, Outcome, Runner, add_to_machines, make_runner
from json_schema import check_json
from restore_support import DATA, demo_writer, write
from restore_support import volume as new_volume


@pytest.fixture
def vsspy(capsys: pytest.CaptureFixture[str]) -> Runner:
    return make_runner(capsys)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return new_volume(tmp_path)


@pytest.fixture
def sql(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlServerWriter]:
    """A database server that runs, and on each machine that a command makes."""
    writer = SqlServerWriter(root, ["Orders", "Stock"], live=False)
    add_to_machines(monkeypatch, writers=[writer])
    with writer:
        yield writer


Command = Callable[..., Outcome]


@pytest.fixture
def backup(vsspy: Runner, root: Path) -> Command:
    def call(*words: str | Path) -> Outcome:
        done = vsspy("backup", *words, "--volume", f"C:\\={root}")
        assert (done.code, done.error) == (0, ""), done
        return done

    return call


@pytest.fixture
def restore(vsspy: Runner, root: Path) -> Command:
    def call(*words: str | Path) -> Outcome:
        return vsspy("restore", *words, "--volume", f"C:\\={root}", *BACKEND)

    return call


def as_json(done: Outcome) -> dict[str, Any]:
    found: dict[str, Any] = check_json("restore", done.output)
    assert done.code == found["exit_code"]
    return found


def test_a_server_s_databases(
    sql: SqlServerWriter, backup: Command, restore: Command, root: Path, tmp_path: Path
) -> None:
    sql.work(3)
    before = sql.state("Orders"), sql.state("Stock")
    backup("--component", "SqlServerWriter", "--type", "full", "--to", tmp_path / "out")
    sql.work(2)
    (root / DATA / "Stock.mdf").write_bytes(b"gone")
    done = restore(tmp_path / "out")
    assert (done.code, done.error) == (0, "")
    assert "Restored: 4 files" in done.output
    assert (sql.state("Orders"), sql.state("Stock")) == before


def test_one_database(sql: SqlServerWriter, backup: Command, restore: Command, tmp_path: Path) -> None:
    sql.work(3)
    before = sql.state("Orders")
    backup("--component", "SqlServerWriter", "--type", "full", "--to", tmp_path / "out")
    sql.work(2)
    other = sql.state("Stock")
    report = as_json(restore(tmp_path / "out", "--component", "SqlServerWriter:Orders", "--json"))
    assert (sql.state("Orders"), sql.state("Stock")) == (before, other)
    (step,) = report["restores"]
    assert [(each["full_name"], each["state"]) for each in step["components"]] == [("SIMULATOR\\Orders", "all")]
    assert [each["name"] for each in step["left_out"]] == ["SIMULATOR\\Stock"]
    assert (report["files"], report["backend"], step["backup_type"]) == (2, "simulator", "FULL")


def test_a_chain(sql: SqlServerWriter, backup: Command, restore: Command, root: Path, tmp_path: Path) -> None:
    """Full and differential: parts of the data file are written over the full backup's."""
    names = ("--component", "SqlServerWriter:Orders", "--type")
    backup(*names, "full", "--to", tmp_path / "full")
    sql.work(3)
    before = sql.state("Orders")
    backup(*names, "differential", "--previous", tmp_path / "full", "--to", tmp_path / "diff")
    sql.work(2)
    (root / DATA / "Orders.mdf").write_bytes(b"gone")
    report = as_json(restore(tmp_path / "full", tmp_path / "diff", "--json"))
    assert report["good"]
    assert [step["additional"] for step in report["restores"]] == [True, False]
    assert sql.state("Orders") == before
    assert sql.is_online("Orders")
    for chain in (("diff",), ("diff", "full"), ("full", "full")):
        done = restore(*(tmp_path / name for name in chain))
        assert done.code == 2
        assert "builds on" in done.error
    assert sql.state("Orders") == before


def test_a_chain_that_ends_earlier_for_one_database(
    sql: SqlServerWriter, backup: Command, restore: Command, tmp_path: Path
) -> None:
    """A writer that is told of more waits for it, and the database stays offline."""
    backup("--component", "SqlServerWriter", "--type", "full", "--to", tmp_path / "full")
    sql.work(3)
    one = ("--component", "SqlServerWriter:Orders", "--type", "differential")
    backup(*one, "--previous", tmp_path / "full", "--to", tmp_path / "diff")
    report = as_json(restore(tmp_path / "full", tmp_path / "diff", "--json"))
    assert [step["additional"] for step in report["restores"]] == [True, False]
    assert sql.is_online("Orders") and sql.is_online("Stock")
    for names, steps in ((["Stock"], 1), (["Stock", "Orders"], 2)):
        words = [word for name in names for word in ("--component", f"SqlServerWriter:{name}")]
        report = as_json(restore(tmp_path / "full", tmp_path / "diff", *words, "--json"))
        assert (report["good"], len(report["restores"])) == (True, steps), names
        assert sql.is_online("Orders") and sql.is_online("Stock")
    done = restore(tmp_path / "full", tmp_path / "diff", "--component", "SqlServerWriter:Nobody")
    assert done.code == 2 and "no component Nobody" in done.error


def test_a_chain_that_breaks_off(
    sql: SqlServerWriter, backup: Command, restore: Command, root: Path, tmp_path: Path
) -> None:
    """What was told of more waits for it, and the report says so."""
    backup("--component", "SqlServerWriter", "--type", "full", "--to", tmp_path / "full")
    sql.work(3)
    one = ("--component", "SqlServerWriter", "--type", "differential")
    backup(*one, "--previous", tmp_path / "full", "--to", tmp_path / "diff")
    (root / DATA / "Orders.mdf").unlink()
    (root / DATA / "Orders.mdf").mkdir()
    report = as_json(restore(tmp_path / "full", tmp_path / "diff", "--json"))
    (step,) = report["restores"]
    assert not report["good"] and not sql.is_online("Stock")
    assert any("may keep their data offline" in note for note in step["notes"])


def test_a_chain_extracted(sql: SqlServerWriter, backup: Command, vsspy: Runner, tmp_path: Path) -> None:
    """Without writers: their own recovery then proves the files."""
    names = ("--component", "SqlServerWriter:Orders", "--type")
    backup(*names, "full", "--to", tmp_path / "full")
    sql.work(3)
    before = sql.state("Orders")
    backup(*names, "differential", "--previous", tmp_path / "full", "--to", tmp_path / "diff")
    report = as_json(vsspy("restore", tmp_path / "full", tmp_path / "diff", "--to", tmp_path / "look", "--json"))
    assert (report["good"], report["to"], report["backend"]) == (True, str(tmp_path / "look"), None)
    assert SqlServerWriter.recover(tmp_path / "look" / "C" / Path(DATA) / "Orders.mdf") == before


def test_components_extracted(sql: SqlServerWriter, backup: Command, vsspy: Runner, tmp_path: Path) -> None:
    backup("--component", "SqlServerWriter", "--to", tmp_path / "out")
    done = vsspy("restore", tmp_path / "out", "--to", tmp_path / "look", "--component", "SqlServerWriter:Stock")
    assert done.code == 0, done
    assert sorted(os.listdir(tmp_path / "look" / "C" / Path(DATA))) == ["Stock.mdf", "Stock_log.ldf"]


def test_redirected(sql: SqlServerWriter, backup: Command, restore: Command, root: Path, tmp_path: Path) -> None:
    sql.work(3)
    before = sql.state("Orders")
    backup("--component", "SqlServerWriter", "--type", "full", "--to", tmp_path / "out")
    sql.work(2)
    now = sql.state("Orders")
    words = ("--component", "SqlServerWriter:Orders", "--redirect", "SqlServerWriter:Orders=C:\\Copy")
    assert restore(tmp_path / "out", *words).code == 0
    assert SqlServerWriter.check(root / "Copy" / "Orders.mdf") == before
    assert sql.state("Orders") == now


def test_dry_run(sql: SqlServerWriter, backup: Command, restore: Command, root: Path, tmp_path: Path) -> None:
    backup("--component", "SqlServerWriter:Orders", "--to", tmp_path / "out")
    sql.work(2)
    now = sql.state("Orders")
    report = as_json(restore(tmp_path / "out", "--dry-run", "--json"))
    (step,) = report["restores"]
    assert [(Path(each["target"].replace("\\", "/")).name, each["how"]) for each in step["planned"]] == [
        ("Orders.mdf", "original"),
        ("Orders_log.ldf", "original"),
    ]
    assert sql.state("Orders") == now
    assert "Would be restored: 2 files" in restore(tmp_path / "out", "--dry-run").output


def test_a_writer_that_does_not_run(
    backup: Command, restore: Command, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root, Data__a_txt="a")
    with monkeypatch.context() as patch:
        add_to_machines(patch, writers=[demo_writer()])
        backup("--component", "Demo Writer", "--to", tmp_path / "out")
    (root / "Data" / "a.txt").write_text("new")
    done = restore(tmp_path / "out")
    assert done.code == 2
    assert "its writer does not run" in done.error
    assert restore(tmp_path / "out", "--without-writers").code == 0
    assert (root / "Data" / "a.txt").read_text() == "a"


def test_a_writer_that_fails(
    backup: Command, restore: Command, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can be restored is; the exit code says that not all was."""
    write(root, Data__a_txt="a", Two__b_txt="b")
    writers = [demo_writer(), demo_writer("Two Writer", "Two", "C:\\Two")]
    fault = simulator.Fault("Two Writer::PreRestore", "VSS_E_WRITERERROR_NONRETRYABLE")
    add_to_machines(monkeypatch, writers=writers, faults=[fault])
    backup("--component", "*", "--to", tmp_path / "out")
    for name in ("Data/a.txt", "Two/b.txt"):
        (root / name).write_text("live")
    done = restore(tmp_path / "out")
    assert done.code == 1
    assert "VSS_E_WRITERERROR_NONRETRYABLE after pre_restore" in done.output
    assert (root / "Data" / "a.txt").read_text() == "a"
    assert (root / "Two" / "b.txt").read_text() == "live"


@pytest.mark.skipif(sys.platform == "win32", reason="a folder is a volume of its own name off Windows only")
def test_a_folder_that_was_a_volume(vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    write(data, a_txt="a")
    add_to_machines(monkeypatch, writers=[demo_writer(path=f"{data}/")])
    assert vsspy("backup", data, "--component", "Demo Writer", "--to", tmp_path / "out").code == 0
    (data / "a.txt").unlink()
    done = vsspy("restore", tmp_path / "out")
    assert (done.code, done.error) == (0, ""), done
    assert (data / "a.txt").read_text() == "a"
    (data / "a.txt").unlink()
    data.rmdir()
    done = vsspy("restore", tmp_path / "out")
    assert done.code == 2
    assert "make it, or say which folder plays it" in done.error


def test_extracting_a_tree(backup: Command, vsspy: Runner, root: Path, tmp_path: Path) -> None:
    """Modes and times come along; the target has to be empty, or --overwrite."""
    write(root, Data__a_txt="a", Data__sub__b_txt="b")
    os.utime(root / "Data" / "a.txt", ns=(10**18, 10**18))
    backup("C:\\Data", "--to", tmp_path / "out", "--writers", "none")
    look = tmp_path / "look"
    assert vsspy("restore", tmp_path / "out", "--to", look).code == 0
    assert (look / "C" / "Data" / "sub" / "b.txt").read_text() == "b"
    assert (look / "C" / "Data" / "a.txt").stat().st_mtime == 10**9
    assert not (look / "vsspy").exists()
    (look / "C" / "Data" / "a.txt").write_text("mine")
    done = vsspy("restore", tmp_path / "out", "--to", look)
    assert done.code == 2
    assert "is not empty: it holds C" in done.error
    assert vsspy("restore", tmp_path / "out", "--to", look, "--overwrite").code == 0
    assert (look / "C" / "Data" / "a.txt").read_text() == "a"
    done = vsspy("restore", tmp_path / "out", *BACKEND)
    assert done.code == 2


WRONG = [
    (["none"], "none"),
    (["{out}", "--to", "{out}/x"], "lie in one another"),
    (["{out}", "--to", "{tmp}"], "lie in one another"),
    (["{out}", "--to", "", "--overwrite"], "--to is empty"),
    (["{out}", "--to", "{tmp}/x", "--dry-run"], "leave --redirect, --without-writers and --dry-run out"),
    (["{out}", "--component", ":x"], "write WRITER or WRITER:COMPONENT"),
    (["{out}", "--component", "Nobody", "--volume", "C:\\={root}"], "it has those of Demo Writer"),
    (["{out}", "--redirect", "Demo Writer"], "write WRITER=FOLDER"),
    (["{out}", "--redirect", "Demo Writer=C:\\x", "--volume", "C:\\={root}"], "cannot be told of another place"),
    (["{out}"], "say which folder plays it"),
    (["{out}", "--timeout", "0"], "--timeout"),
    ([], "DIR"),
    ([""], "the name of the backup's folder is empty"),
]


def test_wrong_input(
    backup: Command, vsspy: Runner, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root, Data__a_txt="a")
    add_to_machines(monkeypatch, writers=[demo_writer()])
    backup("--component", "Demo Writer", "--to", tmp_path / "out")
    places = {"out": tmp_path / "out", "tmp": tmp_path, "root": root}
    for words, message in WRONG:
        done = vsspy("restore", *(word.format(**places) for word in words), *BACKEND)
        assert (done.code, done.output) == (2, ""), words
        assert message in done.error, words


def test_a_signal_ends_the_restore(
    backup: Command, restore: Command, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writers hear of the end, and the person how far it came."""
    from vsspy.cli import restore as module

    write(root, Data__a_txt="a", Data__b_txt="b")
    machines = add_to_machines(monkeypatch, writers=[demo_writer()])
    backup("--component", "Demo Writer", "--to", tmp_path / "out")

    def interrupt(self: object, file: object) -> None:
        raise Interrupted(2)

    monkeypatch.setattr(module._Counter, "file", interrupt)
    done = restore(tmp_path / "out")
    assert done.code == 130
    assert "stopped" in done.error
    heard = [entry.name for entry in machines[-1].trace if entry.name.startswith("Demo Writer::")]
    assert heard[-2:] == ["Demo Writer::PreRestore", "Demo Writer::PostRestore"]
    assert json.loads((tmp_path / "out" / "vsspy" / "report.json").read_text(encoding="utf-8"))["good"]


# Backups that are not whole any more


def damage_file(out: Path) -> None:
    (out / "C" / "Data" / "sub" / "b.txt").unlink()


def damage_folder(out: Path) -> None:
    shutil.rmtree(out / "C" / "Data")


def damage_volume(out: Path) -> None:
    shutil.rmtree(out / "C")


def damage_size(out: Path) -> None:
    (out / "C" / "Data" / "a.txt").write_text("aa")


def damage_kind(out: Path) -> None:
    (out / "C" / "Data" / "a.txt").unlink()
    (out / "C" / "Data" / "a.txt").mkdir()


def damage_by_links(out: Path) -> None:
    (out / "C" / "Data").rename(out.parent / "elsewhere")
    (out / "C" / "Data").symlink_to(out.parent / "elsewhere")


DAMAGES = [
    (damage_file, "only 1 of its 2 files: C:\\Data\\sub\\b.txt is missing"),
    (damage_folder, "only 0 of its 2 files: C:\\Data\\a.txt is missing"),
    (damage_volume, "only 0 of its 2 files: C:\\Data\\a.txt is missing"),
    (damage_size, "only 1 of its 2 files: C:\\Data\\a.txt has 2 bytes instead of 1"),
    (damage_kind, "only 1 of its 2 files: C:\\Data\\a.txt is no file any more"),
    pytest.param(
        damage_by_links,
        "only 0 of its 2 files: C:\\Data\\a.txt is missing",
        marks=pytest.mark.skipif(sys.platform == "win32", reason="no symbolic links can be made under Wine"),
    ),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_a_damaged_backup(
    damage: Callable[[Path], None],
    message: str,
    backup: Command,
    restore: Command,
    vsspy: Runner,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is not whole is not touched, and its writer is told of no restore of it; the rest is restored."""
    write(root, Data__a_txt="a", Data__sub__b_txt="b", Two__b_txt="b")
    writers = [demo_writer(), demo_writer("Two Writer", "Two", "C:\\Two")]
    machines = add_to_machines(monkeypatch, writers=writers)
    backup("--component", "Demo Writer", "--to", tmp_path / "out")
    backup("C:\\Two", "--component", "Demo Writer", "--component", "Two Writer", "--to", tmp_path / "both")
    damage(tmp_path / "out")
    for name in ("Data/a.txt", "Data/sub/b.txt", "Two/b.txt"):
        (root / name).write_text("live")
    for words in ([], ["--dry-run"]):
        done = restore(tmp_path / "out", *words)
        assert (done.code, message in done.output + done.error) == (1 if words else 2, True), done
    assert not [entry for entry in machines[-1].trace if entry.name.endswith("::PreRestore")]
    done = vsspy("restore", tmp_path / "out", "--to", tmp_path / "one", "--component", "Demo Writer")
    assert done.code == 2 and message in done.error
    done = vsspy("restore", tmp_path / "out", "--to", tmp_path / "all")
    assert done.code == 1 and message in done.output
    shutil.rmtree(tmp_path / "both" / "C" / "Data")
    report = as_json(restore(tmp_path / "both", "--json"))
    (step,) = report["restores"]
    states = {each["full_name"]: (each["state"], each["with_writer"]) for each in step["components"]}
    assert (report["exit_code"], states) == (1, {"Data": ("none", False), "Two": ("all", True)})
    assert (root / "Data" / "a.txt").read_text() == "live"
    assert (root / "Two" / "b.txt").read_text() == "b"


def test_a_tree_with_a_file_missing(backup: Command, vsspy: Runner, root: Path, tmp_path: Path) -> None:
    write(root, Data__a_txt="a", Data__b_txt="b")
    backup("C:\\Data", "--to", tmp_path / "out", "--writers", "none")
    (tmp_path / "out" / "C" / "Data" / "b.txt").unlink()
    report = as_json(vsspy("restore", tmp_path / "out", "--to", tmp_path / "look", "--json"))
    assert (report["good"], report["files"]) == (False, 1)
    ((failed,),) = [step["failed"] for step in report["restores"]]
    assert failed["reason"] == "the backup has only 1 of its 2 files"


def test_an_older_backup_is_restored_with_a_note(
    backup: Command, restore: Command, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root, Data__a_txt="a")
    add_to_machines(monkeypatch, writers=[demo_writer()])
    backup("--component", "Demo Writer", "--to", tmp_path / "out")
    (tmp_path / "out" / "vsspy" / "files.json").unlink()
    done = restore(tmp_path / "out")
    assert done.code == 0 and "was not checked" in done.output
    shutil.rmtree(tmp_path / "out" / "C")
    done = restore(tmp_path / "out")
    assert done.code in (1, 2) and "the backup has nothing of C:\\" in done.output + done.error
    assert "shadow copy" not in done.output + done.error


@pytest.mark.parametrize("words", [[], ["--component", "Demo Writer", "--component", "Two Writer"]])
def test_what_was_not_saved_is_missed(
    words: list[str],
    backup: Command,
    restore: Command,
    vsspy: Runner,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(root, Data__a_txt="a", Two__b_txt="b")
    writers = [demo_writer(), demo_writer("Two Writer", "Two", "C:\\Two")]
    add_to_machines(monkeypatch, writers=writers)
    backup("--component", "*", "--to", tmp_path / "out")
    document = tmp_path / "out" / "vsspy" / "backup-components.xml"
    text = document.read_text(encoding="utf-8")
    entry = next(each for each in re.findall("<COMPONENT [^>]*>", text) if 'componentName="Two"' in each)
    document.write_text(
        text.replace(entry, entry.replace('backupSucceeded="yes"', 'backupSucceeded="no"')), encoding="utf-8"
    )
    report = as_json(restore(tmp_path / "out", *words, "--json"))
    (step,) = report["restores"]
    assert (report["exit_code"], step["good"], [each["name"] for each in step["left_out"]]) == (1, False, ["Two"])
    assert restore(tmp_path / "out", "--dry-run", *words).code == 1
    assert restore(tmp_path / "out", "--exclude", "Two Writer").code == 0
    assert restore(tmp_path / "out", "--component", "Demo Writer").code == 0
    if words:
        report = as_json(vsspy("restore", tmp_path / "out", "--to", tmp_path / "look", *words, "--json"))
        assert (report["exit_code"], [each["name"] for each in report["restores"][0]["left_out"]]) == (1, ["Two"])


def test_empty_folders_and_hard_links_extracted(backup: Command, vsspy: Runner, root: Path, tmp_path: Path) -> None:
    write(root, Data__a_txt="a")
    (root / "Data" / "empty" / "below").mkdir(parents=True)
    if sys.platform != "win32":
        (root / "Data" / "empty" / "below").chmod(0o711)
    os.link(root / "Data" / "a.txt", root / "Data" / "b.txt")
    backup("C:\\Data", "--to", tmp_path / "out", "--writers", "none")
    done = vsspy("restore", tmp_path / "out", "--to", tmp_path / "look")
    made = tmp_path / "look" / "C" / "Data" / "empty" / "below"
    assert made.is_dir()
    if sys.platform != "win32":
        assert made.stat().st_mode & 0o777 == 0o711
    assert done.code == 0, done
    if sys.platform != "win32":  # where the simulator's shadow copies have no hard links
        assert "2 names of files with several names (hard links)" in done.output, done


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux only")
@pytest.mark.parametrize("paths", [[], ["C:\\Data"]])
def test_the_list_of_files_keeps_every_name(
    paths: list[str], backup: Command, restore: Command, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root, Data__a_txt="a")
    odd = "odd\udce9.db"
    (root / "Data" / odd).write_text("odd")
    (root / "Data" / "link").symlink_to("a.txt")
    add_to_machines(monkeypatch, writers=[demo_writer()])
    backup(*paths, "--component", "Demo Writer", "--to", tmp_path / "out")
    values = json.loads((tmp_path / "out" / "vsspy" / "files.json").read_text(encoding="ascii"))
    assert sorted(values["files"]) == [
        ["C:\\Data\\a.txt", 1, [0]],
        ["C:\\Data\\link", None, [0]],
        [f"C:\\Data\\{odd}", 3, [0]],
    ]
    assert restore(tmp_path / "out").code == 0
    (tmp_path / "out" / "C" / "Data" / odd).unlink()
    done = restore(tmp_path / "out")
    assert (done.code, "only 2 of its 3 files: C:\\Data\\odd\\xe9.db is missing" in done.error) == (2, True), done
