"""File sets on the shadow copy (semantics 9), and the names of paths and volumes that they are found by."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsspy import _core, _expansion, filesets
from vsspy._paths import Location, VolumeNames, expand_variables, fold, split, volume_name
from vsspy.errors import FileSetError
from vsspy.filesets import BackupFile, Root, expand, matches, resolve
from vsspy.metadata import FileSet, WriterMetadata

POSIX = sys.platform != "win32"
ENVIRONMENT = {"SystemRoot": "C:\\Windows", "ProgramData": "C:\\ProgramData"}
VOLUMES = VolumeNames([["C:\\", "\\\\?\\Volume{c7463abb-f40d-11e9-80c7-806e6f6e6963}\\"], ["D:\\"], ["C:\\Mount\\"]])


def file_set(path: str, filespec: str = "*", recursive: bool = False) -> FileSet:
    return FileSet(path=path, filespec=filespec, recursive=recursive)


@pytest.fixture
def shadow(tmp_path: Path) -> Path:
    folder = tmp_path / "shadow"
    for name in (
        "Windows/notepad.exe",
        "Windows/System32/config/SAM",
        "Windows/System32/config/SAM.LOG",
        "Windows/System32/config/RegBack/SAM",
        "Windows/System32/Perfc009.dat",
        "Windows/System32/Perfc0409.dat",
        "Data/a.txt",
        "Data/B.TXT",
        "Data/noext",
        "Data/sub/c.txt",
        "Data/sub/deeper/d.txt",
        "pagefile.sys",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def found(
    shadow: Path, *sets: FileSet, excludes: Iterable[FileSet] = (), live: str = "C:\\", volume: str = "C:\\"
) -> list[str]:
    roots = {volume: Root(live, str(shadow) + os.sep)}
    files = list(expand(sets, excludes=excludes, volumes=VOLUMES, environment=ENVIRONMENT, roots=roots))
    for file in files:
        below = file.path[len(live) :].split("\\" if live[-1] == "\\" else "/")
        assert Path(file.shadow_path) == shadow.joinpath(*below)
        assert file.size == os.lstat(file.shadow_path).st_size
    return [file.path for file in files]


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ([("%SystemRoot%", "*.exe", False)], ["C:\\Windows\\notepad.exe"]),
        ([("%SYSTEMROOT%\\system32\\CONFIG\\", "sam", False)], ["C:\\Windows\\System32\\config\\SAM"]),
        ([("c:\\windows\\system32", "Perfc???.dat", False)], ["C:\\Windows\\System32\\Perfc009.dat"]),
        ([("C:\\Data", "*.*", False)], ["C:\\Data\\B.TXT", "C:\\Data\\a.txt", "C:\\Data\\noext"]),
        (
            [("C:\\Data", "*.txt", True)],
            ["C:\\Data\\B.TXT", "C:\\Data\\a.txt", "C:\\Data\\sub\\c.txt", "C:\\Data\\sub\\deeper\\d.txt"],
        ),
        ([("C:\\Data", "d.txt", True)], ["C:\\Data\\sub\\deeper\\d.txt"]),
        ([("C:\\", "*", False)], ["C:\\pagefile.sys"]),
        ([("\\Data\\Sub", "*", False)], ["C:\\Data\\sub\\c.txt"]),
        ([("\\\\?\\VOLUME{C7463ABB-f40d-11e9-80c7-806e6f6e6963}\\Data", "noext", False)], ["C:\\Data\\noext"]),
        ([("\\\\?\\C:\\Data", "noext", False)], ["C:\\Data\\noext"]),
        ([("C:\\Absent\\Too", "*", True), ("C:\\Data", "absent", False)], []),
        ([("C:\\pagefile.sys", "*", True)], []),
        ([("C:\\Data\\sub", "*", True), ("C:\\Data", "c*", True), ("c:\\data\\SUB", "c.txt", False)],
         ["C:\\Data\\sub\\c.txt", "C:\\Data\\sub\\deeper\\d.txt"]),
    ],
)  # fmt: skip
def test_file_sets_find_their_files_once(
    shadow: Path, sets: Sequence[tuple[str, str, bool]], expected: list[str]
) -> None:
    if not POSIX:  # a case-insensitive disk takes a name without wildcards as it was spelled
        expected = [name.casefold() for name in expected]
        assert sorted(name.casefold() for name in found(shadow, *(file_set(*each) for each in sets))) == sorted(
            expected
        )
        return
    assert found(shadow, *(file_set(*each) for each in sets)) == expected


def test_the_writers_exclusions_win(shadow: Path) -> None:
    everything = file_set("C:\\", "*", True)
    excludes = [
        file_set("%systemroot%\\SYSTEM32\\config", "sam.log"),
        file_set("C:\\Windows\\System32\\config\\RegBack", "*", True),
        file_set("C:\\Data", "*.txt", True),
        file_set("%Unknown%\\x", "*", True),
        file_set("Q:\\Elsewhere", "*", True),
    ]
    assert [name.casefold() for name in found(shadow, everything, excludes=excludes)] == [
        "c:\\data\\noext",
        "c:\\windows\\system32\\perfc009.dat",
        "c:\\windows\\system32\\perfc0409.dat",
        "c:\\windows\\system32\\config\\sam",
        "c:\\windows\\notepad.exe",
        "c:\\pagefile.sys",
    ]
    assert found(shadow, file_set("C:\\Data", "a.txt"), excludes=excludes) == []
    assert found(shadow, file_set("C:\\Data\\sub\\deeper", "d.txt"), excludes=excludes) == []


def test_exclusions_are_told(shadow: Path) -> None:
    told: list[tuple[str, str]] = []
    roots = {"C:\\": Root("C:\\", str(shadow) + os.sep)}
    excludes = [file_set("C:\\Data\\sub", "*", True), file_set("C:\\Data", "a.*")]
    sets = [file_set("C:\\Data", "*", True)]

    def tell(path: str, reason: str) -> None:
        told.append((path, reason))

    files = list(expand(sets, excludes=excludes, volumes=VOLUMES, environment={}, roots=roots, onleaveout=tell))
    assert {file.path for file in files} == {"C:\\Data\\B.TXT", "C:\\Data\\noext"}
    assert told == [("C:\\Data\\a.txt", "excluded by its writer"), ("C:\\Data\\sub\\", "excluded by its writer")]


@pytest.mark.skipif(not POSIX, reason="file systems of Windows do not tell letter cases apart")
def test_letter_case_collisions_take_the_exact_name_first(tmp_path: Path) -> None:
    for name in ("Data/x", "data/y", "DATA/z", "Data/FILE", "Data/File"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert found(tmp_path, file_set("C:\\data")) == ["C:\\data\\y"]
    assert found(tmp_path, file_set("C:\\Data", "File")) == ["C:\\Data\\File"]
    assert found(tmp_path, file_set("C:\\Data", "file")) == ["C:\\Data\\FILE"]
    assert found(tmp_path, file_set("C:\\dAtA", "z")) == ["C:\\DATA\\z"]
    assert len(found(tmp_path, file_set("C:\\", "*", True))) == 5
    assert found(tmp_path, file_set("C:\\data"), file_set("C:\\", "x", True)) == ["C:\\Data\\x", "C:\\data\\y"]


@pytest.mark.skipif(not POSIX, reason="Wine cannot make symbolic links, Windows has no pipes and no such names")
def test_links_pipes_and_odd_names(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(outside)
    (root / "file-link").symlink_to(outside / "secret")
    os.mkfifo(root / "pipe")
    odd = os.fsdecode(b"caf\xe9 \xff.txt")
    (root / odd).write_bytes(b"odd")
    (root / "new\nline").write_bytes(b"")
    roots = {"C:\\": Root("C:\\", f"{root}/")}
    files = list(expand([file_set("C:\\", "*", True)], volumes=VOLUMES, environment={}, roots=roots))
    assert [(file.path, file.is_link) for file in files] == [
        ("C:\\" + odd, False),
        ("C:\\file-link", True),
        ("C:\\link", True),
        ("C:\\new\nline", False),
    ]
    assert Path(files[0]).read_bytes() == b"odd"
    assert found(root, file_set("C:\\link", "*", True)) == []
    assert found(root, file_set("C:\\", "caf*")) == ["C:\\" + odd]


def test_errors_are_raised_or_told(shadow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_expansion, "_BATCH", 1)  # so that the disk may change between two files
    roots = {"C:\\": Root("C:\\", str(shadow) + os.sep)}
    sets = [file_set("C:\\Data", "*", True)]
    told: list[OSError] = []
    for onerror in (None, told.append):
        files = expand(sets, volumes=VOLUMES, environment={}, roots=roots, onerror=onerror)
        assert Path(next(files)).name in ("B.TXT", "a.txt")
        (shadow / "Data" / "sub").rename(shadow / "Data" / "gone")
        if onerror is None:
            with pytest.raises(FileNotFoundError):
                list(files)
        else:
            assert [Path(file).name for file in files][-1] == "noext"
        (shadow / "Data" / "gone").rename(shadow / "Data" / "sub")
    assert [type(error) for error in told] == [FileNotFoundError]
    assert Path(told[0].filename) == shadow / "Data" / "sub"
    roots = {"C:\\": Root("C:\\", str(shadow / "absent") + os.sep)}
    with pytest.raises(FileNotFoundError) as raised:
        list(expand(sets, volumes=VOLUMES, environment={}, roots=roots, onerror=told.append))
    assert raised.value.filename == str(shadow / "absent") + os.sep


def test_a_deep_tree_needs_no_deep_stack(tmp_path: Path) -> None:
    depth = 200 if POSIX else 40
    folder = tmp_path.joinpath(*["d"] * depth)
    folder.mkdir(parents=True)
    (folder / "leaf").write_bytes(b"")
    assert found(tmp_path, file_set("C:\\", "leaf", True)) == ["C:\\" + "d\\" * depth + "leaf"]


@pytest.mark.parametrize(
    ("each", "reason"),
    [
        (file_set("%Nowhere%\\x"), "%Nowhere% is not defined"),
        (file_set("E:\\x"), "E:.x is on a volume that is not known here"),
        (file_set("D:\\x"), "no shadow copy of D:"),
        (file_set("Data"), "not a full path"),
        (file_set("C:\\Data\\..\\x"), "contains '..'"),
        (file_set("C:\\Data", "a\\b"), "not a file specification"),
        (file_set("C:\\Data", ""), "not a file specification"),
    ],
)
def test_file_sets_that_mean_nothing_here(shadow: Path, each: FileSet, reason: str) -> None:
    with pytest.raises(FileSetError, match=reason):
        found(shadow, file_set("C:\\Data"), each)


@pytest.mark.parametrize(
    ("filespec", "name", "expected"),
    [
        ("*", "noext", True),
        ("*.*", "noext", True),
        ("*.txt", "A.TXT", True),
        ("*.txt", "a.txt.bak", False),
        ("a?c", "ABC", True),
        ("a?c", "ac", False),
        ("?", "ß", True),
        ("stra?e", "STRAßE", True),
        ("[ab]", "a", False),
        ("[ab]", "[AB]", True),
        ("a.c", "abc", False),
        ("*\udcff*", "x\udcffy", True),
        ("É*", "été", True),
    ],
)
def test_matching(filespec: str, name: str, expected: bool) -> None:
    assert matches(filespec, name) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("c:\\Data\\x", ("C:\\", ["Data", "x"])),
        ("c:", ("C:\\", [])),
        ("C:/Data/./x//", ("C:\\", ["Data", "x"])),
        ("\\\\?\\c:\\x", ("C:\\", ["x"])),
        ("\\\\?\\Volume{1}\\a\\b", ("\\\\?\\Volume{1}\\", ["a", "b"])),
        ("\\\\server\\share\\a", ("\\\\server\\share\\", ["a"])),
        ("\\\\?\\UNC\\server\\share\\a", ("\\\\server\\share\\", ["a"])),
        ("\\System Volume Information\\x", ("\\", ["System Volume Information", "x"])),
        ("/srv/da\\ta", ("/", ["srv", "da\\ta"])),
        ("/", ("/", [])),
    ],
)
def test_split(path: str, expected: tuple[str, list[str]]) -> None:
    assert split(path) == expected


@pytest.mark.parametrize("path", ["", "Data", "C:Data", "C:\\a\\..\\b", "/a/.."])
def test_split_refuses(path: str) -> None:
    with pytest.raises(FileSetError):
        split(path)


def test_volume_names() -> None:
    assert volume_name("c:") == volume_name("C:\\") == volume_name(Path("C:\\") if not POSIX else "C:/") == "C:\\"
    assert volume_name("/srv/data") == "/srv/data/"
    assert volume_name("/") == "/"
    volumes = VolumeNames([["C:\\", "\\\\?\\Volume{1}\\"], ["/"], ["/srv/data"]])
    assert list(volumes) == ["C:\\", "/", "/srv/data/"]
    assert volumes.identify("\\\\?\\volume{1}") == "C:\\"
    assert volumes.identify("D:") is None
    assert volumes.add("\\\\?\\Volume{1}\\", "C:\\Mount") == "C:\\"
    assert volumes.locate("c:\\mount\\x") == Location("C:\\", ("x",))
    assert volumes.locate("/srv/data/x") == Location("/srv/data/", ("x",))
    assert volumes.locate("/srv/Data/x") == Location("/", ("srv", "Data", "x"))
    assert volumes.locate("D:\\x") is None
    with pytest.raises(FileSetError, match="names no volume"):
        volumes.locate("\\x")


def test_variables() -> None:
    assert expand_variables("%systemROOT%\\a 100% b", ENVIRONMENT) == "C:\\Windows\\a 100% b"
    assert expand_variables("%%", ENVIRONMENT) == "%%"
    with pytest.raises(FileSetError, match="%Temp%"):
        expand_variables("%Temp%\\x", ENVIRONMENT)


@given(st.text())
def test_folding_keeps_the_length(name: str) -> None:
    assert len(fold(name)) == len(name)
    assert fold(name.upper() if len(name.upper()) == len(name) else name) == fold(name)


def test_resolve_finds_the_real_letter_case(shadow: Path) -> None:
    root = str(shadow) + os.sep
    real = resolve(root, ["WINDOWS", "system32", "New", "File"])
    assert os.path.normcase(real) == os.path.normcase(str(shadow / "Windows" / "System32" / "New" / "File"))
    if POSIX:
        assert real == str(shadow / "Windows" / "System32" / "New" / "File")
    assert resolve(root, []) == root


@pytest.mark.captured
def test_the_system_writers_file_sets_are_looked_up_not_searched(
    captured_documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """18,925 file sets on a small tree: one walk, in which each of the few folders is listed once at most."""
    text = (captured_documents / "server2012r2" / "WM3.xml").read_text("utf-8")
    components = WriterMetadata.from_xml(text).components
    for name in ("Windows/inf/ADP80XX.INF", "Windows/System32/drivers/null.sys", "Windows/winsxs/a/b", "Windows/other"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    walks: list[_core.FileSetWalk] = []

    class Watched:
        """The compiled module, with an eye on the walks."""

        FileSetPlan = _core.FileSetPlan

        @staticmethod
        def FileSetWalk(*arguments: Any) -> _core.FileSetWalk:
            walks.append(_core.FileSetWalk(*arguments))
            return walks[-1]

    monkeypatch.setattr(_expansion, "_core", Watched)
    sets = [each for component in components for each in component.files]
    assert len(sets) == 18_925
    names = {name.casefold() for name in found(tmp_path, *sets)}
    assert "c:\\windows\\inf\\adp80xx.inf" in names
    assert "c:\\windows\\winsxs\\a\\b" in names
    assert "c:\\windows\\other" not in names
    assert [walk.listed <= 8 for walk in walks] == [True]


def test_a_backup_file_is_a_path() -> None:
    assert os.fspath(BackupFile("C:\\a", "/shadow/a", 0)) == "/shadow/a"
    assert filesets.locate(file_set("\\x"), VOLUMES, {}, ["D:\\"]) == [Location("D:\\", ("x",))]


def leaves_out(
    shadow: Path, *sets: FileSet, live: str = "C:\\", volume: str = "C:\\"
) -> tuple[list[str], list[tuple[str, str]]]:
    """The live paths of the files, and what is left out and why."""
    told: list[tuple[str, str]] = []
    roots = {volume: Root(live, str(shadow) + os.sep)}

    def tell(path: str, reason: str) -> None:
        told.append((path, reason))

    files = expand(sets, volumes=VOLUMES, environment={}, roots=roots, onleaveout=tell)
    return [file.path for file in files], told


def test_a_folder_where_another_volume_is_mounted_is_not_entered(shadow: Path) -> None:
    (shadow / "mount" / "in").mkdir(parents=True)
    (shadow / "mount" / "in" / "hidden").touch()
    files, told = leaves_out(shadow, file_set("C:\\", "*", True))
    assert "C:\\Data\\a.txt" in files
    assert not any("hidden" in file for file in files)
    assert told == [("C:\\mount\\", "another volume is mounted there")]
    live = "\\\\?\\Volume{c7463abb-f40d-11e9-80c7-806e6f6e6963}\\"
    files, told = leaves_out(shadow, file_set("C:\\", "*", True), live=live)
    assert told == [(live + "mount\\", "another volume is mounted there")]


@pytest.mark.skipif(not POSIX, reason="making links takes a privilege on Windows")
def test_a_link_on_the_way_to_a_file_set_is_told(shadow: Path) -> None:
    (shadow / "link").symlink_to(shadow / "Data")
    files, told = leaves_out(shadow, file_set("C:\\Link", "*", True))
    assert files == []
    assert told == [("C:\\link\\", "a link, which is not followed")]


@pytest.mark.skipif(not POSIX, reason="names of Windows hold no backslash")
def test_a_name_with_a_backslash_never_plays_another_path(shadow: Path) -> None:
    for name in ("Data/..\\..\\escape", "Data/sub\\c.txt"):
        (shadow / name).touch()
    (shadow / "Data" / "x\\y").mkdir()
    files, told = leaves_out(shadow, file_set("C:\\Data", "*", True))
    assert len(files) == len(set(files)) == 5
    assert not any(".." in file for file in files)
    assert [path for path, _ in told] == ["C:\\Data\\..\\..\\escape", "C:\\Data\\sub\\c.txt", "C:\\Data\\x\\y\\"]
    volumes = VolumeNames([["/srv/"]])
    posix = expand(
        [file_set("/srv/Data", "*\\*".replace("\\", "?"))],
        volumes=volumes,
        environment={},
        roots={"/srv/": Root("/srv/", str(shadow) + "/")},
    )
    assert "/srv/Data/sub\\c.txt" in [file.path for file in posix]
