"""File sets against a plain reading of their rules (semantics 9), and wildcards against what Windows documents of them."""

from __future__ import annotations

import os
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vsspy import _core
from vsspy._paths import VolumeNames, fold
from vsspy.enums import BackupType, FileSpecBackupType
from vsspy.filesets import Root, expand_groups, matches
from vsspy.metadata import FileSet

POSIX = sys.platform != "win32"
VOLUMES = VolumeNames([["C:\\"]])


def windows_match(filespec: str, name: str) -> bool:
    """The wildcards as "FsRtlIsNameInExpression" and [MS-FSA] 2.1.4.4 describe them.

    Which of them a program's pattern becomes is what TranslateWin32Expression of .NET's FileSystemName makes of it.
    """
    if filespec in ("*", "*.*"):
        return True
    expression: list[str] = []
    for place, char in enumerate(filespec):
        following = filespec[place + 1 : place + 2]
        if char == "?":
            expression.append("DOS_QM")
        elif char == "." and not following and expression[-1:] == ["*"]:
            expression[-1] = "DOS_STAR"
        elif char == "." and following and following in "*?":
            expression.append("DOS_DOT")
        else:
            expression.append(char)
    return _matches_expression(expression, name.upper())


def _matches_expression(expression: list[str], name: str) -> bool:
    if not expression:
        return not name
    first, rest = expression[0], expression[1:]
    if first == "*":
        return any(_matches_expression(rest, name[cut:]) for cut in range(len(name) + 1))
    if first == "DOS_STAR":  # up to and with the final period
        cuts = [name.rindex(".") + 1] if "." in name else range(len(name) + 1)
        return any(_matches_expression(rest, name[cut:]) for cut in cuts)
    if first == "DOS_QM":
        if name and name[0] != ".":
            return _matches_expression(rest, name[1:])
        while rest[:1] == ["DOS_QM"]:
            rest = rest[1:]
        return _matches_expression(rest, name)
    if first == "DOS_DOT" and not name:
        return _matches_expression(rest, name)
    return name[:1] == ("." if first == "DOS_DOT" else first.upper()) and _matches_expression(rest, name[1:])


@pytest.mark.parametrize(
    ("filespec", "matching", "others"),
    [
        ("*", ["a", "a.b", ".a"], []),
        ("*.*", ["a", "a.b", ".a"], []),
        ("*.", ["a", "abc"], ["a.b", ".a"]),
        ("a*.", ["a", "abc"], ["b", "a.b"]),
        ("**.", ["a", "a.b"], []),
        ("?", ["a", "ä"], ["ab", "a.b"]),
        ("a?", ["a", "ab"], ["abc", "a.b"]),
        ("a??", ["a", "ab", "abc"], ["abcd", "a.b"]),
        ("a?c", ["abc"], ["ac", "a.c"]),
        ("??.txt", ["a.txt", "ab.txt", ".txt"], ["abc.txt", "a.b.txt"]),
        ("*.tx?", ["a.txt", "a.tx"], ["a.t", "a.txtx"]),
        ("a.*", ["a", "a.b", "a.b.c"], ["ab", "ab.c"]),
        ("a.?", ["a", "a.b"], ["a.bc", "b"]),
        ("a.b", ["a.b", "A.B"], ["a.bc", "aab", "a"]),
        ("*a*b*", ["ab", "xaxbx", "a.b"], ["ba", "a"]),
        ("*.a.b", ["x.a.b", "x.a.a.b"], ["a.b", "x.a.bb"]),
    ],
)
def test_wildcards_are_those_of_windows(filespec: str, matching: list[str], others: list[str]) -> None:
    for name in [*matching, *others]:
        assert windows_match(filespec, name) is (name in matching), name
        assert matches(filespec, name) is (name in matching), name


@given(st.text("ab?*.", min_size=1, max_size=7), st.text("aAbB.", min_size=1, max_size=7))
@settings(max_examples=200)
def test_wildcards_against_the_definition(filespec: str, name: str) -> None:
    assert matches(filespec, name) is windows_match(filespec, name)


def test_letter_case_is_that_of_unicode() -> None:
    every = [chr(code) for code in range(sys.maxunicode + 1)]
    upper = [up if len(up := char.upper()) == 1 else char for char in every]
    found = list(fold("".join(every)))
    if unicodedata.unidata_version == "14.0.0":  # the one of csrc/filesets/fold_table.h
        assert found == upper
    assert all(one in (char, up) for one, char, up in zip(found, every, upper, strict=True))
    assert "".join(found) == fold("".join(found))
    for name in ("straße", "ÿ", "ŉ", "ǆ", "\udcff", "ꭰ", "𐐨", "İ"):
        assert matches(name, fold(name)) and matches(f"?{fold(name)}*", f"x{name}")


# The names that files and folders of the trees have, and those that file sets ask for: some differ in letter case only.
NAMES = st.sampled_from(["a", "A", "ab", "a.b", "a.bb", "b.a", "é", "É", "d", "D"])
FOLDERS = st.lists(st.sampled_from(["d", "D", "e", "a"]), max_size=2)
TREES = st.lists(st.tuples(FOLDERS, NAMES), min_size=1, max_size=14)
BITS = FileSpecBackupType.FULL_BACKUP_REQUIRED | FileSpecBackupType.LOG_BACKUP_REQUIRED
FILE_SETS = st.builds(
    FileSet,
    FOLDERS.map(lambda elements: "C:\\" + "\\".join(elements)),
    st.one_of(NAMES, st.sampled_from(["*", "*.*", "*.", "a*", "?", "*.b?", "A.?", "*b"])),
    st.booleans(),
    st.none(),
    st.sampled_from([BITS, FileSpecBackupType.FULL_BACKUP_REQUIRED, FileSpecBackupType.LOG_BACKUP_REQUIRED]),
)
LISTS = st.lists(FILE_SETS, max_size=5)


