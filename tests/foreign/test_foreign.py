"""Requesters in C and C++ that were written from VSS's specification alone, on libvssapi.so."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal
from uuid import UUID

import pytest

from vsspy import _simulator, simulator
from vsspy.enums import RestoreMethod, WriterRestore
from vsspy.metadata import RestoreMethodInfo

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these programs are built for Linux here")

Level = Literal["xp", "vista", "7", "8"]

ROOT = Path(__file__).resolve().parents[2]
SOURCES = Path(__file__).parent
LIBRARY = Path(_simulator.__file__).parent / "lib/libvssapi.so"
COMPILERS = {".c": ["gcc", "-std=c11"], ".cpp": ["g++", "-std=c++20"]}
FOR_WINDOWS = {".c": "x86_64-w64-mingw32-gcc-posix", ".cpp": "x86_64-w64-mingw32-g++-posix"}
PROGRAMS = sorted(each for each in SOURCES.iterdir() if each.suffix in COMPILERS)
FLAGS = ["-O0", "-Wall", "-Wextra", "-Werror"]
RELEASED = "vssapi (simulator): every COM object was released\n"
BACKUP_EVENTS = ["Identify", "PrepareBackup", "PrepareSnapshot", "Freeze", "Thaw", "PostSnapshot", "BackupComplete"]


def compile_all(commands: list[list[str]]) -> None:
    def compile_one(words: list[str]) -> str:
        result = subprocess.run(words, capture_output=True, text=True, check=False)
        return result.stderr or result.stdout or str(result.returncode or "")

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(compile_one, commands)) == [""] * 4


@pytest.fixture(scope="session")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to include from, as it comes with the library."""
    folder = tmp_path_factory.mktemp("include")
    (folder / "vsspy").symlink_to(ROOT / "csrc/abi")
    return folder


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory, headers: Path) -> Path:
    """The folder of the built programs."""
    for compiler, _ in COMPILERS.values():
        if not shutil.which(compiler):
            pytest.skip(f"{compiler} is not here")
    if os.environ.get("VSSPY_SANITIZER"):
        pytest.skip("a program without the sanitizer cannot load a library with it")
    out = tmp_path_factory.mktemp("foreign")
    link = [f"-L{LIBRARY.parent}", "-lvssapi", f"-Wl,-rpath,{LIBRARY.parent}"]
    compile_all(
        [
            [*COMPILERS[each.suffix], *FLAGS, f"-I{headers}", str(each), "-o", str(out / each.stem), *link]
            for each in PROGRAMS
        ]
    )
    return out


