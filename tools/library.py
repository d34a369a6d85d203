"""Build the simulator as a library for requesters in any language: libvssapi.so, or vssapi.dll with MinGW-w64.

    python tools/library.py build --out DIR              DIR/libvssapi.so and DIR/include
    python tools/library.py build --out DIR --windows    DIR/vssapi.dll, DIR/libvssapi.dll.a and DIR/include

There is no Python in it. Objects are kept in .library/ in the checkout; docs/other-languages.md says how it is used.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".library"
MINGW = "x86_64-w64-mingw32-g++-posix"
DLLTOOL = "x86_64-w64-mingw32-dlltool"
FLAGS = [
    "-std=c++20",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-non-virtual-dtor",
    "-Wno-missing-field-initializers",
    "-fvisibility=hidden",
]
SIMULATOR = ["com/*.cpp", "documents/*.cpp", "simulator/*.cpp"]
EXPORTS = ["simulator/dll/*.cpp"]
DEFINITIONS = "csrc/simulator/dll/vssapi.def"
SYSTEM_LIBRARIES = ["-lole32", "-loleaut32", "-ladvapi32", "-luuid"]
LINK_SHARED = ["-shared", "-pthread", "-static-libgcc", "-static-libstdc++", "@csrc/simulator/dll/libvssapi.options"]


def run(*command: str | Path) -> None:
    if subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode:
        raise SystemExit(f"failed: {' '.join(map(str, command))}")


class Compilation:
    """Objects of one build, compiled again only where their command or a file that they read changed."""

    def __init__(self, compiler: str, folder: Path) -> None:
        self.compiler = compiler
        self.folder = folder
        self.commands: dict[Path, list[str]] = {}

    def objects(self, folder: str, *patterns: str, flags: list[str]) -> list[Path]:
        sources = sorted(source for pattern in patterns for source in (ROOT / "csrc").glob(pattern))
        found = []
        for source in sources:
            target = self.folder / folder / source.relative_to(ROOT).with_suffix(".o")
            command = [
                *self.compiler.split(),
                *FLAGS,
                *flags,
                "-MMD",
                "-c",
                str(source.relative_to(ROOT)),
                "-o",
                str(target),
            ]
            self.commands[target] = command
            found.append(target)
        return found

    @staticmethod
    def stale(target: Path, command: list[str]) -> bool:
        record, dependencies = target.with_suffix(".command"), target.with_suffix(".d")
        if not (target.exists() and record.exists() and dependencies.exists()):
            return True
        if record.read_text(encoding="utf-8") != "\n".join(command):
            return True
        names = dependencies.read_text(encoding="utf-8").replace("\\\n", " ").split(": ", 1)[1].split()
        made = target.stat().st_mtime
        return any(not (ROOT / name).exists() or (ROOT / name).stat().st_mtime > made for name in names)

    @staticmethod
    def compile(target: Path, command: list[str]) -> str:
        target.parent.mkdir(parents=True, exist_ok=True)
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if result.returncode:
            target.unlink(missing_ok=True)
            return result.stderr
        target.with_suffix(".command").write_text("\n".join(command), encoding="utf-8")
        return ""

    def run(self) -> None:
        stale = [(target, command) for target, command in self.commands.items() if self.stale(target, command)]
        print(f"compiling {len(stale)} of {len(self.commands)} files", flush=True)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            errors = [text for text in pool.map(lambda pair: self.compile(*pair), stale) if text]
        if errors:
            raise SystemExit("\n".join(errors))


def link_windows(dll: Path, objects: list[Path]) -> None:
    """vssapi.dll; nothing of MinGW's runtime stays a DLL."""
    run(MINGW, "-shared", "-static", "-s", "-o", dll, *objects, DEFINITIONS, *SYSTEM_LIBRARIES)


def build(out: Path, windows: bool) -> None:
    compiler = MINGW if windows else os.environ.get("CXX", "g++")
    compilation = Compilation(compiler, WORK / ("windows" if windows else "posix"))
    flags = [] if windows else ["-fPIC", "-pthread"]
    objects = compilation.objects("plain", *SIMULATOR, *EXPORTS, flags=flags)
    compilation.run()
    out.mkdir(parents=True, exist_ok=True)
    if windows:
        link_windows(out / "vssapi.dll", objects)
        run(DLLTOOL, "-d", DEFINITIONS, "-D", "vssapi.dll", "-l", out / "libvssapi.dll.a")
    else:
        run(*compiler.split(), *LINK_SHARED, "-s", "-o", out / "libvssapi.so", *objects)
    include = out / "include/vsspy"
    shutil.rmtree(include, ignore_errors=True)
    include.mkdir(parents=True)
    for header in sorted((ROOT / "csrc/abi").glob("*.h")):
        shutil.copy2(header, include)
    for made in sorted(each for each in out.iterdir() if each.is_file()):
        print(f"wrote {made}")
    print(f"wrote {out / 'include'}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["build"])
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--windows", action="store_true", help="vssapi.dll rather than libvssapi.so")
    options = parser.parse_args()
    build(options.out.resolve(), options.windows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
