"""Restores: which writers hear of them, what they see and say, and the states they are in afterwards (semantics 4, 8.4, 11)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from restores import BOTH, RESTORED, Restore, component, components_document, restore_in
from support import (
    FILEGROUP,
    ONE_ID,
    ONE_INSTANCE,
    TWO_ID,
    TWO_INSTANCE,
    Backup,
    events,
    server,
    states,
    statuses,
    wait,
    writer,
)

import vsspy
from vsspy import simulator
from vsspy.enums import (
    BackupSchema,
    BackupType,
    FileRestoreStatus,
    RestoreMethod,
    RestoreTarget,
    RestoreType,
    RollForwardType,
    WriterRestore,
    WriterState,
)
from vsspy.metadata import RestoreMethodInfo

DATA = (ONE_ID, FILEGROUP, None, "data")
THREE_INSTANCE = UUID("66666666-7777-8888-9999-000000000003")


def restoring(
    when: WriterRestore, method: RestoreMethod = RestoreMethod.RESTORE_IF_CAN_REPLACE, **options: Any
) -> simulator.Writer:
    """The first writer with a restore method."""
    info = RestoreMethodInfo(method, None, None, when, False, ())
    return writer(restore_method=info, **options)


# Who receives what (semantics 4.2)


def test_events_of_a_restore(tmp_path: Path) -> None:
    """A writer none of whose components is in the document hears nothing after Identify, and nobody of an end."""
    with restore_in("post", tmp_path) as (machine, _):
        assert events(machine) == ["Identify", "PreRestore", "PostRestore"]
        assert events(machine, "Two Writer") == ["Identify"]
    assert events(machine) == ["Identify", "PreRestore", "PostRestore"]


def test_a_writer_hears_of_its_document_whatever_was_selected(tmp_path: Path) -> None:
    selected: list[list[tuple[str, bool]]] = []

    def look(event: simulator.WriterEvent) -> None:
        selected.append([(each.name, each.selected_for_restore) for each in event.components])

    writers = [writer(on_pre_restore=look), writer("Two Writer", on_pre_restore=look)]
    with restore_in("pre", tmp_path, writers=writers, document=BOTH):
        assert selected == [[("data", True)], [("more", False)]]


def test_every_writer_hears_of_a_restore_without_components(tmp_path: Path) -> None:
    """As in a backup that was made so (SetBackupState(false, ...))."""
    document = components_document(select="no")
    with restore_in("gathered", tmp_path, document=document) as (machine, restore):
        wait(restore.components.pre_restore())
        for name in ("One Writer", "Two Writer"):
            assert events(machine, name) == ["Identify", "PreRestore"]


def test_filtered_writers_hear_nothing(tmp_path: Path) -> None:
    with restore_in("init", tmp_path, document=BOTH) as (machine, restore):
        restore.components.enable_writer_classes([TWO_ID])
        wait(restore.components.gather_writer_metadata())
        wait(restore.components.pre_restore())
        assert events(machine) == []
        assert events(machine, "Two Writer") == ["Identify", "PreRestore"]


@pytest.mark.parametrize(
    ("when", "method", "status", "heard"),
    [
        (WriterRestore.NEVER, RestoreMethod.RESTORE_IF_CAN_REPLACE, FileRestoreStatus.FAILED, []),
        (
            WriterRestore.ALWAYS,
            RestoreMethod.RESTORE_IF_CAN_REPLACE,
            FileRestoreStatus.ALL,
            ["PreRestore", "PostRestore"],
        ),
        (WriterRestore.IF_REPLACE_FAILS, RestoreMethod.RESTORE_IF_CAN_REPLACE, FileRestoreStatus.ALL, ["PreRestore"]),
        (
            WriterRestore.IF_REPLACE_FAILS,
            RestoreMethod.RESTORE_IF_CAN_REPLACE,
            FileRestoreStatus.FAILED,
            ["PreRestore", "PostRestore"],
        ),
        (
            WriterRestore.IF_REPLACE_FAILS,
            RestoreMethod.RESTORE_IF_NOT_THERE,
            FileRestoreStatus.NONE,
            ["PreRestore", "PostRestore"],
        ),
        (WriterRestore.IF_REPLACE_FAILS, RestoreMethod.RESTORE_AT_REBOOT, FileRestoreStatus.FAILED, ["PreRestore"]),
    ],
)
def test_what_a_writer_wants_of_a_restore(
    tmp_path: Path, when: WriterRestore, method: RestoreMethod, status: FileRestoreStatus, heard: list[str]
) -> None:
    """Its restore method says so (semantics 11.2)."""
    with restore_in("pre", tmp_path, writers=[restoring(when, method)]) as (machine, restore):
        restore.report(status)
        wait(restore.components.post_restore())
        assert events(machine) == ["Identify", *heard]


# Instances (semantics 4.2, 11.1.3)


def instance(which: UUID, name: str | None = None, **options: Any) -> simulator.Writer:
    return simulator.Writer(
        f"Instance {which.int & 0xFF}", writer_id=ONE_ID, instance_id=which, instance_name=name, **options
    )


def test_one_instance_restores_a_component(tmp_path: Path) -> None:
    """The one of the backup where it still runs, else one of the same name, else another one of the class."""
    heard: list[tuple[int, str]] = []

    def look(event: simulator.WriterEvent) -> None:
        heard.extend((event.instance_id.int & 0xFF, each.name) for each in event.components)

    named = components_document((ONE_INSTANCE, ONE_ID, component())).replace(
        "backupSchema", 'instanceName="b" backupSchema'
    )
    cases: list[tuple[list[tuple[UUID, str | None]], int]] = [
        ([(TWO_INSTANCE, "a"), (ONE_INSTANCE, "a")], 1),
        ([(TWO_INSTANCE, "a"), (THREE_INSTANCE, "b")], 3),
        ([(TWO_INSTANCE, None), (THREE_INSTANCE, None)], 2),
    ]
    for index, (running, expected) in enumerate(cases):
        heard.clear()
        writers = [instance(which, name, on_pre_restore=look) for which, name in running]
        folder = tmp_path / str(index)
        folder.mkdir()
        with restore_in("pre", folder, writers=writers, document=named):
            assert heard == [(expected, "data")]


def test_an_instance_may_be_chosen(tmp_path: Path) -> None:
    """SetSelectedForRestoreEx, component by component; a null id is no choice."""
    heard: list[tuple[int, str]] = []

    def look(event: simulator.WriterEvent) -> None:
        heard.extend((event.instance_id.int & 0xFF, each.name) for each in event.components)

    writers = [instance(which, on_pre_restore=look) for which in (ONE_INSTANCE, TWO_INSTANCE)]
    with restore_in("gathered", tmp_path, writers=writers) as (machine, restore):
        choose = restore.components.set_selected_for_restore_ex
        choose(*DATA, True, TWO_INSTANCE)
        choose(ONE_ID, FILEGROUP, None, "more", True, UUID(int=0))
        wait(restore.components.pre_restore())
        assert sorted(heard) == [(1, "more"), (2, "data")]
        assert f'restoreInstanceId="{TWO_INSTANCE}"' in restore.components.save_as_xml()
        assert not machine.notes


def test_what_a_schema_does_not_announce_is_noted(tmp_path: Path) -> None:
    """No code is documented for it: it is the writer that cannot do it."""
    document = RESTORED.replace('backupSchema="29440"', 'backupSchema="0"')
    assert document != RESTORED
    writers = [instance(ONE_INSTANCE), instance(TWO_INSTANCE)]
    with restore_in("gathered", tmp_path, writers=writers, document=document) as (machine, restore):
        c = restore.components
        c.set_selected_for_restore_ex(*DATA, True, TWO_INSTANCE)
        c.add_new_target(*DATA, "C:\\data", "*", True, "D:\\")
        c.set_roll_forward(*DATA, RollForwardType.ALL)
        c.set_restore_name(*DATA, "new")
        c.set_authoritative_restore(*DATA, True)
        assert [note.rpartition(" ")[2] for note in machine.notes] == [
            "VSS_BS_WRITER_SUPPORTS_RESTORE_WITH_MOVE",
            "VSS_BS_WRITER_SUPPORTS_NEW_TARGET",
            "VSS_BS_ROLLFORWARD_RESTORE",
            "VSS_BS_RESTORE_RENAME",
            "VSS_BS_AUTHORITATIVE_RESTORE",
        ]


# States (semantics 4.3)


def test_states_of_a_good_restore(tmp_path: Path) -> None:
    with restore_in("pre", tmp_path) as (_, restore):
        assert set(states(restore.components).values()) == {WriterState.STABLE}
        wait(restore.components.post_restore())
        assert set(states(restore.components).values()) == {WriterState.STABLE}


@pytest.mark.parametrize(
    ("handler", "state"),
    [("on_pre_restore", WriterState.FAILED_AT_PRE_RESTORE), ("on_post_restore", WriterState.FAILED_AT_POST_RESTORE)],
)
def test_failure_of_one_writer(tmp_path: Path, handler: str, state: WriterState) -> None:
    """It is failed at that step with its code and message, and does not stop the others; nothing is aborted."""

    def refuse(event: simulator.WriterEvent) -> None:
        part = event.components[0]
        if event.name == "PreRestore":
            part.set_pre_restore_failure_message("no place")
        else:
            part.set_post_restore_failure_message("no luck")
        part.set_failure("VSS_E_WRITERERROR_RETRYABLE", "later", application=0x80070005)
        raise simulator.WriterVeto("VSS_E_WRITERERROR_PARTIAL_FAILURE", "some of it")

    options: dict[str, Any] = {handler: refuse}
    with restore_in("pre", tmp_path, writers=[writer(**options), writer("Two Writer")], document=BOTH) as (
        machine,
        restore,
    ):
        wait(restore.components.post_restore())
        found = statuses(restore.components)
        assert (found["One Writer"].state, found["One Writer"].failure_name) == (
            state,
            "VSS_E_WRITERERROR_PARTIAL_FAILURE",
        )
        assert found["One Writer"].application_message == "some of it"
        assert found["Two Writer"].state is WriterState.STABLE
        view = restore.component
        early = handler == "on_pre_restore"
        assert view.pre_restore_failure_message == ("no place" if early else None)
        assert view.post_restore_failure_message == (None if early else "no luck")
        assert view.failure == vsspy.ComponentFailure(
            vsspy.HResult(0x800423F3), "VSS_E_WRITERERROR_RETRYABLE", vsspy.HResult(0x80070005), "later"
        )
        # one that failed in parts goes on with the others
        assert events(machine) == ["Identify", "PreRestore", "PostRestore"]
        assert events(machine, "Two Writer") == ["Identify", "PreRestore", "PostRestore"]


def test_cancelled_restores_are_over(tmp_path: Path) -> None:
    """A cancelled PreRestore is not repeated, and no writer hears of an abort (semantics 4.6)."""
    with restore_in("pre_restoring", tmp_path) as (machine, restore):
        assert restore.pending is not None
        restore.pending.cancel()
        with pytest.raises(vsspy.OperationCancelledError):
            restore.pending.wait(timeout=60)
        for call in (restore.components.pre_restore, restore.components.post_restore):
            with pytest.raises(vsspy.BadStateError):
                call()
        assert events(machine) == ["Identify"]


# A whole restore


def test_a_whole_restore_of_a_backup(tmp_path: Path) -> None:
    """What the backup's writer stored comes back, requester and writer see each other's choices, and all is saved."""
    heard: list[simulator.WriterEvent] = []
    modified = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)

    def back_up(event: simulator.WriterEvent) -> None:
        (part,) = event.components
        part.set_backup_metadata("how to restore")
        part.set_backup_stamp("stamp")
        part.add_partial_file("C:\\data", "file.txt", "0:1", "head")
        part.add_differenced_files_by_last_modify_time("C:\\data", "*.log", True, modified)

    def pre_restore(event: simulator.WriterEvent) -> None:
        heard.append(event)
        (part,) = event.components
        part.set_restore_metadata("what to do")
        part.set_restore_target(RestoreTarget.DIRECTED)
        part.add_directed_target("C:\\data", "file.txt", "0:1", "C:\\more", "file.txt", "2:1")

    schema = (
        BackupSchema.WRITER_SUPPORTS_NEW_TARGET
        | BackupSchema.ROLLFORWARD_RESTORE
        | BackupSchema.RESTORE_RENAME
        | BackupSchema.AUTHORITATIVE_RESTORE
    )
    one = simulator.Writer(
        "One Writer",
        writer_id=ONE_ID,
        instance_id=ONE_INSTANCE,
        backup_schema=schema,
        components=[
            simulator.Component("data", selectable=True, files=[simulator.FileSet("C:\\data", "*", recursive=True)]),
            simulator.Component("part", "data", selectable_for_restore=True),
        ],
        on_prepare_backup=back_up,
        on_pre_restore=pre_restore,
        on_post_restore=heard.append,
    )
    with server(tmp_path, writers=[one]) as machine:
        with vsspy.BackupComponents() as components:
            backup = Backup(components)
            components.initialize_for_backup()
            components.set_backup_state(True, False, BackupType.FULL, True)
            wait(components.gather_writer_metadata())
            backup.add()
            components.start_snapshot_set()
            components.add_to_snapshot_set("C:\\")
            wait(components.prepare_for_backup())
            wait(components.do_snapshot_set())
            backup.succeeded("data", True)
            wait(components.backup_complete())
            document = components.save_as_xml()
        with vsspy.BackupComponents() as components:
            restore = Restore(components, document)
            restore.to_init()
            components.set_restore_state(RestoreType.OTHER)
            wait(components.gather_writer_metadata())
            restore.select()
            components.add_restore_subcomponent(*DATA, "data", "part")
            components.set_restore_options(*DATA, '"Authoritative"="All"')
            components.set_additional_restores(*DATA, True)
            components.add_new_target(*DATA, "C:\\data", "*", True, "D:\\new")
            components.set_ranges_file_path(*DATA, 0, "D:\\ranges")
            components.set_authoritative_restore(*DATA, True)
            components.set_roll_forward(*DATA, RollForwardType.PARTIAL, "noon")
            components.set_restore_name(*DATA, "data 2")
            with pytest.raises(vsspy.ObjectNotFoundError):
                _ = restore.component.restore_target  # no writer was asked yet
            wait(components.pre_restore())
            components.add_alternative_location_mapping(*DATA, "C:\\data", "*", True, "D:\\old")
            restore.report(FileRestoreStatus.FAILED)
            view = restore.component
            assert view.restore_target is RestoreTarget.DIRECTED
            assert view.restore_metadata == "what to do"
            assert view.file_restore_status is FileRestoreStatus.FAILED
            wait(components.post_restore())
            view = restore.component
            saved = components.save_as_xml()
            wait(components.gather_writer_status())
            assert [status.state for status in components.writer_status] == [WriterState.STABLE]
        assert events(machine)[-3:] == ["Identify", "PreRestore", "PostRestore"]
        assert not machine.notes, machine.notes
        with vsspy.BackupComponents() as components:  # what was saved holds it all
            again = Restore(components, saved)
            again.to_init()
            assert components.save_as_xml() == saved
    pre, post = (event.components[0] for event in heard)
    assert [event.name for event in heard] == ["PreRestore", "PostRestore"]
    assert heard[0].restore_type is RestoreType.OTHER
    assert heard[0].backup_type is BackupType.FULL
    assert (heard[0].select_components, heard[0].partial_file_support) == (True, True)
    for seen in (pre, post):
        assert (seen.backup_metadata, seen.backup_stamp, seen.backup_succeeded) == ("how to restore", "stamp", True)
        assert seen.partial_files == (vsspy.PartialFile("C:\\data", "file.txt", "D:\\ranges", "head"),)
        assert [each.last_modify_time for each in seen.differenced_files] == [modified]
        assert seen.selected_for_restore
        assert seen.additional_restores is True
        assert seen.restore_options == '"Authoritative"="All"'
        assert seen.restore_subcomponents == (vsspy.RestoreSubcomponent("data", "part", False),)
        assert [each.alternate_path for each in seen.new_targets] == ["D:\\new"]
        assert seen.authoritative_restore
        assert seen.roll_forward == vsspy.RollForward(RollForwardType.PARTIAL, "noon")
        assert seen.restore_name == "data 2"
        assert seen.restore_target is RestoreTarget.DIRECTED
        assert seen.restore_metadata == "what to do"
        assert len(seen.directed_targets) == 1
    assert pre.file_restore_status is FileRestoreStatus.UNDEFINED
    assert post.file_restore_status is FileRestoreStatus.FAILED
    assert [each.alternate_path for each in post.alternate_location_mappings] == ["D:\\old"]


# What a writer may say, and when (semantics 2.5, reference pages)

SETTERS: dict[str, tuple[Callable[[simulator.WriterEventComponent], None], set[str]]] = {
    "SetBackupMetadata": (lambda c: c.set_backup_metadata("m"), {"PrepareBackup", "PostSnapshot"}),
    "SetBackupStamp": (lambda c: c.set_backup_stamp("s"), {"PrepareBackup", "PostSnapshot"}),
    "AddPartialFile": (lambda c: c.add_partial_file("C:\\data", "f", "0:1"), {"PrepareBackup", "PostSnapshot"}),
    "AddDifferencedFilesByLastModifyTime": (
        lambda c: c.add_differenced_files_by_last_modify_time("C:\\data", "*", False),
        {"PrepareBackup", "PostSnapshot"},
    ),
    "SetPrepareForBackupFailureMsg": (lambda c: c.set_prepare_for_backup_failure_message("f"), {"PrepareBackup"}),
    "SetPostSnapshotFailureMsg": (lambda c: c.set_post_snapshot_failure_message("f"), {"PostSnapshot"}),
    "SetFailure": (
        lambda c: c.set_failure("VSS_E_WRITERERROR_TIMEOUT"),
        {"PrepareBackup", "PostSnapshot", "BackupComplete", "PreRestore", "PostRestore"},
    ),
    "SetRestoreMetadata": (lambda c: c.set_restore_metadata("m"), {"PreRestore"}),
    "SetRestoreTarget": (lambda c: c.set_restore_target(RestoreTarget.ALTERNATE), {"PreRestore"}),
    "AddDirectedTarget": (
        lambda c: c.add_directed_target("C:\\data", "f", "0:1", "C:\\more", "f", "0:1"),
        {"PreRestore"},
    ),
    "SetPreRestoreFailureMsg": (lambda c: c.set_pre_restore_failure_message("f"), {"PreRestore"}),
    "SetPostRestoreFailureMsg": (lambda c: c.set_post_restore_failure_message("f"), {"PostRestore"}),
}


@pytest.mark.parametrize("method", SETTERS)
def test_what_a_writer_may_say_in_which_event(tmp_path: Path, method: str) -> None:
    """A writer is refused with VSS_E_BAD_STATE in every other event, and when its callback is over."""
    call, allowed = SETTERS[method]
    said: dict[str, str] = {}
    kept: list[simulator.WriterEventComponent] = []

    def say(event: simulator.WriterEvent) -> None:
        kept.append(event.components[0])
        try:
            call(event.components[0])
            said[event.name] = "S_OK"
        except vsspy.VssError as error:
            assert str(error.operation).endswith(f"::{method}")
            said[event.name] = error.name

    one = writer(
        on_prepare_backup=say,
        on_post_snapshot=say,
        on_backup_complete=say,
        on_pre_restore=say,
        on_post_restore=say,
    )
    with server(tmp_path, writers=[one]) as machine:
        with vsspy.BackupComponents() as components:
            Backup(components).to_done()
        with vsspy.BackupComponents() as components:
            Restore(components).to_post()
            with pytest.raises(vsspy.BadStateError):
                call(kept[-1])
        traced = [entry.code for entry in machine.trace if entry.name.endswith(f"::{method}")]
    assert said.pop("PostSnapshot") == (
        "VSS_E_OBJECT_ALREADY_EXISTS"
        if method == "SetBackupMetadata"
        else "S_OK"
        if "PostSnapshot" in allowed
        else "VSS_E_BAD_STATE"
    )
    assert said == {
        event: "S_OK" if event in allowed else "VSS_E_BAD_STATE"
        for event in ("PrepareBackup", "BackupComplete", "PreRestore", "PostRestore")
    }
    assert len(traced) == 5, "they are calls like any other; the one after the event reached nobody"


REFUSED: list[tuple[Callable[[simulator.WriterEventComponent], None], str]] = [
    (lambda c: c.set_backup_stamp("\x01"), "E_INVALIDARG"),
    (lambda c: c.set_backup_stamp("a\0b"), "E_INVALIDARG"),  # what is behind would be lost
    (lambda c: c.set_backup_metadata("\ud800"), "E_INVALIDARG"),
    (lambda c: c.add_partial_file("C:\\", "f", "0:1", "\x01"), "E_INVALIDARG"),
    (lambda c: c.add_differenced_files_by_last_modify_time("\x01", "*", True), "VSS_E_INVALID_XML_DOCUMENT"),
    (lambda c: c.add_differenced_files_by_last_modify_time("C:\\", "*", True, -1), "E_INVALIDARG"),
    (
        lambda c: c.add_differenced_files_by_last_modify_time("C:\\", "*", True, datetime(2024, 1, 1)),
        "E_INVALIDARG",
    ),
    (lambda c: c.set_failure("E_FAIL"), "E_INVALIDARG"),
    (lambda c: c.set_failure(0, "\x01"), "E_INVALIDARG"),
    (lambda c: c.set_restore_target(RestoreTarget.UNDEFINED), "E_INVALIDARG"),
    (lambda c: c.set_restore_target(RestoreTarget(5)), "E_INVALIDARG"),
    (lambda c: c.add_directed_target("C:\\", "f", "0:1", "D:\\", "f", "\x01"), "E_INVALIDARG"),
]


def test_a_writer_s_arguments_come_before_the_event(tmp_path: Path) -> None:
    answers: list[str] = []

    def say(event: simulator.WriterEvent) -> None:
        for call, _ in REFUSED:
            with pytest.raises(vsspy.VssError) as caught:
                call(event.components[0])
            answers.append(caught.value.name)

    one = writer(on_post_restore=say)
    with restore_in("post", tmp_path, writers=[one]) as (_, restore):
        assert answers == [name for _, name in REFUSED], statuses(restore.components)
        assert not statuses(restore.components)["One Writer"].failed


def test_a_failure_may_be_taken_back(tmp_path: Path) -> None:
    def say(event: simulator.WriterEvent) -> None:
        event.components[0].set_failure("VSS_E_WRITERERROR_TIMEOUT", "slow", application=5)
        event.components[0].set_failure(0)

    with restore_in("pre", tmp_path, writers=[writer(on_pre_restore=say)]) as (_, restore):
        assert restore.component.failure is None


def test_what_a_writer_calls_may_fail(tmp_path: Path) -> None:
    """Its calls are given faults like a requester's."""
    answers: list[str] = []

    def say(event: simulator.WriterEvent) -> None:
        for _ in range(2):
            try:
                event.components[0].set_restore_metadata("m")
                answers.append("S_OK")
            except vsspy.OutOfMemoryError as error:
                answers.append(error.name)

    fault = simulator.Fault("IVssComponent::SetRestoreMetadata", "E_OUTOFMEMORY", nth=1)
    with server(tmp_path, writers=[writer(on_pre_restore=say)], faults=[fault]) as machine:
        with vsspy.BackupComponents() as components:
            restore = Restore(components)
            restore.to_pre()
            assert restore.component.restore_metadata == "m"
        traced = [entry for entry in machine.trace if entry.name == "IVssComponent::SetRestoreMetadata"]
    assert answers == ["E_OUTOFMEMORY", "S_OK"] == [entry.code for entry in traced]
    assert traced[0].arguments == {"wszRestoreMetadata": "m"}


