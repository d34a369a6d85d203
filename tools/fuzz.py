"""Fuzz the readers of documents with libFuzzer, under AddressSanitizer and UndefinedBehaviorSanitizer.

    python tools/fuzz.py                             a minute for each target
    python tools/fuzz.py --seconds 600 xml_reader    ten minutes for one

The targets are tests/fuzz/*.cpp; each says what has to hold for every input. A planted defect is looked for first. Inputs that reach
something new are kept in .fuzz/ in the checkout, and a later run starts from them; what was found is there too, and the exit code is 1:
`.fuzz/TARGET FILE` runs it again. Own documents are the seeds, and those that VSSPY_CAPTURED_DOCUMENTS names. It takes clang++ with
its run-time libraries (Debian: clang libclang-rt-14-dev).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from library import Compilation

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".fuzz"
TESTS = ROOT / "tests/fuzz"
SANITIZERS = "address,undefined"
FLAGS = [
    "-g1",
    "-O1",
    "-fno-omit-frame-pointer",
    # vptr looks at C++ type information, which COM objects of other compilers do not have.
    "-fno-sanitize=vptr",
    "-fno-sanitize-recover=undefined",
]
LONGEST = 16 * 1024  # bytes of an input
LIMITS = [
    f"-max_len={LONGEST}",
    "-timeout=20",  # seconds for one input, on a machine that does other things too
    "-rss_limit_mb=1024",
    "-malloc_limit_mb=64",  # at once
]
DOCUMENTS = ["com/text.cpp", "documents/*.cpp"]
PUNCTUATION = [
    "<", "</", "/>", ">", "&", "&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#32;", "&#x10FFFF;", "&#", "<![CDATA[", "]]>", "<!--",
    "-->", "<?", "?>", "<!DOCTYPE", '<?xml version="1.0" encoding="UTF-8"?>', "UTF-16", ' xmlns=""', ' xmlns="', " xmlns:p=", "p:",
    ' xml:lang="', "xml:", '="', '"', "\\xEF\\xBB\\xBF", "\\xFF\\xFE", "\\xFE\\xFF", "yes", "no", "0x80042306", "3855", "4294967295",
    "18446744073709551615", "-1", "11111111-2222-3333-4444-555555555555", "{11111111-2222-3333-4444-555555555555}",
]  # fmt: skip


@dataclass(frozen=True)
class Target:
    code: list[str]  # in csrc, beside what all have
    words: list[str]  # sources whose string literals are the dictionary
    writers: bool = False  # whether tests/data/writers and the captured documents are seeds


SCHEMA = "documents/schema.h"
FOLDER = ["simulator/machine_folder.cpp", "simulator/folder_values.h", "simulator/control.h"]
TARGETS = {
    "xml_reader": Target([], [SCHEMA], writers=True),
    "writer_metadata": Target([], [SCHEMA], writers=True),
    "backup_components": Target([], [SCHEMA], writers=True),
    "persistent_record": Target(["simulator/persistent_record.cpp"], ["simulator/persistent_record.cpp"]),
    "machine_folder": Target(["simulator/machine_folder.cpp"], FOLDER),
    "trace_text": Target([], []),
    "file_patterns": Target(["filesets/names.cpp"], []),
}
PLANTED = Target([], [SCHEMA])


def build(names: list[str]) -> None:
    compilation = Compilation("clang++", WORK)
    flags = [*FLAGS, f"-fsanitize=fuzzer-no-link,{SANITIZERS}"]
    chosen = {name: {**TARGETS, "planted": PLANTED}[name] for name in names}
    objects = {
        name: compilation.objects("objects", *DOCUMENTS, *target.code, flags=flags) for name, target in chosen.items()
    }
    compilation.run()

    def link(name: str) -> str:
        source = TESTS / f"{name}.cpp"
        command = ["clang++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-Wno-non-virtual-dtor", *FLAGS]
        command += [f"-fsanitize=fuzzer,{SANITIZERS}", str(source), *map(str, objects[name]), "-o", str(WORK / name)]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return result.stderr if result.returncode else ""

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        errors = [text for text in pool.map(link, chosen) if text]
    if errors:
        raise SystemExit("\n".join(errors))


def words_of(target: Target) -> list[str]:
    """The string literals of the target's sources: no name has to be guessed letter by letter."""
    words: set[str] = set()
    for name in target.words:
        for line in (ROOT / "csrc" / name).read_text(encoding="utf-8").splitlines():
            if not re.match(r"\s*(#|//)", line):
                words |= set(re.findall(r'"([\x21-\x7E]{1,40}?)"', re.sub(r"\\.", "", line)))
    return sorted(words)


