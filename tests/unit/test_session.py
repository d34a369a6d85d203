"""BackupSession on a simulated machine: a whole backup, and what a session promises about it."""

from __future__ import annotations

import gc
import json
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from vsspy import simulator
from vsspy._one_call import OneCall
from vsspy.enums import BackupType, SnapshotAttributes, SnapshotContext, WriterState
from vsspy.errors import (
    BadStateError,
    ClosedError,
    InvalidArgumentError,
    ObjectNotFoundError,
    ReentrantCallError,
    SelectionError,
    ShadowCopyVanishedError,
    WriterError,
    WritersFailedError,
)
from vsspy.metadata import FileSet
from vsspy.session import BackupSession, IncompleteBackupError, IncompleteBackupWarning, Progress
from vsspy.simulator import Component, Fault, Machine, Writer, WriterVeto

Options = dict[str, Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that plays ``C:\\``."""
    folder = tmp_path / "c"
    for name in ("Data/a.txt", "Data/sub/b.txt", "Data/tmp/x.tmp", "Logs/log.txt", "Else/where.txt"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name} before")
    return folder


def demo_writer(**callbacks: Any) -> Writer:
    return Writer(
        "Demo Writer",
        components=[
            Component("Data", selectable=True, files=[FileSet("C:\\Data", "*", recursive=True)]),
            Component("Logs", selectable=True, files=[FileSet("%Logs%", "*.txt")]),
        ],
        exclude_files=[FileSet("C:\\Data\\tmp", "*", recursive=True)],
        **callbacks,
    )


def bystander(**callbacks: Any) -> Writer:
    return Writer(
        "Bystander",
        components=[Component("Far", selectable=True, files=[FileSet("D:\\Far", "*")])],
        **callbacks,
    )


def running(root: Path, *writers: Writer, faults: Sequence[Fault] = (), **options: Any) -> Any:
    """A machine with ``C:\\`` and ``D:\\``, the demo writer if no other is given, its state beside the volume."""
    other = root.parent / "d"
    other.mkdir(exist_ok=True)
    return simulator.running(
        volumes={"C:\\": root, "D:\\": other},
        writers=writers or (demo_writer(),),
        faults=faults,
        environment={"Logs": "C:\\Logs"},
        state=root.parent / "state",
        **options,
    )


MOVES = frozenset(
    "InitializeForBackup SetContext SetBackupState GatherWriterMetadata AddComponent StartSnapshotSet AddToSnapshotSet "  # noqa: SIM905
    "PrepareForBackup DoSnapshotSet GetSnapshotProperties SetBackupSucceeded BackupComplete AbortBackup "
    "GatherWriterStatus FreeWriterStatus DeleteSnapshots".split()
)


def steps(machine: Machine) -> list[str]:
    """The methods that move a backup on, and writers' events, in their order."""
    found = []
    for entry in machine.trace:
        owner, _, method = entry.name.partition("::")
        if entry.kind == "event":
            found.append(entry.name)
        elif entry.kind == "call" and owner.startswith("IVssBackupComponents") and method in MOVES:
            found.append(method)
    return found


def left_nothing(machine: Machine) -> None:
    gc.collect()
    assert machine.live() == []
    assert machine.live_objects == 0
    assert machine.shadow_copies == []


def test_a_good_backup(root: Path) -> None:
    heard: list[tuple[str, bool | None]] = []
    told: list[Progress] = []

    def on_complete(event: Any) -> None:
        heard.extend((component.name, component.backup_succeeded) for component in event.components)

    with running(root, demo_writer(on_backup_complete=on_complete), bystander()) as machine:
        with BackupSession("c:", on_progress=told.append) as backup:
            assert [writer.name for writer in backup.writers] == ["Demo Writer", "Bystander"]
            shadows = backup.snapshot()
            assert list(shadows) == ["C:\\"]
            (root / "Data" / "a.txt").write_text("after")
            (root / "Data" / "new.txt").write_text("after")
            data, logs = backup.components
            assert (data.writer.name, data.full_name, logs.full_name) == ("Demo Writer", "Data", "Logs")
            found = {file.path: Path(file.shadow_path).read_text() for file in data.files()}
            assert found == {"C:\\Data\\a.txt": "Data/a.txt before", "C:\\Data\\sub\\b.txt": "Data/sub/b.txt before"}
            assert [file.path for file in logs.files()] == ["C:\\Logs\\log.txt"]
            assert Path(shadows.path("c:\\data\\A.TXT")).read_text() == "Data/a.txt before"
            data.mark_succeeded()
            logs.mark_failed("disk full")
            assert backup.document is not None
            assert str(shadows.set_id) in backup.document
        left_nothing(machine)
        assert steps(machine) == [
            "InitializeForBackup",
            "SetBackupState",
            "GatherWriterMetadata",
            "Demo Writer::Identify",
            "Bystander::Identify",
            "AddComponent",
            "AddComponent",
            "StartSnapshotSet",
            "AddToSnapshotSet",
            "PrepareForBackup",
            "Demo Writer::PrepareBackup",
            "GatherWriterStatus",
            "FreeWriterStatus",
            "DoSnapshotSet",
            "Demo Writer::PrepareSnapshot",
            "Demo Writer::Freeze",
            "Demo Writer::Thaw",
            "Demo Writer::PostSnapshot",
            "GatherWriterStatus",
            "FreeWriterStatus",
            "GetSnapshotProperties",
            "SetBackupSucceeded",
            "SetBackupSucceeded",
            "BackupComplete",
            "Demo Writer::BackupComplete",
            "GatherWriterStatus",
            "FreeWriterStatus",
            "Demo Writer::BackupShutdown",
        ]
    assert heard == [("Data", True), ("Logs", False)]
    result = backup.result
    assert result.backend == "simulator"
    assert result.completed
    assert not result.good
    assert result.set_id == shadows.set_id
    assert result.tries == 1
    assert result.freeze_window is not None
    assert 0 < result.freeze_window <= sum(phase.elapsed for phase in result.phases)
    assert [(each.full_name, each.state, each.reason) for each in result.components] == [
        ("Data", "succeeded", None),
        ("Logs", "failed", "disk full"),
    ]
    assert [(item.kind, item.name, item.reason) for item in result.left_out] == [
        ("component", "Far", "it has files on D:\\, which is not in the set"),
        ("file", "C:\\Data\\tmp\\", "excluded by its writer"),
    ]
    assert [(w.name, w.state, w.failed, w.selected) for w in result.writers] == [
        ("Demo Writer", WriterState.STABLE, False, True),
        ("Bystander", WriterState.STABLE, False, False),
    ]
    assert len(result.shadow_copies) == 1
    assert result.notes == []
    assert result.document is not None
    assert result.document.count("<COMPONENT ") == 2
    as_json = json.loads(json.dumps(result.to_dict()))
    assert as_json["backup_type"] == "COPY"
    assert as_json["writers"][0]["state"] == "STABLE"
    started = [each.phase for each in told if each.event == "started"]
    assert started == [phase.name for phase in result.phases if phase.name != "copy"]
    assert "copy" in [phase.name for phase in result.phases]
    for phase in ("gather_writer_metadata", "prepare_for_backup", "do_snapshot_set", "backup_complete"):
        assert phase in started


@pytest.mark.parametrize("kind", [BackupType.FULL, BackupType.COPY, BackupType.INCREMENTAL, BackupType.OTHER])
def test_a_component_that_nobody_marked(root: Path, kind: BackupType) -> None:
    heard: dict[str, bool | None] = {}

    def on_complete(event: Any) -> None:
        heard.update({component.name: component.backup_succeeded for component in event.components})

    with running(root, demo_writer(on_backup_complete=on_complete)) as machine:
        session = BackupSession("C:\\", backup_type=kind)
        strict = kind in (BackupType.FULL, BackupType.INCREMENTAL)
        with (
            pytest.raises(IncompleteBackupError, match="Demo Writer: Logs") if strict
            else pytest.warns(IncompleteBackupWarning, match="Demo Writer: Logs")
        ) as caught, session:  # fmt: skip
            session.snapshot()
            session.components[0].mark_succeeded()
        if not strict:
            assert caught[0].filename == __file__  # type: ignore[index]
        left_nothing(machine)
        assert "BackupComplete" in steps(machine)
        assert "AbortBackup" not in steps(machine)
    assert heard == {"Data": True, "Logs": False}
    assert [each.state for each in session.result.components] == ["succeeded", "unmarked"]
    assert session.result.completed
    assert not session.result.good


def test_leaving_without_a_snapshot_does_nothing(root: Path) -> None:
    with running(root) as machine:
        with BackupSession("C:\\", "D:\\") as backup, pytest.raises(BadStateError, match="snapshot"):
            _ = backup.components
        left_nothing(machine)
        assert "AbortBackup" not in steps(machine)
        assert not backup.result.completed


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((), {}),
        (("relative",), {}),
        (("C:\\",), {"timeout": float("inf")}),
        (("C:\\",), {"timeout": 0}),
        (("C:\\",), {"phase_timeouts": {"do_snapshot_set": float("nan")}}),
        (("C:\\",), {"phase_timeouts": {"freeze": 1}}),
        (("C:\\",), {"abort_timeout": -1}),
        (("C:\\",), {"context": SnapshotContext.ALL}),
        (("C:\\",), {"security": "yes"}),
        (("C:\\",), {"on_writer_failure": "ignore"}),
    ],
)
def test_arguments_that_make_no_sense(arguments: tuple[str, ...], options: Options) -> None:
    with pytest.raises(InvalidArgumentError):
        BackupSession(*arguments, **options)


