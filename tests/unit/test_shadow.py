"""Shadow copies as paths: the root's separator, joining, and the way from live paths and back."""

from __future__ import annotations

import os
import pickle
import shutil
import sys
from pathlib import Path
from uuid import UUID

import pytest
from shadow_support import GLOBALROOT, GUID_PATH, properties

import vsspy
from vsspy import simulator
from vsspy._paths import VolumeNames
from vsspy.errors import InvalidArgumentError, ObjectNotFoundError, ShadowCopyVanishedError
from vsspy.shadow import ShadowCopy, ShadowCopySet

POSIX = sys.platform != "win32"


@pytest.fixture
def on_device() -> ShadowCopy:
    return ShadowCopy(properties(GLOBALROOT), "C:\\", VolumeNames([["C:\\", "C:\\Mount\\"], ["D:\\"], ["C:\\Other\\"]]))


def test_a_device_keeps_its_final_backslash(on_device: ShadowCopy) -> None:
    assert os.fspath(on_device) == str(on_device) == on_device.root == GLOBALROOT + "\\"
    assert on_device.device == GLOBALROOT
    assert on_device.volume_path == GUID_PATH
    assert (on_device.snapshot_id, on_device.set_id) == (UUID(int=1), UUID(int=2))


@pytest.mark.parametrize("relative", ["Users\\me", "Users/me", Path("Users") / "me", "Users\\.\\me\\"])
def test_joining_on_a_device(on_device: ShadowCopy, relative: str | Path) -> None:
    assert str(on_device / relative) == GLOBALROOT + "\\Users\\me"


@pytest.mark.parametrize("relative", ["", ".", "\\", "/Users", "\\Users", "..", "a\\..\\b"])
def test_the_root_full_paths_and_dots_are_no_relative_paths(on_device: ShadowCopy, relative: str) -> None:
    with pytest.raises(InvalidArgumentError, match="below the root"):
        on_device / relative


@pytest.mark.parametrize(
    ("live", "below"),
    [
        ("C:\\", ""),
        ("c:", ""),
        ("C:\\Users\\me", "Users\\me"),
        ("c:/Users/me", "Users\\me"),
        ("C:\\Mount\\x", "x"),
        (GUID_PATH + "x\\y", "x\\y"),
        (GUID_PATH.upper() + "x", "x"),
        ("\\\\?\\C:\\" + "long\\" * 100 + "x", "long\\" * 100 + "x"),
    ],
)
def test_live_paths_to_a_device(on_device: ShadowCopy, live: str, below: str) -> None:
    assert on_device.path(live) == GLOBALROOT + "\\" + below


@pytest.mark.parametrize("live", ["D:\\x", "E:\\x", "C:\\Other\\x", "Users", "\\Users"])
def test_paths_on_other_volumes(on_device: ShadowCopy, live: str) -> None:
    with pytest.raises(InvalidArgumentError):
        on_device.path(live)


def test_device_paths_to_live_ones(on_device: ShadowCopy) -> None:
    assert on_device.live(GLOBALROOT) == on_device.live(GLOBALROOT + "\\") == "C:\\"
    assert on_device.live(on_device / "Users\\me") == "C:\\Users\\me"
    assert on_device.live(GLOBALROOT.upper() + "\\Users/x") == "C:\\Users\\x"
    for wrong in ("C:\\Users", GLOBALROOT + "1\\x", GLOBALROOT[:-1], GLOBALROOT + "\\a\\..\\b"):
        with pytest.raises(InvalidArgumentError):
            on_device.live(wrong)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shadow" / "Users" / "Me").mkdir(parents=True)
    (tmp_path / "shadow" / "Users" / "Me" / "a.txt").write_text("a")
    return tmp_path / "shadow"


def test_a_folder_as_device(folder: Path, tmp_path: Path) -> None:
    shadow = ShadowCopy(properties(str(folder)), "C:\\", VolumeNames([["C:\\"]]))
    assert os.fspath(shadow) == str(folder) + os.sep
    assert shadow / "Users" == folder / "Users"
    assert (shadow / "Users" / "Me" / "a.txt").read_text() == "a"
    assert os.listdir(shadow) == ["Users"]
    shutil.copytree(shadow, tmp_path / "copy")
    assert (tmp_path / "copy" / "Users" / "Me" / "a.txt").read_text() == "a"
    assert Path(shadow.path("c:\\USERS\\me\\A.TXT")).read_text() == "a"
    assert shadow.path("C:\\") == str(folder) + os.sep
    assert shadow.live(folder / "Users" / "Me") == "C:\\Users\\Me"
    assert shadow.live(folder) == "C:\\"


