"""File sets that depend on the backup, or are read elsewhere: masks, alternate paths, files that come into being meanwhile."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from vsspy._paths import VolumeNames
from vsspy.enums import BackupType, FileSpecBackupType
from vsspy.errors import FileSetError
from vsspy.filesets import BackupFile, Root, expand, expand_groups
from vsspy.metadata import FileSet

VOLUMES = VolumeNames([["C:\\"], ["D:\\"], ["C:\\Data\\mounted\\"]])
POSIX = sys.platform != "win32"
B = FileSpecBackupType
ALWAYS = B.ALL_BACKUP_REQUIRED | B.ALL_SNAPSHOT_REQUIRED
LIVE = ALWAYS | B.CREATED_DURING_BACKUP
Groups = dict[str, tuple[list[FileSet], list[FileSet]]]


def make(folder: Path, *names: str) -> Root:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return Root(f"{folder.name[0].upper()}:\\", str(folder) + os.sep)


def file_set(
    path: str, filespec: str = "*", recursive: bool = True, alternate: str | None = None, mask: B = ALWAYS
) -> FileSet:
    return FileSet(path, filespec, recursive, alternate, mask)


class Told:
    """Expands, and keeps what is told."""

    def __init__(self, *roots: Root, live_roots: Iterable[Root] | None = None) -> None:
        self.left_out: list[tuple[str, str]] = []
        self._roots = {root.live: root for root in roots}
        self._live = None if live_roots is None else {root.live: root for root in live_roots}

    def __call__(
        self, *sets: FileSet, excludes: Iterable[FileSet] = (), backup_type: BackupType = BackupType.COPY
    ) -> list[BackupFile]:
        return list(
            expand(
                sets,
                excludes=excludes,
                volumes=VOLUMES,
                environment={},
                roots=self._roots,
                onleaveout=lambda path, reason: self.left_out.append((path, reason)),
                backup_type=backup_type,
                live_roots=self._live,
            )
        )


@pytest.mark.parametrize(
    ("backup_type", "expected"),
    [
        (BackupType.FULL, "full all"),
        (BackupType.COPY, "full all"),
        (BackupType.OTHER, "full all"),
        (BackupType.DIFFERENTIAL, "diff all"),
        (BackupType.INCREMENTAL, "incr all"),
        (BackupType.LOG, "log all"),
    ],
)
def test_masks_decide_by_the_type_of_the_backup(tmp_path: Path, backup_type: BackupType, expected: str) -> None:
    masks = {"full": B(0x101), "diff": B(0x202), "incr": B(0x404), "log": B(0x808), "all": B(0xF0F), "never": B(0xF00)}
    told = Told(make(tmp_path / "c", *masks))
    files = told(*(file_set("C:\\", name, False, mask=mask) for name, mask in masks.items()), backup_type=backup_type)
    assert {Path(file).name for file in files} == set(expected.split())
    reason = f"its writer does not ask for it in {backup_type.name.lower()} backups"
    assert set(told.left_out) == {(f"C:\\{name}", reason) for name in masks.keys() - set(expected.split())}


def test_a_mask_takes_nothing_away_from_other_file_sets(tmp_path: Path) -> None:
    told = Told(make(tmp_path / "c", "a"))
    assert told(file_set("C:\\", mask=B(0x808)), file_set("C:\\", "a", False))[0].path == "C:\\a"
    assert told(file_set("%Nowhere%", "x", mask=B(0x808))) == []  # nothing is looked up for it
    assert told.left_out[-1][0] == "%Nowhere%\\x"


def test_an_alternate_path_is_where_files_are_read(tmp_path: Path) -> None:
    roots = [make(tmp_path / "c", "Data/a", "Data/sub/b"), make(tmp_path / "d", "Stage/a", "Stage/sub/c", "Stage/x")]
    told = Told(*roots)
    sets = [file_set("C:\\Data", "*", True, "d:\\STAGE"), file_set("C:\\", "*", True)]
    files = told(*sets, excludes=[file_set("C:\\data", "X", False), file_set("D:\\", "*", True)])
    # Exclusions look at the path, not at where it is read; what both give is read at the alternate path.
    assert [(file.path, Path(file).read_text()) for file in files] == [
        ("C:\\Data\\a", "Stage/a"),
        ("C:\\Data\\sub\\c", "Stage/sub/c"),
        ("C:\\Data\\sub\\b", "Data/sub/b"),
    ]
    assert told.left_out == [("C:\\Data\\x", "excluded by its writer")]
    with pytest.raises(FileSetError, match="no shadow copy of D:"):
        Told(roots[0])(*sets)
    only = Told(roots[1])(file_set("C:\\Data", "a", False, "D:\\Stage"))  # no shadow copy of C: is needed
    assert [file.path for file in only] == ["C:\\Data\\a"]


def test_alternate_paths_can_be_roots_and_have_links(tmp_path: Path) -> None:
    root = make(tmp_path / "d", "a", "Stage/b")
    told = Told(root)
    found = told(file_set("C:\\Data", "*", True, "D:\\"), excludes=[file_set("C:\\Data\\Stage")])
    assert [file.path for file in found] == ["C:\\Data\\a"]
    assert told.left_out == [("C:\\Data\\Stage\\", "excluded by its writer")]
    if POSIX:
        (tmp_path / "d" / "link").symlink_to(tmp_path / "d" / "Stage")
        assert told(file_set("C:\\Data", "*", True, "D:\\link")) == []
        assert told.left_out[-1] == ("D:\\link\\", "a link, which is not followed")


def test_a_file_of_an_alternate_path_belongs_to_those_who_ask_for_the_path(tmp_path: Path) -> None:
    root = make(tmp_path / "c", "Data/a", "Data/b", "Stage/a")
    groups: Groups = {
        "stage": ([file_set("C:\\Data", "*", True, "C:\\Stage")], []),
        "plain": ([file_set("C:\\Data")], []),
        "excluded": ([file_set("C:\\Data")], [file_set("C:\\Data", "a")]),
    }
    found = expand_groups(groups, volumes=VOLUMES, environment={}, roots={"C:\\": root})
    assert [(file.path, Path(file).read_text(), keys) for file, keys in found] == [
        ("C:\\Data\\a", "Stage/a", ("stage", "plain")),
        ("C:\\Data\\b", "Data/b", ("plain", "excluded")),
    ]


def test_files_that_come_into_being_during_the_backup_are_read_live(tmp_path: Path) -> None:
    shadow = make(tmp_path / "shadow", "Data/old", "Data/both")
    shadow = Root("C:\\", shadow.shadow)
    live = Root("C:\\", make(tmp_path / "live", "Data/both", "Data/new", "Data/not").shadow)
    sets = [file_set("C:\\Data", "*", False, mask=LIVE), file_set("C:\\Data", "?o*", False)]
    told = Told(shadow, live_roots=[live])
    found = told(*sets, excludes=[file_set("C:\\", "not")])
    assert [(file.path, file.is_live, Path(file) == tmp_path / "live" / "Data" / "new") for file in found] == [
        ("C:\\Data\\new", True, True),
        ("C:\\Data\\both", False, False),  # frozen, and so better than live
    ]
    assert told.left_out == [("C:\\Data\\not", "excluded by its writer")]
    without = Told(shadow)(*sets)
    assert [(file.path, file.is_live) for file in without] == [("C:\\Data\\both", False), ("C:\\Data\\old", False)]
    groups: Groups = {"live": (sets[:1], []), "frozen": (sets[1:], [])}
    both = expand_groups(groups, volumes=VOLUMES, environment={}, roots={"C:\\": shadow}, live_roots={"C:\\": live})
    assert [(file.path, keys) for file, keys in both] == [
        ("C:\\Data\\new", ("live",)),
        ("C:\\Data\\not", ("live",)),
        ("C:\\Data\\both", ("live", "frozen")),
    ]


def test_groups_are_told_what_concerns_them(tmp_path: Path) -> None:
    root = make(tmp_path / "c", "Data/a", "Data/logs/b", "Data/mounted/c", "Other/gone/d", "Other/z")
    told: list[tuple[str, str, tuple[str, ...]]] = []
    errors: list[tuple[str, tuple[str, ...]]] = []
    groups: Groups = {
        "data": ([file_set("C:\\Data")], [file_set("C:\\Data\\logs")]),
        "logs": ([file_set("C:\\Data\\logs", "b", False)], []),
        "other": ([file_set("C:\\Other")], []),
    }
    found = expand_groups(
        groups,
        volumes=VOLUMES,
        environment={},
        roots={"C:\\": root},
        onerror=lambda error, keys: errors.append((error.filename, keys)),
        onleaveout=lambda path, reason, keys: told.append((path, reason, keys)),
    )
    assert [(file.path, keys) for file, keys in found] == [
        ("C:\\Data\\a", ("data",)),
        ("C:\\Data\\logs\\b", ("logs",)),
        ("C:\\Other\\gone\\d", ("other",)),
        ("C:\\Other\\z", ("other",)),
    ]
    assert told == [
        ("C:\\Data\\logs\\", "excluded by its writer", ("data",)),
        ("C:\\Data\\mounted\\", "another volume is mounted there", ("data",)),
    ]
    assert errors == []


def test_errors_concern_the_groups_that_may_miss_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsspy._expansion._BATCH", 1)  # so that the disk may change between two files
    root = make(tmp_path / "c", "Data/a", "Data/gone/b", "Data/z")
    groups: Groups = {
        "all": ([file_set("C:\\Data")], []),
        "below": ([file_set("C:\\Data\\gone", "b", False)], []),
        "flat": ([file_set("C:\\Data", "*", False)], []),
    }
    errors: list[tuple[str, ...]] = []
    found = expand_groups(
        groups, volumes=VOLUMES, environment={}, roots={"C:\\": root}, onerror=lambda _, keys: errors.append(keys)
    )
    assert next(found)[0].path == "C:\\Data\\a"
    (tmp_path / "c" / "Data" / "gone").rename(tmp_path / "c" / "moved")
    assert [file.path for file, _ in found] == ["C:\\Data\\z"]
    assert errors == [("all", "below")]


@pytest.mark.skipif(not POSIX, reason="needs names of files by folder handle, which Windows' Python has not")
def test_a_tree_may_be_deeper_than_paths_and_open_files_go(tmp_path: Path) -> None:
    """Each folder has an entry behind the folder in it, so that the way back needs all folders again."""
    import resource

    depth, name = 300, "d" * 40
    folder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=folder)
        os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_now = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 64
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 64, before[1]))
    try:
        files = Told(Root("C:\\", str(tmp_path) + os.sep))(file_set("C:\\", "leaf"))
        looked_up = Told(Root("C:\\", str(tmp_path) + os.sep))(
            *(file_set("C:\\" + f"{name}\\" * count, "leaf", False) for count in range(depth))
        )
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert [file.path for file in files] == [
        "C:\\" + f"{name}\\" * count + "leaf" for count in range(depth - 1, -1, -1)
    ]
    assert looked_up == files
