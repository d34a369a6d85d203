"""What a backup would do, told before anything is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from session_support import called, demo_volume, left_nothing, running

from vsspy import _planning, simulator
from vsspy._selected import files_of
from vsspy.enums import BackupSchema, BackupType
from vsspy.errors import BadStateError, ClosedError, OperationCancelledError, SelectionError
from vsspy.machine_exclusions import MachineExclusions
from vsspy.metadata import Dependency, FileSet
from vsspy.plan import Plan
from vsspy.session import BackupSession
from vsspy.simulator import Component, Machine, Writer


def files(path: str) -> list[FileSet]:
    return [FileSet(path, "*", recursive=True)]


def shop_writers() -> list[Writer]:
    accounts = Writer(
        "Accounts",
        components=[
            Component("Ledger", selectable=True, files=files("C:\\Ledger")),
            Component("Ledger\\Old", files=files("C:\\Old")),
            Component("Notes", selectable=True, files=files("D:\\Notes")),
        ],
        backup_schema=BackupSchema.DIFFERENTIAL,
    )
    ledger = Dependency(accounts.metadata.writer_id, None, "Ledger")
    shop = Writer(
        "Shop",
        components=[Component("Data", selectable=True, files=files("C:\\Data"), dependencies=[ledger])],
        exclude_files=[FileSet("C:\\Data", "*.tmp")],
        exclude_files_from_snapshot=[FileSet("C:\\Data", "*.o")],
    )
    return [accounts, shop]


@pytest.fixture
def volumes(tmp_path: Path) -> dict[str, Path]:
    root = demo_volume(tmp_path)
    for folder, names in {"Data": ["b.tmp", "c.o"], "Ledger": ["one", "two"], "Old": ["three"]}.items():
        (root / folder).mkdir(exist_ok=True)
        for name in names:
            (root / folder / name).write_text(name)
    (tmp_path / "d" / "Notes").mkdir(parents=True)
    (tmp_path / "d" / "Notes" / "n").write_text("12345")
    return {"C:\\": root, "D:\\": tmp_path / "d"}


@contextmanager
def machine(volumes: dict[str, Path], **options: Any) -> Iterator[Machine]:
    with simulator.running(volumes=volumes, writers=options.pop("writers", shop_writers()), **options) as running:
        yield running
    left_nothing(running)


def planned(*names: str, select: str | None = None, count: bool = True, **options: Any) -> Plan:
    with BackupSession(*names, **options) as session:
        if select is not None:
            session.select(select)
        return session.plan(count)


def test_a_plan_says_what_would_be_backed_up(volumes: dict[str, Path]) -> None:
    with machine(volumes) as there:
        plan = planned("C:\\", "D:\\", select="Shop")
        assert not called(there, "AddComponent")
        assert not called(there, "StartSnapshotSet")
    assert plan.backend == "simulator"
    assert plan.backup_type is BackupType.COPY
    assert plan.possible
    assert [(each.name, each.policy, each.protected, each.reason) for each in plan.volumes] == [
        ("C:\\", "required", True, None),
        ("D:\\", "required", True, None),
    ]
    assert [(each.writer, each.full_name, each.implicit, each.because) for each in plan.components] == [
        ("Accounts", "Ledger", ("Ledger\\Old",), "Shop: Data"),
        ("Shop", "Data", (), None),
    ]
    assert [(each.files, each.bytes) for each in plan.components] == [(3, 11), (2, 4)]
    assert (plan.files, plan.bytes) == (5, 15)
    assert {item.name: item.reason for item in plan.left_out} == {
        "Notes": "not selected",
        "C:\\Data\\b.tmp": "excluded by its writer",
    }
    assert [(item.name, item.writer) for item in plan.left_out_by_vss] == [("C:\\Data\\*.o", "Shop")]
    assert plan.read_live == ()
    assert plan.notes == ()


def test_planning_leaves_the_session_as_it_was(volumes: dict[str, Path]) -> None:
    with machine(volumes), BackupSession("C:\\", "D:\\") as session:
        session.select("Accounts", "Notes")
        assert session.plan() == session.plan()
        session.select("Shop")
        plan = session.plan(count=False)
        session.snapshot()
        names = [(each.writer.name, each.full_name) for each in session.components]
        assert names == [(each.writer, each.full_name) for each in plan.components]
        assert [each.because for each in session.components] == ["Shop: Data", None, None]
        for component in session.components:
            component.mark_succeeded()
        assert list(plan.left_out) == session.result.left_out
        with pytest.raises(BadStateError):
            session.plan()
    with pytest.raises(ClosedError):
        session.plan()


def test_counting_agrees_with_what_the_session_reads(volumes: dict[str, Path]) -> None:
    with machine(volumes), BackupSession("C:\\", "D:\\") as session:
        plan = session.plan()
        session.snapshot()
        for component, expected in zip(session.components, plan.components, strict=True):
            found = list(component.files())
            assert (len(found), sum(file.size for file in found)) == (expected.files, expected.bytes)
            component.mark_succeeded()
        assert list(plan.left_out) == session.result.left_out
        assert list(plan.left_out_by_vss) == session.result.left_out_by_vss


def test_a_file_of_two_components_counts_once_in_the_sum(volumes: dict[str, Path]) -> None:
    writers = [
        Writer(name, components=[Component("All", selectable=True, files=files("C:\\Ledger"))]) for name in ("A", "B")
    ]
    with machine(volumes, writers=writers):
        plan = planned("C:\\")
    assert [each.files for each in plan.components] == [2, 2]
    assert (plan.files, plan.bytes) == (2, 6)


def test_without_counting_no_folder_is_read(volumes: dict[str, Path]) -> None:
    with machine(volumes):
        plan = planned("C:\\", "D:\\", count=False)
    assert plan.files is plan.bytes is None
    assert all(each.files is None for each in plan.components)
    assert plan.left_out == ()
    assert "file" not in str(plan)


def test_volumes_that_cannot_be_protected(volumes: dict[str, Path]) -> None:
    with machine(volumes) as there:
        there.set_volume_qualities("D:\\", nested=True)
        plan = planned("C:\\", "D:\\")
        assert not plan.possible
        assert plan.volumes[1].reason is not None
        assert "would fail" in str(plan)
        plan = planned("C:\\", "D:\\", volume_policies={"D:\\": "preferred"})
        assert plan.possible
        assert [(each.policy, each.protected) for each in plan.volumes] == [("required", True), ("preferred", False)]
        assert [(item.kind, item.name) for item in plan.read_live] == [("volume", "D:\\")]
        assert "Notes" in {item.name for item in plan.left_out}


def test_a_volume_that_is_never_in_the_set(volumes: dict[str, Path]) -> None:
    with machine(volumes):
        plan = planned("C:\\", "D:\\", volume_policies={"D:\\": "never"})
    assert [(item.kind, item.name, item.reason) for item in plan.read_live] == [
        ("volume", "D:\\", "its policy is never")
    ]
    assert "D:\\  never: read live: its policy is never" in str(plan)


def test_writers_and_the_type_that_they_get(volumes: dict[str, Path]) -> None:
    with machine(volumes):
        plan = planned("C:\\", "D:\\", backup_type=BackupType.DIFFERENTIAL)
        assert {each.name: (each.takes_part, each.backup_type) for each in plan.writers} == {
            "Accounts": (True, BackupType.DIFFERENTIAL),
            "Shop": (True, BackupType.FULL),
        }
        assert any(note.startswith("Shop has no differential backups") for note in plan.notes)
        assert "  Shop  in full\n" in str(plan)
        plan = planned("C:\\", "D:\\", select="Accounts")
        assert {each.name: each.takes_part for each in plan.writers} == {"Accounts": True, "Shop": False}
        plan = planned("C:\\", "D:\\", backup_type=BackupType.DIFFERENTIAL, unsupported_type="leave out")
        assert {item.name for item in plan.left_out if item.kind == "writer"} == {"Shop"}
        plan = planned("C:\\", select_components=False)
        assert [each.takes_part for each in plan.writers] == [True, True]
        assert plan.components == ()
        assert planned("C:\\", writers=False).writers == ()


def test_what_depends_on_a_writer_that_is_left_out_is_left_out(volumes: dict[str, Path]) -> None:
    accounts = Writer("Accounts", components=[Component("Ledger", selectable=True)])
    writers = [
        accounts,
        Writer(
            "Shop",
            components=[
                Component(
                    "Data", selectable=True, dependencies=[Dependency(accounts.metadata.writer_id, None, "Ledger")]
                )
            ],
            backup_schema=BackupSchema.DIFFERENTIAL,
        ),
    ]
    with machine(volumes, writers=writers):
        plan = planned("C:\\", backup_type=BackupType.DIFFERENTIAL, unsupported_type="leave out")
    assert plan.components == ()
    assert {item.name: item.reason for item in plan.left_out} == {
        "Accounts": "it has no differential backups",
        "Data": "it depends on Ledger of Accounts, which is left out: it has no differential backups",
    }


def test_lists_of_the_machine_are_part_of_the_plan(volumes: dict[str, Path]) -> None:
    exclusions = MachineExclusions({"Logs": ["C:\\Data\\a*"]}, {"App": ["C:\\Ledger\\* /s"]})
    with machine(volumes):
        plan = planned("C:\\", "D:\\", machine_exclusions=exclusions)
    reasons = {item.name: item.reason for item in plan.left_out}
    assert reasons["C:\\Data\\a.txt"] == "excluded by this computer's FilesNotToBackup: Logs"
    assert [item.name for item in plan.left_out_by_vss] == ["C:\\Ledger\\*", "C:\\Data\\*.o"]


def test_what_cannot_be_selected_is_an_error_that_ends_nothing(volumes: dict[str, Path]) -> None:
    with machine(volumes), BackupSession("C:\\") as session:
        session.select("Accounts", "Notes")
        with pytest.raises(SelectionError, match="which is not in the set"):
            session.plan()
        session.select("Shop")
        with pytest.raises(SelectionError):
            session.plan()
        session.close()


def test_planning_ends_when_the_session_is_cancelled(volumes: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def counting(components: Any, onerror: Any) -> Iterator[Any]:
        for file, owners in files_of(components, onerror):
            seen.append(file.path)
            session.cancel()
            yield file, owners

    monkeypatch.setattr(_planning, "files_of", counting)
    with machine(volumes):
        session = BackupSession("C:\\", "D:\\")
        with pytest.raises(OperationCancelledError), session:
            session.plan()
    assert len(seen) == 1


def test_a_plan_as_text_and_as_json(volumes: dict[str, Path]) -> None:
    with machine(volumes):
        plan = planned("C:\\", "D:\\", select="Shop")
    assert str(plan).splitlines() == [
        "A copy backup of C:\\, D:\\ (backend simulator)",
        "",
        "Volumes:",
        "  C:\\  required: in the shadow copy set",
        "  D:\\  required: in the shadow copy set",
        "",
        "Components:",
        "  Accounts: Ledger  3 files, 11 bytes",
        "    with Ledger\\Old",
        "    since Shop: Data depends on it",
        "  Shop: Data  2 files, 4 bytes",
        "  in all 5 files, 15 bytes",
        "",
        "Writers that take part:",
        "  Accounts",
        "  Shop",
        "",
        "Left out:",
        "  Accounts: Notes: not selected",
        "  C:\\Data\\b.tmp: excluded by its writer",
        "",
        "Left out of the shadow copies by VSS:",
        "  C:\\Data\\*.o: its writer deletes it from the shadow copy",
    ]
    values = plan.to_dict()
    assert json.loads(json.dumps(values)) == values
    assert values["possible"] is True
    assert values["backup_type"] == "COPY"
    assert values["components"][0]["because"] == "Shop: Data"


def test_a_folder_that_cannot_be_read_is_a_note(volumes: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(components: Any, onerror: Any) -> Iterator[Any]:
        yield from files_of(components, onerror)
        onerror(PermissionError(13, "Permission denied", "C:\\Old"))
        raise OSError(5, "Input/output error", "C:\\Data")

    monkeypatch.setattr(_planning, "files_of", failing)
    with machine(volumes):
        plan = planned("C:\\", "D:\\")
    assert plan.files == 6
    assert [note.partition(":")[0] for note in plan.notes] == ["not counted", "not all files could be counted"]


def test_a_forgotten_plan_holds_nothing(tmp_path: Path) -> None:
    with running(demo_volume(tmp_path)) as there:
        plan = planned("C:\\")
    left_nothing(there)
    assert plan.files == 1
