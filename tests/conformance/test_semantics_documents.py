"""What semantics 8 to 11 say of documents, where no other file has it: components' keys, types, stamps."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from restores import Restore, component, components_document, restore_in
from shadow_copies import fails
from support import (
    FILEGROUP,
    METHODS,
    ONE_ID,
    ONE_INSTANCE,
    S_OK,
    TWO_ID,
    TWO_INSTANCE,
    Backup,
    RawPlatform,
    backup_in,
    code,
    server,
    wait,
    writer,
)

import vsspy
from vsspy import simulator
from vsspy.enums import BackupType, ComponentType, RestoreType

FINISHED = code("VSS_S_ASYNC_FINISHED")
INITIALIZE = METHODS["IVssBackupComponents"]["InitializeForBackup"]["vtable_index"]

#: The worked example of semantics 8.3: full name, selectable for backup, selectable for restore.
EXAMPLE = [
    ("Executables", False, False),
    ("Executables\\ConfigFiles", False, False),
    ("LicenseInfo", True, False),
    ("Security", True, False),
    ("Security\\UserInfo", False, False),
    ("Security\\Certificates", False, False),
    ("writerData", True, True),
    ("writerData\\Set1", False, True),
    ("writerData\\Set1\\Jan", False, False),
    ("writerData\\Set1\\Dec", False, False),
    ("writerData\\Set2", False, True),
    ("writerData\\Set2\\Jan", False, False),
    ("writerData\\Set2\\Dec", False, False),
    ("writerData\\QueryLogs\\Query", False, False),
    ("writerData\\Usage", True, True),
    ("writerData\\Usage\\Jan", False, False),
    ("writerData\\Usage\\Dec", False, False),
]


def example_writer() -> simulator.Writer:
    """The writer of the worked example; each component has a folder of its own."""
    components = []
    for full_name, selectable, for_restore in EXAMPLE:
        path, _, name = full_name.rpartition("\\")
        files = [simulator.FileSet(f"C:\\{full_name}", "*", recursive=True)]
        components.append(
            simulator.Component(
                name, path or None, selectable=selectable, selectable_for_restore=for_restore, files=files
            )
        )
    return simulator.Writer("Example", writer_id=ONE_ID, instance_id=ONE_INSTANCE, components=components)


# Keys and components (semantics 8)


def test_the_root_is_null_or_empty(tmp_path: Path) -> None:
    with server(tmp_path) as machine, RawPlatform(machine).backup_components() as raw:
        assert raw.slot(INITIALIZE, ctypes.c_void_p()) == S_OK
        assert raw.call("SetBackupState", True, False, 1, False) == S_OK
        assert raw.finish("GatherWriterMetadata") == FINISHED
        assert raw.call("AddComponent", ONE_INSTANCE, ONE_ID, 2, None, "data") == S_OK
        again = code("VSS_E_OBJECT_ALREADY_EXISTS")
        assert raw.call("AddComponent", ONE_INSTANCE, ONE_ID, 2, "", "data") == again
        assert raw.call("SetBackupOptions", ONE_ID, 2, "", "data", "options") == S_OK
        assert raw.call("AddComponent", ONE_INSTANCE, ONE_ID, 2, "path", "data") == S_OK


def test_only_what_was_added_is_in_the_document(tmp_path: Path) -> None:
    """Implicit components have no entry, and hear nothing of their own (rule R1)."""
    heard: list[str] = []
    one = simulator.Writer(
        "Example",
        writer_id=ONE_ID,
        instance_id=ONE_INSTANCE,
        components=example_writer().metadata.components,
        on_prepare_backup=lambda event: heard.extend(each.name for each in event.components),
    )
    with backup_in("gathered", tmp_path, writers=[one]) as (_, backup):
        for name in ("Executables", "writerData"):
            backup.add(name)
        wait(backup.components.prepare_for_backup())
        (of,) = backup.components.writer_components
        assert [each.name for each in of.components] == ["Executables", "writerData"] == heard


def test_components_below_what_is_not_selectable(tmp_path: Path) -> None:
    """The sources differ: added or not, the service takes both (rule R4)."""
    for explicit in (True, False):
        with backup_in("gathered", tmp_path / str(explicit), writers=[example_writer()]) as (_, backup):
            backup.add("Executables")
            if explicit:
                backup.components.add_component(ONE_INSTANCE, ONE_ID, FILEGROUP, "Executables", "ConfigFiles")
            wait(backup.components.prepare_for_backup())


def test_a_component_is_one_of_its_type_in_calls(tmp_path: Path) -> None:
    with backup_in("gathered", tmp_path) as (_, backup):
        backup.add()
        with fails("VSS_E_OBJECT_NOT_FOUND"):
            backup.components.set_backup_options(ONE_ID, ComponentType.DATABASE, None, "data", "options")
        backup.components.set_backup_options(ONE_ID, FILEGROUP, None, "data", "options")


@contextmanager
def restore_of_the_example(folder: Path) -> Iterator[Restore]:
    """A restore of a backup in which 1, 2, 3, 4 and 7 were added."""
    names = ("Executables", "LicenseInfo", "Security", "writerData")
    below = component("ConfigFiles", ' logicalPath="Executables"')
    document = components_document((ONE_INSTANCE, ONE_ID, below + "".join(component(name) for name in names)))
    with restore_in("gathered", folder, writers=[example_writer()], document=document) as (_, restore):
        yield restore


def test_what_was_explicit_can_be_restored_alone(tmp_path: Path) -> None:
    """Whatever is said of its selectability for restore."""
    with restore_of_the_example(tmp_path) as restore:
        for name in ("Executables", "LicenseInfo", "Security", "writerData"):
            restore.select(name)
        restore.components.set_selected_for_restore(ONE_ID, FILEGROUP, "Executables", "ConfigFiles", True)
        with fails("VSS_E_OBJECT_NOT_FOUND"):  # it was implicit
            restore.components.set_selected_for_restore(ONE_ID, FILEGROUP, "writerData", "Set1", True)


def test_what_was_implicit_needs_its_ancestor(tmp_path: Path) -> None:
    """Set1 and Usage alone, but not Set1's January; what is added has no entry but in its ancestor's."""
    key = (ONE_ID, FILEGROUP, None, "writerData")
    with restore_of_the_example(tmp_path) as restore:
        restore.select("writerData")
        restore.components.add_restore_subcomponent(*key, "writerData", "Set1")
        with fails("VSS_E_OBJECT_NOT_FOUND"):
            restore.components.add_restore_subcomponent(*key, "writerData\\Set1", "Jan")
        restore.components.add_restore_subcomponent(*key, "writerData", "Usage")
        (of,) = restore.components.writer_components
        assert len(of.components) == 5
        data = next(each for each in of.components if each.name == "writerData")
        assert [each.component_name for each in data.restore_subcomponents] == ["Set1", "Usage"]


def test_file_sets_of_members_go_by_the_component_of_the_set(tmp_path: Path) -> None:
    """Its key and the member's own file set (semantics 8.5)."""
    key = (ONE_ID, FILEGROUP, None, "writerData")
    with restore_of_the_example(tmp_path) as restore:
        c = restore.components
        for name in ("writerData", "writerData\\Set1\\Jan"):
            c.add_new_target(*key, f"C:\\{name}", "*", True, "D:\\new")
            c.add_alternative_location_mapping(*key, f"C:\\{name}", "*", True, "D:\\else")
        with fails("VSS_E_OBJECT_NOT_FOUND"):
            c.add_new_target(*key, "C:\\Security", "*", True, "D:\\new")


