"""Which event a recorded writer failed in, and the how many-th of its kind that was."""

from __future__ import annotations

import contextlib
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from ._codes import CODES
from ._faults import EVENTS, STATUS, Fault, RecordedFault
from ._trace_file import RecordedStatus, RecordedTrace, TraceLine
from .enums import WriterState
from .errors import InvalidArgumentError, VssError
from .metadata import WriterMetadata

_METHOD: Final = "IVssBackupComponents::"
_SENT: Final = {
    "PrepareForBackup": ("PrepareBackup",),
    "DoSnapshotSet": ("PrepareSnapshot", "Freeze", "Thaw", "PostSnapshot"),
    "BackupComplete": ("BackupComplete",),
    "PreRestore": ("PreRestore",),
    "PostRestore": ("PostRestore",),
}
_FAILED_AT: Final = {
    WriterState.FAILED_AT_PREPARE_BACKUP: "PrepareBackup",
    WriterState.FAILED_AT_PREPARE_SNAPSHOT: "PrepareSnapshot",
    WriterState.FAILED_AT_FREEZE: "Freeze",
    WriterState.FAILED_AT_THAW: "Thaw",
    WriterState.FAILED_AT_POST_SNAPSHOT: "PostSnapshot",
    WriterState.FAILED_AT_BACKUP_COMPLETE: "BackupComplete",
    WriterState.FAILED_AT_BACKUPSHUTDOWN: "BackupShutdown",
    WriterState.FAILED_AT_PRE_RESTORE: "PreRestore",
    WriterState.FAILED_AT_POST_RESTORE: "PostRestore",
}
_PARTIAL: Final = CODES["VSS_E_WRITERERROR_PARTIAL_FAILURE"]
_DIED: Final = "the writer died"  # what the simulator notes of it


@dataclass(frozen=True)
class _Known:
    name: str
    writer_id: UUID


@dataclass
class _Session:
    """What one object of the requester did, as far as its writers heard of it."""

    gathered: dict[UUID, _Known] = field(default_factory=dict)
    component_mode: bool = True
    chosen: set[str] = field(default_factory=set)  # instance or class ids of the components' writers, in lower case
    operations: list[TraceLine] = field(default_factory=list)
    results: dict[int, TraceLine] = field(default_factory=dict)
    statuses: list[tuple[int, int, RecordedStatus]] = field(default_factory=list)  # the gather's number, the line


def failures_of_writers(trace: RecordedTrace) -> Iterator[Fault]:
    """The faults that make the writers fail as they did.

    A trace of the service's side has the events. One of a requester's side has the statuses: they say in which event a
    writer failed, and whether it got the event is worked out from what its session did.
    """
    events = [line for line in trace.lines if line.kind == "event"]
    sessions = _sessions(trace)
    told: set[tuple[str, str, str]] = set()  # session, writer, event: failures that are accounted for
    if events or trace.side == "service":
        yield from _of_events(trace, events, sessions, told)
    yield from _of_statuses(trace, sessions, events, told)


def was_done(trace: RecordedTrace, call: TraceLine, result: TraceLine) -> bool:
    """Whether an operation that ended with a code did its work all the same: the last of its events was sent."""
    if not result.failed:
        return True  # a success that says more
    sent = _SENT.get(call.name.removeprefix(_METHOD), ())
    if trace.side == "service":
        return any(
            line.kind == "event"
            and line.session == call.session
            and line.name.rpartition("::")[2] == sent[-1]
            and result.start <= line.start <= line.end <= result.end
            for line in (trace.lines if sent else ())
        )
    if sent[-1:] not in (("PostSnapshot",), ("BackupComplete",)):
        return False  # no status would show it
    later = [line for line in trace.lines if line.kind == "call" and line.session == call.session]
    gathers = [
        line.number for line in later if line.name == f"{_METHOD}GatherWriterStatus" and line.number > call.number
    ]
    first, second = (*gathers, sys.maxsize, sys.maxsize)[:2]
    read = {line.number for line in later if first < line.number < second}
    states = {outcome.status.state for outcome in trace.outcomes if outcome.status is not None and outcome.of in read}
    waits = WriterState.WAITING_FOR_BACKUP_COMPLETE in states
    return bool(states) and waits == (sent[-1] == "PostSnapshot")


def _sessions(trace: RecordedTrace) -> dict[str, _Session]:
    sessions: dict[str, _Session] = defaultdict(_Session)
    calls = {line.number: line for line in trace.lines if line.kind == "call"}
    last_gather: dict[str, int] = {}
    status_gathers: dict[int, int] = {}  # of each call that read a status, which gather it read
    for line in trace.lines:
        if line.session is None or (line.failed and line.kind == "call"):
            continue
        session = sessions[line.session]
        name = line.name.removeprefix(_METHOD)
        if line.kind == "result":
            session.results[line.of] = line
        elif line.kind != "call":
            continue
        elif name in _SENT or name == "GatherWriterStatus":
            session.operations.append(line)
            if name == "GatherWriterStatus":
                last_gather[line.session] = line.number
        elif name == "SetBackupState":
            session.component_mode = line.arguments.get("bSelectComponents") != "false"
        elif name == "AddComponent":
            session.chosen.add(line.arguments.get("instanceId", "").lower())
        elif name == "InitializeForRestore":
            found = re.findall(r'writerId="([0-9a-fA-F-]{36})"', line.arguments.get("bstrXML", ""))
            session.chosen.update(each.lower() for each in found)
        elif "::GetWriterStatus" in line.name and line.session in last_gather:
            status_gathers[line.number] = last_gather[line.session]
    for outcome in trace.outcomes:
        session_id = calls[outcome.of].session
        if session_id is None:
            continue
        session = sessions[session_id]
        if outcome.kind == "writer_metadata":
            _note_writer(session, outcome.text)
        elif outcome.status is not None and outcome.of in status_gathers:
            session.statuses.append((status_gathers[outcome.of], outcome.at, outcome.status))
    for session in sessions.values():
        for _, _, status in session.statuses:
            session.gathered.setdefault(status.instance_id, _Known(status.name, status.writer_id))
    return dict(sessions)


