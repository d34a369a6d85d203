"""The folder provider: shadow copies are point-in-time copies, complete, and leave nothing behind."""

from __future__ import annotations

import importlib
import mmap
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

testing: Any = getattr(importlib.import_module("vsspy._simulator"), "_testing", None)
if not hasattr(testing, "snapshot_folder") and sys.platform == "win32":
    pytest.skip("on Windows the provider is inside vssapi.dll", allow_module_level=True)

E_ABORT = 0x80004004
VSS_E_OBJECT_NOT_FOUND = 0x80042308
VSS_E_OBJECT_ALREADY_EXISTS = 0x8004230D

Changes = Callable[[], None]


def take(volume: Path, shadow: Path) -> None:
    testing.snapshot_folder(volume, shadow)


def take_hard_links(volume: Path, shadow: Path) -> None:
    """The provider that must not be: every name of the volume once more."""
    shutil.copytree(volume, shadow, copy_function=os.link)


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "volume"
    folder.mkdir()
    return folder


@pytest.fixture
def shadow(tmp_path: Path) -> Path:
    return tmp_path / "shadow"


# --- as it was before -------------------------------------------------------------------------------------------------

BEFORE = bytes(range(256)) * 4096  # 1 MiB: more than one buffer


def prepare_descriptor(file: Path) -> Changes:
    stream = file.open("r+b")

    def change() -> None:
        with stream:
            stream.write(b"after" * 1000)

    return change


def prepare_mapping(file: Path) -> Changes:
    with file.open("r+b") as stream:
        view = mmap.mmap(stream.fileno(), 0)
    view[0:6] = BEFORE[0:6]  # the page is dirty, and no later store will be stamped

    def change() -> None:
        with view:
            view[0:5] = b"after"
            view[-5:] = b"after"

    return change


def prepare_truncation(file: Path) -> Changes:
    return lambda: os.truncate(file, 10)


def prepare_rename(file: Path) -> Changes:
    other = file.with_name("new")
    other.write_bytes(b"after")
    return lambda: os.replace(other, file)


def prepare_removal(file: Path) -> Changes:
    return lambda: os.remove(file)


WAYS = [prepare_descriptor, prepare_mapping, prepare_truncation, prepare_rename, prepare_removal]


def check_as_before(
    way: Callable[[Path], Changes], take: Callable[[Path, Path], None], volume: Path, shadow: Path
) -> None:
    file = volume / "folder" / "file"
    file.parent.mkdir()
    file.write_bytes(BEFORE)
    change = way(file)
    there = sorted(os.listdir(file.parent))
    try:
        take(volume, shadow)
    finally:
        change()
    assert sorted(os.listdir(shadow / "folder")) == there
    as_before = (shadow / "folder" / "file").read_bytes() == BEFORE
    assert as_before  # not the bytes themselves: pytest would work out their difference, for minutes where CI is set


@pytest.mark.parametrize("way", WAYS)
def test_as_it_was_before(way: Callable[[Path], Changes], volume: Path, shadow: Path) -> None:
    check_as_before(way, take, volume, shadow)


@pytest.mark.parametrize("way", WAYS[:3])
def test_hard_links_are_no_shadow_copy(way: Callable[[Path], Changes], volume: Path, shadow: Path) -> None:
    with pytest.raises(AssertionError):
        check_as_before(way, take_hard_links, volume, shadow)


# --- changes while the copy is made -----------------------------------------------------------------------------------

BLOCK = 4096
BLOCKS = 256

# Writes every block of its files in order, the round's number in each, again and again. So at any one moment a file's
# numbers do not grow from block to block and differ by one at most; a copy of two moments is found out.
WRITER = """
import mmap, os, sys
how, go, *names = sys.argv[1:]
files = [os.open(name, os.O_RDWR | getattr(os, "O_BINARY", 0)) for name in names]
views = [mmap.mmap(file, 0) for file in files]
number = 1
print("ready", flush=True)
while os.path.exists(go):
    number += 1
    block = number.to_bytes(8, "little") * 512
    for file, view in zip(files, views):
        if how == "store":
            for index in range(256):
                view[index * 4096 : index * 4096 + 4096] = block
        else:
            os.lseek(file, 0, os.SEEK_SET)
            for index in range(256):
                os.write(file, block)
print(number)
"""