def test_volumes_are_named_once_and_with_their_separator(root: Path) -> None:
    with running(root) as machine:
        with BackupSession("c:", "C:\\", Path("D:/") if sys.platform == "win32" else "D:/") as backup:
            backup.select("Demo Writer", "Data")
            shadows = backup.snapshot()
            assert list(shadows) == ["C:\\", "D:\\"]
            backup.components[0].mark_succeeded()
        assert steps(machine).count("AddToSnapshotSet") == 2


def test_a_volume_given_under_two_names_is_added_once(root: Path) -> None:
    with running(root) as machine:
        guid_path = machine.volume_paths["C:\\"]
        with BackupSession("C:\\", guid_path, select_components=False) as backup:
            shadows = backup.snapshot()
            assert list(shadows) == ["C:\\"]
            assert shadows[guid_path] is shadows["C:\\"]
        assert steps(machine).count("AddToSnapshotSet") == 1


def test_components_on_a_volume_by_its_guid_path(root: Path) -> None:
    """The same ones as by its letter, with the same files."""
    with running(root, demo_writer()) as machine:
        found = []
        for name in ("C:\\", machine.volume_paths["C:\\"]):
            with BackupSession(name) as backup:
                backup.snapshot()
                found.append(
                    {
                        each.metadata.name: [file.path.removeprefix(name) for file in each.files()]
                        for each in backup.components
                    }
                )
                for component in backup.components:
                    component.mark_succeeded()
        assert found[0] == found[1]
        assert any(found[0].values())


