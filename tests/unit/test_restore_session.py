"""RestoreSession: selection, methods and targets, the life-cycle, and that no writer is left in a restore."""

from __future__ import annotations

import shutil
import struct
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from restore_support import DATA, demo_writer, events, method, restore, save, sql_machine, volume, write

import vsspy
from vsspy import BackupFolder, RestoreSession, simulator
from vsspy._safe_folders import SafeFolder
from vsspy.enums import BackupType, FileRestoreStatus, RestoreMethod, RestoreTarget, WriterRestore
from vsspy.metadata import FileSet
from vsspy.simulator import Machine, Writer, WriterEvent, WriterVeto
from vsspy.simulator_writers import ApplicationWriter, RegistryWriter, SqlServerWriter, SystemWriter

C = "C:\\"
MAPPING = FileSet("C:\\Data", "*", recursive=True, alternate_path="C:\\Other")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = volume(tmp_path)
    write(made, Data__a_txt="a", Data__sub__b_txt="b")
    return made


def running(root: Path, *writers: Writer, **options: Any) -> Any:
    return simulator.running(volumes={C: root}, writers=list(writers or (demo_writer(),)), **options)


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="ascii")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def is_clean(machine: Machine) -> None:
    assert machine.live_objects == 0
    assert not list(Path(machine.volumes[C]).rglob(".vsspy-restore*"))


# Proven by the data of the built-in writers


def test_a_server_comes_back_as_it_was(tmp_path: Path) -> None:
    """Databases, hives, system files and an application: each writer proves its own data from the files alone."""
    root = volume(tmp_path)
    sql = SqlServerWriter(root, ["Orders", "Stock"], live=False)
    mail, registry, system = (
        ApplicationWriter(root, live=False),
        RegistryWriter(root, live=False),
        SystemWriter(root, live=False),
    )
    with running(root, sql, mail, registry, system) as machine:
        for writer in (sql, mail, registry, system):
            writer.work(3)
        before = (sql.state("Orders"), sql.state("Stock"), ApplicationWriter.check(root / "Mail"))
        hive = RegistryWriter.check(registry.hive("software"))
        files = SystemWriter.check(root)
        out = save(tmp_path / "out")
        for writer in (sql, mail, registry, system):
            writer.work(2)
        (root / DATA / "Stock.mdf").write_bytes(b"gone")
        (root / "Mail" / "Index" / "words.idx").unlink()
        registry.hive("software").write_bytes(b"damaged")
        (root / "Windows" / "INF" / "adp80xx.inf").write_bytes(b"")
        result = restore(out)
        assert result.good, result
        assert (sql.state("Orders"), sql.state("Stock"), ApplicationWriter.check(root / "Mail")) == before
        assert RegistryWriter.check(registry.hive("software")) == hive
        assert SystemWriter.check(root) == files
        assert sql.is_online("Orders")
        assert result.restart_required  # so say the registry's and the system's writers
    is_clean(machine)


def test_one_database_of_several(tmp_path: Path) -> None:
    root = volume(tmp_path)
    sql, machine = sql_machine(root, "Orders", "Stock")
    with machine as running_machine:
        sql.work(3)
        before = sql.state("Orders")
        out = save(tmp_path / "out")
        sql.work(2)
        other = sql.state("Stock")
        result = restore(out, "SqlServerWriter:Orders")
        assert result.good
        assert sql.state("Orders") == before
        assert sql.state("Stock") == other
        assert [(each.name, each.reason) for each in result.left_out] == [("SIMULATOR\\Stock", "not selected")]
    is_clean(running_machine)


def test_a_database_to_a_new_target(tmp_path: Path) -> None:
    """The writer brings the copy into one piece there; the database itself goes on."""
    root = volume(tmp_path)
    sql, machine = sql_machine(root, "Orders")
    with machine:
        sql.work(3)
        before = sql.state("Orders")
        out = save(tmp_path / "out")
        sql.work(2)
        now = sql.state("Orders")
        with BackupFolder(out) as folder, RestoreSession(folder.document, folder.writers) as session:
            session.redirect("SqlServerWriter", "Orders", to="C:\\Copy")
            session.prepare()
            assert sql.is_online("Orders")
            assert {file.how for file in session.files(folder)} == {"new target"}
            session.restore_files(folder)
        assert session.result.good
        assert SqlServerWriter.check(root / "Copy" / "Orders.mdf") == before
        assert sql.state("Orders") == now


def test_options_for_the_writer_and_failures_of_one_component(tmp_path: Path) -> None:
    """Of a writer that fails in parts the other components are restored."""
    root = volume(tmp_path)
    sql, machine = sql_machine(root, "Orders", "Stock")
    with machine:
        sql.work(3)
        before = sql.state("Orders")
        out = save(tmp_path / "out")
        sql.work(2)
        now = sql.state("Stock")
        with (
            BackupFolder(out) as folder,
            RestoreSession(folder.document, folder.writers, on_writer_failure="report") as session,
        ):
            session.select("SqlServerWriter", "Orders", options='"Roll Forward"="None"')
            session.select("SqlServerWriter", "Stock", options='"Time Travel"="Yes"')
            session.prepare()
            session.restore_files(folder, onerror=lambda error: None)
        assert {each.full_name: each.state for each in session.result.components} == {
            "SIMULATOR\\Orders": "all",
            "SIMULATOR\\Stock": "none",
        }
        assert "unknown restore options" in (session.result.components[1].reason or "")
        assert (sql.state("Orders"), sql.state("Stock")) == (before, now)
        assert not session.result.good


