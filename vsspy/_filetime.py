"""FILETIME, the times of Windows: 100 ns since 1601, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from operator import index

from .errors import InvalidArgumentError

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_LARGEST = 2**64 - 1

UNIX_EPOCH = 116_444_736_000_000_000
"""1970 as a FILETIME."""


def from_filetime(ticks: int) -> datetime | None:
    """The aware time (UTC), to the microsecond; None for 0, which says that there is none, and beyond the year 9999."""
    if not ticks:
        return None
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def nearest_time(ticks: int) -> datetime:
    """The aware time (UTC), to the microsecond; the last one there is where Python has no such time."""
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def to_filetime(time: datetime | int | None, operation: str) -> int:
    """The ticks of an aware time; a number is passed on, None is 0.

    Raises:
        InvalidArgumentError: a time without a time zone, or one that does not fit.
    """
    if time is None:
        return 0
    if isinstance(time, datetime):
        if time.utcoffset() is None:
            raise InvalidArgumentError("E_INVALIDARG", operation, detail=f"{time!r} does not say its time zone")
        ticks = (time - _EPOCH) // _TICK * 10
    else:
        ticks = index(time)
    if not 0 <= ticks <= _LARGEST:
        raise InvalidArgumentError("E_INVALIDARG", operation, detail=f"{time!r} does not fit into a FILETIME")
    return ticks
