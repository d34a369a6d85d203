"""The methods of IVssBackupComponents to Ex4 that vsspy does not have yet: each exists, and says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from .errors import NotSupportedError


def _not_yet(interface: str, method: str) -> Callable[..., NoReturn]:
    operation = f"{interface}::{method}"

    def refuse(self: object, *arguments: object, **named: object) -> NoReturn:
        raise NotSupportedError("E_NOTIMPL", operation, detail=f"vsspy does not support {method} yet")

    refuse.__doc__ = f"``{operation}``: not supported yet.\n\nRaises:\n    NotSupportedError: always."
    return refuse


class NotYet:
    """What is missing of :class:`vsspy.BackupComponents`: restores, breaking, exposing and importing sets."""

    get_writer_components_count = _not_yet("IVssBackupComponents", "GetWriterComponentsCount")
    get_writer_components = _not_yet("IVssBackupComponents", "GetWriterComponents")
    initialize_for_restore = _not_yet("IVssBackupComponents", "InitializeForRestore")
    set_restore_state = _not_yet("IVssBackupComponents", "SetRestoreState")
    set_selected_for_restore = _not_yet("IVssBackupComponents", "SetSelectedForRestore")
    set_restore_options = _not_yet("IVssBackupComponents", "SetRestoreOptions")
    set_additional_restores = _not_yet("IVssBackupComponents", "SetAdditionalRestores")
    add_alternative_location_mapping = _not_yet("IVssBackupComponents", "AddAlternativeLocationMapping")
    add_restore_subcomponent = _not_yet("IVssBackupComponents", "AddRestoreSubcomponent")
    set_file_restore_status = _not_yet("IVssBackupComponents", "SetFileRestoreStatus")
    add_new_target = _not_yet("IVssBackupComponents", "AddNewTarget")
    set_ranges_file_path = _not_yet("IVssBackupComponents", "SetRangesFilePath")
    pre_restore = _not_yet("IVssBackupComponents", "PreRestore")
    post_restore = _not_yet("IVssBackupComponents", "PostRestore")
    import_snapshots = _not_yet("IVssBackupComponents", "ImportSnapshots")
    break_snapshot_set = _not_yet("IVssBackupComponents", "BreakSnapshotSet")
    expose_snapshot = _not_yet("IVssBackupComponents", "ExposeSnapshot")
    revert_to_snapshot = _not_yet("IVssBackupComponents", "RevertToSnapshot")
    query_revert_status = _not_yet("IVssBackupComponents", "QueryRevertStatus")
    set_selected_for_restore_ex = _not_yet("IVssBackupComponentsEx", "SetSelectedForRestoreEx")
    unexpose_snapshot = _not_yet("IVssBackupComponentsEx2", "UnexposeSnapshot")
    set_authoritative_restore = _not_yet("IVssBackupComponentsEx2", "SetAuthoritativeRestore")
    set_roll_forward = _not_yet("IVssBackupComponentsEx2", "SetRollForward")
    set_restore_name = _not_yet("IVssBackupComponentsEx2", "SetRestoreName")
    break_snapshot_set_ex = _not_yet("IVssBackupComponentsEx2", "BreakSnapshotSetEx")
    pre_fast_recovery = _not_yet("IVssBackupComponentsEx2", "PreFastRecovery")
    fast_recovery = _not_yet("IVssBackupComponentsEx2", "FastRecovery")
    add_snapshot_to_recovery_set = _not_yet("IVssBackupComponentsEx3", "AddSnapshotToRecoverySet")
    recover_set = _not_yet("IVssBackupComponentsEx3", "RecoverSet")
    get_root_and_logical_prefix_paths = _not_yet("IVssBackupComponentsEx4", "GetRootAndLogicalPrefixPaths")
