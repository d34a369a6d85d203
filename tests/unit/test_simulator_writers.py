"""The built-in writers: what their files prove of a backup, and what they make of backups and restores."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from support import FILEGROUP, events, statuses, wait

import vsspy
from vsspy import simulator
from vsspy.enums import BackupType, FileRestoreStatus, WriterState
from vsspy.simulator_writers import (
    ApplicationWriter,
    DatabaseState,
    InconsistentDataError,
    RegistryWriter,
    SqlServerWriter,
    SystemWriter,
)

SERVER = "SIMULATOR"
DATA = "MSSQL14.MSSQLSERVER/MSSQL/DATA"
PAGE = 512


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "C"
    folder.mkdir()
    return folder


@contextlib.contextmanager
def machine_with(
    root: Path, *writers: simulator.Writer, faults: Sequence[simulator.Fault] = (), **options: Any
) -> Iterator[simulator.Machine]:
    with simulator.running(
        volumes={"C:\\": root}, writers=writers, faults=faults, state=root.parent / "state", **options
    ) as machine:
        yield machine
        assert machine.live_objects == 0, machine.live()


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


# --- backups of databases


@dataclass
class Saved:
    """What a backup brought."""

    document: str
    folder: Path
    stamps: dict[str, str]
    states: dict[str, DatabaseState]
    status: vsspy.WriterStatus


def key(writer: simulator.Writer, name: str) -> tuple[UUID, vsspy.ComponentType, str, str]:
    return (writer.writer_id, FILEGROUP, SERVER, name)


def save(
    machine: simulator.Machine,
    writer: SqlServerWriter,
    kind: BackupType,
    folder: Path,
    *,
    stamps: Mapping[str, str] | None = None,
    failed: Sequence[str] = (),
    partial: bool = False,
    names: Sequence[str] = ("Orders", "Stock"),
) -> Saved:
    """A requester's backup of databases: what it has to copy goes to a new folder."""
    folder.mkdir()
    with vsspy.BackupComponents(machine) as components:
        components.initialize_for_backup()
        components.set_backup_state(True, False, kind, partial)
        wait(components.gather_writer_metadata())
        for name in names:
            components.add_component(writer.instance_id, *key(writer, name))
            if stamps is not None and name in stamps:
                components.set_previous_backup_stamp(*key(writer, name), stamps[name])
        components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        wait(components.prepare_for_backup())
        wait(components.do_snapshot_set())
        status = statuses(components)[writer.name]
        copy = machine.shadow_copies[-1].folder / DATA
        (saved,) = components.writer_components
        for component in saved.components:
            data, log = copy / f"{component.name}.mdf", copy / f"{component.name}_log.ldf"
            shutil.copy(log, folder)
            for part in component.partial_files:
                assert part.filename == data.name
                (folder / f"{component.name}.ranges").write_text(part.ranges)
                (folder / f"{component.name}.part").write_bytes(data.read_bytes())
            if kind is not BackupType.LOG and not component.partial_files:
                shutil.copy(data, folder)
            components.set_backup_succeeded(
                writer.instance_id, *key(writer, component.name), component.name not in failed
            )
        found = {each.name: each.backup_stamp or "" for each in saved.components}
        states = {name: SqlServerWriter.check(copy / f"{name}.mdf") for name in names}
        wait(components.backup_complete())
        return Saved(components.save_as_xml(), folder, found, states, status)


def log_length(writer: SqlServerWriter, name: str) -> int:
    return (writer.log_file(name).stat().st_size - 64) // 64


def test_a_full_backup_and_its_logs_make_the_last_state(root: Path, tmp_path: Path) -> None:
    writer = SqlServerWriter(root, ["Orders", "Stock"], live=False)
    with machine_with(root, writer) as machine:
        writer.work(10)
        chain = [save(machine, writer, BackupType.FULL, tmp_path / "full")]
        for number in range(3):
            writer.work(7)
            assert log_length(writer, "Orders") == 7, "what was saved was cut off"
            saved = save(machine, writer, BackupType.LOG, tmp_path / f"log{number}", stamps=chain[-1].stamps)
            assert not saved.status.failed
            chain.append(saved)
        writer.work(4)  # never saved
    restored = tmp_path / "restored"
    shutil.copytree(chain[0].folder, restored)
    for name in ("Orders", "Stock"):
        logs = [each.folder / f"{name}_log.ldf" for each in chain[1:]]
        with pytest.raises(InconsistentDataError, match="begins after"):
            SqlServerWriter.recover(restored / f"{name}.mdf", logs[1:])
        for log, saved in zip(logs, chain[1:], strict=True):
            assert SqlServerWriter.recover(restored / f"{name}.mdf", [log]) == saved.states[name]
        assert SqlServerWriter.check(restored / f"{name}.mdf").sequence == 10 + 3 * 7
        shutil.copy(chain[0].folder / f"{name}.mdf", restored)
        assert SqlServerWriter.recover(restored / f"{name}.mdf", logs) == chain[-1].states[name]
        shutil.copy(chain[0].folder / f"{name}.mdf", restored)
        assert SqlServerWriter.recover(restored / f"{name}.mdf", logs, until=20).sequence == 20


