"""libvssapi.so, the simulator for requesters in other languages: used as they use it, in processes without vsspy."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from vsspy import _simulator, simulator
from vsspy._codes import CODES

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="on Windows the library is the vssapi.dll that every other test runs on"
)

ROOT = Path(__file__).resolve().parents[2]
DLL = ROOT / "csrc/simulator/dll"
LIBRARY = Path(_simulator.__file__).parent / "lib/libvssapi.so"


def run(program: str, *, check: bool = True, **environment: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program that has library_client's names and `api`, the library."""
    text = f"from library_client import *\napi = library()\n{textwrap.dedent(program)}"
    base = {name: value for name, value in os.environ.items() if not name.startswith("VSSPY_SIM")}
    settings = {name: str(value) for name, value in environment.items()}
    # What a program leaves behind on purpose is nothing for LeakSanitizer.
    settings["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    more = {"PYTHONPATH": str(Path(__file__).parent), "LIBVSSAPI": str(LIBRARY), "PYTHONSAFEPATH": ""}
    result = subprocess.run(
        [sys.executable, "-c", text],
        capture_output=True,
        text=True,
        env=base | more | settings,
        timeout=120,
        check=False,
    )
    assert not check or result.returncode == 0, result.stderr
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "machine"
    simulator.configure(root, volumes={"C:\\": "volumes/C"}, writers=[simulator.Writer("Some Writer")])
    (root / "volumes/C/a.txt").write_text("a")
    return root


def exported() -> set[str]:
    names = set(re.findall(r"^\s+(\w+);", (DLL / "libvssapi.map").read_text(encoding="utf-8"), re.MULTILINE))
    assert len(names) > 20
    return names


def test_only_the_exports_are_seen() -> None:
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("nm, which comes with the compiler, is not here")
    lines = subprocess.run([nm, "-D", "--defined-only", LIBRARY], capture_output=True, text=True, check=True).stdout
    assert {line.split()[-1] for line in lines.splitlines()} == exported()


def test_the_dll_has_the_same_entry_points() -> None:
    text = (DLL / "vssapi.def").read_text(encoding="utf-8").split("EXPORTS")[1]
    names = set(re.findall(r"^\s+(\w+)", text, re.MULTILINE))
    of_com = {name for name in exported() if re.match("Sys|Co[A-Z]|_Z", name)}
    assert names == exported() - of_com


def test_a_backup_without_vsspy(folder: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    result = run(
        """
        for name in ("CreateVssBackupComponents", "_Z25CreateVssBackupComponentsPP20IVssBackupComponents"):
            code, made = api.create(name)
            good(code)
            call(made, "IUnknown::Release")
        code, made = api.create()
        good(code)
        make_shadow_copy(made, "C:\\\\")
        call(made, "IUnknown::Release")
        """,
        VSSPY_SIMULATOR=folder,
        VSSPY_SIMULATOR_TRACE=trace,
        VSSPY_SIMULATOR_LIVE="1",
    )
    assert result.stderr == "vssapi (simulator): every COM object was released\n"
    lines = [json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines()]
    names = [line.get("name") for line in lines]
    assert names.count("CreateVssBackupComponents") == 3
    assert "IVssBackupComponents::DoSnapshotSet" in names


def test_the_trace_goes_to_stderr(folder: Path) -> None:
    result = run("good(api.create()[0])", VSSPY_SIMULATOR=folder, VSSPY_SIMULATOR_TRACE="-")
    assert '"CreateVssBackupComponents"' in result.stderr


def test_what_was_not_released_is_told_and_cleaned(folder: Path) -> None:
    result = run(
        """
        code, made = api.create()
        good(code)
        make_shadow_copy(made, "C:\\\\")
        api.call("SysAllocString", text("left"), result=ctypes.c_void_p)
        """,
        VSSPY_SIMULATOR=folder,
        VSSPY_SIMULATOR_LIVE="1",
    )
    assert result.stderr.splitlines() == [
        "vssapi (simulator): 1 COM objects were not released:",
        "vssapi (simulator):   IVssBackupComponents",
        "vssapi (simulator):   BSTR: 1",
    ]
    assert list((folder / "state/running").iterdir()) == []


def test_what_a_killed_process_left_is_cleaned_by_the_next(folder: Path) -> None:
    killed = run(
        """
        import signal
        code, made = api.create()
        good(code)
        make_shadow_copy(made, "C:\\\\")
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        check=False,
        VSSPY_SIMULATOR=folder,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(list((folder / "state/running").iterdir())) == 1
    run("good(api.create()[0])", VSSPY_SIMULATOR=folder)
    assert list((folder / "state/running").iterdir()) == []


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_the_samples_of_the_guide(folder: Path, tmp_path: Path, language: str) -> None:
    compiler = {"c": ["gcc", "-std=c11"], "cpp": ["g++", "-std=c++20", "-Wno-non-virtual-dtor"]}[language]
    if not shutil.which(compiler[0]):
        pytest.skip("there is no compiler here")
    if os.environ.get("VSSPY_SANITIZER"):
        pytest.skip("a program without the sanitizer cannot load a library with it")
    guide = (ROOT / "docs/other-languages.md").read_text(encoding="utf-8")
    (sample,) = re.findall(rf"^```{language}\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    source, program = tmp_path / f"sample.{language}", tmp_path / "sample"
    source.write_text(sample, encoding="utf-8")
    (tmp_path / "include").mkdir()
    (tmp_path / "include/vsspy").symlink_to(ROOT / "csrc/abi")
    words = ["-Wall", "-Wextra", "-Werror", f"-I{tmp_path / 'include'}", str(source), "-o", str(program)]
    words += [f"-L{LIBRARY.parent}", "-lvssapi", f"-Wl,-rpath,{LIBRARY.parent}"]
    made = subprocess.run([*compiler, *words], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    environment = os.environ | {"VSSPY_SIMULATOR": str(folder), "VSSPY_SIMULATOR_LIVE": "1"}
    result = subprocess.run([program], capture_output=True, text=True, env=environment, check=False, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == "vssapi (simulator): every COM object was released\n"


def test_without_a_folder_it_says_so_once() -> None:
    result = run("print(*(hex(api.create()[0]) for _ in range(3)))")
    assert result.stdout.split() == ["0x80004001"] * 3
    (line,) = result.stderr.splitlines()
    assert "VSSPY_SIMULATOR" in line


def test_memory_needs_no_machine() -> None:
    run(
        """
        made = api.call("SysAllocStringLen", text("abc"), 2, result=ctypes.c_void_p)
        assert ctypes.string_at(made, 6) == "ab\\0".encode("utf-16-le")
        assert api.call("SysStringLen", ctypes.c_void_p(made)) == 2
        api.call("SysFreeString", ctypes.c_void_p(made), result=None)
        api.call("SysFreeString", ctypes.c_void_p(), result=None)
        assert api.call("SysAllocString", None, result=ctypes.c_void_p) is None
        assert api.call("SysStringLen", None) == 0
        memory = api.call("CoTaskMemAlloc", ctypes.c_size_t(100), result=ctypes.c_void_p)
        ctypes.memset(memory, 1, 100)
        api.call("CoTaskMemFree", ctypes.c_void_p(memory), result=None)
        """
    )


def test_the_functions_of_com(folder: Path) -> None:
    result = run(
        """
        codes = [api.call("CoInitializeEx", None, 0), api.call("CoInitializeEx", None, 0), api.call("CoInitializeEx", None, 2)]
        api.call("CoUninitialize", result=None)
        api.call("CoUninitialize", result=None)
        codes.append(api.call("CoInitializeEx", None, 2))
        nothing = [None, -1, None, None, 6, 3, None, 0, None]
        codes += [api.call("CoInitializeSecurity", *nothing), api.call("CoInitializeSecurity", *nothing)]
        clsid = guid(API["constants"]["CLSID_VssSnapshotMgmt"])
        iid = guid("fa7df749-66e7-4986-a27f-e2f04ae53772")
        made = ctypes.c_void_p()
        codes.append(api.call("CoCreateInstance", clsid, None, 23, iid, ctypes.byref(made)))
        call(made, "IUnknown::Release")
        codes.append(api.call("CoCreateInstance", iid, None, 23, iid, ctypes.byref(made)))
        factory = ctypes.c_void_p()
        unknown = guid("00000000-0000-0000-c000-000000000046")
        codes.append(api.call("DllGetClassObject", clsid, unknown, ctypes.byref(factory)))
        codes.append(api.call("DllGetClassObject", iid, unknown, ctypes.byref(factory)))
        print(*map(hex, codes))
        """,
        VSSPY_SIMULATOR=folder,
    )
    ok, again, other_mode, too_late = 0, 1, 0x80010106, CODES["RPC_E_TOO_LATE"]
    not_registered, not_available = 0x80040154, 0x80040111
    expected = [ok, again, other_mode, ok, ok, too_late, ok, not_registered, ok, not_available]
    assert result.stdout.split() == [hex(code) for code in expected]


def test_a_machine_that_cannot_be_opened(folder: Path) -> None:
    (folder / "machine.xml").write_text('<machine>\n<volumes>\n<volume name="C:\\"/></volumes></machine>')
    result = run("print(hex(api.create()[0]), hex(api.create()[0]))", VSSPY_SIMULATOR=folder)
    assert result.stdout.split() == [hex(CODES["VSS_E_INVALID_XML_DOCUMENT"])] * 2
    (line,) = result.stderr.splitlines()
    assert f"{folder / 'machine.xml'}: line 3: " in line
    assert "needs the attribute folder" in line


def test_a_trace_that_cannot_be_written(folder: Path) -> None:
    result = run(
        "print(hex(api.create()[0]))", VSSPY_SIMULATOR=folder, VSSPY_SIMULATOR_TRACE=folder / "missing/trace.jsonl"
    )
    assert int(result.stdout, 16) >= 0x80000000
    assert "VSSPY_SIMULATOR_TRACE" in result.stderr
    assert list((folder / "state/running").iterdir()) == []


def test_the_first_use_by_many_threads(folder: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    run(
        """
        import threading
        barrier, codes = threading.Barrier(8), []
        def use():
            barrier.wait()
            code, made = api.create()
            codes.append(code)
            call(made, "IUnknown::Release")
        threads = [threading.Thread(target=use) for _ in range(8)]
        for each in threads: each.start()
        for each in threads: each.join()
        assert codes == [0] * 8, codes
        """,
        VSSPY_SIMULATOR=folder,
        VSSPY_SIMULATOR_TRACE=trace,
    )
    assert trace.read_text(encoding="utf-8").count('"CreateVssBackupComponents"') == 8


def test_the_end_of_the_process_waits_for_no_hanging_operation(tmp_path: Path) -> None:
    fault = simulator.Fault("IVssBackupComponents::GatherWriterMetadata", delay=float("inf"))
    simulator.configure(tmp_path, volumes={"C:\\": "volumes/C"}, faults=[fault])
    run(
        """
        import threading
        code, made = api.create()
        good(code)
        good(call(made, "IVssBackupComponents::InitializeForBackup", ctypes.c_void_p()))
        operation = ctypes.c_void_p()
        good(call(made, "IVssBackupComponents::GatherWriterMetadata", pointer(operation)))
        wait = threading.Thread(target=call, args=(operation, "IVssAsync::Wait", ctypes.c_uint32(0xFFFFFFFF)), daemon=True)
        wait.start()
        """,
        VSSPY_SIMULATOR=tmp_path,
    )


def test_a_child_after_a_fork_has_a_machine_of_its_own(folder: Path) -> None:
    result = run(
        """
        import sys
        code, made = api.create()
        good(code)
        child = os.fork()
        if child == 0:
            code, mine = api.create()
            good(code)
            make_shadow_copy(mine, "C:\\\\")
            call(mine, "IUnknown::Release")
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        call(made, "IUnknown::Release")
        """,
        VSSPY_SIMULATOR=folder,
        VSSPY_SIMULATOR_LIVE="1",
    )
    assert result.stderr.splitlines() == ["vssapi (simulator): every COM object was released"] * 2
    assert list((folder / "state/running").iterdir()) == []
