"""Reverting volumes (semantics 7.6), and what asks before it."""

from __future__ import annotations

import ctypes
import math
from pathlib import Path

import pytest
from shadow_copies import NO_ID, UNKNOWN, WINDOWS, call_entry_point, fails, make, session, tree
from support import (
    BAD_STATE,
    DOCUMENT,
    E_INVALIDARG,
    ONE_ID,
    S_OK,
    TIMEOUT,
    TWO_ID,
    RawPlatform,
    code,
    server,
    wait,
    writer,
)

import vsspy
from vsspy import simulator
from vsspy.enums import SnapshotAttributes, SnapshotContext

REVERT = "IVssBackupComponents::RevertToSnapshot"
SLOW = simulator.Fault(REVERT, delay=2.0)
ENDLESS = simulator.Fault(REVERT, delay=math.inf)
E_POINTER = 0x80004003


def revert(machine: simulator.Machine, components: vsspy.BackupComponents, shadow: object) -> None:
    """Reverts and waits until it is over, if that can still be seen."""
    components.revert_to_snapshot(shadow)  # type: ignore[arg-type]
    try:
        operation = components.query_revert_status("C:\\")
    except vsspy.ObjectNotFoundError:
        return
    wait(operation)


def test_the_volume_is_as_it_was(tmp_path: Path) -> None:
    """What was changed, removed and added since is undone; other volumes inside and the shadow copy stay."""
    volumes = {"C:\\": tmp_path / "C", "C:\\mounts\\d\\": tmp_path / "C" / "mounts" / "d"}
    (tmp_path / "C" / "mounts" / "d").mkdir(parents=True)
    for name in ("data/sub", "more"):
        (tmp_path / "C" / name).mkdir(parents=True)
    root = tmp_path / "C"
    (root / "data" / "file.txt").write_text("data", encoding="ascii")
    (root / "data" / "sub" / "deep.txt").write_text("deep", encoding="ascii")
    (root / "mounts" / "beside.txt").write_text("beside", encoding="ascii")
    (root / "mounts" / "d" / "other.txt").write_text("before", encoding="ascii")
    before = tree(root)
    with server(tmp_path, volumes=volumes) as machine:
        _, [shadow] = make()
        (root / "data" / "file.txt").write_text("later", encoding="ascii")
        (root / "data" / "sub" / "deep.txt").unlink()
        (root / "data" / "sub").rmdir()
        (root / "more").rmdir()
        (root / "more").write_text("a file by now", encoding="ascii")
        (root / "new").mkdir()
        (root / "new" / "file.txt").write_text("new", encoding="ascii")
        (root / "mounts" / "beside.txt").unlink()
        (root / "mounts" / "added.txt").write_text("added", encoding="ascii")
        (root / "mounts" / "d" / "other.txt").write_text("its own", encoding="ascii")
        with session() as components:
            revert(machine, components, shadow)
            assert components.get_snapshot_properties(shadow).snapshot_id == shadow
        assert tree(root) == {**before, "mounts/d/other.txt": "its own"}
    assert machine.notes == []
    assert tree(root) == {**before, "mounts/d/other.txt": "its own"}


@pytest.mark.skipif(WINDOWS, reason="Windows keeps neither modes nor links of POSIX")
def test_modes_and_links_come_back(tmp_path: Path) -> None:
    with server(tmp_path) as machine:
        root = tmp_path / "C"
        (root / "data" / "file.txt").chmod(0o640)
        (root / "link").symlink_to("data")
        (root / "exposed").mkdir()
        _, [shadow] = make()
        (root / "data" / "file.txt").chmod(0o600)
        (root / "link").unlink()
        with session() as components:
            components.expose_snapshot(shadow, None, SnapshotAttributes.EXPOSED_LOCALLY, "C:\\exposed")
            revert(machine, components, shadow)
            assert (root / "exposed").is_symlink(), "an exposed shadow copy stays where it is"
        assert (root / "data" / "file.txt").stat().st_mode & 0o777 == 0o640
        assert str((root / "link").readlink()) == "data"
    assert machine.notes == []


