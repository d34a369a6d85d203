"""Ranges of partial files: text and binary files, right and hostile."""

from __future__ import annotations

import io
import struct
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsspy.errors import InvalidArgumentError, RangesError
from vsspy.ranges import Range, check_ranges, is_ranges_text, parse_ranges, read_ranges_file

LARGEST = 2**63 - 1


def packed(*pairs: tuple[int, int], count: int | None = None, order: str = "<") -> bytes:
    number = len(pairs) if count is None else count
    return struct.pack(f"{order}q", number) + b"".join(struct.pack(f"{order}qq", *pair) for pair in pairs)


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("0:512", [(0, 512)]),
        ("0:512, 1024:512", [(0, 512), (1024, 512)]),
        ("0:512,1024:512,   4096:1", [(0, 512), (1024, 512), (4096, 1)]),
        ("0x0:0x200, 0X400:512", [(0, 512), (1024, 512)]),
        ("0x10:10, 0xfF:1", [(16, 10), (255, 1)]),
        ("010:8", [(10, 8)]),
        ("0:10,10:10", [(0, 10), (10, 10)]),
        ("0:0, 5:1", [(5, 1)]),
        ("0x7fffffff00000000:0xffffffff", [(0x7FFFFFFF00000000, 0xFFFFFFFF)]),
        (f"0:{LARGEST}", [(0, LARGEST)]),
        (f"{LARGEST}:0", []),
    ],
)
def test_text(text: str, ranges: list[tuple[int, int]]) -> None:
    assert is_ranges_text(text)
    assert parse_ranges(text) == tuple(Range(*pair) for pair in ranges)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is not"),
        (",", "is not 'offset:length'"),
        ("0:5,", "is not 'offset:length'"),
        ("0:5;6:1", "is not"),
        ("0", "is not"),
        ("0:", "is not"),
        ("a:b", "is not"),
        ("ff:1", "is not"),
        ("-1:5", "is not"),
        ("0:-5", "is not"),
        ("+1:5", "is not"),
        ("1_0:5", "is not"),
        ("٣:٤", "is not"),
        ("1.5:2", "is not"),
        ("0x:1", "is not"),
        ("9" * 21 + ":1", "is not"),
        ("x" * 5000, r"x\.\.\.' is not"),
        ("0x8000000000000000:1", "beyond 64 bits"),
        ("0xffffffffffffffff:0xffffffffffffffff", "beyond 64 bits"),
        (f"{LARGEST}:1", "beyond 64 bits"),
        ("0:10, 5:10", "before the one ahead"),
        ("0:10, 9:1", "before the one ahead"),
        ("100:10, 0:10", "before the one ahead"),
    ],
)
def test_hostile_text(text: str, words: str) -> None:
    with pytest.raises(RangesError, match=words) as caught:
        parse_ranges(text)
    assert issubclass(RangesError, InvalidArgumentError)
    assert len(str(caught.value)) < 300, "not all of it"


@pytest.mark.parametrize("text", ["C:\\Data\\parts.rng", "\\\\?\\Volume{1}\\x", "/mnt/1:2", "", "parts"])
def test_what_is_no_list_is_the_name_of_a_file(text: str) -> None:
    assert not is_ranges_text(text)


def test_a_ranges_file(tmp_path: Path) -> None:
    path = tmp_path / "parts"
    path.write_bytes(packed((0, 1), (2**40, 2**33), (2**60, 0)))
    assert read_ranges_file(path) == (Range(0, 1), Range(2**40, 2**33))
    assert read_ranges_file(str(path)) == read_ranges_file(io.BytesIO(path.read_bytes()))
    path.write_bytes(packed())
    assert read_ranges_file(path) == ()
    with pytest.raises(FileNotFoundError):
        read_ranges_file(tmp_path / "missing")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "0 bytes has no room"),
        (b"\1\0\0", "3 bytes has no room"),
        (packed(count=-1), "-1 ranges"),
        (packed((0, 1), count=2**62), "ranges"),
        (packed((0, 1), count=-(2**63)), "ranges"),
        (packed((0, 1), count=2), "says that it has 2"),
        (packed((0, 1), (5, 1), count=1), "says that it has 1"),
        (packed((0, 1)) + b"x", "25 bytes"),
        (packed((0, 1), order=">"), "ranges"),
        (packed((-1, 5)), "is negative"),
        (packed((5, -1)), "is negative"),
        (packed((LARGEST, 1)), "beyond 64 bits"),
        (packed((LARGEST, LARGEST)), "beyond 64 bits"),
        (packed((10, 10), (0, 10)), "before the one ahead"),
        (packed((0, 10), (9, 10)), "before the one ahead"),
    ],
)
def test_a_hostile_ranges_file(content: bytes, words: str) -> None:
    with pytest.raises(RangesError, match=words):
        read_ranges_file(io.BytesIO(content))


def test_ranges_in_a_file_of_some_size() -> None:
    assert check_ranges([Range(0, 10)], 10) == (Range(0, 10),)
    assert check_ranges([Range(50, 0)], 10) == ()
    for ranges in ([Range(0, 11)], [Range(0, 1), Range(10, 1)]):
        with pytest.raises(RangesError, match="behind the file's end, at 10"):
            check_ranges(ranges, 10)


@given(st.lists(st.tuples(st.integers(0, 2**40), st.integers(1, 2**40)), max_size=20))
def test_both_forms_say_the_same(gaps: list[tuple[int, int]]) -> None:
    ranges, at = [], 0
    for gap, length in gaps:
        ranges.append(Range(at + gap, length))
        at += gap + length
    found = read_ranges_file(io.BytesIO(packed(*((each.offset, each.length) for each in ranges))))
    assert found == tuple(ranges)
    if ranges:
        assert parse_ranges(", ".join(map(str, ranges))) == found
        assert parse_ranges(",".join(f"{each.offset:#x}:{each.length:#X}" for each in ranges)) == found


@given(st.binary(max_size=64))
def test_any_bytes_are_ranges_or_refused(content: bytes) -> None:
    try:
        ranges = read_ranges_file(io.BytesIO(content))
    except RangesError:
        return
    assert len(content) % 16 == 8
    assert all(one.end <= other.offset for one, other in pairwise(ranges))
