"""What a computer's lists leave out: FilesNotToBackup and FilesNotToSnapshot (semantics 9.3)."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
from selection_support import writer
from session_support import back_up, demo_writer, left_nothing, running

from vsspy import UnsupportedPlatformError
from vsspy._paths import VolumeNames
from vsspy.enums import SnapshotAttributes, SnapshotContext
from vsspy.errors import FileSetError
from vsspy.filesets import Root
from vsspy.machine_exclusions import MachineExclusions, NotToBackup, _read, left_out_by_vss, parse_entry
from vsspy.metadata import FileSet
from vsspy.session import BackupSession
from vsspy.simulator import Component, Writer

ENVIRONMENT = {"SystemRoot": "C:\\Windows", "TEMP": "D:\\Temp"}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("C:\\Data\\a.txt", FileSet("C:\\Data\\", "a.txt")),
        ("\\Pagefile.sys", FileSet("\\", "Pagefile.sys")),
        ("%TEMP%\\* /s", FileSet("%TEMP%\\", "*", recursive=True)),
        ("C:\\Logs\\*.log  /S", FileSet("C:\\Logs\\", "*.log", recursive=True)),
        (" \\System Volume Information\\*.* /s ", FileSet("\\System Volume Information\\", "*.*", recursive=True)),
        ("C:\\a /silly", FileSet("C:\\", "a /silly")),
        ("C:\\x/s", FileSet("C:\\", "x/s")),
    ],
)
def test_entries(entry: str, expected: FileSet) -> None:
    assert parse_entry(entry) == expected


@pytest.mark.parametrize("entry", ["", "name", "C:\\Folder\\", "C:\\Folder\\ /s", "/s"])
def test_entries_that_name_no_file_exclude_nothing(entry: str) -> None:
    with pytest.raises(FileSetError):
        parse_entry(entry)
    assert list(MachineExclusions({"Value": [entry]}, {"Value": [entry]}).not_to_backup([])) == []
    assert list(MachineExclusions({"Value": [entry]}, {"Value": [entry]}).not_to_snapshot()) == []


def test_a_value_named_like_a_writer_that_is_backed_up_is_ignored() -> None:
    exclusions = MachineExclusions({"Demo Writer": ["\\a"], "Other": ["\\b", "\\*\\x"]})
    assert [(value, each.filespec) for value, each in exclusions.not_to_backup([])] == [
        ("Demo Writer", "a"),
        ("Other", "b"),  # wildcards stand in the name only
    ]
    assert [each.filespec for _, each in exclusions.not_to_backup(["demo WRITER"])] == ["b"]


def test_variables_of_files_not_to_snapshot() -> None:
    entries = ["$UserProfile$\\AppData\\*.ost /s", "$allvolumes$\\Temp\\* /s", "C:\\Fixed\\x", "$Other$\\x"]
    exclusions = MachineExclusions({}, {"App": entries}, ["C:\\Users\\ann", "%SystemRoot%\\Profile\\"])
    assert list(exclusions.not_to_snapshot()) == [
        ("App", FileSet("C:\\Users\\ann\\AppData\\", "*.ost", recursive=True)),
        ("App", FileSet("%SystemRoot%\\Profile\\AppData\\", "*.ost", recursive=True)),
        ("App", FileSet("\\Temp\\", "*", recursive=True)),
        ("App", FileSet("C:\\Fixed\\", "x")),
        ("App", FileSet("$Other$\\", "x")),
    ]
    assert len(list(MachineExclusions({}, {"App": entries}).not_to_snapshot())) == 3


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("C:\\pagefile.SYS", "Memory"),
        ("D:\\pagefile.sys", "Memory"),
        ("C:\\Data\\pagefile.sys", None),
        ("d:\\temp\\deep\\x", "Temporary"),
        ("D:\\Temp\\", "Temporary"),  # a folder, with all that is in it
        ("D:\\Temp\\deep\\", "Temporary"),
        ("D:\\Temp", None),  # a file of that name
        ("D:\\Temper\\x", None),
        ("C:\\Logs\\a.LOG", "Logs"),
        ("C:\\Logs\\old\\a.log", None),
        ("C:\\Logs\\", None),
        ("E:\\pagefile.sys", None),
        ("relative", None),
    ],
)
def test_which_entry_a_file_is_left_out_by(path: str, reason: str | None) -> None:
    exclusions = MachineExclusions(
        {"Memory": ["\\Pagefile.sys"], "Temporary": ["%temp%\\* /s", "%gone%\\*"], "Logs": ["C:\\Logs\\*.log"]}
    )
    lists = NotToBackup(exclusions, [], VolumeNames([["C:\\"], ["D:\\"]]), ENVIRONMENT)
    assert lists.why(path) == (reason and f"excluded by this computer's FilesNotToBackup: {reason}")


# -- the registry --------------------------------------------------------------------------------------------------


class Key:
    """An open key of a registry that is a dictionary."""

    def __init__(self, values: dict[str, tuple[object, int]], keys: list[str]) -> None:
        self.values = list(values.items())
        self.keys = keys

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class Registry:
    """Stands in for the module winreg."""

    HKEY_LOCAL_MACHINE = object()
    REG_SZ, REG_MULTI_SZ = 1, 7

    def __init__(self, content: dict[str, dict[str, tuple[object, int]]]) -> None:
        self.content = {path.lower(): values for path, values in content.items()}

    def OpenKey(self, key: object, path: str) -> Key:
        assert key is self.HKEY_LOCAL_MACHINE
        below = {each[len(path) + 1 :] for each in self.content if each.startswith(path.lower() + "\\")}
        if path.lower() not in self.content and not below:
            raise FileNotFoundError(path)
        return Key(self.content.get(path.lower(), {}), sorted(each for each in below if "\\" not in each))

    def QueryInfoKey(self, key: Key) -> tuple[int, int, int]:
        return len(key.keys), len(key.values), 0

    def EnumValue(self, key: Key, index: int) -> tuple[str, object, int]:
        name, (value, kind) = key.values[index]
        return name, value, kind

    def EnumKey(self, key: Key, index: int) -> str:
        return key.keys[index]

    def QueryValueEx(self, key: Key, name: str) -> tuple[object, int]:
        found = dict(key.values)
        if name not in found:
            raise FileNotFoundError(name)
        return found[name]


CONTROL = "SYSTEM\\CurrentControlSet\\Control\\BackupRestore\\"
SETTINGS = "SYSTEM\\CurrentControlSet\\Services\\VSS\\Settings"
PROFILES = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList"


@pytest.mark.parametrize(("switched", "profiles"), [(None, ("C:\\Users\\ann",)), (0, ("C:\\Users\\ann",)), (1, ())])
def test_the_lists_of_a_registry(switched: int | None, profiles: tuple[str, ...]) -> None:
    registry: Any = Registry(
        {
            CONTROL + "FilesNotToBackup": {
                "Memory Page File": (["\\Pagefile.sys"], 7),
                "Empty": (None, 7),
                "No list": ("\\x", 1),
            },
            CONTROL + "FilesNotToSnapshot": {"Outlook": (["$UserProfile$\\x.ost"], 7)},
            **({} if switched is None else {SETTINGS: {"DisableUserProfileExpansion": (switched, 4)}}),
            PROFILES: {"Default": ("C:\\Users\\Default", 2)},
            PROFILES + "\\S-1-5-21": {"ProfileImagePath": ("C:\\Users\\ann", 2)},
            PROFILES + "\\S-1-5-99": {"Flags": (0, 4)},
        }
    )
    assert _read(registry) == MachineExclusions(
        {"Memory Page File": ("\\Pagefile.sys",), "Empty": ()}, {"Outlook": ("$UserProfile$\\x.ost",)}, profiles
    )
    assert _read(Registry({})) == MachineExclusions()


def test_the_lists_of_this_computer() -> None:
    if sys.platform != "win32":
        with pytest.raises(UnsupportedPlatformError):
            MachineExclusions.of_this_computer()
    else:
        assert isinstance(MachineExclusions.of_this_computer(), MachineExclusions)


# -- in a session --------------------------------------------------------------------------------------------------


def test_files_that_need_no_backup_are_left_out_with_the_reason(tmp_path: Path) -> None:
    data = tmp_path / "c" / "Data"
    (data / "Cache").mkdir(parents=True)
    for name in ("a.txt", "a.tmp", "Cache/x", "mine.log"):
        (data / name).write_text(name)
    exclusions = MachineExclusions(
        {"Temporary": ["c:\\data\\*.TMP"], "Caches": ["\\Data\\Cache\\* /s"], "Demo Writer": ["\\Data\\a.txt"]}
    )
    files = [FileSet("C:\\Data", "*", recursive=True)]
    demo = Writer(
        "Demo Writer",
        components=[Component("Data", selectable=True, files=files)],
        exclude_files=[FileSet("C:\\Data", "*.log")],
    )
    with running(tmp_path / "c", writers=[demo]) as machine:
        session = back_up(machine_exclusions=exclusions)  # it finds a.txt alone
        assert {item.name: item.reason for item in session.result.left_out} == {
            "C:\\Data\\Cache\\": "excluded by this computer's FilesNotToBackup: Caches",
            "C:\\Data\\a.tmp": "excluded by this computer's FilesNotToBackup: Temporary",
            "C:\\Data\\mine.log": "excluded by its writer",
        }
        assert {item.writer for item in session.result.left_out} == {"Demo Writer"}
    left_nothing(machine)


def test_what_vss_leaves_out_is_in_the_result(tmp_path: Path) -> None:
    root = tmp_path / "c"
    (root / "Data").mkdir(parents=True)
    (root / "Data" / "a.txt").write_text("a")
    exclusions = MachineExclusions({}, {"Demo": ["C:\\Data\\a.txt", "C:\\Data\\b.txt", "$AllVolumes$\\Data\\*.o /s"]})
    with running(root, writers=[demo_writer()]):
        result = back_up(machine_exclusions=exclusions).result
        assert [(item.kind, item.name, item.reason) for item in result.left_out_by_vss] == [
            ("file", "C:\\Data\\a.txt", "VSS deletes it from the shadow copy (FilesNotToSnapshot: Demo)"),
            (
                "file",
                "C:\\Data\\*.o",
                "VSS deletes it from the shadow copy (FilesNotToSnapshot: Demo), in all folders below too",
            ),
        ]
        assert result.to_dict()["left_out_by_vss"][0]["name"] == "C:\\Data\\a.txt"
        with BackupSession("C:\\", writers=False, machine_exclusions=exclusions) as session:
            session.snapshot()
        assert session.result.left_out_by_vss == []


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (SnapshotContext.BACKUP, ["C:\\x\\*", "C:\\y\\*.ldf"]),
        (SnapshotContext.FILE_SHARE_BACKUP, []),
        (SnapshotContext.CLIENT_ACCESSIBLE_WRITERS, ["C:\\y\\*.ldf"]),
        (SnapshotContext.BACKUP | SnapshotAttributes.NO_AUTORECOVERY, []),
    ],
)
def test_which_shadow_copies_leave_files_out(tmp_path: Path, context: int, expected: list[str]) -> None:
    for name in "xy":
        (tmp_path / name).mkdir()
    exclusions = MachineExclusions({}, {"App": ["C:\\x\\*", "C:\\gone\\*", "D:\\x\\*", "E:\\x\\*"]})
    lists = [FileSet("C:\\y", "*.ldf"), FileSet("C:\\y", "one")]
    document = replace(writer([("Data", True)]), exclude_files_from_snapshot=lists)
    roots = {"C:\\": Root("C:\\", os.path.join(tmp_path, ""))}
    found = left_out_by_vss(exclusions, [document], context, VolumeNames([["C:\\"], ["D:\\"]]), {}, roots)
    assert [item.name for item in found] == expected
