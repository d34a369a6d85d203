"""Exposing shadow copies (semantics 7.5), and where paths lie."""

from __future__ import annotations

import ctypes
import shutil
from pathlib import Path

import pytest
from shadow_copies import NO_ID, UNKNOWN, WINDOWS, fails, make, session
from support import BAD_STATE, DOCUMENT, E_INVALIDARG, RawPlatform, server

import vsspy
from vsspy.enums import SnapshotAttributes, SnapshotContext

LOCAL = SnapshotAttributes.EXPOSED_LOCALLY
REMOTE = SnapshotAttributes.EXPOSED_REMOTELY
NOT_SURFACED = SnapshotAttributes.NOT_SURFACED
needs_links = pytest.mark.skipif(WINDOWS, reason="Wine makes no links, and Windows wants a privilege for them")


def test_a_drive_letter(tmp_path: Path) -> None:
    """The drive is the shadow copy's until it is taken away; no shadow copy can be made of it."""
    with server(tmp_path) as machine:
        _, [shadow] = make()
        with session() as components:
            assert components.expose_snapshot(shadow, None, LOCAL, "X:") == "X:\\"
            properties = components.get_snapshot_properties(shadow)
            assert (properties.exposed_name, properties.exposed_path) == ("X:\\", None)
            assert properties.attributes & (LOCAL | REMOTE | NOT_SURFACED) == LOCAL
            assert [copy.exposed_name for copy in machine.shadow_copies] == ["X:\\"]
        with session(SnapshotContext.NAS_ROLLBACK) as components:  # it outlives whoever exposed it
            assert [found.exposed_name for found in components.query()] == ["X:\\"]
            assert not components.is_volume_supported("x:\\")
            components.start_snapshot_set()
            with fails("VSS_E_VOLUME_NOT_SUPPORTED"):
                components.add_to_snapshot_set("x:\\")
        with session() as components:
            components.unexpose_snapshot(shadow)
            properties = components.get_snapshot_properties(shadow)
            assert properties.exposed_name is None
            assert properties.attributes & (LOCAL | REMOTE | NOT_SURFACED) == NOT_SURFACED
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.unexpose_snapshot(shadow)
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.is_volume_supported("X:\\")


@needs_links
@pytest.mark.parametrize("end", ["unexpose", "delete", "close"])
def test_an_empty_folder(tmp_path: Path, end: str) -> None:
    """The folder shows the shadow copy; it is an empty folder again when that is over."""
    with server(tmp_path) as machine:
        folder = tmp_path / "C" / "mounts" / "one"
        folder.mkdir(parents=True)
        _, [shadow] = make()
        (tmp_path / "C" / "data" / "file.txt").write_text("later", encoding="ascii")
        with session() as components:
            assert components.expose_snapshot(shadow, None, LOCAL, "C:\\mounts\\one") == "C:\\mounts\\one\\"
            assert components.get_snapshot_properties(shadow).exposed_name == "C:\\mounts\\one\\"
            assert (folder / "data" / "file.txt").read_text(encoding="ascii") == "data"
            if end == "unexpose":
                components.unexpose_snapshot(shadow)
            elif end == "delete":
                components.delete_snapshots(shadow, vsspy.ObjectType.SNAPSHOT)
            assert folder.is_symlink() == (end == "close")
    assert folder.is_dir()
    assert not folder.is_symlink()
    assert list(folder.iterdir()) == []
    assert machine.notes == []


@needs_links
def test_a_link_that_is_not_ours_stays(tmp_path: Path) -> None:
    """Only the link that was made is ever removed; where something else stands, the provider vetoes."""
    with server(tmp_path) as machine:
        folder = tmp_path / "C" / "mount"
        folder.mkdir()
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        _, [shadow] = make()
        with session() as components:
            components.expose_snapshot(shadow, None, LOCAL, "C:\\mount\\")
            folder.unlink()
            folder.symlink_to(elsewhere, target_is_directory=True)
            with fails("VSS_E_PROVIDER_VETO"):
                components.unexpose_snapshot(shadow)
            assert components.get_snapshot_properties(shadow).exposed_name == "C:\\mount\\"
            components.delete_snapshots(shadow, vsspy.ObjectType.SNAPSHOT)
        assert folder.readlink() == elsewhere
        assert any("something else" in note for note in machine.notes)


