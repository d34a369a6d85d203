"""State folders: one per machine, locked, and cleaned by the next run once its process is dead."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

testing: Any = getattr(importlib.import_module("vsspy._simulator"), "_testing", None)
if not hasattr(testing, "snapshot_folder") and sys.platform == "win32":
    pytest.skip("on Windows the provider is inside vssapi.dll", allow_module_level=True)

E_ACCESSDENIED = 0x80070005
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes, links and processes")

CHILD = """
import sys
from pathlib import Path
import vsspy._simulator
testing = vsspy._simulator._testing
folder = testing.StateFolder(Path(sys.argv[1]))
print(folder.path, flush=True)
"""


def start(root: Path, then: str, *arguments: str) -> tuple[subprocess.Popen[str], Path]:
    """A process that opens a state folder, prints it and goes on with `then`."""
    command = [sys.executable, "-c", CHILD + then, str(root), *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().rstrip("\n"))


def end(process: subprocess.Popen[str]) -> None:
    process.communicate()
    assert process.returncode == 0


def test_it_is_made_and_goes(tmp_path: Path) -> None:
    root = tmp_path / "not yet" / "root"
    folder = testing.StateFolder(root)
    assert folder.root == root
    assert folder.path.parent == root
    assert folder.path.is_dir()
    (folder.path / "shadow").mkdir()
    (folder.path / "shadow" / "file").write_bytes(b"data")
    folder.close()
    folder.close()
    assert os.listdir(root) == []


def test_each_machine_has_its_own(tmp_path: Path) -> None:
    folders = [testing.StateFolder(tmp_path) for _ in range(5)]
    assert len({folder.path for folder in folders}) == 5
    assert all(folder.path.is_dir() for folder in folders)  # the later ones cleaned nothing
    for folder in folders:
        folder.close()
    assert os.listdir(tmp_path) == []


def test_a_dropped_object_takes_its_folder_along(tmp_path: Path) -> None:
    folder = testing.StateFolder(tmp_path)
    del folder
    assert os.listdir(tmp_path) == []


def test_two_processes(tmp_path: Path) -> None:
    other, path = start(tmp_path, "sys.stdin.read(); folder.close()")
    (path / "shadow").mkdir()
    mine = testing.StateFolder(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([path, mine.path])
    assert (path / "shadow").is_dir()
    mine.close()
    end(other)
    assert os.listdir(tmp_path) == []


def test_what_is_not_a_machines_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "somebody's").mkdir()
    (tmp_path / "machine-file").write_bytes(b"no folder")
    testing.StateFolder(tmp_path).close()
    assert sorted(os.listdir(tmp_path)) == ["machine-file", "somebody's"]


def test_a_folder_without_lock_is_cleaned(tmp_path: Path) -> None:
    (tmp_path / "machine-0123" / "shadow.part").mkdir(
        parents=True
    )  # killed between making and locking, or in mid-removal
    testing.StateFolder(tmp_path).close()
    assert os.listdir(tmp_path) == []


def test_the_next_run_cleans_what_a_killed_one_left(tmp_path: Path) -> None:
    volume, root = tmp_path / "volume", tmp_path / "root"
    for number in range(100):
        (volume / f"folder{number}").mkdir(parents=True)
        for index in range(20):
            (volume / f"folder{number}" / f"{index}").write_bytes(os.urandom(3000))
    alive, living = start(root, "sys.stdin.read(); folder.close()")
    (living / "shadow").mkdir()
    (living / "shadow" / "file").write_bytes(b"data")
    then = """
for number in range(10_000):
    testing.snapshot_folder(sys.argv[2], folder.path / f"shadow{number}")
"""
    for delay in (0.0, 0.02, 0.05, 0.1, 0.2):
        killed, left = start(root, then, str(volume))
        deadline = time.monotonic() + 30
        while os.listdir(left) == ["lock"] and time.monotonic() < deadline:
            time.sleep(0.001)  # until it is in mid-copy
        time.sleep(delay)
        killed.kill()
        killed.communicate()
        assert left.is_dir()
        mine = testing.StateFolder(root)
        assert sorted(root.iterdir()) == sorted([living, mine.path])
        mine.close()
    assert (living / "shadow" / "file").read_bytes() == b"data"
    end(alive)
    assert os.listdir(root) == []


def test_many_start_at_once(tmp_path: Path) -> None:
    def live() -> None:
        for _ in range(20):
            folder = testing.StateFolder(tmp_path)
            (folder.path / "shadow").mkdir()
            (folder.path / "shadow" / "file").write_bytes(b"data")
            time.sleep(0.001)
            assert (folder.path / "shadow" / "file").read_bytes() == b"data"
            folder.close()

    others = [
        start(tmp_path, "[testing.StateFolder(Path(sys.argv[1])).close() for _ in range(100)]")[0] for _ in range(2)
    ]
    with ThreadPoolExecutor(6) as pool:
        for result in [pool.submit(live) for _ in range(6)]:
            result.result()
    for other in others:
        end(other)
    testing.StateFolder(tmp_path).close()
    assert os.listdir(tmp_path) == []


def test_the_default_root_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(tmp_path))
    root = testing.default_state_root()
    assert root.parent == tmp_path
    assert root.name.startswith("vsspy-simulator-")
    folder = testing.StateFolder()
    assert folder.root == root
    folder.close()


@posix_only
def test_modes(tmp_path: Path) -> None:
    folder = testing.StateFolder(tmp_path / "root")
    assert os.stat(folder.root).st_mode & 0o777 == 0o700
    assert os.stat(folder.path).st_mode & 0o777 == 0o700
    folder.close()


@posix_only
def test_roots_that_others_could_have_set_up_are_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "file").touch()
    os.symlink(tmp_path, tmp_path / "link")
    roots = ["open", "file", "link"]
    if os.geteuid() == 0:
        (tmp_path / "other's").mkdir()
        os.chown(tmp_path / "other's", 1234, 1234)
        roots.append("other's")
    for name in roots:
        with pytest.raises(testing.ProviderError) as caught:
            testing.StateFolder(tmp_path / name)
        assert caught.value.args[0] == E_ACCESSDENIED, name
    assert sorted(os.listdir(tmp_path)) == sorted(roots)


@posix_only
def test_a_forked_child_leaves_its_parents_folder_alone(tmp_path: Path) -> None:
    script = """
import os
child = os.fork()
if not child:
    folder.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
other = testing.StateFolder(Path(sys.argv[1]))
assert folder.path.is_dir() and other.path.is_dir()
other.close()
folder.close()
"""
    process, _ = start(tmp_path, script)
    end(process)
    assert os.listdir(tmp_path) == []


@posix_only
def test_a_stopped_process_is_alive(tmp_path: Path) -> None:
    other, path = start(tmp_path, "sys.stdin.read(); folder.close()")
    other.send_signal(signal.SIGSTOP)
    try:
        testing.StateFolder(tmp_path).close()
        assert list(tmp_path.iterdir()) == [path]
    finally:
        other.send_signal(signal.SIGCONT)
    end(other)
