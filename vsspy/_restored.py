"""A component that a session restores, and the files of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from ._restore_selection import Chosen
from .enums import FileRestoreStatus, RestoreMethod, RestoreTarget, RestoreType
from .result import LeftOut, PhaseTime, WriterResult, plain

if TYPE_CHECKING:
    from ._restore_files import Piece
    from ._restore_plan import Goal, How
    from ._restore_source import RestoreSource
    from .metadata import WriterMetadata

__all__ = ["RestoreFile", "RestoreResult", "RestoredComponent", "RestoredResult"]

RestoreState = Literal["all", "none", "failed"]

_STATES: dict[FileRestoreStatus, RestoreState] = {
    FileRestoreStatus.ALL: "all",
    FileRestoreStatus.NONE: "none",
    FileRestoreStatus.FAILED: "failed",
}


class RestoredComponent:
    """A component of the backup that a session restores, with all that came with it.

    Attributes:
        writer: its writer's metadata as of the backup.
        full_name: logical path and name (semantics 8.1).
        parts: the full names of the components below it that alone are restored; empty: the whole set.
        with_writer: whether its writer runs and is told of the restore.
        method: its writer's restore method (semantics 11.2).
        target: where its writer wants it, once ``prepare`` has asked it (semantics 11.3).
        reason: why it was not restored, or not whole.
        files, bytes: what was put in place so far.
    """

    def __init__(self, chosen: Chosen, *, with_writer: bool) -> None:
        self._chosen = chosen
        self.writer: WriterMetadata = chosen.writer
        self.full_name = chosen.saved.full_name
        self.parts = tuple(part.full_name for part in chosen.parts)
        self.with_writer = with_writer
        info = chosen.writer.restore_method
        self.method = RestoreMethod.UNDEFINED if info is None else info.method
        self.target = RestoreTarget.ORIGINAL
        self.reason: str | None = None
        self.messages: list[str] = []
        self.files = 0
        self.bytes = 0
        self._expected: int | None = None  # None: not gone through to the end
        self._refused: str | None = None  # why nothing of it may be touched: its writer failed in PreRestore
        self._placed = bytearray()  # 1 for each of its files, by number, that is in place
        self._touched = False  # a file may be in place, counted or not
        self._checked: RestoreSource | None = None  # the backup that is known to have all of it
        self._restart = False  # some of it is moved into place at the next start

    def __repr__(self) -> str:
        return f"<RestoredComponent {self.full_name!r} of {self.writer.name!r}: {self.status.name}>"

    @property
    def status(self) -> FileRestoreStatus:
        """What SetFileRestoreStatus tells its writer: all, none, or failed on the way."""
        if self.reason is None and self._expected is not None and self._placed.count(1) == self._expected:
            return FileRestoreStatus.ALL
        return FileRestoreStatus.FAILED if self._touched else FileRestoreStatus.NONE

    def _is_in_place(self, number: int) -> None:
        """Counts a file, again too, once."""
        self._placed.extend(bytes(max(0, number + 1 - len(self._placed))))
        self._placed[number] = 1

    def mark_failed(self, reason: str) -> None:
        """Says that something of it could not be restored; its writer hears that, and the first reason stands in the result."""
        if self.reason is None:
            self.reason = reason

    def outcome(self) -> RestoredResult:
        """What the result says about it."""
        reason = self.reason
        if reason is None and self.status is not FileRestoreStatus.ALL:
            reason = "not all of its files were put in place" if self.files else "nobody put its files in place"
        return RestoredResult(
            self.writer.name,
            self.writer.writer_id,
            self.full_name,
            self.parts,
            _STATES[self.status],
            reason,
            self.with_writer,
            self.method,
            self.target,
            self.files,
            self.bytes,
            self._restart,
            tuple(self.messages),
        )


@dataclass(frozen=True, slots=True)
class RestoreFile:
    """A file that is to be put in place.

    Attributes:
        component: the component that it belongs to.
        goal: what of it goes where; the properties tell that.
        source: where it is read.
        number: which of the component's files it is.
    """

    component: RestoredComponent
    goal: Goal
    source: RestoreSource
    number: int

    @property
    def path(self) -> str:
        """Its live name as it was backed up."""
        return self.goal.file.path

    @property
    def target(self) -> str:
        """The live name to write."""
        return self.goal.target

    @property
    def how(self) -> How:
        """``original``: its own place; ``alternate``: its writer's alternate location mapping; ``new target``: where it was
        redirected; ``directed``: where its writer directed it; ``reboot``: its own place, at the next start of the system."""
        return self.goal.how

    @property
    def size(self) -> int:
        """Bytes of the file in the backup."""
        return self.goal.file.size

    @property
    def pieces(self) -> tuple[Piece, ...] | None:
        """The parts of it that are written, each with its offset in the backup's file, its offset in the target and its length,
        in bytes; None: all of it."""
        return self.goal.pieces

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link, which is restored as one."""
        return self.goal.file.is_link


@dataclass(frozen=True, slots=True)
class RestoredResult:
    """What became of a component.

    Attributes:
        parts: the components below it that alone were restored.
        state: what its writer was told: ``all``, ``none`` or ``failed`` (on the way).
        reason: why it is not ``all``.
        with_writer: whether its writer was told.
        files, bytes: what was put in place.
        at_restart: whether some of it is moved into place at the next start of the system.
        messages: what its writer had to say (``GetPreRestoreFailureMsg``, ``GetPostRestoreFailureMsg``).
    """

    writer: str
    writer_id: UUID
    full_name: str
    parts: tuple[str, ...]
    state: RestoreState
    reason: str | None
    with_writer: bool
    method: RestoreMethod
    target: RestoreTarget
    files: int
    bytes: int
    at_restart: bool
    messages: tuple[str, ...] = ()


@dataclass(slots=True)
class RestoreResult:
    """What a restore did, as far as it got; filled while the session runs.

    Attributes:
        backend: ``windows`` or ``simulator``.
        additional: whether writers were told that further restores follow (SetAdditionalRestores).
        completed: True once PostRestore came back good, or no writer had to be told.
        restart_required: whether the restore is complete only after the next start of the system.
        left_out: what of the backup is not restored, and why.
        notes: what went wrong without making the restore bad, clean-up included.
        document: the Backup Components Document as last saved.
    """

    backend: str
    restore_type: RestoreType
    additional: bool
    completed: bool = False
    restart_required: bool = False
    phases: list[PhaseTime] = field(default_factory=list)
    writers: list[WriterResult] = field(default_factory=list)
    components: list[RestoredResult] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    document: str | None = None

    @property
    def set_id(self) -> UUID | None:
        """None: a restore makes no shadow copies."""
        return None

    @property
    def good(self) -> bool:
        """Whether all of it worked: completed, no writer failed, each selected component whole."""
        return (
            self.completed
            and not any(writer.failed for writer in self.writers)
            and all(component.state == "all" for component in self.components)
        )

    def to_dict(self) -> dict[str, Any]:
        """The result in values that JSON knows; enumerations by name. The document, which is a file of its own, is left out."""
        values: dict[str, Any] = plain(self)
        del values["document"]
        return {**values, "good": self.good}