def seeds(name: str, target: Target) -> list[Path]:
    folders = [TESTS / "seeds" / name]
    if target.writers:
        folders += [TESTS / "seeds/documents", ROOT / "tests/data/writers"]
        captured = os.environ.get("VSSPY_CAPTURED_DOCUMENTS")
        if captured:
            folders += [folder for folder in [Path(captured), *Path(captured).rglob("*")] if folder.is_dir()]
    return [folder for folder in folders if folder.is_dir()]


@dataclass(frozen=True)
class Outcome:
    name: str
    summary: str
    log: str
    artifacts: list[Path]
    failed: bool


def fuzz(name: str, target: Target, seconds: int) -> Outcome:
    """One target in one process; libFuzzer stops at the first finding."""
    corpus, found, temporary = WORK / "corpus" / name, WORK / "findings" / name, WORK / "tmp" / name
    for folder in (corpus, found, temporary):
        folder.mkdir(parents=True, exist_ok=True)
    dictionary, words = WORK / f"{name}.dict", WORK / f"{name}.words"
    escaped = [word.replace('"', '\\"') for word in [*PUNCTUATION, *words_of(target)]]
    dictionary.write_text("".join(f'"{word}"\n' for word in escaped), encoding="utf-8")
    words.write_text("".join(f"{word}\n" for word in words_of(target)), encoding="utf-8")
    before = set(found.iterdir())
    command = [WORK / name, *LIMITS, f"-max_total_time={seconds}", f"-dict={dictionary}", f"-artifact_prefix={found}/"]
    command += ["-print_final_stats=1", "-reload=0", "-verbosity=1", corpus, *seeds(name, target)]
    result = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env=os.environ
        | {"TMPDIR": str(temporary), "VSSPY_FUZZ_WORDS": str(words), "UBSAN_OPTIONS": "print_stacktrace=1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    shutil.rmtree(temporary)
    coverage = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", result.stdout)
    edges, features, inputs = coverage[-1] if coverage else ("?", "?", "?")
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", result.stdout)
    memory = re.search(r"stat::peak_rss_mb:\s*(\d+)", result.stdout)
    summary = f"{runs[1] if runs else '?'} executions, {edges} edges, {features} features, {inputs} inputs kept, "
    summary += f"{memory[1] if memory else '?'} MB at most"
    return Outcome(name, summary, result.stdout, sorted(set(found.iterdir()) - before), result.returncode != 0)


def planted_is_found() -> bool:
    outcome = fuzz("planted", PLANTED, 60)
    good = outcome.failed and len(outcome.artifacts) == 1 and "does not hold: planted" in outcome.log
    print(f"planted defect: {'found' if good else 'NOT found'}", flush=True)
    if not good:
        print(outcome.log)
    shutil.rmtree(WORK / "findings/planted")
    shutil.rmtree(WORK / "corpus/planted")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"all where none is named: {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="targets at once")
    options = parser.parse_args()
    names: list[str] = options.targets or list(TARGETS)
    for name in names:
        if name not in TARGETS:
            parser.error(f"there is no target {name}")
    if not shutil.which("clang++"):
        raise SystemExit("clang++ is missing: apt-get install clang libclang-rt-14-dev")
    build(["planted", *names])
    if not planted_is_found():
        return 1
    failed = False
    with ThreadPoolExecutor(options.jobs) as pool:
        for outcome in pool.map(lambda name: fuzz(name, TARGETS[name], options.seconds), names):
            print(f"{outcome.name}: {'FAILED' if outcome.failed else 'passed'}: {outcome.summary}", flush=True)
            if outcome.failed:
                failed = True
                print(outcome.log[-8000:])
            for artifact in outcome.artifacts:
                print(f"again with: {(WORK / outcome.name).relative_to(ROOT)} {artifact.relative_to(ROOT)}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