@pytest.mark.skipif(WINDOWS, reason="Wine makes no links")
def test_a_link_that_comes_back_is_not_followed(tmp_path: Path) -> None:
    """Where a folder that has to stay stands in the way of a link, nothing comes out of where the link leads."""
    (outside := tmp_path / "outside").mkdir()
    (outside / "file.txt").write_text("not the volume's", encoding="ascii")
    (root := tmp_path / "C").mkdir()
    (root / "sub").symlink_to(outside)
    with server(tmp_path) as machine:
        _, [shadow] = make()
        (root / "sub").unlink()
        (root / "sub" / "mount").mkdir(parents=True)
        (root / "sub" / "later.txt").write_text("later", encoding="ascii")
        with session() as components:
            components.expose_snapshot(shadow, None, SnapshotAttributes.EXPOSED_LOCALLY, "C:\\sub\\mount")
            revert(machine, components, shadow)
        assert tree(outside) == {"file.txt": "not the volume's"}
        assert [each.name for each in (root / "sub").iterdir()] == ["mount"]
        assert machine.notes == [
            "revert of C:\\: sub: could not be replaced (something that stays lies in it)",
        ]


@pytest.mark.skipif(WINDOWS, reason="Wine makes no links")
def test_a_volume_inside_stays_also_where_a_link_stands_for_it(tmp_path: Path) -> None:
    (inside := tmp_path / "C" / "inside").mkdir(parents=True)
    (inside / "file.txt").write_text("before", encoding="ascii")
    (tmp_path / "link").symlink_to(inside)
    with server(tmp_path, volumes={"C:\\": tmp_path / "C", "D:\\": tmp_path / "link"}) as machine:
        _, [shadow] = make()
        (inside / "file.txt").write_text("its own", encoding="ascii")
        with session() as components:
            revert(machine, components, shadow)
        assert (inside / "file.txt").read_text(encoding="ascii") == "its own"


def test_the_status_of_a_revert(tmp_path: Path) -> None:
    """It is pending until the revert is over, cannot be cancelled, and there is none before and afterwards."""
    with server(tmp_path, faults=[SLOW], virtual_time=True) as machine:
        (file := tmp_path / "C" / "data" / "file.txt").write_text("then", encoding="ascii")
        _, [shadow] = make()
        file.write_text("now", encoding="ascii")
        with session() as components:
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.query_revert_status("C:\\")
            components.revert_to_snapshot(shadow)
            with components.query_revert_status(machine.volume_paths["C:\\"]) as operation:
                assert not operation.done()
                operation.cancel()
                with fails("VSS_E_REVERT_IN_PROGRESS"):
                    components.revert_to_snapshot(shadow)
                operation.wait(timeout=TIMEOUT)
                assert operation.status == code("VSS_S_ASYNC_FINISHED")
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.query_revert_status("C:\\")
        assert file.read_text(encoding="ascii") == "then"
        assert {(entry.kind, entry.code) for entry in machine.trace if entry.name == REVERT} == {
            ("call", "S_OK"),
            ("call", "VSS_E_REVERT_IN_PROGRESS"),
            ("result", "VSS_S_ASYNC_FINISHED"),
        }


def test_a_revert_outlives_its_requester(tmp_path: Path) -> None:
    """Another session may ask for it; the machine's end stops it, and the volume is whole."""
    with server(tmp_path, faults=[ENDLESS]):
        _, [shadow] = make()
        (file := tmp_path / "C" / "data" / "file.txt").write_text("now", encoding="ascii")
        with session() as components:
            components.revert_to_snapshot(shadow)
        with session() as components, components.query_revert_status("C:\\") as operation:
            assert not operation.done()
    assert file.read_text(encoding="ascii") == "now"
    assert sorted(tree(tmp_path / "C")) == ["data", "data/file.txt", "more", "more/file.txt"]


