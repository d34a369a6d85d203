"""`vsspy backup`: what it makes, what it reports, and its exit codes."""

from __future__ import annotations

import errno
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vsspy import _filecopy as filecopy
from vsspy import simulator
from vsspy._roots import Root
from vsspy.cli.staging import STAGING
from vsspy.metadata import WriterMetadata

sys.path.insert(0, str(Path(__file__).parent))
from cli_support import NOTICE, ROOT, Runner, add_to_machines, make_runner, snapshot_of

posix = pytest.mark.skipif(sys.platform == "win32", reason="paths and file kinds are those of POSIX")
WRITERS = ROOT / "examples" / "writers"
SHOP = "Shop Database Writer"


@pytest.fixture
def vsspy(capsys: pytest.CaptureFixture[str]) -> Runner:
    return make_runner(capsys)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Some files; the names are those of examples/writers."""
    for name, text in {
        "Shop/Database/shop.db": "orders",
        "Shop/Database/shop.log": "log",
        "Shop/Database/scratch.tmp": "work space",
        "Shop/Config/shop.ini": "[shop]",
        "Shop/Catalog/pictures/rope.png": "picture",
        "Elsewhere/file": "x" * 100_000,
    }.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, ns=(10**18, 10**18 + 123456700))
    (tmp_path / "in" / "Elsewhere" / "empty").mkdir()
    os.utime(tmp_path / "in" / "Elsewhere" / "empty", ns=(10**18, 10**18))
    return tmp_path / "in"


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "out"
    assert not (tmp_path / "out" / STAGING).exists()


def report_of(out: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((out / "vsspy" / "report.json").read_text(encoding="utf-8"))
    return values


def volume(tree: Path) -> list[str]:
    return ["--volume", f"C:\\={tree}", "--writers-from", str(WRITERS)]


@posix
def test_a_folder_is_copied_byte_for_byte_with_modes_and_times(vsspy: Runner, tree: Path, out: Path) -> None:
    os.chmod(tree / "Shop" / "Config" / "shop.ini", 0o640)
    os.chmod(tree / "Elsewhere" / "empty", 0o500)
    os.symlink("nowhere", tree / "link")
    os.link(tree / "Elsewhere" / "file", tree / "second-name")
    before = snapshot_of(tree)
    done = vsspy("backup", tree, "--to", out)
    assert (done.code, done.error) == (0, "")
    made = out / str(tree)[1:]
    assert snapshot_of(made) == before == snapshot_of(tree)
    assert os.path.samefile(made / "second-name", made / "Elsewhere" / "file")
    assert sorted(os.listdir(out)) == sorted(["vsspy", str(tree).split("/")[1]])
    report = report_of(out)
    assert report["good"] and report["exit_code"] == 0
    assert (report["files"], report["hard_links"], report["links"]) == (6, 1, 1)
    assert (
        report["bytes"]
        == sum(path.stat().st_size for path in tree.rglob("*") if path.is_file() and not path.is_symlink()) - 100_000
    )
    assert report["paths"] == [{"path": str(tree), "volume": f"{tree}/", "below": str(tree)[1:]}]


@posix
def test_a_single_file(vsspy: Runner, tree: Path, out: Path) -> None:
    path = tree / "Elsewhere" / "file"
    assert vsspy("backup", path, "--to", out).code == 0
    assert (out / str(path)[1:]).read_bytes() == path.read_bytes()
    assert os.listdir((out / str(path)[1:]).parent) == ["file"]


def test_names_in_a_volume_and_the_notice(
    vsspy: Runner, tree: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = vsspy("backup", "C:\\Shop", "c:\\elsewhere\\file", *volume(tree), "--to", out)
    assert done.code == 0
    assert (out / "C" / "Shop" / "Database" / "shop.db").read_text() == "orders"
    assert sorted(os.listdir(out / "C")) == ["Elsewhere", "Shop"]
    assert os.listdir(out / "C" / "Elsewhere") == ["file"]


@posix
def test_stderr_says_that_the_simulator_is_used(tree: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from vsspy.cli.main import run

    assert run(["backup", str(tree), "--to", str(out)]) == 0
    assert capsys.readouterr().err == NOTICE


def test_documents_and_report(vsspy: Runner, tree: Path, out: Path) -> None:
    done = vsspy("backup", "C:\\", *volume(tree), "--to", out)
    assert done.code == 0 and "Shop Catalog Writer" in done.output
    report = report_of(out)
    assert report["backend"] == "simulator" and report["backup_type"] == "COPY"
    assert {"gather_writer_metadata", "prepare_for_backup", "do_snapshot_set", "copy", "backup_complete", "sync"} <= {
        phase["name"] for phase in report["phases"]
    }
    assert report["freeze_window"] > 0
    assert {(writer["name"], writer["state"], writer["failed"]) for writer in report["writers"]} == {
        (SHOP, "STABLE", False),
        ("Shop Catalog Writer", "STABLE", False),
    }
    assert report["components"] == [], "by default no component is claimed"
    (shadow,) = report["shadow_copies"]
    assert shadow["original_volume"] and shadow["snapshot_set_id"] == report["set_id"]
    assert report["vsspy"] and report["command"][0] == "vsspy"
    assert sorted(os.listdir(out / "vsspy" / "writers")) == ["Shop Catalog Writer.xml", "Shop Database Writer.xml"]
    saved = WriterMetadata.from_xml((out / "vsspy" / "writers" / f"{SHOP}.xml").read_text(encoding="utf-8"))
    assert saved.name == SHOP and len(saved.components) == 2
    assert "<BACKUP_COMPONENTS" in (out / "vsspy" / "backup-components.xml").read_text(encoding="utf-8")


def test_components_by_name(vsspy: Runner, tree: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[str, bool | None]] = []
    writer = simulator.Writer(
        "Listener",
        components=[
            simulator.Component("Mine", selectable=True, files=[simulator.FileSet("C:\\Elsewhere", "*")]),
            simulator.Component("Away", selectable=True, files=[simulator.FileSet("C:\\Shop\\Config", "*")]),
        ],
        on_backup_complete=lambda event: heard.extend((item.name, item.backup_succeeded) for item in event.components),
    )
    add_to_machines(monkeypatch, writers=[writer])
    rules = ["--component", "listener", "--exclude", "Listener:Away", "--component", f"{SHOP}:Shop"]
    done = vsspy("backup", "C:\\Shop\\Database", "C:\\Elsewhere", *volume(tree), "--to", out, *rules)
    assert done.code == 0, done
    report = report_of(out)
    assert {(item["writer"], item["full_name"], item["state"]) for item in report["components"]} == {
        (SHOP, "Shop", "succeeded"),
        ("Listener", "Mine", "succeeded"),
    }
    assert heard == [("Mine", True)]
    left_out = {(item["kind"], item["name"]) for item in report["left_out"]}
    assert {("component", "Configuration"), ("component", "Away"), ("writer", "Shop Catalog Writer")} <= left_out
    assert not [item for item in report["left_out"] if item["kind"] == "file"], (
        "scratch.tmp is in the backup all the same"
    )
    assert (out / "C" / "Shop" / "Database" / "scratch.tmp").exists()


def test_without_writers(vsspy: Runner, tree: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machines = add_to_machines(monkeypatch)
    assert vsspy("backup", "C:\\Shop", *volume(tree), "--to", out, "--writers", "none").code == 0
    report = report_of(out)
    assert report["writers"] == [] and report["components"] == []
    assert not [entry.name for entry in machines[0].trace if entry.name.endswith("::Freeze")]


def test_all_freezes_and_thaws_every_writer(
    vsspy: Runner, tree: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = add_to_machines(monkeypatch)
    assert vsspy("backup", "C:\\Shop", *volume(tree), "--to", out).code == 0
    names = [entry.name for entry in machines[0].trace]
    for event in ("Freeze", "Thaw"):
        assert {f"{SHOP}::{event}", f"Shop Catalog Writer::{event}"} <= set(names)
    assert machines[0].live_objects == 0 and machines[0].shadow_copies == []


def test_the_type_is_told(vsspy: Runner, tree: Path, out: Path) -> None:
    assert vsspy("backup", "C:\\Shop", *volume(tree), "--to", out, "--type", "FULL", "--component", SHOP).code == 0
    assert report_of(out)["backup_type"] == "FULL"
    assert 'backupType="full"' in (out / "vsspy" / "backup-components.xml").read_text(encoding="utf-8")


def test_json_is_the_report_and_nothing_else(vsspy: Runner, tree: Path, out: Path) -> None:
    done = vsspy("backup", "C:\\Shop", *volume(tree), "--to", out, "--json")
    assert done.code == 0 and done.error == ""
    printed, saved = json.loads(done.output), report_of(out)
    for values in (printed, saved):
        for key in ("finished", "seconds"):
            del values[key]
    assert printed == saved


@posix
def test_names_that_are_not_utf8(vsspy: Runner, tree: Path, out: Path) -> None:
    os.close(os.open(os.fsencode(tree) + b"/caf\xe9", os.O_CREAT | os.O_WRONLY))
    os.mkfifo(os.fsencode(tree) + b"/pip\xe9")
    done = vsspy("backup", tree, "--to", out, "--json")
    assert done.code == 0
    assert b"caf\xe9" in os.listdir(os.fsencode(out) + os.fsencode(tree))
    report = json.loads(done.output)
    assert [item["reason"] for item in report["left_out"] if "pip\\xe9" in item["name"]] == ["a FIFO is not copied"]


def test_overwrite_replaces_the_paths_and_nothing_else(vsspy: Runner, tree: Path, out: Path) -> None:
    arguments = ["backup", "C:\\Shop", *volume(tree), "--to", str(out)]
    assert vsspy(*arguments).code == 0
    (out / "C" / "Shop" / "stale").write_text("x")
    (out / "C" / "kept").write_text("x")
    before = snapshot_of(out)
    refused = vsspy(*arguments)
    assert refused.code == 2 and "is not empty" in refused.error and "--overwrite" in refused.error
    assert snapshot_of(out) == before
    (tree / "Shop" / "new").write_text("new")
    assert vsspy(*arguments, "--overwrite").code == 0
    assert (out / "C" / "Shop" / "new").exists() and (out / "C" / "kept").exists()
    assert not (out / "C" / "Shop" / "stale").exists()


# Exit code 1: made, but not good.


def test_a_writer_that_fails_makes_it_1(vsspy: Runner, tree: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def veto(event: object) -> None:
        raise simulator.WriterVeto("VSS_E_WRITERERROR_RETRYABLE")

    add_to_machines(monkeypatch, writers=[simulator.Writer("Grumpy", on_freeze=veto)])
    done = vsspy("backup", "C:\\Shop", *volume(tree), "--to", out)
    assert done.code == 1, done
    report = report_of(out)
    assert not report["good"]
    assert [writer["name"] for writer in report["writers"] if writer["failed"]] == ["Grumpy"]
    assert "VSS_E_WRITERERROR_RETRYABLE" in done.output
    assert (out / "C" / "Shop" / "Database" / "shop.db").read_text() == "orders"


def test_a_writer_that_fails_takes_its_components_with_it(
    vsspy: Runner, tree: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def veto(event: object) -> None:
        raise simulator.WriterVeto("VSS_E_WRITERERROR_TIMEOUT")

    files = [simulator.FileSet("C:\\Elsewhere", "*")]
    add_to_machines(
        monkeypatch,
        writers=[simulator.Writer("Grumpy", components=[simulator.Component("Mine", files=files)], on_freeze=veto)],
    )
    done = vsspy("backup", "C:\\Elsewhere", *volume(tree), "--to", out, "--component", "Grumpy")
    assert done.code == 1, done
    (component,) = report_of(out)["components"]
    assert component["state"] == "failed" and "writer failed" in component["reason"]


@posix
def test_a_file_that_fails_makes_it_1_and_fails_its_component(
    vsspy: Runner, tree: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Root.open

    def open_or_fail(self: Root, name: str, flags: int, mode: int = 0o600) -> int:
        if name.endswith("shop.log") and not flags & os.O_CREAT:
            raise OSError(errno.EIO, "Input/output error")
        return real(self, name, flags, mode)

    monkeypatch.setattr(Root, "open", open_or_fail)
    done = vsspy("backup", "C:\\Shop", *volume(tree), "--to", out, "--component", SHOP)
    assert done.code == 1, done
    report = report_of(out)
    assert report["failed"] == [{"path": "C:\\Shop\\Database\\shop.log", "reason": "Input/output error"}]
    assert {item["full_name"]: item["state"] for item in report["components"]} == {
        "Shop": "failed",
        "Configuration": "succeeded",
    }
    assert not (out / "C" / "Shop" / "Database" / "shop.log").exists()
    assert "shop.log" in done.output


@posix
def test_a_file_that_the_simulated_shadow_copy_could_not_take_makes_it_1(
    vsspy: Runner, tree: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real shadow copy has every file; a folder's copy has not those that may not be read."""
    (tree / "Shop" / "Config" / "secret.ini").write_text("x")
    os.chmod(tree / "Shop" / "Config" / "secret.ini", 0)
    if os.geteuid() == 0:  # who may read everything
        real = simulator.Machine.notes
        note = "shadow copy of C:\\: Shop/Config/secret.ini: could not be read (Permission denied)"
        monkeypatch.setattr(simulator.Machine, "notes", property(lambda self: [note, *real.__get__(self)]))
    done = vsspy("backup", "C:\\Shop", *volume(tree), "--to", out, "--component", SHOP)
    assert done.code == 1, done
    report = report_of(out)
    reason = "could not be read (Permission denied)"
    assert report["failed"] == [{"path": "C:\\Shop\\Config\\secret.ini", "reason": reason}]
    states = {item["full_name"]: item["state"] for item in report["components"]}
    assert states == {"Shop": "succeeded", "Configuration": "failed"}


