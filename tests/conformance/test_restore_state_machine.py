"""The state machine of a restore: each call in each state (semantics 2.4), and what each refuses of its arguments."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from restores import RESTORE_STATES, RESTORED, Restore, component, components_document, restore_in
from support import (
    BAD_STATE,
    E_INVALIDARG,
    FILEGROUP,
    METHODS,
    ONE_ID,
    ONE_INSTANCE,
    S_OK,
    RawPlatform,
    backup_in,
    code,
    raw_restore,
    server,
    wait,
    writer,
)

import vsspy
from vsspy.enums import (
    BackupType,
    ComponentType,
    FileRestoreStatus,
    ObjectType,
    RestoreType,
    RollForwardType,
    SnapshotContext,
)

UNKNOWN = UUID("0badc0de-0000-0000-0000-000000000000")
DATA = (ONE_ID, FILEGROUP, None, "data")

Calls = dict[str, Callable[[vsspy.BackupComponents], object]]


def gather_status(c: vsspy.BackupComponents) -> None:
    wait(c.gather_writer_status())


RESTORE_ONLY: Calls = {
    "SetRestoreState": lambda c: c.set_restore_state(RestoreType.BY_COPY),
    "SetSelectedForRestore": lambda c: c.set_selected_for_restore(*DATA, True),
    "SetSelectedForRestoreEx": lambda c: c.set_selected_for_restore_ex(*DATA, True, ONE_INSTANCE),
    "AddRestoreSubcomponent": lambda c: c.add_restore_subcomponent(*DATA, "data", "part"),
    "SetRestoreOptions": lambda c: c.set_restore_options(*DATA, "option"),
    "SetAdditionalRestores": lambda c: c.set_additional_restores(*DATA, True),
    "AddNewTarget": lambda c: c.add_new_target(*DATA, "C:\\data", "*", True, "D:\\"),
    "SetRangesFilePath": lambda c: c.set_ranges_file_path(*DATA, 0, "C:\\ranges"),
    "SetAuthoritativeRestore": lambda c: c.set_authoritative_restore(*DATA, True),
    "SetRollForward": lambda c: c.set_roll_forward(*DATA, RollForwardType.ALL),
    "SetRestoreName": lambda c: c.set_restore_name(*DATA, "new"),
    "AddAlternativeLocationMapping": lambda c: c.add_alternative_location_mapping(*DATA, "C:\\data", "*", True, "D:\\"),
    "SetFileRestoreStatus": lambda c: c.set_file_restore_status(*DATA, FileRestoreStatus.ALL),
    "PreRestore": lambda c: wait(c.pre_restore()),
    "PostRestore": lambda c: wait(c.post_restore()),
}
BACKUP_ONLY: Calls = {
    "InitializeForBackup": lambda c: c.initialize_for_backup(),
    "SetContext": lambda c: c.set_context(SnapshotContext.BACKUP),
    "SetBackupState": lambda c: c.set_backup_state(True, False, BackupType.FULL),
    "AddComponent": lambda c: c.add_component(ONE_INSTANCE, *DATA),
    "SetBackupSucceeded": lambda c: c.set_backup_succeeded(ONE_INSTANCE, *DATA, True),
    "SetBackupOptions": lambda c: c.set_backup_options(*DATA, "option"),
    "SetPreviousBackupStamp": lambda c: c.set_previous_backup_stamp(*DATA, "stamp"),
    "StartSnapshotSet": lambda c: c.start_snapshot_set(),
    "AddToSnapshotSet": lambda c: c.add_to_snapshot_set("C:\\"),
    "PrepareForBackup": lambda c: c.prepare_for_backup(),
    "DoSnapshotSet": lambda c: c.do_snapshot_set(),
    "BackupComplete": lambda c: c.backup_complete(),
    "GetSnapshotProperties": lambda c: c.get_snapshot_properties(UNKNOWN),
    "IsVolumeSupported": lambda c: c.is_volume_supported("C:\\"),
    "Query": lambda c: c.query(returned_objects_type=ObjectType.SNAPSHOT),
}
CALLS: Calls = {
    "InitializeForRestore": lambda c: c.initialize_for_restore(RESTORED),
    **RESTORE_ONLY,
    "GatherWriterMetadata": lambda c: wait(c.gather_writer_metadata()),
    "GetWriterMetadata": lambda c: len(c.writer_metadata),
    "GetWriterComponents": lambda c: [each.components for each in c.writer_components],
    "SaveAsXML": lambda c: c.save_as_xml(),
    "GatherWriterStatus": gather_status,
    "DisableWriterClasses": lambda c: c.disable_writer_classes([UNKNOWN]),
    "AbortBackup": lambda c: c.abort_backup(),
    **BACKUP_ONLY,
}
RUNNING = {"gathering", "pre_restoring", "post_restoring"}
ALL = set(RESTORE_STATES)
PLANNING = {"init", "gathering", "gathered", "selected"}
LEGAL: dict[str, set[str]] = {
    "InitializeForRestore": {"new"},
    "SetRestoreState": PLANNING,
    "SetSelectedForRestore": {"gathered", "selected"},
    "SetSelectedForRestoreEx": {"gathered", "selected"},
    "AddRestoreSubcomponent": {"selected"},  # of a component that is selected
    "SetRestoreOptions": PLANNING,
    "SetAdditionalRestores": PLANNING,
    "AddNewTarget": PLANNING,
    "SetRangesFilePath": PLANNING,
    "SetAuthoritativeRestore": PLANNING,
    "SetRollForward": PLANNING,
    "SetRestoreName": PLANNING,
    "AddAlternativeLocationMapping": PLANNING | {"pre"},
    "SetFileRestoreStatus": {"pre"},
    "PreRestore": {"gathered", "selected"},
    "PostRestore": {"pre"},
    "GatherWriterMetadata": {"init"},
    "GetWriterMetadata": ALL - {"new", "init", "gathering"},
    "GetWriterComponents": ALL - {"new"},
    "SaveAsXML": ALL - {"new"},
    "GatherWriterStatus": ALL - {"new"} - RUNNING,
    "DisableWriterClasses": ALL - {"new"},
    "AbortBackup": ALL - {"new"},  # nothing that it could end is under way
    **{method: set() for method in BACKUP_ONLY},
}


def test_the_table_names_methods_of_the_interface() -> None:
    names = {name for interface, methods in METHODS.items() if interface.startswith("IVssBackup") for name in methods}
    assert set(CALLS) == set(LEGAL)
    assert set(CALLS) <= names


@pytest.mark.parametrize("state", RESTORE_STATES)
def test_refused(tmp_path: Path, state: str) -> None:
    """Every call that is out of order in a state is VSS_E_BAD_STATE, and leaves the restore as it was."""
    with restore_in(state, tmp_path) as (machine, restore):
        before = restore.components.save_as_xml() if state != "new" else ""
        heard = [entry.name for entry in machine.trace if "Writer::" in entry.name]
        for method in (name for name in CALLS if state not in LEGAL[name]):
            if state == "new" and method in ("InitializeForBackup", "AbortBackup"):
                continue
            with pytest.raises(vsspy.BadStateError) as caught:
                CALLS[method](restore.components)
                pytest.fail(f"{method} works in state {state}")
            assert caught.value.hresult == BAD_STATE, method
        if state != "new":
            assert restore.components.save_as_xml() == before
        if state not in RUNNING:
            assert [entry.name for entry in machine.trace if "Writer::" in entry.name] == heard
        if state == "selected":  # none of the refusals used anything up
            wait(restore.components.pre_restore())
            wait(restore.components.post_restore())


@pytest.mark.parametrize(
    ("method", "state"), [(method, state) for method in CALLS for state in RESTORE_STATES if state in LEGAL[method]]
)
def test_allowed(tmp_path: Path, method: str, state: str) -> None:
    with restore_in(state, tmp_path) as (_, restore):
        CALLS[method](restore.components)


@pytest.mark.parametrize("state", ["new", "init", "gathered", "prepared", "done"])
def test_restores_only(tmp_path: Path, state: str) -> None:
    """In a backup these are VSS_E_BAD_STATE (semantics 2.4), and before either initialise call."""
    with backup_in(state, tmp_path) as (_, backup):
        for method, call in RESTORE_ONLY.items():
            with pytest.raises(vsspy.BadStateError):
                call(backup.components)
                pytest.fail(f"{method} works in a backup")


def test_a_restore_cannot_be_aborted(tmp_path: Path) -> None:
    """No writer hears of it, and the restore goes on (semantics 2.4)."""
    with restore_in("pre", tmp_path) as (machine, restore):
        restore.components.abort_backup()
        wait(restore.components.post_restore())
        assert not [entry for entry in machine.trace if entry.name.endswith("::Abort")]


# Arguments come before the state (semantics 1.6)

SETTERS: list[tuple[str, tuple[Any, ...], tuple[Any, ...]]] = [
    # method, what follows the component's key where it is in order, and where it is not
    ("SetSelectedForRestore", (True,), ()),
    ("SetSelectedForRestoreEx", (True, UUID(int=0)), ()),
    ("SetRestoreOptions", ("option",), (None,)),
    ("SetAdditionalRestores", (True,), ()),
    ("AddAlternativeLocationMapping", ("C:\\data", "*", True, "D:\\"), (None, "*", True, "D:\\")),
    ("AddAlternativeLocationMapping", ("C:\\data", "*", True, "D:\\"), ("C:\\data", None, True, "D:\\")),
    ("AddAlternativeLocationMapping", ("C:\\data", "*", True, "D:\\"), ("C:\\data", "*", True, None)),
    ("AddAlternativeLocationMapping", ("C:\\data", "*", True, "D:\\"), ("C:\\data", "*", True, "")),
    ("AddRestoreSubcomponent", ("data", "part", False), (None, "part", False)),
    ("AddRestoreSubcomponent", ("data", "part", False), ("data", None, False)),
    ("AddRestoreSubcomponent", ("data", "part", False), ("data", "", False)),
    ("SetFileRestoreStatus", (2,), (0,)),
    ("SetFileRestoreStatus", (2,), (4,)),
    ("AddNewTarget", ("C:\\data", "*", True, "D:\\"), (None, "*", True, "D:\\")),
    ("AddNewTarget", ("C:\\data", "*", True, "D:\\"), ("C:\\data", None, True, "D:\\")),
    ("AddNewTarget", ("C:\\data", "*", True, "D:\\"), ("C:\\data", "*", True, None)),
    ("SetRangesFilePath", (0, "C:\\ranges"), (0, None)),
]
SETTERS_EX2: list[tuple[str, tuple[Any, ...], tuple[Any, ...]]] = [
    ("SetAuthoritativeRestore", (True,), ()),
    ("SetRollForward", (1, None), (0, None)),
    ("SetRollForward", (1, None), (4, None)),
    ("SetRollForward", (1, None), (3, None)),  # a partial one needs its point
    ("SetRollForward", (3, "point"), (3, "")),
    ("SetRestoreName", ("new",), (None,)),
    ("SetRestoreName", ("new",), ("",)),
]


@pytest.mark.parametrize("interface", ["IVssBackupComponentsEx", "IVssBackupComponentsEx2"])
def test_arguments_come_before_the_state(tmp_path: Path, interface: str) -> None:
    """All interfaces are one chain of bases, so that a slot of Ex2 can be called on the object that was created."""
    setters = SETTERS if interface == "IVssBackupComponentsEx" else SETTERS_EX2
    with server(tmp_path) as machine, RawPlatform(machine).backup_components() as raw:
        for method, good, bad in setters:
            raw.interface = next(name for name, methods in METHODS.items() if method in methods and "Backup" in name)
            assert raw.call(method, ONE_ID, 2, None, "data", *good) == BAD_STATE, method
            if bad:
                assert raw.call(method, ONE_ID, 2, None, "data", *bad) == E_INVALIDARG, (method, bad)
            assert raw.call(method, ONE_ID, 0, None, "data", *good) == E_INVALIDARG, method
            assert raw.call(method, ONE_ID, 3, None, "data", *good) == E_INVALIDARG, method
            assert raw.call(method, ONE_ID, 2, None, None, *good) == E_INVALIDARG, method
            assert raw.call(method, ONE_ID, 2, None, "", *good) == E_INVALIDARG, method
        raw.interface = "IVssBackupComponents"
        assert raw.call("SetRestoreState", 4) == E_INVALIDARG
        assert raw.call("SetRestoreState", -1) == E_INVALIDARG
        for method in ("PreRestore", "PostRestore"):
            assert raw.call(method, None) == E_INVALIDARG
            assert raw.call(method, ctypes.c_void_p()) == BAD_STATE


def test_documents_come_before_the_state(tmp_path: Path) -> None:
    """InitializeForRestore reads what it is given first (VSS_E_INVALID_XML_DOCUMENT), and NULL is no document."""
    slot = METHODS["IVssBackupComponents"]["InitializeForRestore"]["vtable_index"]
    invalid = code("VSS_E_INVALID_XML_DOCUMENT")
    with server(tmp_path) as machine, raw_restore(machine) as raw:
        platform = RawPlatform(machine)
        assert raw.slot(slot, ctypes.c_void_p()) == invalid
        for text in ("", "<BACKUP_COMPONENTS", RESTORED.replace("componentName", "name")):
            with platform.bstr(text) as document:
                assert raw.slot(slot, document) == invalid
        with platform.bstr(RESTORED) as document:
            assert raw.slot(slot, document) == BAD_STATE
        with platform.backup_components() as fresh:
            assert fresh.slot(slot, ctypes.c_void_p()) == invalid
            with platform.bstr(RESTORED) as document:
                assert fresh.slot(slot, document) == S_OK


STORED: list[tuple[str, Callable[[vsspy.BackupComponents, str], object], str]] = [
    ("SetRestoreOptions", lambda c, text: c.set_restore_options(*DATA, text), "VSS_E_INVALID_XML_DOCUMENT"),
    (
        "AddAlternativeLocationMapping",
        lambda c, text: c.add_alternative_location_mapping(*DATA, "C:\\data", "*", True, text),
        "VSS_E_INVALID_XML_DOCUMENT",
    ),
    (
        "AddRestoreSubcomponent",
        lambda c, text: c.add_restore_subcomponent(*DATA, "data", text),
        "VSS_E_INVALID_XML_DOCUMENT",
    ),
    (
        "AddNewTarget",
        lambda c, text: c.add_new_target(*DATA, "C:\\data", "*", True, text),
        "VSS_E_INVALID_XML_DOCUMENT",
    ),
    ("SetRangesFilePath", lambda c, text: c.set_ranges_file_path(*DATA, 0, text), "VSS_E_INVALID_XML_DOCUMENT"),
    ("SetRestoreName", lambda c, text: c.set_restore_name(*DATA, text), "E_INVALIDARG"),
    ("SetRollForward", lambda c, text: c.set_roll_forward(*DATA, RollForwardType.PARTIAL, text), "E_INVALIDARG"),
]


@pytest.mark.parametrize(("method", "call", "refusal"), STORED, ids=[method for method, _, _ in STORED])
@pytest.mark.parametrize("text", ["a\x01", "\ud800", "\ufffe"])
def test_texts_that_no_document_holds(
    tmp_path: Path, method: str, call: Callable[[vsspy.BackupComponents, str], object], refusal: str, text: str
) -> None:
    """They are refused where they are given, with a code that the method's page lists, and not when it is saved."""
    with restore_in("selected", tmp_path) as (_, restore):
        with pytest.raises(vsspy.VssError) as caught:
            call(restore.components, text)
        assert caught.value.name == refusal
        assert str(caught.value.operation).endswith(method)
        call(restore.components, "plain")
        assert "plain" in restore.components.save_as_xml()


