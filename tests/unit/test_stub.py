"""The stubs say what the compiled modules have: the same names, and the same parameters as the docstrings."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

import vsspy
from vsspy import _core, _simulator

MADE_BY_PYBIND = {"_pybind11_conduit_v1_"}


def functions(body: list[ast.stmt], prefix: str = "") -> dict[str, list[str] | None]:
    """Every function of the stub with its parameters; None for a property."""
    found: dict[str, list[str] | None] = {}
    for node in body:
        if isinstance(node, ast.ClassDef):
            found |= functions(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in node.args.args if argument.arg != "self"]
            is_property = any(isinstance(d, ast.Name) and d.id == "property" for d in node.decorator_list)
            found[prefix + node.name] = None if is_property else names
    return found


@dataclass
class Stub:
    """A compiled module beside what its stub says."""

    module: ModuleType
    functions: dict[str, list[str] | None]
    classes: set[str]
    variables: set[str]

    @classmethod
    def of(cls, module: ModuleType) -> Stub:
        path = Path(vsspy.__file__).with_name(f"{module.__name__.rpartition('.')[2]}.pyi")
        body = ast.parse(path.read_text(encoding="utf-8")).body
        real = [
            node
            for node in body
            if not (isinstance(node, ast.ClassDef) and "TypedDict" in map(ast.unparse, node.bases))
        ]
        return cls(
            module,
            functions(real),
            {node.name for node in real if isinstance(node, ast.ClassDef)},
            {
                node.target.id
                for node in real
                if isinstance(node, ast.AnnAssign)
                and isinstance(node.target, ast.Name)
                and ast.unparse(node.annotation) != "TypeAlias"
            },
        )


STUBS = [Stub.of(_core), Stub.of(_simulator)]
ALL = [(stub, name) for stub in STUBS for name in sorted(stub.functions)]


@pytest.mark.parametrize(("stub", "name"), ALL, ids=[f"{stub.module.__name__}.{name}" for stub, name in ALL])
def test_parameters(stub: Stub, name: str) -> None:
    thing: object = stub.module
    for part in name.split("."):
        thing = getattr(thing, part)
    expected = stub.functions[name]
    if expected is None:
        assert isinstance(thing, property)
        return
    short = name.split(".")[-1]
    signatures = re.findall(rf"^(?:\d+\. )?{short}\((?!\*args)(.*)\) ->", thing.__doc__ or "", re.MULTILINE)
    if short == "__len__":
        return  # Python's own signature
    assert signatures
    for signature in signatures:
        given = re.findall(r"(?:^|, )(\w+): ", signature)
        assert [parameter for parameter in given if parameter != "self"] == expected, signature


@pytest.mark.parametrize("stub", STUBS, ids=[stub.module.__name__ for stub in STUBS])
def test_names(stub: Stub) -> None:
    real = {name for name in vars(stub.module) if not name.startswith("__")} - {"_testing"}  # the suite's own
    assert real == {name for name in stub.functions if "." not in name} | stub.classes | stub.variables
    for cls in stub.classes:
        members = {name for name in vars(getattr(stub.module, cls)) if not name.startswith("__")} - MADE_BY_PYBIND
        assert members == {
            name.split(".")[1] for name in stub.functions if name.startswith(f"{cls}.") and not name.endswith("__")
        }