def test_a_component_that_failed_keeps_its_log(root: Path, tmp_path: Path) -> None:
    writer = SqlServerWriter(root, ["Orders", "Stock"], live=False)
    with machine_with(root, writer) as machine:
        writer.work(10)
        full = save(machine, writer, BackupType.FULL, tmp_path / "full")
        writer.work(5)
        lost = save(machine, writer, BackupType.LOG, tmp_path / "lost", stamps=full.stamps, failed=["Orders"])
        assert (log_length(writer, "Orders"), log_length(writer, "Stock")) == (5, 0)
        writer.work(5)
        good = save(
            machine,
            writer,
            BackupType.LOG,
            tmp_path / "good",
            stamps={"Orders": full.stamps["Orders"], "Stock": lost.stamps["Stock"]},
        )
        assert not good.status.failed
    shutil.copy(full.folder / "Orders.mdf", tmp_path)
    log = good.folder / "Orders_log.ldf"
    assert SqlServerWriter.recover(tmp_path / "Orders.mdf", [log]) == good.states["Orders"]


@pytest.mark.parametrize("kind", [BackupType.COPY, BackupType.DIFFERENTIAL, BackupType.FULL])
def test_what_cuts_the_log(root: Path, tmp_path: Path, kind: BackupType) -> None:
    """Copies leave the history alone, and a differential backup builds on what is there (semantics 10)."""
    writer = SqlServerWriter(root, ["Orders", "Stock"], live=False)
    with machine_with(root, writer) as machine:
        full = save(machine, writer, BackupType.FULL, tmp_path / "full")
        writer.work(5)
        save(machine, writer, kind, tmp_path / "second", stamps=full.stamps)
        assert log_length(writer, "Orders") == (0 if kind is BackupType.FULL else 5)
        last = save(machine, writer, BackupType.DIFFERENTIAL, tmp_path / "third", stamps=full.stamps)
        assert last.status.failed == (kind is BackupType.FULL), "only the last full backup is built on"


@pytest.mark.parametrize("partial", [True, False])
def test_a_differential_backup_has_what_changed(root: Path, tmp_path: Path, partial: bool) -> None:
    writer = SqlServerWriter(root, ["Orders", "Stock"], live=False)
    with machine_with(root, writer) as machine:
        writer.work(40)
        full = save(machine, writer, BackupType.FULL, tmp_path / "full")
        writer.work(2)
        changed = save(machine, writer, BackupType.DIFFERENTIAL, tmp_path / "diff", stamps=full.stamps, partial=partial)
    data = full.folder / "Orders.mdf"
    if partial:
        assert not (changed.folder / "Orders.mdf").exists()
        content, part = bytearray(data.read_bytes()), (changed.folder / "Orders.part").read_bytes()
        ranges = (changed.folder / "Orders.ranges").read_text()
        spans = [tuple(map(int, each.split(":"))) for each in ranges.split(", ")]
        assert 0 < sum(length for _, length in spans) <= 5 * PAGE, "a head and no more than four of sixteen accounts"
        for offset, length in spans:
            content[offset : offset + length] = part[offset : offset + length]
        data.write_bytes(content)
    else:
        shutil.copy(changed.folder / "Orders.mdf", data)
    shutil.copy(changed.folder / "Orders_log.ldf", full.folder)
    assert SqlServerWriter.check(data) == changed.states["Orders"]


@pytest.mark.parametrize("kind", [BackupType.LOG, BackupType.DIFFERENTIAL])
def test_a_wrong_stamp_fails_its_component_alone(root: Path, tmp_path: Path, kind: BackupType) -> None:
    writer = SqlServerWriter(root, ["Orders", "Stock"], live=False)
    with machine_with(root, writer) as machine:
        full = save(machine, writer, BackupType.FULL, tmp_path / "full")
        writer.work(3)
        stamps = {"Orders": full.stamps["Stock"], "Stock": full.stamps["Stock"]}
        saved = save(machine, writer, kind, tmp_path / "second", stamps=stamps)
        assert saved.status.failure_name == "VSS_E_WRITERERROR_PARTIAL_FAILURE"
        assert saved.status.state is WriterState.FAILED_AT_PREPARE_BACKUP
        assert "Orders: no stamp" in (saved.status.application_message or "")
        assert (log_length(writer, "Orders"), log_length(writer, "Stock")) == (3, 0 if kind is BackupType.LOG else 3)
        assert saved.stamps["Orders"] == "", "it is not part of the backup"
        assert events(machine, writer.name)[-3:] == ["PostSnapshot", "BackupComplete", "BackupShutdown"]
        none = save(machine, writer, kind, tmp_path / "third")
        assert none.status.failure_name == "VSS_E_WRITERERROR_NONRETRYABLE"


