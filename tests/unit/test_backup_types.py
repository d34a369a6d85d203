"""Types of backup in sessions: schema bits, stamps, masks; chains of a database's backups, proven by its data."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import vsspy
from vsspy import simulator
from vsspy._backup_types import effective_type
from vsspy.enums import BackupSchema, BackupType, FileSpecBackupType
from vsspy.errors import InvalidArgumentError, InvalidXmlDocumentError, SelectionError, WritersFailedError
from vsspy.metadata import FileSet
from vsspy.simulator import Component, Writer
from vsspy.simulator_writers import SqlServerWriter

FULL, INCREMENTAL, DIFFERENTIAL = BackupType.FULL, BackupType.INCREMENTAL, BackupType.DIFFERENTIAL
LOG, COPY, OTHER = BackupType.LOG, BackupType.COPY, BackupType.OTHER
ROOM = 512  # a page of the databases
STAMPED = BackupSchema.INCREMENTAL | BackupSchema.DIFFERENTIAL | BackupSchema.TIMESTAMPED


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that plays ``C:\\``."""
    folder = tmp_path / "c"
    (folder / "Data").mkdir(parents=True)
    for name in "abcde":
        (folder / "Data" / f"{name}.txt").write_text(name)
    return folder


def running(root: Path, *writers: Writer) -> Any:
    return simulator.running(volumes={"C:\\": root}, writers=writers, state=root.parent / "state")


@dataclass
class Saved:
    """What a session brought: its files by their live paths in a folder, as a program saves them."""

    result: vsspy.BackupResult
    folder: Path
    names: list[str]
    ranges: dict[str, tuple[vsspy.Range, ...] | None]

    @property
    def document(self) -> str:
        assert self.result.document is not None
        return self.result.document


def save(folder: Path, kind: BackupType, **options: Any) -> Saved:
    """A program's backup: files whole, or the parts that are asked for into a sparse file."""
    folder.mkdir()
    names: list[str] = []
    ranges: dict[str, tuple[vsspy.Range, ...] | None] = {}
    with vsspy.BackupSession("C:\\", backup_type=kind, **options) as backup:
        backup.snapshot()
        for component in backup.components:
            for file in component.files():
                name = file.path.rpartition("\\")[2]
                names.append(name)
                ranges[name] = file.ranges
                with open(folder / name, "wb") as target:
                    for offset, data in file.chunks():
                        target.seek(offset)
                        target.write(data)
                    target.truncate(file.size)
            component.mark_succeeded()
    return Saved(backup.result, folder, names, ranges)


def lay_over(base: Path, saved: Saved) -> None:
    """A restore by hand of the next link of a chain: whole files replace, parts are written into what is there."""
    for name in saved.names:
        parts = saved.ranges[name]
        if parts is None:
            shutil.copy(saved.folder / name, base / name)
            continue
        content = bytearray((base / name).read_bytes())
        part = (saved.folder / name).read_bytes()
        for each in parts:
            content[each.offset : each.end] = part[each.offset : each.end]
        (base / name).write_bytes(content)


# -- stamps, and chains ------------------------------------------------------------------------------------------------


class Recording(SqlServerWriter):
    """Keeps the stamps that it is told of."""

    heard: list[dict[str, str | None]]

    def on_prepare_backup(self, event: simulator.WriterEvent) -> None:
        self.heard.append({each.name: each.previous_backup_stamp for each in event.components})
        super().on_prepare_backup(event)


def database(root: Path, names: Sequence[str] = ("Orders", "Stock")) -> Recording:
    writer = Recording(root, names, live=False)
    writer.heard = []
    return writer


def stamps(saved: Saved) -> Mapping[str, str | None]:
    (writer,) = vsspy.BackupDocument.from_xml(saved.document).writers
    return {each.name: each.backup_stamp for each in writer.components}


@pytest.mark.parametrize("partial", [True, False])
def test_a_full_backup_and_a_differential_one(root: Path, tmp_path: Path, partial: bool) -> None:
    writer = database(root)
    with running(root, writer) as machine:
        writer.work(40)
        full = save(tmp_path / "full", FULL)
        assert full.result.good and full.result.notes == []
        writer.work(2)
        states = {name: writer.state(name) for name in ("Orders", "Stock")}
        time = datetime.now(UTC)
        changed = save(
            tmp_path / "changed",
            DIFFERENTIAL,
            previous=full.document,
            previous_time=time,
            partial_files=partial,
        )
        assert changed.result.good and changed.result.notes == []
        writer.work(3)  # never saved
        assert machine.live_objects == 0
    assert stamps(full)["Orders"] and stamps(full)["Orders"] != stamps(full)["Stock"]
    assert writer.heard == [{"Orders": None, "Stock": None}, stamps(full)]
    assert sorted(full.names) == sorted(changed.names)
    sizes = [sum(each.length for each in changed.ranges[f"{name}.mdf"] or ()) for name in states]
    assert all((0 < size <= 5 * ROOM) is partial for size in sizes), "a head and no more than four of sixteen accounts"
    for name, state in states.items():
        assert SqlServerWriter.check(full.folder / f"{name}.mdf") != state
    lay_over(full.folder, changed)
    for name, state in states.items():
        assert SqlServerWriter.check(full.folder / f"{name}.mdf") == state


