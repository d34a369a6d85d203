"""Copying: contents, metadata, links, holes, what is left out and what fails."""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vsspy import _filecopy as filecopy
from vsspy._roots import Root, shown
from vsspy.cli import copying
from vsspy.cli.copy_result import CopyResult, Progress
from vsspy.cli.copying import Copier, TargetError

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has none of these")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Root]:
    (tmp_path / "target").mkdir()
    with Root(str(tmp_path / "target")) as root:
        yield root


def copy(
    source: Path, target: Root, on_progress: Callable[[Progress], None] | None = None, threads: int = 3
) -> CopyResult:
    with Root(str(source)) as root:
        copier = Copier(target, threads=threads, on_progress=on_progress)
        copier.add(root, "", os.sep.join(("made", "copy")), str(source))
        return copier.run()


def copied(target: Root) -> Path:
    return Path(target.path) / "made" / "copy"


def test_contents_and_times_are_those_of_the_source(source: Path, target: Root) -> None:
    (source / "a" / "b").mkdir(parents=True)
    (source / "empty").mkdir()
    (source / "a" / "b" / "big").write_bytes(os.urandom(9 << 20))
    (source / "a" / "nothing").touch()
    for number in range(300):
        (source / "a" / f"{number}.txt").write_text(str(number))
    for folder in (source / "a" / "b", source / "a", source):
        os.utime(folder, ns=(1_000_000_000_000_000_000, 1_111_111_111_123_456_700))
    seen: list[Progress] = []
    result = copy(source, target, seen.append)
    assert (result.files, result.folders, result.bytes) == (302, 4, (9 << 20) + sum(len(str(n)) for n in range(300)))
    assert not result.failed and not result.left_out
    for path in source.rglob("*"):
        twin = copied(target) / path.relative_to(source)
        assert twin.stat().st_mtime_ns == path.stat().st_mtime_ns, path
        if path.is_file():
            assert twin.read_bytes() == path.read_bytes(), path
    assert copied(target).stat().st_mtime_ns == 1_111_111_111_123_456_700
    last = seen[-1]
    assert (last.files, last.total_files, last.counted) == (302, 302, True)
    assert last.bytes == last.total_bytes == result.bytes
    assert [step.bytes for step in seen] == sorted(step.bytes for step in seen)


@posix
def test_modes_owners_and_nanoseconds_are_kept(source: Path, target: Root) -> None:
    if sys.platform == "win32":
        return
    owner = (12345, 54321) if os.getuid() == 0 else (os.getuid(), os.getgid())
    (source / "set-id").write_text("x")
    os.chown(source / "set-id", *owner)
    os.chmod(source / "set-id", 0o4751)
    (source / "locked").mkdir()
    (source / "locked" / "file").write_text("y")
    os.chmod(source / "locked" / "file", 0o400)
    os.symlink("nowhere", source / "link")
    os.chown(source / "link", *owner, follow_symlinks=False)
    os.utime(source / "link", ns=(5, 7_000_000_001), follow_symlinks=False)
    os.chmod(source / "locked", 0o555)
    result = copy(source, target)
    assert not result.not_kept and not result.failed
    for name in ("set-id", "locked", "locked/file", "link"):
        mine, theirs = os.lstat(source / name), os.lstat(copied(target) / name)
        assert (mine.st_mode, mine.st_uid, mine.st_gid, mine.st_mtime_ns) == (
            theirs.st_mode,
            theirs.st_uid,
            theirs.st_gid,
            theirs.st_mtime_ns,
        ), name
    assert os.readlink(copied(target) / "link") == "nowhere"
    assert result.links == 1
    os.chmod(source / "locked", 0o755)
    os.chmod(copied(target) / "locked", 0o755)


@posix
def test_extended_attributes_are_kept(source: Path, target: Root) -> None:
    if sys.platform != "linux":
        pytest.skip("Python has no extended attributes here")
    (source / "file").write_text("x")
    (source / "folder").mkdir()
    try:
        os.setxattr(source / "file", "user.colour", b"\x00blue")
        os.setxattr(source / "folder", "user.colour", b"red")
    except OSError as error:
        pytest.skip(f"no extended attributes on this file system: {error}")
    result = copy(source, target)
    assert not result.not_kept
    assert os.getxattr(copied(target) / "file", "user.colour") == b"\x00blue"
    assert os.getxattr(copied(target) / "folder", "user.colour") == b"red"


@posix
def test_what_the_target_refuses_is_listed(source: Path, target: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("Python has no extended attributes here")
    (source / "file").write_text("x")
    os.chmod(source / "file", 0o4755)

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EPERM, "no")

    monkeypatch.setattr(os, "listxattr", lambda *args, **kwargs: ["user.colour"])
    monkeypatch.setattr(os, "getxattr", lambda *args, **kwargs: b"blue")
    monkeypatch.setattr(os, "setxattr", refuse)
    monkeypatch.setattr(os, "chown", refuse)
    real = os.fstat
    monkeypatch.setattr(os, "fstat", lambda fd: _other_owner(real(fd)))
    result = copy(source, target)
    monkeypatch.undo()
    lost = {lost.what for lost in result.not_kept if lost.path == str(source / "file")}
    assert {"extended attribute user.colour", "set-user-id and set-group-id"} < lost
    assert any(what.startswith("owner ") for what in lost)
    assert stat.S_IMODE((copied(target) / "file").stat().st_mode) == 0o755
    assert result.files == 1 and not result.failed


