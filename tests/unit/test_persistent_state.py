"""A machine's persistent state: what outlives it, what others see of it, and who may do what at the same time."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from shadow_copies import fails, make, session, tree

import vsspy
from vsspy import simulator
from vsspy.enums import ObjectType, ProtectionLevel, SnapshotAttributes, SnapshotContext

WINDOWS = sys.platform == "win32"
LOCAL = SnapshotAttributes.EXPOSED_LOCALLY
GIB = 1 << 30
two_machines = pytest.mark.skipif(WINDOWS, reason="the vssapi.dll of a process plays one machine at a time")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
needs_links = pytest.mark.skipif(WINDOWS, reason="Wine makes no links, and Windows wants a privilege for them")


class Server:
    """Two volumes, and machines of one persistent state."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / "state"
        self.volumes = {"C:\\": root / "C", "D:\\": root / "D"}
        for name, folder in self.volumes.items():
            folder.mkdir()
            (folder / "file").write_text(name, encoding="ascii")

    def running(self, volumes: Mapping[str, Path] | None = None, **options: Any) -> Any:
        return simulator.running(volumes=volumes or self.volumes, persistent_state=self.state, **options)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    yield Server(tmp_path)


def left_in(server: Server) -> tuple[int, int]:
    """How many records, and how many shadow copies' folders."""
    return len(os.listdir(server.state / "sets")), len(os.listdir(server.state / "copies"))


def delete(id: Any, type: ObjectType = ObjectType.SNAPSHOT_SET, machine: simulator.Machine | None = None) -> None:
    with session(machine=machine) as components:
        components.delete_snapshots(id, type)


@contextlib.contextmanager
def storage() -> Iterator[vsspy.DifferentialSnapshotManagement]:
    with vsspy.SnapshotManagement() as management, management.get_provider_mgmt_interface() as areas:
        yield areas


def test_what_outlives_the_machine(server: Server) -> None:
    with server.running() as machine:
        made, shadows = make(volumes=["C:\\", "D:\\"])
        before = machine.shadow_copies
        paths = dict(machine.volume_paths)
        (server.volumes["C:\\"] / "file").write_text("later", encoding="ascii")
        with session(SnapshotContext.NAS_ROLLBACK) as components:
            properties = [components.get_snapshot_properties(shadow) for shadow in shadows]
    assert machine.shadow_copies == []
    with server.running() as machine:
        assert machine.shadow_copies == before
        assert dict(machine.volume_paths) == paths
        assert [tree(copy.folder) for copy in machine.shadow_copies] == [{"file": "C:\\"}, {"file": "D:\\"}]
        with session(SnapshotContext.NAS_ROLLBACK) as components:
            assert sorted(components.query(), key=lambda copy: copy.snapshot_id.int) == sorted(
                properties, key=lambda copy: copy.snapshot_id.int
            )
        assert vsspy.is_volume_snapshotted("C:\\").present
        delete(made)
        assert machine.shadow_copies == machine.notes == []
    assert left_in(server) == (0, 0)


def test_what_goes_with_the_machine(server: Server) -> None:
    """A machine's end is a restart for all that is not persistent; without a state folder it is so for everything."""
    with server.running() as machine, vsspy.shadow_copy("C:\\"):
        assert left_in(server) == (0, 0)
        assert len(machine.shadow_copies) == 1
    with server.running() as machine:
        assert machine.shadow_copies == []
    with simulator.running(volumes=server.volumes) as machine:
        make()
        assert len(machine.shadow_copies) == 1
    with simulator.running(volumes=server.volumes) as machine:
        assert machine.shadow_copies == []


def test_storage_areas(server: Server) -> None:
    with server.running() as machine, storage() as areas:
        for name in server.volumes:
            machine.set_volume_qualities(name, total_space=10 * GIB, free_space=10 * GIB)
        areas.add_diff_area("C:\\", "D:\\", GIB)
        areas.add_diff_area("D:\\", "D:\\")
        areas.change_diff_area_maximum_size("C:\\", "D:\\", 2 * GIB)
        areas.change_diff_area_maximum_size_ex("D:\\", "D:\\", 3 * GIB, True)  # until the volume is dismounted
        areas.set_volume_protect_level("C:\\", ProtectionLevel.SNAPSHOT)
    with server.running(), storage() as areas:
        (area,) = areas.query_diff_areas_for_volume("C:\\")
        assert area.maximum_diff_space == 2 * GIB
        assert len(list(areas.query_diff_areas_on_volume("D:\\"))) == 2
        (area,) = areas.query_diff_areas_for_volume("D:\\")
        assert area.maximum_diff_space is None
        assert areas.get_volume_protect_level("C:\\").level is ProtectionLevel.SNAPSHOT
        areas.change_diff_area_maximum_size("D:\\", "D:\\", 0)
    with server.running(volumes={"C:\\": server.volumes["C:\\"]}), storage() as areas:
        assert list(areas.query_diff_areas_for_volume("C:\\")) == []  # the volume that stores is not here
    with server.running(), storage() as areas:
        assert len(list(areas.query_diff_areas_for_volume("C:\\"))) == 1
        assert list(areas.query_diff_areas_for_volume("D:\\")) == []


