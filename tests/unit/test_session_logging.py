"""What a session tells while it runs: records with fields for programs, and progress that decides nothing."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from session_support import back_up, demo_volume, demo_writer, running

from vsspy import errors
from vsspy.session import BackupSession
from vsspy.simulator import Fault, WriterVeto

FIELDS = {"session", "event", "phase", "elapsed", "volume", "set_id", "writer", "error"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return demo_volume(tmp_path)


def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The fields of each record, and its level."""
    found = []
    for record in caplog.records:
        assert record.name == "vsspy"
        fields = {name[4:]: value for name, value in vars(record).items() if name.startswith("vss_")}
        assert set(fields) == FIELDS, record.getMessage()
        found.append({**fields, "level": record.levelno})
    return found


def test_each_phase_is_a_record(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "vsspy")
    with running(root):
        session = back_up()
    records = told(caplog)
    phases = [each["phase"] for each in records if each["event"] == "finished"]
    assert phases == [phase.name for phase in session.result.phases if phase.name != "copy"]
    assert [each["phase"] for each in records if each["event"] == "started"] == phases
    assert {each["level"] for each in records if each["event"] == "finished"} == {logging.INFO}
    assert {each["level"] for each in records if each["event"] == "started"} == {logging.DEBUG}
    assert {each["volume"] for each in records if each["phase"] == "add_to_snapshot_set"} == {"C:\\"}
    assert {each["set_id"] for each in records if each["phase"] == "do_snapshot_set"} == {str(session.result.set_id)}
    assert len({each["session"] for each in records}) == 1
    elapsed = [each["elapsed"] for each in records]
    assert elapsed == sorted(elapsed) and elapsed[0] >= 0


def test_two_sessions_are_told_apart(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vsspy")
    with running(root):
        back_up()
        back_up()
    assert len({each["session"] for each in told(caplog)}) == 2


def test_a_phase_that_fails(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    fault = Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_PROVIDER_VETO")
    with running(root, fault), pytest.raises(errors.ProviderVetoError):
        back_up()
    (record,) = told(caplog)
    assert (record["event"], record["phase"], record["error"], record["level"]) == (
        "failed",
        "do_snapshot_set",
        "VSS_E_PROVIDER_VETO",
        logging.WARNING,
    )


def test_a_writer_that_fails(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    def veto(event: Any) -> None:
        raise WriterVeto("VSS_E_WRITERERROR_TIMEOUT")

    machine = running(root, writers=[demo_writer(on_freeze=veto)])
    with machine, BackupSession("C:\\", on_writer_failure="report") as session:
        session.snapshot()
    records = [each for each in told(caplog) if each["event"] == "writer failed"]
    assert [(each["writer"], each["phase"], each["error"]) for each in records] == [
        ("Demo Writer", "do_snapshot_set", "VSS_E_WRITERERROR_TIMEOUT")
    ]


def test_notes_are_records(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running(root, Fault("IVssBackupComponents::GatherWriterStatus", "VSS_E_WRITER_INFRASTRUCTURE", nth=3)):
        session = back_up()
    notes = [record.getMessage() for record in caplog.records if record.__dict__["vss_event"] == "note"]
    assert notes == session.result.notes and len(notes) == 1


def test_an_error_in_the_clean_up_is_a_record(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    machine = running(root, Fault("IVssBackupComponents::AbortBackup", "VSS_E_UNEXPECTED"))
    with machine, pytest.raises(KeyError), BackupSession("C:\\") as session:
        session.snapshot()
        raise KeyError
    assert [each["event"] for each in told(caplog)] == ["note"]


def test_a_library_says_nothing_by_itself() -> None:
    """Without a handler of the program's own, Python would print warnings on stderr."""
    code = "import logging, vsspy; logging.getLogger('vsspy').warning('x'); print(logging.getLogger('vsspy').handlers)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "" and "NullHandler" in done.stdout


@pytest.mark.parametrize(
    ("phase", "event"), [("initialize", "started"), ("do_snapshot_set", "finished"), ("backup_complete", "finished")]
)
def test_progress_decides_nothing(root: Path, phase: str, event: str) -> None:
    calls: list[str] = []

    def fail(progress: Any) -> None:
        calls.append(progress.event)
        if (progress.phase, progress.event) == (phase, event):
            raise OSError("no more room on the display")

    with running(root):
        session = back_up(on_progress=fail)
    assert session.result.good
    assert session.result.notes == ["on_progress: OSError('no more room on the display')"]
    assert calls[-1] == "finished"  # it is called on and on
