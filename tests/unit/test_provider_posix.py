"""The folder provider on POSIX systems: metadata, links, holes, what is left out, other mounts, full disks, reflinks."""

from __future__ import annotations

import importlib
import os
import socket
import stat
import struct
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("POSIX file systems", allow_module_level=True)

testing: Any = importlib.import_module("vsspy._simulator")._testing

E_ACCESSDENIED = 0x80070005
NOBODY = 65534


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "volume"
    folder.mkdir()
    return folder


@pytest.fixture
def shadow(tmp_path: Path) -> Path:
    return tmp_path / "shadow"


@pytest.fixture
def common() -> Iterator[Path]:
    """A folder of this process's own that can be run in as an ordinary user, and is that user's where root runs this."""
    folder = Path(tempfile.mkdtemp(prefix="vsspy-test-"))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
            os.setegid(0)
        testing.drop_folder(folder)


def test_modes_owners_and_times(volume: Path, shadow: Path) -> None:
    (volume / "folder").mkdir()
    for mode in (0o000, 0o400, 0o644, 0o755, 0o777, 0o4755, 0o2711):
        file = volume / "folder" / f"{mode:o}"
        file.write_bytes(b"data")
        file.chmod(mode)
        if os.geteuid() == 0:
            os.chown(file, 1234, 4321)
            file.chmod(mode)
        os.utime(file, ns=(1_111_111_111_111_111_111, -1_222_222_222_222_222_222))
    (volume / "folder").chmod(0o1731)
    os.utime(volume / "folder", ns=(1, 2))
    volume.chmod(0o2750)
    report = testing.snapshot_folder(volume, shadow)
    assert report.notes == []
    for name in [".", "folder", *(f"folder/{name}" for name in os.listdir(volume / "folder"))]:
        was, now = os.lstat(volume / name), os.lstat(shadow / name)
        assert (now.st_mode, now.st_uid, now.st_gid) == (was.st_mode, was.st_uid, was.st_gid), name
        assert now.st_mtime_ns == was.st_mtime_ns, name
        if not stat.S_ISDIR(was.st_mode):
            assert now.st_atime_ns == was.st_atime_ns, name


def test_copying_leaves_access_times_alone(volume: Path, shadow: Path) -> None:
    (volume / "file").write_bytes(b"data")
    os.utime(volume / "file", ns=(10**18, 2 * 10**18))
    testing.snapshot_folder(volume, shadow)
    assert os.stat(volume / "file").st_atime_ns == 10**18


def test_symbolic_links(volume: Path, shadow: Path) -> None:
    outside = volume.parent / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"outside")
    os.symlink(outside, volume / "to folder")
    os.symlink(b"not there \xff", os.fsencode(volume) + b"/dangling")
    os.symlink("x" * 4000, volume / "long")
    os.utime(volume / "dangling", ns=(10**18, 10**18 + 5), follow_symlinks=False)
    report = testing.snapshot_folder(volume, shadow)
    assert (report.notes, report.files) == ([], 3)
    assert os.readlink(shadow / "to folder") == str(outside)
    assert os.readlink(os.fsencode(shadow) + b"/dangling") == b"not there \xff"
    assert os.readlink(shadow / "long") == "x" * 4000
    assert os.lstat(shadow / "dangling").st_mtime_ns == 10**18 + 5
    testing.drop_folder(shadow)
    assert (outside / "file").read_bytes() == b"outside"


def test_names_are_kept_byte_for_byte(volume: Path, shadow: Path) -> None:
    names = [
        b"\xff\xfe",
        b"\xc3\xa4",
        b'a:b?*<>|"',
        b"CON",
        b"trailing. ",
        b"line\nbreak",
        b"n" * 255,
        b"Case",
        b"case",
    ]
    for name in names:
        Path(os.fsdecode(os.fsencode(volume) + b"/" + name)).write_bytes(name)
    os.mkfifo(os.fsencode(volume) + b"/fifo \xff\n")
    report = testing.snapshot_folder(volume, shadow)
    assert sorted(os.listdir(os.fsencode(shadow))) == sorted(names)
    assert report.notes == ["fifo \\xff\\x0a: a FIFO is not copied"]