def numbers(data: bytes) -> list[int]:
    assert len(data) == BLOCK * BLOCKS
    # One of each block: within a block memcpy keeps no order (it stores the first bytes last).
    return [int.from_bytes(data[offset : offset + 8], "little") for offset in range(BLOCK // 2, len(data), BLOCK)]


def is_of_one_moment(data: bytes) -> bool:
    found = numbers(data)
    return found == sorted(found, reverse=True) and found[0] - found[-1] <= 1


def test_the_check_of_moments_can_fail() -> None:
    old, new = (n.to_bytes(8, "little") * 512 for n in (1, 2))
    assert is_of_one_moment(new * 10 + old * 246)
    assert not is_of_one_moment(old * 10 + new * 246)


@pytest.mark.parametrize("how", ["write", "store"])
@pytest.mark.parametrize("place", ["disk", "memory"])
def test_files_that_change_all_the_time(how: str, place: str, tmp_path: Path) -> None:
    base = tmp_path
    if place == "memory":
        if not os.path.isdir("/dev/shm"):
            pytest.skip("no /dev/shm: tmpfs is where stores through a mapping change no time at all")
        base = Path("/dev/shm") / f"vsspy-test-{os.getpid()}-{how}"
        base.mkdir()
    try:
        volume = base / "volume"
        volume.mkdir()
        busy = [volume / f"busy{index}" for index in range(4)]
        for file in busy:
            file.write_bytes((1).to_bytes(8, "little") * 512 * BLOCKS)
        for index in range(200):
            (volume / f"quiet{index}").write_bytes(b"quiet %d" % index)
        go = base / "go"
        go.touch()
        arguments = [sys.executable, "-c", WRITER, how, str(go), *map(str, busy)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            try:
                reports = [testing.snapshot_folder(volume, base / f"shadow{index}") for index in range(5)]
            finally:
                go.unlink()
            rounds = int(writer.stdout.readline())
        assert rounds > 5  # it did write meanwhile
        for index, report in enumerate(reports):
            shadow = base / f"shadow{index}"
            torn = {note.split(":")[0] for note in report.notes if "changed while it was copied" in note}
            assert torn <= {file.name for file in busy}
            for file in busy:
                assert file.name in torn or is_of_one_moment((shadow / file.name).read_bytes())
            assert sorted(os.listdir(shadow)) == sorted(os.listdir(volume))
            assert all((shadow / f"quiet{n}").read_bytes() == b"quiet %d" % n for n in range(200))
    finally:
        if place == "memory":
            testing.drop_folder(base)


def test_names_that_come_and_go(volume: Path, shadow: Path) -> None:
    for index in range(300):
        (volume / f"kept{index}").write_bytes(b"kept")
    stop = threading.Event()
    rounds = 0

    def trouble() -> None:
        nonlocal rounds
        while not stop.is_set():
            for index in range(20):
                name = volume / f"new{index}"
                name.mkdir()
                (name / "inside").write_bytes(b"inside")
                (volume / f"file{index}").write_bytes(b"first")
                (volume / f"other{index}").write_bytes(b"second")
            for index in range(20):
                name = volume / f"new{index}"
                os.replace(volume / f"other{index}", volume / f"file{index}")
                (name / "inside").unlink()
                name.rmdir()
                name.write_bytes(b"a file now")
                name.unlink()
                (volume / f"file{index}").unlink()
            rounds += 1

    thread = threading.Thread(target=trouble)
    thread.start()
    try:
        for index in range(10):
            testing.snapshot_folder(volume, shadow)
            names = set(os.listdir(shadow))
            assert names >= {f"kept{index}" for index in range(300)}
            for name in names:
                entry = shadow / name
                if name.startswith("new") and entry.is_dir():
                    assert os.listdir(entry) in ([], ["inside"])
                else:
                    assert entry.read_bytes() in (b"kept", b"first", b"second", b"a file now", b"")
            testing.drop_folder(shadow)
    finally:
        stop.set()
        thread.join()
    assert rounds > 0


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_contents_and_counts(volume: Path, shadow: Path) -> None:
    (volume / "empty folder").mkdir()
    (volume / "a" / "b").mkdir(parents=True)
    (volume / "a" / "empty file").touch()
    (volume / "a" / "b" / "large").write_bytes(os.urandom(3_000_001))
    report = testing.snapshot_folder(volume, shadow)
    assert (report.files, report.folders, report.bytes, report.notes) == (2, 3, 3_000_001, [])
    assert os.listdir(shadow / "empty folder") == []
    assert (shadow / "a" / "empty file").read_bytes() == b""
    assert (shadow / "a" / "b" / "large").read_bytes() == (volume / "a" / "b" / "large").read_bytes()
    assert sorted(os.listdir(shadow.parent)) == ["shadow", "volume"]


@pytest.mark.parametrize("threads", [1, 5])
def test_times_and_many_files(threads: int, volume: Path, shadow: Path) -> None:
    for number in range(30):
        folder = volume / f"folder{number}" / "below"
        folder.mkdir(parents=True)
        for index in range(20):
            file = folder / f"{index}"
            file.write_text(f"{number} {index}")
            os.utime(file, ns=(10**18 + index * 100, 10**18 + number * 100))
        os.utime(folder, ns=(10**18, 10**18 + number * 1000))
        os.utime(folder.parent, ns=(10**18, 10**18 + number * 2000))
    os.utime(volume, ns=(10**18, 1_234_567_890_123_456_700))
    report = testing.snapshot_folder(volume, shadow, threads=threads)
    assert (report.files, report.folders, report.notes) == (600, 60, [])
    for above, folders, files in os.walk(volume):
        there = shadow / os.path.relpath(above, volume)
        for name in [".", *folders, *files]:
            assert os.stat(there / name).st_mtime_ns == os.stat(Path(above, name)).st_mtime_ns, (above, name)
        for name in files:
            assert (there / name).read_text() == Path(above, name).read_text()


def test_a_folder_of_its_own_is_left_out(volume: Path) -> None:
    state = volume / "temp" / "state"
    state.mkdir(parents=True)
    (state / "other machine").mkdir()
    (volume / "file").write_bytes(b"data")
    report = testing.snapshot_folder(volume, state / "shadow", leave_out=[state])
    assert sorted(os.listdir(state / "shadow")) == ["file", "temp"]
    assert os.listdir(state / "shadow" / "temp") == []
    assert report.notes == ["temp/state: the simulator's own folder is left out"]


def test_a_shadow_copy_within_its_volume_does_not_hold_itself(volume: Path) -> None:
    (volume / "file").write_bytes(b"data")
    report = testing.snapshot_folder(volume, volume / "shadow")
    assert os.listdir(volume / "shadow") == ["file"]
    assert all("own folder" in note or "changed" in note for note in report.notes)


# --- ways out ---------------------------------------------------------------------------------------------------------


def test_refusals(volume: Path, shadow: Path, tmp_path: Path) -> None:
    for missing in (tmp_path / "missing", tmp_path / "file"):
        (tmp_path / "file").touch()
        with pytest.raises(testing.ProviderError) as caught:
            testing.snapshot_folder(missing, shadow)
        assert caught.value.args[0] == VSS_E_OBJECT_NOT_FOUND
    shadow.mkdir()
    with pytest.raises(testing.ProviderError) as caught:
        testing.snapshot_folder(volume, shadow)
    assert caught.value.args[0] == VSS_E_OBJECT_ALREADY_EXISTS
    assert sorted(os.listdir(tmp_path)) == ["file", "shadow", "volume"]


@pytest.mark.parametrize("calls", [1, 3, 20])
def test_cancelling_leaves_nothing(calls: int, volume: Path, shadow: Path) -> None:
    for number in range(50):
        (volume / f"folder{number}").mkdir()
        (volume / f"folder{number}" / "file").write_bytes(b"x" * 100_000)
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked >= calls

    with pytest.raises(testing.ProviderError) as caught:
        testing.snapshot_folder(volume, shadow, cancelled=cancelled)
    assert caught.value.args[0] == E_ABORT
    assert asked == calls
    assert os.listdir(shadow.parent) == ["volume"]


def test_an_error_while_asked_leaves_nothing(volume: Path, shadow: Path) -> None:
    def cancelled() -> bool:
        raise KeyError("asked")

    with pytest.raises(KeyError):
        testing.snapshot_folder(volume, shadow, cancelled=cancelled)
    assert os.listdir(shadow.parent) == ["volume"]


# --- release ----------------------------------------------------------------------------------------------------------


def touch_write(shadow: Path) -> None:
    (shadow / "folder" / "file").write_bytes(b"other data, longer")


def touch_add(shadow: Path) -> None:
    (shadow / "folder" / "new").touch()


def touch_remove(shadow: Path) -> None:
    (shadow / "folder" / "file").unlink()


def touch_mode(shadow: Path) -> None:
    (shadow / "folder" / "file").chmod(0o444)


@pytest.mark.parametrize(
    ("touch", "line"),
    [
        (touch_write, "folder/file: changed"),
        (touch_add, "folder/new: added"),
        (touch_remove, "folder/file: removed"),
        (touch_mode, "folder/file: changed"),
    ],
)
def test_violations_are_found(touch: Callable[[Path], None], line: str, volume: Path, shadow: Path) -> None:
    (volume / "folder").mkdir()
    (volume / "folder" / "file").write_bytes(b"data")
    (volume / "other").write_bytes(b"data")
    report = testing.snapshot_folder(volume, shadow)
    assert (shadow / "other").read_bytes() == b"data"  # reading is no violation
    assert testing.check_untouched(shadow, report) == []
    touch(shadow)
    violations = testing.check_untouched(shadow, report)
    assert line in violations
    assert set(violations) <= {line, "folder: changed"}


def test_dropping(volume: Path, shadow: Path) -> None:
    (volume / "a" / "b").mkdir(parents=True)
    (volume / "a" / "b" / "read-only").write_bytes(b"data")
    (volume / "a" / "b" / "read-only").chmod(0o444)
    testing.snapshot_folder(volume, shadow)
    testing.drop_folder(shadow)
    testing.drop_folder(shadow)  # no error where there is none
    assert os.listdir(shadow.parent) == ["volume"]
    assert (volume / "a" / "b" / "read-only").read_bytes() == b"data"
    (volume / "a" / "b" / "read-only").chmod(0o644)
