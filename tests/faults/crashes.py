"""Runs a scenario again and again, stopped at each call that changes the disk, and looks at what is left after each run.

    python crashes.py persistent|ordinary kill|tear|full FOLDER

kill: the process is killed before the nth call; tear: after half of the nth write; full: the disk is full from the nth
call on that takes space. For n = 1, 2, ... until a run meets no nth call. kill_at.c is loaded with LD_PRELOAD. Each run
is a fork of this process, which has everything imported and nothing made. Prints how many runs there were; the first
thing that is not as it should be ends it with a traceback.
"""

from __future__ import annotations

import ctypes
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import vsspy
from vsspy import simulator
from vsspy.enums import ObjectType, SnapshotAttributes, SnapshotContext

MODES = {"kill": 0, "tear": 1, "full": 2}
GIB = 1 << 30
LOCAL = SnapshotAttributes.EXPOSED_LOCALLY


def in_child(work: Callable[[], object]) -> tuple[int, str]:
    """Does it in a fork: how that ended (the exit code, or the signal below 0), and the traceback or the result."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            text = str(work())
            status = 0
        except BaseException:  # noqa: BLE001
            text = traceback.format_exc()
        os.write(writer, text.encode("utf-8", "replace")[-60_000:])
        os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode("utf-8")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


def check_files(folder: Path, expected: dict[str, str]) -> None:
    found = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="ascii")
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    assert found == expected, (folder, found)


class Ordinary:
    """A machine whose shadow copies go with it: whatever is left is removed by the next one."""

    FILES: ClassVar[dict[str, dict[str, str]]] = {"C": {"a": "alpha", "sub/b": "beta"}, "D": {"d": "delta"}}

    def __init__(self, root: Path, full: bool) -> None:
        self.root = root
        self.full = full
        for volume, files in self.FILES.items():
            for name, text in files.items():
                (root / volume / name).parent.mkdir(parents=True, exist_ok=True)
                (root / volume / name).write_text(text, encoding="ascii")
        (root / "C" / "mnt").mkdir()

    def prepare(self) -> None:
        """What is there before, and is to be there afterwards."""

    def watched(self) -> list[Path]:
        return [self.root]

    def machine(self, **options: Any) -> Any:
        volumes = {"C:\\": self.root / "C", "D:\\": self.root / "D"}
        return simulator.running(volumes=volumes, state=self.root / "machines", **options)

    @staticmethod
    def session(context: SnapshotContext = SnapshotContext.ALL) -> vsspy.BackupComponents:
        components = vsspy.BackupComponents()
        components.initialize_for_backup()
        components.set_context(context)
        return components

    def make(self) -> list[UUID]:
        with self.session(SnapshotContext.NAS_ROLLBACK) as components:
            components.start_snapshot_set()
            made = [components.add_to_snapshot_set(volume) for volume in ("C:\\", "D:\\")]
            operation = components.do_snapshot_set()
            operation.wait()
            return made

    def run(self) -> None:
        with self.machine(), self.session() as components:
            shadow = self.make()[0]
            components.expose_snapshot(shadow, None, LOCAL, "C:\\mnt")
            components.unexpose_snapshot(shadow)
            components.expose_snapshot(shadow, None, LOCAL, "C:\\mnt")

    def check(self) -> None:
        with self.machine() as machine:
            assert machine.shadow_copies == []
            assert len(os.listdir(self.root / "machines")) == 1
            with vsspy.shadow_copy("C:\\"):
                pass
            assert machine.notes == []
        assert os.listdir(self.root / "machines") == []
        link = self.root / "C" / "mnt"
        if self.full and not link.is_dir():
            link.mkdir()  # where a link was, there was no place for a folder
        assert not link.is_symlink()
        assert os.listdir(link) == []
        for volume, files in self.FILES.items():
            check_files(self.root / volume, files)


class Persistent(Ordinary):
    """Persistent shadow copies, one of them exposed, are there before; more come, are exposed and deleted."""

    def machine(self, **options: Any) -> Any:
        return super().machine(persistent_state=self.root / "state", **options)

    @staticmethod
    def change_storage(first: bool) -> None:
        with vsspy.SnapshotManagement() as management, management.get_provider_mgmt_interface() as areas:
            if first:
                areas.add_diff_area("C:\\", "D:\\", GIB)
                return
            (area,) = areas.query_diff_areas_for_volume("C:\\")
            assert area.maximum_diff_space in (GIB, 2 * GIB)
            areas.change_diff_area_maximum_size("C:\\", "D:\\", 3 * GIB - area.maximum_diff_space)

    def large(self, machine: simulator.Machine) -> None:
        for volume in machine.volumes:
            machine.set_volume_qualities(volume, total_space=10 * GIB, free_space=10 * GIB)

    def prepare(self) -> None:
        (self.root / "C" / "kept").mkdir()
        with self.machine() as machine:
            self.large(machine)
            self.change_storage(True)
            with self.session() as components:
                components.expose_snapshot(self.make()[0], None, LOCAL, "C:\\kept")

    def run(self) -> None:
        with self.machine() as machine:
            self.large(machine)
            first, second = self.make()
            with self.session() as components:
                components.expose_snapshot(first, None, LOCAL, "C:\\mnt")
                components.delete_snapshots(second, ObjectType.SNAPSHOT)
                components.unexpose_snapshot(first)
                components.expose_snapshot(first, None, LOCAL, "C:\\mnt")
                components.delete_snapshots(first, ObjectType.SNAPSHOT)
            self.change_storage(False)

    def check(self) -> None:
        with self.machine() as machine:
            self.large(machine)
            self.check_folders(machine)
            kept, made = self.check_sets(machine)
            self.change_storage(False)
            with vsspy.shadow_copy("C:\\"):  # at once
                assert len(machine.shadow_copies) == len(kept) + len(made) + 1
            with self.session() as components:
                for each in made:
                    components.delete_snapshots(each.id, ObjectType.SNAPSHOT)
            assert self.check_sets(machine) == (kept, [])
            self.check_folders(machine)
            assert machine.notes == []
        assert os.listdir(self.root / "machines") == []
        assert os.listdir(self.root / "C" / "mnt") == []

    def check_sets(
        self, machine: simulator.Machine
    ) -> tuple[list[simulator.ShadowCopyInfo], list[simulator.ShadowCopyInfo]]:
        """The shadow copies that were there before, and those of the run: each right, each set whole."""
        copies = machine.shadow_copies
        oldest = min(copies, key=lambda copy: copy.created)
        kept = [copy for copy in copies if copy.set_id == oldest.set_id]
        made = [copy for copy in copies if copy.set_id != oldest.set_id]
        assert [copy.volume for copy in kept] == ["C:\\", "D:\\"]
        assert [copy.exposed_name for copy in kept] == ["C:\\kept\\", None]
        assert len({copy.set_id for copy in made}) <= 1
        # the one of D: is deleted first
        assert [copy.volume for copy in made] in ([], ["C:\\"], ["C:\\", "D:\\"])
        for copy in copies:
            check_files(copy.folder, self.FILES[copy.volume[0]])
        exposed = {copy.exposed_name: copy.folder for copy in copies if copy.exposed_name}
        for name in ("kept", "mnt"):
            link = self.root / "C" / name
            folder = exposed.get(f"C:\\{name}\\")
            assert link.is_symlink() == (folder is not None), name
            assert link.readlink() == folder if folder else os.listdir(link) == [], name
        return kept, made

    def check_folders(self, machine: simulator.Machine) -> None:
        """Nothing lies in the state that its records do not list."""
        state = self.root / "state"
        copies = machine.shadow_copies
        assert set(os.listdir(state)) <= {"lock", "set", "sets", "copies", "storage.xml", "write-back"}
        assert set(os.listdir(state / "sets")) == {f"{copy.set_id}.xml" for copy in copies}
        assert set(os.listdir(state / "copies")) == {str(copy.id) for copy in copies}
        for copy in copies:
            assert set(os.listdir(copy.folder.parent)) == {"lock", "seal", copy.folder.name}


def main(scenario: str, mode: str, root: Path) -> int:
    shim = ctypes.CDLL(None)
    arm = shim.kill_at_arm
    arm.argtypes = [ctypes.c_char_p, ctypes.c_long, ctypes.c_int]
    counted = shim.kill_at_counted
    counted.restype = ctypes.c_long
    what = {"ordinary": Ordinary, "persistent": Persistent}[scenario](root, mode == "full")
    below = b"\n".join(os.fsencode(path) for path in what.watched())

    def stopped_at(n: int) -> int:
        arm(below, n, MODES[mode])
        try:
            what.run()
        except vsspy.VssError:
            assert mode == "full", "nothing is to fail but on a full disk"
        made: int = counted()
        arm(b"", 0, 0)
        return made

    def unarmed(work: Callable[[], None], n: int) -> None:
        ended, said = in_child(work)
        assert ended == 0, f"{work.__name__} after run {n}:\n{said}"

    unarmed(what.prepare, 0)
    for n in range(1, 100_000):
        ended, said = in_child(lambda n=n: stopped_at(n))  # type: ignore[misc]
        killed = ended == -9
        assert killed or ended == 0, f"run {n} ended with {ended}:\n{said}"
        try:
            unarmed(what.check, n)
        except AssertionError:
            print(f"run {n} was {'killed' if killed else 'not killed'}", file=sys.stderr)
            raise
        if not killed and int(said) < n:
            print(n - 1)
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
