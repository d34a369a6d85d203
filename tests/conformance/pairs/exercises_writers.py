"""The methods of IVssComponent that only a writer may call: a requester is refused, and a writer's event may do it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from vsspy._codes import CODES
from vsspy.enums import RestoreTarget

from .model import exercise
from .scenes import Scene

C = "IVssComponent"


def writers_own(method: str, call: Callable[[Any], object]) -> None:
    """What a requester gets: refused, unless a fault comes first."""
    exercise(method, "component", lambda s: call(s.component), machine="restoring", refused=True)


def _refused(s: Scene) -> None:
    s.component.add_differenced_files_by_last_modify_lsn("C:\\data", "*", True, "1")


DIRECTED = ("C:\\data", "file.txt", "0:2", "C:\\directed", "file.txt", "0:2")
MODIFIED = datetime(2020, 1, 1, tzinfo=UTC)

writers_own(f"{C}::SetBackupMetadata", lambda c: c.set_backup_metadata("data"))
writers_own(f"{C}::AddPartialFile", lambda c: c.add_partial_file("C:\\data", "file.txt", "0:2", "metadata"))
writers_own(f"{C}::AddDirectedTarget", lambda c: c.add_directed_target(*DIRECTED))
writers_own(f"{C}::SetRestoreMetadata", lambda c: c.set_restore_metadata("data"))
writers_own(f"{C}::SetRestoreTarget", lambda c: c.set_restore_target(RestoreTarget.ALTERNATE))
writers_own(f"{C}::SetPreRestoreFailureMsg", lambda c: c.set_pre_restore_failure_message("message"))
writers_own(f"{C}::SetPostRestoreFailureMsg", lambda c: c.set_post_restore_failure_message("message"))
writers_own(f"{C}::SetBackupStamp", lambda c: c.set_backup_stamp("stamp"))
writers_own(
    f"{C}::AddDifferencedFilesByLastModifyTime",
    lambda c: c.add_differenced_files_by_last_modify_time("C:\\data", "*", True, MODIFIED),
)
exercise(f"{C}::AddDifferencedFilesByLastModifyLSN", "component", _refused, machine="restoring")
writers_own(f"{C}Ex::SetPrepareForBackupFailureMsg", lambda c: c.set_prepare_for_backup_failure_message("message"))
writers_own(f"{C}Ex::SetPostSnapshotFailureMsg", lambda c: c.set_post_snapshot_failure_message("message"))
writers_own(
    f"{C}Ex2::SetFailure", lambda c: c.set_failure(CODES["VSS_E_WRITERERROR_RETRYABLE"], CODES["E_FAIL"], "message")
)
