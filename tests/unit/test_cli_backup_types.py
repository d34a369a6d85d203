"""`vsspy backup` of components: where their files lie, types that build on each other, parts of files, what is read live."""

from __future__ import annotations

import json
import math
import os
import shutil
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import vsspy as package
from vsspy import simulator
from vsspy.enums import BackupSchema, FileSpecBackupType
from vsspy.simulator_writers import SqlServerWriter

sys.path.insert(0, str(Path(__file__).parent))
from cli_support import ROOT, Runner, add_to_machines, make_runner
from json_schema import check_json

WRITERS = ROOT / "examples" / "writers"
SHOP = "Shop Database Writer"
DATA = "MSSQL14.MSSQLSERVER/MSSQL/DATA"


@pytest.fixture
def vsspy(capsys: pytest.CaptureFixture[str]) -> Runner:
    return make_runner(capsys)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The folder that plays ``C:\\``."""
    folder = tmp_path / "c"
    shutil.copytree(ROOT / "examples" / "server" / "Shop", folder / "Shop")
    for name in ("a.txt", "sub/b.txt", "sub/b.tmp"):
        (folder / "Data" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "Data" / name).write_text(name)
    return folder


def report_of(out: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((out / "vsspy" / "report.json").read_text(encoding="utf-8"))
    return check_json("backup", values)  # type: ignore[no-any-return]


def files_in(out: Path) -> list[str]:
    """All files of a backup but its documents."""
    found = [path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()]
    return sorted(name for name in found if not name.startswith("vsspy/"))


def states(report: dict[str, Any]) -> dict[str, str]:
    return {each["full_name"]: each["state"] for each in report["components"]}


# -- where the files lie -----------------------------------------------------------------------------------------------


def test_the_files_of_a_component_wherever_they_lie(vsspy: Runner, image: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    volume = ["--volume", f"C:\\={image}", "--volume", f"D:\\={tmp_path}", "--writers-from", WRITERS]
    done = vsspy("backup", "--component", f"{SHOP}:Shop", *volume, "--to", out)
    assert done.code == 0, done
    report = report_of(out)
    assert states(report) == {"Shop": "succeeded"}
    assert files_in(out) == ["C/Shop/Database/shop.db", "C/Shop/Database/shop.log"]
    assert (out / "C/Shop/Database/shop.db").read_bytes() == (image / "Shop/Database/shop.db").read_bytes()
    assert [copy["volume"] for copy in report["shadow_copies"]] == ["C:\\"], "the only volume that it has files on"
    assert report["paths"] == [
        {"path": "C:\\Shop\\Database", "volume": "C:\\", "below": os.path.join("C", "Shop", "Database")}
    ]
    assert report["files"] == 2


def test_paths_and_components_together(vsspy: Runner, image: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    volume = ["--volume", f"C:\\={image}", "--writers-from", WRITERS]
    done = vsspy("backup", "C:\\Data", "c:\\shop\\database", "--component", SHOP, *volume, "--to", out, "--json")
    assert done.code == 0, done
    report = check_json("backup", done.output)
    assert states(report) == {"Shop": "succeeded", "Configuration": "succeeded"}
    assert {"C/Data/a.txt", "C/Data/sub/b.tmp", "C/Shop/Database/shop.db", "C/Shop/Config/shop.ini"} <= set(
        files_in(out)
    )
    assert [place["path"] for place in report["paths"]] == ["C:\\Data", "C:\\Shop\\Config", "C:\\Shop\\Database"]


def test_names_may_have_wildcards(vsspy: Runner, image: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    volume = ["--volume", f"C:\\={image}", "--writers-from", WRITERS]
    rules = ["--component", "*database*", "--exclude", "shop database*:Conf*"]
    assert vsspy("backup", *rules, *volume, "--to", out).code == 0
    assert states(report_of(out)) == {"Shop": "succeeded"}


def test_overwriting_replaces_what_a_component_had(vsspy: Runner, image: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["--component", f"{SHOP}:Shop", "--volume", f"C:\\={image}", "--writers-from", WRITERS, "--to", out]
    assert vsspy("backup", *arguments).code == 0
    (out / "C" / "mine.txt").write_text("not vsspy's")
    (image / "Shop/Database/shop.log").unlink()
    (image / "Shop/Database/shop.db").write_text("new")
    assert vsspy("backup", *arguments).code == 2
    assert vsspy("backup", *arguments, "--overwrite").code == 0
    assert files_in(out) == ["C/Shop/Database/shop.db", "C/mine.txt"], "a log that is gone would be restored"
    assert (out / "C/Shop/Database/shop.db").read_text() == "new"
    shutil.rmtree(image / "Shop/Database")
    assert vsspy("backup", *arguments, "--overwrite").code == 0
    assert files_in(out) == ["C/mine.txt"]


def test_overwriting_leaves_a_folder_alone_that_is_not_its_own(vsspy: Runner, image: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "C/Shop/Database").mkdir(parents=True)
    (out / "C/Shop/Database/precious").write_text("x")
    volume = ["--volume", f"C:\\={image}", "--writers-from", WRITERS]
    done = vsspy("backup", "--component", f"{SHOP}:Shop", *volume, "--to", out, "--overwrite")
    assert done.code == 2 and "is there already" in done.error
    assert files_in(out) == ["C/Shop/Database/precious"] and not (out / "vsspy").exists()
    done = vsspy("backup", "C:\\Shop", "--component", f"{SHOP}:Shop", *volume, "--to", out, "--overwrite")
    assert done.code == 0, "a PATH's copy is replaced, as always"
    assert "C/Shop/Database/precious" not in files_in(out)
    shutil.rmtree(image / "Shop/Database")
    done = vsspy("backup", "C:\\Shop", "--component", f"{SHOP}:Shop", *volume, "--to", out, "--overwrite")
    assert done.code == 0 and not (out / "C/Shop/Database").exists()


def test_the_backup_may_not_lie_in_a_component(vsspy: Runner, image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [simulator.FileSet("C:\\Data", "*", True)]
    add_to_machines(monkeypatch, writers=[simulator.Writer("W", components=[simulator.Component("X", files=files)])])
    done = vsspy("backup", "--component", "W", "--volume", f"C:\\={image}", "--to", image / "Data" / "out")
    assert done.code == 2 and "lies inside C:\\Data" in done.error
    assert not (image / "Data" / "out").exists()


# -- masks, live files, what is left out -------------------------------------------------------------------------------


def odd_writer(image: Path) -> simulator.Writer:
    """A file read elsewhere, one that comes into being during the backup, one for full backups alone."""

    def after(event: simulator.WriterEvent) -> None:
        (image / "Data" / "made.txt").write_text("made")

    sets = [
        simulator.FileSet("C:\\Data", "a.txt", alternate_path="C:\\Spool"),
        simulator.FileSet("C:\\Data", "made.txt", backup_type=FileSpecBackupType(0x10F0F)),
        simulator.FileSet("C:\\Data\\sub", "b.*", backup_type=FileSpecBackupType(0x101)),
    ]
    return simulator.Writer(
        "Odd",
        components=[simulator.Component("X", selectable=True, files=sets)],
        exclude_files=[simulator.FileSet("C:\\Data", "*.tmp", True)],
        backup_schema=BackupSchema.INCREMENTAL,
        on_post_snapshot=after,
    )


@pytest.mark.parametrize("with_path", [False, True])
def test_files_that_are_read_elsewhere_or_live(
    vsspy: Runner, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_path: bool
) -> None:
    (image / "Spool").mkdir()
    (image / "Spool" / "a.txt").write_text("spooled")
    if with_path:
        (image / "Data" / "made.txt").write_text("of an earlier backup")
    add_to_machines(monkeypatch, writers=[odd_writer(image)])
    out = tmp_path / "out"
    paths = ["C:\\Data"] if with_path else []
    done = vsspy("backup", *paths, "--component", "Odd", "--volume", f"C:\\={image}", "--to", out)
    assert done.code == 0, done
    report = report_of(out)
    assert [(item["kind"], item["name"]) for item in report["read_live"]] == [("file", "C:\\Data\\made.txt")]
    assert "Read live" in done.output and "made.txt" in done.output
    own = ["C/Data/a.txt", "C/Data/made.txt", "C/Data/sub/b.txt"]
    assert files_in(out) == sorted([*own, "C/Data/sub/b.tmp"] if with_path else own)
    assert (out / "C/Data/a.txt").read_text() == "spooled"
    assert (out / "C/Data/made.txt").read_text() == "made"
    assert states(report) == {"X": "succeeded"}
    assert report["files"] == len(files_in(out))
    assert report["bytes"] == sum((out / name).stat().st_size for name in files_in(out))


def test_an_incremental_backup_looks_at_the_masks(
    vsspy: Runner, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_to_machines(monkeypatch, writers=[odd_writer(image)])
    out = tmp_path / "out"
    (image / "Spool").mkdir()
    arguments = ["--component", "Odd", "--volume", f"C:\\={image}", "--to", out, "--type", "incremental"]
    assert vsspy("backup", *arguments).code == 0
    assert files_in(out) == ["C/Data/made.txt"]
    assert report_of(out)["backup_type"] == "INCREMENTAL"


def test_a_volume_without_a_shadow_copy_is_read_live_and_told(vsspy: Runner, image: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    volume = ["--volume", f"C:\\={image}", "--writers-from", WRITERS, "--policy", "C:\\=never"]
    done = vsspy("backup", "C:\\Data", *volume, "--to", out)
    assert done.code == 0, done
    report = report_of(out)
    assert [(item["kind"], item["name"]) for item in report["read_live"]] == [("volume", "C:\\")]
    assert report["shadow_copies"] == [] and "Read live" in done.output
    assert (out / "C/Data/a.txt").read_text() == "a.txt"


# -- chains ------------------------------------------------------------------------------------------------------------


class Recording(SqlServerWriter):
    """Keeps the stamps that it is told of."""

    heard: list[dict[str, str | None]]

    def on_prepare_backup(self, event: simulator.WriterEvent) -> None:
        self.heard.append({each.name: each.previous_backup_stamp for each in event.components})
        super().on_prepare_backup(event)


@pytest.fixture
def server(image: Path, monkeypatch: pytest.MonkeyPatch) -> Recording:
    writer = Recording(image, ["Orders", "Stock"], live=False)
    writer.heard = []
    add_to_machines(monkeypatch, writers=[writer])
    return writer


def stamps(out: Path) -> dict[str, str | None]:
    text = (out / "vsspy" / "backup-components.xml").read_bytes()
    return {
        each.name: each.backup_stamp
        for writer in package.BackupDocument.from_xml(text).writers
        for each in writer.components
    }


def back_up(vsspy: Runner, image: Path, out: Path, kind: str, *more: str | Path) -> dict[str, Any]:
    done = vsspy(
        "backup", "--component", "SqlServerWriter", "--volume", f"C:\\={image}", "--type", kind, "--to", out, *more
    )
    assert done.code == 0, done
    return report_of(out)


def lay_over(base: Path, out: Path) -> None:
    """What a restore of the next link does: whole files replace, parts are written into what is there."""
    parts = {each["path"].rpartition("\\")[2]: each["ranges"] for each in report_of(out)["partial_files"]}
    for path in (out / "C" / DATA).iterdir():
        if path.name not in parts:
            shutil.copy(path, base / path.name)
            continue
        content, saved = bytearray((base / path.name).read_bytes()), path.read_bytes()
        assert len(content) == len(saved), "a file of full size, with holes"
        for offset, length in parts[path.name]:
            content[offset : offset + length] = saved[offset : offset + length]
            saved = saved[:offset] + bytes(length) + saved[offset + length :]
        assert not any(saved), "nothing but the parts"
        (base / path.name).write_bytes(content)


def test_a_full_backup_and_a_differential_one(vsspy: Runner, image: Path, tmp_path: Path, server: Recording) -> None:
    server.start()
    server.work(40)
    full, changed = tmp_path / "full", tmp_path / "changed"
    report = back_up(vsspy, image, full, "full")
    assert report["previous"] is None and report["partial_files"] == []
    server.work(2)
    expected = {name: server.state(name) for name in ("Orders", "Stock")}
    report = back_up(vsspy, image, changed, "differential", "--previous", full)
    assert report["previous"] == str(full)
    assert [part["path"].rpartition("\\")[2] for part in report["partial_files"]] == ["Orders.mdf", "Stock.mdf"]
    assert report["notes"] == []
    server.work(3)
    server.stop()
    assert [each for each in server.heard if each] == [{"Orders": None, "Stock": None}, stamps(full)]
    base = full / "C" / DATA
    lay_over(base, changed)
    assert {name: SqlServerWriter.check(base / f"{name}.mdf") for name in expected} == expected


def test_a_full_backup_and_its_logs(vsspy: Runner, image: Path, tmp_path: Path, server: Recording) -> None:
    server.start()
    server.work(10)
    chain = [tmp_path / "full"]
    back_up(vsspy, image, chain[0], "full")
    for number in range(2):
        server.work(7)
        chain.append(tmp_path / f"log{number}")
        report = back_up(vsspy, image, chain[-1], "log", "--previous", chain[-2])
        assert files_in(chain[-1]) == [f"C/{DATA}/Orders_log.ldf", f"C/{DATA}/Stock_log.ldf"]
        assert report["previous"] == str(chain[-2])
    expected = {name: server.state(name) for name in ("Orders", "Stock")}
    server.stop()
    assert [each for each in server.heard if each] == [{"Orders": None, "Stock": None}, *map(stamps, chain[:-1])]
    base = chain[0] / "C" / DATA
    logs = [out / "C" / DATA for out in chain[1:]]
    for name, state in expected.items():
        found = SqlServerWriter.recover(base / f"{name}.mdf", [log / f"{name}_log.ldf" for log in logs])
        assert found == state


def test_without_the_earlier_backup_it_is_bad_and_says_why(
    vsspy: Runner, image: Path, tmp_path: Path, server: Recording
) -> None:
    out = tmp_path / "out"
    arguments = ["--component", "SqlServerWriter", "--volume", f"C:\\={image}", "--type", "log", "--to", out]
    done = vsspy("backup", *arguments)
    assert done.code == 1, done
    report = report_of(out)
    assert set(states(report).values()) == {"failed"}
    assert any("no stamp to build a log backup on: no earlier backup was named" in note for note in report["notes"])


def test_files_that_a_writer_names_outside_its_file_sets(
    vsspy: Runner, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def after(event: simulator.WriterEvent) -> None:
        (image / "parts.rng").write_bytes(struct.pack("<qqqqq", 2, 0, 1, 3, 2))
        for component in event.components:
            component.add_partial_file("C:\\Data\\sub", "b.txt", "C:\\parts.rng")
            component.add_differenced_files_by_last_modify_time("C:\\Shop\\Config", "*", False)

    writer = simulator.Writer(
        "W",
        components=[simulator.Component("X", selectable=True, files=[simulator.FileSet("C:\\Data", "a.*")])],
        backup_schema=BackupSchema.DIFFERENTIAL,
        on_post_snapshot=after,
    )
    add_to_machines(monkeypatch, writers=[writer])
    out = tmp_path / "out"
    arguments = ["--component", "W", "--volume", f"C:\\={image}", "--type", "differential", "--to", out]
    for more in ([], ["--overwrite"]):
        done = vsspy("backup", *arguments, *more)
        assert done.code == 0, done
    report = report_of(out)
    assert report["partial_files"] == [{"path": "C:\\Data\\sub\\b.txt", "ranges": [[0, 1], [3, 2]]}]
    assert [item["name"] for item in report["read_live"]] == ["C:\\parts.rng"]
    names = ["C/Data/a.txt", "C/Data/sub/b.txt", "C/parts.rng"]
    config = [f"C/Shop/Config/{path.name}" for path in (image / "Shop" / "Config").iterdir()]
    assert files_in(out) == sorted([*names, *config])
    assert (out / "C/Data/sub/b.txt").read_bytes() == b"s\0\0/b\0\0\0\0"
    assert (out / "C/parts.rng").read_bytes() == (image / "parts.rng").read_bytes()


def test_parts_that_cannot_be_had_fail_the_component(
    vsspy: Runner, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def after(event: simulator.WriterEvent) -> None:
        for component in event.components:
            component.add_partial_file("C:\\Data", "a.txt", "0:2")
            component.add_partial_file("C:\\Data\\sub", "b.txt", "0:100")

    files = [simulator.FileSet("C:\\Data", "*", True, backup_type=FileSpecBackupType(0x101))]
    writer = simulator.Writer(
        "W",
        components=[simulator.Component("X", selectable=True, files=files)],
        backup_schema=BackupSchema.INCREMENTAL,
        on_post_snapshot=after,
    )
    add_to_machines(monkeypatch, writers=[writer])
    out = tmp_path / "out"
    arguments = ["--component", "W", "--volume", f"C:\\={image}", "--type", "incremental", "--to", out]
    done = vsspy("backup", *arguments)
    assert done.code == 1, done
    report = report_of(out)
    (component,) = report["components"]
    assert component["state"] == "failed" and "ends behind the file's end" in component["reason"]
    assert report["partial_files"] == [{"path": "C:\\Data\\a.txt", "ranges": [[0, 2]]}]
    assert (out / "C/Data/a.txt").read_bytes() == b"a.\0\0\0"
    assert (out / "C/Data/sub/b.txt").read_text() == "sub/b.txt", "whole"


@pytest.mark.parametrize("wrong", ["text", "list", "missing"])
def test_a_previous_backup_that_is_damaged(vsspy: Runner, image: Path, tmp_path: Path, wrong: str) -> None:
    out, previous = tmp_path / "out", tmp_path / "previous"
    volume: Sequence[str | Path] = ["--volume", f"C:\\={image}", "--writers-from", WRITERS]
    assert vsspy("backup", "--component", SHOP, *volume, "--to", previous).code == 0
    report = previous / "vsspy" / "report.json"
    if wrong == "missing":
        (previous / "vsspy" / "backup-components.xml").unlink()
    else:
        report.write_text("[" if wrong == "text" else "[]")
    done = vsspy("backup", "--component", SHOP, *volume, "--to", out, "--type", "log", "--previous", previous)
    assert done.code == 2 and "previous" in done.error
    assert not out.exists()


def test_a_previous_backup_that_was_not_completed(
    vsspy: Runner, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No restore takes it, so that the chain would have no beginning."""
    previous = tmp_path / "previous"
    arguments: Sequence[str | Path] = ["--component", SHOP, "--volume", f"C:\\={image}", "--writers-from", WRITERS]
    with monkeypatch.context() as patch:
        add_to_machines(patch, faults=[simulator.Fault("IVssBackupComponents::BackupComplete", "E_OUTOFMEMORY")])
        assert vsspy("backup", *arguments, "--type", "full", "--to", previous).code == 1
    for command in (["backup", "--to", tmp_path / "out"], ["plan"]):
        done = vsspy(*command, *arguments, "--type", "log", "--previous", previous)
        assert (done.code, "was not completed" in done.error) == (2, True), done
    assert not (tmp_path / "out").exists()


