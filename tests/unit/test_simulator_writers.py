"""The built-in writers: what their files prove of a copy, and how they are shaped."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from database_support import DATA, PAGE, SERVER, machine_with
from support import FILEGROUP, wait

import vsspy
from vsspy import simulator
from vsspy.enums import BackupType, FileRestoreStatus, WriterState
from vsspy.simulator_writers import (
    ApplicationWriter,
    InconsistentDataError,
    RegistryWriter,
    SqlServerWriter,
    SystemWriter,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "C"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("databases", ["Orders", ["Orders", "orders"], ["../Orders"], [""]])
def test_databases_have_names_of_files(root: Path, databases: str | list[str]) -> None:
    with pytest.raises(vsspy.InvalidArgumentError):
        SqlServerWriter(root, databases)
    assert not list(root.parent.glob("**/*.?df"))


def check_all(folder: Path) -> None:
    """Proves the files of all four writers consistent, below a folder that is the volume or a copy of it."""
    SqlServerWriter.check(folder / DATA / "Orders.mdf")
    for hive in ("SAM", "software"):
        RegistryWriter.check(folder / "Windows/System32/config" / hive)
    SystemWriter.check(folder)
    ApplicationWriter.check(folder / "Mail")
    ApplicationWriter.check(folder / "Mail", "archive")


CHECKS: dict[str, Callable[[Path], object]] = {
    "SqlServerWriter": lambda folder: SqlServerWriter.check(folder / DATA / "Orders.mdf"),
    "Registry Writer": lambda folder: RegistryWriter.check(folder / "Windows/System32/config/SAM"),
    "System Writer": SystemWriter.check,
    "Example Mail Writer": lambda folder: ApplicationWriter.check(folder / "Mail"),
}


def all_writers(root: Path, *, live: bool) -> list[Any]:
    return [
        SqlServerWriter(root, ["Orders"], live=live),
        RegistryWriter(root, live=live),
        SystemWriter(root, live=live),
        ApplicationWriter(root, live=live),
    ]


# --- consistent, or not


def test_a_shadow_copy_is_consistent_while_writers_are_at_work(root: Path) -> None:
    writers = all_writers(root, live=True)
    sequences = []
    with machine_with(root, *writers) as machine:
        for _ in range(3):
            with vsspy.BackupSession("C:\\") as backup:
                shadows = backup.snapshot()
                folder = machine.shadow_copies[0].folder
                check_all(folder)
                sequences.append(SqlServerWriter.check(shadows["C:\\"] / DATA / "Orders.mdf").sequence)
                for component in backup.components:
                    component.mark_succeeded()
            writers[0].work()  # at least one transaction more
        assert backup.result.good
        assert sequences == sorted(set(sequences))
    check_all(root)


def test_a_machine_leaves_no_thread(root: Path) -> None:
    before = threading.enumerate()
    with machine_with(root, *all_writers(root, live=True)):
        assert len(threading.enumerate()) == len(before) + 4
    assert threading.enumerate() == before


def test_a_writer_works_without_a_machine(root: Path) -> None:
    writer = SqlServerWriter(root, ["Orders"], live=False)
    with pytest.raises(RuntimeError, match="not started"):
        writer.work()
    with writer, writer:
        writer.work(3)
        assert writer.state("Orders").sequence == 3
    with writer:
        assert writer.state("Orders").sequence == 3, "it opens what is there"
        assert sum(writer.state("Orders").amounts) == 16_000


@pytest.mark.parametrize("name", CHECKS)
def test_a_live_copy_in_mid_transaction_is_not_consistent(root: Path, tmp_path: Path, name: str) -> None:
    (writer,) = (each for each in all_writers(root, live=True) if each.name == name)
    with machine_with(root, writer):
        with writer.in_transaction():
            shutil.copytree(root, tmp_path / "live")
        writer.work()
    with pytest.raises(InconsistentDataError):
        CHECKS[name](tmp_path / "live")
    CHECKS[name](root)


@pytest.mark.parametrize("how", ["fault", "veto"])
@pytest.mark.parametrize("name", CHECKS)
def test_a_writer_that_does_not_freeze_gives_an_inconsistent_copy(root: Path, name: str, how: str) -> None:
    (writer,) = (each for each in all_writers(root, live=True) if each.name == name)
    faults = [simulator.Fault(f"{name}::Freeze", "VSS_E_WRITERERROR_RETRYABLE")] if how == "fault" else []
    if how == "veto":

        def on_freeze(event: simulator.WriterEvent) -> None:
            raise simulator.WriterVeto

        writer.on_freeze = on_freeze
    with machine_with(root, writer, faults=faults) as machine:
        with writer.in_transaction(), vsspy.BackupSession("C:\\", on_writer_failure="report") as backup:
            backup.snapshot()
            folder = machine.shadow_copies[0].folder
            with pytest.raises(InconsistentDataError):
                CHECKS[name](folder)
            for component in backup.components:
                component.mark_failed("its writer failed")
        writer.work()
        with vsspy.BackupSession("C:\\", on_writer_failure="report") as backup:
            backup.snapshot()
            for component in backup.components:
                component.mark_failed("its writer failed")
    assert {writer.state for writer in backup.result.writers} == {WriterState.FAILED_AT_FREEZE}


def test_freeze_completes_the_transaction_and_nothing_is_written_until_thaw(root: Path) -> None:
    seen = []

    class Watched(SqlServerWriter):
        def on_freeze(self, event: simulator.WriterEvent) -> None:
            super().on_freeze(event)
            seen.append(self.check(self.data_file("Orders")).sequence)

        def on_thaw(self, event: simulator.WriterEvent) -> None:
            self.work(5)
            seen.append(self.check(self.data_file("Orders")).sequence)
            super().on_thaw(event)
            self.work(5)
            seen.append(self.check(self.data_file("Orders")).sequence)

    writer = Watched(root, ["Orders"], live=False)
    with machine_with(root, writer) as machine, writer.in_transaction(), vsspy.shadow_copy("C:\\"):
        assert SqlServerWriter.check(machine.shadow_copies[0].folder / DATA / "Orders.mdf").sequence == 1
    assert seen == [1, 1, 6]


# --- pages and logs


def test_recovering_completes_what_the_log_has(root: Path, tmp_path: Path) -> None:
    with SqlServerWriter(root, ["Orders"], live=False) as writer:
        writer.work(20)
        with writer.in_transaction():
            shutil.copytree(root / DATA, tmp_path / "crash")
        state = writer.state("Orders")
    copy = tmp_path / "crash" / "Orders.mdf"
    assert SqlServerWriter.recover(copy) == state == SqlServerWriter.check(copy)
    assert state.sequence == 21


@pytest.mark.parametrize("damage", ["page", "head", "record", "cut", "swapped"])
def test_damage_is_found(root: Path, damage: str) -> None:
    with SqlServerWriter(root, ["Orders", "Stock"], live=False) as writer:
        writer.work(20)
        data, log = writer.data_file("Orders"), writer.log_file("Orders")
        other = writer.log_file("Stock").read_bytes()
    SqlServerWriter.check(data)
    if damage == "swapped":
        log.write_bytes(other)
    elif damage == "cut":
        log.write_bytes(log.read_bytes()[:-64])
    else:
        file, place = {"page": (data, 2 * PAGE + 20), "head": (data, 30), "record": (log, 64 * 5 + 10)}[damage]
        content = bytearray(file.read_bytes())
        content[place] ^= 1
        file.write_bytes(content)
    with pytest.raises(InconsistentDataError):
        SqlServerWriter.check(data)
    if damage in ("page", "cut"):  # the log has had each page; the data file is whole
        assert SqlServerWriter.recover(data).sequence == 20
        SqlServerWriter.check(data)
    else:
        with pytest.raises(InconsistentDataError):
            SqlServerWriter.recover(data)


def test_a_hive_is_recovered_by_its_log(root: Path, tmp_path: Path) -> None:
    with RegistryWriter(root, live=False) as writer:
        writer.work(4)
        with writer.in_transaction():
            copy = tmp_path / "SAM"
            shutil.copy(writer.hive("SAM"), copy)
            shutil.copy(writer.hive("SAM.LOG"), tmp_path / "SAM.LOG")
    with pytest.raises(InconsistentDataError):
        RegistryWriter.check(copy)
    assert RegistryWriter.recover(copy, tmp_path / "SAM.LOG") == RegistryWriter.check(writer.hive("SAM"))


# --- shapes


def test_the_application_has_component_sets(root: Path) -> None:
    depends = vsspy.Dependency(SqlServerWriter(root).writer_id, SERVER, "Orders")
    assert ApplicationWriter(root, depends_on=depends).metadata.components[1].dependencies == (depends,)
    writer = ApplicationWriter(root, live=False)
    with machine_with(root, writer), vsspy.BackupSession("C:\\") as backup:
        backup.select("Example Mail Writer")
        shadows = backup.snapshot()
        mine = {each.metadata.name: each for each in backup.components if each.writer.name == writer.name}
        assert set(mine) == {"Configuration", "Store"}, "the rest comes with Store, or below it"
        files = [file.path for each in mine.values() for file in each.files()]
        assert not any(path.endswith(".tmp") for path in files)
        assert {"C:\\Mail\\Config\\mail.ini", "C:\\Mail\\Index\\words.idx", "C:\\Mail\\archive.lst"} <= set(files)
        assert ApplicationWriter.check(shadows["C:\\"] / "Mail")
        for each in backup.components:
            each.mark_succeeded()


def test_the_application_stands_still_while_it_is_restored(root: Path) -> None:
    writer = ApplicationWriter(root, live=False)
    mail = (writer.writer_id, FILEGROUP, None, "Store")
    with machine_with(root, writer) as machine, vsspy.BackupComponents(machine) as components:
        components.initialize_for_backup()
        components.set_backup_state(True, False, BackupType.FULL)
        wait(components.gather_writer_metadata())
        components.add_component(writer.instance_id, *mail)
        wait(components.prepare_for_backup())
        document = components.save_as_xml()
        components.abort_backup()
        with vsspy.BackupComponents(machine) as again:
            again.initialize_for_restore(document)
            wait(again.gather_writer_metadata())
            again.set_selected_for_restore(*mail, True)
            wait(again.pre_restore())
            before = writer.check(root / "Mail")
            writer.work(4)
            assert writer.check(root / "Mail") == before
            (root / "Mail" / "Index" / "words.idx").write_bytes(b"of another day")
            again.set_file_restore_status(*mail, FileRestoreStatus.ALL)
            wait(again.post_restore())
        assert writer.check(root / "Mail") != before, "what does not fit was made anew"
        writer.work(4)
        writer.check(root / "Mail")


@pytest.mark.captured
def test_they_are_shaped_like_real_ones(root: Path, captured_documents: Path) -> None:
    real = {each.name: each.metadata for each in simulator.Writer.folder(captured_documents / "server2012r2")}
    for writer in all_writers(root, live=False)[:3]:
        theirs, ours = real[writer.name], writer.metadata
        for attribute in ("writer_id", "instance_name", "usage", "source", "version", "restore_method"):
            assert getattr(ours, attribute) == getattr(theirs, attribute), (writer.name, attribute)
    registry, theirs = RegistryWriter(root).metadata, real["Registry Writer"]
    assert registry.components == theirs.components
    assert registry.exclude_files == theirs.exclude_files
    database = SqlServerWriter(root, ["model"]).metadata.components[0]
    real_one = next(each for each in real["SqlServerWriter"].components if each.name == "model")
    for attribute in ("type", "selectable", "selectable_for_restore", "notify_on_backup_complete", "flags"):
        assert getattr(database, attribute) == getattr(real_one, attribute)
    extra = SqlServerWriter(root).metadata.backup_schema ^ real["SqlServerWriter"].backup_schema
    assert extra == vsspy.BackupSchema.LOG, "log backups are an addition"
    assert [each.name for each in SystemWriter(root).metadata.components] == [
        each.name for each in real["System Writer"].components
    ]


def test_a_writer_that_cannot_start_is_not_added(root: Path) -> None:
    writer = RegistryWriter(root)
    (root / "Windows").write_text("in the way")
    with machine_with(root) as machine:
        with pytest.raises(OSError, match="Windows"):
            machine.add_writer(writer)
        assert "Registry Writer at work" not in {thread.name for thread in threading.enumerate()}
        (root / "Windows").unlink()
        machine.add_writer(writer)


def test_a_writer_that_is_removed_stops(root: Path) -> None:
    writer = RegistryWriter(root, instance_id=uuid4())
    before = threading.active_count()
    with machine_with(root) as machine:
        machine.add_writer(writer)
        assert threading.active_count() == before + 1
        machine.remove_writer(writer.instance_id)
        assert threading.active_count() == before
    RegistryWriter.check(writer.hive("SAM"))
