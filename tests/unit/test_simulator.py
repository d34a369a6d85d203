"""The simulated machine as its users have it: volumes, writers, trace, live objects, levels and its end."""

from __future__ import annotations

import contextlib
import ctypes
import inspect
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from support import (
    BAD_STATE,
    FILEGROUP,
    INTERFACES,
    METHODS,
    ONE_ID,
    ONE_INSTANCE,
    S_OK,
    TIMEOUT,
    Backup,
    Guid,
    RawObject,
    RawPlatform,
    backup_in,
    events,
    server,
    statuses,
    volume,
    wait,
    writer,
)

import vsspy
from vsspy import simulator
from vsspy.enums import ApplicationLevel, BackupSchema, ComponentFlags, RestoreMethod, SnapshotAttributes, WriterRestore
from vsspy.enums import SnapshotContext as Context

E_NOINTERFACE = 0x80004002
RPC_E_DISCONNECTED = 0x80010108
WINDOWS = sys.platform == "win32"


# Machines


def test_the_innermost_machine_is_the_current_one(tmp_path: Path) -> None:
    assert simulator.current() is None
    with server(tmp_path / "outer") as outer:
        assert simulator.current() == outer
        with server(tmp_path / "inner") as inner:
            assert simulator.current() == inner
            seen: list[simulator.Machine | None] = []
            thread = threading.Thread(target=lambda: seen.append(simulator.current()))
            thread.start()
            thread.join()
            assert seen == [inner], "it is the process's, whatever the thread"
        assert simulator.current() == outer
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
        assert not inner.trace
        assert [entry.name for entry in outer.trace][:2] == [
            "CreateVssBackupComponents",
            "IVssBackupComponents::InitializeForBackup",
        ]
    assert simulator.current() is None
    with pytest.raises(vsspy.ClosedError):
        vsspy.BackupComponents(outer)


def test_it_stays_readable(tmp_path: Path) -> None:
    with backup_in("done", tmp_path) as (machine, _):
        folder = machine.shadow_copies[0].folder
        assert folder.is_dir()
    assert machine.closed
    assert not machine.shadow_copies
    assert not folder.exists()
    assert events(machine)[-1] == "BackupShutdown"
    assert machine.live_objects == 0
    assert machine.live() == []
    assert machine.volumes == {"C:\\": tmp_path / "C"}
    with pytest.raises(vsspy.ClosedError):
        machine.add_fault(simulator.Fault("One Writer::Freeze", delay=1.0))
    machine.close()


def test_nothing_is_left_in_the_state_folder(tmp_path: Path) -> None:
    with backup_in("done", tmp_path):
        assert [each for each in (tmp_path / "state").iterdir() if each.is_dir()]
    assert not [each for each in (tmp_path / "state").iterdir() if each.is_dir()]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("D:", "D:\\"),
        ("D:\\", "D:\\"),
        ("C:\\Mount", "C:\\Mount\\"),
        ("/srv/data", "/srv/data/"),
        ("/srv/data/", "/srv/data/"),
        ("/", "/"),
    ],
)
def test_volume_names_get_their_separator(tmp_path: Path, given: str, name: str) -> None:
    with server(tmp_path, volumes={given: tmp_path / "folder"}) as machine, vsspy.BackupComponents() as components:
        assert list(machine.volumes) == [name]
        components.initialize_for_backup()
        assert components.is_volume_supported(name)
        if len(name) > 1:
            with pytest.raises(vsspy.InvalidArgumentError):
                components.is_volume_supported(name.rstrip("\\/"))


def test_volume_names_of_windows_have_no_letter_case(tmp_path: Path) -> None:
    volumes = {"C:\\": tmp_path / "C", "/srv/data": tmp_path / "data"}
    with server(tmp_path, volumes=volumes), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        assert components.is_volume_supported("c:\\")
        with pytest.raises(vsspy.ObjectNotFoundError):
            components.is_volume_supported("/SRV/data/")


