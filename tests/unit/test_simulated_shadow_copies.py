"""Shadow copies of a simulated machine as its users see them: their volumes, their ends, and a child after a fork."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from uuid import UUID

import pytest
from support import TIMEOUT, server, volume, wait

import vsspy
from vsspy import simulator
from vsspy.enums import ObjectType, SnapshotContext


def test_volume_paths(tmp_path: Path) -> None:
    """GUID paths are there before any shadow copy, and stay readable."""
    with server(tmp_path, volumes={"c:": tmp_path / "C", "/srv": tmp_path / "srv"}) as machine:
        assert list(machine.volume_paths) == list(machine.volumes) == ["c:\\", "/srv/"]
        assert len(set(machine.volume_paths.values())) == 2
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            for path in machine.volume_paths.values():
                assert path.startswith("\\\\?\\Volume{")
                assert components.is_volume_supported(path)
    assert machine.volume_paths["c:\\"]


def delete_at_once(shadow: UUID, threads: int) -> list[str]:
    """What becomes of as many requesters that delete the same shadow copy."""
    start = threading.Barrier(threads)
    results: list[str] = []

    def delete() -> None:
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_context(SnapshotContext.ALL)
            start.wait(TIMEOUT)
            try:
                components.delete_snapshots(shadow, ObjectType.SNAPSHOT)
                results.append("deleted")
            except vsspy.ObjectNotFoundError:
                results.append("not found")

    workers = [threading.Thread(target=delete) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(TIMEOUT)
    return results


def test_two_who_delete_one_shadow_copy(tmp_path: Path) -> None:
    """One of them deletes it, the other one does not find it, and nobody takes the removal for a write."""
    with server(tmp_path) as machine:
        for number in range(200):
            (tmp_path / "C" / "data" / f"{number}.txt").write_text("x", encoding="ascii")
        for _ in range(10):
            with vsspy.BackupComponents() as maker:
                maker.initialize_for_backup()
                maker.set_context(SnapshotContext.NAS_ROLLBACK)
                maker.start_snapshot_set()
                shadow = maker.add_to_snapshot_set("C:\\")
                wait(maker.do_snapshot_set())
            results = delete_at_once(shadow, 3)
            assert sorted(results) == ["deleted", "not found", "not found"]
        assert machine.shadow_copies == []
    assert machine.notes == []


def test_hardware_providers_are_yes_no_or_legacy(tmp_path: Path) -> None:
    volume(tmp_path / "C")
    with (
        pytest.raises(vsspy.InvalidArgumentError),
        simulator.running(volumes={"C:\\": tmp_path / "C"}, hardware_provider="old"),  # type: ignore[arg-type]
    ):
        pytest.fail("there is a machine")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_child_after_a_fork_hangs_nowhere(tmp_path: Path) -> None:
    """What the parent's threads had locked at the fork stays locked in the child: it is refused instead."""
    volume(tmp_path / "C")
    program = """
        import os, sys, threading
        import vsspy
        from vsspy import simulator

        with simulator.running(volumes={"C:\\\\": sys.argv[1]}, state=sys.argv[2]) as machine:
            machine._reading.acquire()  # as a thread has it that reads at this moment
            child = os.fork()
            if child == 0:
                refused = []
                for name in ("trace", "live_objects", "notes", "shadow_copies", "broken"):
                    try:
                        getattr(machine, name)
                    except vsspy.ForkedError:
                        refused.append(name)
                try:
                    machine.live()
                except vsspy.ForkedError:
                    refused.append("live")
                print(" ".join(refused), machine.closed, list(machine.volumes), flush=True)
                os._exit(0)
            os.waitpid(child, 0)
            machine._reading.release()
            print(len(machine.trace), flush=True)
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "C"), str(tmp_path / "state")],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert found.stdout.splitlines() == [
        "trace live_objects notes shadow_copies broken live True ['C:\\\\']",
        "0",
    ], found.stderr
