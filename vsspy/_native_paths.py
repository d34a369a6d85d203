"""Paths as the system and the simulator's service take and give them."""

from __future__ import annotations

import os
import sys

from .errors import InvalidArgumentError


def to_bytes(path: str | os.PathLike[str]) -> bytes:
    """A path for the service: the system's bytes, UTF-8 on Windows.

    Raises ``InvalidArgumentError``: a null character would cut it there.
    """
    text = os.fsdecode(path)
    if "\0" in text:
        raise InvalidArgumentError("E_INVALIDARG", "path", detail=f"{text!r} holds a null character")
    return text.encode("utf-8", "surrogatepass") if sys.platform == "win32" else os.fsencode(text)


def to_text(path: bytes) -> str:
    """A path, or another text, of the service."""
    return path.decode("utf-8", "surrogatepass") if sys.platform == "win32" else os.fsdecode(path)


def long_path(path: str) -> str:
    """`path` in the form that Windows limits least; elsewhere `path` itself. It has to be absolute."""
    if sys.platform == "win32" and not path.startswith(("\\\\?\\", "\\\\.\\")):
        path = path.replace("/", "\\")
        path = "\\\\?\\UNC\\" + path[2:] if path.startswith("\\\\") else "\\\\?\\" + path
    return path