@needs_links
def test_no_link_leads_out_of_the_volume(tmp_path: Path) -> None:
    with server(tmp_path):
        outside = tmp_path / "outside"
        (outside / "empty").mkdir(parents=True)
        (tmp_path / "C" / "link").symlink_to(outside, target_is_directory=True)
        _, [shadow] = make()
        with session() as components:
            for path in ("C:\\link\\empty", "C:\\link", "C:\\data\\..\\empty"):
                with fails("E_INVALIDARG"):
                    components.expose_snapshot(shadow, None, LOCAL, path)
        assert list((outside / "empty").iterdir()) == []
        assert (outside / "empty").is_dir()


@pytest.mark.skipif(not WINDOWS, reason="elsewhere links can be made")
def test_a_folder_where_no_link_can_be_made(tmp_path: Path) -> None:
    """The provider vetoes, and the folder is there as before."""
    with server(tmp_path):
        folder = tmp_path / "C" / "mount"
        folder.mkdir()
        _, [shadow] = make()
        with session() as components, fails("VSS_E_PROVIDER_VETO"):
            components.expose_snapshot(shadow, None, LOCAL, "C:\\mount")
        assert folder.is_dir()


def test_shares(tmp_path: Path) -> None:
    """A share has a name, VSS's choice where none is given, and may show a folder of it."""
    with server(tmp_path):
        _, [one] = make()
        _, [two] = make()
        with session() as components:
            assert components.expose_snapshot(one, "data", REMOTE, "backup$") == "backup$"
            properties = components.get_snapshot_properties(one)
            assert (properties.exposed_name, properties.exposed_path) == ("backup$", "data")
            assert properties.attributes & (LOCAL | REMOTE) == REMOTE
            with fails("E_INVALIDARG"):
                components.expose_snapshot(two, None, REMOTE, "backup$")
            chosen = components.expose_snapshot(two, None, REMOTE, None)
            assert chosen not in ("", "backup$")
            assert components.get_snapshot_properties(two).exposed_path is None
            components.unexpose_snapshot(one)
            components.unexpose_snapshot(two)
            assert components.expose_snapshot(two, None, REMOTE, "backup$") == "backup$"


@pytest.mark.parametrize(
    ("path", "attributes", "target"),
    [
        (None, 0, "X:"),
        (None, LOCAL | REMOTE, "X:"),
        (None, SnapshotAttributes.PERSISTENT, "X:"),
        ("data", LOCAL, "X:"),
        (None, LOCAL, None),
        (None, LOCAL, ""),
        (None, LOCAL, "C:"),
        (None, LOCAL, "C:\\"),
        (None, LOCAL, "C:\\data"),
        (None, LOCAL, "C:\\nowhere"),
        (None, LOCAL, "D:\\folder"),
        (None, LOCAL, "folder"),
        (None, REMOTE, ""),
        (None, REMOTE, "a\\b"),
        ("nowhere", REMOTE, "share"),
        ("..", REMOTE, "share"),
    ],
)
def test_what_cannot_be_a_place(tmp_path: Path, path: str | None, attributes: int, target: str | None) -> None:
    with server(tmp_path) as machine:
        _, [shadow] = make()
        with session() as components, fails("E_INVALIDARG"):
            components.expose_snapshot(shadow, path, attributes, target)
        assert [copy.exposed_name for copy in machine.shadow_copies] == [None]


def test_a_shadow_copy_whose_files_are_gone(tmp_path: Path) -> None:
    with server(tmp_path) as machine:
        _, [shadow] = make()
        shutil.rmtree(machine.shadow_copies[0].folder)
        with session() as components, fails("VSS_E_PROVIDER_VETO"):
            components.expose_snapshot(shadow, None, LOCAL, "X:")


def test_mounted_folders_are_ntfs(tmp_path: Path) -> None:
    with server(tmp_path, volumes={"C:\\": tmp_path / "C", "D:\\": tmp_path / "D"}) as machine:
        (tmp_path / "D" / "mount").mkdir()
        machine.set_volume_qualities("D:\\", ntfs=False)
        _, [shadow] = make()
        with session() as components, fails("E_INVALIDARG"):
            components.expose_snapshot(shadow, None, LOCAL, "D:\\mount")


