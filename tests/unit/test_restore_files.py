"""Files put in place: whole or not at all, never through a link, and never out of the target, whatever names say."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from restore_support import demo_writer, method, restore, save, volume, write

import vsspy
from vsspy import _filecopy, _restore_files, simulator
from vsspy._restore_files import Piece, Source, Target, open_below
from vsspy._safe_folders import SafeFolder, SafeRoot, check_name
from vsspy.enums import RestoreMethod, RestoreTarget
from vsspy.metadata import FileSet
from vsspy.simulator import WriterEvent

posix = pytest.mark.skipif(
    sys.platform == "win32", reason="no symbolic links can be made under Wine, and modes are POSIX's"
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Target]:
    (tmp_path / "target").mkdir()
    (tmp_path / "outside").mkdir()
    root = SafeRoot(str(tmp_path / "target"), windows_names=True)
    yield Target(root)
    root.close()


def source_of(text: bytes) -> Source:
    return Source(io.BytesIO(text))


@contextlib.contextmanager
def saved(tmp_path: Path, text: bytes, mode: int = 0o640) -> Iterator[Source]:
    """A file of a backup: ``Data/sub/f``."""
    folder = tmp_path / "backup" / "Data" / "sub"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o750)
    (folder / "f").write_bytes(text)
    (folder / "f").chmod(mode)
    os.utime(folder / "f", ns=(10**18, 10**18 + 500))
    root = SafeRoot(str(tmp_path / "backup"), windows_names=False)
    try:
        with open_below(root, ["Data", "sub", "f"]) as source:
            yield source
    finally:
        root.close()


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_a_new_file_in_new_folders(place: Target, tmp_path: Path) -> None:
    with saved(tmp_path, b"text") as source:
        place.put(["data", "SUB", "name"], source)
    place.sync()
    made = tmp_path / "target" / "data" / "SUB"
    assert tree(tmp_path / "target") == {"data": None, "data/SUB": None, "data/SUB/name": b"text"}
    assert (made / "name").stat().st_mtime_ns // 10**9 == 10**9
    if sys.platform != "win32":
        assert stat.S_IMODE(made.stat().st_mode) == 0o750
        assert stat.S_IMODE((made / "name").stat().st_mode) == 0o640
        assert (made / "name").stat().st_mtime_ns == 10**18 + 500


def test_names_are_found_in_any_letter_case(place: Target, tmp_path: Path) -> None:
    write(tmp_path / "target", Data__A_txt="old")
    place.put(["DATA", "a.TXT"], source_of(b"new"))
    place.put(["data", "b.txt"], source_of(b"b"))
    place.put(["data", "B.TXT"], source_of(b"B"))
    made = tree(tmp_path / "target")
    if sys.platform == "win32":  # where a rename gives the name as it was said
        made = {name.lower(): content for name, content in made.items()}
        assert made == {"data": None, "data/a.txt": b"new", "data/b.txt": b"B"}
    else:
        assert made == {"Data": None, "Data/A.txt": b"new", "Data/b.txt": b"B"}


def test_a_folder_is_not_replaced_by_a_file(place: Target, tmp_path: Path) -> None:
    (tmp_path / "target" / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        place.put(["a"], source_of(b""))
    assert place.why_not_replaceable(["a"]) == "a folder is there"
    assert place.exists(["a"])
    assert not place.exists(["b", "c"])
    assert place.why_not_replaceable(["b", "c"]) is None


@pytest.mark.parametrize("point", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(
    place: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    write(tmp_path / "target", a_txt="old")

    def full(*arguments: Any, **named: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    with saved(tmp_path, b"new" * 1000) as source:
        with monkeypatch.context() as patch:
            if point == "write":
                patch.setattr(_filecopy, "_write", full)
                if sys.platform != "win32":
                    patch.setattr(_filecopy, "_clone", lambda source, target: False)
                    patch.delattr(os, "copy_file_range", raising=False)
            elif point == "fsync":
                patch.setattr(os, "fsync", full)
            else:
                patch.setattr(os, "replace", full)
            with pytest.raises(OSError, match="No space") as caught:
                place.put(["a.txt"], source)
        if point != "replace":
            assert os.path.basename(str(caught.value.filename)) == "a.txt"
    assert tree(tmp_path / "target") == {"a.txt": b"old"}


def test_parts_are_written_over_a_copy(place: Target, tmp_path: Path) -> None:
    (tmp_path / "target" / "f").write_bytes(b"0123456789")
    with saved(tmp_path, b"abcdefghijkl") as source:
        place.patch(["f"], source, [Piece(0, 0, 2), Piece(10, 10, 2)], whole=True)
        assert (tmp_path / "target" / "f").read_bytes() == b"ab23456789kl"
        with pytest.raises(vsspy.RestoreError, match="ends before"):
            place.patch(["f"], source, [Piece(0, 0, 1), Piece(11, 11, 2)], whole=True)
        with pytest.raises(vsspy.RestoreError, match="negative"):
            place.patch(["f"], source, [Piece(-1, 0, 1)], whole=True)
        with pytest.raises(vsspy.RestoreError, match="restore what it builds on first"):
            place.patch(["g"], source, [Piece(0, 0, 1)], whole=True)
        place.patch(["g"], source, [Piece(3, 1, 2)], whole=False)
    assert tree(tmp_path / "target") == {"f": b"ab23456789kl", "g": b"\0de"}


def test_a_shorter_file_of_parts(place: Target, tmp_path: Path) -> None:
    (tmp_path / "target" / "f").write_bytes(b"0123456789")
    with saved(tmp_path, b"abcd") as source:
        place.patch(["f"], source, [Piece(0, 0, 1)], whole=True)
    assert (tmp_path / "target" / "f").read_bytes() == b"a123"


# Names

BAD = [
    "", ".", "..", "a/b", "a\\b", "a:b", "a::$DATA", "C:", "CON", "con.txt", "NUL", "nul .txt", "COM1", "lpt9.log", "AUX:",
    "CONIN$", "a\0b", "a\nb", "a*b", "a?b", "a|b", 'a"b', "a<b", "COM\u00b9",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_name(place: Target, tmp_path: Path, name: str) -> None:
    for elements in ([name], ["a", name], [name, "a"]):
        with pytest.raises(vsspy.UnsafePathError):
            place.put(elements, source_of(b"x"))
        with pytest.raises(vsspy.UnsafePathError):
            place.why_not_replaceable(elements)
    assert tree(tmp_path) == {"outside": None, "target": None}


@pytest.mark.parametrize("name", ["a.b", "console", "COM0x", "com10", ".hidden", "a b", "nulls.txt", "auxiliary", "ü"])
def test_what_is_one(name: str) -> None:
    check_name(name, windows=True)


def test_the_root_itself_is_no_file(place: Target) -> None:
    with pytest.raises(vsspy.UnsafePathError):
        place.put([], source_of(b""))


# Links


@posix
@pytest.mark.parametrize("where", ["file", "folder", "above"])
def test_links_on_the_way(place: Target, tmp_path: Path, where: str) -> None:
    outside = tmp_path / "outside"
    (outside / "b").mkdir()
    (outside / "b" / "f").write_text("theirs")
    target = tmp_path / "target"
    if where == "file":
        (target / "a" / "b").mkdir(parents=True)
        (target / "a" / "b" / "f").symlink_to(outside / "b" / "f")
        place.put(["a", "b", "f"], source_of(b"mine"))  # the link itself is replaced
        assert (target / "a" / "b" / "f").read_bytes() == b"mine"
        assert not (target / "a" / "b" / "f").is_symlink()
    else:
        if where == "folder":
            (target / "a").mkdir()
            (target / "a" / "b").symlink_to(outside / "b")
        else:
            (target / "a").symlink_to(outside)
        with pytest.raises(vsspy.UnsafePathError, match="is a link"):
            place.put(["a", "b", "f"], source_of(b"mine"))
        for look in (place.exists, place.why_not_replaceable):
            with pytest.raises(vsspy.UnsafePathError):
                look(["a", "b", "f"])
    assert (outside / "b" / "f").read_text() == "theirs"
    assert sorted(os.listdir(outside / "b")) == ["f"]


@posix
def test_parts_are_not_written_through_a_link(place: Target, tmp_path: Path) -> None:
    (tmp_path / "outside" / "f").write_bytes(b"theirs")
    (tmp_path / "target" / "f").symlink_to(tmp_path / "outside" / "f")
    with saved(tmp_path, b"abcdef") as source, pytest.raises(vsspy.RestoreError):
        place.patch(["f"], source, [Piece(0, 0, 2)], whole=True)
    assert (tmp_path / "outside" / "f").read_bytes() == b"theirs"


@posix
@pytest.mark.parametrize("moment", ["child", "status", "spelling", "mkdir"])
def test_links_planted_between_check_and_use(
    place: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Another process turns a folder into a link at some moment: what is written stays in the folder that was opened."""
    target, outside = tmp_path / "target", tmp_path / "outside"
    (target / "a").mkdir()
    planted: list[bool] = []

    def plant() -> None:
        if not planted and (target / "a").is_dir():
            planted.append(True)
            (target / "a").rename(target / "moved")
            (target / "a").symlink_to(outside)

    real: dict[str, Callable[..., Any]] = {name: getattr(SafeFolder, name) for name in ("child", "status", "mkdir")}

    def first(self: SafeFolder, *arguments: Any, **named: Any) -> Any:
        if moment == "child" and arguments[0] == "a":
            plant()
        result = real[moment](self, *arguments, **named)
        if moment != "child":
            plant()
        return result

    if moment == "spelling":
        plain = SafeRoot.spelling

        def spelling(self: SafeRoot, folder: SafeFolder, name: str) -> str:
            found = plain(self, folder, name)
            plant()
            return found

        monkeypatch.setattr(SafeRoot, "spelling", spelling)
    else:
        monkeypatch.setattr(SafeFolder, moment, first)
    with contextlib.suppress(vsspy.UnsafePathError):
        place.put(["a", "b", "f"], source_of(b"mine"))
    assert planted
    assert os.listdir(outside) == []


