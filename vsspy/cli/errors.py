"""What ends a command early."""

from __future__ import annotations

__all__ = ["CommandError"]


class CommandError(Exception):
    """A command that cannot do what it was asked: its text is the one line a person gets to see, exit code 2."""