# What is not there


@pytest.mark.parametrize(
    "key",
    [(UNKNOWN, FILEGROUP, None, "data"), (ONE_ID, ComponentType.DATABASE, None, "data"), (*DATA[:2], "data", "data")],
    ids=["writer", "type", "path"],
)
def test_components_that_are_not_in_the_document(tmp_path: Path, key: tuple[UUID, ComponentType, Any, str]) -> None:
    """All parts of a component's key have to be those that were added (reference pages)."""
    calls: list[Callable[[vsspy.BackupComponents], object]] = [
        lambda c: c.set_selected_for_restore(*key, True),
        lambda c: c.set_selected_for_restore_ex(*key, True, ONE_INSTANCE),
        lambda c: c.add_restore_subcomponent(*key, "data", "part"),
        lambda c: c.set_restore_options(*key, "option"),
        lambda c: c.set_additional_restores(*key, True),
        lambda c: c.add_new_target(*key, "C:\\data", "*", True, "D:\\"),
        lambda c: c.set_ranges_file_path(*key, 0, "C:\\ranges"),
        lambda c: c.set_authoritative_restore(*key, True),
        lambda c: c.set_roll_forward(*key, RollForwardType.ALL),
        lambda c: c.set_restore_name(*key, "new"),
        lambda c: c.add_alternative_location_mapping(*key, "C:\\data", "*", True, "D:\\"),
    ]
    with restore_in("selected", tmp_path) as (_, restore):
        for call in calls:
            with pytest.raises(vsspy.ObjectNotFoundError):
                call(restore.components)
        wait(restore.components.pre_restore())
        with pytest.raises(vsspy.ObjectNotFoundError):
            restore.components.set_file_restore_status(*key, FileRestoreStatus.ALL)