@posix
def test_links_are_restored_as_links(place: Target, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "l").symlink_to("/etc/passwd")
    (tmp_path / "outside" / "kept").write_text("kept")
    (tmp_path / "target" / "l").symlink_to(tmp_path / "outside")
    root = SafeRoot(str(tmp_path / "backup"), windows_names=False)
    with open_below(root, ["l"]) as source:
        place.put(["l"], source)
    root.close()
    assert os.readlink(tmp_path / "target" / "l") == "/etc/passwd"
    with pytest.raises(vsspy.UnsafePathError):
        place.put(["l", "x"], source_of(b""))


@posix
def test_a_backup_s_links_are_not_read_through(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "f").write_text("secret")
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "a").symlink_to(tmp_path / "outside")
    os.mkfifo(tmp_path / "backup" / "pipe")
    root = SafeRoot(str(tmp_path / "backup"), windows_names=False)
    with pytest.raises(vsspy.UnsafePathError), open_below(root, ["a", "f"]):
        pass
    with pytest.raises(vsspy.RestoreError, match="is no file"), open_below(root, ["pipe"]):
        pass
    root.close()


# Documents that lie

OUT = [
    "C:\\..\\outside", "C:\\Data\\..\\..\\outside", "\\\\?\\..\\outside", "\\\\server\\share", "outside", "C:outside", "C:\\a:b",
    "C:\\Data\\NUL", "C:\\Data\\x::$DATA", "\\outside", "Z:\\x", "C:/../outside", "%ProgramData%\\..\\..\\outside", "C:\\a*b",
]  # fmt: skip