class Server:
    """A machine folder, and the programs on it."""

    def __init__(self, root: Path, programs: Path) -> None:
        self.root = root
        self.programs = programs
        self.volume = root / "machine/volumes/C"
        self.other_volume = root / "machine/volumes/D"
        self.saved = root / "saved"
        self.trace = root / "trace.jsonl"
        self.configure()
        (self.volume / "data/deep/deeper").mkdir(parents=True)
        (self.volume / "data/deep/deeper/one.bin").write_bytes(bytes(range(256)) * 500)
        (self.volume / "data/zwei.txt").write_text("zwei")
        (self.volume / "part").mkdir()
        (self.volume / "part/p1.TXT").write_text("part")
        (self.volume / "part/p1.log").write_text("not part")

    def configure(self, *faults: simulator.Fault, level: Level = "8") -> None:
        method = RestoreMethodInfo(
            RestoreMethod.RESTORE_IF_CAN_REPLACE, None, None, WriterRestore.ALWAYS, reboot_required=False
        )
        first = simulator.Writer(
            "First Writer",
            components=[
                simulator.Component(
                    "data", selectable=True, files=[simulator.FileSet("C:\\data", "*", recursive=True)]
                ),
                simulator.Component("part", "data", files=[simulator.FileSet("C:\\part", "p?.txt")]),
            ],
            restore_method=method,
        )
        settings = simulator.Component("settings", files=[simulator.FileSet("D:\\", "*.ini")])
        second = simulator.Writer("Second Writer", components=[settings], restore_method=method)
        simulator.configure(
            self.root / "machine",
            volumes={"C:\\": "volumes/C", "D:\\": "volumes/D"},
            writers=[first, second],
            faults=faults,
            level=level,
            overwrite=True,
        )
        (self.other_volume / "settings.ini").write_text("[settings]")

    def command(self, program: str, *words: str | Path) -> list[str]:
        return [str(self.programs / program), *map(str, words)]

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "VSSPY_SIMULATOR": str(self.root / "machine"),
            "VSSPY_SIMULATOR_TRACE": str(self.trace),
            "VSSPY_SIMULATOR_LIVE": "1",
        }

    def run(self, program: str, *words: str | Path, code: int = 0) -> list[str]:
        """Run a program, which has to release everything; gives the lines of its output."""
        result = subprocess.run(
            self.command(program, *words),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (result.returncode, result.stderr) == (code, RELEASED), result.stdout
        return result.stdout.splitlines()

    def back_up(self, *words: str, code: int = 0) -> list[str]:
        return self.run("full_backup", self.saved, "C:\\", "D:\\", *words, code=code)

    def shadow_copies(self) -> int:
        return int(self.run("query_and_delete", "list")[-1].removeprefix("there are: "))

    def traced(self, kind: str) -> list[str]:
        lines = [json.loads(line) for line in self.trace.read_text(encoding="utf-8").splitlines()]
        found = [line for line in lines if line.get("kind") == kind]
        return [line["name"] for line in sorted(found, key=lambda line: int(line["number"]))]

    def events(self, writer: str) -> list[str]:
        return [name.split("::")[1] for name in self.traced("event") if name.startswith(f"{writer}::")]

    def calls(self) -> list[str]:
        return [name.split("::")[1] for name in self.traced("call") if name.startswith("IVssBackupComponents::")]


@pytest.fixture
def server(tmp_path: Path, programs: Path) -> Iterator[Server]:
    made = Server(tmp_path, programs)
    yield made
    assert made.shadow_copies() == 0
    assert list((tmp_path / "machine/state/running").iterdir()) == []


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


@pytest.mark.parametrize("level", ["8", "7", "vista", "xp"])
def test_full_backup_and_restore(server: Server, level: Level) -> None:
    server.configure(level=level)
    before = files_below(server.volume)
    assert server.back_up() == [
        "component: First Writer: data",
        "component: Second Writer: settings",
        "files: 4",
        "backup: good",
    ]
    for writer in ("First Writer", "Second Writer"):
        assert server.events(writer) == [*BACKUP_EVENTS, "BackupShutdown"]
    calls = server.calls()
    order = ["InitializeForBackup", "SetBackupState", "GatherWriterMetadata", "AddComponent", "StartSnapshotSet"]
    order += ["AddToSnapshotSet", "PrepareForBackup", "DoSnapshotSet", "GetSnapshotProperties", "SetBackupSucceeded"]
    order += ["BackupComplete", "SaveAsXML", "FreeWriterMetadata"]
    assert sorted(order, key=calls.index) == order
    assert calls.count("GatherWriterStatus") == calls.count("FreeWriterStatus") == 3
    expected = {name: data for name, data in before.items() if name != "part/p1.log"}
    assert files_below(server.saved / "volumes/0") == expected
    assert files_below(server.saved / "volumes/1") == {"settings.ini": b"[settings]"}

    shutil.rmtree(server.volume / "data")
    (server.other_volume / "settings.ini").write_text("damaged")
    (server.volume / "part/p1.log").write_text("newer")
    assert server.run("restore", server.saved, f"C:\\={server.volume}", f"D:\\={server.other_volume}") == [
        "selected: data",
        "selected: settings",
        "files: data: 3",
        "files: settings: 1",
        "restore: good",
    ]
    assert files_below(server.volume) == before | {"part/p1.log": b"newer"}
    assert files_below(server.other_volume) == {"settings.ini": b"[settings]"}
    assert server.events("First Writer") == ["Identify", "PreRestore", "PostRestore"]


def test_what_is_copied_is_of_the_point_in_time(server: Server) -> None:
    with paused(server, "snapshot") as program:
        (server.other_volume / "settings.ini").write_text("changed")
        output, errors = program.communicate("\n", timeout=120)
    assert (program.returncode, errors) == (0, RELEASED), output
    assert (server.saved / "volumes/1/settings.ini").read_text() == "[settings]"


def paused(server: Server, step: str) -> subprocess.Popen[str]:
    """A backup that has come to a step, and waits there."""
    program = subprocess.Popen(
        server.command("full_backup", server.saved, "C:\\", "D:\\", f"--pause={step}"),
        env=server.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    assert any(line == f"paused: {step}\n" for line in program.stdout)
    return program


@pytest.mark.parametrize("step", ["prepared", "snapshot"])
def test_a_killed_requester_leaves_the_machine_to_the_next(server: Server, step: str) -> None:
    with paused(server, step) as program:
        program.kill()
        program.communicate(timeout=120)
    assert program.returncode == -signal.SIGKILL
    assert server.back_up()[-1] == "backup: good"


@pytest.mark.parametrize("step", ["prepared", "snapshot"])
def test_a_dropped_backup(server: Server, step: str) -> None:
    assert server.back_up(f"--drop={step}")[-1] == "backup: dropped"
    assert server.events("First Writer")[-1] == "BackupShutdown"
    assert "AbortBackup" not in server.calls()


def test_a_writer_vetoes_freeze(server: Server) -> None:
    server.configure(simulator.Fault("Second Writer::Freeze", "VSS_E_WRITERERROR_RETRYABLE"))
    output = server.back_up(code=1)
    # VSS_WS_FAILED_AT_FREEZE
    assert output[-2] == "writer: Second Writer state 9 failure 0x800423f3"
    assert output[-1].startswith("error: ")
    assert "Abort" in server.events("First Writer")
    assert "AbortBackup" in server.calls()
    assert not server.saved.exists()


def test_a_writer_vetoes_the_restore(server: Server) -> None:
    server.back_up()
    server.configure(simulator.Fault("First Writer::PreRestore", "VSS_E_WRITERERROR_NONRETRYABLE"))
    (server.volume / "data/zwei.txt").write_text("newer")
    output = server.run("restore", server.saved, f"C:\\={server.volume}", f"D:\\={server.other_volume}", code=1)
    # VSS_WS_FAILED_AT_PRE_RESTORE
    assert output[-2] == "writer: First Writer state 13 failure 0x800423f4"
    assert output[-1].startswith("error: ")
    assert (server.volume / "data/zwei.txt").read_text() == "newer"


@pytest.mark.parametrize("program", ["full_backup", "poll_only"])
def test_the_provider_vetoes(server: Server, program: str) -> None:
    server.configure(simulator.Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_PROVIDER_VETO"))
    words = [server.saved, "C:\\", "D:\\"] if program == "full_backup" else ["C:\\"]
    output = server.run(program, *words, code=1)
    (error,) = [line for line in output if line.startswith("error: ")]
    assert "DoSnapshotSet" in error
    assert error.endswith("0x80042306")
    assert "Abort" in server.events("First Writer")
    assert "BackupComplete" not in server.calls()


@pytest.mark.parametrize(("level", "code"), [("8", "0x80042302"), ("vista", "0x8000ffff")])
def test_old_systems_report_another_code(server: Server, level: Level, code: str) -> None:
    server.configure(simulator.Fault("IVssBackupComponents::PrepareForBackup", "VSS_E_UNEXPECTED"), level=level)
    assert server.back_up(code=1)[-1] == f"error: PrepareForBackup: {code}"
    assert "AbortBackup" not in server.calls()


def test_a_backup_that_only_polls(server: Server) -> None:
    assert server.run("poll_only", "C:\\") == ["saved: data", "saved: settings", "backup: good"]
    assert server.events("First Writer") == [*BACKUP_EVENTS, "BackupShutdown"]
    calls = server.traced("call")
    assert "IVssAsync::QueryStatus" in calls
    assert "IVssAsync::Wait" not in calls


@pytest.mark.parametrize("how", ["copy", "set"])
@pytest.mark.parametrize(("context", "attributes"), [("app", 0x9), ("nas", 0x19)])
def test_persistent_shadow_copies(server: Server, how: str, context: str, attributes: int) -> None:
    sets = set()
    for _ in range(2):
        (made,) = server.run("query_and_delete", "make", context, "C:\\", "D:\\")
        sets.add(UUID(made.removeprefix("made: ")))
    assert bool(server.events("First Writer")) == (context == "app")
    *copies, last = [line.split() for line in server.run("query_and_delete", "list")]
    assert last[-1] == "4"
    assert {UUID(words[3]) for words in copies} == sets
    for words in copies:
        assert int(words[words.index("attributes") + 1], 16) & 0x1F == attributes
        assert words[words.index("state") + 1] == "12"
    assert len({words[-1] for words in copies}) == 2, "two volumes"
    deleted = ["deleted: 1"] * 4 if how == "copy" else ["deleted: 2"] * 2
    assert server.run("query_and_delete", "delete", how) == [*deleted, "there are: 0"]


def test_the_programs_compile_for_windows(headers: Path) -> None:
    for compiler in FOR_WINDOWS.values():
        if not shutil.which(compiler):
            pytest.skip(f"{compiler} is not here")
    if os.environ.get("VSSPY_SANITIZER"):
        pytest.skip("nothing of this is sanitized")
    compile_all(
        [
            [FOR_WINDOWS[each.suffix], COMPILERS[each.suffix][1], *FLAGS, "-fsyntax-only", f"-I{headers}", str(each)]
            for each in PROGRAMS
        ]
    )
