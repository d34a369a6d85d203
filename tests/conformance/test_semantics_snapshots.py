"""What semantics 6 and 7 say of shadow copies, where no other file has it: attributes, names, properties, deletion."""

from __future__ import annotations

import ctypes
from pathlib import Path
from uuid import UUID

import pytest
from shadow_copies import NO_ID, SYSTEM_PROVIDER, UNKNOWN, WINDOWS, fails, make, make_in, session, tree
from support import (
    FILEGROUP,
    METHODS,
    ONE_ID,
    ONE_INSTANCE,
    S_OK,
    Backup,
    Guid,
    RawPlatform,
    code,
    server,
    wait,
)

import vsspy
from vsspy import simulator
from vsspy.enums import BackupType, ObjectType, SnapshotAttributes, SnapshotContext, SnapshotState

A = SnapshotAttributes
PERSISTENT_CONTEXTS = (SnapshotContext.NAS_ROLLBACK, SnapshotContext.APP_ROLLBACK)


def context_name(context: SnapshotContext) -> str:
    return context.name


def prepared(components: vsspy.BackupComponents, context: int) -> None:
    """Makes a session ready for a set, with its writers where the context has any."""
    components.initialize_for_backup()
    components.set_context(context)
    if not context & A.NO_WRITERS:
        components.set_backup_state(False, False, BackupType.COPY)
        wait(components.gather_writer_metadata())
        wait(components.prepare_for_backup())


# Attributes (semantics 6)


@pytest.mark.parametrize(
    "modifier",
    [A.TRANSPORTABLE, A.NO_AUTORECOVERY, A.NOT_TRANSACTED, A.DIFFERENTIAL, A.PLEX, A.ROLLBACK_RECOVERY, A.TXF_RECOVERY],
    ids=lambda modifier: str(modifier.name),
)
def test_modifiers(tmp_path: Path, modifier: SnapshotAttributes) -> None:
    """A requester may add them to a context; the shadow copy has them then."""
    with server(tmp_path, hardware_provider=True), session(SnapshotContext.FILE_SHARE_BACKUP | modifier) as components:
        _, [shadow] = make_in(components)
        assert components.get_snapshot_properties(shadow).attributes & modifier


CONTEXTUAL = [A.PERSISTENT, A.NO_AUTO_RELEASE, A.CLIENT_ACCESSIBLE]
SYSTEM_S = [
    A.NOT_SURFACED,
    A.HARDWARE_ASSISTED,
    A.IMPORTED,
    A.EXPOSED_LOCALLY,
    A.EXPOSED_REMOTELY,
    A.AUTORECOVER,
    A.DELAYED_POSTSNAPSHOT,
    A.FILE_SHARE,
]


@pytest.mark.parametrize("attribute", CONTEXTUAL + SYSTEM_S, ids=lambda attribute: str(attribute.name))
def test_attributes_that_no_requester_adds(tmp_path: Path, attribute: SnapshotAttributes) -> None:
    """They come with a context, or the system sets them."""
    with server(tmp_path), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        with fails("E_INVALIDARG"):
            components.set_context(SnapshotContext.BACKUP | attribute)


def test_a_context_is_the_default(tmp_path: Path) -> None:
    """VSS_CTX_BACKUP, where nothing was set: writers take part, and the shadow copy goes with its session."""
    with server(tmp_path) as machine:
        with vsspy.BackupComponents() as components:
            Backup(components).to_snapped()
            assert [each.context for each in machine.shadow_copies] == [SnapshotContext.BACKUP]
        assert machine.shadow_copies == []


@pytest.mark.parametrize("context", PERSISTENT_CONTEXTS, ids=context_name)
def test_only_a_deletion_ends_what_lasts(tmp_path: Path, context: SnapshotContext) -> None:
    with server(tmp_path) as machine:
        with vsspy.BackupComponents() as components:
            prepared(components, context)
            _, [shadow] = make_in(components)
        assert [each.id for each in machine.shadow_copies] == [shadow]
        with session() as components:
            assert components.delete_snapshots(shadow, ObjectType.SNAPSHOT) == 1
        assert machine.shadow_copies == []


def test_a_deletion_ends_what_would_not_last(tmp_path: Path) -> None:
    with server(tmp_path) as machine, session(SnapshotContext.FILE_SHARE_BACKUP) as components:
        _, [shadow] = make_in(components)
        assert components.delete_snapshots(shadow, ObjectType.SNAPSHOT) == 1
        assert machine.shadow_copies == []