def test_a_volume_that_is_gone(tmp_path: Path) -> None:
    """What lay on it goes to a new target on a volume that is there."""
    d = volume(tmp_path, "d")
    write(d, Data__sub__b_txt="b")
    schema = vsspy.BackupSchema.WRITER_SUPPORTS_NEW_TARGET
    writer = demo_writer(path="D:\\Data", backup_schema=schema)
    with simulator.running(volumes={"D:\\": d}, writers=[writer]):
        out = save(tmp_path / "out", "D:\\")
    root = volume(tmp_path)
    with running(root, writer):
        assert "does not have" in (restore(out).components[0].reason or "")
        with BackupFolder(out) as folder, RestoreSession(folder.document, folder.writers) as session:
            session.redirect("Demo Writer", to="C:\\Copy")
            session.prepare()
            session.restore_files(folder)
        assert session.result.good
        assert contents(root) == {"Copy/sub/b.txt": "b"}


def test_chains_of_databases(tmp_path: Path) -> None:
    """Full and differential (parts of the data file), full and log: each step its own restore, all but the last additional."""
    root = volume(tmp_path)
    sql, machine = sql_machine(root, "Orders")
    with machine:
        sql.work(3)
        full = save(tmp_path / "full")
        sql.work(2)
        at_differential = sql.state("Orders")
        differential = save(tmp_path / "diff", backup_type=BackupType.DIFFERENTIAL, previous=full)
        with BackupFolder(differential) as folder:
            assert folder.partial_files, "the writer names parts of its data file"
        sql.work(2)
        at_log = sql.state("Orders")
        log = save(tmp_path / "log", backup_type=BackupType.LOG, previous=full)
        for chain, expected in (((full, differential), at_differential), ((full, log), at_log)):
            (root / DATA / "Orders.mdf").write_bytes(b"gone")
            assert restore(chain[0], additional=True).good
            assert not sql.is_online("Orders")
            assert restore(chain[1]).good
            assert sql.is_online("Orders")
            assert sql.state("Orders") == expected


def test_parts_of_a_file_need_the_file(tmp_path: Path) -> None:
    root = volume(tmp_path)
    sql, machine = sql_machine(root, "Orders")
    with machine:
        full = save(tmp_path / "full")
        sql.work(1)
        differential = save(tmp_path / "diff", backup_type=BackupType.DIFFERENTIAL, previous=full)
        (root / DATA / "Orders.mdf").unlink()
        result = restore(differential, on_writer_failure="report")
        assert not result.good
        assert "restore what it builds on first" in (result.components[0].reason or "")
        assert not (root / DATA / "Orders.mdf").exists()


def test_what_a_writer_named_for_one_backup(root: Path, tmp_path: Path) -> None:
    """Differenced files, parts, and a ranges file, all outside of its file sets (semantics 10)."""
    write(root, Else__d_txt="d", Else__p_txt="0123456789")
    (root / "Else" / "ranges").write_bytes(struct.pack("<qqq", 1, 2, 3))

    def name_files(event: WriterEvent) -> None:
        (component,) = event.components
        component.add_differenced_files_by_last_modify_time("C:\\Else", "d.txt", False)
        component.add_partial_file("C:\\Else", "p.txt", "C:\\Else\\ranges")

    schema = vsspy.BackupSchema.INCREMENTAL
    writer = demo_writer(on_post_snapshot=name_files, backup_schema=schema, restore_method=method())
    with running(root, writer):
        full = save(tmp_path / "full")
        out = save(tmp_path / "out", backup_type=BackupType.INCREMENTAL, previous=full)
        write(root, Else__d_txt="new", Else__p_txt="##########")
        (root / "Else" / "ranges").unlink()
        result = restore(out)
        assert result.good, result
    assert (root / "Else" / "d.txt").read_text() == "d"
    assert (root / "Else" / "p.txt").read_text() == "##234#####"
    assert (root / "Else" / "ranges").exists()


def test_file_sets_of_another_type_are_not_in_the_backup(root: Path, tmp_path: Path) -> None:
    """Nor are they restored from it, should their files lie there; alternate paths are for the backup only (semantics 9.2)."""
    write(root, Logs__l_txt="l", Staging__a_txt="staged")
    log = vsspy.FileSpecBackupType.LOG_BACKUP_REQUIRED | vsspy.FileSpecBackupType.LOG_SNAPSHOT_REQUIRED
    sets = [
        FileSet("C:\\Data", "a.txt", alternate_path="C:\\Staging"),
        FileSet("C:\\Logs", "*", backup_type=log),
    ]
    writer = Writer(
        "Demo Writer",
        components=[simulator.Component("Data", selectable=True, files=sets)],
        restore_method=method(),
    )
    with running(root, writer):
        out = save(tmp_path / "out")
        write(out / "C", Logs__l_txt="old")
        (root / "Data" / "a.txt").unlink()
        (root / "Staging" / "a.txt").unlink()
        assert restore(out).good
    assert (root / "Data" / "a.txt").read_text() == "staged"
    assert not (root / "Staging" / "a.txt").exists()
    assert (root / "Logs" / "l.txt").read_text() == "l"


