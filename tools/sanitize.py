"""Build vsspy with a sanitizer and run the tests on that build.

    python tools/sanitize.py address [pytest's arguments]    AddressSanitizer, LeakSanitizer, UndefinedBehaviorSanitizer
    python tools/sanitize.py thread [pytest's arguments]     ThreadSanitizer
    python tools/sanitize.py address|thread --self-test      only: are planted defects found?
    python tools/sanitize.py address|thread --build-only     only: make the build

The self-test comes first in every run of the tests. Everything is kept in .sanitize/ in the checkout. The Python that runs this needs
setuptools, pybind11 and the test requirements; the compiler is g++.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".sanitize"
TESTS = ROOT / "tests/sanitizers"
COMMON = ["-g1", "-fno-omit-frame-pointer"]  # line numbers are all that a report needs, for half the time


@dataclass(frozen=True)
class Sanitizer:
    flags: list[str]
    runtimes: list[str]  # to be loaded before Python, which is built without them
    options: dict[str, str]
    planted: dict[str, str]  # function of planted.cpp -> words of the report


SANITIZERS = {
    "address": Sanitizer(
        # vptr looks at C++ type information, which COM objects of other compilers do not have.
        # Optimising what both of them have put in takes the compiler as long again.
        flags=["-O0", "-fsanitize=address,undefined", "-fno-sanitize=vptr", "-fno-sanitize-recover=undefined"],
        runtimes=["libasan.so", "libstdc++.so.6"],
        options={
            # Stacks of the three innermost frames: a suppression of CPython's own allocations can then hide nothing else.
            "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:malloc_context_size=3",
            "LSAN_OPTIONS": f"print_suppressions=0:suppressions={TESTS / 'leaks.supp'}",
            "UBSAN_OPTIONS": "print_stacktrace=1",
        },
        planted={
            "use_after_free": "AddressSanitizer: heap-use-after-free",
            "leak": "LeakSanitizer: detected memory leaks",
            "undefined": "signed integer overflow",
        },
    ),
    "thread": Sanitizer(
        flags=["-O1", "-fsanitize=thread"],
        runtimes=["libtsan.so", "libstdc++.so.6"],
        options={
            "TSAN_OPTIONS": f"exitcode=66:die_after_fork=0:second_deadlock_stack=1:suppressions={TESTS / 'races.supp'}"
        },
        planted={"race": "ThreadSanitizer: data race"},
    ),
}


def environment(sanitizer: Sanitizer, library: Path) -> dict[str, str]:
    runtimes = [
        subprocess.run(["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
        for name in sanitizer.runtimes
    ]
    return os.environ | sanitizer.options | {
        "LD_PRELOAD": " ".join(runtimes),
        "PYTHONMALLOC": "malloc",  # CPython's own pools would hide what happens in them
        "PYTHONPATH": str(library),
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "VSSPY_SANITIZER": next(name for name, known in SANITIZERS.items() if known is sanitizer),
    }  # fmt: skip


def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, text=True, check=False, **options)  # type: ignore[call-overload,no-any-return]


def without_randomisation(command: list[str]) -> list[str]:
    """ThreadSanitizer of GCC 12 stops where the kernel places libraries with more random bits than it knows of."""
    return ["setarch", "-R", *command] if shutil.which("setarch") else command


def self_test(name: str, sanitizer: Sanitizer) -> bool:
    """Whether each planted defect is reported and makes the process fail, and a clean call is neither."""
    folder = WORK / name
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / "planted.so"
    command = ["g++", "-shared", "-fPIC", *COMMON, *sanitizer.flags, str(TESTS / "planted.cpp"), "-o", str(library)]
    if run(command).returncode:
        return False
    good = True
    for function, words in {"nothing": "", **sanitizer.planted}.items():
        program = f"import ctypes; ctypes.CDLL({str(library)!r}).{function}()"
        result = run(
            without_randomisation([sys.executable, "-c", program]),
            env=environment(sanitizer, folder),
            capture_output=True,
        )
        seen = words in result.stderr and result.returncode != 0 if words else result.returncode == 0
        print(f"planted {function}: {'as expected' if seen else 'NOT as expected'} (exit code {result.returncode})")
        if not seen:
            print(result.stdout + result.stderr)
        good = good and seen
    return good


def build(name: str, sanitizer: Sanitizer) -> Path:
    """The package with instrumented modules, in a folder of its own."""
    library = WORK / name / "lib"
    flags = " ".join([*COMMON, *sanitizer.flags])
    result = run(
        [
            sys.executable, "setup.py", "-q",
            "build_ext", "--build-lib", str(library), "--build-temp", str(WORK / name / "tmp"),
            "build_py", "--build-lib", str(library),
        ],
        env=os.environ | {"CFLAGS": flags, "CXXFLAGS": flags, "LDFLAGS": " ".join(sanitizer.flags)},
    )  # fmt: skip
    if result.returncode:
        raise SystemExit(f"the {name} build failed")
    return library


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sanitizer", choices=sorted(SANITIZERS))
    parser.add_argument("--self-test", action="store_true", help="stop after the self-test")
    parser.add_argument("--build-only", action="store_true", help="stop before the tests")
    options, rest = parser.parse_known_args()
    sanitizer = SANITIZERS[options.sanitizer]
    if options.build_only:
        build(options.sanitizer, sanitizer)
        return 0
    if not self_test(options.sanitizer, sanitizer):
        return 1
    if options.self_test:
        return 0
    library = build(options.sanitizer, sanitizer)
    # The command line and the documents' examples are Python on top of what the other tests reach in C++, and what a
    # build with a sanitizer keeps in memory says nothing of the real one.
    ignored = ["--ignore-glob=tests/unit/test_cli_*.py", "--ignore=tests/unit/test_how_to.py"]
    suite = ["tests", *ignored, "--ignore=tests/unit/test_leaks.py"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *(rest or suite)]
    return run(without_randomisation(command), env=environment(sanitizer, library)).returncode


if __name__ == "__main__":
    raise SystemExit(main())
