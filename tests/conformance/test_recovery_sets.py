"""Recovery sets: a hardware provider's shadow copies written back to volumes (semantics 2.4 and 2.5)."""

from __future__ import annotations

import contextlib
import ctypes
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from shadow_copies import SYSTEM_PROVIDER, UNKNOWN, fails, make, make_in, session, tree
from support import BAD_STATE, DOCUMENT, E_INVALIDARG, S_OK, TIMEOUT, RawPlatform, server, volume, wait

import vsspy
from vsspy import simulator
from vsspy.enums import ObjectType, RecoveryOptions, SnapshotAttributes, SnapshotContext

RECOVER = "IVssBackupComponentsEx3::RecoverSet"
IDENTITIES = RecoveryOptions.REVERT_IDENTITY_ALL
UNCHECKED = RecoveryOptions.NO_VOLUME_CHECK


def made(volumes: tuple[str, ...] = ("C:\\",)) -> tuple[str, list[UUID]]:
    """A persistent transportable set and its document."""
    with session(SnapshotContext.NAS_ROLLBACK | SnapshotAttributes.TRANSPORTABLE) as components:
        _, shadows = make_in(components, volumes)
        return components.save_as_xml(), shadows


@contextlib.contextmanager
def restore(document: str) -> Iterator[vsspy.BackupComponents]:
    with vsspy.BackupComponents() as components:
        components.initialize_for_restore(document)
        yield components


@contextlib.contextmanager
def drives(tmp_path: Path, *names: str, **options: Any) -> Iterator[tuple[simulator.Machine, Mapping[str, Path]]]:
    """A server with a hardware provider and some drives."""
    folders = {f"{name}:\\": tmp_path / name for name in names}
    options.setdefault("hardware_provider", True)
    with server(tmp_path, volumes=folders, **options) as machine:
        yield machine, folders


def test_recover(tmp_path: Path) -> None:
    """Each shadow copy goes to its own volume, or to the one that is named."""
    with drives(tmp_path, "C", "D", "E") as (machine, folders):
        (folders["D:\\"] / "only-d.txt").write_text("D", encoding="ascii")
        before = {name: tree(folder) for name, folder in folders.items()}
        document, [one, two] = made(("C:\\", "D:\\"))
        for folder in folders.values():
            (folder / "data" / "file.txt").write_text("later", encoding="ascii")
        with restore(document) as components:
            components.add_snapshot_to_recovery_set(one)
            components.add_snapshot_to_recovery_set(two, 0, "E:\\")
            wait(components.recover_set())
            assert tree(folders["C:\\"]) == before["C:\\"]
            assert tree(folders["E:\\"]) == before["D:\\"]
            assert tree(folders["D:\\"]) != before["D:\\"]
            with fails("VSS_E_BAD_STATE"):
                components.add_snapshot_to_recovery_set(one)
            with fails("VSS_E_BAD_STATE"):
                components.recover_set()
        assert len(machine.shadow_copies) == 2
    assert machine.notes == []


def test_not_while_a_revert_writes_to_the_volume(tmp_path: Path) -> None:
    """One waits for the other."""
    with drives(tmp_path, "C") as (machine, folders):
        root = folders["C:\\"]
        for number in range(300):
            (root / f"file{number}.txt").write_text("before", encoding="ascii")
        _, [software] = make(provider=SYSTEM_PROVIDER)
        document, [hardware] = made()
        before = tree(root)
        for number in range(300):
            (root / f"file{number}.txt").write_text("later", encoding="ascii")
        with session() as components, restore(document) as recovery:
            recovery.add_snapshot_to_recovery_set(hardware)
            components.revert_to_snapshot(software)
            wait(recovery.recover_set())
            with contextlib.suppress(vsspy.ObjectNotFoundError):
                wait(components.query_revert_status("C:\\"))
        assert tree(root) == before
    assert machine.notes == []