def _other_owner(st: os.stat_result) -> os.stat_result:
    values = list(st)
    values[4] += 1
    # Whatever os.stat_result does not take positionally is given by name, times in nanoseconds among them.
    names = ("st_atime_ns", "st_mtime_ns", "st_ctime_ns", "st_blocks", "st_blksize", "st_rdev")
    return os.stat_result(values, {name: getattr(st, name) for name in names})


@posix
def test_holes_stay_holes(source: Path, target: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform == "win32":
        return
    with open(source / "sparse", "wb") as stream:
        stream.seek(32 << 20)
        stream.write(b"middle")
        stream.truncate(64 << 20)
    with open(source / "hole", "wb") as stream:
        stream.truncate(1 << 20)
    if (source / "sparse").stat().st_blocks * 512 > 32 << 20:
        pytest.skip("no holes on this file system")
    monkeypatch.setattr(filecopy, "_clone", lambda source, target: False)
    result = copy(source, target)
    assert not result.failed and not result.not_kept
    for name in ("sparse", "hole"):
        assert (copied(target) / name).read_bytes() == (source / name).read_bytes()
        assert (copied(target) / name).stat().st_blocks <= (source / name).stat().st_blocks + 8


@posix
@pytest.mark.parametrize("code", [errno.EXDEV, errno.ENOSYS, errno.EINVAL])
def test_without_the_kernel_copy_it_reads_and_writes(
    source: Path, target: Root, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    (source / "file").write_bytes(os.urandom(3_000_001))

    def refuse(*args: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(filecopy, "_clone", lambda source, target: False)
    monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)
    result = copy(source, target)
    assert not result.failed
    assert (copied(target) / "file").read_bytes() == (source / "file").read_bytes()


def test_hard_links_are_one_file(source: Path, target: Root) -> None:
    (source / "one").write_text("content")
    (source / "sub").mkdir()
    os.link(source / "one", source / "sub" / "two")
    os.link(source / "one", source / "three")
    result = copy(source, target)
    assert (result.files, result.hard_links, result.bytes) == (1, 2, 7)
    stats = [os.stat(copied(target) / name) for name in ("one", "sub/two", "three")]
    assert len({st.st_ino for st in stats}) == 1 and stats[0].st_nlink == 3


def test_where_hard_links_are_refused_the_contents_are_copied_and_that_is_listed(
    source: Path, target: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "one").write_text("content")
    os.link(source / "one", source / "two")

    def refuse(self: Root, first: str, name: str) -> None:
        raise OSError(errno.EPERM, "no hard links")

    monkeypatch.setattr(Root, "link", refuse)
    result = copy(source, target)
    assert (copied(target) / "two").read_text() == "content"
    assert [(lost.path, lost.reason) for lost in result.not_kept] == [(str(source / "two"), "no hard links")]


@posix
def test_what_is_no_file_is_left_out_by_name(source: Path, target: Root) -> None:
    if sys.platform == "win32":
        return
    os.mkfifo(source / "pipe")
    server = socket.socket(socket.AF_UNIX)
    try:
        here = os.getcwd()
        os.chdir(source)  # the address of a socket is short
        server.bind("sock")
        os.chdir(here)
        result = copy(source, target)
    finally:
        server.close()
    assert {(trouble.path, trouble.reason) for trouble in result.left_out} == {
        (str(source / "pipe"), "a FIFO"),
        (str(source / "sock"), "a socket"),
    }
    assert not result.failed and os.listdir(copied(target)) == []


@posix
def test_links_are_never_followed(source: Path, target: Root, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_text("not yours")
    os.symlink(tmp_path / "secret", source / "folder-link")
    os.symlink(tmp_path / "secret" / "file", source / "file-link")
    result = copy(source, target)
    assert result.files == 0 and result.links == 2
    assert (copied(target) / "folder-link").is_symlink()


@posix
def test_names_that_are_not_utf8_survive(source: Path, target: Root) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    (source / name).write_text("x")
    (source / "line\nbreak").write_text("y")
    result = copy(source, target)
    assert sorted(os.listdir(os.fsencode(copied(target)))) == [b"caf\xe9.txt", b"line\nbreak"]
    assert not result.failed
    assert shown(name) == "caf\\xe9.txt"
    assert shown("a\ud800b") == "a\\ud800b"


@posix
def test_a_file_that_cannot_be_read_is_listed_and_not_made(
    source: Path, target: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("good", "bad", "worse"):
        (source / name).write_bytes(b"x" * 3_000_000)
    os.link(source / "bad", source / "bad-too")
    real = os.pread
    broken = os.stat(source / "bad").st_ino

    def read(descriptor: int, count: int, offset: int) -> bytes:
        if os.fstat(descriptor).st_ino == broken and offset >= 1 << 20:
            raise OSError(errno.EIO, "Input/output error")
        return real(descriptor, count, offset)

    def refuse(*args: object) -> int:
        raise OSError(errno.EXDEV, "x")

    monkeypatch.setattr(filecopy, "_clone", lambda source, target: False)
    monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)
    monkeypatch.setattr(os, "pread", read)
    result = copy(source, target)
    assert [trouble.path for trouble in result.failed] == [str(source / "bad"), str(source / "bad-too")]
    assert result.failed[0].reason == "Input/output error"
    assert sorted(os.listdir(copied(target))) == ["good", "worse"]
    assert result.files == 2


@posix
def test_a_file_that_shrinks_while_it_is_read_is_not_called_good(
    source: Path, target: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "file").write_bytes(b"x" * 100)
    real = filecopy.copy_contents

    def shrink(descriptor: int, other: int, size: int, moved: Callable[[int], None]) -> bool:
        os.truncate(source / "file", 50)
        return real(descriptor, other, size, moved)

    monkeypatch.setattr(copying, "copy_contents", shrink)
    monkeypatch.setattr(filecopy, "_clone", lambda source, target: False)
    result = copy(source, target)
    assert [trouble.path for trouble in result.failed] == [str(source / "file")]
    assert os.listdir(copied(target)) == []


@posix
def test_an_unreadable_folder_is_listed(source: Path, target: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    (source / "closed").mkdir()
    (source / "file").write_text("x")
    real = Root.listing

    def listing(self: Root, name: str) -> list[str]:
        if name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(self, name)

    monkeypatch.setattr(Root, "listing", listing)
    result = copy(source, target)
    assert [(trouble.path, trouble.reason) for trouble in result.failed] == [
        (str(source / "closed"), "Permission denied")
    ]
    assert os.listdir(copied(target)) == ["file"]


@posix
@pytest.mark.parametrize("where", ["write", "open", "mkdir"])
def test_a_full_target_ends_the_copy(source: Path, target: Root, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    (source / "folder").mkdir()
    for number in range(50):
        (source / "folder" / str(number)).write_bytes(b"x" * 10_000)

    def full(*args: object, **kwargs: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(filecopy, "_clone", lambda source, target: False)
    if where == "write":
        monkeypatch.setattr(os, "copy_file_range", full, raising=False)
        monkeypatch.setattr(os, "pwrite", full)
    elif where == "mkdir":
        monkeypatch.setattr(Root, "mkdir", full)
    else:
        real = Root.open

        def open_or_full(self: Root, name: str, flags: int, mode: int = 0o600) -> int:
            return full() if flags & os.O_CREAT else real(self, name, flags, mode)

        monkeypatch.setattr(Root, "open", open_or_full)
    with pytest.raises(TargetError) as caught:
        copy(source, target)
    assert caught.value.cause.errno == errno.ENOSPC
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vsspy-copy")]


@posix
def test_a_limit_on_one_files_size_fails_that_file_only(source: Path, target: Root) -> None:
    if sys.platform == "win32":
        return
    import resource

    (source / "small").write_bytes(b"x" * 1000)
    (source / "large").write_bytes(b"x" * 3_000_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        result = copy(source, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [trouble.path for trouble in result.failed] == [str(source / "large")]
    assert os.listdir(copied(target)) == ["small"]


def test_an_interrupt_ends_the_threads(source: Path, target: Root) -> None:
    for number in range(300):
        (source / str(number)).write_bytes(b"x" * 100)

    class Walk(Exception):
        pass

    with Root(str(source)) as root:
        copier = Copier(target, threads=2)
        copier.add(root, "", "one", str(source))
        real = Root.lstat
        count = 0

        def interrupted(self: Root, name: str) -> os.stat_result:
            nonlocal count
            count += 1
            if count == 200:
                raise Walk
            return real(self, name)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Root, "lstat", interrupted)
            with pytest.raises(Walk):
                copier.run()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vsspy-copy")]


@posix
def test_a_name_too_long_for_the_target_fails_alone(source: Path, target: Root) -> None:
    deep = source
    for _ in range(15):
        deep = deep / ("d" * 200)
        deep.mkdir()
    (deep / "file").write_text("deep")
    result = copy(source, target)
    assert not result.failed, "a source path that the system can name can be copied whatever stands above the target"
    assert result.files == 1


def test_several_trees_and_single_files(source: Path, target: Root) -> None:
    (source / "a").mkdir()
    (source / "a" / "one").write_text("1")
    (source / "b").write_text("2")
    os.link(source / "b", source / "a" / "b-too")
    with Root(str(source)) as root:
        copier = Copier(target)
        copier.add(root, "a", os.sep.join(("x", "a")), "/x/a")
        copier.add(root, "b", os.sep.join(("x", "y", "b")), "/x/y/b")
        copier.add(root, "missing", "missing", "/missing")
        result = copier.run()
    made = Path(target.path)
    assert (made / "x" / "a" / "one").read_text() == "1"
    assert os.path.samefile(made / "x" / "y" / "b", made / "x" / "a" / "b-too"), (
        "hard links reach across the PATHs of a volume"
    )
    assert [trouble.path for trouble in result.failed] == ["/missing"]
