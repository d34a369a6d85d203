"""`simulator.replay`: a machine that behaves as the one of a trace, and traces that nobody wrote."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from support import FILEGROUP, ONE_ID, ONE_INSTANCE, TIMEOUT, TWO_ID, TWO_INSTANCE, server, volume, wait, writer

import vsspy
from vsspy import simulator
from vsspy._codes import CODES

POLLS = ("IVssAsync::Wait", "IVssAsync::QueryStatus")
FINISHED = CODES["VSS_S_ASYNC_FINISHED"]
DO = "IVssBackupComponents::DoSnapshotSet"

Seen = list[tuple[str, int | None]]
Told = list[Any]


def seen(machine: simulator.Machine) -> Seen:
    """Names and HRESULTs of calls and results; how often a waiting requester polls is a matter of time."""
    return [(entry.name, entry.hresult) for entry in machine.trace if entry.kind != "event" and entry.name not in POLLS]


def tell(components: vsspy.BackupComponents, told: Told) -> None:
    """Gathers the writers' statuses into `told`."""
    with contextlib.suppress(vsspy.VssError):
        wait(components.gather_writer_status())
        told += [
            (s.name, s.writer_id, s.state, s.failure, s.application_failure, s.application_message)
            for s in components.writer_status
        ]
        components.free_writer_status()


def back_up(told: Told, *volumes: str) -> None:
    """A backup that goes on where it can, whatever fails."""
    with vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.set_backup_state(True, False, vsspy.BackupType.FULL)
        try:
            wait(components.gather_writer_metadata())
            writers = components.writer_metadata
            components.start_snapshot_set()
            shadows = []
            for name in volumes:
                with contextlib.suppress(vsspy.VssError):
                    shadows.append(components.add_to_snapshot_set(name))
            for each in writers:
                components.add_component(each.instance_id, each.writer_id, FILEGROUP, None, "data")
            wait(components.prepare_for_backup())
            tell(components, told)
            wait(components.do_snapshot_set())
            told += [components.get_snapshot_properties(shadow).original_volume for shadow in shadows]
            tell(components, told)
            for each in writers:
                components.set_backup_succeeded(each.instance_id, each.writer_id, FILEGROUP, None, "data", True)
            wait(components.backup_complete())
            tell(components, told)
        except vsspy.VssError as error:
            told.append((error.operation, error.hresult))
            tell(components, told)
            components.abort_backup()


def three_backups() -> Told:
    told: Told = []
    for _ in range(3):
        back_up(told, "C:\\", "Z:\\")
    return told


FAULTS = {
    "none": [],
    "calls": [
        simulator.Fault("IVssBackupComponents::StartSnapshotSet", "VSS_E_SNAPSHOT_SET_IN_PROGRESS", nth=2),
        simulator.Fault("IVssBackupComponents::AddToSnapshotSet", "E_ACCESSDENIED", nth=1),
        simulator.Fault("IVssBackupComponents::SetBackupSucceeded", "VSS_E_UNEXPECTED", nth=4),
        simulator.Fault("IVssBackupComponents::PrepareForBackup", "VSS_E_UNEXPECTED", nth=3),
    ],
    "results": [
        simulator.Fault(DO, "VSS_E_PROVIDER_VETO", nth=1),
        simulator.Fault(DO, "VSS_E_FLUSH_WRITES_TIMEOUT", nth=2, at="result"),
        simulator.Fault("IVssBackupComponents::GatherWriterStatus", "VSS_E_WRITER_INFRASTRUCTURE", nth=3, at="result"),
        simulator.Fault(
            "IVssBackupComponents::BackupComplete", "VSS_E_UNEXPECTED_WRITER_ERROR", nth=1, at="result", effect="after"
        ),
    ],
    "writers": [
        simulator.Fault("One Writer::Freeze", "VSS_E_WRITERERROR_TIMEOUT", nth=2),
        simulator.Fault(
            "Two Writer::PrepareBackup",
            "VSS_E_WRITERERROR_NONRETRYABLE",
            nth=1,
            application=0x80004005,
            message="no room",
        ),
        simulator.Fault("Two Writer::PostSnapshot", "VSS_E_WRITERERROR_OUTOFRESOURCES", nth=2),
        simulator.Fault("Two Writer::Status", "VSS_E_WRITER_STATUS_NOT_AVAILABLE", nth=4),
        simulator.Fault("One Writer::BackupComplete", "VSS_E_WRITERERROR_RETRYABLE", nth=2),
    ],
    "death": [simulator.Fault("Two Writer::Freeze", dies=True, nth=2)],
}


