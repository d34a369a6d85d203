"""The platform table, apartments, ownership, security, and which backend is used."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from ctypes_platform import CODES, MAIN_STA, STA, CtypesPlatform, sta

import vsspy
from vsspy import _backend, _core, errors

ROOT = Path(__file__).resolve().parents[2]


def components(platform: CtypesPlatform) -> vsspy.BackupComponents:
    return vsspy.BackupComponents(platform)  # type: ignore[arg-type]  # stands in for a machine


# --- ownership ---------------------------------------------------------------------------------------------------------


def test_every_reference_is_given_back() -> None:
    platform = CtypesPlatform()
    platform.operation("GatherWriterMetadata")
    with components(platform) as bc:
        bc.initialize_for_backup("<DOCUMENT/>")
        operation = bc.gather_writer_metadata()
        assert len(platform.live) == 2
        operation.close()
        assert len(platform.live) == 1
    platform.assert_clean()


def test_a_forgotten_object_is_released_and_reported() -> None:
    platform = CtypesPlatform()
    bc = components(platform)
    with pytest.warns(ResourceWarning, match="unclosed <BackupComponents on simulator>"):
        del bc
    platform.assert_clean()


def test_closing_twice() -> None:
    platform = CtypesPlatform()
    bc = components(platform)
    assert not bc.closed
    bc.close()
    bc.close()
    closed: bool = bc.closed
    assert closed
    platform.assert_clean()


def test_the_last_release_runs_without_the_interpreters_lock() -> None:
    """Another thread has to run before Release can return: with the lock held this would hang."""
    platform = CtypesPlatform()
    ran = threading.Event()

    def last() -> int:
        thread = threading.Thread(target=ran.set)
        thread.start()
        thread.join(10)
        return 0

    platform.backup["last_release"] = last
    components(platform).close()
    assert ran.is_set()


def test_a_refused_creation() -> None:
    platform = CtypesPlatform()
    platform.create_result = CODES["E_ACCESSDENIED"]
    with pytest.raises(errors.AccessDeniedError) as caught:
        components(platform)
    assert caught.value.operation == "CreateVssBackupComponents"
    platform.assert_clean()


def test_another_version_of_the_table_is_refused() -> None:
    platform = CtypesPlatform()
    platform._table.version = 1
    with pytest.raises(errors.InvalidArgumentError, match="version"):
        components(platform)


def test_what_is_no_platform_is_refused() -> None:
    with pytest.raises(TypeError):
        _core.Session(object())
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    foreign: Any = new(1, b"somebody.elses", None)
    with pytest.raises(ValueError, match="PyCapsule"):
        _core.Session(foreign)


def test_release_and_free_are_called_in_one_place() -> None:
    """com_ptr and unique_bstr own what the core gets; the platform table of Windows is where the calls end."""
    owner = re.compile(r"(->|\.)Release\(|\bSysFreeString\(|\bCoTaskMemFree\(")
    folders = [ROOT / "csrc" / name for name in ("bindings", "documents", "requester")]
    sources = [path for folder in folders for path in folder.glob("*.[ch]*") if path.name != "windows_platform.cpp"]
    if not sources:
        pytest.skip("the sources are not here")
    assert len(sources) > 20
    assert [path.name for path in sources if owner.search(path.read_text(encoding="utf-8"))] == []


def test_com_interfaces_are_never_registered_with_pybind11() -> None:
    sources = list((ROOT / "csrc/bindings").glob("*.cpp"))
    if not sources:
        pytest.skip("the sources are not here")
    registered = [
        kind for path in sources for kind in re.findall(r"class_<\s*([\w:]+)", path.read_text(encoding="utf-8"))
    ]
    assert registered
    assert not [kind for kind in registered if kind.split("::")[-1].startswith("I")]


# --- apartments --------------------------------------------------------------------------------------------------------


def test_the_mta_is_kept_before_anything_is_made() -> None:
    platform = CtypesPlatform()
    components(platform).close()
    assert platform.names()[:2] == ["CoIncrementMTAUsage", "CreateVssBackupComponents"]


def test_a_caller_in_the_mta_is_served_directly() -> None:
    platform = CtypesPlatform()
    with components(platform) as bc:
        bc.initialize_for_backup()
    assert {thread for _, thread in platform.calls} == {threading.get_ident()}


@pytest.mark.parametrize("kind", [STA, MAIN_STA])
def test_a_caller_on_an_sta_is_served_on_one_private_thread(kind: int) -> None:
    platform = CtypesPlatform()
    platform.operation("GatherWriterMetadata").end()
    platform.backup["GetSessionId"] = lambda out: 0
    with sta(platform, kind), components(platform) as bc:
        bc.initialize_for_backup()
        with bc.gather_writer_metadata() as operation:
            operation.wait()
            operation.cancel()
        bc.get_session_id()
    served = [(name, thread) for name, thread in platform.calls if name != "CoIncrementMTAUsage"]
    names = {name.split("::")[-1] for name, _ in served}
    assert {"CreateVssBackupComponents", "InitializeForBackup", "QueryInterface", "QueryStatus", "Release"} <= names
    assert len({thread for _, thread in served}) == 1
    assert threading.get_ident() not in {thread for _, thread in served}
    platform.assert_clean()


def test_errors_come_through_from_the_private_thread() -> None:
    platform = CtypesPlatform()
    platform.backup["SetContext"] = lambda context: CODES["VSS_E_UNSUPPORTED_CONTEXT"]
    with sta(platform), components(platform) as bc, pytest.raises(errors.UnsupportedContextError) as caught:
        bc.set_context(1)
    assert caught.value.operation == "IVssBackupComponents::SetContext"


def test_an_sta_caller_is_not_queued_behind_another() -> None:
    """A blocking call of one thread must not keep another from cancelling."""
    platform = CtypesPlatform()
    entered, leave = threading.Event(), threading.Event()

    def abort() -> int:
        entered.set()
        assert leave.wait(10)
        return 0

    platform.backup["AbortBackup"] = abort
    fake = platform.operation("GatherWriterMetadata")
    with components(platform) as bc:
        operation = bc.gather_writer_metadata()
        platform.apartment = STA
        thread = threading.Thread(target=bc.abort_backup)
        platform.own_threads = {threading.get_ident()}
        thread.start()
        assert thread.ident
        platform.own_threads.add(thread.ident)
        assert entered.wait(10)
        operation.cancel()
        assert fake.cancelled.is_set()
        leave.set()
        thread.join(10)
        fake.end()
        operation.close()
    platform.assert_clean()


# --- security ----------------------------------------------------------------------------------------------------------


def test_security_is_set_by_hand_only() -> None:
    platform = CtypesPlatform()
    components(platform).close()
    assert "CoInitializeSecurity" not in platform.names()
    vsspy.initialize_security(platform)  # type: ignore[arg-type]  # stands in for a machine
    assert platform.names().count("CoInitializeSecurity") == 1


def test_security_that_comes_too_late() -> None:
    platform = CtypesPlatform()
    platform.security_result = 0x80010119
    with pytest.raises(errors.SecurityTooLateError) as caught:
        vsspy.initialize_security(platform)  # type: ignore[arg-type]  # stands in for a machine
    assert caught.value.name == "RPC_E_TOO_LATE"
    assert "8194" in caught.value.hint


# --- interfaces of newer systems ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("newest", ["IVssBackupComponents", "IVssBackupComponentsEx", "IVssBackupComponentsEx2"])
def test_what_an_older_system_does_not_have(newest: str) -> None:
    platform = CtypesPlatform()
    platform.newest = newest
    with components(platform) as bc:
        for _ in range(2):
            with pytest.raises(errors.NotSupportedError, match="Windows 7 / Windows Server 2008 R2") as caught:
                bc.get_session_id()
        assert "IVssBackupComponentsEx3" in str(caught.value)
    assert platform.names().count(f"{newest}::QueryInterface") == 1, "asked once"
    platform.assert_clean()


def test_a_query_that_fails_for_another_reason() -> None:
    platform = CtypesPlatform()
    with components(platform) as bc:
        target = list(platform.objects.values())[-1]
        target._query = lambda iid, out: CODES["E_OUTOFMEMORY"]  # type: ignore[method-assign]
        with pytest.raises(errors.OutOfMemoryError) as caught:
            bc.get_session_id()
        assert caught.value.operation == "IUnknown::QueryInterface"
        del target._query
        target.handlers["GetSessionId"] = lambda out: 0
        bc.get_session_id()  # it was no answer, so it is asked for again
    platform.assert_clean()


# --- which backend ------------------------------------------------------------------------------------------------------


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("VSSPY_BACKEND", "VSSPY_SIMULATOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(_backend, "_current_machine", lambda: None)
    return monkeypatch


def test_a_machine_is_the_simulator() -> None:
    platform = CtypesPlatform()
    found = _backend.resolve(platform)  # type: ignore[arg-type]  # stands in for a machine
    assert found.name == "simulator"
    assert id(found.machine) == id(platform)
    assert found.platform is platform.capsule


def test_a_closed_machine_is_refused() -> None:
    platform = CtypesPlatform()
    platform.closed = True
    with pytest.raises(errors.ClosedError):
        components(platform)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has a VSS")
@pytest.mark.parametrize("backend", [None, "windows"])
def test_no_vss_off_windows(bare_environment: pytest.MonkeyPatch, backend: str | None) -> None:
    with pytest.raises(errors.UnsupportedPlatformError) as caught:
        vsspy.BackupComponents(backend)
    assert "vsspy.simulator" in caught.value.hint


def test_the_machine_in_use_comes_before_the_environment(bare_environment: pytest.MonkeyPatch) -> None:
    platform = CtypesPlatform()
    bare_environment.setattr(_backend, "_current_machine", lambda: platform)
    bare_environment.setenv("VSSPY_BACKEND", "windows")
    for backend in (None, "simulator"):
        with vsspy.BackupComponents(backend) as bc:
            assert bc.backend_name == "simulator"
    assert _backend.machine_of() is platform  # type: ignore[comparison-overlap]  # stands in for a machine


def test_the_variable_alone_is_refused_on_windows(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv("VSSPY_BACKEND", "simulator")
    bare_environment.setattr(sys, "platform", "win32")
    with pytest.raises(errors.InvalidArgumentError, match="fake"):
        vsspy.BackupComponents()
    bare_environment.setattr(sys, "platform", "linux")
    with pytest.raises(errors.UnsupportedPlatformError, match="running"):
        vsspy.BackupComponents()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has a VSS")
def test_the_folder_alone_is_no_backend(bare_environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bare_environment.setenv("VSSPY_SIMULATOR", str(tmp_path))
    with pytest.raises(errors.UnsupportedPlatformError, match="which VSSPY_BACKEND=simulator makes the backend"):
        vsspy.BackupComponents()
    with pytest.raises(errors.UnsupportedPlatformError, match="no Volume Shadow Copy Service here"):
        vsspy.BackupComponents("windows")


def test_a_folder_that_holds_no_machine(bare_environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bare_environment.setenv("VSSPY_BACKEND", "simulator")
    bare_environment.setenv("VSSPY_SIMULATOR", str(tmp_path))
    with pytest.raises(errors.ObjectNotFoundError, match=r"machine\.xml"):
        vsspy.BackupComponents()


def test_names_that_no_backend_has(bare_environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="linux"):
        vsspy.BackupComponents("linux")
    with pytest.raises(errors.InvalidArgumentError):
        vsspy.BackupComponents("")
    with pytest.raises(errors.InvalidArgumentError, match="object"):
        vsspy.BackupComponents(object())  # type: ignore[arg-type]
    bare_environment.setenv("VSSPY_BACKEND", "real")
    with pytest.raises(errors.InvalidArgumentError, match="VSSPY_BACKEND"):
        vsspy.BackupComponents()


def test_production_never_loads_the_simulator() -> None:
    program = (
        "import sys, vsspy\n"
        "try: vsspy.BackupComponents().close()\n"
        "except vsspy.VssError: pass\n"
        "assert not [m for m in sys.modules if 'simulator' in m], sys.modules\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VSSPY_")}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment, timeout=60, stdin=subprocess.DEVNULL)