def test_selection(root: Path) -> None:
    with running(root, demo_writer(), bystander()) as machine:
        with BackupSession("C:\\") as backup:
            with pytest.raises(ObjectNotFoundError, match="no writer Nobody; there are: Bystander, Demo Writer"):
                backup.select("Nobody")
            with pytest.raises(ObjectNotFoundError, match="no component Demo Writer: Nothing"):
                backup.exclude("Demo Writer", "Nothing")
            backup.select(backup.writers[0].writer_id)
            backup.exclude("demo writer", "logs")
            backup.snapshot()
            (component,) = backup.components
            assert component.full_name == "Data"
            component.mark_succeeded()
            with pytest.raises(BadStateError):
                backup.select("Demo Writer")
        left_nothing(machine)
    assert {(item.kind, item.name): item.reason for item in backup.result.left_out} == {
        ("component", "Logs"): "excluded",
        ("writer", "Bystander"): "not selected",
    }
    with pytest.raises(ClosedError):
        backup.select("Demo Writer")


def test_what_is_selected_but_cannot_be_backed_up(root: Path) -> None:
    with running(root, demo_writer(), bystander()) as machine:
        with (
            pytest.raises(SelectionError, match=r"nothing of Bystander can be backed up \(Far: it has files on D:"),
            BackupSession("C:\\") as backup,
        ):
            backup.select("Bystander")
            backup.snapshot()
        left_nothing(machine)
        assert "StartSnapshotSet" not in steps(machine)
        with BackupSession("C:\\") as backup:
            backup.select("Bystander", required=False)
            backup.snapshot()
            assert backup.components == ()


