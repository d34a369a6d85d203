"""What the copying threads are given."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._roots import Root
    from ..ranges import Range

__all__ = ["File", "Single", "Twin"]


@dataclass(frozen=True, slots=True)
class Single:
    """A file that is copied by itself.

    Attributes:
        source: The folder that `name` is below.
        new: Its name below the target; the folders above it are made.
        path: Its full name on the live system, for the report.
        ranges: The parts of it to copy; None for all of it.
        is_last: Whether it is copied after everything else, in place of what may be there by then.
        on_failure: Called from any thread with what went wrong.
    """

    source: Root
    name: str
    new: str
    path: str
    ranges: tuple[Range, ...] | None
    is_last: bool
    on_failure: Callable[[str], object]


@dataclass(frozen=True, slots=True)
class File:
    """A file that was looked up."""

    source: Root
    name: str
    new: str
    path: str
    st: os.stat_result
    ranges: tuple[Range, ...] | None = None
    on_failure: Callable[[str], object] | None = None


@dataclass(frozen=True, slots=True)
class Twin:
    """A further name of a file that was met before."""

    file: File
    first: File