def test_a_full_backup_and_its_logs(root: Path, tmp_path: Path) -> None:
    writer = database(root)
    with running(root, writer):
        writer.work(10)
        chain = [save(tmp_path / "full", FULL)]
        for number in range(3):
            writer.work(7)
            chain.append(save(tmp_path / f"log{number}", LOG, previous=chain[-1].document))
            assert chain[-1].result.good
            assert sorted(chain[-1].names) == ["Orders_log.ldf", "Stock_log.ldf"], "the masks leave the data files out"
        last = {name: writer.state(name) for name in ("Orders", "Stock")}
        writer.work(4)
    assert writer.heard == [{"Orders": None, "Stock": None}, *(stamps(each) for each in chain[:-1])]
    for name, state in last.items():
        logs = [each.folder / f"{name}_log.ldf" for each in chain[1:]]
        assert SqlServerWriter.recover(chain[0].folder / f"{name}.mdf", logs) == state


def test_without_the_earlier_document_the_writer_refuses_and_the_result_says_why(root: Path, tmp_path: Path) -> None:
    writer = database(root, ["Orders"])
    with running(root, writer):
        full = save(tmp_path / "full", FULL)
        backup = vsspy.BackupSession("C:\\", backup_type=LOG)
        with pytest.raises(WritersFailedError), backup:
            backup.snapshot()
        assert backup.result.notes == [
            "SqlServerWriter: SIMULATOR\\Orders: no stamp to build a log backup on: no earlier backup was named"
        ]
        other = full.document.replace('componentName="Orders"', 'componentName="Else"')
        backup = vsspy.BackupSession("C:\\", backup_type=LOG, previous=other)
        with pytest.raises(WritersFailedError), backup:
            backup.snapshot()
        assert backup.result.notes[0].endswith("the earlier backup has none")


def test_nothing_builds_on_a_component_that_was_not_saved(root: Path, tmp_path: Path) -> None:
    writer = database(root)
    with running(root, writer):
        full = save(tmp_path / "full", FULL)
        writer.work(3)
        backup = vsspy.BackupSession("C:\\", backup_type=LOG, previous=full.document)
        with backup:
            backup.snapshot()
            for component in backup.components:
                if component.metadata.name == "Orders":
                    component.mark_failed("the disk is full")
                else:
                    component.mark_succeeded()
        writer.work(3)
        second = vsspy.BackupSession(
            "C:\\", backup_type=LOG, previous=backup.result.document, on_writer_failure="report"
        )
        with second:
            second.snapshot()
            for component in second.components:
                component.mark_succeeded()
        assert writer.heard[-1]["Orders"] is None
        assert writer.heard[-1]["Stock"] is not None
        states = {component.full_name: component.state for component in second.result.components}
        assert any("the earlier backup of it failed" in note for note in second.result.notes)
        assert not second.result.good and states


def stamped_writer(heard: list[str | None], schema: BackupSchema, name: str = "Stamped", **options: Any) -> Writer:
    def prepare(event: simulator.WriterEvent) -> None:
        heard.extend(each.previous_backup_stamp for each in event.components)

    def after(event: simulator.WriterEvent) -> None:
        for each in event.components:
            each.set_backup_stamp(f"stamp {len(heard)}")

    component = Component("Data", selectable=True, files=[FileSet("C:\\Data", "*")])
    return Writer(
        name,
        components=[component],
        backup_schema=schema,
        on_prepare_backup=prepare,
        on_post_snapshot=after,
        **options,
    )


def test_a_writer_without_stamps_gets_none(root: Path, tmp_path: Path) -> None:
    heard: list[str | None] = []
    with running(root, stamped_writer(heard, BackupSchema.INCREMENTAL)):
        full = save(tmp_path / "full", FULL)
        again = save(tmp_path / "again", INCREMENTAL, previous=full.document)
    assert heard == [None, None] and again.result.notes == []


@pytest.mark.parametrize("kind", [FULL, COPY, OTHER])
def test_a_backup_that_builds_on_nothing_gets_no_stamp(root: Path, tmp_path: Path, kind: BackupType) -> None:
    heard: list[str | None] = []
    with running(root, stamped_writer(heard, STAMPED | BackupSchema.COPY)):
        full = save(tmp_path / "full", FULL)
        again = save(tmp_path / "again", kind, previous=full.document)
    assert heard == [None, None] and again.result.notes == []


