"""Ctrl-C in each phase, SIGKILL at any moment, and what other threads do meanwhile."""

from __future__ import annotations

import _thread
import contextlib
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import TIMEOUT, Backup, events, server

import vsspy
from vsspy import simulator

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="no signals by kill on Windows")


@pytest.fixture(autouse=True)
def ctrl_c_counts() -> Iterator[None]:
    """A shell that runs the tests in the background has Ctrl-C ignored, here and in what is started here."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    """Ctrl-C for the main thread."""
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_other_threads_run_while_a_wait_is_on(tmp_path: Path) -> None:
    """The wait would never end if it kept the GIL: what ends it is a thread that has counted far enough."""
    fault = simulator.Fault("IVssBackupComponents::GatherWriterMetadata", delay=math.inf)
    with server(tmp_path, faults=[fault]), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        with components.gather_writer_metadata() as operation:
            count = 0

            def run() -> None:
                nonlocal count
                while count < 200_000:
                    count += 1
                operation.cancel()

            thread = threading.Thread(target=run)
            thread.start()
            with pytest.raises(vsspy.OperationCancelledError):
                operation.wait(timeout=TIMEOUT)
            thread.join()
            assert count == 200_000


# Ctrl-C in a session

PLACES = {
    "gather": "IVssBackupComponents::GatherWriterMetadata",
    "prepare": "IVssBackupComponents::PrepareForBackup",
    "snapshot": "IVssBackupComponents::DoSnapshotSet",
    "freeze": "One Writer::Freeze",
    "complete": "IVssBackupComponents::BackupComplete",
}


@pytest.mark.parametrize("phase", [*PLACES, "copy"])
def test_ctrl_c_in_a_session(tmp_path: Path, phase: str) -> None:
    """KeyboardInterrupt comes out, writers are aborted where they took part, and nothing is left."""
    faults = [simulator.Fault(PLACES[phase], delay=math.inf, nth=1)] if phase in PLACES else []
    copying = threading.Event()
    with server(tmp_path, faults=faults) as machine:

        def press() -> None:
            if phase == "copy":
                copying.wait(TIMEOUT)
            else:
                while not any(e.name == PLACES[phase] and e.kind in ("result", "event") for e in machine.trace):
                    time.sleep(0.002)
            interrupt()

        thread = threading.Thread(target=press)
        thread.start()
        with pytest.raises(KeyboardInterrupt), vsspy.BackupSession("C:\\", security="none") as backup:
            backup.snapshot()
            if phase == "copy":
                copying.set()
                end = time.monotonic() + TIMEOUT
                while time.monotonic() < end:
                    time.sleep(0.01)
            for component in backup.components:
                component.mark_succeeded()
        thread.join()
        assert machine.live_objects == 0, machine.live()
        assert not machine.shadow_copies
        heard = events(machine)
        assert "BackupComplete" not in heard
        assert ("Abort" in heard) == (phase not in ("gather", "prepare"))
        assert "Thaw" not in heard or heard.index("Thaw") < heard.index("Abort")
        with vsspy.BackupSession("C:\\", security="none") as backup:
            backup.snapshot()
            for component in backup.components:
                component.mark_succeeded()
        assert backup.result.good


# The command line


def tree(folder: Path, files: int = 150) -> dict[str, bytes]:
    """Small files in a few folders, and what they hold."""
    contents: dict[str, bytes] = {}
    for number in range(files):
        name = f"folder {number % 7}/file {number}.bin"
        contents[name] = (f"{number} ".encode() * (number % 50 + 1))[:4096]
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(contents[name])
    return contents


class CommandLine:
    """`vsspy backup` of a folder, with its own place for temporary files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / "source"
        self.contents = tree(self.source)
        self.target = folder / "target"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.environment = {**os.environ, "TMPDIR": str(self.temporary)}
        self.runs = 0

    def start(self, phase: str = "none", *options: str) -> tuple[subprocess.Popen[str], Path]:
        """Starts a backup that stops in a phase; the file comes into being when it is there."""
        self.runs += 1
        ready = self.folder / f"ready {self.runs}"
        script = Path(__file__).with_name("interrupted.py")
        command = [sys.executable, str(script), phase, str(ready), "backup", str(self.source), "--to", str(self.target)]
        process = subprocess.Popen(
            [*command, *options],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        return process, ready

    def wait_for(self, process: subprocess.Popen[str], ready: Path) -> None:
        end = time.monotonic() + TIMEOUT
        while not ready.exists():
            assert process.poll() is None, "".join(process.communicate())
            assert time.monotonic() < end, "the phase does not come"
            time.sleep(0.002)

    def finish(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        """The exit code and all that was written."""
        out, err = process.communicate(timeout=TIMEOUT)
        return process.returncode, out + err

    def machines(self) -> list[Path]:
        """The machines' folders that exist."""
        return [path for root in self.temporary.glob("vsspy-simulator*") for path in root.iterdir() if path.is_dir()]

    def check_target(self) -> None:
        """The backup is whole, and there is nothing else in its folder."""
        copy = self.target / self.source.relative_to("/")
        found = {str(path.relative_to(copy)): path.read_bytes() for path in copy.rglob("*") if path.is_file()}
        assert found == self.contents
        assert {path.name for path in self.target.iterdir()} == {"vsspy", self.source.parts[1]}


@POSIX
@pytest.mark.parametrize(
    ("phase", "existed"),
    [(phase, False) for phase in ("gather", "prepare", "snapshot", "copy", "complete")]
    + [("copy", True), ("complete", True)],
)
def test_ctrl_c_in_a_command(tmp_path: Path, phase: str, existed: bool) -> None:
    """Exit code 130, the target folder as it was before, and no shadow copy left."""
    line = CommandLine(tmp_path)
    if existed:
        line.target.mkdir()
        (line.target / "kept").write_text("as before", encoding="ascii")
    process, ready = line.start(phase, *(["--overwrite"] if existed else []))
    line.wait_for(process, ready)
    process.send_signal(signal.SIGINT)
    status, output = line.finish(process)
    assert status == 130, output
    assert "Traceback" not in output
    if existed:
        assert [path.name for path in line.target.iterdir()] == ["kept"]
    else:
        assert not line.target.exists()
    assert not line.machines()


BYSTANDER = """
import sys
from pathlib import Path
import vsspy
from vsspy import simulator

with simulator.running(volumes={"C:\\\\": sys.argv[1]}) as machine:
    with vsspy.shadow_copy("C:\\\\", writers=False) as shadow:
        print(shadow.root, flush=True)
        sys.stdin.read()
        for path in sorted(Path(sys.argv[1]).rglob("*.bin")):
            assert (shadow / str(path.relative_to(sys.argv[1]))).read_bytes() == path.read_bytes(), path
    assert not machine.shadow_copies
    assert not machine.notes, machine.notes
"""


@contextlib.contextmanager
def bystander(line: CommandLine) -> Iterator[Path]:
    """A second process with a shadow copy of its own, which it looks at again in the end."""
    volume = line.folder / "other"
    tree(volume, 30)
    process = subprocess.Popen(
        [sys.executable, "-c", BYSTANDER, str(volume)],
        env=line.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        assert process.stdout is not None
        device = process.stdout.readline().strip()
        assert device, process.communicate()
        yield Path(device)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    _, err = process.communicate(input="", timeout=TIMEOUT)
    assert process.returncode == 0, err


@POSIX
def test_kill_at_any_moment(tmp_path: Path) -> None:
    """The next run removes what a killed one left, whatever it was doing, and nothing of a process that lives."""
    line = CommandLine(tmp_path)
    with bystander(line) as device:
        (other,) = line.machines()
        began = time.monotonic()
        process, _ = line.start()
        status, output = line.finish(process)
        assert status == 0, output
        line.check_target()
        took = time.monotonic() - began
        seed = random.randrange(1 << 32)
        moments = random.Random(seed)
        chosen: list[str | float] = ["snapshot", "copy", *(moments.uniform(0.3, 1.0) * took for _ in range(3))]
        for moment in chosen:
            if isinstance(moment, str):
                process, ready = line.start(moment, "--overwrite")
                line.wait_for(process, ready)
            else:
                process, _ = line.start("none", "--overwrite")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(moment)
            process.kill()
            line.finish(process)
            assert isinstance(moment, float) or len(line.machines()) == 2, "nothing was left, so nothing is proven"
            process, _ = line.start("none", "--overwrite")
            status, output = line.finish(process)
            assert status == 0, (seed, moment, output)
            line.check_target()
            assert line.machines() == [other], (seed, moment)
            assert device.is_dir()


@POSIX
def test_kill_leaves_what_was_there(tmp_path: Path) -> None:
    """A backup that is killed before it is finished has not touched the one that is there."""
    line = CommandLine(tmp_path)
    process, _ = line.start()
    status, output = line.finish(process)
    assert status == 0, output
    process, ready = line.start("copy", "--overwrite")
    line.wait_for(process, ready)
    process.kill()
    line.finish(process)
    copy = line.target / line.source.relative_to("/")
    assert {str(path.relative_to(copy)): path.read_bytes() for path in copy.rglob("*.bin")} == line.contents


def test_ctrl_c_at_level_1(tmp_path: Path) -> None:
    """A wait ends with KeyboardInterrupt and leaves the operation running; closing the object ends it."""
    fault = simulator.Fault("IVssBackupComponents::DoSnapshotSet", delay=math.inf)
    with server(tmp_path, faults=[fault]) as machine, vsspy.BackupComponents() as components:
        Backup(components).to_prepared()
        with components.do_snapshot_set() as operation:
            timer = threading.Timer(0.05, interrupt)
            with pytest.raises(KeyboardInterrupt):
                timer.start()
                operation.wait(timeout=TIMEOUT)
            assert not operation.done()
        components.close()
        assert not machine.shadow_copies