@pytest.mark.parametrize(
    ("context", "code"),
    [
        (SnapshotContext.NAS_ROLLBACK, None),
        (SnapshotContext.CLIENT_ACCESSIBLE, "VSS_E_BAD_STATE"),
        (SnapshotContext.FILE_SHARE_BACKUP, "VSS_E_BAD_STATE"),
    ],
)
@pytest.mark.parametrize("attributes", [LOCAL, REMOTE])
def test_contexts(tmp_path: Path, context: SnapshotContext, code: str | None, attributes: int) -> None:
    """Only persistent ones can be exposed, and no client-accessible one (semantics 7.5)."""
    with server(tmp_path), session(context) as components:
        components.start_snapshot_set()
        shadow = components.add_to_snapshot_set("C:\\")
        with components.do_snapshot_set() as operation:
            operation.wait(60)
        place = "X:" if attributes == LOCAL else "share"
        if code is None:
            assert components.expose_snapshot(shadow, None, attributes, place)
            with fails("VSS_E_BAD_STATE"):  # it is exposed already
                components.expose_snapshot(shadow, None, attributes, "Y:" if attributes == LOCAL else "other")
        else:
            with fails(code):
                components.expose_snapshot(shadow, None, attributes, place)


def test_states(tmp_path: Path) -> None:
    """Exposing is a backup object's, and what is to be exposed has to be visible."""
    with server(tmp_path):
        _, [shadow] = make()
        with vsspy.BackupComponents() as components:
            with fails("VSS_E_BAD_STATE"):
                components.expose_snapshot(shadow, None, LOCAL, "X:")
            with fails("VSS_E_BAD_STATE"):
                components.unexpose_snapshot(shadow)
            components.initialize_for_restore(DOCUMENT)
            with fails("VSS_E_BAD_STATE"):
                components.expose_snapshot(shadow, None, LOCAL, "X:")
            with fails("VSS_E_BAD_STATE"):
                components.unexpose_snapshot(shadow)
        with session(SnapshotContext.BACKUP) as components:
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.expose_snapshot(shadow, None, LOCAL, "X:")
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.unexpose_snapshot(shadow)
        with session() as components:
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.expose_snapshot(UNKNOWN, None, LOCAL, "X:")
            for call in (
                components.unexpose_snapshot,
                lambda each: components.expose_snapshot(each, None, LOCAL, "X:"),
            ):
                with fails("E_INVALIDARG"):
                    call(NO_ID)


def test_pointers(tmp_path: Path) -> None:
    """A NULL output is refused before the state is looked at."""
    with server(tmp_path) as machine, RawPlatform(machine).backup_components() as raw:
        text = ctypes.c_void_p()
        assert raw.call("ExposeSnapshot", UNKNOWN, None, int(LOCAL), "X:", None) == E_INVALIDARG
        assert raw.call("ExposeSnapshot", UNKNOWN, None, int(LOCAL), "X:", text) == BAD_STATE
        assert text.value is None
        raw.interface = "IVssBackupComponentsEx4"
        method = "GetRootAndLogicalPrefixPaths"
        assert raw.call(method, None, text, text, False) == E_INVALIDARG
        assert raw.call(method, "C:\\x", None, text, False) == E_INVALIDARG
        assert raw.call(method, "C:\\x", text, None, False) == E_INVALIDARG


def test_root_and_prefix(tmp_path: Path) -> None:
    """The root is the volume's name, the prefix what of the path names it."""
    volumes = {"C:\\": tmp_path / "C", "C:\\mount\\": tmp_path / "mount", "/srv": tmp_path / "srv"}
    with server(tmp_path, volumes=volumes) as machine, session() as components:
        guid_path = machine.volume_paths["C:\\"]
        for path, root, prefix in [
            ("c:\\data\\file.txt", "C:\\", "c:\\"),
            ("\\\\?\\C:\\data", "C:\\", "\\\\?\\C:\\"),
            ("C:\\Mount\\a", "C:\\mount\\", "C:\\Mount\\"),
            ("C:\\mount", "C:\\mount\\", "C:\\mount"),
            ("C:\\mountain", "C:\\", "C:\\"),
            (f"{guid_path}data", "C:\\", guid_path),
            ("/srv/a/b", "/srv/", "/srv/"),
        ]:
            found = components.get_root_and_logical_prefix_paths(path)
            assert (found.root_path, found.logical_prefix) == (root, prefix), path
            assert components.is_volume_supported(found.root_path)
        for path in ("D:\\data", "/SRV/a", "\\\\server\\share\\a", "data"):
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.get_root_and_logical_prefix_paths(path)