def test_a_volume_by_its_guid_path_is_the_same(tmp_path: Path) -> None:
    """Different names of one volume denote the same (semantics 7.1)."""
    with server(tmp_path) as machine, vsspy.BackupComponents() as components:
        backup = Backup(components)
        backup.to_snapped()
        (copy,) = machine.shadow_copies
        with vsspy.BackupComponents() as other:
            other.initialize_for_backup()
            other.start_snapshot_set()
            other.add_to_snapshot_set(copy.volume_path)
            with pytest.raises(vsspy.ObjectAlreadyExistsError):
                other.add_to_snapshot_set("C:\\")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"volumes": {"C:\\": "missing"}}, vsspy.ObjectNotFoundError),
        ({"volumes": {"data": "C"}}, vsspy.InvalidArgumentError),
        ({"volumes": {"C:\\": "C", "C:": "C"}}, vsspy.ObjectAlreadyExistsError),
        ({"volumes": {"C:\\": "C", "c:\\": "C"}}, vsspy.ObjectAlreadyExistsError),
        ({"level": "9"}, vsspy.InvalidArgumentError),
        ({"device_names": "short"}, vsspy.InvalidArgumentError),
        ({"writers": [writer(), writer()]}, vsspy.ObjectAlreadyExistsError),
        ({"writers": [writer(freeze_timeout=0.0)]}, vsspy.InvalidArgumentError),
        ({"writers": ["One Writer"]}, vsspy.InvalidArgumentError),
        ({"faults": ["One Writer::Freeze"]}, vsspy.InvalidArgumentError),
        ({"persistent_state": "a\0b"}, vsspy.InvalidArgumentError),
    ],
    ids=[
        "no folder",
        "no name",
        "twice",
        "letter case",
        "level",
        "device names",
        "instance twice",
        "no time",
        "no writer",
        "no fault",
        "null character",
    ],
)
def test_what_makes_no_machine(tmp_path: Path, change: dict[str, object], error: type[Exception]) -> None:
    volume(tmp_path / "C")
    options: dict[str, object] = {"volumes": {"C:\\": "C"}, **change}
    names = options["volumes"]
    assert isinstance(names, dict)
    options["volumes"] = {name: tmp_path / folder for name, folder in names.items()}
    with pytest.raises(error), simulator.running(state=tmp_path / "state", **options):  # type: ignore[arg-type]
        pytest.fail("there is a machine")
    assert simulator.current() is None
    assert not [each for each in (tmp_path / "state").glob("*") if each.is_dir()]


def test_environment(tmp_path: Path) -> None:
    with server(tmp_path) as machine:
        assert machine.environment["SystemRoot"] == "C:\\Windows"
    with server(tmp_path, environment={"SystemRoot": "D:\\W"}) as machine:
        assert dict(machine.environment) == {"SystemRoot": "D:\\W"}


@pytest.mark.parametrize("names", ["folder", "nt"])
def test_device_names(tmp_path: Path, names: str) -> None:
    with backup_in("snapped", tmp_path, device_names=names) as (machine, backup):
        (copy,) = machine.shadow_copies
        assert backup.shadow_id is not None
        assert backup.components.get_snapshot_properties(backup.shadow_id).device_object == copy.device
        if names == "nt":
            assert copy.device == "\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy1"
        else:
            assert Path(copy.device) == copy.folder
        assert (copy.folder / "data" / "file.txt").read_text(encoding="ascii") == "data"
        assert (copy.files, copy.size) == (2, 8)
        assert (copy.volume, copy.context, copy.id) == ("C:\\", Context.BACKUP, backup.shadow_id)
        assert copy.attributes is SnapshotAttributes.NOT_SURFACED


def test_a_shadow_copy_that_was_written_to_is_noted(tmp_path: Path) -> None:
    with backup_in("snapped", tmp_path) as (machine, _):
        file = machine.shadow_copies[0].folder / "data" / "file.txt"
        file.chmod(0o600)
        file.write_text("not the writer's", encoding="ascii")
    assert any("C:\\ was written to" in note and "file.txt" in note for note in machine.notes), machine.notes


# Objects


def test_live_objects_say_what_leaks(tmp_path: Path) -> None:
    with server(tmp_path) as machine:
        platform = RawPlatform(machine)
        with platform.backup_components() as raw:
            assert machine.live() == ["IVssBackupComponents"]
            assert machine.live_objects == 1
            raw.slot(METHODS["IVssBackupComponents"]["InitializeForBackup"]["vtable_index"], ctypes.c_void_p())
            with raw.start("GatherWriterMetadata"):
                assert sorted(machine.live()) == ["IVssAsync", "IVssBackupComponents"]
        if not WINDOWS:  # there strings are the system's
            with platform.bstr("text"):
                assert machine.live() == ["BSTR: 1"]
                assert machine.live_objects == 0
        assert machine.live() == []