# Selection (semantics 8.4)


def test_a_part_that_is_selectable_for_restore(tmp_path: Path) -> None:
    """SetSelectedForRestore on the set, AddRestoreSubcomponent for the part; the rest of the set stays as it is."""
    root = volume(tmp_path)
    mail = ApplicationWriter(root, live=False)
    with running(root, mail) as machine:
        out = save(tmp_path / "out")
        ann, words = root / "Mail" / "Mailboxes" / "ann.box", root / "Mail" / "Index" / "words.idx"
        saved = ann.read_bytes()
        ann.unlink()
        words.unlink()
        with BackupFolder(out) as folder, RestoreSession(folder.document, folder.writers) as session:
            session.select("Example Mail Writer", "Mailboxes")
            (component,) = session.prepare()
            assert (component.full_name, component.parts) == ("Store", ("Store\\Mailboxes",))
            view = _view(session, "Store")
            assert view.restore_subcomponents == (vsspy.RestoreSubcomponent("Store", "Mailboxes", False),)
            session.restore_files(folder)
            assert ann.read_bytes() == saved
            assert not words.exists()
        assert session.result.good
    is_clean(machine)


def _view(session: RestoreSession, name: str) -> vsspy.DocumentComponent:
    assert session._talk is not None
    return next(view for key, view in session._talk.views().items() if view.name == name)


def test_a_part_that_is_not_says_what_could_be_selected(tmp_path: Path) -> None:
    root = volume(tmp_path)
    with running(root, ApplicationWriter(root, live=False)):
        out = save(tmp_path / "out")
        with BackupFolder(out) as folder, RestoreSession(folder.document, folder.writers) as session:
            with pytest.raises(
                vsspy.SelectionError, match=r"only comes with Store.*Store, Store.Mailboxes, Store.Archive"
            ):
                session.select("Example Mail Writer", "Index")
            with pytest.raises(vsspy.SelectionError, match="cannot be left out by itself"):
                session.exclude("Example Mail Writer", "Index")
                _ = session.components


@pytest.mark.parametrize(
    ("writer", "component", "message"),
    [
        ("Nobody", None, "it has those of Demo Writer"),
        ("Demo Writer", "Nothing", "it has Data"),
    ],
)
def test_what_the_backup_does_not_have(root: Path, tmp_path: Path, writer: str, component: str, message: str) -> None:
    with running(root):
        out = save(tmp_path / "out")
        with BackupFolder(out) as folder, RestoreSession(folder.document, folder.writers) as session:
            with pytest.raises(vsspy.ObjectNotFoundError, match=message):
                session.select(writer, component)
            session.select("Demo*")
            assert [each.full_name for each in session.components] == ["Data"]


def test_what_was_not_saved_is_not_restored(root: Path, tmp_path: Path) -> None:
    with running(root):
        out = save(tmp_path / "out", failed="Data")
        with pytest.raises(vsspy.RestoreError, match="it was not saved"):
            restore(out)
        with pytest.raises(vsspy.SelectionError, match="it was not saved"):
            restore(out, "Demo Writer:Data")
        assert contents(root / "Data") == {"a.txt": "a", "sub/b.txt": "b"}


def test_a_writer_that_does_not_run(root: Path, tmp_path: Path) -> None:
    """It is told; its files are restored only on request."""
    with running(root):
        out = save(tmp_path / "out")
    (root / "Data" / "a.txt").write_text("new")
    with running(root, demo_writer("Other Writer")):
        with pytest.raises(vsspy.RestoreError, match="its writer does not run"):
            restore(out)
        with pytest.raises(vsspy.SelectionError, match="its writer does not run"):
            restore(out, "Demo Writer:Data")
        result = restore(out, without_writers=True)
        assert result.good
        assert not result.components[0].with_writer
        assert not result.writers
    assert contents(root / "Data") == {"a.txt": "a", "sub/b.txt": "b"}


def test_excluded_and_globs(tmp_path: Path) -> None:
    root = volume(tmp_path)
    _, machine = sql_machine(root, "Orders", "Stock", "Staff")
    with machine:
        out = save(tmp_path / "out")
        with BackupFolder(out) as folder, RestoreSession(folder.document, folder.writers) as session:
            session.select("sqlserverwriter", "St*")
            assert [each.full_name for each in session.components] == ["SIMULATOR\\Stock", "SIMULATOR\\Staff"]
            session.exclude("SqlServerWriter", "Staff")
            assert [each.full_name for each in session.components] == ["SIMULATOR\\Stock"]
            session.exclude("SqlServerWriter", "SIMULATOR")
            with pytest.raises(vsspy.RestoreError, match="excluded"):
                session.prepare()


# Methods (semantics 11.2) and targets (11.3)


def with_method(which: RestoreMethod, *mappings: FileSet, **options: Any) -> Writer:
    events_ = {key: options.pop(key) for key in list(options) if key.startswith("on_")}
    return demo_writer(restore_method=method(which, *mappings, **options), **events_)


