"""Expand the System Writer's 18,925 file sets on a volume of a million files, and measure it against walks in Python.

    python tests/benchmarks/file_sets.py [--files N] [--folder FOLDER] [--sample N]

The file sets are those of a captured System Writer where VSSPY_CAPTURED_DOCUMENTS names a folder with one, else as many of
the same shape: names in some 1,900 folders, and a few recursive ones. The volume has four in five of the files that they
name; half of the rest lies in folders that they ask for as a whole, half where they ask for nothing. Each measurement
has a process of its own; the ratios can be compared between machines. It fails where memory grows with the number of files.

What is measured:
    expand        filesets.expand
    expand all    the same with `C:\\ *.doc` recursive, which makes it look into every folder
    walk          the walk alone: os.walk, and os.lstat of each file
    each set      plain Python, one os.walk with fnmatch for each file set, on a sample of them
    each file     plain Python, one os.walk in which fnmatch tries every file set on each file, on a sample of the files
"""

from __future__ import annotations

import argparse
import ctypes
import fnmatch
import gc
import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from vsspy import filesets
from vsspy._paths import VolumeNames, expand_variables, fold, split
from vsspy.metadata import FileSet, WriterMetadata

VOLUMES = VolumeNames([["C:\\"]])
ENVIRONMENT = {"SystemRoot": "C:\\Windows", "ProgramData": "C:\\ProgramData", "windir": "C:\\Windows"}
FILE_SETS = 18_925
GROWTH = 24 << 20  # bytes that a process may need more for ten times the files


def system_writer() -> list[FileSet]:
    captured = os.environ.get("VSSPY_CAPTURED_DOCUMENTS")
    for path in sorted(Path(captured).rglob("*.xml")) if captured else ():
        text = path.read_text("utf-8", "replace")
        if "System Writer" in text and "<WRITER_METADATA" in text:
            found = [each for component in WriterMetadata.from_xml(text).components for each in component.files]
            if len(found) == FILE_SETS:
                return found
    whole = ["%SystemRoot%\\winsxs", "%SystemRoot%\\servicing\\packages", "%ProgramData%\\Microsoft\\Crypto"]
    made = [FileSet(path, "*.*", True) for path in whole]
    for number in range(FILE_SETS - len(made)):
        folder = min(number % 1900, number % 7 * 40)  # some folders are large
        made.append(FileSet(f"C:\\Windows\\System32\\folder{folder}", f"file{number}.dll"))
    return made


def where(file_set: FileSet) -> list[str]:
    return split(expand_variables(file_set.path, ENVIRONMENT))[1]