def test_a_failing_backup_complete_makes_it_1(
    vsspy: Runner, tree: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = simulator.Fault("IVssBackupComponents::BackupComplete", "VSS_E_UNEXPECTED_WRITER_ERROR")
    add_to_machines(monkeypatch, faults=[fault])
    done = vsspy("backup", "C:\\Shop", *volume(tree), "--to", out)
    assert done.code == 1, done
    assert any("VSS_E_UNEXPECTED_WRITER_ERROR" in note for note in report_of(out)["notes"])
    assert (out / "C" / "Shop" / "Database" / "shop.db").exists()


# Exit code 2: nothing was made.


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("DoSnapshotSet", "VSS_E_INSUFFICIENT_STORAGE"),
        ("PrepareForBackup", "VSS_E_UNEXPECTED_WRITER_ERROR"),
        ("GatherWriterMetadata", "VSS_E_WRITER_INFRASTRUCTURE"),
        ("AddToSnapshotSet", "VSS_E_VOLUME_NOT_SUPPORTED"),
        ("InitializeForBackup", "E_ACCESSDENIED"),
    ],
)
@pytest.mark.parametrize("existed", [False, True], ids=["new", "existing"])
def test_vss_that_fails_makes_it_2(
    vsspy: Runner, tree: Path, out: Path, monkeypatch: pytest.MonkeyPatch, method: str, code: str, existed: bool
) -> None:
    if existed:
        out.mkdir()
    machines = add_to_machines(monkeypatch, faults=[simulator.Fault(f"IVssBackupComponents::{method}", code)])
    done = vsspy("backup", "C:\\Shop", *volume(tree), "--to", out)
    assert done.code == 2 and code in done.error and done.error.count("\n") == 1, done
    assert done.output == ""
    assert out.exists() == existed and (not existed or os.listdir(out) == [])
    assert machines[0].live_objects == 0 and machines[0].shadow_copies == []


