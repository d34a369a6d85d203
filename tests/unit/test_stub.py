"""vsspy/_core.pyi says what the module has: the same names, and the same parameters as the docstrings."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import vsspy
from vsspy import _core

STUB = Path(vsspy.__file__).with_name("_core.pyi")
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


TREE = ast.parse(STUB.read_text(encoding="utf-8"))
FUNCTIONS = functions(TREE.body)
CLASSES = {node.name for node in TREE.body if isinstance(node, ast.ClassDef)}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_parameters(name: str) -> None:
    thing: object = _core
    for part in name.split("."):
        thing = getattr(thing, part)
    expected = FUNCTIONS[name]
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


def test_names() -> None:
    real = {name for name in vars(_core) if not name.startswith("__")}
    stub = {name for name in FUNCTIONS if "." not in name} | CLASSES | {"build"}
    assert real == stub
    for cls in CLASSES:
        members = {name for name in vars(getattr(_core, cls)) if not name.startswith("__")} - MADE_BY_PYBIND
        assert members == {
            name.split(".")[1] for name in FUNCTIONS if name.startswith(f"{cls}.") and not name.endswith("__")
        }