def test_components_may_be_what_nobody_knows(tmp_path: Path) -> None:
    """Whether AddComponent looks at the metadata is not documented (rule R7): it does not, unless that is asked for."""
    with backup_in("gathered", tmp_path) as (_, backup):
        backup.add("nothing of the kind")
        backup.components.add_component(UUID(int=1), UUID(int=2), FILEGROUP, None, "of nobody")
        wait(backup.components.prepare_for_backup())


def test_strict_components(tmp_path: Path) -> None:
    writers = [example_writer(), writer("Two Writer")]
    with backup_in("gathered", tmp_path, writers=writers, strict_components=True) as (_, backup):
        add = backup.components.add_component
        add(ONE_INSTANCE, ONE_ID, FILEGROUP, None, "Executables")
        add(ONE_INSTANCE, ONE_ID, FILEGROUP, "Executables", "ConfigFiles")
        for key in [
            (ONE_INSTANCE, ONE_ID, FILEGROUP, None, "executables"),
            (ONE_INSTANCE, ONE_ID, FILEGROUP, "Security", "Security"),
            (ONE_INSTANCE, ONE_ID, ComponentType.DATABASE, None, "Security"),
            (ONE_INSTANCE, TWO_ID, FILEGROUP, None, "Security"),
            (TWO_INSTANCE, ONE_ID, FILEGROUP, None, "Security"),
            (UUID(int=1), ONE_ID, FILEGROUP, None, "Security"),
        ]:
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                add(*key)
        with fails("VSS_E_OBJECT_ALREADY_EXISTS"):
            add(ONE_INSTANCE, ONE_ID, FILEGROUP, None, "Executables")


@pytest.mark.parametrize("until", ["StartSnapshotSet", "PrepareForBackup", "DoSnapshotSet"])
def test_until_when_components_can_be_added(tmp_path: Path, until: str) -> None:
    """The pages name different calls (semantics 2.3)."""
    steps: dict[str, Callable[[vsspy.BackupComponents], object]] = {
        "StartSnapshotSet": lambda c: c.start_snapshot_set(),
        "PrepareForBackup": lambda c: wait(c.prepare_for_backup()),
        "DoSnapshotSet": lambda c: wait(c.do_snapshot_set()),
    }
    with server(tmp_path, components_until=until), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.set_backup_state(True, False, BackupType.COPY)
        wait(components.gather_writer_metadata())
        late = False
        for name, step in steps.items():
            if late:
                with fails("VSS_E_BAD_STATE"):
                    components.add_component(ONE_INSTANCE, ONE_ID, FILEGROUP, None, name)
            else:
                components.add_component(ONE_INSTANCE, ONE_ID, FILEGROUP, None, name)
            step(components)
            late = late or name == until
        with fails("VSS_E_BAD_STATE"):
            components.add_component(ONE_INSTANCE, ONE_ID, FILEGROUP, None, "last")


