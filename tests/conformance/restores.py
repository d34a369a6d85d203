"""What the tests of restores share: a document to restore from, and the states of a restore by name."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from support import FILEGROUP, ONE_ID, ONE_INSTANCE, TIMEOUT, TWO_ID, TWO_INSTANCE, server, wait

import vsspy
from vsspy import simulator

SCHEMA = 0x7300  # new target, restore with move, roll-forward, rename, authoritative


def components_document(*parts: tuple[UUID, UUID, str], root: str = "", select: str = "yes") -> str:
    """A Backup Components Document with writers' parts: instance, class, COMPONENT elements (vss_xml.md 3)."""
    inside = "".join(
        f'<WRITER_COMPONENTS instanceId="{instance}" writerId="{writer}" backupSchema="{SCHEMA}">{components}'
        "</WRITER_COMPONENTS>"
        for instance, writer, components in parts
    )
    return (
        '<BACKUP_COMPONENTS xmlns="x-schema:#VssComponentMetadata" version="1.2" bootableSystemStateBackup="no" '
        f'selectComponents="{select}" backupType="full" partialFileSupport="yes"{root}>{inside}</BACKUP_COMPONENTS>'
    )


def component(name: str = "data", attributes: str = "", inside: str = "") -> str:
    """A COMPONENT element."""
    return f'<COMPONENT componentName="{name}" componentType="filegroup"{attributes}>{inside}</COMPONENT>'


PARTIAL = '<PARTIAL_FILE xmlns="" path="C:\\data" filespec="file.txt" ranges="0:1" metadata="m"/>'
RESTORED = components_document((ONE_INSTANCE, ONE_ID, component(inside=PARTIAL) + component("more")))
BOTH = components_document((ONE_INSTANCE, ONE_ID, component()), (TWO_INSTANCE, TWO_ID, component("more")))


class Restore:
    """One requester's restore, with the operation that is under way."""

    def __init__(self, components: vsspy.BackupComponents, document: str = RESTORED) -> None:
        self.components = components
        self.document = document
        self.pending: vsspy.AsyncOperation | None = None

    @property
    def component(self) -> vsspy.DocumentComponent:
        """The document's first component, as it is now."""
        return self.components.writer_components[0].components[0]

    def select(self, name: str = "data", selected: bool = True) -> None:
        """Selects a component of the first writer."""
        self.components.set_selected_for_restore(ONE_ID, FILEGROUP, None, name, selected)

    def report(self, status: vsspy.FileRestoreStatus, name: str = "data") -> None:
        """Says what became of the files of a component of the first writer."""
        self.components.set_file_restore_status(ONE_ID, FILEGROUP, None, name, status)

    def to_new(self) -> None:
        pass

    def to_init(self) -> None:
        self.components.initialize_for_restore(self.document)

    def to_gathering(self) -> None:
        self.to_init()
        self.pending = self.components.gather_writer_metadata()

    def to_gathered(self) -> None:
        self.to_init()
        wait(self.components.gather_writer_metadata())

    def to_selected(self) -> None:
        self.to_gathered()
        self.select()

    def to_pre_restoring(self) -> None:
        self.to_selected()
        self.pending = self.components.pre_restore()

    def to_pre(self) -> None:
        self.to_selected()
        wait(self.components.pre_restore())

    def to_pre_failed(self) -> None:
        self.to_selected()
        with self.components.pre_restore() as operation, contextlib.suppress(vsspy.VssError):
            operation.wait(timeout=TIMEOUT)
            raise AssertionError("PreRestore was to fail")

    def to_post_restoring(self) -> None:
        self.to_pre()
        self.pending = self.components.post_restore()

    def to_post(self) -> None:
        self.to_pre()
        wait(self.components.post_restore())


RESTORE_STATES = (
    "new",
    "init",
    "gathering",
    "gathered",
    "selected",
    "pre_restoring",
    "pre",
    "pre_failed",
    "post_restoring",
    "post",
)
_FAULTS = {
    "gathering": simulator.Fault("IVssBackupComponents::GatherWriterMetadata", delay=math.inf, nth=1),
    "pre_restoring": simulator.Fault("IVssBackupComponents::PreRestore", delay=math.inf, nth=1),
    "pre_failed": simulator.Fault("IVssBackupComponents::PreRestore", "VSS_E_UNEXPECTED", nth=1, at="result"),
    "post_restoring": simulator.Fault("IVssBackupComponents::PostRestore", delay=math.inf, nth=1),
}


@contextlib.contextmanager
def restore_in(
    state: str, folder: Path, *, document: str = RESTORED, **options: Any
) -> Iterator[tuple[simulator.Machine, Restore]]:
    """A server and a restore on it that is in one of RESTORE_STATES; in the end both are cleaned up."""
    fault = _FAULTS.get(state)
    with server(folder, faults=[fault] if fault else [], **options) as machine, vsspy.BackupComponents() as components:
        restore = Restore(components, document)
        getattr(restore, f"to_{state}")()
        try:
            yield machine, restore
        finally:
            if restore.pending is not None:
                with restore.pending as operation:
                    operation.cancel()
                    with contextlib.suppress(vsspy.VssError):
                        operation.wait(timeout=TIMEOUT)