def test_a_volume_that_is_lost(tmp_path: Path) -> None:
    with server(tmp_path, faults=[SLOW], virtual_time=True):
        _, [shadow] = make()
        with session() as components:
            components.revert_to_snapshot(shadow)
            with components.query_revert_status("C:\\") as operation:
                (tmp_path / "C").rename(tmp_path / "gone")
                with fails("VSS_E_REVERT_VOLUME_LOST"):
                    operation.wait(timeout=TIMEOUT)


CONTEXTS = {
    SnapshotContext.BACKUP: "VSS_E_UNSUPPORTED_CONTEXT",
    SnapshotContext.FILE_SHARE_BACKUP: "VSS_E_UNSUPPORTED_CONTEXT",
    SnapshotContext.NAS_ROLLBACK: None,
    SnapshotContext.APP_ROLLBACK: None,
    SnapshotContext.CLIENT_ACCESSIBLE: None,
    SnapshotContext.CLIENT_ACCESSIBLE_WRITERS: None,
}


@pytest.mark.parametrize(("context", "refusal"), CONTEXTS.items(), ids=[context.name for context in CONTEXTS])
def test_contexts(tmp_path: Path, context: SnapshotContext, refusal: str | None) -> None:
    """Persistent shadow copies can be reverted to, whatever made them."""
    with server(tmp_path) as machine, session(context) as components:
        if not context & SnapshotAttributes.NO_WRITERS:
            components.set_backup_state(False, False, vsspy.BackupType.COPY)
            wait(components.gather_writer_metadata())
            wait(components.prepare_for_backup())
        components.start_snapshot_set()
        shadow = components.add_to_snapshot_set("C:\\")
        wait(components.do_snapshot_set())
        if refusal is None:
            revert(machine, components, shadow)
        else:
            with fails(refusal):
                components.revert_to_snapshot(shadow)


def test_refusals(tmp_path: Path) -> None:
    with server(tmp_path):
        _, [shadow] = make()
        with vsspy.BackupComponents() as components:
            with fails("VSS_E_BAD_STATE"):
                components.revert_to_snapshot(shadow)
            with fails("VSS_E_BAD_STATE"):
                components.query_revert_status("C:\\")
        with session(SnapshotContext.BACKUP) as components, fails("VSS_E_OBJECT_NOT_FOUND"):
            components.revert_to_snapshot(shadow)  # another context's
        with session() as components:
            with fails("E_INVALIDARG"):
                components.revert_to_snapshot(NO_ID)
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.revert_to_snapshot(UNKNOWN)
            with fails("E_INVALIDARG"):
                components.query_revert_status("C:")
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.query_revert_status("D:\\")
            components.expose_snapshot(shadow, None, SnapshotAttributes.EXPOSED_LOCALLY, "X:")
            with fails("VSS_E_VOLUME_NOT_SUPPORTED"):
                components.query_revert_status("X:\\")
        with vsspy.BackupComponents() as components:  # both kinds of sessions may ask (semantics 2.4)
            components.initialize_for_restore(DOCUMENT)
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.revert_to_snapshot(UNKNOWN)
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.query_revert_status("C:\\")


def test_a_volume_in_use(tmp_path: Path) -> None:
    """Others hold the volume: a set under creation, and on POSIX an open file. Force takes it from them."""
    with server(tmp_path) as machine:
        _, [shadow] = make()
        with session() as components:
            with session(SnapshotContext.NAS_ROLLBACK) as maker:
                maker.start_snapshot_set()
                maker.add_to_snapshot_set("C:\\")
                with fails("VSS_E_VOLUME_IN_USE"):
                    components.revert_to_snapshot(shadow)
            if not WINDOWS:
                with (tmp_path / "C" / "data" / "file.txt").open(encoding="ascii"), fails("VSS_E_VOLUME_IN_USE"):
                    components.revert_to_snapshot(shadow)
            with session(SnapshotContext.NAS_ROLLBACK) as maker:
                maker.start_snapshot_set()
                maker.add_to_snapshot_set("C:\\")
                components.revert_to_snapshot(shadow, force_dismount=True)
        assert [entry.code for entry in machine.trace if entry.name == REVERT and entry.kind == "call"][-1] == "S_OK"