def test_databases_come_and_go(root: Path) -> None:
    writer = SqlServerWriter(root, ["Orders"], live=False)

    def listed(machine: simulator.Machine) -> list[str]:
        with vsspy.BackupComponents(machine) as components:
            components.initialize_for_backup()
            wait(components.gather_writer_metadata())
            return [each.name for each in components.writer_metadata[0].components]

    with machine_with(root, writer) as machine:
        assert listed(machine) == ["Orders"]
        writer.add_database("Stock")
        assert listed(machine) == ["Orders", "Stock"]
        writer.work(2)
        writer.drop_database("Orders")
        assert listed(machine) == ["Stock"]
        assert writer.state("Stock").sequence == 2
        assert [each.name for each in writer.metadata.components] == ["Stock"]


# --- restores of databases


def restore(
    machine: simulator.Machine,
    writer: SqlServerWriter,
    saved: Saved,
    root: Path,
    *,
    more: bool = False,
    prepare: Callable[[vsspy.BackupComponents], None] = lambda components: None,
) -> dict[str, vsspy.WriterStatus]:
    """A requester's restore of one step: it copies what it saved where it was."""
    with vsspy.BackupComponents(machine) as components:
        components.initialize_for_restore(saved.document)
        wait(components.gather_writer_metadata())
        components.set_selected_for_restore(*key(writer, "Orders"), True)
        components.set_additional_restores(*key(writer, "Orders"), more)
        prepare(components)
        wait(components.pre_restore())
        found = statuses(components)
        if not found[writer.name].failed:
            for file in saved.folder.glob("Orders*"):
                shutil.copy(file, root)
            components.set_file_restore_status(*key(writer, "Orders"), FileRestoreStatus.ALL)
            wait(components.post_restore())
            found = statuses(components)
        return found


def test_databases_are_restored_step_by_step(root: Path, tmp_path: Path) -> None:
    writer = SqlServerWriter(root, ["Orders", "Stock"], live=True)
    with machine_with(root, writer) as machine:
        full = save(machine, writer, BackupType.FULL, tmp_path / "full")
        writer.work(3)
        log = save(machine, writer, BackupType.LOG, tmp_path / "log", stamps=full.stamps)
        writer.work(3)
        assert not restore(machine, writer, full, root / DATA, more=True)[writer.name].failed
        assert not writer.is_online("Orders"), "more restores are to follow"
        assert writer.is_online("Stock")
        with writer.in_transaction():
            assert writer.check(writer.data_file("Orders")) == full.states["Orders"], "nobody works on it"
        assert not restore(machine, writer, log, root / DATA)[writer.name].failed
        assert writer.is_online("Orders")
        assert writer.state("Orders").sequence >= log.states["Orders"].sequence
        writer.work()
        assert writer.state("Orders").sequence > log.states["Orders"].sequence


def test_a_restore_that_misses_a_log_fails(root: Path, tmp_path: Path) -> None:
    writer = SqlServerWriter(root, ["Orders", "Stock"], live=False)
    with machine_with(root, writer) as machine:
        full = save(machine, writer, BackupType.FULL, tmp_path / "full")
        stamps = full.stamps
        for number in range(2):
            writer.work(3)
            log = save(machine, writer, BackupType.LOG, tmp_path / f"log{number}", stamps=stamps)
            stamps = log.stamps
        restore(machine, writer, full, root / DATA, more=True)
        status = restore(machine, writer, log, root / DATA)[writer.name]
        assert status.state is WriterState.FAILED_AT_POST_RESTORE
        assert "begins after" in (status.application_message or "")
        assert not writer.is_online("Orders")


def test_options_that_nobody_knows_are_refused(root: Path, tmp_path: Path) -> None:
    writer = SqlServerWriter(root, ["Orders", "Stock"], live=False)
    with machine_with(root, writer) as machine:
        full = save(machine, writer, BackupType.FULL, tmp_path / "full")

        def choose(components: vsspy.BackupComponents) -> None:
            components.set_restore_options(*key(writer, "Orders"), '"Page"="7"')

        status = restore(machine, writer, full, root / DATA, prepare=choose)[writer.name]
        assert status.state is WriterState.FAILED_AT_PRE_RESTORE
        assert writer.is_online("Orders")


def test_a_new_target_leaves_the_database_alone(root: Path, tmp_path: Path) -> None:
    writer = SqlServerWriter(root, ["Orders", "Stock"], live=False)
    with machine_with(root, writer) as machine:
        writer.work(3)
        full = save(machine, writer, BackupType.FULL, tmp_path / "full")
        writer.work(3)
        path = "C:\\" + DATA.replace("/", "\\")

        def choose(components: vsspy.BackupComponents) -> None:
            for name in ("Orders.mdf", "Orders_log.ldf"):
                components.add_new_target(*key(writer, "Orders"), path, name, False, "C:\\Aside")

        (root / "Aside").mkdir()
        assert not restore(machine, writer, full, root / "Aside", prepare=choose)[writer.name].failed
        assert writer.check(root / "Aside" / "Orders.mdf") == full.states["Orders"]
        assert writer.is_online("Orders")
        assert writer.state("Orders").sequence == 6


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
