"""Parts of files, as writers name them for partial files (semantics 10)."""

from __future__ import annotations

import errno
import os
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Final

from .errors import RangesError

__all__ = ["Range", "check_ranges", "is_ranges_text", "parse_ranges", "read_parts", "read_ranges_file"]

_LARGEST: Final = 2**63 - 1  # offsets and lengths are signed 64-bit numbers in a ranges file, and a file is no longer
_NUMBER: Final = r"0[xX][0-9A-Fa-f]{1,16}|[0-9]{1,20}"
_RANGE: Final = re.compile(rf"({_NUMBER})\s*:\s*({_NUMBER})", re.ASCII)
_PAIR: Final = struct.Struct("<qq")  # the byte order of every machine that Windows runs on
_COUNT: Final = struct.Struct("<q")
_MOST: Final = 10_000_000  # ranges of one file: more than that is a damaged file, not 160 MB of ranges


@dataclass(frozen=True, slots=True)
class Range:
    """A part of a file.

    Attributes:
        offset: where it begins, in bytes.
        length: how long it is, in bytes.
    """

    offset: int
    length: int

    @property
    def end(self) -> int:
        """Where it ends: the offset of the first byte behind it."""
        return self.offset + self.length

    def __str__(self) -> str:
        return f"{self.offset}:{self.length}"


def is_ranges_text(text: str) -> bool:
    """Whether what a writer gave as ranges is a list of them; otherwise it is the full path of a ranges file."""
    return _RANGE.match(text.strip()) is not None


def parse_ranges(text: str) -> tuple[Range, ...]:
    """The ranges of ``offset:length, offset:length``; each number decimal, or hexadecimal after ``0x``.

    Args:
        text: what ``IVssComponent::GetPartialFile`` or ``GetDirectedTarget`` gave.

    Returns:
        The ranges in their order; those without a byte are dropped.

    Raises:
        RangesError: it has another form, or ranges that overlap, descend or go beyond 64 bits.
    """
    found = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise RangesError(f"{_short(part)} is not 'offset:length'")
        found.append(Range(*(int(number, 16 if number[:2] in ("0x", "0X") else 10) for number in match.groups())))
    return check_ranges(found)


def read_ranges_file(source: str | os.PathLike[str] | IO[bytes]) -> tuple[Range, ...]:
    """The ranges in a binary ranges file: their number, then offset and length of each, all 64 bits, little-endian.

    Args:
        source: the file's path, or the file, open for reading bytes and seekable.

    Returns:
        The ranges in their order; those without a byte are dropped.

    Raises:
        RangesError: its size is not what its number of ranges makes, or they overlap, descend, are negative or go beyond
            64 bits.
        OSError: it cannot be read.
    """
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as stream:
            return read_ranges_file(stream)
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    head = source.read(_COUNT.size)
    if len(head) != _COUNT.size:
        raise RangesError(f"a ranges file of {size} bytes has no room for their number")
    (count,) = _COUNT.unpack(head)
    if not 0 <= count <= _MOST:
        raise RangesError(f"a ranges file of {count} ranges")
    if size != _COUNT.size + count * _PAIR.size:
        raise RangesError(f"a ranges file of {size} bytes says that it has {count} ranges")
    content = source.read(count * _PAIR.size)
    if len(content) != count * _PAIR.size:
        raise RangesError("a ranges file ended before its size was read")
    return check_ranges(Range(*pair) for pair in _PAIR.iter_unpack(content))


def check_ranges(ranges: Iterable[Range], size: int | None = None) -> tuple[Range, ...]:
    """The *ranges* that have a byte, if they ascend without an overlap and lie in a file of *size* bytes.

    Args:
        ranges: in the order in which they were named.
        size: how long the file is, in bytes; None: not known yet.

    Raises:
        RangesError: they do not.
    """
    found = []
    end = 0
    for each in ranges:
        if each.offset < 0 or each.length < 0:
            raise RangesError(f"the range {each} is negative")
        if each.end > _LARGEST:
            raise RangesError(f"the range {each} ends beyond 64 bits")
        if not each.length:
            continue
        if each.offset < end:
            raise RangesError(f"the range {each} begins before the one ahead of it has ended, at {end}")
        end = each.end
        found.append(each)
    if size is not None and end > size:
        raise RangesError(f"the range {found[-1]} ends behind the file's end, at {size}")
    return tuple(found)


def read_parts(
    stream: IO[bytes], ranges: Iterable[Range] | None, chunk_size: int = 1 << 20
) -> Iterator[tuple[int, bytes]]:
    """What *ranges* say of a file, as (offset, bytes) in pieces of at most *chunk_size* bytes; all of it for None.

    Args:
        stream: the file, open for reading bytes; for ranges it has to be seekable.
        ranges: the parts; None for all that there is.
        chunk_size: bytes.

    Raises:
        OSError: it cannot be read, or ends before the ranges do.
    """
    if ranges is None:
        offset = 0
        while data := stream.read(chunk_size):
            yield offset, data
            offset += len(data)
        return
    for each in ranges:
        offset = each.offset
        stream.seek(offset)
        while offset < each.end:
            data = stream.read(min(chunk_size, each.end - offset))
            if not data:
                raise OSError(errno.EIO, f"it ended before its range {each} was read")
            yield offset, data
            offset += len(data)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "...")