def meant(folder: Path, name: str) -> str | None:
    """The entry that a name means (semantics 9.1.4): that very one, else the first that differs in letter case."""
    names = sorted(os.listdir(folder), key=os.fsencode) if folder.is_dir() else []
    if name in names:
        return name
    return next((each for each in names if fold(each) == fold(name)), None)


@dataclass
class Reading:
    """What the rules say of one file set, each file by itself."""

    root: Path
    rule: FileSet

    def __post_init__(self) -> None:
        self.elements = [element for element in self.rule.path[3:].split("\\") if element]
        self.folder: Path | None = self.root
        for element in self.elements:
            name = meant(self.folder, element) if self.folder is not None else None
            self.folder = None if name is None or self.folder is None else self.folder / name

    def includes(self, file: Path) -> bool:
        """Whether it asks for a file."""
        if self.folder is None:
            return False
        if self.rule.recursive:
            return self.folder in file.parents and windows_match(self.rule.filespec, file.name)
        if file.parent != self.folder:
            return False
        if "*" in self.rule.filespec or "?" in self.rule.filespec:
            return windows_match(self.rule.filespec, file.name)
        return meant(self.folder, self.rule.filespec) == file.name

    def excludes(self, file: Path) -> bool:
        """Whether a file matches it as an exclusion, which goes by the names alone."""
        folders = [fold(name) for name in file.relative_to(self.root).parts[:-1]]
        own = [fold(element) for element in self.elements]
        is_there = folders[: len(own)] == own if self.rule.recursive else folders == own
        return is_there and windows_match(self.rule.filespec, file.name)


def files_in_order(folder: Path) -> Iterator[Path]:
    for name in sorted(os.listdir(folder), key=os.fsencode):
        if (folder / name).is_dir():
            yield from files_in_order(folder / name)
        else:
            yield folder / name


@given(
    TREES,
    st.dictionaries(st.sampled_from("xyz"), st.tuples(LISTS, LISTS), min_size=1),
    st.sampled_from([BackupType.COPY, BackupType.LOG]),
)
@settings(max_examples=120)
def test_one_walk_finds_what_each_file_set_means_by_itself(
    tree: list[tuple[list[str], str]], groups: dict[str, tuple[list[FileSet], list[FileSet]]], backup_type: BackupType
) -> None:
    bit = BITS & (
        FileSpecBackupType.LOG_BACKUP_REQUIRED
        if backup_type == BackupType.LOG
        else FileSpecBackupType.FULL_BACKUP_REQUIRED
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for folders, name in tree:
            try:
                root.joinpath(*folders).mkdir(parents=True, exist_ok=True)
                root.joinpath(*folders, name).touch()
            except OSError:
                continue  # one is a folder and a file
        expected: list[tuple[str, tuple[str, ...]]] = []
        excluded: set[tuple[str, str]] = set()
        readings = {
            key: (
                [Reading(root, each) for each in sets if each.backup_type & bit],
                [Reading(root, each) for each in out],
            )
            for key, (sets, out) in groups.items()
        }
        for file in files_in_order(root):
            live = "C:\\" + "\\".join(file.relative_to(root).parts)
            asking = [key for key, (sets, _) in readings.items() if any(each.includes(file) for each in sets)]
            denied = [key for key in asking if any(each.excludes(file) for each in readings[key][1])]
            excluded |= {(live, key) for key in denied}
            if keys := tuple(key for key in asking if key not in denied):
                expected.append((live, keys))
        told: list[tuple[str, tuple[str, ...]]] = []

        def leave_out(path: str, reason: str, keys: tuple[str, ...]) -> None:
            if "does not ask" not in reason:
                told.append((path, keys))

        found = [
            (file.path, keys)
            for file, keys in expand_groups(
                groups,
                volumes=VOLUMES,
                environment={},
                roots={"C:\\": Root("C:\\", str(root) + os.sep)},
                onleaveout=leave_out,
                backup_type=backup_type,
            )
        ]
    assert found == expected
    every = {(path, key) for path, keys in told for key in keys}
    for path, key in excluded:
        assert any(
            key == each and (path == name or (name[-1] == "\\" and path.startswith(name))) for name, each in every
        )
    assert {(path, key) for path, key in every if path[-1] != "\\"} <= excluded


def test_a_plan_does_not_change_under_its_walks(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    plan = _core.FileSetPlan()
    tree = plan.new_tree()
    plan.add(tree, "*", True, 0)
    walk = _core.FileSetWalk(plan, tree, 0, "C:\\", str(tmp_path) + os.sep, [], None)
    with pytest.raises(RuntimeError, match="finished"):
        plan.folder(tree, ["A"])
    assert [event[1] for event in walk.next(10, 1.0) or ()] == ["C:\\a"]
    assert plan.match(tree, ["A", "b"]) == [0]


def test_a_walk_that_two_threads_use_loses_nothing(tmp_path: Path) -> None:
    import threading

    for number in range(300):
        (tmp_path / f"{number}").touch()
    plan = _core.FileSetPlan()
    tree = plan.new_tree()
    plan.add(tree, "*", False, 0)
    walk = _core.FileSetWalk(plan, tree, 0, "C:\\", str(tmp_path) + os.sep, [], None)
    found: list[str] = []

    def go_on() -> None:
        while True:
            try:
                events = walk.next(7, 1.0)
            except ValueError:
                continue  # the other one is in it
            if events is None:
                return
            found.extend(event[1] for event in events if event[0] == 0)

    threads = [threading.Thread(target=go_on) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(f"C:\\{number}" for number in range(300))