def test_deadlines_that_do_not_exist(tmp_path: Path) -> None:
    with pytest.raises(vsspy.InvalidArgumentError), server(tmp_path, components_until="BackupComplete"):
        pytest.fail("there is a machine")


@pytest.mark.parametrize("name", ["a.b c", "%x%", "*?", '<&>"', "\u00e9\U0001f600", "a/b"])
def test_names_of_any_characters(tmp_path: Path, name: str) -> None:
    """But for the separator, which stands between a path's elements."""
    with backup_in("gathered", tmp_path) as (_, backup):
        backup.components.add_component(ONE_INSTANCE, ONE_ID, FILEGROUP, f"{name}\\{name}", name)
        with fails("VSS_E_OBJECT_ALREADY_EXISTS"):
            backup.components.add_component(ONE_INSTANCE, ONE_ID, FILEGROUP, f"{name}\\{name}", name)
        wait(backup.components.prepare_for_backup())
        with vsspy.BackupComponents() as other:
            other.initialize_for_restore(backup.components.save_as_xml())
            (part,) = other.writer_components[0].components
            assert (part.logical_path, part.name) == (f"{name}\\{name}", name)


# Types, stamps (semantics 10)


@pytest.mark.parametrize("kind", [each for each in BackupType if each], ids=lambda kind: str(kind.name))
def test_the_type_of_a_backup(tmp_path: Path, kind: BackupType) -> None:
    """Undefined until the state is set, which may be set again until PrepareForBackup."""
    seen: list[tuple[str, BackupType]] = []

    def look(event: simulator.WriterEvent) -> None:
        seen.append((event.name, event.backup_type))

    with (
        server(tmp_path, writers=[writer(on_identify=look, on_prepare_backup=look)]),
        vsspy.BackupComponents() as components,
    ):
        components.initialize_for_backup()
        wait(components.gather_writer_metadata())
        components.set_backup_state(False, False, BackupType.LOG)
        components.set_backup_state(False, False, kind)
        wait(components.prepare_for_backup())
    assert seen == [("Identify", BackupType.UNDEFINED), ("PrepareBackup", kind)]


def test_stamps_of_one_backup_and_the_next(tmp_path: Path) -> None:
    """The writer's stamp comes with the document; the requester gives it to the next backup of the component."""
    seen: list[tuple[str | None, str | None]] = []

    def prepare(event: simulator.WriterEvent) -> None:
        (part,) = event.components
        seen.append((part.previous_backup_stamp, part.backup_stamp))
        part.set_backup_stamp(f"after {part.previous_backup_stamp}")

    stamp = None
    with server(tmp_path, writers=[writer(on_prepare_backup=prepare)]):
        for _ in range(3):
            with vsspy.BackupComponents() as components:
                backup = Backup(components)
                backup.to_gathered()
                backup.add()
                if stamp is not None:
                    components.set_previous_backup_stamp(ONE_ID, FILEGROUP, None, "data", stamp)
                wait(components.prepare_for_backup())
                stamp = components.writer_components[0].components[0].backup_stamp
                components.abort_backup()
    assert seen == [(None, None), ("after None", None), ("after after None", None)]


def test_differenced_files_may_lie_anywhere(tmp_path: Path) -> None:
    """Outside all file sets of the component, and of the writer."""

    def name(event: simulator.WriterEvent) -> None:
        event.components[0].add_differenced_files_by_last_modify_time("E:\\elsewhere", "*.log", True, None)

    with backup_in("prepared", tmp_path, writers=[writer(on_prepare_backup=name)]) as (_, backup):
        (named,) = backup.components.writer_components[0].components[0].differenced_files
        assert (named.path, named.filespec, named.recursive, named.last_modify_time) == (
            "E:\\elsewhere",
            "*.log",
            True,
            None,
        )


@pytest.mark.parametrize("kind", list(RestoreType), ids=lambda kind: str(kind.name))
def test_the_type_of_a_restore(tmp_path: Path, kind: RestoreType) -> None:
    seen: list[RestoreType] = []
    one = writer(on_pre_restore=lambda event: seen.append(event.restore_type))
    with restore_in("selected", tmp_path, writers=[one]) as (_, restore):
        restore.components.set_restore_state(kind)
        if kind is RestoreType.IMPORT:
            restore.components.set_restore_state(kind)  # again is no error
        wait(restore.components.pre_restore())
    assert seen == [kind]
