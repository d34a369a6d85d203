"""Instances of one class of writers, and what is done with them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from support import DOCUMENT, FILEGROUP, ONE_ID, ONE_INSTANCE, Backup, events, wait

import vsspy
from vsspy import simulator
from vsspy.enums import RestoreMethod, WriterRestore
from vsspy.metadata import RestoreMethodInfo

THREE_INSTANCE = UUID("66666666-7777-8888-9999-000000000003")
BACKUP_ORDER = [
    "Identify",
    "PrepareBackup",
    "PrepareSnapshot",
    "Freeze",
    "Thaw",
    "PostSnapshot",
    "BackupComplete",
    "BackupShutdown",
]
SELECTED = (ONE_ID, FILEGROUP, None, "data")


def one_more(
    instance_id: UUID, name: str | None = None, restores: WriterRestore = WriterRestore.ALWAYS, **options: Any
) -> simulator.Writer:
    """An instance of the class that the first writer of the other tests has."""
    return simulator.Writer(
        "One Writer",
        writer_id=ONE_ID,
        instance_id=instance_id,
        instance_name=name,
        components=[simulator.Component("data", selectable=True)],
        restore_method=RestoreMethodInfo(
            RestoreMethod.RESTORE_IF_CAN_REPLACE, None, None, restores, reboot_required=False
        ),
        **options,
    )


def back_up(backup: Backup) -> None:
    """A whole backup."""
    backup.to_snapped()
    backup.succeeded("data", True)
    wait(backup.components.backup_complete())


def selected(components: vsspy.BackupComponents, instance_id: UUID | None = None, document: str = DOCUMENT) -> None:
    """A restore with component ``data`` of the first writer selected."""
    components.initialize_for_restore(document)
    wait(components.gather_writer_metadata())
    if instance_id is None:
        components.set_selected_for_restore(*SELECTED, True)
    else:
        components.set_selected_for_restore_ex(*SELECTED, True, instance_id)


def receivers(machine: simulator.Machine, event: str) -> int:
    return events(machine).count(event)


class Recording(simulator.Writer):
    """Handlers as methods, for two events only."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            "One Writer",
            writer_id=ONE_ID,
            instance_id=ONE_INSTANCE,
            components=[simulator.Component("data", selectable=True)],
            **options,
        )
        self.seen: list[str] = []

    def on_freeze(self, event: simulator.WriterEvent) -> None:
        self.seen.append(event.name)

    def on_post_snapshot(self, event: simulator.WriterEvent) -> None:
        self.seen.append(event.name)
        event.components[0].set_backup_stamp("mine")


def gathered(machine: simulator.Machine) -> list[vsspy.WriterMetadata]:
    with vsspy.BackupComponents(machine) as components:
        components.initialize_for_backup()
        wait(components.gather_writer_metadata())
        return list(components.writer_metadata)


class Heard:
    """Instances of one class that keep which of them got which event."""

    def __init__(self) -> None:
        self.events: list[tuple[UUID, str]] = []

    def __call__(self, event: simulator.WriterEvent) -> None:
        self.events.append((event.instance_id, event.name))

    def instance(self, instance_id: UUID, **options: Any) -> simulator.Writer:
        names = ("on_prepare_backup", "on_freeze", "on_pre_restore", "on_post_restore")
        handlers: dict[str, Any] = dict.fromkeys(names, self)
        return one_more(instance_id, **handlers, **options)
