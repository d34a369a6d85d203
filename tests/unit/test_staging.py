"""The staging folder: whole or not at all, whatever ends the run and wherever."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from vsspy._roots import Root
from vsspy.cli import staging
from vsspy.cli.errors import CommandError
from vsspy.cli.staging import STAGING, Staging

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such thing")
NEW = {"srv/data/a": "new a", "srv/data/sub/b": "new b", "vsspy/report.json": "new"}
OLD = {
    "srv/data/a": "old a",
    "srv/data/gone": "old",
    "vsspy/report.json": "old",
    "other/keep": "kept",
    "srv/keep": "kept",
}
FINALS = [os.sep.join(("srv", "data")), "vsspy"]


def fill(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def stage(made: Staging) -> None:
    fill(Path(made.root.full(made.tree)), NEW)


def crash(made: Staging) -> None:
    """What the system does for a process that is killed: the lock is let go, nothing is tidied."""
    if made._lock is not None:
        os.close(made._lock._descriptor)
    made.root.close()


AFTER = {**{name: text for name, text in OLD.items() if not name.startswith(("srv/data/", "vsspy/"))}, **NEW}


def test_commit_makes_all_of_it_visible(tmp_path: Path) -> None:
    target = tmp_path / "new" / "deeper"
    with Staging(str(target), overwrite=False) as made:
        stage(made)
        assert sorted(os.listdir(target)) == [STAGING]
        made.commit(FINALS)
    assert tree(target) == NEW
    assert sorted(os.listdir(target)) == ["srv", "vsspy"]


def test_without_commit_nothing_is_left(tmp_path: Path) -> None:
    target = tmp_path / "new" / "deeper"
    with pytest.raises(RuntimeError), Staging(str(target), overwrite=False) as made:
        stage(made)
        os.chmod(target / STAGING / "tree" / "srv", 0o500)
        raise RuntimeError
    assert os.listdir(tmp_path) == []


def test_an_empty_folder_stays_with_its_times(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    os.utime(target, ns=(10**18, 10**18 + 100))
    with Staging(str(target), overwrite=False) as made:
        stage(made)
    assert os.listdir(target) == []
    assert target.stat().st_mtime_ns == 10**18 + 100


def test_a_folder_that_is_not_empty_is_refused_and_untouched(tmp_path: Path) -> None:
    fill(tmp_path, OLD)
    before = os.stat(tmp_path).st_mtime_ns
    with pytest.raises(CommandError, match="not empty.*--overwrite"):
        Staging(str(tmp_path), overwrite=False)
    assert tree(tmp_path) == OLD and sorted(os.listdir(tmp_path)) == ["other", "srv", "vsspy"]
    assert os.stat(tmp_path).st_mtime_ns == before


def test_overwrite_replaces_what_is_written_and_nothing_else(tmp_path: Path) -> None:
    fill(tmp_path, OLD)
    with Staging(str(tmp_path), overwrite=True) as made:
        stage(made)
        made.commit(FINALS)
    assert tree(tmp_path) == AFTER
    assert STAGING not in os.listdir(tmp_path)


def test_a_tree_of_which_nothing_was_staged_keeps_what_was_there(tmp_path: Path) -> None:
    fill(tmp_path, OLD)
    with Staging(str(tmp_path), overwrite=True) as made:
        fill(Path(made.root.full(made.tree)), {"vsspy/report.json": "new"})
        made.commit(FINALS)
    assert tree(tmp_path) == {**OLD, "vsspy/report.json": "new"}


@pytest.fixture
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flushing hundreds of times tells nothing about names, and takes its time."""
    monkeypatch.setattr(staging, "sync_all", lambda root: None)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


class Killed(BaseException):
    pass


