"""What :func:`vsspy.doctor.diagnose` finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from .errors import AccessDeniedError, VssError

Severity = Literal["ok", "warning", "error", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        id: what was looked at: ``"elevation"``.
        severity: ``"ok"``; ``"warning"`` where backups may go wrong; ``"error"`` where they will; ``"unknown"`` where it
            could not be looked at, or means nothing on this system.
        what: what was found, in a sentence.
        advice: what to do about it; empty where nothing is to be done.
    """

    id: str
    severity: Severity
    what: str
    advice: str = ""

    @property
    def is_wrong(self) -> bool:
        """Whether something is to be done: a warning or an error."""
        return self.severity in {"warning", "error"}


def asked(name: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What a look at VSS finds; its failure is a finding, too."""
    try:
        return list(look())
    except AccessDeniedError as error:
        return [Finding(name, "unknown", f"not checked: {error}", "Ask again from an elevated prompt.")]
    except VssError as error:
        return [Finding(name, "error", str(error), error.hint)]
    except OSError as error:
        return [Finding(name, "unknown", f"not checked: {error}")]
