"""What writers report after the phases in which their status means something (semantics 4.4)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal
from uuid import UUID

from ._hresult import HResult
from .backup_components import WriterStatus
from .enums import WriterState
from .errors import InvalidArgumentError, WritersFailedError, writer_error
from .result import SessionResult, WriterResult

if TYPE_CHECKING:
    from ._phases import Phases
    from ._session_log import SessionLog
    from .backup_components import BackupComponents
    from .metadata import WriterMetadata

FailurePolicy = Literal["raise", "report"] | Callable[[tuple[WriterStatus, ...]], object]

_NO_STATUS: Final = HResult(0x80042409)  # VSS_E_WRITER_STATUS_NOT_AVAILABLE


class WriterWatch:
    """Keeps each writer's last state and first failure, and decides whether a failure stops the session.

    Attributes:
        selected: the writers of selected components by instance id.
        statuses: what the last GatherWriterStatus brought.
        may_try_again: whether failures that may pass are raised whatever the policy, since the session tries again.
    """

    def __init__(self, result: SessionResult, policy: FailurePolicy, log: SessionLog | None = None) -> None:
        if not callable(policy) and policy not in ("raise", "report"):
            raise InvalidArgumentError(
                "E_INVALIDARG", "BackupSession", detail=f"on_writer_failure cannot be {policy!r}"
            )
        self._result = result
        self._policy = policy
        self._log = log
        self.may_try_again = False
        self._failures: dict[UUID, tuple[str, WriterStatus]] = {}
        self.selected: dict[UUID, WriterMetadata] = {}
        self.statuses: tuple[WriterStatus, ...] = ()

    def gather(self, bc: BackupComponents, phases: Phases, limit: float | None = None) -> None:
        """GatherWriterStatus, wait, read, FreeWriterStatus."""
        phases.wait("gather_writer_status", bc.gather_writer_status(), limit)
        self.statuses = tuple(bc.writer_status)
        bc.free_writer_status()
        listed = {status.instance_id for status in self.statuses}
        self.statuses += tuple(_silent(writer) for key, writer in self.selected.items() if key not in listed)
        self._report()

    def note_failures(self, after: str) -> list[WriterStatus]:
        """Keeps the failures that are new after a phase; returns them."""
        new = [status for status in self.statuses if status.failed and status.instance_id not in self._failures]
        for status in new:
            self._failures[status.instance_id] = (after, status)
            if self._log is not None:
                text = f"the writer {status.name} failed at {after}: {status.failure_name}"
                self._log(
                    logging.WARNING,
                    "writer failed",
                    text,
                    phase=after,
                    writer=status.name,
                    error=status.failure_name,
                )
        self._report()
        return new

    def judge(self, after: str) -> None:
        """Applies ``on_writer_failure`` to the failures that are new after a phase.

        Raises WritersFailedError if it says so and the writer of a selected component is among them.
        """
        new = self.note_failures(after)
        serious = [status for status in new if status.instance_id in self.selected]
        errors = [writer_error(status, after) for status in serious]
        again = self.may_try_again and all(error.retryable for error in errors)
        if new and callable(self._policy) and not (serious and again):
            self._policy(tuple(new))
        if serious and (self._policy == "raise" or again):
            names = ", ".join(status.name for status in serious)
            raise WritersFailedError(f"writers of selected components failed: {names}", errors, operation=after)

    def begin_again(self) -> None:
        """Forgets what writers failed with: a new try begins."""
        self._failures.clear()
        self.selected = {}
        self.statuses = ()
        self._report()

    def failure_of(self, instance_id: UUID) -> str | None:
        """What the writer failed with, in words; None if it did not fail."""
        failure = self._failures.get(instance_id)
        return None if failure is None else f"its writer failed at {failure[0]}: {failure[1].failure_name}"

    def _report(self) -> None:
        self._result.writers = [self._outcome(status) for status in self.statuses]

    def _outcome(self, status: WriterStatus) -> WriterResult:
        phase, failure = self._failures.get(status.instance_id, (None, status))
        return WriterResult(
            status.name,
            status.writer_id,
            status.instance_id,
            status.state,
            failure.failure,
            failure.failure_name,
            failure.application_failure,
            failure.application_message,
            phase,
            status.instance_id in self.selected,
        )


def _silent(writer: WriterMetadata) -> WriterStatus:
    """The status of a writer that is not in the list any more: it takes no part, so its data must not count as saved."""
    return WriterStatus(
        instance_id=writer.instance_id,
        writer_id=writer.writer_id,
        name=writer.name,
        state=WriterState.UNKNOWN,
        failure=_NO_STATUS,
        failure_name="VSS_E_WRITER_STATUS_NOT_AVAILABLE",
        application_failure=None,
        application_message=None,
    )