def make_volume(folder: Path, files: int, sets: list[FileSet]) -> None:
    """So many files, all empty."""
    spelled: dict[str, str] = {}  # the volume tells letter cases apart, and Windows does not

    def real(elements: list[str]) -> str:
        return os.sep.join(spelled.setdefault(fold(element), element) for element in elements)

    names = {real([*where(each), each.filespec]) for each in sets if "*" not in each.filespec}
    kept = sorted(names)[: files // 2]
    del kept[::5]
    whole = sorted({real(where(each)) for each in sets if each.recursive}) or ["Windows"]

    def others() -> Iterator[str]:
        for number in itertools.count():
            place = whole[number % len(whole)] if number % 2 else "Users"
            for name in range(40):
                yield f"{place}{os.sep}folder{number % 50}{os.sep}folder{number}{os.sep}file{name}.dat"

    made: set[str] = set()
    for name in itertools.chain(kept, itertools.islice(others(), files - len(kept))):
        parent = os.path.dirname(name)
        if parent not in made:
            (folder / parent).mkdir(parents=True, exist_ok=True)
            made.add(parent)
        os.close(os.open(folder / name, os.O_CREAT | os.O_WRONLY))


def expand(folder: Path, sets: list[FileSet]) -> int:
    roots = {"C:\\": filesets.Root("C:\\", str(folder) + os.sep)}
    return sum(1 for _ in filesets.expand(sets, volumes=VOLUMES, environment=ENVIRONMENT, roots=roots))


def walk(folder: Path) -> int:
    count = 0
    for place, _, names in os.walk(folder):
        for name in names:
            os.lstat(os.path.join(place, name))
            count += 1
    return count


def each_set(folder: Path, sets: list[FileSet], sample: int) -> float:
    """How long one walk for each file set takes; of those without wildcards some stand for all."""
    recursive = [each for each in sets if each.recursive]
    plain = [each for each in sets if not each.recursive]
    chosen = plain[:: max(1, len(plain) // sample)]
    return _timed_walks(folder, recursive) + _timed_walks(folder, chosen) * len(plain) / len(chosen)


def _timed_walks(folder: Path, sets: list[FileSet]) -> float:
    started = time.perf_counter()
    for each in sets:
        for place, folders, names in os.walk(folder.joinpath(*where(each))):
            for name in fnmatch.filter(names, each.filespec):
                os.lstat(os.path.join(place, name))
            if not each.recursive:
                folders.clear()
    return time.perf_counter() - started


def each_file(folder: Path, sets: list[FileSet], sample: int, files: int) -> float:
    """How long it takes to try each file set on each file; some files stand for all."""
    rules = [(os.path.join(folder, *where(each)), each.filespec, each.recursive) for each in sets]
    started = time.perf_counter()
    looked_at = 0
    for place, _, names in os.walk(folder):
        for name in names:
            for path, filespec, recursive in rules:
                if (place == path or (recursive and place.startswith(path + os.sep))) and fnmatch.fnmatch(
                    name, filespec
                ):
                    os.lstat(os.path.join(place, name))
                    break
            looked_at += 1
            if looked_at == sample:
                return (time.perf_counter() - started) * files / sample
    return time.perf_counter() - started


def memory(which: str) -> int:
    """Bytes of memory of this process: ``VmRSS``, those in use now, or ``VmHWM``, the most since it was set back."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    (line,) = (line for line in status.read_text().splitlines() if line.startswith(which))
    return int(line.split()[1]) * 1024


def set_peak_back() -> None:
    """The document that was read took more than the walk will."""
    gc.collect()
    if os.path.exists("/proc/self/clear_refs"):
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")


def measure(what: str, folder: Path, files: int, sample: int) -> dict[str, float]:
    sets = system_writer()
    count, estimate = 0, None
    set_peak_back()
    before = memory("VmRSS")
    everything = [*sets, FileSet("C:\\", "*.doc", True)]
    doing: dict[str, Callable[[], int]] = {
        "expand": lambda: expand(folder, sets),
        "expand all": lambda: expand(folder, everything),
        "walk": lambda: walk(folder),
    }
    started = time.perf_counter()
    if what in doing:
        count = doing[what]()
    else:
        estimate = each_set(folder, sets, sample) if what == "each set" else each_file(folder, sets, sample, files)
    seconds = time.perf_counter() - started
    return {"seconds": seconds if estimate is None else estimate, "files": count, "grown": memory("VmHWM") - before}


def run(what: str, folder: Path, files: int, sample: int) -> dict[str, float]:
    command = [
        sys.executable,
        "-P",
        __file__,
        "--measure",
        what,
        "--folder",
        folder,
        "--files",
        files,
        "--sample",
        sample,
    ]
    done = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the volume is made")
    parser.add_argument("--sample", type=int, default=200, help="file sets, or files, that stand for all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.folder, options.files, options.sample)))
        return 0
    sets = system_writer()
    folder = Path(tempfile.mkdtemp(prefix="vsspy-file-sets-", dir=options.folder))
    grown: dict[int, float] = {}
    try:
        for files in (options.files // 10, options.files):
            volume = folder / str(files)
            make_volume(volume, files, sets)
            print(f"{files:,} files, {len(sets):,} file sets; the least of {options.rounds} rounds each", flush=True)
            found: dict[str, dict[str, float]] = {}
            for _ in range(options.rounds):
                for what in ("walk", "expand", "expand all"):
                    result = run(what, volume, files, options.sample)
                    found[what] = min(found.get(what, result), result, key=lambda each: each["seconds"])
            for what in ("each set", "each file"):
                found[what] = run(what, volume, files, options.sample)
            base = found["expand all"]["seconds"]
            for what, result in found.items():
                note = (
                    f"by {options.sample} of them" if what.startswith("each") else f"{result['files']:,.0f} files found"
                )
                print(
                    f"  {what:10} {result['seconds']:10.2f} s  {result['seconds'] / base:10.2f} x 'expand all'"
                    f"  {result['grown'] / (1 << 20):6.1f} MiB more  {note}"
                )
            grown[files] = max(found[what]["grown"] for what in ("expand", "expand all"))
            shutil.rmtree(volume)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    small, large = grown.values()
    print(f"memory: {small / (1 << 20):.1f} MiB, and {large / (1 << 20):.1f} MiB for ten times the files")
    return 0 if large - small < GROWTH else 1


if __name__ == "__main__":
    raise SystemExit(main())
