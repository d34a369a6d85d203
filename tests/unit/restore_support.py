"""What the tests of restores share: a folder as ``vsspy backup`` makes it, of what a session saves."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import vsspy
from vsspy import BackupFolder, RestoreSession, simulator
from vsspy.enums import BackupType, RestoreMethod, WriterRestore
from vsspy.metadata import FileSet, RestoreMethodInfo
from vsspy.simulator import Component, Machine, Writer
from vsspy.simulator_writers import SqlServerWriter

DATA = "MSSQL14.MSSQLSERVER/MSSQL/DATA"


def volume(folder: Path, name: str = "c") -> Path:
    """A folder that plays a volume."""
    root = folder / name
    root.mkdir(parents=True)
    return root


def write(root: Path, **files: str) -> None:
    """Files by their paths with ``__`` for the separator and ``_`` before the extension."""
    for name, text in files.items():
        path = root.joinpath(*name.replace("_txt", ".txt").split("__"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")


def method(
    which: RestoreMethod = RestoreMethod.RESTORE_IF_CAN_REPLACE,
    *mappings: FileSet,
    service: str | None = None,
    when: WriterRestore = WriterRestore.ALWAYS,
    reboot: bool = False,
) -> RestoreMethodInfo:
    """A writer's restore method."""
    return RestoreMethodInfo(which, service, None, when, reboot, mappings)


def demo_writer(name: str = "Demo Writer", component: str = "Data", path: str = "C:\\Data", **options: Any) -> Writer:
    """A writer with one component of one folder."""
    options.setdefault("restore_method", method())
    files = [FileSet(path, "*", recursive=True)]
    return Writer(name, components=[Component(component, selectable=True, files=files)], **options)


def save(
    out: Path,
    *volumes: str,
    backup_type: BackupType = BackupType.FULL,
    previous: Path | None = None,
    failed: str | None = None,
    **options: Any,
) -> Path:
    """Backs all components up into *out*, which a BackupFolder can be made of.

    Args:
        previous: the folder of the backup that this one builds on.
        failed: the full name of a component that is told to have failed.
    """
    volumes = volumes or ("C:\\",)
    if previous is not None:
        options["previous"] = (previous / "vsspy" / "backup-components.xml").read_text(encoding="utf-8")
    parts = []
    components, listed = [], []
    with vsspy.BackupSession(*volumes, backup_type=backup_type, partial_files=True, **options) as backup:
        backup.snapshot()
        for component in backup.components:
            info = component.metadata
            ids = {"writer_id": str(component.writer.writer_id), "instance_id": str(component.writer.instance_id)}
            components.append({**ids, "type": info.type.name, "logical_path": info.logical_path, "name": info.name})
            for file in component.files():
                listed.append([file.path, file.size, [len(components) - 1]])
                target = out.joinpath(*file.path.replace(":", "").split("\\"))
                target.parent.mkdir(parents=True, exist_ok=True)
                content = Path(file.shadow_path).read_bytes()
                if file.ranges is not None:
                    ranges = [(each.offset, each.length) for each in file.ranges]
                    parts.append({"path": file.path, "ranges": [list(each) for each in ranges]})
                    kept = bytearray(len(content))
                    for offset, length in ranges:
                        kept[offset : offset + length] = content[offset : offset + length]
                    content = bytes(kept)
                target.write_bytes(content)
                os.utime(target, ns=(file.modified, file.modified))
            if component.full_name == failed:
                component.mark_failed("in a test")
            else:
                component.mark_succeeded()
    assert backup.document is not None
    documents = out / "vsspy"
    (documents / "writers").mkdir(parents=True)
    (documents / "backup-components.xml").write_text(backup.document, encoding="utf-8")
    for number, writer in enumerate(backup.writers):
        (documents / "writers" / f"{number}.xml").write_text(writer.to_xml(), encoding="utf-8")
    report = {
        "backup_type": backup_type.name,
        "paths": [{"path": name, "volume": name, "below": name[0]} for name in volumes],
        "previous": None if previous is None else str(previous),
        "partial_files": parts,
    }
    names = {"partial_files": [[each["path"], each["ranges"]] for each in parts]}
    lists = {"components": components, "files": listed, **names}
    (documents / "files.json").write_text(json.dumps(lists), encoding="ascii")
    (documents / "report.json").write_text(json.dumps(report), encoding="utf-8")
    return out


def restore(out: Path, *select: str, prepare: bool = True, **options: Any) -> vsspy.RestoreResult:
    """Restores components of the writer ``Demo Writer`` or another one (``WRITER:COMPONENT``), or everything."""
    with BackupFolder(out) as folder, RestoreSession(folder.document, folder.writers, **options) as session:
        for name in select:
            writer, _, component = name.partition(":")
            session.select(writer, component or None)
        if prepare:
            session.prepare()
            session.restore_files(folder, onerror=lambda error: None)
    return session.result


def events(machine: Machine, writer: str = "Demo Writer") -> list[str]:
    """What a writer heard of restores."""
    names = [entry.name.partition("::")[2] for entry in machine.trace if entry.name.startswith(f"{writer}::")]
    return [name for name in names if name.endswith("Restore")]


def sql_machine(root: Path, *databases: str, **options: Any) -> tuple[SqlServerWriter, Any]:
    """A database server, and its machine as a context manager."""
    writer = SqlServerWriter(root, databases, live=False)
    return writer, simulator.running(volumes={"C:\\": root}, writers=[writer], **options)
