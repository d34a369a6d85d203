"""The reference pages: every public name has its page, every C++ method its Python name, and no link leads nowhere."""

from __future__ import annotations

import ast
import asyncio
import builtins
import csv
import functools
import importlib
import inspect
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import reference

import vsspy
from vsspy import administration, diskshadow, doctor, simulator, simulator_writers, testing

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs/reference"
API: dict[str, Any] = json.loads((ROOT / "tests/data/vss_api.json").read_text(encoding="utf-8"))
with (REFERENCE / "cpp-names.csv").open(encoding="utf-8", newline="") as _file:
    ROWS = list(csv.DictReader(_file))

SOURCES = reference.Sources.read()
PUBLIC = SOURCES.public()
ERRORS = (REFERENCE / "errors.md").read_text(encoding="utf-8")
ENUMS = (REFERENCE / "enums.md").read_text(encoding="utf-8")
PAGES = sorted([*REFERENCE.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def resolve(name: str) -> tuple[object, str]:
    """The class or module that a dotted name's last part belongs to, and that part."""
    *path, last = name.split(".")
    assert path[0] == "vsspy"
    return functools.reduce(getattr, path[1:], importlib.import_module("vsspy")), last


def test_one_row_for_each_method() -> None:
    rows = Counter((row["interface"], row["method"]) for row in ROWS)
    methods = [
        (interface["name"], method["name"]) for interface in API["interfaces"] for method in interface["methods"]
    ]
    assert list(rows) == methods, "in the order of the specification"
    assert set(rows.values()) == {1}
    assert len(methods) == 171
    assert set(ROWS[0]) == {"interface", "method", "python"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['interface']}::{row['method']}")
def test_the_python_name_exists(row: dict[str, str]) -> None:
    owner, name = resolve(row["python"])
    assert isinstance(owner, type)
    assert owner.__name__ in vsspy.__all__
    fields = {field for cls in owner.__mro__ for field in inspect.get_annotations(cls)}
    assert name in fields or callable(getattr(owner, name)) or isinstance(getattr(owner, name), property)


def test_what_is_public_has_a_page() -> None:
    assert {page.name for page in REFERENCE.glob("*.md")} == {Path(name).name for name in reference.pages()}
    documented = {each.name for each in PUBLIC}
    for module, prefix in (
        (vsspy, "vsspy"),
        (administration, "vsspy.administration"),
        (simulator, "vsspy.simulator"),
        (simulator_writers, "vsspy.simulator_writers"),
        (testing, "vsspy.testing"),
        (doctor, "vsspy.doctor"),
        (diskshadow, "vsspy.diskshadow"),
    ):
        for name in module.__all__:
            thing = getattr(module, name)
            if name in vsspy.errors.__all__:
                assert re.search(rf"^(\| `{name}` \||## {name}$)", ERRORS, re.MULTILINE)
            elif name in vsspy.enums.__all__:
                assert f"\n## {name}\n" in ENUMS
            elif isinstance(thing, type) or inspect.isfunction(thing):
                assert f"{prefix}.{name}" in documented or getattr(vsspy, name, None) is thing


@pytest.mark.parametrize("public", PUBLIC, ids=lambda public: public.name)
def test_what_is_public_says_what_it_does(public: reference.Public) -> None:
    owner, name = resolve(public.name)
    thing = getattr(owner, name)
    assert thing.__doc__
    if isinstance(public.node, ast.ClassDef):
        for member in reference.members(SOURCES, public.node):
            assert inspect.getdoc(getattr(thing, member)), f"{public.name}.{member}"


@pytest.mark.parametrize("public", PUBLIC, ids=lambda public: public.name)
def test_each_argument_is_explained(public: reference.Public) -> None:
    functions = reference.members(SOURCES, public.node) if isinstance(public.node, ast.ClassDef) else {"": public.node}
    for function in functions.values():
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        names = {each.arg for each in arguments} - {"self", "cls"}
        text = ast.get_docstring(function) or ""
        if "The arguments are those of" not in text:
            assert names <= set(re.findall(r"\w+", text)), f"{public.name}.{function.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        found = page.parent / name if name else page
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings]


def test_each_page_can_be_reached_from_the_index() -> None:
    seen = set()
    todo = [ROOT / "docs/index.md"]
    while todo:
        page = todo.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        todo += [(page.parent / link).resolve() for link in links if "://" not in link]
    assert set(PAGES) <= seen


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_errors_that_are_named_exist(page: Path) -> None:
    for name in re.findall(r"\b[A-Z][A-Za-z]+Error\b", page.read_text(encoding="utf-8")):
        known = (
            name in vsspy.errors.__all__
            or hasattr(builtins, name)
            or hasattr(asyncio, name)
            or name in {*simulator_writers.__all__, *diskshadow.__all__}
        )
        assert known, name