def test_if_not_there_is_all_or_nothing(root: Path, tmp_path: Path) -> None:
    with running(root, with_method(RestoreMethod.RESTORE_IF_NOT_THERE)) as machine:
        out = save(tmp_path / "out")
        (root / "Data" / "a.txt").unlink()
        result = restore(out)  # b.txt is there
        assert (result.components[0].state, result.good) == ("none", False)
        assert "b.txt is there, and no alternate location" in (result.components[0].reason or "")
        assert not (root / "Data" / "a.txt").exists()
        (root / "Data" / "sub" / "b.txt").unlink()
        assert restore(out).good
        assert contents(root / "Data") == {"a.txt": "a", "sub/b.txt": "b"}
    is_clean(machine)


def test_if_not_there_goes_to_the_mapping_unless_something_is_there(root: Path, tmp_path: Path) -> None:
    with running(root, with_method(RestoreMethod.RESTORE_IF_NOT_THERE, MAPPING)):
        out = save(tmp_path / "out")
        assert restore(out).good
        assert contents(root / "Other") == {"a.txt": "a", "sub/b.txt": "b"}
        result = restore(out)
        assert "and so is" in (result.components[0].reason or "")


def test_if_can_replace_goes_to_the_mapping_and_tells(root: Path, tmp_path: Path) -> None:
    seen: list[WriterEvent] = []
    with running(root, with_method(RestoreMethod.RESTORE_IF_CAN_REPLACE, MAPPING, on_post_restore=seen.append)):
        out = save(tmp_path / "out")
        (root / "Data" / "a.txt").unlink()
        (root / "Data" / "a.txt").mkdir()  # cannot be replaced
        assert restore(out).good
        assert contents(root / "Other") == {"a.txt": "a", "sub/b.txt": "b"}
        (component,) = seen[0].components
        assert [each.alternate_path for each in component.alternate_location_mappings] == ["C:\\Other"]
        assert component.file_restore_status is FileRestoreStatus.ALL


def test_if_can_replace_without_a_mapping_restores_nothing(root: Path, tmp_path: Path) -> None:
    with running(root) as machine:
        out = save(tmp_path / "out")
        (root / "Data" / "a.txt").unlink()
        (root / "Data" / "a.txt").mkdir()
        (root / "Data" / "sub" / "b.txt").write_text("new")
        result = restore(out)
        assert "cannot be replaced: a folder is there" in (result.components[0].reason or "")
        assert contents(root / "Data") == {"sub/b.txt": "new"}
        assert events(machine) == ["PreRestore", "PostRestore"]


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (RestoreMethod.STOP_RESTORE_START, ["PreRestore", "stop", "a", "start", "PostRestore"]),
        (RestoreMethod.RESTORE_STOP_START, ["PreRestore", "a", "PostRestore", "stop", "start"]),
    ],
)
def test_services_are_stopped_and_started(
    root: Path, tmp_path: Path, which: RestoreMethod, expected: list[str]
) -> None:
    order: list[str] = []

    def services(name: str, what: str) -> None:
        assert name == "demo"
        order.append(what)

    def look(event: WriterEvent) -> None:
        if event.name == "PostRestore" and order[-1] != "start":
            order.append((root / "Data" / "a.txt").read_text())
        order.append(event.name)

    writer = with_method(which, service="demo", on_pre_restore=look, on_post_restore=look)
    with running(root, writer):
        out = save(tmp_path / "out")
        with pytest.raises(vsspy.SelectionError, match="passes services="):
            restore(out, "Demo Writer:Data")
        (root / "Data" / "a.txt").unlink()
        with BackupFolder(out) as folder, RestoreSession(folder.document, folder.writers, services=services) as session:
            session.prepare()
            session.restore_files(folder)
            if which is RestoreMethod.STOP_RESTORE_START:
                order.append((root / "Data" / "a.txt").read_text())
        assert session.result.good
    assert order == expected


def test_a_stopped_service_is_started_whatever_happens(root: Path, tmp_path: Path) -> None:
    order: list[str] = []

    def services(name: str, what: str) -> None:
        order.append(what)
        if what == "stop":
            raise OSError("it does not stop")

    writer = with_method(
        RestoreMethod.STOP_RESTORE_START, service="demo", on_post_restore=lambda event: order.append("post")
    )
    with running(root, writer) as machine:
        out = save(tmp_path / "out")
        with pytest.raises(OSError, match="does not stop"):
            restore(out, services=services)
        assert order == ["stop", "start", "post"]
        assert events(machine) == ["PreRestore", "PostRestore"]


def test_to_the_alternate_location_always(root: Path, tmp_path: Path) -> None:
    with running(root, with_method(RestoreMethod.RESTORE_TO_ALTERNATE_LOCATION, MAPPING)):
        out = save(tmp_path / "out")
        assert restore(out).good
        assert contents(root / "Other") == {"a.txt": "a", "sub/b.txt": "b"}


