"""What a writer may do to its components in an event, and when: the methods of IVssComponent that are its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support import wait

from vsspy import simulator
from vsspy.enums import BackupType, RestoreTarget

from .exercises_restore import restore_selected
from .exercises_writers import DIRECTED, MODIFIED
from .model import scenario_for
from .scenes import Scene, World, stage
from .server import WRITES

C = "IVssComponent"
Do = Callable[[Any], object]


@stage("backup for a writer")
def _backup(s: Scene) -> None:
    """About to be prepared, by a requester that can do with parts of files."""
    s.backup()
    s.order.to_set()
    s.bc.set_backup_state(True, False, BackupType.FULL, True)


@stage("restore for a writer")
def _restore(s: Scene) -> None:
    restore_selected(s)


def in_event(world: World, event: str, do: Do) -> None:
    """Let the writer do it to its component in an event, and raise here what that raised there."""
    raised: list[BaseException] = []
    heard: list[str] = []

    def act(told: simulator.WriterEvent) -> None:
        heard.append(told.name)
        try:
            do(told.components[0])
        except BaseException as error:  # noqa: BLE001 - it is raised again where the test sees it
            raised.append(error)

    restores = event.endswith("Restore")
    with world.scene("restore for a writer" if restores else "backup for a writer", "writing") as s:
        WRITES[event] = act
        try:
            wait(s.bc.pre_restore() if restores else s.bc.prepare_for_backup())
            if event == "PostRestore":
                wait(s.bc.post_restore())
            if event == "PostSnapshot":
                wait(s.bc.do_snapshot_set())
        finally:
            WRITES.clear()
    assert heard == [event]
    if raised:
        raise raised[0]


def writer_does(method: str, code_name: str, event: str, do: Do) -> None:
    scenario_for(method, code_name, "state", lambda world: in_event(world, event, do))


def twice(do: Do) -> Do:
    def both(component: Any) -> None:
        do(component)
        do(component)

    return both


WRITERS: dict[str, tuple[str, Do]] = {
    f"{C}::SetBackupMetadata": ("PrepareBackup", lambda c: c.set_backup_metadata("data")),
    f"{C}::SetBackupStamp": ("PrepareBackup", lambda c: c.set_backup_stamp("stamp")),
    f"{C}::AddPartialFile": ("PostSnapshot", lambda c: c.add_partial_file("C:\\data", "file.txt", "0:2", "part")),
    f"{C}::AddDifferencedFilesByLastModifyTime": (
        "PostSnapshot",
        lambda c: c.add_differenced_files_by_last_modify_time("C:\\data", "*", True, MODIFIED),
    ),
    f"{C}Ex::SetPrepareForBackupFailureMsg": (
        "PrepareBackup",
        lambda c: c.set_prepare_for_backup_failure_message("message"),
    ),
    f"{C}Ex::SetPostSnapshotFailureMsg": ("PostSnapshot", lambda c: c.set_post_snapshot_failure_message("message")),
    f"{C}Ex2::SetFailure": ("PostSnapshot", lambda c: c.set_failure("VSS_E_WRITERERROR_RETRYABLE", "message")),
    f"{C}::SetRestoreMetadata": ("PreRestore", lambda c: c.set_restore_metadata("data")),
    f"{C}::SetRestoreTarget": ("PreRestore", lambda c: c.set_restore_target(RestoreTarget.ALTERNATE)),
    f"{C}::AddDirectedTarget": ("PreRestore", lambda c: c.add_directed_target(*DIRECTED)),
    f"{C}::SetPreRestoreFailureMsg": ("PreRestore", lambda c: c.set_pre_restore_failure_message("message")),
    f"{C}::SetPostRestoreFailureMsg": ("PostRestore", lambda c: c.set_post_restore_failure_message("message")),
}

for method, (where, does) in WRITERS.items():
    writer_does(method, "S_OK", where, does)
for method in (f"{C}::SetBackupMetadata", f"{C}::SetRestoreMetadata"):
    writer_does(method, "VSS_E_OBJECT_ALREADY_EXISTS", WRITERS[method][0], twice(WRITERS[method][1]))