def test_partial_files_nobody_asked_for(tmp_path: Path) -> None:
    """They are ignored unless SetBackupState said that the requester can do with them (semantics 10)."""
    seen: list[int] = []

    def say(event: simulator.WriterEvent) -> None:
        event.components[0].add_partial_file("C:\\data", "file.txt", "0:1")
        seen.append(len(event.components[0].partial_files))

    with server(tmp_path, writers=[writer(on_prepare_backup=say)]), vsspy.BackupComponents() as components:
        Backup(components).to_prepared()
        assert "PARTIAL_FILE" not in components.save_as_xml()
        assert seen == [0]


@pytest.mark.parametrize(
    ("level", "lacking"), [("xp", {"Ex", "Ex2"}), ("vista", {"Ex2"}), ("7", set[str]())], ids=["xp", "vista", "7"]
)
def test_what_older_systems_lack(tmp_path: Path, level: Any, lacking: set[str]) -> None:
    """IVssComponentEx came with Vista, Ex2 with Windows 7; VSS_RT_ORIGINAL_LOCATION with Vista (semantics 11.3)."""
    answers: dict[str, str] = {}

    def attempt(name: str, call: Callable[[], None]) -> None:
        try:
            call()
            answers[name] = "S_OK"
        except vsspy.VssError as error:
            answers[name] = error.name

    def say(event: simulator.WriterEvent) -> None:
        part = event.components[0]
        attempt("Ex", lambda: part.set_prepare_for_backup_failure_message("m"))
        attempt("Ex2", lambda: part.set_failure(0))
        attempt("target", lambda: part.set_restore_target(RestoreTarget.ORIGINAL_LOCATION))

    with restore_in("pre", tmp_path, writers=[writer(on_pre_restore=say)], level=level):
        assert answers == {
            "Ex": "E_NOINTERFACE" if "Ex" in lacking else "VSS_E_BAD_STATE",
            "Ex2": "E_NOINTERFACE" if "Ex2" in lacking else "S_OK",
            "target": "E_INVALIDARG" if level == "xp" else "S_OK",
        }