def test_extended_attributes(volume: Path, shadow: Path) -> None:
    file = volume / "file"
    file.touch()
    try:
        os.setxattr(file, "user.small", b"value\0with zero")
    except OSError:
        pytest.skip("the file system keeps no extended attributes")
    os.setxattr(file, "user.large", b"v" * 3000)
    os.setxattr(file, "user.empty", b"")
    os.setxattr(volume, "user.folder", b"of the volume")
    if os.geteuid() == 0:
        os.setxattr(file, "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))
    report = testing.snapshot_folder(volume, shadow)
    assert report.notes == []
    for was, now in ((file, shadow / "file"), (volume, shadow)):
        assert {n: os.getxattr(now, n) for n in os.listxattr(now)} == {
            n: os.getxattr(was, n) for n in os.listxattr(was)
        }


def acl(group_mode: int) -> bytes:
    """An access control list: user::rwx, user:1234:rwx, group::..., mask::rwx, other::---."""
    entries = [(1, 7, 0xFFFFFFFF), (2, 7, 1234), (4, group_mode, 0xFFFFFFFF), (16, 7, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def test_access_control_lists(volume: Path, shadow: Path) -> None:
    (volume / "folder").mkdir()
    (volume / "folder" / "plain").touch(mode=0o640)
    (volume / "folder" / "listed").touch()
    try:
        os.setxattr(volume / "folder", "system.posix_acl_default", acl(5))
        os.setxattr(volume / "folder" / "listed", "system.posix_acl_access", acl(1))
        # whoever makes something here gets this list: the shadow copy must not
        os.setxattr(shadow.parent, "system.posix_acl_default", acl(7))
    except OSError:
        pytest.skip("the file system keeps no access control lists")
    report = testing.snapshot_folder(volume, shadow)
    os.removexattr(shadow.parent, "system.posix_acl_default")
    assert report.notes == []
    for name in (".", "folder", "folder/plain", "folder/listed"):
        was, now = volume / name, shadow / name
        assert {n: os.getxattr(now, n) for n in os.listxattr(now)} == {
            n: os.getxattr(was, n) for n in os.listxattr(was)
        }
        assert os.stat(now).st_mode == os.stat(was).st_mode, name


def test_hard_links_stay_together(volume: Path, shadow: Path) -> None:
    (volume / "a").mkdir()
    outside = volume.parent / "outside"
    outside.write_bytes(b"shared")
    os.link(outside, volume / "one")
    os.link(outside, volume / "a" / "two")
    os.link(outside, volume / "a" / "three")
    (volume / "alone").write_bytes(b"shared")
    os.link(volume / "alone", volume.parent / "its link")
    os.utime(outside, ns=(10**18, 10**18 + 7))
    report = testing.snapshot_folder(volume, shadow)
    assert (report.files, report.bytes, report.notes) == (4, 12, [])
    group = [os.stat(shadow / name) for name in ("one", "a/two", "a/three")]
    assert {entry.st_ino for entry in group} == {group[0].st_ino}
    assert group[0].st_nlink == 3
    assert group[0].st_mtime_ns == 10**18 + 7
    assert group[0].st_ino != os.stat(outside).st_ino
    assert os.stat(shadow / "alone").st_nlink == 1
    assert testing.check_untouched(shadow, report) == []
    outside.write_bytes(b"changed")
    assert (shadow / "a" / "two").read_bytes() == b"shared"


def test_holes_stay_holes(volume: Path, shadow: Path) -> None:
    shapes = {"end": [(0, b"start")], "start": [(8 << 20, b"end")], "between": [(0, b"a"), (8 << 20, b"b")], "all": []}
    for name, pieces in shapes.items():
        with (volume / name).open("wb") as file:
            for offset, data in pieces:
                file.seek(offset)
                file.write(data)
            file.truncate(16 << 20)
    if os.stat(volume / "all").st_blocks > 0:
        pytest.skip("the file system keeps no holes")
    report = testing.snapshot_folder(volume, shadow)
    assert report.notes == []
    for name in shapes:
        assert (shadow / name).read_bytes() == (volume / name).read_bytes()
        assert os.stat(shadow / name).st_blocks <= os.stat(volume / name).st_blocks


def test_what_is_left_out_is_noted(volume: Path, shadow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(volume / "fifo")
    monkeypatch.chdir(volume)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    expected = ["fifo: a FIFO is not copied", "socket: a socket is not copied"]
    if os.geteuid() == 0:
        os.mknod("device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        expected.insert(0, "device: a device is not copied")
    report = testing.snapshot_folder(volume, shadow)
    assert (report.notes, report.files) == (expected, 0)
    assert os.listdir(shadow) == []


def test_what_cannot_be_read_is_noted(common: Path) -> None:
    volume, shadow = common / "volume", common / "shadow"
    for name in ("closed", "open"):
        (volume / name).mkdir(parents=True)
        (volume / name / "file").write_bytes(b"data")
    (volume / "open" / "secret").write_bytes(b"data")
    (volume / "open" / "secret").chmod(0)
    (volume / "closed").chmod(0)
    report = testing.snapshot_folder(volume, shadow)
    denied = "could not be read (Permission denied)"
    assert report.notes == [f"closed: {denied}", f"open/secret: {denied}"]
    assert os.listdir(shadow / "open") == ["file"]
    assert stat.S_IMODE(os.lstat(shadow / "closed").st_mode) == 0
    assert testing.check_untouched(shadow, report) == []
    testing.drop_folder(shadow)  # though the mode of a folder keeps us out
    assert os.listdir(common) == ["volume"]


def test_owners_that_cannot_be_given_are_counted(common: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can make files of other owners")
    volume = common / "volume"
    volume.mkdir()
    os.seteuid(0)
    for name in ("a", "b", "c"):
        (volume / name).write_bytes(b"data")
        (volume / name).chmod(0o4755)
    os.seteuid(NOBODY)
    report = testing.snapshot_folder(volume, common / "shadow")
    assert report.notes == [
        "a: mode not kept (set-id bits of another owner) (and 2 more)",
        "a: owner not kept (Operation not permitted) (and 2 more)",
    ]
    assert stat.S_IMODE(os.stat(common / "shadow" / "a").st_mode) == 0o755


def test_folders_that_close_their_owner_out(common: Path) -> None:
    volume, shadow = common / "volume", common / "shadow"
    (volume / "a" / "b").mkdir(parents=True)
    (volume / "a" / "b" / "file").write_bytes(b"data")
    (volume / "a" / "b").chmod(0o500)
    (volume / "a").chmod(0o500)
    volume.chmod(0o500)
    report = testing.snapshot_folder(volume, shadow)
    assert report.notes == []
    assert (shadow / "a" / "b" / "file").read_bytes() == b"data"
    for name in (".", "a", "a/b"):
        assert stat.S_IMODE(os.stat(shadow / name).st_mode) == 0o500
    for name in ("a/b", "a", "."):
        (shadow / name).chmod(0)
    testing.drop_folder(shadow)
    assert os.listdir(common) == ["volume"]


def test_nothing_is_left_where_nothing_may_be_made(common: Path) -> None:
    (common / "volume").mkdir()
    (common / "locked").mkdir(mode=0o500)
    with pytest.raises(testing.ProviderError) as caught:
        testing.snapshot_folder(common / "volume", common / "locked" / "shadow")
    assert caught.value.args[0] == E_ACCESSDENIED


def test_depth_has_no_limit(volume: Path, shadow: Path) -> None:
    depth = 600  # 6,000 bytes of path, and more pairs of folders than a process has descriptors
    folder = os.open(volume, os.O_RDONLY)
    for level in range(depth):
        name = f"level{level:04}"
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
        with open(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=folder), "wb") as file:
            file.write(b"level %d" % level)
    os.close(folder)
    folder = os.open(volume, os.O_RDONLY)
    for level in range(depth):  # once nothing more is made in them
        below = os.open(f"level{level:04}", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
        os.utime(folder, ns=(10**18, 10**18 + level))
    os.close(folder)
    report = testing.snapshot_folder(volume, shadow)
    assert (report.notes, report.files, report.folders) == ([], depth, depth)
    assert testing.check_untouched(shadow, report) == []
    folder = os.open(shadow, os.O_RDONLY)
    for level in range(depth):
        below = os.open(f"level{level:04}", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
        with open(os.open("file", os.O_RDONLY, dir_fd=folder), "rb") as file:
            assert file.read() == b"level %d" % level
        assert os.fstat(folder).st_mtime_ns == 10**18 + level
    os.close(folder)
    testing.drop_folder(shadow)
    testing.drop_folder(volume)
    assert os.listdir(volume.parent) == []


def test_dropping_a_link_leaves_what_it_leads_to(volume: Path) -> None:
    (volume / "file").write_bytes(b"data")
    os.symlink(volume, volume.parent / "link")
    testing.drop_folder(volume.parent / "link")
    assert os.listdir(volume.parent) == ["volume"]
    assert (volume / "file").read_bytes() == b"data"