def test_a_writer_that_does_not_run_cannot_be_selected(tmp_path: Path) -> None:
    """Nor one that was filtered out, nor another instance (semantics 8.4); what is in the document can be planned."""
    with server(tmp_path, writers=[writer("Two Writer")]), vsspy.BackupComponents() as components:
        restore = Restore(components)
        restore.to_gathered()
        with pytest.raises(vsspy.ObjectNotFoundError):
            restore.select()
        with pytest.raises(vsspy.ObjectNotFoundError):
            components.set_selected_for_restore_ex(*DATA, True, UUID(int=0))
        components.set_restore_options(*DATA, "option")
    with server(tmp_path), vsspy.BackupComponents() as components:
        restore = Restore(components)
        restore.to_init()
        components.disable_writer_classes([ONE_ID])
        wait(components.gather_writer_metadata())
        with pytest.raises(vsspy.ObjectNotFoundError):
            restore.select()
    with restore_in("gathered", tmp_path) as (_, restore):
        with pytest.raises(vsspy.ObjectNotFoundError):
            restore.components.set_selected_for_restore_ex(*DATA, True, UNKNOWN)
        assert restore.component.selected_for_restore is False
        restore.components.set_selected_for_restore_ex(*DATA, True, ONE_INSTANCE)
        assert restore.component.selected_for_restore is True


