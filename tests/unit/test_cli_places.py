"""What PATH, --volume and --to mean, before anything is made."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from vsspy._paths import stored_as
from vsspy.cli.errors import CommandError
from vsspy.cli.places import find_places, parse_volumes, target_folder

posix = pytest.mark.skipif(sys.platform == "win32", reason="the names are those of POSIX")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """/…/in with some things to back up; /…/out is where to."""
    for name in ("in/Data/sub/file", "in/Other/file", "in/top"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def find(folder: Path, *paths: str, volumes: tuple[str, ...] = ()) -> list[tuple[str, str, str, str]]:
    found = find_places(paths, parse_volumes(volumes), str(folder / "out"), simulated=True)
    return [(place.path, place.volume, place.inside, place.below) for place in found.places]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/srv/data", "srv/data"),
        ("C:\\Data\\x", "C/Data/x"),
        ("c:\\", "C"),
        ("\\\\?\\Volume{6f3a1f0e-6d0b-4c55-9d2b-5f0e4b7c1a01}\\x", "Volume{6f3a1f0e-6d0b-4c55-9d2b-5f0e4b7c1a01}/x"),
    ],
)
def test_where_a_path_goes(path: str, expected: str) -> None:
    assert stored_as(path) == expected.replace("/", os.sep)


@posix
def test_a_folder_is_a_volume_by_itself(folder: Path) -> None:
    path = str(folder / "in" / "Data")
    assert find(folder, path) == [(path, path + "/", "", path[1:])]


@posix
def test_the_volume_of_a_file_is_its_folder(folder: Path) -> None:
    path, data = str(folder / "in" / "top"), str(folder / "in" / "Data")
    volume = str(folder / "in") + "/"
    assert find(folder, path) == [(path, volume, "top", path[1:])]
    assert find(folder, data, path) == [(data, volume, "Data", data[1:]), (path, volume, "top", path[1:])]


@posix
def test_relative_paths_and_trailing_separators(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "in")
    assert find(folder, "Data/") == find(folder, str(folder / "in" / "Data"))
    assert find(folder, "./Data/../Data") == find(folder, "Data")


@pytest.mark.parametrize("path", ["C:\\Data", "c:\\data\\", "C:/Data", "PLACE"])
def test_names_in_a_simulated_volume(folder: Path, path: str) -> None:
    """Windows' names, in any letter case, and places in the folder mean the same."""
    if path == "PLACE":
        path = str(folder / "in" / "Data")
    found = find(folder, path, volumes=(f"C:={folder / 'in'}",))
    assert found == [("C:\\Data", "C:\\", "Data", os.path.join("C", "Data"))]


def test_the_root_of_a_simulated_volume(folder: Path) -> None:
    for path in ("C:\\", str(folder / "in")):
        assert find(folder, path, volumes=(f"C:\\={folder / 'in'}",)) == [("C:\\", "C:\\", "", "C")]


@posix
def test_a_mount_point_can_be_simulated(folder: Path) -> None:
    found = find(folder, "/mnt/disk/Data/sub", volumes=(f"/mnt/disk={folder / 'in'}",))
    assert found == [("/mnt/disk/Data/sub", "/mnt/disk/", "Data/sub", "mnt/disk/Data/sub")]


@posix
def test_a_link_given_as_path_is_the_folder_it_leads_to(folder: Path) -> None:
    os.symlink(folder / "in", folder / "link")
    path = str(folder / "link")
    places = find_places([path], {}, str(folder / "out"), simulated=True)
    assert places.places[0].path == path and places.volumes == {path + "/": str(folder / "in")}


@pytest.mark.parametrize(
    ("paths", "volumes", "message"),
    [
        (("missing",), (), "missing does not exist"),
        (("",), (), "a PATH is empty"),
        (("in", "in"), (), "is given twice"),
        (("in", "in/Data"), (), "lies inside"),
        (("in/Data/sub", "in/Data"), (), "lies inside"),
        (("in/top", "in"), (), "lies inside"),
        ((".",), (), "lies inside"),
        (("out/made",), (), "lies inside --to"),
        (("out",), (), "lies inside"),
        (("C:\\Nothing",), ("C:\\=in",), "C:\\Nothing does not exist"),
        (("C:\\..\\in",), ("C:\\=in",), "does not exist"),
        (("C:\\", "C:\\Data"), ("C:\\=in",), "C:\\Data lies inside C:\\"),
        (("in/Data",), ("C:\\",), "write NAME=FOLDER"),
        (("in/Data",), ("=in",), "write NAME=FOLDER"),
        (("in/Data",), ("C:\\=",), "write NAME=FOLDER"),
        (("in/Data",), ("C:\\=missing",), "missing is not a folder"),
        (("in/Data",), ("C:\\=in/top",), "is not a folder"),
        (("in/Data",), ("disk=in",), "disk is no volume name"),
        (("in/Data",), ("C:\\=in", "c:=out"), "C:\\ is given twice"),
    ],
)
def test_wrong_paths_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, paths: tuple[str, ...], volumes: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(folder)
    (folder / "out" / "made").mkdir(parents=True)
    with pytest.raises(CommandError) as caught:
        find(folder, *paths, volumes=volumes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@posix
def test_names_that_only_posix_knows_to_be_wrong(folder: Path) -> None:
    with pytest.raises(CommandError, match="--volume 'D:"):
        find(folder, "D:\\Data")
    os.mkfifo(folder / "pipe")
    with pytest.raises(CommandError, match="neither a file nor a folder"):
        find(folder, str(folder / "pipe"))
    os.symlink(folder / "elsewhere", folder / "in" / "way-out")
    (folder / "elsewhere").mkdir()
    with pytest.raises(CommandError, match="leads out of its volume"):
        find(folder, "C:\\way-out", volumes=(f"C:\\={folder / 'in'}",))
    with pytest.raises(CommandError, match="taken by vsspy's own folder"):
        find(folder, "/vsspy/x", volumes=(f"/vsspy/x={folder / 'in'}",))
    with pytest.raises(CommandError, match="would be written to the same place"):
        find(folder, "/C", "C:\\", volumes=(f"C:\\={folder / 'in' / 'Data'}", f"/C={folder / 'in' / 'Other'}"))


def test_a_target_that_is_a_file_or_below_one(folder: Path) -> None:
    assert target_folder(str(folder / "new" / "deep")) == str(folder / "new" / "deep")
    for name in ("in/top", "in/top/below"):
        with pytest.raises(CommandError, match="top is a file"):
            target_folder(str(folder / name))


@posix
def test_a_target_inside_the_path_is_seen_through_links(folder: Path) -> None:
    (folder / "in" / "target").mkdir()
    os.symlink(folder / "in" / "target", folder / "harmless")
    with pytest.raises(CommandError, match="lies inside"):
        find_places([str(folder / "in")], {}, str(folder / "harmless"), simulated=True)
