"""Processes that are killed at each call that changes the disk, or meet a full disk there: what is left is right, and the
next machine cleans the rest (crashes.py has the scenarios and the checks)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from shadow_copies import session

import vsspy
from vsspy import simulator

HERE = Path(__file__).parent
FEWEST = {"kill": 100, "tear": 15, "full": 50}  # runs of the scenario with a persistent state


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("shim") / "kill_at.so"
    subprocess.run(
        ["cc", "-O1", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", library, HERE / "kill_at.c", "-ldl"],
        check=True,
    )
    return library


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither fork nor LD_PRELOAD")
@pytest.mark.skipif("VSSPY_SANITIZER" in os.environ, reason="hundreds of forks take minutes under a sanitizer")
@pytest.mark.parametrize("scenario", ["ordinary", "persistent"])
def test_stopped_at_every_change_of_the_disk(scenario: str, shim: Path, tmp_path: Path) -> None:
    preloaded = " ".join(filter(None, [os.environ.get("LD_PRELOAD"), str(shim)]))
    environment = os.environ | {"LD_PRELOAD": preloaded, "PYTHONPATH": str(Path(vsspy.__file__).parents[1])}
    runs = {}
    for mode in FEWEST:
        (tmp_path / mode).mkdir()
        runs[mode] = subprocess.Popen(
            [sys.executable, "-P", HERE / "crashes.py", scenario, mode, tmp_path / mode],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    for mode, process in runs.items():
        said, complaints = process.communicate(timeout=300)
        assert process.returncode == 0, f"{mode}: {complaints}"
        if scenario == "persistent":
            assert int(said) >= FEWEST[mode], mode


KILLED = """
import os, signal, sys
from pathlib import Path
import vsspy
from vsspy import simulator
from vsspy.enums import SnapshotContext

def die(event):
    os.kill(os.getpid(), signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)

root, where = Path(sys.argv[1]), sys.argv[2]
writer = simulator.Writer("One", components=[simulator.Component("c", selectable=True)], **{where: die})
with simulator.running(
    volumes={"C:\\\\": root / "C"}, writers=[writer], state=root / "machines", persistent_state=root / "state"
):
    with vsspy.BackupSession("C:\\\\", context=SnapshotContext.APP_ROLLBACK) as backup:
        backup.snapshot()
        for component in backup.components:
            component.mark_succeeded()
"""


@pytest.mark.parametrize(
    ("where", "left"),
    [("on_freeze", 0), ("on_post_snapshot", 0), ("on_backup_complete", 1)],
    ids=lambda value: str(value),
)
def test_killed_inside_a_writer(tmp_path: Path, where: str, left: int) -> None:
    """The set is there when DoSnapshotSet has ended, and not before; the next set can be made at once."""
    (tmp_path / "C").mkdir()
    (tmp_path / "C" / "file").write_text("text", encoding="ascii")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path, where],
        env=os.environ | {"PYTHONPATH": str(Path(vsspy.__file__).parents[1])},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert killed.returncode not in (0, 1), killed.stderr
    with simulator.running(
        volumes={"C:\\": tmp_path / "C"}, state=tmp_path / "machines", persistent_state=tmp_path / "state"
    ) as machine:
        assert len(machine.shadow_copies) == left
        assert len(os.listdir(tmp_path / "state" / "copies")) == left
        assert len(os.listdir(tmp_path / "machines")) == 1
        for copy in machine.shadow_copies:
            assert (copy.folder / "file").read_text(encoding="ascii") == "text"
        with session(vsspy.SnapshotContext.NAS_ROLLBACK) as components:
            components.start_snapshot_set()
