"""A server's databases, saved and restored as a requester does it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from support import FILEGROUP, statuses, wait

import vsspy
from vsspy import simulator
from vsspy.enums import BackupType, FileRestoreStatus
from vsspy.simulator_writers import (
    DatabaseState,
    SqlServerWriter,
)

SERVER = "SIMULATOR"


DATA = "MSSQL14.MSSQLSERVER/MSSQL/DATA"


PAGE = 512


@contextlib.contextmanager
def machine_with(
    root: Path, *writers: simulator.Writer, faults: Sequence[simulator.Fault] = (), **options: Any
) -> Iterator[simulator.Machine]:
    with simulator.running(
        volumes={"C:\\": root}, writers=writers, faults=faults, state=root.parent / "state", **options
    ) as machine:
        yield machine
        assert machine.live_objects == 0, machine.live()


@dataclass
class Saved:
    """What a backup brought."""

    document: str
    folder: Path
    stamps: dict[str, str]
    states: dict[str, DatabaseState]
    status: vsspy.WriterStatus


def key(writer: simulator.Writer, name: str) -> tuple[UUID, vsspy.ComponentType, str, str]:
    return (writer.writer_id, FILEGROUP, SERVER, name)


def save(
    machine: simulator.Machine,
    writer: SqlServerWriter,
    kind: BackupType,
    folder: Path,
    *,
    stamps: Mapping[str, str] | None = None,
    failed: Sequence[str] = (),
    partial: bool = False,
    names: Sequence[str] = ("Orders", "Stock"),
) -> Saved:
    """A requester's backup of databases: what it has to copy goes to a new folder."""
    folder.mkdir()
    with vsspy.BackupComponents(machine) as components:
        components.initialize_for_backup()
        components.set_backup_state(True, False, kind, partial)
        wait(components.gather_writer_metadata())
        for name in names:
            components.add_component(writer.instance_id, *key(writer, name))
            if stamps is not None and name in stamps:
                components.set_previous_backup_stamp(*key(writer, name), stamps[name])
        components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        wait(components.prepare_for_backup())
        wait(components.do_snapshot_set())
        status = statuses(components)[writer.name]
        copy = machine.shadow_copies[-1].folder / DATA
        (saved,) = components.writer_components
        for component in saved.components:
            data, log = copy / f"{component.name}.mdf", copy / f"{component.name}_log.ldf"
            shutil.copy(log, folder)
            for part in component.partial_files:
                assert part.filename == data.name
                (folder / f"{component.name}.ranges").write_text(part.ranges)
                (folder / f"{component.name}.part").write_bytes(data.read_bytes())
            if kind is not BackupType.LOG and not component.partial_files:
                shutil.copy(data, folder)
            components.set_backup_succeeded(
                writer.instance_id, *key(writer, component.name), component.name not in failed
            )
        found = {each.name: each.backup_stamp or "" for each in saved.components}
        states = {name: SqlServerWriter.check(copy / f"{name}.mdf") for name in names}
        wait(components.backup_complete())
        return Saved(components.save_as_xml(), folder, found, states, status)


def log_length(writer: SqlServerWriter, name: str) -> int:
    return (writer.log_file(name).stat().st_size - 64) // 64


def restore(
    machine: simulator.Machine,
    writer: SqlServerWriter,
    saved: Saved,
    root: Path,
    *,
    more: bool = False,
    prepare: Callable[[vsspy.BackupComponents], None] = lambda components: None,
) -> dict[str, vsspy.WriterStatus]:
    """A requester's restore of one step: it copies what it saved where it was."""
    with vsspy.BackupComponents(machine) as components:
        components.initialize_for_restore(saved.document)
        wait(components.gather_writer_metadata())
        components.set_selected_for_restore(*key(writer, "Orders"), True)
        components.set_additional_restores(*key(writer, "Orders"), more)
        prepare(components)
        wait(components.pre_restore())
        found = statuses(components)
        if not found[writer.name].failed:
            for file in saved.folder.glob("Orders*"):
                shutil.copy(file, root)
            components.set_file_restore_status(*key(writer, "Orders"), FileRestoreStatus.ALL)
            wait(components.post_restore())
            found = statuses(components)
        return found