@pytest.mark.parametrize("level", ["xp", "vista"])
def test_levels(tmp_path: Path, level: str) -> None:
    """Server 2003 has reverts from Service Pack 1 on, which the oldest level does not have."""
    with server(tmp_path, level=level) as machine:
        _, [shadow] = make()
        with session() as components:
            if level == "xp":
                with fails("E_NOTIMPL"):
                    components.revert_to_snapshot(shadow)
                with fails("E_NOTIMPL"):
                    components.query_revert_status("C:\\")
            else:
                revert(machine, components, shadow)


def test_pointers(tmp_path: Path) -> None:
    """Arguments are looked at before the state."""
    with server(tmp_path) as machine, RawPlatform(machine).backup_components() as raw:
        out = ctypes.c_void_p()
        assert raw.call("QueryRevertStatus", None, out) == E_POINTER
        assert raw.call("QueryRevertStatus", "C:\\", None) == E_POINTER
        assert raw.call("QueryRevertStatus", "C:", out) == E_INVALIDARG
        assert raw.call("QueryRevertStatus", "C:\\", out) == BAD_STATE
        assert out.value is None
        assert raw.call("RevertToSnapshot", NO_ID, False) == E_INVALIDARG
        assert raw.call("RevertToSnapshot", UNKNOWN, False) == BAD_STATE


def test_should_block_revert(tmp_path: Path) -> None:
    """The registry names the writers that object, where they have components on the volume."""
    volumes = {name: tmp_path / name[0] for name in ("C:\\", "D:\\")}
    variable = simulator.Writer(
        "Two Writer",
        writer_id=TWO_ID,
        components=[simulator.Component("data", files=[simulator.FileSet("%root%\\data", "*")])],
    )
    for blocking, blocked in [((), ""), ((ONE_ID,), "C"), ((TWO_ID,), "D"), ((ONE_ID, TWO_ID), "CD"), ((UNKNOWN,), "")]:
        with server(
            tmp_path,
            volumes=volumes,
            writers=[writer(), variable],
            environment={"Root": "D:"},
            writers_blocking_revert=blocking,
        ) as machine:
            answers = ""
            for name in volumes:
                block = ctypes.c_bool(not blocked)
                assert call_entry_point(machine, "ShouldBlockRevert", name, block) == S_OK
                answers += name[0] if block.value else ""
            assert answers == blocked
            assert call_entry_point(machine, "ShouldBlockRevert", machine.volume_paths["C:\\"], ctypes.c_bool()) == S_OK
            for wrong in ("C:", "E:\\", None):
                assert call_entry_point(machine, "ShouldBlockRevert", wrong, ctypes.c_bool()) == E_INVALIDARG
            assert call_entry_point(machine, "ShouldBlockRevert", "C:\\", None) == E_INVALIDARG


def test_is_volume_snapshotted(tmp_path: Path) -> None:
    """Whether a volume has shadow copies that are complete; nothing is disabled on it for that."""
    with server(tmp_path, volumes={name: tmp_path / name[0] for name in ("C:\\", "D:\\")}) as machine:
        present, capability = ctypes.c_int32(7), ctypes.c_int32(7)

        def ask(volume: str | None, *outputs: ctypes.c_int32 | None) -> int:
            return call_entry_point(machine, "IsVolumeSnapshotted", volume, *(outputs or (present, capability)))

        for expected in (0, 1):
            for name in ("C:\\", "c:\\", machine.volume_paths["C:\\"]):
                assert ask(name) == S_OK
                assert (present.value, capability.value) == (expected, 0)
            assert ask("D:\\") == S_OK
            assert present.value == 0
            make()
        assert ask("E:\\") == code("VSS_E_OBJECT_NOT_FOUND")
        for wrong in (None, "C:", ""):
            assert ask(wrong) == E_INVALIDARG
        assert ask("C:\\", None, capability) == E_INVALIDARG
        assert ask("C:\\", present, None) == E_INVALIDARG
