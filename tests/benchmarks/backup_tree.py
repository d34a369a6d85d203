"""Back up a tree of at least 10,000 files with `vsspy backup`, compare every byte, mode and time, and measure it against cp -a.

    python tests/benchmarks/backup_tree.py [--tree FOLDER] [--files N] [--writers-from FOLDER] [--rounds N] [--keep FOLDER]

Without --tree it makes one out of this Python's standard library, as many copies of it as N files need. The figures are
ratios of times taken in one run, alternately, the least of the rounds each: they can be compared between machines.
"""

from __future__ import annotations

import argparse
import contextlib
import filecmp
import json
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

COMMAND = [sys.executable, "-P", "-m", "vsspy", "backup"]  # -P: the installed package, wherever this is run


def make_tree(folder: Path, files: int) -> None:
    """Copies of the standard library, with a few entries that a copy can get wrong."""
    library = Path(sysconfig.get_path("stdlib"))
    ignore = shutil.ignore_patterns("site-packages", "dist-packages", "config-*")
    names = sorted(name for name in os.listdir(library) if name not in ignore("", os.listdir(library)))
    for number, name in ((number, name) for number in range(files) for name in names):
        if number and len(list(entries(folder))) >= files:
            break
        copy = folder / f"python {number}" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if (library / name).is_dir() and not (library / name).is_symlink():
            shutil.copytree(library / name, copy, symlinks=True, ignore=ignore)
        else:
            shutil.copy2(library / name, copy, follow_symlinks=False)
    odd = folder / "odd"
    odd.mkdir()
    (odd / "empty").touch()
    (odd / "read only").write_bytes(b"r")
    (odd / "read only").chmod(0o444)
    (odd / "old").write_bytes(b"o")
    os.utime(odd / "old", ns=(1, 1_234_567_891))
    if sys.platform != "win32":
        (odd / "link").symlink_to("old")
        os.link(odd / "old", odd / "hard link")


def entries(folder: Path) -> Iterator[str]:
    """Everything below a folder, relative to it."""
    for place, folders, files in os.walk(folder):
        for name in folders + files:
            yield os.path.relpath(os.path.join(place, name), folder)


def differences(one: Path, other: Path) -> Iterator[str]:
    """What is not the same in two trees: entries, kinds, bytes, modes, times of change, owners, links."""
    names = set(entries(one)), set(entries(other))
    for name in sorted(names[0] ^ names[1]):
        yield f"{name}: only in {one if name in names[0] else other}"
    links: dict[tuple[int, int], str] = {}
    for name in sorted(names[0] & names[1]):
        a, b = os.lstat(one / name), os.lstat(other / name)
        for what in ("st_mode", "st_mtime_ns", "st_uid", "st_gid", "st_nlink"):
            if what == "st_nlink" and stat.S_ISDIR(a.st_mode):
                continue
            if getattr(a, what) != getattr(b, what):
                yield f"{name}: {what} {getattr(a, what)} and {getattr(b, what)}"
        if stat.S_ISLNK(a.st_mode):
            if os.readlink(one / name) != os.readlink(other / name):
                yield f"{name}: links to different places"
        elif stat.S_ISREG(a.st_mode):
            if a.st_size != b.st_size or not filecmp.cmp(one / name, other / name, shallow=False):
                yield f"{name}: different bytes"
            if a.st_nlink > 1:
                first = links.setdefault((a.st_dev, a.st_ino), name)
                if not os.path.samefile(other / first, other / name):
                    yield f"{name}: no hard link to {first} any more"


def timed(command: list[str]) -> float:
    """Seconds that a command takes; it has to work."""
    began = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(command)}\nexit code {done.returncode}\n{done.stdout}{done.stderr}")
    return took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, help="the folder to back up; it is only read")
    parser.add_argument("--files", type=int, default=10_000, help="least number of entries of the tree that is made")
    parser.add_argument(
        "--writers-from",
        default=os.environ.get("VSSPY_CAPTURED_DOCUMENTS"),
        help="folder of Writer Metadata Documents to replay; default: the folder in VSSPY_CAPTURED_DOCUMENTS that has some",
    )
    parser.add_argument("--rounds", type=int, default=2, help="how often each of the two is measured")
    parser.add_argument("--keep", type=Path, help="where the trees are made and kept; default: a temporary folder")
    options = parser.parse_args()

    with contextlib.ExitStack() as stack:
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
        work = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vsspy-benchmark-")))
        tree = options.tree.resolve() if options.tree else work.resolve() / "tree"
        if not options.tree:
            make_tree(tree, options.files)
        count = len(list(entries(tree)))
        size = sum(os.lstat(tree / name).st_size for name in entries(tree) if (tree / name).is_file())
        print(f"tree: {tree}, {count} entries, {size / 2**20:.0f} MiB")

        backup = [*COMMAND, str(tree), "--backend", "simulator", "--overwrite"]
        if options.writers_from:
            found = sorted({path.parent for path in Path(options.writers_from).rglob("WM*.xml")})
            folder = found[0] if found else Path(options.writers_from)
            backup += ["--writers-from", str(folder)]
            print(f"writers: {folder}")
        copies: list[float] = []
        backups: list[float] = []
        target, plain = work / "backup", work / "copy"
        os.sync()
        shutil.rmtree(plain, ignore_errors=True)
        timed(["cp", "-a", str(tree), str(plain)])  # once, so that both find the tree in memory
        for _ in range(options.rounds):
            shutil.rmtree(plain)
            copies.append(timed(["cp", "-a", str(tree), str(plain)]))
            shutil.rmtree(target, ignore_errors=True)
            backups.append(timed([*backup, "--to", str(target)]))
        print(f"command: vsspy {' '.join(backup[4:])} --to {target}")

        copied = target / tree.relative_to(tree.anchor)
        wrong = list(differences(tree, copied))
        for line in wrong[:20]:
            print(f"DIFFERENT {line}")
        report = json.loads((target / "vsspy" / "report.json").read_text(encoding="utf-8"))
        print(f"compared with the tree: {count} entries, {len(wrong)} differences (bytes, modes, times, owners, links)")
        print(f"report: backend {report['backend']}, writers {len(report.get('writers', []))}")
        print(f"time of vsspy backup / time of cp -a: {min(backups) / min(copies):.2f}")
        phases = {phase["name"]: phase["elapsed"] for phase in report["phases"]}
        total = backups[-1]
        print("share of its time: " + ", ".join(f"{name} {took / total:.0%}" for name, took in phases.items()))
        return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
