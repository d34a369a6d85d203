"""The names that lead to a shadow copy and back: GUID paths, mounted folders, shares, long, reserved and odd names."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shadow_support import GLOBALROOT, GUID_PATH, properties

import vsspy
from vsspy import simulator
from vsspy._paths import VolumeNames
from vsspy.errors import InvalidArgumentError
from vsspy.shadow import ShadowCopy, ShadowCopySet

OUTER, INNER, DEEP = (GUID_PATH.replace("1", digit) for digit in "234")
SHARE = "\\\\server\\share\\"


def on_device(volume: str = "C:\\", *others: list[str], device: str = GLOBALROOT) -> ShadowCopy:
    return ShadowCopy(properties(device), volume, VolumeNames([[volume], *others]))


@pytest.mark.parametrize("device", [GLOBALROOT, GLOBALROOT + "\\"])
def test_a_device_with_and_without_its_final_backslash(device: str) -> None:
    shadow = on_device(device=device)
    assert os.fspath(shadow) == GLOBALROOT + "\\"
    assert shadow.device == GLOBALROOT
    assert shadow.live(GLOBALROOT) == shadow.live(GLOBALROOT + "\\") == "C:\\"


@pytest.mark.parametrize(
    "path",
    [
        GLOBALROOT + "\\Users\\me",
        GLOBALROOT + "\\\\Users\\.\\me\\",
        GLOBALROOT.replace("\\", "/") + "/Users/me",
        GLOBALROOT.upper() + "\\Users\\me",
        GLOBALROOT.lower() + "\\Users\\me",
    ],
)
def test_spellings_of_a_path_in_a_shadow_copy(path: str) -> None:
    assert on_device().live(path) == "C:\\Users\\me"


@pytest.mark.parametrize(
    "live",
    [
        "c:\\Users\\me",
        "C:/Users/me",
        "\\\\?\\C:\\Users\\me",
        "//?/c:/Users/me",
        "\\\\.\\C:\\Users\\me",
        "\\??\\C:\\Users\\me",
        GUID_PATH + "Users\\me",
        GUID_PATH.replace("?", ".") + "Users\\me",
        GUID_PATH.upper() + "Users\\\\me\\",
    ],
)
def test_spellings_of_a_live_path(live: str) -> None:
    assert on_device().path(live) == GLOBALROOT + "\\Users\\me"


@pytest.mark.parametrize(
    "live", ["C:\\a\\..\\b", "C:a", "a", "", "\\a", "\\\\?\\a", GLOBALROOT + "\\a", "D:\\a", "\\\\C\\a", "/C:/a"]
)
def test_what_is_no_live_path_on_the_volume(live: str) -> None:
    with pytest.raises(InvalidArgumentError):
        on_device().path(live)


RESERVED = [
    "CON",
    "NUL.txt",
    "COM1",
    "aux",
    "a.",
    "a ",
    "...",
    ". .",
    " ",
    "~",
    "a::$DATA",
    "PROGRA~1",
    "%TEMP%",
    "\ud800",
    "ß",
    "İ",
]


@pytest.mark.parametrize("name", RESERVED)
def test_names_that_win32_would_change_stay_as_they_are(name: str) -> None:
    shadow = on_device()
    expected = f"{GLOBALROOT}\\Data\\{name}"
    assert str(shadow / f"Data/{name}") == shadow.path(f"C:\\Data\\{name}") == expected
    assert shadow.live(expected) == f"C:\\Data\\{name}"
    assert str(PureWindowsPath(expected)) == expected  # what pathlib makes of it on Windows


def test_alternate_streams_are_passed_on() -> None:
    shadow = on_device()
    assert str(shadow / "letter.txt:Zone.Identifier") == GLOBALROOT + "\\letter.txt:Zone.Identifier"
    assert str(shadow / "Data\\f:stream") == GLOBALROOT + "\\Data\\f:stream"
    assert str(shadow / ".\\f:stream") == GLOBALROOT + "\\f:stream"
    for relative in ("f:stream", "f:", "C:\\f"):  # on Windows these are on drives
        with pytest.raises(InvalidArgumentError):
            shadow / relative
    assert shadow.path("C:\\f:stream") == GLOBALROOT + "\\f:stream"
    assert shadow.live(GLOBALROOT + "\\f:stream") == "C:\\f:stream"


@pytest.mark.parametrize(("length", "count"), [(20, 20), (255, 130)])
def test_long_paths(length: int, count: int) -> None:
    shadow = on_device()
    below = "\\".join(f"{index:03}".ljust(length, "x") for index in range(count))
    assert (
        str(shadow / below)
        == shadow.path("C:\\" + below)
        == shadow.path("\\\\?\\C:\\" + below)
        == f"{GLOBALROOT}\\{below}"
    )
    assert shadow.live(shadow / below) == "C:\\" + below


def nested() -> dict[str, ShadowCopy]:
    """D: is mounted in C:\\Mount, F: (without a letter) in D:\\Inner, which is C:\\Mount\\Inner, too."""
    volumes = VolumeNames(
        [
            ["C:\\", GUID_PATH],
            ["D:\\", "C:\\Mount\\", OUTER],
            ["C:\\Mount\\Inner\\", INNER],
            ["E:\\Far\\Away\\", DEEP],
            ["E:\\"],
        ]
    )
    names = {"C:\\": GUID_PATH, "D:\\": OUTER, "C:\\Mount\\Inner\\": INNER, "E:\\Far\\Away\\": DEEP}
    return {
        name: ShadowCopy(properties(f"{GLOBALROOT}{index}", guid), name, volumes)
        for index, (name, guid) in enumerate(names.items())
    }


@pytest.mark.parametrize(
    ("live", "volume", "below"),
    [
        ("C:\\Mount\\x", "D:\\", "x"),
        ("C:\\Mountain\\x", "C:\\", "Mountain\\x"),
        ("c:\\mount", "D:\\", ""),
        (GUID_PATH + "MOUNT\\x", "D:\\", "x"),
        ("C:\\Mount\\Inner\\x", "C:\\Mount\\Inner\\", "x"),
        ("D:\\Inner\\x", "C:\\Mount\\Inner\\", "x"),
        ("D:\\inner", "C:\\Mount\\Inner\\", ""),
        (OUTER + "Inner\\x\\Inner", "C:\\Mount\\Inner\\", "x\\Inner"),
        (GUID_PATH + "Mount\\Inner\\Mount\\x", "C:\\Mount\\Inner\\", "Mount\\x"),
        ("E:\\Far\\Away\\x", "E:\\Far\\Away\\", "x"),
    ],
)
def test_mounted_folders_under_every_name_of_the_volume_around_them(live: str, volume: str, below: str) -> None:
    copies = nested()
    shadows = ShadowCopySet(copies["C:\\"].set_id, copies, copies["C:\\"]._volumes)
    assert shadows.path(live) == copies[volume].path(live) == copies[volume].root + below
    assert copies[volume].live(shadows.path(live)) == volume + below
    for name, other in copies.items():
        if name != volume:
            with pytest.raises(InvalidArgumentError):
                other.path(live)
    if not below:
        assert shadows[live] is copies[volume]


def test_a_volume_that_is_mounted_in_itself() -> None:
    shadow = ShadowCopy(properties(GLOBALROOT), "C:\\", VolumeNames([["C:\\", "C:\\Self\\"]]))
    assert shadow.path("C:\\Self\\Self\\x") == GLOBALROOT + "\\x"


def test_a_path_of_a_document_is_looked_up_no_deeper_than_volumes_are_mounted() -> None:
    class Counted(dict[tuple[str, ...], str]):
        count = 0

        def __contains__(self, key: object) -> bool:
            self.count += 1
            return super().__contains__(key)

    volumes = VolumeNames([["C:\\", GUID_PATH], ["C:\\Mount\\", OUTER]])
    names, mounts = Counted(volumes._volumes), Counted(volumes._mounts("C:\\"))
    volumes._volumes, volumes._inner["C:\\"] = names, mounts
    location = volumes.locate(GUID_PATH + "x\\" * 1000)
    assert location is not None and (location.volume, len(location.elements)) == ("C:\\", 1000)
    assert 0 < names.count < 10 and 0 < mounts.count < 10


def test_a_mount_point_below_a_posix_volume_by_its_guid() -> None:
    volumes = VolumeNames([["/srv/", GUID_PATH], ["/srv/data/", OUTER]])
    assert volumes.locate(GUID_PATH + "data\\x") == volumes.locate("/srv/data/x")
    location = volumes.locate(GUID_PATH + "DATA\\x")
    assert location is not None
    assert (location.volume, location.elements) == ("/srv/", ("DATA", "x"))


@pytest.mark.parametrize(
    ("volume", "spellings"),
    [
        (
            SHARE,
            [
                SHARE,
                SHARE[:-1],
                "\\\\SERVER\\Share\\",
                "//server/share",
                "\\\\?\\UNC\\server\\share\\",
                "\\\\.\\unc\\server\\share",
            ],
        ),
        ("C:\\ClusterStorage\\Volume1\\", ["C:\\ClusterStorage\\Volume1", "c:/clusterstorage/VOLUME1/"]),
    ],
)
def test_shares_and_cluster_shared_volumes(volume: str, spellings: list[str], tmp_path: Path) -> None:
    for folder in ("here", "system"):
        (tmp_path / folder / "Data").mkdir(parents=True)
    (tmp_path / "here" / "Data" / "a.txt").write_text("before")
    machine = simulator.running(volumes={volume: tmp_path / "here", "C:\\": tmp_path / "system"})
    with machine, vsspy.shadow_copy(volume, writers=False) as shadow:
        (tmp_path / "here" / "Data" / "a.txt").write_text("after")
        for spelling in spellings:
            full = spelling.rstrip("\\/") + "\\Data\\a.txt"
            with shadow.open(shadow.path(full)) as file:
                assert file.read() == b"before"
        assert shadow.live(shadow / "Data") == volume + "Data"
        assert [entry.name for entry in shadow.scandir()] == ["Data"]
        with pytest.raises(InvalidArgumentError):
            shadow.path("C:\\Data")


@pytest.mark.parametrize("name", ["\ud800", "a\0b", "x" * 300])
def test_names_that_no_file_has(tmp_path: Path, name: str) -> None:
    shadow = ShadowCopy(properties(str(tmp_path)), "C:\\", VolumeNames([["C:\\"]]))
    assert shadow.path(f"C:\\{name}\\x") == os.sep.join([str(tmp_path), name, "x"])


@pytest.mark.skipif(sys.platform == "win32", reason="no file there has a backslash in its name")
def test_a_name_that_the_volume_cannot_have(tmp_path: Path) -> None:
    shadow = ShadowCopy(properties(str(tmp_path)), "C:\\", VolumeNames([["C:\\"]]))
    with pytest.raises(InvalidArgumentError, match="has no name on"):
        shadow.live(tmp_path / "a\\b")


ELEMENT = st.text(st.characters(exclude_characters="\0/\\"), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..")
)
ELEMENTS = st.lists(ELEMENT, min_size=1, max_size=5)
DEVICES: dict[str, Callable[[], ShadowCopy]] = {
    "device": on_device,
    "mounted": lambda: on_device("C:\\Mount\\", ["D:\\"], ["C:\\"]),
    "share": lambda: on_device(SHARE),
    "folder": lambda: on_device(device="/nowhere/at/all"),
    "posix": lambda: on_device("/srv/data/", ["/srv/"], device="/nowhere/at/all/"),
}

if sys.platform == "win32":  # no device there has a POSIX name
    del DEVICES["folder"], DEVICES["posix"]


@pytest.mark.parametrize("kind", DEVICES)
@settings(max_examples=40)
@given(elements=ELEMENTS)
@example(elements=["İ", "ß"])
@example(elements=["a ", "b.", "c:d"])
@example(elements=["\udcff", "\ud800"])
def test_live_undoes_path_and_path_undoes_live(kind: str, elements: list[str]) -> None:
    shadow = DEVICES[kind]()
    below = shadow.volume[-1].join(elements)
    path = shadow.path(shadow.volume + below)
    assert path == shadow.root + shadow.root[-1].join(elements)
    assert shadow.live(path) == shadow.volume + below
    assert shadow.path(shadow.live(path)) == path
    if elements[0][1:2] != ":":
        assert os.fspath(shadow / below) == path


@settings(max_examples=40)
@given(elements=ELEMENTS, up=st.integers(min_value=0, max_value=5))
def test_two_dots_never_lead_anywhere(elements: list[str], up: int) -> None:
    elements.insert(min(up, len(elements)), "..")
    shadow = on_device()
    below = "\\".join(elements)
    for use in (lambda: shadow / below, lambda: shadow.path("C:\\" + below), lambda: shadow.live(shadow.root + below)):
        with pytest.raises(InvalidArgumentError):
            use()