@pytest.mark.parametrize("side", ["requester", "service"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_recorded_run_runs_again(tmp_path: Path, name: str, side: str) -> None:
    """The same requester meets the same codes and statuses in the same order."""
    start: Any = vsspy.trace if side == "requester" else simulator.record
    with server(tmp_path, faults=FAULTS[name]) as machine, start(tmp_path / "trace"):
        told = three_backups()
    assert len(told) >= 9
    with simulator.replay(tmp_path / "trace", state=tmp_path / "state") as again:
        assert again is simulator.current()
        assert dict(again.volume_paths) == dict(machine.volume_paths)
        assert dict(again.environment).items() >= {"SystemRoot": "C:\\Windows"}.items()
        assert three_backups() == told
        assert seen(again) == seen(machine)
    assert not any(folder.exists() for folder in again.volumes.values())


def test_folders_may_be_given(tmp_path: Path) -> None:
    with server(tmp_path), vsspy.trace(tmp_path / "trace"):
        back_up([], "C:\\")
    given = volume(tmp_path / "given")
    with (
        simulator.replay(tmp_path / "trace", {"C:": given, "D:\\": tmp_path}, state=tmp_path / "state") as machine,
        vsspy.shadow_copy("C:\\") as shadow,
    ):
        assert dict(machine.volumes) == {"C:\\": given, "D:\\": tmp_path}
        assert Path(shadow / "data" / "file.txt").read_text(encoding="ascii") == "data"
    assert given.exists()


def test_delays(tmp_path: Path) -> None:
    """By the clock of who wrote the trace; a call that is quick is not slowed down."""
    fault = simulator.Fault(DO, delay=30)
    with server(tmp_path, faults=[fault], virtual_time=True) as machine, simulator.record(tmp_path / "trace"):
        back_up([], "C:\\")
    (long,) = [entry for entry in machine.trace if entry.name == DO and entry.kind == "result"]
    assert long.end is not None
    assert long.end - long.start >= 30

    def durations(delays: bool) -> list[float]:
        with simulator.replay(tmp_path / "trace", delays=delays, virtual_time=True, state=tmp_path / "state") as again:
            back_up([], "C:\\")
        found = [entry for entry in again.trace if entry.name == DO and entry.kind == "result"]
        return [entry.end - entry.start for entry in found if entry.end is not None]

    assert durations(True)[0] >= 30
    assert durations(False)[0] < 30


# A trace as a real machine might give it, by hand: a requester's side, with nothing in it but what the format demands.

METADATA = writer().metadata.to_xml()


def line(number: int, name: str, hresult: int = 0, **more: Any) -> dict[str, Any]:
    made = {"number": number, "kind": "call", "name": name, "thread": 1, "start": number, "end": number}
    return {**made, "hresult": f"0x{hresult:08X}", "session": "1", **more}


def outcome(of: int, **values: Any) -> dict[str, Any]:
    return {"kind": "outcome", "of": of, "name": "any", "outcome": values}


def status(of: int, state: int, failure: str, instance: UUID = ONE_INSTANCE, **more: Any) -> dict[str, Any]:
    told = {"instance_id": str(instance), "writer_id": str(ONE_ID), "name": "One Writer", "state": state}
    return outcome(of, writer_status={**told, "failure": f"0x{CODES[failure]:08X}", **more})


GUID_PATH = "\\\\?\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\"
HEADER = {"format": "vsspy-trace", "version": 1}
ADD = "IVssBackupComponents::AddToSnapshotSet"
BY_HAND = [
    line(1, "CreateVssBackupComponents"),
    line(2, "IVssBackupComponents::InitializeForBackup"),
    line(3, "IVssBackupComponents::SetBackupState", arguments={"bSelectComponents": "true"}),
    line(4, "IVssBackupComponents::GatherWriterMetadata"),
    line(5, "IVssBackupComponents::GatherWriterMetadata", FINISHED, kind="result", of=4),
    line(6, "IVssBackupComponentsEx::GetWriterMetadataEx"),
    outcome(6, writer_metadata=METADATA),
    line(7, "IVssBackupComponents::StartSnapshotSet"),
    line(8, ADD, CODES["VSS_E_NESTED_VOLUME_LIMIT"], arguments={"pwszVolumeName": "E:\\"}),
    line(9, ADD, arguments={"pwszVolumeName": "D:\\"}),
    outcome(9, snapshot_id="00000000-0000-0000-0000-000000000009"),
    line(10, "IVssBackupComponents::AddComponent", arguments={"instanceId": str(ONE_INSTANCE)}),
    line(11, "IVssBackupComponents::PrepareForBackup"),
    line(12, "IVssBackupComponents::PrepareForBackup", FINISHED, kind="result", of=11),
    line(13, DO),
    line(14, DO, CODES["VSS_E_PROVIDER_VETO"], kind="result", of=13),
    line(15, "IVssBackupComponents::GatherWriterStatus"),
    line(16, "IVssBackupComponents::GatherWriterStatus", FINISHED, kind="result", of=15),
    line(17, "IVssBackupComponentsEx3::GetWriterStatusEx"),
    status(17, 9, "VSS_E_WRITERERROR_TIMEOUT", application_failure="0x80004005", application_message="slow"),
    line(18, "IVssBackupComponents::GetSnapshotProperties"),
    outcome(18, snapshot={"id": "00000000-0000-0000-0000-000000000009", "volume": GUID_PATH}),
]


def write(path: Path, *lines: object, header: object = HEADER) -> Path:
    """A trace; what is no object goes into it as it is."""
    texts = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in (header, *lines)]
    path.write_bytes(b"".join(text + b"\n" for text in texts))
    return path


def test_a_trace_of_a_real_machine(tmp_path: Path) -> None:
    path = write(tmp_path / "trace", *BY_HAND)
    with simulator.replay(path, state=tmp_path / "state") as machine:
        assert dict(machine.volume_paths) == {"D:\\": GUID_PATH}
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_backup_state(True, False, vsspy.BackupType.FULL)
            wait(components.gather_writer_metadata())
            (found,) = components.writer_metadata
            assert (found.name, found.writer_id, found.instance_id) == ("One Writer", ONE_ID, ONE_INSTANCE)
            components.start_snapshot_set()
            with pytest.raises(vsspy.NestedVolumeLimitError):
                components.add_to_snapshot_set("D:\\")
            components.add_to_snapshot_set(GUID_PATH)
            components.add_component(ONE_INSTANCE, ONE_ID, FILEGROUP, None, "data")
            wait(components.prepare_for_backup())
            with components.do_snapshot_set() as operation, pytest.raises(vsspy.ProviderVetoError):
                operation.wait(timeout=TIMEOUT)
            wait(components.gather_writer_status())
            (told,) = components.writer_status
            assert told.state is vsspy.WriterState.FAILED_AT_FREEZE
            assert told.failure == CODES["VSS_E_WRITERERROR_TIMEOUT"]
            assert (told.application_failure, told.application_message) == (0x80004005, "slow")


def test_a_writer_of_which_only_the_status_is_known(tmp_path: Path) -> None:
    path = write(
        tmp_path / "trace",
        line(1, "IVssBackupComponents::GatherWriterStatus"),
        line(2, "IVssBackupComponents::GatherWriterStatus", FINISHED, kind="result", of=1),
        line(3, "IVssBackupComponents::GetWriterStatus"),
        status(3, 0, "VSS_E_WRITER_NOT_RESPONDING", TWO_INSTANCE),
    )
    with simulator.replay(path, state=tmp_path / "state"), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        wait(components.gather_writer_status())
        (told,) = components.writer_status
        assert (told.name, told.instance_id, told.writer_id) == ("One Writer", TWO_INSTANCE, ONE_ID)
        assert (told.state, told.failure) == (vsspy.WriterState.UNKNOWN, CODES["VSS_E_WRITER_NOT_RESPONDING"])


def test_what_a_crash_leaves(tmp_path: Path) -> None:
    """A last line without its end is no damage, nor is what belongs to a call whose line is missing."""
    path = write(
        tmp_path / "trace",
        line(2, "IsVolumeSnapshotted", CODES["E_ACCESSDENIED"]),
        outcome(1, snapshot_id="any"),
        line(4, DO, FINISHED, kind="result", of=3),
    )
    path.write_bytes(path.read_bytes() + b'{"number": 5, "ki')
    with simulator.replay(path, state=tmp_path / "state"):
        with pytest.raises(vsspy.AccessDeniedError):
            vsspy.is_volume_snapshotted("C:\\")
        vsspy.is_volume_snapshotted("C:\\")


def test_codes_where_no_page_has_them(tmp_path: Path) -> None:
    """A real machine gives what it likes."""
    path = write(tmp_path / "trace", line(1, DO, CODES["VSS_E_INSUFFICIENT_STORAGE"]))
    with simulator.replay(path, state=tmp_path / "state"), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        with pytest.raises(vsspy.InsufficientStorageError):
            components.do_snapshot_set()


CALL = line(1, "IsVolumeSnapshotted")
STATUS_CALL = line(1, "IVssBackupComponentsEx3::GetWriterStatusEx")
DAMAGED: dict[str, tuple[int | None, list[object], object]] = {
    "no JSON": (2, [b"{"], HEADER),
    "no object": (2, [b"[]"], HEADER),
    "a number too long": (2, [b'{"number": ' + b"9" * 5000 + b"}"], HEADER),
    "deep": (2, [b"[" * 200_000], HEADER),
    "not UTF-8": (2, [b'{"name": "\xff"}'], HEADER),
    "an unknown kind": (2, [{**CALL, "kind": "thing"}], HEADER),
    "no number": (2, [{**CALL, "number": None}], HEADER),
    "a number below one": (2, [{**CALL, "number": 0}], HEADER),
    "a boolean as a number": (2, [{**CALL, "number": True}], HEADER),
    "a number out of range": (2, [{**CALL, "number": 1 << 70}], HEADER),
    "a number twice": (3, [CALL, CALL], HEADER),
    "an end before the start": (2, [{**CALL, "start": 9, "end": 8}], HEADER),
    "no HRESULT": (2, [{**CALL, "hresult": "E_FAIL"}], HEADER),
    "an HRESULT as a number": (2, [{**CALL, "hresult": 5}], HEADER),
    "no name": (2, [{**CALL, "name": 7}], HEADER),
    "arguments that are no texts": (2, [{**CALL, "arguments": {"a": 1}}], HEADER),
    "a failure of no method": (3, [CALL, line(2, "IVss::Explode", 0x80004005)], HEADER),
    "an event of no kind": (
        2,
        [line(1, "One Writer::Melt", 0x800423F4, kind="event", writer="One Writer")],
        {**HEADER, "side": "service"},
    ),
    "an event without a writer": (2, [line(1, "One Writer::Freeze", kind="event")], HEADER),
    "a result of another call": (3, [CALL, line(2, DO, FINISHED, kind="result", of=1)], HEADER),
    "a result without its call's number": (2, [line(1, DO, FINISHED, kind="result")], HEADER),
    "a document that is none": (3, [CALL, outcome(1, writer_metadata="<HELLO/>")], HEADER),
    "a document that is a file's name": (3, [CALL, outcome(1, writer_metadata="/etc/passwd")], HEADER),
    "an outcome that is no object": (3, [CALL, {"kind": "outcome", "of": 1, "outcome": "x"}], HEADER),
    "a status without an id": (3, [STATUS_CALL, outcome(1, writer_status={"name": "x"})], HEADER),
    "a volume's name that is none": (2, [line(1, ADD, arguments={"pwszVolumeName": "x"})], HEADER),
    "another version": (1, [], {**HEADER, "version": 2}),
    "another format": (1, [], {"format": "elf"}),
    "a side that is none": (1, [], {**HEADER, "side": "dark"}),
    "volumes that are no texts": (1, [], {**HEADER, "machine": {"volumes": {"C:\\": 1}}}),
    "a level that is none": (1, [], {**HEADER, "machine": {"level": ["8"]}}),
    "a provider that is none": (1, [], {**HEADER, "machine": {"hardware_provider": []}}),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_named_by_its_line(tmp_path: Path, name: str) -> None:
    at, lines, header = DAMAGED[name]
    path = write(tmp_path / "trace", *lines, header=header)
    with pytest.raises(vsspy.InvalidTraceError) as caught, simulator.replay(path, state=tmp_path / "state"):
        pass
    assert caught.value.line == at
    assert f"{path}, line {at}: " in str(caught.value)
    assert simulator.current() is None
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("content", [b"", b'{"format": "vsspy-trace", "version": 1'])
def test_no_header(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "trace").write_bytes(content)
    with pytest.raises(vsspy.InvalidTraceError, match="header"), simulator.replay(tmp_path / "trace"):
        pass


def test_every_prefix_is_a_trace_or_refused(tmp_path: Path) -> None:
    """What is left of a trace after any crash makes a machine."""
    whole = write(tmp_path / "whole", *BY_HAND).read_bytes().splitlines(keepends=True)
    for count in range(1, len(whole) + 1):
        (tmp_path / "part").write_bytes(b"".join(whole[:count]))
        with simulator.replay(tmp_path / "part", state=tmp_path / "state") as machine:
            assert machine.live_objects == 0


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), simulator.replay(tmp_path / "missing"):
        pass


@contextlib.contextmanager
def _within(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def test_relative_paths(tmp_path: Path) -> None:
    with _within(tmp_path), server(tmp_path), vsspy.trace("trace") as traced, simulator.record("record") as recorded:
        vsspy.is_volume_snapshotted("C:\\")
    assert (traced, recorded) == (tmp_path / "trace", tmp_path / "record")
    with _within(tmp_path), simulator.replay("record", state=tmp_path / "state"):
        vsspy.is_volume_snapshotted("C:\\")


def test_two_instances_of_a_class(tmp_path: Path) -> None:
    """Each is counted where both have one name."""
    writers = [writer(), simulator.Writer("Two Writer", writer_id=TWO_ID, instance_id=TWO_INSTANCE)]
    writers += [simulator.Writer("Two Writer", writer_id=TWO_ID, instance_id=UUID(int=7), instance_name="other")]
    fault = simulator.Fault("Two Writer::PrepareBackup", "VSS_E_WRITERERROR_RETRYABLE", nth=4)
    told: Told = []
    with server(tmp_path, writers=writers, faults=[fault]), vsspy.trace(tmp_path / "trace"):
        back_up(told, "C:\\")
        back_up(told, "C:\\")
    again: Told = []
    with simulator.replay(tmp_path / "trace", state=tmp_path / "state"):
        back_up(again, "C:\\")
        back_up(again, "C:\\")
    assert again == told
    assert any(entry[3] for entry in told if isinstance(entry, tuple) and len(entry) > 2)
