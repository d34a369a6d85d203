"""Errors of the simulator's control table as the library's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from .errors import from_hresult

MACHINE_FOLDER = "machine folder"
"""The operation of errors in what a machine folder says."""


@contextlib.contextmanager
def typed_errors(operation: str) -> Iterator[None]:
    """The control table's errors are (HRESULT, text)."""
    try:
        yield
    except RuntimeError as error:
        if len(error.args) != 2:
            raise
        raise from_hresult(error.args[0], operation, error.args[1]) from None