def test_objects_of_a_closed_machine_are_dead_and_can_be_released(tmp_path: Path) -> None:
    volume(tmp_path / "C")
    with simulator.running(volumes={"C:\\": tmp_path / "C"}, state=tmp_path / "state") as machine:
        raw = RawPlatform(machine).backup_components()
        initialise = METHODS["IVssBackupComponents"]["InitializeForBackup"]["vtable_index"]
        assert raw.slot(initialise, ctypes.c_void_p()) == S_OK
        operation = raw.start("GatherWriterMetadata")
    assert machine.live_objects == 2
    assert raw.call("AbortBackup") == RPC_E_DISCONNECTED
    assert operation.call("Cancel") == RPC_E_DISCONNECTED
    with raw, operation:
        pass
    assert machine.live_objects == 0


def test_releasing_the_async_object_does_not_stop_the_operation(tmp_path: Path) -> None:
    """Semantics 3.6."""
    fault = simulator.Fault("IVssBackupComponents::GatherWriterMetadata", delay=0.1)
    with server(tmp_path, faults=[fault]) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.gather_writer_metadata().close()
        while not [entry for entry in machine.trace if entry.kind == "result" and entry.end is not None]:
            pass
        assert len(components.writer_metadata) == 2


@pytest.mark.parametrize(
    ("level", "missing"),
    [
        ("xp", {"Ex", "Ex2", "Ex3", "Ex4"}),
        ("vista", {"Ex3", "Ex4"}),
        ("7", {"Ex4"}),
        ("8", set()),
    ],
)
def test_old_systems_lack_interfaces(tmp_path: Path, level: str, missing: set[str]) -> None:
    """E_NOINTERFACE (semantics 15)."""
    with server(tmp_path, level=level) as machine, RawPlatform(machine).backup_components() as raw:
        refused = set()
        for suffix in ("", "Ex", "Ex2", "Ex3", "Ex4"):
            iid = Guid.of(UUID(INTERFACES[f"IVssBackupComponents{suffix}"]["iid"]))
            found = ctypes.c_void_p()
            pointers = ctypes.c_void_p(ctypes.addressof(iid)), ctypes.c_void_p(ctypes.addressof(found))
            hresult = raw.slot(0, *pointers)
            if hresult == S_OK:
                assert found.value is not None
                with RawObject("IVssBackupComponents", found.value):
                    pass
            else:
                assert hresult == E_NOINTERFACE
                assert not found.value
                refused.add(suffix)
        assert refused == missing


def test_views_of_the_document_go_stale(tmp_path: Path) -> None:
    """After PrepareForBackup earlier views are invalid and have to be fetched again (semantics 2.6)."""
    with server(tmp_path) as machine, RawPlatform(machine).backup_components() as raw:
        raw.slot(METHODS["IVssBackupComponents"]["InitializeForBackup"]["vtable_index"], ctypes.c_void_p())
        raw.call("SetBackupState", True, False, 1, False)
        assert raw.finish("GatherWriterMetadata") == 0x4230A
        assert raw.call("AddComponent", ONE_INSTANCE, ONE_ID, FILEGROUP.value, None, "data") == S_OK

        def fetch() -> tuple[int, int]:
            """A view's address, and what GetComponentCount says."""
            found = ctypes.c_void_p()
            assert raw.call("GetWriterComponents", 0, found) == S_OK
            assert found.value is not None
            return found.value, count(found.value)

        def count(address: int) -> int:
            number = ctypes.c_uint32()
            hresult = RawObject("IVssWriterComponents", address).call("GetComponentCount", number)
            return number.value if hresult == S_OK else hresult

        def release(address: int) -> None:
            # the second base's vtable, the one that has Release (DESIGN: two bases)
            RawObject("IUnknown", address + ctypes.sizeof(ctypes.c_void_p)).slot(2)

        old, number = fetch()
        assert number == 1
        assert raw.finish("PrepareForBackup") == 0x4230A
        assert count(old) == BAD_STATE
        new, number = fetch()
        assert number == 1
        for view in (old, new):
            release(view)


# Writers


