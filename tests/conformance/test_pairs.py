"""Each (method, documented code) pair of vss_api.json, seen through vsspy as the right class, or as the right value."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pairs import left_out, ways
from pairs.model import PAIRS, RESERVED, Pair, code
from pairs.scenes import World
from pairs.summary import REQUIRED

import vsspy


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("pairs"))
    yield made
    made.close()


def test_the_specification_is_whole() -> None:
    assert len({pair.method for pair in PAIRS} | set(RESERVED)) == 171 + 6
    assert len(set(PAIRS)) == len(PAIRS)


def test_what_is_left_out_is_what_is_missing() -> None:
    """A method or a code without a test fails here, and so does a reason that has become untrue."""
    missing = {pair for pair in PAIRS if ways.way_of(pair) == "left out"}
    assert missing == left_out.LEFT_OUT.keys()
    assert [method for method in RESERVED if method not in ways.EXERCISES] == []


def test_the_codes_that_have_to_come_without_a_fault() -> None:
    by_fault = {pair for pair in PAIRS if pair.code in REQUIRED and ways.way_of(pair) == "fault"}
    assert by_fault == left_out.BY_FAULT_ONLY.keys()


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if ways.way_of(pair) != "left out"], ids=lambda pair: pair.id)
def test_pair(world: World, pair: Pair) -> None:
    try:
        ways.prove(world, pair)
    except BaseException:
        world.discard()
        raise


@pytest.mark.parametrize("method", RESERVED)
def test_reserved(world: World, method: str) -> None:
    """A method whose page names no code can be called all the same, and says what it can."""
    try:
        ways.prove_reserved(world, method)
    except BaseException:
        world.discard()
        raise


def test_every_failure_has_a_class() -> None:
    for pair in PAIRS:
        if not pair.succeeds:
            assert vsspy.errors.lookup(code(pair.code)) is not vsspy.VssError, pair
