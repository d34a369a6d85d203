"""Which call was missing when VSS answered VSS_E_BAD_STATE: worked out afterwards, never used to refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from backup_support import accept, clean, missing, refuse
from ctypes_platform import CtypesPlatform

import vsspy
from vsspy import errors
from vsspy.enums import BackupType, ComponentType, FileRestoreStatus, RestoreType, SnapshotContext

WRITER = UUID(int=1)
KEY = (WRITER, ComponentType.FILEGROUP, None, "c")


@pytest.fixture
def made() -> Iterator[tuple[CtypesPlatform, vsspy.BackupComponents]]:
    with clean() as both:
        yield both


@pytest.fixture
def platform(made: tuple[CtypesPlatform, vsspy.BackupComponents]) -> CtypesPlatform:
    return made[0]


@pytest.fixture
def bc(made: tuple[CtypesPlatform, vsspy.BackupComponents]) -> vsspy.BackupComponents:
    return made[1]


def test_bad_state_says_which_call_was_missing(platform: CtypesPlatform, bc: vsspy.BackupComponents) -> None:
    refuse(platform, "InitializeForBackup", "PrepareForBackup", "DoSnapshotSet", "AddToSnapshotSet")
    refuse(platform, "GetWriterMetadataCount")
    assert missing(bc.prepare_for_backup)[0] == "InitializeForBackup"
    accept(platform, "InitializeForBackup")
    bc.initialize_for_backup()
    assert missing(bc.prepare_for_backup)[0] == "SetBackupState"
    assert missing(lambda: bc.add_to_snapshot_set("C:\\"))[0] == "StartSnapshotSet"
    accept(platform, "SetBackupState")
    bc.set_backup_state(True, False, BackupType.COPY)
    assert missing(bc.prepare_for_backup)[0] == "GatherWriterMetadata"
    fake = platform.operation("GatherWriterMetadata")
    operation = bc.gather_writer_metadata()
    call, text = missing(lambda: bc.writer_metadata)
    assert call == "GatherWriterMetadata"
    assert "wait for it" in text
    fake.end()
    operation.wait()
    operation.close()
    assert missing(bc.prepare_for_backup) == (
        None,
        str(errors.BadStateError(None, "IVssBackupComponents::PrepareForBackup")),
    )


def test_bad_state_knows_contexts_without_writers(platform: CtypesPlatform, bc: vsspy.BackupComponents) -> None:
    for method in ("StartSnapshotSet", "AddToSnapshotSet", "SetContext"):
        accept(platform, method)
    bc.initialize_for_backup()
    bc.start_snapshot_set()
    bc.add_to_snapshot_set("C:\\")
    refuse(platform, "DoSnapshotSet")
    assert missing(bc.do_snapshot_set)[0] == "SetBackupState"
    bc.set_context(SnapshotContext.FILE_SHARE_BACKUP)
    assert missing(bc.do_snapshot_set)[0] is None


def test_bad_state_says_what_came_too_early(platform: CtypesPlatform, bc: vsspy.BackupComponents) -> None:
    bc.initialize_for_backup()
    accept(platform, "SetContext")
    bc.set_context(SnapshotContext.BACKUP)
    refuse(platform, "SetContext", "InitializeForBackup")
    assert "works once" in missing(lambda: bc.set_context(SnapshotContext.BACKUP))[1]
    assert "works once" in missing(bc.initialize_for_backup)[1]
    platform.operation("GatherWriterMetadata").end()
    bc.gather_writer_metadata().close()
    refuse(platform, "GatherWriterMetadata")
    assert "works once" in missing(bc.gather_writer_metadata)[1]


def test_vss_decides_and_not_the_guess(platform: CtypesPlatform, bc: vsspy.BackupComponents) -> None:
    """A call that looks out of order is made all the same."""
    accept(platform, "AbortBackup")
    bc.abort_backup()


# --- restores ---------------------------------------------------------------------------------------------------------


def test_a_restore_in_its_order(platform: CtypesPlatform, bc: vsspy.BackupComponents) -> None:
    for method in ("SetRestoreState", "SetSelectedForRestore", "AddRestoreSubcomponent", "SetFileRestoreStatus"):
        refuse(platform, method)
    refuse(platform, "PreRestore", "PostRestore", "GatherWriterMetadata")
    assert missing(bc.pre_restore)[0] == "InitializeForRestore"
    assert missing(lambda: bc.set_restore_state(RestoreType.BY_COPY))[0] == "InitializeForRestore"
    assert missing(bc.gather_writer_metadata) == (
        "InitializeForBackup",
        (
            "IVssBackupComponents::GatherWriterMetadata: GatherWriterMetadata needs InitializeForBackup or"
            " InitializeForRestore first (VSS_E_BAD_STATE, 0x80042301)"
        ),
    )
    accept(platform, "InitializeForRestore")
    bc.initialize_for_restore("<x/>")
    assert missing(lambda: bc.set_selected_for_restore(*KEY, True))[0] == "GatherWriterMetadata"
    assert missing(bc.pre_restore)[0] == "GatherWriterMetadata"
    accept(platform, "GatherWriterMetadata")
    with bc.gather_writer_metadata() as operation:
        operation.wait()
    assert missing(lambda: bc.add_restore_subcomponent(*KEY, "a", "b"))[0] == "SetSelectedForRestore"
    assert missing(lambda: bc.set_file_restore_status(*KEY, FileRestoreStatus.ALL))[0] == "PreRestore"
    assert missing(bc.post_restore)[0] == "PreRestore"
    accept(platform, "PreRestore")
    operation = bc.pre_restore()
    call, text = missing(bc.post_restore)
    assert call == "PreRestore"
    assert "wait for it" in text
    operation.wait()
    operation.close()
    assert "has to come before PreRestore" in missing(lambda: bc.set_selected_for_restore(*KEY, True))[1]
    assert "has to come before PreRestore" in missing(lambda: bc.set_restore_state(RestoreType.OTHER))[1]
    accept(platform, "SetSelectedForRestoreEx")
    bc.set_selected_for_restore_ex(*KEY, True)  # is as good as SetSelectedForRestore
    assert "has to come before PreRestore" in missing(lambda: bc.add_restore_subcomponent(*KEY, "a", "b"))[1]
    refuse(platform, "PreRestore")
    assert "works once" in missing(bc.pre_restore)[1]
    accept(platform, "PostRestore")
    bc.post_restore().close()
    refuse(platform, "PostRestore", "SetFileRestoreStatus", "AddAlternativeLocationMapping")
    assert "works once" in missing(bc.post_restore)[1]
    late_mapping = missing(lambda: bc.add_alternative_location_mapping(*KEY, "p", "f", False, "d"))
    assert "has to come before PostRestore" in late_mapping[1]


def test_the_kinds_of_sessions_do_not_mix(platform: CtypesPlatform, bc: vsspy.BackupComponents) -> None:
    bc.initialize_for_backup()
    refuse(platform, "PreRestore", "InitializeForRestore", "InitializeForBackup")
    assert missing(bc.pre_restore) == (
        "InitializeForRestore",
        (
            "IVssBackupComponents::PreRestore: PreRestore belongs to a restore, and this object was begun with"
            " InitializeForBackup: use another one (VSS_E_BAD_STATE, 0x80042301)"
        ),
    )
    assert "one backup or one restore" in missing(lambda: bc.initialize_for_restore("<x/>"))[1]
    assert "works once" in missing(bc.initialize_for_backup)[1]


@pytest.mark.parametrize(
    "method", ["AddComponent", "StartSnapshotSet", "DoSnapshotSet", "Query", "ImportSnapshots", "BackupComplete"]
)
def test_what_a_restore_has_not(platform: CtypesPlatform, bc: vsspy.BackupComponents, method: str) -> None:
    accept(platform, "InitializeForRestore")
    bc.initialize_for_restore("<x/>")
    refuse(platform, method)
    calls: dict[str, Callable[[], object]] = {
        "AddComponent": lambda: bc.add_component(WRITER, *KEY),
        "StartSnapshotSet": bc.start_snapshot_set,
        "DoSnapshotSet": bc.do_snapshot_set,
        "Query": bc.query,
        "ImportSnapshots": bc.import_snapshots,
        "BackupComplete": bc.backup_complete,
    }
    call, text = missing(calls[method])
    assert call == "InitializeForBackup"
    assert f"{method} belongs to a backup" in text


def test_saving_needs_prepare_in_a_backup_only(platform: CtypesPlatform, bc: vsspy.BackupComponents) -> None:
    refuse(platform, "SaveAsXML")
    accept(platform, "InitializeForRestore")
    assert missing(bc.save_as_xml)[0] == "InitializeForBackup"
    bc.initialize_for_restore("<x/>")
    assert missing(bc.save_as_xml)[0] is None


def test_a_recovery_needs_shadow_copies(platform: CtypesPlatform, bc: vsspy.BackupComponents) -> None:
    accept(platform, "InitializeForRestore")
    bc.initialize_for_restore("<x/>")
    refuse(platform, "RecoverSet")
    assert missing(bc.recover_set)[0] == "AddSnapshotToRecoverySet"
    accept(platform, "AddSnapshotToRecoverySet")
    bc.add_snapshot_to_recovery_set(WRITER)
    assert missing(bc.recover_set)[0] is None


def test_a_restore_that_looks_out_of_order_is_tried(platform: CtypesPlatform, bc: vsspy.BackupComponents) -> None:
    seen = accept(platform, "SetFileRestoreStatus")
    bc.set_file_restore_status(*KEY, FileRestoreStatus.FAILED)
    assert seen == [(WRITER, 2, None, "c", 3)]
