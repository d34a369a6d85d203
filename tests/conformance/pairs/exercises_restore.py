"""How vsspy calls the methods of IVssBackupComponents and its extensions that make a restore."""

from __future__ import annotations

from support import ONE_INSTANCE, wait

from vsspy.enums import FileRestoreStatus, RestoreType, RollForwardType

from .model import exercise
from .scenes import Scene, stage
from .server import DATA_FILES, DOCUMENT, KEY

B = "IVssBackupComponents"
FILES = (DATA_FILES.path, DATA_FILES.filespec, DATA_FILES.recursive)


@stage("restore")
def restore(s: Scene) -> None:
    """R_INIT of semantics 2.1."""
    s.backup()
    s.bc.initialize_for_restore(DOCUMENT)


@stage("restore gathered")
def restore_gathered(s: Scene) -> None:
    """R_GATHERED."""
    restore(s)
    wait(s.bc.gather_writer_metadata())


@stage("restore selected")
def restore_selected(s: Scene) -> None:
    restore_gathered(s)
    s.bc.set_selected_for_restore(*KEY, True)


@stage("restore prepared")
def restore_prepared(s: Scene) -> None:
    """R_PRE."""
    restore_selected(s)
    wait(s.bc.pre_restore())


@stage("restored")
def restored(s: Scene) -> None:
    """R_POST."""
    restore_prepared(s)
    s.bc.set_file_restore_status(*KEY, FileRestoreStatus.ALL)
    wait(s.bc.post_restore())


exercise(f"{B}::InitializeForRestore", "new", lambda s: s.bc.initialize_for_restore(DOCUMENT))
exercise(f"{B}::SetRestoreState", "restore", lambda s: s.bc.set_restore_state(RestoreType.BY_COPY))
exercise(f"{B}::SetSelectedForRestore", "restore gathered", lambda s: s.bc.set_selected_for_restore(*KEY, True))
exercise(
    f"{B}Ex::SetSelectedForRestoreEx",
    "restore gathered",
    lambda s: s.bc.set_selected_for_restore_ex(*KEY, True, ONE_INSTANCE),
)
exercise(f"{B}::SetRestoreOptions", "restore selected", lambda s: s.bc.set_restore_options(*KEY, "options"))
exercise(f"{B}::SetAdditionalRestores", "restore selected", lambda s: s.bc.set_additional_restores(*KEY, True))
exercise(
    f"{B}::AddAlternativeLocationMapping",
    "restore prepared",
    lambda s: s.bc.add_alternative_location_mapping(*KEY, *FILES, "C:\\elsewhere"),
)
exercise(
    f"{B}::AddRestoreSubcomponent",
    "restore selected",
    lambda s: s.bc.add_restore_subcomponent(*KEY, "path\\data", "sub"),
)
exercise(
    f"{B}::SetFileRestoreStatus",
    "restore prepared",
    lambda s: s.bc.set_file_restore_status(*KEY, FileRestoreStatus.ALL),
)
exercise(f"{B}::AddNewTarget", "restore selected", lambda s: s.bc.add_new_target(*KEY, *FILES, "C:\\new"))
exercise(f"{B}::SetRangesFilePath", "restore selected", lambda s: s.bc.set_ranges_file_path(*KEY, 0, "C:\\ranges"))
exercise(f"{B}::PreRestore", "restore selected", lambda s: wait(s.bc.pre_restore()))
exercise(f"{B}::PostRestore", "restore prepared", lambda s: wait(s.bc.post_restore()))
exercise(f"{B}Ex2::SetAuthoritativeRestore", "restore selected", lambda s: s.bc.set_authoritative_restore(*KEY, True))
exercise(
    f"{B}Ex2::SetRollForward",
    "restore selected",
    lambda s: s.bc.set_roll_forward(*KEY, RollForwardType.PARTIAL, "point"),
)
exercise(f"{B}Ex2::SetRestoreName", "restore selected", lambda s: s.bc.set_restore_name(*KEY, "renamed"))
