"""`simulator.Fault`: what it takes, what it refuses, and each of its forms at work."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any, Literal

import pytest
from support import Backup, backup_in, events, server, states, wait

import vsspy
from vsspy import simulator
from vsspy.enums import WriterState

DO = "IVssBackupComponents::DoSnapshotSet"
GATHER = "IVssBackupComponents::GatherWriterMetadata"
START = "IVssBackupComponents::StartSnapshotSet"


@pytest.mark.parametrize(
    ("where", "options", "told"),
    [
        (DO, {}, "needs a code or a delay"),
        (DO, {"code": "VSS_E_NO_SUCH_CODE"}, "VSS_E_NO_SUCH_CODE"),
        (DO, {"code": 1 << 33}, "not a HRESULT"),
        (DO, {"code": "E_FAIL", "nth": 0}, "counted from 1"),
        (DO, {"delay": -1.0}, "delay=-1.0"),
        (DO, {"delay": math.nan}, "delay=nan"),
        (DO, {"delay": 1e12}, "delay="),
        (DO, {"code": "E_FAIL", "at": "end"}, 'at="end"'),
        (DO, {"code": "E_FAIL", "effect": "during"}, 'effect="during"'),
        (DO, {"code": "VSS_E_PROVIDER_VETO", "at": "call"}, "result of its operation"),
        (START, {"code": "E_FAIL", "at": "result"}, "not asynchronous"),
        ("One Writer::Freeze", {"code": "E_FAIL", "at": "result"}, "not asynchronous"),
        ("One Writer::Melt", {"code": "E_FAIL"}, "not an event"),
        ("IVssBackupComponents::DoSnapshot", {"code": "E_FAIL"}, "no method DoSnapshot"),
        ("IVssBackupComponentsEx4::DoSnapshotSet", {"code": "E_FAIL"}, "no method DoSnapshotSet"),
        ("DoSnapshotSet", {"code": "E_FAIL"}, "a fault is in a method"),
        ("::Freeze", {"code": "E_FAIL"}, "a fault is in a method"),
    ],
)
def test_refused(where: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError) as caught:
        simulator.Fault(where, **options)
    assert isinstance(caught.value, vsspy.InvalidArgumentError)
    assert told in str(caught.value)


def test_where_the_code_goes() -> None:
    """To the call, but codes that are known as results only go to the result (semantics 3.9)."""
    assert simulator.Fault(DO, "E_FAIL").place == "call"
    assert simulator.Fault(DO, "E_FAIL", at="result").place == "result"
    assert simulator.Fault(DO, "VSS_E_INSUFFICIENT_STORAGE").place == "result"
    assert simulator.Fault(START, "VSS_E_INSUFFICIENT_STORAGE").place == "call"
    assert simulator.Fault(DO, -2147024891).hresult == 0x80070005
    assert simulator.Fault("A::B Writer::Freeze", delay=1).hresult is None


@pytest.mark.parametrize("nth", [None, 1, 2])
def test_nth(tmp_path: Path, nth: int | None) -> None:
    fault = simulator.Fault("IVssBackupComponents::IsVolumeSupported", "VSS_E_NESTED_VOLUME_LIMIT", nth=nth)
    with server(tmp_path, faults=[fault]), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        failed = []
        for number in (1, 2, 3):
            try:
                assert components.is_volume_supported("C:\\")
            except vsspy.NestedVolumeLimitError:
                failed.append(number)
        assert failed == ([1, 2, 3] if nth is None else [nth])


@pytest.mark.parametrize("effect", ["before", "after"])
def test_effect_at_the_call(tmp_path: Path, effect: Any) -> None:
    fault = simulator.Fault(START, "VSS_E_UNEXPECTED", nth=1, effect=effect)
    with server(tmp_path, faults=[fault]), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        with pytest.raises(vsspy.UnexpectedError):
            components.start_snapshot_set()
        if effect == "before":
            components.start_snapshot_set()
        else:
            with pytest.raises(vsspy.BadStateError):
                components.start_snapshot_set()


@pytest.mark.parametrize(
    "where",
    [
        "IVssBackupComponents::GatherWriterMetadata",
        "IVssBackupComponentsEx::GetWriterMetadataEx",
        "IVssExamineWriterMetadata::GetComponent",
        "IVssExamineWriterMetadata::SaveAsXML",
        "IVssWMComponent::GetComponentInfo",
        "IVssWMComponent::GetFile",
        "IVssWMFiledesc::GetPath",
    ],
)
def test_nothing_leaks_out_of_a_call_that_fails_after_its_work(tmp_path: Path, where: str) -> None:
    """Nobody looks at the outputs of a failed call, so there are none."""
    fault = simulator.Fault(where, "E_OUTOFMEMORY", effect="after", at="call")
    with server(tmp_path, faults=[fault]) as machine:
        with vsspy.BackupComponents() as components, pytest.raises(vsspy.OutOfMemoryError):
            components.initialize_for_backup()
            wait(components.gather_writer_metadata())
            components.writer_metadata[0].to_xml()
            pytest.fail(f"{where} was not called")
        assert machine.live() == []
    assert not machine.notes


def test_a_result_after_the_work(tmp_path: Path) -> None:
    """The shadow copies are made, and the operation fails all the same: they go with the requester."""
    fault = simulator.Fault(DO, "VSS_E_PROVIDER_VETO", effect="after")
    with backup_in("prepared", tmp_path) as (machine, backup):
        machine.add_fault(fault)
        with backup.components.do_snapshot_set() as operation, pytest.raises(vsspy.ProviderVetoError):
            operation.wait(timeout=60)
        assert len(machine.shadow_copies) == 1
        assert events(machine)[-1] == "PostSnapshot"
        with pytest.raises(vsspy.BadStateError):
            backup.components.backup_complete()
    assert not machine.shadow_copies


def test_a_delay_is_the_operation_s(tmp_path: Path) -> None:
    with server(tmp_path, faults=[simulator.Fault(GATHER, delay=0.2)]) as machine:
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            wait(components.gather_writer_metadata())
        call, result = (
            next(each for each in machine.trace if each.name == GATHER and each.kind == kind)
            for kind in ("call", "result")
        )
        assert call.end is not None
        assert result.end is not None
        assert call.end - call.start < 0.2 <= result.end - result.start


def test_a_delay_of_a_call(tmp_path: Path) -> None:
    with server(tmp_path, faults=[simulator.Fault(START, delay=0.1)]), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        begun = time.monotonic()
        components.start_snapshot_set()
        assert time.monotonic() - begun >= 0.1


@pytest.mark.parametrize("where", [GATHER, "IVssBackupComponents::PrepareForBackup", DO, "One Writer::PrepareBackup"])
def test_what_hangs_can_be_cancelled(tmp_path: Path, where: str) -> None:
    with server(tmp_path, faults=[simulator.Fault(where, delay=math.inf)]), vsspy.BackupComponents() as components:
        backup = Backup(components)
        if where == GATHER:
            backup.to_state()
            operation = components.gather_writer_metadata()
        elif where == DO:
            backup.to_prepared()
            operation = components.do_snapshot_set()
        else:
            backup.to_set()
            operation = components.prepare_for_backup()
        with operation:
            with pytest.raises(vsspy.WaitTimeoutError):
                operation.wait(timeout=0.05)
            operation.cancel()
            with pytest.raises(vsspy.OperationCancelledError):
                operation.wait(timeout=60)


def test_what_hangs_ends_with_the_machine(tmp_path: Path) -> None:
    fault = simulator.Fault(GATHER, delay=math.inf)
    with server(tmp_path, faults=[fault]) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        with components.gather_writer_metadata() as operation:
            machine.close()
            with pytest.raises(vsspy.VssError):
                operation.wait(timeout=60)


def test_codes_that_nobody_documents(tmp_path: Path) -> None:
    fault = simulator.Fault("CreateVssBackupComponents", 0x8004FFF0)
    with server(tmp_path, faults=[fault]), pytest.raises(vsspy.VssError) as caught:
        vsspy.BackupComponents()
    assert caught.value.hresult & 0xFFFFFFFF == 0x8004FFF0


def test_a_failing_event_before_and_after_its_callback(tmp_path: Path) -> None:
    heard: list[str] = []
    effects: tuple[Literal["before", "after"], ...] = ("before", "after")
    for effect in effects:
        fault = simulator.Fault("W::PrepareBackup", "VSS_E_WRITERERROR_RETRYABLE", effect=effect)
        writer = simulator.Writer("W", on_prepare_backup=lambda _: heard.append(effect))  # noqa: B023 - called in the loop
        with server(tmp_path, writers=[writer], faults=[fault]), vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_backup_state(False, False, vsspy.BackupType.COPY)
            wait(components.gather_writer_metadata())
            wait(components.prepare_for_backup())
            assert states(components) == {"W": WriterState.FAILED_AT_PREPARE_BACKUP}
    assert heard == ["after"]