def test_a_described_writer_reads_back(tmp_path: Path) -> None:
    """What Python describes is what a requester reads."""
    files = [
        simulator.FileSet("C:\\a & b", '*"<>', recursive=True, alternate_path="D:\\a"),
        simulator.FileSet("%SystemRoot%", "x.dat", backup_type=vsspy.FileSpecBackupType(0x101)),
    ]
    logs = [simulator.FileSet("C:\\log", "*.log")]
    dependency = vsspy.Dependency(UUID(int=5), "path", "other")
    described = simulator.Writer(
        "Näme \U0001f600\nof two lines",
        writer_id=UUID(int=1),
        instance_id=UUID(int=2),
        instance_name="one",
        usage=vsspy.UsageType.BOOTABLESYSTEMSTATE,
        source=vsspy.SourceType.TRANSACTEDDB,
        version=(3, 4),
        backup_schema=BackupSchema.COPY | BackupSchema.TIMESTAMPED,
        restore_method=vsspy.RestoreMethodInfo(
            RestoreMethod.STOP_RESTORE_START,
            "service",
            "https://example",
            WriterRestore.ALWAYS,
            True,
            [simulator.FileSet("C:\\m", "*", alternate_path="D:\\m")],
        ),
        components=[
            simulator.Component(
                "files", "top\\sub", caption="", icon=b"\0\1", selectable=True, files=files, dependencies=[dependency]
            ),
            simulator.Component(
                "base",
                type=vsspy.ComponentType.DATABASE,
                flags=ComponentFlags.NOT_SYSTEM_STATE,
                restore_metadata=True,
                notify_on_backup_complete=True,
                selectable_for_restore=True,
                database_files=files[1:],
                database_log_files=logs,
            ),
        ],
        exclude_files=[simulator.FileSet("C:\\x", "*.tmp", recursive=True)],
        exclude_files_from_snapshot=[simulator.FileSet("C:\\y", "*")],
    )
    with server(tmp_path, writers=[described]), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        wait(components.gather_writer_metadata())
        (read,) = components.writer_metadata
        assert read == described.metadata
        assert (read.name, read.instance_name, read.version) == ("Näme \U0001f600\nof two lines", "one", (3, 4))
        assert list(read.components[0].files) == files
        assert read.components[0].dependencies[0] == dependency
        assert (read.components[0].caption, read.components[1].caption) == ("", None)
        assert list(read.components[1].database_log_files) == logs
        assert read.restore_method is not None
        assert read.restore_method.alternate_location_mappings[0].alternate_path == "D:\\m"
        assert read.to_xml() == described.metadata.to_xml()