def test_from_another_machine(tmp_path: Path) -> None:
    """The array reaches both; the original volume is not here, so one has to be named."""
    with drives(tmp_path / "source", "C"), drives(tmp_path / "target", "C") as (_, folders):
        pass
    with drives(tmp_path / "source", "C") as (source, _):
        document, [shadow] = made()
        (folders["C:\\"] / "data" / "file.txt").write_text("the target's", encoding="ascii")
        with drives(tmp_path / "target", "C") as (_, folders), restore(document) as components:
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.add_snapshot_to_recovery_set(shadow)
            components.add_snapshot_to_recovery_set(shadow, 0, "C:\\")
            wait(components.recover_set(IDENTITIES))
            assert tree(folders["C:\\"]) == tree(source.shadow_copies[0].folder)


def test_what_cannot_be_added(tmp_path: Path) -> None:
    with drives(tmp_path, "C", "D") as (_, _):
        document, [shadow] = made()
        with restore(document) as components:
            with fails("E_INVALIDARG"):
                components.add_snapshot_to_recovery_set(shadow, 1)
            with fails("E_INVALIDARG"):
                components.add_snapshot_to_recovery_set(shadow, 0, "D:")
            with fails("VSS_E_SNAPSHOT_NOT_IN_SET"):
                components.add_snapshot_to_recovery_set(UNKNOWN)
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.add_snapshot_to_recovery_set(shadow, 0, "E:\\")
            _, [exposed] = make(provider=SYSTEM_PROVIDER)
            with session() as other:
                other.expose_snapshot(exposed, None, SnapshotAttributes.EXPOSED_LOCALLY, "X:")
            with fails("VSS_E_VOLUME_NOT_SUPPORTED"):
                components.add_snapshot_to_recovery_set(shadow, 0, "X:\\")
            components.add_snapshot_to_recovery_set(shadow, 0, "D:\\")
            with fails("VSS_E_OBJECT_ALREADY_EXISTS"):
                components.add_snapshot_to_recovery_set(shadow)
            with session() as other:
                other.delete_snapshots(shadow, ObjectType.SNAPSHOT)
            with components.recover_set() as operation, fails("VSS_E_PROVIDER_VETO"):
                operation.wait(timeout=TIMEOUT)
        with restore(document) as components, fails("VSS_E_OBJECT_NOT_FOUND"):
            components.add_snapshot_to_recovery_set(shadow)  # nobody knows its volume any more


@pytest.mark.parametrize("provider", [False, "legacy"])
def test_providers(tmp_path: Path, provider: Any) -> None:
    """Without a hardware provider it is the wrong state; an old one says so itself."""
    with drives(tmp_path / "source", "C"):
        document, [shadow] = made()
        with drives(tmp_path / "target", "C", hardware_provider=provider), restore(document) as components:
            refusal = "VSS_E_LEGACY_PROVIDER" if provider else "VSS_E_BAD_STATE"
            with fails(refusal):
                components.add_snapshot_to_recovery_set(shadow, 0, "C:\\")
            with fails(refusal):
                components.recover_set()


def test_states(tmp_path: Path) -> None:
    """Recovery sets are a restore's, and need something in them."""
    with drives(tmp_path, "C"):
        document, [shadow] = made()
        for purpose in ("none", "backup"):
            with vsspy.BackupComponents() as components:
                if purpose == "backup":
                    components.initialize_for_backup(document)
                with fails("VSS_E_BAD_STATE"):
                    components.add_snapshot_to_recovery_set(shadow)
                with fails("VSS_E_BAD_STATE"):
                    components.recover_set()
        with restore(document) as components, fails("VSS_E_BAD_STATE"):
            components.recover_set()
        with restore(DOCUMENT) as components, fails("VSS_E_SNAPSHOT_NOT_IN_SET"):
            components.add_snapshot_to_recovery_set(shadow)


@pytest.mark.parametrize("provider", [None, SYSTEM_PROVIDER], ids=["hardware", "software"])
def test_what_is_not_transportable_is_not_in_the_document(tmp_path: Path, provider: UUID | None) -> None:
    """Its LUNs are described for transportable sets only (vss_xml.md 3.8)."""
    with drives(tmp_path, "C"):
        with session(SnapshotContext.NAS_ROLLBACK) as components:
            _, [shadow] = make_in(components, provider=provider)
            document = components.save_as_xml()
        with restore(document) as components, fails("VSS_E_SNAPSHOT_NOT_IN_SET"):
            components.add_snapshot_to_recovery_set(shadow)


