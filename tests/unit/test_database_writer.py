"""Backups and restores of databases of the built-in SqlServerWriter, proven by their data."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from database_support import DATA, PAGE, key, log_length, machine_with, restore, save
from support import events, wait

import vsspy
from vsspy import simulator
from vsspy.enums import BackupType, WriterState
from vsspy.simulator_writers import (
    InconsistentDataError,
    SqlServerWriter,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "C"
    folder.mkdir()
    return folder


# --- backups of databases


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
