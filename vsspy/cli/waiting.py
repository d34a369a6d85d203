"""What is being done now, on a terminal, where nothing can be counted."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from .._phases import Progress as Phase

__all__ = ["Waiting"]


class Waiting:
    """A line on stderr that says what is waited for; nothing where stderr is no terminal, and nothing stays at the end."""

    def __init__(self, text: str = "starting") -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        console = Console(stderr=True)
        if console.is_terminal:
            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
            self._task = self._progress.add_task(text, total=None)

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Takes the line away, so that something else can have the terminal."""
        if self._progress is not None:
            self._progress.stop()

    def say(self, text: str) -> None:
        """Says what is being done now."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=text)

    def phase(self, phase: Phase) -> None:
        """The same, as a session tells it."""
        self.say(phase.phase.replace("_", " "))