@pytest.mark.parametrize("which", [RestoreMethod.RESTORE_AT_REBOOT, RestoreMethod.RESTORE_AT_REBOOT_IF_CANNOT_REPLACE])
def test_at_the_next_start(root: Path, tmp_path: Path, which: RestoreMethod) -> None:
    moves: dict[str, str] = {}

    def at_reboot(path: str, target: str) -> None:
        moves[Path(target).name] = Path(path).read_text()

    with running(root, with_method(which, reboot=True)):
        out = save(tmp_path / "out")
        (root / "Data" / "a.txt").unlink()
        (root / "Data" / "c").mkdir()
        if which is RestoreMethod.RESTORE_AT_REBOOT_IF_CANNOT_REPLACE:
            result = restore(out)
            assert result.good
            assert not result.components[0].at_restart
            (root / "Data" / "sub" / "b.txt").unlink()
            (root / "Data" / "sub" / "b.txt").mkdir()
            assert "only Windows moves files" in (restore(out).components[0].reason or "")
            (root / "Data" / "sub" / "b.txt").rmdir()
            return
        with pytest.raises(vsspy.SelectionError, match="passes at_reboot="):
            restore(out, "Demo Writer:Data")
        result = restore(out, at_reboot=at_reboot)
        assert result.good
        assert result.restart_required
        assert moves == {"a.txt": "a", "b.txt": "b"}
        assert not (root / "Data" / "a.txt").exists()


@pytest.mark.parametrize("info", [None, method(RestoreMethod.CUSTOM)], ids=["none", "custom"])
def test_methods_that_nobody_else_can_carry_out(root: Path, tmp_path: Path, info: Any) -> None:
    with running(root, demo_writer(restore_method=info)) as machine:
        out = save(tmp_path / "out")
        with pytest.raises(vsspy.SelectionError, match="no restore method|CUSTOM"):
            restore(out, "Demo Writer:Data")
        assert events(machine) == []


def targeted(target: RestoreTarget, **more: Any) -> Any:
    def pre_restore(event: WriterEvent) -> None:
        (component,) = event.components
        component.set_restore_target(target)
        for directed in more.get("directed", ()):
            component.add_directed_target(*directed)

    return pre_restore


def test_existence_is_looked_at_after_pre_restore(root: Path, tmp_path: Path) -> None:
    """A writer may make room in PreRestore."""

    def make_room(event: WriterEvent) -> None:
        shutil.rmtree(root / "Data")

    with running(root, with_method(RestoreMethod.RESTORE_IF_NOT_THERE, on_pre_restore=make_room)):
        assert restore(save(tmp_path / "out")).good
        assert contents(root / "Data") == {"a.txt": "a", "sub/b.txt": "b"}


def test_targets_mean_nothing_for_moves_at_restart(root: Path, tmp_path: Path) -> None:
    moved: list[str] = []
    hook = targeted(RestoreTarget.ALTERNATE)
    with running(root, with_method(RestoreMethod.RESTORE_AT_REBOOT, MAPPING, on_pre_restore=hook)):
        result = restore(save(tmp_path / "out"), at_reboot=lambda path, target: moved.append(Path(target).name))
        assert result.good
        assert moved == ["a.txt", "b.txt"]
        assert not (root / "Other").exists()


def test_directed_over_new_over_mapped(root: Path, tmp_path: Path) -> None:
    """Each file by the first of them that names it (semantics 11.3 recommends it)."""
    hook = targeted(RestoreTarget.DIRECTED, directed=[("C:\\Data", "a.txt", "", "C:\\Directed", "a.txt", "")])
    info = method(
        RestoreMethod.RESTORE_TO_ALTERNATE_LOCATION, MAPPING, FileSet("C:\\Two", "*", alternate_path="C:\\Other")
    )
    schema = vsspy.BackupSchema.WRITER_SUPPORTS_NEW_TARGET
    write(root, Two__t_txt="t")
    writer = Writer(
        "Demo Writer",
        components=[
            simulator.Component("Data", selectable=True, files=[FileSet("C:\\Data", "*", recursive=True)]),
            simulator.Component("Two", selectable=True, files=[FileSet("C:\\Two", "*")]),
        ],
        restore_method=info,
        backup_schema=schema,
        on_pre_restore=lambda event: hook(SimpleNamespace(components=event.components[:1])),
    )
    with running(root, writer):
        out = save(tmp_path / "out")
        with BackupFolder(out) as folder, RestoreSession(folder.document, folder.writers) as session:
            session.redirect("Demo Writer", "Data", to="C:\\New")
            session.prepare()
            assert {file.path: (file.target, file.how) for file in session.files(folder)} == {
                "C:\\Data\\a.txt": ("C:\\Directed\\a.txt", "directed"),
                "C:\\Data\\sub\\b.txt": ("C:\\New\\sub\\b.txt", "new target"),
                "C:\\Two\\t.txt": ("C:\\Other\\t.txt", "alternate"),
            }
            session.restore_files(folder)
        assert session.result.good


def test_the_original_location_outranks_the_method(root: Path, tmp_path: Path) -> None:
    hook = targeted(RestoreTarget.ORIGINAL_LOCATION)
    with running(root, with_method(RestoreMethod.RESTORE_TO_ALTERNATE_LOCATION, MAPPING, on_pre_restore=hook)):
        out = save(tmp_path / "out")
        (root / "Data" / "a.txt").unlink()
        assert restore(out).components[0].target is RestoreTarget.ORIGINAL_LOCATION
        assert (root / "Data" / "a.txt").read_text() == "a"
        assert not (root / "Other").exists()


