"""Faults of a simulated machine."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from ._codes import CODES, NAMES
from ._methods import METHODS, RESULT_ONLY
from .errors import InvalidArgumentError

EVENTS = (
    "Identify",
    "PrepareBackup",
    "PrepareSnapshot",
    "Freeze",
    "Thaw",
    "PostSnapshot",
    "BackupComplete",
    "BackupShutdown",
    "Abort",
    "PreRestore",
    "PostRestore",
)
"""The events of a writer, in the order in which a good backup and a restore have them (semantics 4.1)."""

_ENTRY_POINTS = {"CoCreateInstance": False, "CoInitializeSecurity": False}
_LONGEST = 2**63 - 1  # nanoseconds


def code_of(code: str | int) -> int:
    """A HRESULT as an unsigned number, by name or value.

    Raises:
        InvalidArgumentError: no code of that name, or a number that is no HRESULT.
    """
    if isinstance(code, str):
        if code not in CODES:
            raise _refused(f"{code} is not the name of a code of VSS")
        return CODES[code]
    if not -(2**31) <= code < 2**32:
        raise _refused(f"{code} is not a HRESULT")
    return code & 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong on a simulated machine.

    Args:
        where: a method by its interface's name (``IVssBackupComponents::DoSnapshotSet``), an entry point
            (``CreateVssBackupComponents``), or an event of a writer by the writer's name (``SqlServerWriter::Freeze``).
        code: the HRESULT that it gives, by name or value; None leaves the result alone.
        nth: the one call of ``where`` that suffers, counted from 1; None: each.
        delay: seconds that it takes longer; ``math.inf`` hangs until it is cancelled or the machine is closed. With an
            asynchronous method it is the operation that takes longer, not the call that starts it. A writer that hangs
            in Freeze is waited for as long as its time-out says (semantics 5).
        at: whether an asynchronous method fails to start (``"call"``) or in its result (``"result"``). Not given, it is
            the call, but for those codes that exist as results only (semantics 3.9).
        effect: ``"before"``: the work is not done; ``"after"``: it is done, and then the code is given. A DoSnapshotSet
            that fails before in its result has frozen writers: that is where providers fail.

    Raises:
        InvalidArgumentError: no such method or event, a code that cannot come at that place, or a fault that does
            nothing.
    """

    where: str
    code: str | int | None = None
    nth: int | None = field(default=None, kw_only=True)
    delay: float = field(default=0.0, kw_only=True)
    at: Literal["call", "result"] | None = field(default=None, kw_only=True)
    effect: Literal["before", "after"] = field(default="before", kw_only=True)

    def __post_init__(self) -> None:
        asynchronous = _is_asynchronous(self.where)
        if self.code is None and not self.delay:
            raise _refused("a fault needs a code or a delay")
        if self.nth is not None and self.nth < 1:
            raise _refused(f"nth={self.nth}: calls are counted from 1")
        if math.isnan(self.delay) or self.delay < 0 or (self.delay != math.inf and self.delay * 1e9 >= _LONGEST):
            raise _refused(f"delay={self.delay}: a delay is a number of seconds, not negative, or math.inf")
        if self.at not in (None, "call", "result"):
            raise _refused(f'at="{self.at}": it is "call" or "result"')
        if self.effect not in ("before", "after"):
            raise _refused(f'effect="{self.effect}": it is "before" or "after"')
        if self.at == "result" and not asynchronous:
            raise _refused(
                f'{self.where} is not asynchronous: it has no result but the call\'s, so at="result" says nothing'
            )
        if self.at == "call" and self._is_result_only:
            raise _refused(
                f"{self.where} never returns {self.code} itself, it is the result of its operation (semantics 3.9)"
            )
        if self.code is not None:
            code_of(self.code)

    @property
    def hresult(self) -> int | None:
        """The code as an unsigned number."""
        return None if self.code is None else code_of(self.code)

    @property
    def place(self) -> Literal["call", "result"]:
        """Where the code appears."""
        return self.at or ("result" if self._is_result_only else "call")

    @property
    def _is_result_only(self) -> bool:
        return self.hresult is not None and NAMES.get(self.hresult) in RESULT_ONLY.get(self.where, ())


def _refused(detail: str) -> InvalidArgumentError:
    return InvalidArgumentError("E_INVALIDARG", "Fault", detail=detail)


def _is_asynchronous(where: str) -> bool:
    """Whether a method is; raises where there is neither a method nor an event of that name."""
    known = METHODS.get(where, _ENTRY_POINTS.get(where))
    if known is not None:
        return known
    owner, separator, name = where.rpartition("::")
    if not separator or not owner:
        raise _refused(
            f"{where}: a fault is in a method (IVssBackupComponents::DoSnapshotSet) or an event (Writer::Freeze)"
        )
    if any(method.startswith(f"{owner}::") for method in METHODS):
        raise _refused(f"{owner} has no method {name}; it has to be named by the interface that declares it")
    if name not in EVENTS:
        raise _refused(f"{where}: {name} is not an event of writers, which are {', '.join(EVENTS)}")
    return False
