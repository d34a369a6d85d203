"""What a simulated machine tells of itself: entries of its trace, and its shadow copies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

from . import _simulator
from ._codes import NAMES
from ._filetime import nearest_time
from ._native_paths import to_text
from .enums import SnapshotAttributes, SnapshotContext

_KINDS: tuple[Literal["call", "event", "result"], ...] = ("call", "event", "result")


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """Something that happened on a machine.

    Attributes:
        name: a method by the interface that declares it (``IVssBackupComponents::AddComponent``), an entry point, or a
            writer's event (``SqlServerWriter::Freeze``).
        kind: a call, a writer's event, or the running of an asynchronous operation from its start to its result.
        thread: a number for the thread.
        start, end: seconds on the machine's clock, which stands still while copies are made; ``end`` is None while it is
            under way.
        hresult: how it ended, unsigned; None while it is under way.
        arguments: what went in, as text; outputs are left out.
        session: the requester's session, where there is one.
        writer: the writer's name, for an event.
        note: what there is to say: the traceback of a veto.
    """

    name: str
    kind: Literal["call", "event", "result"]
    thread: int
    start: float
    end: float | None
    hresult: int | None
    arguments: dict[str, str]
    session: UUID | None
    writer: str | None
    note: str

    @property
    def code(self) -> str | None:
        """The HRESULT's name, or its digits; None while it is under way."""
        return None if self.hresult is None else NAMES.get(self.hresult, f"0x{self.hresult:08X}")


@dataclass(frozen=True, slots=True)
class ShadowCopyInfo:
    """A shadow copy that a machine has.

    Attributes:
        id, set_id: its id and its set's.
        session: the session that made it.
        volume: the volume's name.
        volume_path: the volume's GUID path.
        device: what ``VSS_SNAPSHOT_PROP`` calls it.
        folder: the folder that holds its files.
        created: when it was made.
        context: the context that it was made in.
        attributes: its attributes.
        files, size: how many files it has, and how many bytes they have.
        provider_id: who made it.
        exposed_name: the drive, mounted folder or share that shows it, as ``VSS_SNAPSHOT_PROP`` has it; None if none
            does.
        exposed_path: the folder of it that the share shows; None for all of it.
    """

    id: UUID
    set_id: UUID
    session: UUID
    volume: str
    volume_path: str
    device: str
    folder: Path
    created: datetime
    context: SnapshotContext
    attributes: SnapshotAttributes
    files: int
    size: int
    provider_id: UUID
    exposed_name: str | None
    exposed_path: str | None


def trace_entry(values: _simulator.TraceValues) -> TraceEntry:
    """Make the public value of what the extension gives."""
    kind, name, thread, start, end, hresult, session, writer, note, arguments = values
    return TraceEntry(
        name=name,
        kind=_KINDS[kind],
        thread=thread,
        start=start / 1e9,
        end=None if end is None else end / 1e9,
        hresult=None if end is None else hresult,
        arguments=arguments,
        session=UUID(bytes_le=session) if any(session) else None,
        writer=writer or None,
        note=note,
    )


def shadow_copy_info(values: _simulator.ShadowCopyValues) -> ShadowCopyInfo:
    """Make the public value of what the extension gives."""
    id_, set_id, session, volume, volume_path, device, folder, created, context, attributes, files, size = values[:12]
    provider_id, exposed_name, exposed_path, _broken = values[12:]
    return ShadowCopyInfo(
        id=UUID(bytes_le=id_),
        set_id=UUID(bytes_le=set_id),
        session=UUID(bytes_le=session),
        volume=volume,
        volume_path=volume_path,
        device=device,
        folder=Path(to_text(folder)),
        created=nearest_time(created),
        context=SnapshotContext(context),
        attributes=SnapshotAttributes(attributes),
        files=files,
        size=size,
        provider_id=UUID(bytes_le=provider_id),
        exposed_name=exposed_name,
        exposed_path=exposed_path,
    )