def test_non_persistent_ones_are_of_any_file_system(tmp_path: Path) -> None:
    with server(tmp_path) as machine, session(SnapshotContext.FILE_SHARE_BACKUP) as components:
        machine.set_volume_qualities("C:\\", ntfs=False)
        make_in(components)


@pytest.mark.parametrize("context", [each for each in SnapshotContext if each != SnapshotContext.ALL], ids=context_name)
def test_queries_see_their_own_context(tmp_path: Path, context: SnapshotContext) -> None:
    """And VSS_CTX_ALL sees every one; a modifier makes no other context."""
    contexts = [each for each in SnapshotContext if each != SnapshotContext.ALL]
    with server(tmp_path), vsspy.BackupComponents() as maker:
        prepared(maker, context | A.NO_AUTORECOVERY)
        _, [shadow] = make_in(maker)
        for other in [*contexts, SnapshotContext.ALL]:
            with session(other) as components:
                visible = [found.snapshot_id for found in components.query()]
            assert visible == ([shadow] if other in (context, SnapshotContext.ALL) else []), other


# AddToSnapshotSet (semantics 7.1)


def test_names_of_volumes(tmp_path: Path) -> None:
    """Drives, mounted folders and GUID paths, each with its final backslash."""
    volumes = {"C:\\": tmp_path / "C", "C:\\mount\\": tmp_path / "mount", "D:\\": tmp_path / "D"}
    with server(tmp_path, volumes=volumes) as machine, session(SnapshotContext.FILE_SHARE_BACKUP) as components:
        components.start_snapshot_set()
        for name in ("C:", "C:\\mount", machine.volume_paths["D:\\"].rstrip("\\"), ""):
            with fails("E_INVALIDARG"):
                components.add_to_snapshot_set(name)
        for name in ("Q:\\", "C:\\data\\", "\\\\?\\Volume{0badc0de-0000-0000-0000-000000000000}\\"):
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.add_to_snapshot_set(name)
        for name in ("C:\\", "C:\\mount\\", machine.volume_paths["D:\\"]):
            components.add_to_snapshot_set(name)
        for name in ("C:\\", machine.volume_paths["C:\\mount\\"], "d:\\"):
            with fails("VSS_E_OBJECT_ALREADY_EXISTS"):
                components.add_to_snapshot_set(name)


def test_volumes_mounted_below_are_not_included(tmp_path: Path) -> None:
    """Each has to be added; in the shadow copy of the outer one their folders are empty."""
    (inner := tmp_path / "C" / "mounts" / "inner").mkdir(parents=True)
    (inner / "file.txt").write_text("inner", encoding="ascii")
    (tmp_path / "C" / "mounts" / "beside.txt").write_text("outer", encoding="ascii")
    volumes = {"C:\\": tmp_path / "C", "C:\\mounts\\inner\\": inner}
    with server(tmp_path, volumes=volumes) as machine, session(SnapshotContext.FILE_SHARE_BACKUP) as components:
        make_in(components)
        (copy,) = machine.shadow_copies
        assert tree(copy.folder) == {"mounts": None, "mounts/beside.txt": "outer", "mounts/inner": None}
    with server(tmp_path, volumes=volumes) as machine, session(SnapshotContext.FILE_SHARE_BACKUP) as components:
        make_in(components, list(volumes))
        assert [len(tree(each.folder)) for each in machine.shadow_copies] == [3, 1]


def test_ids_are_not_in_the_document(tmp_path: Path) -> None:
    """Whoever needs a shadow copy's id before the commit has to keep it."""
    with server(tmp_path), vsspy.BackupComponents() as components:
        backup = Backup(components)
        backup.to_prepared()
        document = components.save_as_xml()
        assert str(backup.set_id) in document
        assert str(backup.shadow_id) not in document


# DoSnapshotSet and properties (semantics 7.2, 7.3)