def test_components_below_folders(root: Path) -> None:
    with running(root) as machine, BackupSession("C:\\") as backup:
        backup.select("Demo Writer", under=["c:\\data"])
        backup.snapshot()
        assert [component.full_name for component in backup.components] == ["Data"]
        backup.components[0].mark_succeeded()
    left_nothing(machine)
    (left,) = [item for item in backup.result.left_out if item.kind == "component"]
    assert (left.name, left.reason) == ("Logs", "it has files in C:\\Logs, which is not in a selected folder")


def test_an_unknown_variable_leaves_the_component_out(root: Path) -> None:
    writer = Writer("W", components=[Component("X", selectable=True, files=[FileSet("%Nowhere%\\x", "*")])])
    with running(root, writer), BackupSession("C:\\") as backup:
        backup.snapshot()
        assert backup.components == ()
    assert "%Nowhere%" in backup.result.left_out[0].reason


def test_claiming_no_component(root: Path) -> None:
    with running(root, demo_writer(), bystander()) as machine:
        with BackupSession("C:\\", select_components=False) as backup:
            with pytest.raises(BadStateError, match="claims no components"):
                backup.select("Demo Writer")
            backup.snapshot()
            assert backup.components == ()
        left_nothing(machine)
        found = steps(machine)
        assert {"Demo Writer::Freeze", "Bystander::Freeze", "BackupComplete"} <= set(found)
        assert not {"AddComponent", "SetBackupSucceeded"} & set(found)
    assert backup.result.good


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (SnapshotContext.BACKUP, SnapshotContext.FILE_SHARE_BACKUP),
        (SnapshotContext.APP_ROLLBACK, SnapshotContext.NAS_ROLLBACK),
        (SnapshotContext.CLIENT_ACCESSIBLE_WRITERS, SnapshotContext.CLIENT_ACCESSIBLE),
        (SnapshotContext.NAS_ROLLBACK, SnapshotContext.NAS_ROLLBACK),
    ],
)
def test_without_writers(root: Path, context: SnapshotContext, expected: SnapshotContext) -> None:
    with running(root) as machine:
        with BackupSession("C:\\", writers=False, context=context) as backup:
            shadows = backup.snapshot()
            assert (shadows["C:\\"] / "Data" / "a.txt").read_text() == "Data/a.txt before"
        assert steps(machine) == [
            "InitializeForBackup",
            "SetContext",
            "StartSnapshotSet",
            "AddToSnapshotSet",
            "DoSnapshotSet",
            "GetSnapshotProperties",
        ]
        persistent = expected != SnapshotContext.FILE_SHARE_BACKUP
        assert len(machine.shadow_copies) == persistent
        assert machine.live_objects == 0
    assert backup.result.context == expected
    assert backup.result.good
    assert backup.result.freeze_window is None


@pytest.mark.parametrize("context", [SnapshotContext.APP_ROLLBACK, SnapshotContext.NAS_ROLLBACK])
def test_persistent_shadow_copies_stay_after_success_and_go_after_an_error(
    root: Path, context: SnapshotContext
) -> None:
    with running(root) as machine:
        with BackupSession("C:\\", context=context) as backup:
            backup.snapshot()
            for component in backup.components:
                component.mark_succeeded()
        assert len(machine.shadow_copies) == 1
        with pytest.raises(ZeroDivisionError), BackupSession("C:\\", context=context) as backup:
            backup.snapshot()
            assert len(machine.shadow_copies) == 2
            _ = 1 / 0
        assert len(machine.shadow_copies) == 1
        assert machine.live_objects == 0
        assert "DeleteSnapshots" in steps(machine)


def test_an_error_in_the_body_aborts(root: Path) -> None:
    with running(root) as machine:
        with pytest.raises(ZeroDivisionError) as caught, BackupSession("C:\\") as backup:
            backup.snapshot()
            _ = 1 / 0
        left_nothing(machine)
        assert steps(machine)[-3:] == ["AbortBackup", "Demo Writer::Abort", "Demo Writer::BackupShutdown"]
        assert "BackupComplete" not in steps(machine)
    assert not getattr(caught.value, "__notes__", [])
    assert not backup.result.completed
    assert [each.state for each in backup.result.components] == ["unmarked", "unmarked"]


