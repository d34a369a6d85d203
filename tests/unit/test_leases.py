"""Lease files: what a killed session left is found and removed, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cli_support import Runner, make_runner
from json_schema import check_json

import vsspy
from vsspy import simulator
from vsspy._conversation import Conversation
from vsspy._lease_files import default_folder, host
from vsspy.enums import SnapshotContext
from vsspy.errors import WaitTimeoutError
from vsspy.session import BackupSession

WINDOWS = sys.platform == "win32"
posix_only = pytest.mark.skipif(
    WINDOWS, reason="modes are POSIX's; Wine makes no links, and Windows wants a privilege for them"
)

NOT_DELETED = simulator.Fault("IVssBackupComponents::DeleteSnapshots", "VSS_E_PROVIDER_VETO", nth=1)

CHILD = """
import sys
import vsspy
from vsspy import simulator
from vsspy.enums import SnapshotContext

with simulator.opened(sys.argv[1]) as machine:
    with vsspy.BackupSession("C:\\\\", context=SnapshotContext[sys.argv[3]], lease_folder=sys.argv[2]) as backup:
        backup.snapshot()
        print("made", flush=True)
        sys.stdin.read()
"""


class Server:
    """A machine folder, and a folder for leases."""

    def __init__(self, folder: Path) -> None:
        (folder / "c").mkdir()
        (folder / "c" / "a.txt").write_text("a")
        self.machine = folder / "machine"
        self.leases = folder / "leases"
        simulator.configure(self.machine, volumes={"C:\\": folder / "c"}, writers=[simulator.Writer("Demo Writer")])

    def session(self, **options: Any) -> BackupSession:
        return BackupSession(
            "C:\\", **{"context": SnapshotContext.APP_ROLLBACK, "lease_folder": self.leases, **options}
        )

    @contextmanager
    def child(self, context: str = "APP_ROLLBACK") -> Iterator[subprocess.Popen[str]]:
        """A process that has made a set and waits; it is killed at the end."""
        arguments = [sys.executable, "-c", CHILD, str(self.machine), str(self.leases), context]
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "made"
            try:
                yield process
            finally:
                process.kill()
                process.wait(60)

    def killed(self, context: str = "APP_ROLLBACK") -> None:
        with self.child(context):
            pass

    def leave(self) -> None:
        """A set is left over, as by a process that was killed: it could not be deleted."""
        with simulator.opened(self.machine) as machine:
            machine.add_fault(NOT_DELETED)
            with pytest.raises(KeyError), self.session() as session:
                session.snapshot()
                raise KeyError

    def sets(self) -> set[str]:
        with simulator.opened(self.machine) as machine:
            return {str(copy.set_id) for copy in machine.shadow_copies}

    def files(self) -> list[str]:
        return sorted(name for name in os.listdir(self.leases) if name != ".lock") if self.leases.exists() else []

    def write(self, **changes: Any) -> Path:
        """A lease file as a process that is dead now would have written it."""
        self.leases.mkdir(mode=0o700, exist_ok=True)
        values = {
            "version": 1,
            "pid": 1,
            "host": host(),
            "started": "2026-01-01T00:00:00+00:00",
            "program": "old",
            "backend": "simulator",
            "machine": {"folder": str(self.machine), "state": None, "volumes": {}},
            "context": 9,
            "set_id": str(uuid4()),
            "shadow_copies": {"C:\\": str(uuid4())},
            **changes,
        }
        path = self.leases / f"{uuid4().hex}.json"
        path.write_text(json.dumps(values))
        return path


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def outcomes(report: vsspy.CleanupReport) -> list[str]:
    return [each.outcome for each in report.leases]


def test_what_a_killed_process_left(server: Server) -> None:
    with simulator.opened(server.machine), server.session() as mine:
        mine.snapshot()
    kept = server.sets()
    assert len(kept) == 1
    server.killed()
    (lost,) = server.sets() - kept
    (lease,) = vsspy.leases(server.leases)
    assert not lease.alive and str(lease.set_id) == lost and lease.volumes == ("C:\\",)
    assert (lease.host, lease.backend, lease.machine) == (host(), "simulator", str(server.machine))
    assert lease.program == "-c" and lease.context is SnapshotContext.APP_ROLLBACK
    assert timedelta(0) <= datetime.now(UTC) - lease.started < timedelta(hours=1)

    dry = vsspy.cleanup(server.leases, dry_run=True)
    assert dry.dry_run and dry.good and outcomes(dry) == ["would be cleaned"]
    assert dry.leases[0].shadow_copies == tuple(lease.shadow_copies.values())
    assert len(server.sets()) == 2 and len(server.files()) == 1

    report = vsspy.cleanup(server.leases)
    assert report.good and outcomes(report) == ["cleaned"] and report.folder == str(server.leases)
    assert report.leases[0].shadow_copies == dry.leases[0].shadow_copies
    assert server.sets() == kept
    assert server.files() == []
    assert vsspy.cleanup(server.leases).leases == ()


def test_a_running_session_is_let_be(server: Server) -> None:
    with server.child() as process:
        (lease,) = vsspy.leases(server.leases)
        assert lease.alive and lease.pid == process.pid
        report = vsspy.cleanup(server.leases)
        assert report.good and outcomes(report) == ["in use"]
        assert server.sets() == {str(lease.set_id)}
    assert [lease.alive for lease in vsspy.leases(server.leases)] == [False]
    assert outcomes(vsspy.cleanup(server.leases)) == ["cleaned"]
    assert server.sets() == set()


def test_an_auto_release_set_has_gone_with_its_process(server: Server) -> None:
    server.killed("BACKUP")
    assert server.sets() == set()
    report = vsspy.cleanup(server.leases)
    assert outcomes(report) == ["cleaned"] and report.leases[0].shadow_copies == ()
    assert server.files() == []


@pytest.mark.parametrize(
    "context", [SnapshotContext.APP_ROLLBACK, SnapshotContext.BACKUP, SnapshotContext.NAS_ROLLBACK]
)
@pytest.mark.parametrize("end", ["good", "error", "closed"])
def test_a_session_that_ends_leaves_no_lease(server: Server, context: SnapshotContext, end: str) -> None:
    with simulator.opened(server.machine) as machine:
        session = server.session(context=context)
        try:
            with session:
                session.snapshot()
                (lease,) = vsspy.leases(server.leases)
                assert lease.alive and lease.pid == os.getpid() and lease.context == context
                assert outcomes(vsspy.cleanup(server.leases)) == ["in use"]
                if end == "error":
                    raise KeyError
                if end == "closed":
                    session.close()
        except KeyError:
            assert end == "error"
        assert server.files() == []
        assert not session.result.notes
        assert len(machine.shadow_copies) == (end == "good" and context is not SnapshotContext.BACKUP)


def test_a_lease_that_stays_does_not_cost_what_is_there_on_purpose(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virus scanner may hold the file open when the session ends."""

    real = os.unlink

    def held(path: str) -> None:
        if Path(path).parent == server.leases:
            raise PermissionError(13, "held open", path)
        real(path)

    with simulator.opened(server.machine), server.session() as session:
        session.snapshot()
        monkeypatch.setattr(os, "unlink", held)
    monkeypatch.undo()
    assert any("could not be removed" in note for note in session.result.notes)
    kept = server.sets()
    assert len(kept) == 1 and len(server.files()) == 1
    assert outcomes(vsspy.cleanup(server.leases)) == ["cleaned"]
    assert server.sets() == kept and server.files() == []