@posix
@pytest.mark.parametrize("existed", [False, True], ids=["new", "overwritten"])
def test_no_space_left_makes_it_2(
    vsspy: Runner, tree: Path, out: Path, monkeypatch: pytest.MonkeyPatch, existed: bool
) -> None:
    if existed:
        assert vsspy("backup", "C:\\Shop", *volume(tree), "--to", out).code == 0
    before = snapshot_of(out) if existed else {}
    machines = add_to_machines(monkeypatch)

    def full(*args: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(filecopy, "_clone", lambda source, target: False)
    monkeypatch.setattr(os, "copy_file_range", full, raising=False)
    monkeypatch.setattr(os, "pwrite", full)
    done = vsspy("backup", "C:\\Shop", *volume(tree), "--to", out, "--overwrite")
    assert done.code == 2 and "No space left on device; nothing was made" in done.error and done.error.count("\n") == 1
    assert snapshot_of(out) == before if existed else not out.exists()
    names = [entry.name for entry in machines[0].trace]
    assert any(name.endswith("::AbortBackup") for name in names)
    assert not any(name.endswith("::BackupComplete") for name in names), (
        "writers must not hear of a backup that is not there"
    )


@posix
def test_a_file_system_that_is_really_full_makes_it_2(tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "small"
    target.mkdir()
    inside = "mount -t tmpfs -o size=60k none small && { touch small/kept; "
    unshare = ["unshare", "-m", "sh", "-c"]
    if subprocess.run([*unshare, inside + "}"], cwd=tmp_path, capture_output=True, check=False).returncode != 0:
        pytest.skip("no right to mount a small file system here")
    command = f"{shlex.quote(sys.executable)} -m vsspy backup in --to small --overwrite; echo $?; ls -A small; }}"
    done = subprocess.run([*unshare, inside + command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "2\nkept\n", done.stderr
    assert "No space left on device; nothing was made" in done.stderr


@posix
def test_no_space_left_for_the_report_makes_it_2(
    vsspy: Runner, tree: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vsspy.cli import report

    def full(path: str, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", path)

    monkeypatch.setattr(report, "write_text", full)
    done = vsspy("backup", "C:\\Shop", *volume(tree), "--to", out)
    assert done.code == 2 and "No space left on device" in done.error
    assert not out.exists()


def test_a_backup_of_which_nothing_can_be_read_makes_it_2(
    vsspy: Runner, tree: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Root.lstat

    def lstat(self: Root, name: str) -> os.stat_result:
        if name == "Shop":
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(self, name)

    monkeypatch.setattr(Root, "lstat", lstat)
    done = vsspy("backup", "C:\\Shop", *volume(tree), "--to", out)
    assert done.code == 2 and "nothing could be read" in done.error
    assert not out.exists()


# The group.


def test_version_and_help(vsspy: Runner) -> None:
    import vsspy as package

    assert vsspy("--version").output == f"vsspy {package.__version__}\n"
    for words in (["--help"], ["backup", "--help"], ["plan", "-h"]):
        done = vsspy(*[word for word in words])
        assert done.code == 0 and "Examples:" in done.output and done.error == ""
    nothing = vsspy()
    assert nothing.code == 2 and "Usage:" in nothing.error
