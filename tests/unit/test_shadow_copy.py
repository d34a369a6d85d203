"""shadow_copy: one line, a copy of a volume to read from, gone at the end."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from vsspy import simulator
from vsspy.errors import ObjectNotFoundError, ShadowCopyVanishedError
from vsspy.metadata import FileSet
from vsspy.session import shadow_copy
from vsspy.simulator import Component, Machine, Writer


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "c"
    (folder / "Users" / "me").mkdir(parents=True)
    (folder / "Users" / "me" / "letter.txt").write_text("before")
    return folder


def running(root: Path, name: str = "C:\\", **options: Any) -> Any:
    files = [FileSet("C:\\Users", "*", recursive=True)]
    writer = Writer("Demo Writer", components=[Component("Users", files=files)])
    return simulator.running(volumes={name: root}, writers=[writer], state=root.parent / "state", **options)


def events(machine: Machine) -> list[str]:
    return [entry.name.partition("::")[2] for entry in machine.trace if entry.name.startswith("Demo Writer::")]


def test_writers_freeze_and_thaw_and_no_component_is_claimed(root: Path, tmp_path: Path) -> None:
    with running(root) as machine:
        with shadow_copy("c:") as shadow:
            (root / "Users" / "me" / "letter.txt").write_text("after")
            shutil.copytree(shadow / "Users", tmp_path / "copy")
            assert shadow.volume == "C:\\"
            assert os.fspath(shadow).endswith(os.sep)
            assert shadow.live(shadow / "Users") == "C:\\Users"
            assert Path(shadow.path(shadow.volume_path + "users\\ME\\Letter.txt")).read_text() == "before"
            assert len(machine.shadow_copies) == 1
        assert machine.shadow_copies == []
        assert machine.live() == []
        assert {"Freeze", "Thaw", "BackupComplete", "BackupShutdown"} <= set(events(machine))
        assert not [entry for entry in machine.trace if entry.name.endswith(("::AddComponent", "::SetBackupSucceeded"))]
        with pytest.raises(ShadowCopyVanishedError):
            shadow.check()
    assert (tmp_path / "copy" / "me" / "letter.txt").read_text() == "before"


def test_without_writers(root: Path) -> None:
    with running(root) as machine:
        with shadow_copy("C:\\", writers=False, timeout=60) as shadow:
            assert (shadow / "Users" / "me" / "letter.txt").read_text() == "before"
        assert events(machine) == []
        assert machine.shadow_copies == []
        assert machine.live() == []


def test_an_error_in_the_body_aborts(root: Path) -> None:
    with running(root) as machine:
        with pytest.raises(ZeroDivisionError), shadow_copy("C:\\"):
            _ = 1 / 0
        assert events(machine)[-2:] == ["Abort", "BackupShutdown"]
        assert machine.shadow_copies == []
        assert machine.live() == []


def test_a_volume_that_is_not_there(root: Path) -> None:
    with running(root) as machine:
        with pytest.raises(ObjectNotFoundError) as caught, shadow_copy("Q:\\"):
            pass
        assert caught.value.volume == "Q:\\"
        assert machine.live() == []


@pytest.mark.skipif(sys.platform == "win32", reason="mount points of other systems")
def test_a_posix_volume(root: Path) -> None:
    with running(root, f"{root}/"), shadow_copy(root) as shadow:
        assert shadow.volume == f"{root}/"
        letter = root / "Users" / "me" / "letter.txt"
        letter.write_text("after")
        assert Path(shadow.path(letter)).read_text() == "before"
        assert shadow.live(shadow / "Users" / "me" / "letter.txt") == str(letter)


def test_device_names_of_windows(root: Path) -> None:
    with running(root, device_names="nt") as machine:
        with shadow_copy("C:\\") as shadow:
            assert os.fspath(shadow).startswith("\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy")
            assert shadow.path("C:\\Users\\me") == shadow.root + "Users\\me"
            assert shadow.live(shadow.root + "Users\\me") == "C:\\Users\\me"
        assert machine.live() == []
