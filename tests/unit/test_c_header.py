"""csrc/abi/vssapi.h, for requesters in C: it says the same as the C++ headers and the specification."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
API: dict[str, Any] = json.loads((ROOT / "tests/data/vss_api.json").read_text(encoding="utf-8"))
INTERFACES: dict[str, dict[str, Any]] = {each["name"]: each for each in API["interfaces"]}
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
C = ["gcc", "-std=c11", "-pedantic", *WARNINGS]
CPP = ["g++", "-std=c++20", *WARNINGS, "-Wno-non-virtual-dtor"]

pytestmark = [
    pytest.mark.skipif(not (shutil.which("gcc") and shutil.which("g++")), reason="there is no compiler here"),
    pytest.mark.skipif("VSSPY_SANITIZER" in os.environ, reason="the sanitizer would look at the compiler"),
]


def compiled(folder: Path, command: list[str], lines: list[str]) -> str:
    """What a program prints, compiled by one of the two."""
    source = folder / ("program.c" if command is C else "program.cpp")
    source.write_text("\n".join(["#include <stdio.h>", '#include "vssapi.h"', *lines, ""]), encoding="utf-8")
    program = source.with_suffix("")
    result = subprocess.run(
        [*command, f"-I{ROOT / 'csrc/abi'}", str(source), "-o", str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout


def slots(name: str) -> list[str]:
    """The methods of an interface with those of its one base, by slot."""
    if name == "IUnknown":
        return ["QueryInterface", "AddRef", "Release"]
    interface = INTERFACES[name]
    inherited = [method for base in interface["bases"] for method in slots(base)]
    return inherited + [method["name"] for method in interface["methods"]]


def test_every_method_has_its_slot_in_c(tmp_path: Path) -> None:
    checks = []
    for name, interface in INTERFACES.items():
        if len(interface["bases"]) > 1:
            continue
        methods = slots(name)
        for method in interface["methods"]:
            assert methods[method["vtable_index"]] == method["name"]
        checks += [
            f'_Static_assert(offsetof({name}Vtbl, {method}) == {slot} * sizeof(void*), "{name}::{method}");'
            for slot, method in enumerate(methods)
        ]
        checks.append(f'_Static_assert(sizeof({name}Vtbl) == {len(methods)} * sizeof(void*), "{name}");')
        checks.append(f'_Static_assert(sizeof({name}) == sizeof(void*), "{name}");')
    checks.append('_Static_assert(sizeof(IVssWriterComponentsExt) == 2 * sizeof(void*), "two tables");')
    assert len(checks) > 200
    compiled(tmp_path, C, [*checks, "int main(void) { return 0; }"])


def test_structures_and_values_are_alike_in_both_languages(tmp_path: Path) -> None:
    text = (ROOT / "csrc/abi/structs.h").read_text(encoding="utf-8")
    prints = []
    for name, body in re.findall(r"(?:struct|union) (\w+) \{(.*?)\n\};", text, re.DOTALL):
        prints.append(f'printf("{name} %d\\n", (int)sizeof({name}));')
        fields = re.findall(r"(\w+);", body)
        assert fields
        prints += [f'printf("{name}.{field} %d\\n", (int)offsetof({name}, {field}));' for field in fields]
    values = {name: value for enum in API["enums"] for name, value in enum["values"].items()}
    values |= {each["name"]: int(each["value"], 16) for each in API["errors"]}
    prints += [f'printf("{name} %u\\n", (unsigned){name});' for name in values]
    ids = [f"IID_{name}" for name, interface in INTERFACES.items() if interface["iid"]]
    for name in [*ids, "CLSID_VssSnapshotMgmt", "VSS_SWPRV_ProviderId"]:
        prints.append(f'print_guid("{name}", {name});')
    program = [
        "static void print_guid(const char* name, GUID id) {",
        '  printf("%s %08x-%04x-%04x-", name, (unsigned)id.Data1, id.Data2, id.Data3);',
        '  for (int i = 0; i < 8; ++i) printf(i == 1 ? "%02x-" : "%02x", id.Data4[i]);',
        '  printf("\\n");',
        "}",
        "int main(void) {",
        *prints,
        "return 0; }",
    ]
    told = compiled(tmp_path, C, program)
    assert told == compiled(tmp_path, CPP, program)
    found = dict(line.split(" ") for line in told.splitlines())
    assert found["VSS_SNAPSHOT_PROP"] == "128"
    assert {name: int(found[name]) for name in values} == {name: value & 0xFFFFFFFF for name, value in values.items()}
    assert {name: found[f"IID_{name}"] for name, each in INTERFACES.items() if each["iid"]} == {
        name: each["iid"] for name, each in INTERFACES.items() if each["iid"]
    }
