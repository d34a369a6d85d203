"""The end of the interpreter with objects open, and the child after a fork."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ctypes_platform import S_OK, CtypesPlatform

import vsspy
from vsspy import _simulator, errors, simulator

HERE = Path(__file__).parent
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")


def run(program: str, **environment: str) -> tuple[list[str], float]:
    """Run a program in a fresh interpreter; what it printed, and the seconds that its end took."""
    text = "import sys\nfrom ctypes_platform import *\nimport vsspy, os, threading, time\n" + textwrap.dedent(program)
    # The last hook to be registered is the first to run.
    text += "\nimport atexit\natexit.register(lambda: print(f'exit at {time.time()}', flush=True))\n"
    paths = [str(HERE), str(Path(vsspy.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "ignore::ResourceWarning", "-c", text],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    ended = time.time()
    said = done.stdout.splitlines()
    begun = [float(line.removeprefix("exit at ")) for line in said if line.startswith("exit at ")]
    words = [word for line in said if not line.startswith("exit at ") for word in line.split()]
    return words, ended - begun[0] if begun else math.inf


def test_open_objects_are_closed_at_exit() -> None:
    said, _ = run("""
        platform = CtypesPlatform()
        platform.backup["last_release"] = lambda: print("released", flush=True) or 0
        fake = platform.operation("GatherWriterMetadata")
        bc = vsspy.BackupComponents(platform)
        operation = bc.gather_writer_metadata()
        fake.object.handlers["last_release"] = lambda: print("operation", flush=True) or 0
        print("end", flush=True)
    """)
    assert said == ["end", "operation", "released"]


def test_open_views_are_given_back_at_exit() -> None:
    said, _ = run("""
        from foreign_components import ForeignDocument
        platform = CtypesPlatform()
        platform.backup["last_release"] = lambda: print("released", flush=True) or 0
        document = ForeignDocument(platform, {"GetComponentName": "name"})
        bc = vsspy.BackupComponents(platform)
        writers = bc.writer_components
        components = writers[0].components
        print(components[0].name, len(platform.live), flush=True)
        vsspy._core.close_everything()
        platform.assert_clean()
        print("clean", flush=True)
    """)
    assert said == ["name", "3", "released", "clean"]


@needs_fork
def test_an_enumerator_after_a_fork() -> None:
    said, _ = run("""
        from ctypes_platform import ComObject
        platform = CtypesPlatform()
        def nothing(*arguments):
            ctypes.c_uint32.from_address(arguments[-1]).value = 0
            return 1
        enumerator = ComObject(platform, "IVssEnumObject", {"Next": nothing})
        platform.backup["Query"] = lambda *arguments: enumerator.give(arguments[-1])
        bc = vsspy.BackupComponents(platform)
        objects = bc.query()
        child = os.fork()
        if child == 0:
            for use in (objects.reset, objects.clone, lambda: objects.next(1), lambda: objects.skip(1), objects.close):
                try:
                    use()
                except vsspy.ForkedError:
                    print("refused", flush=True)
            calls = len(platform.calls)
            del objects
            print(len(platform.calls) - calls, flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert objects.next(1) == []
        objects.close()
        bc.close()
        platform.assert_clean()
    """)
    assert said == ["refused"] * 5 + ["0"]


@needs_fork
def test_a_view_after_a_fork() -> None:
    said, _ = run("""
        from foreign_components import ForeignDocument
        platform = CtypesPlatform()
        document = ForeignDocument(platform, {"GetComponentName": "name", "GetRestoreName": "new"})
        bc = vsspy.BackupComponents(platform)
        components = bc.writer_components[0].components
        assert components[0].restore_name == "new"
        child = os.fork()
        if child == 0:
            try:
                components[0].name
            except vsspy.ForkedError:
                print("refused", flush=True)
            calls = len(platform.calls)
            del components, bc
            print(len(platform.calls) - calls, flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print(components[0].name, flush=True)
        bc.close()
        platform.assert_clean()
    """)
    assert said == ["refused", "0", "name"]


def test_a_daemon_thread_that_waits_does_not_hold_the_exit_up() -> None:
    # Nothing frees what a daemon thread holds that the end of the process stops, so LeakSanitizer is not asked here.
    said, seconds = run(
        """
        platform = CtypesPlatform()
        fake = platform.operation("GatherWriterMetadata")
        bc = vsspy.BackupComponents(platform)
        operation = bc.gather_writer_metadata()
        def wait():
            try:
                operation.wait()
            finally:
                os.write(1, b"the thread came back")
        threading.Thread(target=wait, daemon=True).start()
        while not fake.waits:
            time.sleep(0.001)
        print("end", flush=True)
        """,
        ASAN_OPTIONS="detect_leaks=0",
    )
    assert said == ["end"], "CPython would end a thread that comes back, and the process with it"
    assert seconds < 8, "the limit was not needed"


def test_nothing_new_is_started_at_exit() -> None:
    said, _ = run("""
        platform = CtypesPlatform()
        platform.backup["AbortBackup"] = lambda: S_OK
        bc = vsspy.BackupComponents(platform)
        vsspy._core.close_everything()
        for use in (lambda: vsspy.BackupComponents(platform), bc.abort_backup):
            try:
                use()
            except vsspy.ClosedError as error:
                print("refused", flush=True)
        print(len(platform.live), flush=True)
    """)
    assert said == ["refused", "refused", "0"]


def test_a_callback_may_need_the_interpreter_while_it_ends() -> None:
    """A writer's part in the last Release runs Python on another thread."""
    said, _ = run("""
        platform = CtypesPlatform()
        def gone():
            print("release", flush=True)
            ready.set()
            answered.wait(5)
            return 0
        ready, answered = threading.Event(), threading.Event()
        def writer():
            ready.wait()
            print("writer", flush=True)
            answered.set()
        threading.Thread(target=writer, daemon=True).start()
        platform.backup["last_release"] = gone
        bc = vsspy.BackupComponents(platform)
    """)
    assert said == ["release", "writer"]


def test_the_exit_waits_for_a_slow_release() -> None:
    said, _ = run("""
        platform = CtypesPlatform()
        platform.backup["last_release"] = lambda: time.sleep(0.2) or print("released", flush=True) or 0
        bc = vsspy.BackupComponents(platform)
        print("end", flush=True)
    """)
    assert said == ["end", "released"]


def test_the_exit_gives_up_on_a_release_that_hangs() -> None:
    said, _ = run("""
        platform = CtypesPlatform()
        platform.backup["last_release"] = lambda: threading.Event().wait()
        bc = vsspy.BackupComponents(platform)
        started = time.monotonic()
        vsspy._core.close_everything(0.1)
        print("gave-up" if time.monotonic() - started < 5 else "too-late", flush=True)
        os._exit(0)  # atexit would wait for its own, longer limit
    """)
    assert said == ["gave-up"]


def test_what_the_exit_gave_up_on_is_not_tried_again() -> None:
    """Else each forgotten object would hang the end of the interpreter once more."""
    said, _ = run("""
        platform = CtypesPlatform()
        platform.backup["last_release"] = lambda: print("released", flush=True) or threading.Event().wait()
        made = [vsspy.BackupComponents(platform), vsspy.BackupComponents(platform)]
        vsspy._core.close_everything(0.2)
        made.clear()
        print("end", flush=True)
        os._exit(0)
    """)
    assert said == ["released", "end"]


def test_a_backup_on_a_simulated_machine_is_open_at_exit(tmp_path: Path) -> None:
    """The shadow copy goes with the last Release, and writers hear of it, although nothing was closed."""
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume" / "file").write_bytes(b"content")
    said, seconds = run(f"""
        from pathlib import Path
        from vsspy import simulator
        folder = Path({str(tmp_path)!r})
        writer = simulator.Writer("W", on_backup_shutdown=lambda event: print("shutdown", flush=True))
        running = simulator.running(volumes={{"C:\\\\": folder / "volume"}}, writers=[writer], state=folder / "state")
        machine = running.__enter__()
        bc = vsspy.BackupComponents()
        bc.initialize_for_backup()
        bc.gather_writer_metadata().wait(10)
        bc.set_backup_state(False, False, vsspy.BackupType.COPY)
        bc.start_snapshot_set()
        bc.add_to_snapshot_set("C:\\\\")
        bc.prepare_for_backup().wait(10)
        bc.do_snapshot_set().wait(10)
        device = next(bc.query()).device_object
        print(Path(device, "file").read_text(), device, flush=True)
    """)
    content, device, *heard = said
    assert content == "content"
    assert heard == ["shutdown"]
    assert not Path(device).exists()
    assert seconds < 8


def test_the_exit_gives_up_on_a_writer_that_hangs(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    said, seconds = run(f"""
        from pathlib import Path
        from vsspy import _running_machines, simulator
        _running_machines.EXIT_LIMIT = 0.3
        folder = Path({str(tmp_path)!r})
        entered = threading.Event()
        def hang(event):
            entered.set()
            threading.Event().wait()
        machine = simulator.Machine(
            volumes={{"C:\\\\": folder / "volume"}},
            writers=[simulator.Writer("W", on_identify=hang)],
            state=folder / "state",
        )
        bc = vsspy.BackupComponents(machine)
        bc.initialize_for_backup()
        operation = bc.gather_writer_metadata()
        entered.wait(10)
        print("end", flush=True)
    """)
    assert said == ["end"]
    assert seconds < 8


def test_a_writer_may_drop_the_last_reference_of_a_machine(tmp_path: Path) -> None:
    """The collector runs where it likes, on a thread of the service too: another machine's, or the machine's own."""
    (tmp_path / "volume").mkdir()
    said, _ = run(f"""
        import gc
        from pathlib import Path
        from vsspy import simulator
        folder = Path({str(tmp_path)!r})
        def drop(event):
            box.clear()
            gc.collect()
            dropped.set()
        def gather(machine):
            bc = vsspy.BackupComponents(machine)
            bc.initialize_for_backup()
            return bc, bc.gather_writer_metadata()
        def make(**callbacks):
            writers = [simulator.Writer("W", **callbacks)]
            return simulator.Machine(volumes={{"C:\\\\": folder / "volume"}}, writers=writers, state=folder / "state")
        for own in (False, True):
            dropped, go = threading.Event(), threading.Event()
            other = make()
            bc, operation = gather(other)
            operation.wait(10)
            bc.close()
            machine = make(on_identify=lambda event: go.wait(10) and drop(event))
            bc, operation = gather(machine)
            box = [machine if own else other]
            del other
            if own:
                del machine
            go.set()
            print(dropped.wait(10), flush=True)
            operation.wait(10)
            operation.close()
            bc.close()
            del bc, operation
            if not own:
                machine.close()
        gc.collect()
        end = time.monotonic() + 10
        while any((folder / "state").iterdir()) and time.monotonic() < end:
            time.sleep(0.01)
        print(len(list((folder / "state").iterdir())), flush=True)
    """)
    assert said == ["True", "True", "0"]


def in_child(body: Callable[[], None]) -> int:
    """Fork, run `body` in the child, and give its exit code: 0 where it did not raise."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            body()
            code = 0
        except BaseException as error:  # noqa: BLE001 - the child must not go on as a second pytest
            os.write(2, f"in the child: {error!r}\n".encode())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@needs_fork
def test_after_a_fork_methods_are_refused_and_nothing_is_released() -> None:
    platform = CtypesPlatform()
    fake = platform.operation("GatherWriterMetadata")
    made = [vsspy.BackupComponents(platform)]  # type: ignore[arg-type]  # stands in for a machine
    operations = [made[0].gather_writer_metadata()]
    count = len(platform.calls)

    def child() -> None:
        for use in (made[0].initialize_for_backup, made[0].close, operations[0].wait, operations[0].cancel):
            try:
                use()
            except errors.ForkedError:
                continue
            raise AssertionError(f"{use} works after a fork")
        operations.clear()
        made.clear()  # without a ResourceWarning: the object is the parent's
        assert len(platform.calls) == count, platform.calls[count:]

    assert in_child(child) == 0
    made[0].initialize_for_backup()
    fake.end()
    operations[0].wait()
    operations[0].close()
    made[0].close()
    platform.assert_clean()


@needs_fork
def test_the_child_can_make_its_own_objects() -> None:
    platform = CtypesPlatform()
    with vsspy.BackupComponents(platform):  # type: ignore[arg-type]  # stands in for a machine

        def child() -> None:
            own = CtypesPlatform()
            with vsspy.BackupComponents(own) as bc:  # type: ignore[arg-type]
                bc.initialize_for_backup()
            own.assert_clean()

        assert in_child(child) == 0


@needs_fork
def test_a_fork_while_a_call_runs_leaves_no_lock_behind() -> None:
    """The child's copy of the session's mutex stays locked for ever: nothing may take it there."""
    platform = CtypesPlatform()
    entered, leave = threading.Event(), threading.Event()

    def abort() -> int:
        entered.set()
        leave.wait(10)
        return S_OK

    platform.backup["AbortBackup"] = abort
    bc = vsspy.BackupComponents(platform)  # type: ignore[arg-type]  # stands in for a machine
    thread = threading.Thread(target=bc.abort_backup)
    thread.start()
    assert entered.wait(10)

    def child() -> None:
        for use in (bc.initialize_for_backup, bc.close):
            try:
                use()
            except errors.ForkedError:
                continue
            raise AssertionError("no ForkedError")
        vsspy._core.close_everything()

    assert in_child(child) == 0
    leave.set()
    thread.join(10)
    bc.close()
    platform.assert_clean()


@needs_fork
def test_the_childs_end_waits_for_no_callback_of_the_parent(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    entered, leave = threading.Event(), threading.Event()

    def identify(_: simulator.WriterEvent) -> None:
        entered.set()
        leave.wait(30)

    with (
        simulator.running(
            volumes={"C:\\": tmp_path / "volume"},
            writers=[simulator.Writer("W", on_identify=identify)],
            state=tmp_path / "state",
        ) as machine,
        vsspy.BackupComponents(machine) as bc,
    ):
        bc.initialize_for_backup()
        operation = bc.gather_writer_metadata()
        assert entered.wait(10)

        def child() -> None:
            assert _simulator.stop_callbacks(0)

        try:
            assert in_child(child) == 0
        finally:
            leave.set()
        operation.wait(10)
