"""Reading the file that ``vsspy.trace`` and ``simulator.record`` write: JSON lines, checked as if an enemy had made them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from uuid import UUID

from .errors import InvalidTraceError

VERSION = 1
_LONGEST_LINE = 64 * 1024 * 1024  # bytes; a writer's document is the longest thing in it
_LARGEST = 2**63 - 1

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class TraceLine:
    """A call, a writer's event, or the result of an asynchronous operation; ``at`` is the number of the file's line."""

    at: int
    number: int
    kind: Literal["call", "event", "result"]
    name: str
    start: int
    end: int
    hresult: int
    of: int = 0
    session: str | None = None
    writer: str = ""
    note: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether it ended with an error."""
        return self.hresult >= 0x80000000


@dataclass(frozen=True, slots=True)
class RecordedStatus:
    """A writer's status, as a requester was told it."""

    instance_id: UUID
    writer_id: UUID
    name: str
    state: int
    failure: int
    application_failure: int
    application_message: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: a text (a document, an id), a writer's status, or a shadow copy's volume."""

    at: int
    of: int
    kind: str
    text: str = ""
    status: RecordedStatus | None = None
    snapshot_id: str = ""


@dataclass(frozen=True, slots=True)
class RecordedTrace:
    """What a trace says, calls and events in the order in which they began."""

    path: str
    side: str
    machine: Mapping[str, Any]
    lines: tuple[TraceLine, ...]
    outcomes: tuple[Outcome, ...]

    def refuse(self, at: int | None, why: str) -> InvalidTraceError:
        """The error that names the line."""
        return _invalid(self.path, at, why)


def _invalid(path: str, at: int | None, why: str) -> InvalidTraceError:
    error = InvalidTraceError(f"{path}{'' if at is None else f', line {at}'}: {why}")
    error.line = at
    return error


class _Refusal(Exception):
    """Why a line is refused."""


def read_trace(path: str | os.PathLike[str]) -> RecordedTrace:
    """Read a trace.

    A last line without its end is passed over: a crash cut it.

    Raises:
        InvalidTraceError: it is not a trace, or damaged.
        OSError: the file cannot be read.
    """
    name = os.fspath(path)
    header: tuple[str, Mapping[str, Any]] | None = None
    lines: dict[int, TraceLine] = {}
    outcomes: list[Outcome] = []
    for at, raw in _raw_lines(name):
        try:
            fields = _object(raw)
            if header is None:
                header = _header(fields)
            elif fields.get("kind") == "outcome":
                outcome = _outcome(at, fields)
                if outcome is not None:
                    outcomes.append(outcome)
            else:
                line = _line(at, fields)
                if line.number in lines:
                    raise _Refusal(f"number {line.number} stands in line {lines[line.number].at}, too")
                lines[line.number] = line
        except _Refusal as refusal:
            raise _invalid(name, at, str(refusal)) from None
    if header is None:
        raise _invalid(name, None, "it has no header line")
    ordered = tuple(lines[number] for number in sorted(lines))
    # what belongs to a call that is not there was cut off from it by a crash
    known = {line.number: line for line in ordered if line.kind == "call"}
    for line in ordered:
        if line.kind == "result" and line.of in known and known[line.of].name != line.name:
            raise _invalid(name, line.at, f"it is the result of {known[line.of].name}, by its number")
    return RecordedTrace(
        name,
        header[0],
        header[1],
        tuple(line for line in ordered if line.kind != "result" or line.of in known),
        tuple(outcome for outcome in outcomes if outcome.of in known),
    )


def _raw_lines(path: str) -> Iterator[tuple[int, bytes]]:
    with open(path, "rb") as file:
        at = 0
        while raw := file.readline(_LONGEST_LINE):
            at += 1
            if not raw.endswith(b"\n"):
                if len(raw) == _LONGEST_LINE:
                    raise _invalid(path, at, "a line longer than any that is written")
                if at == 1:
                    raise _invalid(path, at, "it has no header line")
                return
            yield at, raw


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _Refusal(f"it is no JSON: {str(error)[:100]}") from None
    if not isinstance(value, dict):
        raise _Refusal("it is no JSON object")
    return value


def _take(fields: Mapping[str, Any], name: str, kind: type[_Value], default: _Value | None = None) -> _Value:
    value = fields.get(name, default)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _Refusal(f"{name} is {'missing' if name not in fields else f'no {kind.__name__}'}")
    return value


def _number(fields: Mapping[str, Any], name: str, least: int = 0) -> int:
    value = _take(fields, name, int)
    if not least <= value <= _LARGEST:
        raise _Refusal(f"{name} is not a number from {least} to {_LARGEST}")
    return value


def _hresult(fields: Mapping[str, Any], name: str) -> int:
    text = _take(fields, name, str)
    if not re.fullmatch("0x[0-9A-Fa-f]{8}", text):
        raise _Refusal(f"{name} is no HRESULT as 0x and eight digits")
    return int(text, 16)


def _texts(value: Any, name: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise _Refusal(f"{name} is no object of texts")
    return value


def _uuid(fields: Mapping[str, Any], name: str) -> UUID:
    try:
        return UUID(_take(fields, name, str))
    except ValueError:
        raise _Refusal(f"{name} is no GUID") from None


def _header(fields: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    if fields.get("format") != "vsspy-trace":
        raise _Refusal("it is not the header of a trace")
    if fields.get("version") != VERSION or isinstance(fields["version"], bool):
        raise _Refusal(f"version {str(fields.get('version'))[:20]} is not known here, but {VERSION}")
    side = _take(fields, "side", str, "requester")
    if side not in ("requester", "service"):
        raise _Refusal("side is neither requester nor service")
    machine = _take(fields, "machine", dict, {})
    for name in ("volumes", "environment"):
        _texts(machine.get(name, {}), name)
    if machine.get("level", "8") not in ("xp", "vista", "7", "8"):
        raise _Refusal("level is not one of xp, vista, 7 and 8")
    if machine.get("hardware_provider", False) not in (False, True, "legacy"):
        raise _Refusal('hardware_provider is not one of false, true and "legacy"')
    return side, machine


def _line(at: int, fields: Mapping[str, Any]) -> TraceLine:
    kind = fields.get("kind")
    if kind not in ("call", "event", "result"):
        raise _Refusal("kind is not one of call, event, result and outcome")
    start, end = _number(fields, "start"), _number(fields, "end")
    if end < start:
        raise _Refusal("end is before start")
    return TraceLine(
        at=at,
        number=_number(fields, "number", 1),
        kind=kind,
        name=_take(fields, "name", str),
        start=start,
        end=end,
        hresult=_hresult(fields, "hresult"),
        of=_number(fields, "of") if kind == "result" else 0,
        session=_take(fields, "session", str) if "session" in fields else None,
        writer=_take(fields, "writer", str) if kind == "event" else "",
        note=_take(fields, "note", str, ""),
        arguments=_texts(fields.get("arguments", {}), "arguments"),
    )


def _outcome(at: int, fields: Mapping[str, Any]) -> Outcome | None:
    """None for a kind that a later version has."""
    of = _number(fields, "of", 1)
    values = _take(fields, "outcome", dict)
    for kind in ("writer_metadata", "backup_components", "snapshot_id", "snapshot_set_id"):
        if kind in values:
            return Outcome(at, of, kind, _take(values, kind, str))
    if "writer_status" in values:
        told = _take(values, "writer_status", dict)
        message = told.get("application_message")
        if not isinstance(message, (str, type(None))):
            raise _Refusal("application_message is no text")
        status = RecordedStatus(
            _uuid(told, "instance_id"),
            _uuid(told, "writer_id"),
            _take(told, "name", str),
            _number(told, "state"),
            _hresult(told, "failure"),
            _hresult(told, "application_failure") if "application_failure" in told else 0,
            message,
        )
        return Outcome(at, of, "writer_status", status=status)
    if "snapshot" in values:
        told = _take(values, "snapshot", dict)
        volume = told.get("volume")
        if not isinstance(volume, (str, type(None))):
            raise _Refusal("volume is no text")
        return Outcome(at, of, "snapshot", volume or "", snapshot_id=_take(told, "id", str))
    return None
