"""diagnose() and `vsspy doctor`: each thing that can be wrong is found, and what is in order is said."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from cli_support import BACKEND, Runner, add_to_machines, make_runner
from json_schema import check_json

import vsspy
from vsspy import simulator
from vsspy._doctor_windows import computer_findings
from vsspy._event_log import Event, read_events, recent_events, wevtutil_arguments
from vsspy._windows_state import ServiceState, this_computer
from vsspy.doctor import Finding, diagnose


@dataclass
class Windows:
    """A Windows in which everything is in order but what a test says."""

    vssapi: bool = True
    wow64: bool = False
    elevated: bool = True
    held: set[str] = field(default_factory=lambda: {"SeBackupPrivilege", "SeRestorePrivilege"})
    services: dict[str, ServiceState] = field(
        default_factory=lambda: {"VSS": ServiceState("stopped", False), "swprv": ServiceState("running", False)}
    )
    logged: list[Event] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def _look(self, name: str) -> None:
        if name in self.broken:
            raise PermissionError(13, f"no {name}")

    def has_vssapi(self) -> bool:
        return self.vssapi

    def is_32bit_on_64bit(self) -> bool:
        self._look("bitness")
        return self.wow64

    def is_elevated(self) -> bool:
        return self.elevated

    def privileges(self) -> set[str]:
        return self.held

    def service(self, name: str) -> ServiceState | None:
        self._look("service")
        return self.services.get(name)

    def events(self, log: str, source: str) -> list[Event]:
        self._look("events")
        return [event for event in self.logged if (event.log, event.source) == (log, source)]


@pytest.fixture(autouse=True)
def no_leases(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("XDG_STATE_HOME", "ProgramData"):  # this computer's own are no business of the tests
        monkeypatch.setenv(name, str(tmp_path / "state"))


def wrong(findings: list[Finding]) -> list[Finding]:
    return [each for each in findings if each.is_wrong]


def only(findings: list[Finding], name: str) -> Finding:
    (found,) = (each for each in findings if each.id == name)
    return found


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    (tmp_path / "C").mkdir()
    return tmp_path / "C"


@pytest.fixture
def machine(volume: Path) -> Iterator[simulator.Machine]:
    with simulator.running(volumes={"C:\\": volume}) as running:
        yield running


def test_a_windows_in_order() -> None:
    found = computer_findings(Windows())
    assert wrong(found) == []
    assert {each.severity for each in found} == {"ok"}
    assert only(found, "service-vss").what == "VSS (Volume Shadow Copy) is stopped; it starts when it is needed"
    assert [each.id for each in found] == [
        "platform",
        "bitness",
        "elevation",
        "privileges",
        "service-vss",
        "service-swprv",
        "event-log",
    ]


@pytest.mark.parametrize(
    ("windows", "name", "severity", "words"),
    [
        (Windows(vssapi=False), "module", "error", "vssapi.dll is not in System32"),
        (Windows(wow64=True), "bitness", "error", "32-bit Python on a 64-bit Windows"),
        (Windows(elevated=False), "elevation", "error", "not elevated"),
        (Windows(held={"SeBackupPrivilege"}), "privileges", "warning", "not held: SeRestorePrivilege;"),
        (Windows(services={"swprv": ServiceState("running", False)}), "service-vss", "error", "not installed"),
        (
            Windows(services={"VSS": ServiceState("running", False), "swprv": ServiceState("stopped", True)}),
            "service-swprv",
            "error",
            "is disabled",
        ),
        (
            Windows(logged=[Event("Application", "VSS", 8194, 2, "2026-01-02T03:04:05Z", "x" * 400)]),
            "event-log",
            "warning",
            "2026-01-02T03:04:05Z Application log, VSS 8194: " + "x" * 297 + "...",
        ),
        (Windows(logged=[Event("System", "volsnap", 25, 2, "", "gone")]), "event-log", "warning", "volsnap 25: gone"),
    ],
)
def test_what_is_wrong_with_a_windows(windows: Windows, name: str, severity: str, words: str) -> None:
    (found,) = wrong(computer_findings(windows))
    assert (found.id, found.severity) == (name, severity)
    assert words in found.what
    assert found.advice or found.id == "event-log"
    assert ("initialize_security" in found.advice) == ("8194" in found.what)


def test_what_windows_refuses_to_tell() -> None:
    found = computer_findings(Windows(broken={"bitness", "service", "events"}))
    assert wrong(found) == []
    unknown = {each.id for each in found if each.severity == "unknown"}
    assert unknown == {"bitness", "service-vss", "service-swprv", "event-log"}
    assert "no bitness" in only(found, "bitness").what


@pytest.mark.skipif(sys.platform == "win32", reason="the computer is a Windows here")
def test_off_windows() -> None:
    found = computer_findings()
    assert {each.severity for each in found if each.id != "platform"} == {"unknown"}
    assert "only Windows has this" in only(found, "elevation").what


@pytest.mark.skipif(sys.platform != "win32", reason="asks Windows")
def test_this_windows() -> None:
    windows = this_computer()
    assert windows is not None
    assert windows.is_32bit_on_64bit() is False
    assert isinstance(windows.is_elevated(), bool)
    assert all(name.startswith("Se") for name in windows.privileges())
    assert windows.service("vsspy-has-no-such-service") is None
    assert {each.id for each in computer_findings()} >= {"platform", "elevation", "service-vss", "event-log"}


EVENT = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='VSS'/>"
    "<EventID Qualifiers='0'>8194</EventID><Level>2</Level><TimeCreated SystemTime='2026-01-02T03:04:05.6Z'/></System>"
    "<EventData><Data>IVssWriterCallback\n</Data><Data/><Data> 0x80070005 </Data></EventData>{}</Event>"
)
RENDERED = "<RenderingInfo Culture='en-US'><Message>Access\r\n denied.</Message></RenderingInfo>"


def test_events_are_read() -> None:
    first = Event("Application", "VSS", 8194, 2, "2026-01-02T03:04:05.6Z", "IVssWriterCallback 0x80070005")
    text = EVENT.format("") + "\r\n" + EVENT.format(RENDERED)
    for output in (text.encode("utf-16"), text.encode("utf-16-le"), text.encode(), b"\xef\xbb\xbf" + text.encode()):
        found = read_events("Application", output)
        assert found[0] == first
        assert found[1].text == "Access denied."
    assert read_events("System", b"\r\n") == []
    sparse = read_events("System", EVENT.replace("8194", "x").replace("<Level>2</Level>", "").format("").encode())
    assert (sparse[0].number, sparse[0].level) == (0, 0)


@pytest.mark.parametrize(
    "output", [b"Error!", b"<Event", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"</Events><Events>"]
)
def test_what_is_no_event_is_refused(output: bytes) -> None:
    if output == b"Error!":
        assert read_events("System", output) == []
        return
    with pytest.raises(ValueError, match="wevtutil answered"):
        read_events("System", output)


def test_wevtutil_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def answer(words: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
        asked.append(words)
        if words[2] == "System":
            raise subprocess.TimeoutExpired(words, 60)
        code = 0 if words[2] == "Application" else 5
        return subprocess.CompletedProcess(words, code, EVENT.format(RENDERED).encode(), b"Access\r\nis denied.")

    monkeypatch.setenv("SystemRoot", "X:")
    monkeypatch.setattr(subprocess, "run", answer)
    assert [each.number for each in recent_events("Application", "VSS")] == [8194]
    assert asked[0][0] == os.path.join("X:", "System32", "wevtutil.exe"), "not one from PATH"
    with pytest.raises(OSError, match="wevtutil refused: Access is denied."):
        recent_events("Security", "VSS")
    with pytest.raises(OSError, match="did not answer"):
        recent_events("System", "volsnap")


def test_what_wevtutil_is_asked() -> None:
    arguments = wevtutil_arguments("System", "volsnap", 7, 5)
    assert arguments[:2] == ["qe", "System"]
    assert "Provider[@Name='volsnap']" in arguments[2]
    assert "timediff(@SystemTime) <= 604800000" in arguments[2]


def test_a_machine_in_order(machine: simulator.Machine) -> None:
    found = diagnose(machine)
    assert wrong([each for each in found if each not in computer_findings()]) == []
    assert only(found, "writers").what == "0 answered, none has failed: there are none"
    assert only(found, "snapshot-set").severity == "ok"
    assert machine.live_objects == 0
    assert len(list(machine.shadow_copies)) == 0


def test_a_set_in_progress(machine: simulator.Machine) -> None:
    with vsspy.BackupComponents() as other:
        other.initialize_for_backup()
        other.set_context(vsspy.SnapshotContext.FILE_SHARE_BACKUP)
        other.start_snapshot_set()
        found = only(diagnose(), "snapshot-set")
        assert (found.severity, bool(found.advice)) == ("warning", True)
    assert only(diagnose(), "snapshot-set").severity == "ok", "and it has left none of its own"


WRITER = vsspy.WriterMetadata.from_xml(
    (Path(__file__).parents[1] / "data/writers/harbor_database.xml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("VSS_E_WRITERERROR_TIMEOUT", "at most three times"),
        ("VSS_E_WRITERERROR_NONRETRYABLE", "A second try will fail too"),
        ("VSS_E_WRITER_NOT_RESPONDING", "Application event log"),
    ],
)
def test_a_failed_writer(machine: simulator.Machine, monkeypatch: pytest.MonkeyPatch, code: str, advice: str) -> None:
    # The simulator's writers have a state for each requester (semantics 4.4), so that another one's failure is played.
    state, failure = vsspy.WriterState.FAILED_AT_FREEZE, vsspy.HResult(vsspy.errors.lookup(code)(code, "").hresult)
    failed = vsspy.WriterStatus(
        WRITER.instance_id, WRITER.writer_id, WRITER.name, state, failure, code, None, "the disk is slow"
    )
    monkeypatch.setattr("vsspy._doctor_vss.writers", lambda **_: [(WRITER, failed), (WRITER, None)])
    found = [each for each in diagnose() if each.id == "writers"]
    assert [each.severity for each in found] == ["warning", "warning"]
    assert found[0].what == (
        f"{WRITER.name} is in state FAILED_AT_FREEZE since its last backup: {code}, the disk is slow"
    )
    assert advice in found[0].advice
    assert found[1].what == f"{WRITER.name} tells no state"


def test_a_full_storage_area(machine: simulator.Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.set_volume_qualities("C:\\", total_space=1 << 40, free_space=1 << 39)
    limit = 320 << 20
    with vsspy.DifferentialSnapshotManagement() as management:
        management.add_diff_area("C:\\", "C:\\", limit)
        assert only(diagnose(), "storage").what == "1 storage areas, none is near its limit"
        (area,) = management.query_diff_areas_for_volume("C:\\")
    fuller = replace(area, used_diff_space=limit * 9 // 10)
    monkeypatch.setattr(
        "vsspy._doctor_vss.storage_areas", lambda backend: [fuller, replace(fuller, maximum_diff_space=None)]
    )
    found = only(diagnose(), "storage")
    assert found.severity == "warning"
    assert found.what.startswith(f"the shadow copies of C:\\ use {limit * 9 // 10} of {limit} bytes")


def test_a_storage_that_failed(machine: simulator.Machine) -> None:
    with vsspy.DifferentialSnapshotManagement() as management:
        management.set_volume_protect_level("C:\\", vsspy.ProtectionLevel.SNAPSHOT)
    with vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.set_context(vsspy.SnapshotContext.NAS_ROLLBACK)
        components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        components.do_snapshot_set().wait()
    machine.fail_storage("C:\\", vsspy.ProtectionFault.DIFF_AREA_FULL)
    found = only(diagnose(), "storage")
    assert (found.severity, "C:\\ is offline" in found.what) == ("error", True)


def test_many_shadow_copies(machine: simulator.Machine) -> None:
    machine.set_max_shadow_copies(512)
    for _ in range(58):
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_context(vsspy.SnapshotContext.CLIENT_ACCESSIBLE)
            components.start_snapshot_set()
            components.add_to_snapshot_set("C:\\")
            components.do_snapshot_set().wait()
    found = only(diagnose(), "shadow-copies")
    assert found.severity == "warning"
    assert found.what == "C:\\ has 58 client-accessible shadow copies; 64 are possible"


def test_what_a_killed_program_left(
    machine: simulator.Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert only(diagnose(), "leases").severity == "ok"
    with vsspy.BackupSession("C:\\", lease=True) as backup:
        backup.snapshot()
        (lease,) = vsspy.leases()
        assert only(diagnose(), "leases").severity == "ok", "it is at work"
        monkeypatch.setattr("vsspy._doctor_vss.leases", lambda: [replace(lease, alive=False)])
        found = only(diagnose(), "leases")
        assert (found.severity, "C:\\" in found.what, "vsspy cleanup" in found.advice) == ("warning", True, True)


def test_without_rights(volume: Path) -> None:
    denied = simulator.Fault("IVssBackupComponents::InitializeForBackup", "E_ACCESSDENIED")
    with simulator.running(volumes={"C:\\": volume}, faults=[denied]):
        found = diagnose()
        assert only(found, "providers").severity == "unknown"
        assert "elevated" in only(found, "providers").advice
        assert "writers" not in {each.id for each in found}, "it would only say the same again"


def test_what_vss_refuses_is_a_finding(volume: Path) -> None:
    fault = simulator.Fault("IVssBackupComponents::GatherWriterMetadata", "VSS_E_WRITER_INFRASTRUCTURE")
    with simulator.running(volumes={"C:\\": volume}, faults=[fault]):
        found = only(diagnose(), "writers")
        assert found.severity == "error"
        assert "VSS_E_WRITER_INFRASTRUCTURE" in found.what
        assert found.advice


@pytest.mark.skipif(sys.platform == "win32", reason="the system has VSS")
def test_without_a_backend() -> None:
    assert only(diagnose(), "module").severity == "error"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Runner:
    return make_runner(capsys)


def test_the_command(run: Runner, volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsspy._doctor_windows.this_computer", Windows)
    good = run("doctor", "--volume", f"C:\\={volume}", *BACKEND)
    assert (good.code, good.error) == (0, "")
    assert "Nothing is wrong." in good.output
    values = check_json("doctor", run("doctor", "--json", *BACKEND).output)
    assert values["good"] is True
    monkeypatch.setattr("vsspy._doctor_windows.this_computer", lambda: Windows(elevated=False))
    bad = run("doctor", *BACKEND)
    assert bad.code == 1
    assert "What to do:\n  elevation: Use a prompt" in bad.output
    values = check_json("doctor", run("doctor", "--json", *BACKEND).output)
    assert values["good"] is False
    assert {"id": "elevation", "severity": "error"}.items() <= {
        key: value for each in values["findings"] if each["id"] == "elevation" for key, value in each.items()
    }.items()


def test_the_command_with_a_machine_that_fails(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = simulator.Fault("IVssBackupComponents::StartSnapshotSet", "VSS_E_SNAPSHOT_SET_IN_PROGRESS")
    add_to_machines(monkeypatch, faults=[fault])
    monkeypatch.setattr("vsspy._doctor_windows.this_computer", Windows)
    outcome = run("doctor", *BACKEND)
    assert outcome.code == 1
    assert "another program is making shadow copies now" in outcome.output
