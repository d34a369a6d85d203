"""What became of what was to be copied, and how far the copying is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..ranges import Range

__all__ = ["CopyResult", "NotKept", "Parts", "Progress", "Trouble"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """An entry that is not in the backup, by its full name, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class NotKept:
    """An entry that is in the backup, but for one property of it."""

    path: str
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the copy is. The totals grow until `counted`; sizes are in bytes."""

    files: int
    bytes: int
    total_files: int
    total_bytes: int
    counted: bool


@dataclass(frozen=True, slots=True)
class Parts:
    """A file that is in the backup with these parts only."""

    path: str
    ranges: tuple[Range, ...]


@dataclass(slots=True)
class CopyResult:
    """What became of everything that was to be copied.

    `bytes` are the sizes of the files, holes included, and of `partial` files those of their parts; of the names of one file only the first
    counts as a file, the others are `hard_links`. `failed` could not be read or written; `left_out` is what a backup of this kind has no
    place for.
    """

    files: int = 0
    folders: int = 0
    links: int = 0
    hard_links: int = 0
    bytes: int = 0
    failed: list[Trouble] = field(default_factory=list)
    left_out: list[Trouble] = field(default_factory=list)
    not_kept: list[NotKept] = field(default_factory=list)
    partial: list[Parts] = field(default_factory=list)
