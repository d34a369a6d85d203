"""The folder provider among file systems of its own: full disks, other mounts, reflinks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("mounting takes Linux", allow_module_level=True)


def in_own_mounts(tmp_path: Path, script: str) -> None:
    """Runs Python code, with `base` and `testing` at hand, where what it mounts is its own."""
    if (
        os.geteuid() != 0
        or not shutil.which("unshare")
        or subprocess.run(["unshare", "-m", "true"], check=False).returncode
    ):
        pytest.skip("mounting takes root and unshare")
    head = f"""
import os, subprocess, sys
from pathlib import Path
import vsspy._simulator
testing = vsspy._simulator._testing
base = Path({str(tmp_path)!r})
def run(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        print("could not", *command, result.stderr)
        sys.exit(77)
"""
    command = ["unshare", "-m", sys.executable, "-c", head + script]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 77:
        pytest.skip(result.stdout)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    in_own_mounts(
        tmp_path,
        """
(base / "full").mkdir()
run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(base / "full"))
volume = base / "volume"
volume.mkdir()
for index in range(40):
    (volume / f"file{index}").write_bytes(b"x" * 50_000)
try:
    testing.snapshot_folder(volume, base / "full" / "shadow")
    sys.exit("no error")
except testing.ProviderError as error:
    assert error.args[0] == 0x8004231F, error  # VSS_E_INSUFFICIENT_STORAGE
assert os.listdir(base / "full") == []
(base / "full" / "again").write_bytes(b"x" * 900_000)  # the space is back
""",
    )


def test_other_mounts_are_left_empty_and_never_entered(tmp_path: Path) -> None:
    in_own_mounts(
        tmp_path,
        """
volume = base / "volume"
for name in ("tmpfs", "bound", "plain"):
    (volume / name).mkdir(parents=True)
(volume / "plain" / "file").write_bytes(b"data")
run("mount", "-t", "tmpfs", "tmpfs", str(volume / "tmpfs"))
run("mount", "--bind", str(volume / "plain"), str(volume / "bound"))  # the same device
(volume / "tmpfs" / "other").write_bytes(b"other")
report = testing.snapshot_folder(volume, base / "shadow")
text = ": another file system is mounted here: not copied"
assert report.notes == ["bound" + text, "tmpfs" + text], report.notes
assert os.listdir(base / "shadow" / "tmpfs") == os.listdir(base / "shadow" / "bound") == []
assert os.listdir(base / "shadow" / "plain") == ["file"]
run("mount", "--bind", str(volume), str(base / "shadow" / "plain"))
try:
    testing.drop_folder(base / "shadow")
    sys.exit("no error")
except testing.ProviderError as error:
    assert "plain: could not be removed" in error.args[1], error
assert (volume / "plain" / "file").read_bytes() == b"data"
assert os.listdir(base / "shadow") == ["plain"]
""",
    )


def test_a_shadow_copy_that_cannot_be_removed_leaves_no_writer_frozen(tmp_path: Path) -> None:
    """The set is given up, its first shadow copy cannot go: the result is what it was, and a note tells of the rest."""
    in_own_mounts(
        tmp_path,
        """
import vsspy
from vsspy import simulator
first, second, state = base / "first", base / "second", base / "state"
for volume, count in (first, 1), (second, 3000):
    volume.mkdir()
    for index in range(count):
        (volume / f"file{index}").write_bytes(b"data")
events = []
writer = simulator.Writer(
    "W", on_freeze=lambda event: events.append("Freeze"), on_abort=lambda event: events.append("Abort")
)
volumes = {"C:\\\\": first, "D:\\\\": second}
with simulator.running(volumes=volumes, writers=[writer], state=state) as machine, vsspy.BackupComponents() as bc:
    bc.initialize_for_backup()
    bc.gather_writer_metadata().wait(10)
    bc.set_backup_state(False, False, vsspy.BackupType.COPY)
    bc.start_snapshot_set()
    for volume in volumes:
        bc.add_to_snapshot_set(volume)
    bc.prepare_for_backup().wait(10)
    operation = bc.do_snapshot_set()
    [folder] = state.iterdir()
    made = folder / "HarddiskVolumeShadowCopy1"
    while not made.exists():
        assert not operation.done()
    run("mount", "-t", "tmpfs", "tmpfs", str(made))
    operation.cancel()
    try:
        operation.wait(10)
        sys.exit("not cancelled")
    except vsspy.OperationCancelledError:
        pass
    assert events == ["Freeze", "Abort"], events
    [note] = machine.notes
    assert note.startswith("a shadow copy could not be removed: HarddiskVolumeShadowCopy1"), note
    run("umount", str(made))
assert list(state.iterdir()) == []
""",
    )


def test_reflinks(tmp_path: Path) -> None:
    if not shutil.which("mkfs.xfs"):
        pytest.skip("no mkfs.xfs")
    in_own_mounts(
        tmp_path,
        """
image, disk = base / "image", base / "disk"
with image.open("wb") as file:
    file.truncate(320 << 20)
disk.mkdir()
run("mkfs.xfs", "-q", "-m", "reflink=1", str(image))
run("mount", "-o", "loop", str(image), str(disk))
volume = disk / "volume"
volume.mkdir()
data = os.urandom(1 << 20) * 100
(volume / "large").write_bytes(data)
(volume / "empty").touch()
with (volume / "holes").open("wb") as file:
    file.truncate(1 << 30)
    file.seek(1 << 29)
    file.write(b"middle")
stream = (volume / "large").open("r+b")
free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
report = testing.snapshot_folder(volume, disk / "shadow")
os.sync()
assert (report.cloned, report.notes) == (2, []), (report.cloned, report.notes)
used = free - os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
assert used < 10 << 20, used
with stream:
    stream.write(b"after")
assert (disk / "shadow" / "large").read_bytes() == data
with (disk / "shadow" / "holes").open("rb") as file:
    file.seek((1 << 29) - 2)
    assert file.read(10) == bytes(2) + b"middle" + bytes(2)
assert os.stat(disk / "shadow" / "holes").st_blocks < 1000
run("umount", str(disk))
""",
    )