@pytest.mark.parametrize("mappings", [(MAPPING,), ()], ids=["mapped", "not mapped"])
def test_the_alternate_target(root: Path, tmp_path: Path, mappings: tuple[FileSet, ...]) -> None:
    hook = targeted(RestoreTarget.ALTERNATE)
    with running(root, with_method(RestoreMethod.RESTORE_IF_CAN_REPLACE, *mappings, on_pre_restore=hook)):
        result = restore(save(tmp_path / "out"))
        assert result.good is bool(mappings)
        assert (root / "Other").exists() is bool(mappings)


def test_directed_targets(root: Path, tmp_path: Path) -> None:
    """Parts of one file into another one; the rest follows the method."""
    (root / "Data" / "a.txt").write_text("0123456789")
    (root / "Data" / "into").write_text("----------")
    directed = [
        ("C:\\Data", "a.txt", "2:3, 8:1", "C:\\Data", "into", "0:2, 6:2"),
        ("C:\\Data\\", "A.TXT", "", "C:\\New", "whole.txt", ""),
    ]
    hook = targeted(RestoreTarget.DIRECTED, directed=directed)
    with running(root, with_method(RestoreMethod.RESTORE_IF_CAN_REPLACE, on_pre_restore=hook)):
        out = save(tmp_path / "out")
        (root / "Data" / "a.txt").write_text("changed")
        (root / "Data" / "sub" / "b.txt").unlink()
        with BackupFolder(out) as folder, RestoreSession(folder.document, folder.writers) as session:
            session.prepare()
            hows = [(file.target, file.how) for file in session.files(folder)]
            session.restore_files(folder)
        assert session.result.good
        assert hows == [
            ("C:\\Data\\into", "original"),
            ("C:\\Data\\sub\\b.txt", "original"),
            ("C:\\Data\\into", "directed"),
            ("C:\\New\\whole.txt", "directed"),
        ]
        assert (root / "Data" / "a.txt").read_text() == "changed"
        assert (root / "Data" / "sub" / "b.txt").read_text() == "b"
        assert (root / "New" / "whole.txt").read_text() == "0123456789"
        assert (root / "Data" / "into").read_text() == "23----48--"


@pytest.mark.parametrize(
    ("directed", "message"),
    [
        (("C:\\Data", "none.txt", "", "C:\\x", "y", ""), "not in the backup"),
        (("C:\\Data", "a.txt", "0:1", "C:\\x", "y", "0:2"), "another length"),
        (("C:\\Data", "a.txt", "nonsense", "C:\\x", "y", "0:2"), "ranges that are none"),
        (("C:\\Data", "a.txt", "0:50", "C:\\x", "y", "0:50"), "ends before"),
        (("C:\\Data", "a.txt", "", "Z:\\x", "y", ""), "does not have"),
    ],
)
def test_directed_targets_that_make_no_sense(
    root: Path, tmp_path: Path, directed: tuple[str, ...], message: str
) -> None:
    hook = targeted(RestoreTarget.DIRECTED, directed=[directed])
    with running(root, with_method(RestoreMethod.RESTORE_IF_CAN_REPLACE, on_pre_restore=hook)) as machine:
        result = restore(save(tmp_path / "out"))
        assert message in (result.components[0].reason or "")
        assert events(machine) == ["PreRestore", "PostRestore"]


def test_redirection_needs_a_writer_that_knows_of_it(root: Path, tmp_path: Path) -> None:
    with running(root):
        out = save(tmp_path / "out")
        with BackupFolder(out) as folder, RestoreSession(folder.document, folder.writers) as session:
            session.redirect("Demo Writer", to="C:\\New")
            with pytest.raises(vsspy.SelectionError, match="WRITER_SUPPORTS_NEW_TARGET"):
                session.prepare()


# Life-cycle


def test_a_writer_that_vetoes_is_out_of_the_restore_again(root: Path, tmp_path: Path) -> None:
    def veto(event: WriterEvent) -> None:
        raise WriterVeto("VSS_E_WRITERERROR_NONRETRYABLE", "not now")

    write(root, Two__t_txt="t")
    two = demo_writer("Two Writer", "Two", "C:\\Two")
    with running(root, demo_writer(on_pre_restore=veto), two) as machine:
        out = save(tmp_path / "out")
        (root / "Data" / "a.txt").write_text("live")
        (root / "Two" / "t.txt").write_text("live")
        with pytest.raises(vsspy.WritersFailedError):
            restore(out)
        assert events(machine, "Two Writer") == ["PreRestore", "PostRestore"]
        assert (root / "Two" / "t.txt").read_text() == "live"
        result = restore(out, on_writer_failure="report")
        states = {each.full_name: each.state for each in result.components}
        assert states == {"Data": "none", "Two": "all"}
        assert "not now" in next(each.reason or "" for each in result.components if each.full_name == "Data")
        assert (root / "Data" / "a.txt").read_text() == "live"  # its writer still works with it
        assert (root / "Two" / "t.txt").read_text() == "t"
        assert not result.good
    is_clean(machine)


def test_a_failure_in_post_restore_is_raised(root: Path, tmp_path: Path) -> None:
    def veto(event: WriterEvent) -> None:
        event.components[0].set_post_restore_failure_message("the data is no good")
        raise WriterVeto("VSS_E_WRITERERROR_NONRETRYABLE")

    with running(root, demo_writer(on_post_restore=veto)) as machine:
        out = save(tmp_path / "out")
        with pytest.raises(vsspy.WritersFailedError) as caught:
            restore(out)
        assert caught.value.phase == "post_restore"
        result = restore(out, on_writer_failure="report")
        assert not result.good
        assert result.components[0].messages == ("the data is no good",)
    is_clean(machine)


