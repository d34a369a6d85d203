"""Contexts and writer filters: what a set is made with and who takes part in it (semantics 6 and 13)."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from support import (
    FILEGROUP,
    ONE_ID,
    ONE_INSTANCE,
    TWO_ID,
    TWO_INSTANCE,
    backup_in,
    events,
    server,
    states,
    wait,
)

import vsspy
from vsspy.enums import BackupType, ObjectType, SnapshotAttributes, SnapshotContext

UNKNOWN = UUID("0badc0de-0000-0000-0000-000000000000")


# Contexts (semantics 6)

WITH_WRITERS = [SnapshotContext.BACKUP, SnapshotContext.APP_ROLLBACK, SnapshotContext.CLIENT_ACCESSIBLE_WRITERS]
WITHOUT_WRITERS = [SnapshotContext.FILE_SHARE_BACKUP, SnapshotContext.NAS_ROLLBACK, SnapshotContext.CLIENT_ACCESSIBLE]


def context_name(context: SnapshotContext) -> str:
    return context.name


@pytest.mark.parametrize("context", WITH_WRITERS, ids=context_name)
def test_contexts_with_writers(tmp_path: Path, context: SnapshotContext) -> None:
    """Gather and prepare are required before DoSnapshotSet; the attributes are the context's."""
    with server(tmp_path) as machine:
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_context(context)
            components.set_backup_state(True, False, BackupType.COPY)
            components.start_snapshot_set()
            shadow = components.add_to_snapshot_set("C:\\")
            with pytest.raises(vsspy.BadStateError):
                components.do_snapshot_set()
            wait(components.gather_writer_metadata())
            with pytest.raises(vsspy.BadStateError):
                components.do_snapshot_set()
            wait(components.prepare_for_backup())
            wait(components.do_snapshot_set())
            properties = components.get_snapshot_properties(shadow)
            assert properties.attributes & 0x1D == int(context)
            assert properties.attributes & SnapshotAttributes.NOT_SURFACED
            wait(components.backup_complete())
        kept = bool(context & SnapshotAttributes.NO_AUTO_RELEASE)
        assert [copy.id for copy in machine.shadow_copies] == ([shadow] if kept else [])


@pytest.mark.parametrize("context", WITHOUT_WRITERS, ids=context_name)
def test_contexts_without_writers(tmp_path: Path, context: SnapshotContext) -> None:
    """No gather is needed, no writer hears anything, and what is the writers' is refused."""
    with server(tmp_path) as machine:
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_context(context)
            components.set_backup_state(True, False, BackupType.COPY)
            with pytest.raises(vsspy.BadStateError):
                components.do_snapshot_set()
            wait(components.gather_writer_metadata())  # optional
            for refused in (components.prepare_for_backup, components.backup_complete):
                with pytest.raises(vsspy.BadStateError):
                    refused()
            with pytest.raises(vsspy.BadStateError):
                components.add_component(ONE_INSTANCE, ONE_ID, FILEGROUP, None, "data")
            components.start_snapshot_set()
            shadow = components.add_to_snapshot_set("C:\\")
            wait(components.do_snapshot_set())
            assert components.get_snapshot_properties(shadow).attributes & 0x1D == int(context)
        assert events(machine) == ["Identify"]
        kept = bool(context & SnapshotAttributes.NO_AUTO_RELEASE)
        assert [copy.id for copy in machine.shadow_copies] == ([shadow] if kept else [])


def test_context_all_only_looks(tmp_path: Path) -> None:
    """VSS_CTX_ALL creates nothing and sees everything; another context sees its own only."""
    with server(tmp_path) as machine:
        with vsspy.BackupComponents() as maker:
            maker.initialize_for_backup()
            maker.set_context(SnapshotContext.NAS_ROLLBACK)
            maker.start_snapshot_set()
            shadow = maker.add_to_snapshot_set("C:\\")
            wait(maker.do_snapshot_set())
        with vsspy.BackupComponents() as other:
            other.initialize_for_backup()
            assert list(other.query()) == []
        with vsspy.BackupComponents() as every:
            every.initialize_for_backup()
            every.set_context(SnapshotContext.ALL)
            assert [found.snapshot_id for found in every.query()] == [shadow]
            with pytest.raises(vsspy.BadStateError):
                every.start_snapshot_set()
            assert every.delete_snapshots(shadow, ObjectType.SNAPSHOT) == 1
            assert list(every.query()) == []
        assert not machine.shadow_copies