def test_of_several_instances_each_gets_its_own_stamp(root: Path, tmp_path: Path) -> None:
    """A class id and a component's key are not enough where two instances have the same component."""
    heard: dict[str, list[str | None]] = {"one": [], "two": []}
    (root / "Data2").mkdir()

    def writers() -> list[Writer]:
        return [
            stamped_writer(heard["one"], STAMPED, instance_name="one", writer_id=UUID(int=7)),
        ]

    with running(root, *writers()):
        full = save(tmp_path / "full", FULL)
    renamed = full.document.replace('instanceName="one"', 'instanceName="two"')
    assert renamed != full.document
    with running(root, *writers()):
        save(tmp_path / "again", INCREMENTAL, previous=renamed)
        save(tmp_path / "once more", INCREMENTAL, previous=full.document)
    assert heard["one"] == [None, None, "stamp 1"]


def test_letter_case_of_a_component_does_not_matter(root: Path, tmp_path: Path) -> None:
    heard: list[str | None] = []
    with running(root, stamped_writer(heard, STAMPED)):
        full = save(tmp_path / "full", FULL)
        save(tmp_path / "b", DIFFERENTIAL, previous=full.document.replace('"Data"', '"DATA"').encode())
    assert heard == [None, "stamp 1"]


def test_options_that_make_no_sense() -> None:
    with pytest.raises(InvalidXmlDocumentError):
        vsspy.BackupSession("C:\\", previous="<WRITER_METADATA/>")
    with pytest.raises(InvalidArgumentError, match="time zone"):
        vsspy.BackupSession("C:\\", previous_time=datetime(2026, 1, 1))
    with pytest.raises(InvalidArgumentError, match="'leave out', not 'skip'"):
        vsspy.BackupSession("C:\\", unsupported_type="skip")  # type: ignore[arg-type]


# -- schema bits -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "known"),
    [
        (BackupSchema.UNDEFINED, {FULL, OTHER}),
        (BackupSchema.DIFFERENTIAL, {FULL, OTHER, DIFFERENTIAL}),
        (BackupSchema.INCREMENTAL, {FULL, OTHER, INCREMENTAL}),
        (BackupSchema.EXCLUSIVE_INCREMENTAL_DIFFERENTIAL, {FULL, OTHER, INCREMENTAL, DIFFERENTIAL}),
        (BackupSchema.LOG, {FULL, OTHER, LOG}),
        (BackupSchema.COPY, {FULL, OTHER, COPY}),
        (BackupSchema.TIMESTAMPED | BackupSchema.LAST_MODIFY, {FULL, OTHER}),
    ],
)
def test_schema_bits_say_what_a_writer_can_do(schema: BackupSchema, known: set[BackupType]) -> None:
    text = (Path(__file__).parents[2] / "examples" / "writers" / "shop_database.xml").read_text(encoding="utf-8")
    writer = replace(vsspy.WriterMetadata.from_xml(text), backup_schema=schema)
    for kind in (FULL, INCREMENTAL, DIFFERENTIAL, LOG, COPY, OTHER):
        assert effective_type(writer, kind) is (kind if kind in known else FULL)


def plain(name: str, schema: BackupSchema, mask: int = 0xF0F, **more: Any) -> Writer:
    sets = [FileSet("C:\\Data", "a.txt", backup_type=FileSpecBackupType(mask))]
    return Writer(name, components=[Component("Data", selectable=True, files=sets)], backup_schema=schema, **more)


@pytest.mark.parametrize("kind", [INCREMENTAL, DIFFERENTIAL, LOG])
def test_a_writer_that_does_not_know_the_type_is_backed_up_in_full(
    root: Path, tmp_path: Path, kind: BackupType
) -> None:
    with running(root, plain("Old", BackupSchema.UNDEFINED, 0x101), plain("None", BackupSchema.COPY, 0)):
        saved = save(tmp_path / "saved", kind)
    assert saved.names == ["a.txt", "a.txt"]
    word = kind.name.lower()
    assert saved.result.notes == [
        f"{name} has no {word} backups: all of its files are backed up" for name in ("Old", "None")
    ]
    assert saved.result.good


def test_or_left_out(root: Path, tmp_path: Path) -> None:
    writers = plain("Old", BackupSchema.UNDEFINED), plain("New", BackupSchema.INCREMENTAL)
    with running(root, *writers):
        saved = save(tmp_path / "saved", INCREMENTAL, unsupported_type="leave out")
        assert [(item.writer, item.state) for item in saved.result.components] == [("New", "succeeded")]
        (item,) = saved.result.left_out
        assert (item.kind, item.name, item.reason) == ("writer", "Old", "it has no incremental backups")
        assert saved.result.notes == []
        backup = vsspy.BackupSession("C:\\", backup_type=INCREMENTAL, unsupported_type="leave out")
        with pytest.raises(SelectionError, match="Old can be backed up .it has no incremental backups"), backup:
            backup.select("Old")
            backup.snapshot()