@needs_links
def test_exposures(server: Server) -> None:
    (server.volumes["C:\\"] / "mount").mkdir()
    with server.running():
        _, (first, second) = make(volumes=["C:\\", "D:\\"])
        with session() as components:
            components.expose_snapshot(first, None, LOCAL, "C:\\mount")
            components.expose_snapshot(second, None, LOCAL, "X:")
    assert (server.volumes["C:\\"] / "mount" / "file").read_text(encoding="ascii") == "C:\\"
    with server.running() as machine, session() as components:
        assert [copy.exposed_name for copy in machine.shadow_copies] == ["C:\\mount\\", "X:\\"]
        assert components.get_snapshot_properties(first).attributes & LOCAL
        components.unexpose_snapshot(first)
        components.delete_snapshots(second, ObjectType.SNAPSHOT)
    with server.running() as machine:
        assert [copy.exposed_name for copy in machine.shadow_copies] == [None]
        assert os.listdir(server.volumes["C:\\"] / "mount") == []


def test_a_volume_is_its_folder(server: Server) -> None:
    with server.running() as machine:
        make()
        path = machine.volume_paths["C:\\"]
    with server.running(volumes={"E:\\": server.volumes["C:\\"], "C:\\": server.volumes["D:\\"]}) as machine:
        assert machine.volume_paths["E:\\"] == path
        assert machine.volume_paths["C:\\"] != path
        assert [copy.volume for copy in machine.shadow_copies] == ["E:\\"]
    moved = server.root / "elsewhere"
    moved.mkdir()
    for name in ("state", "C", "D"):
        shutil.move(server.root / name, moved / name)
    with simulator.running(volumes={"C:\\": moved / "C"}, persistent_state=moved / "state") as machine:
        assert machine.volume_paths["C:\\"] == path
        (copy,) = machine.shadow_copies
        assert tree(copy.folder) == {"file": "C:\\"}


def test_volumes_that_are_not_there(server: Server) -> None:
    """Their shadow copies are not shown, and stay as they are."""
    with server.running():
        made, (_, second) = make(volumes=["C:\\", "D:\\"])
    with server.running(volumes={"C:\\": server.volumes["C:\\"]}) as machine:
        assert [copy.volume for copy in machine.shadow_copies] == ["C:\\"]
        with session() as components, fails("VSS_E_OBJECT_NOT_FOUND"):
            components.get_snapshot_properties(second)
        delete(made)
        with session() as components, fails("VSS_E_OBJECT_NOT_FOUND"):
            components.delete_snapshots(made, ObjectType.SNAPSHOT_SET)
    assert left_in(server) == (1, 1)
    with server.running() as machine:
        assert [copy.volume for copy in machine.shadow_copies] == ["D:\\"]
        assert tree(machine.shadow_copies[0].folder) == {"file": "D:\\"}


def test_what_others_wrote_is_found_out(server: Server) -> None:
    with server.running() as machine:
        _, [shadow] = make()
        (machine.shadow_copies[0].folder / "new").touch()
    with server.running() as machine:
        delete(shadow, ObjectType.SNAPSHOT)
        assert [note for note in machine.notes if "written to" in note and "new" in note]


def test_the_state_is_in_no_shadow_copy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with simulator.running(volumes={"C:\\": tmp_path}, persistent_state=tmp_path / "state") as machine:
        _, [shadow] = make()
        assert os.listdir(machine.shadow_copies[0].folder) == ["file"]
        with session() as components:
            components.revert_to_snapshot(shadow, True)
            with contextlib.suppress(vsspy.ObjectNotFoundError):  # it was over already
                components.query_revert_status("C:\\").wait()
        assert len(machine.shadow_copies) == 1