@pytest.mark.parametrize("context", [0x01, 0x12345, 0x40, 0x10000, 0x100000, 0x60000])
def test_contexts_that_do_not_exist(tmp_path: Path, context: int) -> None:
    """Other values, attributes that the system sets, and two kinds at once."""
    with server(tmp_path), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        with pytest.raises(vsspy.InvalidArgumentError):
            components.set_context(context)
        components.set_context(SnapshotContext.BACKUP | SnapshotAttributes.NO_AUTORECOVERY)
        with pytest.raises(vsspy.BadStateError):
            components.set_context(SnapshotContext.BACKUP)


def test_an_empty_set_is_legal(tmp_path: Path) -> None:
    """Writer contexts allow DoSnapshotSet with no volumes; the document has a set id all the same."""
    with backup_in("gathered", tmp_path) as (machine, backup):
        set_id = backup.components.start_snapshot_set()
        wait(backup.components.prepare_for_backup())
        wait(backup.components.do_snapshot_set())
        assert f'snapshotSetId="{set_id}"' in backup.components.save_as_xml()
        assert not machine.shadow_copies


# Filters (semantics 13)

Filter = tuple[str, list[UUID]]
DISABLE, ENABLE, DISABLE_INSTANCE = "disable_writer_classes", "enable_writer_classes", "disable_writer_instances"
FILTERS: dict[str, tuple[list[Filter], set[str]]] = {
    "nothing": ([], {"One", "Two"}),
    "disable one": ([(DISABLE, [ONE_ID])], {"Two"}),
    "disable an unknown one": ([(DISABLE, [UNKNOWN])], {"One", "Two"}),
    "enable one": ([(ENABLE, [ONE_ID])], {"One"}),
    "enabling drops earlier exclusions": ([(DISABLE, [ONE_ID]), (ENABLE, [ONE_ID])], {"One"}),
    "enabling again adds": ([(ENABLE, [ONE_ID]), (ENABLE, [TWO_ID])], {"One", "Two"}),
    "disabling takes from what was enabled": ([(ENABLE, [ONE_ID, TWO_ID]), (DISABLE, [TWO_ID])], {"One"}),
    "disable an instance": ([(DISABLE_INSTANCE, [TWO_INSTANCE])], {"One"}),
    "an instance of an enabled class": ([(ENABLE, [ONE_ID, TWO_ID]), (DISABLE_INSTANCE, [ONE_INSTANCE])], {"Two"}),
}


@pytest.mark.parametrize(("filters", "left"), FILTERS.values(), ids=FILTERS.keys())
def test_filters(tmp_path: Path, filters: list[Filter], left: set[str]) -> None:
    """Filtered writers appear neither in metadata nor status nor events."""
    with server(tmp_path) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        for method, ids in filters:
            getattr(components, method)(ids)
        components.set_backup_state(False, False, BackupType.COPY)
        wait(components.gather_writer_metadata())
        names = {f"{name} Writer" for name in left}
        assert {metadata.name for metadata in components.writer_metadata} == names
        wait(components.prepare_for_backup())
        assert set(states(components)) == names
        for name in ("One", "Two"):
            assert events(machine, f"{name} Writer") == (["Identify", "PrepareBackup"] if name in left else [])


def test_a_late_filter_has_no_effect(tmp_path: Path) -> None:
    """After the gather it is documented as without effect, not as an error."""
    with backup_in("gathered", tmp_path) as (_, backup):
        backup.components.disable_writer_classes([ONE_ID])
        assert set(states(backup.components)) == {"One Writer", "Two Writer"}
        assert len(backup.components.writer_metadata) == 2
