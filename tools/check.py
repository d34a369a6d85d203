"""The checks that read vsspy's sources rather than run them.

    python tools/check.py lint      ruff, clang-format, the generated files, the workflows
    python tools/check.py layers    what includes what; tidy then compiles what lies below the bindings without Python
    python tools/check.py tidy [FILE...]    clang-tidy, on all of csrc or these files
    python tools/check.py types     mypy, and stubtest on the installed package
    python tools/check.py wheels    the wheels that cibuildwheel would make

The tools have to be installed: the dependency groups of pyproject.toml pin them.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sysconfig.get_path("scripts"))
LAYERS = {  # layer: what it may include; dependencies point down only
    "abi": set(),
    "com": {"abi"},
    "documents": {"abi", "com"},
    "filesets": {"abi", "com"},
    "requester": {"abi", "com", "documents"},
    "simulator": {"abi", "com", "documents"},
    "bindings": {"abi", "com", "documents", "filesets", "requester"},
}
WHEELS = {
    f"{python}-win_{architecture}"
    for python in ("cp311", "cp312", "cp313", "cp314", "cp314t", "cp315", "cp315t")
    for architecture in ("amd64", "arm64")
}


def run(*command: str | Path) -> bool:
    """Run one tool; its output is shown where it fails."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    name = " ".join(Path(part).name if Path(part).is_absolute() else str(part) for part in command[:4])
    print(f"{'passed' if result.returncode == 0 else 'FAILED'}: {name}", flush=True)
    if result.returncode:
        print(result.stdout)
    return result.returncode == 0


def at_once(commands: list[list[str | Path]]) -> bool:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return all(list(pool.map(lambda command: run(*command), commands)))


def cpp_files(*suffixes: str) -> list[Path]:
    return sorted(path.relative_to(ROOT) for path in (ROOT / "csrc").rglob("*") if path.suffix in suffixes)


def layer_of(path: Path) -> str:
    """The layer of a file in csrc; what lies in a folder named bindings or dll above its layer is `bindings`."""
    return "bindings" if "bindings" in path.parts[:-1] else path.parts[1]


def lint() -> bool:
    formatted = [
        *cpp_files(".h", ".cpp"),
        Path("tests/sanitizers/planted.cpp"),
        *sorted((ROOT / "tests/fuzz").glob("*.[ch]*")),
        *sorted((ROOT / "tests/foreign").glob("*.[ch]*")),
    ]
    return at_once(
        [
            [SCRIPTS / "ruff", "check"],
            [SCRIPTS / "ruff", "format", "--check"],
            [SCRIPTS / "clang-format", "--dry-run", "-Werror", *formatted],
            [sys.executable, "tools/generate.py", "--check"],
            [SCRIPTS / "zizmor", "--offline", "--quiet", ".github/workflows"],
        ]
    )


def layers() -> bool:
    good = True
    for path in cpp_files(".h", ".cpp"):
        layer = layer_of(path)
        in_simulator = path.parts[1] == "simulator"
        for line, name in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)', name)
            if not match:
                continue
            kind, target = match.groups()
            if layer != "bindings" and re.match(r"(pybind11/|Python\.h)", target):
                print(f"{path}:{line}: {layer} knows nothing of Python")
                good = False
            if kind == '"':
                found = (ROOT / path).parent / target
                other = Path(os.path.normpath(found)).relative_to(ROOT).parts[1]
                allowed = LAYERS["simulator"] | {"simulator", "bindings"} if in_simulator else LAYERS[layer] | {layer}
                if other not in allowed:
                    print(f"{path}:{line}: {layer} may not include {other}")
                    good = False
    return good


def tidy(files: list[str]) -> bool:
    """clang-tidy on each file, which also proves that what lies below the bindings compiles without Python."""
    import pybind11

    flags = ["-std=c++20", "-Wno-unused-command-line-argument"]
    python = [f"-isystem{pybind11.get_include()}", f"-isystem{sysconfig.get_path('include')}"]
    chosen = [Path(name) for name in files] or cpp_files(".cpp")
    return at_once(
        [
            [SCRIPTS / "clang-tidy", "--quiet", path, "--", *flags, *(python if layer_of(path) == "bindings" else [])]
            for path in chosen
        ]
    )


def types() -> bool:
    allowed = ROOT / "tools/stubtest_allowed.txt"
    return at_once(
        [
            [sys.executable, "-m", "mypy"],
            [sys.executable, "-P", "-m", "mypy", "--strict", "--config-file=", *sorted(ROOT.glob("examples/*.py"))],
            [sys.executable, "-P", "-m", "mypy.stubtest", "vsspy", "--allowlist", allowed, "--ignore-unused-allowlist"],
        ]
    )


def wheels() -> bool:
    found: set[str] = set()
    for architecture in ("AMD64", "ARM64"):
        command = [str(SCRIPTS / "cibuildwheel"), "--print-build-identifiers", "--platform", "windows"]
        result = subprocess.run(
            [*command, "--archs", architecture], cwd=ROOT, capture_output=True, text=True, check=True
        )
        found |= set(result.stdout.split())
    for name in sorted(WHEELS ^ found):
        print(f"{name}: {'not built' if name in WHEELS else 'not expected'}")
    print(f"{len(found)} wheels, {len(WHEELS)} expected")
    return found == WHEELS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("check", choices=["lint", "layers", "tidy", "types", "wheels"])
    parser.add_argument("files", nargs="*", help="tidy: only these")
    options = parser.parse_args()
    if options.check == "tidy":
        return 0 if tidy(options.files) else 1
    if options.files:
        parser.error("only tidy takes files")
    return 0 if {"lint": lint, "layers": layers, "types": types, "wheels": wheels}[options.check]() else 1


if __name__ == "__main__":
    raise SystemExit(main())