@pytest.mark.parametrize("files", [("C:\\other", "*", True), ("C:\\data", "*.txt", True), ("C:\\data", "*", False)])
def test_file_sets_are_repeated_exactly(tmp_path: Path, files: tuple[str, str, bool]) -> None:
    """Semantics 9.1.6; before the gather nobody knows the file sets."""
    with restore_in("init", tmp_path) as (_, restore):
        c = restore.components
        c.add_new_target(*DATA, *files, "D:\\")
        wait(c.gather_writer_metadata())
        for call in (c.add_new_target, c.add_alternative_location_mapping):
            with pytest.raises(vsspy.ObjectNotFoundError):
                call(*DATA, *files, "D:\\")
            call(*DATA, "C:\\data", "*", True, "D:\\")
        assert [each.path for each in restore.component.new_targets] == [files[0], "C:\\data"]


def test_partial_files_by_index(tmp_path: Path) -> None:
    with restore_in("init", tmp_path) as (_, restore):
        with pytest.raises(vsspy.ObjectNotFoundError):
            restore.components.set_ranges_file_path(*DATA, 1, "C:\\ranges")
        restore.components.set_ranges_file_path(*DATA, 0, "C:\\ranges")
        assert [each.ranges for each in restore.component.partial_files] == ["C:\\ranges"]