@pytest.mark.skipif(not POSIX, reason="mount points of other systems")
def test_a_posix_mount_point(folder: Path) -> None:
    shadow = ShadowCopy(properties(str(folder)), "/srv/data/", VolumeNames([["/srv/data/"]]))
    assert shadow.path("/srv/data/Users/Me") == str(folder / "Users" / "Me")
    assert shadow.path("/srv/data/users") == str(folder / "users")
    assert shadow.path("/srv/data") == f"{folder}/"
    assert shadow.live(folder / "Users" / "back\\slash") == "/srv/data/Users/back\\slash"
    odd = os.fsdecode(b"\xff")
    assert shadow.path(f"/srv/data/{odd}") == str(shadow / odd) == f"{folder}/{odd}"


def test_a_set_is_found_by_any_name_of_a_volume() -> None:
    volumes = VolumeNames([["C:\\"], ["D:\\"], ["C:\\Mount\\"]])
    other = GUID_PATH.replace("1", "9")
    copies = {
        "C:\\": ShadowCopy(properties(GLOBALROOT), "C:\\", volumes),
        "D:\\": ShadowCopy(properties(GLOBALROOT + "8", other), "D:\\", volumes),
    }
    shadows = ShadowCopySet(UUID(int=2), copies, volumes)
    assert shadows.set_id == UUID(int=2)
    assert list(shadows) == ["C:\\", "D:\\"]
    assert len(shadows) == 2
    for name in ("C:", "c:\\", "C:/", GUID_PATH, GUID_PATH.rstrip("\\").upper()):
        assert shadows[name] is copies["C:\\"]
        assert name in shadows
    assert shadows.path("d:\\x") == GLOBALROOT + "8\\x"
    for name in ("E:", "C:\\Mount\\", "relative", ""):
        assert name not in shadows
        with pytest.raises(KeyError):
            shadows[name]
    with pytest.raises(InvalidArgumentError, match="on no volume of the set"):
        shadows.path("C:\\Mount\\x")
    assert {key: (root.live, root.shadow) for key, root in shadows.roots().items()} == {
        "C:\\": ("C:\\", GLOBALROOT + "\\"),
        "D:\\": ("D:\\", GLOBALROOT + "8\\"),
    }


def test_a_vanished_shadow_copy_is_one_typed_error(folder: Path) -> None:
    volumes = VolumeNames([["C:\\"]])
    shadow = ShadowCopy(properties(str(folder)), "C:\\", volumes)
    shadows = ShadowCopySet(shadow.set_id, {"C:\\": shadow}, volumes)
    shadows.check()
    shutil.rmtree(folder)
    with pytest.raises(ShadowCopyVanishedError, match="of C:.* is gone") as caught:
        shadows.check()
    assert isinstance(caught.value, ObjectNotFoundError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_both_separators_join_on_a_simulated_windows_volume(folder: Path) -> None:
    shadow = ShadowCopy(properties(str(folder)), "C:\\", VolumeNames([["C:\\"]]))
    assert str(shadow / "Users\\a.txt") == str(shadow / "Users/a.txt") == f"{folder}{os.sep}Users{os.sep}a.txt"
    for relative in ("C:\\Users", "\\Users", "Users\\..\\..\\x"):
        with pytest.raises(InvalidArgumentError):
            shadow / relative


def test_a_shadow_copy_without_a_device_leads_nowhere(tmp_path: Path) -> None:
    """A transportable one has none before it is imported; it must never be the root of the live volume."""
    context = vsspy.SnapshotContext.NAS_ROLLBACK | vsspy.SnapshotAttributes.TRANSPORTABLE
    with (
        simulator.running(volumes={"C:\\": tmp_path}, hardware_provider=True),
        vsspy.BackupSession("C:\\", context=context) as session,
    ):
        shadow = session.snapshot().shadow_copies[0]
        assert shadow.device == ""
        assert shadow.alive
        for name in (shadow.root, os.fspath(shadow), str(shadow / "Data"), shadow.path("C:\\Data")):
            assert "NotSurfaced" in name
            assert not os.path.exists(name)
    assert session.result.good
