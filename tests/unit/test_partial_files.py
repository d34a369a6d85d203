"""Partial and differenced files: what a writer names for one backup comes before its file sets (semantics 10)."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import vsspy
from vsspy import Range, simulator
from vsspy.enums import BackupSchema, BackupType, FileSpecBackupType
from vsspy.errors import BadStateError, FileSetError, RangesError
from vsspy.filesets import BackupFile
from vsspy.metadata import FileSet
from vsspy.simulator import Component, Writer, WriterEventComponent

SIZE = 1000
NEVER = FileSpecBackupType(0x101)  # a mask for full backups alone
BASE = datetime(2026, 3, 1, tzinfo=UTC)

Name = Callable[[WriterEventComponent], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that plays ``C:\\``."""
    folder = tmp_path / "c"
    for name in ("Data/big.db", "Data/small.db", "Data/sub/deep.db", "Data/skip.tmp", "Else/far.db"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(range(250)) * (SIZE // 250))
    return folder


def touch(path: Path, days: float) -> None:
    """Last written *days* after the earlier backup."""
    time = int((BASE + timedelta(days=days)).timestamp() * 10**9)
    os.utime(path, ns=(time, time))


def back_up(
    root: Path,
    name: Name,
    *,
    kind: BackupType = BackupType.INCREMENTAL,
    sets: tuple[FileSet, ...] = (FileSet("C:\\Data", "*", True, backup_type=NEVER),),
    partial_files: bool = True,
    onerror: Callable[[OSError], object] | None = None,
    **options: Any,
) -> tuple[dict[str, BackupFile], dict[str, bytes], vsspy.BackupSession]:
    """A backup of a writer that names files in PostSnapshot: its files and what is to be saved of each, by path."""

    def after(event: simulator.WriterEvent) -> None:
        for component in event.components:
            name(component)

    writer = Writer(
        "Namer",
        components=[Component("Data", selectable=True, files=list(sets))],
        exclude_files=[FileSet("C:\\Data", "*.tmp", True)],
        backup_schema=BackupSchema(0x5B),
        on_post_snapshot=after,
    )
    with (
        simulator.running(volumes={"C:\\": root}, writers=[writer], state=root.parent / "state"),
        vsspy.BackupSession("C:\\", backup_type=kind, partial_files=partial_files, **options) as backup,
    ):
        backup.snapshot()
        (component,) = backup.components
        listed = list(component.files(onerror))
        files = {file.path: file for file in listed}
        assert len(files) == len(listed), "each once"
        saved = {path: b"".join(data for _, data in file.chunks()) for path, file in files.items()}
        component.mark_succeeded()
    return files, saved, backup


def partial(path: str, filename: str, ranges: str) -> Name:
    return lambda component: component.add_partial_file(path, filename, ranges)


def differenced(path: str, filespec: str, recursive: bool = False, time: datetime | None = None) -> Name:
    return lambda component: component.add_differenced_files_by_last_modify_time(path, filespec, recursive, time)


def both(*names: Name) -> Name:
    def call(component: WriterEventComponent) -> None:
        for each in names:
            each(component)

    return call


# -- partial files -----------------------------------------------------------------------------------------------------


def test_only_the_parts_of_a_partial_file(root: Path) -> None:
    files, saved, backup = back_up(root, partial("C:\\Data", "big.db", "10:5, 0x20:0x10"))
    assert {path: file.ranges for path, file in files.items()} == {"C:\\Data\\big.db": (Range(10, 5), Range(32, 16))}
    assert saved == {"C:\\Data\\big.db": bytes([*range(10, 15), *range(32, 48)])}
    assert files["C:\\Data\\big.db"].size == SIZE
    assert backup.result.good and backup.result.notes == []


def test_a_partial_file_comes_before_the_masks(root: Path) -> None:
    sets = (FileSet("C:\\Data", "*.db"),)
    files, _, _ = back_up(root, partial("c:\\data\\", "BIG.DB", "0:1"), sets=sets)
    assert {path: file.ranges for path, file in files.items()} == {
        "C:\\Data\\big.db": (Range(0, 1),),
        "C:\\Data\\small.db": None,
    }


def test_a_partial_file_may_lie_outside_all_file_sets(root: Path) -> None:
    files, _, _ = back_up(root, partial("C:\\Else", "far.db", "0:1"))
    assert list(files) == ["C:\\Else\\far.db"]


def test_a_full_backup_may_have_partial_files(root: Path) -> None:
    files, _, _ = back_up(root, partial("C:\\Data", "big.db", "0:1"), kind=BackupType.FULL)
    assert [(path, file.ranges) for path, file in files.items()] == [
        ("C:\\Data\\big.db", (Range(0, 1),)),
        ("C:\\Data\\small.db", None),
        ("C:\\Data\\sub\\deep.db", None),
    ]


def test_entries_for_one_file_are_taken_together(root: Path) -> None:
    name = both(partial("C:\\Data", "big.db", "0:10, 50:10"), partial("C:\\Data", "big.db", "5:10, 100:1"))
    files, _, _ = back_up(root, name)
    assert files["C:\\Data\\big.db"].ranges == (Range(0, 15), Range(50, 10), Range(100, 1))


def test_the_writers_exclude_list_wins(root: Path) -> None:
    files, _, backup = back_up(root, partial("C:\\Data", "skip.tmp", "0:1"))
    assert files == {} and backup.result.good
    left_out = {item.name: item.reason for item in backup.result.left_out}
    assert left_out["C:\\Data\\skip.tmp"] == "excluded by its writer"
    assert "C:\\Data\\*" in left_out, "the file set, which is not for backups of this type"


@pytest.mark.parametrize(
    ("path", "filename", "ranges", "words"),
    [
        ("C:\\Data", "big.db", "0:1001", r"C:\\Data\\big.db: the range 0:1001 ends behind the file's end, at 1000"),
        ("C:\\Data", "big.db", "5:1, 0:1", "before the one ahead"),
        ("C:\\Data", "*.db", "0:1", "names several files"),
        ("C:\\Data", "big.db", "C:\\Data\\none.rng", "there is no ranges file"),
        ("C:\\Data", "big.db", "nonsense", "there is no ranges file 'nonsense'"),
        ("C:\\Data", "big.db", "C:\\Data\\*", "there is no ranges file"),
        ("C:\\Data", "big.db", "C:\\", "there is no ranges file"),
        ("C:\\Data", "big.db", "Q:\\ranges", "there is no ranges file"),
    ],
)
def test_parts_that_a_file_cannot_have(root: Path, path: str, filename: str, ranges: str, words: str) -> None:
    with pytest.raises(RangesError, match=words):
        back_up(root, partial(path, filename, ranges))


def test_with_onerror_it_is_saved_whole_and_fails(root: Path) -> None:
    met: list[OSError] = []
    name = both(
        partial("C:\\Data", "big.db", "0:2000"),
        partial("C:\\Data", "small.db", "5:1, 0:1"),
        partial("Q:\\Data", "far.db", "0:1"),
    )
    _, saved, backup = back_up(root, name, onerror=met.append)
    assert {path: len(content) for path, content in saved.items()} == {
        "C:\\Data\\big.db": SIZE,
        "C:\\Data\\small.db": SIZE,
    }
    assert [error.filename for error in met] == ["C:\\Data\\small.db", "Q:\\Data\\far.db", "C:\\Data\\big.db"]
    (component,) = backup.result.components
    assert component.state == "failed" and "before the one ahead" in (component.reason or "")


@pytest.mark.parametrize(
    "name", [partial("Q:\\Data", "a.db", "0:1"), differenced("Q:\\Data", "*")], ids=["partial", "differenced"]
)
def test_files_on_a_volume_without_a_shadow_copy(root: Path, name: Name) -> None:
    with pytest.raises(FileSetError, match="Q:"):
        back_up(root, name)


def test_a_partial_file_that_is_not_there(root: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone.db"):
        back_up(root, partial("C:\\Data", "gone.db", "0:1"))
    met: list[str | None] = []
    files, _, backup = back_up(
        root,
        both(partial("C:\\Data", "gone.db", "0:1"), partial("C:\\Data", "big.db", "0:1")),
        onerror=lambda error: met.append(error.filename),
    )
    assert list(files) == ["C:\\Data\\big.db"] and met == ["C:\\Data\\gone.db"]
    (component,) = backup.result.components
    assert component.state == "failed" and "gone.db" in (component.reason or "")


def test_parts_that_nobody_asked_for_are_not_named(root: Path) -> None:
    """The simulator, as the service, ignores AddPartialFile then (reference page)."""
    files, _, _ = back_up(root, partial("C:\\Data", "big.db", "0:1"), partial_files=False, kind=BackupType.FULL)
    assert files["C:\\Data\\big.db"].ranges is None


# -- ranges files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["live", "shadow"])
def test_a_ranges_file_is_read_and_saved(root: Path, where: str) -> None:
    content = struct.pack("<qqqqq", 2, 10, 5, 32, 16)
    path = root / "Data" / "parts.rng"

    def name(component: WriterEventComponent) -> None:
        if where == "live":
            path.write_bytes(content)  # after the shadow copy was made, over what an earlier backup left
        else:
            path.unlink()
        component.add_partial_file("C:\\Data", "big.db", "C:\\DATA\\parts.rng")

    path.write_bytes(struct.pack("<qqq", 1, 0, 1) if where == "live" else content)
    sets = (FileSet("C:\\Data", "parts.*"),)  # which has it as well
    files, saved, backup = back_up(root, name, sets=sets)
    assert files["C:\\Data\\big.db"].ranges == (Range(10, 5), Range(32, 16))
    assert saved["C:\\Data\\parts.rng"] == content
    assert files["C:\\Data\\parts.rng"].is_live is (where == "live")
    assert [item.name for item in backup.result.read_live] == ["C:\\Data\\parts.rng"] * (where == "live")
    assert backup.result.good


@pytest.mark.parametrize("content", [b"", struct.pack("<q", 2**40), struct.pack("<qqq", 1, 0, SIZE + 1)])
def test_a_damaged_ranges_file(root: Path, content: bytes) -> None:
    (root / "Data" / "parts.rng").write_bytes(content)
    with pytest.raises(RangesError, match="big.db"):
        back_up(root, partial("C:\\Data", "big.db", "C:\\Data\\parts.rng"))


# -- differenced files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [BackupType.INCREMENTAL, BackupType.DIFFERENTIAL])
def test_without_a_time_the_files_own_decides(root: Path, kind: BackupType) -> None:
    touch(root / "Data" / "big.db", -1)
    touch(root / "Data" / "small.db", 0)
    touch(root / "Data" / "sub" / "deep.db", 1)
    name = differenced("C:\\Data", "*", recursive=True)
    files, _, backup = back_up(root, name, kind=kind, previous_time=BASE)
    assert list(files) == ["C:\\Data\\small.db", "C:\\Data\\sub\\deep.db"]
    assert backup.result.good
    files, _, _ = back_up(root, name, kind=kind)
    assert len(files) == 3, "nothing to compare with"


@pytest.mark.parametrize("earlier", ["failed", "left out"])
def test_nothing_is_compared_with_a_backup_that_has_not_saved_the_component(root: Path, earlier: str) -> None:
    """What changed before it would be in no backup of the chain."""
    touch(root / "Data" / "big.db", -1)
    name = differenced("C:\\Data", "*.db")
    _, _, before = back_up(root, name)
    assert before.document is not None
    files, _, _ = back_up(root, name, previous=before.document, previous_time=BASE)
    assert "C:\\Data\\big.db" not in files
    document = before.document.replace('backupSucceeded="yes"', 'backupSucceeded="no"')
    if earlier == "left out":
        document = before.document.replace('componentName="Data"', 'componentName="Other"')
    assert document != before.document
    files, _, _ = back_up(root, name, previous=document, previous_time=BASE)
    assert "C:\\Data\\big.db" in files


@pytest.mark.parametrize(("days", "saved"), [(-1, False), (0, True), (1, True)])
def test_the_writers_time_comes_before_the_files(root: Path, days: int, saved: bool) -> None:
    touch(root / "Data" / "big.db", -days)
    name = differenced("C:\\Data", "big.db", time=BASE + timedelta(days=days))
    files, _, _ = back_up(root, name, previous_time=BASE)
    assert list(files) == ["C:\\Data\\big.db"] * saved
    files, _, _ = back_up(root, name)
    assert list(files) == ["C:\\Data\\big.db"]


def test_differenced_files_may_lie_outside_all_file_sets(root: Path) -> None:
    files, _, _ = back_up(root, differenced("C:\\Else", "*.db"))
    assert list(files) == ["C:\\Else\\far.db"]


def test_a_mask_that_requires_the_file_does_so_even_if_it_did_not_change(root: Path) -> None:
    touch(root / "Data" / "big.db", -1)
    sets = (FileSet("C:\\Data", "big.db"),)
    files, _, _ = back_up(root, differenced("C:\\Data", "*.db"), sets=sets, previous_time=datetime.now(UTC))
    assert list(files) == ["C:\\Data\\big.db"]


@pytest.mark.parametrize("days", [-1, 1])
def test_a_file_that_is_both_is_saved_whole_and_noted(root: Path, days: int) -> None:
    name = both(
        partial("C:\\Data", "big.db", "0:1"), differenced("C:\\Data", "big.db", time=BASE + timedelta(days=days))
    )
    files, _, backup = back_up(root, name, previous_time=BASE)
    assert [(path, file.ranges) for path, file in files.items()] == [("C:\\Data\\big.db", None)]
    assert backup.result.notes == [
        "Namer: C:\\Data\\big.db is both a differenced and a partial file, so it is saved whole"
    ]


# -- several components ------------------------------------------------------------------------------------------------


def test_each_file_of_a_session_once_as_its_components_want_it(root: Path) -> None:
    def after(event: simulator.WriterEvent) -> None:
        for component in event.components:
            component.add_partial_file("C:\\Data", "big.db", "0:10" if component.name == "One" else "5:10")
            if component.name == "One":
                component.add_partial_file("C:\\Data", "small.db", "0:1")

    sets = {
        "One": FileSet("C:\\Else", "*"),
        "Two": FileSet("C:\\Data", "small.db"),
        "Three": FileSet("C:\\Else", "far.*"),
    }
    writer = Writer(
        "W",
        components=[Component(name, selectable=True, files=[each]) for name, each in sets.items()],
        backup_schema=BackupSchema.INCREMENTAL,
        on_post_snapshot=after,
    )
    with (
        simulator.running(volumes={"C:\\": root}, writers=[writer], state=root.parent / "state"),
        vsspy.BackupSession("C:\\", backup_type=BackupType.INCREMENTAL, partial_files=True) as backup,
    ):
        with pytest.raises(BadStateError):
            backup.files()
        backup.snapshot()
        found = {file.path: (file.ranges, [each.full_name for each in owners]) for file, owners in backup.files()}
        for component in backup.components:
            component.mark_succeeded()
    assert found == {
        "C:\\Data\\big.db": ((Range(0, 15),), ["One", "Two", "Three"]),
        "C:\\Data\\small.db": (None, ["One", "Two"]),
        "C:\\Else\\far.db": (None, ["One", "Three"]),
    }


# -- reading parts -----------------------------------------------------------------------------------------------------


def test_chunks(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    whole = BackupFile("C:\\file", str(path), 10)
    assert list(whole.chunks()) == [(0, b"0123456789")]
    assert list(whole.chunks(chunk_size=4)) == [(0, b"0123"), (4, b"4567"), (8, b"89")]
    parts = BackupFile("C:\\file", str(path), 10, ranges=(Range(1, 3), Range(8, 2)))
    assert list(parts.chunks(chunk_size=2)) == [(1, b"12"), (3, b"3"), (8, b"89")]
    assert list(parts.chunks(io.BytesIO(b"abcdefghij"))) == [(1, b"bcd"), (8, b"ij")]
    assert list(BackupFile("C:\\file", str(path), 10, ranges=()).chunks()) == []
    path.write_bytes(b"0123")
    with pytest.raises(OSError, match="it ended before its range 8:2"):
        list(parts.chunks())
    with pytest.raises(OSError, match="links are not followed"):
        list(BackupFile("C:\\file", str(path), 10, is_link=True).chunks())
