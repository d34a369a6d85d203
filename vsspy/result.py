"""What a session did: the part of a backup that a report is made of."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol
from uuid import UUID

from .enums import BackupType, SnapshotContext, WriterState

if TYPE_CHECKING:
    from .backup_components import SnapshotProperties

ComponentState = Literal["succeeded", "failed", "unmarked"]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is not part of the backup, or not as it should be (``BackupResult.read_live``), and why.

    Attributes:
        kind: ``writer`` (with all its components), ``component``, ``file`` or ``volume``.
        name: the component's full name, the file's path, the volume's or the writer's name.
        reason: for people.
        writer: the writer's name, for writers and components.
        writer_id: the writer's class id, for writers and components.
        instance_id: the writer's instance id, for writers and components.
    """

    kind: Literal["writer", "component", "file", "volume"]
    name: str
    reason: str
    writer: str | None = None
    writer_id: UUID | None = None
    instance_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PhaseTime:
    """One phase of a session: seconds after the session began, and seconds that it took."""

    name: str
    start: float
    elapsed: float


@dataclass(frozen=True, slots=True)
class WriterResult:
    """The last state that a writer reported, and the failure it reported at any time in the session.

    Attributes:
        failure: the HRESULT, 0 for none; application_failure and application_message are the writer's own words.
        phase: the phase after which the failure was first seen.
        selected: whether a component of this writer was included by name.
    """

    name: str
    writer_id: UUID
    instance_id: UUID
    state: WriterState
    failure: int = 0
    failure_name: str = ""
    application_failure: int | None = None
    application_message: str | None = None
    phase: str | None = None
    selected: bool = False

    @property
    def failed(self) -> bool:
        """Whether the writer failed at any time in the session."""
        return self.phase is not None


@dataclass(frozen=True, slots=True)
class ComponentResult:
    """An explicitly included component: whether its data was saved, and which components came with it."""

    writer: str
    writer_id: UUID
    instance_id: UUID
    full_name: str
    state: ComponentState
    reason: str | None = None
    implicit: tuple[str, ...] = ()


class SessionResult(Protocol):
    """What the results of backups and restores have in common, and what fills them while a session runs."""

    phases: list[PhaseTime]
    writers: list[WriterResult]
    notes: list[str]

    @property
    def set_id(self) -> UUID | None: ...


@dataclass(slots=True)
class BackupResult:
    """What a session did, as far as it got; filled while the session runs.

    Attributes:
        backend: ``windows`` or ``simulator``.
        completed: True once the shadow copies were made, and BackupComplete came back good where it is due.
        tries: how many COM objects it took (more than one when another set was in progress).
        set_id: the shadow copy set's id.
        freeze_window: seconds from the start to the end of DoSnapshotSet: an upper limit of the time for which
            writers were frozen, since a requester cannot see Freeze and Thaw themselves.
        read_live: volumes and files that are or may be read live, not from a shadow copy, and why: what is read there is
            not frozen. It does not make the result bad.
        left_out_by_vss: files that the shadow copies do not have, since VSS (FilesNotToSnapshot) or a writer deletes them
            there, as a pattern for each list's entry; best effort, as VSS says (semantics 9.3).
        notes: what went wrong without making the backup bad, clean-up included.
        document: the Backup Components Document as last saved.
    """

    backend: str
    backup_type: BackupType
    context: SnapshotContext | int
    volumes: tuple[str, ...] = ()
    completed: bool = False
    tries: int = 0
    set_id: UUID | None = None
    freeze_window: float | None = None
    phases: list[PhaseTime] = field(default_factory=list)
    writers: list[WriterResult] = field(default_factory=list)
    shadow_copies: list[SnapshotProperties] = field(default_factory=list)
    components: list[ComponentResult] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    read_live: list[LeftOut] = field(default_factory=list)
    left_out_by_vss: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    document: str | None = None

    @property
    def good(self) -> bool:
        """Whether all of it worked: completed, no writer failed, each component saved."""
        return (
            self.completed
            and not any(writer.failed for writer in self.writers)
            and all(component.state == "succeeded" for component in self.components)
        )

    def to_dict(self) -> dict[str, Any]:
        """The result in values that JSON knows; enumerations by name. The document, which is a file of its own, is left out."""
        values: dict[str, Any] = plain(self)
        del values["document"]
        return {**values, "good": self.good}


def plain(value: object) -> Any:
    """*value* in values that JSON knows: data classes as objects, enumerations by name, ids as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, enum.IntFlag):
        return int(value)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