def test_subcomponents_of_what_is_selected(tmp_path: Path) -> None:
    """Semantics 8.4: below the component, and selectable for restore where the writer has it."""
    parts = [
        vsspy.simulator.Component("data", selectable=True),
        vsspy.simulator.Component("Set1", "data", selectable_for_restore=True),
        vsspy.simulator.Component("Jan", "data\\Set1"),
    ]
    one = vsspy.simulator.Writer("One Writer", writer_id=ONE_ID, instance_id=ONE_INSTANCE, components=parts)
    document = components_document((ONE_INSTANCE, ONE_ID, component()))
    with restore_in("gathered", tmp_path, writers=[one], document=document) as (_, restore):
        add = restore.components.add_restore_subcomponent
        with pytest.raises(vsspy.BadStateError):
            add(*DATA, "data", "Set1")
        restore.select()
        add(*DATA, "data", "Set1")
        for path, name in (("data\\Set1", "Jan"), ("", "Set1"), ("more", "Set1"), ("", "data")):
            with pytest.raises(vsspy.ObjectNotFoundError):
                add(*DATA, path, name)
        add(*DATA, "data", "gone")  # the writer may have lost it since
        found = restore.component.restore_subcomponents
        assert [(each.logical_path, each.component_name) for each in found] == [("data", "Set1"), ("data", "gone")]
        restore.select(selected=False)
        with pytest.raises(vsspy.BadStateError):
            add(*DATA, "data", "Set1")
