"""The Windows wheel: what its modules load, and from where."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from portable_executable import Image

WinDLL: Any = getattr(ctypes, "WinDLL", None)
if WinDLL is None:
    pytest.skip("about the wheel for Windows", allow_module_level=True)

UNDER_WINE = hasattr(WinDLL("ntdll"), "wine_get_version")
only_wine = pytest.mark.skipif(
    not UNDER_WINE, reason="Windows always has its own vssapi.dll; Wine can be told to have none"
)
SYSTEM = {"kernel32.dll", "advapi32.dll", "ole32.dll", "oleaut32.dll", "msvcrt.dll", "ntdll.dll", "user32.dll"}


def module_path(name: str) -> Path:
    found = importlib.util.find_spec(name)
    assert found and found.origin
    return Path(found.origin)


def child(program: str, *, python: Path | None = None, folder: Path | None = None) -> str:
    """What a new Python prints."""
    result = subprocess.run(
        [str(python or sys.executable), "-c", textwrap.dedent(program)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.strip()


@contextlib.contextmanager
def python_with_vssapi(rule: str) -> Iterator[Path]:
    """A python.exe under another name, for which Wine has a rule of its own: "builtin", or "" for no vssapi.dll at all."""
    winreg: Any = importlib.import_module("winreg")
    python = Path(sys.executable).with_name("python_other_vssapi.exe")
    application = rf"Software\Wine\AppDefaults\{python.name}"
    shutil.copy2(sys.executable, python)
    try:
        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, rf"{application}\DllOverrides") as key:
            winreg.SetValueEx(key, "vssapi", 0, winreg.REG_SZ, rule)
        yield python
    finally:
        winreg.DeleteKey(winreg.HKEY_CURRENT_USER, rf"{application}\DllOverrides")
        winreg.DeleteKey(winreg.HKEY_CURRENT_USER, application)
        python.unlink()


@pytest.mark.parametrize("name", ["vsspy._core", "vsspy._simulator"])
def test_a_module_needs_only_what_every_windows_has(name: str) -> None:
    image = Image(module_path(name))
    allowed = SYSTEM | {f"python3{sys.version_info.minor}.dll", f"python3{sys.version_info.minor}t.dll"}
    runtime = (
        "api-ms-win-",
        "vcruntime140",
        "msvcp140",
        "ucrtbase",
    )  # CPython brings or Windows has them; wheels carry msvcp140
    others = {dll for dll in image.imports() if dll not in allowed and not dll.startswith(runtime)}
    assert not others


def test_vssapi_is_loaded_on_first_use_only() -> None:
    loaded = "import ctypes, vsspy, vsspy._core; print(bool(ctypes.windll.kernel32.GetModuleHandleW('vssapi.dll')))"
    assert child(loaded) == "False"


@only_wine
def test_without_vss_the_package_imports_and_says_so_at_first_use() -> None:
    program = """
        import vsspy
        try:
            vsspy.BackupComponents()
        except vsspy.UnsupportedPlatformError as error:
            print("refused:", error)
    """
    with python_with_vssapi("") as python:
        assert child(program, python=python).startswith("refused:")


@only_wine
def test_wines_own_vssapi_is_a_typed_error() -> None:
    program = """
        import ctypes, vsspy
        try:
            vsspy.BackupComponents()
        except vsspy.NotSupportedError as error:
            print(error.name, hasattr(ctypes.WinDLL("vssapi"), "vsspy_simulator_control"))
    """
    with python_with_vssapi("builtin") as python:
        assert child(program, python=python) == "E_NOTIMPL False"


WHICH = """
    import ctypes, os
    import vsspy
    try:
        vsspy.BackupComponents().close()
    except vsspy.VssError as error:
        print("error", error)  # an account without the right to make backups; what was loaded counts all the same
    kernel = ctypes.WinDLL("kernel32")
    kernel.GetModuleHandleW.restype = ctypes.c_void_p
    name = ctypes.create_unicode_buffer(1024)
    kernel.GetModuleFileNameW(ctypes.c_void_p(kernel.GetModuleHandleW("vssapi.dll")), name, 1024)
    print(os.path.dirname(name.value).lower())
"""


def system_folder() -> str:
    name = ctypes.create_unicode_buffer(1024)
    WinDLL("kernel32").GetSystemDirectoryW(name, 1024)
    return name.value.lower()


def test_a_dll_planted_in_the_working_folder_is_not_loaded(tmp_path: Path) -> None:
    shutil.copy2(module_path("_ctypes"), tmp_path / "vssapi.dll")
    assert child(WHICH, folder=tmp_path).splitlines()[-1] == system_folder()


def test_a_dll_planted_beside_python_is_not_loaded() -> None:
    planted = Path(sys.executable).with_name("vssapi.dll")
    try:
        shutil.copy2(module_path("_ctypes"), planted)
    except OSError as error:
        pytest.skip(f"python.exe's folder cannot be written: {error}")
    try:
        assert child(WHICH).splitlines()[-1] == system_folder()
    finally:
        planted.unlink()


@only_wine
def test_the_stand_in_exports_every_name_that_programs_import() -> None:
    names = [
        f"{name}{suffix}"
        for name in (
            "CreateVssBackupComponents",
            "CreateVssExamineWriterMetadata",
            "IsVolumeSnapshotted",
            "VssFreeSnapshotProperties",
            "ShouldBlockRevert",
            "GetProviderMgmtInterface",
        )
        for suffix in ("", "Internal")
    ]
    names += ["?CreateVssBackupComponents@@YAJPEAPEAVIVssBackupComponents@@@Z", "DllGetClassObject"]
    kernel = WinDLL("kernel32")
    kernel.LoadLibraryW.restype = ctypes.c_void_p
    kernel.GetProcAddress.restype = ctypes.c_void_p
    library = ctypes.c_void_p(kernel.LoadLibraryW(str(Path(system_folder()) / "vssapi.dll")))
    missing = [name for name in names if not kernel.GetProcAddress(library, name.encode("ascii"))]
    assert not missing
