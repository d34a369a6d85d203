"""Amounts of data for people."""

from __future__ import annotations


def plain_size(count: int) -> str:
    """Bytes for people: 1.5 MiB."""
    size = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{count} byte{'' if count == 1 else 's'}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def amount(files: int, size: int) -> str:
    """Files and bytes for people: 1 file, 1.5 MiB."""
    return f"{files} file{'' if files == 1 else 's'}, {plain_size(size)}"
