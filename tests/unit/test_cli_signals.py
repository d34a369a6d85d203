"""Ctrl-C in every phase, SIGTERM, and SIGKILL: nothing half-made stays, and what lives is not touched."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cli_support import snapshot_of

from vsspy.cli.staging import STAGING

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows cannot send a signal to another process without a console"
)

# A backup that says "ready" and then dawdles at the place that its first argument names.
DRIVER = """
    import os, sys, time
    from vsspy import simulator
    from vsspy.cli import copying, staging
    from vsspy.__main__ import main

    where, seconds = sys.argv[1], float(sys.argv[2])

    def dawdle(*arguments):
        print("ready", flush=True)
        end = time.monotonic() + seconds
        while time.monotonic() < end and not os.path.exists("release"):
            time.sleep(0.02)

    def slow(owner, name):
        real = getattr(owner, name)
        state = []
        def call(*arguments, **options):
            if not state:
                state.append(1)
                dawdle()
            return real(*arguments, **options)
        setattr(owner, name, call)

    events = {where: dawdle} if where.startswith("on_") else {}
    if where == "copy":
        slow(copying, "copy_contents")
    elif where == "walk":
        slow(copying.Root, "listing")
    elif where == "sync":
        slow(sys.modules.setdefault("vsspy.cli.backup_work", __import__("vsspy.cli.backup_work", fromlist=["x"])), "sync_all")
    elif where == "commit":
        slow(staging.Staging, "_forward")
    real = simulator.running
    simulator.running = lambda **options: real(**{**options, "writers": [simulator.Writer("Slow", **events)]})
    del sys.argv[1:3]
    sys.exit(main())
"""
EVENTS = [
    "on_identify",
    "on_prepare_backup",
    "on_prepare_snapshot",
    "on_freeze",
    "on_thaw",
    "on_post_snapshot",
    "on_backup_complete",
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    for number in range(60):
        path = folder / f"folder-{number % 7}" / f"unmistakable-{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(20_000))
    return folder


STARTED: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    """A test that fails leaves its processes to the next one otherwise."""
    yield
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.communicate()


class Run:
    """A backup in another process, with a place of its own for temporary files."""

    def __init__(self, tmp_path: Path, where: str, seconds: float, *arguments: str | Path) -> None:
        temporary = tmp_path / "tmp"
        temporary.mkdir(exist_ok=True)
        command = [sys.executable, "-c", textwrap.dedent(DRIVER), where, str(seconds), "backup", *map(str, arguments)]
        environment = {**os.environ, "TMPDIR": str(temporary)}
        # A shell may have started the tests with Ctrl-C ignored, which children inherit.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
            )
        finally:
            signal.signal(signal.SIGINT, before)
        STARTED.append(self.process)

    def ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", self.process.stderr and self.process.stderr.read()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, str]:
        _, error = self.process.communicate(timeout=60)
        STARTED.remove(self.process)
        assert "Traceback" not in error, error
        return self.process.returncode, error


def leftovers(tmp_path: Path) -> list[Path]:
    """Files of shadow copies that outlived their machine."""
    return [path for path in (tmp_path / "tmp").rglob("unmistakable-*")]


@pytest.mark.parametrize("where", [*EVENTS, "walk", "copy", "sync"])
def test_ctrl_c_leaves_nothing(tmp_path: Path, tree: Path, where: str) -> None:
    run = Run(tmp_path, where, 0.4, tree, "--to", tmp_path / "out")
    run.ready()
    run.send(signal.SIGINT)
    code, error = run.end()
    assert code == 130, error
    assert "stopped; nothing was made" in error
    assert not (tmp_path / "out").exists()
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("where", ["on_freeze", "copy"])
def test_a_second_ctrl_c_leaves_nothing_either(tmp_path: Path, tree: Path, where: str) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "kept").write_text("x")
    before = snapshot_of(target)
    run = Run(tmp_path, where, 1.0, tree, "--to", target, "--overwrite")
    run.ready()
    for _ in range(5):
        if run.process.poll() is None:
            run.send(signal.SIGINT)
        time.sleep(0.1)
    code, error = run.end()
    assert code == 130, error
    assert snapshot_of(target) == before
    assert leftovers(tmp_path) == []


def test_sigterm_ends_it_the_same_way(tmp_path: Path, tree: Path) -> None:
    run = Run(tmp_path, "copy", 0.3, tree, "--to", tmp_path / "out")
    run.ready()
    run.send(signal.SIGTERM)
    assert run.end()[0] == 143
    assert not (tmp_path / "out").exists()


def test_while_it_is_moved_into_place_ctrl_c_comes_too_late(tmp_path: Path, tree: Path) -> None:
    run = Run(tmp_path, "commit", 0.3, tree, "--to", tmp_path / "out")
    run.ready()
    run.send(signal.SIGINT)
    code, error = run.end()
    assert code == 0, error
    assert snapshot_of(tmp_path / "out" / str(tree)[1:]) == snapshot_of(tree)


def test_sigkill_is_tidied_up_by_the_next_run_and_others_live_on(tmp_path: Path, tree: Path) -> None:
    living = Run(tmp_path, "copy", 60.0, tree, "--to", tmp_path / "living")
    living.ready()
    random.seed(os.environ.get("VSSPY_SEED", "1"))
    for where in ("on_freeze", "copy", "sync", "commit", "anywhere"):
        killed = Run(tmp_path, where, 5.0, tree, "--to", tmp_path / "out", "--overwrite")
        if where == "anywhere":
            time.sleep(random.uniform(0.2, 0.6))
        else:
            killed.ready()
            time.sleep(random.uniform(0, 0.1))
        killed.send(signal.SIGKILL)
        killed.end()
    second = Run(tmp_path, "nowhere", 0, tree, "--to", tmp_path / "living", "--overwrite")
    code, error = second.end()
    assert code == 2 and "is in use" in error, error
    after = Run(tmp_path, "nowhere", 0, tree, "--to", tmp_path / "out", "--overwrite")
    assert after.end()[0] == 0
    assert snapshot_of(tmp_path / "out" / str(tree)[1:]) == snapshot_of(tree)
    assert STAGING not in os.listdir(tmp_path / "out")
    (tmp_path / "release").touch()
    code, error = living.end()
    assert code == 0, error
    assert snapshot_of(tmp_path / "living" / str(tree)[1:]) == snapshot_of(tree)
    assert leftovers(tmp_path) == []