def kill_at(patch: pytest.MonkeyPatch, count: int, error: Callable[[], BaseException] = Killed) -> list[int]:
    """The `count`th call that changes a name raises; gives the number of calls so far."""
    calls = [0]

    def wrap(real: Callable[..., None]) -> Callable[..., None]:
        def call(*args: object, **kwargs: object) -> None:
            calls[0] += 1
            if calls[0] == count:
                raise error()
            real(*args, **kwargs)

        return call

    for name in ("rename", "mkdir", "unlink", "rmdir", "chmod"):
        patch.setattr(Root, name, wrap(getattr(Root, name)))
    patch.setattr(os, "mkdir", wrap(os.mkdir))
    return calls


@pytest.mark.usefixtures("no_sync")
def test_a_kill_anywhere_leaves_the_old_or_the_new_and_the_next_run_tidies_up(tmp_path: Path) -> None:
    outcomes = set()
    for count in range(1, 100):
        target = tmp_path / str(count)
        fill(target, OLD)
        made = Staging(str(target), overwrite=True)
        stage(made)
        with pytest.MonkeyPatch.context() as patch:
            calls = kill_at(patch, count)
            try:
                made.commit(FINALS)
                made.discard()
            except Killed:
                pass
            else:
                break
        assert calls[0] == count
        crash(made)
        with Staging(str(target), overwrite=True) as after:
            assert sorted(name for name in os.listdir(after.root.full(STAGING))) == ["lock", "tree"]
        found = tree(target)
        assert found in (OLD, AFTER), count
        outcomes.add(found == AFTER)
        assert STAGING not in os.listdir(target)
    else:
        pytest.fail("the commit never came to its end")
    assert count > 10 and outcomes == {False, True}


@pytest.mark.usefixtures("no_sync")
def test_a_kill_of_the_run_that_finishes_another_ones_commit(tmp_path: Path) -> None:
    for first in (2, 4, 6):
        for second in range(1, 30):
            target = tmp_path / f"{first}-{second}"
            fill(target, OLD)
            made = Staging(str(target), overwrite=True)
            stage(made)
            with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
                kill_at(patch, first)
                made.commit(FINALS)
            crash(made)
            next_run = Staging.__new__(Staging)
            killed = False
            with pytest.MonkeyPatch.context() as patch:
                kill_at(patch, second)
                patch.setattr(Staging, "discard", lambda self: None)
                try:
                    next_run.__init__(str(target), overwrite=True)  # type: ignore[misc]
                except Killed:
                    killed = True
            if next_run._lock is not None:
                crash(next_run)
            with Staging(str(target), overwrite=True):
                pass
            assert tree(target) == AFTER, (first, second)
            if not killed:
                break


@pytest.mark.usefixtures("no_sync")
def test_a_rename_that_fails_undoes_those_before_it(tmp_path: Path) -> None:
    for count in range(1, 100):
        target = tmp_path / str(count)
        fill(target, OLD)
        with Staging(str(target), overwrite=True) as made:
            stage(made)
            with pytest.MonkeyPatch.context() as patch:
                kill_at(patch, count, lambda: OSError(errno.ENOSPC, "No space left on device"))
                try:
                    made.commit(FINALS)
                except CommandError as error:
                    assert "No space left on device; nothing was made" in str(error)
                else:
                    break
        assert tree(target) == OLD, count
        assert sorted(os.listdir(target)) == ["other", "srv", "vsspy"]
    assert count > 5


def test_an_undo_that_fails_too_loses_nothing(tmp_path: Path) -> None:
    fill(tmp_path, OLD)
    with (
        pytest.raises(CommandError, match="neither finished nor undone"),
        Staging(str(tmp_path), overwrite=True) as made,
    ):
        stage(made)
        with pytest.MonkeyPatch.context() as patch:
            calls = [0]
            real = Root.rename

            def rename(self: Root, old: str, new: str) -> None:
                calls[0] += 1
                if calls[0] > 3:
                    raise OSError(errno.EIO, "dead")
                real(self, old, new)

            patch.setattr(Root, "rename", rename)
            made.commit(FINALS)
    assert STAGING in os.listdir(tmp_path)
    with Staging(str(tmp_path), overwrite=True):
        pass
    assert tree(tmp_path) == AFTER


