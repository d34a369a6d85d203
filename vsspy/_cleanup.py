"""Clean-up after an error: each step is tried, and what goes wrong in it becomes a note on the error that came first."""

from __future__ import annotations

from collections.abc import Callable

from ._session_log import fields, logger


class CleanUp:
    """Runs the steps of a clean-up because of *error*; also collects the notes in *notes*.

    Attributes:
        interrupt: the first Ctrl-C in a step.
    """

    def __init__(self, error: BaseException, notes: list[str]) -> None:
        self._error = error
        self._notes = notes
        self.interrupt: KeyboardInterrupt | None = None

    def __call__(self, what: str, step: Callable[[], object]) -> bool:
        """Runs *step*; returns whether it went well. Ctrl-C in it ends this step only."""
        try:
            step()
        except BaseException as problem:  # noqa: BLE001 (nothing may stop a clean-up)
            if isinstance(problem, KeyboardInterrupt):
                self.interrupt = self.interrupt or problem
            text = f"clean-up, {what}: {problem if str(problem) else type(problem).__name__}"
            self._error.add_note(text)
            self._notes.append(text)
            logger.warning("%s", text, extra=fields("note"))
            return False
        return True