def test_records_that_cannot_be_read(server: Server) -> None:
    """One of a later version, or garbage: it is told, and nothing is cleaned, since it may be somebody's."""
    with server.running():
        made, _ = make()
    record = server.state / "sets" / f"{made}.xml"
    good = record.read_text(encoding="ascii")
    for bad in (good.replace('version="1"', 'version="2"'), good[: len(good) // 2], ""):
        record.write_text(bad, encoding="ascii")
        with server.running() as machine:
            assert machine.shadow_copies == []
            assert len([note for note in machine.notes if record.name in note]) == 1
            record.write_text(good, encoding="ascii")
            assert len(machine.shadow_copies) == 1
            record.write_text(bad, encoding="ascii")
        assert left_in(server) == (1, 1)
    record.write_text(good, encoding="ascii")
    with server.running() as machine:
        assert len(machine.shadow_copies) == 1
    (server.state / "storage.xml").write_text("nothing", encoding="ascii")
    with pytest.raises(vsspy.VssError) as caught, server.running():
        pass
    assert caught.value.name == "VSS_E_PROVIDER_VETO"


@pytest.mark.skipif(WINDOWS or os.geteuid() == 0, reason="there is no folder that its reader may not read")
def test_records_that_cannot_be_listed(server: Server) -> None:
    with server.running():
        make()
    (server.state / "sets").chmod(0)
    with pytest.raises(vsspy.errors.AccessDeniedError), server.running():
        pass
    (server.state / "sets").chmod(0o700)
    with server.running() as machine:
        assert len(machine.shadow_copies) == 1
    assert left_in(server) == (1, 1)


def test_other_peoples_files_stay(server: Server) -> None:
    """A folder that was there already, with things in it that have the names of ours."""
    photo = server.state / "copies" / "photos" / "photo"
    photo.parent.mkdir(parents=True)
    photo.write_text("mine", encoding="ascii")
    (server.state / "letter.new").write_text("mine", encoding="ascii")
    with server.running():
        make()
    with server.running():
        pass
    assert photo.exists()
    assert (server.state / "letter.new").exists()


@needs_links
def test_a_link_in_place_of_a_shadow_copy_is_not_followed(server: Server, tmp_path: Path) -> None:
    with server.running():
        made, (copy,) = make()
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("mine", encoding="ascii")
    folder = server.state / "copies" / str(copy)
    folder.rename(tmp_path / "away")
    folder.symlink_to(tmp_path / "precious")
    with server.running():
        delete(made)
    with server.running():
        pass
    assert (tmp_path / "precious" / "file").exists()


@needs_links
def test_a_record_makes_links_in_volumes_only(server: Server, tmp_path: Path) -> None:
    """What a killed process had begun is made good where it exposed something, and nowhere else."""
    mounted = server.volumes["C:\\"] / "mount"
    mounted.mkdir()
    with server.running():
        made, (copy,) = make()
        with session() as components:
            components.expose_snapshot(copy, None, LOCAL, "C:\\mount")
    record = server.state / "sets" / f"{made}.xml"
    good = record.read_text(encoding="ascii")
    mounted.unlink()
    record.write_text(good.replace(str(mounted), str(tmp_path / "elsewhere")), encoding="ascii")
    assert record.read_text(encoding="ascii") != good
    with server.running() as machine:
        assert len(machine.shadow_copies) == 1
    assert not (tmp_path / "elsewhere").is_symlink()
    record.write_text(good, encoding="ascii")
    with server.running() as machine:
        assert len(machine.shadow_copies) == 1
    assert (mounted / "file").exists()


@two_machines
def test_machines_see_each_other(server: Server) -> None:
    with server.running() as one, server.running() as other:
        with session(SnapshotContext.NAS_ROLLBACK, machine=one) as components:
            made = components.start_snapshot_set()
            with (
                session(SnapshotContext.BACKUP, machine=other) as waiting,
                fails("VSS_E_SNAPSHOT_SET_IN_PROGRESS"),
            ):
                waiting.start_snapshot_set()
            shadow = components.add_to_snapshot_set("C:\\")
            components.do_snapshot_set().wait()
            with session(SnapshotContext.BACKUP, machine=other) as waiting:
                waiting.start_snapshot_set()
        assert one.shadow_copies == other.shadow_copies != []
        with session(machine=other) as components:
            assert [copy.snapshot_id for copy in components.query()] == [shadow]
            components.expose_snapshot(shadow, None, LOCAL, "X:")
        assert one.shadow_copies[0].exposed_name == "X:\\"
        with session(SnapshotContext.NAS_ROLLBACK, machine=other) as components:
            assert components.get_snapshot_properties(shadow).snapshot_set_id == made
        delete(made, machine=other)
        with session(machine=one) as components:
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.get_snapshot_properties(shadow)
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.delete_snapshots(made, ObjectType.SNAPSHOT_SET)
        with vsspy.BackupComponents(one) as components:  # what is not persistent is each machine's own
            components.initialize_for_backup()
            components.start_snapshot_set()
            components.abort_backup()
        assert one.shadow_copies == other.shadow_copies == []


@two_machines
def test_many_at_once(server: Server) -> None:
    """Machines that make, look at and delete the same shadow copies: each is deleted by one of them, nothing is left."""
    deleted: list[Any] = []

    def work(machine: simulator.Machine) -> None:
        for _ in range(4):
            with session(SnapshotContext.NAS_ROLLBACK, machine=machine) as components:
                try:
                    components.start_snapshot_set()
                except vsspy.SnapshotSetInProgressError:
                    continue
                components.add_to_snapshot_set("C:\\")
                components.do_snapshot_set().wait()
            for copy in machine.shadow_copies:
                assert copy.volume == "C:\\"
                with session(machine=machine) as components:
                    try:
                        components.delete_snapshots(copy.id, ObjectType.SNAPSHOT)
                        deleted.append(copy.id)
                    except vsspy.ObjectNotFoundError:
                        pass

    with server.running() as one, server.running() as two, server.running() as three:
        with ThreadPoolExecutor(3) as pool:
            for result in [pool.submit(work, machine) for machine in (one, two, three)]:
                result.result()
        left = [copy.id for copy in one.shadow_copies]
        assert left == [copy.id for copy in two.shadow_copies]
        assert len(set(deleted)) == len(deleted) and not set(left) & set(deleted)
        for each in left:
            delete(each, ObjectType.SNAPSHOT, three)
        assert one.notes == two.notes == three.notes == []
    assert left_in(server) == (0, 0)


@two_machines
def test_who_reads_keeps_others_from_deleting(server: Server) -> None:
    slow = simulator.Fault("IVssBackupComponents::RevertToSnapshot", delay=0.05)
    for number in range(50):
        (server.volumes["C:\\"] / f"{number}").write_text("text", encoding="ascii")
    with server.running(faults=[slow]) as one, server.running() as other:
        made, [shadow] = make()
        before = tree(server.volumes["C:\\"])
        shutil.rmtree(server.volumes["C:\\"])
        server.volumes["C:\\"].mkdir()
        with session(machine=one) as components:
            components.revert_to_snapshot(shadow)
            deleting = threading.Thread(target=delete, args=(made, ObjectType.SNAPSHOT_SET, other))
            deleting.start()
            try:
                components.query_revert_status("C:\\").wait()
            except vsspy.VssError as error:
                assert error.name == "VSS_E_OBJECT_NOT_FOUND"  # over, or deleted first
            deleting.join()
        assert tree(server.volumes["C:\\"]) in (before, {})  # all of it, or nothing
        assert one.shadow_copies == other.shadow_copies == []
    assert left_in(server) == (0, 0)


HOLDER = """
import os, sys
import vsspy
from vsspy import simulator
with simulator.running(volumes={"C:\\\\": sys.argv[1]}, persistent_state=sys.argv[2]):
    components = vsspy.BackupComponents()
    components.initialize_for_backup()
    components.start_snapshot_set()
    if sys.argv[3] == "fork":
        here, there = os.pipe()
        if os.fork() == 0:
            sys.stdin.close()
            os.close(1)
            os.write(there, b"x")  # runs, and has let go of what it inherited
            os.read(int(sys.argv[4]), 1)  # lives on when its parent is killed
            os._exit(0)
        os.read(here, 1)
    print("started", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["alone", pytest.param("fork", marks=needs_fork)])
def test_a_killed_process_gives_its_set_up(server: Server, how: str) -> None:
    """At once, even when it leaves a child behind that was forked meanwhile."""
    pipes = os.pipe() if how == "fork" else ()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, server.volumes["C:\\"], server.state, how, str(pipes[0] if pipes else "")],
        env=os.environ | {"PYTHONPATH": str(Path(vsspy.__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=pipes[:1],
    )
    assert holder.stdout is not None and holder.stdin is not None
    assert holder.stdout.readline().strip() == b"started"
    with server.running(), session(SnapshotContext.BACKUP) as components:
        with fails("VSS_E_SNAPSHOT_SET_IN_PROGRESS"):
            components.start_snapshot_set()
        holder.kill()
        holder.wait()
        components.start_snapshot_set()
    holder.stdin.close()
    holder.stdout.close()
    for end in pipes:
        os.close(end)


def test_the_machines_end_gives_the_set_up(server: Server) -> None:
    with server.running():
        components = session(SnapshotContext.BACKUP)
        components.start_snapshot_set()
    with server.running(), session(SnapshotContext.BACKUP) as others:
        others.start_snapshot_set()
    components.close()


def test_device_names_are_unique(server: Server) -> None:
    with server.running(device_names="nt") as machine:
        make()
        make(volumes=["C:\\", "D:\\"])
        names = {copy.device for copy in machine.shadow_copies}
    with server.running(device_names="nt") as machine:
        assert {copy.device for copy in machine.shadow_copies} == names
        make()
        assert len({copy.device for copy in machine.shadow_copies}) == 4