@posix
def test_a_read_only_folder_moves_and_stays_read_only(tmp_path: Path) -> None:
    with Staging(str(tmp_path), overwrite=False) as made:
        stage(made)
        os.chmod(made.root.full(made.tree + "/srv/data"), 0o555)
        made.commit(FINALS)
    assert (tmp_path / "srv" / "data").stat().st_mode & 0o777 == 0o555
    with Staging(str(tmp_path), overwrite=True) as made:
        stage(made)
        made.commit(FINALS)
    assert tree(tmp_path) == NEW


def test_what_a_killed_run_left_does_not_count_as_contents(tmp_path: Path) -> None:
    made = Staging(str(tmp_path), overwrite=False)
    stage(made)
    crash(made)
    assert os.listdir(tmp_path) == [STAGING]
    with Staging(str(tmp_path), overwrite=False) as again:
        assert os.listdir(again.root.full(again.tree)) == []
    assert os.listdir(tmp_path) == []


def test_a_finished_commit_of_a_killed_run_counts_as_contents(tmp_path: Path) -> None:
    made = Staging(str(tmp_path), overwrite=False)
    stage(made)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, 3)
        made.commit(FINALS)
    crash(made)
    with pytest.raises(CommandError, match="not empty.*was completed just now"):
        Staging(str(tmp_path), overwrite=False)
    assert tree(tmp_path) == NEW and STAGING not in os.listdir(tmp_path)


def test_the_staging_folder_of_a_living_process_is_untouched(tmp_path: Path) -> None:
    script = """
        import os, sys
        from vsspy.cli.staging import Staging
        with Staging(sys.argv[1], overwrite=False) as made:
            open(made.root.full(made.tree) + os.sep + "file", "w").close()
            print("ready", flush=True)
            sys.stdin.read()
            made.commit(["file"])
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(CommandError, match="in use"):
            Staging(str(tmp_path), overwrite=True)
        assert sorted(os.listdir(tmp_path / STAGING)) == ["lock", "tree"]
        process.stdin.close()
        assert process.wait() == 0
    assert os.listdir(tmp_path) == ["file"]


@posix
def test_a_killed_process_frees_its_lock(tmp_path: Path) -> None:
    script = """
        import os, signal, sys
        from vsspy.cli.staging import Staging
        made = Staging(sys.argv[1], overwrite=False)
        open(made.root.full(made.tree) + "/file", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], check=False)
    assert done.returncode == -9 and os.listdir(tmp_path) == [STAGING]
    with Staging(str(tmp_path), overwrite=False):
        pass
    assert os.listdir(tmp_path) == []


@posix
def test_names_in_the_way_are_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "target"
    fill(target, {"srv": "a file"})
    with Staging(str(target), overwrite=True) as made:
        stage(made)
        with pytest.raises(CommandError, match="srv is no folder"):
            made.commit(FINALS)
    assert tree(target) == {"srv": "a file"}
    os.unlink(target / "srv")
    os.symlink(tmp_path / "elsewhere", target / "srv")
    with Staging(str(target), overwrite=True) as made:
        stage(made)
        with pytest.raises(CommandError, match="srv is no folder"):
            made.commit(FINALS)
    assert os.listdir(tmp_path / "elsewhere") == [], "nothing is written through a link in DIR"


@posix
def test_a_staging_folder_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    fill(tmp_path / STAGING, {"mine": "x"})
    with pytest.raises(CommandError, match="not made by vsspy"):
        Staging(str(tmp_path), overwrite=True)
    assert tree(tmp_path / STAGING) == {"mine": "x"}
    other = tmp_path / "other"
    other.mkdir()
    os.symlink(tmp_path / STAGING, other / STAGING)
    with pytest.raises(CommandError, match="is no folder"):
        Staging(str(other), overwrite=True)
    assert tree(tmp_path / STAGING) == {"mine": "x"}


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CommandError):
        Staging(str(tmp_path / "file"), overwrite=False)
    assert tree(tmp_path) == {"file": "x"}
