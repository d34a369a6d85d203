"""Faults of a simulated machine."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

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

STATUS = "Status"
"""Where a writer is asked for its status; no event, but a place where it can fail to answer."""

_OF_VOLUMES = (
    "IVssBackupComponents",
    "IVssSnapshotMgmt",
    "IVssDifferentialSoftwareSnapshotMgmt",
    "IsVolumeSnapshotted",
    "ShouldBlockRevert",
)
_ENTRY_POINTS = {"CoCreateInstance": False, "CoInitializeSecurity": False}
_STEPS = dict.fromkeys(
    ("VSS::FreezeTransactions", "VSS::FlushWrites", "VSS::HoldWrites", "VSS::ThawTransactions"), False
)
"""What the service itself does between Freeze and Thaw (semantics 7.2)."""
_LONGEST = 2**63 - 1  # nanoseconds

# where, code, nth, delay, at its result, after its work, volume, probability, seed, dies, application, message
_Values: TypeAlias = tuple[
    str, int | None, int, int, bool, bool, str | None, float | None, int, bool, int | None, str | None
]


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
            ``SqlServerWriter::Status`` is where the writer is asked for its status: it shows ``VSS_WS_UNKNOWN`` then,
            and the code, which is ``VSS_E_WRITER_STATUS_NOT_AVAILABLE`` or ``VSS_E_WRITER_NOT_RESPONDING`` on a real
            system (semantics 4.5).
        code: the HRESULT that it gives, by name or value; None leaves the result alone.
        nth: the one call of ``where`` that suffers, counted from 1; None: each.
        delay: seconds that it takes longer; ``math.inf`` hangs until it is cancelled or the machine is closed. With an
            asynchronous method it is the operation that takes longer, not the call that starts it. A writer that hangs
            in Freeze is waited for as long as its time-out says (semantics 5).
        at: whether an asynchronous method fails to start (``"call"``) or in its result (``"result"``). Not given, it is
            the call, but for those codes that exist as results only (semantics 3.9).
        effect: ``"before"``: the work is not done; ``"after"``: it is done, and then the code is given. A DoSnapshotSet
            that fails before in its result has frozen writers: that is where providers fail.
        volume: only calls that concern this volume: they name it, or a shadow copy or a snapshot set of it, or they
            have no arguments and their session's set has it; and events of writers in such a session. A deletion of a
            whole set stops at this volume's shadow copy, with the ones before it gone (semantics 7.4). ``nth`` counts
            these calls only.
        probability: each call suffers with this probability, above 0 and up to 1, instead of by ``nth``.
        seed: with a probability: the same seed makes the same calls suffer, counted by the fault itself, however threads
            take turns. By default a new one, which the fault has in :attr:`seed` and in its ``repr``.
        dies: an event of a writer: it answers nothing any more, and the machine goes on without it at once. Its status
            is ``VSS_WS_UNKNOWN`` with ``VSS_E_WRITER_NOT_RESPONDING`` (semantics 4.3).
        application: with a code in an event: what ``GetWriterStatusEx`` gives as the application's own failure, by name
            or value.
        message: the same for the application's message.

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
    volume: str | None = field(default=None, kw_only=True)
    probability: float | None = field(default=None, kw_only=True)
    seed: int | None = field(default=None, kw_only=True)
    dies: bool = field(default=False, kw_only=True)
    application: str | int | None = field(default=None, kw_only=True)
    message: str | None = field(default=None, kw_only=True)

    _any_code: ClassVar[bool] = False  # also one that the documentation has elsewhere

    def __post_init__(self) -> None:
        asynchronous = _is_asynchronous(self.where)
        if self.code is None and not self.delay and not self.dies:
            raise _refused("a fault needs a code or a delay, or a writer that dies")
        self._check_choice()
        self._check_writer()
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
        if self.at == "call" and self._is_result_only and not self._any_code:
            raise _refused(
                f"{self.where} never returns {self.code} itself, it is the result of its operation (semantics 3.9)"
            )
        if self.code is not None:
            code_of(self.code)

    def _check_choice(self) -> None:
        if self.volume is not None:
            owner = self.where.partition("::")[0]
            if self.where in METHODS and not owner.startswith(_OF_VOLUMES):
                raise _refused(f"{self.where} has nothing to do with a volume")
        if self.probability is None:
            if self.seed is not None:
                raise _refused("a seed is for a probability")
            return
        if self.nth is not None:
            raise _refused("a call suffers by its number or with a probability, not both")
        if not 0 < self.probability <= 1:
            raise _refused(f"probability={self.probability}: it is above 0, and 1 at most")
        if self.seed is None:
            object.__setattr__(self, "seed", secrets.randbits(32))
        elif not 0 <= self.seed < 2**64:
            raise _refused(f"seed={self.seed}: a number from 0 to 2**64 - 1")

    def _check_writer(self) -> None:
        of_writer = self.where not in METHODS | _ENTRY_POINTS | _STEPS
        if self.dies and not of_writer:
            raise _refused(f"{self.where}: only a writer dies, in one of its events")
        if self.dies and self.code is not None:
            raise _refused("a writer that dies gives no code")
        if (self.application is not None or self.message is not None) and (not of_writer or self.code is None):
            raise _refused("application and message go with a code in a writer's event")
        if self.application is not None:
            code_of(self.application)

    def _values(self) -> _Values:
        """What the service takes."""
        told = self.application is not None or self.message is not None
        return (
            self.where,
            self.hresult,
            self.nth or 0,
            -1 if self.delay == math.inf else round(self.delay * 1e9),
            self.place == "result",
            self.effect == "after",
            self.volume,
            self.probability,
            self.seed or 0,
            self.dies,
            code_of(self.application or 0) if told else None,
            self.message,
        )

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


class RecordedFault(Fault):
    """A fault that a real machine had: it may give any code anywhere."""

    __slots__ = ()
    _any_code = True


def _refused(detail: str) -> InvalidArgumentError:
    return InvalidArgumentError("E_INVALIDARG", "Fault", detail=detail)


def _is_asynchronous(where: str) -> bool:
    """Whether a method is; raises where there is neither a method nor an event of that name."""
    known = (METHODS | _ENTRY_POINTS | _STEPS).get(where)
    if known is not None:
        return known
    owner, separator, name = where.rpartition("::")
    if not separator or not owner:
        raise _refused(
            f"{where}: a fault is in a method (IVssBackupComponents::DoSnapshotSet) or an event (Writer::Freeze)"
        )
    if any(method.startswith(f"{owner}::") for method in METHODS):
        raise _refused(f"{owner} has no method {name}; it has to be named by the interface that declares it")
    if name not in EVENTS and name != STATUS:
        raise _refused(f"{where}: {name} is not an event of writers, which are {', '.join(EVENTS)}, nor their {STATUS}")
    return False
