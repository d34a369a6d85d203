"""Numbers as arguments: what C++ would cut to its 32 bits is refused by name."""

from __future__ import annotations

from operator import index

from .errors import InvalidArgumentError


def _within(value: int, lowest: int, highest: int, name: str, operation: str) -> int:
    number = index(value)
    if not lowest <= number <= highest:
        detail = f"{name} has to be from {lowest} to {highest}, not {number}"
        raise InvalidArgumentError("E_INVALIDARG", operation, detail=detail)
    return number


def enumeration(value: int, name: str, operation: str) -> int:
    """A value of one of VSS's enumerations, known or not."""
    return _within(value, -(1 << 31), (1 << 31) - 1, name, operation)


def count(value: int, name: str, operation: str) -> int:
    """A count or an index."""
    return _within(value, 0, (1 << 32) - 1, name, operation)


def mask(value: int, name: str, operation: str) -> int:
    """A mask as an unsigned number; a negative one is the same 32 bits."""
    return _within(value, -(1 << 31), (1 << 32) - 1, name, operation) & 0xFFFFFFFF


def signed_mask(value: int, name: str, operation: str) -> int:
    """A mask where VSS has a LONG."""
    number = mask(value, name, operation)
    return number - (1 << 32) if number >> 31 else number


def longlong(value: int, name: str, operation: str) -> int:
    """A number where VSS has a LONGLONG."""
    return _within(value, -(1 << 63), (1 << 63) - 1, name, operation)


def byte(value: int, name: str, operation: str) -> int:
    """A number where VSS has a BYTE."""
    return _within(value, 0, 255, name, operation)
