"""What a backup would do, as an object that can be printed before anything is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ._backup_types import BUILDS_ON
from ._sizes import amount
from .enums import BackupType
from .result import LeftOut, plain

if TYPE_CHECKING:
    from ._session_options import VolumePolicy

__all__ = ["Plan", "PlannedComponent", "PlannedVolume", "PlannedWriter"]


@dataclass(frozen=True, slots=True)
class PlannedVolume:
    """A volume of the session.

    Attributes:
        name: the session's name of it.
        policy: ``required``, ``preferred`` or ``never``; see BackupSession's ``volume_policies``.
        protected: whether a shadow copy of it can be made and is to be made.
        reason: why not; None if it is protected.
    """

    name: str
    policy: VolumePolicy
    protected: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedWriter:
    """A writer of the gather.

    Attributes:
        takes_part: whether it hears of the backup: in a session that claims components, if one of its is included.
        backup_type: the type of backup that it gets, FULL where it does not know the session's; None if it takes no part.
    """

    name: str
    writer_id: UUID
    instance_id: UUID
    instance_name: str | None
    takes_part: bool
    backup_type: BackupType | None


@dataclass(frozen=True, slots=True)
class PlannedComponent:
    """A component that would be included by name (AddComponent), with all that comes with it.

    Attributes:
        implicit: the full names of the components that come with it.
        because: the component whose dependency brings it in, with its writer's name; None if it was selected.
        files: how many files there are now, those of *implicit* included; None if they were not counted.
        bytes: how many bytes are in them.
    """

    writer: str
    writer_id: UUID
    instance_id: UUID
    full_name: str
    implicit: tuple[str, ...] = ()
    because: str | None = None
    files: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session would do now, as far as it can be known before the shadow copies are made.

    Writers may name more files, or parts of files, while a backup runs, and files change until then.

    Attributes:
        backend: ``windows`` or ``simulator``.
        files: how many files the components have together, each counted once; None if they were not counted.
        bytes: how many bytes are in them.
        left_out: writers, components and, where files were counted, files that are not part of the backup, and why.
        read_live: volumes and files that are read on the live volume, and why.
        left_out_by_vss: files that exist on the volumes and that the shadow copies will not have, since VSS
            (FilesNotToSnapshot) or a writer deletes them there; best effort, as VSS says (semantics 9.3).
        notes: what a person should know: a writer that cannot do what was asked, what could not be counted.
    """

    backend: str
    backup_type: BackupType
    volumes: tuple[PlannedVolume, ...]
    writers: tuple[PlannedWriter, ...]
    components: tuple[PlannedComponent, ...]
    files: int | None
    bytes: int | None
    left_out: tuple[LeftOut, ...]
    read_live: tuple[LeftOut, ...]
    left_out_by_vss: tuple[LeftOut, ...]
    notes: tuple[str, ...]

    @property
    def possible(self) -> bool:
        """Whether the backup can be made: each volume is protected, or its policy lets it be read live."""
        return all(volume.protected or volume.policy != "required" for volume in self.volumes)

    def to_dict(self) -> dict[str, Any]:
        """The plan in values that JSON knows; enumerations by name, ids as text."""
        values: dict[str, Any] = plain(self)
        return {**values, "possible": self.possible}

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _lines(plan: Plan) -> Iterator[str]:
    names = ", ".join(volume.name for volume in plan.volumes)
    yield f"A {plan.backup_type.name.lower()} backup of {names} (backend {plan.backend})"
    yield from ("", "Volumes:")
    for volume in plan.volumes:
        yield f"  {volume.name}  {volume.policy}: {_volume(volume)}"
    if plan.components:
        yield from ("", "Components:", *_components(plan.components))
        if plan.files is not None and plan.bytes is not None:
            yield f"  in all {amount(plan.files, plan.bytes)}"
    others = [writer for writer in plan.writers if writer.takes_part]
    if others:
        yield from ("", "Writers that take part:")
        for writer in others:
            other = plan.backup_type in BUILDS_ON and writer.backup_type is not plan.backup_type
            yield f"  {_writer(writer)}{'  in full' if other else ''}"
    for title, items in (
        ("Read live, not from a shadow copy", plan.read_live),
        ("Left out", plan.left_out),
        ("Left out of the shadow copies by VSS", plan.left_out_by_vss),
    ):
        if items:
            yield from ("", f"{title}:")
            for item in items:
                whose = f"{item.writer}: " if item.kind == "component" and item.writer else ""
                yield f"  {whose}{item.name}: {item.reason}"
    if plan.notes:
        yield from ("", "Notes:", *(f"  {note}" for note in plan.notes))


def _volume(volume: PlannedVolume) -> str:
    if volume.protected:
        return "in the shadow copy set"
    if volume.policy == "required":
        return f"cannot be protected, so the backup would fail: {volume.reason}"
    return f"read live: {volume.reason}"


def _components(components: Sequence[PlannedComponent]) -> Iterator[str]:
    for each in components:
        counted = "" if each.files is None or each.bytes is None else f"  {amount(each.files, each.bytes)}"
        yield f"  {each.writer}: {each.full_name}{counted}"
        if each.implicit:
            yield f"    with {', '.join(each.implicit)}"
        if each.because is not None:
            yield f"    since {each.because} depends on it"


def _writer(writer: PlannedWriter) -> str:
    return f"{writer.name} ({writer.instance_name})" if writer.instance_name else writer.name