def test_an_error_in_the_block_ends_the_restore(root: Path, tmp_path: Path) -> None:
    seen: list[FileRestoreStatus] = []
    writer = demo_writer(on_post_restore=lambda event: seen.append(event.components[0].file_restore_status))
    with running(root, writer) as machine:
        out = save(tmp_path / "out")
        with (
            pytest.raises(RuntimeError),
            BackupFolder(out) as folder,
            RestoreSession(folder.document, folder.writers) as session,
        ):
            session.prepare()
            session.place(next(iter(session.files(folder))))
            raise RuntimeError
        assert seen == [FileRestoreStatus.FAILED]
        assert session.result.components[0].state == "failed"
        assert not session.result.completed
    is_clean(machine)


def test_ctrl_c_in_pre_restore(root: Path, tmp_path: Path) -> None:
    """The operation is cancelled, and writers that heard of the restore hear of its end."""

    def interrupt(event: WriterEvent) -> None:
        import _thread

        _thread.interrupt_main()

    with running(root, demo_writer(on_pre_restore=interrupt)) as machine:
        out = save(tmp_path / "out")
        with pytest.raises(KeyboardInterrupt):
            restore(out)
        assert events(machine) == ["PreRestore", "PostRestore"]
        assert contents(root / "Data") == {"a.txt": "a", "sub/b.txt": "b"}
    is_clean(machine)