def test_overwriting_spares_what_the_new_backup_builds_on(vsspy: Runner, image: Path, tmp_path: Path) -> None:
    arguments: Sequence[str | Path] = ["--component", SHOP, "--volume", f"C:\\={image}", "--writers-from", WRITERS]
    full, monday = tmp_path / "full", tmp_path / "monday"
    assert vsspy("backup", *arguments, "--type", "full", "--to", full).code == 0
    later = [*arguments, "--type", "log", "--overwrite", "--previous"]
    assert vsspy("backup", *later, full, "--to", monday).code == 0
    report = (full / "vsspy" / "report.json").read_bytes()
    for other in (full, monday):
        done = vsspy("backup", *later, monday, "--to", other)
        assert done.code == 2 and "choose another folder" in done.error
    assert (full / "vsspy" / "report.json").read_bytes() == report


# -- waits -------------------------------------------------------------------------------------------------------------


def test_a_limit_for_one_wait(vsspy: Runner, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hang = simulator.Fault("IVssBackupComponents::PrepareForBackup", delay=math.inf, at="result")
    add_to_machines(monkeypatch, faults=[hang])
    limits = ["--phase-timeout", "prepare-for-backup=0.05", "--timeout", "300"]
    done = vsspy("backup", "C:\\Data", "--volume", f"C:\\={image}", "--to", tmp_path / "out", *limits)
    assert done.code == 2 and "0.05" in done.error, done
    assert not (tmp_path / "out").exists()


def test_how_long_to_wait_for_another_set(
    vsspy: Runner, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = simulator.Fault("IVssBackupComponents::StartSnapshotSet", "VSS_E_SNAPSHOT_SET_IN_PROGRESS")
    machines = add_to_machines(monkeypatch, faults=[busy])
    done = vsspy("backup", "C:\\Data", "--volume", f"C:\\={image}", "--to", tmp_path / "out", "--wait", "0")
    assert done.code == 2 and "VSS_E_SNAPSHOT_SET_IN_PROGRESS" in done.error
    assert [entry.name for entry in machines[0].trace].count("IVssBackupComponents::StartSnapshotSet") == 1