@pytest.mark.parametrize(
    ("first", "second", "mixed"),
    [
        (FULL, INCREMENTAL, False),
        (INCREMENTAL, INCREMENTAL, False),
        (DIFFERENTIAL, INCREMENTAL, True),
        (INCREMENTAL, DIFFERENTIAL, True),
    ],
)
def test_incremental_and_differential_may_not_be_mixed(
    root: Path, tmp_path: Path, first: BackupType, second: BackupType, mixed: bool
) -> None:
    schema = BackupSchema.EXCLUSIVE_INCREMENTAL_DIFFERENTIAL
    with running(root, plain("Strict", schema), plain("Free", BackupSchema.INCREMENTAL | BackupSchema.DIFFERENTIAL)):
        before = save(tmp_path / "before", first)
        after = save(tmp_path / "after", second, previous=before.document)
    notes = [note for note in after.result.notes if "does not mix" in note]
    assert [note.partition(" ")[0] for note in notes] == ["Strict"] * mixed


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (COPY, INCREMENTAL, "nothing builds on it"),
        (INCREMENTAL, DIFFERENTIAL, "builds on a full one, and the earlier backup was an incremental one"),
        (FULL, DIFFERENTIAL, None),
        (LOG, INCREMENTAL, None),
    ],
)
def test_what_a_backup_may_build_on(
    root: Path, tmp_path: Path, first: BackupType, second: BackupType, words: str | None
) -> None:
    schema = BackupSchema(0x1B)
    with running(root, plain("Plain", schema)):
        before = save(tmp_path / "before", first)
        after = save(tmp_path / "after", second, previous=before.document)
    assert [words in note for note in after.result.notes if words] == [True] * (words is not None)
    assert words or after.result.notes == []


# -- masks -------------------------------------------------------------------------------------------------------------

MASKS = {"a.txt": 0x101, "b.txt": 0x202, "c.txt": 0x404, "d.txt": 0x808, "e.txt": 0xF0F}


@pytest.mark.parametrize(
    ("kind", "names"),
    [(FULL, "ae"), (COPY, "ae"), (OTHER, "ae"), (DIFFERENTIAL, "be"), (INCREMENTAL, "ce"), (LOG, "de")],
)
def test_each_mask(root: Path, tmp_path: Path, kind: BackupType, names: str) -> None:
    sets = [FileSet("C:\\Data", name, backup_type=FileSpecBackupType(mask)) for name, mask in MASKS.items()]
    writer = Writer("W", components=[Component("Data", files=sets)], backup_schema=BackupSchema(0x1B))
    with running(root, writer):
        saved = save(tmp_path / "saved", kind)
    assert saved.names == [f"{name}.txt" for name in names]
    assert saved.result.good


def test_an_alternate_path_is_read_and_the_path_is_kept(root: Path, tmp_path: Path) -> None:
    (root / "Spool").mkdir()
    (root / "Spool" / "a.txt").write_text("spooled")
    sets = [FileSet("C:\\Data", "a.txt", alternate_path="C:\\Spool")]
    with running(root, Writer("W", components=[Component("Data", files=sets)])), vsspy.BackupSession("C:\\") as backup:
        backup.snapshot()
        (component,) = backup.components
        (file,) = component.files()
        assert file.path == "C:\\Data\\a.txt"
        assert Path(file.shadow_path).read_text() == "spooled"
        assert [data for _, data in file.chunks()] == [b"spooled"]
        component.mark_succeeded()


def test_files_that_come_into_being_during_the_backup_are_read_live_and_told(root: Path) -> None:
    mask = FileSpecBackupType(0x10F0F)
    sets = [FileSet("C:\\Data", "made*.txt", backup_type=mask), FileSet("C:\\Data", "a.txt")]

    def after(event: simulator.WriterEvent) -> None:
        (root / "Data" / "made.txt").write_text("made")

    writer = Writer("W", components=[Component("Data", files=sets)], on_post_snapshot=after)
    with running(root, writer), vsspy.BackupSession("C:\\") as backup:
        backup.snapshot()
        (component,) = backup.components
        files = {file.path: file for file in component.files()}
        assert {path: file.is_live for path, file in files.items()} == {
            "C:\\Data\\a.txt": False,
            "C:\\Data\\made.txt": True,
        }
        assert Path(files["C:\\Data\\made.txt"].shadow_path).read_text() == "made"
        component.mark_succeeded()
    assert [(item.kind, item.name) for item in backup.result.read_live] == [("file", "C:\\Data\\made.txt")]
    assert backup.result.good