def test_errors_in_the_clean_up_are_notes_on_the_first(root: Path) -> None:
    faults = [Fault("IVssBackupComponents::AbortBackup", "VSS_E_UNEXPECTED")]
    with running(root, faults=faults) as machine:
        with pytest.raises(ZeroDivisionError) as caught, BackupSession("C:\\") as backup:
            backup.snapshot()
            _ = 1 / 0
        left_nothing(machine)
    (note,) = caught.value.__notes__
    assert "AbortBackup" in note
    assert "VSS_E_UNEXPECTED" in note
    assert backup.result.notes == [note]


@pytest.mark.parametrize("event", ["PrepareBackup", "PrepareSnapshot", "Freeze", "Thaw", "PostSnapshot"])
def test_a_failed_writer_of_a_selected_component_stops_the_session(root: Path, event: str) -> None:
    def veto(event: Any) -> None:
        raise WriterVeto("VSS_E_WRITERERROR_RETRYABLE")

    callback = {"on_" + "".join("_" + c.lower() if c.isupper() else c for c in event).strip("_"): veto}
    with running(root, demo_writer(**callback)) as machine:
        with pytest.raises(WritersFailedError) as caught, BackupSession("C:\\") as backup:
            backup.snapshot()
        left_nothing(machine)
        assert "BackupComplete" not in steps(machine)
        assert "AbortBackup" in steps(machine)
    assert caught.value.phase == ("prepare_for_backup" if event == "PrepareBackup" else "do_snapshot_set")
    assert caught.value.elapsed is not None
    (error,) = caught.value.exceptions
    assert isinstance(error, WriterError)
    assert error.name == "VSS_E_WRITERERROR_RETRYABLE"
    assert error.retryable
    assert [status.name for status in caught.value.writers] == ["Demo Writer"]
    (writer,) = backup.result.writers
    assert writer.failed
    assert writer.selected
    assert writer.phase == ("prepare_for_backup" if event == "PrepareBackup" else "do_snapshot_set")


def failing(event: Any) -> None:
    raise RuntimeError("no")


def test_a_failed_writer_without_a_selected_component_is_reported(root: Path) -> None:
    with running(root, demo_writer(), bystander(on_freeze=failing)) as machine:
        with BackupSession("C:\\", select_components=False) as backup:
            backup.snapshot()
        left_nothing(machine)
    assert backup.result.completed
    assert not backup.result.good
    failed = [writer for writer in backup.result.writers if writer.failed]
    assert [(writer.name, writer.failure_name) for writer in failed] == [
        ("Bystander", "VSS_E_WRITERERROR_NONRETRYABLE")
    ]


def test_going_on_with_a_failed_writer_makes_its_components_fail(root: Path) -> None:
    heard: dict[str, bool | None] = {}

    def on_complete(event: Any) -> None:
        heard.update({component.name: component.backup_succeeded for component in event.components})

    seen: list[str] = []
    policies: list[Any] = ["report", lambda statuses: seen.extend(status.name for status in statuses)]
    for policy in policies:
        writer = demo_writer(on_post_snapshot=failing, on_backup_complete=on_complete)
        with running(root, writer) as machine:
            with BackupSession("C:\\", on_writer_failure=policy) as backup:
                backup.snapshot()
                for component in backup.components:
                    component.mark_succeeded()
            left_nothing(machine)
        assert {each.state for each in backup.result.components} == {"failed"}
        assert "failed at do_snapshot_set" in str(backup.result.components[0].reason)
    assert seen == ["Demo Writer"]
    assert True not in heard.values()


def test_a_policy_may_stop_the_session(root: Path) -> None:
    def stop(statuses: object) -> None:
        raise KeyError("stop")

    with running(root, demo_writer(on_freeze=failing)) as machine:
        with pytest.raises(KeyError, match="stop"), BackupSession("C:\\", on_writer_failure=stop) as backup:
            backup.snapshot()
        left_nothing(machine)
        assert "AbortBackup" in steps(machine)