def test_properties(tmp_path: Path) -> None:
    """One time for the set, and its size at its creation."""
    volumes = {"C:\\": tmp_path / "C", "D:\\": tmp_path / "D"}
    with server(tmp_path, volumes=volumes) as machine, session(SnapshotContext.FILE_SHARE_BACKUP) as components:
        set_id, shadows = make_in(components, list(volumes))
        found = [components.get_snapshot_properties(each) for each in shadows]
        assert [each.snapshot_id for each in found] == shadows
        assert {each.snapshot_set_id for each in found} == {set_id}
        assert {each.snapshots_count for each in found} == {2}
        assert {each.state for each in found} == {SnapshotState.CREATED} == {SnapshotState(12)}
        assert {each.provider_id for each in found} == {SYSTEM_PROVIDER}
        assert len({each.creation_time for each in found}) == 1
        assert found[0].created == machine.shadow_copies[0].created
        assert [each.original_volume for each in found] == [machine.volume_paths[name] for name in volumes]
        assert all(each.original_volume.endswith("}\\") for each in found)
        assert [(each.exposed_name, each.exposed_path) for each in found] == [(None, None)] * 2
        assert all(each.attributes & A.NOT_SURFACED for each in found)
        components.delete_snapshots(shadows[0], ObjectType.SNAPSHOT)
        assert components.get_snapshot_properties(shadows[1]).snapshots_count == 2


def test_other_sessions_shadow_copies_have_properties(tmp_path: Path) -> None:
    """In any state after the initialisation, where the context sees them."""
    with server(tmp_path):
        _, [shadow] = make()
        for context, visible in ((SnapshotContext.ALL, True), (SnapshotContext.NAS_ROLLBACK, True), (0, False)):
            with session(context) as components:
                if visible:
                    assert components.get_snapshot_properties(shadow).snapshot_id == shadow
                else:
                    with fails("VSS_E_OBJECT_NOT_FOUND"):
                        components.get_snapshot_properties(shadow)


# DeleteSnapshots (semantics 7.4)


def test_deleting_a_set(tmp_path: Path) -> None:
    volumes = {"C:\\": tmp_path / "C", "D:\\": tmp_path / "D"}
    with server(tmp_path, volumes=volumes) as machine:
        set_id, _ = make(volumes=list(volumes))
        other, _ = make()
        with session() as components:
            assert components.delete_snapshots(set_id, ObjectType.SNAPSHOT_SET, force_delete=True) == 2
            assert {each.set_id for each in machine.shadow_copies} == {other}


def test_what_a_deletion_says(tmp_path: Path) -> None:
    """The count and the id of what failed come with a failure too."""
    with server(tmp_path) as machine:
        _, [shadow] = make()
        with RawPlatform(machine).backup_components() as raw:
            assert (
                raw.slot(METHODS["IVssBackupComponents"]["InitializeForBackup"]["vtable_index"], ctypes.c_void_p()) == 0
            )
            assert raw.call("SetContext", int(SnapshotContext.ALL)) == S_OK
            deleted, failed = ctypes.c_int32(7), Guid()
            not_found = code("VSS_E_OBJECT_NOT_FOUND")
            assert raw.call("DeleteSnapshots", UNKNOWN, int(ObjectType.SNAPSHOT), False, deleted, failed) == not_found
            assert (deleted.value, UUID(bytes_le=bytes(failed))) == (0, UNKNOWN)
            assert raw.call("DeleteSnapshots", shadow, int(ObjectType.SNAPSHOT), False, deleted, failed) == S_OK
            assert (deleted.value, UUID(bytes_le=bytes(failed))) == (1, NO_ID)


@pytest.mark.skipif(WINDOWS, reason="there a folder cannot be moved away from under the one who has it open")
def test_a_deletion_stops_at_the_first_failure(tmp_path: Path) -> None:
    """What was deleted by then is counted, and what was not is named (the array of one of the two cannot be reached)."""
    volumes = {name: tmp_path / name[0] for name in ("C:\\", "D:\\", "E:\\")}
    with server(tmp_path, volumes=volumes, hardware_provider=True) as machine:
        with session(SnapshotContext.NAS_ROLLBACK) as components:
            set_id = components.start_snapshot_set()
            components.add_to_snapshot_set("C:\\", SYSTEM_PROVIDER)
            second = components.add_to_snapshot_set("D:\\")
            third = components.add_to_snapshot_set("E:\\", SYSTEM_PROVIDER)
            wait(components.do_snapshot_set())
        array = next(each.folder.parent for each in machine.shadow_copies if each.id == second)
        array.rename(tmp_path / "elsewhere")
        array.touch()
        with session() as components:
            try:
                with pytest.raises(vsspy.VssError) as caught:
                    components.delete_snapshots(set_id, ObjectType.SNAPSHOT_SET)
            finally:
                array.unlink()
                (tmp_path / "elsewhere").rename(array)
            assert (caught.value.deleted, caught.value.nondeleted_id) == (1, second)
            assert [each.id for each in machine.shadow_copies] == [second, third]
            assert components.delete_snapshots(set_id, ObjectType.SNAPSHOT_SET) == 2