@pytest.mark.parametrize("way", ["mapping", "directed", "redirect"])
def test_places_that_lead_elsewhere(tmp_path: Path, way: str) -> None:
    """By a stored document, by a running writer, and by the caller: nothing is written, and the writer hears of the end."""
    root = volume(tmp_path)
    write(root, Data__a_txt="a")
    (tmp_path / "outside").mkdir()
    place = "C:\\Mapped"

    def pre_restore(event: WriterEvent) -> None:
        if way == "directed":
            event.components[0].set_restore_target(RestoreTarget.DIRECTED)
            event.components[0].add_directed_target("C:\\Data", "a.txt", "", place, "b.txt", "")

    info = method(
        RestoreMethod.RESTORE_TO_ALTERNATE_LOCATION if way == "mapping" else RestoreMethod.RESTORE_IF_CAN_REPLACE,
        FileSet("C:\\Data", "*", recursive=True, alternate_path=place),
    )
    schema = vsspy.BackupSchema.WRITER_SUPPORTS_NEW_TARGET
    writer = demo_writer(restore_method=info, backup_schema=schema, on_pre_restore=pre_restore)
    with simulator.running(volumes={"C:\\": root}, writers=[writer]):
        out = save(tmp_path / "out")
        document = out / "vsspy" / "writers" / "0.xml"
        text = document.read_text(encoding="utf-8")
        assert "C:\\Mapped" in text
        before = tree(root)
        for place in OUT:
            document.write_text(text.replace("C:\\Mapped", place), encoding="utf-8")
            if way == "redirect":
                _redirect(out, place)
            else:
                (component,) = restore(out).components
                assert component.state == "none", (place, component)
            assert tree(root) == before, place
        place = "C:\\Mapped"
        document.write_text(text, encoding="utf-8")
        assert restore(out).good  # it is the place that was refused
    assert os.listdir(tmp_path / "outside") == []


def _redirect(out: Path, place: str) -> None:
    with vsspy.BackupFolder(out) as folder, vsspy.RestoreSession(folder.document, folder.writers) as session:
        try:
            session.redirect("Demo Writer", to=place)
        except vsspy.FileSetError:
            return
        session.prepare()
        session.restore_files(folder, onerror=lambda error: None)
    assert session.result.components[0].state == "none", place


_elements = st.lists(st.sampled_from(["a", "b", "..", ".", "c:d", "NUL", "A", "", "x y", "e\\f"]), max_size=4)


@settings(max_examples=60, deadline=None)
@given(_elements)
def test_nothing_ever_leaves_the_target(elements: Sequence[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "target").mkdir()
        root = SafeRoot(str(folder / "target"), windows_names=True)
        try:
            with contextlib.suppress(vsspy.UnsafePathError, OSError):
                Target(root).put(elements, source_of(b"x"))
        finally:
            root.close()
        assert sorted(os.listdir(folder)) == ["target"]
        assert all(not path.name.startswith(_restore_files.TEMPORARY) for path in folder.rglob("*"))