def test_writers_of_documents(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    names = ["WM2", "WM10", "WM1"]
    for number, name in enumerate(names):
        text = simulator.Writer(name, writer_id=UUID(int=number + 1)).metadata.to_xml()
        (folder / f"{name}.xml").write_text(text, encoding="utf-16" if number else "utf-8")
    (folder / "Manifest.xml").write_bytes("<Manifest/>".encode("utf-16-le"))
    (folder / "BCDocument.xml").write_text("<BACKUP_COMPONENTS/>", encoding="utf-8")
    (folder / "notes.txt").write_text("<WRITER_METADATA", encoding="utf-8")
    assert [each.name for each in simulator.Writer.folder(folder)] == ["WM1", "WM2", "WM10"]
    from_file = simulator.Writer.from_xml(folder / "WM2.xml")
    assert from_file.metadata == simulator.Writer.from_xml(str(folder / "WM2.xml")).metadata
    assert simulator.Writer.from_xml(from_file.metadata.to_xml()).metadata == from_file.metadata
    for damaged in ("<WRITER_METADATA>", "", "<other/>", "<Manifest/>" + from_file.metadata.to_xml()):
        (folder / "WM3.xml").write_text(damaged, encoding="utf-8")
        with pytest.raises(vsspy.InvalidXmlDocumentError) as caught:
            simulator.Writer.folder(folder)
        assert "WM3.xml" in str(caught.value.detail)
    with pytest.raises(TypeError, match="on_fries"):
        simulator.Writer.from_xml(from_file.metadata.to_xml(), on_fries=None)


def test_freeze_timeout(tmp_path: Path) -> None:
    """Its window is over: the writer gets Abort and fails with a time-out, the others go on (semantics 4.6, 5)."""
    slow = simulator.Fault("Two Writer::Freeze", delay=0.3)
    writers = [writer(freeze_timeout=0.05), writer("Two Writer")]
    with server(tmp_path, writers=writers, faults=[slow]) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.set_backup_state(False, False, vsspy.BackupType.COPY)
        wait(components.gather_writer_metadata())
        components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        wait(components.prepare_for_backup())
        wait(components.do_snapshot_set())
        found = statuses(components)
        assert found["One Writer"].failure_name == "VSS_E_WRITERERROR_TIMEOUT"
        assert found["One Writer"].failed
        assert not found["Two Writer"].failed
        assert events(machine)[-2:] == ["Freeze", "Abort"]
        assert events(machine, "Two Writer")[-2:] == ["Thaw", "PostSnapshot"]


def test_a_writer_that_hangs_in_freeze_is_given_up(tmp_path: Path) -> None:
    hang = simulator.Fault("One Writer::Freeze", delay=float("inf"))
    with server(tmp_path, writers=[writer(freeze_timeout=0.05)], faults=[hang]) as machine:
        with vsspy.BackupComponents() as components:
            Backup(components).to_snapped()
            assert statuses(components)["One Writer"].failure_name == "VSS_E_WRITERERROR_TIMEOUT"
        assert events(machine)[-3:] == ["Freeze", "Abort", "BackupShutdown"]


def test_making_copies_takes_no_time(tmp_path: Path) -> None:
    """On the machine's clock: a real shadow copy is made in an instant."""
    with backup_in("snapped", tmp_path, writers=[writer(level=ApplicationLevel.BACK_END)]) as (machine, _):
        frozen, thawed = (next(e for e in machine.trace if e.name == f"One Writer::{n}") for n in ("Freeze", "Thaw"))
        assert frozen.end is not None
        assert 0 <= thawed.start - frozen.end < 1


def test_what_a_writer_may_change_and_when(tmp_path: Path) -> None:
    refused: list[str] = []

    def change(event: simulator.WriterEvent) -> None:
        (component,) = event.components
        calls: list[tuple[Callable[[str], None], str]] = [
            (component.set_backup_stamp, f"stamp of {event.name}"),
            (component.set_backup_metadata, event.name),
            (component.set_prepare_for_backup_failure_message, "message"),
            (component.set_post_snapshot_failure_message, "message"),
        ]
        for method, text in calls:
            try:
                method(text)
            except vsspy.VssError as error:
                refused.append(f"{event.name} {str(error.operation).rpartition('::')[2]} {error.name}")

    one = writer(on_prepare_backup=change, on_post_snapshot=change, on_backup_complete=change)
    with server(tmp_path, writers=[one]), vsspy.BackupComponents() as components:
        backup = Backup(components)
        backup.to_done()
        document = components.save_as_xml()
    assert 'backupStamp="stamp of PostSnapshot"' in document
    assert 'metadata="PrepareBackup"' in document
    assert refused == [
        "PrepareBackup SetPostSnapshotFailureMsg VSS_E_BAD_STATE",
        "PostSnapshot SetBackupMetadata VSS_E_OBJECT_ALREADY_EXISTS",
        "PostSnapshot SetPrepareForBackupFailureMsg VSS_E_BAD_STATE",
        "BackupComplete SetBackupStamp VSS_E_BAD_STATE",
        "BackupComplete SetBackupMetadata VSS_E_BAD_STATE",
        "BackupComplete SetPrepareForBackupFailureMsg VSS_E_BAD_STATE",
        "BackupComplete SetPostSnapshotFailureMsg VSS_E_BAD_STATE",
    ]


def test_an_event_is_over_when_its_callback_returns(tmp_path: Path) -> None:
    kept: list[simulator.WriterEvent] = []
    with server(tmp_path, writers=[writer(on_prepare_backup=kept.append)]), vsspy.BackupComponents() as components:
        Backup(components).to_prepared()
        with pytest.raises(vsspy.BadStateError):
            kept[0].components[0].set_backup_stamp("late")
        assert kept[0].session_id == components.get_session_id()
        assert kept[0].snapshot_set_id is None


def test_a_veto_tells_the_application_s_error(tmp_path: Path) -> None:
    def refuse(event: simulator.WriterEvent) -> None:
        with contextlib.suppress(vsspy.NotSupportedError):  # Vista has no IVssComponentEx2
            event.components[0].set_failure("VSS_E_WRITERERROR_RETRYABLE", "this component", application=0x80070005)
        raise simulator.WriterVeto("VSS_E_WRITERERROR_PARTIAL_FAILURE", "some of it", application="E_FAIL")

    for level, seen in (("8", "VSS_E_WRITERERROR_PARTIAL_FAILURE"), ("vista", "VSS_E_WRITERERROR_NONRETRYABLE")):
        with server(tmp_path, writers=[writer(on_post_snapshot=refuse)], level=level) as machine:
            with vsspy.BackupComponents() as components:
                Backup(components).to_snapped()
                status = statuses(components)["One Writer"]
                assert status.failure_name == seen, "a partial failure is a thing of GetWriterStatusEx (semantics 4.5)"
                if level == "8":
                    assert (status.application_failure, status.application_message) == (0x80004005, "some of it")
            (entry,) = (each for each in machine.trace if each.name == "One Writer::PostSnapshot")
            assert "WriterVeto" in entry.note
            assert entry.code == "VSS_E_WRITERERROR_PARTIAL_FAILURE"


def test_a_writer_s_callback_may_let_the_session_go(tmp_path: Path) -> None:
    """The last reference goes on the operation's own thread: the session ends when the operation has."""
    held: list[RawObject] = []

    def let_go(_: simulator.WriterEvent) -> None:
        held.pop().slot(2)

    with server(tmp_path, writers=[writer(on_post_snapshot=let_go)]) as machine:
        raw = RawPlatform(machine).backup_components()
        held.append(raw)
        raw.slot(METHODS["IVssBackupComponents"]["InitializeForBackup"]["vtable_index"], ctypes.c_void_p())
        raw.call("SetBackupState", False, False, 5, False)
        raw.finish("GatherWriterMetadata")
        identity = Guid()
        assert raw.call("StartSnapshotSet", identity) == S_OK
        assert raw.call("AddToSnapshotSet", "C:\\", UUID(int=0), identity) == S_OK
        raw.finish("PrepareForBackup")
        with raw.start("DoSnapshotSet") as operation:
            assert operation.call("Wait", 0xFFFFFFFF) == S_OK
        assert not held
        while "BackupShutdown" not in events(machine) or machine.shadow_copies:
            pass


def test_volumes_have_names(tmp_path: Path) -> None:
    with pytest.raises(vsspy.InvalidArgumentError, match="mapping"), simulator.running(volumes=["C:\\"]):  # type: ignore[arg-type]
        pytest.fail("there is a machine")


def test_a_writer_s_callback_cannot_close_its_own_machine(tmp_path: Path) -> None:
    refused: list[type[Exception]] = []

    def close(_: simulator.WriterEvent) -> None:
        try:
            machine.close()
        except vsspy.ReentrantCallError as error:
            refused.append(type(error))

    with server(tmp_path, writers=[writer(on_freeze=close)]) as machine:
        with vsspy.BackupComponents() as components:
            Backup(components).to_snapped()
        assert refused
        with vsspy.BackupComponents() as components:
            Backup(components).to_snapped()
    assert not [each for each in (tmp_path / "state").glob("*") if each.is_dir()]


@pytest.mark.parametrize("code", ["S_OK", "VSS_S_ASYNC_FINISHED", 1])
def test_a_veto_is_a_failure(code: str | int) -> None:
    with pytest.raises(vsspy.InvalidArgumentError):
        simulator.WriterVeto(code)


@pytest.mark.skipif(WINDOWS and "WINELOADER" in os.environ, reason="Wine ends a process with threads in its own way")
def test_callbacks_end_with_the_interpreter(tmp_path: Path) -> None:
    """A process that ends while a writer is in its callback ends by itself, with no word on stderr."""
    volume(tmp_path / "C")
    program = f"""
import time, vsspy
from vsspy import simulator
entered = []
def freeze(event):
    entered.append(event)
    time.sleep(0.2)
writer = simulator.Writer("W", on_freeze=freeze)
running = simulator.running(volumes={{"C:\\\\": {str(tmp_path / "C")!r}}}, writers=[writer], state={str(tmp_path / "s")!r})
machine = running.__enter__()
components = vsspy.BackupComponents()
components.initialize_for_backup()
components.set_backup_state(False, False, vsspy.BackupType.COPY)
components.gather_writer_metadata().wait({TIMEOUT})
components.start_snapshot_set()
components.add_to_snapshot_set("C:\\\\")
components.prepare_for_backup().wait({TIMEOUT})
operation = components.do_snapshot_set()
while not entered:
    time.sleep(0.001)
"""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert not [each for each in (tmp_path / "s").iterdir() if each.is_dir()]


def test_running_takes_what_a_machine_takes() -> None:
    taken = inspect.signature(simulator.Machine).parameters
    assert dict(inspect.signature(simulator.running).parameters) == dict(taken)