@pytest.mark.parametrize("at", ["call", "result"])
def test_a_failure_of_the_last_status_is_a_note(root: Path, at: Any) -> None:
    faults = [Fault("IVssBackupComponents::GatherWriterStatus", "VSS_E_WRITER_INFRASTRUCTURE", nth=3, at=at)]
    with running(root, faults=faults) as machine:
        with BackupSession("C:\\") as backup:
            backup.snapshot()
            for component in backup.components:
                component.mark_succeeded()
        left_nothing(machine)
        assert "AbortBackup" not in steps(machine)
    assert backup.result.completed
    assert backup.result.good
    assert "VSS_E_WRITER_INFRASTRUCTURE" in backup.result.notes[0]


def test_a_shadow_copy_that_vanishes_is_one_typed_error(root: Path) -> None:
    def vanish(backup: BackupSession) -> None:
        device = Path(backup.snapshot()["C:\\"].root)
        device.rename(device.with_name("gone"))

    def reading(backup: BackupSession) -> None:
        list(backup.components[0].files())

    def opening(backup: BackupSession) -> None:
        open(backup.result.shadow_copies[0].device_object + "/Data/a.txt").close()

    def only_marking(backup: BackupSession) -> None:
        for component in backup.components:
            component.mark_succeeded()

    uses: list[Callable[[BackupSession], None]] = [reading, opening, only_marking]
    for use in uses:
        with running(root) as machine:
            with pytest.raises(ShadowCopyVanishedError), BackupSession("C:\\") as backup:
                vanish(backup)
                use(backup)
            assert "BackupComplete" not in steps(machine)
            assert "AbortBackup" in steps(machine)
            assert machine.live_objects == 0
        assert not backup.result.completed


def test_a_forgotten_session_warns(root: Path) -> None:
    with running(root) as machine:
        session: BackupSession | None = BackupSession("C:\\")
        assert session is not None
        session.__enter__().snapshot()
        with pytest.warns(ResourceWarning, match="was never closed"):
            session = None
        left_nothing(machine)


def test_close_and_use_after_it(root: Path) -> None:
    with running(root) as machine:
        session = BackupSession("C:\\")
        with pytest.raises(BadStateError):
            session.snapshot()
        session.__enter__()
        session.snapshot()
        component = session.components[0]
        session.close()
        session.close()
        left_nothing(machine)
        assert "AbortBackup" in steps(machine)
        for use in (session.snapshot, session.__enter__, component.mark_succeeded, lambda: list(component.files())):
            with pytest.raises(ClosedError):
                use()


def test_a_session_used_from_its_own_writer_is_refused(root: Path) -> None:
    caught: list[BaseException] = []
    sessions: list[BackupSession] = []

    def reenter(event: Any) -> None:
        for call in (sessions[0].snapshot, sessions[0].close):
            try:
                call()
            except BaseException as error:  # noqa: BLE001
                caught.append(error)

    with running(root, demo_writer(on_freeze=reenter)) as machine:
        with warnings.catch_warnings(), BackupSession("C:\\") as session:
            warnings.simplefilter("ignore", IncompleteBackupWarning)
            sessions.append(session)
            session.snapshot()
        left_nothing(machine)
    assert [type(error) for error in caught] == [ReentrantCallError, ReentrantCallError]
    assert session.result.completed


def test_other_threads_run_while_a_session_waits(root: Path) -> None:
    ticks: list[int] = []
    stop = threading.Event()
    during = 0

    def tick() -> None:
        while not stop.wait(0.002):
            ticks.append(0)

    faults = [Fault("IVssBackupComponents::DoSnapshotSet", delay=0.3)]
    thread = threading.Thread(target=tick)
    with running(root, faults=faults), BackupSession("C:\\", writers=False) as backup:
        thread.start()
        try:
            before = len(ticks)
            backup.snapshot()
            during = len(ticks) - before
        finally:
            stop.set()
            thread.join()
    assert during > 10


def test_sessions_in_several_threads_one_after_the_other(root: Path) -> None:
    with running(root) as machine:
        errors: list[BaseException] = []

        def backup() -> None:
            try:
                with BackupSession("C:\\") as session:
                    session.snapshot()
                    for component in session.components:
                        assert len(list(component.files())) > 0
                        component.mark_succeeded()
            except BaseException as error:  # noqa: BLE001
                errors.append(error)

        for _ in range(3):
            thread = threading.Thread(target=backup)
            thread.start()
            thread.join()
        assert errors == []
        left_nothing(machine)


