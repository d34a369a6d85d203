"""What machine a trace describes: its volumes, its writers, and what went wrong on it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ._codes import CODES
from ._faults import Fault, RecordedFault
from ._methods import METHODS
from ._replay_writers import failures_of_writers, was_done
from ._simulated_writers import Writer
from ._trace_file import RecordedTrace, TraceLine
from .errors import InvalidArgumentError, InvalidXmlDocumentError

_FINISHED: Final = CODES["VSS_S_ASYNC_FINISHED"]
_CANCELLED: Final = CODES["VSS_S_ASYNC_CANCELLED"]
_POLLS: Final = ("IVssAsync::Wait", "IVssAsync::QueryStatus")
_VOLUME_ARGUMENTS: Final = {
    "IVssBackupComponents::AddToSnapshotSet": "pwszVolumeName",
    "IVssBackupComponents::IsVolumeSupported": "pwszVolumeName",
    "IsVolumeSnapshotted": "pwszVolumeName",
    "ShouldBlockRevert": "wszVolumeName",
}
_NOTICEABLE: Final = 1_000_000  # nanoseconds that a call takes before it counts as slow
_GUID_PATH: Final = re.compile(r"\\\\\?\\Volume\{[0-9A-Fa-f-]{36}\}\\", re.IGNORECASE)


@dataclass(frozen=True)
class ReplayPlan:
    """The machine: what ``simulator.running`` takes, and the GUID paths of the volumes that have known ones."""

    volumes: tuple[str, ...]
    volume_paths: dict[str, str] = field(default_factory=dict)
    writers: tuple[Writer, ...] = ()
    faults: tuple[Fault, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


def plan_of(trace: RecordedTrace, *, delays: bool) -> ReplayPlan:
    """Make the plan; raises InvalidTraceError for what no machine can be."""
    volumes, paths = _volumes(trace)
    options: dict[str, Any] = {
        name: trace.machine[name] for name in ("level", "hardware_provider") if name in trace.machine
    }
    if "environment" in trace.machine:
        options["environment"] = trace.machine["environment"]
    faults = [*_failing_calls(trace, delays), *failures_of_writers(trace)]
    return ReplayPlan(volumes, paths, tuple(_writers(trace)), tuple(faults), options)


def _failing_calls(trace: RecordedTrace, delays: bool) -> Iterator[Fault]:
    """Every call that failed, and every operation that did not end well, by its own count."""
    counts: Counter[str] = Counter()
    ordinals: dict[int, int] = {}
    results = {line.of: line for line in trace.lines if line.kind == "result"}
    for line in trace.lines:
        if line.kind != "call":
            continue
        counts[line.name] += 1
        ordinals[line.number] = counts[line.name]
        asynchronous = METHODS.get(line.name, False)
        if line.failed:
            yield _fault(trace, line, ordinals[line.number], code=line.hresult, at="call" if asynchronous else None)
        result = results.get(line.number)
        if asynchronous and result is not None:
            code = None if result.hresult in (_FINISHED, _CANCELLED) else result.hresult
            delay = (result.end - result.start) / 1e9 if delays else 0.0
            if code is not None or delay:
                yield _fault(
                    trace,
                    line,
                    ordinals[line.number],
                    code=code,
                    at="result" if code is not None else None,
                    effect="before" if code is None or not was_done(trace, line, result) else "after",
                    delay=delay,
                )
        elif delays and not asynchronous and line.name not in _POLLS and line.end - line.start >= _NOTICEABLE:
            yield _fault(trace, line, ordinals[line.number], delay=(line.end - line.start) / 1e9)


def _fault(trace: RecordedTrace, line: TraceLine, nth: int, **more: Any) -> Fault:
    try:
        return RecordedFault(line.name, nth=nth, **more)
    except InvalidArgumentError as error:
        raise trace.refuse(line.at, str(error.detail)) from None


def _writers(trace: RecordedTrace) -> Iterator[Writer]:
    """One for each instance whose document was read, or of which at least a status was."""
    seen = set()
    for outcome in trace.outcomes:
        if outcome.kind != "writer_metadata":
            continue
        try:
            if "<" not in outcome.text:  # it would be taken for a file's name
                raise InvalidXmlDocumentError(detail="it is no document")
            writer = Writer.from_xml(outcome.text)
        except InvalidXmlDocumentError as error:
            raise trace.refuse(outcome.at, f"a Writer Metadata Document: {error.detail}") from None
        if writer.instance_id not in seen:
            seen.add(writer.instance_id)
            yield writer
    for outcome in trace.outcomes:
        status = outcome.status
        if status is not None and status.instance_id not in seen:
            seen.add(status.instance_id)
            yield Writer(status.name, writer_id=status.writer_id, instance_id=status.instance_id)


def _volumes(trace: RecordedTrace) -> tuple[tuple[str, ...], dict[str, str]]:
    paths: dict[str, str] = dict(trace.machine.get("volumes", {}))
    names = list(paths)
    ids: dict[str, str] = {}
    added = {outcome.of: outcome.text for outcome in trace.outcomes if outcome.kind == "snapshot_id"}
    for name, line in _named_volumes(trace.lines):
        known = [*names, *paths.values()]
        if not any(_same(name, each) for each in known):
            if not re.fullmatch(r"(?s)(/|.{2,}[\\/])", name):
                raise trace.refuse(line.at, f"{name[:100]!r} is no name of a volume")
            names.append(name)
            if _GUID_PATH.fullmatch(name):
                paths[name] = name
        if line.number in added:
            ids[added[line.number].lower()] = name
    for outcome in trace.outcomes:
        if outcome.kind == "snapshot" and outcome.snapshot_id.lower() in ids and _GUID_PATH.fullmatch(outcome.text):
            name = ids[outcome.snapshot_id.lower()]
            if name not in paths and not any(_same(outcome.text, each) for each in paths.values()):
                paths[name] = outcome.text
    return tuple(names) or ("C:\\",), {name: path for name, path in paths.items() if _GUID_PATH.fullmatch(path)}


def _named_volumes(lines: Iterable[TraceLine]) -> Iterator[tuple[str, TraceLine]]:
    """The volumes that calls were successfully made for."""
    for line in lines:
        name = _VOLUME_ARGUMENTS.get(line.name, "")
        if line.kind == "call" and not line.failed and name in line.arguments:
            yield line.arguments[name], line


def _same(one: str, other: str) -> bool:
    return one == other or ("\\" in one and one.casefold() == other.casefold())