def test_ctrl_c_right_after_a_file_is_in_place(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its writer is not told that nothing was touched."""
    heard: list[FileRestoreStatus] = []

    def end(event: WriterEvent) -> None:
        heard.extend(each.file_restore_status for each in event.components)

    real = SafeFolder.replace

    def replace(folder: SafeFolder, name: str, by: str) -> None:
        real(folder, name, by)
        raise KeyboardInterrupt

    with running(root, demo_writer(on_post_restore=end)):
        out = save(tmp_path / "out")
        monkeypatch.setattr(SafeFolder, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            restore(out)
    assert heard == [FileRestoreStatus.FAILED]


def test_a_file_that_is_placed_again_counts_once(root: Path, tmp_path: Path) -> None:
    with running(root):
        out = save(tmp_path / "out")
        with BackupFolder(out) as folder, RestoreSession(folder.document, folder.writers) as session:
            session.prepare()
            first, second = session.files(folder)
            session.place(first)
            session.place(first)
            (component,) = session.components
            states = [component.status]
            session.place(second)
            states.append(component.status)
            assert len(list(session.files(folder))) == 2, "it begins anew"
            states.append(component.status)
            assert states == [FileRestoreStatus.FAILED, FileRestoreStatus.ALL, FileRestoreStatus.FAILED]
    assert not session.result.good


def test_cancelled_by_another_thread(root: Path, tmp_path: Path) -> None:
    with running(root) as machine:
        out = save(tmp_path / "out")
        with (
            pytest.raises(vsspy.OperationCancelledError),
            BackupFolder(out) as folder,
            RestoreSession(folder.document, folder.writers) as session,
        ):
            session.prepare()

            def cancel(_: object) -> None:
                thread = threading.Thread(target=session.cancel)
                thread.start()
                thread.join()

            session.restore_files(folder, on_file=cancel)
        assert events(machine) == ["PreRestore", "PostRestore"]
        assert not session.result.completed
    is_clean(machine)


def test_ctrl_c_in_post_restore(root: Path, tmp_path: Path) -> None:
    """It is waited for, and not sent again."""

    def interrupt(event: WriterEvent) -> None:
        import _thread

        _thread.interrupt_main()

    with running(root, demo_writer(on_post_restore=interrupt)) as machine:
        out = save(tmp_path / "out")
        with pytest.raises(KeyboardInterrupt):
            restore(out)
        assert events(machine) == ["PreRestore", "PostRestore"]
    is_clean(machine)


@pytest.mark.skipif(
    sys.platform == "win32", reason="there the requester's clock is the system's, whatever the machine's shows"
)
def test_a_pre_restore_that_hangs(root: Path, tmp_path: Path) -> None:
    fault = simulator.Fault("IVssBackupComponents::PreRestore", delay=1000.0)
    with running(root, virtual_time=True) as machine:
        out = save(tmp_path / "out")
    with running(root, faults=[fault], virtual_time=True) as machine:
        with pytest.raises(vsspy.WaitTimeoutError) as caught:
            restore(out, phase_timeouts={"pre_restore": 5})
        assert caught.value.phase == "pre_restore"
    is_clean(machine)


def test_nobody_restored_anything(root: Path, tmp_path: Path) -> None:
    with running(root) as machine:
        out = save(tmp_path / "out")
        with (
            pytest.raises(vsspy.IncompleteRestoreError, match="Demo Writer: Data"),
            BackupFolder(out) as folder,
            RestoreSession(folder.document, folder.writers) as session,
        ):
            session.prepare()
        assert events(machine) == ["PreRestore", "PostRestore"]
        assert session.result.components[0].state == "none"


def test_a_session_that_only_looks(root: Path, tmp_path: Path) -> None:
    with running(root) as machine:
        out = save(tmp_path / "out")
        with BackupFolder(out) as folder:
            session = RestoreSession(folder.document, folder.writers)
            with session:
                assert [file.target for file in session.files(folder)] == ["C:\\Data\\a.txt", "C:\\Data\\sub\\b.txt"]
                with pytest.raises(vsspy.BadStateError):
                    session.restore_files(folder)
            with pytest.raises(vsspy.ClosedError):
                session.prepare()
            session.close()
        assert events(machine) == []
    is_clean(machine)


def test_a_forgotten_session(root: Path, tmp_path: Path) -> None:
    with running(root) as machine:
        out = save(tmp_path / "out")
        with BackupFolder(out) as folder:
            session = RestoreSession(folder.document, folder.writers).__enter__()
            session.prepare()
            with pytest.warns(ResourceWarning, match="never closed"):
                del session
        assert events(machine) == ["PreRestore", "PostRestore"]
    is_clean(machine)


def test_a_session_used_by_its_own_writer(root: Path, tmp_path: Path) -> None:
    caught: list[BaseException] = []

    def use(event: WriterEvent) -> None:
        try:
            session.close()
        except vsspy.ReentrantCallError as error:
            caught.append(error)

    with running(root, demo_writer(on_pre_restore=use)):
        out = save(tmp_path / "out")
        with BackupFolder(out) as folder, RestoreSession(folder.document, folder.writers) as session:
            session.prepare()
            session.restore_files(folder)
        assert len(caught) == 1


def test_files_of_a_program_s_own(root: Path, tmp_path: Path) -> None:
    """Content from a stream and from another file."""
    with running(root):
        out = save(tmp_path / "out")
        with BackupFolder(out) as folder, RestoreSession(folder.document, folder.writers) as session:
            session.prepare()
            for number, file in enumerate(session.files(folder)):
                if number:
                    with open(out / "C" / "Data" / "a.txt", "rb") as stream:
                        session.place(file, stream)
                else:
                    session.place(file, out / "C" / "Data" / "sub" / "b.txt")
        assert session.result.good
    assert contents(root / "Data") == {"a.txt": "b", "sub/b.txt": "a"}


def test_arguments() -> None:
    with pytest.raises(vsspy.InvalidXmlDocumentError):
        RestoreSession("<nothing/>", [])


def test_which_instance(root: Path, tmp_path: Path) -> None:
    """Another instance than that of the backup, if it is named."""
    with running(root):
        out = save(tmp_path / "out")
    heard: list[str] = []

    def hear(name: str) -> Any:
        return lambda event: heard.append(name)

    with BackupFolder(out) as folder:
        writer_id = folder.writers[0].writer_id
    writers = [
        demo_writer(writer_id=writer_id, instance_name=name, on_pre_restore=hear(name)) for name in ("one", "two")
    ]
    with running(root, *writers) as machine:
        with BackupFolder(out) as folder, RestoreSession(folder.document, folder.writers) as session:
            two = next(writer for writer in session.writers if writer.instance_name == "two")
            session.select("Demo Writer", "Data", instance=two.instance_id)
            session.prepare()
            session.restore_files(folder)
        assert session.result.good
    assert heard == ["two"]
    is_clean(machine)


def test_dependencies_are_told(tmp_path: Path) -> None:
    root = volume(tmp_path)
    sql = SqlServerWriter(root, ["Orders"], live=False)
    needed = vsspy.Dependency(sql.writer_id, "SIMULATOR", "Orders")
    mail = ApplicationWriter(root, live=False, depends_on=needed)
    with running(root, sql, mail):
        out = save(tmp_path / "out")
        assert restore(out).notes == []
        (note,) = restore(out, "Example Mail Writer:Store").notes
        assert "together with SIMULATOR\\Orders" in note


def test_writers_that_want_no_events(root: Path, tmp_path: Path) -> None:
    info = method(when=WriterRestore.NEVER)
    with running(root, demo_writer(restore_method=info)) as machine:
        out = save(tmp_path / "out")
        (root / "Data" / "a.txt").unlink()
        assert restore(out).good
        assert (root / "Data" / "a.txt").exists()
        assert events(machine) == []


def test_a_damaged_backup_touches_nothing(tmp_path: Path) -> None:
    """Without the source in prepare the writer was told before; still no file of the component is put in place."""
    root = volume(tmp_path)
    write(root, Data__a_txt="a", Data__b_txt="b")
    with running(root, demo_writer()) as machine:
        out = save(tmp_path / "out")
        write(root, Data__a_txt="live", Data__b_txt="live")
        (out / "C" / "Data" / "b.txt").unlink()
        result = restore(out)
        (component,) = result.components
        assert (component.state, component.files, component.with_writer) == ("none", 0, True)
        assert component.reason is not None and "only 1 of its 2 files" in component.reason
        assert events(machine) == ["PreRestore", "PostRestore"]
        with (
            BackupFolder(out) as folder,
            RestoreSession(folder.document, folder.writers) as session,
            pytest.raises(vsspy.RestoreError, match="only 1 of its 2 files"),
        ):
            session.prepare(folder)
        assert events(machine) == ["PreRestore", "PostRestore"]
    assert (root / "Data" / "a.txt").read_text() == "live"