@pytest.mark.captured
def test_a_captured_server(root: Path, captured_documents: Path) -> None:
    """The default selection on C:\\ less SqlServerWriter is what the captured document has; found files are the writer's."""
    from xml.etree import ElementTree

    folder = captured_documents / "server2012r2"
    tasks = root / "Windows" / "System32" / "Tasks" / "Microsoft"
    tasks.mkdir(parents=True)
    (tasks / "job").write_text("job")
    environment = {"SystemRoot": "C:\\Windows", "WinDir": "C:\\Windows", "ProgramData": "C:\\ProgramData"}
    writers = [Writer.from_xml(path) for path in sorted(folder.glob("WM*.xml"))]
    with simulator.running(
        volumes={"C:\\": root}, writers=writers, environment=environment, state=root.parent / "state"
    ) as machine:
        with BackupSession("C:\\", backup_type=BackupType.FULL) as backup:
            backup.exclude("SqlServerWriter")
            backup.snapshot()
            saved = {}
            for component in backup.components:
                saved[component.full_name] = [file.path for file in component.files()]
                component.mark_succeeded()
            document = backup.document
        left_nothing(machine)
    assert document is not None
    assert saved["TasksStore"] == ["C:\\Windows\\System32\\Tasks\\Microsoft\\job"]

    def components(text: str) -> set[tuple[UUID, str]]:
        tree = ElementTree.fromstring(text)
        return {(UUID(w.attrib["instanceId"]), c.attrib["componentName"]) for w in tree for c in w}

    assert components(document) == components((folder / "BCDocument.xml").read_text("utf-8"))
    assert "BCD\\BCD" in next(item.reason for item in backup.result.left_out if item.name == "ASR Writer")


def test_without_writers_in_a_context_with_an_attribute(root: Path) -> None:
    context = SnapshotContext.BACKUP | SnapshotAttributes.NO_AUTORECOVERY
    with running(root, demo_writer()) as machine, BackupSession("C:\\", context=context, writers=False) as session:
        session.snapshot()
        assert machine.shadow_copies[0].attributes & SnapshotAttributes.NO_WRITERS
    assert not any(entry.kind == "event" for entry in machine.trace)
    assert session.result.context == SnapshotAttributes.NO_WRITERS | SnapshotAttributes.NO_AUTORECOVERY
    assert json.loads(json.dumps(session.result.to_dict()))["context"] == session.result.context
    assert not session.writers


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill with SIGINT ends a process there")
def test_ctrl_c_while_close_cleans_up_is_raised_when_all_is_done(root: Path) -> None:
    def interrupt(event: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    with running(root, demo_writer(on_abort=interrupt)) as machine:
        session = BackupSession("C:\\").__enter__()
        session.snapshot()
        with pytest.raises(KeyboardInterrupt):
            session.close()
        left_nothing(machine)
        session.close()


@pytest.mark.parametrize("line", range(5))
def test_ctrl_c_while_a_call_begins_leaves_the_session_usable(root: Path, line: int) -> None:
    """A Ctrl-C between two lines of the guard up to the call itself must not make the session look busy for ever."""
    guard = OneCall.__call__.__wrapped__.__code__  # type: ignore[attr-defined]
    countdown = [line]

    def trace(frame: Any, event: str, argument: object) -> Any:
        if frame.f_code is guard and event == "line":
            countdown[0] -= 1
            if countdown[0] < 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace if frame.f_code is guard or event == "call" else None

    with running(root, demo_writer()) as machine:
        session = BackupSession("C:\\").__enter__()
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            session.close()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        session.close()
        left_nothing(machine)


@pytest.mark.skipif(sys.platform == "win32", reason="there CoInitializeSecurity is ole32's own, which no trace shows")
def test_security_of_a_machine_is_its_own(root: Path) -> None:
    for _ in range(20):  # machines that are gone leave their addresses to new ones
        with running(root, demo_writer()) as machine:
            with BackupSession("C:\\") as session:
                session.exclude("Demo Writer")
            assert sum(entry.name == "CoInitializeSecurity" for entry in machine.trace) == 1
        del machine
        gc.collect()