def test_another_requester_s_shadow_copies(tmp_path: Path) -> None:
    """Non-persistent ones can be deleted by others, whose context has to match."""
    with server(tmp_path) as machine, session(SnapshotContext.FILE_SHARE_BACKUP) as maker:
        _, [shadow] = make_in(maker)
        with session(SnapshotContext.BACKUP) as components, fails("VSS_E_OBJECT_NOT_FOUND"):
            components.delete_snapshots(shadow, ObjectType.SNAPSHOT)
        with session(SnapshotContext.FILE_SHARE_BACKUP) as components:
            assert components.delete_snapshots(shadow, ObjectType.SNAPSHOT) == 1
        assert machine.shadow_copies == []


# Exposing (semantics 7.5)


@pytest.mark.parametrize("context", [each for each in SnapshotContext if each != SnapshotContext.ALL], ids=context_name)
def test_what_can_be_exposed_as_a_drive(tmp_path: Path, context: SnapshotContext) -> None:
    """Persistent shadow copies, and none that is client-accessible; the code of the refusal is our choice."""
    with server(tmp_path), vsspy.BackupComponents() as components:
        prepared(components, context)
        _, [shadow] = make_in(components)
        if context in PERSISTENT_CONTEXTS:
            assert components.expose_snapshot(shadow, None, A.EXPOSED_LOCALLY, "X:") == "X:\\"
        else:
            with fails("VSS_E_BAD_STATE"):
                components.expose_snapshot(shadow, None, A.EXPOSED_LOCALLY, "X:")


def test_what_expose_returns_is_task_memory(tmp_path: Path) -> None:
    """The requester gives it back by CoTaskMemFree; the machine's end sees it where nobody does."""
    with server(tmp_path) as machine:
        _, [shadow] = make()
        with session() as components:
            components.expose_snapshot(shadow, None, A.EXPOSED_REMOTELY, "share")
            assert not [each for each in machine.live() if "memory" in each]


# Context rules by method (semantics 6)


def test_a_snapshot_may_be_left_out(tmp_path: Path) -> None:
    """Where no file set needs a shadow copy: a backup goes from the preparation to its end."""
    with server(tmp_path) as machine, vsspy.BackupComponents() as components:
        backup = Backup(components)
        backup.to_gathered()
        backup.add()
        wait(components.prepare_for_backup())
        components.set_backup_succeeded(ONE_INSTANCE, ONE_ID, FILEGROUP, None, "data", True)
        wait(components.backup_complete())
        assert 'backupSucceeded="yes"' in components.save_as_xml()
        assert machine.shadow_copies == []


@pytest.mark.parametrize("context", [SnapshotContext.FILE_SHARE_BACKUP, SnapshotContext.NAS_ROLLBACK], ids=context_name)
def test_without_writers_a_set_has_to_be_started(tmp_path: Path, context: SnapshotContext) -> None:
    with server(tmp_path), session(context) as components:
        with fails("VSS_E_BAD_STATE"):
            components.do_snapshot_set()
        components.start_snapshot_set()
        wait(components.do_snapshot_set())


def test_faults_of_a_provider_come_late(tmp_path: Path) -> None:
    """The call starts the operation; that storage was short is told by its result (semantics 3.9)."""
    fault = simulator.Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_INSUFFICIENT_STORAGE")
    with server(tmp_path, faults=[fault]) as machine, session(SnapshotContext.NAS_ROLLBACK) as components:
        components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        with components.do_snapshot_set() as operation, pytest.raises(vsspy.InsufficientStorageError):
            operation.wait(timeout=60)
        calls = {(each.kind, each.code) for each in machine.trace if each.name.endswith("::DoSnapshotSet")}
        assert calls == {("call", "S_OK"), ("result", "VSS_E_INSUFFICIENT_STORAGE")}
