"""The simulated servers that the pairs are tried on, and the documents that they are tried with."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support import FILEGROUP, ONE_ID, ONE_INSTANCE, TWO_ID, TWO_INSTANCE, volume

from vsspy import simulator
from vsspy.enums import BackupSchema, ComponentType, RestoreMethod, RestoreTarget, WriterRestore
from vsspy.metadata import Dependency, FileSet, RestoreMethodInfo

SCHEMA = (
    BackupSchema.TIMESTAMPED
    | BackupSchema.LAST_MODIFY
    | BackupSchema.WRITER_SUPPORTS_NEW_TARGET
    | BackupSchema.WRITER_SUPPORTS_RESTORE_WITH_MOVE
    | BackupSchema.ROLLFORWARD_RESTORE
    | BackupSchema.RESTORE_RENAME
    | BackupSchema.AUTHORITATIVE_RESTORE
)
DATA_FILES = FileSet("C:\\data", "*", recursive=True)
MAPPING = FileSet("C:\\data", "*", recursive=True, alternate_path="C:\\elsewhere")
EXCLUDED = FileSet("C:\\data", "*.tmp")
NOT_IN_SNAPSHOT = FileSet("C:\\data", "*.cache")
DATABASE_FILE = FileSet("C:\\more", "base.db", alternate_path="C:\\copy")
LOG_FILE = FileSet("C:\\more", "base.log")
DEPENDENCY = Dependency(TWO_ID, "path", "more")


def one_writer(**callbacks: Any) -> simulator.Writer:
    """A writer that says something of everything that a writer can say."""
    return simulator.Writer(
        "One Writer",
        writer_id=ONE_ID,
        instance_id=ONE_INSTANCE,
        instance_name="first",
        version=(3, 4),
        backup_schema=SCHEMA,
        restore_method=RestoreMethodInfo(
            RestoreMethod.STOP_RESTORE_START, "service", "procedure", WriterRestore.ALWAYS, True, [MAPPING]
        ),
        exclude_files=[EXCLUDED],
        exclude_files_from_snapshot=[NOT_IN_SNAPSHOT],
        components=[
            simulator.Component("data", "path", selectable=True, files=[DATA_FILES], dependencies=[DEPENDENCY]),
            simulator.Component("sub", "path\\data", selectable_for_restore=True, files=[DATA_FILES]),
            simulator.Component(
                "base",
                type=ComponentType.DATABASE,
                selectable=True,
                database_files=[DATABASE_FILE],
                database_log_files=[LOG_FILE],
            ),
            simulator.Component("bare", selectable=True),
        ],
        **callbacks,
    )


#: What the writer of the server "writing" does in its events, by their names; a scenario puts it there.
WRITES: dict[str, Callable[[simulator.WriterEvent], object]] = {}


def writing(event: simulator.WriterEvent) -> None:
    """Do what WRITES says."""
    if event.name in WRITES:
        WRITES[event.name](event)


def before_restore(event: simulator.WriterEvent) -> None:
    """All that a writer may say of a component in PreRestore."""
    component = event.components[0]
    component.set_restore_target(RestoreTarget.DIRECTED)
    component.add_directed_target("C:\\data", "file.txt", "0:2", "C:\\directed", "file.txt", "0:2")
    component.set_restore_metadata("found")
    component.set_pre_restore_failure_message("no room")


def after_restore(event: simulator.WriterEvent) -> None:
    """And in PostRestore."""
    event.components[0].set_post_restore_failure_message("too late")


def waiting() -> list[simulator.Writer]:
    """Writers of which the first waits at the gate."""
    return [one_writer(on_prepare_snapshot=lambda _: GATE.wait(60)), two_writer()]


def restoring() -> list[simulator.Writer]:
    """Writers of which the first has its say in a restore."""
    return [one_writer(on_pre_restore=before_restore, on_post_restore=after_restore), two_writer()]


EVENTS = ("on_prepare_backup", "on_post_snapshot", "on_pre_restore", "on_post_restore")


def two_writer() -> simulator.Writer:
    """A writer that says as little as it can."""
    return simulator.Writer("Two Writer", writer_id=TWO_ID, instance_id=TWO_INSTANCE)


#: How components are named in the calls: writer, type, logical path, name.
KEY = (ONE_ID, FILEGROUP, "path", "data")
UNKNOWN_KEY = (ONE_ID, FILEGROUP, "path", "nothing")
UNKNOWN_TYPE_KEY = (ONE_ID, ComponentType(77), "path", "data")
NAMELESS_KEY = (ONE_ID, FILEGROUP, "path", "")

#: The document of an earlier backup, with all that a writer may have put into its part.
DOCUMENT = (
    '<BACKUP_COMPONENTS xmlns="x-schema:#VssComponentMetadata" version="1.2" bootableSystemStateBackup="no" '
    'selectComponents="yes" backupType="full" partialFileSupport="yes" '
    'snapshotSetId="01234567-89ab-cdef-0123-456789abcdef">'
    f'<WRITER_COMPONENTS instanceId="{ONE_INSTANCE}" writerId="{ONE_ID}" backupSchema="{int(SCHEMA)}">'
    '<COMPONENT logicalPath="path" componentName="data" componentType="filegroup" backupStamp="stamp 2" '
    'backupSucceeded="yes" backupOptions="options" previousBackupStamp="stamp 1" '
    'prepareForBackupFailureMsg="prepare failed" postSnapshotFailureMsg="post failed" failure="0x800423f3" '
    'applicationFailure="0x80004005" applicationMessage="out of ink">'
    '<BACKUP_METADATA metadata="saved"/>'
    '<PARTIAL_FILE path="C:\\data" filespec="file.txt" ranges="0:2" metadata="part"/>'
    '<DIFFERENCED_FILE path="C:\\data" filespec="*.log" recursive="yes" lastModifyTime="132223104000000000"/>'
    '</COMPONENT><COMPONENT componentName="bare" componentType="filegroup"/>'
    "</WRITER_COMPONENTS></BACKUP_COMPONENTS>"
)

#: Closed, it holds the writer of the server "gate" up in PrepareSnapshot, so that DoSnapshotSet is under way.
GATE = threading.Event()


def _volumes(folder: Path, *more: str) -> dict[str, Path]:
    names = {"C:\\": folder / "C", **{name: folder / f"volume {index}" for index, name in enumerate(more)}}
    volume(names["C:\\"])
    for name in more:
        names[name].mkdir(parents=True)
    return names


def plain(folder: Path, **options: Any) -> dict[str, Any]:
    """The arguments of `simulator.running` for a server with two volumes and two writers."""
    return {
        "volumes": _volumes(folder, "D:\\"),
        "writers": [one_writer(), two_writer()],
        "state": folder / "state",
        **options,
    }


def mounted(folder: Path) -> dict[str, Any]:
    """A server with a hardware provider, and a volume mounted below C:."""
    options = plain(folder, hardware_provider=True)
    inside = options["volumes"]["C:\\"] / "mounted"
    inside.mkdir()
    return {**options, "volumes": {**options["volumes"], "C:\\mounted\\": inside}}


def small(folder: Path) -> dict[str, Any]:
    """A server whose C: has more in it than the least storage area holds."""
    options = plain(folder)
    with (options["volumes"]["C:\\"] / "large").open("wb") as file:
        file.truncate(40 << 20)
    return options


def hung(method: str) -> simulator.Fault:
    """A method of which every operation lasts until the machine is closed."""
    return simulator.Fault(f"IVssBackupComponents{method}", delay=math.inf)


MACHINES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "plain": plain,
    "vista": lambda folder: plain(folder, level="vista"),
    "xp": lambda folder: plain(folder, level="xp"),
    "hardware": lambda folder: plain(folder, hardware_provider=True),
    "vista hardware": lambda folder: plain(folder, hardware_provider=True, level="vista"),
    "gate": lambda folder: plain(folder, writers=waiting()),
    "vista gate": lambda folder: plain(folder, writers=waiting(), level="vista"),
    "restoring": lambda folder: plain(folder, writers=restoring()),
    "vista restoring": lambda folder: plain(folder, writers=restoring(), level="vista"),
    "writing": lambda folder: plain(folder, writers=[one_writer(**dict.fromkeys(EVENTS, writing)), two_writer()]),
    "reverting": lambda folder: plain(folder, faults=[hung("::RevertToSnapshot")]),
    "vista reverting": lambda folder: plain(folder, faults=[hung("::RevertToSnapshot")], level="vista"),
    "resynchronising": lambda folder: plain(folder, faults=[hung("Ex3::RecoverSet")], hardware_provider=True),
    "legacy hardware": lambda folder: plain(folder, hardware_provider="legacy"),
    "other hardware": lambda folder: {
        "volumes": _volumes(folder),
        "state": folder / "state",
        "hardware_provider": True,
    },
    "mounted hardware": mounted,
    "losing": plain,  # scenarios take things away from it
    "management": plain,
    "vista management": lambda folder: plain(folder, level="vista"),
    "not NTFS": lambda folder: plain(folder),  # a scenario says so
    "small": small,
    "64 volumes": lambda folder: {
        "volumes": _volumes(folder, *(f"C:\\mounted {number}\\" for number in range(64))),
        "state": folder / "state",
    },
}
"""The servers by name."""

THROWN_AWAY = {"reverting", "vista reverting", "resynchronising", "losing"}
"""Servers that are closed after each scene: what hangs on them ends no other way, and what they lost is gone."""
