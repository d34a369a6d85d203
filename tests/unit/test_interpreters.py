"""Sub-interpreters are refused in clear words; free-threaded builds find the modules declared for them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import vsspy.simulator  # noqa: F401 - so that both modules are there

ROOT = Path(__file__).resolve().parents[2]
MODULES = {"vsspy._core": "csrc/bindings/module.cpp", "vsspy._simulator": "csrc/simulator/bindings/module.cpp"}

#: Imports each module in sub-interpreters, one after the other, and lives on: the main interpreter uses them at the end.
PROGRAM = """
import json
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

if sys.argv[1] == "after":
    work()
for isolated in (True, False):
    for attempt in ("import vsspy", *(f"load('{name}', {path!r})" for name, path in json.loads(sys.argv[2]).items())):
        identity = sub_interpreter(isolated)
        failed = interpreters.run_string(identity, f'''
import importlib.util
def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
try:
    {attempt}
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


@pytest.mark.parametrize("when", ["before", "after"])
def test_sub_interpreters_are_refused(when: str) -> None:
    """Isolated ones and those that share the lock, before and after the main interpreter imports the modules."""
    files = {module: sys.modules[module].__file__ for module in MODULES}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, when, json.dumps(files)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    refused = [f"refused: module {name} does not support loading in subinterpreters" for name in MODULES]
    assert result.stdout.splitlines() == [*[refused[0], *refused] * 2, "alive"]


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
