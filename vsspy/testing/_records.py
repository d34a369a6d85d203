"""What a sweep is made of, and what it found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ..simulator import Fault

_SHOWN = 25  # failures that a message lists


@dataclass(frozen=True, slots=True)
class SweepCase:
    """One fault of a sweep.

    Attributes:
        fault: what goes wrong.
        call: which call of the backup it is, counted from 1; 0 for a writer's event.
    """

    fault: Fault
    call: int

    @property
    def polled(self) -> bool:
        """Whether it is a call that is made as often as the machine's speed has it."""
        return self.fault.where.startswith("IVssAsync::")

    def __str__(self) -> str:
        fault = self.fault
        options = [f"nth={fault.nth}"]
        if fault.at is not None:
            options.append(f'at="{fault.at}"')
        if fault.effect != "before":
            options.append(f'effect="{fault.effect}"')
        code = f'"{fault.code}"' if isinstance(fault.code, str) else f"0x{fault.hresult or 0:08X}"
        return f'Fault("{fault.where}", {code}, {", ".join(options)})'


@dataclass(frozen=True, slots=True)
class SweepRun:
    """A backup that met its fault.

    Attributes:
        case: the fault.
        outcome: how the function ended: it ``raised`` an error, ``reported`` a failure by its result, was good and ``noted``
            the fault in its result or by a warning, or ``succeeded`` without a word.
        text: the error, the result or the note.
        completed: whether BackupComplete had ended well before the fault came.
        repeated: whether as many calls, operations or events of that name went well as in a backup without faults: what
            failed was done again.
    """

    case: SweepCase
    outcome: Literal["raised", "reported", "noted", "succeeded"]
    text: str
    completed: bool
    repeated: bool


@dataclass(frozen=True, slots=True)
class SweepFailure:
    """A case that ended badly.

    Attributes:
        case: the fault; None where the backup without faults is no good already.
        problems: what was wrong, in words.
    """

    case: SweepCase | None
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.case or 'without a fault'}: {'; '.join(self.problems)}"


@dataclass(slots=True)
class SweepReport:
    """What a sweep found.

    Attributes:
        cases: the cases that were run.
        total: how many there are; more than were run where ``every`` left some out.
        unmet: cases whose fault never came, since the backup made fewer calls than the first time. Polls always have a few.
        failures: the cases that ended badly.
        runs: the backups that met their fault, in the order in which they ended.
        seconds: how long it took.
        processes: how many worker processes it had; 0: it ran in this one.
        every, seed: which sample was run: each case for 1.
        remark: why it ran as it did, where there is something to say.
    """

    cases: list[SweepCase] = field(default_factory=list)
    total: int = 0
    unmet: list[SweepCase] = field(default_factory=list)
    failures: list[SweepFailure] = field(default_factory=list)
    runs: list[SweepRun] = field(default_factory=list)
    seconds: float = 0.0
    processes: int = 0
    every: int = 1
    seed: int = 0
    remark: str = ""

    @property
    def outcomes(self) -> dict[str, int]:
        """How many runs had each outcome."""
        return Counter(run.outcome for run in self.runs)

    def __str__(self) -> str:
        sample = f" of {self.total} (each {self.every}th, seed {self.seed})" if self.every > 1 else ""
        outcomes = ", ".join(f"{count} {name}" for name, count in sorted(self.outcomes.items()))
        where = f"in {self.processes} processes" if self.processes else "in one process"
        return (
            f"{len(self.cases)} cases{sample} in {self.seconds:.1f} s {where}: {outcomes or 'nothing was run'}, "
            f"{len(self.unmet)} not met; {len(self.failures)} failures" + (f" ({self.remark})" if self.remark else "")
        )

    def check(self) -> None:
        """Raises AssertionError with a list of what ended badly, or where nothing was tried."""
        if self.failures:
            lines = [str(failure) for failure in self.failures[:_SHOWN]]
            if len(self.failures) > _SHOWN:
                lines.append(f"... and {len(self.failures) - _SHOWN} more in .failures")
            raise AssertionError("\n  ".join([f"fault sweep: {self}", *lines]))
        if len(self.cases) == len(self.unmet):
            raise AssertionError(f"fault sweep: no fault was met: {self}")