def test_one_resynchronisation_at_a_time(tmp_path: Path) -> None:
    fault = simulator.Fault(RECOVER, delay=math.inf, nth=1)
    with drives(tmp_path, "C", faults=[fault]):
        document, [shadow] = made()
        with restore(document) as one, restore(document) as two, restore(document) as three:
            one.add_snapshot_to_recovery_set(shadow)
            two.add_snapshot_to_recovery_set(shadow)
            with one.recover_set() as operation:
                with fails("VSS_E_RESYNC_IN_PROGRESS"):
                    three.add_snapshot_to_recovery_set(shadow)
                with fails("VSS_E_RESYNC_IN_PROGRESS"):
                    two.recover_set()
                operation.cancel()
                with pytest.raises(vsspy.OperationCancelledError):
                    operation.wait(timeout=TIMEOUT)
            wait(two.recover_set())


def test_volumes_that_nobody_selected(tmp_path: Path) -> None:
    """Another volume on what is overwritten is an error, unless it is in the set or the check is left out."""
    inner = volume(tmp_path / "C" / "mount")
    volume(tmp_path / "C")
    folders = {"C:\\": tmp_path / "C", "C:\\mount\\": inner}
    with server(tmp_path, volumes=folders, hardware_provider=True):
        document, [outer_copy, inner_copy] = made(tuple(folders))
        (inner / "data" / "file.txt").write_text("later", encoding="ascii")
        with restore(document) as components:
            components.add_snapshot_to_recovery_set(outer_copy)
            with fails("VSS_E_UNSELECTED_VOLUME"):
                components.recover_set()
            components.add_snapshot_to_recovery_set(inner_copy)
            wait(components.recover_set())
            assert (inner / "data" / "file.txt").read_text(encoding="ascii") == "data"
        (inner / "data" / "file.txt").write_text("later", encoding="ascii")
        with restore(document) as components:
            components.add_snapshot_to_recovery_set(outer_copy)
            wait(components.recover_set(UNCHECKED))
            assert (inner / "data" / "file.txt").read_text(encoding="ascii") == "data"


def test_identities(tmp_path: Path) -> None:
    """Another volume cannot get the identity of the original, which is here."""
    with drives(tmp_path, "C", "D") as (_, folders):
        document, [shadow] = made()
        (folders["D:\\"] / "data" / "file.txt").write_text("D", encoding="ascii")
        with restore(document) as components:
            components.add_snapshot_to_recovery_set(shadow, 0, "D:\\")
            with components.recover_set(IDENTITIES) as operation, fails("VSS_E_CANNOT_REVERT_DISKID"):
                operation.wait(timeout=TIMEOUT)
        assert (folders["D:\\"] / "data" / "file.txt").read_text(encoding="ascii") == "D"


def test_arguments_come_first(tmp_path: Path) -> None:
    with server(tmp_path) as machine, RawPlatform(machine).backup_components() as raw:
        raw.interface = "IVssBackupComponentsEx3"
        out = ctypes.c_void_p()
        assert raw.call("RecoverSet", 0, None) == E_INVALIDARG
        assert raw.call("RecoverSet", 1, out) == E_INVALIDARG
        assert raw.call("RecoverSet", 0, out) == BAD_STATE
        assert raw.call("AddSnapshotToRecoverySet", UNKNOWN, 1, None) == E_INVALIDARG
        assert raw.call("AddSnapshotToRecoverySet", UNKNOWN, 0, "D:") == E_INVALIDARG
        assert raw.call("AddSnapshotToRecoverySet", UNKNOWN, 0, None) == BAD_STATE
        raw.interface = "IVssBackupComponents"
        assert raw.call("InitializeForBackup", None) == S_OK