def _note_writer(session: _Session, document: str) -> None:
    """Who a Writer Metadata Document is about; what is wrong with one is told where the writers are made."""
    with contextlib.suppress(VssError):
        metadata = WriterMetadata.from_xml(document)
        session.gathered[metadata.instance_id] = _Known(metadata.name, metadata.writer_id)


def _of_events(
    trace: RecordedTrace, events: list[TraceLine], sessions: dict[str, _Session], told: set[tuple[str, str, str]]
) -> Iterator[Fault]:
    counts: dict[str, int] = defaultdict(int)
    for line in events:
        counts[line.name] += 1
        if not line.failed:
            continue
        event = line.name.rpartition("::")[2]
        told.add((line.session or "", line.writer, event))
        if _DIED in line.note:
            yield _fault(trace, line.at, line.name, counts[line.name], dies=True)
            told.add((line.session or "", line.writer, STATUS))
            continue
        words = next(
            (
                status
                for _, _, status in (sessions[line.session].statuses if line.session in sessions else ())
                if status.name == line.writer and status.failure == line.hresult
            ),
            None,
        )
        yield _fault(trace, line.at, line.name, counts[line.name], code=line.hresult, **_words(words))


def _of_statuses(
    trace: RecordedTrace,
    sessions: dict[str, _Session],
    events: list[TraceLine],
    told: set[tuple[str, str, str]],
) -> Iterator[Fault]:
    counts: dict[str, int] = defaultdict(int)  # deliveries of each event, and questions for the status
    ordered = list(sessions.values())
    for session_id, session in sessions.items():
        failed: dict[UUID, str] = {}
        ended: dict[UUID, tuple[int, RecordedStatus]] = {}
        for _, at, status in session.statuses:
            if status.state in _FAILED_AT:
                ended.setdefault(status.instance_id, (at, status))
        for operation in session.operations:
            name = operation.name.removeprefix(_METHOD)
            if name == "GatherWriterStatus":
                later = [each for each in ordered[ordered.index(session) + 1 :] if each.gathered]
                yield from _silent(trace, session_id, session, operation.number, counts, told, later)
                continue
            for event in _delivered(session, operation, name):
                for instance, known in session.gathered.items():
                    writer = known.name
                    if instance in failed or not _takes_part(session, instance):
                        continue
                    counts[f"{writer}::{event}"] += 1
                    if instance not in ended:
                        continue
                    at, status = ended[instance]
                    if _FAILED_AT[WriterState(status.state)] != event:
                        continue
                    if status.failure != _PARTIAL:
                        failed[instance] = event
                    if (session_id, writer, event) not in told:
                        where = f"{writer}::{event}"
                        nth = _nth(events, session_id, where) or counts[where]
                        yield _fault(trace, at, where, nth, code=status.failure, **_words(status))


def _delivered(session: _Session, operation: TraceLine, name: str) -> tuple[str, ...]:
    """The events that an operation sent: those up to the shadow copies where it failed to make them."""
    result = session.results.get(operation.number)
    sent = _SENT[name]
    if result is None or not result.failed:
        return sent
    return sent[:2] if name == "DoSnapshotSet" else ()


def _silent(
    trace: RecordedTrace,
    session_id: str,
    session: _Session,
    gather: int,
    counts: dict[str, int],
    told: set[tuple[str, str, str]],
    later: list[_Session],
) -> Iterator[Fault]:
    """Writers that gave no status; who is not gathered any more in later sessions is gone."""
    answers = {status.instance_id: (at, status) for number, at, status in session.statuses if number == gather}
    for instance, known in session.gathered.items():
        writer = known.name
        counts[f"{writer}::{STATUS}"] += 1
        at, status = answers.get(instance, (0, None))
        if status is None or status.state != WriterState.UNKNOWN or status.failure < 0x80000000:
            continue
        if (session_id, writer, STATUS) in told:
            continue  # it died
        where = f"{writer}::{STATUS}"
        if later and not any(instance in each.gathered for each in later):
            yield _fault(trace, at, where, counts[where], dies=True)
        else:
            yield _fault(trace, at, where, counts[where], code=status.failure)


def _takes_part(session: _Session, instance: UUID) -> bool:
    by_id = {str(instance), str(session.gathered[instance].writer_id)}
    return not session.component_mode or not by_id.isdisjoint(session.chosen)


def _nth(events: list[TraceLine], session_id: str, where: str) -> int | None:
    """The count of an event that the trace has, of the last one in a session; None if it has none."""
    number = None
    for count, line in enumerate((each for each in events if each.name == where), 1):
        if line.session == session_id:
            number = count
    return number


def _words(status: RecordedStatus | None) -> dict[str, int | str | None]:
    if status is None or (not status.application_failure and status.application_message is None):
        return {}
    return {"application": status.application_failure, "message": status.application_message}


def _fault(trace: RecordedTrace, at: int, where: str, nth: int, **more: object) -> Fault:
    if where.rpartition("::")[2] not in (*EVENTS, STATUS):
        raise trace.refuse(at, f"{where[:100]} is no event of a writer")
    try:
        return RecordedFault(where, nth=nth, **more)  # type: ignore[arg-type]
    except InvalidArgumentError as error:
        raise trace.refuse(at, str(error.detail)) from None