def test_what_could_not_be_deleted_stays_in_its_lease(server: Server) -> None:
    with simulator.opened(server.machine) as machine:
        machine.add_fault(NOT_DELETED)
        with pytest.raises(KeyError) as caught, server.session() as session:
            session.snapshot()
            raise KeyError
        assert "DeleteSnapshots" in caught.value.__notes__[0]
    (lease,) = vsspy.leases(server.leases)
    assert not lease.alive
    assert outcomes(vsspy.cleanup(server.leases)) == ["cleaned"]
    assert server.sets() == set() and server.files() == []


def test_what_may_still_be_made_stays_in_its_lease(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operation that did not end in time may make the set after it was looked for."""

    def stuck(conversation: Conversation) -> None:
        raise WaitTimeoutError("IVssBackupComponents::DoSnapshotSet")

    monkeypatch.setattr(Conversation, "_drain", stuck)
    with simulator.opened(server.machine), pytest.raises(KeyError), server.session() as session:
        session.snapshot()
        raise KeyError
    assert [lease.alive for lease in vsspy.leases(server.leases)] == [False]
    assert outcomes(vsspy.cleanup(server.leases)) == ["cleaned"]


def test_a_machine_of_persistent_state(tmp_path: Path, server: Server) -> None:
    """It has no folder of its own; its volumes and its state are enough."""
    volumes, state = {"C:\\": tmp_path / "c"}, tmp_path / "state"
    running = simulator.running(volumes=volumes, persistent_state=state, faults=[NOT_DELETED])
    with running, pytest.raises(KeyError), server.session() as session:
        session.snapshot()
        raise KeyError
    assert vsspy.leases(server.leases)[0].machine == str(state)
    report = vsspy.cleanup(server.leases)
    assert outcomes(report) == ["cleaned"] and len(report.leases[0].shadow_copies) == 1
    with simulator.running(volumes=volumes, persistent_state=state) as machine:
        assert machine.shadow_copies == []


def test_where_there_is_a_lease(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_STATE_HOME", "ProgramData"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    assert default_folder() == str(tmp_path / "home" / "vsspy" / "leases")
    with simulator.running(volumes={"C:\\": tmp_path / "c"}):
        with BackupSession("C:\\", select_components=False) as session:  # this machine dies with its process
            session.snapshot()
            assert not (tmp_path / "home").exists()
        with BackupSession("C:\\", select_components=False, lease=True) as session:
            session.snapshot()
            assert [lease.machine for lease in vsspy.leases()] == [None]
    with simulator.opened(server.machine):
        with BackupSession("C:\\") as session:
            session.snapshot()
            assert len(vsspy.leases()) == 1
        with BackupSession("C:\\", lease=False) as session:
            session.snapshot()
            assert vsspy.leases() == []


def test_a_lease_of_a_machine_that_is_gone(server: Server) -> None:
    server.write(machine=None)
    server.write(machine={"folder": str(server.machine / "gone"), "state": None, "volumes": {}})
    assert outcomes(vsspy.cleanup(server.leases)) == ["cleaned", "cleaned"]
    assert server.files() == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"version": 2}', '{"version": 1}', "\xff", "[" * 100_000, " " * (2 << 20)],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_lease_is_left_alone(server: Server, text: str) -> None:
    path = server.write()
    path.write_bytes(text.encode("latin-1"))
    assert vsspy.leases(server.leases) == []
    report = vsspy.cleanup(server.leases)
    assert not report.good and outcomes(report) == ["left alone"] and report.leases[0].lease is None
    assert report.leases[0].problem
    assert path.read_bytes() == text.encode("latin-1")


@pytest.mark.parametrize(
    "changes",
    [
        {"set_id": "x"},
        {"shadow_copies": []},
        {"shadow_copies": {"C:\\": None}},
        {"pid": "many"},
        {"started": 5},
        {"backend": "mine"},
        {"machine": "mine"},
        {"context": None},
    ],
    ids=str,
)
def test_values_that_make_no_sense(server: Server, changes: dict[str, Any]) -> None:
    path = server.write(**changes)
    assert outcomes(vsspy.cleanup(server.leases)) == ["left alone"]
    assert path.exists()


def test_another_computers_lease_is_left_alone(server: Server) -> None:
    server.leave()
    (path,) = (server.leases / name for name in server.files())
    path.write_text(json.dumps({**json.loads(path.read_text()), "host": "elsewhere"}))
    report = vsspy.cleanup(server.leases)
    assert report.leases[0].problem == "it is of another computer: elsewhere" and path.exists()
    assert len(server.sets()) == 1


def test_a_set_that_the_lease_does_not_know_is_nobodys(server: Server) -> None:
    """A lease that names another's set, but not its shadow copies, deletes nothing."""
    with simulator.opened(server.machine), server.session() as mine:
        mine.snapshot()
    (theirs,) = server.sets()
    server.write(set_id=theirs)
    report = vsspy.cleanup(server.leases)
    assert outcomes(report) == ["left alone"] and "does not name" in (report.leases[0].problem or "")
    assert server.sets() == {theirs}


def test_one_problem_does_not_stop_the_rest(server: Server) -> None:
    server.leave()
    server.write(set_id="x")
    (server.leases / "notes.txt").write_text("mine")
    (server.leases / f"{uuid4().hex}.json.new").write_text("{")  # of a process that was killed while it wrote
    report = vsspy.cleanup(server.leases)
    assert sorted(outcomes(report)) == ["cleaned", "left alone"]
    assert server.sets() == set()
    assert len(server.files()) == 2 and "notes.txt" in server.files()


def test_no_folder_is_no_lease(tmp_path: Path) -> None:
    assert vsspy.leases(tmp_path / "none") == []
    assert vsspy.cleanup(tmp_path / "none").leases == ()
    assert not (tmp_path / "none").exists()


def test_a_lease_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with simulator.opened(server.machine) as machine:
        with server.session(lease_folder=tmp_path / "file") as session:
            session.snapshot()
        assert "no lease file could be written" in session.result.notes[0]
        assert session.result.good
        with pytest.raises(OSError), server.session(lease_folder=tmp_path / "file", lease=True) as session:
            session.snapshot()
        assert len(machine.shadow_copies) == 1  # the first session's


@posix_only
def test_the_folder_is_the_users_alone(server: Server, tmp_path: Path) -> None:
    with simulator.opened(server.machine), server.session() as session:
        session.snapshot()
        assert server.leases.stat().st_mode & 0o777 == 0o700
        assert all((server.leases / name).stat().st_mode & 0o777 == 0o600 for name in os.listdir(server.leases))
    server.leases.chmod(0o777)
    with pytest.raises(PermissionError, match="others may write"):
        vsspy.cleanup(server.leases)
    server.leases.chmod(0o700)
    link = tmp_path / "link"
    link.symlink_to(server.leases)
    for refused in (lambda: vsspy.cleanup(link), lambda: vsspy.leases(link)):
        with pytest.raises(PermissionError, match="not a folder itself"):
            refused()


@posix_only
def test_links_are_not_followed(server: Server, tmp_path: Path) -> None:
    real = server.write()
    target = tmp_path / "target.json"
    real.rename(target)
    real.symlink_to(target)
    report = vsspy.cleanup(server.leases)
    assert outcomes(report) == ["left alone"] and target.exists() and real.is_symlink()
    real.unlink()
    os.mkfifo(real)
    assert outcomes(vsspy.cleanup(server.leases)) == ["left alone"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_child_of_a_fork_does_not_hold_its_parents_lease(server: Server) -> None:
    ready, says = os.pipe()
    wait, go = os.pipe()
    with simulator.opened(server.machine), server.session() as session:
        session.snapshot()
        child = os.fork()
        if child == 0:
            os.close(go)
            os.write(says, b"!")
            os.read(wait, 1)
            os._exit(0)
        os.read(ready, 1)
        try:
            assert [lease.alive for lease in vsspy.leases(server.leases)] == [True]
            assert session._talk is not None and session._talk._lease is not None
            session._talk._lease.leave()  # as the system does when the process ends
            assert [lease.alive for lease in vsspy.leases(server.leases)] == [False]
        finally:
            for end in (ready, says, wait, go):
                os.close(end)
            os.waitpid(child, 0)


# --- the command ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Runner:
    return make_runner(capsys)


def test_the_command(server: Server, command: Runner) -> None:
    folder = ("--lease-folder", server.leases)
    done = command("cleanup", *folder)
    assert (done.code, done.output) == (0, "There are no leases: no program left anything.\n")
    server.leave()
    values = check_json("cleanup", command("cleanup", *folder, "--dry-run", "--json").output)
    assert values["dry_run"] and [each["outcome"] for each in values["leases"]] == ["would be cleaned"]
    assert len(server.sets()) == 1
    done = command("cleanup", *folder)
    assert done.code == 0 and "cleaned" in done.output and "C:\\" in done.output and not done.error
    assert server.sets() == set()
    assert check_json("cleanup", command("cleanup", *folder, "--json").output)["leases"] == []


def test_the_command_tells_what_it_left_alone(server: Server, command: Runner) -> None:
    server.write(set_id="x")
    server.write(host="elsewhere")
    done = command("cleanup", "--lease-folder", server.leases)
    assert done.code == 1 and done.output.count("left alone") == 2 and "another computer: elsewhere" in done.error
    done = command("cleanup", "--lease-folder", server.leases, "--json")
    values = check_json("cleanup", done.output)
    assert done.code == 1 and all(each["problem"] for each in values["leases"])
    assert sorted(each["lease"] is None for each in values["leases"]) == [False, True]


@posix_only
def test_the_command_refuses_a_folder_of_others(server: Server, command: Runner) -> None:
    server.write()
    server.leases.chmod(0o777)
    done = command("cleanup", "--lease-folder", server.leases)
    assert done.code == 2 and done.error.count("\n") == 1
