"""Sub-interpreters are refused in clear words; free-threaded builds find the modules declared for them."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = {"vsspy._core": "csrc/bindings/module.cpp", "vsspy._simulator": "csrc/simulator/bindings/module.cpp"}

#: Runs a program in a sub-interpreter, twice, and lives on: the main interpreter makes a shadow copy before and after.
PROGRAM = """
import sys
import tempfile
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

def work():
    import vsspy
    from vsspy import simulator
    with tempfile.TemporaryDirectory() as folder, simulator.running(volumes={"C:\\\\": folder}) as machine:
        with vsspy.BackupComponents(machine) as bc:
            bc.initialize_for_backup()
        assert machine.live_objects == 0

def sub_interpreter(isolated):
    if sys.version_info >= (3, 13):
        return interpreters.create("isolated" if isolated else "legacy")
    return interpreters.create(isolated=isolated)

first, isolated, module = sys.argv[1] == "first", sys.argv[2] == "isolated", sys.argv[3]
if not first:
    work()
for _ in range(2):
    identity = sub_interpreter(isolated)
    failed = interpreters.run_string(identity, f'''
try:
    import {module}
except ImportError as error:
    print("refused:", error, flush=True)
else:
    print("accepted", flush=True)
''')
    assert failed is None, failed
    interpreters.destroy(identity)
work()
print("alive", flush=True)
"""


@pytest.mark.parametrize("module", ["vsspy", *MODULES])
@pytest.mark.parametrize("kind", ["isolated", "legacy"])
@pytest.mark.parametrize("when", ["first", "after the main interpreter"])
def test_sub_interpreters_are_refused(module: str, kind: str, when: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, when, kind, module],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    refusal = r"refused: module vsspy\._(core|simulator) does not support loading in subinterpreters"
    lines = result.stdout.splitlines()
    assert len(lines) == 3, result.stdout
    assert all(re.fullmatch(refusal, line) for line in lines[:2]), result.stdout
    assert lines[2] == "alive"


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_declared_for_free_threading(module: str) -> None:
    """pybind11 writes the declaration into free-threaded builds only, so that the source is what shows it elsewhere."""
    source = (ROOT / MODULES[module]).read_text(encoding="utf-8")
    name = module.replace(".", "")
    declared = re.search(rf"^PYBIND11_MODULE\({name}, module, (.*)\) \{{$", source, re.MULTILINE)
    assert declared is not None
    assert declared[1] == "pybind11::mod_gil_not_used()"


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this interpreter always has its lock")
def test_the_lock_stays_off() -> None:
    """A free-threaded interpreter takes its lock back for a module that does not declare itself."""
    program = "import sys, vsspy, vsspy.simulator; print(sys._is_gil_enabled())"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
