"""What a component of the Backup Components Document holds, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from ._filetime import from_filetime
from ._hresult import HResult
from .enums import RollForwardType

if TYPE_CHECKING:
    from . import _core


@dataclass(frozen=True, slots=True)
class PartialFile:
    """A file of which a writer wants only parts saved (``IVssComponent::GetPartialFile``; semantics 10).

    ``ranges`` is ``"offset:length, offset:length"`` in bytes, decimal or ``0x`` hexadecimal, or the path of a ranges
    file. ``metadata`` is the writer's own and may be empty.
    """

    path: str
    filename: str
    ranges: str
    metadata: str


@dataclass(frozen=True, slots=True)
class DifferencedFile:
    """Files that a writer names for an incremental or differential backup (``IVssComponent::GetDifferencedFile``;
    semantics 10).

    ``last_modify_time`` decides on its own whether the files are saved; None leaves that to the requester. It is
    ``last_modify_filetime``, 100 ns since 1601 UTC, to the microsecond. ``lsn`` is reserved.
    """

    path: str
    filespec: str
    recursive: bool
    lsn: str | None
    last_modify_time: datetime | None
    last_modify_filetime: int

    @classmethod
    def _of(cls, raw: _core._RawDifferencedFile) -> Self:
        path, filespec, recursive, lsn, ticks = raw
        return cls(path, filespec, recursive, lsn, from_filetime(ticks), ticks)


@dataclass(frozen=True, slots=True)
class DirectedTarget:
    """Where a writer wants parts of a file restored to (``IVssComponent::GetDirectedTarget``; semantics 11.3)."""

    source_path: str
    source_filename: str
    source_ranges: str
    destination_path: str
    destination_filename: str
    destination_ranges: str


@dataclass(frozen=True, slots=True)
class RestoreSubcomponent:
    """A part of a component set that is restored by itself (``IVssComponent::GetRestoreSubcomponent``; semantics 8.4).
    ``repair`` is reserved."""

    logical_path: str | None
    component_name: str
    repair: bool


@dataclass(frozen=True, slots=True)
class RollForward:
    """How far a writer is to roll forward in a restore, and to which point (``IVssComponentEx::GetRollForward``)."""

    type: RollForwardType
    point: str | None


@dataclass(frozen=True, slots=True)
class ComponentFailure:
    """What failed with one component (``IVssComponentEx2::GetFailure``): VSS's unsigned HRESULT and its name, the
    application's own code and text."""

    hresult: HResult
    name: str
    application_hresult: HResult
    application_message: str | None

    @classmethod
    def _of(cls, raw: _core._RawFailure) -> Self | None:
        code, application, message = raw
        if not code and not application and not message:
            return None
        hresult = HResult(code)
        return cls(hresult, hresult.name, HResult(application), message)
