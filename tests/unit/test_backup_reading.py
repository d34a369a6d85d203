"""shadow.open and shadow.scandir: what they read, and what they refuse."""

from __future__ import annotations

import errno
import gc
import os
import shutil
import stat
import struct
import sys
from pathlib import Path

import pytest
from shadow_support import properties

import vsspy
from vsspy import simulator
from vsspy._paths import VolumeNames
from vsspy._windows_files import is_link, parse_listing
from vsspy.errors import InvalidArgumentError, ObjectNotFoundError, ShadowCopyVanishedError
from vsspy.shadow import LiveVolume, ShadowCopy

POSIX = sys.platform != "win32"
posix = pytest.mark.skipif(
    not POSIX, reason="links and pipes, or names that are no UTF-8: not made on Windows and Wine"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "shadow"
    (folder / "Users" / "me").mkdir(parents=True)
    (folder / "Users" / "me" / "letter.txt").write_bytes(b"one\r\ntwo\r\n")
    (folder / "top.bin").write_bytes(b"\0" * 10)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    return folder


@pytest.fixture
def shadow(root: Path) -> ShadowCopy:
    return ShadowCopy(properties(str(root)), "C:\\", VolumeNames([["C:\\"]]))


@pytest.mark.parametrize(
    "name", ["Users\\me\\letter.txt", "Users/me/letter.txt", ".\\Users\\\\me\\letter.txt", "USERS\\Me\\LETTER.TXT"]
)
def test_a_file_is_read_by_any_spelling(shadow: ShadowCopy, name: str) -> None:
    with shadow.open(name) as file:
        assert file.read() == b"one\r\ntwo\r\n"
    assert file.closed


def test_text_and_its_options(shadow: ShadowCopy) -> None:
    with shadow.open("Users/me/letter.txt", "r", encoding="ascii") as text:
        assert text.read() == "one\ntwo\n"
        assert text.encoding == "ascii"
    with shadow.open("Users/me/letter.txt", "rt", encoding="ascii", newline="") as text:
        assert text.read() == "one\r\ntwo\r\n"
    with shadow.open("top.bin", "rb", buffering=0) as raw:
        assert raw.seek(5) == 5
        assert raw.read() == b"\0" * 5
    with pytest.raises(ValueError, match="binary mode doesn't take an encoding"):
        shadow.open("top.bin", "rb", encoding="ascii")


@pytest.mark.parametrize("mode", ["w", "wb", "r+", "rb+", "a", "xb"])
def test_nothing_can_be_written(shadow: ShadowCopy, root: Path, mode: str) -> None:
    with pytest.raises(InvalidArgumentError, match="only for reading"):
        shadow.open("top.bin", mode)
    assert (root / "top.bin").read_bytes() == b"\0" * 10
    with shadow.open("top.bin") as file:
        assert not file.writable()
        with pytest.raises(OSError):
            os.write(file.fileno(), b"x")


def test_full_paths_in_the_shadow_copy(shadow: ShadowCopy) -> None:
    for path in (
        shadow / "Users\\me\\letter.txt",
        shadow.path("C:\\users\\me\\letter.txt"),
        shadow.root + "Users/me/letter.txt",
    ):
        with shadow.open(path) as file:
            assert file.readline() == b"one\r\n"
    assert {entry.name for entry in shadow.scandir(shadow)} == {"Users", "top.bin"}
    assert {entry.name for entry in shadow.scandir(shadow.root[:-1])} == {"Users", "top.bin"}


@pytest.mark.parametrize(
    "name",
    [
        "..\\outside\\secret",
        "Users/../../outside/secret",
        "C:\\Users",
        "c:top.bin",
        "\\top.bin",
        "/top.bin",
        "\\\\server\\share\\x",
    ],
)
def test_what_leads_out_is_refused(shadow: ShadowCopy, name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="not a path below the root"):
        shadow.open(name)
    with pytest.raises(InvalidArgumentError, match="not a path below the root"):
        shadow.scandir(name)


def test_full_paths_of_other_places_are_refused(shadow: ShadowCopy, root: Path) -> None:
    for name in (
        root.parent / "outside" / "secret",
        str(root) + "2" + os.sep + "x",
        root / ".." / "outside" / "secret",
    ):
        with pytest.raises(InvalidArgumentError):
            shadow.open(str(name))


def test_what_is_not_there_or_of_another_kind(shadow: ShadowCopy) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        shadow.open("Users/you/letter.txt")
    assert "you" in str(missing.value.filename)
    with pytest.raises(FileNotFoundError):
        shadow.scandir("nothing")
    with pytest.raises(IsADirectoryError):
        shadow.open("Users")
    with pytest.raises(IsADirectoryError):
        shadow.open("")
    with pytest.raises(NotADirectoryError):
        shadow.scandir("top.bin")
    with pytest.raises(ValueError, match="null"):
        shadow.open("top\0bin")


def test_entries_are_like_those_of_os_scandir(shadow: ShadowCopy, root: Path) -> None:
    with shadow.scandir() as entries:
        found = {entry.name: entry for entry in entries}
    assert set(found) == {"Users", "top.bin"}
    folder, file = found["Users"], found["top.bin"]
    assert (folder.is_dir(), folder.is_file(), folder.is_symlink()) == (True, False, False)
    assert (file.is_dir(), file.is_file(), file.is_symlink()) == (False, True, False)
    assert os.fspath(file) == file.path == shadow.root + "top.bin"
    expected = os.lstat(root / "top.bin")
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (10, expected.st_mtime_ns)
    assert file.inode() == expected.st_ino != folder.inode()
    assert stat.S_ISDIR(folder.stat().st_mode)
    assert bool(folder.attributes & stat.FILE_ATTRIBUTE_DIRECTORY) == (not POSIX)
    assert [entry.name for entry in shadow.scandir(folder)] == ["me"]
    [letter] = shadow.scandir("Users\\me")
    with shadow.open(letter) as opened:
        assert opened.read(3) == b"one"
    assert shadow.live(letter) == "C:\\Users\\me\\letter.txt"


def test_a_folder_of_more_than_one_buffer(shadow: ShadowCopy, root: Path) -> None:
    names = {f"{number:03}" + "x" * 200 for number in range(400)}  # 64 KiB of a listing hold about 120 of these
    (root / "many").mkdir()
    for name in names:
        (root / "many" / name).touch()
    listed = [entry.name for entry in shadow.scandir("many")]
    assert len(listed) == len(names)
    assert set(listed) == names


def test_an_empty_folder_and_a_listing_that_is_left_early(shadow: ShadowCopy, root: Path) -> None:
    (root / "empty").mkdir()
    assert list(shadow.scandir("empty")) == []
    shadow.scandir("empty").close()
    with shadow.scandir() as entries:
        next(entries)
    assert list(entries) == []
    shadow.scandir()  # dropped without having been asked for anything
    gc.collect()
    (root / "empty").rmdir()  # which Windows would refuse while it is open
    shutil.rmtree(root)


def test_a_shadow_copy_that_vanished_is_one_typed_error(shadow: ShadowCopy, root: Path) -> None:
    shutil.rmtree(root)
    with pytest.raises(ShadowCopyVanishedError):
        shadow.open("top.bin")
    with pytest.raises(ShadowCopyVanishedError):
        shadow.scandir()


def test_a_live_volume_reads_alike(root: Path) -> None:
    volume = LiveVolume(str(root), "C:\\", VolumeNames([["C:\\"]]), "its policy says so")
    with volume.open("users/ME/letter.txt") as file:
        assert file.read(3) == b"one"
    assert {entry.name for entry in volume.scandir()} == {"Users", "top.bin"}
    with pytest.raises(InvalidArgumentError):
        volume.open("../outside/secret")
    shutil.rmtree(root)
    with pytest.raises(ObjectNotFoundError):
        volume.scandir()


def test_long_names(tmp_path: Path) -> None:
    deep, name = os.path.abspath(tmp_path), "d" * 100
    prefix = "" if POSIX else "\\\\?\\"
    for _ in range(4):
        deep = os.path.join(deep, name)
        os.mkdir(prefix + deep)
    with open(prefix + os.path.join(deep, "file"), "wb") as file:
        file.write(b"deep")
    shadow = ShadowCopy(properties(str(tmp_path)), "C:\\", VolumeNames([["C:\\"]]))
    below = "\\".join([name] * 4)
    with shadow.open(below + "\\file") as opened:
        assert opened.read() == b"deep"
    [entry] = shadow.scandir(below)
    assert entry.stat().st_size == 4
    shutil.rmtree(prefix + os.path.join(str(tmp_path), name))


@posix
def test_paths_longer_than_any_call_takes(tmp_path: Path) -> None:
    names = [f"{number}" + "d" * 200 for number in range(30)]
    at = os.open(tmp_path, os.O_RDONLY)
    for name in names:
        os.mkdir(name, dir_fd=at)
        inner = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(os.open("file", os.O_CREAT, dir_fd=at))
    os.close(at)
    shadow = ShadowCopy(properties(str(tmp_path)), "C:\\", VolumeNames([["C:\\"]]))
    below = "\\".join(names)
    assert len(below) > 4096
    with shadow.open(below + "\\file") as file:
        assert file.read() == b""
    [entry] = shadow.scandir(below)
    assert (entry.name, entry.stat().st_size) == ("file", 0)


@posix
def test_links_are_entries_and_never_followed(shadow: ShadowCopy, root: Path) -> None:
    (root / "out").symlink_to("../outside")
    (root / "inside").symlink_to("Users")
    (root / "file").symlink_to("top.bin")
    entries = {entry.name: entry for entry in shadow.scandir()}
    for name in ("out", "inside", "file"):
        assert entries[name].is_symlink()
        assert not entries[name].is_dir()
        assert not entries[name].is_file()
    assert os.readlink(entries["out"]) == "../outside"
    for name in ("out/secret", "inside/me/letter.txt", "file", "inside", "out"):
        with pytest.raises(OSError) as refused:
            shadow.open(name)
        assert refused.value.errno == errno.ELOOP
    for name in ("out", "inside", "inside/me", "INSIDE/me"):
        with pytest.raises(OSError) as refused:
            shadow.scandir(name)
        assert refused.value.errno == errno.ELOOP


@posix
def test_pipes_are_no_files_and_nobody_waits_for_them(shadow: ShadowCopy, root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(OSError) as refused:
        shadow.open("pipe")
    assert refused.value.errno == errno.ENXIO
    [pipe] = [entry for entry in shadow.scandir() if entry.name == "pipe"]
    assert (pipe.is_file(), pipe.is_dir(), pipe.is_symlink()) == (False, False, False)


@posix
def test_names_that_are_no_utf8_survive(shadow: ShadowCopy, root: Path) -> None:
    odd = b"\xff\xfe name"
    Path(os.fsdecode(os.path.join(os.fsencode(root), odd))).write_text("odd")
    [entry] = [entry for entry in shadow.scandir() if entry.name.endswith("name")]
    assert os.fsencode(entry.name) == odd
    with shadow.open(entry) as file:
        assert file.read() == b"odd"


@posix
def test_a_volume_with_a_posix_name_tells_letter_cases_apart(root: Path) -> None:
    shadow = ShadowCopy(properties(str(root)), "/srv/", VolumeNames([["/srv/"]]))
    (root / "back\\slash").write_text("one name")
    with shadow.open("back\\slash") as file:
        assert file.read() == b"one name"
    with pytest.raises(FileNotFoundError):
        shadow.open("users/me/letter.txt")


def test_nothing_stays_open(shadow: ShadowCopy, root: Path) -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("counting descriptors takes /proc")
    before = len(os.listdir("/proc/self/fd"))
    shadow.open("top.bin").close()
    list(shadow.scandir("Users"))
    for wrong in ("Users", "missing", "Users/missing", "top.bin/x"):
        with pytest.raises(OSError):
            shadow.open(wrong)
    with pytest.raises(ValueError):
        shadow.open("top.bin", "rbt")
    shadow.scandir()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_session_reads_what_was_there(root: Path) -> None:
    with simulator.running(volumes={"C:\\": root}), vsspy.shadow_copy("C:\\", writers=False) as shadow:
        (root / "top.bin").write_bytes(b"later")
        with shadow.open("TOP.BIN") as file:
            assert file.read() == b"\0" * 10
        assert {entry.name for entry in shadow.scandir()} == {"Users", "top.bin"}


def listing(*entries: tuple[str, int, int, int]) -> bytes:
    """FILE_ID_BOTH_DIR_INFO structures as the pages lay them out: the name at 104, each structure at a multiple of 8."""
    made = b""
    for number, (name, attributes, extra, file_id) in enumerate(entries):
        encoded = name.encode("utf-16-le", "surrogatepass")
        size = (104 + len(encoded) + 7) // 8 * 8
        following = size if number < len(entries) - 1 else 0
        head = struct.pack("<II6qIIIb", following, 0, *[0] * 6, attributes, len(encoded), extra, 0)
        made += (head.ljust(96, b"\xaa") + struct.pack("<Q", file_id) + encoded).ljust(size, b"\xaa")
    return made


def test_a_listing_of_windows() -> None:
    link, junction, file = 0xA000000C, 0xA0000003, 1 << 63 | 5
    data = listing(
        (".", 0x10, 0, 1), ("..", 0x10, 0, 1), ("a.txt", 0x20, 77, file), ("lone \ud800", 0x20, 0, 2), ("...", 0x10, 0, 3),
        ("link", 0x400, link, 4), ("junction", 0x410, junction, 5),
    )  # fmt: skip
    found = [
        (each.name, each.attributes, each.reparse_tag, each.file_id) for each in parse_listing(data + b"\xaa" * 64)
    ]
    assert found == [
        ("a.txt", 0x20, 0, file),  # the size of extended attributes is no tag
        ("lone \ud800", 0x20, 0, 2),
        ("...", 0x10, 0, 3),
        ("link", 0x400, link, 4),
        ("junction", 0x410, junction, 5),
    ]


@pytest.mark.parametrize(
    ("attributes", "tag", "expected"),
    [
        (0x20, 0, False),
        (0x400, 0xA000000C, True),  # IO_REPARSE_TAG_SYMLINK
        (0x410, 0xA0000003, True),  # IO_REPARSE_TAG_MOUNT_POINT
        (0x400, 0x80000013, False),  # IO_REPARSE_TAG_DEDUP
        (0x400, 0x80000017, False),  # IO_REPARSE_TAG_WOF
        (0x410, 0x9000701A, False),  # IO_REPARSE_TAG_CLOUD_7
    ],
)
def test_which_reparse_points_are_links(attributes: int, tag: int, expected: bool) -> None:
    assert is_link(attributes, tag) is expected
