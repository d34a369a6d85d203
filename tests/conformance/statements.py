"""The statements of the semantics, each with its test or with the reason why there is none (semantics.csv)."""

from __future__ import annotations

import ast
import csv
import functools
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ["section", "mark", "statement", "test"]
NODE_ID = re.compile(r"tests/[\w/]+\.py::\w+")
#: What stands in the place of a test, before its reason.
REASONS = ("deviation", "not behaviour", "requester's library")


class Statement(NamedTuple):
    """One fact of a section. Marks: D documented, O observed, C sources conflict, ? nobody documents it."""

    section: str
    mark: str
    statement: str
    test: str

    @property
    def kind(self) -> str:
        """``test``, or one of REASONS."""
        return next((reason for reason in REASONS if self.test.startswith(f"{reason}: ")), "test")

    @property
    def tests(self) -> list[str]:
        """The node ids that the column names: the tests, or those that a reason points to."""
        return NODE_ID.findall(self.test)


@functools.cache
def statements() -> tuple[Statement, ...]:
    """All of the table, in its order."""
    with (Path(__file__).parent / "semantics.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        assert next(rows) == COLUMNS
        return tuple(Statement(*row) for row in rows)


@functools.cache
def tests_in(path: str) -> frozenset[str]:
    """The names of the test functions of a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


def exists(node_id: str) -> bool:
    """Whether there is a test function of a node id."""
    path, _, name = node_id.partition("::")
    return (ROOT / path).is_file() and name in tests_in(path)


def summary(passed: Mapping[str, bool] | None = None) -> str:
    """The count of what is documented or observed; with the tests of a run: how many statements it proved."""
    facts = [each for each in statements() if each.mark in "DO"]
    tested = [each for each in facts if each.kind == "test"]
    told = [f"{len(facts)} documented or observed statements", f"{len(tested)} with a test"]
    if passed is not None:
        told.append(f"{sum(_proved(each.tests, passed) for each in tested)} proved by this run")
    told += [
        f"{_count(facts, 'deviation')} deviations",
        f"{_count(facts, 'not behaviour')} that no requester sees",
        f"{_count(facts, REASONS[2])} of the requester's library not done",
    ]
    return ", ".join(told)


def _count(facts: Iterable[Statement], kind: str) -> int:
    return sum(each.kind == kind for each in facts)


def _proved(tests: Iterable[str], passed: Mapping[str, bool]) -> bool:
    return all(passed.get(test, False) for test in tests)
